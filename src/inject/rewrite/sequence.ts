import { be32, putBe32 } from '../../bytes/endian.ts';
import * as tcp from '../../wire/tcp.ts';
import * as option from '../../wire/tcp-options.ts';
import type { Headers } from './headers.ts';

const SEQ = 4;
const ACK = 8;
/** Kind and length before the edges of a SACK option (RFC 2018 3). */
const SACK_EDGES = 2;
const scratch = new Uint8Array(4);

/** Adds `by` to the sequence number of a TCP header, to the acknowledgement number where it counts, and to the edges of
 * selective acknowledgements, so that all sides of a connection stay in step. */
export function shiftSequence(headers: Headers, row: number, by: number): void {
  const { bytes } = headers;
  const at = headers.at[row]!;
  const end = headers.end[row]!;
  const cover = headers.inner(row);
  const add = (place: number): void => {
    if (place + 4 > end) return;
    putBe32(scratch, 0, (be32(bytes, place) + by) >>> 0);
    headers.write(place, scratch, 0, 4, cover);
  };
  add(at + SEQ);
  if (end - at < tcp.HEADER_LENGTH || (tcp.flags(bytes, at) & tcp.ACK_FLAG) === 0) return;
  add(at + ACK);
  for (let place = tcp.optionsAt(at); place < end && bytes[place] !== option.END; ) {
    const length = option.lengthAt(bytes, place, end);
    if (length < 1) return;
    if (bytes[place] === option.SACK)
      for (let edge = place + SACK_EDGES; edge + 4 <= Math.min(place + length, end); edge += 4) add(edge);
    place += length;
  }
}
