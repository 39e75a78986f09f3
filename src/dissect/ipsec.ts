import { be32 } from '../bytes/endian.ts';
import * as wire from '../wire/ipsec.ts';
import { defineFields } from './fields.ts';
import { printUpper } from './ip.ts';
import type { Protocol } from './protocol.ts';
import { protocolOverIp } from './tables.ts';
import { MAX_TEXT_DEPTH, type Text } from './text.ts';

const A = defineFields('ah', {
  next_header: ['Next header', 'uint8'],
  length: ['Length', 'uint8'],
  reserved: ['Reserved', 'bytes'],
  spi: ['AH SPI', 'uint32', { base: 'hex' }],
  sequence: ['AH Sequence', 'uint32'],
  icv: ['AH ICV', 'bytes'],
});
const E = defineFields('esp', {
  spi: ['ESP SPI', 'uint32', { base: 'hex' }],
  sequence: ['ESP Sequence', 'uint32'],
});

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0');

function printAh(t: Text, at: number, length: number): void {
  const { out } = t;
  t.layer = 'ah';
  t.need(at, 1);
  const next = t.u8(at);
  out.ascii('AH');
  t.reads(at, 2);
  out.byte(40);
  const words = t.u8(at + 1);
  const size = (words + 2) * 4;
  if (t.verbose > 0) out.ascii(`length=${words}(${words * 4 + 8}-bytes),`);
  if (t.be16(at + 2) !== 0) out.ascii(`reserved=0x${hex(t.be16(at + 2), 1)}[MustBeZero],`);
  out.ascii(`spi=0x${hex(t.be32(at + 4), 8)},`);
  out.ascii(`seq=0x${hex(t.be32(at + 8), 1)},icv=0x`);
  for (let i = wire.AH_HEADER_LENGTH; i < size; i++) out.hexPadded(t.u8(at + i), 2);
  out.ascii('): ');
  if (t.depth >= MAX_TEXT_DEPTH) return;
  t.depth++;
  printUpper(t, next, at + size, length - size);
  t.depth--;
}

function printEsp(t: Text, at: number, length: number): void {
  t.layer = 'esp';
  // A header with nothing behind it counts as cut.
  if (!t.has(at, wire.ESP_HEADER_LENGTH + 1)) {
    t.truncated();
    return;
  }
  t.out.ascii(`ESP(spi=0x${hex(t.be32(at), 8)},seq=0x${hex(t.be32(at + 4), 1)}), length ${length}`);
}

export const ah: Protocol = {
  name: 'ah',
  title: 'Authentication Header',
  print: printAh,
  walk(f, at, end) {
    if (!f.fits('ah', at, wire.AH_HEADER_LENGTH, end)) return;
    const { bytes } = f;
    const length = wire.ahLength(bytes, at);
    f.layer(ah, at, Math.min(length, end - at));
    f.uint(A.next_header, at, 1, wire.ahNextHeader(bytes, at));
    f.uint(A.length, at + 1, 1, wire.ahWords(bytes, at));
    f.raw(A.reserved, at + 2, 2);
    f.uint(A.spi, at + 4, 4, wire.ahSpi(bytes, at));
    f.uint(A.sequence, at + 8, 4, wire.ahSequence(bytes, at));
    if (!f.fits('ah', at, length, end)) return;
    if (length < wire.AH_HEADER_LENGTH) {
      f.invalid('ah', at + 1, wire.AH_HEADER_LENGTH, length, 'ah.length');
      return;
    }
    if (length > wire.AH_HEADER_LENGTH) f.raw(A.icv, at + wire.AH_HEADER_LENGTH, length - wire.AH_HEADER_LENGTH);
    if (at + length < end) f.next(protocolOverIp(f, wire.ahNextHeader(bytes, at)), at + length, end);
  },
};

export const esp: Protocol = {
  name: 'esp',
  title: 'Encapsulating Security Payload',
  print: printEsp,
  walk(f, at, end) {
    if (!f.fits('esp', at, wire.ESP_HEADER_LENGTH, end)) return;
    f.layer(esp, at, end - at);
    f.uint(E.spi, at, 4, wire.espSpi(f.bytes, at));
    f.uint(E.sequence, at + 4, 4, wire.espSequence(f.bytes, at));
  },
};

const KEEPALIVE = 0xff;

/** RFC 3948 2: ESP in UDP, or a keepalive; four bytes of zero would announce IKE, which nothing here reads. */
export const espInUdp: Protocol = {
  name: 'udpencap',
  title: 'UDP Encapsulation of IPsec Packets',
  accepts: (bytes, at, end) => end - at < 4 || be32(bytes, at) !== 0,
  print(t, at, length) {
    t.layer = 'isakmp_rfc3948';
    if (length === 1 && t.u8(at) === KEEPALIVE) t.out.ascii('isakmp-nat-keep-alive');
    else if (length < 4) t.truncated();
    else {
      t.reads(at, 4);
      t.out.ascii('UDP-encap: ');
      printEsp(t, at, length);
    }
  },
  walk(f, at, end) {
    f.layer(espInUdp, at, end - at === 1 ? 1 : 0);
    if (end - at >= 4) f.next(esp, at, end);
  },
};
