import { wordOf } from '../bytes/digits.ts';
import { IPPROTO_UDP } from '../wire/ipproto.ts';
import * as wire from '../wire/udp.ts';
import { CHECKSUM_STATUS, defineAlias, defineFields, NOT_PRESENT, ROW_UDP } from './fields.ts';
import { TROUBLE_CHECKSUM } from './options.ts';
import type { Protocol } from './protocol.ts';
import { protocolOverUdp, toldOfAllUdp, toldOver, udpPorts } from './tables.ts';
import type { Text } from './text.ts';

const F = defineFields('udp', {
  srcport: ['Source Port', 'uint16'],
  dstport: ['Destination Port', 'uint16'],
  length: ['Length', 'uint16'],
  checksum: ['Checksum', 'uint16', { base: 'hex' }],
  'checksum.status': ['Checksum Status', 'uint8', CHECKSUM_STATUS],
  payload: ['Payload', 'bytes'],
});
defineAlias('udp.port', ['udp.srcport', 'udp.dstport']);

const LENGTH = wordOf('UDP, length ');

/** `source.port > destination.port: `; ports of -1 are not known. */
function printEnds(t: Text, srcPort: number, dstPort: number): void {
  const { out, ip } = t;
  const inIp = t.protocolOfIp === IPPROTO_UDP;
  if (inIp && srcPort >= 0) {
    t.ends(srcPort, dstPort, 'udp');
    return;
  }
  if (!inIp && srcPort < 0) return;
  for (let side = 0; side < 2; side++) {
    const port = side === 0 ? srcPort : dstPort;
    if (side === 1) out.ascii(' > ');
    if (port >= 0) t.port(port, 'udp');
    else if (t.ipVersion === 6) t.ipv6(ip + (side === 0 ? 8 : 24));
    else t.ipv4(ip + (side === 0 ? 12 : 16));
  }
  out.ascii(': ');
}

function printUdp(t: Text, at: number, length: number): void {
  const { out, bytes } = t;
  t.layer = 'udp';
  if (!t.has(at, 4)) {
    printEnds(t, -1, -1);
    t.truncated();
    return;
  }
  const srcPort = wire.srcPort(bytes, at);
  const dstPort = wire.dstPort(bytes, at);
  printEnds(t, srcPort, dstPort);
  if (length < wire.HEADER_LENGTH) {
    out.ascii('truncated-udp ');
    out.decimal(length);
    return;
  }
  if (!t.has(at, 6)) {
    t.truncated();
    return;
  }
  let payload = wire.length(bytes, at);
  // RFC 2675 4: a jumbogram has length 0.
  if (payload === 0 && length > 65535) payload = length;
  if (payload < wire.HEADER_LENGTH) {
    out.ascii('truncated-udplength ');
    out.decimal(payload);
    return;
  }
  payload -= wire.HEADER_LENGTH;
  length -= wire.HEADER_LENGTH;
  const wanted = payload;
  if (payload < length) length = payload;
  const body = at + wire.HEADER_LENGTH;
  if (body > t.end) {
    t.truncated();
    return;
  }
  // tcpdump looks at the checksum of none of those that -T gives a type.
  const typed = toldOfAllUdp(t);
  if (typed?.print) {
    typed.print(t, body, length);
    return;
  }
  // tcpdump checks IPv4's under -vv, and IPv6's, which must be there, under -v already.
  if (t.verbose > (t.ipVersion === 4 ? 1 : 0) && t.checksums && !t.fragmented) {
    const stated = wire.checksum(bytes, at);
    if (t.ipVersion === 4 && stated === 0) {
      out.ascii('[no cksum] ');
    } else if (t.has(body, length)) {
      const left = wire.verify(bytes, at, body + length, t.pseudo(IPPROTO_UDP));
      if (left === 0) out.ascii('[udp sum ok] ');
      else {
        t.trouble |= TROUBLE_CHECKSUM;
        out.ascii('[bad udp cksum 0x');
        out.hexPadded(stated, 4);
        out.ascii(' -> 0x');
        out.hexPadded(shouldBe(stated, left), 4);
        out.ascii('!] ');
      }
    }
  }
  if (!t.quiet) {
    const told = toldOver(t, 'udp', srcPort, dstPort);
    if (told?.print) {
      told.print(t, body, length);
      return;
    }
    const protocol = udpPorts.find(srcPort, dstPort);
    if (protocol?.print && (!protocol.accepts || protocol.accepts(bytes, body, Math.min(t.end, body + length)))) {
      protocol.print(t, body, length);
      return;
    }
  }
  if (wanted > length && !t.fragmented) {
    out.ascii('UDP, bad length ');
    out.decimal(wanted);
    out.ascii(' > ');
    out.decimal(length);
  } else {
    out.word(LENGTH);
    out.decimal(wanted);
  }
}

/** The checksum that a header should have, from the one that it has and what verifying left. */
export function shouldBe(stated: number, left: number): number {
  // What is left is the complement of a sum that contains `stated`. Zero has two forms: tcpdump shows this one.
  const sum = stated + left;
  return (sum & 0xffff) + (sum >>> 16);
}

export const udp: Protocol = {
  name: 'udp',
  title: 'User Datagram Protocol',
  print: printUdp,
  walk(f, at, end) {
    if (!f.fits('udp', at, wire.HEADER_LENGTH, end)) return;
    const { bytes } = f;
    const body = at + wire.HEADER_LENGTH;
    const length = wire.length(bytes, at);
    f.srcPort = wire.srcPort(bytes, at);
    f.dstPort = wire.dstPort(bytes, at);
    f.layer(udp, at, wire.HEADER_LENGTH);
    const isAbsent = wire.checksum(bytes, at) === 0;
    const isCompact = f.compact && !f.verifies && !isAbsent && (length === 0 || length >= wire.HEADER_LENGTH);
    if (isCompact) f.header(ROW_UDP, at);
    else {
      f.uint(F.srcport, at, 2, f.srcPort);
      f.uint(F.dstport, at + 2, 2, f.dstPort);
      f.uint(F.length, at + 4, 2, length);
      f.uint(F.checksum, at + 6, 2, wire.checksum(bytes, at));
    }
    if (length !== 0 && length < wire.HEADER_LENGTH) {
      f.invalid('udp', at + 4, wire.HEADER_LENGTH, length, 'udp.length');
      return;
    }
    const stop = length === 0 ? end : f.narrow(at + length, end, 'udp.length');
    if (!isCompact) {
      const status = isAbsent ? NOT_PRESENT : f.checksumStatus(at, length === 0 ? stop - at : length, IPPROTO_UDP);
      f.uint(F['checksum.status'], at + 6, 0, status);
    }
    if (f.sessions !== null) f.sessions.udp(f, at);
    if (body < stop) f.raw(F.payload, body, stop - body);
    const protocol = protocolOverUdp(f, body, stop);
    if (!f.passesOver(protocol)) f.next(protocol, body, stop);
  },
};
