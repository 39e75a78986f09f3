import { isIP, SocketAddress as NodeAddress } from 'node:net';
import { describe, expect, test } from 'vitest';
import {
  decodeAddress,
  encodeAddress,
  formatIp,
  formatMac,
  parseIpv4,
  parseIpv6,
  parseMac,
} from '../../src/socket/address.ts';

describe('text of addresses', () => {
  test('IPv4', () => {
    expect(parseIpv4('192.0.2.255')).toEqual(Uint8Array.of(192, 0, 2, 255));
    for (const wrong of ['', '1.2.3', '1.2.3.4.5', '256.0.0.1', '01.2.3.4', '1.2.3.4 ', '1.2.3.x', '1..2.3'])
      expect(parseIpv4(wrong), wrong).toBeNull();
    expect(formatIp(Uint8Array.of(10, 0, 0, 1))).toBe('10.0.0.1');
  });

  // RFC 5952, sections 4 and 5.
  test.each([
    ['::', '::'],
    ['::1', '::1'],
    ['2001:DB8::1', '2001:db8::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['fe80::', 'fe80::'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ['::2:3:4:5:6:7:8', '0:2:3:4:5:6:7:8'],
    ['::ffff:192.0.2.1', '::ffff:192.0.2.1'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
    ['0:0:1::', '0:0:1::'],
  ])('IPv6 %s is %s', (text, canonical) => {
    expect(isIP(text)).toBe(6);
    expect(formatIp(parseIpv6(text)!)).toBe(canonical);
    expect(parseIpv6(canonical)).toEqual(parseIpv6(text));
  });

  test('what is no IPv6 address', () => {
    for (const wrong of [
      '',
      ':',
      ':::',
      '1',
      '1:2:3:4:5:6:7',
      '1:2:3:4:5:6:7:8:9',
      '1::2::3',
      '12345::',
      '::g',
      '1.2.3.4',
      '::1.2.3',
      '1.2.3.4::',
      '1:2:3:4:5:6:7:8::',
      'fe80::1%eth0',
    ]) {
      expect(parseIpv6(wrong), wrong).toBeNull();
      if (!wrong.includes('%')) expect(isIP(wrong) === 6, wrong).toBe(false);
    }
  });

  test('IPv6 agrees with the C library on random addresses', () => {
    let state = 12345;
    const random = (below: number): number => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    for (let round = 0; round < 500; round++) {
      const bytes = Uint8Array.from({ length: 16 }, () => (random(3) ? 0 : random(256)));
      const text = formatIp(bytes);
      expect(parseIpv6(text)).toEqual(bytes);
      // inet_ntop writes ::/96 addresses in the mixed form, which RFC 5952 does not ask for.
      if (bytes.subarray(0, 12).some((byte) => byte !== 0))
        expect(new NodeAddress({ address: text, family: 'ipv6' }).address).toBe(text);
    }
  });

  test('MAC', () => {
    expect(formatMac(Uint8Array.of(2, 0, 0xab, 0, 0, 9))).toBe('02:00:ab:00:00:09');
    expect(parseMac('2:0:AB:00:0:9')).toEqual(Uint8Array.of(2, 0, 0xab, 0, 0, 9));
    expect(parseMac('02-00-ab-00-00-09')).toEqual(Uint8Array.of(2, 0, 0xab, 0, 0, 9));
    expect(parseMac('02:00:ab:00:00')).toBeNull();
    expect(parseMac('02:00:ab:00:00:0g')).toBeNull();
  });
});

describe('socket addresses', () => {
  test.each([
    { family: 'ipv4', address: '192.0.2.1', port: 65535 },
    { family: 'ipv6', address: 'fe80::1', port: 53, flowInfo: 5, scopeId: 2 },
    { family: 'unix', path: '/tmp/socket' },
    { family: 'packet', protocol: 3, ifindex: 2, hatype: 1, pkttype: 4, address: Uint8Array.of(1, 2, 3, 4, 5, 6) },
    { family: 'netlink', pid: 7, groups: 1 },
  ] as const)('$family', (address) => {
    const bytes = encodeAddress(address);
    expect(decodeAddress(bytes, bytes.length)).toEqual(address);
  });

  test('none, unknown, wrong', () => {
    expect(decodeAddress(new Uint8Array(16), 0)).toBeNull();
    expect(decodeAddress(Uint8Array.of(0, 0, 0), 3)).toEqual({ family: 'other', number: 0 });
    expect(() => encodeAddress({ family: 'ipv4', address: '::1', port: 1 })).toThrow(RangeError);
    expect(() => encodeAddress({ family: 'ipv6', address: '1.2.3.4', port: 1 })).toThrow(RangeError);
    expect(() => encodeAddress({ family: 'ipv4', address: '1.2.3.4', port: 65536 })).toThrow(/port/);
    expect(() => encodeAddress({ family: 'other', number: 3 })).toThrow(RangeError);
  });
});
