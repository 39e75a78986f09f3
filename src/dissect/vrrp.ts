import { checksum, sum } from '../bytes/checksum.ts';
import { be16 } from '../bytes/endian.ts';
import { IPPROTO_VRRP } from '../wire/ipproto.ts';
import * as wire from '../wire/vrrp.ts';
import { BAD, CHECKSUM_STATUS, defineFields, type Fields, GOOD, UNVERIFIED } from './fields.ts';
import { TROUBLE_CHECKSUM } from './options.ts';
import type { Protocol } from './protocol.ts';
import type { Text } from './text.ts';

const LIST = { list: true } as const;
const F = defineFields('vrrp', {
  typever: ['VRRP message version and type', 'uint8'],
  version: ['VRRP protocol version', 'uint8'],
  type: ['VRRP packet type', 'uint8', { values: { [wire.TYPE_ADVERTISEMENT]: 'Advertisement' } }],
  virt_rtr_id: ['Virtual Rtr ID', 'uint8'],
  prio: ['Priority', 'uint8'],
  addr_count: ['Addr Count', 'uint8'],
  auth_type: ['Auth Type', 'uint8'],
  adver_int: ['Adver Int', 'uint8'],
  reserved_mbz: ['Reserved', 'uint8'],
  short_adver_int: ['Adver Int', 'uint16'],
  checksum: ['Checksum', 'uint16', { base: 'hex' }],
  'checksum.status': ['Checksum Status', 'uint8', CHECKSUM_STATUS],
  ip_addr: ['IP Address', 'ipv4', LIST],
  ipv6_addr: ['IPv6 Address', 'ipv6', LIST],
  auth_string: ['Authentication String', 'string'],
});
const AUTHENTICATION = ['none', 'simple', 'ah'];

function printVrrp(t: Text, at: number, length: number): void {
  const { out, bytes } = t;
  t.layer = 'vrrp';
  out.ascii('VRRP');
  const version = t.u8(at) >>> 4;
  const type = t.u8(at) & 15;
  out.ascii(`v${version}, ${type === wire.TYPE_ADVERTISEMENT ? 'Advertisement' : `unknown type (${type})`}`);
  if (t.ttl !== wire.TTL) out.ascii(`, (ttl ${t.ttl})`);
  if (version < 2 || version > 3 || type !== wire.TYPE_ADVERTISEMENT) return;
  t.reads(at, 3);
  out.ascii(`, vrid ${wire.routerId(bytes, at)}, prio ${wire.priority(bytes, at)}`);
  const auth = t.u8(at + 4);
  if (version === 2) {
    out.ascii(`, authtype ${AUTHENTICATION[auth] ?? `#${auth}`}`);
    out.ascii(`, intvl ${t.u8(at + 5)}s, length ${length}`);
  } else out.ascii(`, intvl ${t.be16(at + 4) & 0x0fff}cs, length ${length}`);
  if (t.verbose === 0) return;
  const count = t.u8(at + 3);
  if (t.has(at, length)) {
    const pseudo = version === 2 ? 0 : t.pseudo(IPPROTO_VRRP) + length;
    if (checksum(bytes, at, at + length, pseudo) !== 0) {
      t.trouble |= TROUBLE_CHECKSUM;
      out.ascii(`, (bad vrrp cksum ${t.be16(at + 6).toString(16)})`);
    }
  }
  out.ascii(`, addrs${count > 1 ? `(${count})` : ''}:`);
  let place = at + wire.HEADER_LENGTH;
  const size = version === 3 && t.ipVersion === 6 ? 16 : 4;
  for (let i = 0; i < count; i++) {
    t.reads(place, size);
    out.byte(i === 0 ? 32 : 44);
    if (size === 16) t.ipv6(place);
    else t.ipv4(place);
    place += size;
  }
  if (version === 2 && auth === wire.AUTH_SIMPLE) {
    out.ascii(' auth "');
    for (let i = 0; i < wire.AUTH_DATA_LENGTH; i++) {
      const value = t.u8(place + i);
      if (value === 0) break;
      t.visible(value);
    }
    out.byte(34);
  }
}

function status(f: Fields, at: number, end: number, version: number): number {
  if (f.fragmented || f.ipVersion === 0 || f.wireEnd > end) return UNVERIFIED;
  let initial = 0;
  if (version === 3) {
    const size = f.ipVersion === 4 ? 4 : 16;
    const src = f.ip + (f.ipVersion === 4 ? 12 : 8);
    initial = sum(f.bytes, f.finalDst, f.finalDst + size, sum(f.bytes, src, src + size)) + IPPROTO_VRRP + (end - at);
  }
  return checksum(f.bytes, at, end, initial) === 0 ? GOOD : BAD;
}

export const vrrp: Protocol = {
  name: 'vrrp',
  title: 'Virtual Router Redundancy Protocol',
  print: printVrrp,
  walk(f, at, end) {
    if (!f.fits('vrrp', at, wire.HEADER_LENGTH, end)) return;
    const { bytes } = f;
    const version = wire.version(bytes, at);
    const count = wire.count(bytes, at);
    f.layer(vrrp, at, end - at);
    f.uint(F.typever, at, 1, bytes[at]!);
    f.uint(F.version, at, 1, version);
    f.uint(F.type, at, 1, wire.type(bytes, at));
    f.uint(F.virt_rtr_id, at + 1, 1, wire.routerId(bytes, at));
    f.uint(F.prio, at + 2, 1, wire.priority(bytes, at));
    f.uint(F.addr_count, at + 3, 1, count);
    if (version === 3) {
      f.uint(F.reserved_mbz, at + 4, 1, bytes[at + 4]! >>> 4);
      f.uint(F.short_adver_int, at + 4, 2, be16(bytes, at + 4) & 0x0fff);
    } else {
      f.uint(F.auth_type, at + 4, 1, wire.authType(bytes, at));
      f.uint(F.adver_int, at + 5, 1, wire.interval(bytes, at));
    }
    f.uint(F.checksum, at + 6, 2, wire.checksum(bytes, at));
    f.uint(F['checksum.status'], at + 6, 0, status(f, at, end, version));
    const size = f.ipVersion === 6 ? 16 : 4;
    let place = at + wire.HEADER_LENGTH;
    for (let i = 0; i < count; i++) {
      if (!f.fits('vrrp', place, size, end)) return;
      f.raw(size === 16 ? F.ipv6_addr : F.ip_addr, place, size);
      place += size;
    }
    if (version === 3 || wire.authType(bytes, at) !== wire.AUTH_SIMPLE) return;
    if (!f.fits('vrrp', place, wire.AUTH_DATA_LENGTH, end)) return;
    let stop = place;
    while (stop < place + wire.AUTH_DATA_LENGTH && bytes[stop] !== 0) stop++;
    f.value(
      F.auth_string,
      place,
      wire.AUTH_DATA_LENGTH,
      Buffer.from(bytes.buffer, bytes.byteOffset + place, stop - place).toString('latin1'),
    );
  },
};
