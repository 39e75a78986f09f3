/** NetBIOS over UDP, RFC 1002 4.2 (names) and 4.4 (datagrams). Names' messages have DNS's header. */
export const HEADER_LENGTH = 12;
/** Behind a question's name: type, class. */
export const QUESTION_FIXED = 4;
/** Behind a record's name: type, class, time to live, length. */
export const RECORD_FIXED = 10;
export const TYPE_NB = 0x20;
export const TYPE_NBSTAT = 0x21;
export const FLAG_GROUP = 0x8000;
/** Bytes of a name, the last of which is its kind; and letters that they are encoded in. */
export const NAME_LENGTH = 16;
export const ENCODED_LENGTH = 32;
/** A name in a status: 15 characters, kind, flags. */
export const STATUS_NAME = 18;

/** Datagrams: type, flags, id (2), source address (4) and port (2). */
export const DATAGRAM_HEADER = 10;
export const DATAGRAM_FIRST = 0x10;
export const DATAGRAM_LAST = 0x12;
export const DATAGRAM_ERROR = 0x13;
