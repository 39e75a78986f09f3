import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto';
import { type LongHeader, VERSION_2 } from '../wire/quic.ts';

/** Protection of QUIC's Initial packets, whose keys follow from what the client sends in the clear: RFC 9001 5, for
 * version 2 RFC 9369 3.3. */

const SALT_1 = Buffer.from('38762cf7f55934b34d179ae6a4c80cadccbb7f0a', 'hex');
const SALT_2 = Buffer.from('0dede3def700a6db819381be6e269dcbf9bd2ed9', 'hex');
/** Of draft-ietf-quic-tls-29 to 32. */
const SALT_DRAFT = Buffer.from('afbfec289993d24c9e9786f19c6111e04390a899', 'hex');

const KEY_LENGTH = 16;
const IV_LENGTH = 12;
const TAG_LENGTH = 16;
const SAMPLE_LENGTH = 16;

const hmac = (key: Uint8Array, data: Uint8Array): Buffer => createHmac('sha256', key).update(data).digest();

/** HKDF-Expand-Label of RFC 8446 7.1 with an empty context, for at most 32 bytes. */
function expandLabel(secret: Uint8Array, label: string, length: number): Buffer {
  const name = `tls13 ${label}`;
  const info = Buffer.from([0, length, name.length, ...Buffer.from(name), 0, 1]);
  return hmac(secret, info).subarray(0, length);
}

export interface InitialKeys {
  key: Uint8Array;
  iv: Uint8Array;
  hp: Uint8Array;
}

function saltOf(version: number): Uint8Array {
  if (version === VERSION_2) return SALT_2;
  return version >= 0xff00001d && version <= 0xff000020 ? SALT_DRAFT : SALT_1;
}

/** The keys of one direction; `dcid` is the destination connection ID of the client's first Initial. */
export function initialKeys(version: number, dcid: Uint8Array, side: 'client' | 'server'): InitialKeys {
  const secret = expandLabel(hmac(saltOf(version), dcid), `${side} in`, 32);
  const prefix = version === VERSION_2 ? 'quicv2' : 'quic';
  return {
    key: expandLabel(secret, `${prefix} key`, KEY_LENGTH),
    iv: expandLabel(secret, `${prefix} iv`, IV_LENGTH),
    hp: expandLabel(secret, `${prefix} hp`, KEY_LENGTH),
  };
}

export interface Unprotected {
  /** The first byte without its protection. */
  first: number;
  packetNumber: number;
  /** Bytes of the packet number. */
  packetNumberLength: number;
  payload: Uint8Array;
}

/** Takes the protection off the Initial that begins at `at` with `header`. Null where the keys are not the packet's (a
 * server's is protected with keys of the client's choice), or it is damaged or cut. The packet number is taken as it
 * stands: Initials are few. */
export function unprotect(bytes: Uint8Array, at: number, header: LongHeader, keys: InitialKeys): Unprotected | null {
  const { body, end } = header;
  // RFC 9001 5.4.2: the sample begins where the packet number would end if it had four bytes.
  if (end > bytes.length || body + 4 + SAMPLE_LENGTH > end) return null;
  const cipher = createCipheriv('aes-128-ecb', keys.hp, null);
  cipher.setAutoPadding(false);
  const mask = cipher.update(bytes.subarray(body + 4, body + 4 + SAMPLE_LENGTH));
  const first = bytes[at]! ^ (mask[0]! & 0x0f);
  const packetNumberLength = (first & 3) + 1;
  const place = body + packetNumberLength;
  const aad = Buffer.from(bytes.subarray(at, place));
  aad[0] = first;
  let packetNumber = 0;
  for (let i = 0; i < packetNumberLength; i++) {
    const byte = bytes[body + i]! ^ mask[1 + i]!;
    aad[body - at + i] = byte;
    packetNumber = packetNumber * 256 + byte;
  }
  const nonce = Buffer.from(keys.iv);
  for (let i = 0, rest = packetNumber; i < 4; i++, rest = Math.floor(rest / 256))
    nonce[IV_LENGTH - 1 - i]! ^= rest & 0xff;
  if (place + TAG_LENGTH > end) return null;
  const decipher = createDecipheriv('aes-128-gcm', keys.key, nonce);
  decipher.setAAD(aad);
  decipher.setAuthTag(bytes.subarray(end - TAG_LENGTH, end));
  const payload = decipher.update(bytes.subarray(place, end - TAG_LENGTH));
  try {
    decipher.final();
  } catch {
    // The tag does not fit: that is how wrong keys show.
    return null;
  }
  return { first, packetNumber, packetNumberLength, payload };
}
