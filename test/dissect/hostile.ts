/** Frames of Ethernet of any length made to cost as much as they can: headers in headers, the shortest pieces of which a
 * protocol allows any number, pointers to pointers. */
import * as ethernet from '../../src/wire/ethernet.ts';
import * as ipv4 from '../../src/wire/ipv4.ts';
import * as ipv6 from '../../src/wire/ipv6.ts';
import { kexInit } from './handshake-craft.ts';
import { tcpFrame, udpFrame } from './session/craft.ts';

const hex = (digits: string): Buffer => Buffer.from(digits.replace(/\s+/g, ''), 'hex');
const text = (words: string): Buffer => Buffer.from(words, 'latin1');
const join = (...parts: readonly Uint8Array[]): Buffer => Buffer.concat(parts);
const be16 = (value: number): Buffer => Buffer.from([value >> 8, value]);
const be32 = (value: number): Buffer => Buffer.from([value >>> 24, value >> 16, value >> 8, value]);

/** `piece` as often as it fits `length`. */
const fill = (length: number, piece: Uint8Array): Buffer =>
  join(...Array.from({ length: Math.max(0, Math.floor(length / piece.length)) }, () => piece));
/** Pieces that differ, as many as fit. */
function numbered(length: number, piece: (i: number) => Uint8Array): Buffer {
  const parts: Uint8Array[] = [];
  for (let i = 0, left = length; ; i++) {
    const part = piece(i);
    left -= part.length;
    if (left < 0) return join(...parts);
    parts.push(part);
  }
}

const MAC = hex('020000000001');
const SRC = hex('0a000001');
const DST = hex('0a000002');
const SRC6 = hex('fd000000000000000000000000000001');
const DST6 = hex('fd000000000000000000000000000002');

function eth(type: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(ethernet.HEADER_LENGTH + payload.length);
  ethernet.emit(bytes, 0, { src: MAC, dst: MAC, type });
  bytes.set(payload, ethernet.HEADER_LENGTH);
  return bytes;
}

function ip(protocol: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(ipv4.HEADER_LENGTH + payload.length);
  bytes.set(payload, ipv4.HEADER_LENGTH);
  ipv4.emit(bytes, 0, Math.min(bytes.length, 65_535), { protocol, src: SRC, dst: DST });
  return bytes;
}

function ip6(nextHeader: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(ipv6.HEADER_LENGTH + payload.length);
  bytes.set(payload, ipv6.HEADER_LENGTH);
  ipv6.emit(bytes, 0, bytes.length, { nextHeader, src: SRC6, dst: DST6 });
  return bytes;
}

const overIp = (protocol: number, payload: Uint8Array): Uint8Array => eth(0x0800, ip(protocol, payload));
const udp = (port: number, payload: Uint8Array): Uint8Array =>
  udpFrame(0, payload, { clientPort: 40_000, serverPort: port });
const tcp = (port: number, payload: Uint8Array): Uint8Array =>
  tcpFrame({ side: 0, seq: 1, ack: 1, flags: 0x18, payload }, { clientPort: 40_000, serverPort: port });

/** `wrap` round `inner` until that would be longer than `length`. */
function nested(length: number, inner: Uint8Array, wrap: (inner: Uint8Array) => Uint8Array): Uint8Array {
  for (let made = inner; ; inner = made) {
    made = wrap(inner);
    if (made.length > length) return inner;
  }
}

/** Headers round headers cost the square of their number to make: those that need their length are made by hand. */
function tower(length: number, header: (rest: number) => Uint8Array): Buffer {
  const parts: Uint8Array[] = [];
  for (let left = length; ; ) {
    const part = header(left);
    if (part.length > left) return join(...parts);
    parts.push(part);
    left -= part.length;
  }
}

const ipHeader = (protocol: number, length: number): Buffer =>
  join(hex('4500'), be16(length), hex('0000 0000 40'), Buffer.from([protocol]), hex('0000'), SRC, DST);
const udpHeader = (port: number, length: number): Buffer => join(be16(port), be16(port), be16(length), hex('0000'));
const dnsHeader = (questions: number, answers = 0): Buffer =>
  join(hex('1234 8180'), be16(questions), be16(answers), hex('0000 0000'));

/** BER: tag, length and contents, one in another. */
function ber(length: number): Buffer {
  return tower(length, (rest) => (rest < 8 ? hex('0500') : join(hex('3082'), be16(rest - 4))));
}
const snmp = (bindings: Uint8Array): Uint8Array => {
  const tlv = (tag: number, body: Uint8Array): Buffer => join(Buffer.from([tag, 0x82]), be16(body.length), body);
  const pdu = join(hex('020101 020100 020100'), tlv(0x30, bindings));
  return tlv(0x30, join(hex('020101 0406 7075626c6963'), tlv(0xa2, pdu)));
};
const record = (type: number, body: Uint8Array): Buffer => join(Buffer.from([type, 3, 3]), be16(body.length), body);
const hello = (extensions: Uint8Array): Buffer => {
  const body = join(hex('0303'), Buffer.alloc(32, 1), hex('00 0002 c02b 0100'), be16(extensions.length), extensions);
  return record(22, join(hex('0100'), be16(body.length), body));
};
const bgp = (type: number, body: Uint8Array): Buffer =>
  join(Buffer.alloc(16, 255), be16(19 + body.length), Buffer.from([type]), body);
const update = (attributes: Uint8Array): Buffer => bgp(2, join(hex('0000'), be16(attributes.length), attributes));
const attribute = (type: number, value: Uint8Array): Buffer =>
  join(Buffer.from([0x50, type]), be16(value.length), value);
const sip = (body: string): Buffer => text(`INVITE sip:b@x.test SIP/2.0\r\n${body}`);
const sdp = (lines: string): Buffer =>
  sip(`Content-Type: application/sdp\r\nContent-Length: ${lines.length}\r\n\r\n${lines}`);

/** By name: a frame of about so many bytes. */
export const HOSTILE: Readonly<Record<string, (length: number) => Uint8Array>> = {
  'VLAN tags': (n) => eth(0x8100, fill(n, hex('0001 8100'))),
  'MPLS labels': (n) => eth(0x8847, fill(n, hex('00010040'))),
  'MPLS labels of an option each': (n) => eth(0x8847, fill(n, hex('0000e040 00010040'))),
  'IPv4 in IPv4': (n) =>
    eth(
      0x0800,
      tower(n, (rest) => ipHeader(4, rest)),
    ),
  'IPv6 in IPv6': (n) =>
    eth(
      0x86dd,
      tower(n, (rest) => join(hex('60000000'), be16(Math.max(0, rest - 40)), hex('2940'), SRC6, DST6)),
    ),
  'IPv6 extension headers': (n) => eth(0x86dd, ip6(60, fill(n, hex('3c00 0104 00000000')))),
  'IPv6 options of one byte': (n) =>
    eth(
      0x86dd,
      ip6(
        0,
        tower(n, () => join(hex('0010'), Buffer.alloc(134))),
      ),
    ),
  'IPv6 routing headers': (n) => eth(0x86dd, ip6(43, fill(n, join(hex('2b02 0000 00000000'), DST6)))),
  'GRE in GRE': (n) =>
    eth(
      0x0800,
      tower(n, (rest) => join(ipHeader(47, rest), hex('0000 0800'))),
    ),
  'GRE over GRE by Ethernet': (n) =>
    eth(
      0x0800,
      tower(n, (rest) => join(ipHeader(47, rest), hex('0000 6558'), MAC, MAC, hex('0800'))),
    ),
  'GRE routing entries': (n) => overIp(47, join(hex('4000 0800 0000 0000'), fill(n, hex('0800 0001')))),
  'VXLAN in VXLAN': (n) =>
    eth(
      0x0800,
      tower(n, (rest) =>
        join(ipHeader(17, rest), udpHeader(4789, rest - 20), hex('08000000 00000100'), MAC, MAC, hex('0800')),
      ),
    ),
  'Geneve in Geneve': (n) =>
    eth(
      0x0800,
      tower(n, (rest) =>
        join(ipHeader(17, rest), udpHeader(6081, rest - 20), hex('0000 6558 00000100'), MAC, MAC, hex('0800')),
      ),
    ),
  'Geneve options': (n) =>
    udp(
      6081,
      tower(n, () => join(hex('3f00 6558 00000100'), fill(252, hex('0101 0100')))),
    ),
  'ICMP errors that bring back ICMP errors': (n) =>
    eth(
      0x0800,
      tower(n, (rest) => join(ipHeader(1, rest), hex('0301 0000 00000000'))),
    ),
  'ICMPv6 errors that bring back ICMPv6 errors': (n) =>
    eth(
      0x86dd,
      tower(n, (rest) =>
        join(hex('60000000'), be16(Math.max(0, rest - 40)), hex('3a40'), SRC6, DST6, hex('0100 0000 00000000')),
      ),
    ),
  'ICMP extension objects': (n) =>
    overIp(1, join(hex('0b00 0000 00200000'), ip(17, Buffer.alloc(108)), hex('2000 0000'), fill(n, hex('0004 0101')))),
  'PPP in PPPoE': (n) =>
    eth(
      0x8864,
      tower(n, (rest) => join(hex('1100 0001'), be16(rest - 6), hex('0057'))),
    ),
  'PPPoE tags': (n) => eth(0x8863, join(hex('1109 0000'), be16(n - 6), fill(n - 6, hex('0101 0000')))),
  'AH in AH': (n) => overIp(51, fill(n, hex('3301 0000 00000001 00000001'))),
  'LLC: CDP records': (n) => eth(n, join(hex('aaaa03 00000c 2000 02b4 0000'), fill(n - 12, hex('0001 0004')))),
  'CDP addresses': (n) =>
    eth(n, join(hex('aaaa03 00000c 2000 02b4 0000 0002'), be16(n), be32(n), fill(n - 20, hex('0101cc 0000')))),
  'LLDP TLVs': (n) => eth(0x88cc, join(hex('0207 04 020000000001 0402 0530 0602 0078'), fill(n, hex('0800')))),
  'LLDP TLVs of organizations': (n) => eth(0x88cc, join(hex('0207 04 020000000001'), fill(n, hex('fe04 0080c201')))),
  'IGMP group records': (n) =>
    overIp(2, join(hex('2200 0000 0000'), be16(Math.floor(n / 8)), fill(n, hex('01000000 e0000001')))),
  'MLD group records': (n) =>
    eth(0x86dd, ip6(58, join(hex('8f00 0000 0000'), be16(Math.floor(n / 20)), fill(n, join(hex('01000000'), DST6))))),
  'neighbour discovery options': (n) =>
    eth(0x86dd, ip6(58, join(hex('8600 0000 40000708 00000000 00000000'), fill(n, hex('0501 0000 00000500'))))),
  'search domains of a router': (n) =>
    eth(
      0x86dd,
      ip6(
        58,
        join(
          hex('8600 0000 40000708 00000000 00000000'),
          tower(n, () => join(hex('1f20 0000 00000e10'), fill(248, hex('016100')), hex('0000'))),
        ),
      ),
    ),
  'TCP options': (n) => {
    const bytes = tcp(9, fill(n, hex('01')));
    bytes[46] = 0xf0;
    return bytes;
  },
  'SCTP chunks': (n) => overIp(132, join(hex('0009 0009 00000001 00000000'), fill(n, hex('0e00 0004')))),
  'SCTP parameters': (n) =>
    overIp(
      132,
      join(
        hex('0009 0009 00000000 00000000 0100'),
        be16(20 + n),
        hex('00000001 00010000 0001 0001 00000001'),
        fill(n, hex('8000 0004')),
      ),
    ),
  'SCTP gap blocks': (n) =>
    overIp(
      132,
      join(
        hex('0009 0009 00000001 00000000 0300'),
        be16(16 + n),
        hex('00000001 00010000'),
        be16(Math.floor(n / 4)),
        hex('0000'),
        fill(n, hex('0001 0002')),
      ),
    ),
  'DCCP options': (n) =>
    overIp(
      33,
      tower(n, () => join(hex('1389 138a ff 00 0000 00 04 00 000001'), fill(1008, hex('03')))),
    ),
  'DNS questions': (n) => udp(53, join(dnsHeader(n / 5), fill(n, hex('00 0001 0001')))),
  'DNS names that point back': (n) =>
    udp(53, join(dnsHeader(1, n / 12), hex('016100 0001 0001'), fill(n, hex('c00c 0001 0001 00000000 0000')))),
  'DNS names that point to pointers': (n) =>
    udp(
      53,
      join(
        dnsHeader(1, (n + 2400) / 14),
        hex('016100 0005 0001'),
        // Each answer's name is that of the record before, and one label longer.
        numbered(n + 2400, (i) =>
          join(
            hex('0162'),
            be16(0xc000 | Math.min(i === 0 ? 12 : 19 + (i - 1) * 14, 0x3fff)),
            hex('0005 0001 00000000 0000'),
          ),
        ),
      ),
    ),
  'DNS names of the greatest length, pointed at': (n) =>
    udp(
      53,
      join(
        dnsHeader(1, n / 12),
        fill(252, hex('0161')),
        hex('00 0001 0001'),
        fill(n - 256, hex('c00c 0001 0001 00000000 0000')),
      ),
    ),
  'DNS pointers in a circle': (n) => udp(53, join(dnsHeader(n / 6), fill(n, hex('c00c 0001 0001')))),
  'DNS pointers, each to the one before': (n) =>
    udp(
      53,
      join(
        dnsHeader(n / 6),
        numbered(n, (i) => join(be16(0xc000 | Math.min(Math.max(12, 12 + (i - 1) * 6), 0x3fff)), hex('0001 0001'))),
      ),
    ),
  'DNS strings of text': (n) =>
    udp(53, join(dnsHeader(0, 1), hex('00 0010 0001 00000000'), be16(n), fill(n, hex('00')))),
  'DNS options': (n) =>
    udp(53, join(hex('1234 0100 0000 0000 0000 0001 00 0029 1000 00000000'), be16(n), fill(n, hex('000a 0000')))),
  'DNS service parameters': (n) =>
    udp(
      53,
      join(dnsHeader(0, 1), hex('00 0041 0001 00000000'), be16(n), hex('0001 00'), fill(n - 3, hex('0002 0000'))),
    ),
  'DNS types of NSEC': (n) =>
    udp(
      53,
      join(
        dnsHeader(0, 1),
        hex('00 002f 0001 00000000'),
        be16(n),
        hex('00'),
        fill(n - 1, join(hex('0020'), Buffer.alloc(32, 255))),
      ),
    ),
  'DNS over TCP': (n) => tcp(53, fill(n, join(be16(17), dnsHeader(1), hex('00 0001 0001')))),
  'NBNS records': (n) =>
    udp(137, join(hex('1234 2810 0000'), be16(n / 12), hex('0000 0000'), fill(n, hex('c00c 0020 0001 00000000 0000')))),
  'DHCP options': (n) =>
    udp(67, join(hex('0101 0600 12345678'), Buffer.alloc(228), hex('63825363'), fill(n, hex('0c00')))),
  'DHCP options overload': (n) =>
    udp(
      67,
      join(
        hex('0101 0600 12345678'),
        Buffer.alloc(36),
        fill(192, hex('340103')),
        hex('63825363'),
        fill(n, hex('340103')),
      ),
    ),
  'DHCP relay options': (n) =>
    udp(
      67,
      join(
        hex('0101 0600 12345678'),
        Buffer.alloc(228),
        hex('63825363'),
        fill(n, join(hex('52fe'), fill(254, hex('0100')))),
      ),
    ),
  'DHCPv6 options in options': (n) =>
    udp(
      547,
      join(
        hex('01123456'),
        tower(n, (rest) => join(hex('0003'), be16(Math.max(0, rest - 4)), hex('00000001 00000000 00000000'))),
      ),
    ),
  'DHCPv6 relays': (n) =>
    udp(
      547,
      tower(n, (rest) => join(hex('0c00'), DST6, SRC6, hex('0009'), be16(Math.max(0, rest - 38)))),
    ),
  'DHCPv6 options': (n) => udp(547, join(hex('01123456'), fill(n, hex('000e 0000')))),
  'SNMP: sequences in sequences': (n) => udp(161, ber(n)),
  'SNMP: bindings': (n) => udp(161, snmp(fill(n, hex('3005 06012b 0500')))),
  'SNMP: an object identifier of many numbers': (n) =>
    udp(161, snmp(join(hex('3082'), be16(n + 6), hex('0682'), be16(n), fill(n, hex('01')), hex('0500')))),
  'SNMP: bytes': (n) => udp(161, snmp(join(hex('3082'), be16(n + 7), hex('06012b 0482'), be16(n), fill(n, hex('ff'))))),
  'SNMP: integers of many bytes': (n) =>
    udp(161, snmp(join(hex('3082'), be16(n + 7), hex('06012b 0282'), be16(n), fill(n, hex('7f'))))),
  'NTP extension fields': (n) =>
    udp(123, join(hex('23'), Buffer.alloc(47), fill(n, hex('0104 0010 000000000000000000000000')))),
  'RADIUS attributes': (n) => udp(1812, join(hex('0101'), be16(20 + n), Buffer.alloc(16), fill(n, hex('0102')))),
  'RADIUS attributes of vendors': (n) =>
    udp(
      1812,
      join(hex('0101'), be16(20 + n), Buffer.alloc(16), fill(n, join(hex('1afc 00000137'), fill(246, hex('0102'))))),
    ),
  'RIP entries': (n) => udp(520, join(hex('0202 0000'), fill(n, hex('0002 0000 0a000000 ff000000 00000000 00000001')))),
  'OSPF links': (n) =>
    overIp(
      89,
      join(
        hex('0204'),
        be16(28 + n),
        hex('01010101 00000000 0000 0000 00000000 00000000'),
        be32(n / 20),
        fill(n, hex('0001 0201 01010101 02020202 80000001 0000 0014')),
      ),
    ),
  'BGP messages': (n) => tcp(179, fill(n, bgp(4, hex('')))),
  'BGP attributes': (n) => tcp(179, fill(n, update(fill(1000, hex('400600'))))),
  'BGP routes': (n) => tcp(179, fill(n, bgp(2, join(hex('0000 0000'), Buffer.alloc(1000))))),
  'BGP routes of several protocols': (n) =>
    tcp(179, fill(n, update(attribute(14, join(hex('0001 01 04 0a000001 00'), Buffer.alloc(1000)))))),
  'BGP capabilities': (n) =>
    tcp(179, fill(n, bgp(1, join(hex('04 0001 00b4 0a000001 fe'), fill(254, hex('0202 0200')))))),
  'BGP paths': (n) => tcp(179, fill(n, update(attribute(2, fill(1000, hex('0201 00000001')))))),
  'BGP communities': (n) => tcp(179, fill(n, update(attribute(8, fill(1000, hex('00010001')))))),
  'HTTP: lines of headers': (n) => tcp(80, join(text('GET / HTTP/1.1\r\n'), fill(n, text('a:\r\n')))),
  'HTTP: one line': (n) => tcp(80, join(text('GET /'), fill(n, text('a')))),
  'HTTP: a header of one line': (n) => tcp(80, join(text('GET / HTTP/1.1\r\nA: '), fill(n, text('a')))),
  'HTTP: empty lines': (n) => tcp(80, join(text('HTTP/1.1 200 OK\r\n'), fill(n, text('\n')))),
  'HTTP: lines that go on': (n) => tcp(80, join(text('HTTP/1.1 200 OK\r\nA: b'), fill(n, text('\r\n ')))),
  'HTTP: chunks': (n) =>
    tcp(80, join(text('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'), fill(n, text('1\r\na\r\n')))),
  'HTTP: requests': (n) => tcp(80, fill(n, text('GET / HTTP/1.1\r\n\r\n'))),
  'HTTP: cookies': (n) => tcp(80, join(text('GET / HTTP/1.1\r\nCookie: '), fill(n, text('a=b; ')), text('\r\n\r\n'))),
  'HTTP: parameters': (n) => tcp(80, join(text('GET /?'), fill(n, text('a=b&')), text(' HTTP/1.1\r\n\r\n'))),
  'FTP lines': (n) => tcp(21, fill(n, text('A\r\n'))),
  'SMTP lines': (n) => tcp(25, fill(n, text('250-A\r\n'))),
  'RTSP headers': (n) => tcp(554, join(text('OPTIONS * RTSP/1.0\r\n'), fill(n, text('a:\r\n')))),
  'TLS records': (n) => tcp(443, fill(n, record(23, hex('00')))),
  'TLS alerts': (n) => tcp(443, fill(n, record(21, hex('0100')))),
  'TLS messages': (n) => tcp(443, fill(n, record(22, fill(1000, hex('0e000000'))))),
  'TLS extensions': (n) => tcp(443, hello(fill(Math.min(n, 16_000), hex('00ff0000')))),
  'TLS hellos': (n) => tcp(443, fill(n, hello(fill(400, hex('0a0a0000'))))),
  'TLS names': (n) =>
    tcp(
      443,
      fill(
        n,
        hello(
          join(
            hex('0000'),
            be16(1002),
            be16(1000),
            fill(1000, hex('00 0001 61')),
            hex('0010'),
            be16(1002),
            be16(1000),
            fill(1000, hex('0161')),
          ),
        ),
      ),
    ),
  'TLS suites': (n) => {
    const suites = Math.min(n, 16_000) & ~1;
    const body = join(hex('0303'), Buffer.alloc(32), hex('00'), be16(suites), fill(suites, hex('c02b')), hex('0100'));
    return tcp(443, record(22, join(hex('0100'), be16(body.length), body)));
  },
  'TLS certificates': (n) =>
    tcp(443, fill(n, record(22, join(hex('0b00'), be16(1003), hex('00'), be16(1000), fill(1000, hex('000001 30')))))),
  'DTLS records': (n) => udp(4433, fill(n, hex('15fefd 0000 000000000001 0002 0100'))),
  'SSH packets': (n) => tcp(22, fill(n, kexInit())),
  'SSH: names in a list': (n) =>
    tcp(
      22,
      join(be32(n + 80), hex('04 14'), Buffer.alloc(16), be32(n - 100), fill(n - 100, text('a,')), Buffer.alloc(84)),
    ),
  'QUIC packets in one datagram': (n) => udp(443, fill(n, join(hex('e0 00000001 00 00 0001 00'), hex('')))),
  'QUIC versions': (n) => udp(443, join(hex('c0 00000000 00 00'), fill(n, hex('00000001')))),
  'SIP headers': (n) => udp(5060, join(sip(''), fill(n, text('v:\r\n')))),
  'SIP: one header': (n) => udp(5060, join(sip('Via: '), fill(n, text('a,;')))),
  'SIP: contacts': (n) => udp(5060, join(sip(''), fill(n, text('Contact: <sip:a@b>;tag=c\r\n')))),
  'SDP lines': (n) => udp(5060, sdp('a=\r\n'.repeat(n / 4))),
  'SDP media': (n) => udp(5060, sdp('m=audio 1 RTP/AVP 0\r\n'.repeat(n / 21))),
  'SDP words': (n) => udp(5060, sdp(`o=${'a '.repeat(n / 2)}\r\n`)),
  syslog: (n) => udp(514, join(text('<13>'), fill(n, text('a')))),
  'RTCP packets': (n) => udp(5005, fill(n, hex('80c9 0001 11223344'))),
  'RTCP items': (n) =>
    udp(5005, join(hex('80c9 0001 11223344 81ca'), be16(n / 4 - 1), be32(1), fill(n - 8, hex('0100')))),
  'TFTP options': (n) => udp(69, join(hex('0001'), text('f\0octet\0'), fill(n, text('a\0b\0')))),
  'LACP and OAM': (n) => eth(0x8809, join(hex('0301 0050 00'), fill(n, hex('0602')))),
  'EAP methods': (n) =>
    eth(0x888e, join(hex('0100'), be16(n), hex('0201'), be16(n), hex('03'), fill(n - 5, hex('0d')))),
  'PPP options': (n) =>
    eth(0x8864, join(hex('1100 0001'), be16(n), hex('c021 0101'), be16(n - 2), fill(n - 6, hex('0702')))),
  'STP: instances': (n) =>
    eth(
      n,
      join(hex('424203 0000 03 02 00'), Buffer.alloc(30), hex('00'), be16(n - 40), fill(n - 50, Buffer.alloc(16))),
    ),
  'VRRP addresses': (n) => overIp(112, join(hex('2101 64 ff 0001 0000'), fill(n, DST))),
  'ARP of long addresses': (n) => eth(0x0806, join(hex('0001 0800 ff ff 0001'), fill(n, MAC))),
  'nested by one who wraps': (n) =>
    nested(Math.min(n, 3000), overIp(17, Buffer.alloc(8)), (inner) => overIp(47, join(hex('0000 6558'), inner))),
};
