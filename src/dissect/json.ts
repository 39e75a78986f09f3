import { TextWriter } from '../bytes/text.ts';
import type { FrameBlock } from '../frames/block.ts';
import type { FrameInterface } from '../frames/source.ts';
import { allFields, type FieldInfo, type Fields, findFields } from './fields.ts';
import { type PacketOptions, PacketWalker } from './packets.ts';

const CHUNK = 1 << 16;
const BULKY = ['tcp.payload', 'udp.payload', 'data.data', 'tcp.options'];
const QUOTE = 34;
const COMMA = 44;

export interface JsonOptions extends PacketOptions {
  /** Adds bytes in hexadecimal: the frame's as `frame_raw`, and the fields that hold whole payloads (`tcp.payload`,
   * `udp.payload`, `data.data`, `tcp.options`), which are left out otherwise. */
  raw?: boolean;
}

/** Writes packets as NDJSON: one object a line.
 *
 * Each layer is an object under its protocol's name (a second layer of the same protocol under `name#2`, and so on), with
 * fields under their full names. So no key stands twice in an object, and a key has one type always: flags are booleans,
 * numbers up to 32 bits numbers, 64 bits and times (`seconds.nanoseconds`) strings, so that no digit is lost, addresses
 * strings, bytes strings of hexadecimal digits; a field that may stand several times in a layer is a list always. Where
 * decoding stopped early, `stop` tells why. */
export class JsonPrinter {
  readonly #out = new TextWriter(1 << 17);
  readonly #take: (chunk: Uint8Array) => void;
  readonly #raw: boolean;
  readonly #walker: PacketWalker;
  readonly #fields: Fields;
  /** By field id: `"name":`. */
  readonly #keys: Uint8Array[] = allFields.map((info) => Buffer.from(`"${info.name}":`));
  readonly #infos: readonly FieldInfo[] = [...allFields];
  /** By field id: 1 where the field is not shown. */
  readonly #hidden = new Uint8Array(allFields.length);
  /** By field id, for lists: the row where the list of this layer ends so far, and which layer that is. */
  readonly #lastRow = new Uint32Array(allFields.length);
  readonly #seen = new Uint32Array(allFields.length);
  #nextRow = new Uint32Array(256);
  #layerSerial = 0;

  /** `out` gets views of the writer's memory, which hold until it returns. */
  constructor(options: JsonOptions, out: (chunk: Uint8Array) => void) {
    this.#raw = options.raw ?? false;
    this.#walker = new PacketWalker(options);
    this.#fields = this.#walker.fields;
    this.#take = out;
    if (!this.#raw) for (const name of BULKY) for (const info of findFields(name)) this.#hidden[info.id] = 1;
  }

  /** Prints the block's kept rows. Gives how many those were. */
  print(block: FrameBlock, interfaces: readonly FrameInterface[]): number {
    let printed = 0;
    for (let row = 0; row < block.count; row++) {
      if (block.keep[row] === 0 || !this.#walker.walk(block, row, interfaces)) continue;
      this.#packet(block.offset[row]!, block.capturedLength[row]!);
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

  #packet(at: number, length: number): void {
    const out = this.#out;
    const f = this.#fields;
    out.byte(123);
    for (let layer = 0; layer < f.layers; layer++) {
      if (layer > 0) out.byte(COMMA);
      this.#layerKey(layer);
      this.#layer(f.layerField[layer]!, f.layerField[layer + 1]!);
    }
    if (this.#raw) {
      out.ascii(',"frame_raw":"');
      out.hexBytes(f.bytes, at, at + length);
      out.byte(QUOTE);
    }
    if (f.stopped !== null) {
      out.ascii(',"stop":');
      out.utf8(JSON.stringify({ ...f.stopped, offset: f.stopped.offset - at }));
    }
    out.ascii('}\n');
    if (out.length >= CHUNK) this.flush();
  }

  #layerKey(layer: number): void {
    const f = this.#fields;
    const protocol = f.layerProtocol[layer]!;
    let occurrence = 1;
    for (let i = 0; i < layer; i++) if (f.layerProtocol[i]!.name === protocol.name) occurrence++;
    this.#out.byte(QUOTE);
    this.#out.ascii(protocol.name);
    if (occurrence > 1) {
      this.#out.byte(35);
      this.#out.decimal(occurrence);
    }
    this.#out.ascii('":');
  }

  #layer(from: number, to: number): void {
    const out = this.#out;
    const f = this.#fields;
    const infos = this.#infos;
    const serial = (this.#layerSerial = (this.#layerSerial + 1) >>> 0 || 1);
    if (this.#nextRow.length < to) this.#nextRow = new Uint32Array(f.id.length);
    const next = this.#nextRow;
    // Rows of a list are linked, and written where its first one stands.
    for (let row = from; row < to; row++) {
      const id = f.id[row]!;
      next[row] = 0;
      if (!infos[id]!.list) continue;
      if (this.#seen[id] === serial) next[this.#lastRow[id]!] = row;
      this.#seen[id] = serial;
      this.#lastRow[id] = row;
    }
    const listed = (this.#layerSerial = (this.#layerSerial + 1) >>> 0 || 1);
    out.byte(123);
    let isFirst = true;
    for (let row = from; row < to; row++) {
      const id = f.id[row]!;
      if (this.#hidden[id] === 1) continue;
      const info = infos[id]!;
      if (info.list) {
        if (this.#seen[id] === listed) continue;
        this.#seen[id] = listed;
      }
      if (!isFirst) out.byte(COMMA);
      isFirst = false;
      const key = this.#keys[id]!;
      out.copy(key, 0, key.length);
      if (!info.list) this.#value(row, info);
      else {
        out.byte(91);
        for (let item = row; ; item = next[item]!) {
          this.#value(item, info);
          if (next[item] === 0) break;
          out.byte(COMMA);
        }
        out.byte(93);
      }
    }
    out.byte(125);
  }

  #value(row: number, info: FieldInfo): void {
    const out = this.#out;
    const f = this.#fields;
    const at = f.at[row]!;
    switch (info.type) {
      case 'none':
        out.ascii('null');
        break;
      case 'bool':
        out.ascii(f.number[row] !== 0 ? 'true' : 'false');
        break;
      case 'uint8':
      case 'uint16':
      case 'uint24':
      case 'uint32':
        out.decimal(f.number[row]!);
        break;
      case 'int32':
        out.signed(f.number[row]!);
        break;
      case 'float':
        out.ascii(String(f.number[row]));
        break;
      case 'uint64':
        out.ascii(`"${f.object[row]}"`);
        break;
      case 'string':
        this.#string(f.object[row] as string);
        break;
      case 'time':
        out.byte(QUOTE);
        out.signed(f.number[row]!);
        out.byte(46);
        out.padded(f.nanoseconds[row]!, 9, 48);
        out.byte(QUOTE);
        break;
      default:
        out.byte(QUOTE);
        if (info.type === 'ipv4') out.ipv4(f.bytes, at);
        else if (info.type === 'ipv6') out.ipv6(f.bytes, at);
        else if (info.type === 'ether') out.mac(f.bytes, at);
        else out.hexBytes(f.bytes, at, at + f.length[row]!);
        out.byte(QUOTE);
    }
  }

  /** A string of the network: JSON.stringify escapes what steers terminals, but for DEL and the C1 controls. */
  #string(text: string): void {
    let isPlain = true;
    for (let i = 0; i < text.length && isPlain; i++) {
      const unit = text.charCodeAt(i);
      isPlain = unit >= 0x20 && unit < 0x7f && unit !== QUOTE && unit !== 92;
    }
    if (isPlain) {
      this.#out.byte(QUOTE);
      this.#out.ascii(text);
      this.#out.byte(QUOTE);
    } else
      this.#out.utf8(
        JSON.stringify(text).replace(/[\x7f-\x9f]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`),
      );
  }
}
