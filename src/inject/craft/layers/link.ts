import { parseMac } from '../../../wire/address.ts';
import {
  ETHERTYPE_ARP,
  ETHERTYPE_LLDP,
  ETHERTYPE_MPLS,
  ETHERTYPE_PPPOE_DISCOVERY,
  ETHERTYPE_PPPOE_SESSION,
  ETHERTYPE_QINQ,
  ETHERTYPE_VLAN,
} from '../../../wire/ethertype.ts';
import {
  LINKTYPE_ETHERNET,
  LINKTYPE_LINUX_SLL,
  LINKTYPE_LINUX_SLL2,
  LINKTYPE_LOOP,
  LINKTYPE_NULL,
  LINKTYPE_PPP,
} from '../../../wire/linktype.ts';
import * as llcWire from '../../../wire/llc.ts';
import * as lldpWire from '../../../wire/lldp.ts';
import { AF_INET, AF_INET6_LINUX } from '../../../wire/loopback.ts';
import * as pppWire from '../../../wire/ppp.ts';
import * as pppoeWire from '../../../wire/pppoe.ts';
import { multicastMac } from '../../address.ts';
import { dataOf, fixedBytes, ip4, joined, list, mac, uint, unknownName, ValueError, word, wordOf } from '../kind.ts';
import { defineLayer, derived, field, next, type Place } from '../layer.ts';
import type { Item } from '../node.ts';

/** Layers of links: Ethernet and its tags, what else frames begin with, and what is on the link alone. */

/** IEEE 802: "local experimental EtherType 1", for payload that has no number. */
const ETHERTYPE_EXPERIMENTAL = 0x88b5;
const NOBODY = '00:00:00:00:00:00';
const EVERYBODY = 'ff:ff:ff:ff:ff:ff';

/** The frame's destination where nobody says: the group that the packet goes to, or everybody. */
function destination(place: Place): string | Uint8Array {
  for (let layer = place.above; layer !== null; layer = layer.above) {
    if (layer.type.groupMac !== undefined) return layer.type.groupMac;
    if (layer.type.name === 'ip' || layer.type.name === 'ipv6') {
      const dst = layer.bytes('dst');
      const multicast = dst.length === 4 ? dst[0]! >>> 4 === 0xe : dst[0] === 0xff;
      return multicast ? multicastMac(dst) : EVERYBODY;
    }
  }
  return EVERYBODY;
}

/** EtherType of what is above; the length where that is LLC (IEEE 802.3-2018 3.2.6). */
const etherType = (place: Place): number =>
  place.above?.type.name === 'llc' ? place.payloadLength : next('ether', ETHERTYPE_EXPERIMENTAL)(place);

export const ethernet = defineLayer({
  name: 'eth',
  names: ['ether', 'ethernet'],
  title: 'Ethernet header',
  numbers: { ether: 0x6558 },
  linkType: LINKTYPE_ETHERNET,
  fields: {
    dst: field(mac, destination),
    src: field(mac, NOBODY),
    type: field(uint(16), etherType, { names: ['proto'] }),
  },
});

const tag = {
  prio: field(uint(3), 0, { names: ['pcp', 'priority'] }),
  dei: field(uint(1), 0, { names: ['cfi'] }),
  vlan: field(uint(12), 1, { names: ['id', 'vid'] }),
  type: field(uint(16), etherType, { names: ['etype'] }),
};
export const vlan = defineLayer({
  name: 'vlan',
  names: ['dot1q', '8021q'],
  title: 'IEEE 802.1Q tag',
  numbers: { ether: ETHERTYPE_VLAN },
  positional: ['vlan'],
  fields: tag,
});
export const qinq = defineLayer({
  name: 'qinq',
  names: ['dot1ad', '8021ad', 'svlan'],
  title: 'IEEE 802.1ad service tag',
  numbers: { ether: ETHERTYPE_QINQ },
  positional: ['vlan'],
  fields: tag,
});

export const arp = defineLayer({
  name: 'arp',
  names: [],
  title: 'ARP, Ethernet and IPv4',
  numbers: { ether: ETHERTYPE_ARP },
  fields: {
    hwtype: field(uint(16), 1, { names: ['hw.type'] }),
    ptype: field(uint(16), 0x0800, { names: ['proto.type'] }),
    hwlen: field(uint(8), 6, { names: ['hw.size'] }),
    plen: field(uint(8), 4, { names: ['proto.size'] }),
    op: field(uint(16, { names: { request: 1, reply: 2, 'rarp-request': 3, 'rarp-reply': 4 } }), 1, {
      names: ['opcode', 'operation'],
    }),
    hwsrc: field(mac, (place) => place.under('eth')?.bytes('src') ?? NOBODY, { names: ['src.hw_mac', 'sha'] }),
    psrc: field(ip4, '0.0.0.0', { names: ['src.proto_ipv4', 'spa'] }),
    hwdst: field(mac, NOBODY, { names: ['dst.hw_mac', 'tha'] }),
    pdst: field(ip4, '0.0.0.0', { names: ['dst.proto_ipv4', 'tpa'] }),
  },
});

export const mpls = defineLayer({
  name: 'mpls',
  names: [],
  title: 'MPLS label',
  numbers: { ether: ETHERTYPE_MPLS, ppp: pppWire.PPP_MPLS, ip: 137 },
  positional: ['label'],
  fields: {
    label: field(uint(20), 3),
    cos: field(uint(3), 0, { names: ['exp', 'tc'] }),
    s: field(uint(1), (place) => (place.above?.type.name === 'mpls' ? 0 : 1), { names: ['bottom'] }),
    ttl: field(uint(8), 0),
  },
});

export const llc = defineLayer({
  name: 'llc',
  names: [],
  title: 'IEEE 802.2 logical link control, one byte of control',
  numbers: {},
  fields: {
    dsap: field(uint(8), next('sap', 0)),
    ssap: field(uint(8), next('sap', 0)),
    ctrl: field(uint(8), llcWire.CONTROL_UI, { names: ['control'] }),
  },
});
export const snap = defineLayer({
  name: 'snap',
  names: [],
  title: 'SNAP, behind LLC',
  numbers: { sap: llcWire.SAP_SNAP },
  fields: {
    oui: field(uint(24), llcWire.OUI_ETHERNET),
    code: field(uint(16), next('ether', ETHERTYPE_EXPERIMENTAL), { names: ['pid', 'type'] }),
  },
});

/** Times of bridges are counted in 256ths of a second. */
const bridgeTime = uint(16);
export const stp = defineLayer({
  name: 'stp',
  names: ['bpdu'],
  title: 'spanning tree: STP (version 0), RSTP (2)',
  numbers: { sap: llcWire.SAP_STP },
  groupMac: '01:80:c2:00:00:00',
  fields: {
    proto: field(uint(16), 0, { names: ['protocol'] }),
    version: field(uint(8), 0),
    bpdutype: field(uint(8), (place) => (place.number('version') >= 2 ? 2 : 0), { names: ['type'] }),
    bpduflags: field(uint(8), 0, { names: ['flags'] }),
    rootid: field(uint(16), 0),
    rootmac: field(mac, NOBODY),
    pathcost: field(uint(32), 0, { names: ['root.cost'] }),
    bridgeid: field(uint(16), 0),
    bridgemac: field(mac, (place) => place.under('eth')?.bytes('src') ?? NOBODY),
    portid: field(uint(16), 0, { names: ['port'] }),
    age: field(bridgeTime, 1 << 8, { names: ['msg_age'] }),
    maxage: field(bridgeTime, 20 << 8, { names: ['max_age'] }),
    hellotime: field(bridgeTime, 2 << 8, { names: ['hello'] }),
    fwddelay: field(bridgeTime, 15 << 8, { names: ['forward'] }),
    v1len: field(uint(8), 0, { present: (place) => place.number('version') >= 2 }),
  },
});

export interface LldpTlv {
  type: number;
  value: Uint8Array;
}
/** What begins an identifier: its subtype (IEEE 802.1AB 8.5.2.2 and 8.5.3.2). */
const SUBTYPE_MAC = 4;
const SUBTYPE_PORT_MAC = 3;
const SUBTYPE_NAME = 7;
const PORT_INTERFACE_NAME = 5;
const TLV_NAMES: Readonly<Record<string, number>> = {
  end: lldpWire.TLV_END,
  chassis: lldpWire.TLV_CHASSIS_ID,
  port: lldpWire.TLV_PORT_ID,
  ttl: lldpWire.TLV_TTL,
  'port.desc': lldpWire.TLV_PORT_DESCRIPTION,
  'system.name': lldpWire.TLV_SYSTEM_NAME,
  'system.desc': lldpWire.TLV_SYSTEM_DESCRIPTION,
  capabilities: lldpWire.TLV_CAPABILITIES,
  management: lldpWire.TLV_MANAGEMENT_ADDRESS,
  organization: lldpWire.TLV_ORGANIZATION,
};

/** `chassis=02:00:00:00:00:01`, `port=eth0`, `ttl=120`, `system.name=…`, `127=0x…`. */
function lldpTlv({ name, value }: Item): LldpTlv {
  if (name === null) throw new ValueError('a TLV is its name, = and its value');
  const type = /^\d+$/.test(name) ? Number(name) : TLV_NAMES[name];
  if (type === undefined) throw unknownName('TLV', name, Object.keys(TLV_NAMES));
  if (value === null) return { type, value: new Uint8Array(0) };
  if (type === lldpWire.TLV_TTL) return { type, value: word(Number(wordOf(value, 'seconds'))) };
  const bytes = dataOf(value);
  const address = value.type === 'word' ? parseMac(value.text) : null;
  if (type === lldpWire.TLV_CHASSIS_ID)
    return { type, value: joined([Uint8Array.of(address ? SUBTYPE_MAC : SUBTYPE_NAME), address ?? bytes]) };
  if (type === lldpWire.TLV_PORT_ID)
    return { type, value: joined([Uint8Array.of(address ? SUBTYPE_PORT_MAC : PORT_INTERFACE_NAME), address ?? bytes]) };
  return { type, value: bytes };
}

function encodeTlvs(tlvs: readonly LldpTlv[]): Uint8Array {
  return joined(
    tlvs.map(({ type, value }) => {
      const bytes = new Uint8Array(lldpWire.TLV_HEADER_LENGTH + value.length);
      lldpWire.emitTlv(bytes, 0, type, value);
      return bytes;
    }),
  );
}

export const lldp = defineLayer({
  name: 'lldp',
  names: [],
  title: 'LLDP: a list of TLVs',
  numbers: { ether: ETHERTYPE_LLDP },
  groupMac: '01:80:c2:00:00:0e',
  positional: ['tlvs'],
  fields: {
    tlvs: field(list<LldpTlv>('TLVs', encodeTlvs, lldpTlv), (place) => [
      {
        type: lldpWire.TLV_CHASSIS_ID,
        value: joined([Uint8Array.of(SUBTYPE_MAC), place.under('eth')?.bytes('src') ?? new Uint8Array(6)]),
      },
      {
        type: lldpWire.TLV_PORT_ID,
        value: joined([Uint8Array.of(PORT_INTERFACE_NAME), new TextEncoder().encode('eth0')]),
      },
      { type: lldpWire.TLV_TTL, value: word(120) },
      { type: lldpWire.TLV_END, value: new Uint8Array(0) },
    ]),
  },
});

const pppoeHeader = (code: number) => ({
  version: field(uint(4), 1),
  type: field(uint(4), 1),
  code: field(uint(8, { names: { session: 0, pado: 7, padi: 9, padr: 0x19, pads: 0x65, padt: 0xa7 } }), code),
  sessionid: field(uint(16), 0, { names: ['session_id'] }),
});

export const pppoe = defineLayer({
  name: 'pppoe',
  names: ['pppoes'],
  title: 'PPP over Ethernet, session',
  numbers: { ether: ETHERTYPE_PPPOE_SESSION },
  fields: {
    ...pppoeHeader(pppoeWire.CODE_SESSION),
    len: derived(uint(16), (place) => place.payloadLength, { names: ['payload_length'] }),
  },
});

export interface PppoeTag {
  type: number;
  value: Uint8Array;
}
const PPPOE_TAGS: Readonly<Record<string, number>> = {
  end: pppoeWire.TAG_END,
  service: pppoeWire.TAG_SERVICE_NAME,
  ac: pppoeWire.TAG_AC_NAME,
  'host-uniq': pppoeWire.TAG_HOST_UNIQ,
  cookie: pppoeWire.TAG_AC_COOKIE,
  'max-payload': pppoeWire.TAG_MAX_PAYLOAD,
};

export const pppoed = defineLayer({
  name: 'pppoed',
  names: [],
  title: 'PPP over Ethernet, discovery',
  numbers: { ether: ETHERTYPE_PPPOE_DISCOVERY },
  fields: {
    ...pppoeHeader(pppoeWire.CODE_PADI),
    len: derived(uint(16), (place) => place.width('tags') + place.payloadLength, { names: ['payload_length'] }),
    tags: field(
      list<PppoeTag>(
        'tags',
        (tags) => joined(tags.flatMap(({ type, value }) => [word(type), word(value.length), value])),
        ({ name, value }) => {
          const type = name !== null && /^\d+$/.test(name) ? Number(name) : PPPOE_TAGS[name ?? ''];
          if (type === undefined) throw unknownName('tag', name ?? '', Object.keys(PPPOE_TAGS));
          return { type, value: value === null ? new Uint8Array(0) : dataOf(value) };
        },
      ),
      () => [{ type: pppoeWire.TAG_SERVICE_NAME, value: new Uint8Array(0) }],
    ),
  },
});

export const ppp = defineLayer({
  name: 'ppp',
  names: [],
  title: 'PPP protocol number',
  numbers: {},
  linkType: LINKTYPE_PPP,
  fields: { proto: field(uint(16), next('ppp', pppWire.PPP_IP), { names: ['protocol'] }) },
});

const pppControl = (name: string, number: number, title: string) =>
  defineLayer({
    name,
    names: [],
    title,
    numbers: { ppp: number },
    fields: {
      code: field(
        uint(8, {
          names: { request: 1, ack: 2, nak: 3, reject: 4, terminate: 5, 'terminate-ack': 6, echo: 9, 'echo-reply': 10 },
        }),
        pppWire.CONFIGURE_REQUEST,
      ),
      id: field(uint(8), 0, { names: ['identifier'] }),
      len: derived(uint(16), (place) => place.length, { names: ['length'] }),
    },
  });
export const lcp = pppControl('lcp', pppWire.PPP_LCP, 'PPP link control; options follow as data');
export const ipcp = pppControl('ipcp', pppWire.PPP_IPCP, 'PPP control of IPv4; options follow as data');

export const sll = defineLayer({
  name: 'sll',
  names: ['cooked'],
  title: "Linux's cooked capture",
  numbers: {},
  linkType: LINKTYPE_LINUX_SLL,
  fields: {
    pkttype: field(uint(16), 0),
    lladdrtype: field(uint(16), 1, { names: ['hatype'] }),
    lladdrlen: field(uint(16), 6, { names: ['halen'] }),
    src: field(fixedBytes(8), new Uint8Array(8)),
    proto: field(uint(16), etherType, { names: ['etype'] }),
  },
});
export const sll2 = defineLayer({
  name: 'sll2',
  names: ['cooked2'],
  title: "Linux's cooked capture, version 2",
  numbers: {},
  linkType: LINKTYPE_LINUX_SLL2,
  fields: {
    proto: field(uint(16), etherType, { names: ['etype'] }),
    reserved: field(uint(16), 0),
    ifindex: field(uint(32), 0, { names: ['if_index'] }),
    lladdrtype: field(uint(16), 1, { names: ['hatype'] }),
    pkttype: field(uint(8), 0),
    lladdrlen: field(uint(8), 6, { names: ['halen'] }),
    src: field(fixedBytes(8), new Uint8Array(8)),
  },
});

const family = (place: Place): number => (place.above?.type.name === 'ipv6' ? AF_INET6_LINUX : AF_INET);
export const loopback = defineLayer({
  name: 'null',
  names: ['loopback'],
  title: 'BSD loopback, least significant byte first',
  numbers: {},
  linkType: LINKTYPE_NULL,
  fields: { family: field(uint(32, { little: true }), family, { names: ['type'] }) },
});
export const loop = defineLayer({
  name: 'loop',
  names: [],
  title: 'OpenBSD loopback, network order',
  numbers: {},
  linkType: LINKTYPE_LOOP,
  fields: { family: field(uint(32), family, { names: ['type'] }) },
});
