import { be16 } from '../bytes/endian.ts';

/** EAP over LANs (IEEE 802.1X 11.3) and EAP (RFC 3748 4).
 *
 *     0         1      2
 *    | version | type | length | body …          EAPOL
 *    | code | identifier | length | type | data  EAP
 */
export const HEADER_LENGTH = 4;
export const TYPE_EAP = 0;
export const TYPE_KEY = 3;
export const EAP_HEADER_LENGTH = 4;
export const CODE_REQUEST = 1;
export const CODE_RESPONSE = 2;
export const EAP_IDENTITY = 1;
export const EAP_NOTIFICATION = 2;
export const EAP_NAK = 3;
export const EAP_TLS = 13;
export const EAP_SIM = 18;
export const EAP_TTLS = 21;
export const EAP_AKA = 23;
export const EAP_FAST = 43;

export const version = (bytes: Uint8Array, at: number): number => bytes[at]!;
export const type = (bytes: Uint8Array, at: number): number => bytes[at + 1]!;
/** Length of the body; for EAP of the whole packet. */
export const length = (bytes: Uint8Array, at: number): number => be16(bytes, at + 2);
