import { checksum, fold, sum } from '../../../bytes/checksum.ts';
import * as igmpWire from '../../../wire/igmp.ts';
import { IPPROTO_IGMP, IPPROTO_OSPF, IPPROTO_VRRP } from '../../../wire/ipproto.ts';
import * as ospfWire from '../../../wire/ospf.ts';
import * as ripWire from '../../../wire/rip.ts';
import * as vrrpWire from '../../../wire/vrrp.ts';
import { fixedBytes, ip4, uint } from '../kind.ts';
import { defineLayer, derived, type Field, field, type Place } from '../layer.ts';
import { addresses4, groupRecords } from './icmp.ts';

/** Protocols between routers, and between them and hosts: IGMP, VRRP, OSPF, RIP. */

const sealAll: Field<number>['fallback'] = { seal: (_, bytes, at, end) => checksum(bytes, at, end) };
const CHECKSUM_NAMES = { names: ['checksum', 'cksum'] };

export const igmp = defineLayer({
  name: 'igmp',
  names: [],
  title: 'IGMP versions 1 and 2',
  numbers: { ip: IPPROTO_IGMP },
  ttl: 1,
  fields: {
    type: field(
      uint(8, {
        names: {
          query: igmpWire.MEMBERSHIP_QUERY,
          'v1-report': igmpWire.V1_MEMBERSHIP_REPORT,
          report: igmpWire.V2_MEMBERSHIP_REPORT,
          leave: igmpWire.V2_LEAVE_GROUP,
        },
      }),
      igmpWire.MEMBERSHIP_QUERY,
    ),
    mrcode: field(uint(8), 20, { names: ['max_resp'] }),
    chksum: field(uint(16), sealAll, CHECKSUM_NAMES),
    gaddr: field(ip4, '0.0.0.0', { names: ['maddr', 'group'] }),
  },
});
export const igmp3Query = defineLayer({
  name: 'igmp3.query',
  names: [],
  title: 'IGMP version 3: query',
  numbers: { ip: IPPROTO_IGMP },
  ttl: 1,
  fields: {
    type: field(uint(8), igmpWire.MEMBERSHIP_QUERY),
    mrcode: field(uint(8), 20, { names: ['max_resp'] }),
    chksum: field(uint(16), sealAll, CHECKSUM_NAMES),
    gaddr: field(ip4, '0.0.0.0', { names: ['maddr', 'group'] }),
    resv: field(uint(4), 0),
    s: field(uint(1), 0),
    qrv: field(uint(3), 0),
    qqic: field(uint(8), 0),
    numsrc: derived(uint(16), (place) => place.width('srcaddrs') >> 2, { names: ['num_src'] }),
    srcaddrs: field(addresses4, () => [], { names: ['sources'] }),
  },
});
export const igmp3Report = defineLayer({
  name: 'igmp3.report',
  names: [],
  title: 'IGMP version 3: report',
  numbers: { ip: IPPROTO_IGMP },
  ttl: 1,
  fields: {
    type: field(uint(8), igmpWire.V3_MEMBERSHIP_REPORT),
    mrcode: field(uint(8), 0),
    chksum: field(uint(16), sealAll, CHECKSUM_NAMES),
    res2: field(uint(16), 0),
    numgrp: derived(uint(16), (place) => place.parts('records'), { names: ['num_grp_recs'] }),
    records: field(groupRecords(ip4), () => []),
  },
});

const isVersion2 = (place: Place): boolean => place.number('version') === 2;
const version2 = { present: isVersion2 };
const version3 = { present: (place: Place): boolean => !isVersion2(place) };
export const vrrp = defineLayer({
  name: 'vrrp',
  names: [],
  title: 'VRRP versions 2 and 3',
  numbers: { ip: IPPROTO_VRRP },
  ttl: vrrpWire.TTL,
  fields: {
    version: field(uint(4), 2),
    type: field(uint(4), vrrpWire.TYPE_ADVERTISEMENT),
    vrid: field(uint(8), 1, { names: ['virt_rtr_id'] }),
    priority: field(uint(8), 100, { names: ['prio'] }),
    ipcount: derived(uint(8), (place) => place.width('addrlist') >> 2, { names: ['addr_count'] }),
    authtype: field(uint(8), 0, { ...version2, names: ['auth_type'] }),
    adv: field(uint(8), 1, { ...version2, names: ['adver_int'] }),
    res: field(uint(4), 0, version3),
    adv_short: field(uint(12), 100, {
      ...version3,
      names: ['short_adver_int'],
    }),
    chksum: field(
      uint(16),
      {
        seal(place, bytes, at, end) {
          // RFC 5798 5.2.8: version 3 covers the pseudo header too.
          const pseudo = place.number('version') === 2 ? 0 : place.pseudo(IPPROTO_VRRP);
          return checksum(bytes, at, end, pseudo ? pseudo + (end - at) : 0);
        },
      },
      CHECKSUM_NAMES,
    ),
    addrlist: field(addresses4, () => [], { names: ['addresses', 'ip_addr'] }),
    auth: field(fixedBytes(vrrpWire.AUTH_DATA_LENGTH), new Uint8Array(vrrpWire.AUTH_DATA_LENGTH), version2),
  },
});

const AUTH_LENGTH = 8;
export const ospf = defineLayer({
  name: 'ospf',
  names: [],
  title: 'OSPF version 2 header',
  numbers: { ip: IPPROTO_OSPF },
  ttl: 1,
  fields: {
    version: field(uint(8), 2),
    type: field(
      uint(8, { names: { hello: 1, 'db-description': 2, request: 3, update: 4, ack: 5 } }),
      ospfWire.TYPE_HELLO,
      { names: ['msg'] },
    ),
    len: derived(uint(16), (place) => place.length, { names: ['packet_length'] }),
    src: field(ip4, '1.1.1.1', { names: ['srcrouter', 'router'] }),
    area: field(ip4, '0.0.0.0', { names: ['area_id'] }),
    chksum: field(
      uint(16),
      {
        seal(place, bytes, at, end) {
          // RFC 2328 D.3 and D.4: none with cryptographic authentication; else without the 64 bits of authentication.
          if (place.number('authtype') === ospfWire.AUTH_CRYPTO) return 0;
          const auth = ospfWire.authDataAt(at);
          return ~fold(sum(bytes, auth + AUTH_LENGTH, end, sum(bytes, at, auth))) & 0xffff;
        },
      },
      CHECKSUM_NAMES,
    ),
    authtype: field(uint(16), 0, { names: ['auth.type'] }),
    authdata: field(fixedBytes(AUTH_LENGTH), new Uint8Array(AUTH_LENGTH), { names: ['auth.simple'] }),
  },
});
export const ospfHello = defineLayer({
  name: 'ospf.hello',
  names: [],
  title: 'OSPF version 2: hello, behind the header',
  numbers: {},
  fields: {
    mask: field(ip4, '255.255.255.0', { names: ['network_mask'] }),
    hellointerval: field(uint(16), 10, { names: ['hello_interval'] }),
    options: field(uint(8), 0),
    prio: field(uint(8), 1, { names: ['router_priority'] }),
    deadinterval: field(uint(32), 40, { names: ['router_dead_interval'] }),
    router: field(ip4, '0.0.0.0', { names: ['designated_router'] }),
    backup: field(ip4, '0.0.0.0', { names: ['backup_designated_router'] }),
    neighbors: field(addresses4, () => [], { names: ['active_neighbor'] }),
  },
});

export const rip = defineLayer({
  name: 'rip',
  names: [],
  title: 'RIP header; entries follow as layers',
  numbers: { udp: ripWire.UDP_PORT },
  sourcePort: ripWire.UDP_PORT,
  fields: {
    cmd: field(uint(8, { names: { request: 1, response: 2 } }), ripWire.REQUEST, { names: ['command'] }),
    version: field(uint(8), 1),
    zero: field(uint(16), 0, { names: ['null'] }),
  },
});
export const ripEntry = defineLayer({
  name: 'rip.entry',
  names: [],
  title: 'RIP entry',
  numbers: {},
  fields: {
    af: field(uint(16), ripWire.FAMILY_IPV4, { names: ['family'] }),
    tag: field(uint(16), 0, { names: ['route_tag', 'routetag'] }),
    addr: field(ip4, '0.0.0.0', { names: ['ip', 'address'] }),
    mask: field(ip4, '0.0.0.0', { names: ['netmask'] }),
    nexthop: field(ip4, '0.0.0.0', { names: ['next_hop'] }),
    metric: field(uint(32), 1),
  },
});
