import { be32, le32 } from '../bytes/endian.ts';
import type { FrameBlock } from '../frames/block.ts';
import type { FrameInterface } from '../frames/source.ts';
import type { Chunk, SavefileParser } from './chunk.ts';
import type { SavefileErrorCode, SavefileProblem } from './error.ts';
import type { SavefileRecord, SavefileSection } from './metadata.ts';
import { maxCapturedLength } from './pcap-format.ts';
import * as ng from './pcapng-format.ts';
import * as options from './pcapng-options.ts';
import { defaultResolution, digits, Times } from './pcapng-time.ts';

const BLOCK_NAMES: Record<number, string> = {
  [ng.SECTION_HEADER_BLOCK]: 'section header block',
  [ng.INTERFACE_DESCRIPTION_BLOCK]: 'interface description block',
  [ng.PACKET_BLOCK]: 'packet block',
  [ng.SIMPLE_PACKET_BLOCK]: 'simple packet block',
  [ng.NAME_RESOLUTION_BLOCK]: 'name resolution block',
  [ng.INTERFACE_STATISTICS_BLOCK]: 'interface statistics block',
  [ng.ENHANCED_PACKET_BLOCK]: 'enhanced packet block',
  [ng.DECRYPTION_SECRETS_BLOCK]: 'decryption secrets block',
  [ng.CUSTOM_BLOCK]: 'custom block',
  [ng.CUSTOM_BLOCK_NO_COPY]: 'custom block',
};
const blockName = (type: number): string => BLOCK_NAMES[type] ?? `block of type 0x${type.toString(16)}`;
const aBlock = (type: number): string => `${/^[aei]/.test(blockName(type)) ? 'an' : 'a'} ${blockName(type)}`;

/** Bytes that a block of a type has at least. */
const SHORTEST: Record<number, number> = {
  [ng.SECTION_HEADER_BLOCK]: ng.SHB_OPTIONS_AT + ng.TRAILER_LENGTH,
  [ng.INTERFACE_DESCRIPTION_BLOCK]: ng.IDB_OPTIONS_AT + ng.TRAILER_LENGTH,
  [ng.PACKET_BLOCK]: ng.EPB_LENGTH,
  [ng.SIMPLE_PACKET_BLOCK]: ng.SPB_DATA_AT + ng.TRAILER_LENGTH,
  [ng.INTERFACE_STATISTICS_BLOCK]: ng.ISB_OPTIONS_AT + ng.TRAILER_LENGTH,
  [ng.ENHANCED_PACKET_BLOCK]: ng.EPB_LENGTH,
  [ng.DECRYPTION_SECRETS_BLOCK]: ng.DSB_DATA_AT + ng.TRAILER_LENGTH,
  [ng.CUSTOM_BLOCK]: ng.CB_DATA_AT + ng.TRAILER_LENGTH,
  [ng.CUSTOM_BLOCK_NO_COPY]: ng.CB_DATA_AT + ng.TRAILER_LENGTH,
};

/** Is `bytes` (4 at least) the beginning of a pcapng file? The type of the section header reads the same both ways. */
export const looksLikePcapng = (bytes: Uint8Array): boolean => le32(bytes, 0) === ng.SECTION_HEADER_BLOCK;

export class PcapngParser implements SavefileParser {
  readonly format = 'pcapng' as const;
  readonly interfaces: FrameInterface[] = [];
  readonly sections: SavefileSection[] = [];
  records: SavefileRecord[] = [];
  problem: SavefileProblem | null = null;
  /** The first thing that was wrong without hiding any frame: an option, a statistics block. Reading goes on. */
  defect: SavefileProblem | null = null;
  needed = ng.SHB_OPTIONS_AT + ng.TRAILER_LENGTH;

  #little = true;
  /** Row of `interfaces` of the section's interface 0. */
  #firstInterface = 0;
  readonly #times: Times[] = [];
  readonly #maxCaptured: number[] = [];
  #frames = 0;
  readonly #packetOptions: options.PacketOptions = { flags: 0, extras: null };

  get begun(): boolean {
    return this.sections.length > 0;
  }

  parse(chunk: Chunk, block: FrameBlock): void {
    const { bytes, view, end } = chunk;
    const capacity = block.capacity;
    const first = block.count;
    this.records = [];
    this.needed = 0;
    while (block.count < capacity && this.problem === null) {
      // Frames with nothing special come in long runs; the loop in #enhancedPackets takes as many as it can.
      this.#enhancedPackets(chunk, block);
      const at = chunk.at;
      if (block.count === capacity || at === end) break;
      if (end - at < ng.MIN_BLOCK_LENGTH) {
        this.needed = ng.MIN_BLOCK_LENGTH;
        break;
      }
      // The section header turns the byte order, so its own length is read in the order that it announces.
      if (le32(bytes, at) === ng.SECTION_HEADER_BLOCK && !this.#byteOrder(chunk)) break;
      const type = view.getUint32(at, this.#little);
      const total = view.getUint32(at + ng.TOTAL_LENGTH_AT, this.#little);
      if (!this.#totalLength(chunk, type, total)) break;
      const size = ng.padded(total);
      if (at + size > end) {
        this.needed = size;
        break;
      }
      // Some programs leave the last padding out of the total length; Wireshark reads them, and so does this.
      const trailer = view.getUint32(at + size - ng.TRAILER_LENGTH, this.#little);
      if (trailer !== total) {
        this.#fail(
          chunk,
          `the total length of the ${blockName(type)} is ${total} before its body and ${trailer} after it, in the block`,
        );
        break;
      }
      if (!this.begun && type !== ng.SECTION_HEADER_BLOCK) {
        this.#fail(chunk, `${aBlock(type)} comes before any section header block,`);
        break;
      }
      this.#block(chunk, block, type, at + size - ng.TRAILER_LENGTH);
      if (this.problem !== null) break;
      chunk.at = at + size;
    }
    block.keep.fill(1, first, block.count);
  }

  /** The run of plain enhanced packet blocks from `chunk.at`: sound, whole, and with nothing in them that needs a second
   * look. Stops before the first other block, whatever it is. */
  #enhancedPackets(chunk: Chunk, block: FrameBlock): void {
    if (!this.begun) return;
    const { view, end } = chunk;
    const { offset, capturedLength, originalLength, seconds, nanoseconds, interfaceId, flags } = block;
    const little = this.#little;
    const capacity = block.capacity;
    const firstInterface = this.#firstInterface;
    const last = end - ng.EPB_LENGTH;
    const firstRow = block.count;
    let row = firstRow;
    let at = chunk.at;
    let currentId = -1;
    let times: Times | null = null;
    let high = -1;
    let baseSeconds = 0;
    let baseUnits = 0;
    let unitsPerSecond = 1;
    let nanosecondsPerUnit = 1;
    let maxCaptured = 0;
    while (row < capacity && at <= last) {
      if (view.getUint32(at, little) !== ng.ENHANCED_PACKET_BLOCK) break;
      const total = view.getUint32(at + ng.TOTAL_LENGTH_AT, little);
      const captured = view.getUint32(at + ng.EPB_CAPTURED_LENGTH_AT, little);
      const next = at + total;
      // Of the options only the flags are read here, where they stand alone: what programs that capture write.
      const dataLength = (captured + 3) & ~3;
      const optionsLength = total - ng.EPB_LENGTH - dataLength;
      if (captured > 0x7fff_fff0 || next > end || (optionsLength !== 0 && optionsLength !== 12 && optionsLength !== 8))
        break;
      if (view.getUint32(next - ng.TRAILER_LENGTH, little) !== total) break;
      const id = view.getUint32(at + ng.EPB_INTERFACE_AT, little) + firstInterface;
      const timeHigh = view.getUint32(at + ng.EPB_TIME_HIGH_AT, little);
      if (id !== currentId || timeHigh !== high) {
        if (id >= this.interfaces.length) break;
        times = this.#times[id]!;
        nanosecondsPerUnit = times.nanosecondsPerUnit;
        if (nanosecondsPerUnit === 0) break;
        if (times.high !== timeHigh) times.rebase(timeHigh);
        ({ high, baseSeconds, baseUnits, unitsPerSecond } = times);
        maxCaptured = this.#maxCaptured[id]!;
        currentId = id;
      }
      if (captured > maxCaptured) break;
      let word = 0;
      if (optionsLength !== 0) {
        const option = at + ng.EPB_DATA_AT + dataLength;
        if (
          view.getUint16(option, little) !== ng.EPB_FLAGS ||
          view.getUint16(option + 2, little) !== 4 ||
          (optionsLength === 12 && view.getUint16(option + 8, little) !== ng.OPT_END)
        )
          break;
        word = view.getUint32(option + ng.OPTION_HEADER_LENGTH, little);
      }
      const units = baseUnits + view.getUint32(at + ng.EPB_TIME_LOW_AT, little);
      const whole = Math.floor(units / unitsPerSecond);
      seconds[row] = baseSeconds + whole;
      nanoseconds[row] = (units - whole * unitsPerSecond) * nanosecondsPerUnit;
      offset[row] = at + ng.EPB_DATA_AT;
      capturedLength[row] = captured;
      originalLength[row] = view.getUint32(at + ng.EPB_ORIGINAL_LENGTH_AT, little);
      interfaceId[row] = id;
      flags[row] = word;
      row++;
      at = next;
    }
    block.count = row;
    this.#frames += row - firstRow;
    chunk.at = at;
  }

  #byteOrder(chunk: Chunk): boolean {
    const magic = chunk.at + ng.SHB_MAGIC_AT;
    if (le32(chunk.bytes, magic) === ng.BYTE_ORDER_MAGIC) this.#little = true;
    else if (be32(chunk.bytes, magic) === ng.BYTE_ORDER_MAGIC) this.#little = false;
    else {
      const hex = be32(chunk.bytes, magic).toString(16).padStart(8, '0');
      this.#fail(chunk, `the byte-order magic of the section header block is 0x${hex}, in the block`);
      return false;
    }
    return true;
  }

  #totalLength(chunk: Chunk, type: number, total: number): boolean {
    const least = SHORTEST[type] ?? ng.MIN_BLOCK_LENGTH;
    const packet = type === ng.ENHANCED_PACKET_BLOCK || type === ng.PACKET_BLOCK || type === ng.SIMPLE_PACKET_BLOCK;
    const framed = total >= ng.MIN_BLOCK_LENGTH && total <= ng.MAX_BLOCK_LENGTH;
    // A block beside the frames may be too short for its type and yet be stepped over: see #block.
    const needsAll = packet || type === ng.SECTION_HEADER_BLOCK || type === ng.INTERFACE_DESCRIPTION_BLOCK;
    if (framed && (total >= least || !needsAll)) return true;
    const bound =
      total > ng.MAX_BLOCK_LENGTH ? `more than the ${ng.MAX_BLOCK_LENGTH} allowed` : `less than the ${least} needed`;
    this.#fail(chunk, `the total length of the ${blockName(type)} is ${total} bytes, ${bound}, in the block`);
    return false;
  }

  /** One whole block; `end` is where its trailer begins. */
  #block(chunk: Chunk, block: FrameBlock, type: number, end: number): void {
    const { bytes, at } = chunk;
    const least = SHORTEST[type] ?? ng.MIN_BLOCK_LENGTH;
    if (end + ng.TRAILER_LENGTH - at < least) {
      this.#note(chunk, type, `it has ${end + ng.TRAILER_LENGTH - at} bytes where ${least} are needed`);
      return;
    }
    switch (type) {
      case ng.SECTION_HEADER_BLOCK:
        this.#section(chunk, end);
        break;
      case ng.INTERFACE_DESCRIPTION_BLOCK:
        this.#interface(chunk, end);
        break;
      case ng.ENHANCED_PACKET_BLOCK:
      case ng.PACKET_BLOCK:
        this.#packet(chunk, block, type, end);
        break;
      case ng.SIMPLE_PACKET_BLOCK:
        this.#simplePacket(chunk, block, end);
        break;
      case ng.INTERFACE_STATISTICS_BLOCK:
        this.#statistics(chunk, end);
        break;
      case ng.NAME_RESOLUTION_BLOCK:
        this.#names(chunk, block.count, end);
        break;
      case ng.DECRYPTION_SECRETS_BLOCK:
        this.#secrets(chunk, block.count, end);
        break;
      case ng.CUSTOM_BLOCK:
      case ng.CUSTOM_BLOCK_NO_COPY:
        this.records.push({
          kind: 'custom',
          row: block.count,
          enterprise: chunk.view.getUint32(at + ng.CB_ENTERPRISE_AT, this.#little),
          data: bytes.slice(at + ng.CB_DATA_AT, end),
          copy: type === ng.CUSTOM_BLOCK,
        });
        break;
      default:
      // draft-ietf-opsawg-pcapng: a block of a type that the reader does not know is stepped over.
    }
  }

  #section(chunk: Chunk, end: number): void {
    const { bytes, view, at } = chunk;
    const major = view.getUint16(at + ng.SHB_MAJOR_AT, this.#little);
    const minor = view.getUint16(at + ng.SHB_MINOR_AT, this.#little);
    // 1.2 was written by some programs and means the same as 1.0.
    if (major !== 1 || (minor !== 0 && minor !== 2)) {
      this.#fail(
        chunk,
        `pcapng version ${major}.${minor} cannot be read, in the section header`,
        'SAVEFILE_UNSUPPORTED',
      );
      return;
    }
    const section: SavefileSection = { firstInterface: this.interfaces.length };
    this.sections.push(section);
    this.#firstInterface = this.interfaces.length;
    const wrong = options.sectionOptions(bytes, at + ng.SHB_OPTIONS_AT, end, this.#little, section);
    if (wrong !== null) this.#note(chunk, ng.SECTION_HEADER_BLOCK, wrong);
  }

  #interface(chunk: Chunk, end: number): void {
    const { bytes, view, at } = chunk;
    const description: FrameInterface = {
      name: '',
      linkType: view.getUint16(at + ng.IDB_LINK_TYPE_AT, this.#little),
      snapLength: view.getUint32(at + ng.IDB_SNAP_LENGTH_AT, this.#little),
      timestampDigits: 6,
    };
    if (!this.#little) description.bigEndian = true;
    const resolution = defaultResolution();
    const wrong = options.interfaceOptions(bytes, at + ng.IDB_OPTIONS_AT, end, this.#little, description, resolution);
    if (wrong !== null) this.#note(chunk, ng.INTERFACE_DESCRIPTION_BLOCK, wrong);
    description.timestampDigits = digits(resolution);
    this.interfaces.push(description);
    this.#times.push(new Times(resolution));
    this.#maxCaptured.push(maxCapturedLength(description.linkType));
  }

  /** Row of `interfaces` for an interface of the section, or -1 with `problem` set. */
  #interfaceRow(chunk: Chunk, id: number): number {
    const row = this.#firstInterface + id;
    if (row < this.interfaces.length) return row;
    const known = this.interfaces.length - this.#firstInterface;
    this.#fail(
      chunk,
      `frame ${this.#frames + 1} names interface ${id}, and its section has described ${known}, in the block`,
    );
    return -1;
  }

  /** An enhanced or obsolete packet block with everything that it may hold. */
  #packet(chunk: Chunk, block: FrameBlock, type: number, end: number): void {
    const { bytes, view, at } = chunk;
    const little = this.#little;
    const enhanced = type === ng.ENHANCED_PACKET_BLOCK;
    const id = enhanced
      ? view.getUint32(at + ng.EPB_INTERFACE_AT, little)
      : view.getUint16(at + ng.PB_INTERFACE_AT, little);
    const interfaceRow = this.#interfaceRow(chunk, id);
    if (interfaceRow < 0) return;
    const captured = view.getUint32(at + ng.EPB_CAPTURED_LENGTH_AT, little);
    const data = at + ng.EPB_DATA_AT;
    if (!this.#soundLength(chunk, interfaceRow, captured, end - data)) return;

    const row = block.count;
    const times = this.#times[interfaceRow]!;
    times.exact(view.getUint32(at + ng.EPB_TIME_HIGH_AT, little), view.getUint32(at + ng.EPB_TIME_LOW_AT, little));
    block.seconds[row] = times.seconds;
    block.nanoseconds[row] = times.nanoseconds;
    block.offset[row] = data;
    block.capturedLength[row] = captured;
    block.originalLength[row] = view.getUint32(at + ng.EPB_ORIGINAL_LENGTH_AT, little);
    block.interfaceId[row] = interfaceRow;
    const found = this.#packetOptions;
    const wrong = options.packetOptions(bytes, data + ng.padded(captured), end, little, enhanced, found);
    if (wrong !== null) this.#note(chunk, type, wrong);
    block.flags[row] = found.flags;
    let extras = found.extras;
    if (!enhanced) {
      const drops = view.getUint16(at + ng.PB_DROPS_AT, little);
      if (drops !== 0 && drops !== ng.PB_DROPS_UNKNOWN) (extras ??= {}).dropCount = BigInt(drops);
    }
    if (extras !== null) (block.extras ??= new Map()).set(row, extras);
    block.count = row + 1;
    this.#frames++;
  }

  /** A simple packet block: interface 0, no time, and the data cut only by that interface's snapshot length. */
  #simplePacket(chunk: Chunk, block: FrameBlock, end: number): void {
    const { view, at } = chunk;
    const interfaceRow = this.#interfaceRow(chunk, 0);
    if (interfaceRow < 0) return;
    const original = view.getUint32(at + ng.SPB_ORIGINAL_LENGTH_AT, this.#little);
    const snapLength = this.interfaces[interfaceRow]!.snapLength;
    const captured = snapLength === 0 ? original : Math.min(original, snapLength);
    const data = at + ng.SPB_DATA_AT;
    if (!this.#soundLength(chunk, interfaceRow, captured, end - data)) return;
    const row = block.count++;
    block.seconds[row] = 0;
    block.nanoseconds[row] = 0;
    block.offset[row] = data;
    block.capturedLength[row] = captured;
    block.originalLength[row] = original;
    block.interfaceId[row] = interfaceRow;
    block.flags[row] = 0;
    this.#frames++;
  }

  #soundLength(chunk: Chunk, interfaceRow: number, captured: number, room: number): boolean {
    const most = this.#maxCaptured[interfaceRow]!;
    if (ng.padded(captured) <= room && captured <= most) return true;
    const bound =
      ng.padded(captured) > room
        ? `and its block has room for ${room}`
        : `more than the ${most} that its link type allows`;
    this.#fail(chunk, `the captured length of frame ${this.#frames + 1} is ${captured} bytes, ${bound}, in the block`);
    this.problem!.needed = captured;
    this.problem!.available = room;
    this.problem!.lengthFrom = 'captured length';
    return false;
  }

  #statistics(chunk: Chunk, end: number): void {
    const { bytes, view, at } = chunk;
    const row = this.#firstInterface + view.getUint32(at + ng.ISB_INTERFACE_AT, this.#little);
    const description = this.interfaces[row];
    // Statistics of an interface that the section does not have: nothing to attach them to.
    if (description === undefined) return;
    const statistics = {};
    const times = this.#times[row]!;
    const wrong = options.statisticsOptions(bytes, at + ng.ISB_OPTIONS_AT, end, this.#little, statistics, (high, low) =>
      times.at(high, low),
    );
    if (wrong !== null) this.#note(chunk, ng.INTERFACE_STATISTICS_BLOCK, wrong);
    // Later blocks of one interface are newer.
    description.statistics = statistics;
  }

  #names(chunk: Chunk, row: number, end: number): void {
    const { bytes, view } = chunk;
    const entries: { type: number; value: Uint8Array }[] = [];
    let at = chunk.at + ng.NRB_RECORDS_AT;
    while (end - at >= ng.OPTION_HEADER_LENGTH) {
      const type = view.getUint16(at, this.#little);
      const length = view.getUint16(at + 2, this.#little);
      at += ng.OPTION_HEADER_LENGTH;
      if (type === ng.NRB_RECORD_END) break;
      if (at + length > end) {
        this.#note(chunk, ng.NAME_RESOLUTION_BLOCK, `a record says ${length} bytes, ${end - at} are there`);
        at = end;
        break;
      }
      entries.push({ type, value: bytes.slice(at, at + length) });
      at += ng.padded(length);
    }
    const kept: SavefileRecord = { kind: 'names', row, entries, options: [] };
    const wrong = options.plainOptions(bytes, at, end, this.#little, kept.options);
    if (wrong !== null) this.#note(chunk, ng.NAME_RESOLUTION_BLOCK, wrong);
    this.records.push(kept);
  }

  #secrets(chunk: Chunk, row: number, end: number): void {
    const { bytes, view, at } = chunk;
    const length = view.getUint32(at + ng.DSB_SECRETS_LENGTH_AT, this.#little);
    const data = at + ng.DSB_DATA_AT;
    if (data + length > end) {
      this.#note(chunk, ng.DECRYPTION_SECRETS_BLOCK, `its length says ${length} bytes, ${end - data} are there`);
      return;
    }
    const kept: SavefileRecord = {
      kind: 'secrets',
      row,
      secretsType: view.getUint32(at + ng.DSB_SECRETS_TYPE_AT, this.#little),
      data: bytes.slice(data, data + length),
      options: [],
    };
    const wrong = options.plainOptions(bytes, data + ng.padded(length), end, this.#little, kept.options);
    if (wrong !== null) this.#note(chunk, ng.DECRYPTION_SECRETS_BLOCK, wrong);
    this.records.push(kept);
  }

  #fail(chunk: Chunk, what: string, code: SavefileErrorCode = 'SAVEFILE_CORRUPT'): void {
    this.problem = { code, what, offset: chunk.base + chunk.at };
  }

  #note(chunk: Chunk, type: number, what: string): void {
    this.defect ??= {
      code: 'SAVEFILE_CORRUPT',
      what: `${aBlock(type)} is wrong (${what}; reading went on after it), in the block`,
      offset: chunk.base + chunk.at,
    };
  }

  cutShort(chunk: Chunk): SavefileProblem {
    const { bytes, view, at, end } = chunk;
    const available = end - at;
    const { needed } = this;
    const known = available >= ng.MIN_BLOCK_LENGTH;
    const what = known
      ? `the total length of ${aBlock(view.getUint32(at, this.#little))} says ${needed} bytes, ${available} are there, in the block`
      : `a block has ${needed} bytes at least, ${available} are there,`;
    return {
      code: 'SAVEFILE_TRUNCATED',
      what: `cut short: ${what}`,
      offset: chunk.base + at,
      needed,
      available,
      lengthFrom: known
        ? 'block total length'
        : `the shortest block (first byte ${available > 0 ? bytes[at] : 'missing'})`,
    };
  }
}
