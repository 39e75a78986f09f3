import { be16, be32, putBe16, putBe32 } from '../bytes/endian.ts';
import { copyOf } from './address.ts';
import { type Stop, truncated } from './stop.ts';

/** RIP: version 1 (RFC 1058), 2 (RFC 2453), and RIPng (RFC 2080).
 *
 *     0         1         2
 *    | command | version | zero | entries of 20 bytes:
 *    | address family | route tag | address | mask | next hop | metric |     RIP
 *    | prefix (16) | route tag | prefix length | metric |                    RIPng
 */
export const HEADER_LENGTH = 4;
export const ENTRY_LENGTH = 20;
export const UDP_PORT = 520;
export const UDP_PORT_NG = 521;
const COMMAND = 0;
const VERSION = 1;
const FAMILY = 0;
const TAG = 2;
const ADDRESS = 4;
const MASK = 8;
const NEXT_HOP = 12;
const METRIC = 16;
const NG_TAG = 16;
const NG_LENGTH = 18;
const NG_METRIC = 19;

export const REQUEST = 1;
export const RESPONSE = 2;
export const FAMILY_IPV4 = 2;
/** The entry is authentication (RFC 2453 4.1). */
export const FAMILY_AUTH = 0xffff;
/** Types of authentication, in the place of the tag; the digest and its trailer by RFC 4822. */
export const AUTH_TRAILER = 1;
export const AUTH_SIMPLE = 2;
export const AUTH_DIGEST = 3;

export const command = (bytes: Uint8Array, at: number): number => bytes[at + COMMAND]!;
export const version = (bytes: Uint8Array, at: number): number => bytes[at + VERSION]!;
/** Of the entry at `at`, of which 20 bytes are there. */
export const family = (bytes: Uint8Array, at: number): number => be16(bytes, at + FAMILY);
export const tag = (bytes: Uint8Array, at: number): number => be16(bytes, at + TAG);
export const addressAt = (at: number): number => at + ADDRESS;
export const maskAt = (at: number): number => at + MASK;
export const nextHopAt = (at: number): number => at + NEXT_HOP;
export const metric = (bytes: Uint8Array, at: number): number => be32(bytes, at + METRIC);
/** Of the RIPng entry at `at`. */
export const ngTag = (bytes: Uint8Array, at: number): number => be16(bytes, at + NG_TAG);
export const ngLength = (bytes: Uint8Array, at: number): number => bytes[at + NG_LENGTH]!;
export const ngMetric = (bytes: Uint8Array, at: number): number => bytes[at + NG_METRIC]!;

/** An entry of RIP; in version 1 tag, mask and next hop are zero. */
export interface RipEntry {
  family: number;
  tag: number;
  /** Four bytes each. */
  address: Uint8Array;
  mask: Uint8Array;
  nextHop: Uint8Array;
  metric: number;
}

/** An entry of RIPng. */
export interface RipngEntry {
  /** 16 bytes. */
  prefix: Uint8Array;
  tag: number;
  prefixLength: number;
  metric: number;
}

export interface RipMessage<Entry> {
  command: number;
  version: number;
  entries: Entry[];
}

function parseEntries<Entry>(
  layer: string,
  bytes: Uint8Array,
  at: number,
  end: number,
  entryOf: (place: number) => Entry,
): RipMessage<Entry> | Stop {
  if (end - at < HEADER_LENGTH) return truncated(layer, at, HEADER_LENGTH, end - at);
  const message: RipMessage<Entry> = { command: command(bytes, at), version: version(bytes, at), entries: [] };
  for (let place = at + HEADER_LENGTH; place < end; place += ENTRY_LENGTH) {
    if (end - place < ENTRY_LENGTH) return truncated(layer, place, ENTRY_LENGTH, end - place);
    message.entries.push(entryOf(place));
  }
  return message;
}

function emitHeader(bytes: Uint8Array, at: number, message: RipMessage<unknown>): number {
  bytes[at + COMMAND] = message.command;
  bytes[at + VERSION] = message.version;
  putBe16(bytes, at + 2, 0);
  return at + HEADER_LENGTH;
}

/** The message from `at` up to `end`. Entries of authentication are read as any other. */
export const parse = (bytes: Uint8Array, at: number, end: number): RipMessage<RipEntry> | Stop =>
  parseEntries('rip', bytes, at, end, (place) => ({
    family: family(bytes, place),
    tag: tag(bytes, place),
    address: copyOf(bytes, addressAt(place), 4),
    mask: copyOf(bytes, maskAt(place), 4),
    nextHop: copyOf(bytes, nextHopAt(place), 4),
    metric: metric(bytes, place),
  }));

/** Writes the message at `at`; gives the offset behind it. */
export function emit(bytes: Uint8Array, at: number, message: RipMessage<RipEntry>): number {
  let to = emitHeader(bytes, at, message);
  for (const entry of message.entries) {
    putBe16(bytes, to + FAMILY, entry.family);
    putBe16(bytes, to + TAG, entry.tag);
    bytes.set(entry.address, to + ADDRESS);
    bytes.set(entry.mask, to + MASK);
    bytes.set(entry.nextHop, to + NEXT_HOP);
    putBe32(bytes, to + METRIC, entry.metric);
    to += ENTRY_LENGTH;
  }
  return to;
}

/** The RIPng message from `at` up to `end`. */
export const parseNg = (bytes: Uint8Array, at: number, end: number): RipMessage<RipngEntry> | Stop =>
  parseEntries('ripng', bytes, at, end, (place) => ({
    prefix: copyOf(bytes, place, 16),
    tag: ngTag(bytes, place),
    prefixLength: ngLength(bytes, place),
    metric: ngMetric(bytes, place),
  }));

/** Writes the RIPng message at `at`; gives the offset behind it. */
export function emitNg(bytes: Uint8Array, at: number, message: RipMessage<RipngEntry>): number {
  let to = emitHeader(bytes, at, message);
  for (const entry of message.entries) {
    bytes.set(entry.prefix, to);
    putBe16(bytes, to + NG_TAG, entry.tag);
    bytes[to + NG_LENGTH] = entry.prefixLength;
    bytes[to + NG_METRIC] = entry.metric;
    to += ENTRY_LENGTH;
  }
  return to;
}
