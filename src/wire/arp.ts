import { be16, putBe16 } from '../bytes/endian.ts';
import { copyOf } from './address.ts';
import { type Stop, truncated } from './stop.ts';

/** ARP, RFC 826. The lengths of the four addresses are in the header.
 *
 *     0               2               4       5       6           8
 *    | hardware type | protocol type | hlen  | plen  | operation |
 *    | sender hardware (hlen) | sender protocol (plen) | target hardware (hlen) | target protocol (plen) |
 */
const HARDWARE_TYPE = 0;
const PROTOCOL_TYPE = 2;
const HARDWARE_LENGTH = 4;
const PROTOCOL_LENGTH = 5;
const OPERATION = 6;
const ADDRESSES = 8;
export const FIXED_LENGTH = 8;
/** Length with Ethernet and IPv4 addresses. */
export const ETHERNET_IPV4_LENGTH = 28;

export const HARDWARE_ETHERNET = 1;
export const HARDWARE_IEEE802 = 6;
export const OP_REQUEST = 1;
export const OP_REPLY = 2;
export const OP_REVERSE_REQUEST = 3;
export const OP_REVERSE_REPLY = 4;
export const OP_INVERSE_REQUEST = 8;
export const OP_INVERSE_REPLY = 9;

/** The caller has checked that 8 bytes are there, as for all below. */
export const hardwareType = (bytes: Uint8Array, at: number): number => be16(bytes, at + HARDWARE_TYPE);
export const protocolType = (bytes: Uint8Array, at: number): number => be16(bytes, at + PROTOCOL_TYPE);
export const hardwareLength = (bytes: Uint8Array, at: number): number => bytes[at + HARDWARE_LENGTH]!;
export const protocolLength = (bytes: Uint8Array, at: number): number => bytes[at + PROTOCOL_LENGTH]!;
export const operation = (bytes: Uint8Array, at: number): number => be16(bytes, at + OPERATION);
/** Length of the whole message by its own address lengths. */
export const totalLength = (bytes: Uint8Array, at: number): number =>
  ADDRESSES + 2 * (hardwareLength(bytes, at) + protocolLength(bytes, at));
/** Offsets of the four addresses. */
export const senderHardwareAt = (_bytes: Uint8Array, at: number): number => at + ADDRESSES;
export const senderProtocolAt = (bytes: Uint8Array, at: number): number => at + ADDRESSES + hardwareLength(bytes, at);
export const targetHardwareAt = (bytes: Uint8Array, at: number): number =>
  at + ADDRESSES + hardwareLength(bytes, at) + protocolLength(bytes, at);
export const targetProtocolAt = (bytes: Uint8Array, at: number): number =>
  at + ADDRESSES + 2 * hardwareLength(bytes, at) + protocolLength(bytes, at);

export interface ArpMessage {
  hardwareType: number;
  protocolType: number;
  operation: number;
  /** Both hardware addresses have one length, and both protocol addresses too. */
  senderHardware: Uint8Array;
  senderProtocol: Uint8Array;
  targetHardware: Uint8Array;
  targetProtocol: Uint8Array;
}

export function parse(bytes: Uint8Array, at: number, end: number): ArpMessage | Stop {
  if (end - at < FIXED_LENGTH) return truncated('arp', at, FIXED_LENGTH, end - at);
  const length = totalLength(bytes, at);
  if (end - at < length) return truncated('arp', at, length, end - at);
  const hlen = hardwareLength(bytes, at);
  const plen = protocolLength(bytes, at);
  return {
    hardwareType: hardwareType(bytes, at),
    protocolType: protocolType(bytes, at),
    operation: operation(bytes, at),
    senderHardware: copyOf(bytes, senderHardwareAt(bytes, at), hlen),
    senderProtocol: copyOf(bytes, senderProtocolAt(bytes, at), plen),
    targetHardware: copyOf(bytes, targetHardwareAt(bytes, at), hlen),
    targetProtocol: copyOf(bytes, targetProtocolAt(bytes, at), plen),
  };
}

/** Writes the message at `at`; gives the offset behind it. The address lengths are those of the sender's. */
export function emit(bytes: Uint8Array, at: number, message: ArpMessage): number {
  putBe16(bytes, at + HARDWARE_TYPE, message.hardwareType);
  putBe16(bytes, at + PROTOCOL_TYPE, message.protocolType);
  bytes[at + HARDWARE_LENGTH] = message.senderHardware.length;
  bytes[at + PROTOCOL_LENGTH] = message.senderProtocol.length;
  putBe16(bytes, at + OPERATION, message.operation);
  let to = at + ADDRESSES;
  for (const address of [
    message.senderHardware,
    message.senderProtocol,
    message.targetHardware,
    message.targetProtocol,
  ]) {
    bytes.set(address, to);
    to += address.length;
  }
  return to;
}
