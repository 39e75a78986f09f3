import { be16 } from '../bytes/endian.ts';

/** RADIUS, RFC 2865 3: a header, then attributes whose length counts type and length.
 *
 *     0      1            2        4               20
 *    | code | identifier | length | authenticator | type, length, value …
 */
const CODE = 0;
const IDENTIFIER = 1;
const LENGTH = 2;
export const AUTHENTICATOR = 4;
export const AUTHENTICATOR_LENGTH = 16;
export const HEADER_LENGTH = 20;
export const ATTRIBUTE_HEADER_LENGTH = 2;
/** Authentication and accounting (RFC 2865 3, RFC 2866 3), the numbers in use before these, and RFC 5176. */
export const UDP_PORTS = [1812, 1645, 1813, 1646, 3799] as const;

export const ATTRIBUTE_FRAMED_IP_ADDRESS = 8;
export const ATTRIBUTE_LOGIN_IP_HOST = 14;
export const ATTRIBUTE_VENDOR = 26;
export const ATTRIBUTE_EVENT_TIMESTAMP = 55;
export const ATTRIBUTE_EAP = 79;

/** Codes of packets that ask for an answer: RFC 2865 3, RFC 2866 3, RFC 5176 3. */
const ACCESS = 1;
const ACCOUNTING = 4;
const DISCONNECT = 40;
const COA = 43;
export const REQUESTS: ReadonlySet<number> = new Set([ACCESS, ACCOUNTING, DISCONNECT, COA]);
/** Codes of answers, with that of what they answer. */
export const RESPONSE_KINDS: Readonly<Record<number, number>> = {
  2: ACCESS,
  3: ACCESS,
  11: ACCESS,
  5: ACCOUNTING,
  41: DISCONNECT,
  42: DISCONNECT,
  44: COA,
  45: COA,
};

/** The caller has checked that twenty bytes are there, as for all below. */
export const code = (bytes: Uint8Array, at: number): number => bytes[at + CODE]!;
export const identifier = (bytes: Uint8Array, at: number): number => bytes[at + IDENTIFIER]!;
/** Of the whole packet. */
export const length = (bytes: Uint8Array, at: number): number => be16(bytes, at + LENGTH);
