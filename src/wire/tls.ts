import { be16, be24 } from '../bytes/endian.ts';

/** Records of TLS, RFC 8446 5.1 and RFC 5246 6.2.1, and the headers of handshake messages in them (RFC 8446 4). All
 * fields are big-endian.
 *
 *     0       1               3               5
 *    | type  | legacy version | length         | fragment …
 *
 *     0       1                       4
 *    | type  | length                 | body … */
const TYPE = 0;
const VERSION = 1;
const LENGTH = 3;
export const RECORD_HEADER_LENGTH = 5;
const MESSAGE_LENGTH = 1;
export const MESSAGE_HEADER_LENGTH = 4;
/** 2^14 and what encryption may add (RFC 5246 6.2.3). */
export const MAX_FRAGMENT = (1 << 14) + 2048;

export const CHANGE_CIPHER_SPEC = 20;
export const ALERT = 21;
export const HANDSHAKE = 22;
export const APPLICATION_DATA = 23;
export const HEARTBEAT = 24;

export const CLIENT_HELLO = 1;
export const SERVER_HELLO = 2;
export const HELLO_REQUEST = 0;
export const NEW_SESSION_TICKET = 4;
export const CERTIFICATE = 11;
export const SERVER_KEY_EXCHANGE = 12;
export const CERTIFICATE_REQUEST = 13;
export const CERTIFICATE_VERIFY = 15;
export const CLIENT_KEY_EXCHANGE = 16;
export const FINISHED = 20;
export const CERTIFICATE_STATUS = 22;

export const contentType = (bytes: Uint8Array, at: number): number => bytes[at + TYPE]!;
export const recordVersion = (bytes: Uint8Array, at: number): number => be16(bytes, at + VERSION);
/** Bytes of the fragment behind the record's header. */
export const recordLength = (bytes: Uint8Array, at: number): number => be16(bytes, at + LENGTH);
export const messageType = (bytes: Uint8Array, at: number): number => bytes[at]!;
/** Bytes behind the message's header. */
export const messageLength = (bytes: Uint8Array, at: number): number => be24(bytes, at + MESSAGE_LENGTH);

/** Does a record's header stand at `at`? The caller has checked that 5 bytes are there. */
export function isRecord(bytes: Uint8Array, at: number): boolean {
  const type = contentType(bytes, at);
  const version = recordVersion(bytes, at);
  const length = recordLength(bytes, at);
  return (
    type >= CHANGE_CIPHER_SPEC &&
    type <= HEARTBEAT &&
    version >= 0x300 &&
    version <= 0x304 &&
    length <= MAX_FRAGMENT &&
    // RFC 8446 5.1: only application data may be empty.
    (length > 0 || type === APPLICATION_DATA)
  );
}

/** RFC 8701: values that clients send so that servers learn to pass over what they do not know. */
export const isGrease = (value: number): boolean => (value & 0x0f0f) === 0x0a0a && value >> 8 === (value & 0xff);
