/** The pcapng savefile format: draft-ietf-opsawg-pcapng. A file is a row of blocks:
 *
 *     0  block type
 *     4  block total length: all of it, both length words included, a multiple of 4
 *     8  body, padded to 32 bits
 *     .. block total length again
 *
 * A section header block begins a section and tells the byte order of everything in it. */
export const SECTION_HEADER_BLOCK = 0x0a0d0d0a;
export const INTERFACE_DESCRIPTION_BLOCK = 1;
/** Obsolete; old files have it. */
export const PACKET_BLOCK = 2;
export const SIMPLE_PACKET_BLOCK = 3;
export const NAME_RESOLUTION_BLOCK = 4;
export const INTERFACE_STATISTICS_BLOCK = 5;
export const ENHANCED_PACKET_BLOCK = 6;
export const DECRYPTION_SECRETS_BLOCK = 10;
export const CUSTOM_BLOCK = 0x00000bad;
/** A custom block that a program which changes the file must not copy. */
export const CUSTOM_BLOCK_NO_COPY = 0x40000bad;

export const TYPE_AT = 0;
export const TOTAL_LENGTH_AT = 4;
export const BODY_AT = 8;
export const TRAILER_LENGTH = 4;
export const MIN_BLOCK_LENGTH = 12;
/** A longer block is taken for damage, as Wireshark does: the largest packet that it knows (128 MiB), and options. */
export const MAX_BLOCK_LENGTH = 128 * 1024 * 1024 + 128 * 1024;

export const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
/** Section header: byte-order magic, major and minor version, section length (64 bits, -1: not known), options. */
export const SHB_MAGIC_AT = 8;
export const SHB_MAJOR_AT = 12;
export const SHB_MINOR_AT = 14;
export const SHB_SECTION_LENGTH_AT = 16;
export const SHB_OPTIONS_AT = 24;

/** Interface description: link type (16 bits), reserved, snapshot length, options. */
export const IDB_LINK_TYPE_AT = 8;
export const IDB_SNAP_LENGTH_AT = 12;
export const IDB_OPTIONS_AT = 16;

/** Enhanced packet: interface, time (high and low word), captured and original length, data, options. */
export const EPB_INTERFACE_AT = 8;
export const EPB_TIME_HIGH_AT = 12;
export const EPB_TIME_LOW_AT = 16;
export const EPB_CAPTURED_LENGTH_AT = 20;
export const EPB_ORIGINAL_LENGTH_AT = 24;
export const EPB_DATA_AT = 28;
/** Length of an enhanced packet block without data and options. */
export const EPB_LENGTH = EPB_DATA_AT + TRAILER_LENGTH;

/** The obsolete packet block is laid out alike, but its first word is interface (16 bits) and drops (16 bits). */
export const PB_INTERFACE_AT = 8;
export const PB_DROPS_AT = 10;
export const PB_DROPS_UNKNOWN = 0xffff;

export const SPB_ORIGINAL_LENGTH_AT = 8;
export const SPB_DATA_AT = 12;

export const ISB_INTERFACE_AT = 8;
export const ISB_TIME_HIGH_AT = 12;
export const ISB_TIME_LOW_AT = 16;
export const ISB_OPTIONS_AT = 20;

/** Name resolution: records of type (16 bits), length (16 bits), value padded to 32 bits; then options. */
export const NRB_RECORDS_AT = 8;
export const NRB_RECORD_END = 0;

export const DSB_SECRETS_TYPE_AT = 8;
export const DSB_SECRETS_LENGTH_AT = 12;
export const DSB_DATA_AT = 16;

export const CB_ENTERPRISE_AT = 8;
export const CB_DATA_AT = 12;

/** Options: code (16 bits), length (16 bits), value padded to 32 bits. */
export const OPTION_HEADER_LENGTH = 4;
export const OPT_END = 0;
export const OPT_COMMENT = 1;
/** Custom options: string and binary, which a rewriting program may copy, and the same two that it must not. */
export const OPT_CUSTOM_STRING = 2988;
export const OPT_CUSTOM_BINARY = 2989;
export const OPT_CUSTOM_STRING_NO_COPY = 19372;
export const OPT_CUSTOM_BINARY_NO_COPY = 19373;

export const SHB_HARDWARE = 2;
export const SHB_OS = 3;
export const SHB_USERAPPL = 4;

export const IF_NAME = 2;
export const IF_DESCRIPTION = 3;
export const IF_MACADDR = 6;
export const IF_SPEED = 8;
export const IF_TSRESOL = 9;
export const IF_TZONE = 10;
export const IF_FILTER = 11;
export const IF_OS = 12;
export const IF_FCSLEN = 13;
export const IF_TSOFFSET = 14;
export const IF_HARDWARE = 15;
export const IF_TXSPEED = 16;
export const IF_RXSPEED = 17;
/** First byte of if_filter: what follows is the filter's text. */
export const FILTER_IS_TEXT = 0;
/** if_tsresol: this bit set, the other seven are the negative power of 2; clear, of 10. */
export const TSRESOL_BINARY = 0x80;

export const EPB_FLAGS = 2;
export const EPB_HASH = 3;
export const EPB_DROPCOUNT = 4;
export const EPB_PACKETID = 5;
export const EPB_QUEUE = 6;
export const EPB_VERDICT = 7;
/** First byte of epb_verdict: from here (Linux eBPF TC) to 2 (XDP) the verdict is one 64-bit number. */
export const VERDICT_EBPF_TC = 1;
export const VERDICT_EBPF_XDP = 2;

export const ISB_STARTTIME = 2;
export const ISB_ENDTIME = 3;
export const ISB_IFRECV = 4;
export const ISB_IFDROP = 5;
export const ISB_FILTERACCEPT = 6;
export const ISB_OSDROP = 7;
export const ISB_USRDELIV = 8;

/** `length` rounded up to 32 bits. Exact up to 2^53, unlike `(length + 3) & ~3`. */
export const padded = (length: number): number => length + ((4 - (length & 3)) & 3);
