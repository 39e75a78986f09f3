import { be16 } from '../bytes/endian.ts';
import { ETHERTYPE_IPV4, ETHERTYPE_IPV6 } from '../wire/ethertype.ts';
import * as wire from '../wire/vxlan.ts';
import { eth } from './eth.ts';
import { defineFields } from './fields.ts';
import { printBits } from './flags.ts';
import type { Protocol } from './protocol.ts';
import { etherTypes } from './tables.ts';
import type { Text } from './text.ts';

const F = defineFields('vxlan', {
  flags: ['Flags', 'uint16', { base: 'hex' }],
  flag_g: ['GBP Extension', 'bool'],
  flag_i: ['VXLAN Network ID (VNI)', 'bool'],
  flag_d: ["Don't Learn", 'bool'],
  flag_a: ['Policy Applied', 'bool'],
  flags_reserved: ['Reserved(R)', 'uint16', { base: 'hex' }],
  ver: ['Version', 'uint8'],
  i_bit: ['Instance', 'uint8'],
  p_bit: ['Next Protocol Bit', 'uint8'],
  o_bit: ['OAM bit', 'uint8'],
  gbp: ['Group Policy ID', 'uint16'],
  reserved_16: ['Reserved', 'uint16'],
  next_proto: ['Next Protocol', 'uint8'],
  vni: ['VXLAN Network Identifier (VNI)', 'uint24'],
  reserved8: ['Reserved', 'uint8'],
});

/** Bits of the first 16, as the group policy extension has them. */
const GROUP_POLICY = 0x8000;
const VNI_VALID = 0x0800;
const DONT_LEARN = 0x0040;
const POLICY_APPLIED = 0x0008;
const RESERVED_BITS = 0x77b7;
/** Bits of GPE's flags that are reserved. */
const GPE_RESERVED_BITS = 0xc2;

function printVxlan(t: Text, at: number, length: number): void {
  const { out } = t;
  t.layer = 'vxlan';
  out.ascii('VXLAN');
  if (length < wire.HEADER_LENGTH) {
    t.invalid();
    return;
  }
  const flags = t.u8(at);
  out.ascii(`, flags [${(flags & wire.FLAG_VNI) !== 0 ? 'I' : 'invalid'}] (0x${hex2(flags)}), `);
  t.reads(at, 7);
  out.ascii(`vni ${wire.vni(t.bytes, at)}\n`);
  t.reads(at, wire.HEADER_LENGTH);
  printInner(t, at + wire.HEADER_LENGTH, length - wire.HEADER_LENGTH);
}

const hex2 = (value: number): string => value.toString(16).padStart(2, '0');

/** An Ethernet frame inside of another one. */
export function printInner(t: Text, at: number, length: number): void {
  const { linkHeaderLength } = t;
  eth.print!(t, at, length);
  t.linkHeaderLength = linkHeaderLength;
}

const LABEL_GPE = 'VXLAN-GPE';

function printGpe(t: Text, at: number, length: number): void {
  const { out } = t;
  t.layer = 'vxlan_gpe';
  out.ascii(`${LABEL_GPE}, `);
  if (length < wire.HEADER_LENGTH) {
    out.ascii(` (len ${length} < ${wire.HEADER_LENGTH})`);
    t.invalid();
    return;
  }
  t.reads(at, 1);
  out.ascii('flags [');
  printBits(
    t,
    [
      [wire.FLAG_VNI, 'I'],
      [wire.FLAG_NEXT_PROTOCOL, 'P'],
      [wire.FLAG_OAM, 'O'],
    ],
    t.u8(at),
    'none',
    '',
  );
  out.ascii('], ');
  t.reads(at, wire.HEADER_LENGTH);
  out.ascii(`vni ${wire.vni(t.bytes, at)}`);
  out.ascii(t.verbose > 0 ? '\n    ' : ': ');
  const body = at + wire.HEADER_LENGTH;
  const rest = length - wire.HEADER_LENGTH;
  const next = wire.nextProtocol(t.bytes, at);
  if (next === wire.NEXT_IPV4) etherTypes.get(ETHERTYPE_IPV4)?.print?.(t, body, rest);
  else if (next === wire.NEXT_IPV6) etherTypes.get(ETHERTYPE_IPV6)?.print?.(t, body, rest);
  else if (next === wire.NEXT_ETHERNET) printInner(t, body, rest);
  else {
    out.ascii('ERROR: unknown-next-protocol');
    t.invalid();
  }
}

/** Port 8472 was once registered for overlay transport virtualization, whose header looks alike; tcpdump prints that. */
function printOverlay(t: Text, at: number, length: number): void {
  const { out } = t;
  t.layer = 'otv';
  out.ascii('OTV, ');
  if (length < wire.HEADER_LENGTH) {
    out.ascii(`[length ${length} < ${wire.HEADER_LENGTH}]`);
    t.invalid();
    return;
  }
  const flags = t.u8(at);
  out.ascii(`flags [${(flags & wire.FLAG_VNI) !== 0 ? 'I' : '.'}] (0x${hex2(flags)})`);
  out.ascii(`, overlay ${t.be24(at + 1)}`);
  out.ascii(`, instance ${t.be24(at + 4)}\n`);
  t.reads(at, wire.HEADER_LENGTH);
  printInner(t, at + wire.HEADER_LENGTH, length - wire.HEADER_LENGTH);
}

export const vxlan: Protocol = {
  name: 'vxlan',
  title: 'Virtual eXtensible Local Area Network',
  print: printVxlan,
  walk(f, at, end) {
    if (!f.fits('vxlan', at, wire.HEADER_LENGTH, end)) return;
    const { bytes } = f;
    f.layer(vxlan, at, wire.HEADER_LENGTH);
    const flags = be16(bytes, at);
    f.uint(F.flags, at, 2, flags);
    f.bool(F.flag_g, at, 2, (flags & GROUP_POLICY) !== 0);
    f.bool(F.flag_i, at, 2, (flags & VNI_VALID) !== 0);
    f.bool(F.flag_d, at, 2, (flags & DONT_LEARN) !== 0);
    f.bool(F.flag_a, at, 2, (flags & POLICY_APPLIED) !== 0);
    f.uint(F.flags_reserved, at, 2, flags & RESERVED_BITS);
    f.uint(F.gbp, at + 2, 2, be16(bytes, at + 2));
    f.uint(F.vni, at + 4, 3, wire.vni(bytes, at));
    f.uint(F.reserved8, at + 7, 1, bytes[at + 7]!);
    if (at + wire.HEADER_LENGTH < end) f.next(eth, at + wire.HEADER_LENGTH, end);
  },
};

export const vxlanLinux: Protocol = { ...vxlan, print: printOverlay };

export const vxlanGpe: Protocol = {
  name: 'vxlan',
  title: 'Virtual eXtensible Local Area Network',
  print: printGpe,
  walk(f, at, end) {
    if (!f.fits('vxlan', at, wire.HEADER_LENGTH, end)) return;
    const { bytes } = f;
    f.layer(vxlanGpe, at, wire.HEADER_LENGTH);
    const flags = wire.flags(bytes, at);
    f.uint(F.flags, at, 1, flags);
    f.uint(F.flags_reserved, at, 1, flags & GPE_RESERVED_BITS);
    f.uint(F.ver, at, 1, (flags >>> 4) & 3);
    f.uint(F.i_bit, at, 1, (flags >>> 3) & 1);
    f.uint(F.p_bit, at, 1, (flags >>> 2) & 1);
    f.uint(F.o_bit, at, 1, flags & 1);
    f.uint(F.reserved_16, at + 1, 2, be16(bytes, at + 1));
    const next = wire.nextProtocol(bytes, at);
    f.uint(F.next_proto, at + 3, 1, next);
    f.uint(F.vni, at + 4, 3, wire.vni(bytes, at));
    f.uint(F.reserved8, at + 7, 1, bytes[at + 7]!);
    const body = at + wire.HEADER_LENGTH;
    if (body >= end) return;
    if (next === wire.NEXT_IPV4) f.next(etherTypes.get(ETHERTYPE_IPV4), body, end);
    else if (next === wire.NEXT_IPV6) f.next(etherTypes.get(ETHERTYPE_IPV6), body, end);
    else f.next(next === wire.NEXT_ETHERNET ? eth : undefined, body, end);
  },
};
