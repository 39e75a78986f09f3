import type { FrameBlock, FrameExtras } from '../frames/block.ts';
import type { FrameInterface, FrameInterfaceStatistics } from '../frames/source.ts';
import { copyFrame, type OutputBuffer, viewOf } from './buffer.ts';
import type { RecordEncoder } from './encoder.ts';
import { SavefileError } from './error.ts';
import type { SavefileOption, SavefileRecord, SavefileSection } from './metadata.ts';
import * as ng from './pcapng-format.ts';

/** What a section header says of the writer. */
export type SectionText = Omit<SavefileSection, 'firstInterface'>;

/** if_tsresol of every interface that we write: nanoseconds, whatever the source had. */
const TSRESOL = 9;
/** Seconds that fit 64 bits of nanoseconds. */
const MAX_SECONDS = 18_446_744_072;
const EMPTY = new Uint8Array(0);

const encoder = new TextEncoder();

/** Values of options on their way into a block. */
class Options {
  readonly #list: SavefileOption[] = [];

  bytes(code: number, value: Uint8Array | undefined): this {
    if (value === undefined) return this;
    if (value.length > 0xffff)
      throw new RangeError(`a pcapng option holds 65535 bytes at most: option ${code} has ${value.length}`);
    this.#list.push({ code, value });
    return this;
  }

  text(code: number, value: string | undefined): this {
    return value === undefined ? this : this.bytes(code, encoder.encode(value));
  }

  texts(code: number, values: readonly string[] | undefined): this {
    for (const value of values ?? []) this.text(code, value);
    return this;
  }

  number(code: number, value: number | bigint | undefined, length: 1 | 4 | 8): this {
    if (value === undefined) return this;
    const bytes = new Uint8Array(8);
    viewOf(bytes).setBigUint64(0, BigInt(value), true);
    return this.bytes(code, bytes.subarray(0, length));
  }

  /** Times of an interface statistics block have the high 32 bits first in either byte order. */
  time(code: number, value: { seconds: number; nanoseconds: number } | undefined): this {
    if (value === undefined) return this;
    const count = nanosecondCount(value.seconds, value.nanoseconds);
    const bytes = new Uint8Array(8);
    viewOf(bytes).setUint32(0, Number(count >> 32n), true);
    viewOf(bytes).setUint32(4, Number(count & 0xffff_ffffn), true);
    return this.bytes(code, bytes);
  }

  /** Options kept from another file, but for those that must not be copied. */
  others(options: readonly SavefileOption[] | undefined): this {
    for (const { code, value } of options ?? []) {
      if (code !== ng.OPT_CUSTOM_STRING_NO_COPY && code !== ng.OPT_CUSTOM_BINARY_NO_COPY) this.bytes(code, value);
    }
    return this;
  }

  /** Bytes of the list with its end; none where there is nothing in it. */
  get length(): number {
    if (this.#list.length === 0) return 0;
    let length = ng.OPTION_HEADER_LENGTH;
    for (const { value } of this.#list) length += ng.OPTION_HEADER_LENGTH + ng.padded(value.length);
    return length;
  }

  put(out: OutputBuffer, at: number): void {
    if (this.#list.length === 0) return;
    const { bytes, view } = out;
    for (const { code, value } of this.#list) {
      view.setUint16(at, code, true);
      view.setUint16(at + 2, value.length, true);
      at += ng.OPTION_HEADER_LENGTH;
      bytes.set(value, at);
      const end = at + ng.padded(value.length);
      bytes.fill(0, at + value.length, end);
      at = end;
    }
    view.setUint32(at, ng.OPT_END, true);
  }
}

const nanosecondCount = (seconds: number, nanoseconds: number): bigint =>
  BigInt.asUintN(64, BigInt(seconds) * 1_000_000_000n + BigInt(nanoseconds));

/** Blocks of a pcapng file of one section, little-endian. */
export class PcapngEncoder implements RecordEncoder {
  readonly format = 'pcapng' as const;
  frames = 0;
  readonly #file: string;
  readonly #section: SectionText;
  #begun = false;
  readonly #ids = new Map<FrameInterface, number>();
  /** The interfaces that were looked at last, how many, and the file's id of each. */
  #known: readonly FrameInterface[] = [];
  #knownCount = 0;
  #idOfRow: Uint32Array = new Uint32Array(0);
  /** Of the last frame: statistics blocks want a time. */
  #lastSeconds = 0;
  #lastNanoseconds = 0;
  /** A second, and what its beginning is in nanoseconds as two words: worked out when the second changes. */
  #second = Number.NaN;
  #secondHigh = 0;
  #secondLow = 0;

  constructor(file: string, section: SectionText = {}) {
    this.#file = file;
    this.#section = section;
  }

  /** Room for a block with its two lengths and type filled in; gives where it begins. */
  #block(out: OutputBuffer, type: number, total: number): number {
    out.ensure(total);
    const at = out.used;
    out.view.setUint32(at, type, true);
    out.view.setUint32(at + ng.TOTAL_LENGTH_AT, total, true);
    out.view.setUint32(at + total - ng.TRAILER_LENGTH, total, true);
    out.used += total;
    return at;
  }

  prepare(out: OutputBuffer, interfaces: readonly FrameInterface[]): void {
    if (!this.#begun) this.#sectionHeader(out);
    if (interfaces === this.#known && interfaces.length === this.#knownCount) return;
    this.#known = interfaces;
    this.#knownCount = interfaces.length;
    this.#idOfRow = Uint32Array.from(interfaces, (description) => {
      let id = this.#ids.get(description);
      if (id === undefined) {
        id = this.#ids.size;
        this.#interfaceDescription(out, description);
        this.#ids.set(description, id);
      }
      return id;
    });
  }

  #sectionHeader(out: OutputBuffer): void {
    const { hardware, os, application, comments, others } = this.#section;
    const options = new Options()
      .text(ng.SHB_HARDWARE, hardware)
      .text(ng.SHB_OS, os)
      .text(ng.SHB_USERAPPL, application)
      .texts(ng.OPT_COMMENT, comments)
      .others(others);
    const at = this.#block(out, ng.SECTION_HEADER_BLOCK, ng.SHB_OPTIONS_AT + options.length + ng.TRAILER_LENGTH);
    out.view.setUint32(at + ng.SHB_MAGIC_AT, ng.BYTE_ORDER_MAGIC, true);
    out.view.setUint16(at + ng.SHB_MAJOR_AT, 1, true);
    out.view.setUint16(at + ng.SHB_MINOR_AT, 0, true);
    // The section's length is not known while it is being written.
    out.view.setBigInt64(at + ng.SHB_SECTION_LENGTH_AT, -1n, true);
    options.put(out, at + ng.SHB_OPTIONS_AT);
    this.#begun = true;
  }

  #interfaceDescription(out: OutputBuffer, description: FrameInterface): void {
    const filter = description.filter === undefined ? undefined : encoder.encode(`\0${description.filter}`);
    const options = new Options()
      .text(ng.IF_NAME, description.name === '' ? undefined : description.name)
      .text(ng.IF_DESCRIPTION, description.description)
      .bytes(ng.IF_MACADDR, description.macAddress)
      .number(ng.IF_SPEED, description.speed, 8)
      .number(ng.IF_TSRESOL, TSRESOL, 1)
      .bytes(ng.IF_FILTER, filter)
      .text(ng.IF_OS, description.os)
      .number(ng.IF_FCSLEN, description.fcsLength, 1)
      .text(ng.IF_HARDWARE, description.hardware)
      .texts(ng.OPT_COMMENT, description.comments)
      .others(description.others);
    if (description.linkType > 0xffff)
      throw new SavefileError(this.#file, {
        code: 'SAVEFILE_RANGE',
        what: `link type ${description.linkType} does not fit the 16 bits of pcapng`,
      });
    const at = this.#block(out, ng.INTERFACE_DESCRIPTION_BLOCK, ng.IDB_OPTIONS_AT + options.length + ng.TRAILER_LENGTH);
    out.view.setUint16(at + ng.IDB_LINK_TYPE_AT, description.linkType, true);
    out.view.setUint16(at + ng.IDB_LINK_TYPE_AT + 2, 0, true);
    out.view.setUint32(at + ng.IDB_SNAP_LENGTH_AT, description.snapLength, true);
    options.put(out, at + ng.IDB_OPTIONS_AT);
  }

  rows(
    out: OutputBuffer,
    block: FrameBlock,
    _interfaces: readonly FrameInterface[],
    row: number,
    end: number,
    limit: number,
  ): number {
    const {
      keep,
      offset,
      capturedLength,
      originalLength,
      seconds,
      nanoseconds,
      interfaceId,
      flags,
      bytes: from,
    } = block;
    const { extras } = block;
    const { bytes: to, view: toView } = out;
    const fromView = viewOf(from);
    const capacity = to.length;
    const ids = this.#idOfRow;
    let used = out.used;
    let frames = 0;
    let last = -1;
    // As with pcap: blocks that stand in the source's memory just as they must stand in ours are copied in one piece.
    let runFrom = 0;
    let runEnd = -1;
    let direct = false;
    out.wanted = 0;
    for (; row < end; row++) {
      if (keep[row] === 0) continue;
      if (used > limit) break;
      const captured = capturedLength[row]!;
      const dataLength = (captured + 3) & ~3;
      const word = flags[row]!;
      const extra = extras === null ? undefined : extras.get(row);
      const optionsLength = extra === undefined ? (word === 0 ? 0 : FLAGS_LENGTH) : this.#options(extra, word).length;
      const total = ng.EPB_LENGTH + dataLength + optionsLength;
      const next = used + total;
      if (next > capacity) {
        out.wanted = total;
        break;
      }
      const second = seconds[row]!;
      if (second !== this.#second && !this.#rebase(second)) {
        // What was taken before it is written all the same.
        out.refused = this.#outOfRange(this.frames + frames + 1, second);
        break;
      }
      let high = this.#secondHigh;
      let low = this.#secondLow + nanoseconds[row]!;
      if (low > 0xffff_ffff) {
        low -= 0x1_0000_0000;
        high++;
      }
      const data = offset[row]!;
      const original = originalLength[row]!;
      const id = ids[interfaceId[row]!]!;
      const start = data - ng.EPB_DATA_AT;
      if (
        start >= 0 &&
        start + total <= from.length &&
        extra === undefined &&
        fromView.getUint32(start, true) === ng.ENHANCED_PACKET_BLOCK &&
        fromView.getUint32(start + ng.TOTAL_LENGTH_AT, true) === total &&
        fromView.getUint32(start + ng.EPB_INTERFACE_AT, true) === id &&
        fromView.getUint32(start + ng.EPB_TIME_HIGH_AT, true) === high &&
        fromView.getUint32(start + ng.EPB_TIME_LOW_AT, true) === low &&
        fromView.getUint32(start + ng.EPB_CAPTURED_LENGTH_AT, true) === captured &&
        fromView.getUint32(start + ng.EPB_ORIGINAL_LENGTH_AT, true) === original &&
        fromView.getUint32(start + total - ng.TRAILER_LENGTH, true) === total &&
        (word === 0 || isFlags(fromView, data + dataLength, word))
      ) {
        if (start !== runEnd) {
          if (runEnd > runFrom && (direct = out.takeRun(from, runFrom, runEnd, used))) break;
          runFrom = start;
        }
        runEnd = start + total;
      } else {
        if (runEnd > runFrom && (direct = out.takeRun(from, runFrom, runEnd, used))) break;
        runFrom = 0;
        runEnd = -1;
        toView.setUint32(used, ng.ENHANCED_PACKET_BLOCK, true);
        toView.setUint32(used + ng.TOTAL_LENGTH_AT, total, true);
        toView.setUint32(used + ng.EPB_INTERFACE_AT, id, true);
        toView.setUint32(used + ng.EPB_TIME_HIGH_AT, high, true);
        toView.setUint32(used + ng.EPB_TIME_LOW_AT, low, true);
        toView.setUint32(used + ng.EPB_CAPTURED_LENGTH_AT, captured, true);
        toView.setUint32(used + ng.EPB_ORIGINAL_LENGTH_AT, original, true);
        const to0 = used + ng.EPB_DATA_AT;
        copyFrame(from, fromView, data, captured, to, toView, to0);
        for (let i = captured; i < dataLength; i++) to[to0 + i] = 0;
        const options = to0 + dataLength;
        if (extra !== undefined) this.#options(extra, word).put(out, options);
        else if (word !== 0) {
          toView.setUint32(options, FLAGS_HEADER, true);
          toView.setUint32(options + 4, word, true);
          toView.setUint32(options + 8, 0, true);
        }
        toView.setUint32(next - ng.TRAILER_LENGTH, total, true);
      }
      used = next;
      frames++;
      last = row;
    }
    if (!direct && runEnd > runFrom) direct = out.takeRun(from, runFrom, runEnd, used);
    out.used = direct ? used - (runEnd - runFrom) : used;
    this.frames += frames;
    if (last >= 0) {
      this.#lastSeconds = seconds[last]!;
      this.#lastNanoseconds = nanoseconds[last]!;
    }
    return row;
  }

  #options(extra: FrameExtras, word: number): Options {
    return new Options()
      .number(ng.EPB_FLAGS, word === 0 ? undefined : word, 4)
      .number(ng.EPB_DROPCOUNT, extra.dropCount, 8)
      .number(ng.EPB_PACKETID, extra.packetId, 8)
      .number(ng.EPB_QUEUE, extra.queue, 4)
      .texts(ng.OPT_COMMENT, extra.comments)
      .others(extra.others);
  }

  #outOfRange(frame: number, second: number): SavefileError {
    return new SavefileError(this.#file, {
      code: 'SAVEFILE_RANGE',
      what: `the time of frame ${frame}, ${second} s, does not fit 64 bits of nanoseconds since 1970`,
    });
  }

  #rebase(second: number): boolean {
    if (!(second >= 0 && second <= MAX_SECONDS)) return false;
    const count = nanosecondCount(second, 0);
    this.#second = second;
    this.#secondHigh = Number(count >> 32n);
    this.#secondLow = Number(count & 0xffff_ffffn);
    return true;
  }

  record(out: OutputBuffer, record: SavefileRecord): void {
    if (record.kind === 'custom') this.#custom(out, record);
    else if (record.kind === 'secrets') this.#secrets(out, record);
    else this.#names(out, record);
  }

  #names(out: OutputBuffer, { entries, options: kept }: Extract<SavefileRecord, { kind: 'names' }>): void {
    const options = new Options().others(kept);
    let length = ng.OPTION_HEADER_LENGTH;
    for (const { value } of entries) length += ng.OPTION_HEADER_LENGTH + ng.padded(value.length);
    const total = ng.NRB_RECORDS_AT + length + options.length + ng.TRAILER_LENGTH;
    let at = this.#block(out, ng.NAME_RESOLUTION_BLOCK, total) + ng.NRB_RECORDS_AT;
    for (const { type, value } of [...entries, { type: ng.NRB_RECORD_END, value: EMPTY }]) {
      out.view.setUint16(at, type, true);
      out.view.setUint16(at + 2, value.length, true);
      at += ng.OPTION_HEADER_LENGTH;
      out.bytes.set(value, at);
      out.bytes.fill(0, at + value.length, at + ng.padded(value.length));
      at += ng.padded(value.length);
    }
    options.put(out, at);
  }

  #secrets(out: OutputBuffer, record: Extract<SavefileRecord, { kind: 'secrets' }>): void {
    const { secretsType, data } = record;
    const options = new Options().others(record.options);
    const dataLength = ng.padded(data.length);
    const total = ng.DSB_DATA_AT + dataLength + options.length + ng.TRAILER_LENGTH;
    const at = this.#block(out, ng.DECRYPTION_SECRETS_BLOCK, total);
    out.view.setUint32(at + ng.DSB_SECRETS_TYPE_AT, secretsType, true);
    out.view.setUint32(at + ng.DSB_SECRETS_LENGTH_AT, data.length, true);
    out.bytes.set(data, at + ng.DSB_DATA_AT);
    out.bytes.fill(0, at + ng.DSB_DATA_AT + data.length, at + ng.DSB_DATA_AT + dataLength);
    options.put(out, at + ng.DSB_DATA_AT + dataLength);
  }

  #custom(out: OutputBuffer, { enterprise, data, copy }: Extract<SavefileRecord, { kind: 'custom' }>): void {
    // draft-ietf-opsawg-pcapng: what is marked so must not be copied into a changed file.
    if (!copy) return;
    const dataLength = ng.padded(data.length);
    const at = this.#block(out, ng.CUSTOM_BLOCK, ng.CB_DATA_AT + dataLength + ng.TRAILER_LENGTH);
    out.view.setUint32(at + ng.CB_ENTERPRISE_AT, enterprise, true);
    out.bytes.set(data, at + ng.CB_DATA_AT);
    out.bytes.fill(0, at + ng.CB_DATA_AT + data.length, at + ng.CB_DATA_AT + dataLength);
  }

  finish(out: OutputBuffer): void {
    // Interfaces that were described after the last frame belong to the file as well.
    this.prepare(out, this.#known);
    for (const [{ statistics }, id] of this.#ids) if (statistics !== undefined) this.#statistics(out, id, statistics);
  }

  #statistics(out: OutputBuffer, id: number, statistics: FrameInterfaceStatistics): void {
    const options = new Options()
      .time(ng.ISB_STARTTIME, statistics.startTime)
      .time(ng.ISB_ENDTIME, statistics.endTime)
      .number(ng.ISB_IFRECV, statistics.received, 8)
      .number(ng.ISB_IFDROP, statistics.interfaceDropped, 8)
      .number(ng.ISB_FILTERACCEPT, statistics.filterAccepted, 8)
      .number(ng.ISB_OSDROP, statistics.osDropped, 8)
      .number(ng.ISB_USRDELIV, statistics.delivered, 8);
    const at = this.#block(out, ng.INTERFACE_STATISTICS_BLOCK, ng.ISB_OPTIONS_AT + options.length + ng.TRAILER_LENGTH);
    const { seconds, nanoseconds } = statistics.endTime ?? {
      seconds: this.#lastSeconds,
      nanoseconds: this.#lastNanoseconds,
    };
    const count = nanosecondCount(seconds, nanoseconds);
    out.view.setUint32(at + ng.ISB_INTERFACE_AT, id, true);
    out.view.setUint32(at + ng.ISB_TIME_HIGH_AT, Number(count >> 32n), true);
    out.view.setUint32(at + ng.ISB_TIME_LOW_AT, Number(count & 0xffff_ffffn), true);
    options.put(out, at + ng.ISB_OPTIONS_AT);
  }

  whole(bytes: Uint8Array, written: number): { length: number; frames: number } {
    const view = viewOf(bytes);
    let length = 0;
    let frames = 0;
    while (length + ng.BODY_AT <= written) {
      const next = length + view.getUint32(length + ng.TOTAL_LENGTH_AT, true);
      if (next > written) break;
      if (view.getUint32(length, true) === ng.ENHANCED_PACKET_BLOCK) frames++;
      length = next;
    }
    return { length, frames };
  }
}

/** The flags option, its header as one word, and the end of the options. */
const FLAGS_LENGTH = 12;
const FLAGS_HEADER = ng.EPB_FLAGS | (4 << 16);

const isFlags = (view: DataView, at: number, word: number): boolean =>
  view.getUint32(at, true) === FLAGS_HEADER &&
  view.getUint32(at + 4, true) === word &&
  view.getUint32(at + 8, true) === ng.OPT_END;
