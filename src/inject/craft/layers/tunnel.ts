import { checksum } from '../../../bytes/checksum.ts';
import { ETHERTYPE_IPV4, ETHERTYPE_TEB } from '../../../wire/ethertype.ts';
import * as geneveWire from '../../../wire/geneve.ts';
import { IPPROTO_GRE } from '../../../wire/ipproto.ts';
import * as vxlanWire from '../../../wire/vxlan.ts';
import { data, uint } from '../kind.ts';
import { defineLayer, derived, field, next, type Place } from '../layer.ts';

/** Layers that packets travel in: GRE, VXLAN, Geneve. */

const flagFor = (name: string) => field(uint(1), (place: Place) => (place.isGiven(name) ? 1 : 0));
const ifSet =
  (...names: string[]) =>
  (place: Place): boolean =>
    names.some((name) => place.number(name) === 1);

export const gre = defineLayer({
  name: 'gre',
  names: [],
  title: 'GRE; key, seq and chksum are there where they are given or their flags are set',
  numbers: { ip: IPPROTO_GRE },
  fields: {
    chksum_present: flagFor('chksum'),
    routing_present: field(uint(1), 0),
    key_present: flagFor('key'),
    seqnum_present: flagFor('seq'),
    strict_route_source: field(uint(1), 0),
    recursion_control: field(uint(3), 0),
    flags: field(uint(5), 0),
    version: field(uint(3), 0),
    proto: field(uint(16), next('ether', ETHERTYPE_IPV4)),
    chksum: field(
      uint(16),
      { seal: (place, bytes, at, end) => (place.number('chksum_present') ? checksum(bytes, at, end) : 0) },
      { names: ['checksum'], present: ifSet('chksum_present', 'routing_present') },
    ),
    offset: field(uint(16), 0, { present: ifSet('chksum_present', 'routing_present') }),
    key: field(uint(32), 0, { present: ifSet('key_present') }),
    seq: field(uint(32), 0, { present: ifSet('seqnum_present'), names: ['sequence_number', 'seqnum'] }),
  },
});

export const vxlan = defineLayer({
  name: 'vxlan',
  names: [],
  title: 'VXLAN',
  numbers: { udp: vxlanWire.UDP_PORT },
  fields: {
    flags: field(uint(8), vxlanWire.FLAG_VNI),
    reserved1: field(uint(24), 0),
    vni: field(uint(24), 0),
    reserved2: field(uint(8), 0),
  },
});

export const geneve = defineLayer({
  name: 'geneve',
  names: [],
  title: 'Geneve',
  numbers: { udp: geneveWire.UDP_PORT },
  fields: {
    version: field(uint(2), 0),
    optionlen: derived(uint(6), (place) => place.width('options') >> 2, { names: ['opt_len'] }),
    oam: field(uint(1), 0),
    critical: field(uint(1), 0),
    reserved: field(uint(6), 0),
    proto: field(uint(16), next('ether', ETHERTYPE_TEB), { names: ['proto_type'] }),
    vni: field(uint(24), 0),
    reserved2: field(uint(8), 0),
    options: field(data, new Uint8Array(0)),
  },
});
