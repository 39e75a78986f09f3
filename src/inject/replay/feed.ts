import { FrameBlock } from '../../frames/block.ts';
import { FCS_LENGTH_MASK, FCS_LENGTH_SHIFT } from '../../frames/flags.ts';
import type { FrameInterface, FrameSource } from '../../frames/source.ts';
import { linkTypeName } from '../../savefile/link-type-names.ts';
import { deviceLinkType } from '../../socket/linktype.ts';
import type { Device } from '../../socket/packet.ts';
import { LINKTYPE_ETHERNET } from '../../wire/linktype.ts';
import { type RewriteOptions, Rewriter } from '../rewrite/index.ts';
import { CLIENT, NEITHER, type SideRecorder, type Splitter } from './sides.ts';

/** From the frames of savefiles to frames that a device takes: converted, rewritten, measured, told apart. */

/** Opens one file; called once for each time it is played. */
export type OpenFrames = () => FrameSource | Promise<FrameSource>;

/** Frames that are ready. `block.keep` 0: longer than the device takes, to be counted instead of sent. */
export interface ReadyFrames {
  block: FrameBlock;
  /** Nanoseconds since the file's first frame, or before it. Exact for 104 days. */
  time: Float64Array;
  /** CLIENT or SERVER. */
  side: Uint8Array;
  /** The first frames of a file: time begins anew. */
  begins: boolean;
}

/** Frames longer than the device takes. */
export interface TooLong {
  count: number;
  /** Number of the first, from 1, as in the file (or files, counted through), and its length. */
  first: number;
  longest: number;
}

/** What happened to frames before anybody tried to send them. */
export interface FeedCounts {
  /** By reason, in words. */
  leftOut: Map<string, number>;
  /** Frames that were captured in part and go out as far as they are there. */
  truncated: number;
  tooLong: TooLong | null;
}

export interface FeedOptions {
  rewrite?: RewriteOptions | undefined;
  splitter?: Splitter | undefined;
  recorder?: SideRecorder | undefined;
  /** Each loop gets addresses of its own. */
  uniqueIp?: boolean | undefined;
}

/** Bytes of frames that are kept together when they are loaded beforehand. */
const PIECE = 4 << 20;
const PIECE_ROWS = 16 * 1024;
const LINK_HEADER = 14;
const VLAN_TAG = 4;
/** `uniqueIp`: what each loop adds to addresses, so that the hosts of one small network get another network. */
const UNIQUE_STEP = 256;

export class Feed {
  readonly counts: FeedCounts = { leftOut: new Map(), truncated: 0, tooLong: null };
  readonly #files: readonly OpenFrames[];
  readonly #devices: readonly Device[];
  readonly #options: FeedOptions;
  readonly #linkType: number;
  readonly #interfaces: FrameInterface[];
  readonly #ready: ReadyFrames = {
    block: new FrameBlock(new Uint8Array(0), 0),
    time: new Float64Array(0),
    side: new Uint8Array(0),
    begins: false,
  };
  /** Frames read in this loop. */
  #number = 0;
  #loop = 0;
  #loaded: ReadyFrames[] | null = null;

  /** `devices`: the client's side, and the server's where there are two. They must take the same kind of frames. */
  constructor(files: readonly OpenFrames[], devices: readonly Device[], options: FeedOptions) {
    this.#files = files;
    this.#devices = devices;
    this.#options = options;
    this.#linkType = deviceLinkType(devices[0]!.arphrd).linkType;
    this.#interfaces = [{ name: '', linkType: this.#linkType, snapLength: 0, timestampDigits: 9 }];
  }

  /** Reads all files into memory. What was read so far is kept when the signal aborts. */
  async load(signal: AbortSignal | undefined): Promise<void> {
    const pieces: ReadyFrames[] = [];
    for await (const ready of this.#read()) {
      keep(pieces, ready);
      await new Promise(setImmediate);
      if (signal?.aborted) break;
    }
    this.#loaded = pieces;
  }

  /** Plays all files once more. What is given holds until the next is asked for. */
  async *loop(): AsyncGenerator<ReadyFrames> {
    const change = this.#options.uniqueIp && this.#loop > 0 ? addressesOf(this.#loop) : null;
    this.#loop++;
    const all = this.#loaded ?? this.#read();
    for await (const ready of all) yield change === null ? ready : this.#moved(ready, change);
  }

  #moved(ready: ReadyFrames, change: Rewriter): ReadyFrames {
    return { ...ready, block: change.apply(ready.block, this.#interfaces) };
  }

  async *#read(): AsyncGenerator<ReadyFrames> {
    // Counts are of the files, not of how often they are played.
    const first = this.#loop <= 1;
    this.#number = 0;
    for (const open of this.#files) {
      const source = await open();
      const rewriters = new Map<boolean, Rewriter>();
      let origin: { seconds: number; nanoseconds: number } | null = null;
      let begins = true;
      for await (const block of source) {
        if (block.count === 0) continue;
        origin ??= { seconds: block.seconds[0]!, nanoseconds: block.nanoseconds[0]! };
        const ready = this.#prepare(block, source.interfaces, rewriters, origin, first);
        if (ready.block.count === 0) continue;
        ready.begins = begins;
        begins = false;
        yield ready;
      }
    }
  }

  #prepare(
    block: FrameBlock,
    interfaces: readonly FrameInterface[],
    rewriters: Map<boolean, Rewriter>,
    origin: { seconds: number; nanoseconds: number },
    first: boolean,
  ): ReadyFrames {
    const { rewrite, splitter, recorder } = this.#options;
    const converts = interfaces.some(({ linkType }) => linkType !== this.#linkType);
    let from = block;
    let described = interfaces;
    if (rewrite !== undefined || converts) {
      let rewriter = rewriters.get(converts);
      if (rewriter === undefined) {
        rewriter = new Rewriter({ ...rewrite, ...(converts ? { linkType: this.#linkType } : {}) });
        rewriters.set(converts, rewriter);
      }
      from = rewriter.apply(block, interfaces);
      described = rewriter.interfaces;
    }
    const ready = this.#ready;
    const out = ready.block;
    out.grow(block.count);
    if (ready.time.length < out.capacity) {
      ready.time = new Float64Array(out.capacity);
      ready.side = new Uint8Array(out.capacity);
    }
    out.bytes = from.bytes;
    let rows = 0;
    for (let row = 0; row < block.count; row++) {
      if (block.keep[row] === 0) continue;
      const number = this.#number++;
      const id = block.interfaceId[row]!;
      const own = interfaces[id]!;
      if (from.keep[row] === 0 || described[id]!.linkType !== this.#linkType) {
        const to = this.#linkType === LINKTYPE_ETHERNET ? 'Ethernet' : linkTypeName(this.#linkType);
        this.#leaveOut(`${linkTypeName(own.linkType)}: nothing in it that ${to} carries`, first);
        if (first) recorder?.add(NEITHER);
        continue;
      }
      const at = from.offset[row]!;
      let length = from.capturedLength[row]!;
      let original = from.originalLength[row]!;
      // The device puts a check sequence of its own behind the frame.
      const fcs = ((block.flags[row]! & FCS_LENGTH_MASK) >>> FCS_LENGTH_SHIFT || described[id]!.fcsLength) ?? 0;
      if (fcs > 0 && own.linkType === this.#linkType && !rewrite?.stripFcs) {
        original = Math.max(0, original - fcs);
        length = Math.min(length, original);
      }
      const side = splitter?.side(from.bytes, at, at + length, this.#linkType, number) ?? CLIENT;
      if (first) recorder?.add(side);
      if (side === NEITHER) {
        this.#leaveOut('the cache says so', first);
        continue;
      }
      if (first && length < original) this.counts.truncated++;
      // Sides may be told apart for a cache alone.
      const device = this.#devices[side] ?? this.#devices[CLIENT]!;
      const fits = length <= longest(device, this.#linkType, from.bytes, at);
      if (!fits && first) this.#noteLong(number + 1, length);
      out.offset[rows] = at;
      out.capturedLength[rows] = length;
      out.originalLength[rows] = length;
      out.interfaceId[rows] = 0;
      out.flags[rows] = 0;
      out.seconds[rows] = 0;
      out.nanoseconds[rows] = 0;
      out.keep[rows] = fits ? 1 : 0;
      ready.side[rows] = this.#devices.length > 1 ? side : CLIENT;
      ready.time[rows] = (block.seconds[row]! - origin.seconds) * 1e9 + (block.nanoseconds[row]! - origin.nanoseconds);
      rows++;
    }
    out.count = rows;
    return ready;
  }

  #leaveOut(reason: string, first: boolean): void {
    if (first) this.counts.leftOut.set(reason, (this.counts.leftOut.get(reason) ?? 0) + 1);
  }

  #noteLong(number: number, length: number): void {
    const { tooLong } = this.counts;
    if (tooLong === null) this.counts.tooLong = { count: 1, first: number, longest: length };
    else {
      tooLong.count++;
      tooLong.longest = Math.max(tooLong.longest, length);
    }
  }
}

/** Bytes of the longest frame that a packet socket sends on the device: a VLAN tag does not count (af_packet.c,
 * packet_snd: more than the MTU and the link header is EMSGSIZE unless it is tagged). */
function longest(device: Device, linkType: number, bytes: Uint8Array, at: number): number {
  if (linkType !== LINKTYPE_ETHERNET) return device.mtu;
  const type = (bytes[at + 12]! << 8) | bytes[at + 13]!;
  return device.mtu + LINK_HEADER + (type === 0x8100 ? VLAN_TAG : 0);
}

/** Adds a loop's number of steps to every address of a single host; both directions of a conversation get the same, so
 * that they stay one. */
function addressesOf(loop: number): Rewriter {
  const step = loop * UNIQUE_STEP;
  return new Rewriter({
    skipGroups: true,
    addresses: (address) => {
      // The unspecified address is nobody's.
      if (address.every((byte) => byte === 0)) return false;
      const at = address.length - 4;
      const view = new DataView(address.buffer, address.byteOffset + at, 4);
      view.setUint32(0, (view.getUint32(0) + step) >>> 0);
      return true;
    },
  });
}

/** Copies frames behind those that are kept. */
function keep(pieces: ReadyFrames[], { block, time, side, begins }: ReadyFrames): void {
  let piece = begins ? undefined : pieces.at(-1);
  let used = piece === undefined ? 0 : endOf(piece.block);
  for (let row = 0; row < block.count; row++) {
    const at = block.offset[row]!;
    const length = block.capturedLength[row]!;
    if (piece === undefined || piece.block.count === PIECE_ROWS || used + length > piece.block.bytes.length) {
      const first: boolean = begins && row === 0;
      piece = {
        block: new FrameBlock(new Uint8Array(Math.max(PIECE, length)), PIECE_ROWS),
        time: new Float64Array(PIECE_ROWS),
        side: new Uint8Array(PIECE_ROWS),
        begins: first,
      };
      pieces.push(piece);
      used = 0;
    }
    const to = piece.block;
    const index = to.count++;
    to.bytes.set(block.bytes.subarray(at, at + length), used);
    to.offset[index] = used;
    to.capturedLength[index] = length;
    to.originalLength[index] = length;
    to.keep[index] = block.keep[row]!;
    piece.time[index] = time[row]!;
    piece.side[index] = side[row]!;
    used += length;
  }
}

const endOf = (block: FrameBlock): number =>
  block.count === 0 ? 0 : block.offset[block.count - 1]! + block.capturedLength[block.count - 1]!;
