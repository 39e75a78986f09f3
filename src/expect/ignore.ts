import { nearestOf } from '../bytes/nearest.ts';
import { fieldNames, findFields } from '../dissect/fields.ts';

/** What two captures of the same thing may differ in. */
export interface Ignored {
  /** By field id: 1 where the field's bytes and value do not count. */
  readonly fields: Uint8Array;
  /** Ports from 32768 on, which programs get from the kernel, do not count. */
  readonly ephemeralPorts: boolean;
  /** Checksums cannot be compared where what they cover is not; whether they are right still is. */
  readonly checksums: boolean;
}

/** Sets of fields by a name. */
const GROUPS: Readonly<Record<string, readonly string[]>> = {
  times: ['tcp.options.timestamp.tsval', 'tcp.options.timestamp.tsecr', 'ntp.reftime', 'ntp.org', 'ntp.rec', 'ntp.xmt'],
  ids: [
    'ip.id',
    'ipv6.fraghdr.ident',
    'icmp.ident',
    'icmpv6.echo.identifier',
    'dns.id',
    'dhcp.id',
    'dhcpv6.xid',
    'tcp.seq_raw',
    'tcp.ack_raw',
    'tcp.options.sack_le',
    'tcp.options.sack_re',
    'ipv6.flow',
    'tls.handshake.random',
    'tls.handshake.session_id',
    'snmp.request_id',
    'sctp.verification_tag',
  ],
  ports: [],
  macs: [
    'eth.src',
    'eth.dst',
    'arp.src.hw_mac',
    'arp.dst.hw_mac',
    'icmpv6.opt.src_linkaddr',
    'icmpv6.opt.target_linkaddr',
  ],
  addresses: ['ip.src', 'ip.dst', 'ipv6.src', 'ipv6.dst', 'arp.src.proto_ipv4', 'arp.dst.proto_ipv4'],
  ttl: ['ip.ttl', 'ipv6.hlim'],
  checksums: [],
};

export const ignoreGroups: readonly string[] = Object.keys(GROUPS);
const CHECKSUMS = ['ip.checksum', 'tcp.checksum', 'udp.checksum', 'icmp.checksum', 'icmpv6.checksum', 'sctp.checksum'];

/** Reads names of groups (`times`, `ids`, `ports`, `macs`, `addresses`, `ttl`, `checksums`) and of fields. Throws
 * RangeError that names what is near. */
export function ignoring(names: readonly string[]): Ignored {
  const fields = new Uint8Array(65_536);
  const mark = (name: string): void => {
    for (const { id } of findFields(name)) fields[id] = 1;
  };
  for (const name of names) {
    const group = GROUPS[name];
    if (group !== undefined) {
      group.forEach(mark);
      continue;
    }
    if (findFields(name).length === 0) {
      const near = nearestOf(name, [...ignoreGroups, ...fieldNames()], 3);
      throw new RangeError(
        `${name} is neither a field nor one of ${ignoreGroups.join(', ')}${near.length > 0 ? `; near to it: ${near.join(', ')}` : ''}`,
      );
    }
    mark(name);
  }
  const checksums = names.length > 0;
  if (checksums) CHECKSUMS.forEach(mark);
  return { fields, ephemeralPorts: names.includes('ports'), checksums };
}
