import type { FrameBlock } from '../frames/block.ts';
import type { FrameInterface } from '../frames/source.ts';
import type { DecodeAsTables } from './decode-as-tables.ts';
import type { DisplayFilter } from './display/compile.ts';
import { isPlainField, PlainFrame, type PlainPredicate } from './display/plain.ts';
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

/** What the headers of a frame say of the filter. */
const UNDECIDED = 0;
const ACCEPTED = 1;
const REJECTED = 2;

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
  };
  readonly #filter: DisplayFilter | null;
  /** Where it can be asked: what the filter says of plain frames, and what is in none of their payloads. */
  readonly #plain: PlainPredicate | null = null;
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
    if (mayPassOver && wanted !== null && (this.#filter?.plain ?? null) !== null) {
      const ids = allFields.filter(({ id }) => wanted[id] === 1);
      // Nothing that is asked for depends on other frames, so that those may go by unwalked.
      if (ids.every(({ id }) => isPlainField(id))) {
        this.#plain = this.#filter!.plain;
        this.#passedOver = unwanted(ids.map(({ name }) => name));
      }
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
    }
    facts.originalLength = block.originalLength[row]!;
    facts.interfaceId = block.interfaceId[row]!;
    facts.interfaceName = source?.name ?? '';
    facts.flags = block.flags[row]!;
    const linkType = source?.linkType ?? -1;
    const verdict = this.#plain === null ? UNDECIDED : this.#decide(block, row, linkType);
    if (verdict === REJECTED || (verdict === ACCEPTED && isSelecting)) return verdict === ACCEPTED;
    walkFrame(fields, block.bytes, block.offset[row]!, block.capturedLength[row]!, linkType, facts);
    return this.#filter === null || verdict === ACCEPTED || this.#filter.matches(fields);
  }

  #decide(block: FrameBlock, row: number, linkType: number): number {
    const frame = this.#frame;
    const { originalLength, number, seconds, nanoseconds } = this.facts;
    const captured = block.capturedLength[row]!;
    if (!frame.parse(block.bytes, block.offset[row]!, captured, originalLength, linkType, this.#passedOver))
      return UNDECIDED;
    frame.number = number;
    frame.seconds = seconds;
    frame.nanoseconds = nanoseconds;
    return this.#plain!(frame) ? ACCEPTED : REJECTED;
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
