import type { FrameBlock } from '../../frames/block.ts';
import type { FrameInterface } from '../../frames/source.ts';
import { findHeaders } from './find.ts';
import * as kind from './headers.ts';
import { Headers } from './headers.ts';

/** Numbers frames by the conversation that they belong to: addresses and, where there are ports, ports and transport, of
 * the packet itself (not of what it carries), whoever sends. Frames without IP are one conversation. */
export class Flows {
  readonly #headers = new Headers();
  readonly #numbers = new Map<string, number>();

  /** From 0 on, in the order in which the conversations are met. */
  number(block: FrameBlock, row: number, interfaces: readonly FrameInterface[]): number {
    const at = block.offset[row]!;
    const { linkType } = interfaces[block.interfaceId[row]!]!;
    findHeaders(this.#headers, block.bytes, at, at + block.capturedLength[row]!, linkType);
    const key = this.#key();
    let number = this.#numbers.get(key);
    if (number === undefined) {
      number = this.#numbers.size;
      this.#numbers.set(key, number);
    }
    return number;
  }

  #key(): string {
    const { bytes, count, kind: kinds, at, depth } = this.#headers;
    const text = (from: number, length: number): string => String.fromCharCode(...bytes.subarray(from, from + length));
    let ends: [string, string] | null = null;
    let name = '';
    for (let row = 0; row < count && depth[row] === 0; row++) {
      const from = at[row]!;
      switch (kinds[row]) {
        case kind.IPV4:
          ends = [text(from + 12, 4), text(from + 16, 4)];
          break;
        case kind.IPV6:
          ends = [text(from + 8, 16), text(from + 24, 16)];
          break;
        case kind.TCP:
        case kind.UDP:
        case kind.PORTS:
        case kind.SCTP:
          if (ends === null) break;
          name = String(kinds[row]);
          ends = [ends[0] + text(from, 2), ends[1] + text(from + 2, 2)];
      }
    }
    return ends === null ? '' : `${name} ${ends.sort().join(' ')}`;
  }
}
