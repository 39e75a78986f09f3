/** Puts IP fragments together, as they come in a capture.
 *
 * Overlaps: the fragment with the lower offset keeps its bytes, of two with the same offset the one that came first; as
 * Wireshark has it. Bounds: a datagram that is not whole within `TIMEOUT` of its first fragment, by the frames' own times,
 * is given up (RFC 8200 4.5; RFC 1122 3.3.2 asks for 60 to 120 seconds with IPv4), and so are the oldest ones where all together hold
 * more than `MAX_BYTES` or are more than `MAX_DATAGRAMS`. A datagram longer than 65,535 bytes is never put together. */
const TIMEOUT = 60;
const MAX_BYTES = 8 << 20;
const MAX_DATAGRAMS = 16_384;
const MAX_LENGTH = 65_535;
/** What an entry costs beside its bytes, for the bound. */
const OVERHEAD = 128;

interface Piece {
  frame: number;
  offset: number;
  bytes: Uint8Array;
}

interface Datagram {
  began: number;
  /** Sorted by offset; those of one offset as they came. */
  pieces: Piece[];
  /** Bytes from the first on that are here without a gap, and how many pieces begin within them. */
  reached: number;
  whole: number;
  /** Length of the whole; -1: the last fragment has not come. */
  length: number;
  held: number;
  /** Two last fragments disagree about the length. */
  multipleTails: boolean;
  tooLong: boolean;
}

/** A datagram that is whole. */
export interface Reassembled {
  readonly length: number;
  /** Frames of its fragments, by offset. */
  readonly frames: readonly number[];
  /** Some fragment has bytes which another one has. */
  readonly overlap: boolean;
  /** How many have, those left out that another repeats as a whole. */
  readonly overlaps: number;
  /** Bytes that two fragments have differ. */
  readonly conflict: boolean;
  readonly multipleTails: boolean;
  readonly tooLong: boolean;
  /** Writes the bytes, from `at` on. */
  copy(to: Uint8Array, at: number): void;
}

export class FragmentTable {
  /** In the order in which they began. */
  readonly #datagrams = new Map<string, Datagram>();
  #held = 0;

  /** Datagrams that wait for fragments. */
  get waiting(): number {
    return this.#datagrams.size;
  }

  /** Bytes that they hold. */
  get held(): number {
    return this.#held;
  }

  /** Takes a fragment: bytes from `at` up to `end`, which belong at `offset` of the datagram that `key` names. Gives the
   * datagram where that made it whole. `seconds` is the frame's time. */
  add(
    key: string,
    bytes: Uint8Array,
    at: number,
    end: number,
    offset: number,
    more: boolean,
    frame: number,
    seconds: number,
  ): Reassembled | null {
    this.#expire(seconds);
    let datagram = this.#datagrams.get(key);
    if (datagram === undefined) {
      datagram = {
        began: seconds,
        pieces: [],
        reached: 0,
        whole: 0,
        length: -1,
        held: OVERHEAD,
        multipleTails: false,
        tooLong: false,
      };
      this.#datagrams.set(key, datagram);
      this.#held += OVERHEAD;
    }
    insert(datagram, { frame, offset, bytes: bytes.slice(at, end) });
    datagram.held += end - at + OVERHEAD;
    this.#held += end - at + OVERHEAD;
    if (!more) {
      const length = offset + end - at;
      if (datagram.length >= 0 && datagram.length !== length) datagram.multipleTails = true;
      else datagram.length = length;
    }
    if (!isWhole(datagram)) {
      this.#bound();
      return null;
    }
    this.#datagrams.delete(key);
    this.#held -= datagram.held;
    return assembled(datagram);
  }

  #expire(seconds: number): void {
    for (const [key, datagram] of this.#datagrams) {
      if (seconds - datagram.began <= TIMEOUT) return;
      this.#drop(key, datagram);
    }
  }

  #bound(): void {
    if (this.#held <= MAX_BYTES && this.#datagrams.size <= MAX_DATAGRAMS) return;
    for (const [key, datagram] of this.#datagrams) {
      if (this.#held <= MAX_BYTES && this.#datagrams.size <= MAX_DATAGRAMS) return;
      this.#drop(key, datagram);
    }
  }

  #drop(key: string, datagram: Datagram): void {
    this.#datagrams.delete(key);
    this.#held -= datagram.held;
  }
}

/** Costs the logarithm of the pieces, whichever comes next: those that begin within what is there without a gap are not
 * looked at again. */
function insert(datagram: Datagram, piece: Piece): void {
  const { pieces } = datagram;
  let low = 0;
  for (let high = pieces.length; low < high; ) {
    const middle = (low + high) >>> 1;
    if (pieces[middle]!.offset > piece.offset) high = middle;
    else low = middle + 1;
  }
  pieces.splice(low, 0, piece);
  if (low < datagram.whole) {
    datagram.whole++;
    datagram.reached = Math.max(datagram.reached, piece.offset + piece.bytes.length);
  }
  for (let next = pieces[datagram.whole]; next !== undefined && next.offset <= datagram.reached; ) {
    datagram.reached = Math.max(datagram.reached, next.offset + next.bytes.length);
    next = pieces[++datagram.whole];
  }
}

const isWhole = ({ reached, length }: Datagram): boolean => length >= 0 && length <= MAX_LENGTH && reached >= length;

function assembled({ pieces, length, multipleTails }: Datagram): Reassembled {
  const whole = new Uint8Array(length);
  let reached = 0;
  let overlap = false;
  let overlaps = 0;
  let conflict = false;
  let tooLong = false;
  for (const [i, { offset, bytes }] of pieces.entries()) {
    const end = offset + bytes.length;
    if (end > length) tooLong = true;
    if (offset < reached) {
      overlap = true;
      const before = pieces[i - 1]!;
      if (before.offset !== offset || before.bytes.length !== bytes.length) overlaps++;
      for (let i = offset; i < Math.min(reached, end); i++) if (whole[i] !== bytes[i - offset]) conflict = true;
    }
    const from = Math.max(offset, reached);
    const to = Math.min(end, length);
    if (to > from) {
      whole.set(bytes.subarray(from - offset, to - offset), from);
      reached = to;
    }
  }
  return {
    length,
    frames: pieces.map(({ frame }) => frame),
    overlap,
    overlaps,
    conflict,
    multipleTails,
    tooLong,
    copy: (to, at) => to.set(whole, at),
  };
}
