/** Applications: what is written reads back. */
import * as dhcp from '../../src/wire/dhcp.ts';
import * as dhcpv6 from '../../src/wire/dhcpv6.ts';
import * as dns from '../../src/wire/dns.ts';
import * as ntp from '../../src/wire/ntp.ts';
import * as tftp from '../../src/wire/tftp.ts';
import { type Draw, fixed, headerOf, ip4, ip6, of, readsBack } from './reads-back.ts';

const record = (d: Draw): dns.DnsRecord => ({
  name: d.name(),
  type: d.bits(16),
  class: d.bits(16),
  ttl: d.bits(32),
  data: d.bytes(d.below(40)),
});

const tftpMessage = (d: Draw): tftp.TftpMessage => {
  // Text that ends in a zero of its own would be another text, and an empty last one cannot be told from none.
  const text = (): string => `${d.text(10)}x`;
  const options = d.list(3, () => ({ name: text(), value: text() }));
  return d.pick<() => tftp.TftpMessage>([
    () => ({ kind: d.pick(['read', 'write'] as const), file: text(), mode: text(), options }),
    () => ({ kind: 'data', block: d.bits(16), data: d.bytes(d.below(600)) }),
    () => ({ kind: 'ack', block: d.bits(16) }),
    () => ({ kind: 'error', code: d.bits(16), message: d.text(20) }),
    () => ({ kind: 'oack', options }),
  ])();
};

const dhcpOptions = (d: Draw): dhcp.DhcpOption[] => [
  ...d.list(6, () => {
    const code = d.below(255);
    return { code, data: d.bytes(code === dhcp.OPTION_PAD ? 0 : d.below(30)) };
  }),
  { code: dhcp.OPTION_END, data: d.bytes(0) },
];

const time = (d: Draw): ntp.NtpTimestamp => ({ seconds: d.bits(32), fraction: d.bits(32) });

readsBack('application', [
  of<dns.DnsMessage>('DNS', {
    draw: (d) => ({
      id: d.bits(16),
      flags: d.bits(16),
      questions: d.list(3, () => ({ name: d.name(), type: d.bits(16), class: d.bits(16) })),
      answers: d.list(3, () => record(d)),
      authorities: d.list(3, () => record(d)),
      additionals: d.list(3, () => record(d)),
    }),
    length: dns.emittedLength,
    emit: headerOf(dns.emit),
    parse: dns.parse,
  }),
  of<dhcp.DhcpMessage>('DHCP', {
    draw: (d) => ({
      op: d.bits(8),
      hardwareType: d.bits(8),
      hardwareLength: d.bits(8),
      hops: d.bits(8),
      xid: d.bits(32),
      secs: d.bits(16),
      flags: d.bits(16),
      ciaddr: ip4(d),
      yiaddr: ip4(d),
      siaddr: ip4(d),
      giaddr: ip4(d),
      chaddr: d.bytes(16),
      sname: d.bytes(64),
      file: d.bytes(128),
      options: d.below(5) === 0 ? null : dhcpOptions(d),
    }),
    length: dhcp.emittedLength,
    emit: headerOf(dhcp.emit),
    parse: dhcp.parse,
    open: true,
  }),
  of<dhcpv6.Dhcpv6Message>('DHCPv6', {
    draw: (d) => {
      const options = d.list(5, () => ({ code: d.bits(16), data: d.bytes(d.below(40)) }));
      return d.bool()
        ? { kind: 'message', type: 1 + d.below(11), transactionId: d.bits(24), options }
        : { kind: 'relay', type: 12 + d.below(2), hops: d.bits(8), linkAddress: ip6(d), peerAddress: ip6(d), options };
    },
    length: dhcpv6.emittedLength,
    emit: headerOf(dhcpv6.emit),
    parse: dhcpv6.parse,
    open: true,
  }),
  of<ntp.NtpHeader>('NTP', {
    draw: (d) => ({
      leap: d.bits(2),
      version: d.bits(3),
      mode: d.bits(3),
      stratum: d.bits(8),
      poll: d.bits(8) - 128,
      precision: d.bits(8) - 128,
      rootDelay: d.bits(32),
      rootDispersion: d.bits(32),
      referenceId: d.bits(32),
      reference: time(d),
      origin: time(d),
      receive: time(d),
      transmit: time(d),
    }),
    length: fixed(48),
    emit: headerOf(ntp.emit),
    parse: ntp.parse,
  }),
  of<tftp.TftpMessage>('TFTP', {
    draw: tftpMessage,
    length: tftp.emittedLength,
    emit: headerOf(tftp.emit),
    parse: tftp.parse,
    open: true,
  }),
]);
