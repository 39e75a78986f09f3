/** One side of a recorded conversation against live peers. */
import { createSocket } from 'node:dgram';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { playConversation as play } from '../../src/api/conversation.ts';
import { conversationOf } from '../../src/cli/conversation-of.ts';
import { UsageError } from '../../src/cli/exit.ts';
import { runCommand } from '../../src/cli/program.ts';
import { type Conversation, playConversation } from '../../src/inject/replay/index.ts';
import { openEmulated } from '../../src/lab/emulated.ts';
import { linuxSystemCalls } from '../../src/linux/index.ts';
import { writeSavefile } from '../../src/savefile/index.ts';
import { netlab, start } from '../support/cli.ts';

const TOUR = fileURLToPath(new URL('../../fixtures/tour.pcapng', import.meta.url));
const calls = linuxSystemCalls();

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'netlab-replay-as-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A peer of TCP on a port of its own, as long as `work` runs. */
async function withServer<T>(onConnection: (socket: Socket) => void, work: (port: number) => Promise<T>): Promise<T> {
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    open.add(socket);
    socket.on('error', () => {});
    onConnection(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    return await work((server.address() as AddressInfo).port);
  } finally {
    for (const socket of open) socket.destroy();
    server.close();
  }
}

const text = (data: string): Uint8Array => Buffer.from(data);
const talk = (protocol: 'tcp' | 'udp', ...turns: string[]): Conversation => ({
  protocol,
  client: { address: '127.0.0.1', port: 40_000 },
  server: { address: '127.0.0.1', port: 1 },
  steps: turns.map((turn) => ({ from: turn[0] === '>' ? 'client' : 'server', data: text(turn.slice(1)) })),
});

/** Plays the client against a server that answers each piece that comes by the next of `answers`; null ends. */
const asClient = (
  conversation: Conversation,
  answers: (string | null)[],
  options: Partial<Parameters<typeof playConversation>[2]> = {},
) =>
  withServer(
    (socket) => {
      let turn = 0;
      socket.on('data', () => {
        const answer = answers[turn++];
        if (answer === null) socket.end();
        else if (answer !== undefined) socket.write(answer);
      });
      socket.on('end', () => socket.end());
    },
    (port) =>
      playConversation(calls, conversation, {
        as: 'client',
        peer: { address: '127.0.0.1', port },
        timeout: 60_000,
        ...options,
      }),
  );

describe('what was said', () => {
  it('of a TCP stream of the tour, in turns', async () => {
    const { protocol, client, server, steps } = await conversationOf(TOUR, 'tcp:0');
    expect({ protocol, client: client.address, server }).toEqual({
      protocol: 'tcp',
      client: '192.0.2.1',
      server: { address: '192.0.2.2', port: 80 },
    });
    expect(steps.map(({ from }) => from)).toEqual(['client', 'server']);
    expect(Buffer.from(steps[0]!.data).toString()).toMatch(/^GET \/tour HTTP\/1\.1\r\n/);
    expect(Buffer.from(steps[1]!.data).toString()).toMatch(/hello from \/tour\n/);
    expect((await conversationOf(TOUR, undefined)).steps).toEqual(steps);
  });

  it('of a UDP stream, by datagrams', async () => {
    const { protocol, steps, server } = await conversationOf(TOUR, 'udp:0');
    expect(protocol).toBe('udp');
    expect(server.port).toBe(53);
    expect(steps.map(({ from }) => from)).toEqual(['client', 'server']);
  });

  it('is not there, or not whole', async () => {
    await expect(conversationOf(TOUR, 'tcp:99')).rejects.toThrow(/no TCP stream 99/);
    await expect(conversationOf(TOUR, 'sctp:1')).rejects.toThrow(UsageError);
    const empty = join(folder, 'empty.pcap');
    writeSavefile(empty, []);
    await expect(conversationOf(empty, undefined)).rejects.toThrow(/no conversation/);
  });
});

describe('TCP, as the client', () => {
  it('the peer says what was recorded', async () => {
    const result = await asClient(talk('tcp', '>hello', '<hi', '>more', '<ok'), ['hi', 'ok']);
    expect(result).toEqual({ sent: { steps: 2, bytes: 9 }, matched: 4, difference: null, aborted: false });
  });

  it.each([
    ['another byte', ['hi', 'oK'], { kind: 'byte', offset: 3, expected: 0x6b, found: 0x4b }],
    ['it ends early', ['hi', null], { kind: 'ended', offset: 2, expected: 0x6f, found: null }],
    ['it says more', ['hi', 'ok!'], { kind: 'more', offset: 4, expected: null, found: 0x21 }],
    ['it says nothing', ['hi'], { kind: 'timeout', offset: 2, expected: 0x6f, found: null }],
  ] as const)('the first difference: %s', async (_, answers, difference) => {
    const timeout = difference.kind === 'timeout' ? 3000 : 60_000;
    const result = await asClient(talk('tcp', '>hello', '<hi', '>more', '<ok'), [...answers], { timeout });
    expect(result.difference).toMatchObject(difference);
  });

  it('bytes that may differ', async () => {
    const conversation = talk('tcp', '>hello', '<Date: 1\n', '>more', '<ok');
    expect((await asClient(conversation, ['Date: 2\n', 'ok'])).difference).toMatchObject({ offset: 6 });
    const result = await asClient(conversation, ['Date: 2\n', 'ok'], { mayDiffer: (_, offset) => offset === 6 });
    expect(result).toMatchObject({ matched: 10, difference: null });
  });

  it('much in both directions at once does not get stuck', async () => {
    const size = 4 << 20;
    const conversation = talk('tcp', `>${'a'.repeat(size)}`, `<${'b'.repeat(size)}`);
    const result = await withServer(
      (socket) => {
        socket.resume();
        socket.end('b'.repeat(size));
      },
      (port) =>
        playConversation(calls, conversation, { as: 'client', peer: { address: '127.0.0.1', port }, timeout: 60_000 }),
    );
    expect(result).toMatchObject({ sent: { steps: 1, bytes: size }, matched: size, difference: null });
  });

  it('a reset is told; nobody there is an error', async () => {
    const reset = await withServer(
      (socket) => socket.once('data', () => socket.resetAndDestroy()),
      (port) =>
        playConversation(calls, talk('tcp', '>hello', '<hi'), {
          as: 'client',
          peer: { address: '127.0.0.1', port },
          timeout: 60_000,
        }),
    );
    expect(reset.difference).toMatchObject({ kind: 'error', error: 'ECONNRESET', offset: 0, recorded: 2 });
    await expect(playConversation(calls, talk('tcp', '>hello'), { as: 'client' })).rejects.toMatchObject({
      code: 'ECONNREFUSED',
    });
  });

  it('from the library', async () => {
    const conversation = talk('tcp', '>hello', '<hi');
    const result = await withServer(
      (socket) => socket.once('data', () => socket.end('hi')),
      (port) => play(conversation, { as: 'client', peer: { address: '127.0.0.1', port }, timeout: 20_000 }),
    );
    expect(result).toMatchObject({ matched: 2, difference: null });
    await expect(play(conversation, {} as never)).rejects.toThrow(TypeError);
  });

  it('ends when aborted', async () => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 50);
    const result = await asClient(talk('tcp', '>hello', '<hi'), [], { signal: controller.signal });
    expect(result).toMatchObject({ aborted: true, difference: null });
  });
});

describe('UDP', () => {
  /** A peer that answers. */
  const withPeer = async <T>(answers: string[], work: (port: number) => Promise<T>): Promise<T> => {
    const socket = createSocket('udp4', (_, from) => {
      const answer = answers.shift();
      if (answer !== undefined) socket.send(answer, from.port, from.address);
    });
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    try {
      return await work(socket.address().port);
    } finally {
      socket.close();
    }
  };
  const conversation = talk('udp', '>one', '<first', '>two', '<second');

  it.each([
    ['as recorded', ['first', 'second'], null],
    ['another byte', ['first', 'secOnd'], { kind: 'byte', datagram: 2, offset: 3, expected: 0x6f, found: 0x4f }],
    ['a shorter datagram', ['fir'], { kind: 'ended', datagram: 1, offset: 3, recorded: 5 }],
    ['a longer datagram', ['first!'], { kind: 'more', datagram: 1, offset: 5, found: 0x21 }],
    ['none', ['first'], { kind: 'timeout', datagram: 2, offset: 0 }],
  ] as const)('as the client: %s', async (_, answers, difference) => {
    const timeout = difference?.kind === 'timeout' ? 3000 : 60_000;
    const result = await withPeer([...answers], (port) =>
      playConversation(calls, conversation, { as: 'client', peer: { address: '127.0.0.1', port }, timeout }),
    );
    if (difference === null)
      expect(result).toMatchObject({ difference: null, matched: 11, sent: { steps: 2, bytes: 6 } });
    else expect(result.difference).toMatchObject(difference);
  });

  it('nobody there: the error that ICMP brings', async () => {
    const result = await playConversation(calls, conversation, { as: 'client', timeout: 60_000 });
    expect(result.difference).toMatchObject({ kind: 'error', error: 'ECONNREFUSED' });
  });

  it('both sides on our kernel, without a clock on the wall', async () => {
    const { system } = openEmulated({ seed: 3, pace: 'virtual', traffic: false });
    const listen = { address: '127.0.0.1', port: 5300 };
    const [server, client] = await Promise.all([
      playConversation(system, conversation, { as: 'server', listen }),
      playConversation(system, conversation, { as: 'client', peer: listen }),
    ]);
    expect(server).toMatchObject({ difference: null, matched: 6, sent: { bytes: 11 } });
    expect(client).toMatchObject({ difference: null, matched: 11, sent: { bytes: 6 } });
  });
});

describe('the command', () => {
  it.each([['tcp:0'], ['udp:0'], ['udp:1']])(
    'plays both sides of %s of the tour against each other',
    async (stream) => {
      const server = start(['replay', TOUR, '--as', 'server', '--stream', stream, '--listen', '127.0.0.1:0']);
      const [, address] = await server.until('stderr', /listening on (\S+)/);
      const client = netlab(['replay', TOUR, '--as', 'client', '--stream', stream, '--peer', address!]);
      expect(client.stderr).toBe('');
      expect(client.stdout).toMatch(/^client: .* the server's [\d,]+ bytes are as recorded\n$/);
      expect(client.status).toBe(0);
      const ended = await server.ended;
      expect(ended.stdout).toMatch(/^server: .* the client's [\d,]+ bytes are as recorded\n$/);
      expect(ended.status).toBe(0);
    },
  );

  it('tells the first difference, exit 1; --ignore with offsets and with a pattern', async () => {
    const { steps } = await conversationOf(TOUR, 'tcp:0');
    const answer = Buffer.from(
      Buffer.from(steps[1]!.data)
        .toString('latin1')
        .replace(/^Date: \w+/m, 'Date: XXX'),
      'latin1',
    );
    const at = answer.indexOf('XXX');
    await withServer(
      (socket) => socket.once('data', () => socket.end(answer)),
      async (port) => {
        const play = (...more: string[]) =>
          start(['replay', TOUR, '--as', 'client', '--peer', `127.0.0.1:${port}`, ...more]).ended;
        const plain = await play();
        expect(plain.status).toBe(1);
        expect(plain.stdout).toMatch(new RegExp(`differs at offset ${at}: 0x\\w\\w '\\w' was recorded, 0x58 'X' came`));
        const json = await play('--format', 'json');
        expect(JSON.parse(json.stdout)).toMatchObject({
          as: 'client',
          difference: { kind: 'byte', offset: at, found: 0x58 },
        });
        for (const rule of [`${at}-${at + 2}`, '/^Date: .*/'])
          expect((await play('--ignore', rule)).stdout).toContain('are as recorded');
      },
    );
  });

  it.each([
    [[TOUR, TOUR, '--as', 'client'], /one file/],
    [[TOUR, '--as', 'client', '--via', 'af_xdp'], /socket/],
    [[TOUR, '--as', 'client', '--pps', '5'], /--pps: .* pace of the peer/],
    [[TOUR, '--as', 'client', '--listen', '1.2.3.4'], /--as server/],
    [[TOUR, '--as', 'server', '--peer', '1.2.3.4'], /--as client/],
    [[TOUR, '--as', 'client', '--ignore', '5-3'], /offsets/],
    [[TOUR, '--as', 'client', '--ignore', '/(/'], /--ignore/],
    [[TOUR, '--as', 'client', '--stream', '7'], /tcp:N or udp:N/],
  ])('refuses %j', async (args, message) => {
    const error = await runCommand(['replay', ...args]).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(UsageError);
    expect((error as UsageError).message).toMatch(message);
  });

  it('our kernel has no TCP, and says so', () => {
    const done = netlab(['replay', TOUR, '--as', 'client', '--backend', 'emulated']);
    expect(done.status).toBe(1);
    expect(done.stderr).toMatch(/no TCP/);
  });
});
