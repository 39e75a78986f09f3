import { writeUint } from '../bytes/digits.ts';
import { TextWriter } from '../bytes/text.ts';
import type { FrameBlock } from '../frames/block.ts';
import type { FrameInterface } from '../frames/source.ts';
import { checkFields } from './columns.ts';
import {
  allFields,
  type Fields,
  type FieldType,
  findFields,
  ROW_ETH,
  ROW_FRAME,
  ROW_IP,
  ROW_IPV6,
  ROW_TCP,
  ROW_TCP_SESSION,
  ROW_TCP_TIMESTAMPS,
  ROW_UDP,
  ROW_VALUE,
  TCP_SESSION_VALUES,
  UDP_SESSION_VALUES,
} from './fields.ts';
import { HEADER_ROOM, HeaderWriter } from './json-headers.ts';
import { type PacketOptions, PacketWalker } from './packets.ts';
import { Phrases, phraseRoom, writePhrase, writeTime } from './phrases.ts';
import type { Protocol } from './protocol.ts';

const CHUNK = 1 << 16;
const BULKY = ['tcp.payload', 'udp.payload', 'data.data', 'tcp.options'];
const QUOTE = 34;
const COMMA = 44;
const BACKSLASH = 92;
const OPENING_BRACE = 123;
const CLOSING_BRACE = 125;

export interface JsonOptions extends PacketOptions {
  /** Adds bytes in hexadecimal: the frame's as `frame_raw`, and the fields that hold whole payloads (`tcp.payload`,
   * `udp.payload`, `data.data`, `tcp.options`), which are left out otherwise. */
  raw?: boolean;
  /** Names of the only fields that objects have, in the layers where they stand; layers without any are left out, and so is
   * `stop`. Left out: all, but those of `raw` and those that say again what others say. */
  only?: readonly string[];
  /** Writes common headers from their bytes, with the same outcome; default: true. For tests. */
  compact?: boolean;
}

/** What is done with a field, for comparing numbers where types are strings. */
const HIDDEN = 0;
const UINT = 1;
const BOOL = 2;
const IPV4 = 3;
const ETHER = 4;
const TIME = 5;
const IPV6 = 6;
const STRING = 7;
const NONE = 8;
const INT = 9;
const FLOAT = 10;
const UINT64 = 11;
const BYTES = 12;
const PROTOCOLS = 13;
const HEADER = 14;
/** Or-ed: the field is a list. */
const LIST = 16;
const KIND = 15;
const KINDS: Readonly<Record<FieldType, number>> = {
  none: NONE,
  bool: BOOL,
  uint8: UINT,
  uint16: UINT,
  uint24: UINT,
  uint32: UINT,
  uint64: UINT64,
  int32: INT,
  float: FLOAT,
  ipv4: IPV4,
  ipv6: IPV6,
  ether: ETHER,
  bytes: BYTES,
  string: STRING,
  time: TIME,
};

/** Layers from the frame up to one, as frames have had them: under which key the last one's object stands. */
interface Stack {
  readonly protocol: Protocol | null;
  /** Phrase `,"tcp":`. */
  readonly key: number;
  readonly inner: Stack[];
}
/** Bounds what crafted captures can make of the stacks: beyond it they begin anew. */
const MAX_STACKS = 4096;

/** Writes packets as NDJSON: one object a line.
 *
 * Each layer is an object under its protocol's name (a second layer of the same protocol under `name#2`, and so on), with
 * fields under their full names. So no key stands twice in an object, and a key has one type always: flags are booleans,
 * numbers up to 32 bits numbers, 64 bits and times (`seconds.nanoseconds`) strings, so that no digit is lost, addresses
 * strings, bytes strings of hexadecimal digits; a field that may stand several times in a layer is a list always. Where
 * decoding stopped early, `stop` tells why. */
export class JsonPrinter {
  readonly #out = new TextWriter(1 << 17);
  /** The writer's memory for words of eight bytes. */
  #view: DataView;
  #viewed: Uint8Array;
  readonly #take: (chunk: Uint8Array) => void;
  readonly #raw: boolean;
  readonly #isSelection: boolean;
  readonly #walker: PacketWalker;
  readonly #fields: Fields;
  readonly #phrases = new Phrases();
  readonly #headers: HeaderWriter;
  /** By field id: what is done with it. */
  readonly #kinds = new Uint8Array(0x10000);
  /** By field id: phrase `,"name":`; for flags `,"name":false`, and in the other `true`. */
  readonly #keys = new Uint32Array(allFields.length);
  readonly #trueKeys = new Uint32Array(allFields.length);
  #stacks: Stack = { protocol: null, key: 0, inner: [] };
  #stackCount = 0;
  readonly #layerKeys = new Map<string, number>();
  readonly #protocolNames = new Map<string, number>();
  /** Of the frame before: more often than not this one has the same. */
  #lastNames = '';
  #lastPhrase = 0;
  /** Room for a key and a value of any kind whose length is bounded. */
  readonly #room: number;
  /** By field id, for lists: the row where the list of this layer ends so far. */
  readonly #lastRow = new Uint32Array(allFields.length);
  /** By field id: in which layer it was seen last. */
  readonly #seen = new Uint32Array(allFields.length);
  #nextRow = new Uint32Array(256);
  #layerSerial = 0;

  /** `out` gets views of the writer's memory, which hold until it returns. Throws UnknownField. */
  constructor(options: JsonOptions, out: (chunk: Uint8Array) => void) {
    this.#raw = options.raw ?? false;
    this.#take = out;
    this.#viewed = this.#out.bytes;
    this.#view = viewOf(this.#viewed);
    let longest = 0;
    for (const { id, name, type, list } of allFields) {
      const isFlag = type === 'bool' && !list;
      this.#kinds[id] = KINDS[type] | (list ? LIST : 0);
      this.#keys[id] = this.#phrases.add(`,"${name}":${isFlag ? 'false' : ''}`);
      if (isFlag) this.#trueKeys[id] = this.#phrases.add(`,"${name}":true`);
      longest = Math.max(longest, name.length);
    }
    this.#room = longest + 128;
    for (const info of findFields('frame.protocols')) this.#kinds[info.id] = PROTOCOLS;
    const { only } = options;
    this.#isSelection = only !== undefined;
    if (only !== undefined) {
      checkFields(only);
      const shown = new Set(only.flatMap((name) => findFields(name).map(({ id }) => id)));
      for (const { id } of allFields) if (!shown.has(id)) this.#kinds[id] = HIDDEN;
    } else {
      if (!this.#raw) for (const name of BULKY) for (const info of findFields(name)) this.#kinds[info.id] = HIDDEN;
      // Fields that are there only where somebody asks for them.
      for (const info of allFields) if (info.named) this.#kinds[info.id] = HIDDEN;
    }
    const wanted = Uint8Array.from(allFields, ({ id }) => (this.#kinds[id] === HIDDEN ? 0 : 1));
    this.#walker = new PacketWalker({ ...options, wanted, fieldsOnly: this.#isSelection });
    this.#fields = this.#walker.fields;
    this.#fields.whole = !this.#isSelection;
    // A display filter reads the fields themselves, and a selection is less than a header.
    this.#fields.compact = (options.compact ?? true) && (options.filter ?? null) === null && !this.#isSelection;
    this.#kinds.fill(HEADER, ROW_VALUE);
    this.#kinds[ROW_VALUE] = HIDDEN;
    this.#headers = new HeaderWriter(this.#phrases);
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
    const begin = out.length;
    let stack = this.#stacks;
    for (let layer = 0; layer < f.layers; layer++) {
      stack = this.#inner(stack, f, layer);
      if (this.#isSelection && !this.#hasShown(f.layerField[layer]!, f.layerField[layer + 1]!)) continue;
      this.#reserve();
      out.length = writePhrase(this.#view, out.length, this.#phrases.words, stack.key);
      this.#layer(f.layerField[layer]!, f.layerField[layer + 1]!);
    }
    // The key of the first layer begins with a comma.
    if (out.length === begin) out.byte(OPENING_BRACE);
    else out.bytes[begin] = OPENING_BRACE;
    if (this.#raw) {
      out.ascii(',"frame_raw":"');
      out.hexBytes(f.bytes, at, at + length);
      out.byte(QUOTE);
    }
    if (f.stopped !== null && !this.#isSelection) {
      out.ascii(',"stop":');
      out.utf8(JSON.stringify({ ...f.stopped, offset: f.stopped.offset - at }));
    }
    out.ascii('}\n');
    if (out.length >= CHUNK) this.flush();
  }

  /** Whether one of these rows is of a field that is shown. */
  #hasShown(from: number, to: number): boolean {
    const { id } = this.#fields;
    for (let row = from; row < to; row++) if (this.#kinds[id[row]!] !== HIDDEN) return true;
    return false;
  }

  /** The stack with the protocol of `layer` on `stack`, which is the one below it. */
  #inner(stack: Stack, f: Fields, layer: number): Stack {
    const protocol = f.layerProtocol[layer]!;
    const known = stack.inner;
    for (let i = 0; i < known.length; i++) if (known[i]!.protocol === protocol) return known[i]!;
    let occurrence = 1;
    for (let i = 0; i < layer; i++) if (f.layerProtocol[i]!.name === protocol.name) occurrence++;
    const name = occurrence > 1 ? `${protocol.name}#${occurrence}` : protocol.name;
    let key = this.#layerKeys.get(name);
    if (key === undefined) this.#layerKeys.set(name, (key = this.#phrases.add(`,"${name}":`)));
    const inner: Stack = { protocol, key, inner: [] };
    if (++this.#stackCount > MAX_STACKS) {
      this.#stacks = { protocol: null, key: 0, inner: [] };
      this.#stackCount = 0;
    } else known.push(inner);
    return inner;
  }

  /** Whatever wrote may have made the writer take other memory: a view of the old one writes into nothing. `#viewed` is
   * compared, for asking a view for its buffer is a call out of compiled code. */
  #look(): void {
    this.#viewed = this.#out.bytes;
    this.#view = viewOf(this.#viewed);
  }

  /** Makes room for a key and a value. */
  #reserve(): void {
    const out = this.#out;
    out.reserve(this.#room);
    if (this.#viewed !== out.bytes) this.#look();
  }

  /** Links rows of the same list: `#nextRow` then has the following one or 0. Gives the serial number of the layer. */
  #link(from: number, to: number): number {
    const { id } = this.#fields;
    const serial = (this.#layerSerial = (this.#layerSerial + 1) >>> 0 || 1);
    if (this.#nextRow.length < to) this.#nextRow = new Uint32Array(id.length);
    const next = this.#nextRow;
    for (let row = from; row < to; row++) {
      const own = id[row]!;
      if ((this.#kinds[own]! & LIST) === 0) continue;
      next[row] = 0;
      if (this.#seen[own] === serial) next[this.#lastRow[own]!] = row;
      this.#seen[own] = serial;
      this.#lastRow[own] = row;
    }
    return (this.#layerSerial = (this.#layerSerial + 1) >>> 0 || 1);
  }

  #layer(from: number, to: number): void {
    const out = this.#out;
    const trueKeys = this.#trueKeys;
    const kinds = this.#kinds;
    const keys = this.#keys;
    const { id, number } = this.#fields;
    const room = this.#room;
    let { bytes } = out;
    let view = this.#view;
    let { words } = this.#phrases;
    let p = out.length;
    const begin = p;
    const seen = this.#seen;
    const serial = (this.#layerSerial = (this.#layerSerial + 1) >>> 0 || 1);
    // Rows of a list are linked once the layer turns out to have one, and written where its first one stands.
    let listed = 0;
    for (let row = from; row < to; row++) {
      const own = id[row]!;
      const kind = kinds[own]!;
      if (kind === HIDDEN) continue;
      if (p + room > bytes.length) {
        out.length = p;
        out.reserve(room);
        bytes = out.bytes;
        this.#look();
        view = this.#view;
      }
      if (kind < LIST && kind !== HEADER) {
        // Messages that break their rules have twice what can stand only once: the first counts.
        if (seen[own] === serial) continue;
        seen[own] = serial;
      }
      if (kind === UINT) {
        p = writeUint(view, writePhrase(view, p, words, keys[own]!), number[row]!);
        continue;
      }
      if (kind === BOOL) {
        p = writePhrase(view, p, words, (number[row] === 0 ? keys : trueKeys)[own]!);
        continue;
      }
      if (kind === HEADER) {
        out.length = p;
        row = this.#header(own, row);
      } else if (kind < LIST) {
        out.length = writePhrase(view, p, words, keys[own]!);
        this.#value(row, kind);
      } else {
        if (listed === 0) listed = this.#link(row, to);
        if (this.#seen[own] === listed) continue;
        this.#seen[own] = listed;
        out.length = writePhrase(view, p, words, keys[own]!);
        let separator = 91;
        for (let item = row; ; item = this.#nextRow[item]!) {
          out.byte(separator);
          separator = COMMA;
          this.#reserve();
          this.#value(item, kind & KIND);
          if (this.#nextRow[item] === 0) break;
        }
        out.byte(93);
      }
      this.#reserve();
      p = out.length;
      bytes = out.bytes;
      view = this.#view;
      words = this.#phrases.words;
    }
    if (p === begin) bytes[p++] = OPENING_BRACE;
    else bytes[begin] = OPENING_BRACE;
    // There is room: what was written last left some.
    bytes[p++] = CLOSING_BRACE;
    out.length = p;
  }

  /** Writes a row that stands for a whole header. Gives the last one that belongs to it. */
  #header(id: number, row: number): number {
    const out = this.#out;
    const f = this.#fields;
    out.reserve(HEADER_ROOM);
    if (this.#viewed !== out.bytes) this.#look();
    const headers = this.#headers;
    const view = this.#view;
    const p = out.length;
    const at = f.at[row]!;
    switch (id) {
      case ROW_FRAME:
        out.length = headers.frame(view, p, this.#walker.facts, f.layerLength[0]!);
        this.#protocols(f.object[row] as string);
        return row;
      case ROW_ETH:
        out.length = headers.eth(view, p, f.bytes, at);
        return row;
      case ROW_IP:
        out.length = headers.ip(view, p, f.bytes, at);
        return row;
      case ROW_IPV6:
        out.length = headers.ip6Source(view, p, f.bytes, at);
        out.ipv6(f.bytes, at + 8);
        out.length = headers.ip6Destination(view, out.length);
        out.ipv6(f.bytes, at + 24);
        out.bytes[out.length++] = QUOTE;
        return row;
      case ROW_TCP:
        out.length = headers.tcp(view, p, f.bytes, at);
        return row;
      case ROW_TCP_SESSION:
        out.length = headers.tcpSession(view, p, f.number, row + 1);
        return row + TCP_SESSION_VALUES;
      case ROW_TCP_TIMESTAMPS:
        out.length = headers.tcpTimestamps(view, p, f.bytes, at);
        return row;
      case ROW_UDP:
        out.length = headers.udp(view, p, f.bytes, at);
        return row;
      default:
        out.length = headers.udpSession(view, p, f.number, row + 1);
        return row + UDP_SESSION_VALUES;
    }
  }

  /** Writes a value where there is room for one whose length is bounded. */
  #value(row: number, kind: number): void {
    const out = this.#out;
    const f = this.#fields;
    const at = f.at[row]!;
    const { bytes } = out;
    const view = this.#view;
    let p = out.length;
    switch (kind) {
      case UINT:
        out.length = writeUint(view, p, f.number[row]!);
        return;
      case IPV4:
        bytes[p++] = QUOTE;
        out.length = p;
        out.ipv4(f.bytes, at);
        bytes[out.length++] = QUOTE;
        return;
      case ETHER:
        bytes[p++] = QUOTE;
        out.length = p;
        out.mac(f.bytes, at);
        bytes[out.length++] = QUOTE;
        return;
      case TIME:
        bytes[p] = QUOTE;
        p = writeTime(view, p + 1, f.number[row]!, f.nanoseconds[row]!);
        bytes[p] = QUOTE;
        out.length = p + 1;
        return;
      case IPV6:
        bytes[p++] = QUOTE;
        out.length = p;
        out.ipv6(f.bytes, at);
        bytes[out.length++] = QUOTE;
        return;
      case NONE:
        out.ascii('null');
        return;
      case BOOL:
        out.ascii(f.number[row] !== 0 ? 'true' : 'false');
        return;
      case INT:
        out.signed(f.number[row]!);
        return;
      case FLOAT:
        out.ascii(String(f.number[row]));
        return;
      case UINT64:
        out.ascii(`"${f.object[row]}"`);
        return;
      case PROTOCOLS:
        this.#protocols(f.object[row] as string);
        break;
      case STRING:
        this.#string(f.object[row] as string);
        break;
      default:
        out.byte(QUOTE);
        out.hexBytes(f.bytes, at, at + f.length[row]!);
        out.byte(QUOTE);
    }
    // Of any length: the memory may be another one now, and the room gone.
    if (this.#viewed !== out.bytes) this.#look();
    this.#reserve();
  }

  /** The protocols of a frame, of which there are few: written as phrases. */
  #protocols(names: string): void {
    const out = this.#out;
    let phrase = names === this.#lastNames ? this.#lastPhrase : this.#protocolNames.get(names);
    if (phrase === undefined) {
      // Bounds what crafted captures can make of it.
      if (this.#protocolNames.size === MAX_STACKS || names.length > 1000) {
        this.#string(names);
        return;
      }
      phrase = this.#phrases.add(`"${names}"`);
      this.#protocolNames.set(names, phrase);
    }
    this.#lastNames = names;
    this.#lastPhrase = phrase;
    out.reserve(phraseRoom(phrase));
    if (this.#viewed !== out.bytes) this.#look();
    out.length = writePhrase(this.#view, out.length, this.#phrases.words, phrase);
  }

  /** A string of the network, escaped as JSON.stringify does it, and DEL and the C1 controls as well: what steers
   * terminals. */
  #string(text: string): void {
    const out = this.#out;
    // A unit becomes six bytes at most.
    out.reserve(text.length * 6 + 2);
    const { bytes } = out;
    let p = out.length;
    bytes[p++] = QUOTE;
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      if (unit >= 0x20 && unit < 0x7f && unit !== QUOTE && unit !== BACKSLASH) bytes[p++] = unit;
      else if (unit >= 0xd800 && unit < 0xe000) {
        this.#stringified(text);
        return;
      } else if (unit >= 0x800) {
        bytes[p++] = 0xe0 | (unit >>> 12);
        bytes[p++] = 0x80 | ((unit >>> 6) & 0x3f);
        bytes[p++] = 0x80 | (unit & 0x3f);
      } else if (unit >= 0xa0) {
        bytes[p++] = 0xc0 | (unit >>> 6);
        bytes[p++] = 0x80 | (unit & 0x3f);
      } else {
        bytes[p++] = BACKSLASH;
        const letter = unit === QUOTE || unit === BACKSLASH ? unit : (ESCAPES[unit] ?? 0);
        if (letter !== 0) bytes[p++] = letter;
        else {
          bytes[p++] = 117;
          bytes[p++] = 48;
          bytes[p++] = 48;
          bytes[p++] = HEX_DIGIT[unit >>> 4]!;
          bytes[p++] = HEX_DIGIT[unit & 15]!;
        }
      }
    }
    bytes[p++] = QUOTE;
    out.length = p;
  }

  /** The same for a string with surrogates, of which lone ones are escaped. */
  #stringified(text: string): void {
    this.#out.utf8(
      JSON.stringify(text).replace(/[\x7f-\x9f]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`),
    );
  }
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

/** Letters that stand for control characters behind a backslash; 0: there is none. */
const ESCAPES = new Uint8Array(0x20);
for (const [unit, letter] of [
  [8, 'b'],
  [9, 't'],
  [10, 'n'],
  [12, 'f'],
  [13, 'r'],
] as const)
  ESCAPES[unit] = letter.charCodeAt(0);
const HEX_DIGIT = new Uint8Array(Buffer.from('0123456789abcdef', 'latin1'));
