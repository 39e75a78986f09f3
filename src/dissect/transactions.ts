import { type Fields, groupOf } from './fields.ts';
import { Recent } from './session/recent.ts';

/** Requests that wait for their responses, by what both have in common.
 *
 * As tshark's, which reads a capture once: a response says which request it answers, and after what time; a request cannot
 * yet say where its response is. */

/** Of more than so many the oldest are forgotten, for each protocol. Four times as many cost 15 MB in a capture with a million
 * conversations. */
const MAX_REQUESTS = 16_384;

export interface Request {
  /** Number of its frame, and when that was captured. */
  readonly frame: number;
  readonly seconds: number;
  readonly nanoseconds: number;
  /** Number of the frame with its first response; 0: none has come. */
  response: number;
}

/** The frame that is being walked, as a request. */
export const requestOf = (f: Fields): Request => ({
  frame: f.sessions?.frame ?? 0,
  seconds: f.frameSeconds,
  nanoseconds: f.frameNanoseconds,
  response: 0,
});

/** Whole nanoseconds since the request: exact for a hundred days. */
export const elapsed = (f: Fields, { seconds, nanoseconds }: Request): number =>
  (f.frameSeconds - seconds) * 1e9 + (f.frameNanoseconds - nanoseconds);

/** Adds the time since the request. Where it is negative (frames out of order) the seconds are rounded down. */
export function addElapsed(f: Fields, id: number, at: number, request: Request): void {
  const time = elapsed(f, request);
  const seconds = Math.floor(time / 1e9);
  f.time(id, at, 0, seconds, time - seconds * 1e9);
}

/** A kind of memory: one for each source of frames, for those who want one of the fields that are made of it. */
export class Memory<T extends object> {
  readonly #make: () => T;
  readonly #group: number;

  /** `ids`: the fields that `make`'s objects are remembered for. */
  constructor(ids: readonly number[], make: () => T) {
    this.#make = make;
    this.#group = groupOf(ids);
  }

  /** Null where nothing is remembered, or nobody wants these fields, or the packet is one that an ICMP error brings back. */
  of(f: Fields): T | null {
    if (f.sessions === null || !f.wantsSome(this.#group) || f.ipVersion === 0 || f.isQuoted()) return null;
    return f.sessions.memory(this.#make);
  }
}

/** The memory of requests by a key. */
export const requestMemory = <R extends Request = Request>(ids: readonly number[]): Memory<Recent<string, R>> =>
  new Memory(ids, () => new Recent<string, R>(MAX_REQUESTS));
