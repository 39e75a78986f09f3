/** Primitives that test for a protocol: tcp, ip proto 6, isis, protochain, llc. */

import {
  IPPROTO_AH,
  IPPROTO_DSTOPTS,
  IPPROTO_ESP,
  IPPROTO_FRAGMENT,
  IPPROTO_HOPOPTS,
  IPPROTO_ICMP,
  IPPROTO_ICMPV6,
  IPPROTO_IGMP,
  IPPROTO_NONE,
  IPPROTO_PIGP,
  IPPROTO_PIM,
  IPPROTO_ROUTING,
  IPPROTO_SCTP,
  IPPROTO_TCP,
  IPPROTO_UDP,
  IPPROTO_VRRP,
} from '../../wire/ipproto.ts';
import { LINKTYPE_ETHERNET } from '../../wire/linktype.ts';
import type { Protocol } from '../keywords.ts';
import {
  BPF_ABS,
  BPF_ADD,
  BPF_ALU,
  BPF_B,
  BPF_IMM,
  BPF_IND,
  BPF_JA,
  BPF_JEQ,
  BPF_JMP,
  BPF_K,
  BPF_LD,
  BPF_LDX,
  BPF_MEM,
  BPF_MISC,
  BPF_MSH,
  BPF_MUL,
  BPF_ST,
  BPF_TAX,
  BPF_TXA,
  BPF_X,
} from '../opcodes.ts';
import { and, any, type Condition, not, or, Statement, test } from './block.ts';
import {
  ETHERTYPE_AARP,
  ETHERTYPE_ARP,
  ETHERTYPE_ATALK,
  ETHERTYPE_DN,
  ETHERTYPE_IP,
  ETHERTYPE_IPV6,
  ETHERTYPE_LAT,
  ETHERTYPE_MOPDL,
  ETHERTYPE_MOPRC,
  ETHERTYPE_REVARP,
  ETHERTYPE_SCA,
  hasLlc,
  isDataFrame,
  LLCSAP_8021D,
  LLCSAP_IPX,
  LLCSAP_ISONS,
  LLCSAP_NETBEUI,
  linkTypeIs,
} from './link-type-test.ts';
import { is80211, LINKTYPE_C_HDLC, LINKTYPE_FDDI, LINKTYPE_IEEE802_5, linkTypeName } from './link-types.ts';
import { always, anyBit, equal, equalMasked, IP6_HEADER_LENGTH } from './load.ts';
import type { State } from './state.ts';

const IP_PROTOCOL = 9;
const IP6_NEXT_HEADER = 6;

/** Initial octet of OSI's network layer (ISO/IEC TR 9577). */
const ISO8473_CLNP = 0x81;
const ISO9542_ESIS = 0x82;
const ISO10589_ISIS = 0x83;
export const ISO_PROTOCOLS: ReadonlyMap<string, number> = new Map([
  ['esis', ISO9542_ESIS],
  ['isis', ISO10589_ISIS],
  ['clnp', ISO8473_CLNP],
]);

/** Types of IS-IS PDUs (ISO/IEC 10589), at this offset of its header. */
const ISIS_PDU_TYPE = 4;
const L1_LAN_IIH = 15;
const L2_LAN_IIH = 16;
const PTP_IIH = 17;
const L1_LSP = 18;
const L2_LSP = 20;
const L1_CSNP = 24;
const L2_CSNP = 25;
const L1_PSNP = 26;
const L2_PSNP = 27;

const LINK_PROTOCOLS: Partial<Record<Protocol, number>> = {
  ip: ETHERTYPE_IP,
  arp: ETHERTYPE_ARP,
  rarp: ETHERTYPE_REVARP,
  atalk: ETHERTYPE_ATALK,
  aarp: ETHERTYPE_AARP,
  decnet: ETHERTYPE_DN,
  sca: ETHERTYPE_SCA,
  lat: ETHERTYPE_LAT,
  mopdl: ETHERTYPE_MOPDL,
  moprc: ETHERTYPE_MOPRC,
  ip6: ETHERTYPE_IPV6,
  iso: LLCSAP_ISONS,
  stp: LLCSAP_8021D,
  ipx: LLCSAP_IPX,
  netbeui: LLCSAP_NETBEUI,
};

/** Protocols over IP: their number, and over which version. CARP shares VRRP's number. */
export const IP_PROTOCOLS: Partial<Record<Protocol, readonly [number, 'ip' | 'ip6' | null]>> = {
  sctp: [IPPROTO_SCTP, null],
  tcp: [IPPROTO_TCP, null],
  udp: [IPPROTO_UDP, null],
  icmp: [IPPROTO_ICMP, 'ip'],
  igmp: [IPPROTO_IGMP, 'ip'],
  igrp: [IPPROTO_PIGP, 'ip'],
  pim: [IPPROTO_PIM, null],
  vrrp: [IPPROTO_VRRP, 'ip'],
  carp: [IPPROTO_VRRP, 'ip'],
  icmp6: [IPPROTO_ICMPV6, 'ip6'],
  ah: [IPPROTO_AH, null],
  esp: [IPPROTO_ESP, null],
};

/** In the order in which libpcap's code tests them. */
const ISIS_PDUS: Partial<Record<Protocol, readonly number[]>> = {
  l1: [L1_PSNP, L1_CSNP, L1_LSP, L1_LAN_IIH, PTP_IIH],
  l2: [L2_PSNP, L2_CSNP, L2_LSP, L2_LAN_IIH, PTP_IIH],
  iih: [PTP_IIH, L1_LAN_IIH, L2_LAN_IIH],
  lsp: [L1_LSP, L2_LSP],
  snp: [L2_PSNP, L1_PSNP, L1_CSNP, L2_CSNP],
  csnp: [L1_CSNP, L2_CSNP],
  psnp: [L1_PSNP, L2_PSNP],
};

const OSI_PROTOCOLS: Partial<Record<Protocol, number>> = {
  clnp: ISO8473_CLNP,
  esis: ISO9542_ESIS,
  isis: ISO10589_ISIS,
};

/** A protocol that stands alone. */
export function protocolAlone(state: State, protocol: Protocol): Condition {
  const ip = IP_PROTOCOLS[protocol];
  if (ip !== undefined) return protocolNumber(state, ip[0], ip[1]);
  const link = LINK_PROTOCOLS[protocol];
  if (link !== undefined) return linkTypeIs(state, link);
  const osi = OSI_PROTOCOLS[protocol];
  if (osi !== undefined) return protocolNumber(state, osi, 'iso');
  const pdus = ISIS_PDUS[protocol];
  if (pdus !== undefined) {
    const [first, ...rest] = pdus.map((pdu) => protocolNumber(state, pdu, 'isis'));
    return any(first!, ...rest);
  }
  if (protocol === 'link')
    throw state.error('QUALIFIER', 'the link layer is in every packet: say what of it', [
      'host, src or dst with an address',
      'proto',
      'broadcast',
      'multicast',
      "'['",
    ]);
  throw state.error('QUALIFIER', `${protocol} alone tests nothing`, ["'['"]);
}

/** `proto number` over what the qualifier names. */
export function protocolNumber(state: State, number: number, over: Protocol | null): Condition {
  switch (over) {
    case null:
      return or(protocolNumber(state, number, 'ip'), protocolNumber(state, number, 'ip6'));
    case 'link':
      return linkTypeIs(state, number);
    case 'ip':
      return and(linkTypeIs(state, ETHERTYPE_IP), equal(state, 'network', IP_PROTOCOL, BPF_B, number));
    case 'ip6':
      // A fragment header may come first; other extension headers are protochain's.
      return and(
        linkTypeIs(state, ETHERTYPE_IPV6),
        or(
          equal(state, 'network', IP6_NEXT_HEADER, BPF_B, number),
          and(
            equal(state, 'network', IP6_NEXT_HEADER, BPF_B, IPPROTO_FRAGMENT),
            equal(state, 'network', IP6_HEADER_LENGTH, BPF_B, number),
          ),
        ),
      );
    case 'iso':
      // Cisco's HDLC has an octet of padding before OSI's header.
      return and(
        linkTypeIs(state, LLCSAP_ISONS),
        equal(state, 'network without snap', state.layers.linkType === LINKTYPE_C_HDLC ? 1 : 0, BPF_B, number),
      );
    case 'isis':
      return and(
        protocolNumber(state, ISO10589_ISIS, 'iso'),
        equal(state, 'network without snap', ISIS_PDU_TYPE, BPF_B, number),
      );
    default:
      throw state.error('QUALIFIER', `${over} carries no protocols that have numbers`, [
        'ether',
        'ip',
        'ip6',
        'iso',
        'isis',
      ]);
  }
}

/** `protochain`: follows the chain of headers until `number` comes, or one that ends it. The code goes back (a loop), so
 * the kernel refuses it and the optimizer must leave it alone. */
export function protocolChain(state: State, number: number, over: Protocol | null): Condition {
  // Taken before it is known to be needed, and kept without a version of IP: so libpcap numbers the registers.
  const register = state.allocateRegister();
  if (over === null) return or(protocolChain(state, number, 'ip'), protocolChain(state, number, 'ip6'));
  if (over !== 'ip' && over !== 'ip6')
    throw state.error('QUALIFIER', `protochain goes with ip and ip6, not with ${over}`, ['ip', 'ip6']);
  const { linkPayload, network } = state.layers;
  if (linkPayload.variable)
    throw state.error('UNSUPPORTED', 'protochain needs headers before IP whose length is fixed');
  state.neverOptimize = true;
  const etherType = linkTypeIs(state, over === 'ip' ? ETHERTYPE_IP : ETHERTYPE_IPV6);
  const ip = linkPayload.constant + network;

  const done = new Statement(BPF_ALU | BPF_ADD | BPF_K, 0);
  const isNumber = new Statement(BPF_JMP | BPF_JEQ | BPF_K, number);
  const isNone = new Statement(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_NONE);
  isNumber.jt = done;
  isNumber.jf = isNone;
  isNone.jt = done;
  const back = (): Statement => {
    const jump = new Statement(BPF_JMP | BPF_JA);
    jump.jt = isNumber;
    return jump;
  };

  // A := the protocol of the header at X + ip.
  const start =
    over === 'ip'
      ? [new Statement(BPF_LD | BPF_ABS | BPF_B, ip + IP_PROTOCOL), new Statement(BPF_LDX | BPF_MSH | BPF_B, ip)]
      : [
          new Statement(BPF_LD | BPF_ABS | BPF_B, ip + IP6_NEXT_HEADER),
          new Statement(BPF_LDX | BPF_IMM, IP6_HEADER_LENGTH),
        ];

  const isAh = new Statement(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_AH);
  // RFC 4302 2.2: the length of AH counts words of four octets, minus two.
  const ah = [
    new Statement(BPF_MISC | BPF_TXA),
    new Statement(BPF_LD | BPF_IND | BPF_B, ip),
    new Statement(BPF_ST, register),
    new Statement(BPF_MISC | BPF_TXA),
    new Statement(BPF_ALU | BPF_ADD | BPF_K, 1),
    new Statement(BPF_MISC | BPF_TAX),
    new Statement(BPF_LD | BPF_IND | BPF_B, ip),
    new Statement(BPF_ALU | BPF_ADD | BPF_K, 2),
    new Statement(BPF_ALU | BPF_MUL | BPF_K, 4),
    new Statement(BPF_MISC | BPF_TAX),
    new Statement(BPF_LD | BPF_MEM, register),
    back(),
  ];
  isAh.jt = ah[0]!;
  isAh.jf = done;

  let extensions: Statement[];
  if (over === 'ip') {
    extensions = [new Statement(BPF_ALU | BPF_ADD | BPF_K, 0)];
    isNone.jf = extensions[0]!;
  } else {
    // RFC 8200 4: the length counts eight octets, without the first.
    const skip = [
      new Statement(BPF_LD | BPF_IND | BPF_B, ip),
      new Statement(BPF_ST, register),
      new Statement(BPF_LD | BPF_IND | BPF_B, ip + 1),
      new Statement(BPF_ALU | BPF_ADD | BPF_K, 1),
      new Statement(BPF_ALU | BPF_MUL | BPF_K, 8),
      new Statement(BPF_ALU | BPF_ADD | BPF_X),
      new Statement(BPF_MISC | BPF_TAX),
      new Statement(BPF_LD | BPF_MEM, register),
      back(),
    ];
    const tests = [IPPROTO_HOPOPTS, IPPROTO_DSTOPTS, IPPROTO_ROUTING, IPPROTO_FRAGMENT].map(
      (header) => new Statement(BPF_JMP | BPF_JEQ | BPF_K, header),
    );
    tests.forEach((each, index) => {
      each.jt = skip[0]!;
      each.jf = tests[index + 1] ?? isAh;
    });
    isNone.jf = tests[0]!;
    extensions = [...tests, ...skip];
  }
  const found = test(BPF_JEQ, number, [...start, isNumber, isNone, ...extensions, isAh, ...ah, done]);
  state.freeRegister(register);
  return and(etherType, found);
}

/** Control field of LLC (IEEE 802.2), behind the two service access points. */
const LLC_CONTROL = 2;
const S_FORMAT = 0x01;
const U_FORMAT = 0x03;
const FORMAT_MASK = 0x03;
const S_COMMAND_MASK = 0x0f;
const U_COMMAND_MASK = 0xef;
const S_COMMANDS: ReadonlyMap<string, number> = new Map([
  ['rr', 0x00],
  ['rnr', 0x04],
  ['rej', 0x08],
]);
const U_COMMANDS: ReadonlyMap<string, number> = new Map([
  ['ui', 0x03],
  ['ua', 0x63],
  ['disc', 0x43],
  ['dm', 0x0f],
  ['sabme', 0x6f],
  ['test', 0xe3],
  ['xid', 0xaf],
  ['frmr', 0x87],
]);

function llcHeader(state: State): Condition {
  const { linkType } = state.layers;
  if (linkType === LINKTYPE_ETHERNET) return hasLlc(state);
  if (is80211(linkType)) return isDataFrame(state);
  if (linkType === LINKTYPE_FDDI || linkType === LINKTYPE_IEEE802_5) return always();
  throw state.error('LINK_TYPE', `no packet of ${linkTypeName(linkType)} is known to have an LLC header`);
}

/** `llc` and `llc type`. */
export function llc(state: State, type: string | null): Condition {
  if (type === null) return llcHeader(state);
  const control = (value: number, mask: number): Condition =>
    and(llcHeader(state), equalMasked(state, 'llc', LLC_CONTROL, BPF_B, value, mask));
  const name = type.toLowerCase();
  if (name === 'i') return and(llcHeader(state), not(anyBit(state, 'llc', LLC_CONTROL, BPF_B, 0x01)));
  if (name === 's') return control(S_FORMAT, FORMAT_MASK);
  if (name === 'u') return control(U_FORMAT, FORMAT_MASK);
  const s = S_COMMANDS.get(name);
  if (s !== undefined) return control(s | S_FORMAT, S_COMMAND_MASK);
  const u = U_COMMANDS.get(name);
  if (u !== undefined) return control(u, U_COMMAND_MASK);
  const known = ['i', 's', 'u', ...S_COMMANDS.keys(), ...U_COMMANDS.keys()];
  throw state.error('NAME', `LLC has no frames of type '${type}'`, known);
}
