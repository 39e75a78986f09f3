import { be16 } from '../bytes/endian.ts';
import * as wire from '../wire/slow.ts';
import { defineFields, type Fields } from './fields.ts';
import { type Bits, printBits } from './flags.ts';
import { printUnknown } from './ppp-unknown.ts';
import type { Protocol } from './protocol.ts';
import type { Text } from './text.ts';

const HEX = { base: 'hex' } as const;
const S = defineFields('slow', { subtype: ['Slow Protocols subtype', 'uint8', HEX] });
const F = defineFields('lacp', {
  version: ['LACP Version', 'uint8', HEX],
  tlv_type: ['TLV Type', 'uint8', { list: true, base: 'hex' }],
  tlv_length: ['TLV Length', 'uint8', { list: true, base: 'hex' }],
  'actor.sys_priority': ['Actor System Priority', 'uint16'],
  'actor.sysid': ['Actor System ID', 'ether'],
  'actor.key': ['Actor Key', 'uint16'],
  'actor.port_priority': ['Actor Port Priority', 'uint16'],
  'actor.port': ['Actor Port', 'uint16'],
  'actor.state': ['Actor State', 'uint8', HEX],
  'actor.state.activity': ['LACP Activity', 'bool'],
  'actor.state.timeout': ['LACP Timeout', 'bool'],
  'actor.state.aggregation': ['Aggregation', 'bool'],
  'actor.state.synchronization': ['Synchronization', 'bool'],
  'actor.state.collecting': ['Collecting', 'bool'],
  'actor.state.distributing': ['Distributing', 'bool'],
  'actor.state.defaulted': ['Defaulted', 'bool'],
  'actor.state.expired': ['Expired', 'bool'],
  'actor.state_str': ['Actor State Flags', 'string'],
  'actor.reserved': ['Reserved', 'bytes'],
  'partner.sys_priority': ['Partner System Priority', 'uint16'],
  'partner.sysid': ['Partner System', 'ether'],
  'partner.key': ['Partner Key', 'uint16'],
  'partner.port_priority': ['Partner Port Priority', 'uint16'],
  'partner.port': ['Partner Port', 'uint16'],
  'partner.state': ['Partner State', 'uint8', HEX],
  'partner.state.activity': ['LACP Activity', 'bool'],
  'partner.state.timeout': ['LACP Timeout', 'bool'],
  'partner.state.aggregation': ['Aggregation', 'bool'],
  'partner.state.synchronization': ['Synchronization', 'bool'],
  'partner.state.collecting': ['Collecting', 'bool'],
  'partner.state.distributing': ['Distributing', 'bool'],
  'partner.state.defaulted': ['Defaulted', 'bool'],
  'partner.state.expired': ['Expired', 'bool'],
  'partner.state_str': ['Partner State Flags', 'string'],
  'partner.reserved': ['Reserved', 'bytes'],
  'collector.max_delay': ['Collector Max Delay', 'uint16'],
});

const SUBTYPES: Readonly<Record<number, string>> = { 1: 'LACP', 2: 'MARKER', 3: 'OAM' };
const LACP_TLVS: Readonly<Record<number, string>> = {
  0: 'Terminator',
  1: 'Actor Information',
  2: 'Partner Information',
  3: 'Collector Information',
};
const MARKER_TLVS: Readonly<Record<number, string>> = {
  0: 'Terminator',
  1: 'Marker Information',
};
const STATES: Bits = [
  [0x01, 'Activity'],
  [0x02, 'Timeout'],
  [0x04, 'Aggregation'],
  [0x08, 'Synchronization'],
  [0x10, 'Collecting'],
  [0x20, 'Distributing'],
  [0x40, 'Default'],
  [0x80, 'Expired'],
];

function tooShort(t: Text): void {
  t.out.ascii(t.verbose > 0 ? '\n\t\t packet is too short' : ' (packet is too short)');
}

function printSlow(t: Text, at: number, length: number): void {
  const { out } = t;
  t.layer = 'slow';
  if (length < 1) {
    tooShort(t);
    return;
  }
  const subtype = t.u8(at);
  const isList = subtype === wire.SUBTYPE_LACP || subtype === wire.SUBTYPE_MARKER;
  if (isList) {
    if (length < wire.HEADER_LENGTH) {
      tooShort(t);
      return;
    }
    const version = t.u8(at + 1);
    if (version !== 1) {
      out.ascii(`${SUBTYPES[subtype]} version ${version} packet not supported`);
      return;
    }
    out.ascii(`${SUBTYPES[subtype]}v1, length ${length}`);
    if (t.verbose > 0) printList(t, subtype, at + wire.HEADER_LENGTH, length - wire.HEADER_LENGTH);
    return;
  }
  out.ascii(`${SUBTYPES[subtype] ?? `unknown (${subtype})`}, length ${length}`);
  if (subtype !== wire.SUBTYPE_OAM) printUnknown(t, at, length);
}

function printList(t: Text, subtype: number, at: number, left: number): void {
  const { out } = t;
  const names = subtype === wire.SUBTYPE_LACP ? LACP_TLVS : MARKER_TLVS;
  while (left > 0) {
    if (left < wire.TLV_HEADER_LENGTH) {
      tooShort(t);
      return;
    }
    const type = t.u8(at);
    const size = t.u8(at + 1);
    out.ascii(`\n\t${names[type] ?? 'Unknown'} TLV (0x${type.toString(16).padStart(2, '0')}), length ${size}`);
    if (type === wire.TLV_TERMINATOR) return;
    if (size < wire.TLV_HEADER_LENGTH) {
      out.ascii('\n\t    ERROR: illegal length - should be >= 2');
      return;
    }
    if (size > left) {
      tooShort(t);
      return;
    }
    t.reads(at, size);
    const value = at + wire.TLV_HEADER_LENGTH;
    const isPort = subtype === wire.SUBTYPE_LACP && (type === wire.TLV_ACTOR || type === wire.TLV_PARTNER);
    const isCollector = subtype === wire.SUBTYPE_LACP && type === wire.TLV_COLLECTOR;
    const isMarker = subtype === wire.SUBTYPE_MARKER && names[type] !== undefined;
    const wanted = isPort ? wire.PORT_INFORMATION_LENGTH : isCollector || isMarker ? wire.MARKER_LENGTH : size;
    if (size !== wanted) {
      out.ascii(`\n\t    ERROR: illegal length - should be ${wanted}`);
      return;
    }
    if (isPort) printPort(t, at);
    else if (isCollector) out.ascii(`\n\t  Max Delay ${t.be16(at + wire.MAX_DELAY)}`);
    else if (isMarker) {
      out.ascii('\n\t  Request System ');
      t.mac(at + wire.MARKER_SYSTEM);
      out.ascii(`, Request Port ${t.be16(at + wire.MARKER_PORT)}`);
      out.ascii(
        `, Request Transaction ID 0x${t
          .be32(at + wire.MARKER_TRANSACTION)
          .toString(16)
          .padStart(8, '0')}`,
      );
    }
    const isKnown = isPort || isCollector || isMarker;
    if (t.verbose > 1 || !isKnown) printUnknown(t, value, size - wire.TLV_HEADER_LENGTH, '\n\t  ');
    at += size;
    left -= size;
  }
}

function printPort(t: Text, at: number): void {
  const { out } = t;
  out.ascii('\n\t  System ');
  t.mac(at + wire.SYSTEM);
  out.ascii(`, System Priority ${t.be16(at + wire.SYSTEM_PRIORITY)}, Key ${t.be16(at + wire.KEY)}`);
  out.ascii(`, Port ${t.be16(at + wire.PORT)}, Port Priority ${t.be16(at + wire.PORT_PRIORITY)}`);
  out.ascii('\n\t  State Flags [');
  printBits(t, STATES, t.u8(at + wire.STATE), 'none');
  out.byte(93);
}

const lacp: Protocol = { name: 'lacp', title: 'Link Aggregation Control Protocol' };

export const slow: Protocol = {
  name: 'slow',
  title: 'Slow Protocols',
  print: printSlow,
  walk(f, at, end) {
    if (!f.fits('slow', at, 1, end)) return;
    const subtype = f.bytes[at]!;
    f.layer(slow, at, 1);
    f.uint(S.subtype, at, 1, subtype);
    if (subtype !== wire.SUBTYPE_LACP) {
      f.data(at + 1, end);
      return;
    }
    f.layer(lacp, at + 1, 1);
    if (!f.fits('lacp', at + 1, 1, end)) return;
    f.uint(F.version, at + 1, 1, f.bytes[at + 1]!);
    for (let place = at + wire.HEADER_LENGTH; place < end; ) {
      if (!f.fits('lacp', place, wire.TLV_HEADER_LENGTH, end)) return;
      const type = f.bytes[place]!;
      const size = f.bytes[place + 1]!;
      f.uint(F.tlv_type, place, 1, type);
      f.uint(F.tlv_length, place + 1, 1, size);
      if (type === wire.TLV_TERMINATOR) return;
      if (size < wire.TLV_HEADER_LENGTH) {
        f.invalid('lacp', place + 1, wire.TLV_HEADER_LENGTH, size, 'lacp.tlv_length');
        return;
      }
      if (!f.fits('lacp', place, size, end)) return;
      if (type === wire.TLV_ACTOR && size === wire.PORT_INFORMATION_LENGTH) walkPort(f, place, 'actor');
      else if (type === wire.TLV_PARTNER && size === wire.PORT_INFORMATION_LENGTH) walkPort(f, place, 'partner');
      else if (type === wire.TLV_COLLECTOR && size === wire.COLLECTOR_LENGTH)
        f.uint(F['collector.max_delay'], place + wire.MAX_DELAY, 2, be16(f.bytes, place + wire.MAX_DELAY));
      place += size;
      f.layerEnds(place);
    }
  },
};

function walkPort(f: Fields, at: number, who: 'actor' | 'partner'): void {
  const { bytes } = f;
  f.uint(F[`${who}.sys_priority`], at + wire.SYSTEM_PRIORITY, 2, be16(bytes, at + wire.SYSTEM_PRIORITY));
  f.raw(F[`${who}.sysid`], at + wire.SYSTEM, 6);
  f.uint(F[`${who}.key`], at + wire.KEY, 2, be16(bytes, at + wire.KEY));
  f.uint(F[`${who}.port_priority`], at + wire.PORT_PRIORITY, 2, be16(bytes, at + wire.PORT_PRIORITY));
  f.uint(F[`${who}.port`], at + wire.PORT, 2, be16(bytes, at + wire.PORT));
  const place = at + wire.STATE;
  const state = bytes[place]!;
  f.uint(F[`${who}.state`], place, 1, state);
  STATE_BITS.forEach((name, bit) => {
    f.bool(F[`${who}.state.${name}`], place, 1, ((state >>> bit) & 1) === 1);
  });
  if (f.wants(F[`${who}.state_str`])) f.value(F[`${who}.state_str`], place, 1, stateText(state));
  f.raw(F[`${who}.reserved`], place + 1, 3);
}

/** Bits of a state, from the lowest on (IEEE 802.1AX 6.4.2.3). */
const STATE_BITS = [
  'activity',
  'timeout',
  'aggregation',
  'synchronization',
  'collecting',
  'distributing',
  'defaulted',
  'expired',
] as const;
const STATE_LETTERS = 'EFDCSGTA';

/** `**DCSG*A`: a letter for each bit that is set, the highest first. */
const stateText = (state: number): string =>
  Array.from(STATE_LETTERS, (letter, i) => (((state >>> (7 - i)) & 1) === 1 ? letter : '*')).join('');
