import { be24, putBe24 } from '../bytes/endian.ts';
import { type Stop, truncated } from './stop.ts';

/** VXLAN, RFC 7348 5, and its generic protocol extension (draft-ietf-nvo3-vxlan-gpe).
 *
 *     0       1                3               4            7
 *    | flags | reserved (3, the last: next protocol of GPE) | VNI | reserved |
 */
const FLAGS = 0;
const NEXT_PROTOCOL = 3;
const VNI = 4;
const RESERVED = 7;
export const HEADER_LENGTH = 8;
export const UDP_PORT = 4789;
/** What Linux takes where none is given, from before the number was assigned. */
export const UDP_PORT_LINUX = 8472;
export const UDP_PORT_GPE = 4790;

/** The VNI is valid. */
export const FLAG_VNI = 0x08;
/** GPE: the next protocol is given. */
export const FLAG_NEXT_PROTOCOL = 0x04;
/** GPE: operations, administration, maintenance. */
export const FLAG_OAM = 0x01;

/** Values of GPE's next protocol. */
export const NEXT_IPV4 = 1;
export const NEXT_IPV6 = 2;
export const NEXT_ETHERNET = 3;

/** The caller has checked that eight bytes are there, as for all below. */
export const flags = (bytes: Uint8Array, at: number): number => bytes[at + FLAGS]!;
export const nextProtocol = (bytes: Uint8Array, at: number): number => bytes[at + NEXT_PROTOCOL]!;
export const vni = (bytes: Uint8Array, at: number): number => be24(bytes, at + VNI);

export interface VxlanHeader {
  flags: number;
  vni: number;
}

export function parse(bytes: Uint8Array, at: number, end: number): VxlanHeader | Stop {
  if (end - at < HEADER_LENGTH) return truncated('vxlan', at, HEADER_LENGTH, end - at);
  return { flags: flags(bytes, at), vni: vni(bytes, at) };
}

/** Writes the header at `at`; gives the offset behind it. */
export function emit(bytes: Uint8Array, at: number, header: VxlanHeader): number {
  bytes[at + FLAGS] = header.flags;
  bytes.fill(0, at + FLAGS + 1, at + VNI);
  putBe24(bytes, at + VNI, header.vni);
  bytes[at + RESERVED] = 0;
  return at + HEADER_LENGTH;
}
