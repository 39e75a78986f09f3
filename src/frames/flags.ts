/** The per-frame flags word, laid out as pcapng's epb_flags (draft-ietf-opsawg-pcapng, 4.3.1). */

/** Bits 0 and 1: direction. */
export const DIRECTION_MASK = 0x3;
export const DIRECTION_UNKNOWN = 0;
export const DIRECTION_IN = 1;
export const DIRECTION_OUT = 2;

/** Bits 2 to 4: how the frame was addressed. */
export const RECEPTION_MASK = 0x7 << 2;
export const RECEPTION_UNICAST = 1 << 2;
export const RECEPTION_MULTICAST = 2 << 2;
export const RECEPTION_BROADCAST = 3 << 2;
export const RECEPTION_PROMISCUOUS = 4 << 2;

/** Bits 5 to 8: length of the frame check sequence in bytes; 0: not known. */
export const FCS_LENGTH_SHIFT = 5;
export const FCS_LENGTH_MASK = 0xf << FCS_LENGTH_SHIFT;
