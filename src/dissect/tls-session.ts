import type { KeyExchange } from '../wire/tls-suites.ts';
import type { Fields } from './fields.ts';
import { Recent } from './session/recent.ts';
import { TLS } from './tls-fields.ts';
import { Memory } from './transactions.ts';

/** What the handshake of a connection of TLS or DTLS has settled so far. */
export interface TlsSession {
  /** The version that the server has chosen; 0: not seen. */
  version: number;
  keyExchange: KeyExchange | '';
  /** What the server has chosen of ALPN; '': nothing. */
  alpn: string;
  /** Which sides have changed the cipher: 1 for the one with the lower port, 2 for the other. */
  ciphers: number;
}

export const VERSION_12 = 0x0303;
export const VERSION_13 = 0x0304;
export const DTLS_VERSION_12 = 0xfefd;
export const DTLS_VERSION_13 = 0xfefc;
/** First byte of the versions of RFC 8446's drafts. */
const DRAFTS = 0x7f;

export const isVersion13 = (version: number): boolean =>
  version === VERSION_13 || version === DTLS_VERSION_13 || version >>> 8 === DRAFTS;
export const isVersion12 = (version: number): boolean => version === VERSION_12 || version === DTLS_VERSION_12;

export const newSession = (version = 0): TlsSession => ({ version, keyExchange: '', alpn: '', ciphers: 0 });

/** Messages that go on in the next record: bytes that are here, and the frames that they came in. */
export interface Partial {
  bytes: Uint8Array;
  have: number;
  /** Length with the header; 0: the header is not all here. */
  need: number;
  readonly frames: number[];
}

/** Sessions, and messages that wait, each with a bound: the oldest are forgotten. A message has at most 128 KiB. */
const MAX_SESSIONS = 65_536;
const MAX_PARTIALS = 256;

export class TlsMemory {
  readonly sessions = new Recent<string, TlsSession>(MAX_SESSIONS);
  readonly partials = new Recent<string, Partial>(MAX_PARTIALS);
}

const { general, ...messages } = TLS;
const memories = new Memory([...Object.values(messages), ...Object.values(general)], () => new TlsMemory());

/** The memory of TLS over TCP; null where nothing is remembered. */
export const tlsMemory = (f: Fields): TlsMemory | null => memories.of(f);

/** The side that has sent the segment, as `ciphers` counts them. */
export const sideOf = (f: Fields): number => (f.srcPort < f.dstPort ? 1 : 2);

export function sessionOf(f: Fields, memory: TlsMemory | null): TlsSession {
  if (memory === null) return newSession();
  const key = f.sessions!.conversation(f);
  let session = memory.sessions.get(key);
  if (session === undefined) {
    session = newSession();
    memory.sessions.set(key, session);
  }
  return session;
}
