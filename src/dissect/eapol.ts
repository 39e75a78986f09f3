import * as wire from '../wire/eapol.ts';
import { defineFields } from './fields.ts';
import { type Bits, printBits } from './flags.ts';
import type { Protocol } from './protocol.ts';
import type { Text } from './text.ts';

const F = defineFields('eapol', {
  version: ['Version', 'uint8'],
  type: ['Type', 'uint8'],
  len: ['Length', 'uint16'],
});
const E = defineFields('eap', {
  code: ['Code', 'uint8'],
  id: ['Id', 'uint8'],
  len: ['Length', 'uint16'],
  type: ['Type', 'uint8'],
  identity: ['Identity', 'string'],
});

const FRAMES: Readonly<Record<number, string>> = {
  0: 'EAP packet',
  1: 'EAPOL start',
  2: 'EAPOL logoff',
  3: 'EAPOL key',
  4: 'Encapsulated ASF alert',
};
const CODES: Readonly<Record<number, string>> = { 1: 'Request', 2: 'Response', 3: 'Success', 4: 'Failure' };
const TYPES: Readonly<Record<number, string>> = {
  0: 'unset',
  1: 'Identity',
  2: 'Notification',
  3: 'Nak',
  4: 'MD5-challenge',
  5: 'OTP',
  6: 'GTC',
  13: 'TLS',
  18: 'SIM',
  21: 'TTLS',
  23: 'AKA',
  43: 'FAST',
  254: 'Expanded type',
  255: 'Experimental',
};
const TLS_FLAGS: Bits = [
  [0x80, 'L bit'],
  [0x40, 'More fragments bit'],
  [0x20, 'Start bit'],
];
const SUBTYPES: Readonly<Record<number, string>> = {
  1: 'Challenge',
  2: 'Authentication reject',
  4: 'Synchronization failure',
  5: 'Identity',
  10: 'Start',
  11: 'Challenge',
  12: 'Notification',
  13: 'Reauthentication',
  14: 'Client error',
};

const named = (names: Readonly<Record<number, string>>, value: number): string =>
  `${names[value] ?? 'unknown'} (${value})`;

function printEapol(t: Text, at: number, length: number): void {
  const { out, bytes } = t;
  t.layer = 'eap';
  if (length < wire.HEADER_LENGTH || !t.has(at, wire.HEADER_LENGTH)) {
    t.truncated();
    return;
  }
  const type = wire.type(bytes, at);
  out.ascii(`${named(FRAMES, type)} v${wire.version(bytes, at)}, len ${wire.length(bytes, at)}`);
  if (t.verbose === 0 || type !== wire.TYPE_EAP) return;
  printEap(t, at + wire.HEADER_LENGTH, wire.length(bytes, at));
}

/** Prints the EAP packet at `at`, with `separator` before it. */
export function printEap(t: Text, at: number, length: number, separator = ', '): void {
  const { out } = t;
  if (length < wire.EAP_HEADER_LENGTH) {
    t.truncated();
    return;
  }
  if (!t.has(at, wire.EAP_HEADER_LENGTH)) {
    out.ascii(separator);
    t.truncated();
    return;
  }
  const code = t.u8(at);
  const size = t.be16(at + 2);
  if (size !== length) {
    out.ascii(`${separator}EAP fragment?`);
    return;
  }
  out.ascii(`${separator}${named(CODES, code)}, id ${t.u8(at + 1)}, len ${size}`);
  t.need(at, size);
  if (code !== wire.CODE_REQUEST && code !== wire.CODE_RESPONSE) return;
  t.need(at, 5);
  const type = t.u8(at + 4);
  out.ascii(`\n\t\t Type ${named(TYPES, type)}`);
  const data = at + 5;
  const end = at + size;
  switch (type) {
    case wire.EAP_IDENTITY:
    case wire.EAP_NOTIFICATION:
      if (data >= end) break;
      out.ascii(type === wire.EAP_IDENTITY ? ', Identity: ' : ', Notification: ');
      for (let i = data; i < end && t.u8(i) !== 0; i++) t.visible(t.u8(i));
      break;
    case wire.EAP_NAK:
      // RFC 3748 5.3.1: which types would do instead.
      for (let i = data; i < end && t.u8(i) !== 0; i++) out.ascii(`${i > data ? ',' : ''} ${named(TYPES, t.u8(i))}`);
      break;
    case wire.EAP_TLS:
    case wire.EAP_TTLS:
    case wire.EAP_FAST: {
      if (data >= end) break;
      const flags = t.u8(data);
      if (type === wire.EAP_TTLS) out.ascii(` TTLSv${flags & 7}`);
      else if (type === wire.EAP_FAST) out.ascii(` FASTv${flags & 7}`);
      out.ascii(' flags [');
      printBits(t, TLS_FLAGS, flags & 0xe0, 'none');
      out.ascii(`] 0x${flags.toString(16).padStart(2, '0')}`);
      if ((flags & 0x80) !== 0) out.ascii(`, len ${t.be32(data + 1)}`);
      break;
    }
    case wire.EAP_SIM:
    case wire.EAP_AKA: {
      if (data >= end) break;
      const subtype = t.u8(data);
      out.ascii(` subtype [${SUBTYPES[subtype] ?? 'unknown'}] 0x${subtype.toString(16).padStart(2, '0')}`);
    }
  }
}

/** EAP without LAN framing, as in PPP, which tcpdump dumps. */
export const eap: Protocol = {
  name: 'eap',
  title: 'Extensible Authentication Protocol',
  walk(f, at, end) {
    if (!f.fits('eap', at, wire.EAP_HEADER_LENGTH, end)) return;
    const { bytes } = f;
    const code = bytes[at]!;
    const size = wire.length(bytes, at);
    f.layer(eap, at, wire.EAP_HEADER_LENGTH);
    f.uint(E.code, at, 1, code);
    f.uint(E.id, at + 1, 1, bytes[at + 1]!);
    f.uint(E.len, at + 2, 2, size);
    const stop = f.narrow(at + size, end, 'eap.len');
    if ((code !== wire.CODE_REQUEST && code !== wire.CODE_RESPONSE) || at + 5 > stop) return;
    f.layerEnds(stop);
    const type = bytes[at + 4]!;
    f.uint(E.type, at + 4, 1, type);
    if (type === wire.EAP_IDENTITY && at + 5 < stop && f.wants(E.identity)) {
      let last = at + 5;
      while (last < stop && bytes[last] !== 0) last++;
      f.value(E.identity, at + 5, stop - at - 5, new TextDecoder().decode(bytes.subarray(at + 5, last)));
    }
  },
};

export const eapol: Protocol = {
  name: 'eapol',
  title: '802.1X Authentication',
  print: printEapol,
  walk(f, at, end) {
    if (!f.fits('eapol', at, wire.HEADER_LENGTH, end)) return;
    const { bytes } = f;
    const type = wire.type(bytes, at);
    const size = wire.length(bytes, at);
    f.layer(eapol, at, wire.HEADER_LENGTH);
    f.uint(F.version, at, 1, wire.version(bytes, at));
    f.uint(F.type, at + 1, 1, type);
    f.uint(F.len, at + 2, 2, size);
    const body = at + wire.HEADER_LENGTH;
    const stop = f.narrow(body + size, end, 'eapol.len');
    if (body >= stop) return;
    if (type === wire.TYPE_EAP) f.next(eap, body, stop);
    else f.data(body, stop);
  },
};
