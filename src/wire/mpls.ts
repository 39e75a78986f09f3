import { be32, putBe32 } from '../bytes/endian.ts';
import { type Stop, truncated } from './stop.ts';

/** An entry of an MPLS label stack, RFC 3032 2.1 (the traffic class by RFC 5462).
 *
 *     0                 20   23 24       32
 *    | label           | TC  |S| TTL     |
 */
export const ENTRY_LENGTH = 4;
const LABEL_SHIFT = 12;
const CLASS_SHIFT = 9;
const BOTTOM = 0x100;

/** Reserved labels (RFC 3032 2.1, RFC 6790, RFC 5586). */
export const LABEL_IPV4_NULL = 0;
export const LABEL_ROUTER_ALERT = 1;
export const LABEL_IPV6_NULL = 2;
export const LABEL_IMPLICIT_NULL = 3;
export const LABEL_ENTROPY = 7;
export const LABEL_GAL = 13;
/** Labels from here on are not reserved. */
export const LABEL_FIRST = 16;

/** The caller has checked that four bytes are there, as for all below. */
export const label = (bytes: Uint8Array, at: number): number => be32(bytes, at) >>> LABEL_SHIFT;
export const trafficClass = (bytes: Uint8Array, at: number): number => (be32(bytes, at) >>> CLASS_SHIFT) & 7;
export const isBottom = (bytes: Uint8Array, at: number): boolean => (be32(bytes, at) & BOTTOM) !== 0;
export const ttl = (bytes: Uint8Array, at: number): number => bytes[at + 3]!;

export interface MplsEntry {
  label: number;
  trafficClass: number;
  bottom: boolean;
  ttl: number;
}

export function parse(bytes: Uint8Array, at: number, end: number): MplsEntry | Stop {
  if (end - at < ENTRY_LENGTH) return truncated('mpls', at, ENTRY_LENGTH, end - at);
  return {
    label: label(bytes, at),
    trafficClass: trafficClass(bytes, at),
    bottom: isBottom(bytes, at),
    ttl: ttl(bytes, at),
  };
}

/** Writes the entry at `at`; gives the offset behind it. */
export function emit(bytes: Uint8Array, at: number, entry: MplsEntry): number {
  putBe32(
    bytes,
    at,
    ((entry.label << LABEL_SHIFT) |
      (entry.trafficClass << CLASS_SHIFT) |
      (entry.bottom ? BOTTOM : 0) |
      (entry.ttl & 0xff)) >>>
      0,
  );
  return at + ENTRY_LENGTH;
}
