import type { FrameBlock } from '../frames/block.ts';
import type { FrameInterface } from '../frames/source.ts';
import type { DecodeAsTables } from './decode-as-tables.ts';
import type { DisplayFilter } from './display/compile.ts';
import { PlainFrame, type PlainPlan, plainPlan } from './display/plain.ts';
import { allFields, Fields } from './fields.ts';
import { type FrameFacts, walkFrame } from './frame.ts';
import type { Protocol } from './protocol.ts';
import { SEGMENT_FIELDS } from './session/desegment.ts';
import { Sessions } from './session/sessions.ts';
import { tcpPorts, unwanted } from './tables.ts';

export interface PacketOptions {
  /** By field id: 1 where the consumer wants it. Left out: all. */
  wanted?: Uint8Array | null;
  /** The consumer looks at the wanted fields alone, not at layers or at why decoding stopped: payloads that cannot have
   * one of these fields are passed over. Default: false. */
  fieldsOnly?: boolean;
  /** Packets that it rejects are counted, and not shown. */
  filter?: DisplayFilter | null;
  /** Verifies checksums, for the `checksum.status` fields. */
  checksums?: boolean;
  /** Which protocol stands behind which number, against the tables and the content: `decodeAs` gives it. */
  decodeAs?: DecodeAsTables<Protocol> | null;
}

/** Walks frames of blocks one by one into one record of fields, with what earlier frames say of them. Everything that
 * prints or counts fields stands on this. */
export class PacketWalker {
  /** The packet walked last. */
  readonly fields = new Fields();
  readonly facts: Required<FrameFacts> = {
    number: 0,
    seconds: 0,
    nanoseconds: 0,
    originalLength: 0,
    interfaceId: 0,
    interfaceName: '',
    flags: 0,
    first: { seconds: 0, nanoseconds: 0 },
    previous: { seconds: 0, nanoseconds: 0 },
    displayed: { seconds: 0, nanoseconds: 0 },
    interfaceDescription: '',
    hasInterface: true,
    extras: null,
  };
  readonly #filter: DisplayFilter | null;
  /** Not null: plain frames are not walked. Nothing that is wanted depends on other frames, so that those may go by too. */
  readonly #plan: PlainPlan | null = null;
  readonly #frame = new PlainFrame();
  readonly #passedOver: ReadonlySet<object> = new Set();

  constructor(options: PacketOptions = {}) {
    this.#filter = options.filter ?? null;
    let wanted = options.wanted ?? null;
    if (wanted !== null && this.#filter !== null) {
      const asked = this.#filter.wanted;
      wanted = wanted.map((want, id) => want | (asked[id] ?? 0));
    }
    this.fields.wanted = wanted;
    this.fields.decodeAs = options.decodeAs ?? null;
    // What the user names may carry fields that no table has there.
    const mayPassOver = options.fieldsOnly === true && this.fields.decodeAs === null;
    if (mayPassOver && wanted !== null && this.#filter?.layers !== true) {
      const names = allFields.filter(({ id }) => wanted[id] === 1).map(({ name }) => name);
      // The first is made of all layers, the others of what is over TCP.
      const isOfPayloads = (name: string): boolean => name === 'frame.protocols' || SEGMENT_FIELDS.includes(name);
      if (!names.some(isOfPayloads)) this.fields.passedOver = unwanted(names);
    }
    // A filter that reads layers, and is not decided by headers alone, needs all of them.
    if (mayPassOver && wanted !== null && (this.#filter?.layers !== true || this.#filter.plain !== null)) {
      this.#plan = plainPlan(wanted);
      this.#passedOver = unwanted(allFields.filter(({ id }) => wanted[id] === 1).map(({ name }) => name));
    }
    this.fields.verifies = options.checksums ?? false;
    // Segments whose payload nobody looks at need not be put together, nor the streams be analysed for that.
    this.fields.sessions = new Sessions(wanted, { segments: !this.fields.passesOver(tcpPorts) });
  }

  /** Walks the row's frame and gives it the next number. False where the filter rejects it: what `fields` then has is not
   * to be relied on. */
  walk(block: FrameBlock, row: number, interfaces: readonly FrameInterface[]): boolean {
    return this.#walk(block, row, interfaces, false);
  }

  /** Where `isSelecting`, nobody looks at the fields. */
  #walk(block: FrameBlock, row: number, interfaces: readonly FrameInterface[], isSelecting: boolean): boolean {
    const { facts, fields } = this;
    const source = interfaces[block.interfaceId[row]!];
    const isFirst = facts.number++ === 0;
    const { first, previous } = facts;
    previous.seconds = isFirst ? block.seconds[row]! : facts.seconds;
    previous.nanoseconds = isFirst ? block.nanoseconds[row]! : facts.nanoseconds;
    facts.seconds = block.seconds[row]!;
    facts.nanoseconds = block.nanoseconds[row]!;
    if (isFirst) {
      first.seconds = facts.seconds;
      first.nanoseconds = facts.nanoseconds;
      facts.displayed.seconds = facts.seconds;
      facts.displayed.nanoseconds = facts.nanoseconds;
    }
    facts.originalLength = block.originalLength[row]!;
    facts.interfaceId = block.interfaceId[row]!;
    facts.interfaceName = source?.name ?? '';
    facts.interfaceDescription = source?.description ?? '';
    facts.hasInterface = source?.unnumbered !== true;
    facts.flags = block.flags[row]!;
    facts.extras = block.extras === null ? null : (block.extras.get(row) ?? null);
    const linkType = source?.linkType ?? -1;
    const at = block.offset[row]!;
    const captured = block.capturedLength[row]!;
    const plan = this.#plan;
    if (
      plan !== null &&
      this.#frame.parse(block.bytes, at, captured, facts.originalLength, linkType, this.#passedOver)
    ) {
      const plain = this.#filter?.plain ?? null;
      this.#frame.number = facts.number;
      this.#frame.seconds = facts.seconds;
      this.#frame.nanoseconds = facts.nanoseconds;
      if (plain !== null) {
        if (!plain(this.#frame)) return false;
        if (isSelecting) return true;
      }
      this.#frame.fill(fields, plan);
      return plain !== null || this.#filter === null || this.#filter.matches(fields);
    }
    walkFrame(fields, block.bytes, at, captured, linkType, facts);
    if (this.#filter !== null && !this.#filter.matches(fields)) return false;
    facts.displayed.seconds = facts.seconds;
    facts.displayed.nanoseconds = facts.nanoseconds;
    return true;
  }

  /** Clears `keep` where the filter rejects the frame: for sinks that know nothing of fields. Gives how many those were. */
  select(block: FrameBlock, interfaces: readonly FrameInterface[]): number {
    let rejected = 0;
    for (let row = 0; row < block.count; row++) {
      if (block.keep[row] === 0 || this.#walk(block, row, interfaces, true)) continue;
      block.keep[row] = 0;
      rejected++;
    }
    return rejected;
  }
}
