import { be16, be24, be32 } from '../bytes/endian.ts';
import * as wire from '../wire/cdp.ts';
import { printCdp } from './cdp-text.ts';
import { BAD, CHECKSUM_STATUS, defineFields, type Fields, GOOD, UNVERIFIED } from './fields.ts';
import type { Protocol } from './protocol.ts';

const LIST = { list: true } as const;
const HEX = { base: 'hex' } as const;
const F = defineFields('cdp', {
  version: ['Version', 'uint8'],
  ttl: ['TTL', 'uint8'],
  checksum: ['Checksum', 'uint16', HEX],
  'checksum.status': ['Checksum Status', 'uint8', CHECKSUM_STATUS],
  'tlv.type': ['Type', 'uint16', { list: true, base: 'hex' }],
  'tlv.len': ['Length', 'uint16', LIST],
  deviceid: ['Device ID', 'string', LIST],
  platform: ['Platform', 'string', LIST],
  portid: ['Sent through Interface', 'string', LIST],
  software_version: ['Software version', 'string', LIST],
  capabilities: ['Capabilities', 'uint32', { list: true, base: 'hex' }],
  'capabilities.router': ['Router', 'bool', LIST],
  'capabilities.trans_bridge': ['Transparent Bridge', 'bool', LIST],
  'capabilities.src_bridge': ['Source Route Bridge', 'bool', LIST],
  'capabilities.switch': ['Switch', 'bool', LIST],
  'capabilities.host': ['Host', 'bool', LIST],
  'capabilities.igmp_capable': ['IGMP capable', 'bool', LIST],
  'capabilities.repeater': ['Repeater', 'bool', LIST],
  'capabilities.voip_phone': ['VoIP Phone', 'bool', LIST],
  'capabilities.remote': ['Remotely Managed Device', 'bool', LIST],
  'capabilities.cvta': ['CVTA/STP Dispute Resolution/Cisco VT Camera', 'bool', LIST],
  'capabilities.mac_relay': ['Two Port Mac Relay', 'bool', LIST],
  number_of_addresses: ['Number of addresses', 'uint32', LIST],
  protocol_type: ['Protocol type', 'uint8', { list: true, base: 'hex' }],
  protocol_length: ['Protocol length', 'uint8', LIST],
  protocol: ['Protocol', 'bytes', LIST],
  address_length: ['Address length', 'uint16', LIST],
  'nrgyz.ip_address': ['IP Address', 'ipv4', LIST],
  'nrgyz.ipv6_address': ['IPv6 Address', 'ipv6', LIST],
  address: ['Address', 'bytes', LIST],
  oui: ['OUI', 'uint24', LIST],
  protocol_id: ['Protocol ID', 'uint16', { list: true, base: 'hex' }],
  vtp_management_domain: ['VTP Management Domain', 'string', LIST],
  native_vlan: ['Native VLAN', 'uint16', LIST],
  duplex: ['Duplex', 'bool', LIST],
  data: ['Data', 'bytes', LIST],
  voice_vlan: ['Voice VLAN', 'uint16', LIST],
  power_consumption: ['Power Consumption', 'uint16', LIST],
  mtu: ['MTU', 'uint32', LIST],
  trust_bitmap: ['Trust Bitmap', 'uint8', { list: true, base: 'hex' }],
  untrusted_port_cos: ['Untrusted port CoS', 'uint8', { list: true, base: 'hex' }],
  system_name: ['System Name', 'string', LIST],
  system_object_identifier: ['System Object Identifier', 'bytes', LIST],
  'location.unknown': ['UNKNOWN', 'uint8', { list: true, base: 'hex' }],
  location: ['Location', 'string', LIST],
});

const CAPABILITIES: readonly (readonly [bit: number, field: number])[] = [
  [0x001, F['capabilities.router']],
  [0x002, F['capabilities.trans_bridge']],
  [0x004, F['capabilities.src_bridge']],
  [0x008, F['capabilities.switch']],
  [0x010, F['capabilities.host']],
  [0x020, F['capabilities.igmp_capable']],
  [0x040, F['capabilities.repeater']],
  [0x080, F['capabilities.voip_phone']],
  [0x100, F['capabilities.remote']],
  [0x200, F['capabilities.cvta']],
  [0x400, F['capabilities.mac_relay']],
];

const STRINGS: Readonly<Record<number, number>> = {
  [wire.TLV_DEVICE_ID]: F.deviceid,
  [wire.TLV_PORT_ID]: F.portid,
  [wire.TLV_PLATFORM]: F.platform,
  [wire.TLV_VTP_DOMAIN]: F.vtp_management_domain,
  [wire.TLV_SYSTEM_NAME]: F.system_name,
};

function text(bytes: Uint8Array, at: number, end: number): string {
  const stop = bytes.indexOf(0, at);
  return Buffer.from(bytes.buffer, bytes.byteOffset + at, (stop < 0 || stop > end ? end : stop) - at).toString('utf8');
}

function walkAddresses(f: Fields, at: number, end: number): void {
  if (!f.fits('cdp', at, 4, end)) return;
  const { bytes } = f;
  const count = be32(bytes, at);
  f.uint(F.number_of_addresses, at, 4, count);
  at += 4;
  for (let i = 0; i < count && at < end; i++) {
    if (!f.fits('cdp', at, 2, end)) return;
    const protocolLength = bytes[at + 1]!;
    const addressAt = at + 4 + protocolLength;
    if (!f.fits('cdp', at, 4 + protocolLength, end)) return;
    const length = be16(bytes, addressAt - 2);
    f.uint(F.protocol_type, at, 1, bytes[at]!);
    f.uint(F.protocol_length, at + 1, 1, protocolLength);
    f.raw(F.protocol, at + 2, protocolLength);
    f.uint(F.address_length, addressAt - 2, 2, length);
    if (!f.fits('cdp', addressAt, length, end)) return;
    // The network layer's protocol identifier of IPv4, or the EtherType of IPv6 in a SNAP header.
    if (protocolLength === 1 && bytes[at + 2] === 0xcc && length === 4) f.raw(F['nrgyz.ip_address'], addressAt, 4);
    else if (protocolLength === 8 && be16(bytes, at + 8) === 0x86dd && length === 16)
      f.raw(F['nrgyz.ipv6_address'], addressAt, 16);
    else f.raw(F.address, addressAt, length);
    at = addressAt + length;
  }
}

function walkValue(f: Fields, type: number, at: number, end: number): void {
  const { bytes } = f;
  const size = end - at;
  const string = STRINGS[type];
  if (string !== undefined) {
    if (f.wants(string)) f.value(string, at, size, text(bytes, at, end));
    return;
  }
  const byte = (id: number): void => {
    if (f.fits('cdp', at, 1, end)) f.uint(id, at, 1, bytes[at]!);
  };
  const word = (id: number): void => {
    if (f.fits('cdp', at, 2, end)) f.uint(id, at, 2, be16(bytes, at));
  };
  switch (type) {
    case wire.TLV_ADDRESSES:
    case wire.TLV_MANAGEMENT_ADDRESSES:
      walkAddresses(f, at, end);
      break;
    case wire.TLV_CAPABILITIES: {
      if (!f.fits('cdp', at, 4, end)) return;
      const bits = be32(bytes, at);
      f.uint(F.capabilities, at, 4, bits);
      for (const [bit, field] of CAPABILITIES) f.bool(field, at, 4, (bits & bit) !== 0);
      break;
    }
    case wire.TLV_VERSION:
      if (!f.wants(F.software_version)) return;
      // One value a line.
      for (const line of text(bytes, at, end).split('\n')) f.value(F.software_version, at, size, line);
      break;
    case wire.TLV_HELLO:
      if (!f.fits('cdp', at, 5, end)) return;
      f.uint(F.oui, at, 3, be24(bytes, at));
      f.uint(F.protocol_id, at + 3, 2, be16(bytes, at + 3));
      break;
    case wire.TLV_NATIVE_VLAN:
      word(F.native_vlan);
      break;
    case wire.TLV_DUPLEX:
      if (f.fits('cdp', at, 1, end)) f.bool(F.duplex, at, 1, bytes[at] !== 0);
      break;
    case wire.TLV_VOIP_VLAN_REPLY:
    case wire.TLV_VOIP_VLAN_QUERY:
      if (size > 0) f.raw(F.data, at, 1);
      if (size >= 3) f.uint(F.voice_vlan, at + 1, 2, be16(bytes, at + 1));
      break;
    case wire.TLV_POWER:
      word(F.power_consumption);
      break;
    case wire.TLV_MTU:
      if (f.fits('cdp', at, 4, end)) f.uint(F.mtu, at, 4, be32(bytes, at));
      break;
    case wire.TLV_TRUST:
      byte(F.trust_bitmap);
      break;
    case wire.TLV_UNTRUSTED_COS:
      byte(F.untrusted_port_cos);
      break;
    case wire.TLV_SYSTEM_OBJECT_ID:
      f.raw(F.system_object_identifier, at, size);
      break;
    case wire.TLV_LOCATION:
      byte(F['location.unknown']);
      if (size > 1 && f.wants(F.location)) f.value(F.location, at + 1, size - 1, text(bytes, at + 1, end));
      break;
  }
}

function status(f: Fields, at: number, end: number): number {
  if (end > f.capturedEnd) return UNVERIFIED;
  return wire.verify(f.bytes, at, end) === 0 ? GOOD : BAD;
}

export const cdp: Protocol = {
  name: 'cdp',
  title: 'Cisco Discovery Protocol',
  print: printCdp,
  walk(f, at, end) {
    if (!f.fits('cdp', at, wire.HEADER_LENGTH, end)) return;
    const { bytes } = f;
    f.layer(cdp, at, end - at);
    f.uint(F.version, at, 1, wire.version(bytes, at));
    f.uint(F.ttl, at + 1, 1, wire.ttl(bytes, at));
    f.uint(F.checksum, at + 2, 2, wire.checksum(bytes, at));
    f.uint(F['checksum.status'], at + 2, 0, status(f, at, end));
    for (let place = at + wire.HEADER_LENGTH; place < end; ) {
      if (!f.fits('cdp', place, wire.TLV_HEADER_LENGTH, end)) return;
      const type = wire.tlvType(bytes, place);
      const length = wire.tlvLength(bytes, place);
      f.uint(F['tlv.type'], place, 2, type);
      f.uint(F['tlv.len'], place + 2, 2, length);
      if (length < wire.TLV_HEADER_LENGTH) {
        f.invalid('cdp', place + 2, wire.TLV_HEADER_LENGTH, length, 'cdp.tlv.len');
        return;
      }
      if (!f.fits('cdp', place, length, end)) return;
      walkValue(f, type, place + wire.TLV_HEADER_LENGTH, place + length);
      place += length;
    }
  },
};
