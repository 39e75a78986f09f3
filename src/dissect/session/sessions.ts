import { ack as tcpAck, flags as tcpFlags, seq as tcpSeq } from '../../wire/tcp.ts';
import { dstPort, srcPort, HEADER_LENGTH as UDP_HEADER_LENGTH, length as udpLength } from '../../wire/udp.ts';
import {
  defineFields,
  type Fields,
  findFields,
  ROW_TCP_SESSION,
  ROW_UDP_SESSION,
  type SessionFields,
  TCP_SESSION_VALUES,
  UDP_SESSION_VALUES,
} from '../fields.ts';
import type { Protocol } from '../protocol.ts';
import { Desegmenter } from './desegment.ts';
import { ExpectedPorts, pairOf, SpokenProtocols } from './expected.ts';
import { FlowTable } from './flows.ts';
import { FragmentTable, type Reassembled } from './fragments.ts';
import { Recent } from './recent.ts';
import * as A from './tcp-analysis.ts';
import { TcpAnalysis } from './tcp-analysis.ts';

const TCP = defineFields('tcp', {
  stream: ['Stream index', 'uint32'],
  completeness: ['Conversation completeness', 'uint8'],
  seq: ['Sequence Number', 'uint32'],
  nxtseq: ['Next Sequence Number', 'uint32'],
  ack: ['Acknowledgment Number', 'uint32'],
  window_size: ['Calculated window size', 'uint32'],
  window_size_scalefactor: ['Window size scaling factor', 'int32'],
  time_relative: ['Time since first frame in this TCP stream', 'time'],
  time_delta: ['Time since previous frame in this TCP stream', 'time'],
  analysis: ['SEQ/ACK analysis', 'none'],
  'analysis.acks_frame': ['This is an ACK to the segment in frame', 'uint32'],
  'analysis.ack_rtt': ['The RTT to ACK the segment was', 'time'],
  'analysis.initial_rtt': ['iRTT', 'time'],
  'analysis.bytes_in_flight': ['Bytes in flight', 'uint32'],
  'analysis.push_bytes_sent': ['Bytes sent since last PSH flag', 'uint32'],
  'analysis.flags': ['TCP Analysis Flags', 'none'],
  'analysis.retransmission': ['This frame is a (suspected) retransmission', 'none'],
  'analysis.fast_retransmission': ['This frame is a (suspected) fast retransmission', 'none'],
  'analysis.spurious_retransmission': ['This frame is a (suspected) spurious retransmission', 'none'],
  'analysis.rto': ['The RTO for this segment was', 'time'],
  'analysis.rto_frame': ['RTO based on delta from frame', 'uint32'],
  'analysis.out_of_order': ['This frame is a (suspected) out-of-order segment', 'none'],
  'analysis.reused_ports': [
    'A new tcp session is started with the same ports as an earlier session in this trace',
    'none',
  ],
  'analysis.lost_segment': ['Previous segment(s) not captured (common at capture start)', 'none'],
  'analysis.ack_lost_segment': ["ACKed segment that wasn't captured (common at capture start)", 'none'],
  'analysis.window_update': ['TCP window update', 'none'],
  'analysis.window_full': ['TCP window specified by the receiver is now completely full', 'none'],
  'analysis.keep_alive': ['TCP keep-alive segment', 'none'],
  'analysis.keep_alive_ack': ['ACK to a TCP keep-alive segment', 'none'],
  'analysis.duplicate_ack': ['Duplicate ACK', 'none'],
  'analysis.duplicate_ack_num': ['Duplicate ACK #', 'uint32'],
  'analysis.duplicate_ack_frame': ['Duplicate to the ACK in frame', 'uint32'],
  'analysis.zero_window_probe': ['TCP Zero Window Probe', 'none'],
  'analysis.zero_window': ['TCP Zero Window segment', 'none'],
  'analysis.zero_window_probe_ack': ['ACK to a TCP Zero Window Probe', 'none'],
});

const UDP = defineFields('udp', {
  stream: ['Stream index', 'uint32'],
  time_relative: ['Time since first frame', 'time'],
  time_delta: ['Time since previous frame', 'time'],
});

const FRAGMENT_FIELDS = {
  fragment: ['Fragment', 'uint32', { list: true }],
  'fragment.overlap': ['Fragment overlap', 'bool', { list: true }],
  'fragment.overlap.conflict': ['Conflicting data in fragment overlap', 'bool'],
  'fragment.multipletails': ['Multiple tail fragments found', 'bool'],
  'fragment.toolongfragment': ['Fragment too long', 'bool'],
  'fragment.count': ['Fragment count', 'uint32'],
  'reassembled.length': ['Reassembled length', 'uint32'],
  'reassembled.data': ['Reassembled data', 'bytes'],
} as const;
const IP = defineFields('ip', FRAGMENT_FIELDS);
const IPV6 = defineFields('ipv6', FRAGMENT_FIELDS);

/** Bits of the analysis that have a field, in the order in which Wireshark writes them. */
const FLAG_FIELDS: readonly (readonly [bit: number, id: number])[] = [
  [A.RETRANSMISSION, TCP['analysis.retransmission']],
  [A.FAST_RETRANSMISSION, TCP['analysis.fast_retransmission']],
  [A.SPURIOUS_RETRANSMISSION, TCP['analysis.spurious_retransmission']],
  [A.OUT_OF_ORDER, TCP['analysis.out_of_order']],
  [A.REUSED_PORTS, TCP['analysis.reused_ports']],
  [A.LOST_SEGMENT, TCP['analysis.lost_segment']],
  [A.ACK_LOST_SEGMENT, TCP['analysis.ack_lost_segment']],
  [A.WINDOW_UPDATE, TCP['analysis.window_update']],
  [A.WINDOW_FULL, TCP['analysis.window_full']],
  [A.KEEP_ALIVE, TCP['analysis.keep_alive']],
  [A.KEEP_ALIVE_ACK, TCP['analysis.keep_alive_ack']],
  [A.DUPLICATE_ACK, TCP['analysis.duplicate_ack']],
  [A.ZERO_WINDOW_PROBE, TCP['analysis.zero_window_probe']],
  [A.ZERO_WINDOW, TCP['analysis.zero_window']],
  [A.ZERO_WINDOW_PROBE_ACK, TCP['analysis.zero_window_probe_ack']],
];

const ANALYSIS_IDS: readonly number[] = Object.entries(TCP)
  .filter(([key]) => key.startsWith('analysis') || key.startsWith('window_size'))
  .map(([, id]) => id);

/** What a reader of fields asks to be remembered from packet to packet. */
export interface SessionOptions {
  /** Puts IP fragments together: the payload is then walked in the frame that completed it, and only there. */
  reassembly?: boolean;
  /** Puts TCP segments together: a message is then walked in the frame that completes it, and only there. Default: true. */
  segments?: boolean;
}

/** Of more connections of TCP whose protocol changes the oldest are forgotten. */
const MAX_SPOKEN = 65_536;

/** What is remembered of earlier packets, as far as the fields in `wanted` (null: all) need it. One for each source of
 * frames; every frame goes through it in order, whether it is shown or not. */
export class Sessions implements SessionFields {
  readonly tcpStreams = new TcpAnalysis();
  readonly #udp4 = new FlowTable(1);
  readonly #udp6 = new FlowTable(4);
  #udpStreams = 0;
  /** Stream of the frame's datagram; -1: it has none. */
  udpStream = -1;
  /** By layer of the frame: the stream of its TCP or UDP header; -1 or nothing where it has none. */
  readonly layerStreams: number[] = [];
  readonly #fragments: FragmentTable | null;
  readonly #expected = new ExpectedPorts();
  readonly #spoken = new SpokenProtocols();
  /** The same of TCP, by stream. */
  readonly #tcpSpoken = new Recent<number, Protocol>(MAX_SPOKEN);
  readonly #memories = new Map<() => object, object>();
  /** The innermost transport header is TCP's. */
  #isTcp = false;
  readonly #messages: Desegmenter | null;
  readonly #analyses: boolean;
  readonly #tcp: boolean;
  readonly #udp: boolean;
  frame = 0;
  ackBase = 0;
  #seconds = 0;
  #nanoseconds = 0;

  constructor(wanted: Uint8Array | null, options: SessionOptions = {}) {
    const wants = (ids: readonly number[]): boolean => wanted === null || ids.some((id) => wanted[id] === 1);
    this.#messages = (options.segments ?? true) ? new Desegmenter() : null;
    // What was sent before is not put together again: it takes the analysis to know.
    this.#analyses = this.#messages !== null || wants(ANALYSIS_IDS);
    const sacks = SACK_FIELDS.flatMap((name) => findFields(name).map(({ id }) => id));
    this.#tcp = this.#messages !== null || wants([...Object.values(TCP), ...sacks]);
    this.#udp = wants(Object.values(UDP));
    this.#fragments = (options.reassembly ?? true) ? new FragmentTable() : null;
  }

  begin(frame: number, seconds: number, nanoseconds: number): void {
    this.frame = frame;
    this.#seconds = seconds;
    this.#nanoseconds = nanoseconds;
    this.tcpStreams.stream = -1;
    this.udpStream = -1;
    // Not by its length, whose change is a call out of compiled code.
    for (let layer = 0; layer < this.layerStreams.length; layer++) this.layerStreams[layer] = -1;
  }

  /** Bytes of messages that wait for their end. */
  get heldBytes(): number {
    return this.#messages?.held ?? 0;
  }

  /** Notes the stream of the layer begun last. */
  #note(f: Fields, stream: number): void {
    const streams = this.layerStreams;
    while (streams.length < f.layers) streams.push(-1);
    streams[f.layers - 1] = stream;
  }

  tcp(f: Fields, at: number, body: number, length: number): void {
    this.ackBase = 0;
    this.#isTcp = true;
    if (!this.#tcp || f.ipVersion === 0) return;
    const t = this.tcpStreams;
    const isIpv4 = f.ipVersion === 4;
    t.segment(
      f.bytes,
      f.ip + (isIpv4 ? 12 : 8),
      f.ip + (isIpv4 ? 16 : 24),
      isIpv4 ? 4 : 16,
      at,
      body,
      length,
      this.frame,
      this.#seconds,
      this.#nanoseconds,
      this.#analyses,
    );
    this.ackBase = (tcpAck(f.bytes, at) - t.ack) >>> 0;
    this.#note(f, t.stream);
    if (f.compact && this.#analyses) {
      const row = f.header(ROW_TCP_SESSION, at, TCP_SESSION_VALUES);
      const { number } = f;
      number[row] = t.stream;
      number[row + 1] = t.completeness;
      number[row + 2] = t.seq;
      number[row + 3] = t.nextSeq;
      number[row + 4] = t.ack;
      number[row + 5] = t.sinceFirst;
      number[row + 6] = t.sinceLast;
      number[row + 7] = t.window;
      number[row + 8] = (f.bytes[at + 13]! & 2) === 0 ? t.scaleFactor : Number.NaN;
      if (t.isRemarkable) addAnalysis(f, at, t);
      return;
    }
    f.uint(TCP.stream, at, 0, t.stream);
    f.uint(TCP.completeness, at, 0, t.completeness);
    f.uint(TCP.seq, at + 4, 4, t.seq);
    f.uint(TCP.nxtseq, at, 0, t.nextSeq);
    f.uint(TCP.ack, at + 8, 4, t.ack);
    addTime(f, TCP.time_relative, at, t.sinceFirst);
    addTime(f, TCP.time_delta, at, t.sinceLast);
    if (!this.#analyses) return;
    f.uint(TCP.window_size, at + 14, 2, t.window);
    // A SYN's window is never scaled: RFC 7323 2.2.
    if ((f.bytes[at + 13]! & 2) === 0) f.uint(TCP.window_size_scalefactor, at + 14, 2, t.scaleFactor);
    if (t.isRemarkable) addAnalysis(f, at, t);
  }

  payload(f: Fields, at: number, body: number, end: number, length: number): boolean {
    // A segment that was cut cannot be put together with others.
    if (this.#messages === null || f.ipVersion === 0 || f.fragmented || body + length !== end) return false;
    if (f.layers > FLAT_LAYERS && f.isQuoted()) return false;
    const t = this.tcpStreams;
    const flags = tcpFlags(f.bytes, at);
    this.#messages.payload(f, at, body, end, tcpSeq(f.bytes, at), flags, t.stream, t.reversed, this.frame, t.flags);
    return true;
  }

  udp(f: Fields, at: number): void {
    this.#isTcp = false;
    if (!this.#udp || f.ipVersion === 0) return;
    const isIpv4 = f.ipVersion === 4;
    const flows = isIpv4 ? this.#udp4 : this.#udp6;
    const flow = flows.find(
      f.bytes,
      f.ip + (isIpv4 ? 12 : 8),
      f.ip + (isIpv4 ? 16 : 24),
      srcPort(f.bytes, at),
      dstPort(f.bytes, at),
    );
    if (flows.isNew) {
      flows.setStream(flow, this.#udpStreams++);
      flows.begin(flow, this.#seconds, this.#nanoseconds);
    }
    this.udpStream = flows.stream(flow);
    this.#note(f, this.udpStream);
    // Wireshark gives datagrams without payload no times, and does not count from them.
    if (udpLength(f.bytes, at) === UDP_HEADER_LENGTH || f.isQuoted()) {
      f.uint(UDP.stream, at, 0, this.udpStream);
      return;
    }
    const time = flows.sinceFirst(flow, this.#seconds, this.#nanoseconds);
    if (f.compact) {
      const row = f.header(ROW_UDP_SESSION, at, UDP_SESSION_VALUES);
      f.number[row] = this.udpStream;
      f.number[row + 1] = time;
      f.number[row + 2] = time - flows.last(flow);
      flows.setLast(flow, time);
      return;
    }
    f.uint(UDP.stream, at, 0, this.udpStream);
    addTime(f, UDP.time_relative, at, time);
    addTime(f, UDP.time_delta, at, time - flows.last(flow));
    flows.setLast(flow, time);
  }

  expected(f: Fields): Protocol | undefined {
    return this.#expected.size === 0 || f.ipVersion === 0 ? undefined : this.#expected.find(f);
  }

  expect(address: Uint8Array, port: number, protocol: Protocol): void {
    this.#expected.add(address, port, protocol);
  }

  conversation(f: Fields): string {
    return this.#isTcp ? `t${this.tcpStreams.stream}/` : pairOf(f);
  }

  memory<T extends object>(make: () => T): T {
    let memory = this.#memories.get(make);
    if (memory === undefined) {
      memory = make();
      this.#memories.set(make, memory);
    }
    return memory as T;
  }

  spoken(f: Fields): Protocol | undefined {
    if (this.#isTcp) return this.#tcpSpoken.size === 0 ? undefined : this.#tcpSpoken.get(this.tcpStreams.stream);
    return this.#spoken.size === 0 || f.ipVersion === 0 ? undefined : this.#spoken.find(f);
  }

  speaks(f: Fields, protocol: Protocol): void {
    if (this.#isTcp) this.#tcpSpoken.set(this.tcpStreams.stream, protocol);
    else if (f.ipVersion !== 0) this.#spoken.add(f, protocol);
  }

  fragment(
    f: Fields,
    version: 4 | 6,
    ipAt: number,
    protocol: number,
    id: number,
    offset: number,
    more: boolean,
    at: number,
    end: number,
  ): number {
    if (this.#fragments === null) return -1;
    const addresses = version === 4 ? latin1(f.bytes, ipAt + 12, ipAt + 20) : latin1(f.bytes, ipAt + 8, ipAt + 40);
    // RFC 8200 4.5: in IPv6 addresses and identification alone say what belongs together.
    const key = version === 4 ? `4${addresses}${id}/${protocol}` : `6${addresses}${id}`;
    const whole = this.#fragments.add(key, f.bytes, at, end, offset, more, this.frame, this.#seconds);
    if (whole === null) return 0;
    const place = f.append(whole.length);
    whole.copy(f.bytes, place);
    addFragments(f, version === 4 ? IP : IPV6, ipAt, place, whole);
    return whole.length;
  }
}

/** They are counted from the first number, as the acknowledgement is. */
const SACK_FIELDS = ['tcp.options.sack_le', 'tcp.options.sack_re'];

/** Layers of a frame with nothing but a link-level header, IP and TCP. */
const FLAT_LAYERS = 4;

const latin1 = (bytes: Uint8Array, at: number, end: number): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset + at, end - at).toString('latin1');

function addFragments(f: Fields, ids: typeof IP, ipAt: number, place: number, whole: Reassembled): void {
  for (const frame of whole.frames) f.uint(ids.fragment, ipAt, 0, frame);
  // Wireshark has it once for the datagram and once for each such fragment.
  if (whole.overlap) for (let i = 0; i <= whole.overlaps; i++) f.bool(ids['fragment.overlap'], ipAt, 0, true);
  if (whole.conflict) f.bool(ids['fragment.overlap.conflict'], ipAt, 0, true);
  if (whole.multipleTails) f.bool(ids['fragment.multipletails'], ipAt, 0, true);
  if (whole.tooLong) f.bool(ids['fragment.toolongfragment'], ipAt, 0, true);
  f.uint(ids['fragment.count'], ipAt, 0, whole.frames.length);
  f.uint(ids['reassembled.length'], ipAt, 0, whole.length);
  f.raw(ids['reassembled.data'], place, whole.length);
}

function addAnalysis(f: Fields, at: number, t: TcpAnalysis): void {
  f.raw(TCP.analysis, at, 0);
  if (t.acksFrame !== 0) {
    f.uint(TCP['analysis.acks_frame'], at, 0, t.acksFrame);
    if (t.ackRtt !== 0) addTime(f, TCP['analysis.ack_rtt'], at, t.ackRtt);
  }
  if (t.initialRtt > 0) addTime(f, TCP['analysis.initial_rtt'], at, t.initialRtt);
  if (t.bytesInFlight !== 0) {
    f.uint(TCP['analysis.bytes_in_flight'], at, 0, t.bytesInFlight);
    f.uint(TCP['analysis.push_bytes_sent'], at, 0, t.pushBytesSent);
  }
  if (t.flags === 0) return;
  f.raw(TCP['analysis.flags'], at, 0);
  for (let i = 0; i < FLAG_FIELDS.length; i++) if (t.flags & FLAG_FIELDS[i]![0]) f.raw(FLAG_FIELDS[i]![1], at, 0);
  // Wireshark marks these kinds of retransmission with the general field as well.
  if (t.flags & (A.FAST_RETRANSMISSION | A.SPURIOUS_RETRANSMISSION)) f.raw(TCP['analysis.retransmission'], at, 0);
  if (t.flags & A.RETRANSMISSION && t.rto !== 0) {
    addTime(f, TCP['analysis.rto'], at, t.rto);
    f.uint(TCP['analysis.rto_frame'], at, 0, t.rtoFrame);
  }
  if (t.flags & A.DUPLICATE_ACK) {
    // Wireshark has the name twice there, of the finding and of the note about it: who counts is told the same.
    if (f.wanted !== null) f.raw(TCP['analysis.duplicate_ack'], at, 0);
    f.uint(TCP['analysis.duplicate_ack_num'], at, 0, t.duplicateNumber);
    f.uint(TCP['analysis.duplicate_ack_frame'], at, 0, t.duplicateFrame);
  }
}

/** A relative time. Where it is negative (frames out of order) the seconds are rounded down. */
function addTime(f: Fields, id: number, at: number, nanoseconds: number): void {
  const seconds = Math.floor(nanoseconds / 1e9);
  f.time(id, at, 0, seconds, nanoseconds - seconds * 1e9);
}
