import { TextWriter } from '../bytes/text.ts';
import type { FrameBlock } from '../frames/block.ts';
import type { FrameInterface } from '../frames/source.ts';
import { printable, writeValue } from './columns.ts';
import { allFields, type FieldInfo } from './fields.ts';
import { type PacketOptions, PacketWalker } from './packets.ts';
import { writtenTime } from './timestamp.ts';

const CHUNK = 1 << 16;
/** Bytes of a field that stand beside it; of a longer one the rest follows below. */
const BESIDE = 8;
/** Most lines of bytes for one field. */
const MOST_LINES = 4;
const LEFT = 6 + BESIDE * 3;

/** Prints each packet as layers and fields, for reading one closely: on the left the offset and the bytes that a field
 * comes from, on the right what they mean, with the field's name.
 *
 *     0000  02 00 00 00 00 02         Destination: 02:00:00:00:00:02 (eth.dst)
 */
export class TreePrinter {
  readonly #out = new TextWriter(1 << 17);
  readonly #value = new TextWriter(1 << 12);
  readonly #take: (chunk: Uint8Array) => void;
  readonly #walker: PacketWalker;

  /** `out` gets views of the writer's memory, which hold until it returns. */
  constructor(options: Omit<PacketOptions, 'wanted'>, out: (chunk: Uint8Array) => void) {
    this.#walker = new PacketWalker(options);
    this.#take = out;
  }

  /** Prints the block's kept rows that the filter lets pass. Gives how many those were. */
  print(block: FrameBlock, interfaces: readonly FrameInterface[]): number {
    let printed = 0;
    for (let row = 0; row < block.count; row++) {
      if (block.keep[row] === 0 || !this.#walker.walk(block, row, interfaces)) continue;
      this.#packet(block.offset[row]!, block.capturedLength[row]!);
      if (this.#out.length >= CHUNK) this.flush();
      printed++;
    }
    return printed;
  }

  /** Hands out what has gathered. */
  flush(): void {
    if (this.#out.length === 0) return;
    this.#take(this.#out.view());
    this.#out.clear();
  }

  #packet(start: number, captured: number): void {
    const out = this.#out;
    const { fields: f, facts } = this.#walker;
    out.ascii(`Frame ${facts.number}: ${facts.originalLength} bytes on wire, ${captured} captured, `);
    out.utf8(writtenTime(facts.seconds, facts.nanoseconds));
    if (facts.interfaceName !== '') out.utf8(`, ${printable(facts.interfaceName)}`);
    out.byte(10);
    for (let layer = 0; layer < f.layers; layer++) {
      const protocol = f.layerProtocol[layer]!;
      const at = f.layerAt[layer]!;
      if (protocol.name !== 'frame') {
        out.hexPadded(at - start, 4);
        this.#pad(LEFT - 4);
        out.ascii(`${protocol.title} (${protocol.name}), ${f.layerLength[layer]} bytes\n`);
      }
      for (let row = f.layerField[layer]!; row < f.layerField[layer + 1]!; row++) this.#field(row, start, captured);
    }
    if (f.stopped !== null) {
      const { layer, offset, needed, available, limit } = f.stopped;
      this.#pad(LEFT);
      out.ascii(`Stopped in ${layer} at byte ${offset - start}: ${needed} needed, ${available} there (${limit})\n`);
    }
    out.byte(10);
  }

  #field(row: number, start: number, captured: number): void {
    const out = this.#out;
    const { fields: f } = this.#walker;
    const info = allFields[f.id[row]!]!;
    const at = f.at[row]!;
    // Bytes of a reassembled packet are not the frame's.
    const length = at >= start && at + f.length[row]! <= start + captured ? f.length[row]! : 0;
    this.#bytes(at, start, Math.min(length, BESIDE));
    out.ascii('  ');
    out.ascii(info.title);
    if (info.type !== 'none') {
      out.ascii(': ');
      this.#show(row, info);
    }
    out.ascii(` (${info.name})\n`);
    for (let line = 1; line * BESIDE < length; line++) {
      if (line === MOST_LINES) {
        out.ascii(`      ... ${length - line * BESIDE} more bytes`);
        out.byte(10);
        break;
      }
      this.#bytes(at + line * BESIDE, start, Math.min(length - line * BESIDE, BESIDE));
      // No line ends in blanks.
      while (out.bytes[out.length - 1] === 32) out.length--;
      out.byte(10);
    }
  }

  /** The left side: offset and bytes, or nothing where the field was made from others. */
  #bytes(at: number, start: number, count: number): void {
    const out = this.#out;
    const begin = out.length;
    if (count > 0) {
      out.hexPadded(at - start, 4);
      out.byte(32);
      for (let i = 0; i < count; i++) {
        out.byte(32);
        out.hexPadded(this.#walker.fields.bytes[at + i]!, 2);
      }
    }
    this.#pad(LEFT - (out.length - begin));
  }

  #show(row: number, info: FieldInfo): void {
    const out = this.#out;
    const { fields: f } = this.#walker;
    if (info.type === 'bytes' && f.length[row]! > BESIDE) {
      out.decimal(f.length[row]!);
      out.ascii(' bytes');
      return;
    }
    if (info.type === 'bool') {
      out.ascii(f.number[row] !== 0 ? 'Set' : 'Not set');
      return;
    }
    const name = info.values?.[f.number[row]!];
    if (name !== undefined) {
      out.utf8(name);
      out.ascii(' (');
    }
    this.#value.clear();
    writeValue(this.#value, f, row, info);
    out.copy(this.#value.bytes, 0, this.#value.length);
    if (name !== undefined) out.byte(41);
  }

  #pad(count: number): void {
    for (; count > 0; count--) this.#out.byte(32);
  }
}
