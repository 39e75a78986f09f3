import type { Walk } from './fields.ts';
import type { Print } from './text.ts';

/** A protocol as the dissection knows it. `print` gives the text, `walk` the fields; both start at the protocol's first
 * byte and go on into the payload. */
export interface Protocol {
  /** Wireshark's name of it, which is also the prefix of its fields: `tcp`. */
  readonly name: string;
  /** Its name in words: `Transmission Control Protocol`. */
  readonly title: string;
  readonly print?: Print;
  readonly walk?: Walk;
  /** Asked before the table of ports decides on this protocol: do the bytes from `at` up to `end` look like it? */
  readonly accepts?: (bytes: Uint8Array, at: number, end: number) => boolean;
}
