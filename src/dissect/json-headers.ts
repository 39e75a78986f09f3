import { writeIpv4, writeMac, writeNine, writeUint } from '../bytes/digits.ts';
import { be16, be24, be32 } from '../bytes/endian.ts';
import { findFields } from './fields.ts';
import type { FrameFacts } from './frame.ts';
import { type Phrases, writePhrase, writeTime } from './phrases.ts';

/** The fixed fields of common headers as JSON, straight from the header's bytes: the rows of a compact record.
 *
 * Three of four fields of most captures are these. Field by field they are written at 30 ns each, and half of them are
 * flags and numbers that are the same in packet after packet: here such neighbours are one phrase, looked up by the bits
 * that make it. What comes out is byte for byte what the fields' own rows give; a test compares the two. */

/** Most different values of a group of bits whose text is kept; crafted captures make others, which are put together each
 * time. */
const MAX_KEPT = 2048;

/** Text by up to 16 bits of a header. */
class Table {
  readonly #phrases: Phrases;
  readonly #known: Uint32Array;
  readonly #make: (bits: number) => string;
  #count = 0;
  #scratch = 0;

  constructor(phrases: Phrases, bits: number, make: (bits: number) => string) {
    this.#phrases = phrases;
    this.#known = new Uint32Array(1 << bits);
    this.#make = make;
  }

  get(bits: number): number {
    const phrase = this.#known[bits]!;
    return phrase !== 0 ? phrase : this.#add(bits);
  }

  #add(bits: number): number {
    const text = this.#make(bits);
    if (this.#count === MAX_KEPT) {
      if (this.#scratch === 0) this.#scratch = this.#phrases.room();
      return this.#phrases.replace(this.#scratch, text);
    }
    this.#count++;
    return (this.#known[bits] = this.#phrases.add(text));
  }
}

/** `,"ip.ttl":`. Throws where the registry has no such field: a typing error here. */
const key = (name: string): string => {
  if (findFields(name).length !== 1) throw new RangeError(`no field ${name}`);
  return `,"${name}":`;
};
const flag = (name: string, bits: number): string => `${key(name)}${bits !== 0}`;

/** Bytes that a header takes at most, and what `writePhrase` overwrites behind it. */
export const HEADER_ROOM = 1536;

/** Writers of the headers' keys and values, each with a comma before it. They give the offset behind what they wrote. */
export class HeaderWriter {
  readonly #phrases: Phrases;
  readonly #number: number;
  readonly #epoch: number;
  readonly #delta: number;
  readonly #relative: number;
  readonly #len: number;
  readonly #capLen: number;
  readonly #interfaceId: number;
  readonly #protocols: number;
  readonly #ethDst: number;
  readonly #ethSrc: readonly number[];
  readonly #ethType: readonly number[];
  readonly #ipHead: Table;
  readonly #ipId: number;
  readonly #ipFlags: Table;
  readonly #ipTtl: Table;
  readonly #ipSrc: number;
  readonly #ipDst: number;
  readonly #ip6Head: Table;
  readonly #ip6Plen: number;
  readonly #ip6Next: Table;
  readonly #ip6Dst: number;
  readonly #tcpSrc: number;
  readonly #tcpDst: number;
  readonly #tcpSeq: number;
  readonly #tcpAck: number;
  readonly #tcpFlags: Table;
  readonly #tcpChecksum: number;
  readonly #tcpUrgent: number;
  readonly #stream: number;
  readonly #completeness: number;
  readonly #seq: number;
  readonly #nextSeq: number;
  readonly #ack: number;
  readonly #tcpRelative: number;
  readonly #tcpDelta: number;
  readonly #window: number;
  readonly #scale: number;
  readonly #minus: number;
  readonly #tsval: number;
  readonly #tsecr: number;
  readonly #tsend: number;
  readonly #udpSrc: number;
  readonly #udpDst: number;
  readonly #udpLength: number;
  readonly #udpChecksum: number;
  readonly #udpStatus: number;
  readonly #udpStream: number;
  readonly #udpRelative: number;
  readonly #udpDelta: number;
  readonly #quote: number;
  /** The second that `#second` is the text of. */
  #epochSecond = Number.NaN;
  readonly #secondRoom: number;
  #second = 0;

  constructor(phrases: Phrases) {
    this.#phrases = phrases;
    const add = (text: string): number => phrases.add(text);
    this.#quote = add('"');
    this.#number = add(key('frame.number'));
    this.#secondRoom = phrases.room();
    this.#epoch = add(`${key('frame.time_epoch')}"`);
    this.#delta = add(`"${key('frame.time_delta')}"`);
    this.#relative = add(`"${key('frame.time_relative')}"`);
    this.#len = add(`"${key('frame.len')}`);
    this.#capLen = add(key('frame.cap_len'));
    this.#interfaceId = add(key('frame.interface_id'));
    this.#protocols = add(key('frame.protocols'));

    this.#ethDst = add(`${key('eth.dst')}"`);
    this.#ethSrc = [0, 1].map((bit) => add(`"${flag('eth.dst.ig', bit)}${key('eth.src')}"`));
    this.#ethType = [0, 1].map((bit) => add(`"${flag('eth.src.ig', bit)}${key('eth.type')}`));

    this.#ipHead = new Table(
      phrases,
      16,
      (bits) =>
        `${key('ip.version')}${bits >>> 12}${key('ip.hdr_len')}${((bits >>> 8) & 15) * 4}${key('ip.dsfield')}${bits & 255}${key(
          'ip.dsfield.dscp',
        )}${(bits & 255) >>> 2}${key('ip.dsfield.ecn')}${bits & 3}${key('ip.len')}`,
    );
    this.#ipId = add(key('ip.id'));
    this.#ipFlags = new Table(
      phrases,
      16,
      (bits) =>
        `${key('ip.flags')}${bits >>> 13}${flag('ip.flags.rb', bits & 0x8000)}${flag('ip.flags.df', bits & 0x4000)}${flag(
          'ip.flags.mf',
          bits & 0x2000,
        )}${key('ip.frag_offset')}${bits & 0x1fff}`,
    );
    this.#ipTtl = new Table(
      phrases,
      16,
      (bits) => `${key('ip.ttl')}${bits >>> 8}${key('ip.proto')}${bits & 255}${key('ip.checksum')}`,
    );
    this.#ipSrc = add(`${key('ip.checksum.status')}2${key('ip.src')}"`);
    this.#ipDst = add(`"${key('ip.dst')}"`);

    this.#ip6Head = new Table(
      phrases,
      12,
      (bits) =>
        `${key('ipv6.version')}${bits >>> 8}${key('ipv6.tclass')}${bits & 255}${key('ipv6.tclass.dscp')}${
          (bits & 255) >>> 2
        }${key('ipv6.tclass.ecn')}${bits & 3}${key('ipv6.flow')}`,
    );
    this.#ip6Plen = add(key('ipv6.plen'));
    this.#ip6Next = new Table(
      phrases,
      16,
      (bits) => `${key('ipv6.nxt')}${bits >>> 8}${key('ipv6.hlim')}${bits & 255}${key('ipv6.src')}"`,
    );
    this.#ip6Dst = add(`"${key('ipv6.dst')}"`);

    this.#tcpSrc = add(key('tcp.srcport'));
    this.#tcpDst = add(key('tcp.dstport'));
    this.#tcpSeq = add(key('tcp.seq_raw'));
    this.#tcpAck = add(key('tcp.ack_raw'));
    this.#tcpFlags = new Table(
      phrases,
      16,
      (bits) =>
        `${key('tcp.hdr_len')}${(bits >>> 12) * 4}${key('tcp.flags')}${bits & 0xfff}${flag('tcp.flags.res', bits & 0xe00)}${[
          'ae',
          'cwr',
          'ece',
          'urg',
          'ack',
          'push',
          'reset',
          'syn',
          'fin',
        ]
          .map((name, i) => flag(`tcp.flags.${name}`, bits & (0x100 >>> i)))
          .join('')}${key('tcp.window_size_value')}`,
    );
    this.#tcpChecksum = add(key('tcp.checksum'));
    this.#tcpUrgent = add(`${key('tcp.checksum.status')}2${key('tcp.urgent_pointer')}`);
    this.#stream = add(key('tcp.stream'));
    this.#completeness = add(key('tcp.completeness'));
    this.#seq = add(key('tcp.seq'));
    this.#nextSeq = add(key('tcp.nxtseq'));
    this.#ack = add(key('tcp.ack'));
    this.#tcpRelative = add(`${key('tcp.time_relative')}"`);
    this.#tcpDelta = add(`"${key('tcp.time_delta')}"`);
    this.#window = add(`"${key('tcp.window_size')}`);
    this.#scale = add(key('tcp.window_size_scalefactor'));
    this.#minus = add('-');
    this.#tsval = add(
      `${key('tcp.option_kind')}[1,1,8]${key('tcp.option_len')}[10]${key('tcp.options.timestamp.tsval')}[`,
    );
    this.#tsecr = add(`]${key('tcp.options.timestamp.tsecr')}[`);
    this.#tsend = add(']');

    this.#udpSrc = add(key('udp.srcport'));
    this.#udpDst = add(key('udp.dstport'));
    this.#udpLength = add(key('udp.length'));
    this.#udpChecksum = add(key('udp.checksum'));
    this.#udpStatus = add(`${key('udp.checksum.status')}2`);
    this.#udpStream = add(key('udp.stream'));
    this.#udpRelative = add(`${key('udp.time_relative')}"`);
    this.#udpDelta = add(`"${key('udp.time_delta')}"`);
  }

  /** The facts of a frame, up to the key of its protocols. */
  frame(view: DataView, p: number, facts: Required<FrameFacts>, captured: number): number {
    const { first, previous, seconds, nanoseconds } = facts;
    if (seconds !== this.#epochSecond) {
      this.#epochSecond = seconds;
      this.#second = this.#phrases.replace(this.#secondRoom, `${key('frame.time_epoch')}"${seconds}.`);
    }
    const { words } = this.#phrases;
    p = writeUint(view, writePhrase(view, p, words, this.#number), facts.number);
    if (seconds >= 0) p = writeNine(view, writePhrase(view, p, words, this.#second), nanoseconds);
    else p = writeTime(view, writePhrase(view, p, words, this.#epoch), seconds, nanoseconds);
    p = writePhrase(view, p, words, this.#delta);
    p = writeDifference(view, p, seconds, nanoseconds, previous.seconds, previous.nanoseconds);
    p = writePhrase(view, p, words, this.#relative);
    p = writeDifference(view, p, seconds, nanoseconds, first.seconds, first.nanoseconds);
    p = writeUint(view, writePhrase(view, p, words, this.#len), facts.originalLength);
    p = writeUint(view, writePhrase(view, p, words, this.#capLen), captured);
    p = writeUint(view, writePhrase(view, p, words, this.#interfaceId), facts.interfaceId);
    return writePhrase(view, p, words, this.#protocols);
  }

  eth(view: DataView, p: number, bytes: Uint8Array, at: number): number {
    const { words } = this.#phrases;
    p = writeMac(view, writePhrase(view, p, words, this.#ethDst), bytes, at);
    p = writeMac(view, writePhrase(view, p, words, this.#ethSrc[bytes[at]! & 1]!), bytes, at + 6);
    p = writePhrase(view, p, words, this.#ethType[bytes[at + 6]! & 1]!);
    return writeUint(view, p, be16(bytes, at + 12));
  }

  ip(view: DataView, p: number, bytes: Uint8Array, at: number): number {
    const head = this.#ipHead.get(be16(bytes, at));
    const flags = this.#ipFlags.get(be16(bytes, at + 6));
    const ttl = this.#ipTtl.get(be16(bytes, at + 8));
    const { words } = this.#phrases;
    p = writeUint(view, writePhrase(view, p, words, head), be16(bytes, at + 2));
    p = writeUint(view, writePhrase(view, p, words, this.#ipId), be16(bytes, at + 4));
    p = writePhrase(view, p, words, flags);
    p = writeUint(view, writePhrase(view, p, words, ttl), be16(bytes, at + 10));
    p = writeIpv4(view, writePhrase(view, p, words, this.#ipSrc), bytes, at + 12);
    p = writeIpv4(view, writePhrase(view, p, words, this.#ipDst), bytes, at + 16);
    return writePhrase(view, p, words, this.#quote);
  }

  /** Up to the source address. */
  ip6Source(view: DataView, p: number, bytes: Uint8Array, at: number): number {
    const head = this.#ip6Head.get(be16(bytes, at) >>> 4);
    const next = this.#ip6Next.get(be16(bytes, at + 6));
    const { words } = this.#phrases;
    p = writeUint(view, writePhrase(view, p, words, head), be24(bytes, at + 1) & 0xf_ffff);
    p = writeUint(view, writePhrase(view, p, words, this.#ip6Plen), be16(bytes, at + 4));
    return writePhrase(view, p, words, next);
  }

  /** Between the two addresses. */
  ip6Destination(view: DataView, p: number): number {
    return writePhrase(view, p, this.#phrases.words, this.#ip6Dst);
  }

  tcp(view: DataView, p: number, bytes: Uint8Array, at: number): number {
    const flags = this.#tcpFlags.get(be16(bytes, at + 12));
    const { words } = this.#phrases;
    p = writeUint(view, writePhrase(view, p, words, this.#tcpSrc), be16(bytes, at));
    p = writeUint(view, writePhrase(view, p, words, this.#tcpDst), be16(bytes, at + 2));
    p = writeUint(view, writePhrase(view, p, words, this.#tcpSeq), be32(bytes, at + 4));
    p = writeUint(view, writePhrase(view, p, words, this.#tcpAck), be32(bytes, at + 8));
    p = writeUint(view, writePhrase(view, p, words, flags), be16(bytes, at + 14));
    p = writeUint(view, writePhrase(view, p, words, this.#tcpChecksum), be16(bytes, at + 16));
    return writeUint(view, writePhrase(view, p, words, this.#tcpUrgent), be16(bytes, at + 18));
  }

  /** The values of a ROW_TCP_SESSION from `row` on. */
  tcpSession(view: DataView, p: number, number: Float64Array, row: number): number {
    const { words } = this.#phrases;
    p = writeUint(view, writePhrase(view, p, words, this.#stream), number[row]!);
    p = writeUint(view, writePhrase(view, p, words, this.#completeness), number[row + 1]!);
    p = writeUint(view, writePhrase(view, p, words, this.#seq), number[row + 2]!);
    p = writeUint(view, writePhrase(view, p, words, this.#nextSeq), number[row + 3]!);
    p = writeUint(view, writePhrase(view, p, words, this.#ack), number[row + 4]!);
    p = writeSpan(view, writePhrase(view, p, words, this.#tcpRelative), number[row + 5]!);
    p = writeSpan(view, writePhrase(view, p, words, this.#tcpDelta), number[row + 6]!);
    p = writeUint(view, writePhrase(view, p, words, this.#window), number[row + 7]!);
    const factor = number[row + 8]!;
    if (Number.isNaN(factor)) return p;
    p = writePhrase(view, p, words, this.#scale);
    return factor < 0 ? writeUint(view, writePhrase(view, p, words, this.#minus), -factor) : writeUint(view, p, factor);
  }

  /** The options of twelve bytes at `at`: two NOPs and timestamps. */
  tcpTimestamps(view: DataView, p: number, bytes: Uint8Array, at: number): number {
    const { words } = this.#phrases;
    p = writeUint(view, writePhrase(view, p, words, this.#tsval), be32(bytes, at + 4));
    p = writeUint(view, writePhrase(view, p, words, this.#tsecr), be32(bytes, at + 8));
    return writePhrase(view, p, words, this.#tsend);
  }

  udp(view: DataView, p: number, bytes: Uint8Array, at: number): number {
    const { words } = this.#phrases;
    p = writeUint(view, writePhrase(view, p, words, this.#udpSrc), be16(bytes, at));
    p = writeUint(view, writePhrase(view, p, words, this.#udpDst), be16(bytes, at + 2));
    p = writeUint(view, writePhrase(view, p, words, this.#udpLength), be16(bytes, at + 4));
    p = writeUint(view, writePhrase(view, p, words, this.#udpChecksum), be16(bytes, at + 6));
    return writePhrase(view, p, words, this.#udpStatus);
  }

  /** The values of a ROW_UDP_SESSION from `row` on. */
  udpSession(view: DataView, p: number, number: Float64Array, row: number): number {
    const { words } = this.#phrases;
    p = writeUint(view, writePhrase(view, p, words, this.#udpStream), number[row]!);
    p = writeSpan(view, writePhrase(view, p, words, this.#udpRelative), number[row + 1]!);
    p = writeSpan(view, writePhrase(view, p, words, this.#udpDelta), number[row + 2]!);
    return writePhrase(view, p, words, this.#quote);
  }
}

/** The time between two others, as `walkFrame` takes it. */
function writeDifference(
  view: DataView,
  p: number,
  seconds: number,
  nanoseconds: number,
  fromSeconds: number,
  fromNanoseconds: number,
): number {
  seconds -= fromSeconds;
  nanoseconds -= fromNanoseconds;
  if (nanoseconds < 0) {
    seconds--;
    nanoseconds += 1e9;
  }
  return writeTime(view, p, seconds, nanoseconds);
}

/** Nanoseconds as seconds and nanoseconds, the former rounded down. */
function writeSpan(view: DataView, p: number, span: number): number {
  if (span >= 0 && span < 1e9) return writeTime(view, p, 0, span);
  const seconds = Math.floor(span / 1e9);
  return writeTime(view, p, seconds, span - seconds * 1e9);
}
