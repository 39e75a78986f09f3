/** `netlab follow http` where answers come early, have no body, or end HTTP. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ACK_FLAG, PSH } from '../../src/wire/tcp.ts';
import { savefile } from '../dissect/oracle.ts';
import { framesOf, type Segment } from '../dissect/session/craft.ts';
import { netlab } from '../support/cli.ts';

/** What both sides write, in the order in which it is captured. */
const TALKS: readonly (readonly [side: 0 | 1, text: string][])[] = [
  [
    [0, 'POST /a HTTP/1.1\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n'],
    [1, 'HTTP/1.1 100 Continue\r\n\r\n'],
    [0, '12345'],
    [1, 'HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno'],
    [0, '67890HEAD /b HTTP/1.1\r\n\r\nGET /c HTTP/1.1\r\n\r\n'],
    [
      1,
      'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nyes\r\n0\r\n\r\n',
    ],
  ],
  [
    [0, 'GET /chat HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n'],
    [1, 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: chat\r\n\r\nGET it?'],
    [0, 'HTTP/1.1 no more'],
  ],
  [
    [0, 'CONNECT x:443 HTTP/1.1\r\n\r\n'],
    [1, 'HTTP/1.1 200 OK\r\n\r\n'],
    [0, '\x16\x03\x01'],
    [1, '\x16\x03\x03'],
  ],
];

let folder = '';
let file = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'netlab-follow-http-'));
  file = join(folder, 'http.pcap');
  const frames = TALKS.flatMap((talk, i) => {
    const sent = [1, 1];
    const segments = talk.map(([side, text]): Segment => {
      const seq = sent[side]!;
      sent[side] = seq + text.length;
      return { side, seq, ack: sent[1 - side]!, flags: ACK_FLAG | PSH, payload: Buffer.from(text, 'latin1') };
    });
    return framesOf(segments, { clientPort: 40_000 + i, serverPort: 80 });
  });
  writeFileSync(file, savefile(frames, 1));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Of each message: who sent it, its first line, its body and what is wrong. */
const messages = (stream: number): string[][] =>
  netlab(['follow', file, 'http', String(stream), '--json'])
    .stdout.trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { from: string; start: string; body: string; trouble?: string })
    .map(({ from, start, body, trouble = '' }) => [from, start, Buffer.from(body, 'hex').toString('latin1'), trouble]);

it('an answer before the end of its request, and one to HEAD, leave those after them in place', () => {
  const all = messages(0);
  expect(all.filter(([from]) => from === 'client')).toEqual([
    ['client', 'POST /a HTTP/1.1', '1234567890', ''],
    ['client', 'HEAD /b HTTP/1.1', '', ''],
    ['client', 'GET /c HTTP/1.1', '', ''],
  ]);
  expect(all.filter(([from]) => from === 'server')).toEqual([
    ['server', 'HTTP/1.1 100 Continue', '', ''],
    ['server', 'HTTP/1.1 413 Too Large', 'no', ''],
    ['server', 'HTTP/1.1 200 OK', '', ''],
    ['server', 'HTTP/1.1 200 OK', 'yes', ''],
  ]);
});

it('behind an upgrade both sides speak something else, whatever it looks like', () => {
  expect(messages(1).sort()).toEqual([
    ['client', '', 'HTTP/1.1 no more', ''],
    ['client', 'GET /chat HTTP/1.1', '', ''],
    ['server', '', 'GET it?', ''],
    ['server', 'HTTP/1.1 101 Switching Protocols', '', ''],
  ]);
  expect(messages(2).sort()).toEqual([
    ['client', '', '\x16\x03\x01', ''],
    ['client', 'CONNECT x:443 HTTP/1.1', '', ''],
    ['server', '', '\x16\x03\x03', ''],
    ['server', 'HTTP/1.1 200 OK', '', ''],
  ]);
});
