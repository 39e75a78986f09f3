import type { FrameBlock, FrameExtras } from '../frames/block.ts';
import { DIRECTION_IN, DIRECTION_MASK, DIRECTION_OUT } from '../frames/flags.ts';
import type { FrameInterface } from '../frames/source.ts';

/** One frame, with memory of its own: it may be kept for as long as one likes. */
export interface Packet {
  /** The frame as far as it was captured. */
  bytes: Uint8Array;
  /** Bytes that the frame had on the wire; more than `bytes.length` where the snapshot length cut it. */
  originalLength: number;
  /** Whole seconds since 1970 (UTC). */
  seconds: number;
  /** Nanoseconds within the second, 0 to 999,999,999. */
  nanoseconds: number;
  /** How the frame begins: a LINKTYPE_ value, 1 for Ethernet. */
  linkType: number;
  /** Where it came from; `name` is '' where a file does not say. */
  interface: FrameInterface;
  /** Row of `interface` in the source's table. */
  interfaceId: number;
  /** 'in' or 'out' as seen from the machine that captured; null where that is not known. */
  direction: 'in' | 'out' | null;
  /** pcapng's epb_flags: direction, kind of address, errors. */
  flags: number;
  /** Comments and the like from a pcapng file. */
  extras?: FrameExtras;
}

/** Row `row` of `block` as a packet. Copies the frame. */
export function packetOf(block: FrameBlock, row: number, interfaces: readonly FrameInterface[]): Packet {
  const offset = block.offset[row]!;
  const interfaceId = block.interfaceId[row]!;
  const flags = block.flags[row]!;
  const from = interfaces[interfaceId]!;
  const direction = flags & DIRECTION_MASK;
  const extras = block.extras?.get(row);
  return {
    bytes: block.bytes.slice(offset, offset + block.capturedLength[row]!),
    originalLength: block.originalLength[row]!,
    seconds: block.seconds[row]!,
    nanoseconds: block.nanoseconds[row]!,
    linkType: from.linkType,
    interface: from,
    interfaceId,
    direction: direction === DIRECTION_IN ? 'in' : direction === DIRECTION_OUT ? 'out' : null,
    flags,
    ...(extras === undefined ? {} : { extras }),
  };
}

/** The kept rows of a block as packets. */
export function* packetsOf(block: FrameBlock, interfaces: readonly FrameInterface[]): Generator<Packet, void> {
  for (let row = 0; row < block.count; row++) if (block.keep[row] !== 0) yield packetOf(block, row, interfaces);
}
