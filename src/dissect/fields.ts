import { checksum, sum } from '../bytes/checksum.ts';
import { invalid, type Stop, truncated } from '../wire/stop.ts';
import type { DecodeAsTables } from './decode-as-tables.ts';
import type { Print } from './text.ts';

/** The registry of fields, and the record of one packet's fields that dissectors fill in.
 *
 * Everything that shows or tests fields (JSON, columns, display filters, trees) reads this record. It is columns, not
 * objects: a field is a number (its id), a place in the frame, and a value; nothing is made for a field that nobody wants
 * (`wanted`). */

/** Values by type: `bool`, `uint8` … `uint32`, `int32` and `float` in `number`; `uint64` a bigint in `object`; `string` a
 * string in `object`; `ipv4`, `ipv6`, `ether`, `bytes` are the frame's bytes at the field's place; `time` whole seconds in
 * `number` and nanoseconds in `nanoseconds`; `none` has no value (a label). */
export type FieldType =
  | 'none'
  | 'bool'
  | 'uint8'
  | 'uint16'
  | 'uint24'
  | 'uint32'
  | 'uint64'
  | 'int32'
  | 'float'
  | 'ipv4'
  | 'ipv6'
  | 'ether'
  | 'bytes'
  | 'string'
  | 'time';

/** How people write the number. */
export type FieldBase = 'dec' | 'hex' | 'oct';

/** How columns write a `time` that is a date: in the local zone, or in UTC; `ntp` is UTC, where NTP's zero is no date. */
export type DateForm = 'local' | 'utc' | 'ntp';

export interface FieldInfo {
  readonly id: number;
  /** Wireshark's name: `tcp.flags.syn`. */
  readonly name: string;
  /** Wireshark's words for it: `Syn`. */
  readonly title: string;
  readonly type: FieldType;
  readonly base: FieldBase;
  /** May stand several times in one layer: its JSON value is a list. */
  readonly list: boolean;
  /** Names of values. */
  readonly values: Readonly<Record<number, string>> | null;
  /** Says again what another field says, and is made only for who asks for it by name: what shows all fields passes it
   * over. */
  readonly named: boolean;
  /** Null: columns write a `time` as seconds. */
  readonly date: DateForm | null;
  /** Bytes that may rightly be none (Wireshark's BASE_ALLOW_ZERO): columns write `<none>`, not `<MISSING>`. */
  readonly mayBeEmpty: boolean;
}

export interface FieldOptions {
  base?: FieldBase;
  list?: boolean;
  values?: Readonly<Record<number, string>>;
  named?: boolean;
  date?: DateForm;
  mayBeEmpty?: boolean;
}

const infos: FieldInfo[] = [];
const byName = new Map<string, FieldInfo>();
const aliases = new Map<string, readonly string[]>();

/** All fields, by id. */
export const allFields: readonly FieldInfo[] = infos;

/** The fields that a name stands for: one; for an alias such as `ip.addr` or `tcp.port` several; for an unknown name
 * none. */
export function findFields(name: string): readonly FieldInfo[] {
  const info = byName.get(name);
  if (info) return [info];
  const members = aliases.get(name);
  if (members) return members.flatMap((member) => findFields(member));
  // Names that Wireshark has given up, and still takes.
  const renamed = name.replace(/^bootp\./, 'dhcp.').replace(/^ssl\./, 'tls.');
  return renamed === name ? [] : findFields(renamed);
}

/** Names of all fields and aliases. */
export const fieldNames = (): string[] => [...byName.keys(), ...aliases.keys()];

/** Registers a protocol's fields and gives their ids under the same keys; `prefix` is the protocol's name. */
export function defineFields<K extends string>(
  prefix: string,
  definitions: Record<K, readonly [title: string, type: FieldType, options?: FieldOptions]>,
): Readonly<Record<K, number>> {
  const ids = {} as Record<K, number>;
  for (const key of Object.keys(definitions) as K[]) {
    const [title, type, options] = definitions[key];
    const name = `${prefix}.${key}`;
    if (byName.has(name)) throw new RangeError(`field ${name} is defined twice`);
    const info: FieldInfo = {
      id: infos.length,
      name,
      title,
      type,
      base: options?.base ?? 'dec',
      list: options?.list ?? false,
      values: options?.values ?? null,
      named: options?.named ?? false,
      date: options?.date ?? null,
      mayBeEmpty: options?.mayBeEmpty ?? false,
    };
    infos.push(info);
    byName.set(name, info);
    ids[key] = info.id;
  }
  // V8 keeps an object that grew key by key as a hash table; a copy has its keys in places, and a field's id then is a
  // constant in compiled code, where it was a lookup in each packet.
  return Object.freeze({ ...ids });
}

const groups: (readonly number[])[] = [];

/** Makes a group of fields and gives its number for `Fields.wantsSome`: with it, who reads four fields is asked ten times a
 * packet and not sixty times whether it wants them. To be called when the program starts. */
export const groupOf = (ids: readonly number[]): number => groups.push(ids) - 1;

/** Registers a name that stands for several fields: `ip.addr` for `ip.src` and `ip.dst`. */
export function defineAlias(name: string, members: readonly string[]): void {
  aliases.set(name, members);
}

/** Walks the header at `at`, whose layer ends at `end` (never beyond what was captured), into `f`, and what follows it. */
export type Walk = (f: Fields, at: number, end: number) => void;

/** A protocol as the dissection knows it. `print` gives the text, `walk` the fields; both start at the protocol's first
 * byte and go on into the payload. */
export interface Protocol {
  /** Wireshark's name of it, which is also the prefix of its fields: `tcp`. */
  readonly name: string;
  /** Its name in words: `Transmission Control Protocol`. */
  readonly title: string;
  readonly print?: Print;
  readonly walk?: Walk;
  /** Asked before the table of ports decides on this protocol: do the bytes from `at` up to `end` look like it? */
  readonly accepts?: (bytes: Uint8Array, at: number, end: number) => boolean;
  /** Of a protocol over TCP whose messages may go on in the next segment: how long the one at `at` is. */
  readonly measure?: Measure;
  /** Where none of its messages is whole, its layer is there nevertheless, without fields. */
  readonly showsWaiting?: boolean;
}

/** Length of the message that begins at `at`, of which the bytes up to `end` are there; `WAITS_FOR_MORE` where it takes at
 * least one more segment to tell, `WAITS_FOR_END` where the message ends with the connection. `progress` is the message's
 * own: what is kept in it between calls saves reading the same bytes again. */
export type Measure = (bytes: Uint8Array, at: number, end: number, progress: Progress) => number;
export const WAITS_FOR_MORE = 0;
export const WAITS_FOR_END = -1;

export interface Progress {
  /** 0 for a new message. */
  stage: number;
  /** Bytes of the message that need not be read again. */
  done: number;
  /** Belongs to the connection: 0 when it begins, for what one message says about those to come in either direction. */
  connection: number;
}

/** What remembers earlier packets, for the fields that depend on them: `session/sessions.ts`. */
export interface SessionFields {
  /** Number of the frame, from 1. */
  readonly frame: number;
  /** What the acknowledgement number of the TCP segment last seen is counted from; 0 where that is not known. */
  readonly ackBase: number;
  /** A frame begins: its number from 1, and its time. */
  begin(frame: number, seconds: number, nanoseconds: number): void;
  /** Adds fields to the layer of the TCP header at `at` with options up to `body`; the segment carries `length` bytes on
   * the wire. */
  tcp(f: Fields, at: number, body: number, length: number): void;
  /** Walks the payload, from `body` up to `end`, of the TCP header at `at`, with what earlier segments have left of
   * messages; `length` bytes were sent. False where it does not: the payload then is to be walked by itself. */
  payload(f: Fields, at: number, body: number, end: number, length: number): boolean;
  /** Adds fields to the layer of the UDP header at `at`. */
  udp(f: Fields, at: number): void;
  /** The protocol that an earlier packet has announced for the addresses and ports of the innermost UDP header. */
  expected(f: Fields): Protocol | undefined;
  /** The protocol that earlier datagrams between the same two addresses and ports were found to be of; of a TCP segment,
   * what its connection has changed to. */
  spoken(f: Fields): Protocol | undefined;
  /** Says that all datagrams between the addresses and ports of the innermost UDP header, or all later segments of the TCP
   * connection, are of `protocol`. */
  speaks(f: Fields, protocol: Protocol): void;
  /** Announces `protocol` for UDP to and from the address (4 or 16 bytes) and the port. */
  expect(address: Uint8Array, port: number, protocol: Protocol): void;
  /** Names the conversation of the innermost TCP or UDP header, the same for both directions. */
  conversation(f: Fields): string;
  /** What `make` has made for this source of frames; it is called where that is asked for first. */
  memory<T extends object>(make: () => T): T;
  /** Takes the fragment from `at` up to `end` of the IP packet at `ipAt`. Gives -1 where fragments are not put together, 0
   * where some are missing, else the length of the payload, which has been appended to the record and ends at
   * `capturedEnd`. */
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
  ): number;
}

/** Rows of a compact record (see `Fields.header`): a frame's facts; what a header says but for its options; for TCP also
 * what the session makes of it (stream, completeness, seq, nxtseq, ack, nanoseconds since the first and since the last
 * segment, window, scale factor or NaN), and the usual options of two NOPs and timestamps. Above the ids of all fields. */
export const ROW_VALUE = 0xfff0;
export const ROW_FRAME = 0xfff1;
export const ROW_ETH = 0xfff2;
export const ROW_IP = 0xfff3;
export const ROW_IPV6 = 0xfff4;
export const ROW_TCP = 0xfff5;
export const ROW_TCP_SESSION = 0xfff6;
export const ROW_TCP_TIMESTAMPS = 0xfff7;
export const ROW_UDP = 0xfff8;
export const ROW_UDP_SESSION = 0xfff9;
/** Values of the two session rows. */
export const TCP_SESSION_VALUES = 9;
export const UDP_SESSION_VALUES = 3;

/** The fields of one packet, in the order in which they were read. Reused from packet to packet; what was read from it is
 * gone after the next `begin`. */
export class Fields {
  bytes: Uint8Array = new Uint8Array(0);
  /** Number of fields. */
  count = 0;
  id = new Uint16Array(256);
  /** Place in `bytes`. Length 0: made from other fields. */
  at = new Uint32Array(256);
  length = new Uint32Array(256);
  number = new Float64Array(256);
  nanoseconds = new Uint32Array(256);
  /** Strings and bigints; stale where the type says so. */
  object: (string | bigint | null)[] = [];

  /** Number of layers; the fields of layer i are those from `layerField[i]` up to `layerField[i + 1]`. */
  layers = 0;
  readonly layerProtocol: Protocol[] = [];
  readonly layerAt: number[] = [];
  readonly layerLength: number[] = [];
  readonly layerField: number[] = [0];
  /** Why the walk ended before the end of the packet; null where it did not. */
  stopped: Stop | null = null;

  #wanted: Uint8Array | null = null;
  /** By group: 1 where one of its fields is wanted. */
  #wantedGroups = new Uint8Array(0);
  /** Protocols, and tables of them, in which none of the wanted fields can be (`unwanted` in `tables.ts`): their bytes are
   * passed over, and they make no layer. Null: everything is walked. */
  passedOver: ReadonlySet<object> | null = null;
  /** Null: fields that depend on earlier packets are not made, and fragments not put together. */
  sessions: SessionFields | null = null;
  decodeAs: DecodeAsTables<Protocol> | null = null;
  /** When the frame was captured, in whole seconds since 1970 and nanoseconds; NaN where nobody says. */
  frameSeconds = Number.NaN;
  frameNanoseconds = 0;
  /** Last byte captured, plus one. */
  capturedEnd = 0;
  /** What the innermost length field is called, for `stopped`. */
  limit = 'captured length';
  depth = 0;
  /** Checksums are verified, for the `checksum.status` fields; else those say that they are not (as Wireshark's do unless
   * its preferences say otherwise). */
  verifies = false;
  /** For the layers above IP: offset of the innermost IP header and its version (0: there is none). */
  ip = 0;
  ipVersion = 0;
  /** Offset of the innermost packet's final destination address, for checksums. */
  finalDst = 0;
  fragmented = false;
  /** Where the innermost IP packet ends on the wire, which may be beyond what was captured. */
  wireEnd = 0;
  /** Where the innermost IP packet ends by its own length: beyond `capturedEnd` where it is cut. */
  ipEnd = 0;
  srcPort = 0;
  dstPort = 0;
  /** Of the TCP connection: what its messages say about later ones, in bits of their protocol's own. As `connection` of
   * `Progress`; 0 where nothing is remembered. */
  connection = 0;

  /** The consumer writes the fields of common headers itself, from the header's bytes: each such header then is one row
   * (`header`) in place of ten or twenty. Everything else of the walk is the same. */
  compact = false;

  /** The record is shown whole, in the same form for every savefile: `frame.interface_id` is there also where the format
   * has no interfaces, and no name is given to an interface that has none. Who asks for one of them by name gets what
   * Wireshark has. */
  whole = false;

  /** First byte of the frame. */
  #begin = 0;
  /** Where `append` has put something: each place is the end of what was there before. */
  readonly #pieces: number[] = [];
  #pieceCount = 0;
  /** Memory of `append`. */
  #own: Uint8Array = new Uint8Array(0);

  /** By field id: 1 where the consumer wants it. Null: it wants all. Not to be changed once it is given. */
  get wanted(): Uint8Array | null {
    return this.#wanted;
  }

  set wanted(wanted: Uint8Array | null) {
    this.#wanted = wanted;
    if (wanted !== null)
      this.#wantedGroups = Uint8Array.from(groups, (ids) => (ids.some((id) => wanted[id] === 1) ? 1 : 0));
  }

  /** False where none of the group's fields is wanted. */
  wantsSome(group: number): boolean {
    return this.#wanted === null || this.#wantedGroups[group] === 1;
  }

  /** Makes the record empty, for the frame from `at` up to `end` in `bytes`. */
  begin(bytes: Uint8Array, end: number, at = 0): void {
    this.bytes = bytes;
    this.#begin = at;
    this.wireEnd = end;
    this.capturedEnd = end;
    this.count = 0;
    this.layers = 0;
    this.stopped = null;
    this.limit = 'captured length';
    this.depth = 0;
    this.ip = 0;
    this.ipVersion = 0;
    this.fragmented = false;
    this.#pieceCount = 0;
  }

  /** End of the frame, or of what was appended to it, that the byte at `at` stands in. */
  pieceEnd(at: number): number {
    for (let i = 0; i < this.#pieceCount; i++) if (at < this.#pieces[i]!) return this.#pieces[i]!;
    return this.capturedEnd;
  }

  /** Offset of the frame's first byte. */
  get frameAt(): number {
    return this.#begin;
  }

  /** Makes room for `length` bytes behind the captured ones, for a payload put together from several frames, and gives
   * the offset of the first. `bytes` then is memory of the record's own, where the frame's bytes have the same offsets:
   * what was read before stays where it was. */
  append(length: number): number {
    const place = this.capturedEnd;
    this.#pieces[this.#pieceCount++] = place;
    if (this.#own.length < place + length) {
      // The part before the frame is never touched, so that it costs addresses and no memory.
      const larger = new Uint8Array((place + length + 0xffff) & ~0xffff);
      larger.set(this.bytes.subarray(this.#begin, place), this.#begin);
      this.#own = larger;
    } else if (this.bytes !== this.#own) this.#own.set(this.bytes.subarray(this.#begin, place), this.#begin);
    this.bytes = this.#own;
    this.capturedEnd = place + length;
    return place;
  }

  /** True where `above`, a protocol or the table of those that may follow, is not worth looking into. */
  passesOver(above: object | undefined): boolean {
    return this.passedOver !== null && above !== undefined && this.passedOver.has(above);
  }

  wants(id: number): boolean {
    return this.#wanted === null || this.#wanted[id] === 1;
  }

  #add(id: number, at: number, length: number): number {
    const row = this.count;
    if (row === this.id.length) this.#grow();
    this.id[row] = id;
    this.at[row] = at;
    this.length[row] = length;
    this.count = row + 1;
    return row;
  }

  /** Where `compact` is set: one row (`ROW_…`) in place of the fixed fields of the header at `at`, and behind it `values`
   * rows that are nobody's fields, whose `number` is the caller's to fill. Gives the first of them. */
  header(id: number, at: number, values = 0): number {
    const row = this.#add(id, at, 0) + 1;
    for (let i = 0; i < values; i++) this.#add(ROW_VALUE, at, 0);
    return row;
  }

  #grow(): void {
    const size = this.id.length * 2;
    const widen = <T extends Uint16Array | Uint32Array | Float64Array>(from: T, to: T): T => {
      to.set(from);
      return to;
    };
    this.id = widen(this.id, new Uint16Array(size));
    this.at = widen(this.at, new Uint32Array(size));
    this.length = widen(this.length, new Uint32Array(size));
    this.number = widen(this.number, new Float64Array(size));
    this.nanoseconds = widen(this.nanoseconds, new Uint32Array(size));
  }

  /** Begins a layer: the header of `protocol`, `length` bytes at `at`. Fields added from now on are its own. */
  layer(protocol: Protocol, at: number, length: number): void {
    const layer = this.layers++;
    this.layerProtocol[layer] = protocol;
    this.layerAt[layer] = at;
    this.layerLength[layer] = length;
    this.layerField[layer] = this.count;
  }

  /** Ends the last layer: the record is complete. */
  end(): void {
    this.layerField[this.layers] = this.count;
  }

  /** Sets the length of the layer begun last, where it is known only after its fields. */
  layerEnds(end: number): void {
    this.layerLength[this.layers - 1] = end - this.layerAt[this.layers - 1]!;
  }

  uint(id: number, at: number, length: number, value: number): void {
    if (this.#wanted !== null && this.#wanted[id] === 0) return;
    // The row first: adding it may put a larger column in the place of `number`.
    const row = this.#add(id, at, length);
    this.number[row] = value;
  }

  bool(id: number, at: number, length: number, value: boolean): void {
    if (this.#wanted !== null && this.#wanted[id] === 0) return;
    const row = this.#add(id, at, length);
    this.number[row] = value ? 1 : 0;
  }

  /** A field whose value is its bytes: `ipv4`, `ipv6`, `ether`, `bytes`; or that has no value. */
  raw(id: number, at: number, length: number): void {
    if (this.#wanted !== null && this.#wanted[id] === 0) return;
    this.#add(id, at, length);
  }

  /** A `string` or a `uint64`. Where making the value costs something, ask `wants` first. */
  value(id: number, at: number, length: number, value: string | bigint): void {
    if (this.#wanted !== null && this.#wanted[id] === 0) return;
    this.object[this.#add(id, at, length)] = value;
  }

  time(id: number, at: number, length: number, seconds: number, nanoseconds: number): void {
    if (this.#wanted !== null && this.#wanted[id] === 0) return;
    const row = this.#add(id, at, length);
    this.number[row] = seconds;
    this.nanoseconds[row] = nanoseconds;
  }

  /** True where `needed` bytes at `at` are before `end`; else notes why the walk stops here. */
  fits(layer: string, at: number, needed: number, end: number): boolean {
    if (at + needed <= end) return true;
    this.stopped ??= truncated(layer, at, needed, end - at, end >= this.capturedEnd ? 'captured length' : this.limit);
    return false;
  }

  /** Notes that the value at `at`, called `field`, makes no sense: `needed` was asked for, `available` is there. */
  invalid(layer: string, at: number, needed: number, available: number, field: string): void {
    this.stopped ??= invalid(layer, at, needed, available, field);
  }

  /** The end of a payload that a length field called `limit` puts at `end`, cut to `outer`. */
  narrow(end: number, outer: number, limit: string): number {
    if (end >= outer) return outer;
    this.limit = limit;
    return end;
  }

  /** Walks into `protocol`, or notes the bytes as `data` where it is undefined. */
  next(protocol: Protocol | undefined, at: number, end: number): void {
    if (protocol?.walk === undefined || this.depth >= MAX_DEPTH) {
      this.data(at, end);
      return;
    }
    this.depth++;
    protocol.walk(this, at, end);
    this.depth--;
  }

  /** The layer begun last is of a packet that an ICMP error brings back. */
  isQuoted(): boolean {
    for (let i = this.layers - 2; i > 0; i--) if (this.layerProtocol[i]!.name.startsWith('icmp')) return true;
    return false;
  }

  /** Value of the `checksum.status` field of a message whose checksum covers itself from `at` up to `end` alone. Such
   * messages are few and short, so it is always verified (as it is in Wireshark). */
  ownChecksumStatus(at: number, end: number): number {
    if (this.fragmented || this.ip === 0 || this.ipEnd > this.capturedEnd || this.isQuoted()) return UNVERIFIED;
    return checksum(this.bytes, at, end) === 0 ? GOOD : BAD;
  }

  /** Value of a `checksum.status` field for the segment of `length` bytes at `at`, whose checksum covers the innermost IP
   * packet's pseudo header. */
  checksumStatus(at: number, length: number, protocol: number, verifies = this.verifies): number {
    if (!verifies || this.fragmented || this.ipVersion === 0 || at + length > this.capturedEnd) return UNVERIFIED;
    const size = this.ipVersion === 4 ? 4 : 16;
    const src = this.ip + (this.ipVersion === 4 ? 12 : 8);
    const addresses = sum(this.bytes, this.finalDst, this.finalDst + size, sum(this.bytes, src, src + size));
    return checksum(this.bytes, at, at + length, addresses + protocol + length) === 0 ? GOOD : BAD;
  }

  /** Payload that nothing here knows. */
  data(at: number, end: number): void {
    if (at >= end) return;
    this.layer(DATA, at, end - at);
    this.raw(F.data, at, end - at);
    this.uint(F.len, at, 0, end - at);
  }
}

/** Values of the `checksum.status` fields, which are Wireshark's. */
export const BAD = 0;
export const GOOD = 1;
export const UNVERIFIED = 2;
export const NOT_PRESENT = 3;
export const CHECKSUM_STATUS = {
  values: { [BAD]: 'Bad', [GOOD]: 'Good', [UNVERIFIED]: 'Unverified', [NOT_PRESENT]: 'Not present' },
};

/** Deepest nesting of packets in packets that is followed. */
export const MAX_DEPTH = 32;

const DATA: Protocol = { name: 'data', title: 'Data' };
const F = defineFields('data', {
  data: ['Data', 'bytes'],
  len: ['Length', 'int32'],
});
