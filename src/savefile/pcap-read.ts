import { be32, le32 } from '../bytes/endian.ts';
import type { FrameBlock } from '../frames/block.ts';
import * as flags from '../frames/flags.ts';
import type { FrameInterface } from '../frames/source.ts';
import type { Chunk, SavefileParser } from './chunk.ts';
import type { SavefileProblem } from './error.ts';
import type { SavefileRecord, SavefileSection } from './metadata.ts';
import * as pcap from './pcap-format.ts';

/** How the two lengths of a record stand. Old versions of the format wrote the original length first; version 2.3 was
 * written both ways, so there the smaller one is the captured length (as libpcap decides it). */
const ORDINARY = 0;
const SWAPPED = 1;
const MAYBE_SWAPPED = 2;

const MAGICS: Record<number, { nanoseconds: boolean; headers: readonly number[]; ixia?: boolean }> = {
  // Several programs wrote longer record headers under these magic numbers; the first length is the proper one.
  [pcap.MAGIC_MICROSECONDS]: {
    nanoseconds: false,
    headers: [pcap.RECORD_HEADER_LENGTH, pcap.MODIFIED_RECORD_HEADER_LENGTH, pcap.NOKIA_RECORD_HEADER_LENGTH],
  },
  [pcap.MAGIC_NANOSECONDS]: { nanoseconds: true, headers: [pcap.RECORD_HEADER_LENGTH] },
  [pcap.MAGIC_MODIFIED]: {
    nanoseconds: false,
    headers: [pcap.MODIFIED_RECORD_HEADER_LENGTH, pcap.SS990915_RECORD_HEADER_LENGTH],
  },
  [pcap.MAGIC_IXIA_HARDWARE]: { nanoseconds: false, headers: [pcap.RECORD_HEADER_LENGTH], ixia: true },
  [pcap.MAGIC_IXIA_SOFTWARE]: { nanoseconds: false, headers: [pcap.RECORD_HEADER_LENGTH], ixia: true },
};

/** Flags of a frame by the packet type of the modified record header (PACKET_HOST and so on, linux/if_packet.h). */
const PACKET_TYPE_FLAGS = [
  flags.DIRECTION_IN | flags.RECEPTION_UNICAST,
  flags.DIRECTION_IN | flags.RECEPTION_BROADCAST,
  flags.DIRECTION_IN | flags.RECEPTION_MULTICAST,
  flags.DIRECTION_IN | flags.RECEPTION_PROMISCUOUS,
  flags.DIRECTION_OUT,
];

/** AIX wrote interface types of RFC 1573 in place of link types, and nanoseconds, as version 2.2. */
const AIX_LINK_TYPES: Record<number, number> = { 6: 1, 9: 6, 15: 10, 24: 0 };
/** DLT_ values that programs of some systems wrote in place of LINKTYPE_ values: raw IP of Linux and OpenBSD, RFC 1483. */
const STRAY_LINK_TYPES: Record<number, number> = { 12: 101, 14: 101, 11: 100 };

/** Is `bytes` (4 at least) the beginning of a pcap file, in either byte order? */
export const looksLikePcap = (bytes: Uint8Array): boolean =>
  MAGICS[le32(bytes, 0)] !== undefined || MAGICS[be32(bytes, 0)] !== undefined;

export class PcapParser implements SavefileParser {
  readonly format = 'pcap' as const;
  readonly interfaces: FrameInterface[] = [];
  readonly sections: SavefileSection[] = [];
  records: SavefileRecord[] = [];
  problem: SavefileProblem | null = null;
  needed: number = pcap.FILE_HEADER_LENGTH;
  begun = false;

  #littleEndian = true;
  #headers: readonly number[] = [];
  /** 0: not yet decided. */
  #headerLength = 0;
  #fractionsPerSecond = 1_000_000;
  #nanosecondsPerFraction = 1000;
  #lengths = ORDINARY;
  #maxCaptured = 0;
  #frames = 0;
  #modified = false;

  parse(chunk: Chunk, block: FrameBlock): void {
    if (!this.begun && !this.#fileHeader(chunk)) return;
    if (this.#headerLength === 0) {
      if (chunk.end - chunk.at < pcap.RECORD_HEADER_LENGTH) {
        this.needed = chunk.end > chunk.at ? pcap.RECORD_HEADER_LENGTH : 0;
        return;
      }
      this.#headerLength = this.#likeliestHeader(chunk);
    }
    this.#rows(chunk, block);
  }

  #fileHeader(chunk: Chunk): boolean {
    const { bytes, view, at, end } = chunk;
    if (end - at < 4) return false;
    this.#littleEndian = MAGICS[le32(bytes, at)] !== undefined;
    const little = this.#littleEndian;
    const magic = view.getUint32(at, little);
    const kind = MAGICS[magic]!;
    const length = kind.ixia ? pcap.IXIA_FILE_HEADER_LENGTH : pcap.FILE_HEADER_LENGTH;
    this.needed = length;
    if (end - at < length) return false;

    const major = view.getUint16(at + pcap.VERSION_MAJOR_AT, little);
    const minor = view.getUint16(at + pcap.VERSION_MINOR_AT, little);
    if (major < 2) {
      this.#fail('SAVEFILE_UNSUPPORTED', chunk, `pcap version ${major}.${minor} cannot be read`, pcap.VERSION_MAJOR_AT);
      return false;
    }
    // libpcap: versions before 2.3, and 543.0 (NAI), have the lengths the other way round.
    if ((major === 2 && minor < 3) || major === 543) this.#lengths = SWAPPED;
    else if (major === 2 && minor === 3) this.#lengths = MAYBE_SWAPPED;

    const word = view.getUint32(at + pcap.LINK_TYPE_AT, little);
    if ((word & 0x03ff_0000) !== 0) {
      const hex = `0x${word.toString(16).padStart(8, '0')}`;
      this.#fail(
        'SAVEFILE_UNSUPPORTED',
        chunk,
        `reserved bits of the link type word are set: ${hex}`,
        pcap.LINK_TYPE_AT,
      );
      return false;
    }
    let linkType = word & pcap.LINK_TYPE_MASK;
    let nanoseconds = kind.nanoseconds;
    const aix = magic === pcap.MAGIC_MICROSECONDS && major === 2 && minor === 2 ? AIX_LINK_TYPES[linkType] : undefined;
    if (aix !== undefined) {
      linkType = aix;
      nanoseconds = true;
    } else linkType = STRAY_LINK_TYPES[linkType] ?? linkType;

    this.#fractionsPerSecond = nanoseconds ? 1_000_000_000 : 1_000_000;
    this.#nanosecondsPerFraction = nanoseconds ? 1 : 1000;
    this.#maxCaptured = pcap.maxCapturedLength(linkType);
    this.#headers = kind.headers;
    this.#modified = magic === pcap.MAGIC_MODIFIED;
    const description: FrameInterface = {
      name: '',
      linkType,
      snapLength: view.getUint32(at + pcap.SNAP_LENGTH_AT, little),
      timestampDigits: nanoseconds ? 9 : 6,
      unnumbered: true,
    };
    if (!little) description.bigEndian = true;
    if (word & pcap.FCS_LENGTH_PRESENT) description.fcsLength = (word >>> pcap.FCS_LENGTH_SHIFT) * 2;
    this.interfaces.push(description);
    this.sections.push({ firstInterface: 0 });
    this.begun = true;
    chunk.at += length;
    this.needed = 0;
    return true;
  }

  /** The record header's length. Programs that used a longer one kept the magic number, so where the proper length makes
   * no sense for the first records, and another one does, that is taken (Wireshark decides alike). */
  #likeliestHeader(chunk: Chunk): number {
    const proper = this.#headers[0]!;
    if (this.#plausible(chunk, proper) !== -1) return proper;
    for (const length of this.#headers.slice(1)) {
      const records = this.#plausible(chunk, length);
      if (records >= 2) return length;
    }
    return proper;
  }

  /** How many of the first records make sense with headers of this length; -1 where one does not. */
  #plausible(chunk: Chunk, headerLength: number): number {
    const { view, end } = chunk;
    const little = this.#littleEndian;
    let at = chunk.at;
    for (let records = 0; records < 8; records++) {
      if (at === end) return records;
      // A file cut short, or a chunk that ends here.
      if (at + headerLength > end) return records;
      let captured = view.getUint32(at + pcap.CAPTURED_LENGTH_AT, little);
      let original = view.getUint32(at + pcap.ORIGINAL_LENGTH_AT, little);
      if (this.#lengths === SWAPPED || (this.#lengths === MAYBE_SWAPPED && captured > original))
        [captured, original] = [original, captured];
      if (captured > this.#maxCaptured || captured > original) return -1;
      if (view.getUint32(at + pcap.FRACTION_AT, little) >= this.#fractionsPerSecond) return -1;
      at += headerLength + captured;
      if (at > end) return records;
    }
    return 8;
  }

  #rows(chunk: Chunk, block: FrameBlock): void {
    const { view, end } = chunk;
    const { offset, capturedLength, originalLength, seconds, nanoseconds } = block;
    const capacity = block.capacity;
    const little = this.#littleEndian;
    const headerLength = this.#headerLength;
    const maxCaptured = this.#maxCaptured;
    const lengths = this.#lengths;
    const limit = this.#fractionsPerSecond;
    const scale = this.#nanosecondsPerFraction;
    const first = block.count;
    let row = first;
    let at = chunk.at;
    this.needed = 0;
    while (row < capacity) {
      const data = at + headerLength;
      if (data > end) {
        if (at < end) this.needed = headerLength;
        break;
      }
      let captured = view.getUint32(at + pcap.CAPTURED_LENGTH_AT, little);
      let original = view.getUint32(at + pcap.ORIGINAL_LENGTH_AT, little);
      if (lengths !== ORDINARY && (lengths === SWAPPED || captured > original)) {
        const other = captured;
        captured = original;
        original = other;
      }
      if (captured > maxCaptured) {
        this.problem = this.#insane(chunk, at, captured, this.#frames + row - first + 1);
        break;
      }
      const next = data + captured;
      if (next > end) {
        this.needed = next - at;
        break;
      }
      const fraction = view.getUint32(at + pcap.FRACTION_AT, little);
      if (fraction < limit) {
        seconds[row] = view.getUint32(at + pcap.SECONDS_AT, little);
        nanoseconds[row] = fraction * scale;
      } else {
        // Some programs let the fraction run over the second; the time meant is the sum.
        seconds[row] = view.getUint32(at + pcap.SECONDS_AT, little) + Math.floor(fraction / limit);
        nanoseconds[row] = (fraction % limit) * scale;
      }
      offset[row] = data;
      capturedLength[row] = captured;
      originalLength[row] = original;
      row++;
      at = next;
    }
    block.interfaceId.fill(0, first, row);
    block.flags.fill(0, first, row);
    block.keep.fill(1, first, row);
    if (this.#modified) {
      for (let i = first; i < row; i++) {
        const header = offset[i]! - headerLength;
        block.flags[i] = PACKET_TYPE_FLAGS[chunk.bytes[header + pcap.MODIFIED_PACKET_TYPE_AT]!] ?? 0;
      }
    }
    block.count = row;
    this.#frames += row - first;
    chunk.at = at;
  }

  #insane(chunk: Chunk, at: number, captured: number, frame: number): SavefileProblem {
    return {
      code: 'SAVEFILE_CORRUPT',
      what: `the captured length of frame ${frame} is ${captured} bytes, more than the ${this.#maxCaptured} that its link type allows, in the record header`,
      offset: chunk.base + at,
      needed: this.#headerLength + captured,
      available: chunk.end - at,
      lengthFrom: 'captured length',
    };
  }

  #fail(code: SavefileProblem['code'], chunk: Chunk, what: string, field: number): void {
    this.problem = { code, what: `${what},`, offset: chunk.base + chunk.at + field };
  }

  cutShort(chunk: Chunk): SavefileProblem {
    const available = chunk.end - chunk.at;
    const { needed } = this;
    const problem = { code: 'SAVEFILE_TRUNCATED' as const, offset: chunk.base + chunk.at, needed, available };
    if (!this.begun)
      return {
        ...problem,
        what: `cut short: a pcap file header has ${needed} bytes, ${available} are there,`,
        lengthFrom: 'file header',
      };
    const header = this.#headerLength || pcap.RECORD_HEADER_LENGTH;
    const frame = this.#frames + 1;
    if (available < header)
      return {
        ...problem,
        what: `cut short: the record header of frame ${frame} has ${header} bytes, ${available} are there,`,
        lengthFrom: 'record header',
      };
    return {
      ...problem,
      what: `cut short: the captured length of frame ${frame} says ${needed - header} bytes, ${available - header} are there, in the record`,
      lengthFrom: 'captured length',
    };
  }
}
