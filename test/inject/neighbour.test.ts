import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { isMulticast, multicastMac } from '../../src/inject/address.ts';
import { answer, question } from '../../src/inject/neighbour.ts';
import { parseIpv4, parseIpv6, parseMac } from '../../src/wire/address.ts';

const hex = (bytes: Uint8Array | null): string | null => bytes && Buffer.from(bytes).toString('hex');
const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'));

/** Hexadecimal bytes of the packets that a scapy expression each describes. */
function scapy(...expressions: string[]): string[] {
  const input = `from scapy.all import *\n${expressions.map((text) => `print(bytes(${text}).hex())`).join('\n')}\n`;
  const done = spawnSync('/usr/bin/python3', ['-'], { input, encoding: 'utf8' });
  if (done.status !== 0) throw new Error(done.stderr);
  return done.stdout.trim().split('\n');
}

const MAC = '02:00:00:00:00:01';
const PEER = '02:00:00:00:00:02';
const asker4 = { mac: parseMac(MAC)!, address: parseIpv4('10.0.0.1')! };
const asker6 = { mac: parseMac(MAC)!, address: parseIpv6('fe80::1')! };
const target4 = parseIpv4('10.0.0.2')!;
const target6 = parseIpv6('2001:db8::ab:cdef')!;

describe('question', () => {
  it('is the same frame as scapy makes, for ARP, neighbour discovery, and without an address of its own', () => {
    const ns = 'Ether(src="02:00:00:00:00:01",dst="33:33:ff:ab:cd:ef")/IPv6(src="$",dst="ff02::1:ffab:cdef",hlim=255)';
    const theirs = scapy(
      `Ether(src="${MAC}",dst="ff:ff:ff:ff:ff:ff")/ARP(op=1,hwsrc="${MAC}",psrc="10.0.0.1",pdst="10.0.0.2")`,
      `Ether(src="${MAC}",dst="ff:ff:ff:ff:ff:ff")/ARP(op=1,hwsrc="${MAC}",psrc="0.0.0.0",pdst="10.0.0.2")`,
      `${ns.replace('$', 'fe80::1')}/ICMPv6ND_NS(tgt="2001:db8::ab:cdef")/ICMPv6NDOptSrcLLAddr(lladdr="${MAC}")`,
      `${ns.replace('$', '::')}/ICMPv6ND_NS(tgt="2001:db8::ab:cdef")`,
    );
    expect([
      hex(question(asker4, target4)),
      hex(question({ ...asker4, address: new Uint8Array(4) }, target4)),
      hex(question(asker6, target6)),
      hex(question({ ...asker6, address: new Uint8Array(16) }, target6)),
    ]).toEqual(theirs);
  });
});

describe('answer', () => {
  const arpReply = (...fields: string[]): string =>
    `Ether(src="${PEER}",dst="${MAC}")/ARP(${['op=2', `hwsrc="${PEER}"`, 'psrc="10.0.0.2"', 'pdst="10.0.0.1"', ...fields].join(',')})`;
  const na = (hlim: number, tgt: string, option: string): string =>
    `Ether(src="${PEER}",dst="${MAC}")/IPv6(src="fe80::2",dst="fe80::1",hlim=${hlim})/ICMPv6ND_NA(tgt="${tgt}")${option}`;
  const LINK = `/ICMPv6NDOptDstLLAddr(lladdr="${PEER}")`;

  it('is found in the frames that answer, padded ones too, and in no other', () => {
    const [reply, request, other, good, routed, strange, bare] = scapy(
      arpReply(),
      arpReply().replace('op=2', 'op=1'),
      arpReply().replace('10.0.0.2', '10.0.0.3'),
      na(255, '2001:db8::ab:cdef', LINK),
      na(64, '2001:db8::ab:cdef', LINK),
      na(255, '2001:db8::ab:cdee', LINK),
      na(255, '2001:db8::ab:cdef', ''),
    ).map(bytes) as [Uint8Array, Uint8Array, Uint8Array, Uint8Array, Uint8Array, Uint8Array, Uint8Array];
    const padded = new Uint8Array(60);
    padded.set(reply);
    const peer = hex(parseMac(PEER));
    expect(hex(answer(reply, reply.length, target4))).toBe(peer);
    expect(hex(answer(padded, 60, target4))).toBe(peer);
    expect(hex(answer(good, good.length, target6))).toBe(peer);
    expect(answer(request, request.length, target4)).toBeNull();
    expect(answer(other, other.length, target4)).toBeNull();
    expect(answer(routed, routed.length, target6)).toBeNull();
    expect(answer(strange, strange.length, target6)).toBeNull();
    expect(answer(bare, bare.length, target6)).toBeNull();
    // Cut at every length, and with every byte of the message damaged: an answer or none, never an exception.
    for (let end = 0; end < good.length; end++) expect(answer(good, end, target6)).toBeNull();
    for (let end = 0; end < reply.length; end++) expect(answer(reply, end, target4)).toBeNull();
    for (let at = 54; at < good.length; at++) {
      const damaged = Uint8Array.from(good);
      damaged[at] = damaged[at]! ^ 0x10;
      expect(answer(damaged, damaged.length, target6)).toBeNull();
    }
  });
});

describe('multicast', () => {
  it('maps groups to Ethernet addresses', () => {
    expect(hex(multicastMac(parseIpv4('224.0.0.251')!))).toBe('01005e0000fb');
    expect(hex(multicastMac(parseIpv4('239.255.255.250')!))).toBe('01005e7ffffa');
    expect(hex(multicastMac(parseIpv6('ff02::1:ff00:1')!))).toBe('3333ff000001');
  });

  it('knows a group from a host', () => {
    const groups = ['223.255.255.255', '224.0.0.0', '239.255.255.255', '240.0.0.0'].map((text) => parseIpv4(text)!);
    expect(groups.map(isMulticast)).toEqual([false, true, true, false]);
    expect([parseIpv6('ff02::1')!, parseIpv6('fe80::1')!].map(isMulticast)).toEqual([true, false]);
  });
});
