import { checksum } from '../bytes/checksum.ts';
import { IPPROTO_UDPLITE } from '../wire/ipproto.ts';
import * as wire from '../wire/udplite.ts';
import { BAD, defineFields, type Fields, findFields, GOOD, UNVERIFIED } from './fields.ts';
import type { Protocol } from './protocol.ts';
import { toldOver, udpPorts } from './tables.ts';
// UDP's fields are UDP-Lite's too.
import './udp.ts';
import { sum } from '../bytes/checksum.ts';

const F = defineFields('udp', { checksum_coverage: ['Checksum coverage', 'uint16'] });
const shared = (name: string): number => findFields(`udp.${name}`)[0]!.id;
const SRC_PORT = shared('srcport');
const DST_PORT = shared('dstport');
const LENGTH = shared('length');
const CHECKSUM = shared('checksum');
const STATUS = shared('checksum.status');
const PAYLOAD = shared('payload');

/** Wireshark's value for a checksum that must not be. */
const ILLEGAL = 4;

/** RFC 3828 3.1: the pseudo header has the length of the whole packet, the sum goes as far as the coverage says. */
function status(f: Fields, at: number, end: number, covered: number): number {
  // RFC 3828 3.1: a computed checksum of 0 is sent as all ones.
  if (wire.checksum(f.bytes, at) === 0) return ILLEGAL;
  if (!f.verifies || f.fragmented || f.ipVersion === 0 || end < f.wireEnd || at + covered > end) return UNVERIFIED;
  const size = f.ipVersion === 4 ? 4 : 16;
  const src = f.ip + (f.ipVersion === 4 ? 12 : 8);
  const addresses = sum(f.bytes, f.finalDst, f.finalDst + size, sum(f.bytes, src, src + size));
  return checksum(f.bytes, at, at + covered, addresses + IPPROTO_UDPLITE + (end - at)) === 0 ? GOOD : BAD;
}

/** tcpdump has no printer for it. */
export const udpLite: Protocol = {
  name: 'udplite',
  title: 'Lightweight User Datagram Protocol',
  walk(f, at, end) {
    if (!f.fits('udplite', at, wire.HEADER_LENGTH, end)) return;
    const { bytes } = f;
    const coverage = wire.coverage(bytes, at);
    const covered = coverage === 0 ? end - at : coverage;
    const body = at + wire.HEADER_LENGTH;
    f.layer(udpLite, at, wire.HEADER_LENGTH);
    f.srcPort = wire.srcPort(bytes, at);
    f.dstPort = wire.dstPort(bytes, at);
    f.uint(SRC_PORT, at, 2, f.srcPort);
    f.uint(DST_PORT, at + 2, 2, f.dstPort);
    f.uint(F.checksum_coverage, at + 4, 2, coverage);
    f.uint(LENGTH, at + 4, 0, end - at);
    f.uint(CHECKSUM, at + 6, 2, wire.checksum(bytes, at));
    if (covered < wire.HEADER_LENGTH || at + covered > Math.max(end, f.wireEnd)) {
      f.invalid('udplite', at + 4, wire.HEADER_LENGTH, coverage, 'udp.checksum_coverage');
      return;
    }
    f.uint(STATUS, at + 6, 0, status(f, at, end, covered));
    if (f.sessions !== null) f.sessions.udp(f, at);
    if (body >= end) return;
    f.raw(PAYLOAD, body, end - body);
    const told = toldOver(f, 'udp', f.srcPort, f.dstPort);
    const protocol = told ?? udpPorts.find(f.srcPort, f.dstPort);
    if (told === undefined && protocol?.accepts && !protocol.accepts(bytes, body, end)) f.data(body, end);
    else f.next(protocol, body, end);
  },
};
