import { be16, be24, be32 } from '../bytes/endian.ts';
import * as wire from '../wire/lldp.ts';
import { FAMILIES } from './bgp-names.ts';
import { defineFields, type Fields } from './fields.ts';
import { type Bits, printBits } from './flags.ts';
import { printOrganization } from './lldp-organization.ts';
import { printUnknown } from './ppp-unknown.ts';
import type { Protocol } from './protocol.ts';
import type { Text } from './text.ts';
import { visibleUntilZero } from './visible.ts';

const LIST = { list: true } as const;
const HEX = { list: true, base: 'hex' } as const;
const F = defineFields('lldp', {
  'tlv.type': ['TLV Type', 'uint16', LIST],
  'tlv.len': ['TLV Length', 'uint16', LIST],
  'chassis.subtype': ['Chassis Id Subtype', 'uint8', LIST],
  'chassis.id': ['Chassis Id', 'bytes', LIST],
  'chassis.id.mac': ['Chassis Id', 'ether', LIST],
  'chassis.id.ip4': ['Chassis Id', 'ipv4', LIST],
  'port.subtype': ['Port Id Subtype', 'uint8', LIST],
  'port.id': ['Port Id', 'string', LIST],
  'port.id.mac': ['Port Id', 'ether', LIST],
  time_to_live: ['Seconds', 'uint16', LIST],
  'port.desc': ['Port Description', 'string', LIST],
  'tlv.system.name': ['System Name', 'string', LIST],
  'tlv.system.desc': ['System Description', 'string', LIST],
  'tlv.system_cap': ['Capabilities', 'uint16', HEX],
  'tlv.enable_system_cap': ['Enabled Capabilities', 'uint16', HEX],
  'mgn.address.len': ['Address String Length', 'uint8', LIST],
  'mgn.address.subtype': ['Address Subtype', 'uint8', LIST],
  'mgn.addr.ip4': ['Management Address', 'ipv4', LIST],
  'mgn.addr.ip6': ['Management Address', 'ipv6', LIST],
  'mgn.interface.subtype': ['Interface Subtype', 'uint8', LIST],
  'mgn.interface.number': ['Interface Number', 'uint32', LIST],
  'mgn.obj.len': ['OID String Length', 'uint8', LIST],
  'orgtlv.oui': ['Organization Unique Code', 'uint24', LIST],
  'ieee.802_1.subtype': ['IEEE 802.1 Subtype', 'uint8', HEX],
  'ieee.802_1.port_vlan.id': ['Port VLAN Identifier', 'uint16', LIST],
  'ieee.802_1.vlan.id': ['VLAN Identifier', 'uint16', LIST],
  'ieee.802_1.vlan.name': ['VLAN Name', 'string', LIST],
  'ieee.802_3.subtype': ['IEEE 802.3 Subtype', 'uint8', HEX],
});

const NAMES: Readonly<Record<number, string>> = {
  0: 'End',
  1: 'Chassis ID',
  2: 'Port ID',
  3: 'Time to Live',
  4: 'Port Description',
  5: 'System Name',
  6: 'System Description',
  7: 'System Capabilities',
  8: 'Management Address',
  127: 'Organization specific',
};
const CHASSIS: Readonly<Record<number, string>> = {
  1: 'Chassis component',
  2: 'Interface alias',
  3: 'Port component',
  4: 'MAC address',
  5: 'Network address',
  6: 'Interface name',
  7: 'Local',
};
const PORT: Readonly<Record<number, string>> = {
  1: 'Interface alias',
  2: 'Port component',
  3: 'MAC address',
  4: 'Network Address',
  5: 'Interface Name',
  6: 'Agent circuit ID',
  7: 'Local',
};
const MAC_SUBTYPE = { chassis: 4, port: 3 } as const;
const NETWORK_SUBTYPE = { chassis: 5, port: 4 } as const;
const CAPABILITIES: Bits = [
  [0x0001, 'Other'],
  [0x0002, 'Repeater'],
  [0x0004, 'Bridge'],
  [0x0008, 'WLAN AP'],
  [0x0010, 'Router'],
  [0x0020, 'Telephone'],
  [0x0040, 'Docsis'],
  [0x0080, 'Station Only'],
];
const NUMBERINGS: Readonly<Record<number, string>> = { 1: 'Unknown', 2: 'Interface Index', 3: 'System Port Number' };
const AFI_IPV4 = 1;
const AFI_IPV6 = 2;
const AFI_802 = 6;
/** Of the families whose addresses are printed. */
const ADDRESS_LENGTHS: Readonly<Record<number, number>> = { [AFI_IPV4]: 4, [AFI_IPV6]: 16, [AFI_802]: 6 };

function printLldp(t: Text, at: number, length: number): void {
  const { out } = t;
  t.layer = 'lldp';
  out.ascii(`LLDP, length ${length}`);
  for (let left = length; left >= wire.TLV_HEADER_LENGTH; ) {
    t.need(at, wire.TLV_HEADER_LENGTH);
    const type = t.u8(at) >>> 1;
    const size = t.be16(at) & 0x1ff;
    left -= wire.TLV_HEADER_LENGTH;
    at += wire.TLV_HEADER_LENGTH;
    if (t.verbose > 0) out.ascii(`\n\t${NAMES[type] ?? 'Unknown'} TLV (${type}), length ${size}`);
    if (type === wire.TLV_END || size === 0) return;
    const isSkipped = t.verbose === 0 && type !== wire.TLV_SYSTEM_NAME;
    if (left < size || !t.has(at, size)) {
      t.truncated();
      return;
    }
    if (isSkipped) {
      at += size;
      left -= size;
      continue;
    }
    let isKnown = true;
    switch (type) {
      case wire.TLV_CHASSIS_ID:
      case wire.TLV_PORT_ID:
        if (size < 2 || !printId(t, type === wire.TLV_CHASSIS_ID ? 'chassis' : 'port', at, size)) {
          t.truncated();
          return;
        }
        isKnown = t.u8(at) >= 1 && t.u8(at) <= 7;
        break;
      case wire.TLV_TTL:
        if (size < 2) {
          t.truncated();
          return;
        }
        out.ascii(`: TTL ${t.be16(at)}s`);
        break;
      case wire.TLV_PORT_DESCRIPTION:
      case wire.TLV_SYSTEM_NAME:
        out.ascii(': ');
        visibleUntilZero(t, at, at + size);
        break;
      case wire.TLV_SYSTEM_DESCRIPTION:
        out.ascii('\n\t  ');
        visibleUntilZero(t, at, at + size);
        break;
      case wire.TLV_CAPABILITIES: {
        if (size < 4) {
          t.truncated();
          return;
        }
        const hex = (value: number): string => `] (0x${value.toString(16).padStart(4, '0')})`;
        out.ascii('\n\t  System  Capabilities [');
        printBits(t, CAPABILITIES, t.be16(at), 'none');
        out.ascii(`${hex(t.be16(at))}\n\t  Enabled Capabilities [`);
        printBits(t, CAPABILITIES, t.be16(at + 2), 'none');
        out.ascii(hex(t.be16(at + 2)));
        break;
      }
      case wire.TLV_MANAGEMENT_ADDRESS:
        if (!printManagement(t, at, size)) {
          t.truncated();
          return;
        }
        break;
      case wire.TLV_ORGANIZATION:
        if (size < 3) {
          t.truncated();
          return;
        }
        isKnown = printOrganization(t, at, size);
        break;
      default:
        isKnown = false;
    }
    if (t.verbose > 1 || (t.verbose > 0 && !isKnown)) printUnknown(t, at, size, '\n\t  ');
    at += size;
    left -= size;
  }
}

/** Chassis or port identifier. False where it is not whole. */
function printId(t: Text, kind: 'chassis' | 'port', at: number, size: number): boolean {
  const { out } = t;
  const subtype = t.u8(at);
  out.ascii(`\n\t  Subtype ${(kind === 'chassis' ? CHASSIS : PORT)[subtype] ?? 'Unknown'} (${subtype}): `);
  if (subtype === MAC_SUBTYPE[kind]) {
    if (size < 7) return false;
    t.mac(at + 1);
  } else if (subtype === NETWORK_SUBTYPE[kind]) return printAddress(t, at + 1, size - 1);
  else if (subtype >= 1 && subtype <= 7) visibleUntilZero(t, at + 1, at + size);
  return true;
}

/** Are `size` bytes enough for the address family, and for an address of one that is printed? */
function holdsAddress(t: Text, at: number, size: number): boolean {
  if (size < 1) return false;
  const family = t.u8(at);
  return size >= 1 + (ADDRESS_LENGTHS[family] ?? 0);
}

/** Address family and address. False where it is not whole. */
function printAddress(t: Text, at: number, size: number): boolean {
  const { out } = t;
  if (!holdsAddress(t, at, size)) return false;
  const family = t.u8(at);
  if (family === AFI_IPV4) {
    out.ascii('AFI IPv4 (1): ');
    t.ipv4(at + 1);
  } else if (family === AFI_IPV6) {
    out.ascii('AFI IPv6 (2): ');
    t.ipv6(at + 1);
  } else if (family === AFI_802) {
    out.ascii('AFI 802 (6): ');
    t.mac(at + 1);
  } else out.ascii(`AFI ${FAMILIES[family] ?? 'Unknown'} (${family}), no AF printer !`);
  return true;
}

function printManagement(t: Text, at: number, size: number): boolean {
  const { out } = t;
  if (size < 1) return false;
  const length = t.u8(at);
  if (1 + length > size) return false;
  if (!holdsAddress(t, at + 1, length)) return false;
  out.ascii(`\n\t  Management Address length ${length}, `);
  printAddress(t, at + 1, length);
  let place = at + 1 + length;
  let left = size - 1 - length;
  if (left < 5) return false;
  out.ascii(`\n\t  ${NUMBERINGS[t.u8(place)] ?? 'Unknown'} Interface Numbering (${t.u8(place)}): ${t.be32(place + 1)}`);
  place += 5;
  left -= 5;
  if (left < 1) return true;
  const oid = t.u8(place);
  if (1 + oid > left) return false;
  if (oid > 0) {
    out.ascii(`\n\t  OID length ${oid}`);
    visibleUntilZero(t, place + 1, place + 1 + oid);
  }
  return true;
}

export const lldp: Protocol = {
  name: 'lldp',
  title: 'Link Layer Discovery Protocol',
  print: printLldp,
  walk(f, at, end) {
    f.layer(lldp, at, 0);
    while (at < end) {
      if (!f.fits('lldp', at, wire.TLV_HEADER_LENGTH, end)) return;
      const type = wire.tlvType(f.bytes, at);
      const size = wire.tlvLength(f.bytes, at);
      f.uint(F['tlv.type'], at, 2, type);
      f.uint(F['tlv.len'], at, 2, size);
      at += wire.TLV_HEADER_LENGTH;
      if (!f.fits('lldp', at, size, end)) return;
      walkTlv(f, type, at, at + size);
      at += size;
      f.layerEnds(at);
      if (type === wire.TLV_END) return;
    }
  },
};

function walkTlv(f: Fields, type: number, at: number, end: number): void {
  const { bytes } = f;
  const size = end - at;
  const text = (id: number, from: number): void => {
    if (from < end && f.wants(id)) f.value(id, from, end - from, new TextDecoder().decode(bytes.subarray(from, end)));
  };
  switch (type) {
    case wire.TLV_CHASSIS_ID:
      if (size < 2) return;
      f.uint(F['chassis.subtype'], at, 1, bytes[at]!);
      if (bytes[at] === MAC_SUBTYPE.chassis && size === 7) f.raw(F['chassis.id.mac'], at + 1, 6);
      else if (bytes[at] === NETWORK_SUBTYPE.chassis && size === 6 && bytes[at + 1] === AFI_IPV4)
        f.raw(F['chassis.id.ip4'], at + 2, 4);
      else f.raw(F['chassis.id'], at + 1, size - 1);
      return;
    case wire.TLV_PORT_ID:
      if (size < 2) return;
      f.uint(F['port.subtype'], at, 1, bytes[at]!);
      if (bytes[at] === MAC_SUBTYPE.port && size === 7) f.raw(F['port.id.mac'], at + 1, 6);
      else if (bytes[at] !== NETWORK_SUBTYPE.port) text(F['port.id'], at + 1);
      return;
    case wire.TLV_TTL:
      if (size >= 2) f.uint(F.time_to_live, at, 2, be16(bytes, at));
      return;
    case wire.TLV_PORT_DESCRIPTION:
      text(F['port.desc'], at);
      return;
    case wire.TLV_SYSTEM_NAME:
      text(F['tlv.system.name'], at);
      return;
    case wire.TLV_SYSTEM_DESCRIPTION:
      text(F['tlv.system.desc'], at);
      return;
    case wire.TLV_CAPABILITIES:
      if (size < 4) return;
      f.uint(F['tlv.system_cap'], at, 2, be16(bytes, at));
      f.uint(F['tlv.enable_system_cap'], at + 2, 2, be16(bytes, at + 2));
      return;
    case wire.TLV_MANAGEMENT_ADDRESS:
      walkManagement(f, at, end);
      return;
    case wire.TLV_ORGANIZATION: {
      if (size < 4) return;
      const oui = be24(bytes, at);
      const subtype = bytes[at + 3]!;
      f.uint(F['orgtlv.oui'], at, 3, oui);
      if (oui === wire.OUI_8023) f.uint(F['ieee.802_3.subtype'], at + 3, 1, subtype);
      if (oui !== wire.OUI_8021) return;
      f.uint(F['ieee.802_1.subtype'], at + 3, 1, subtype);
      if (subtype === 1 && size >= 6) f.uint(F['ieee.802_1.port_vlan.id'], at + 4, 2, be16(bytes, at + 4));
      else if (subtype === 3 && size >= 7) {
        f.uint(F['ieee.802_1.vlan.id'], at + 4, 2, be16(bytes, at + 4));
        text(F['ieee.802_1.vlan.name'], at + 7);
      }
    }
  }
}

function walkManagement(f: Fields, at: number, end: number): void {
  const { bytes } = f;
  if (end - at < 2) return;
  const length = bytes[at]!;
  const family = bytes[at + 1]!;
  f.uint(F['mgn.address.len'], at, 1, length);
  if (at + 1 + length > end) {
    f.invalid('lldp', at, length, end - at - 1, 'lldp.mgn.address.len');
    return;
  }
  f.uint(F['mgn.address.subtype'], at + 1, 1, family);
  if (family === AFI_IPV4 && length === 5) f.raw(F['mgn.addr.ip4'], at + 2, 4);
  else if (family === AFI_IPV6 && length === 17) f.raw(F['mgn.addr.ip6'], at + 2, 16);
  const place = at + 1 + length;
  if (place + 6 > end) return;
  f.uint(F['mgn.interface.subtype'], place, 1, bytes[place]!);
  f.uint(F['mgn.interface.number'], place + 1, 4, be32(bytes, place + 1));
  f.uint(F['mgn.obj.len'], place + 5, 1, bytes[place + 5]!);
}
