import type { FrameBlock } from '../frames/block.ts';
import type { FrameInterface } from '../frames/source.ts';
import { blockOf, openSavefile } from '../savefile/index.ts';
import { LINKTYPE_ETHERNET } from '../wire/linktype.ts';

/** A frame as the library gives it, or as somebody made it. */
export interface PacketLike {
  bytes: Uint8Array;
  originalLength?: number;
  /** Seconds since 1970, and nanoseconds within the second. */
  seconds?: number;
  nanoseconds?: number;
  /** LINKTYPE_ value; default Ethernet. */
  linkType?: number;
}

/** What can be checked: a savefile by its path or its bytes, or packets. */
export type CaptureLike = string | Uint8Array | Iterable<PacketLike> | AsyncIterable<PacketLike>;

/** A capture that can be gone through more than once. */
export interface Recorded {
  /** For messages. */
  readonly name: string;
  /** The visitor may ask to be waited for; a block holds until then. */
  each(visit: (block: FrameBlock, interfaces: readonly FrameInterface[]) => void | Promise<void>): Promise<void>;
}

/** Makes a capture of what was given. Packets of a live source are taken until it ends. */
export async function recorded(from: CaptureLike, name?: string): Promise<Recorded> {
  if (typeof from === 'string' || from instanceof Uint8Array) {
    return {
      name: name ?? (typeof from === 'string' ? from : 'capture'),
      async each(visit) {
        const source = await openSavefile(from);
        try {
          for await (const block of source) await visit(block, source.interfaces);
        } finally {
          source.close();
        }
      },
    };
  }
  const interfaces: FrameInterface[] = [];
  const rows: {
    bytes: Uint8Array;
    seconds: number;
    nanoseconds: number;
    originalLength: number;
    interfaceId: number;
  }[] = [];
  for await (const packet of from) {
    if (!(packet?.bytes instanceof Uint8Array)) throw new TypeError('a packet has bytes, a Uint8Array');
    const linkType = packet.linkType ?? LINKTYPE_ETHERNET;
    let interfaceId = interfaces.findIndex((one) => one.linkType === linkType);
    if (interfaceId < 0) interfaceId = interfaces.push({ name: '', linkType, snapLength: 0, timestampDigits: 9 }) - 1;
    rows.push({
      bytes: packet.bytes.slice(),
      seconds: packet.seconds ?? 0,
      nanoseconds: packet.nanoseconds ?? 0,
      originalLength: packet.originalLength ?? packet.bytes.length,
      interfaceId,
    });
  }
  const block = blockOf(rows);
  return { name: name ?? 'capture', each: async (visit) => visit(block, interfaces) };
}
