import { asciidump, hexdump } from '../bytes/hexdump.ts';
import type { FrameBlock } from '../frames/block.ts';
import * as flags from '../frames/flags.ts';
import type { FrameInterface } from '../frames/source.ts';
import { LINKTYPE_LINUX_SLL2 } from '../wire/linktype.ts';
import type { LineClass, TextOptions } from './options.ts';
import type { Protocol } from './protocol.ts';
import { protocolOfLink } from './protocols.ts';
import { CUT, Text, TRUNCATED } from './text.ts';
import { TimestampWriter } from './timestamp.ts';

/** Bytes gathered before they are handed out: few large writes, and memory that stays small. */
const CHUNK = 1 << 16;
/** Longest snapshot that tcpdump takes a frame's length for sane. */
const MAX_SNAPSHOT = 262144;

/** Prints frames as tcpdump does, one line (or more, as the options ask) for each.
 *
 * Nothing is made per frame: the text of many frames gathers in one buffer, and `out` gets it as a view when enough is
 * there, and at `flush`. The view holds until `out` returns; who needs it longer copies it. */
export class TextPrinter {
  readonly #text: Text;
  readonly #out: (chunk: Uint8Array) => void;
  readonly #time: TimestampWriter;
  readonly #options: TextOptions;
  #frames = 0;
  /** Of the frame before, and its protocol. */
  #linkType = Number.NaN;
  #link: Protocol | undefined;
  /** Interface and direction of the frame, where lines show it. */
  #source = '';
  /** What earlier frames tell of the frame, where lines are coloured. */
  #trouble = 0;

  constructor(options: TextOptions, out: (chunk: Uint8Array) => void) {
    this.#options = options;
    this.#out = out;
    this.#text = new Text(options);
    this.#time = new TimestampWriter(options.timestamp ?? 0, options.nano ?? false);
  }

  /** Frames printed so far, which is the number of the last one. */
  get frames(): number {
    return this.#frames;
  }

  /** Prints the block's kept rows. Gives how many frames those were. */
  print(block: FrameBlock, interfaces: readonly FrameInterface[]): number {
    const { showInterface, colour, trouble } = this.#options;
    let printed = 0;
    for (let row = 0; row < block.count; row++) {
      if (block.keep[row] === 0) continue;
      if (showInterface) this.#source = sourceLabel(interfaces[block.interfaceId[row]!], block.flags[row]!);
      if (colour && trouble) this.#trouble = trouble(block, row, interfaces);
      this.printFrame(
        block.bytes,
        block.offset[row]!,
        block.capturedLength[row]!,
        block.originalLength[row]!,
        block.seconds[row]!,
        block.nanoseconds[row]!,
        interfaces[block.interfaceId[row]!]?.linkType ?? -1,
      );
      printed++;
    }
    return printed;
  }

  /** Prints one frame: `captured` bytes at `at`, of `original` on the wire. */
  printFrame(
    bytes: Uint8Array,
    at: number,
    captured: number,
    original: number,
    seconds: number,
    nanoseconds: number,
    linkType: number,
  ): void {
    const t = this.#text;
    const { out } = t;
    const begin = out.length;
    this.#frames++;
    if (this.#options.number) {
      out.padded(this.#frames, 5);
      out.ascii('  ');
    }
    if (captured === 0 || original === 0 || original < captured || captured > MAX_SNAPSHOT || original > MAX_SNAPSHOT) {
      this.#invalidHeader(captured, original);
      this.#end(begin);
      return;
    }
    this.#time.write(out, seconds, nanoseconds);
    if (this.#source !== '') out.ascii(this.#source);
    t.bytes = bytes;
    t.end = at + captured;
    t.layer = '';
    t.trouble = this.#trouble;
    t.depth = 0;
    t.ethernets = 0;
    t.linkHeaderLength = 0;
    // A Map's lookup takes longer than a comparison, and nearly all files have one link type.
    if (linkType !== this.#linkType) {
      this.#linkType = linkType;
      this.#link = protocolOfLink(linkType);
    }
    const protocol = this.#link;
    try {
      if (protocol?.print) protocol.print(t, at, original);
      else t.unknown(at, captured);
    } catch (error) {
      if (error !== TRUNCATED && error !== CUT) throw error;
      if (error === TRUNCATED) t.linkHeaderLength = 0;
      t.truncated();
    }
    this.#dump(bytes, at, at + captured);
    out.byte(10);
    this.#end(begin);
  }

  /** Hands out what has gathered. */
  flush(): void {
    const { out } = this.#text;
    if (out.length === 0) return;
    this.#out(out.view());
    out.clear();
  }

  #invalidHeader(captured: number, original: number): void {
    const { out } = this.#text;
    out.ascii('[Invalid header:');
    let separator = '';
    const add = (text: string): void => {
      out.ascii(`${separator} ${text}`);
      separator = ',';
    };
    if (captured === 0) add('caplen==0');
    if (original === 0) add('len==0');
    else if (original < captured) add(`len(${original}) < caplen(${captured})`);
    if (captured > MAX_SNAPSHOT) add(`caplen(${captured}) > ${MAX_SNAPSHOT}`);
    if (original > MAX_SNAPSHOT) add(`len(${original}) > ${MAX_SNAPSHOT}`);
    out.ascii(']\n');
  }

  #dump(bytes: Uint8Array, at: number, end: number): void {
    const { out, linkHeaderLength } = this.#text;
    const { hexAscii, hex, ascii } = this.#options;
    const payload = Math.min(at + linkHeaderLength, end);
    if (hexAscii) hexdump(out, bytes, hexAscii > 1 ? at : payload, end, true);
    else if (hex) hexdump(out, bytes, hex > 1 ? at : payload, end, false);
    else if (ascii && (ascii > 1 || payload < end)) asciidump(out, bytes, ascii > 1 ? at : payload, end);
  }

  #end(begin: number): void {
    const t = this.#text;
    if (this.#options.colour) this.#colour(begin, this.#options.colour({ protocol: t.layer, trouble: t.trouble }));
    if (t.out.length >= CHUNK) this.flush();
  }

  /** Puts the bytes that begin and end a colour around what was written since `begin`, before its last newline. */
  #colour(begin: number, colour: ReturnType<NonNullable<TextOptions['colour']>>): void {
    if (colour === null) return;
    const { out } = this.#text;
    const end = out.length - 1;
    out.reserve(colour.begin.length + colour.end.length);
    out.bytes.copyWithin(begin + colour.begin.length, begin, end);
    out.bytes.set(colour.begin, begin);
    out.length = end + colour.begin.length;
    out.copy(colour.end, 0, colour.end.length);
    out.byte(10);
  }
}

/** `eth0  In  `, in the columns in which cooked frames have the same; '' for those. */
function sourceLabel(from: FrameInterface | undefined, frameFlags: number): string {
  if (from === undefined || from.linkType === LINKTYPE_LINUX_SLL2) return '';
  const reception = frameFlags & flags.RECEPTION_MASK;
  let direction = 'In';
  if ((frameFlags & flags.DIRECTION_MASK) === flags.DIRECTION_OUT) direction = 'Out';
  else if (reception === flags.RECEPTION_BROADCAST) direction = 'B';
  else if (reception === flags.RECEPTION_MULTICAST) direction = 'M';
  else if (reception === flags.RECEPTION_PROMISCUOUS) direction = 'P';
  // A device's name is whatever its maker chose; a terminal gets no control characters from it.
  return `${from.name.replace(/[^\x21-\x7e]/g, '?').padEnd(5)} ${direction.padEnd(3)} `;
}

/** Prints a single frame as text, with the newline at its end. */
export function printFrame(
  bytes: Uint8Array,
  linkType: number,
  options: TextOptions & { originalLength?: number; seconds?: number; nanoseconds?: number } = {},
): string {
  let text = '';
  const printer = new TextPrinter({ timestamp: 1, ...options }, (chunk) => {
    text += Buffer.from(chunk).toString('latin1');
  });
  printer.printFrame(
    bytes,
    0,
    bytes.length,
    options.originalLength ?? bytes.length,
    options.seconds ?? 0,
    options.nanoseconds ?? 0,
    linkType,
  );
  printer.flush();
  return text;
}

export type { LineClass };
