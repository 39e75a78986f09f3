import { be16, be32, be64, le16, le32, le64 } from '../bytes/endian.ts';
import type { FrameExtras } from '../frames/block.ts';
import type { FrameInterface, FrameInterfaceStatistics } from '../frames/source.ts';
import type { SavefileOption, SavefileSection } from './metadata.ts';
import * as ng from './pcapng-format.ts';
import type { Resolution } from './pcapng-time.ts';

const text = new TextDecoder();

/** An option of a block: `at` is the first byte of its value. */
interface Option {
  bytes: Uint8Array;
  little: boolean;
  code: number;
  at: number;
  length: number;
}

/** Walks the options from `at` up to `end`. Gives what is wrong with them, or null. A list without an end option is
 * right as well, and so is a missing list. */
function walk(
  bytes: Uint8Array,
  at: number,
  end: number,
  little: boolean,
  visit: (option: Option) => string | null,
): string | null {
  let wrong: string | null = null;
  const option: Option = { bytes, little, code: 0, at: 0, length: 0 };
  while (end - at >= ng.OPTION_HEADER_LENGTH) {
    option.code = little ? le16(bytes, at) : be16(bytes, at);
    option.length = little ? le16(bytes, at + 2) : be16(bytes, at + 2);
    if (option.code === ng.OPT_END) return wrong;
    option.at = at + ng.OPTION_HEADER_LENGTH;
    if (option.at + option.length > end)
      return wrong ?? `option ${option.code} says ${option.length} bytes, ${end - option.at} are there`;
    const complaint = visit(option);
    if (complaint !== null) wrong ??= `${complaint} in option ${option.code}`;
    at = option.at + ng.padded(option.length);
  }
  return wrong;
}

/** A text value; some programs end it with a zero byte. */
function string({ bytes, at, length }: Option): string {
  let end = at + length;
  while (end > at && bytes[end - 1] === 0) end--;
  return text.decode(bytes.subarray(at, end));
}

const u32 = ({ bytes, at, little }: Option): number => (little ? le32(bytes, at) : be32(bytes, at));
const u64 = ({ bytes, at, little }: Option): bigint => (little ? le64(bytes, at) : be64(bytes, at));
/** A time of an interface statistics block: the high 32 bits first in either byte order. */
const time = ({ bytes, at, little }: Option): [high: number, low: number] =>
  little ? [le32(bytes, at), le32(bytes, at + 4)] : [be32(bytes, at), be32(bytes, at + 4)];

/** A copy of the value; where `unit` is given, its numbers of that many bytes are made little-endian from byte `from` on. */
function kept({ bytes, at, length, little, code }: Option, unit = 0, from = 0, to = length): SavefileOption {
  const value = bytes.slice(at, at + length);
  if (!little && unit > 0) {
    for (let i = from; i + unit <= to; i += unit) value.subarray(i, i + unit).reverse();
  }
  return { code, value };
}

const isCustom = (code: number): boolean =>
  code === ng.OPT_CUSTOM_STRING ||
  code === ng.OPT_CUSTOM_BINARY ||
  code === ng.OPT_CUSTOM_STRING_NO_COPY ||
  code === ng.OPT_CUSTOM_BINARY_NO_COPY;

/** An option that no field takes: custom ones begin with a number of 32 bits, the enterprise's. */
const other = (option: Option): SavefileOption =>
  isCustom(option.code) ? kept(option, 4, 0, Math.min(4, option.length)) : kept(option);

const wrongLength = (option: Option, length: number): string | null =>
  option.length === length ? null : `${option.length} bytes where there must be ${length}`;

export function sectionOptions(
  bytes: Uint8Array,
  at: number,
  end: number,
  little: boolean,
  section: SavefileSection,
): string | null {
  return walk(bytes, at, end, little, (option) => {
    switch (option.code) {
      case ng.OPT_COMMENT:
        (section.comments ??= []).push(string(option));
        break;
      case ng.SHB_HARDWARE:
        section.hardware = string(option);
        break;
      case ng.SHB_OS:
        section.os = string(option);
        break;
      case ng.SHB_USERAPPL:
        section.application = string(option);
        break;
      default:
        (section.others ??= []).push(other(option));
    }
    return null;
  });
}

/** Options of an interface description. The resolution of its times is told apart, as it is no matter of the rewritten
 * file. */
export function interfaceOptions(
  bytes: Uint8Array,
  at: number,
  end: number,
  little: boolean,
  description: FrameInterface,
  resolution: Resolution,
): string | null {
  return walk(bytes, at, end, little, (option) => {
    switch (option.code) {
      case ng.OPT_COMMENT:
        (description.comments ??= []).push(string(option));
        break;
      case ng.IF_NAME:
        description.name = string(option);
        break;
      case ng.IF_DESCRIPTION:
        description.description = string(option);
        break;
      case ng.IF_MACADDR:
        if (option.length !== 6) return wrongLength(option, 6);
        description.macAddress = kept(option).value;
        break;
      case ng.IF_SPEED:
        if (option.length !== 8) return wrongLength(option, 8);
        description.speed = u64(option);
        break;
      case ng.IF_TSRESOL:
        if (option.length !== 1) return wrongLength(option, 1);
        resolution.exponent = bytes[option.at]! & ~ng.TSRESOL_BINARY;
        resolution.binary = (bytes[option.at]! & ng.TSRESOL_BINARY) !== 0;
        break;
      case ng.IF_TSOFFSET:
        if (option.length !== 8) return wrongLength(option, 8);
        resolution.offsetSeconds = Number(BigInt.asIntN(64, u64(option)));
        break;
      case ng.IF_FILTER:
        // A filter of another kind than text (BPF instructions) is kept as it is.
        if (option.length > 0 && bytes[option.at] === ng.FILTER_IS_TEXT)
          description.filter = string({ ...option, at: option.at + 1, length: option.length - 1 });
        else (description.others ??= []).push(kept(option));
        break;
      case ng.IF_OS:
        description.os = string(option);
        break;
      case ng.IF_HARDWARE:
        description.hardware = string(option);
        break;
      case ng.IF_FCSLEN:
        if (option.length !== 1) return wrongLength(option, 1);
        description.fcsLength = bytes[option.at]!;
        break;
      case ng.IF_TZONE:
        (description.others ??= []).push(kept(option, 4));
        break;
      case ng.IF_TXSPEED:
      case ng.IF_RXSPEED:
        (description.others ??= []).push(kept(option, 8));
        break;
      default:
        (description.others ??= []).push(other(option));
    }
    return null;
  });
}

/** What the options of a packet block say beside the flags. */
export interface PacketOptions {
  flags: number;
  extras: FrameExtras | null;
}

/** Options of an enhanced packet block (`enhanced`) or of an obsolete packet block, which knows only flags and hash. */
export function packetOptions(
  bytes: Uint8Array,
  at: number,
  end: number,
  little: boolean,
  enhanced: boolean,
  into: PacketOptions,
): string | null {
  into.flags = 0;
  into.extras = null;
  return walk(bytes, at, end, little, (option) => {
    if (option.code === ng.EPB_FLAGS) {
      if (option.length !== 4) return wrongLength(option, 4);
      into.flags = u32(option);
      return null;
    }
    const extras = (into.extras ??= {});
    const keep = (value: SavefileOption): void => void (extras.others ??= []).push(value);
    if (option.code === ng.OPT_COMMENT) (extras.comments ??= []).push(string(option));
    else if (!enhanced) keep(other(option));
    else if (option.code === ng.EPB_DROPCOUNT) {
      if (option.length !== 8) return wrongLength(option, 8);
      extras.dropCount = u64(option);
    } else if (option.code === ng.EPB_PACKETID) {
      if (option.length !== 8) return wrongLength(option, 8);
      extras.packetId = u64(option);
    } else if (option.code === ng.EPB_QUEUE) {
      if (option.length !== 4) return wrongLength(option, 4);
      extras.queue = u32(option);
    } else if (option.code === ng.EPB_VERDICT) {
      const kind = option.length > 0 ? bytes[option.at]! : 0;
      keep(kind === ng.VERDICT_EBPF_TC || kind === ng.VERDICT_EBPF_XDP ? kept(option, 8, 1) : kept(option));
    } else keep(other(option));
    return null;
  });
}

export function statisticsOptions(
  bytes: Uint8Array,
  at: number,
  end: number,
  little: boolean,
  statistics: FrameInterfaceStatistics,
  toTime: (high: number, low: number) => { seconds: number; nanoseconds: number },
): string | null {
  return walk(bytes, at, end, little, (option) => {
    if (option.code < ng.ISB_STARTTIME || option.code > ng.ISB_USRDELIV) return null;
    if (option.length !== 8) return wrongLength(option, 8);
    switch (option.code) {
      case ng.ISB_STARTTIME:
        statistics.startTime = toTime(...time(option));
        break;
      case ng.ISB_ENDTIME:
        statistics.endTime = toTime(...time(option));
        break;
      case ng.ISB_IFRECV:
        statistics.received = u64(option);
        break;
      case ng.ISB_IFDROP:
        statistics.interfaceDropped = u64(option);
        break;
      case ng.ISB_FILTERACCEPT:
        statistics.filterAccepted = u64(option);
        break;
      case ng.ISB_OSDROP:
        statistics.osDropped = u64(option);
        break;
      default:
        statistics.delivered = u64(option);
    }
    return null;
  });
}

/** Options whose values are text and bytes only, for blocks that are kept whole. */
export function plainOptions(
  bytes: Uint8Array,
  at: number,
  end: number,
  little: boolean,
  into: SavefileOption[],
): string | null {
  return walk(bytes, at, end, little, (option) => {
    into.push(other(option));
    return null;
  });
}
