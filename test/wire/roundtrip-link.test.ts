/** The link layer: what is written reads back. */
import * as arp from '../../src/wire/arp.ts';
import * as eapol from '../../src/wire/eapol.ts';
import * as ethernet from '../../src/wire/ethernet.ts';
import * as llc from '../../src/wire/llc.ts';
import * as lldp from '../../src/wire/lldp.ts';
import * as loopback from '../../src/wire/loopback.ts';
import * as mpls from '../../src/wire/mpls.ts';
import * as ppp from '../../src/wire/ppp.ts';
import * as pppoe from '../../src/wire/pppoe.ts';
import * as sll from '../../src/wire/sll.ts';
import * as sll2 from '../../src/wire/sll2.ts';
import * as stp from '../../src/wire/stp.ts';
import * as vlan from '../../src/wire/vlan.ts';
import { type Draw, fixed, headerOf, mac, of, readsBack } from './reads-back.ts';

const stpUnit = (d: Draw): stp.StpUnit =>
  d.below(5) === 0
    ? { kind: 'topologyChange' }
    : {
        kind: d.pick(['config', 'rapid'] as const),
        flags: d.bits(8),
        root: d.bytes(8),
        cost: d.bits(32),
        bridge: d.bytes(8),
        port: d.bits(16),
        messageAge: d.bits(16),
        maxAge: d.bits(16),
        helloTime: d.bits(16),
        forwardDelay: d.bits(16),
      };

const STP_LENGTH = { topologyChange: 4, config: 35, rapid: 36 } as const;

readsBack('link', [
  of<ethernet.EthernetHeader>('Ethernet', {
    draw: (d) => ({ dst: mac(d), src: mac(d), type: d.bits(16) }),
    length: fixed(14),
    emit: headerOf(ethernet.emit),
    parse: ethernet.parse,
  }),
  of<vlan.VlanTag>('VLAN', {
    draw: (d) => ({ priority: d.bits(3), dei: d.bool(), id: d.bits(12), type: d.bits(16) }),
    length: fixed(4),
    emit: headerOf(vlan.emit),
    parse: vlan.parse,
  }),
  of<llc.LlcHeader>('LLC', {
    draw: (d) =>
      d.bool()
        ? { dsap: 0xaa, ssap: 0xaa, control: 3, snap: { oui: d.bits(24), pid: d.bits(16) } }
        : { dsap: d.below(0xaa), ssap: d.below(0xaa), control: d.pick([3, 0xe3, 0x0102]), snap: null },
    length: ({ control, snap }) => (control > 255 ? 4 : 3) + (snap === null ? 0 : 5),
    emit: headerOf(llc.emit),
    parse: llc.parse,
  }),
  of<sll.SllHeader>('Linux cooked', {
    draw: (d) => ({
      packetType: d.bits(16),
      hardwareType: d.bits(16),
      address: mac(d),
      addressLength: 6,
      protocol: d.bits(16),
    }),
    length: fixed(16),
    emit: headerOf(sll.emit),
    parse: sll.parse,
  }),
  of<sll2.Sll2Header>('Linux cooked, version 2', {
    draw: (d) => ({
      protocol: d.bits(16),
      interfaceIndex: d.bits(32),
      hardwareType: d.bits(16),
      packetType: d.bits(8),
      address: mac(d),
      addressLength: 6,
    }),
    length: fixed(20),
    emit: headerOf(sll2.emit),
    parse: sll2.parse,
  }),
  of<loopback.LoopbackHeader>('BSD loopback', {
    draw: (d) => ({ family: 1 + d.below(255), littleEndian: d.bool() }),
    length: fixed(4),
    emit: headerOf(loopback.emit),
    parse: loopback.parse,
  }),
  of<arp.ArpMessage>('ARP', {
    draw: (d) => {
      const hardware = d.below(9);
      const protocol = d.below(9);
      return {
        hardwareType: d.bits(16),
        protocolType: d.bits(16),
        operation: d.bits(16),
        senderHardware: d.bytes(hardware),
        senderProtocol: d.bytes(protocol),
        targetHardware: d.bytes(hardware),
        targetProtocol: d.bytes(protocol),
      };
    },
    length: ({ senderHardware, senderProtocol }) => 8 + 2 * (senderHardware.length + senderProtocol.length),
    emit: headerOf(arp.emit),
    parse: arp.parse,
  }),
  of<mpls.MplsEntry>('MPLS', {
    draw: (d) => ({ label: d.bits(20), trafficClass: d.bits(3), bottom: d.bool(), ttl: d.bits(8) }),
    length: fixed(4),
    emit: headerOf(mpls.emit),
    parse: mpls.parse,
  }),
  of<pppoe.PppoeHeader>('PPPoE', {
    draw: (d) => ({ code: d.bits(8), sessionId: d.bits(16), length: d.bits(16) }),
    length: fixed(6),
    emit: headerOf(pppoe.emit),
    parse: pppoe.parse,
  }),
  of<ppp.PppControl>('PPP control', {
    draw: (d) => ({ code: d.bits(8), identifier: d.bits(8), length: d.bits(16) }),
    length: fixed(4),
    emit: headerOf(ppp.emit),
    parse: ppp.parse,
  }),
  of<lldp.LldpTlv[]>('LLDP', {
    draw: (d) => d.list(8, () => ({ type: 1 + d.below(127), value: d.bytes(d.pick([0, 1, 20, 511])) })),
    length: lldp.emittedLength,
    emit: headerOf(lldp.emit),
    parse: lldp.parse,
    open: true,
  }),
  of<eapol.EapolHeader>('EAPOL', {
    draw: (d) => ({ version: d.bits(8), type: d.bits(8), length: d.bits(16) }),
    length: fixed(4),
    emit: headerOf(eapol.emit),
    parse: eapol.parse,
  }),
  of<eapol.EapHeader>('EAP', {
    draw: (d) => ({ code: d.bits(8), identifier: d.bits(8), length: d.bits(16) }),
    length: fixed(4),
    emit: headerOf(eapol.emitEap),
    parse: eapol.parseEap,
  }),
  of<stp.StpUnit>('STP', {
    draw: stpUnit,
    length: ({ kind }) => STP_LENGTH[kind],
    emit: headerOf(stp.emit),
    parse: stp.parse,
  }),
]);
