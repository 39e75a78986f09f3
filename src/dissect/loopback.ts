import * as wire from '../wire/loopback.ts';
import { defineFields } from './fields.ts';
import { ip, printIpv4 } from './ip.ts';
import { ipv6, printIpv6 } from './ip6.ts';
import type { Protocol } from './protocol.ts';
import type { Text } from './text.ts';

const F = defineFields('null', {
  family: ['Family', 'uint32'],
});

const FAMILIES: Readonly<Record<number, string>> = {
  [wire.AF_INET]: 'IPv4',
  6: 'NS',
  [wire.AF_ISO]: 'ISO',
  16: 'Appletalk',
  23: 'IPX',
  [wire.AF_INET6_BSD]: 'IPv6',
  [wire.AF_INET6_FREEBSD]: 'IPv6',
  [wire.AF_INET6_DARWIN]: 'IPv6',
};

function printHeader(t: Text, family: number, length: number): void {
  const { out } = t;
  if (t.quiet) out.ascii(FAMILIES[family] ?? `Unknown AF ${family}`);
  else {
    out.ascii('AF ');
    out.ascii(FAMILIES[family] ?? 'Unknown');
    out.ascii(` (${family})`);
  }
  out.ascii(', length ');
  out.decimal(length);
  out.ascii(': ');
}

/** LINKTYPE_NULL and LINKTYPE_LOOP. */
export const loopback: Protocol = {
  name: 'null',
  title: 'Null/Loopback',
  print(t, at, length) {
    t.layer = 'null';
    if (!t.has(at, wire.HEADER_LENGTH)) {
      t.truncated();
      return;
    }
    t.linkHeaderLength = wire.HEADER_LENGTH;
    const family = wire.family(t.bytes, at);
    length -= wire.HEADER_LENGTH;
    const body = at + wire.HEADER_LENGTH;
    if (t.link) printHeader(t, family, length + wire.HEADER_LENGTH);
    if (family === wire.AF_INET) printIpv4(t, body, length);
    else if (FAMILIES[family] === 'IPv6') printIpv6(t, body, length);
    else {
      if (!t.link) printHeader(t, family, length + wire.HEADER_LENGTH);
      t.unknown(body, t.end - body);
    }
  },
  walk(f, at, end) {
    if (!f.fits('null', at, wire.HEADER_LENGTH, end)) return;
    const family = wire.family(f.bytes, at);
    f.layer(loopback, at, wire.HEADER_LENGTH);
    f.uint(F.family, at, 4, family);
    f.next(family === wire.AF_INET ? ip : wire.isIpv6(family) ? ipv6 : undefined, at + wire.HEADER_LENGTH, end);
  },
};
