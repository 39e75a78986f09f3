import { be16, be32 } from '../bytes/endian.ts';
import * as wire from '../wire/ospf.ts';
import { HEADER_LENGTH as HEADER_3_LENGTH } from '../wire/ospf3.ts';
import type { Fields } from './fields.ts';
import { printBits } from './flags.ts';
import { walkLsaBody, walkLsaId, walkLsaKind, walkOptions } from './ospf-fields.ts';
import { OPTIONS, printLsa, printLsaHeader, printRequest } from './ospf-lsa.ts';
import { ospfTypes, printDescriptionFlags } from './ospf-names.ts';
import { walkOpaque, walkSignaling } from './ospf-opaque.ts';
import { printSignaling } from './ospf-opaque-text.ts';
import { F, MESSAGES } from './ospf-registry.ts';
import { walkOspf3 } from './ospf3.ts';
import { printOspf3 } from './ospf3-text.ts';
import type { Protocol } from './protocol.ts';
import type { Text } from './text.ts';

const AUTHENTICATION: Readonly<Record<number, string>> = { 0: 'none', 1: 'simple', 2: 'MD5' };
function printOspf(t: Text, at: number, length: number): void {
  const { out } = t;
  if (t.ipVersion === 6) {
    printOspf3(t, at, length);
    return;
  }
  t.layer = 'ospf2';
  t.reads(at, 16);
  if (t.be16(at + 14) === wire.AUTH_CRYPTO) t.reads(at, 18);
  const version = t.u8(at);
  const type = t.u8(at + 1);
  const stated = t.be16(at + 2);
  // The digest behind the packet does not count.
  const isSigned = t.be16(at + 14) === wire.AUTH_CRYPTO && length >= wire.HEADER_LENGTH;
  const digest = isSigned ? t.u8(at + 19) : 0;
  const actual = length - digest;
  // Nor is it there for what follows.
  t.end -= digest;
  out.ascii(`OSPFv${version}, ${ospfTypes[type] ?? `unknown LS-type ${type}`}, length ${actual}`);
  if (actual !== stated && t.verbose > 0) out.ascii(` [len ${stated}]`);
  if (length === 0 || t.verbose === 0) return;
  if (ospfTypes[type] === undefined) return;
  const end = at + stated;
  t.reads(wire.routerIdAt(at), 4);
  out.ascii('\n\tRouter-ID ');
  t.ipv4(wire.routerIdAt(at));
  if (t.be32(wire.areaIdAt(at)) !== 0) {
    out.ascii(', Area ');
    t.ipv4(wire.areaIdAt(at));
  } else out.ascii(', Backbone Area');
  t.reads(at, wire.HEADER_LENGTH);
  const auth = t.be16(at + 14);
  out.ascii(`, Authentication Type: ${AUTHENTICATION[auth] ?? 'unknown'} (${auth})`);
  if (AUTHENTICATION[auth] === undefined) return;
  const data = wire.authDataAt(at);
  if (auth === wire.AUTH_SIMPLE) {
    out.ascii('\n\tSimple text password: ');
    for (let i = 0; i < 8 && t.u8(data + i) !== 0; i++) t.visible(t.u8(data + i));
  } else if (auth === wire.AUTH_CRYPTO) {
    out.ascii(`\n\tKey-ID: ${t.u8(data + 2)}`);
    out.ascii(`, Auth-Length: ${t.u8(data + 3)}, Crypto Sequence Number: 0x${hex8(t.be32(data + 4))}`);
  }
  if (version === 2) {
    const isSignaling = printBody(t, type, at + wire.HEADER_LENGTH, end);
    if (isSignaling && actual > stated) printSignaling(t, end + digest, at + actual);
  } else out.ascii(` ospf [version ${version}]`);
}

const hex8 = (value: number): string => value.toString(16).padStart(8, '0');

/** True where a block for link-local signaling follows. */
function printBody(t: Text, type: number, at: number, end: number): boolean {
  const { out } = t;
  switch (type) {
    case wire.TYPE_HELLO:
      printHello(t, at, end);
      return (t.u8(at + 6) & wire.OPTION_LLS) !== 0;
    case wire.TYPE_DESCRIPTION: {
      const options = t.u8(at + 2);
      out.ascii('\n\tOptions [');
      printBits(t, OPTIONS, options, 'none');
      out.byte(93);
      printDescriptionFlags(t, t.u8(at + 3), 2);
      out.ascii(`, MTU: ${t.be16(at)}`);
      out.ascii(`, Sequence: 0x${hex8(t.be32(at + 4))}`);
      for (let lsa = at + wire.DESCRIPTION_LENGTH; lsa < end; lsa += wire.LSA_HEADER_LENGTH)
        if (printLsaHeader(t, lsa) < 0) return false;
      return (options & wire.OPTION_LLS) !== 0;
    }
    case wire.TYPE_REQUEST:
      for (let place = at; place < end; place += wire.REQUEST_LENGTH) printRequest(t, place);
      break;
    case wire.TYPE_UPDATE: {
      const count = t.be32(at);
      out.ascii(`, ${count} LSA${count > 1 ? 's' : ''}`);
      let lsa = at + 4;
      for (let number = 1; number <= count; number++) {
        out.ascii(`\n\t  LSA #${number}`);
        const next = printLsa(t, lsa, end);
        if (next < 0) {
          t.truncated();
          return false;
        }
        lsa = next;
      }
      break;
    }
    case wire.TYPE_ACKNOWLEDGE:
      for (let lsa = at; printLsaHeader(t, lsa) >= 0; ) lsa += wire.LSA_HEADER_LENGTH;
  }
  return false;
}

function printHello(t: Text, at: number, end: number): void {
  const { out } = t;
  const options = t.u8(at + 6);
  out.ascii('\n\tOptions [');
  printBits(t, OPTIONS, options, 'none');
  out.byte(93);
  t.reads(at, 12);
  out.ascii(`\n\t  Hello Timer ${t.be16(at + 4)}s, Dead Timer ${t.be32(at + 8)}s, Mask `);
  t.ipv4(at);
  out.ascii(`, Priority ${t.u8(at + 7)}`);
  t.reads(at + 12, 4);
  out.ascii('\n\t  Designated Router ');
  t.ipv4(at + 12);
  if (t.be32(at + 16) !== 0) {
    out.ascii(', Backup Designated Router ');
    t.ipv4(at + 16);
  }
  let place = at + wire.HELLO_LENGTH;
  if (place >= end) return;
  out.ascii('\n\t  Neighbor List:');
  for (; place < end; place += 4) {
    t.reads(place, 4);
    out.ascii('\n\t    ');
    t.ipv4(place);
  }
}

export const ospf: Protocol = {
  name: 'ospf',
  title: 'Open Shortest Path First',
  print: printOspf,
  walk(f, at, end) {
    if (!f.fits('ospf', at, HEADER_3_LENGTH, end)) return;
    const { bytes } = f;
    const version = wire.version(bytes, at);
    if (version !== 2 && version !== 3) {
      f.data(at, end);
      return;
    }
    const type = wire.type(bytes, at);
    const length = wire.length(bytes, at);
    const headerLength = version === 2 ? wire.HEADER_LENGTH : HEADER_3_LENGTH;
    if (!f.fits('ospf', at, headerLength, end)) return;
    f.layer(ospf, at, headerLength);
    f.uint(F.version, at, 1, version);
    f.uint(F.msg, at + 1, 1, type);
    const kind = MESSAGES[type];
    if (kind !== undefined) f.bool(kind, at + 1, 1, true);
    f.uint(F.packet_length, at + 2, 2, length);
    f.raw(F.srcrouter, wire.routerIdAt(at), 4);
    f.raw(F.area_id, wire.areaIdAt(at), 4);
    f.uint(F.checksum, at + 12, 2, wire.checksum(bytes, at));
    const stop = f.narrow(at + length, end, 'ospf.packet_length');
    f.layerEnds(Math.max(stop, at + headerLength));
    if (version === 3) {
      walkOspf3(f, type, at, stop);
      return;
    }
    const auth = wire.authType(bytes, at);
    const data = wire.authDataAt(at);
    let behind = stop;
    f.uint(F['auth.type'], at + 14, 2, auth);
    if (auth === wire.AUTH_SIMPLE) {
      let stop = data;
      while (stop < data + 8 && bytes[stop] !== 0) stop++;
      f.value(F['auth.simple'], data, 8, new TextDecoder().decode(bytes.subarray(data, stop)));
    } else if (auth === wire.AUTH_CRYPTO) {
      f.uint(F['auth.crypt.key_id'], data + 2, 1, bytes[data + 2]!);
      f.uint(F['auth.crypt.data_length'], data + 3, 1, bytes[data + 3]!);
      f.uint(F['auth.crypt.seq_nbr'], data + 4, 4, be32(bytes, data + 4));
      // The digest is behind the packet, and does not count in its length.
      const size = bytes[data + 3]!;
      if (size > 0 && stop + size <= end) f.raw(F['auth.crypt.data'], stop, size);
      behind += size;
    } else f.raw(auth === 0 ? F['auth.none'] : F['auth.unknown'], data, 8);
    walkBody(f, type, at + wire.HEADER_LENGTH, stop);
    const options = at + wire.HEADER_LENGTH + (type === wire.TYPE_HELLO ? 6 : 2);
    const isSignaling =
      (type === wire.TYPE_HELLO || type === wire.TYPE_DESCRIPTION) &&
      options < stop &&
      (bytes[options]! & wire.OPTION_LLS) !== 0;
    if (isSignaling && behind < end) {
      walkSignaling(f, behind, end);
      f.layerEnds(end);
    }
  },
};

function walkBody(f: Fields, type: number, at: number, end: number): void {
  const { bytes } = f;
  switch (type) {
    case wire.TYPE_HELLO:
      if (!f.fits('ospf', at, wire.HELLO_LENGTH, end)) return;
      f.raw(F['hello.network_mask'], at, 4);
      f.uint(F['hello.hello_interval'], at + 4, 2, be16(bytes, at + 4));
      walkOptions(f, at + 6);
      f.uint(F['hello.router_priority'], at + 7, 1, bytes[at + 7]!);
      f.uint(F['hello.router_dead_interval'], at + 8, 4, be32(bytes, at + 8));
      f.raw(F['hello.designated_router'], at + 12, 4);
      f.raw(F['hello.backup_designated_router'], at + 16, 4);
      for (let place = at + wire.HELLO_LENGTH; place + 4 <= end; place += 4)
        f.raw(F['hello.active_neighbor'], place, 4);
      break;
    case wire.TYPE_DESCRIPTION:
      if (!f.fits('ospf', at, wire.DESCRIPTION_LENGTH, end)) return;
      f.uint(F['db.interface_mtu'], at, 2, be16(bytes, at));
      walkOptions(f, at + 2);
      f.uint(F.dbd, at + 3, 1, bytes[at + 3]!);
      f.bool(F['dbd.r'], at + 3, 1, (bytes[at + 3]! & 8) !== 0);
      f.bool(F['dbd.i'], at + 3, 1, (bytes[at + 3]! & 4) !== 0);
      f.bool(F['dbd.m'], at + 3, 1, (bytes[at + 3]! & 2) !== 0);
      f.bool(F['dbd.ms'], at + 3, 1, (bytes[at + 3]! & 1) !== 0);
      f.uint(F['db.dd_sequence'], at + 4, 4, be32(bytes, at + 4));
      walkLsas(f, at + wire.DESCRIPTION_LENGTH, end, false);
      break;
    case wire.TYPE_REQUEST:
      for (let place = at; place + wire.REQUEST_LENGTH <= end; place += wire.REQUEST_LENGTH) {
        f.uint(F.lsa, place, 4, be32(bytes, place));
        f.raw(F.link_state_id, place + 4, 4);
        f.raw(F.advrouter, place + 8, 4);
      }
      break;
    case wire.TYPE_UPDATE:
      if (!f.fits('ospf', at, 4, end)) return;
      f.uint(F['ls.number_of_lsas'], at, 4, be32(bytes, at));
      walkLsas(f, at + 4, end, true);
      break;
    case wire.TYPE_ACKNOWLEDGE:
      walkLsas(f, at, end, false);
  }
}

/** LSA headers, with their bodies where those follow. */
function walkLsas(f: Fields, at: number, end: number, haveBodies: boolean): void {
  const { bytes } = f;
  while (at < end) {
    if (!f.fits('ospf', at, wire.LSA_HEADER_LENGTH, end)) return;
    const length = wire.lsaLength(bytes, at);
    f.uint(F['lsa.age'], at, 2, wire.lsaAge(bytes, at) & 0x7fff);
    f.uint(F['lsa.donotage'], at, 2, wire.lsaAge(bytes, at) >>> 15);
    walkLsaKind(f, at);
    f.uint(F.lsa, at + 3, 1, wire.lsaType(bytes, at));
    walkLsaId(f, at);
    f.raw(F.advrouter, wire.lsaRouterAt(at), 4);
    f.uint(F['lsa.seqnum'], at + 12, 4, wire.lsaSequence(bytes, at));
    f.uint(F['lsa.chksum'], at + 16, 2, wire.lsaChecksum(bytes, at));
    f.uint(F['lsa.length'], at + 18, 2, length);
    if (length < wire.LSA_HEADER_LENGTH) {
      f.invalid('ospf', at + 18, wire.LSA_HEADER_LENGTH, length, 'ospf.lsa.length');
      return;
    }
    if (haveBodies) {
      if (!f.fits('ospf', at, length, end)) return;
      const type = wire.lsaType(bytes, at);
      const body = at + wire.LSA_HEADER_LENGTH;
      if (wire.isOpaque(type)) walkOpaque(f, bytes[wire.lsaIdAt(at)]!, body, at + length);
      else walkLsaBody(f, type, body, at + length);
    }
    at += haveBodies ? length : wire.LSA_HEADER_LENGTH;
  }
}
