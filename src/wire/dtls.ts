import { be16, be24 } from '../bytes/endian.ts';
import { MAX_FRAGMENT } from './tls.ts';

/** Records of DTLS, RFC 6347 4.1, and the headers of handshake messages in them (4.2.2). All fields are big-endian.
 *
 *     0      1         3       5                 11       13
 *    | type | version | epoch | sequence number | length | fragment …
 *
 *     0      1        4                  6                 9                 12
 *    | type | length | message sequence | fragment offset | fragment length | body … */
const VERSION = 1;
const EPOCH = 3;
const SEQUENCE = 5;
const LENGTH = 11;
export const RECORD_HEADER_LENGTH = 13;
const MESSAGE_LENGTH = 1;
const MESSAGE_SEQUENCE = 4;
const FRAGMENT_OFFSET = 6;
const FRAGMENT_LENGTH = 9;
export const MESSAGE_HEADER_LENGTH = 12;

export const HELLO_VERIFY_REQUEST = 3;

/** The caller has checked that 13 bytes are there, as for all of a record. */
export const contentType = (bytes: Uint8Array, at: number): number => bytes[at]!;
export const recordVersion = (bytes: Uint8Array, at: number): number => be16(bytes, at + VERSION);
export const epoch = (bytes: Uint8Array, at: number): number => be16(bytes, at + EPOCH);
/** Of 48 bits. */
export const sequence = (bytes: Uint8Array, at: number): number =>
  be24(bytes, at + SEQUENCE) * 0x100_0000 + be24(bytes, at + SEQUENCE + 3);
/** Bytes behind the header. */
export const recordLength = (bytes: Uint8Array, at: number): number => be16(bytes, at + LENGTH);

/** The caller has checked that 12 bytes are there, as for all of a message. */
export const messageType = (bytes: Uint8Array, at: number): number => bytes[at]!;
/** Of the whole message, which may be cut into fragments. */
export const messageLength = (bytes: Uint8Array, at: number): number => be24(bytes, at + MESSAGE_LENGTH);
export const messageSequence = (bytes: Uint8Array, at: number): number => be16(bytes, at + MESSAGE_SEQUENCE);
export const fragmentOffset = (bytes: Uint8Array, at: number): number => be24(bytes, at + FRAGMENT_OFFSET);
export const fragmentLength = (bytes: Uint8Array, at: number): number => be24(bytes, at + FRAGMENT_LENGTH);

/** Does a record's header stand at `at`, of version 1.0 or 1.2 (RFC 6347 4.1), or of OpenSSL's older one? */
export function isRecord(bytes: Uint8Array, at: number, end: number): boolean {
  if (at + RECORD_HEADER_LENGTH > end) return false;
  const type = contentType(bytes, at);
  const version = recordVersion(bytes, at);
  const length = recordLength(bytes, at);
  return (
    type >= 20 &&
    type <= 25 &&
    (version === 0xfeff || version === 0xfefd || version === 0x0100) &&
    length > 0 &&
    length <= MAX_FRAGMENT
  );
}
