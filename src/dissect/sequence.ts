/** First sequence numbers of TCP connections, for printing relative ones: a hash table with bounds.
 *
 * A connection has one entry for both directions. Constant time for each segment: one set of eight entries is looked at.
 * Where a set is full the table grows by four, and at its largest (2^18 sets, two million connections: 50 MB for IPv4) a
 * new connection takes the place of the one in its set that was silent longest. Until then the numbers are tcpdump's. */
const WAYS = 8;
const MIN_SETS = 1 << 8;
const MAX_SETS = 1 << 18;

export class SequenceTable {
  readonly #ipv4 = new Table(1);
  readonly #ipv6 = new Table(4);

  /** First sequence numbers of the connection of the last `find`: of the side that sorts first, and of the other. */
  firstSeq = 0;
  firstAck = 0;
  /** True where the segment comes from the side that sorts second. */
  reversed = false;
  /** True where `find` made the entry (or made it anew for a SYN), so that numbers are to be printed as they are. */
  fresh = false;

  /** Finds or makes the entry of a segment that has an ACK. Addresses are `addressLength` (4 or 16) bytes each; `seq` and
   * `ack` are as in the header. */
  find(
    bytes: Uint8Array,
    srcAt: number,
    dstAt: number,
    addressLength: number,
    srcPort: number,
    dstPort: number,
    seq: number,
    ack: number,
    syn: boolean,
  ): void {
    let reversed = srcPort > dstPort;
    if (srcPort === dstPort)
      for (let i = 0; i < addressLength; i++) {
        const difference = bytes[srcAt + i]! - bytes[dstAt + i]!;
        if (difference !== 0) {
          reversed = difference > 0;
          break;
        }
      }
    const table = addressLength === 4 ? this.#ipv4 : this.#ipv6;
    const entry = reversed
      ? table.find(bytes, dstAt, srcAt, ((dstPort << 16) | srcPort) >>> 0)
      : table.find(bytes, srcAt, dstAt, ((srcPort << 16) | dstPort) >>> 0);
    this.reversed = reversed;
    this.fresh = table.fresh || syn;
    if (this.fresh) table.set(entry, reversed ? ack - 1 : seq, reversed ? seq : ack - 1);
    this.firstSeq = table.first(entry);
    this.firstAck = table.second(entry);
  }
}

/** Entries keyed by two addresses of `addressWords` words each and a word of ports. */
class Table {
  readonly #keyWords: number;
  readonly #words: number;
  readonly #key: Uint32Array;
  #sets = MIN_SETS;
  #entries: Uint32Array;
  #clock = 0;
  fresh = false;

  constructor(addressWords: number) {
    this.#keyWords = addressWords * 2 + 1;
    // Behind the key: two sequence numbers, and when the entry was last used (0: never).
    this.#words = this.#keyWords + 3;
    this.#key = new Uint32Array(this.#keyWords);
    this.#entries = new Uint32Array(this.#sets * WAYS * this.#words);
  }

  first(entry: number): number {
    return this.#entries[entry + this.#keyWords]!;
  }

  second(entry: number): number {
    return this.#entries[entry + this.#keyWords + 1]!;
  }

  set(entry: number, first: number, second: number): void {
    this.#entries[entry + this.#keyWords] = first;
    this.#entries[entry + this.#keyWords + 1] = second;
  }

  /** The connection's entry; `fresh` tells whether it was made now. */
  find(bytes: Uint8Array, lowerAt: number, upperAt: number, ports: number): number {
    const key = this.#key;
    const last = this.#keyWords - 1;
    const half = last >> 1;
    for (let i = 0; i < half; i++) {
      key[i] = word(bytes, lowerAt + i * 4);
      key[half + i] = word(bytes, upperAt + i * 4);
    }
    key[last] = ports;
    const used = last + 3;
    this.#clock = (this.#clock + 1) >>> 0 || 1;
    for (;;) {
      const entries = this.#entries;
      const set = (hash(key, 0, last) & (this.#sets - 1)) * WAYS * this.#words;
      let victim = set;
      for (let at = set, way = 0; way < WAYS; way++, at += this.#words) {
        const age = entries[at + used]!;
        if (age === 0) {
          // Entries of a set are filled in order, so nothing comes behind an empty one.
          victim = at;
          break;
        }
        let i = last;
        while (i >= 0 && entries[at + i] === key[i]) i--;
        if (i < 0) {
          entries[at + used] = this.#clock;
          this.fresh = false;
          return at;
        }
        if (age < entries[victim + used]!) victim = at;
      }
      if (entries[victim + used] !== 0 && this.#sets < MAX_SETS) {
        this.#grow();
        continue;
      }
      for (let i = 0; i <= last; i++) entries[victim + i] = key[i]!;
      entries[victim + used] = this.#clock;
      this.fresh = true;
      return victim;
    }
  }

  /** Four times as many sets. Every entry finds a place, since the entries of a new set were all in one old set. */
  #grow(): void {
    const old = this.#entries;
    const words = this.#words;
    const last = this.#keyWords - 1;
    const used = last + 3;
    this.#sets *= 4;
    const entries = new Uint32Array(this.#sets * WAYS * words);
    for (let from = 0; from < old.length; from += words) {
      if (old[from + used] === 0) continue;
      let at = (hash(old, from, last) & (this.#sets - 1)) * WAYS * words;
      while (entries[at + used] !== 0) at += words;
      for (let i = 0; i < words; i++) entries[at + i] = old[from + i]!;
    }
    this.#entries = entries;
  }
}

function hash(words: Uint32Array, at: number, last: number): number {
  let value = 0;
  for (let i = 0; i <= last; i++) {
    value = Math.imul(value ^ words[at + i]!, 0x9e3779b1);
    value ^= value >>> 15;
  }
  return value;
}

const word = (bytes: Uint8Array, at: number): number =>
  (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
