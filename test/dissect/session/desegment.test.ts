/** Messages of TCP over several segments: the fields that tshark shows, in the frames where it shows them. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ColumnPrinter } from '../../../src/dissect/columns.ts';
import { MAX_MESSAGE, Waiting, WaitingTable } from '../../../src/dissect/session/messages.ts';
import { openSavefile } from '../../../src/savefile/index.ts';
import { ACK_FLAG, FIN, PSH, SYN } from '../../../src/wire/tcp.ts';
import { hasTshark } from '../fixture.ts';
import { type Frame, savefile } from '../oracle.ts';
import { tcpFrame } from './craft.ts';

if (!hasTshark) process.stderr.write('skipped: comparison with tshark: tshark 4.0.17 is not installed\n');

const directory = mkdtempSync(join(tmpdir(), 'desegment-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const FIELDS = [
  'frame.number',
  'tcp.segment',
  'tcp.segment.count',
  'tcp.reassembled.length',
  'tcp.reassembled.data',
  'tcp.segment_data',
  'http.request.uri',
  'http.response.code',
  'http.file_data',
  'http.chunk_size',
  'tls.record.content_type',
  'tls.record.length',
  'tls.handshake.type',
  'tls.handshake.extensions_server_name',
  'tls.app_data',
  'dns.id',
  'dns.qry.name',
  'bgp.type',
  'ssh.protocol',
];

type Side = 'c' | 's';
/** A payload of one side; `at` puts it elsewhere in the stream than behind the last one; `wait` comes before it. */
type Step = readonly [side: Side, payload: string | Buffer, more?: { at?: number; fin?: true; wait?: number }];

const START = { c: 1000, s: 5000 };

/** The frames of a connection, a millisecond from one to the next. */
function connection(clientPort: number, serverPort: number, steps: readonly Step[]): Frame[] {
  const frames: Frame[] = [];
  const next = { c: START.c, s: START.s };
  let time = 0;
  const send = (side: Side, flags: number, payload: Buffer, seq = next[side], wait = 0.001): void => {
    time += wait;
    frames.push({
      bytes: tcpFrame(
        { side: side === 'c' ? 0 : 1, seq, ack: flags & ACK_FLAG ? next[side === 'c' ? 's' : 'c'] : 0, flags, payload },
        { clientPort, serverPort },
      ),
      seconds: 1_700_000_000 + Math.floor(time),
      nanoseconds: Math.round((time % 1) * 1e6) * 1000,
    });
    next[side] = Math.max(next[side], seq + payload.length + (flags & (SYN | FIN) ? 1 : 0));
  };
  const none = Buffer.alloc(0);
  send('c', SYN, none);
  send('s', SYN | ACK_FLAG, none);
  send('c', ACK_FLAG, none);
  for (const [side, payload, more = {}] of steps)
    send(
      side,
      ACK_FLAG | PSH | (more.fin ? FIN : 0),
      Buffer.from(payload),
      more.at === undefined ? undefined : START[side] + 1 + more.at,
      more.wait,
    );
  return frames;
}

function write(name: string, frames: readonly Frame[]): string {
  const path = join(directory, `${name}.pcap`);
  writeFileSync(path, savefile(frames, 1));
  return path;
}

const rows = (text: string): string[][] =>
  text
    .replace(/\n$/, '')
    .split('\n')
    .map((line) => line.split('\t'));

async function ours(path: string, fields: readonly string[] = FIELDS): Promise<string[][]> {
  const chunks: Buffer[] = [];
  const printer = new ColumnPrinter({ fields }, (chunk) => chunks.push(Buffer.from(chunk)));
  const source = await openSavefile(path);
  for await (const block of source) printer.print(block, source.interfaces);
  printer.flush();
  return rows(Buffer.concat(chunks).toString('utf8'));
}

function theirs(path: string, fields: readonly string[] = FIELDS): string[][] {
  const done = spawnSync('tshark', ['-r', path, '-T', 'fields', ...fields.flatMap((name) => ['-e', name])], {
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  expect(done.status, done.stderr).toBe(0);
  return rows(done.stdout);
}

async function differences(path: string, fields: readonly string[] = FIELDS): Promise<string[]> {
  const [mine, reference] = [await ours(path, fields), theirs(path, fields)];
  expect(mine.length).toBe(reference.length);
  return mine.flatMap((row, i) =>
    row.flatMap((value, column) =>
      value === reference[i]![column]
        ? []
        : [`${i + 1} ${fields[column]}: ${value.slice(0, 60)} | ${reference[i]![column]!.slice(0, 60)}`],
    ),
  );
}

const GET = 'GET /a HTTP/1.1\r\nHost: h.example\r\nX: y\r\n\r\n';
const POST = `POST /b HTTP/1.1\r\nHost: h.example\r\nContent-Length: 30\r\nContent-Type: text/plain\r\n\r\n${'0123456789'.repeat(3)}`;
const ANSWER = `HTTP/1.1 200 OK\r\nContent-Length: 20\r\nContent-Type: text/plain\r\n\r\n${'abcdefghij'.repeat(2)}`;
const CHUNKED =
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: text/plain\r\n\r\n' +
  `14\r\n${'0123456789'.repeat(2)}\r\n5\r\nhello\r\n0\r\n\r\n`;
const WITHOUT_LENGTH = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nsome body';

/** A record of TLS with bytes that are no record's. */
function record(length: number, type = 23): Buffer {
  const bytes = Buffer.from(Array.from({ length: 5 + length }, (_, i) => (i * 7 + length) & 255));
  bytes.writeUInt8(type, 0);
  bytes.writeUInt16BE(0x0303, 1);
  bytes.writeUInt16BE(length, 3);
  return bytes;
}

function hello(): Buffer {
  const name = Buffer.concat([Buffer.from([0, 0, 0, 14, 0, 12, 0, 0, 9]), Buffer.from('localhost')]);
  const body = Buffer.concat([
    Buffer.from([3, 3]),
    Buffer.alloc(32, 0x52),
    Buffer.from([0, 0, 2, 0x13, 1, 1, 0, 0, name.length]),
    name,
  ]);
  const head = Buffer.from([22, 3, 1, 0, body.length + 4, 1, 0, 0, body.length]);
  return Buffer.concat([head, body]);
}

function question(id: number, name: string): Buffer {
  const labels = name.split('.').flatMap((label) => [label.length, ...Buffer.from(label)]);
  const message = [id >> 8, id & 255, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...labels, 0, 0, 1, 0, 1];
  return Buffer.from([message.length >> 8, message.length & 255, ...message]);
}

/** Pieces of `whole`, cut at these places. */
function pieces(side: Side, whole: string | Buffer, ...cuts: number[]): Step[] {
  const bytes = Buffer.from(whole);
  return [0, ...cuts].map((begin, i): Step => [side, bytes.subarray(begin, cuts[i] ?? bytes.length)]);
}

const HELLO = hello();
const KEEPALIVE = Buffer.concat([Buffer.alloc(16, 0xff), Buffer.from([0, 19, 4])]);

describe.skipIf(!hasTshark)('messages over several segments, against tshark', () => {
  it('HTTP: heads and bodies cut anywhere, requests behind each other, chunks, bodies up to the end', async () => {
    const frames = [
      ...connection(40_001, 80, [
        ['c', GET.slice(0, 20)],
        ['c', GET.slice(20) + POST.slice(0, 40)],
        ['c', POST.slice(40, 90)],
        ['c', POST.slice(90) + GET],
        ['s', ANSWER.slice(0, 70)],
        ['s', ANSWER.slice(70) + CHUNKED.slice(0, 30)],
        ['s', CHUNKED.slice(30, 60)],
        ['s', CHUNKED.slice(60)],
        ['s', WITHOUT_LENGTH],
        ['s', ' more body'],
        ['s', 'and more'],
        ['s', '', { fin: true }],
      ]),
      ...connection(40_002, 80, [
        ['c', GET + GET + GET.slice(0, 10)],
        ['c', GET.slice(10)],
      ]),
      ...connection(40_003, 80, [['c', GET], ...pieces('s', CHUNKED + ANSWER + CHUNKED, 90, 100, 129, 141)]),
      ...connection(40_004, 80, [['c', GET], ...pieces('s', CHUNKED + ANSWER + CHUNKED, 20, 75, 151, 251)]),
      ...connection(40_005, 80, pieces('c', 'GET /slowly HTTP/1.1\r\nHost: a\r\n\r\n', 8, 20, 22, 31)),
      ...connection(40_006, 8080, [
        ['c', GET],
        ['s', `${WITHOUT_LENGTH} and its end`, { fin: true }],
      ]),
      ...connection(40_007, 80, [
        ['c', 'HEAD / HTTP/1.1\r\nHost: a\r\n\r\n'],
        ['s', 'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n'],
        ['c', GET],
        ['s', ANSWER.slice(0, 80)],
        ['s', ANSWER.slice(80)],
      ]),
      ...connection(40_008, 80, [
        ['c', GET],
        ['s', 'HTTP/1.1 100 Continue\r\n\r\n'],
        ['s', ANSWER],
        ['c', GET],
        ['s', 'HTTP/1.1 304 Not Modified\r\nServer: x\r\n\r\n'],
        ['c', GET],
        ['s', ANSWER],
      ]),
      // On any port, by content.
      ...connection(40_009, 5557, [
        ['c', POST.slice(0, 90)],
        ['c', POST.slice(90)],
      ]),
    ];
    expect(await differences(write('http', frames))).toEqual([]);
  });

  it('TLS: hellos and records cut anywhere, headers too; several records a segment; on ports of others', async () => {
    const all = Buffer.concat([HELLO, record(30), record(20), record(1400), record(40)]);
    const frames = [
      ...connection(41_001, 443, pieces('c', all, 50, 108, 150, 900, 1300)),
      ...connection(41_002, 5555, pieces('c', all, 70, 90, 160, 1000)),
      ...connection(41_003, 5556, pieces('c', HELLO, 7)),
      ...connection(41_004, 443, pieces('c', HELLO, 3)),
      ...connection(41_005, 993, pieces('c', all, 2, 4, 6, 69, 71, 106)),
    ];
    // tshark takes all for data that begins with less than a record's header, where the port is nobody's.
    expect(await differences(write('tls', frames))).toEqual([]);
  });

  it('DNS, BGP, SSH', async () => {
    const dns = Buffer.concat([question(1, 'www.example.com'), question(2, 'ftp.example.com')]);
    const bgp = Buffer.concat([KEEPALIVE, KEEPALIVE, KEEPALIVE]);
    const frames = [
      ...connection(42_001, 53, pieces('c', dns, 1, 10, 38)),
      ...connection(42_002, 53, [['c', dns]]),
      ...connection(42_003, 179, pieces('c', bgp, 10, 56)),
      ...connection(42_004, 22, [...pieces('c', 'SSH-2.0-client\r\n', 5), ['s', 'SSH-2.0-server\r\n']]),
    ];
    // tshark waits for no line of SSH's.
    const found = await differences(write('others', frames));
    expect(found.filter((text) => !/^22 /.test(text))).toEqual([]);
    expect((await ours(write('others', frames), ['ssh.protocol'])).flat().filter(Boolean)).toEqual([
      'SSH-2.0-client',
      'SSH-2.0-server',
    ]);
  });

  it('retransmissions, early and late, are looked at once', async () => {
    const n = POST.length;
    const frames = [
      ...connection(43_001, 80, [
        ['c', POST.slice(0, 40)],
        ['c', POST.slice(0, 40), { at: 0, wait: 0.3 }],
        ['c', POST.slice(40, 70)],
        ['c', POST.slice(40, 70), { at: 40, wait: 0.3 }],
        ['c', POST.slice(70)],
        ['c', POST.slice(70), { at: 70, wait: 0.3 }],
        ['c', GET],
        ['c', GET, { at: n, wait: 0.3 }],
        ['c', GET, { at: n + GET.length }],
      ]),
      ...connection(43_002, 443, [
        ...pieces('c', HELLO, 30),
        ['c', HELLO.subarray(0, 30), { at: 0, wait: 0.3 }],
        ['c', HELLO.subarray(30), { at: 30, wait: 0.3 }],
        ['c', record(10), { at: HELLO.length }],
      ]),
    ];
    expect(await differences(write('again', frames))).toEqual([]);
  });

  it('segments out of order and missing: as tshark has them, where nothing is put in order', async () => {
    const stream = Buffer.concat([HELLO, record(100), record(50), record(10)]);
    const n = HELLO.length;
    const frames = [
      // The middle of a record comes last, soon.
      ...connection(44_001, 443, [
        ['c', stream.subarray(0, n)],
        ['c', stream.subarray(n, n + 40)],
        ['c', stream.subarray(n + 80, n + 120), { at: n + 80 }],
        ['c', stream.subarray(n + 40, n + 80), { at: n + 40 }],
        ['c', stream.subarray(n + 120), { at: n + 120 }],
      ]),
      // And late, when it is a retransmission.
      ...connection(44_002, 443, [
        ['c', stream.subarray(0, n)],
        ['c', stream.subarray(n, n + 40)],
        ['c', stream.subarray(n + 80, n + 120), { at: n + 80 }],
        ['c', stream.subarray(n + 120), { at: n + 120 }],
        ['c', stream.subarray(n + 40, n + 80), { at: n + 40, wait: 0.5 }],
        ['c', record(10), { at: stream.length }],
      ]),
      // Never.
      ...connection(44_003, 443, [
        ['c', stream.subarray(0, n + 40)],
        ['c', stream.subarray(n + 105), { at: n + 105 }],
      ]),
    ];
    expect(await differences(write('disorder', frames))).toEqual([]);
  });
});

describe('messages over several segments', () => {
  it('are the same to a display filter, and to who wants one field', async () => {
    const path = write('one', connection(45_001, 443, pieces('c', HELLO, 50)));
    expect(await ours(path, ['tls.handshake.extensions_server_name'])).toEqual([[''], [''], [''], [''], ['localhost']]);
    expect(await ours(path, ['tcp.segment'])).toEqual([[''], [''], [''], [''], ['4,5']]);
  });

  it('TLS is found on ports of others, by content', async () => {
    const frames = [53, 80, 8080, 21, 25, 587, 554].flatMap((port, i) =>
      connection(45_100 + i, port, pieces('c', HELLO, 50)),
    );
    const names = (await ours(write('ports', frames), ['tls.handshake.extensions_server_name'])).flat().filter(Boolean);
    expect(names).toEqual(Array(7).fill('localhost'));
  });

  it('a message that is too long is shown as far as it is there, and what follows of it passed over', async () => {
    const length = MAX_MESSAGE * 2;
    const frames = connection(46_001, 80, [
      ['s', `HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\nbeginning`],
      ['s', `HTTP/1.1 200 OK\r\n\r\nnot a message`],
    ]);
    expect((await ours(write('long', frames), ['http.response.code', 'tcp.segment_data'])).slice(3)).toEqual([
      ['200', ''],
      ['', ''],
    ]);
  });

  it('hold no more than their bound, however many connections wait: the oldest go first', () => {
    const table = new WaitingTable();
    const payload = new Uint8Array(1400);
    let most = 0;
    for (let direction = 0; direction < 60_000; direction++) {
      const waiting = new Waiting({ name: 'tls', title: '' }, 1, 16_384, payload.length);
      waiting.add(payload, 0, payload.length, 0, 1);
      table.put(direction, waiting);
      most = Math.max(most, table.held);
    }
    // 84 MB came.
    expect(most).toBeLessThanOrEqual(24 << 20);
    expect(most).toBeGreaterThan(20 << 20);
    expect(table.find(0, 1)).toBeUndefined();
    expect(table.find(59_999, 1)?.have).toBe(1400);
  });

  it('bodies of small pieces cost time in proportion to their length', async () => {
    const chunk = '1\r\na\r\n';
    const body = `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunk.repeat(60_000)}0\r\n\r\n`;
    const steps: Step[] = [];
    for (let at = 0; at < body.length; at += 97) steps.push(['s', body.slice(at, at + 97)]);
    const path = write('small', connection(47_001, 80, steps));
    const values = await ours(path, ['http.response.code', 'http.file_data']);
    expect(values.at(-1)).toEqual(['200', 'a'.repeat(60_000)]);
    expect(values.slice(0, -1).flat().filter(Boolean)).toEqual([]);
  });
});
