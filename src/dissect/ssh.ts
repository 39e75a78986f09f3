import { createHash } from 'node:crypto';
import { be32 } from '../bytes/endian.ts';
import * as wire from '../wire/ssh.ts';
import { ascii, isEnded, latin1, lineEnd, nextLine } from '../wire/text-line.ts';
import { defineFields, type Fields, WAITS_FOR_MORE } from './fields.ts';
import type { Protocol } from './protocol.ts';
import { walkExchange } from './ssh-kex.ts';
import { exchangeOf, isOpaque, type SshSession, sshMemory, sshSession } from './ssh-session.ts';
import type { Text } from './text.ts';

const many = { list: true } as const;
/** The lists of names of a KEXINIT, in its order (RFC 4253 7.1). */
const LISTS = [
  'kex_algorithms',
  'server_host_key_algorithms',
  'encryption_algorithms_client_to_server',
  'encryption_algorithms_server_to_client',
  'mac_algorithms_client_to_server',
  'mac_algorithms_server_to_client',
  'compression_algorithms_client_to_server',
  'compression_algorithms_server_to_client',
  'languages_client_to_server',
  'languages_server_to_client',
] as const;

const F = defineFields('ssh', {
  protocol: ['Protocol', 'string', many],
  direction: ['Direction', 'bool'],
  packet_length: ['Packet Length', 'uint32', many],
  padding_length: ['Padding Length', 'uint8', many],
  message_code: ['Message Code', 'uint8', many],
  cookie: ['Cookie', 'bytes', many],
  first_kex_packet_follows: ['First KEX Packet Follows', 'uint8', many],
  'kex.reserved': ['Reserved', 'bytes', many],
  'kex.hassh_algorithms': ['hasshAlgorithms', 'string', many],
  'kex.hassh': ['hassh', 'string', many],
  'kex.hasshserver_algorithms': ['hasshServerAlgorithms', 'string', many],
  'kex.hasshserver': ['hasshServer', 'string', many],
  padding_string: ['Padding String', 'bytes', many],
  packet_length_encrypted: ['Packet Length (encrypted)', 'bytes', many],
  encrypted_packet: ['Encrypted Packet', 'bytes', many],
  disconnect_reason: ['Disconnect reason', 'uint32', { list: true, base: 'hex' }],
});
type List = (typeof LISTS)[number];
const LENGTHS = defineFields(
  'ssh',
  Object.fromEntries(LISTS.map((name) => [`${name}_length`, [`${name} length`, 'uint32', many]])) as unknown as Record<
    `${List}_length`,
    readonly [string, 'uint32', { list: true }]
  >,
);
const NAMES = defineFields(
  'ssh',
  Object.fromEntries(LISTS.map((name) => [name, [`${name} string`, 'string', many]])) as unknown as Record<
    List,
    readonly [string, 'string', { list: true }]
  >,
);

const COOKIE_LENGTH = 16;
const LENGTH_LENGTH = 4;
const PORT = 22;
/** In `Progress.connection`: NEWKEYS of both sides were seen. */
const BOTH = 2;
const sessions = sshMemory([...Object.values(F), ...Object.values(LENGTHS), ...Object.values(NAMES)]);

/** tcpdump shows the line of a version, when it is whole and all of it can be seen. */
function print(t: Text, at: number, length: number): void {
  const { bytes, out } = t;
  t.layer = 'ssh';
  const end = at + length;
  // Read whatever the length: what ends within these four is cut.
  for (let i = 0; i < 4; i++) if (t.u8(at + i) !== 'SSH-'.charCodeAt(i)) return;
  for (let place = at + 4; place < end; place++) {
    const value = t.u8(place);
    const isLast = value === 10 || (value === 13 && place + 1 < end && t.u8(place + 1) === 10);
    if (isLast) {
      if (!wire.isVersion(bytes, at, place)) return;
      out.ascii(': SSH: ');
      out.copy(bytes, at, place);
      return;
    }
    if (value < 0x20 || value > 0x7e) return;
  }
}

/** The line at `at`; gives the offset behind it. */
function walkVersion(f: Fields, at: number, end: number): number {
  const next = nextLine(f.bytes, at, end);
  const stop = lineEnd(f.bytes, at, next);
  f.value(F.protocol, at, stop - at, ascii(f.bytes, at, stop));
  return next;
}

/** RFC 4253 7.1. */
function walkKexInit(f: Fields, session: SshSession, at: number, end: number, isServer: boolean): void {
  const { bytes } = f;
  if (!f.fits('ssh', at, COOKIE_LENGTH, end)) return;
  f.raw(F.cookie, at, COOKIE_LENGTH);
  at += COOKIE_LENGTH;
  const lists: string[] = [];
  for (const name of LISTS) {
    if (!f.fits('ssh', at, 4, end)) return;
    const length = be32(bytes, at);
    f.uint(LENGTHS[`${name}_length`], at, 4, length);
    at += 4;
    if (!f.fits('ssh', at, length, end)) return;
    const text = latin1(bytes, at, at + length);
    lists.push(text);
    f.value(NAMES[name], at, length, ascii(bytes, at, at + length));
    at += length;
  }
  if (isServer) session.server = lists;
  else session.client = lists;
  if (!f.fits('ssh', at, 5, end)) return;
  f.uint(F.first_kex_packet_follows, at, 1, bytes[at]!);
  f.raw(F['kex.reserved'], at + 1, 4);
  // hassh: what the sender would use itself, for key exchange, encryption, MAC and compression.
  const own = isServer ? [0, 3, 5, 7] : [0, 2, 4, 6];
  const algorithms = own.map((list) => lists[list]).join(';');
  const hash = createHash('md5').update(algorithms, 'latin1').digest('hex');
  f.value(isServer ? F['kex.hasshserver_algorithms'] : F['kex.hassh_algorithms'], at, 0, algorithms);
  f.value(isServer ? F['kex.hasshserver'] : F['kex.hassh'], at, 0, hash);
}

function walkPacket(f: Fields, session: SshSession, at: number, end: number, isServer: boolean): void {
  const { bytes } = f;
  const length = wire.packetLength(bytes, at);
  const padding = wire.paddingLength(bytes, at);
  const code = wire.message(bytes, at);
  f.uint(F.packet_length, at, 4, length);
  f.uint(F.padding_length, at + 4, 1, padding);
  f.uint(F.message_code, at + 5, 1, code);
  const body = at + wire.HEADER_LENGTH;
  const stop = at + 4 + length - padding;
  const packetEnd = f.narrow(stop, end, 'ssh.packet_length');
  if (code === wire.KEXINIT) walkKexInit(f, session, body, packetEnd, isServer);
  else if (code >= wire.KEX_FIRST && code <= wire.KEX_LAST) walkExchange(f, exchangeOf(session), code, body, packetEnd);
  else if (code === wire.NEWKEYS) {
    if (isServer) session.isServerEncrypted = true;
    else session.isClientEncrypted = true;
  }
  if (code === wire.DISCONNECT && body + 4 <= packetEnd) f.uint(F.disconnect_reason, body, 4, be32(bytes, body));
  if (stop + padding <= end) f.raw(F.padding_string, stop, padding);
}

/** What cannot be read, which may be more than a packet. */
function walkEncrypted(f: Fields, session: SshSession, at: number, end: number, isServer: boolean): void {
  if (isOpaque(session, isServer)) return;
  const length = Math.min(at + LENGTH_LENGTH, end);
  f.raw(F.packet_length_encrypted, at, length - at);
  f.raw(F.encrypted_packet, length, end - length);
}

/** RFC 4253 4.2: of the line with the version, its end included. */
const MAX_LINE = 255;

/** SSH, on any port: the lines with the versions, and the packets up to the keys. */
export const ssh: Protocol = {
  name: 'ssh',
  title: 'SSH Protocol',
  accepts(bytes, at, end) {
    if (wire.isVersion(bytes, at, end)) return isEnded(bytes, at, nextLine(bytes, at, end)) || end - at < 255;
    if (!wire.isPacket(bytes, at, end)) return false;
    // One that goes on in the next segment is a KEXINIT; one that does not is followed by nothing or another.
    const next = at + 4 + wire.packetLength(bytes, at);
    if (next > end) return wire.message(bytes, at) === wire.KEXINIT;
    return next === end || wire.message(bytes, at) === wire.NEWKEYS || wire.isPacket(bytes, next, end);
  },
  measure(bytes, at, end, progress) {
    if (progress.connection >= BOTH) return end - at;
    if (wire.isVersion(bytes, at, end)) {
      const next = nextLine(bytes, at, end);
      return isEnded(bytes, at, next) || end - at > MAX_LINE ? next - at : WAITS_FOR_MORE;
    }
    if (!wire.isPacket(bytes, at, end)) return end - at;
    const length = 4 + wire.packetLength(bytes, at);
    // In the order of the connection; behind the second, both sides are encrypted.
    if (wire.message(bytes, at) === wire.NEWKEYS && at + length <= end) progress.connection++;
    return length;
  },
  walk(f, at, end) {
    const isServer = f.srcPort === PORT || (f.dstPort !== PORT && f.srcPort < f.dstPort);
    f.layer(ssh, at, end - at);
    f.bool(F.direction, at, 0, isServer);
    const session = sshSession(f, sessions);
    while (at < end) {
      if (isServer ? session.isServerEncrypted : session.isClientEncrypted) {
        walkEncrypted(f, session, at, end, isServer);
        return;
      }
      if (wire.isVersion(f.bytes, at, end)) {
        at = walkVersion(f, at, end);
        continue;
      }
      if (!wire.isPacket(f.bytes, at, end)) {
        walkEncrypted(f, session, at, end, isServer);
        return;
      }
      walkPacket(f, session, at, end, isServer);
      const length = 4 + wire.packetLength(f.bytes, at);
      if (!f.fits('ssh', at, length, end)) return;
      at += length;
    }
  },
};

/** Beginning of a text of another protocol, which what is encrypted will hardly be. */
const TEXT = 8;

/** The same on its port, where tcpdump prints it: there what is no text is taken for encrypted. */
export const sshOnPort: Protocol = {
  ...ssh,
  print,
  accepts(bytes, at, end) {
    if (ssh.accepts!(bytes, at, end)) return true;
    if (at + TEXT > end) return at + wire.HEADER_LENGTH > end;
    for (let i = at; i < at + TEXT; i++) if (bytes[i]! < 0x20 || bytes[i]! > 0x7e) return true;
    return false;
  },
};
