import { TextWriter } from '../bytes/text.ts';
import type { FrameBlock } from '../frames/block.ts';
import type { FrameInterface } from '../frames/source.ts';
import { writeValue } from './columns.ts';
import { allFields, type FieldInfo } from './fields.ts';
import { type PacketOptions, PacketWalker } from './packets.ts';
import { utcDay } from './timestamp.ts';

const CHUNK = 1 << 16;
const QUOTE = 34;
const COMMA = 44;

/** Writes packets for Elasticsearch's bulk interface, as `tshark -T ek` does: a line that names the index of the day, then
 * a line with the packet. Fields stand under their layer with the protocol's name before theirs and underscores for dots
 * (`ip_ip_src`); flags are booleans, everything else strings; what stands several times is a list. */
export class EkPrinter {
  readonly #out = new TextWriter(1 << 17);
  readonly #value = new TextWriter(1 << 12);
  readonly #take: (chunk: Uint8Array) => void;
  readonly #walker: PacketWalker;
  readonly #names = allFields.map((info) => info.name.replaceAll('.', '_'));
  #day = Number.NaN;
  #index = '';

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
      this.#packet();
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

  #packet(): void {
    const out = this.#out;
    const { fields: f, facts } = this.#walker;
    const day = Math.floor(facts.seconds / 86_400);
    if (day !== this.#day) {
      this.#day = day;
      this.#index = `{"index":{"_index":"packets-${utcDay(facts.seconds)}","_type":"doc"}}\n`;
    }
    out.ascii(this.#index);
    out.ascii('{"timestamp":"');
    const milliseconds = facts.seconds * 1000 + Math.floor(facts.nanoseconds / 1e6);
    if (milliseconds < 0) out.ascii(String(milliseconds));
    else out.decimal(milliseconds);
    out.ascii('","layers":{');
    let isFirst = true;
    for (let layer = 0; layer < f.layers; layer++) {
      const { name } = f.layerProtocol[layer]!;
      if (this.#stoodBefore(layer, name)) continue;
      if (!isFirst) out.byte(COMMA);
      isFirst = false;
      out.ascii(`"${name.replaceAll('.', '_')}":`);
      let count = 0;
      for (let i = layer; i < f.layers; i++) if (f.layerProtocol[i]!.name === name) count++;
      if (count === 1) this.#layer(layer, name);
      else {
        // The same protocol again, a tunnel's inside: a list of all of them.
        let separator = 91;
        for (let i = layer; i < f.layers; i++) {
          if (f.layerProtocol[i]!.name !== name) continue;
          out.byte(separator);
          separator = COMMA;
          this.#layer(i, name);
        }
        out.byte(93);
      }
    }
    out.ascii('}}\n');
  }

  #stoodBefore(layer: number, name: string): boolean {
    const { fields: f } = this.#walker;
    for (let i = 0; i < layer; i++) if (f.layerProtocol[i]!.name === name) return true;
    return false;
  }

  #layer(layer: number, protocol: string): void {
    const out = this.#out;
    const { fields: f } = this.#walker;
    const from = f.layerField[layer]!;
    const to = f.layerField[layer + 1]!;
    // Ids of this layer by first row, each with all its rows.
    const rows = new Map<number, number[]>();
    for (let row = from; row < to; row++) {
      const own = rows.get(f.id[row]!);
      if (own) own.push(row);
      else rows.set(f.id[row]!, [row]);
    }
    out.byte(123);
    let isFirst = true;
    for (const [id, own] of rows) {
      if (!isFirst) out.byte(COMMA);
      isFirst = false;
      out.ascii(`"${protocol.replaceAll('.', '_')}_${this.#names[id]}":`);
      const info = allFields[id]!;
      if (own.length > 1) out.byte(91);
      own.forEach((row, i) => {
        if (i > 0) out.byte(COMMA);
        this.#print(row, info);
      });
      if (own.length > 1) out.byte(93);
    }
    out.byte(125);
  }

  #print(row: number, info: FieldInfo): void {
    const out = this.#out;
    const { fields: f } = this.#walker;
    if (info.type === 'bool') out.ascii(f.number[row] !== 0 ? 'true' : 'false');
    else if (info.type === 'none') out.ascii('""');
    else if (info.type === 'string') out.utf8(JSON.stringify(f.object[row]));
    else if (info.type === 'bytes') {
      // Bytes are pairs of digits with colons between them here.
      out.byte(QUOTE);
      for (let i = 0; i < f.length[row]!; i++) {
        if (i > 0) out.byte(58);
        out.hexPadded(f.bytes[f.at[row]! + i]!, 2);
      }
      out.byte(QUOTE);
    } else {
      this.#value.clear();
      writeValue(this.#value, f, row, info);
      out.byte(QUOTE);
      out.copy(this.#value.bytes, 0, this.#value.length);
      out.byte(QUOTE);
    }
  }
}
