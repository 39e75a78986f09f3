/** Slow protocols, IEEE 802.3 annex 57A: LACP and the marker protocol (IEEE 802.1AX 6.4.2 and 6.5.3), which are lists of
 * type-length-values behind a subtype and a version. A value's length counts its type and length. */
export const HEADER_LENGTH = 2;
export const SUBTYPE_LACP = 1;
export const SUBTYPE_MARKER = 2;
export const SUBTYPE_OAM = 3;
export const TLV_HEADER_LENGTH = 2;
export const TLV_TERMINATOR = 0;
export const TLV_ACTOR = 1;
export const TLV_PARTNER = 2;
export const TLV_COLLECTOR = 3;
export const TLV_MARKER_REQUEST = 1;
export const TLV_MARKER_RESPONSE = 2;

/** Of an actor's or partner's information, from the value's header on. */
export const PORT_INFORMATION_LENGTH = 20;
export const SYSTEM_PRIORITY = 2;
export const SYSTEM = 4;
export const KEY = 10;
export const PORT_PRIORITY = 12;
export const PORT = 14;
export const STATE = 16;
/** Of the collector's. */
export const COLLECTOR_LENGTH = 16;
export const MAX_DELAY = 2;
/** Of a marker's. */
export const MARKER_LENGTH = 16;
export const MARKER_PORT = 2;
export const MARKER_SYSTEM = 4;
export const MARKER_TRANSACTION = 10;
