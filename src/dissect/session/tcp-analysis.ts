import { be32 } from '../../bytes/endian.ts';
import * as wire from '../../wire/tcp.ts';
import { FlowTable } from './flows.ts';
import { MAX_UNACKED } from './segments.ts';
import { after, before } from './sequence-number.ts';
import * as S from './tcp-state.ts';
import { TcpStates } from './tcp-state.ts';

/** TCP analysis as Wireshark 4.0 has it (User's Guide, "TCP Analysis"): which connection a segment belongs to, its numbers
 * relative to the first ones, and what is remarkable about it given the segments before. */

/** What is remarkable: bits of `flags`. */
export const RETRANSMISSION = 0x1;
export const LOST_SEGMENT = 0x2;
export const ACK_LOST_SEGMENT = 0x4;
export const KEEP_ALIVE = 0x8;
export const DUPLICATE_ACK = 0x10;
export const ZERO_WINDOW = 0x20;
export const ZERO_WINDOW_PROBE = 0x40;
export const ZERO_WINDOW_PROBE_ACK = 0x80;
export const KEEP_ALIVE_ACK = 0x100;
export const OUT_OF_ORDER = 0x200;
export const FAST_RETRANSMISSION = 0x400;
export const WINDOW_UPDATE = 0x800;
export const WINDOW_FULL = 0x1000;
export const REUSED_PORTS = 0x2000;
export const SPURIOUS_RETRANSMISSION = 0x4000;

/** Bits of `completeness`. */
const HAS_SYN = 1;
const HAS_SYN_ACK = 2;
const HAS_ACK = 4;
const HAS_DATA = 8;
const HAS_FIN = 16;
const HAS_RST = 32;

/** Words of a flow: the first sequence number of the side that sorts first and of the other; bits; state + 1. */
const BASE = 0;
const FLOW_BITS = 2;
const STATE = 3;
/** In FLOW_BITS, above the completeness: the base of a side is known. */
const BASE_KNOWN = 0x100;
/** A side was the first to send a FIN. */
const CLOSES_FIRST = 0x400;

/** In a direction's BITS: its window's shift + 1 in the low byte; bytes in flight cannot be told, since
 * segments were not captured; which of its words have a value. */
const SHIFT_MASK = 0xff;
const NOT_SCALED = 0xff;
const FLIGHT_UNKNOWN = 0x100;
const HAS_NEXT_SEQ = 0x200;
const HAS_MAX_TO_BE_ACKED = 0x400;
const HAS_LAST_ACK = 0x800;

/** Segments closer to the highest one than this are out of order where no round-trip time is known. */
const OUT_OF_ORDER_WITHIN = 3e6;
/** A fast retransmission follows the last duplicate acknowledgement within this. */
const FAST_WITHIN = 20e6;

const OPTION_END = 0;
const OPTION_NOP = 1;
const OPTION_WINDOW_SCALE = 3;
const OPTION_SACK = 5;
/** RFC 7323 2.3. */
const MAX_SHIFT = 14;
/** Of two: `**` is a call of the C library's pow. */
const POWERS = Uint32Array.from({ length: MAX_SHIFT + 1 }, (_, shift) => 2 ** shift);

export class TcpAnalysis {
  readonly #ipv4 = new FlowTable(1);
  readonly #ipv6 = new FlowTable(4);
  readonly #states4: TcpStates;
  readonly #states6: TcpStates;
  #streams = 0;

  // What is known of the segment of the last `segment`.
  /** -1 where the frame has none. */
  stream = -1;
  /** True where it made the stream. */
  isNew = false;
  /** True where the side that sorts second sent it. */
  reversed = false;
  seq = 0;
  ack = 0;
  nextSeq = 0;
  completeness = 0;
  /** Its FIN comes from the side that was the first to send one. */
  initiatesClosing = false;
  /** Window as the sender means it, and the factor: -1 unknown, -2 not scaled. */
  window = 0;
  scaleFactor = -1;
  /** Nanoseconds since the connection's first segment and its last one. */
  sinceFirst = 0;
  sinceLast = 0;
  /** Or-ed bits. */
  flags = 0;
  duplicateNumber = 0;
  duplicateFrame = 0;
  /** 0: none. */
  acksFrame = 0;
  ackRtt = 0;
  /** 0: not known. */
  bytesInFlight = 0;
  pushBytesSent = 0;
  /** NaN: not known. */
  initialRtt = Number.NaN;
  /** Frame that a retransmission is counted from, and nanoseconds since; 0: none. */
  rtoFrame = 0;
  rto = 0;
  /** Something is known beside the numbers. */
  isRemarkable = false;

  constructor() {
    this.#states4 = new TcpStates((flow) => this.#ipv4.setSpare(flow, STATE, 0));
    this.#states6 = new TcpStates((flow) => this.#ipv6.setSpare(flow, STATE, 0));
    const forget = (flows: FlowTable, states: TcpStates) => (first: number, end: number) => {
      for (let flow = first; flow < end; flow++) {
        const state = flows.spare(flow, STATE);
        if (state !== 0) states.disown(state - 1);
      }
    };
    this.#ipv4.onForget = forget(this.#ipv4, this.#states4);
    this.#ipv6.onForget = forget(this.#ipv6, this.#states6);
  }

  /** Streams so far. */
  get streams(): number {
    return this.#streams;
  }

  /** Looks at the segment whose header is at `at` with options up to `body`, carrying `length` bytes (on the wire).
   * Addresses of `addressLength` bytes are at `srcAt` and `dstAt`. With
   * `analyse` false only the stream, its times and the relative numbers are found. */
  segment(
    bytes: Uint8Array,
    srcAt: number,
    dstAt: number,
    addressLength: number,
    at: number,
    body: number,
    length: number,
    frame: number,
    seconds: number,
    nanoseconds: number,
    analyse: boolean,
  ): void {
    const isIpv4 = addressLength === 4;
    const flows = isIpv4 ? this.#ipv4 : this.#ipv6;
    const states = isIpv4 ? this.#states4 : this.#states6;
    const seq = wire.seq(bytes, at);
    const ack = wire.ack(bytes, at);
    const flags = wire.flags(bytes, at);
    const flow = flows.find(bytes, srcAt, dstAt, wire.srcPort(bytes, at), wire.dstPort(bytes, at));
    const forward = flows.reversed ? 1 : 0;
    const synAck = flags & (wire.SYN | wire.ACK_FLAG);
    this.reversed = flows.reversed;
    this.isNew = flows.isNew;
    this.flags = 0;
    let bits = flows.spare(flow, FLOW_BITS);
    if (
      !flows.isNew &&
      synAck === wire.SYN &&
      bits & (BASE_KNOWN << forward) &&
      flows.spare(flow, BASE + forward) !== seq
    ) {
      this.flags = REUSED_PORTS;
      this.isNew = true;
    }
    if (this.isNew) {
      flows.setStream(flow, this.#streams++);
      flows.begin(flow, seconds, nanoseconds);
      bits = 0;
      const state = flows.spare(flow, STATE);
      if (state !== 0) states.clear(state - 1);
    }
    this.stream = flows.stream(flow);
    // All times of a flow count from its first segment.
    const time = flows.sinceFirst(flow, seconds, nanoseconds);
    this.sinceFirst = time;
    this.sinceLast = time - flows.last(flow);
    flows.setLast(flow, time);

    // The first number of a side is its SYN's, or the one before the first that is seen of it.
    if ((bits & (BASE_KNOWN << forward)) === 0) {
      flows.setSpare(flow, BASE + forward, flags & wire.SYN ? seq : seq - 1);
      bits |= BASE_KNOWN << forward;
    } else if (synAck === (wire.SYN | wire.ACK_FLAG) && flows.spare(flow, BASE + forward) !== seq)
      flows.setSpare(flow, BASE + forward, seq);
    if (flags & wire.ACK_FLAG && (bits & (BASE_KNOWN << (1 - forward))) === 0) {
      flows.setSpare(flow, BASE + 1 - forward, ack - 1);
      bits |= BASE_KNOWN << (1 - forward);
    }
    const base = flows.spare(flow, BASE + forward);
    this.seq = (seq - base) >>> 0;
    // Without the flag the field means nothing, and is shown as it is.
    this.ack = flags & wire.ACK_FLAG ? (ack - flows.spare(flow, BASE + 1 - forward)) >>> 0 : ack;
    this.nextSeq = (this.seq + length + (flags & (wire.SYN | wire.FIN) ? 1 : 0)) >>> 0;
    // As Wireshark reads it in one pass: what was known before this segment, but for the SYN that uses ports again.
    this.completeness = this.flags & REUSED_PORTS ? HAS_SYN : bits & 0xff;
    // The first segment counts only if it asks for the connection.
    if (!this.isNew || synAck === wire.SYN) bits |= this.#completed(flags, length);
    if (flags & wire.FIN) {
      if ((bits & (CLOSES_FIRST * 3)) === 0) bits |= CLOSES_FIRST << forward;
      this.initiatesClosing = (bits & (CLOSES_FIRST << forward)) !== 0;
    }
    flows.setSpare(flow, FLOW_BITS, bits);
    if (!analyse) return;

    let state = flows.spare(flow, STATE) - 1;
    if (state < 0) {
      state = states.make(flow);
      flows.setSpare(flow, STATE, state + 1);
    } else states.touch(state);
    this.#analyse(bytes, at, body, states, state, forward, seq, ack, length, flags, frame, time);
  }

  /** What the segment adds to the completeness. */
  #completed(flags: number, length: number): number {
    const reset = flags & wire.RST ? HAS_RST : 0;
    const syn = flags & wire.SYN;
    if ((flags & wire.ACK_FLAG) === 0) return reset | (syn ? HAS_SYN : 0);
    if (syn) return reset | HAS_SYN_ACK | (flags & wire.FIN ? HAS_FIN : 0);
    return reset | (length > 0 ? HAS_DATA : HAS_ACK) | (flags & wire.FIN ? HAS_FIN : 0);
  }

  #analyse(
    bytes: Uint8Array,
    at: number,
    body: number,
    states: TcpStates,
    state: number,
    forward: number,
    seq: number,
    ack: number,
    length: number,
    flags: number,
    frame: number,
    time: number,
  ): void {
    const { words: w, times, segments } = states;
    const fwd = states.wordsAt(state) + forward * S.DIRECTION_WORDS;
    const rev = states.wordsAt(state) + (1 - forward) * S.DIRECTION_WORDS;
    const fwdTimes = states.timesAt(state) + forward * S.DIRECTION_TIMES;
    const revTimes = states.timesAt(state) + (1 - forward) * S.DIRECTION_TIMES;
    const ofState = states.timesAt(state);
    const isSynFinRst = (flags & (wire.SYN | wire.FIN | wire.RST)) !== 0;
    const isSyn = (flags & wire.SYN) !== 0;

    this.duplicateNumber = 0;
    this.acksFrame = 0;
    this.bytesInFlight = 0;
    this.pushBytesSent = 0;
    this.rtoFrame = 0;

    if (flags & wire.ACK_FLAG) w[rev + S.BITS]! &= ~FLIGHT_UNKNOWN;
    this.#options(bytes, at, body, w, fwd, rev, flags);
    const shift = w[fwd + S.BITS]! & SHIFT_MASK;
    const isScaled = !isSyn && shift !== 0 && shift !== NOT_SCALED;
    const window = wire.window(bytes, at);
    this.window = isScaled ? window * POWERS[shift - 1]! : window;
    this.scaleFactor = shift === 0 ? -1 : shift === NOT_SCALED ? -2 : POWERS[shift - 1]!;

    let found = 0;
    const bits = w[fwd + S.BITS]!;
    const hasNext = (bits & HAS_NEXT_SEQ) !== 0;
    const next = w[fwd + S.NEXT_SEQ]!;
    const lastAck = w[fwd + S.LAST_ACK]!;
    const isExpected = hasNext ? seq === next : seq === 0;
    const repeatsAck = (bits & HAS_LAST_ACK) !== 0 ? ack === lastAck : ack === 0;
    const revWindowKnown = (w[rev + S.BITS]! & HAS_LAST_ACK) !== 0;

    if (length === 1 && isExpected && hasNext && revWindowKnown && w[rev + S.WINDOW] === 0) found |= ZERO_WINDOW_PROBE;
    else {
      if (window === 0 && !isSynFinRst) found |= ZERO_WINDOW;
      if (hasNext && after(seq, next) && (flags & wire.RST) === 0) {
        found |= LOST_SEGMENT;
        w[fwd + S.BITS]! |= FLIGHT_UNKNOWN;
      }
      if (length <= 1 && hasNext && seq === (next - 1) >>> 0 && !isSynFinRst) found |= KEEP_ALIVE;
      const isBare = length === 0 && !isSynFinRst && isExpected;
      const isSameWindow = window === w[fwd + S.WINDOW];
      if (isBare && window !== 0 && !isSameWindow && repeatsAck) found |= WINDOW_UPDATE;
      const revShift = w[rev + S.BITS]! & SHIFT_MASK;
      if (
        length > 0 &&
        revShift !== 0 &&
        (seq + length) >>> 0 === (w[rev + S.LAST_ACK]! + w[rev + S.SCALED_WINDOW]!) >>> 0 &&
        !isSynFinRst
      )
        found |= WINDOW_FULL;
      const lastOfOther = w[rev + S.LAST_FLAGS]!;
      if (isBare && window !== 0 && isSameWindow && repeatsAck && lastOfOther & KEEP_ALIVE) found |= KEEP_ALIVE_ACK;
      else if (isBare && window === 0 && isSameWindow && repeatsAck && lastOfOther & ZERO_WINDOW_PROBE)
        found |= ZERO_WINDOW_PROBE_ACK;
      else if (isBare && window !== 0 && isSameWindow && repeatsAck) {
        found |= DUPLICATE_ACK;
        this.duplicateNumber = ++w[fwd + S.DUPLICATES]!;
        this.duplicateFrame = w[fwd + S.LAST_NON_DUPLICATE]!;
      }
    }
    if (!repeatsAck) {
      w[fwd + S.LAST_NON_DUPLICATE] = frame;
      w[fwd + S.DUPLICATES] = 0;
    }

    if (
      flags & wire.ACK_FLAG &&
      !repeatsAck &&
      w[rev + S.BITS]! & HAS_MAX_TO_BE_ACKED &&
      after(ack, w[rev + S.MAX_TO_BE_ACKED]!)
    ) {
      found |= ACK_LOST_SEGMENT;
      // Told once for what was seen of the other side so far.
      w[rev + S.MAX_TO_BE_ACKED] = w[rev + S.NEXT_SEQ]!;
    }

    const takesNumbers = length > 0 || (flags & (wire.SYN | wire.FIN)) !== 0;
    const end = (seq + length) >>> 0;
    if (takesNumbers && (found & KEEP_ALIVE) === 0)
      found |= this.#repeated(states, fwd, rev, fwdTimes, revTimes, ofState, seq, end, flags, length, time);

    let nextSeq = end;
    if (takesNumbers) {
      if (flags & (wire.SYN | wire.FIN)) nextSeq = (nextSeq + 1) >>> 0;
      this.#note(states, fwd, seq, nextSeq, frame, time);
    }
    const isProbe = (found & ZERO_WINDOW_PROBE) !== 0;
    if ((!hasNext || after(nextSeq, next)) && !isProbe) {
      w[fwd + S.NEXT_SEQ] = nextSeq;
      w[fwd + S.NEXT_SEQ_FRAME] = frame;
      times[fwdTimes + S.NEXT_SEQ_TIME] = time;
      w[fwd + S.BITS]! |= HAS_NEXT_SEQ;
    }
    const hasMax = (w[fwd + S.BITS]! & HAS_MAX_TO_BE_ACKED) !== 0;
    if ((!hasMax || seq === w[fwd + S.MAX_TO_BE_ACKED]) && !isProbe) {
      w[fwd + S.MAX_TO_BE_ACKED] = w[fwd + S.NEXT_SEQ]!;
      w[fwd + S.BITS]! |= HAS_MAX_TO_BE_ACKED;
    }
    w[fwd + S.WINDOW] = window;
    w[fwd + S.SCALED_WINDOW] = this.window;
    w[fwd + S.LAST_ACK] = ack;
    w[fwd + S.BITS]! |= HAS_LAST_ACK;
    times[fwdTimes + S.LAST_ACK_TIME] = time;
    w[fwd + S.LAST_FLAGS] = found;

    this.#acknowledge(states, rev, ack, time);
    if (length > 0 && w[fwd + S.HEAD] !== 0 && (w[fwd + S.BITS]! & FLIGHT_UNKNOWN) === 0) {
      w[fwd + S.PUSHED]! += length;
      const unseen = flags & (wire.SYN | wire.FIN) ? 1 : 0;
      const inFlight = ((w[fwd + S.HIGHEST]! - segments.seq(w[fwd + S.HEAD]!)) | 0) - unseen - w[rev + S.SACKED]!;
      if (inFlight > 0 && inFlight < 2_000_000_000) {
        this.bytesInFlight = inFlight;
        this.pushBytesSent = w[fwd + S.PUSHED]!;
      }
      if (flags & wire.PSH) w[fwd + S.PUSHED] = 0;
    }

    if ((flags & (wire.SYN | wire.ACK_FLAG)) === wire.SYN) times[ofState + S.SYN_TIME] = time;
    else if (
      (flags & (wire.SYN | wire.ACK_FLAG)) === wire.ACK_FLAG &&
      !(times[ofState + S.FIRST_RTT]! > 0) &&
      !Number.isNaN(times[ofState + S.SYN_TIME]!) &&
      this.seq === 1
    )
      times[ofState + S.FIRST_RTT] = time - times[ofState + S.SYN_TIME]!;
    this.initialRtt = times[ofState + S.FIRST_RTT]!;
    this.flags |= found;
    this.isRemarkable = this.flags !== 0 || this.acksFrame !== 0 || this.bytesInFlight !== 0;
  }

  /** What a segment is that does not advance the sequence number; 0 for one that does. */
  #repeated(
    states: TcpStates,
    fwd: number,
    rev: number,
    fwdTimes: number,
    revTimes: number,
    ofState: number,
    seq: number,
    end: number,
    flags: number,
    length: number,
    time: number,
  ): number {
    const { words: w, times, segments } = states;
    const otherAcks = (w[rev + S.BITS]! & HAS_LAST_ACK) !== 0;
    if (length > 0 && otherAcks && w[rev + S.LAST_ACK] !== 0 && !after(end, w[rev + S.LAST_ACK]!))
      return SPURIOUS_RETRANSMISSION;
    const next = w[fwd + S.NEXT_SEQ]!;
    if ((w[fwd + S.BITS]! & HAS_NEXT_SEQ) === 0 || !before(seq, next)) return 0;
    // What begins with the byte of a window probe brings new data.
    if (length > 1 && seq === (next - 1) >>> 0) return 0;
    const sinceAck = time - times[revTimes + S.LAST_ACK_TIME]!;
    if (w[rev + S.DUPLICATES]! >= 2 && sinceAck < FAST_WITHIN && w[rev + S.LAST_ACK] === seq)
      return FAST_RETRANSMISSION;
    const rtt = times[ofState + S.FIRST_RTT]!;
    const within = rtt > 0 ? rtt : OUT_OF_ORDER_WITHIN;
    const sinceHighest = time - times[fwdTimes + S.NEXT_SEQ_TIME]!;
    if (sinceHighest < within) {
      const withFlags = (end + (flags & (wire.SYN | wire.FIN) ? 1 : 0)) >>> 0;
      let isSeen = w[fwd + S.NEXT_SEQ] === withFlags;
      for (let node = w[fwd + S.HEAD]!; node !== 0 && !isSeen; node = segments.following(node)) {
        if (after(segments.seq(node), seq)) break;
        if (!after(end, segments.nextSeq(node))) isSeen = true;
      }
      if (!isSeen) return OUT_OF_ORDER;
    }
    // The timer runs since the segment was sent that has waited longest for its acknowledgement.
    let oldest = w[fwd + S.HEAD]!;
    for (let node = oldest; node !== 0; node = segments.following(node))
      if (segments.frame(node) < segments.frame(oldest)) oldest = node;
    this.rtoFrame = oldest === 0 ? w[fwd + S.NEXT_SEQ_FRAME]! : segments.frame(oldest);
    this.rto = oldest === 0 ? sinceHighest : time - segments.time(oldest);
    return RETRANSMISSION;
  }

  /** Notes a segment as sent and not yet acknowledged. */
  #note(states: TcpStates, fwd: number, seq: number, nextSeq: number, frame: number, time: number): void {
    const { words: w, segments } = states;
    if (w[fwd + S.SEGMENTS]! >= MAX_UNACKED) return;
    const node = segments.make(seq, nextSeq, frame, time);
    if (node === 0) return;
    const previous = segments.place(w[fwd + S.HEAD]!, w[fwd + S.TAIL]!, seq);
    segments.link(node, previous, w[fwd + S.HEAD]!);
    if (w[fwd + S.HEAD] === 0 || after(nextSeq, w[fwd + S.HIGHEST]!)) w[fwd + S.HIGHEST] = nextSeq;
    if (previous === 0) w[fwd + S.HEAD] = node;
    if (previous === w[fwd + S.TAIL]) w[fwd + S.TAIL] = node;
    w[fwd + S.SEGMENTS]!++;
  }

  /** Takes away the other side's segments that `ack` acknowledges, and notes the one that it ends with. */
  #acknowledge(states: TcpStates, rev: number, ack: number, time: number): void {
    const { words: w, segments } = states;
    for (let node = w[rev + S.HEAD]!; node !== 0 && before(segments.seq(node), ack); ) {
      const following = segments.following(node);
      const nextSeq = segments.nextSeq(node);
      if (after(nextSeq, ack)) segments.setSeq(node, ack);
      else {
        if (nextSeq === ack && (this.acksFrame === 0 || segments.frame(node) < this.acksFrame)) {
          this.acksFrame = segments.frame(node);
          this.ackRtt = time - segments.time(node);
        }
        if (w[rev + S.HEAD] === node) w[rev + S.HEAD] = following;
        if (w[rev + S.TAIL] === node) w[rev + S.TAIL] = segments.preceding(node);
        segments.drop(node);
        w[rev + S.SEGMENTS]!--;
      }
      node = following;
    }
  }

  /** Reads the options that matter here: window scale of a SYN, selective acknowledgements. */
  #options(bytes: Uint8Array, at: number, body: number, w: Uint32Array, fwd: number, rev: number, flags: number): void {
    let sacked = 0;
    let shift = NOT_SCALED;
    for (let place = wire.optionsAt(at); place < body; ) {
      const type = bytes[place]!;
      if (type === OPTION_END) break;
      if (type === OPTION_NOP) {
        place++;
        continue;
      }
      const length = place + 1 < body ? bytes[place + 1]! : 0;
      if (length < 2 || place + length > body) break;
      if (type === OPTION_WINDOW_SCALE && length === 3) shift = Math.min(bytes[place + 2]!, MAX_SHIFT) + 1;
      else if (type === OPTION_SACK)
        for (let block = place + 2; block + 8 <= place + length; block += 8)
          sacked += Math.max((be32(bytes, block + 4) - be32(bytes, block)) | 0, 0);
      place += length;
    }
    w[fwd + S.SACKED] = sacked;
    if ((flags & wire.SYN) === 0) return;
    w[fwd + S.BITS] = (w[fwd + S.BITS]! & ~SHIFT_MASK) | shift;
    // RFC 7323 2.2: unless both SYNs have the option neither side scales.
    if (shift === NOT_SCALED) w[rev + S.BITS]! |= NOT_SCALED;
  }
}
