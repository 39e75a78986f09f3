import { be16, be24, putBe16, putBe24 } from '../bytes/endian.ts';
import { copyOf } from './address.ts';
import { invalid, type Stop, truncated } from './stop.ts';

/** DHCPv6, RFC 8415 8 and 9. Options: code (2), length (2), data.
 *
 *     client and server:  | type | transaction id (3)        | options
 *     relay:              | type | hops | link address (16) | peer address (16) | options
 */
const XID = 1;
export const HOPS = 1;
export const LINK_ADDRESS = 2;
export const PEER_ADDRESS = 18;
export const HEADER_LENGTH = 4;
export const RELAY_LENGTH = 34;
export const OPTION_HEADER = 4;

export const RELAY_FORWARD = 12;
export const RELAY_REPLY = 13;

export const OPTION_CLIENT_ID = 1;
export const OPTION_SERVER_ID = 2;
export const OPTION_IA_NA = 3;
export const OPTION_IA_TA = 4;
export const OPTION_IA_ADDRESS = 5;
export const OPTION_REQUEST = 6;
export const OPTION_PREFERENCE = 7;
export const OPTION_ELAPSED = 8;
export const OPTION_RELAY_MESSAGE = 9;
export const OPTION_AUTHENTICATION = 11;
export const OPTION_UNICAST = 12;
export const OPTION_STATUS = 13;
export const OPTION_RAPID_COMMIT = 14;
export const OPTION_USER_CLASS = 15;
export const OPTION_VENDOR_CLASS = 16;
export const OPTION_VENDOR = 17;
export const OPTION_INTERFACE_ID = 18;
export const OPTION_RECONFIGURE = 19;
export const OPTION_RECONFIGURE_ACCEPT = 20;
export const OPTION_SIP_DOMAINS = 21;
export const OPTION_SIP_ADDRESSES = 22;
export const OPTION_DNS_SERVERS = 23;
export const OPTION_DOMAINS = 24;
export const OPTION_IA_PD = 25;
export const OPTION_IA_PREFIX = 26;
export const OPTION_SNTP_SERVERS = 31;
export const OPTION_LIFETIME = 32;
export const OPTION_REMOTE_ID = 37;
export const OPTION_FQDN = 39;
export const OPTION_NTP_SERVER = 56;

export const isRelay = (type: number): boolean => type === RELAY_FORWARD || type === RELAY_REPLY;
export const transactionId = (bytes: Uint8Array, at: number): number => be24(bytes, at + XID);
export const optionCode = (bytes: Uint8Array, at: number): number => be16(bytes, at);
export const optionLength = (bytes: Uint8Array, at: number): number => be16(bytes, at + 2);

export interface Dhcpv6Option {
  code: number;
  /** Behind code and length. */
  data: Uint8Array;
}

/** A message between client and server, or between relays; addresses are 16 bytes. */
export type Dhcpv6Message =
  | { kind: 'message'; type: number; transactionId: number; options: Dhcpv6Option[] }
  | {
      kind: 'relay';
      type: number;
      hops: number;
      linkAddress: Uint8Array;
      peerAddress: Uint8Array;
      options: Dhcpv6Option[];
    };

/** The options from `at` up to `end`. */
export function parseOptions(bytes: Uint8Array, at: number, end: number): Dhcpv6Option[] | Stop {
  const options: Dhcpv6Option[] = [];
  while (at < end) {
    if (end - at < OPTION_HEADER) return truncated('dhcpv6', at, OPTION_HEADER, end - at);
    const length = OPTION_HEADER + optionLength(bytes, at);
    if (end - at < length) return invalid('dhcpv6', at, length, end - at, 'dhcpv6.option.length');
    options.push({ code: optionCode(bytes, at), data: copyOf(bytes, at + OPTION_HEADER, length - OPTION_HEADER) });
    at += length;
  }
  return options;
}

/** The message from `at` up to `end`. */
export function parse(bytes: Uint8Array, at: number, end: number): Dhcpv6Message | Stop {
  const fixed = at < end && isRelay(bytes[at]!) ? RELAY_LENGTH : HEADER_LENGTH;
  if (end - at < fixed) return truncated('dhcpv6', at, fixed, end - at);
  const options = parseOptions(bytes, at + fixed, end);
  if (!Array.isArray(options)) return options;
  const type = bytes[at]!;
  if (fixed === HEADER_LENGTH) return { kind: 'message', type, transactionId: transactionId(bytes, at), options };
  return {
    kind: 'relay',
    type,
    hops: bytes[at + HOPS]!,
    linkAddress: copyOf(bytes, at + LINK_ADDRESS, 16),
    peerAddress: copyOf(bytes, at + PEER_ADDRESS, 16),
    options,
  };
}

/** Bytes that `emit` writes. */
export const emittedLength = (message: Dhcpv6Message): number =>
  message.options.reduce(
    (sum, option) => sum + OPTION_HEADER + option.data.length,
    message.kind === 'relay' ? RELAY_LENGTH : HEADER_LENGTH,
  );

/** Writes the message at `at`; gives the offset behind it. */
export function emit(bytes: Uint8Array, at: number, message: Dhcpv6Message): number {
  bytes[at] = message.type;
  let to = at + HEADER_LENGTH;
  if (message.kind === 'message') putBe24(bytes, at + XID, message.transactionId);
  else {
    bytes[at + HOPS] = message.hops;
    bytes.set(message.linkAddress, at + LINK_ADDRESS);
    bytes.set(message.peerAddress, at + PEER_ADDRESS);
    to = at + RELAY_LENGTH;
  }
  for (const option of message.options) {
    putBe16(bytes, to, option.code);
    putBe16(bytes, to + 2, option.data.length);
    bytes.set(option.data, to + OPTION_HEADER);
    to += OPTION_HEADER + option.data.length;
  }
  return to;
}
