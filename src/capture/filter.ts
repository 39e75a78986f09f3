import type { PacketFilter } from '../filter/jit.ts';
import type { FrameBlock } from '../frames/block.ts';
import type { FrameInterface } from '../frames/source.ts';
import { LINKTYPE_NULL } from '../wire/linktype.ts';

/** A filter over blocks whose frames may be of several link types: the expression means another program on each.
 * `programFor` compiles it for a link type; it is asked once for each that is met, and may throw what is wrong with the
 * expression there. `swapped`: frames of a big-endian file, where that makes a difference. */
export class BlockFilter {
  readonly #programFor: (linkType: number, swapped: boolean) => PacketFilter;
  readonly #byLinkType = new Map<number, PacketFilter>();
  #swappedNull: PacketFilter | undefined;
  /** The filter of each row of the source's table of interfaces that was looked at. */
  #byInterface: PacketFilter[] = [];
  #interfaces: readonly FrameInterface[] | null = null;
  /** One filter for every interface so far. */
  #single = true;

  constructor(programFor: (linkType: number, swapped: boolean) => PacketFilter) {
    this.#programFor = programFor;
  }

  #for({ linkType, bigEndian }: FrameInterface): PacketFilter {
    if (linkType === LINKTYPE_NULL && bigEndian) return (this.#swappedNull ??= this.#programFor(linkType, true));
    let filter = this.#byLinkType.get(linkType);
    if (filter === undefined) {
      filter = this.#programFor(linkType, false);
      this.#byLinkType.set(linkType, filter);
    }
    return filter;
  }

  #look(interfaces: readonly FrameInterface[]): void {
    if (interfaces !== this.#interfaces) {
      this.#interfaces = interfaces;
      this.#byInterface = [];
      this.#single = true;
    }
    while (this.#byInterface.length < interfaces.length) {
      const filter = this.#for(interfaces[this.#byInterface.length]!);
      if (this.#byInterface.length > 0 && filter !== this.#byInterface[0]) this.#single = false;
      this.#byInterface.push(filter);
    }
  }

  /** Clears `keep` of the rows that the filter rejects. Returns how many rows are kept. */
  apply(block: FrameBlock, interfaces: readonly FrameInterface[]): number {
    if (interfaces !== this.#interfaces || interfaces.length !== this.#byInterface.length) this.#look(interfaces);
    if (this.#single) return this.#byInterface[0]?.filterBlock(block) ?? 0;
    const { bytes, offset, capturedLength, originalLength, interfaceId, keep } = block;
    let kept = 0;
    for (let row = 0; row < block.count; row++) {
      if (keep[row] === 0) continue;
      const filter = this.#byInterface[interfaceId[row]!]!;
      if (filter.run(bytes, offset[row]!, capturedLength[row]!, originalLength[row]!) === 0) keep[row] = 0;
      else kept++;
    }
    return kept;
  }
}
