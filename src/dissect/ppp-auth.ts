import * as wire from '../wire/ppp.ts';
import { defineFields, type Fields } from './fields.ts';
import type { Protocol } from './protocol.ts';
import type { Text } from './text.ts';

/** PAP (RFC 1334 2) and CHAP (RFC 1994 4). */

const PAP_CODES: Readonly<Record<number, string>> = { 1: 'Auth-Req', 2: 'Auth-ACK', 3: 'Auth-NACK' };
const CHAP_CODES: Readonly<Record<number, string>> = { 1: 'Challenge', 2: 'Response', 3: 'Success', 4: 'Fail' };
const HEADER = {
  code: ['Code', 'uint8'],
  identifier: ['Identifier', 'uint8'],
  length: ['Length', 'uint16'],
} as const;
const P = defineFields('pap', {
  ...HEADER,
  'peer_id.length': ['Peer-ID-Length', 'uint8'],
  peer_id: ['Peer-ID', 'string'],
  'password.length': ['Password-Length', 'uint8'],
  password: ['Password', 'string'],
  'message.length': ['Message-Length', 'uint8'],
  message: ['Message', 'string'],
  stuff: ['stuff', 'bytes'],
});
const C = defineFields('chap', {
  ...HEADER,
  value_size: ['Value Size', 'uint8'],
  value: ['Value', 'bytes'],
  name: ['Name', 'string'],
  message: ['Message', 'string'],
  stuff: ['Stuff', 'bytes'],
});

/** Name of the message, its identifier; gives the length that it states. */
function printHeader(t: Text, at: number, name: string, names: Readonly<Record<number, string>>): number {
  const { out } = t;
  const code = t.u8(at);
  out.ascii(`${name}, ${names[code] ?? 'unknown'} (0x${code.toString(16).padStart(2, '0')})`);
  out.ascii(`, id ${t.u8(at + 1)}`);
  return t.be16(at + 2);
}

/** `count` bytes of text, after `label`. */
/** For a message that ends within its header. */
function printCutOff(t: Text, name: string, at: number): void {
  t.out.ascii(`[|${name} 0x${t.u8(at).toString(16).padStart(2, '0')}]`);
}

function printText(t: Text, label: string, at: number, count: number): void {
  t.out.ascii(label);
  for (let i = 0; i < count; i++) t.visible(t.u8(at + i));
}

/** A length byte and as much text; gives the offset behind, or -1 where it is not all there. */
function printCounted(t: Text, label: string, at: number, end: number): number {
  if (end - at < 1) return -1;
  const size = t.u8(at++);
  if (end - at < size) return -1;
  printText(t, label, at, size);
  return at + size;
}

function printPap(t: Text, at: number, length: number): void {
  if (length < 1) {
    t.out.ascii('[|pap]');
    return;
  }
  if (length < wire.CONTROL_HEADER_LENGTH) {
    printCutOff(t, 'pap', at);
    return;
  }
  const stated = printHeader(t, at, 'PAP', PAP_CODES);
  if (stated > length) {
    t.out.ascii(`, length ${stated} > packet size`);
    return;
  }
  if (stated < wire.CONTROL_HEADER_LENGTH) {
    t.out.ascii(`, length ${stated} < PAP header length`);
    return;
  }
  const code = t.u8(at);
  const shortest = code === 1 ? 6 : code === 2 || code === 3 ? 5 : 0;
  if (stated < shortest) {
    t.out.ascii('[|pap]');
    return;
  }
  const end = at + stated;
  const body = at + wire.CONTROL_HEADER_LENGTH;
  if (code === 1) {
    const next = printCounted(t, ', Peer ', body, end);
    if (next >= 0) printCounted(t, ', Name ', next, end);
  } else if (code === 2 || code === 3) printCounted(t, ', Msg ', body, end);
}

function printChap(t: Text, at: number, length: number): void {
  const { out } = t;
  if (length < 1) {
    out.ascii('[|chap]');
    return;
  }
  if (length < wire.CONTROL_HEADER_LENGTH) {
    printCutOff(t, 'chap', at);
    return;
  }
  const stated = printHeader(t, at, 'CHAP', CHAP_CODES);
  const code = t.u8(at);
  const body = at + wire.CONTROL_HEADER_LENGTH;
  if (code === 1 || code === 2) {
    if (length - wire.CONTROL_HEADER_LENGTH < 1) return;
    const size = t.u8(body);
    if (length - wire.CONTROL_HEADER_LENGTH - 1 < size) return;
    out.ascii(', Value ');
    for (let i = 0; i < size; i++) out.hexPadded(t.u8(body + 1 + i), 2);
    printText(t, ', Name ', body + 1 + size, stated - wire.CONTROL_HEADER_LENGTH - 1 - size);
  } else if (code === 3 || code === 4) printText(t, ', Msg ', body, stated - wire.CONTROL_HEADER_LENGTH);
}

const text = (f: Fields, at: number, end: number): string => new TextDecoder().decode(f.bytes.subarray(at, end));

function walkHeader(f: Fields, protocol: Protocol, ids: typeof P | typeof C, at: number, end: number): number {
  if (!f.fits(protocol.name, at, wire.CONTROL_HEADER_LENGTH, end)) return -1;
  const { bytes } = f;
  f.layer(protocol, at, wire.CONTROL_HEADER_LENGTH);
  f.uint(ids.code, at, 1, wire.code(bytes, at));
  f.uint(ids.identifier, at + 1, 1, wire.identifier(bytes, at));
  const length = wire.length(bytes, at);
  f.uint(ids.length, at + 2, 2, length);
  const stop = f.narrow(at + length, end, `${protocol.name}.length`);
  f.layerEnds(Math.max(stop, at + wire.CONTROL_HEADER_LENGTH));
  return stop;
}

export const pap: Protocol = {
  name: 'pap',
  title: 'PPP Password Authentication Protocol',
  print: printPap,
  walk(f, at, end) {
    const stop = walkHeader(f, pap, P, at, end);
    if (stop < 0) return;
    const code = wire.code(f.bytes, at);
    at += wire.CONTROL_HEADER_LENGTH;
    const counted = (lengthId: number, id: number): boolean => {
      if (!f.fits('pap', at, 1, stop)) return false;
      const size = f.bytes[at]!;
      f.uint(lengthId, at++, 1, size);
      if (!f.fits('pap', at, size, stop)) return false;
      if (size > 0 && f.wants(id)) f.value(id, at, size, text(f, at, at + size));
      at += size;
      return true;
    };
    if (code === 1) {
      if (counted(P['peer_id.length'], P.peer_id)) counted(P['password.length'], P.password);
    } else if (code === 2 || code === 3) counted(P['message.length'], P.message);
    else if (at < stop) f.raw(P.stuff, at, stop - at);
  },
};

export const chap: Protocol = {
  name: 'chap',
  title: 'PPP Challenge Handshake Authentication Protocol',
  print: printChap,
  walk(f, at, end) {
    const stop = walkHeader(f, chap, C, at, end);
    if (stop < 0) return;
    const code = wire.code(f.bytes, at);
    at += wire.CONTROL_HEADER_LENGTH;
    if (at >= stop) return;
    if (code === 1 || code === 2) {
      const size = f.bytes[at]!;
      f.uint(C.value_size, at, 1, size);
      at++;
      if (!f.fits('chap', at, size, stop)) return;
      f.raw(C.value, at, size);
      at += size;
      if (at < stop && f.wants(C.name)) f.value(C.name, at, stop - at, text(f, at, stop));
    } else if (code === 3 || code === 4) {
      if (f.wants(C.message)) f.value(C.message, at, stop - at, text(f, at, stop));
    } else f.raw(C.stuff, at, stop - at);
  },
};
