import { ip, printIpv4 } from './ip.ts';
import { ipv6, printIpv6 } from './ip6.ts';
import type { Protocol } from './protocol.ts';
import type { Text } from './text.ts';

/** Prints an IP packet of either version, told by its first four bits. */
export function printAnyIp(t: Text, at: number, length: number): void {
  if (length < 1) {
    t.out.ascii('truncated-ip ');
    t.out.decimal(length);
    return;
  }
  t.layer = 'ip';
  const version = t.u8(at) >>> 4;
  if (version === 4) printIpv4(t, at, length);
  else if (version === 6) printIpv6(t, at, length);
  else {
    t.out.ascii('unknown ip ');
    t.out.decimal(version);
  }
}

/** LINKTYPE_RAW, LINKTYPE_IPV4 and LINKTYPE_IPV6: packets begin with their IP header. */
export const raw: Protocol = {
  name: 'raw',
  title: 'Raw packet data',
  print(t, at, length) {
    t.linkHeaderLength = 0;
    if (t.link) t.out.ascii('ip: ');
    printAnyIp(t, at, length);
  },
  walk(f, at, end) {
    f.layer(raw, at, 0);
    if (!f.fits('raw', at, 1, end)) return;
    f.next(f.bytes[at]! >>> 4 === 6 ? ipv6 : ip, at, end);
  },
};
