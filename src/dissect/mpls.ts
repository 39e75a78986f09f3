import * as ethernet from '../wire/ethernet.ts';
import { ETHERTYPE_IPV4, ETHERTYPE_IPV6, ETHERTYPE_TEB, MAX_LENGTH } from '../wire/ethertype.ts';
import * as wire from '../wire/mpls.ts';
import { defineFields, type Fields } from './fields.ts';
import { printIpv4 } from './ip.ts';
import { printIpv6 } from './ip6.ts';
import { etherTypeName } from './names.ts';
import type { Protocol } from './protocol.ts';
import { etherTypes, toldIn } from './tables.ts';
import type { Text } from './text.ts';

const F = defineFields('mpls', {
  label: ['MPLS Label', 'uint32', { list: true }],
  exp: ['MPLS Experimental Bits', 'uint32', { list: true }],
  bottom: ['MPLS Bottom Of Label Stack', 'uint32', { list: true }],
  ttl: ['MPLS TTL', 'uint32', { list: true }],
});

const LABELS = ['IPv4 explicit NULL', 'router alert', 'IPv6 explicit NULL', 'implicit NULL'];

function printMpls(t: Text, at: number, length: number): void {
  const { out, bytes } = t;
  t.layer = 'mpls';
  out.ascii('MPLS');
  let label = 0;
  for (let depth = 0; ; depth++) {
    if (length < wire.ENTRY_LENGTH) {
      t.invalid();
      return;
    }
    t.reads(at, wire.ENTRY_LENGTH);
    label = wire.label(bytes, at);
    out.ascii(depth > 0 && t.verbose > 0 ? '\n\t(label ' : ' (label ');
    out.decimal(label);
    if (t.verbose > 0 && label < wire.LABEL_FIRST) out.ascii(` (${LABELS[label] ?? 'rsvd'})`);
    out.ascii(', tc ');
    out.decimal(wire.trafficClass(bytes, at));
    const isBottom = wire.isBottom(bytes, at);
    if (isBottom) out.ascii(', [S]');
    out.ascii(', ttl ');
    out.decimal(wire.ttl(bytes, at));
    out.byte(41);
    at += wire.ENTRY_LENGTH;
    length -= wire.ENTRY_LENGTH;
    if (isBottom) break;
  }
  const told = toldIn(t, 'mpls.label', label);
  if (told?.print) {
    out.ascii(t.verbose > 0 ? '\n\t' : ' ');
    told.print(t, at, length);
    return;
  }
  const isIpv4 = label === wire.LABEL_IPV4_NULL || label === wire.LABEL_IMPLICIT_NULL;
  let version = isIpv4 ? 4 : label === wire.LABEL_IPV6_NULL ? 6 : 0;
  if (version === 0) {
    if (length < 1) return;
    // Nothing in the stack tells what follows: its first byte must.
    const first = t.u8(at);
    if (first >= 0x45 && first <= 0x4f) version = 4;
    else if (first >= 0x60 && first <= 0x6f) version = 6;
  }
  if (version === 0) {
    t.unknown(at, length);
    if (!t.dumps) t.reads(at, length);
    return;
  }
  out.ascii(t.verbose > 0 ? '\n\t' : ' ');
  if (version === 4) printIpv4(t, at, length);
  else printIpv6(t, at, length);
}

/** True where an Ethernet header at `at` has a type that makes sense. */
function looksEthernet(f: Fields, at: number, end: number): boolean {
  if (at + ethernet.HEADER_LENGTH > end) return false;
  const type = ethernet.type(f.bytes, at);
  return type <= MAX_LENGTH ? at + ethernet.HEADER_LENGTH + type <= end : etherTypeName(type) !== undefined;
}

export const mpls: Protocol = {
  name: 'mpls',
  title: 'MultiProtocol Label Switching Header',
  print: printMpls,
  walk(f, at, end) {
    if (!f.fits('mpls', at, wire.ENTRY_LENGTH, end)) return;
    const { bytes } = f;
    let label = 0;
    f.layer(mpls, at, wire.ENTRY_LENGTH);
    for (;;) {
      if (!f.fits('mpls', at, wire.ENTRY_LENGTH, end)) return;
      const isBottom = wire.isBottom(bytes, at);
      label = wire.label(bytes, at);
      f.uint(F.label, at, 3, label);
      f.uint(F.exp, at + 2, 1, wire.trafficClass(bytes, at));
      f.uint(F.bottom, at + 2, 1, isBottom ? 1 : 0);
      f.uint(F.ttl, at + 3, 1, wire.ttl(bytes, at));
      at += wire.ENTRY_LENGTH;
      f.layerEnds(at);
      if (isBottom) break;
    }
    if (at >= end) return;
    const told = toldIn(f, 'mpls.label', label);
    if (told !== undefined) {
      f.next(told, at, end);
      return;
    }
    const nibble = bytes[at]! >>> 4;
    if (nibble === 4) f.next(etherTypes.get(ETHERTYPE_IPV4), at, end);
    else if (nibble === 6) f.next(etherTypes.get(ETHERTYPE_IPV6), at, end);
    // RFC 4385 3: a pseudowire's control word begins with a zero nibble; the Ethernet frame follows it.
    else if (nibble === 0 && looksEthernet(f, at + 4, end)) f.next(etherTypes.get(ETHERTYPE_TEB), at + 4, end);
    else if (nibble !== 1 && looksEthernet(f, at, end)) f.next(etherTypes.get(ETHERTYPE_TEB), at, end);
    else f.data(at, end);
  },
};
