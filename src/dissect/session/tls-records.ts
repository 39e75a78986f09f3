import { be16, be24 } from '../../bytes/endian.ts';
import { ByteQueue } from './byte-queue.ts';

/** Records of TLS (RFC 8446 5.1, RFC 5246 6.2.1), as a summary of a connection: type, version and length of each, and
 * what of the handshake is not encrypted.
 *
 *     0       1               3               5
 *    | type  | legacy version | length         | fragment … */
const TYPE = 0;
const VERSION = 1;
const LENGTH = 3;
const HEADER_LENGTH = 5;

const CHANGE_CIPHER_SPEC = 20;
const ALERT = 21;
const HANDSHAKE = 22;
const CONTENT: Readonly<Record<number, string>> = {
  [CHANGE_CIPHER_SPEC]: 'Change Cipher Spec',
  [ALERT]: 'Alert',
  [HANDSHAKE]: 'Handshake',
  23: 'Application Data',
  24: 'Heartbeat',
};

const CLIENT_HELLO = 1;
const SERVER_HELLO = 2;
const MESSAGES: Readonly<Record<number, string>> = {
  0: 'Hello Request',
  [CLIENT_HELLO]: 'Client Hello',
  [SERVER_HELLO]: 'Server Hello',
  4: 'New Session Ticket',
  8: 'Encrypted Extensions',
  11: 'Certificate',
  12: 'Server Key Exchange',
  13: 'Certificate Request',
  14: 'Server Hello Done',
  15: 'Certificate Verify',
  16: 'Client Key Exchange',
  20: 'Finished',
  22: 'Certificate Status',
  24: 'Key Update',
};

const ALERTS: Readonly<Record<number, string>> = {
  0: 'Close Notify',
  10: 'Unexpected Message',
  20: 'Bad Record MAC',
  40: 'Handshake Failure',
  42: 'Bad Certificate',
  43: 'Unsupported Certificate',
  44: 'Certificate Revoked',
  45: 'Certificate Expired',
  46: 'Certificate Unknown',
  47: 'Illegal Parameter',
  48: 'Unknown CA',
  49: 'Access Denied',
  50: 'Decode Error',
  51: 'Decrypt Error',
  70: 'Protocol Version',
  71: 'Insufficient Security',
  80: 'Internal Error',
  86: 'Inappropriate Fallback',
  90: 'User Canceled',
  109: 'Missing Extension',
  110: 'Unsupported Extension',
  112: 'Unrecognized Name',
  116: 'Certificate Required',
  120: 'No Application Protocol',
};

const VERSIONS: Readonly<Record<number, string>> = {
  768: 'SSL 3.0',
  769: 'TLS 1.0',
  770: 'TLS 1.1',
  771: 'TLS 1.2',
  772: 'TLS 1.3',
};

const SERVER_NAME = 0;
const ALPN = 16;
const SUPPORTED_VERSIONS = 43;

export interface TlsRecord {
  /** `Handshake`, `Application Data`, … */
  content: string;
  version: string;
  /** Bytes of the fragment. */
  length: number;
  /** Handshake messages that it has, or what the alert says; empty where it is encrypted or carries data. */
  messages: string[];
  /** Of a hello. */
  serverName?: string;
  alpn?: string[];
  /** Of a server's hello: the suite in hexadecimal. */
  cipherSuite?: string;
  /** The version that a hello settles on or offers first, where an extension says so. */
  helloVersion?: string;
}

const versionName = (version: number): string => VERSIONS[version] ?? `0x${version.toString(16).padStart(4, '0')}`;

/** Longest fragment: 2^14 and what encryption may add (RFC 5246 6.2.3). */
const MAX_FRAGMENT = (1 << 14) + 2048;

/** Cuts one direction of a connection into records. */
export class TlsReader {
  readonly #take: (record: TlsRecord) => void;
  readonly #pending = new ByteQueue();
  #encrypted = false;
  #lost = false;

  constructor(take: (record: TlsRecord) => void) {
    this.#take = take;
  }

  data(bytes: Uint8Array): void {
    if (this.#lost) return;
    this.#pending.add(bytes);
    const joined = this.#pending.view;
    let at = 0;
    while (at + HEADER_LENGTH <= joined.length) {
      const length = be16(joined, at + LENGTH);
      if (CONTENT[joined[at + TYPE]!] === undefined || joined[at + VERSION] !== 3 || length > MAX_FRAGMENT) {
        this.#lose(joined.length - at);
        return;
      }
      if (at + HEADER_LENGTH + length > joined.length) break;
      this.#record(joined, at, length);
      at += HEADER_LENGTH + length;
    }
    this.#pending.take(at);
  }

  /** Where the next record begins is not known any more. */
  gap(length: number): void {
    this.#lose(length);
  }

  #lose(length: number): void {
    if (this.#lost) return;
    this.#lost = true;
    this.#take({ content: 'Not TLS, or records missing', version: '', length, messages: [] });
  }

  end(): void {
    if (this.#pending.length > 0 && !this.#lost)
      this.#take({ content: 'Incomplete record', version: '', length: this.#pending.length, messages: [] });
  }

  #record(bytes: Uint8Array, at: number, length: number): void {
    const type = bytes[at + TYPE]!;
    const body = at + HEADER_LENGTH;
    const record: TlsRecord = {
      content: CONTENT[type]!,
      version: versionName(be16(bytes, at + VERSION)),
      length,
      messages: [],
    };
    if (type === CHANGE_CIPHER_SPEC) this.#encrypted = true;
    else if (type === HANDSHAKE) {
      if (this.#encrypted) record.messages.push('Encrypted Handshake Message');
      else this.#handshake(bytes, body, body + length, record);
    } else if (type === ALERT) {
      if (length === 2)
        record.messages.push(
          `${bytes[body] === 2 ? 'Fatal' : 'Warning'}: ${ALERTS[bytes[body + 1]!] ?? bytes[body + 1]}`,
        );
      else record.messages.push('Encrypted Alert');
    }
    this.#take(record);
  }

  #handshake(bytes: Uint8Array, at: number, end: number, record: TlsRecord): void {
    while (at + 4 <= end) {
      const type = bytes[at]!;
      const length = be24(bytes, at + 1);
      record.messages.push(MESSAGES[type] ?? `Handshake ${type}`);
      const stop = Math.min(at + 4 + length, end);
      if (type === CLIENT_HELLO || type === SERVER_HELLO) readHello(bytes, at + 4, stop, type, record);
      at += 4 + length;
    }
  }
}

/** RFC 8446 4.1.2 and 4.1.3: version, random, session id, suites (one in a server's), compression, extensions. */
function readHello(bytes: Uint8Array, at: number, end: number, type: number, record: TlsRecord): void {
  if (at + 35 > end) return;
  record.helloVersion = versionName(be16(bytes, at));
  at += 34;
  at += 1 + bytes[at]!;
  if (at + 2 > end) return;
  if (type === SERVER_HELLO) {
    record.cipherSuite = `0x${be16(bytes, at).toString(16).padStart(4, '0')}`;
    at += 3;
  } else {
    at += 2 + be16(bytes, at);
    if (at >= end) return;
    at += 1 + bytes[at]!;
  }
  if (at + 2 > end) return;
  const stop = Math.min(at + 2 + be16(bytes, at), end);
  for (at += 2; at + 4 <= stop; ) {
    const extension = be16(bytes, at);
    const length = be16(bytes, at + 2);
    const body = at + 4;
    at = body + length;
    if (at > stop) return;
    if (extension === SERVER_NAME && length > 5)
      record.serverName = Buffer.from(
        bytes.subarray(body + 5, Math.min(body + 5 + be16(bytes, body + 3), at)),
      ).toString('latin1');
    else if (extension === ALPN && length > 2) {
      record.alpn = [];
      for (let name = body + 2; name < at; name += 1 + bytes[name]!)
        record.alpn.push(
          Buffer.from(bytes.subarray(name + 1, Math.min(name + 1 + bytes[name]!, at))).toString('latin1'),
        );
    } else if (extension === SUPPORTED_VERSIONS) {
      if (length === 2) record.helloVersion = versionName(be16(bytes, body));
      // The first that is not of RFC 8701, which are there to be passed over.
      else
        for (let version = body + 1; version + 2 <= at; version += 2)
          if (VERSIONS[be16(bytes, version)] !== undefined) {
            record.helloVersion = versionName(be16(bytes, version));
            break;
          }
    }
  }
}
