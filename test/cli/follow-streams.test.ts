/** `netlab follow` beside what the application sent, and beside tshark's `-z follow`, for streams that networks, tunnels
 * and captures have treated badly. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fragment } from '../../src/inject/fragment.ts';
import * as ethernet from '../../src/wire/ethernet.ts';
import * as ipv4 from '../../src/wire/ipv4.ts';
import { ACK_FLAG, FIN, PSH, RST, SYN } from '../../src/wire/tcp.ts';
import { random } from '../dissect/mutate.ts';
import { type Frame, savefile } from '../dissect/oracle.ts';
import { conversation, framesOf, randomBytes, type Segment, udpFrame } from '../dissect/session/craft.ts';
import { netlab } from '../support/cli.ts';
import { hasTool, lacks } from '../support/tools.ts';

const SEED = Number(process.env['SEED'] ?? 1);
const next = random(SEED);
const TROUBLE = { reorder: 0.2, duplicate: 0.2, overlap: 0.2, loss: 0.1 };

interface Stream {
  name: string;
  frames: Frame[];
  /** What each side's application sent, or as much of it as a capture can tell; client first. */
  said: [Uint8Array, Uint8Array];
  isUdp?: true;
  /** Why tshark gives something else; left out where it gives the same. */
  otherwise?: string;
}

const bytesOf = (text: string): Buffer => Buffer.from(text, 'latin1');
const NONE = bytesOf('');
const ISN = [2 ** 32 - 6, 5000] as const;
/** A segment whose numbers count from the SYNs of both sides. */
const segment = (side: 0 | 1, seq: number, text: string, ack: number, flags = ACK_FLAG | PSH): Segment => ({
  side,
  seq: (ISN[side] + seq) % 2 ** 32,
  ack: flags & ACK_FLAG ? (ISN[1 - side]! + ack) % 2 ** 32 : 0,
  flags,
  payload: bytesOf(text),
});
const OPENING = [segment(0, 0, '', 0, SYN), segment(1, 0, '', 1, SYN | ACK_FLAG), segment(0, 1, '', 1, ACK_FLAG)];

let port = 40_000;
/** Pieces of the IP packet in each frame, in their order or backwards. */
const fragmented = (frames: readonly Frame[], isBackwards: boolean): Frame[] =>
  frames.flatMap((frame, i) => {
    const { bytes } = frame;
    const packet = bytes.slice(ethernet.HEADER_LENGTH);
    // The emitter says that IPv4 must not be cut.
    if (bytes[12] === 8) {
      packet[6] = 0;
      packet[4] = i >> 8;
      packet[5] = i;
    }
    const pieces = fragment(packet, 600, 1000 + i);
    if (isBackwards) pieces.reverse();
    return pieces.map((piece) => ({
      ...frame,
      bytes: Buffer.concat([bytes.subarray(0, ethernet.HEADER_LENGTH), piece]),
    }));
  });
const wrapped = (frames: readonly Frame[], wrap: (bytes: Uint8Array, i: number) => Uint8Array): Frame[] =>
  frames.map((frame, i) => ({ ...frame, bytes: wrap(frame.bytes, i) }));

/** In a VLAN in a VLAN. */
const tagged = (bytes: Uint8Array): Uint8Array =>
  Buffer.concat([bytes.subarray(0, 12), Buffer.from('88a8000181000002', 'hex'), bytes.subarray(12)]);
const inVxlan = (bytes: Uint8Array, i: number): Uint8Array =>
  udpFrame(0, Buffer.concat([Buffer.from('0800000000000100', 'hex'), bytes]), {
    clientPort: 50_000 + i,
    serverPort: 4789,
  });
const inGre = (bytes: Uint8Array): Uint8Array => {
  const inner = bytes.subarray(ethernet.HEADER_LENGTH);
  const at = ethernet.HEADER_LENGTH;
  const made = new Uint8Array(at + ipv4.HEADER_LENGTH + 4 + inner.length);
  made.set(bytes.subarray(0, at));
  made.set([0, 0, 8, 0], at + ipv4.HEADER_LENGTH);
  made.set(inner, at + ipv4.HEADER_LENGTH + 4);
  ipv4.emit(made, at, made.length, {
    protocol: 47,
    src: Uint8Array.of(192, 0, 2, 1),
    dst: Uint8Array.of(192, 0, 2, 2),
  });
  return made;
};

function talk(name: string, isIpv6: boolean, change: (frames: Frame[]) => Frame[]): Stream {
  const said: [Uint8Array, Uint8Array] = [randomBytes(9000, next), randomBytes(12_000, next)];
  const isn = [2 ** 32 - 3000, Math.floor(next() * 2 ** 32)] as const;
  const segments = conversation(said, isn, TROUBLE, next);
  return { name, said, frames: change(framesOf(segments, { clientPort: port++, serverPort: 9, isIpv6 })) };
}

function told(name: string, said: [string, string], segments: readonly Segment[], clientPort = port++): Stream {
  const frames = framesOf(segments, { clientPort, serverPort: 9 });
  return { name, said: [bytesOf(said[0]), bytesOf(said[1])], frames };
}

const used = port++;
const STREAMS: Stream[] = [
  talk('over IPv4, with numbers that wrap', false, (frames) => frames),
  talk('over IPv6', true, (frames) => frames),
  talk('in two VLANs', false, (frames) => wrapped(frames, tagged)),
  talk('in VXLAN', false, (frames) => wrapped(frames, inVxlan)),
  talk('in GRE', false, (frames) => wrapped(frames, inGre)),
  talk('in fragments of IPv4, the last first', false, (frames) => fragmented(frames, true)),
  talk('in fragments of IPv6', true, (frames) => fragmented(frames, false)),
  told(
    'sent again with other bytes: what came first counts',
    ['abcdefghij', ''],
    [
      ...OPENING,
      segment(0, 1, 'abcd', 1),
      segment(0, 3, 'XXef', 1),
      segment(0, 1, 'YYYYYY', 1),
      segment(0, 5, 'ZZghij', 1),
      segment(1, 1, '', 11, ACK_FLAG),
    ],
  ),
  told(
    'without its beginning',
    ['middle and end', 'answer'],
    [
      segment(0, 100, 'middle ', 50),
      segment(1, 50, '', 107, ACK_FLAG),
      segment(0, 107, 'and end', 50),
      segment(1, 50, 'answer', 114),
      segment(0, 114, '', 56, ACK_FLAG),
    ],
  ),
  told(
    'kept alive, by a byte and by none',
    ['ask', 'reply'],
    [
      ...OPENING,
      segment(0, 1, 'ask', 1),
      segment(1, 1, '', 4, ACK_FLAG),
      segment(0, 3, '\0', 1, ACK_FLAG),
      segment(1, 1, '', 4, ACK_FLAG),
      segment(0, 3, '', 1, ACK_FLAG),
      segment(1, 1, '', 4, ACK_FLAG),
      segment(1, 1, 'reply', 4),
      segment(0, 4, '', 6, ACK_FLAG),
    ],
  ),
  told(
    'stopped by windows of zero, and probed',
    ['abcdef', ''],
    [
      ...OPENING,
      segment(0, 1, 'abc', 1),
      { ...segment(1, 1, '', 4, ACK_FLAG), window: 0 },
      segment(0, 4, 'd', 1, ACK_FLAG),
      { ...segment(1, 1, '', 4, ACK_FLAG), window: 0 },
      segment(0, 4, 'd', 1, ACK_FLAG),
      { ...segment(1, 1, '', 4, ACK_FLAG), window: 100 },
      segment(0, 4, 'def', 1),
      segment(1, 1, '', 7, ACK_FLAG),
    ],
  ),
  told(
    'reset',
    ['question', 'par'],
    [...OPENING, segment(0, 1, 'question', 1), segment(1, 1, 'par', 9), segment(0, 9, '', 4, RST | ACK_FLAG)],
  ),
  told(
    'closed by FINs with data, sent again',
    ['the end', 'good bye'],
    [
      ...OPENING,
      segment(0, 1, 'the ', 1),
      segment(0, 5, 'end', 1, FIN | ACK_FLAG | PSH),
      segment(0, 5, 'end', 1, FIN | ACK_FLAG | PSH),
      segment(1, 1, '', 9, ACK_FLAG),
      segment(1, 1, 'good bye', 9, FIN | ACK_FLAG | PSH),
      segment(1, 1, 'good bye', 9, FIN | ACK_FLAG | PSH),
      segment(0, 9, '', 10, ACK_FLAG),
    ],
  ),
  told(
    'with the handshake sent again, and data before its end',
    ['early late', ''],
    [
      segment(0, 0, '', 0, SYN),
      segment(0, 0, '', 0, SYN),
      segment(1, 0, '', 1, SYN | ACK_FLAG),
      segment(0, 7, 'late', 1),
      segment(0, 1, 'early ', 1),
      segment(1, 0, '', 1, SYN | ACK_FLAG),
      segment(1, 1, '', 11, ACK_FLAG),
    ],
  ),
  told(
    'the first of two on the same ports',
    ['first', '1'],
    [
      ...OPENING,
      segment(0, 1, 'first', 1),
      segment(1, 1, '1', 6),
      segment(0, 6, '', 2, FIN | ACK_FLAG),
      segment(1, 2, '', 7, FIN | ACK_FLAG),
      segment(0, 7, '', 3, ACK_FLAG),
    ],
    used,
  ),
  told(
    'the second of them',
    ['second', '2'],
    [
      segment(0, 700_000, '', 0, SYN),
      segment(1, 900_000, '', 700_001, SYN | ACK_FLAG),
      segment(0, 700_001, 'second', 900_001),
      segment(1, 900_001, '2', 700_007),
      segment(0, 700_007, '', 900_002, ACK_FLAG),
    ],
    used,
  ),
  {
    name: 'datagrams, some in fragments, some empty',
    said: [
      Buffer.concat([bytesOf('ask'), Buffer.alloc(3000, 1)]),
      Buffer.concat([Buffer.alloc(2000, 2), bytesOf('end')]),
    ],
    isUdp: true,
    frames: fragmented(
      (
        [
          [0, bytesOf('ask')],
          [1, Buffer.alloc(2000, 2)],
          [0, NONE],
          [0, Buffer.alloc(3000, 1)],
          [1, bytesOf('end')],
        ] as const
      ).map(([side, data], i) => ({
        bytes: udpFrame(side, data, { clientPort: 40_900, serverPort: 9 }),
        seconds: 1_700_000_100 + i,
      })),
      true,
    ),
  },
];

const numberOf = (stream: Stream): number =>
  stream.isUdp ? STREAMS.filter(({ name }) => name === 'in VXLAN')[0]!.frames.length : STREAMS.indexOf(stream);

let folder = '';
let file = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'netlab-streams-'));
  file = join(folder, 'streams.pcap');
  writeFileSync(
    file,
    savefile(
      STREAMS.flatMap(({ frames }) => frames),
      1,
      true,
    ),
  );
});
afterAll(() => rmSync(folder, { recursive: true }));

describe(`netlab follow (SEED=${SEED})`, () => {
  for (const stream of STREAMS)
    it(stream.name, () => {
      const { stdout, stderr, status } = netlab([
        'follow',
        file,
        stream.isUdp ? 'udp' : 'tcp',
        String(numberOf(stream)),
        '--json',
      ]);
      expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
      const lines = stdout
        .trimEnd()
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as { from: string; data?: string; missing?: number });
      for (const [side, from] of ['client', 'server'].entries()) {
        const own = lines.filter((line) => line.from === from);
        expect(own.filter(({ missing }) => missing !== undefined)).toEqual([]);
        const data = Buffer.concat(own.map((line) => Buffer.from(line.data ?? '', 'hex')));
        expect(data.equals(stream.said[side]!), `${from}: ${data.length} of ${stream.said[side]!.length} bytes`).toBe(
          true,
        );
      }
    });

  it("tshark's says the same", () => {
    if (lacks('follow beside tshark', !hasTool('tshark') && 'tshark is not installed')) return;
    const compared = STREAMS.filter(({ otherwise }) => otherwise === undefined);
    const asked = compared.flatMap((stream) => [
      '-z',
      `follow,${stream.isUdp ? 'udp' : 'tcp'},raw,${numberOf(stream)}`,
    ]);
    const { stdout } = spawnSync('tshark', ['-n', '-r', file, '-q', ...asked], {
      encoding: 'latin1',
      maxBuffer: 1 << 26,
    });
    const theirs = stdout.split(/^=+\nFollow: /m).slice(1);
    expect(theirs.length).toBe(compared.length);
    for (const [i, { name, said }] of compared.entries()) {
      const body = theirs.find(
        (text) =>
          text.includes(`stream eq ${numberOf(compared[i]!)}\n`) && text.startsWith(compared[i]!.isUdp ? 'udp' : 'tcp'),
      )!;
      const lines = body.split('\n').filter((line) => /^\t?(?:[0-9a-f]{2})+$/.test(line));
      for (const side of [0, 1] as const) {
        const own = lines.filter((line) => line.startsWith('\t') === (side === 1));
        const data = Buffer.from(own.join('').replaceAll('\t', ''), 'hex');
        expect(
          data.equals(said[side]),
          `${name}, side ${side}: ${data.length} bytes, said ${said[side].length}: ${data.subarray(0, 60)}`,
        ).toBe(true);
      }
    }
  });
});
