import { be16, be24 } from '../bytes/endian.ts';

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
