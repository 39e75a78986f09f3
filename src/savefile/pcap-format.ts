/** The pcap savefile format: draft-ietf-opsawg-pcap, pcap-savefile(5). Every field is in the byte order of the machine
 * that wrote the file, which the magic number tells.
 *
 *     file header, 24 bytes                     record header, 16 bytes
 *     0  magic                                  0  seconds
 *     4  version major (16 bits)                4  fraction: micro- or nanoseconds, by the magic number
 *     6  version minor (16 bits)                8  captured length
 *     8  thiszone, always 0                     12 original length
 *     12 sigfigs, always 0
 *     16 snapshot length
 *     20 link type and FCS length
 */
export const MAGIC_MICROSECONDS = 0xa1b2c3d4;
export const MAGIC_NANOSECONDS = 0xa1b23c4d;
/** Alexey Kuznetsov's libpcap patch, as Red Hat shipped it: a longer record header. */
export const MAGIC_MODIFIED = 0xa1b2cd34;
/** Ixia's `lcap`, hardware and software: nanoseconds, and a word more in the file header. */
export const MAGIC_IXIA_HARDWARE = 0x1c0001ac;
export const MAGIC_IXIA_SOFTWARE = 0x1c0001ab;

export const VERSION_MAJOR_AT = 4;
export const VERSION_MINOR_AT = 6;
export const SNAP_LENGTH_AT = 16;
export const LINK_TYPE_AT = 20;
export const FILE_HEADER_LENGTH = 24;
/** Ixia's header ends with the bytes of all records, 32 bits. */
export const IXIA_FILE_HEADER_LENGTH = 28;

export const SECONDS_AT = 0;
export const FRACTION_AT = 4;
export const CAPTURED_LENGTH_AT = 8;
export const ORIGINAL_LENGTH_AT = 12;
export const RECORD_HEADER_LENGTH = 16;
/** The modified header goes on with the interface's index (32 bits), the protocol (16), the packet type (8) and padding. */
export const MODIFIED_IFINDEX_AT = 16;
export const MODIFIED_PACKET_TYPE_AT = 22;
export const MODIFIED_RECORD_HEADER_LENGTH = 24;
/** A later version of the same patch adds the numbers of two processors and padding. */
export const SS990915_RECORD_HEADER_LENGTH = 28;
/** Nokia's firewalls add a word of unknown use to the record header, under the ordinary magic number. */
export const NOKIA_RECORD_HEADER_LENGTH = 20;

/** Low 16 bits of the link type word: the LINKTYPE_ value. libpcap: LT_LINKTYPE. */
export const LINK_TYPE_MASK = 0xffff;
/** Set: the four highest bits of the word count the frame check sequence, in units of 16 bits. */
export const FCS_LENGTH_PRESENT = 0x0400_0000;
export const FCS_LENGTH_SHIFT = 28;

/** libpcap's MAXIMUM_SNAPLEN: no record is longer, but for the link types below. */
export const MAX_CAPTURED_LENGTH = 262_144;
const LARGE_CAPTURED_LENGTH = 128 * 1024 * 1024;

/** Longest captured length that is taken for real, by link type: libpcap's max_snaplen_for_dlt(), Wireshark's likewise.
 * D-Bus messages (231), USB with mmapped headers (220), USBPcap (249): 128 MiB; EBHSCR (279): 8 MiB. */
export function maxCapturedLength(linkType: number): number {
  if (linkType === 231 || linkType === 220 || linkType === 249) return LARGE_CAPTURED_LENGTH;
  if (linkType === 279) return 8 * 1024 * 1024;
  return MAX_CAPTURED_LENGTH;
}
