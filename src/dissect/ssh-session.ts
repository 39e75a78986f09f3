import type { Fields } from './fields.ts';
import { Recent } from './session/recent.ts';
import { Memory } from './transactions.ts';

/** What the key exchange of a connection of SSH has settled, RFC 4253 7. */

export interface SshSession {
  /** Names of the lists of a KEXINIT, as each side has sent them; null: not seen. */
  client: readonly string[] | null;
  server: readonly string[] | null;
  /** The side has said NEWKEYS. */
  isClientEncrypted: boolean;
  isServerEncrypted: boolean;
}

/** Places of lists in a KEXINIT. */
const KEX = 0;
const CLIENT_CIPHERS = 2;
const SERVER_CIPHERS = 3;
const CLIENT_MACS = 4;
const SERVER_MACS = 5;

const newSession = (): SshSession => ({
  client: null,
  server: null,
  isClientEncrypted: false,
  isServerEncrypted: false,
});

/** Of more sessions the oldest are forgotten. */
const MAX_SESSIONS = 16_384;

/** The memory of sessions, for those who want one of the fields. */
export const sshMemory = (ids: readonly number[]): Memory<Recent<string, SshSession>> =>
  new Memory(ids, () => new Recent<string, SshSession>(MAX_SESSIONS));

/** The session of the segment that is being walked: one that nobody remembers where nothing is remembered. */
export function sshSession(f: Fields, memories: ReturnType<typeof sshMemory>): SshSession {
  const memory = memories.of(f);
  if (memory === null) return newSession();
  const key = f.sessions!.conversation(f);
  let session = memory.get(key);
  if (session === undefined) {
    session = newSession();
    memory.set(key, session);
  }
  return session;
}

/** RFC 4253 7.1: the first of the client's that the server has too; '' where that is not known. */
function chosen({ client, server }: SshSession, list: number): string {
  if (client === null || server === null) return '';
  const offered = new Set(server[list]!.split(','));
  return client[list]!.split(',').find((name) => offered.has(name)) ?? '';
}

export type Exchange = 'dh' | 'group exchange' | 'ecdh';

/** Which messages the key exchange has: RFC 4253 8, RFC 4419, RFC 5656 4; the oldest where that is not known. */
export function exchangeOf(session: SshSession): Exchange {
  const name = chosen(session, KEX);
  if (name.startsWith('diffie-hellman-group-exchange-')) return 'group exchange';
  return /^(ecdh-sha2|curve25519|curve448|sntrup761x25519|mlkem768x25519)-/.test(name) ? 'ecdh' : 'dh';
}

/** True where the end of an encrypted packet could be told with the key alone: as Wireshark has it, which shows nothing of
 * such packets, and the others as they are. */
export function isOpaque(session: SshSession, isServer: boolean): boolean {
  const cipher = chosen(session, isServer ? SERVER_CIPHERS : CLIENT_CIPHERS);
  if (/^(chacha20-poly1305@|aes(128|256)-gcm@)openssh\.com$/.test(cipher)) return true;
  const mac = chosen(session, isServer ? SERVER_MACS : CLIENT_MACS);
  return /^aes(128|192|256)-(ctr|cbc)$/.test(cipher) && !mac.includes('-etm@');
}
