import { spawn } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HostNames } from '../../src/cli/resolve.ts';
import { savefile } from '../dissect/oracle.ts';
import { udpFrame } from '../dissect/session/craft.ts';
import { NETLAB, netlab } from '../support/cli.ts';

const HEADER = 12;
const PTR = 12;
const NAMES: Readonly<Record<string, string>> = {
  '1.0.0.10.in-addr.arpa': 'one.example.net',
  '2.0.0.10.in-addr.arpa': 'two.example.net',
};

const directory = mkdtempSync(join(tmpdir(), 'netlab-resolve-'));
const file = join(directory, 'a.pcap');
writeFileSync(
  file,
  savefile(
    [0, 1, 0].map((side) => ({
      bytes: udpFrame(side as 0 | 1, Buffer.from('x'), { clientPort: 4000, serverPort: 4001 }),
    })),
    1,
  ),
);

/** A DNS server for PTR that knows NAMES, and has no answer at all where it is deaf. */
class Server {
  readonly asked: string[] = [];
  deaf = false;
  #socket: Socket;
  port = 0;

  constructor() {
    this.#socket = createSocket('udp4');
    this.#socket.on('message', (query, peer) => {
      const { text, end } = questionOf(query);
      this.asked.push(text);
      if (this.deaf) return;
      const name = NAMES[text];
      const head = Buffer.from(query.subarray(0, end + 4));
      head.writeUInt16BE(name === undefined ? 0x8183 : 0x8180, 2);
      head.writeUInt16BE(name === undefined ? 0 : 1, 6);
      head.fill(0, 8, HEADER);
      const target = name === undefined ? Buffer.alloc(0) : encoded(name);
      const record = Buffer.from([0xc0, HEADER, 0, PTR, 0, 1, 0, 0, 0, 60, 0, target.length]);
      this.#socket.send(name === undefined ? head : Buffer.concat([head, record, target]), peer.port, peer.address);
    });
  }

  listen(): Promise<void> {
    return new Promise((resolve) =>
      this.#socket.bind(0, '127.0.0.1', () => {
        this.port = this.#socket.address().port;
        resolve();
      }),
    );
  }

  close(): void {
    this.#socket.close();
  }
}

function questionOf(query: Buffer): { text: string; end: number } {
  const labels: string[] = [];
  let at = HEADER;
  while (query[at]! > 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + query[at]!));
    at += 1 + query[at]!;
  }
  return { text: labels.join('.'), end: at + 1 };
}

const encoded = (name: string): Buffer =>
  Buffer.concat([
    ...name.split('.').flatMap((label) => [Buffer.from([label.length]), Buffer.from(label)]),
    Buffer.from([0]),
  ]);

/** Runs netlab while this process goes on serving. */
function run(...args: string[]): Promise<{ status: number | null; stdout: string; stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(NETLAB[0]!, [...NETLAB.slice(1), ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk) => (stdout += chunk));
    child.stderr.on('data', (chunk) => (stderr += chunk));
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, stdout, stderr }));
  });
}

let server: Server;
beforeAll(async () => {
  server = new Server();
  await server.listen();
});
afterAll(() => {
  server.close();
  rmSync(directory, { recursive: true, force: true });
});

describe('--resolve', () => {
  it('names hosts of a file', async () => {
    server.asked.length = 0;
    const done = await run('read', '-t', '--resolver', `127.0.0.1:${server.port}`, file);
    expect(done).toEqual({
      status: 0,
      stderr: '',
      stdout:
        'IP one.example.net.4000 > two.example.net.4001: UDP, length 1\n' +
        'IP two.example.net.4001 > one.example.net.4000: UDP, length 1\n' +
        'IP one.example.net.4000 > two.example.net.4001: UDP, length 1\n',
    });
    // Nothing but a slow machine lets it ask twice.
    expect([...new Set(server.asked)].sort()).toEqual(Object.keys(NAMES));
  });

  it('prints numbers where no server answers', async () => {
    server.deaf = true;
    const done = await run('read', '-t', '--resolver', `127.0.0.1:${server.port}`, file);
    server.deaf = false;
    expect(done.status).toBe(0);
    expect(done.stdout).toBe(netlab(['read', '-nt', file]).stdout);
  });

  it('asks nobody without it', async () => {
    server.asked.length = 0;
    await run('read', '-t', file);
    expect(server.asked).toEqual([]);
  });

  it('a capture goes on with numbers, and has the name when it is there', async () => {
    const names = new HostNames(undefined, `127.0.0.1:${server.port}`);
    const address = Uint8Array.of(10, 0, 0, 2, 10, 9, 9, 9);
    expect(names.name(address, 0, 4)).toBeUndefined();
    expect(names.name(address, 4, 4)).toBeUndefined();
    await names.settled(30_000);
    expect(names.name(address, 0, 4)).toBe('two.example.net');
    expect(names.name(address, 4, 4)).toBeUndefined();
    names.close();
    expect(names.name(Uint8Array.of(10, 0, 0, 1), 0, 4)).toBeUndefined();
  });

  it.each([
    [['-n', '--resolve'], /-n for numbers/],
    [['--resolve', '--format', 'json'], /the format is json/],
    [['--resolver', 'dns.example'], /an address is needed/],
  ])('%j ends with a line and status 2', (options, message) => {
    const { status, stderr } = netlab(['read', ...options, file]);
    expect(status).toBe(2);
    expect(stderr).toMatch(message);
  });
});
