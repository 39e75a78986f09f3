import { be16, be32 } from '../bytes/endian.ts';
import * as wire from '../wire/pppoe.ts';
import { defineFields, type Fields } from './fields.ts';
import { printHex } from './flags.ts';
import { ppp, printPpp } from './ppp.ts';
import type { Protocol } from './protocol.ts';
import type { Text } from './text.ts';

const CODES: Readonly<Record<number, string>> = {
  [wire.CODE_PADI]: 'PADI',
  [wire.CODE_PADO]: 'PADO',
  [wire.CODE_PADR]: 'PADR',
  [wire.CODE_PADS]: 'PADS',
  [wire.CODE_PADT]: 'PADT',
  [wire.CODE_SESSION]: '',
};
const F = defineFields('pppoe', {
  version: ['Version', 'uint8'],
  type: ['Type', 'uint8'],
  code: ['Code', 'uint8', { base: 'hex', values: CODES }],
  session_id: ['Session ID', 'uint16', { base: 'hex' }],
  payload_length: ['Payload Length', 'uint16'],
});
const LIST = { list: true } as const;
const D = defineFields('pppoed', {
  'tags.service_name': ['Service-Name', 'string', LIST],
  'tags.ac_name': ['AC-Name', 'string', LIST],
  'tags.host_uniq': ['Host-Uniq', 'bytes', LIST],
  'tags.ac_cookie': ['AC-Cookie', 'bytes', LIST],
  'tags.vendor_id': ['Vendor id', 'uint32', LIST],
  'tags.circuit_id': ['Circuit ID', 'string', LIST],
  'tags.remote_id': ['Remote ID', 'string', LIST],
  'tags.relay_session_id': ['Relay-Session-Id', 'bytes', LIST],
  'tags.max_payload': ['PPP-Max-Payload', 'bytes', LIST],
  'tags.service_name_error': ['Service-Name-Error', 'string', LIST],
  'tags.ac_system_error': ['AC-System-Error', 'string', LIST],
  'tags.generic_error': ['Generic-Error', 'string', LIST],
});
const STRINGS: Readonly<Record<number, number>> = {
  [wire.TAG_SERVICE_NAME]: D['tags.service_name'],
  [wire.TAG_AC_NAME]: D['tags.ac_name'],
  [wire.TAG_SERVICE_NAME_ERROR]: D['tags.service_name_error'],
  [wire.TAG_AC_SYSTEM_ERROR]: D['tags.ac_system_error'],
  [wire.TAG_GENERIC_ERROR]: D['tags.generic_error'],
};
const BYTES: Readonly<Record<number, number>> = {
  [wire.TAG_HOST_UNIQ]: D['tags.host_uniq'],
  [wire.TAG_AC_COOKIE]: D['tags.ac_cookie'],
  [wire.TAG_RELAY_SESSION_ID]: D['tags.relay_session_id'],
  [wire.TAG_MAX_PAYLOAD]: D['tags.max_payload'],
};
const TAGS: Readonly<Record<number, string>> = {
  [wire.TAG_END]: 'EOL',
  [wire.TAG_SERVICE_NAME]: 'Service-Name',
  [wire.TAG_AC_NAME]: 'AC-Name',
  [wire.TAG_HOST_UNIQ]: 'Host-Uniq',
  [wire.TAG_AC_COOKIE]: 'AC-Cookie',
  [wire.TAG_VENDOR]: 'Vendor-Specific',
  [wire.TAG_RELAY_SESSION_ID]: 'Relay-Session-ID',
  [wire.TAG_MAX_PAYLOAD]: 'PPP-Max-Payload',
  [wire.TAG_SERVICE_NAME_ERROR]: 'Service-Name-Error',
  [wire.TAG_AC_SYSTEM_ERROR]: 'AC-System-Error',
  [wire.TAG_GENERIC_ERROR]: 'Generic-Error',
};
/** RFC 2516 5.1: a PADI with its header is at most 1484 bytes long. */
const LONGEST_PADI = 1484 - wire.HEADER_LENGTH;
/** The vendor that is the Broadband Forum. */
const VENDOR_DSL_FORUM = 3561;
/** Characters of a tag that are printed. */
const SHOWN = 79;

/** `isLink`: the header is the link-level one, which hexdumps leave out. */
function printPppoe(t: Text, at: number, length: number, isLink: boolean): void {
  const { out, bytes } = t;
  t.layer = 'pppoe';
  if (length < wire.HEADER_LENGTH) {
    out.ascii(` (length ${length} < ${wire.HEADER_LENGTH})`);
    t.invalid();
    return;
  }
  t.reads(at, wire.HEADER_LENGTH);
  const rest = length - wire.HEADER_LENGTH;
  const code = wire.code(bytes, at);
  const session = wire.sessionId(bytes, at);
  const size = wire.length(bytes, at);
  const version = wire.version(bytes, at);
  const type = wire.type(bytes, at);
  if (version !== 1) out.ascii(` [ver ${version}]`);
  if (type !== 1) out.ascii(` [type ${type}]`);
  out.ascii(`PPPoE ${CODES[code] ?? `PAD-${code.toString(16)}`}`);
  if (code === wire.CODE_PADI && size > LONGEST_PADI) out.ascii(` [len ${size}!]`);
  if (rest < size) out.ascii(` [len ${size} > ${rest}!]`);
  if (session !== 0) {
    out.ascii(' [ses ');
    printHex(t, session);
    out.byte(93);
  }
  const body = at + wire.HEADER_LENGTH;
  if (isLink) t.linkHeaderLength = wire.HEADER_LENGTH;
  if (code !== wire.CODE_SESSION) {
    printTags(t, body, body + Math.min(size, rest));
    return;
  }
  out.byte(32);
  printPpp(t, body, Math.min(size, rest), isLink ? wire.HEADER_LENGTH : -1);
}

function printTags(t: Text, at: number, end: number): void {
  const { out, bytes } = t;
  for (let type = -1; type !== wire.TAG_END && at < end; ) {
    type = t.be16(at);
    const size = t.be16(at + 2);
    at += wire.TAG_HEADER_LENGTH;
    const name = TAGS[type] ?? `TAG-0x${type.toString(16)}`;
    if (size === 0) {
      out.ascii(` [${name}]`);
      continue;
    }
    t.reads(at, size);
    let graphic = 0;
    const shown = Math.min(size, SHOWN);
    for (let i = 0; i < shown; i++) if (isGraphic(bytes[at + i]!)) graphic++;
    if (graphic > shown - graphic) {
      out.ascii(` [${name} "`);
      for (let i = 0; i < shown; i++) out.byte(isGraphic(bytes[at + i]!) ? bytes[at + i]! : 46);
      out.ascii('"]');
    } else {
      out.ascii(` [${name} 0x`);
      for (let i = 0; i < size; i++) out.ascii(bytes[at + i]!.toString(16).toUpperCase().padStart(2, '0'));
      out.byte(93);
    }
    at += size;
  }
}

const isGraphic = (value: number): boolean => value >= 32 && value < 127;

/** Fields of the header; gives the end of the payload, or -1 where there is none to read. */
function walkHeader(f: Fields, protocol: Protocol, at: number, end: number): number {
  if (!f.fits(protocol.name, at, wire.HEADER_LENGTH, end)) return -1;
  const { bytes } = f;
  f.layer(protocol, at, wire.HEADER_LENGTH);
  f.uint(F.version, at, 1, wire.version(bytes, at));
  f.uint(F.type, at, 1, wire.type(bytes, at));
  f.uint(F.code, at + 1, 1, wire.code(bytes, at));
  f.uint(F.session_id, at + 2, 2, wire.sessionId(bytes, at));
  const size = wire.length(bytes, at);
  f.uint(F.payload_length, at + 4, 2, size);
  return f.narrow(at + wire.HEADER_LENGTH + size, end, 'pppoe.payload_length');
}

export const pppoeDiscovery: Protocol = {
  name: 'pppoed',
  title: 'PPP-over-Ethernet Discovery',
  print: (t, at, length) => printPppoe(t, at, length, false),
  walk(f, at, end) {
    const stop = walkHeader(f, pppoeDiscovery, at, end);
    if (stop < 0) return;
    const { bytes } = f;
    f.layerEnds(stop);
    for (let tag = at + wire.HEADER_LENGTH; tag < stop; ) {
      if (!f.fits('pppoed', tag, wire.TAG_HEADER_LENGTH, stop)) return;
      const type = be16(bytes, tag);
      const size = be16(bytes, tag + 2);
      tag += wire.TAG_HEADER_LENGTH;
      if (type === wire.TAG_END || !f.fits('pppoed', tag, size, stop)) return;
      const id = STRINGS[type];
      if (id !== undefined) {
        if (size > 0 && f.wants(id)) f.value(id, tag, size, new TextDecoder().decode(bytes.subarray(tag, tag + size)));
      } else if (BYTES[type] !== undefined) f.raw(BYTES[type], tag, size);
      else if (type === wire.TAG_VENDOR) {
        if (size >= 4) f.uint(D['tags.vendor_id'], tag, 4, be32(bytes, tag));
        if (size > 4 && be32(bytes, tag) === VENDOR_DSL_FORUM) walkLine(f, tag + 4, tag + size);
      }
      tag += size;
    }
  },
};

/** TR-101's suboptions about the subscriber's line: type, length, value. */
function walkLine(f: Fields, at: number, end: number): void {
  const { bytes } = f;
  while (at + 2 <= end && at + 2 + bytes[at + 1]! <= end) {
    const size = bytes[at + 1]!;
    const id = bytes[at] === 1 ? D['tags.circuit_id'] : bytes[at] === 2 ? D['tags.remote_id'] : -1;
    at += 2;
    if (id >= 0 && size > 0 && f.wants(id))
      f.value(id, at, size, new TextDecoder().decode(bytes.subarray(at, at + size)));
    at += size;
  }
}

export const pppoe: Protocol = {
  name: 'pppoes',
  title: 'PPP-over-Ethernet Session',
  print: (t, at, length) => printPppoe(t, at, length, false),
  walk(f, at, end) {
    const stop = walkHeader(f, pppoe, at, end);
    if (stop < 0) return;
    const payload = at + wire.HEADER_LENGTH;
    const { wireEnd } = f;
    // What its length does not count is the Ethernet frame's padding, whatever the IP header says.
    f.wireEnd = Math.min(wireEnd, payload + wire.length(f.bytes, at));
    f.next(ppp, payload, stop);
    f.wireEnd = wireEnd;
  },
};

/** LINKTYPE_PPP_ETHER: frames begin with the PPPoE header of a session. */
export const pppEther: Protocol = {
  name: 'pppoes',
  title: 'PPP-over-Ethernet Session',
  print(t, at, length) {
    t.linkHeaderLength = 0;
    printPppoe(t, at, length, true);
  },
  walk: (f, at, end) => pppoe.walk!(f, at, end),
};
