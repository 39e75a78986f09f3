import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HttpReader } from '../../src/dissect/session/http-messages.ts';
import { TlsReader, type TlsRecord } from '../../src/dissect/session/tls-records.ts';
import { random } from '../dissect/mutate.ts';
import { type Frame, savefile } from '../dissect/oracle.ts';
import { conversation, framesOf, NO_TROUBLE, randomBytes, udpFrame } from '../dissect/session/craft.ts';
import { netlab } from '../support/cli.ts';
import { describeWith } from '../support/tools.ts';

let folder = '';
let file = '';
const seed = Number(process.env['SEED'] ?? 1);
const next = random(seed);
const said: [Uint8Array, Uint8Array] = [randomBytes(20_000, next), randomBytes(30_000, next)];
const body = Buffer.from('the body, told twice. '.repeat(50));
const zipped = gzipSync(body);
const request = Buffer.from(
  'GET /a HTTP/1.1\r\nHost: example.test\r\n\r\nHEAD /b HTTP/1.1\r\nHost: example.test\r\n\r\n',
);
const response = Buffer.concat([
  Buffer.from('HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n'),
  Buffer.from(`${(10).toString(16)}\r\n`),
  zipped.subarray(0, 10),
  Buffer.from(`\r\n${(zipped.length - 10).toString(16)};x=y\r\n`),
  zipped.subarray(10),
  Buffer.from('\r\n0\r\nTrailer: 1\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n'),
]);
const text: [Uint8Array, Uint8Array] = [
  Buffer.from('USER me\r\nbell \x07 and \x1b[2J escape\r\n'),
  Buffer.from('+OK\r\n\x00\xff'),
];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'netlab-follow-'));
  file = join(folder, 'streams.pcap');
  const trouble = { reorder: 0.2, duplicate: 0.2, overlap: 0.2, loss: 0.1 };
  const lists: Frame[][] = [
    framesOf(conversation(said, [2 ** 32 - 7000, 2 ** 32 - 20_000], trouble, next), {
      clientPort: 50_001,
      serverPort: 7,
    }),
    framesOf(conversation([request, response], [1, 2], NO_TROUBLE, next), { clientPort: 50_002, serverPort: 80 }),
    framesOf(conversation(text, [3, 4], NO_TROUBLE, next), { clientPort: 50_003, serverPort: 110, isIpv6: true }),
    [
      { bytes: udpFrame(0, Buffer.from('ask'), { clientPort: 50_004, serverPort: 9 }) },
      { bytes: udpFrame(1, Buffer.from('answer'), { clientPort: 50_004, serverPort: 9 }) },
    ],
  ];
  writeFileSync(file, savefile(lists.flat(), 1, true));
});
afterAll(() => rmSync(folder, { recursive: true }));

const raw = (args: string[]): Buffer => Buffer.from(netlabBytes(args));
function netlabBytes(args: string[]): Uint8Array {
  // The helper reads UTF-8; these are bytes of any kind.
  const out = netlab(['follow', file, ...args, '--json']);
  expect(out.stderr).toBe('');
  expect(out.status).toBe(0);
  const side = args.includes('--server') ? 'server' : 'client';
  return Buffer.concat(
    out.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { from: string; data: string })
      .filter(({ from }) => from === side)
      .map(({ data }) => Buffer.from(data, 'hex')),
  );
}

describe('netlab follow', () => {
  it(`tcp gives each side's bytes out of loss, reordering, duplicates, overlaps and wrap (seed ${seed})`, () => {
    expect(raw(['tcp', '0', '--client']).equals(said[0])).toBe(true);
    expect(raw(['tcp', '0', '--server']).equals(said[1])).toBe(true);
  });

  it('--raw writes the bytes and nothing else', () => {
    const done = netlab(['follow', file, 'tcp', '2', '--raw', '--client']);
    expect(done).toMatchObject({ status: 0, stdout: Buffer.from(text[0]).toString(), stderr: '' });
  });

  it('shows no control character of the stream', () => {
    const { stdout, status } = netlab(['follow', file, 'tcp', '2']);
    expect(status).toBe(0);
    expect(stdout).toContain('Node 0: [fd00::1]:50003\nNode 1: [fd00::2]:110\n');
    expect(stdout).toContain('bell . and .[2J escape\r\n');
    expect(stdout.replace(/[\n\r\t]/g, '')).not.toMatch(/[\x00-\x1f\x7f-\x9f]/);
  });

  it('http gives requests and responses with their bodies decoded', () => {
    const { stdout, status } = netlab(['follow', file, 'http', '1', '--json']);
    expect(status).toBe(0);
    const messages = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { from: string; start: string; body: string });
    expect(messages.map(({ from, start }) => `${from} ${start}`).sort()).toEqual([
      'client GET /a HTTP/1.1',
      'client HEAD /b HTTP/1.1',
      'server HTTP/1.1 200 OK',
      'server HTTP/1.1 200 OK',
    ]);
    const bodies = messages.filter(({ from }) => from === 'server').map((message) => Buffer.from(message.body, 'hex'));
    expect(bodies.map((bytes) => bytes.length)).toEqual([body.length, 0]);
    expect(bodies[0]!.equals(body)).toBe(true);
  });

  it('udp gives datagrams in order', () => {
    const { stdout } = netlab(['follow', file, 'udp', '0']);
    expect(stdout).toContain('3\nask\n\t6\nanswer\n');
  });

  it('says what is wrong', () => {
    expect(netlab(['follow', file, 'tcp', '99'])).toMatchObject({
      status: 1,
      stderr: 'netlab: there is no TCP stream 99\n',
    });
    expect(netlab(['follow', file, 'sctp', '0']).status).toBe(2);
    expect(netlab(['follow', file, 'tcp', '0', '--raw', '--hex']).status).toBe(2);
  });
});

describeWith(['tshark'], 'netlab follow beside tshark -z follow', () => {
  for (const [form, option] of [
    ['hex', '--hex'],
    ['ascii', null],
  ] as const)
    it(`${form}: the same text`, () => {
      const theirs = spawnSync('tshark', ['-n', '-r', file, '-q', '-z', `follow,tcp,${form},1`], {
        encoding: 'latin1',
      });
      const ours = netlab(['follow', file, 'tcp', '1', ...(option ? [option] : [])]);
      expect(ours.stdout).toBe(theirs.stdout);
    });
});

describe('HttpReader', () => {
  const read = (
    bytes: Uint8Array,
    method: string | null,
    step: number,
  ): { start: string; body: string; trouble: string }[] => {
    const messages: { start: string; body: string; trouble: string }[] = [];
    const reader = new HttpReader(
      (message) =>
        messages.push({
          start: Buffer.from(message.head).toString('latin1').split('\r\n')[0]!,
          body: Buffer.from(message.body).toString('latin1'),
          trouble: message.trouble,
        }),
      method === null ? null : () => method,
    );
    for (let at = 0; at < bytes.length; at += step) reader.data(bytes.subarray(at, at + step));
    reader.end();
    return messages;
  };

  it('cuts messages the same wherever the segments were cut', () => {
    const bytes = Buffer.from(
      'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No\r\nContent-Length: 9\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcHTTP/1.0 200 OK\r\n\r\nuntil the end',
    );
    const whole = read(bytes, 'GET', bytes.length);
    expect(whole.map(({ body }) => body)).toEqual(['', '', 'abc', 'until the end']);
    for (const step of [1, 2, 3, 7]) expect(read(bytes, 'GET', step)).toEqual(whole);
  });

  it('shows what does not decode as it is, with the reason', () => {
    const [message] = read(
      Buffer.from('HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc'),
      'GET',
      99,
    );
    expect(message).toMatchObject({ body: 'abc', trouble: expect.stringContaining('gzip') });
    expect(read(Buffer.from('POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc'), null, 99)).toMatchObject([
      { body: 'abc', trouble: 'the body ends early' },
    ]);
    expect(read(Buffer.from('\x16\x03\x01 no http'), null, 99)).toMatchObject([{ trouble: 'not a message of HTTP' }]);
  });

  it('never throws, whatever the bytes are', () => {
    for (let round = 0; round < 300; round++) {
      const bytes = Buffer.from(response);
      for (let i = 0; i < 5; i++) bytes[Math.floor(next() * bytes.length)] = Math.floor(next() * 256);
      read(bytes, 'GET', 1 + Math.floor(next() * 200));
    }
  });
});

describe('TlsReader', () => {
  it("reads a client's hello: name, protocols, version", async () => {
    const hello = await new Promise<Buffer>((resolve, reject) => {
      const server = createServer((socket) => {
        socket.once('data', (data) => {
          socket.destroy();
          server.close();
          resolve(data);
        });
      }).listen(0, '127.0.0.1', () => {
        connect({
          port: (server.address() as AddressInfo).port,
          host: '127.0.0.1',
          servername: 'www.example.test',
          ALPNProtocols: ['h2', 'http/1.1'],
        }).on('error', () => undefined);
      });
      server.on('error', reject);
    });
    for (const step of [1, 100, hello.length]) {
      const records: TlsRecord[] = [];
      const reader = new TlsReader((record) => records.push(record));
      for (let at = 0; at < hello.length; at += step) reader.data(hello.subarray(at, at + step));
      reader.end();
      expect(records).toMatchObject([
        {
          content: 'Handshake',
          messages: ['Client Hello'],
          serverName: 'www.example.test',
          alpn: ['h2', 'http/1.1'],
          helloVersion: 'TLS 1.3',
        },
      ]);
    }
  });

  it('says so where the bytes are not TLS, and never throws', () => {
    const records: TlsRecord[] = [];
    const reader = new TlsReader((record) => records.push(record));
    reader.data(Buffer.from('GET / HTTP/1.1\r\n'));
    reader.end();
    expect(records).toMatchObject([{ content: 'Not TLS, or records missing' }]);
    for (let round = 0; round < 300; round++) {
      const bytes = randomBytes(200, next);
      bytes.set([22, 3, 1, 0, 150, 1 + (round % 2), 0, 0, 146]);
      new TlsReader(() => undefined).data(bytes);
    }
  });
});
