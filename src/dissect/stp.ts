import { be16, be32 } from '../bytes/endian.ts';
import * as wire from '../wire/stp.ts';
import { defineFields, type Fields } from './fields.ts';
import { type Bits, hundredths, printBits } from './flags.ts';
import type { Protocol } from './protocol.ts';
import type { Text } from './text.ts';

const F = defineFields('stp', {
  protocol: ['Protocol Identifier', 'uint16', { base: 'hex' }],
  version: ['Protocol Version Identifier', 'uint8'],
  type: ['BPDU Type', 'uint8', { base: 'hex' }],
  flags: ['BPDU flags', 'uint8', { base: 'hex' }],
  'flags.tcack': ['Topology Change Acknowledgment', 'bool'],
  'flags.agreement': ['Agreement', 'bool'],
  'flags.forwarding': ['Forwarding', 'bool'],
  'flags.learning': ['Learning', 'bool'],
  'flags.port_role': ['Port Role', 'uint8'],
  'flags.proposal': ['Proposal', 'bool'],
  'flags.tc': ['Topology Change', 'bool'],
  'root.prio': ['Root Bridge Priority', 'uint16'],
  'root.ext': ['Root Bridge System ID Extension', 'uint16'],
  'root.hw': ['Root Bridge System ID', 'ether'],
  'root.cost': ['Root Path Cost', 'uint32'],
  'bridge.prio': ['Bridge Priority', 'uint16'],
  'bridge.ext': ['Bridge System ID Extension', 'uint16'],
  'bridge.hw': ['Bridge System ID', 'ether'],
  port: ['Port identifier', 'uint16', { base: 'hex' }],
  msg_age: ['Message Age', 'float'],
  max_age: ['Max Age', 'float'],
  hello: ['Hello Time', 'float'],
  forward: ['Forward Delay', 'float'],
  version_1_length: ['Version 1 Length', 'uint8'],
});
const M = defineFields('mstp', {
  version_3_length: ['Version 3 Length', 'uint16'],
  config_format_selector: ['MST Config ID format selector', 'uint8'],
  config_name: ['MST Config name', 'string'],
  config_revision_level: ['MST Config revision', 'uint16'],
  config_digest: ['MST Config digest', 'bytes'],
  cist_internal_root_path_cost: ['CIST Internal Root Path Cost', 'uint32'],
  'cist_bridge.prio': ['CIST Bridge Priority', 'uint16'],
  'cist_bridge.ext': ['CIST Bridge Identifier System ID Extension', 'uint16'],
  'cist_bridge.hw': ['CIST Bridge Identifier System ID', 'ether'],
  cist_remaining_hops: ['CIST Remaining hops', 'uint8'],
  'msti.priority': ['Priority', 'uint8', { base: 'hex', list: true }],
  'msti.msti_id': ['MSTID', 'uint16', { list: true }],
  'msti.root.hw': ['Regional Root', 'ether', { list: true }],
  'msti.root_cost': ['Internal root path cost', 'uint32', { list: true }],
  'msti.bridge_priority': ['Bridge Identifier Priority', 'uint8', { list: true }],
  'msti.port_priority': ['Port identifier priority', 'uint8', { list: true }],
  'msti.remaining_hops': ['Remaining hops', 'uint8', { list: true }],
});

const VERSIONS: Readonly<Record<number, string>> = { 0: '802.1d', 2: '802.1w', 3: '802.1s', 4: '802.1aq' };
const TYPES: Readonly<Record<number, string>> = {
  [wire.TYPE_CONFIG]: 'Config',
  [wire.TYPE_RAPID]: 'Rapid STP',
  [wire.TYPE_TOPOLOGY_CHANGE]: 'Topology Change',
};
const FLAGS: Bits = [
  [0x01, 'Topology change'],
  [0x02, 'Proposal'],
  [0x10, 'Learn'],
  [0x20, 'Forward'],
  [0x40, 'Agreement'],
  [0x80, 'Topology change ACK'],
];
const ROLES = ['Unknown', 'Alternate', 'Root', 'Designated'];
const roleOf = (flags: number): string => ROLES[(flags >>> 2) & 3]!;

/** A time in units of 1/256 s as seconds with two digits; half of a digit goes to the even one. */
function seconds(value: number): string {
  const scaled = value * 25;
  let rounded = scaled >>> 6;
  const rest = scaled & 63;
  if (rest > 32 || (rest === 32 && (rounded & 1) === 1)) rounded++;
  return `${hundredths(rounded)}s`;
}

function printBridge(t: Text, at: number): void {
  const { out } = t;
  out.hexPadded(t.be16(at), 4);
  out.byte(46);
  t.reads(at + 2, 6);
  out.mac(t.bytes, at + 2);
}

function printTimes(t: Text, at: number): void {
  t.reads(at + wire.MESSAGE_AGE, 8);
  const time = (offset: number): string => seconds(t.be16(at + offset));
  t.out.ascii(`\n\tmessage-age ${time(wire.MESSAGE_AGE)}, max-age ${time(wire.MAX_AGE)}`);
  t.out.ascii(`, hello-time ${time(wire.HELLO_TIME)}, forwarding-delay ${time(wire.FORWARD_DELAY)}`);
}

function printStp(t: Text, at: number, length: number): void {
  const { out } = t;
  t.layer = 'stp';
  if (length < wire.TOPOLOGY_LENGTH) {
    t.invalid();
    return;
  }
  if (t.be16(at + wire.PROTOCOL) !== 0) {
    out.ascii(`unknown STP version, length ${length}`);
    return;
  }
  const version = t.u8(at + wire.VERSION);
  out.ascii(`STP ${VERSIONS[version] ?? `Unknown STP protocol (0x${version.toString(16).padStart(2, '0')})`}`);
  if (VERSIONS[version] === undefined) return;
  const type = t.u8(at + wire.TYPE);
  out.ascii(`, ${TYPES[type] ?? `Unknown BPDU Type (0x${type.toString(16).padStart(2, '0')})`}`);
  if (type === wire.TYPE_CONFIG) {
    if (length < wire.CONFIG_LENGTH) t.invalid();
    else printConfig(t, at, length, type);
  } else if (type === wire.TYPE_RAPID && version === wire.VERSION_RSTP) {
    if (length < wire.RAPID_LENGTH) t.invalid();
    else printConfig(t, at, length, type);
  } else if (type === wire.TYPE_RAPID && (version === wire.VERSION_MSTP || version === wire.VERSION_SPB)) {
    if (length < wire.MSTI || t.u8(at + wire.VERSION_1_LENGTH) !== 0) {
      t.invalid();
      return;
    }
    if (length < wire.RAPID_LENGTH + t.be16(at + wire.VERSION_3_LENGTH) + 2) t.invalid();
    else printMultiple(t, at, length);
  }
}

function printConfig(t: Text, at: number, length: number, type: number): void {
  const { out } = t;
  const flags = t.u8(at + wire.FLAGS);
  out.ascii(', Flags [');
  printBits(t, FLAGS, flags, 'none');
  out.byte(93);
  t.reads(at + wire.BRIDGE, 10);
  out.ascii(', bridge-id ');
  printBridge(t, at + wire.BRIDGE);
  out.byte(46);
  out.hexPadded(t.be16(at + wire.PORT), 4);
  out.ascii(`, length ${length}`);
  if (t.verbose === 0) return;
  printTimes(t, at);
  out.ascii('\n\troot-id ');
  printBridge(t, at + wire.ROOT);
  out.ascii(`, root-pathcost ${t.be32(at + wire.COST)}`);
  if (type === wire.TYPE_RAPID) out.ascii(`, port-role ${roleOf(flags)}`);
}

function printMultiple(t: Text, at: number, length: number): void {
  const { out } = t;
  const flags = t.u8(at + wire.FLAGS);
  out.ascii(', CIST Flags [');
  printBits(t, FLAGS, flags, 'none');
  out.ascii(`], length ${length}`);
  if (t.verbose === 0) return;
  out.ascii(`\n\tport-role ${roleOf(flags)}, `);
  t.reads(at + wire.ROOT, 12);
  out.ascii('CIST root-id ');
  printBridge(t, at + wire.ROOT);
  out.ascii(`, CIST ext-pathcost ${t.be32(at + wire.COST)}`);
  t.reads(at + wire.BRIDGE, 8);
  out.ascii('\n\tCIST regional-root-id ');
  printBridge(t, at + wire.BRIDGE);
  out.ascii(', ');
  t.reads(at + wire.PORT, 2);
  out.ascii('CIST port-id ');
  out.hexPadded(t.be16(at + wire.PORT), 4);
  out.byte(44);
  printTimes(t, at);
  const size = t.be16(at + wire.VERSION_3_LENGTH);
  out.ascii(`\n\tv3len ${size}, `);
  out.ascii('MCID Name ');
  for (let i = 0; i < wire.CONFIG_NAME_LENGTH; i++) {
    const value = t.u8(at + wire.CONFIG_NAME + i);
    if (value === 0) break;
    t.visible(value);
  }
  t.reads(at + wire.REVISION, 2 + wire.DIGEST_LENGTH);
  out.ascii(`, rev ${t.be16(at + wire.REVISION)},`);
  out.ascii('\n\t\tdigest ');
  out.hexBytes(t.bytes, at + wire.DIGEST, at + wire.DIGEST + wire.DIGEST_LENGTH);
  out.ascii(', ');
  out.ascii(`CIST int-root-pathcost ${t.be32(at + wire.INTERNAL_COST)},`);
  t.reads(at + wire.CIST_BRIDGE, 8);
  out.ascii('\n\tCIST bridge-id ');
  printBridge(t, at + wire.CIST_BRIDGE);
  out.ascii(', ');
  out.ascii(`CIST remaining-hops ${t.u8(at + wire.CIST_HOPS)}`);
  let place = at + wire.MSTI;
  for (let left = size - wire.VERSION_3_FIXED; left >= wire.MSTI_LENGTH; left -= wire.MSTI_LENGTH) {
    const msti = t.u8(place);
    out.ascii(`\n\tMSTI ${t.be16(place + 1) & 0x0fff}, Flags [`);
    printBits(t, FLAGS, msti, 'none');
    out.ascii(`], port-role ${roleOf(msti)}`);
    t.reads(place + 1, 12);
    out.ascii('\n\t\tMSTI regional-root-id ');
    printBridge(t, place + 1);
    out.ascii(`, pathcost ${t.be32(place + 9)}`);
    out.ascii(
      `\n\t\tMSTI bridge-prio ${t.u8(place + 13) >>> 4}, port-prio ${t.u8(place + 14) >>> 4}, hops ${t.u8(place + 15)}`,
    );
    place += wire.MSTI_LENGTH;
  }
}

export const stp: Protocol = {
  name: 'stp',
  title: 'Spanning Tree Protocol',
  print: printStp,
  walk(f, at, end) {
    if (!f.fits('stp', at, wire.TOPOLOGY_LENGTH, end)) return;
    const { bytes } = f;
    const version = bytes[at + wire.VERSION]!;
    const type = bytes[at + wire.TYPE]!;
    f.layer(stp, at, wire.TOPOLOGY_LENGTH);
    f.uint(F.protocol, at, 2, be16(bytes, at));
    f.uint(F.version, at + wire.VERSION, 1, version);
    f.uint(F.type, at + wire.TYPE, 1, type);
    if (type !== wire.TYPE_CONFIG && type !== wire.TYPE_RAPID) return;
    if (!f.fits('stp', at, wire.CONFIG_LENGTH, end)) return;
    f.layerEnds(at + wire.CONFIG_LENGTH);
    walkConfig(f, at, type === wire.TYPE_RAPID);
    if (type !== wire.TYPE_RAPID || version < wire.VERSION_RSTP) return;
    if (!f.fits('stp', at, wire.RAPID_LENGTH, end)) return;
    f.layerEnds(at + wire.RAPID_LENGTH);
    f.uint(F.version_1_length, at + wire.VERSION_1_LENGTH, 1, bytes[at + wire.VERSION_1_LENGTH]!);
    if (version >= wire.VERSION_MSTP && f.fits('stp', at, wire.MSTI, end)) {
      f.layerEnds(at + wire.MSTI);
      walkMultiple(f, at);
      // Instances are counted by the length of what version 3 has added, which begins behind the length itself.
      const stated = at + wire.VERSION_3_LENGTH + 2 + be16(bytes, at + wire.VERSION_3_LENGTH);
      let place = at + wire.MSTI;
      for (; place + wire.MSTI_LENGTH <= Math.min(stated, end); place += wire.MSTI_LENGTH) walkInstance(f, place);
      f.layerEnds(place);
    }
  },
};

function walkConfig(f: Fields, at: number, isRapid: boolean): void {
  const { bytes } = f;
  const flagsAt = at + wire.FLAGS;
  const flags = bytes[flagsAt]!;
  f.uint(F.flags, flagsAt, 1, flags);
  f.bool(F['flags.tcack'], flagsAt, 1, (flags & 0x80) !== 0);
  if (isRapid) {
    f.bool(F['flags.agreement'], flagsAt, 1, (flags & 0x40) !== 0);
    f.bool(F['flags.forwarding'], flagsAt, 1, (flags & 0x20) !== 0);
    f.bool(F['flags.learning'], flagsAt, 1, (flags & 0x10) !== 0);
    f.uint(F['flags.port_role'], flagsAt, 1, (flags >>> 2) & 3);
    f.bool(F['flags.proposal'], flagsAt, 1, (flags & 0x02) !== 0);
  }
  f.bool(F['flags.tc'], flagsAt, 1, (flags & 0x01) !== 0);
  // IEEE 802.1t: twelve bits of the priority are an extension of the system's identifier.
  f.uint(F['root.prio'], at + wire.ROOT, 2, be16(bytes, at + wire.ROOT) & 0xf000);
  f.uint(F['root.ext'], at + wire.ROOT, 2, be16(bytes, at + wire.ROOT) & 0x0fff);
  f.raw(F['root.hw'], at + wire.ROOT + 2, 6);
  f.uint(F['root.cost'], at + wire.COST, 4, be32(bytes, at + wire.COST));
  f.uint(F['bridge.prio'], at + wire.BRIDGE, 2, be16(bytes, at + wire.BRIDGE) & 0xf000);
  f.uint(F['bridge.ext'], at + wire.BRIDGE, 2, be16(bytes, at + wire.BRIDGE) & 0x0fff);
  f.raw(F['bridge.hw'], at + wire.BRIDGE + 2, 6);
  f.uint(F.port, at + wire.PORT, 2, be16(bytes, at + wire.PORT));
  f.uint(F.msg_age, at + wire.MESSAGE_AGE, 2, be16(bytes, at + wire.MESSAGE_AGE) / 256);
  f.uint(F.max_age, at + wire.MAX_AGE, 2, be16(bytes, at + wire.MAX_AGE) / 256);
  f.uint(F.hello, at + wire.HELLO_TIME, 2, be16(bytes, at + wire.HELLO_TIME) / 256);
  f.uint(F.forward, at + wire.FORWARD_DELAY, 2, be16(bytes, at + wire.FORWARD_DELAY) / 256);
}

/** IEEE 802.1Q 14.6.1: flags, regional root, path cost, priorities, hops. */
function walkInstance(f: Fields, at: number): void {
  const { bytes } = f;
  f.uint(M['msti.priority'], at + 1, 1, bytes[at + 1]! >>> 4);
  f.uint(M['msti.msti_id'], at + 1, 2, be16(bytes, at + 1) & 0xfff);
  f.raw(M['msti.root.hw'], at + 3, 6);
  f.uint(M['msti.root_cost'], at + 9, 4, be32(bytes, at + 9));
  f.uint(M['msti.bridge_priority'], at + 13, 1, bytes[at + 13]! >>> 4);
  f.uint(M['msti.port_priority'], at + 14, 1, bytes[at + 14]! >>> 4);
  f.uint(M['msti.remaining_hops'], at + 15, 1, bytes[at + 15]!);
}

function walkMultiple(f: Fields, at: number): void {
  const { bytes } = f;
  const name = at + wire.CONFIG_NAME;
  let stop = name;
  while (stop < name + wire.CONFIG_NAME_LENGTH && bytes[stop] !== 0) stop++;
  const bridge = at + wire.CIST_BRIDGE;
  f.uint(M.version_3_length, at + wire.VERSION_3_LENGTH, 2, be16(bytes, at + wire.VERSION_3_LENGTH));
  f.uint(M.config_format_selector, at + wire.FORMAT_SELECTOR, 1, bytes[at + wire.FORMAT_SELECTOR]!);
  f.value(M.config_name, name, wire.CONFIG_NAME_LENGTH, new TextDecoder().decode(bytes.subarray(name, stop)));
  f.uint(M.config_revision_level, at + wire.REVISION, 2, be16(bytes, at + wire.REVISION));
  f.raw(M.config_digest, at + wire.DIGEST, wire.DIGEST_LENGTH);
  f.uint(M.cist_internal_root_path_cost, at + wire.INTERNAL_COST, 4, be32(bytes, at + wire.INTERNAL_COST));
  f.uint(M['cist_bridge.prio'], bridge, 2, be16(bytes, bridge) & 0xf000);
  f.uint(M['cist_bridge.ext'], bridge, 2, be16(bytes, bridge) & 0x0fff);
  f.raw(M['cist_bridge.hw'], bridge + 2, 6);
  f.uint(M.cist_remaining_hops, at + wire.CIST_HOPS, 1, bytes[at + wire.CIST_HOPS]!);
}
