import { describe, expect, it } from 'vitest';
import { maxUdpData, udpPacket } from '../../src/inject/udp-packet.ts';
import { parseIpv6 } from '../../src/wire/address.ts';
import { pseudoOf } from '../../src/wire/pseudo.ts';
import * as udp from '../../src/wire/udp.ts';

const V4 = { src: Uint8Array.of(10, 0, 0, 1), dst: Uint8Array.of(10, 0, 0, 2) };
const V6 = { src: parseIpv6('2001:db8::1')!, dst: parseIpv6('2001:db8::2')! };
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

describe('udpPacket', () => {
  it('makes an IPv4 packet, byte for byte', () => {
    const packet = udpPacket({
      ...V4,
      srcPort: 0x1234,
      dstPort: 53,
      data: Buffer.from('hello'),
      ttl: 7,
      tos: 0x10,
      id: 1,
    });
    expect(hex(packet)).toBe('451000210001000007119fb90a0000010a000002' + '12340035000d9596' + '68656c6c6f');
  });

  it('makes an IPv6 packet, byte for byte', () => {
    const packet = udpPacket({ ...V6, srcPort: 1, dstPort: 2, data: Uint8Array.of(), ttl: 255, tos: 0xb8 });
    expect(hex(packet)).toBe(
      '6b8000000008' +
        '11ff' +
        '20010db8000000000000000000000001' +
        '20010db8000000000000000000000002' +
        '000100020008a466',
    );
  });

  it.each([
    ['IPv4', V4, 20],
    ['IPv6', V6, 40],
  ])('%s: a checksum that comes out as zero is sent as all ones', (_, addresses, at) => {
    // The data takes up what is left, so that the sum is all ones and its complement zero.
    const rest = udp.checksum(udpPacket({ ...addresses, srcPort: 9, dstPort: 9, data: Uint8Array.of(0, 0) }), at);
    const data = Uint8Array.of(rest >> 8, rest & 255);
    const packet = udpPacket({ ...addresses, srcPort: 9, dstPort: 9, data });
    expect(udp.checksum(packet, at)).toBe(0xffff);
    expect(udp.verify(packet, at, packet.length, pseudoOf(addresses.src, addresses.dst, 17))).toBe(0);
    const bad = udpPacket({ ...addresses, srcPort: 9, dstPort: 9, data, badChecksum: true });
    expect(udp.checksum(bad, at)).toBe(1);
  });

  it('writes a wrong checksum when asked, and nothing else differs', () => {
    const datagram = { ...V4, srcPort: 4, dstPort: 5, data: Buffer.from('xyz') };
    const good = udpPacket(datagram);
    const bad = udpPacket({ ...datagram, badChecksum: true });
    expect(udp.verify(good, 20, good.length, pseudoOf(V4.src, V4.dst, 17))).toBe(0);
    expect(udp.verify(bad, 20, bad.length, pseudoOf(V4.src, V4.dst, 17))).not.toBe(0);
    bad.set(good.subarray(26, 28), 26);
    expect(hex(bad)).toBe(hex(good));
  });

  it('carries at most what the length fields can say', () => {
    expect([maxUdpData(4), maxUdpData(16)]).toEqual([65507, 65527]);
    const ports = { srcPort: 1, dstPort: 2 };
    expect(udpPacket({ ...V4, ...ports, data: new Uint8Array(65507) })).toHaveLength(65535);
    expect(udpPacket({ ...V6, ...ports, data: new Uint8Array(65527) })).toHaveLength(65575);
    expect(() => udpPacket({ ...V4, ...ports, data: new Uint8Array(65508) })).toThrow(/65508 bytes; .* at most 65507/);
    expect(() => udpPacket({ ...V6, ...ports, data: new Uint8Array(65528) })).toThrow(/65528 bytes; .* at most 65527/);
    expect(() => udpPacket({ src: V4.src, dst: V6.dst, ...ports, data: new Uint8Array(0) })).toThrow(RangeError);
  });
});
