/** Frames of TCP and UDP made by our emitters, and the traffic of an application as a lossy network shows it. */
import * as ethernet from '../../../src/wire/ethernet.ts';
import * as ipv4 from '../../../src/wire/ipv4.ts';
import * as ipv6 from '../../../src/wire/ipv6.ts';
import * as tcp from '../../../src/wire/tcp.ts';
import type { TcpOption } from '../../../src/wire/tcp-options.ts';
import * as udp from '../../../src/wire/udp.ts';
import type { Frame } from '../oracle.ts';

export interface Segment {
  /** 0: from the client; 1: from the server. */
  side: 0 | 1;
  seq: number;
  ack: number;
  flags: number;
  payload: Uint8Array;
  window?: number;
  options?: TcpOption[];
}

export interface Ends {
  clientPort: number;
  serverPort: number;
  isIpv6?: boolean;
}

const MAC = [new Uint8Array([2, 0, 0, 0, 0, 1]), new Uint8Array([2, 0, 0, 0, 0, 2])] as const;
const IPV4 = [new Uint8Array([10, 0, 0, 1]), new Uint8Array([10, 0, 0, 2])] as const;
const IPV6 = [1, 2].map((last) => {
  const address = new Uint8Array(16);
  address.set([0xfd, 0]);
  address[15] = last;
  return address;
}) as [Uint8Array, Uint8Array];

function inIp(
  side: 0 | 1,
  isIpv6: boolean,
  protocol: number,
  header: number,
  payload: Uint8Array,
  write: (bytes: Uint8Array, at: number) => void,
): Uint8Array {
  const ipLength = isIpv6 ? ipv6.HEADER_LENGTH : ipv4.HEADER_LENGTH;
  const bytes = new Uint8Array(ethernet.HEADER_LENGTH + ipLength + header + payload.length);
  const at = ethernet.emit(bytes, 0, { src: MAC[side], dst: MAC[1 - side]!, type: isIpv6 ? 0x86dd : 0x0800 });
  const body = at + ipLength;
  bytes.set(payload, body + header);
  write(bytes, body);
  if (isIpv6) ipv6.emit(bytes, at, bytes.length, { nextHeader: protocol, src: IPV6[side], dst: IPV6[1 - side]! });
  else ipv4.emit(bytes, at, bytes.length, { protocol, src: IPV4[side], dst: IPV4[1 - side]! });
  return bytes;
}

export function tcpFrame(segment: Segment, { clientPort, serverPort, isIpv6 = false }: Ends): Uint8Array {
  const { side, payload, options = [] } = segment;
  return inIp(side, isIpv6, 6, tcp.emittedLength(options), payload, (bytes, at) =>
    tcp.emit(
      bytes,
      at,
      bytes.length,
      {
        srcPort: side === 0 ? clientPort : serverPort,
        dstPort: side === 0 ? serverPort : clientPort,
        seq: segment.seq,
        ack: segment.ack,
        flags: segment.flags,
        window: segment.window ?? 65_535,
        options,
        checksum: 0x1234,
      },
      0,
    ),
  );
}

export function udpFrame(
  side: 0 | 1,
  payload: Uint8Array,
  { clientPort, serverPort, isIpv6 = false }: Ends,
): Uint8Array {
  return inIp(side, isIpv6, 17, udp.HEADER_LENGTH, payload, (bytes, at) =>
    udp.emit(
      bytes,
      at,
      bytes.length,
      {
        srcPort: side === 0 ? clientPort : serverPort,
        dstPort: side === 0 ? serverPort : clientPort,
      },
      null,
    ),
  );
}

export interface Trouble {
  /** Chances, from 0 to 1, for each segment: it comes late; twice; again later, cut differently. */
  reorder: number;
  duplicate: number;
  overlap: number;
  /** Chance that a segment is lost on the way before it is captured, and sent again later. */
  loss: number;
}

export const NO_TROUBLE: Trouble = { reorder: 0, duplicate: 0, overlap: 0, loss: 0 };

const NONE = new Uint8Array(0);

/** A connection in which both sides write what `said` has, as it would be captured: handshake, segments with `trouble`,
 * acknowledgements of what has arrived, FINs. `next` gives numbers from 0 up to 1. */
export function conversation(
  said: readonly [Uint8Array, Uint8Array],
  isn: readonly [number, number],
  trouble: Trouble,
  next: () => number,
): Segment[] {
  const below = (limit: number): number => Math.floor(next() * limit);
  const segments: Segment[] = [];
  /** Number of bytes each side has taken in order, and pieces that wait, as [from, to]. */
  const taken = [0, 0];
  const waiting: [number, number][][] = [[], []];
  const sent = [0, 0];
  const seqOf = (side: number, offset: number): number => (isn[side]! + 1 + offset) >>> 0;
  const ackOf = (side: number): number => (isn[1 - side]! + 1 + taken[side]!) >>> 0;

  segments.push({ side: 0, seq: isn[0], ack: 0, flags: tcp.SYN, payload: NONE });
  segments.push({ side: 1, seq: isn[1], ack: (isn[0] + 1) >>> 0, flags: tcp.SYN | tcp.ACK_FLAG, payload: NONE });
  segments.push({ side: 0, seq: (isn[0] + 1) >>> 0, ack: (isn[1] + 1) >>> 0, flags: tcp.ACK_FLAG, payload: NONE });

  /** Segments that are under way: they are captured when they come to the front. */
  const underway: { side: 0 | 1; from: number; to: number }[] = [];
  const capture = ({ side, from, to }: { side: 0 | 1; from: number; to: number }): void => {
    segments.push({
      side,
      seq: seqOf(side, from),
      ack: ackOf(side),
      flags: tcp.ACK_FLAG | (to === said[side]!.length ? tcp.PSH : 0),
      payload: said[side]!.subarray(from, to),
    });
    const other = (1 - side) as 0 | 1;
    waiting[other]!.push([from, to]);
    let moved = true;
    while (moved) {
      moved = false;
      for (const [start, end] of waiting[other]!)
        if (start <= taken[other]! && end > taken[other]!) {
          taken[other] = end;
          moved = true;
        }
    }
    segments.push({
      side: other,
      seq: seqOf(other, sent[other]!),
      ack: ackOf(other),
      flags: tcp.ACK_FLAG,
      payload: NONE,
    });
  };
  const lost: { side: 0 | 1; from: number; to: number }[] = [];
  while (sent[0]! < said[0].length || sent[1]! < said[1].length || underway.length > 0 || lost.length > 0) {
    const side = (sent[0]! >= said[0].length ? 1 : sent[1]! >= said[1].length ? 0 : below(2)) as 0 | 1;
    const from = sent[side]!;
    if (from < said[side].length) {
      const to = Math.min(said[side].length, from + 1 + below(1460));
      sent[side] = to;
      const segment = { side, from, to };
      if (next() < trouble.loss) lost.push(segment);
      else if (next() < trouble.reorder) underway.splice(Math.max(0, underway.length - below(4)), 0, segment);
      else underway.push(segment);
      if (next() < trouble.duplicate) underway.push(segment);
      if (next() < trouble.overlap) {
        const start = below(to);
        underway.push({ side, from: start, to: Math.min(said[side].length, start + 1 + below(1460), sent[side]!) });
      }
    }
    if (lost.length > 0 && (next() < 0.3 || underway.length === 0)) underway.push(lost.shift()!);
    while (
      underway.length > 3 ||
      (underway.length > 0 && sent[0] === said[0].length && sent[1] === said[1].length && lost.length === 0)
    )
      capture(underway.shift()!);
  }
  for (const side of [0, 1] as const)
    segments.push({
      side,
      seq: seqOf(side, said[side].length),
      ack: ackOf(side),
      flags: tcp.FIN | tcp.ACK_FLAG,
      payload: NONE,
    });
  return segments;
}

/** The frames of a connection, a millisecond apart. */
export const framesOf = (segments: readonly Segment[], ends: Ends, from = 0): Frame[] =>
  segments.map((segment, i) => ({
    bytes: tcpFrame(segment, ends),
    seconds: 1_700_000_000 + Math.floor((from + i) / 1000),
    nanoseconds: ((from + i) % 1000) * 1_000_000,
  }));

export function randomBytes(length: number, next: () => number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = Math.floor(next() * 256);
  return bytes;
}
