import { sum } from '../bytes/checksum.ts';
import { wordOf, writeIpv4, writeIpv6, writeUint, writeWord } from '../bytes/digits.ts';
import { be16, be24, be32 } from '../bytes/endian.ts';
import { hexdump } from '../bytes/hexdump.ts';
import { TextWriter } from '../bytes/text.ts';
import type { DecodeAsTables } from './decode-as-tables.ts';
import { type TextOptions, TROUBLE_INVALID, TROUBLE_TRUNCATED } from './options.ts';
import { SequenceTable } from './sequence.ts';

/** Thrown by a read beyond the captured bytes and caught by `printFrame`: one object, made once, without a stack. It
 * never leaves this room. A printer that has more to say after a cut (as tcpdump's often has) asks `has` instead. */
export const TRUNCATED = Object.freeze({ truncated: true });

/** As `TRUNCATED`, thrown by `need`. The line is the same; but a hexdump of the payload begins behind the link-level
 * header, where behind `TRUNCATED` it begins with that: tcpdump leaves its printers by one or the other way. */
export const CUT = Object.freeze({ cut: true });

/** Deepest nesting of packets in packets that is printed. */
export const MAX_TEXT_DEPTH = 32;

/** Prints the header at `at`, of which the layer above says that `length` bytes are there on the wire, with its payload.
 * Reads through `t`, whose `end` bounds what was captured. */
export type Print = (t: Text, at: number, length: number) => void;

/** What a printer of text works with: the frame, the options, where the text goes, and what the layers above found.
 *
 * One object serves all frames: nothing is made per packet. */
export class Text {
  readonly out = new TextWriter(1 << 17);
  readonly options: TextOptions;
  readonly link: boolean;
  readonly verbose: number;
  readonly quiet: boolean;
  readonly absoluteSequence: boolean;
  readonly checksums: boolean;
  /** True where a hexdump of the whole packet follows or little is to be shown, so that unknown payload is not dumped. */
  readonly dumps: boolean;
  readonly sequences = new SequenceTable();
  readonly decodeAs: DecodeAsTables | null;
  /** Addresses and ports are written as they are: nobody has names for them. */
  readonly numeric: boolean;

  bytes: Uint8Array = new Uint8Array(0);
  /** First byte that must not be read: the end of the captured bytes, or of the innermost length that cuts them. */
  end = 0;
  /** Name of the protocol being printed, for `[|name]`. */
  layer = '';
  /** Offset of the innermost IP header. */
  ip = 0;
  ipVersion = 4;
  /** Its protocol or next header field. */
  protocolOfIp = 0;
  /** The innermost IP packet is a fragment, so its payload is not all here. */
  fragmented = false;
  /** Time to live of the innermost IP packet. */
  ttl = 0;
  /** Bytes of link-level header, which hexdumps of the payload leave out. */
  linkHeaderLength = 0;
  /** Bits of TROUBLE_*. */
  trouble = 0;
  /** How deep packets are nested; bounded, so that no frame can exhaust the stack. */
  depth = 0;
  /** How many Ethernet headers are open, for the same reason: one in another needs no IP in between. */
  ethernets = 0;

  constructor(options: TextOptions) {
    this.options = options;
    this.decodeAs = options.decodeAs ?? null;
    this.link = options.link ?? false;
    this.verbose = options.verbose ?? 0;
    this.quiet = options.quiet ?? false;
    this.absoluteSequence = options.absoluteSequence ?? false;
    this.checksums = options.checksums ?? true;
    this.numeric = options.hostName === undefined && options.portName === undefined;
    this.dumps = Boolean(options.hex || options.hexAscii || options.quiet);
  }

  /** True where `count` bytes at `at` were captured. */
  has(at: number, count: number): boolean {
    return at + count <= this.end;
  }

  /** Ends the packet's line with `[|layer]` unless `count` bytes at `at` were captured. */
  need(at: number, count: number): void {
    if (at + count > this.end) throw CUT;
  }

  /** As `need`, as far as a failing read would end the line: see `CUT`. */
  reads(at: number, count: number): void {
    if (at + count > this.end) throw TRUNCATED;
  }

  /** Reads that end the line with `[|layer]` where the bytes were not captured. */
  u8(at: number): number {
    if (at >= this.end) throw TRUNCATED;
    return this.bytes[at]!;
  }

  be16(at: number): number {
    if (at + 2 > this.end) throw TRUNCATED;
    return be16(this.bytes, at);
  }

  be24(at: number): number {
    if (at + 3 > this.end) throw TRUNCATED;
    return be24(this.bytes, at);
  }

  be32(at: number): number {
    if (at + 4 > this.end) throw TRUNCATED;
    return be32(this.bytes, at);
  }

  /** ` [|layer]`: the capture ends before the header does. */
  truncated(layer = this.layer): void {
    this.trouble |= TROUBLE_TRUNCATED;
    this.out.ascii(' [|');
    this.out.ascii(layer);
    this.out.byte(93);
  }

  /** ` (invalid)`. */
  invalid(): void {
    this.trouble |= TROUBLE_INVALID;
    this.out.ascii(' (invalid)');
  }

  /** `[what a < b]` and `(invalid)`: how tcpdump reports a length that contradicts another. */
  complain(what: string, value: number, relation: string, other: number): void {
    const { out } = this;
    out.byte(91);
    out.ascii(what);
    out.byte(32);
    out.signed(value);
    out.ascii(relation);
    out.signed(other);
    out.byte(93);
    this.invalid();
  }

  /** The address of four bytes at `at`, or its name. */
  ipv4(at: number): void {
    this.reads(at, 4);
    const name = this.options.hostName?.(this.bytes, at, 4);
    if (name === undefined) this.out.ipv4(this.bytes, at);
    else this.name(name);
  }

  /** The address of 16 bytes at `at`, or its name. */
  ipv6(at: number): void {
    this.reads(at, 16);
    const name = this.options.hostName?.(this.bytes, at, 16);
    if (name === undefined) this.out.ipv6(this.bytes, at);
    else this.name(name);
  }

  port(port: number, transport: 'tcp' | 'udp'): void {
    const name = this.options.portName?.(port, transport);
    if (name === undefined) this.out.decimal(port);
    else this.name(name);
  }

  /** `source.port > destination.port: ` of the innermost IP packet, whose header was captured. */
  ends(srcPort: number, dstPort: number, transport: 'tcp' | 'udp'): void {
    const { out, ip } = this;
    const src = ip + (this.ipVersion === 4 ? 12 : 8);
    const dst = ip + (this.ipVersion === 4 ? 16 : 24);
    if (!this.numeric) {
      this.#address(src);
      out.byte(46);
      this.port(srcPort, transport);
      out.word(TO);
      this.#address(dst);
      out.byte(46);
      this.port(dstPort, transport);
      out.word(COLON);
      return;
    }
    // Most lines have it, so room is made once, and the place is kept in a local: a third of the time piece by piece.
    out.reserve(ENDS);
    const { memory } = out;
    let to = writeEnd(memory, out.length, this.bytes, src, this.ipVersion, srcPort);
    to = writeWord(memory, to, TO);
    to = writeEnd(memory, to, this.bytes, dst, this.ipVersion, dstPort);
    out.length = writeWord(memory, to, COLON);
  }

  #address(at: number): void {
    if (this.ipVersion === 4) this.ipv4(at);
    else this.ipv6(at);
  }

  mac(at: number): void {
    this.reads(at, 6);
    const name = this.options.macName?.(this.bytes, at);
    if (name === undefined) this.out.mac(this.bytes, at);
    else this.name(name);
  }

  /** Text that is not ours (from a resolver): bytes that could steer a terminal are made visible. */
  name(text: string): void {
    for (let i = 0; i < text.length; i++) this.visible(text.charCodeAt(i));
  }

  /** One byte of the network's text in tcpdump's form: `M-` for the eighth bit, `^X` for control characters. */
  visible(value: number): void {
    const { out } = this;
    if (value > 0x7f) {
      out.byte(77);
      out.byte(45);
      value &= 0x7f;
    }
    if (value < 0x20 || value === 0x7f) {
      out.byte(94);
      value ^= 0x40;
    }
    out.byte(value);
  }

  /** Bytes `at` up to `end` as text, made visible. True where the capture ended first. */
  visibleBytes(at: number, end: number): boolean {
    const stop = Math.min(end, this.end);
    for (; at < stop; at++) this.visible(this.bytes[at]!);
    return stop < end;
  }

  /** A hexdump of what was captured of `length` bytes at `at`, for payload that nothing here knows: unless a dump of the
   * whole packet was asked for. */
  unknown(at: number, length: number): void {
    if (!this.dumps) hexdump(this.out, this.bytes, at, Math.min(at + length, this.end), true);
  }

  /** Running sum of the pseudo header of the innermost IP packet, without the length: see `wire/pseudo.ts`. For IPv4
   * with source routing options the destination is the last address of the route, which the options give. */
  pseudo(protocol: number): number {
    const { bytes, ip } = this;
    if (this.ipVersion === 6)
      return sum(bytes, ip + 8, ip + 24, sum(bytes, this.finalDst, this.finalDst + 16)) + protocol;
    return sum(bytes, ip + 12, ip + 16, sum(bytes, this.finalDst, this.finalDst + 4)) + protocol;
  }

  /** Offset of the address that the innermost IP packet finally goes to. */
  finalDst = 0;
}

const TO = wordOf(' > ');
const COLON = wordOf(': ');
/** Bytes that two IPv6 addresses and ports with what stands between them take at most. */
const ENDS = 160;

/** Writes `address.port`, and gives the offset behind it. */
function writeEnd(
  view: DataView,
  at: number,
  bytes: Uint8Array,
  address: number,
  version: number,
  port: number,
): number {
  const behind = version === 4 ? writeIpv4(view, at, bytes, address) : writeIpv6(view, at, bytes, address);
  view.setUint8(behind, 46);
  return writeUint(view, behind + 1, port);
}
