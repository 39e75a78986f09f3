import { be16, putBe16 } from '../bytes/endian.ts';
import { type Stop, truncated } from './stop.ts';

/** What follows the EtherType 0x8100 (C-VLAN) or 0x88a8 (S-VLAN), IEEE 802.1Q-2018 9.6.
 *
 *     0 1 2   3   4        15 16            31
 *    | PCP  |DEI|  VID       |  type          |
 */
const TCI = 0;
const TYPE = 2;
export const HEADER_LENGTH = 4;

/** The whole tag control information. The caller has checked that four bytes are there, as for all below. */
export const tci = (bytes: Uint8Array, at: number): number => be16(bytes, at + TCI);
/** Priority code point, 0 to 7. */
export const priority = (bytes: Uint8Array, at: number): number => bytes[at + TCI]! >>> 5;
/** Drop eligible indicator (before 2011: canonical format indicator), 0 or 1. */
export const dei = (bytes: Uint8Array, at: number): number => (bytes[at + TCI]! >>> 4) & 1;
/** VLAN identifier, 0 to 4095. */
export const id = (bytes: Uint8Array, at: number): number => be16(bytes, at + TCI) & 0xfff;
/** EtherType of what follows, or the length of an 802.3 frame. */
export const type = (bytes: Uint8Array, at: number): number => be16(bytes, at + TYPE);

export interface VlanTag {
  priority: number;
  dei: boolean;
  id: number;
  type: number;
}

export function parse(bytes: Uint8Array, at: number, end: number): VlanTag | Stop {
  if (end - at < HEADER_LENGTH) return truncated('vlan', at, HEADER_LENGTH, end - at);
  return {
    priority: priority(bytes, at),
    dei: dei(bytes, at) === 1,
    id: id(bytes, at),
    type: type(bytes, at),
  };
}

/** Writes the tag at `at` (behind the EtherType that announces it); gives the offset behind it. */
export function emit(bytes: Uint8Array, at: number, tag: VlanTag): number {
  putBe16(bytes, at + TCI, (tag.priority << 13) | (tag.dei ? 0x1000 : 0) | tag.id);
  putBe16(bytes, at + TYPE, tag.type);
  return at + HEADER_LENGTH;
}
