import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { fragment, MtuError } from '../../src/inject/fragment.ts';
import { udpPacket } from '../../src/inject/udp-packet.ts';
import { parseIpv6 } from '../../src/wire/address.ts';
import * as ipv4 from '../../src/wire/ipv4.ts';
import * as ipv6 from '../../src/wire/ipv6.ts';
import * as extension from '../../src/wire/ipv6-extension.ts';
import { isStop } from '../../src/wire/stop.ts';

const V4 = { src: Uint8Array.of(10, 0, 0, 1), dst: Uint8Array.of(10, 0, 0, 2), srcPort: 1000, dstPort: 2000 };
const V6 = { src: parseIpv6('2001:db8::1')!, dst: parseIpv6('2001:db8::2')!, srcPort: 1000, dstPort: 2000 };
const data = (length: number): Uint8Array => Uint8Array.from({ length }, (_, index) => index * 7 + (index >> 8));

const parsed4 = (packet: Uint8Array): ipv4.Ipv4Header => {
  const header = ipv4.parse(packet, 0, packet.length);
  if (isStop(header)) throw new Error(JSON.stringify(header));
  return header;
};

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
/** Headers in full, and the rest by its digest, so that a difference can be read. */
const outline = (text: string): string =>
  `${text.slice(0, 120)} ${text.length / 2} ${createHash('sha1').update(text).digest('hex')}`;

/** What scapy prints for a few lines of Python, one item a line. */
function scapy(program: string): string[] {
  const done = spawnSync('/usr/bin/python3', ['-'], {
    input: `from scapy.all import *\n${program}\n`,
    encoding: 'utf8',
  });
  if (done.status !== 0) throw new Error(done.stderr);
  return done.stdout.trim().split('\n');
}

describe('fragment, IPv4', () => {
  it('leaves a packet alone that just fits', () => {
    const packet = udpPacket({ ...V4, data: data(1472) });
    expect(packet.length).toBe(1500);
    expect(fragment(packet, 1500, 0)).toEqual([packet]);
  });

  it.each([
    [1500, 1473],
    [1500, 4000],
    [576, 5000],
    [1501, 3001],
    [68, 700],
    [65535, 65507],
    [1500, 65507],
  ])('MTU %i, %i bytes of data: pieces fit, join to the whole, and have right headers', (mtu, length) => {
    const packet = udpPacket({ ...V4, data: data(length), id: 0x1234, ttl: 9, tos: 4 });
    const pieces = fragment(packet, mtu, 0);
    let offset = 0;
    for (const [index, piece] of pieces.entries()) {
      const header = parsed4(piece);
      const last = index === pieces.length - 1;
      expect(piece.length).toBeLessThanOrEqual(mtu);
      expect(header).toMatchObject({ totalLength: piece.length, id: 0x1234, ttl: 9, tos: 4, fragmentOffset: offset });
      expect(header.moreFragments).toBe(!last);
      expect(ipv4.verify(piece, 0, 20)).toBe(0);
      if (!last) {
        expect((piece.length - 20) % 8).toBe(0);
        // No smaller than it must be.
        expect(piece.length + 8).toBeGreaterThan(mtu);
      }
      expect(hex(piece.subarray(20))).toBe(hex(packet.subarray(20 + offset, 20 + offset + piece.length - 20)));
      offset += piece.length - 20;
    }
    expect(offset).toBe(packet.length - 20);
  });

  it('gives the same bytes as scapy', () => {
    const packet = udpPacket({ ...V4, data: data(4000), id: 77, ttl: 31 });
    const theirs = scapy(
      `p = IP(bytes.fromhex("${hex(packet)}"))\nfor f in fragment(p, fragsize=1480): print(bytes(f).hex())`,
    );
    expect(fragment(packet, 1500, 0).map(hex).map(outline)).toEqual(theirs.map(outline));
  });

  it('puts only the copied options into later fragments', () => {
    const routerAlert = { type: ipv4.OPTION_ROUTER_ALERT, data: Uint8Array.of(0, 0) };
    const record = { type: ipv4.OPTION_RECORD_ROUTE, data: Uint8Array.of(4, 0, 0, 0, 0) };
    const header = ipv4.emittedLength([record, routerAlert]);
    const packet = new Uint8Array(header + 100);
    packet.set(data(100), header);
    ipv4.emit(packet, 0, packet.length, { ...V4, protocol: 17, id: 5, options: [record, routerAlert] });
    const [first, second, ...rest] = fragment(packet, 76, 0);
    expect(parsed4(first!).options.map(({ type }) => type)).toEqual([record.type, routerAlert.type, 0]);
    expect(parsed4(second!).options).toEqual([routerAlert]);
    expect(ipv4.verify(second!, 0, 24)).toBe(0);
    expect(rest.every((piece) => ipv4.headerLength(piece, 0) === 24)).toBe(true);
  });

  it('cuts a fragment further: offsets go on, and the last of them still says that more come', () => {
    const packet = udpPacket({ ...V4, data: data(3000), id: 8 });
    const [first, second] = fragment(packet, 1500, 0);
    const again = [...fragment(first!, 700, 0), ...fragment(second!, 700, 0)].map(parsed4);
    expect(again.map(({ fragmentOffset }) => fragmentOffset)).toEqual([0, 680, 1360, 1480, 2160, 2840]);
    expect(again.every(({ moreFragments }) => moreFragments)).toBe(true);
  });

  it("refuses a packet that says don't fragment, and a link too narrow, naming both lengths", () => {
    const packet = udpPacket({ ...V4, data: data(2000), dontFragment: true });
    expect(() => fragment(packet, 1500, 0)).toThrow(MtuError);
    expect(() => fragment(packet, 1500, 0)).toThrow(/2028 bytes .* takes 1500/);
    expect(() => fragment(udpPacket({ ...V4, data: data(100) }), 27, 0)).toThrow(/needs 28/);
  });
});

describe('fragment, IPv6', () => {
  it.each([
    [1280, 1233],
    [1500, 1452],
    [1500, 1453],
    [1500, 60000],
    [1280, 9001],
  ])('MTU %i, %i bytes of data: the same bytes as scapy', (mtu, length) => {
    const packet = udpPacket({ ...V6, data: data(length), ttl: 3, tos: 0xb8 });
    const pieces = fragment(packet, mtu, 0xdeadbeef);
    for (const piece of pieces) expect(piece.length).toBeLessThanOrEqual(mtu);
    if (pieces.length === 1) {
      expect(packet.length).toBeLessThanOrEqual(mtu);
      return;
    }
    // scapy wants to be shown where the header goes, and computes nothing that is given.
    const theirs = scapy(
      [
        `p = IPv6(bytes.fromhex("${hex(packet)}"))`,
        `q = IPv6(src=p.src, dst=p.dst, hlim=p.hlim, tc=p.tc, nh=44)/IPv6ExtHdrFragment(nh=17, id=0xdeadbeef)/bytes(p.payload)`,
        `for f in fragment6(q, ${mtu}): print(bytes(f).hex())`,
      ].join('\n'),
    );
    expect(pieces.map(hex).map(outline)).toEqual(theirs.map(outline));
  });

  it('keeps what every router needs in front of the fragment header', () => {
    const whole = udpPacket({ ...V6, data: data(2000) });
    const hopByHop = extension.emittedLength({ kind: 'hopByHop', nextHeader: 60, options: [] });
    const packet = new Uint8Array(whole.length + 2 * hopByHop);
    ipv6.emit(packet, 0, packet.length, { ...V6, nextHeader: 0 });
    extension.emit(packet, 40, { kind: 'hopByHop', nextHeader: 60, options: [] });
    extension.emit(packet, 48, { kind: 'destination', nextHeader: 17, options: [] });
    packet.set(whole.subarray(40), 56);
    const pieces = fragment(packet, 1280, 1);
    expect(pieces).toHaveLength(2);
    for (const piece of pieces) {
      expect(ipv6.nextHeader(piece, 0)).toBe(0);
      expect(extension.nextHeader(piece, 40)).toBe(44);
      // The destination options, without a routing header behind them, are the receiver's: they are cut with the rest.
      expect(extension.nextHeader(piece, 48)).toBe(60);
      expect(ipv6.payloadLength(piece, 0)).toBe(piece.length - 40);
    }
    expect(extension.fragmentOffset(pieces[1]!, 48)).toBe(pieces[0]!.length - 56);
    expect(hex(pieces[0]!.subarray(56)) + hex(pieces[1]!.subarray(56))).toBe(hex(packet.subarray(48)));
  });
});
