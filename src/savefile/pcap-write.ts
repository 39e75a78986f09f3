import type { FrameBlock } from '../frames/block.ts';
import type { FrameInterface } from '../frames/source.ts';
import { copyFrame, type OutputBuffer, viewOf } from './buffer.ts';
import type { RecordEncoder } from './encoder.ts';
import { SavefileError } from './error.ts';
import { linkTypeName } from './link-type-names.ts';
import * as pcap from './pcap-format.ts';

/** Version that everybody writes since 1998. */
const VERSION_MAJOR = 2;
const VERSION_MINOR = 4;

/** The interface whose link type is everybody's, if there is one. */
const only = (interfaces: readonly FrameInterface[]): FrameInterface | undefined =>
  interfaces.every(({ linkType }) => linkType === interfaces[0]!.linkType) ? interfaces[0] : undefined;

/** Records of a pcap file, little-endian. */
export class PcapEncoder implements RecordEncoder {
  readonly format = 'pcap' as const;
  frames = 0;
  readonly #file: string;
  /** Nanoseconds a unit of the fraction; 0: not yet decided. */
  #scale: number;
  /** -1: the file's header is not yet written. */
  #linkType = -1;
  /** The interfaces that were looked at last, and how many of them. */
  #known: readonly FrameInterface[] = [];
  #knownCount = 0;
  /** Some of them have another link type: every row must be looked at. */
  #mixed = false;

  /** `precision`: digits of a second, or by the interfaces of the first frames. */
  constructor(file: string, precision?: 'micro' | 'nano') {
    this.#file = file;
    this.#scale = precision === undefined ? 0 : precision === 'nano' ? 1 : 1000;
  }

  prepare(out: OutputBuffer, interfaces: readonly FrameInterface[], block: FrameBlock | null): void {
    if (this.#linkType >= 0 && interfaces === this.#known && interfaces.length === this.#knownCount) return;
    this.#known = interfaces;
    this.#knownCount = interfaces.length;
    if (this.#linkType < 0) {
      const first = block === null ? only(interfaces) : interfaces[block.interfaceId[block.keep.indexOf(1)] ?? -1];
      if (first === undefined) return;
      this.#header(out, first);
    }
    this.#mixed = interfaces.some(({ linkType }) => linkType !== this.#linkType);
  }

  #header(out: OutputBuffer, first: FrameInterface | undefined): void {
    const interfaces = this.#known;
    this.#linkType = first?.linkType ?? 1;
    if (this.#scale === 0) this.#scale = interfaces.some(({ timestampDigits }) => timestampDigits > 6) ? 1 : 1000;
    // libpcap cuts frames at the header's snapshot length, so it is the largest, and "no limit" is libpcap's own maximum.
    const most = pcap.maxCapturedLength(this.#linkType);
    const lengths = interfaces.map(({ snapLength }) => (snapLength === 0 ? most : snapLength));
    const snapLength = Math.min(0x7fff_ffff, lengths.length === 0 ? most : Math.max(...lengths));
    let word = this.#linkType;
    const fcs = first?.fcsLength;
    if (fcs !== undefined && fcs % 2 === 0 && fcs / 2 <= 15)
      word |= pcap.FCS_LENGTH_PRESENT | ((fcs / 2) << pcap.FCS_LENGTH_SHIFT);
    out.ensure(pcap.FILE_HEADER_LENGTH);
    const { view } = out;
    const at = out.used;
    view.setUint32(at, this.#scale === 1 ? pcap.MAGIC_NANOSECONDS : pcap.MAGIC_MICROSECONDS, true);
    view.setUint16(at + pcap.VERSION_MAJOR_AT, VERSION_MAJOR, true);
    view.setUint16(at + pcap.VERSION_MINOR_AT, VERSION_MINOR, true);
    view.setUint32(at + 8, 0, true);
    view.setUint32(at + 12, 0, true);
    view.setUint32(at + pcap.SNAP_LENGTH_AT, snapLength, true);
    view.setUint32(at + pcap.LINK_TYPE_AT, word >>> 0, true);
    out.used += pcap.FILE_HEADER_LENGTH;
  }

  rows(
    out: OutputBuffer,
    block: FrameBlock,
    interfaces: readonly FrameInterface[],
    row: number,
    end: number,
    limit: number,
  ): number {
    const { keep, offset, capturedLength, originalLength, seconds, nanoseconds, interfaceId, bytes: from } = block;
    const { bytes: to, view: toView } = out;
    const fromView = viewOf(from);
    const capacity = to.length;
    const scale = this.#scale;
    const mixed = this.#mixed;
    let used = out.used;
    let frames = 0;
    // A run of records that stand in the source's memory just as they must stand in ours is copied in one piece. They are
    // recognized by their bytes: what precedes a frame is exactly the header that we would write.
    let runFrom = 0;
    let runEnd = -1;
    let direct = false;
    let refused: SavefileError | null = null;
    out.wanted = 0;
    for (; row < end; row++) {
      if (keep[row] === 0) continue;
      if (used > limit) break;
      const data = offset[row]!;
      const captured = capturedLength[row]!;
      const next = used + pcap.RECORD_HEADER_LENGTH + captured;
      if (next > capacity) {
        out.wanted = pcap.RECORD_HEADER_LENGTH + captured;
        break;
      }
      if (mixed && interfaces[interfaceId[row]!]!.linkType !== this.#linkType) {
        refused = this.#otherLinkType(interfaces[interfaceId[row]!]!);
        break;
      }
      const second = seconds[row]!;
      if (second >>> 0 !== second) {
        refused = this.#outOfRange(this.frames + frames + 1, second);
        break;
      }
      const fraction = scale === 1 ? nanoseconds[row]! : (nanoseconds[row]! / 1000) >>> 0;
      const original = originalLength[row]!;
      const header = data - pcap.RECORD_HEADER_LENGTH;
      if (
        header >= 0 &&
        fromView.getUint32(header + pcap.SECONDS_AT, true) === second &&
        fromView.getUint32(header + pcap.FRACTION_AT, true) === fraction &&
        fromView.getUint32(header + pcap.CAPTURED_LENGTH_AT, true) === captured &&
        fromView.getUint32(header + pcap.ORIGINAL_LENGTH_AT, true) === original
      ) {
        if (header !== runEnd) {
          if (runEnd > runFrom && (direct = out.takeRun(from, runFrom, runEnd, used))) break;
          runFrom = header;
        }
        runEnd = data + captured;
      } else {
        if (runEnd > runFrom && (direct = out.takeRun(from, runFrom, runEnd, used))) break;
        runFrom = 0;
        runEnd = -1;
        toView.setUint32(used + pcap.SECONDS_AT, second, true);
        toView.setUint32(used + pcap.FRACTION_AT, fraction, true);
        toView.setUint32(used + pcap.CAPTURED_LENGTH_AT, captured, true);
        toView.setUint32(used + pcap.ORIGINAL_LENGTH_AT, original, true);
        copyFrame(from, fromView, data, captured, to, toView, used + pcap.RECORD_HEADER_LENGTH);
      }
      used = next;
      frames++;
    }
    if (!direct && runEnd > runFrom) direct = out.takeRun(from, runFrom, runEnd, used);
    out.used = direct ? used - (runEnd - runFrom) : used;
    this.frames += frames;
    // What was taken before it is written all the same.
    if (refused !== null) out.refused = refused;
    return row;
  }

  #otherLinkType(other: FrameInterface): SavefileError {
    const name = other.name === '' ? '' : ` of ${other.name}`;
    return new SavefileError(this.#file, {
      code: 'SAVEFILE_LINK_TYPE',
      what: `a pcap file holds frames of one link type: it has ${linkTypeName(this.#linkType)}, and a frame${name} has ${linkTypeName(other.linkType)}; write pcapng instead`,
    });
  }

  #outOfRange(frame: number, second: number): SavefileError {
    return new SavefileError(this.#file, {
      code: 'SAVEFILE_RANGE',
      what: `the time of frame ${frame}, ${second} s, does not fit the 32 bits of a pcap file`,
    });
  }

  /** pcap has frames only. */
  record(): void {}

  finish(out: OutputBuffer): void {
    if (this.#linkType < 0) this.#header(out, this.#known[0]);
  }

  whole(bytes: Uint8Array, written: number, position: number): { length: number; frames: number } {
    const view = viewOf(bytes);
    let length = position === 0 ? pcap.FILE_HEADER_LENGTH : 0;
    if (length > written) return { length: 0, frames: 0 };
    let frames = 0;
    while (length + pcap.RECORD_HEADER_LENGTH <= written) {
      const next = length + pcap.RECORD_HEADER_LENGTH + view.getUint32(length + pcap.CAPTURED_LENGTH_AT, true);
      if (next > written) break;
      length = next;
      frames++;
    }
    return { length, frames };
  }
}
