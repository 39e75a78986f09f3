import { be16, be32 } from '../bytes/endian.ts';
import * as wire from '../wire/radius.ts';
import { printEap } from './eapol.ts';
import { defineFields, type Fields } from './fields.ts';
import { printUnknown } from './ppp-unknown.ts';
import type { Protocol } from './protocol.ts';
import { walkExchange } from './radius-exchange.ts';
import * as names from './radius-names.ts';
import type { Text } from './text.ts';

const LIST = { list: true } as const;
const F = defineFields('radius', {
  code: ['Code', 'uint8', { values: names.CODES }],
  id: ['Identifier', 'uint8'],
  length: ['Length', 'uint16'],
  authenticator: ['Authenticator', 'bytes'],
  'avp.type': ['Type', 'uint8', LIST],
  'avp.length': ['Length', 'uint8', LIST],
  'avp.vendor_id': ['Vendor ID', 'uint32', LIST],
  User_Name: ['User-Name', 'string', LIST],
  NAS_IP_Address: ['NAS-IP-Address', 'ipv4', LIST],
  NAS_Port: ['NAS-Port', 'uint32', LIST],
  Service_Type: ['Service-Type', 'uint32', LIST],
  Framed_Protocol: ['Framed-Protocol', 'uint32', LIST],
  'Framed-IP-Address': ['Framed-IP-Address', 'ipv4', LIST],
  Framed_IP_Netmask: ['Framed-IP-Netmask', 'ipv4', LIST],
  Framed_MTU: ['Framed-MTU', 'uint32', LIST],
  Reply_Message: ['Reply-Message', 'string', LIST],
  State: ['State', 'bytes', LIST],
  Class: ['Class', 'bytes', LIST],
  Session_Timeout: ['Session-Timeout', 'uint32', LIST],
  Idle_Timeout: ['Idle-Timeout', 'uint32', LIST],
  Called_Station_Id: ['Called-Station-Id', 'string', LIST],
  Calling_Station_Id: ['Calling-Station-Id', 'string', LIST],
  NAS_Identifier: ['NAS-Identifier', 'string', LIST],
  Acct_Status_Type: ['Acct-Status-Type', 'uint32', LIST],
  Acct_Session_Id: ['Acct-Session-Id', 'string', LIST],
  Acct_Session_Time: ['Acct-Session-Time', 'uint32', LIST],
  Acct_Terminate_Cause: ['Acct-Terminate-Cause', 'uint32', LIST],
  NAS_Port_Type: ['NAS-Port-Type', 'uint32', LIST],
  EAP_Message: ['EAP-Message', 'bytes', LIST],
  Message_Authenticator: ['Message-Authenticator', 'bytes', LIST],
});

/** Fields of attributes, by type. */
const FIELDS: Readonly<Record<number, readonly [id: number, kind: 'text' | 'number' | 'address' | 'bytes']>> = {
  1: [F.User_Name, 'text'],
  4: [F.NAS_IP_Address, 'address'],
  5: [F.NAS_Port, 'number'],
  6: [F.Service_Type, 'number'],
  7: [F.Framed_Protocol, 'number'],
  8: [F['Framed-IP-Address'], 'address'],
  9: [F.Framed_IP_Netmask, 'address'],
  12: [F.Framed_MTU, 'number'],
  18: [F.Reply_Message, 'text'],
  24: [F.State, 'bytes'],
  25: [F.Class, 'bytes'],
  27: [F.Session_Timeout, 'number'],
  28: [F.Idle_Timeout, 'number'],
  30: [F.Called_Station_Id, 'text'],
  31: [F.Calling_Station_Id, 'text'],
  32: [F.NAS_Identifier, 'text'],
  40: [F.Acct_Status_Type, 'number'],
  44: [F.Acct_Session_Id, 'text'],
  46: [F.Acct_Session_Time, 'number'],
  49: [F.Acct_Terminate_Cause, 'number'],
  61: [F.NAS_Port_Type, 'number'],
  79: [F.EAP_Message, 'bytes'],
  80: [F.Message_Authenticator, 'bytes'],
};

/** Attributes that tcpdump prints as numbers, as durations, as addresses. The rest of those that have a name is text. */
const NUMBERS = new Set([5, 12, 16, 23, 37, 38, 42, 43, 47, 48, 51, 52, 53, 62, 75, 86]);
const DURATIONS = new Set([27, 28, 41, 46, 85]);
const ADDRESSES = new Set([4, 8, 9, 14]);
/** Of which nothing is printed. */
const SILENT = new Set([2, 3, 17, 21, 54, 59, 93, 94, 96, 102]);
/** Text that a tag may be before (RFC 2868 3.1). */
const TAGGED = new Set([66, 67, 81, 82, 90, 91]);
const LARGEST_TAG = 0x1f;
const LAST_ATTRIBUTE = 129;
const RESERVED = 255;

const two = (value: number): string => String(value).padStart(2, '0');

/** `02 secs`, `01:02 min`, `01:00:00 hours`. */
function duration(seconds: number): string {
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  if (hours > 0) return `${two(hours)}:${two(minutes)}:${two(seconds % 60)} hours`;
  if (minutes > 0) return `${two(minutes)}:${two(seconds % 60)} min`;
  return `${two(seconds)} secs`;
}

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** As ctime(3) writes it, in local time. */
function date(seconds: number): string {
  const d = new Date(seconds * 1000);
  const time = `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
  return `${DAYS[d.getDay()]} ${MONTHS[d.getMonth()]} ${String(d.getDate()).padStart(2)} ${time} ${d.getFullYear()}`;
}

/** Text up to a zero; what is not printable as dots. */
function printText(t: Text, at: number, end: number): void {
  for (; at < end; at++) {
    const value = t.u8(at);
    if (value === 0) return;
    t.out.byte(value < 0x20 || value > 0x7e ? 0x2e : value);
  }
}

function printVendor(t: Text, at: number, length: number): void {
  const { out } = t;
  if (length < 4) {
    t.truncated();
    return;
  }

  const vendor = t.be32(at);
  out.ascii(`Vendor: ${names.VENDORS[vendor] ?? 'Unknown'} (${vendor})`);
  if (!isThere(t, at, length)) return;
  const end = at + length;
  for (at += 4; at + 2 <= end; ) {
    const type = t.u8(at);
    const size = t.u8(at + 1);
    out.ascii(`\n\t    Vendor Attribute: ${type}, Length: `);
    if (size < 2) {
      out.ascii(`${size} (bogus, must be >= 2)`);
      return;
    }
    if (at + size > end) {
      out.ascii(`${size} (bogus, goes past end of vendor-specific attribute)`);
      return;
    }
    out.ascii(`${size - 2}, Value: `);
    for (let i = at + 2; i < at + size; i++) {
      const value = t.u8(i);
      out.byte(value < 0x20 || value > 0x7e ? 0x2e : value);
    }
    at += size;
  }
}

/** False, and says so, where the value is not all there. The packet's text goes on. */
function isThere(t: Text, at: number, length: number): boolean {
  const there = t.has(at, length);
  if (!there) t.truncated();
  return there;
}

/** The value of `length` bytes at `at`. */
function printValue(t: Text, type: number, at: number, length: number): void {
  const { out } = t;
  const table = names.VALUES[type];
  const isWord = table !== undefined || NUMBERS.has(type) || DURATIONS.has(type) || ADDRESSES.has(type);
  if (isWord || type === wire.ATTRIBUTE_EVENT_TIMESTAMP) {
    if (length !== 4) {
      out.ascii(`ERROR: length ${length} != 4`);
      return;
    }
    const value = t.be32(at);
    const isHost = type === wire.ATTRIBUTE_FRAMED_IP_ADDRESS || type === wire.ATTRIBUTE_LOGIN_IP_HOST;
    if (table !== undefined) out.ascii(table[value] ?? `#${value}`);
    else if (NUMBERS.has(type)) out.decimal(value);
    else if (DURATIONS.has(type)) out.ascii(duration(value));
    else if (type === wire.ATTRIBUTE_EVENT_TIMESTAMP) out.ascii(date(value));
    else if (isHost && value === 0xffffffff) out.ascii('User Selected');
    else if (isHost && value === 0xfffffffe) out.ascii('NAS Select');
    else t.ipv4(at);
  } else if (type === wire.ATTRIBUTE_VENDOR) printVendor(t, at, length);
  else if (type === wire.ATTRIBUTE_EAP) {
    if (isThere(t, at, length)) printEap(t, at, length, '');
  } else if (type >= 1 && type <= LAST_ATTRIBUTE && !SILENT.has(type)) {
    if (!isThere(t, at, length)) return;
    const tag = t.u8(at);
    if (!TAGGED.has(type) || tag > LARGEST_TAG) printText(t, at, at + length);
    else {
      out.ascii(`Tag[${tag === 0 ? 'Unused' : tag}] `);
      printText(t, at + 1, at + length);
    }
  }
}

function printAttributes(t: Text, at: number, end: number): void {
  const { out } = t;
  while (at < end) {
    if (end - at < wire.ATTRIBUTE_HEADER_LENGTH) {
      t.truncated();
      return;
    }
    t.need(at, wire.ATTRIBUTE_HEADER_LENGTH);
    const type = t.u8(at);
    const length = t.u8(at + 1);
    out.ascii(`\n\t  ${names.ATTRIBUTES[type] ?? 'Unknown'} Attribute (${type}), length: ${length}`);
    if (length < wire.ATTRIBUTE_HEADER_LENGTH) {
      out.ascii(' (bogus, must be >= 2)');
      return;
    }
    if (length > end - at) {
      out.ascii(' (bogus, goes past end of packet)');
      return;
    }
    out.ascii(', Value: ');
    const body = at + wire.ATTRIBUTE_HEADER_LENGTH;
    const size = length - wire.ATTRIBUTE_HEADER_LENGTH;
    if (size > 0) printValue(t, type, body, size);
    if (t.verbose > 1) printUnknown(t, body, size, '\n\t    ');
    at += length;
  }
}

function printRadius(t: Text, at: number, length: number): void {
  const { out, bytes } = t;
  t.layer = 'radius';
  t.need(at, wire.HEADER_LENGTH);
  const size = wire.length(bytes, at);
  if (size < wire.HEADER_LENGTH) {
    t.truncated();
    return;
  }
  const total = Math.min(size, length);
  const code = wire.code(bytes, at);
  const name = names.CODES[code] ?? 'Unknown Command';
  const id = `id: 0x${wire.identifier(bytes, at).toString(16).padStart(2, '0')}`;
  if (t.verbose === 0) {
    out.ascii(`RADIUS, ${name} (${code}), ${id} length: ${total}`);
    return;
  }
  out.ascii(`RADIUS, length: ${total}\n\t${name} (${code}), ${id}, Authenticator: `);
  for (let i = 0; i < wire.AUTHENTICATOR_LENGTH; i++) out.hexPadded(bytes[at + wire.AUTHENTICATOR + i]!, 2);
  printAttributes(t, at + wire.HEADER_LENGTH, at + total);
}

function walkAttribute(f: Fields, type: number, at: number, size: number): void {
  const { bytes } = f;
  if (type === wire.ATTRIBUTE_VENDOR && size >= 4) f.uint(F['avp.vendor_id'], at, 4, be32(bytes, at));
  const known = FIELDS[type];
  if (known === undefined) return;
  const [id, kind] = known;
  if (!f.wants(id)) return;
  if (kind === 'number') {
    if (size === 4) f.uint(id, at, 4, be32(bytes, at));
  } else if (kind === 'address') {
    if (size === 4) f.raw(id, at, 4);
  } else if (kind === 'bytes') f.raw(id, at, size);
  else f.value(id, at, size, Buffer.from(bytes.buffer, bytes.byteOffset + at, size).toString('utf8'));
}

export const radius: Protocol = {
  name: 'radius',
  title: 'RADIUS Protocol',
  print: printRadius,
  walk(f, at, end) {
    if (!f.fits('radius', at, wire.HEADER_LENGTH, end)) return;
    const { bytes } = f;
    const isKnown = names.CODES[wire.code(bytes, at)] !== undefined && wire.code(bytes, at) !== RESERVED;
    if (!isKnown) {
      f.data(at, end);
      return;
    }
    const length = wire.length(bytes, at);
    f.layer(radius, at, wire.HEADER_LENGTH);
    f.uint(F.code, at, 1, wire.code(bytes, at));
    f.uint(F.id, at + 1, 1, wire.identifier(bytes, at));
    f.uint(F.length, at + 2, 2, be16(bytes, at + 2));
    f.raw(F.authenticator, at + wire.AUTHENTICATOR, wire.AUTHENTICATOR_LENGTH);
    if (length < wire.HEADER_LENGTH) {
      f.invalid('radius', at + 2, wire.HEADER_LENGTH, length, 'radius.length');
      return;
    }
    walkExchange(f, at);
    const stop = f.narrow(at + length, end, 'radius.length');
    for (let place = at + wire.HEADER_LENGTH; place < stop; ) {
      if (!f.fits('radius', place, wire.ATTRIBUTE_HEADER_LENGTH, stop)) return;
      const size = bytes[place + 1]!;
      f.uint(F['avp.type'], place, 1, bytes[place]!);
      f.uint(F['avp.length'], place + 1, 1, size);
      if (size < wire.ATTRIBUTE_HEADER_LENGTH) {
        f.invalid('radius', place + 1, wire.ATTRIBUTE_HEADER_LENGTH, size, 'radius.avp.length');
        return;
      }
      if (!f.fits('radius', place, size, stop)) return;
      walkAttribute(f, bytes[place]!, place + 2, size - 2);
      place += size;
      f.layerEnds(place);
    }
  },
};
