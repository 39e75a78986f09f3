import type { Fields } from '../fields.ts';
import type { FrameFacts } from '../frame.ts';
import { FlowTable } from './flows.ts';
import type { Sessions } from './sessions.ts';

/** What conversations and endpoints are told apart by. */
export type TallyKind = 'eth' | 'ip' | 'ipv6' | 'tcp' | 'udp';
export const TALLY_KINDS: readonly TallyKind[] = ['eth', 'ip', 'ipv6', 'tcp', 'udp'];

/** Columns grow in pages, so that nothing is copied and a million rows take what they need. */
const PAGE_BITS = 12;
const PAGE = 1 << PAGE_BITS;
const MASK = PAGE - 1;

class Column<T extends Uint32Array | Float64Array> {
  readonly #pages: T[] = [];
  readonly #make: (size: number) => T;

  constructor(make: (size: number) => T) {
    this.#make = make;
  }

  get(row: number): number {
    return this.#pages[row >>> PAGE_BITS]![row & MASK]!;
  }

  set(row: number, value: number): void {
    this.#pages[row >>> PAGE_BITS]![row & MASK] = value;
  }

  add(row: number, value: number): void {
    this.#pages[row >>> PAGE_BITS]![row & MASK]! += value;
  }

  reach(row: number): void {
    while (this.#pages.length <= row >>> PAGE_BITS) this.#pages.push(this.#make(PAGE));
  }
}

const words = (): Column<Uint32Array> => new Column((size) => new Uint32Array(size));
const doubles = (): Column<Float64Array> => new Column((size) => new Float64Array(size));

/** A conversation, or an endpoint (then `to` means nothing, and `sent` is what it sent). */
export interface TallyRow {
  /** Bytes of the addresses; undefined ports for those that have none. */
  from: Uint8Array;
  to: Uint8Array;
  fromPort: number | undefined;
  toPort: number | undefined;
  /** From the first to the second, and back. */
  framesSent: number;
  bytesSent: number;
  framesReceived: number;
  bytesReceived: number;
  /** Seconds and nanoseconds of the first frame, and nanoseconds from it to the last. */
  seconds: number;
  nanoseconds: number;
  duration: number;
  /** Number of the stream; undefined where there is none. */
  stream: number | undefined;
}

/** Counters of who spoke with whom, one row each, in typed columns: about 60 bytes a row. */
abstract class Tally {
  readonly kind: TallyKind;
  /** Rows, with those that no frame was counted in. */
  protected count = 0;
  /** Two words of addresses: of IPv4 themselves, else where they are in `#long`. */
  readonly #address = [words(), words()] as const;
  readonly #ports = words();
  readonly #frames = [words(), words()] as const;
  readonly #bytes = [doubles(), doubles()] as const;
  readonly #seconds = doubles();
  readonly #nanoseconds = words();
  readonly #last = doubles();
  readonly #long: Uint8Array[] = [];

  constructor(kind: TallyKind) {
    this.kind = kind;
  }

  protected reach(row: number): void {
    for (const column of [
      ...this.#address,
      this.#ports,
      ...this.#frames,
      ...this.#bytes,
      this.#seconds,
      this.#nanoseconds,
      this.#last,
    ])
      column.reach(row);
    if (row >= this.count) this.count = row + 1;
  }

  protected begin(
    row: number,
    bytes: Uint8Array,
    fromAt: number,
    toAt: number,
    size: number,
    ports: number,
    facts: FrameFacts,
  ): void {
    this.reach(row);
    this.#address[0].set(row, this.#keep(bytes, fromAt, size));
    this.#address[1].set(row, this.#keep(bytes, toAt, size));
    this.#ports.set(row, ports);
    this.#seconds.set(row, facts.seconds);
    this.#nanoseconds.set(row, facts.nanoseconds);
  }

  #keep(bytes: Uint8Array, at: number, size: number): number {
    if (size === 4) return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
    const page = Math.floor(this.#longs / PAGE);
    if (page === this.#long.length) this.#long.push(new Uint8Array(PAGE * 17));
    const place = (this.#longs % PAGE) * 17;
    this.#long[page]![place] = size;
    this.#long[page]!.set(bytes.subarray(at, at + size), place + 1);
    // Marks a row of IPv6 or Ethernet.
    return this.#longs++;
  }
  #longs = 0;

  protected isEmpty(row: number): boolean {
    return row >= this.count || this.#frames[0].get(row) + this.#frames[1].get(row) === 0;
  }

  /** 0 where the row's first side has this address and port. */
  protected sideOf(row: number, bytes: Uint8Array, at: number, size: number, port: number): 0 | 1 {
    if (this.hasPorts && this.#ports.get(row) >>> 16 !== port) return 1;
    const own = this.#addressOf(row, 0, size);
    for (let i = 0; i < size; i++) if (own[i] !== bytes[at + i]) return 1;
    return 0;
  }

  protected addTo(row: number, side: 0 | 1, facts: FrameFacts): void {
    this.#frames[side].add(row, 1);
    this.#bytes[side].add(row, facts.originalLength);
    this.#last.set(
      row,
      (facts.seconds - this.#seconds.get(row)) * 1e9 + facts.nanoseconds - this.#nanoseconds.get(row),
    );
  }

  get hasPorts(): boolean {
    return this.kind === 'tcp' || this.kind === 'udp';
  }

  readonly #scratch = new Uint8Array(4);

  /** The address; a view that holds until the next call. */
  #addressOf(row: number, side: 0 | 1, size: number): Uint8Array {
    const word = this.#address[side].get(row);
    if (size === 4) {
      this.#scratch[0] = word >>> 24;
      this.#scratch[1] = word >>> 16;
      this.#scratch[2] = word >>> 8;
      this.#scratch[3] = word;
      return this.#scratch;
    }
    const page = this.#long[Math.floor(word / PAGE)]!;
    const place = (word % PAGE) * 17;
    return page.subarray(place + 1, place + 1 + page[place]!);
  }

  /** Size of the addresses of a row. */
  protected abstract sizeOf(row: number): number;
  protected abstract streamOf(row: number): number | undefined;

  row(row: number): TallyRow {
    const size = this.sizeOf(row);
    const ports = this.#ports.get(row);
    return {
      from: this.#addressOf(row, 0, size).slice(),
      to: this.#addressOf(row, 1, size).slice(),
      fromPort: this.hasPorts ? ports >>> 16 : undefined,
      toPort: this.hasPorts ? ports & 0xffff : undefined,
      framesSent: this.#frames[0].get(row),
      bytesSent: this.#bytes[0].get(row),
      framesReceived: this.#frames[1].get(row),
      bytesReceived: this.#bytes[1].get(row),
      seconds: this.#seconds.get(row),
      nanoseconds: this.#nanoseconds.get(row),
      duration: this.#last.get(row),
      stream: this.streamOf(row),
    };
  }

  /** Rows that have frames. */
  get used(): number {
    let used = 0;
    for (let row = 0; row < this.count; row++) if (!this.isEmpty(row)) used++;
    return used;
  }

  /** The rows with most frames, most first; those of `most` at most. */
  top(most = Number.POSITIVE_INFINITY): TallyRow[] {
    const total = (row: number): number => this.#frames[0].get(row) + this.#frames[1].get(row);
    const rows = new Uint32Array(this.count);
    let used = 0;
    for (let row = 0; row < this.count; row++) if (total(row) > 0) rows[used++] = row;
    return Array.from(
      rows
        .subarray(0, used)
        .sort((a, b) => total(b) - total(a) || a - b)
        .subarray(0, Math.min(most, used)),
      (row) => this.row(row),
    );
  }
}

/** Offset of the source in the header, of the destination, and the size of the addresses. */
const ADDRESSES: Readonly<Record<'eth' | 'ip' | 'ipv6', readonly [number, number, number]>> = {
  eth: [6, 0, 6],
  ip: [12, 16, 4],
  ipv6: [8, 24, 16],
};

/** Calls `use` for each header of the kind in the packet: its layer, where the source and the destination are, their size, and the
 * ports. Packets that an ICMP error brings back do not count. */
function eachHeader(
  f: Fields,
  kind: TallyKind,
  use: (layer: number, fromAt: number, toAt: number, size: number, fromPort: number, toPort: number) => void,
): void {
  let ipLayer = -1;
  for (let layer = 0; layer < f.layers; layer++) {
    const { name } = f.layerProtocol[layer]!;
    const at = f.layerAt[layer]!;
    if (name === 'icmp' || name === 'icmpv6') return;
    if (name === 'ip' || name === 'ipv6') ipLayer = layer;
    if (name !== kind) continue;
    if (kind !== 'tcp' && kind !== 'udp') {
      const [from, to, size] = ADDRESSES[kind];
      if (at + Math.max(from, to) + size <= f.capturedEnd) use(layer, at + from, at + to, size, 0, 0);
    } else if (ipLayer >= 0) {
      const [from, to, size] = ADDRESSES[f.layerProtocol[ipLayer]!.name as 'ip' | 'ipv6'];
      const ip = f.layerAt[ipLayer]!;
      const { bytes } = f;
      use(layer, ip + from, ip + to, size, (bytes[at]! << 8) | bytes[at + 1]!, (bytes[at + 2]! << 8) | bytes[at + 3]!);
    }
  }
}

/** Rows keyed by addresses that are copied beside each other, so that a table of words can hold them. */
class Keys {
  readonly #tables = new Map<number, FlowTable>();
  readonly #bytes = new Uint8Array(32);
  #count = 0;
  isNew = false;

  find(bytes: Uint8Array, fromAt: number, toAt: number, size: number, fromPort: number, toPort: number): number {
    const slot = (size + 3) & ~3;
    let table = this.#tables.get(slot);
    if (table === undefined) {
      table = new FlowTable(slot >> 2);
      this.#tables.set(slot, table);
    }
    this.#bytes.fill(0);
    this.#bytes.set(bytes.subarray(fromAt, fromAt + size), 0);
    if (toAt >= 0) this.#bytes.set(bytes.subarray(toAt, toAt + size), slot);
    const entry = table.find(this.#bytes, 0, slot, fromPort, toPort);
    this.isNew = table.isNew;
    if (table.isNew) table.setStream(entry, this.#count++);
    return table.stream(entry);
  }
}

/** Who spoke with whom. Connections of TCP that follow one another on the same ports are conversations of their own. */
export class Conversations extends Tally {
  readonly #sessions: Sessions;
  readonly #keys = new Keys();
  /** By row, for TCP and UDP: 1 for IPv6. */
  readonly #isIpv6 = words();

  constructor(kind: TallyKind, sessions: Sessions) {
    super(kind);
    this.#sessions = sessions;
  }

  add(f: Fields, facts: FrameFacts): void {
    eachHeader(f, this.kind, (layer, fromAt, toAt, size, fromPort, toPort) => {
      let row: number;
      if (this.hasPorts) {
        // A header that contradicts itself belongs to no stream.
        row = this.#sessions.layerStreams[layer] ?? -1;
        if (row < 0) return;
      } else row = this.#keys.find(f.bytes, fromAt, toAt, size, fromPort, toPort);
      if (this.isEmpty(row)) {
        this.begin(row, f.bytes, fromAt, toAt, size, fromPort * 65_536 + toPort, facts);
        this.#isIpv6.reach(row);
        this.#isIpv6.set(row, size === 16 ? 1 : 0);
        this.addTo(row, 0, facts);
      } else this.addTo(row, this.sideOf(row, f.bytes, fromAt, size, fromPort), facts);
    });
  }

  protected sizeOf(row: number): number {
    if (this.kind === 'eth') return 6;
    return this.#isIpv6.get(row) === 1 ? 16 : 4;
  }

  protected streamOf(row: number): number | undefined {
    return this.hasPorts ? row : undefined;
  }
}

/** Who sent and received how much. */
export class Endpoints extends Tally {
  readonly #keys = new Keys();
  readonly #isIpv6 = words();

  add(f: Fields, facts: FrameFacts): void {
    eachHeader(f, this.kind, (_, fromAt, toAt, size, fromPort, toPort) => {
      this.#addOne(f, fromAt, size, fromPort, 0, facts);
      this.#addOne(f, toAt, size, toPort, 1, facts);
    });
  }

  #addOne(f: Fields, at: number, size: number, port: number, side: 0 | 1, facts: FrameFacts): void {
    const row = this.#keys.find(f.bytes, at, -1, size, port, 0);
    if (this.#keys.isNew) {
      this.begin(row, f.bytes, at, at, size, port * 65_536, facts);
      this.#isIpv6.reach(row);
      this.#isIpv6.set(row, size === 16 ? 1 : 0);
    }
    this.addTo(row, side, facts);
  }

  protected sizeOf(row: number): number {
    if (this.kind === 'eth') return 6;
    return this.#isIpv6.get(row) === 1 ? 16 : 4;
  }

  protected streamOf(): undefined {
    return undefined;
  }
}
