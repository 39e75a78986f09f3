import { be16, be32 } from '../bytes/endian.ts';
import {
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  ETHERTYPE_MPLS,
  ETHERTYPE_MPLS_MULTICAST,
  ETHERTYPE_PPP,
  ETHERTYPE_TEB,
} from '../wire/ethertype.ts';
import * as wire from '../wire/gre.ts';
import { erspan, erspanType1 } from './erspan.ts';
import { BAD, CHECKSUM_STATUS, defineFields, GOOD, UNVERIFIED } from './fields.ts';
import { type Bits, printBits, printHex } from './flags.ts';
import { etherTypeName } from './names.ts';
import type { Protocol } from './protocol.ts';
import { etherTypes, type Told, toldIn } from './tables.ts';
import type { Text } from './text.ts';

const F = defineFields('gre', {
  flags_and_version: ['Flags and Version', 'uint16', { base: 'hex' }],
  'flags.checksum': ['Checksum Bit', 'bool'],
  'flags.routing': ['Routing Bit', 'bool'],
  'flags.key': ['Key Bit', 'bool'],
  'flags.sequence_number': ['Sequence Number Bit', 'bool'],
  'flags.strict_source_route': ['Strict Source Route Bit', 'bool'],
  'flags.recursion_control': ['Recursion control', 'uint16'],
  'flags.ack': ['Acknowledgment', 'bool'],
  'flags.reserved': ['Flags (Reserved)', 'uint16'],
  'flags.version': ['Version', 'uint16'],
  proto: ['Protocol Type', 'uint16', { base: 'hex' }],
  checksum: ['Checksum', 'uint16', { base: 'hex' }],
  'checksum.status': ['Checksum Status', 'uint8', CHECKSUM_STATUS],
  offset: ['Offset', 'uint16'],
  key: ['Key', 'uint32', { base: 'hex' }],
  'key.payload_length': ['Payload Length', 'uint16'],
  'key.call_id': ['Call ID', 'uint16'],
  sequence_number: ['Sequence Number', 'uint32'],
  ack_number: ['Acknowledgment Number', 'uint32'],
  'routing.address_family': ['Address Family', 'uint16', { list: true }],
  'routing.sre_offset': ['SRE Offset', 'uint8', { list: true }],
  'routing.src_length': ['SRE Length', 'uint8', { list: true }],
  'routing.information': ['Routing Information', 'bytes', { list: true }],
});

const FLAGS: Bits = [
  [wire.FLAG_CHECKSUM, 'checksum present'],
  [wire.FLAG_ROUTING, 'routing present'],
  [wire.FLAG_KEY, 'key present'],
  [wire.FLAG_SEQUENCE, 'sequence# present'],
  [wire.FLAG_STRICT_ROUTE, 'source routing present'],
  [wire.FLAG_ACK, 'ack present'],
];

/** Which protocols tcpdump follows behind a version 0 header. */
const PRINTED = new Set([ETHERTYPE_IPV4, ETHERTYPE_IPV6, ETHERTYPE_MPLS, ETHERTYPE_MPLS_MULTICAST, ETHERTYPE_TEB]);

function printGre(t: Text, at: number, length: number): void {
  const { out } = t;
  t.layer = 'gre';
  t.need(at, 2);
  const version = t.be16(at) & 7;
  out.ascii('GREv');
  out.decimal(version);
  if (version > 1) {
    out.ascii(' ERROR: unknown-version');
    return;
  }
  if (t.verbose > 0) {
    out.ascii(', Flags [');
    printBits(t, FLAGS, t.be16(at), 'none');
    out.byte(93);
  }
  const end = at + length;
  if (version === 0) print0(t, at, end);
  else print1(t, at, end);
}

/** The part that both versions end in: protocol, length, and what introduces the payload. */
function printProtocol(t: Text, protocol: number, length: number): void {
  const { out } = t;
  if (t.link) {
    out.ascii(', proto ');
    out.ascii(etherTypeName(protocol) ?? 'unknown');
    out.ascii(' (0x');
    out.hexPadded(protocol, 4);
    out.byte(41);
  }
  out.ascii(', length ');
  out.decimal(length);
}

function print0(t: Text, start: number, end: number): void {
  const { out } = t;
  let at = start;
  /** False where the layer below says that fewer bytes are there. */
  const left = (count: number): boolean => {
    if (end - at < count) {
      t.truncated();
      return false;
    }
    t.need(at, count);
    return true;
  };
  const flags = t.be16(at);
  at += 2;
  if (!left(2)) return;
  const protocol = t.be16(at);
  at += 2;
  if ((flags & (wire.FLAG_CHECKSUM | wire.FLAG_ROUTING)) !== 0) {
    if (!left(2)) return;
    if (t.verbose > 0) {
      const sum = t.be16(at);
      out.ascii(', sum ');
      printHex(t, sum);
    }
    at += 2;
    if (!left(2)) return;
    const offset = t.be16(at);
    out.ascii(', off ');
    printHex(t, offset);
    at += 2;
  }
  if ((flags & wire.FLAG_KEY) !== 0) {
    if (!left(4)) return;
    const key = t.be32(at);
    out.ascii(', key=');
    printHex(t, key);
    at += 4;
  }
  if ((flags & wire.FLAG_SEQUENCE) !== 0) {
    if (!left(4)) return;
    out.ascii(`, seq ${t.be32(at)}`);
    at += 4;
  }
  if ((flags & wire.FLAG_ROUTING) !== 0) {
    for (;;) {
      if (!left(4)) return;
      const family = t.be16(at);
      const offset = t.u8(at + 2);
      const size = t.u8(at + 3);
      at += 4;
      if (size === 0) break;
      if (!printRoute(t, family, offset, size, at, end) || !left(size)) return;
      at += size;
    }
  }
  printProtocol(t, protocol, end - start);
  out.ascii(t.verbose > 0 ? '\n\t' : ': ');
  const upper = toldIn(t, 'gre.proto', protocol) ?? (PRINTED.has(protocol) ? etherTypes.get(protocol) : undefined);
  if (upper?.print) upper.print(t, at, end - at);
  else {
    out.ascii('gre-proto-');
    printHex(t, protocol);
  }
}

/** A source route entry. False where it is not whole. */
function printRoute(t: Text, family: number, offset: number, size: number, at: number, end: number): boolean {
  const { out } = t;
  const isIp = family === wire.ROUTE_IP;
  if (!isIp && family !== wire.ROUTE_AS) {
    out.ascii(', (rtaf=');
    printHex(t, family);
    out.byte(41);
    return true;
  }
  out.ascii(isIp ? ', (rtaf=ip' : ', (rtaf=asn');
  const step = isIp ? 4 : 2;
  let isWhole = true;
  if ((offset & (step - 1)) !== 0) out.ascii(`, badoffset=${offset}`);
  else if ((size & (step - 1)) !== 0) out.ascii(`, badlength=${size}`);
  else if (offset >= size) out.ascii(`, badoff/len=${offset}/${size}`);
  else
    for (let place = 0; place < size; place += step) {
      if (end - (at + place) < step || !t.has(at + place, step)) {
        isWhole = false;
        break;
      }
      out.ascii(place === offset ? ' *' : ' ');
      if (isIp) out.ipv4(t.bytes, at + place);
      else out.hex(t.be16(at + place));
    }
  out.byte(41);
  if (!isWhole) t.truncated();
  return isWhole;
}

function print1(t: Text, start: number, end: number): void {
  const { out } = t;
  let at = start;
  const left = (count: number): boolean => {
    if (end - at < count) {
      t.truncated();
      return false;
    }
    t.need(at, count);
    return true;
  };
  const flags = t.be16(at);
  at += 2;
  if (!left(2)) return;
  const protocol = t.be16(at);
  at += 2;
  if ((flags & wire.FLAG_KEY) !== 0) {
    if (!left(4)) return;
    const key = t.be32(at);
    at += 4;
    out.ascii(', call ');
    out.decimal(key & 0xffff);
  }
  if ((flags & wire.FLAG_SEQUENCE) !== 0) {
    if (!left(4)) return;
    out.ascii(`, seq ${t.be32(at)}`);
    at += 4;
  }
  if ((flags & wire.FLAG_ACK) !== 0) {
    if (!left(4)) return;
    out.ascii(`, ack ${t.be32(at)}`);
    at += 4;
  }
  if ((flags & wire.FLAG_SEQUENCE) === 0) out.ascii(', no-payload');
  printProtocol(t, protocol, end - start);
  if ((flags & wire.FLAG_SEQUENCE) === 0) return;
  out.ascii(t.verbose > 0 ? '\n\t' : ': ');
  const upper = protocol === ETHERTYPE_PPP ? etherTypes.get(protocol) : undefined;
  if (upper?.print) upper.print(t, at, end - at);
  else {
    out.ascii('gre-proto-');
    printHex(t, protocol);
  }
}

export const gre: Protocol = {
  name: 'gre',
  title: 'Generic Routing Encapsulation',
  print: printGre,
  walk(f, at, end) {
    if (!f.fits('gre', at, wire.HEADER_LENGTH, end)) return;
    const { bytes } = f;
    const start = at;
    const flags = wire.flags(bytes, at);
    const protocol = wire.protocol(bytes, at);
    const isPptp = (flags & 7) === 1 && protocol === ETHERTYPE_PPP;
    f.layer(gre, at, wire.HEADER_LENGTH);
    f.uint(F.flags_and_version, at, 2, flags);
    f.bool(F['flags.checksum'], at, 2, (flags & wire.FLAG_CHECKSUM) !== 0);
    f.bool(F['flags.routing'], at, 2, (flags & wire.FLAG_ROUTING) !== 0);
    f.bool(F['flags.key'], at, 2, (flags & wire.FLAG_KEY) !== 0);
    f.bool(F['flags.sequence_number'], at, 2, (flags & wire.FLAG_SEQUENCE) !== 0);
    f.bool(F['flags.strict_source_route'], at, 2, (flags & wire.FLAG_STRICT_ROUTE) !== 0);
    f.uint(F['flags.recursion_control'], at, 2, (flags >>> 8) & 7);
    if (isPptp) f.bool(F['flags.ack'], at, 2, (flags & wire.FLAG_ACK) !== 0);
    f.uint(F['flags.reserved'], at, 2, isPptp ? (flags >>> 3) & 15 : (flags >>> 3) & 31);
    f.uint(F['flags.version'], at, 2, flags & 7);
    f.uint(F.proto, at + 2, 2, protocol);
    at += wire.HEADER_LENGTH;
    const field = (): boolean => {
      const fits = f.fits('gre', at, 4, end);
      f.layerEnds(fits ? at + 4 : at);
      return fits;
    };
    if ((flags & (wire.FLAG_CHECKSUM | wire.FLAG_ROUTING)) !== 0) {
      if (!field()) return;
      f.uint(F.checksum, at, 2, be16(bytes, at));
      const verified = (flags & wire.FLAG_CHECKSUM) !== 0 && !f.fragmented && f.wireEnd <= end;
      const status = !verified ? UNVERIFIED : wire.verify(bytes, start, end) === 0 ? GOOD : BAD;
      f.uint(F['checksum.status'], at, 0, status);
      f.uint(F.offset, at + 2, 2, be16(bytes, at + 2));
      at += 4;
    }
    if ((flags & wire.FLAG_KEY) !== 0) {
      if (!field()) return;
      if (isPptp) {
        f.uint(F['key.payload_length'], at, 2, be16(bytes, at));
        f.uint(F['key.call_id'], at + 2, 2, be16(bytes, at + 2));
      } else f.uint(F.key, at, 4, be32(bytes, at));
      at += 4;
    }
    if ((flags & wire.FLAG_SEQUENCE) !== 0) {
      if (!field()) return;
      f.uint(F.sequence_number, at, 4, be32(bytes, at));
      at += 4;
    }
    if (isPptp && (flags & wire.FLAG_ACK) !== 0) {
      if (!field()) return;
      f.uint(F.ack_number, at, 4, be32(bytes, at));
      at += 4;
    }
    if ((flags & wire.FLAG_ROUTING) !== 0) {
      for (;;) {
        if (!field()) return;
        const size = bytes[at + 3]!;
        f.uint(F['routing.address_family'], at, 2, be16(bytes, at));
        f.uint(F['routing.sre_offset'], at + 2, 1, bytes[at + 2]!);
        f.uint(F['routing.src_length'], at + 3, 1, size);
        at += 4;
        if (size === 0) break;
        if (!f.fits('gre', at, size, end)) return;
        f.raw(F['routing.information'], at, size);
        at += size;
        f.layerEnds(at);
      }
    }
    if (at < end) f.next(upperOf(f, protocol, flags), at, end);
  },
};

const GRE_ERSPAN_2 = 0x88be;
const GRE_ERSPAN_3 = 0x22eb;

function upperOf(told: Told, protocol: number, flags: number): Protocol | undefined {
  const said = toldIn(told, 'gre.proto', protocol);
  if (said !== undefined) return said;
  if (protocol === GRE_ERSPAN_2) return (flags & wire.FLAG_SEQUENCE) !== 0 ? erspan : erspanType1;
  return protocol === GRE_ERSPAN_3 ? erspan : etherTypes.get(protocol);
}
