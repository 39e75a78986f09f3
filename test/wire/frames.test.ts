/** Literal bytes of each protocol, read and written. Emission goes into memory filled with 0xa5, so that a byte that was
 * not written shows. */
import { describe, expect, it } from 'vitest';
import * as address from '../../src/wire/address.ts';
import * as arp from '../../src/wire/arp.ts';
import * as dns from '../../src/wire/dns.ts';
import * as ethernet from '../../src/wire/ethernet.ts';
import * as icmp from '../../src/wire/icmp.ts';
import * as icmp6 from '../../src/wire/icmp6.ts';
import * as igmp from '../../src/wire/igmp.ts';
import * as ipv4 from '../../src/wire/ipv4.ts';
import * as ipv6 from '../../src/wire/ipv6.ts';
import * as extension from '../../src/wire/ipv6-extension.ts';
import * as llc from '../../src/wire/llc.ts';
import * as loopback from '../../src/wire/loopback.ts';
import * as mld from '../../src/wire/mld.ts';
import * as ndp from '../../src/wire/ndp.ts';
import { pseudoOf } from '../../src/wire/pseudo.ts';
import * as sll from '../../src/wire/sll.ts';
import * as sll2 from '../../src/wire/sll2.ts';
import { isStop } from '../../src/wire/stop.ts';
import * as tcp from '../../src/wire/tcp.ts';
import type { TcpOption } from '../../src/wire/tcp-options.ts';
import * as udp from '../../src/wire/udp.ts';
import * as vlan from '../../src/wire/vlan.ts';

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replace(/\s/g, ''), 'hex'));
const ip4 = (text: string): Uint8Array => address.parseIpv4(text)!;
const ip6 = (text: string): Uint8Array => address.parseIpv6(text)!;
const mac = (text: string): Uint8Array => address.parseMac(text)!;

/** What `emit` writes into 0xa5 bytes, with a margin of three on either side that must stay. */
function written(length: number, emit: (bytes: Uint8Array, at: number, end: number) => number): Uint8Array {
  const bytes = new Uint8Array(length + 6).fill(0xa5);
  emit(bytes, 3, 3 + length);
  expect([...bytes.subarray(0, 3), ...bytes.subarray(3 + length)]).toEqual([165, 165, 165, 165, 165, 165]);
  return bytes.slice(3, 3 + length);
}

/** Reading `bytes` gives `value`, writing `value` gives `bytes`, and every shorter piece gives a stop, not a throw. */
function both<T extends object>(
  bytes: Uint8Array,
  value: T,
  parse: (bytes: Uint8Array, at: number, end: number) => object,
  emit: (bytes: Uint8Array, at: number, end: number, value: NoInfer<T>) => number,
  shortest = bytes.length,
): void {
  const shifted = new Uint8Array(bytes.length + 7).fill(0xff);
  shifted.set(bytes, 5);
  expect(parse(shifted, 5, 5 + bytes.length)).toEqual(value);
  expect(Buffer.from(written(bytes.length, (to, at, end) => emit(to, at, end, value))).toString('hex')).toBe(
    Buffer.from(bytes).toString('hex'),
  );
  for (let end = 0; end < shortest; end++) {
    const stop = parse(shifted, 5, 5 + end);
    expect(isStop(stop), `cut to ${end} bytes`).toBe(true);
    expect(stop).toMatchObject({ stop: expect.stringMatching(/truncated|invalid/), limit: expect.any(String) });
  }
}

describe('link layers', () => {
  it('ethernet', () => {
    both(
      hex('020000000001 020000000002 0800'),
      { dst: mac('02:00:00:00:00:01'), src: mac('02:00:00:00:00:02'), type: 0x0800 },
      ethernet.parse,
      (to, at, _, value) => ethernet.emit(to, at, value),
    );
  });

  it('vlan', () => {
    both(hex('b005 86dd'), { priority: 5, dei: true, id: 5, type: 0x86dd }, vlan.parse, (to, at, _, value) =>
      vlan.emit(to, at, value),
    );
  });

  it('llc, with one and two bytes of control and with SNAP', () => {
    const emit = (to: Uint8Array, at: number, _: number, value: llc.LlcHeader): number => llc.emit(to, at, value);
    both(hex('42 42 03'), { dsap: 0x42, ssap: 0x42, control: 3, snap: null }, llc.parse, emit);
    both(hex('04 05 0141'), { dsap: 4, ssap: 5, control: 0x4101, snap: null }, llc.parse, emit);
    both(
      hex('aa aa 03 00000c 2000'),
      { dsap: 0xaa, ssap: 0xaa, control: 3, snap: { oui: 0x0c, pid: 0x2000 } },
      llc.parse,
      emit,
    );
  });

  it('sll and sll2', () => {
    both(
      hex('0004 0001 0006 020000000001 0000 0800'),
      { packetType: 4, hardwareType: 1, address: mac('02:00:00:00:00:01'), addressLength: 6, protocol: 0x0800 },
      sll.parse,
      (to, at, _, value) => sll.emit(to, at, value),
    );
    both(
      hex('86dd 0000 00000003 0304 00 06 020000000001 0000'),
      {
        protocol: 0x86dd,
        interfaceIndex: 3,
        hardwareType: 772,
        packetType: 0,
        address: mac('02:00:00:00:00:01'),
        addressLength: 6,
      },
      sll2.parse,
      (to, at, _, value) => sll2.emit(to, at, value),
    );
  });

  it('loopback, in both byte orders', () => {
    const emit = (to: Uint8Array, at: number, _: number, value: loopback.LoopbackHeader): number =>
      loopback.emit(to, at, value);
    both(hex('02000000'), { family: 2, littleEndian: true }, loopback.parse, emit);
    both(hex('0000001e'), { family: 30, littleEndian: false }, loopback.parse, emit);
  });

  it('arp', () => {
    both(
      hex('0001 0800 06 04 0001 020000000001 c0000201 000000000000 c0000202'),
      {
        hardwareType: 1,
        protocolType: 0x0800,
        operation: 1,
        senderHardware: mac('02:00:00:00:00:01'),
        senderProtocol: ip4('192.0.2.1'),
        targetHardware: mac('00:00:00:00:00:00'),
        targetProtocol: ip4('192.0.2.2'),
      },
      arp.parse,
      (to, at, _, value) => arp.emit(to, at, value),
    );
  });
});

describe('ip', () => {
  const header = hex('4500 0073 0000 4000 4011 b861 c0a80001 c0a800c7');

  it('ipv4: the header whose checksum everybody knows', () => {
    expect(ipv4.verify(header, 0, 20)).toBe(0);
    expect(ipv4.parse(header, 0, 20)).toEqual({
      tos: 0,
      totalLength: 115,
      id: 0,
      reservedFlag: false,
      dontFragment: true,
      moreFragments: false,
      fragmentOffset: 0,
      ttl: 64,
      protocol: 17,
      checksum: 0xb861,
      src: ip4('192.168.0.1'),
      dst: ip4('192.168.0.199'),
      options: [],
    });
    const bytes = written(20, (to, at) =>
      ipv4.emit(to, at, at + 115, {
        protocol: 17,
        dontFragment: true,
        src: ip4('192.168.0.1'),
        dst: ip4('192.168.0.199'),
      }),
    );
    expect(bytes).toEqual(header);
  });

  it('ipv4: options are padded, and wrong lengths and checksums are written when given', () => {
    const options = [
      { type: ipv4.OPTION_ROUTER_ALERT, data: hex('0000') },
      { type: ipv4.OPTION_NOP, data: hex('') },
    ];
    const value = { protocol: 2, src: ip4('10.0.0.1'), dst: ip4('224.0.0.22'), options };
    const right = written(28, (to, at) => ipv4.emit(to, at, at + 28, value));
    expect(Buffer.from(right).toString('hex')).toBe('4700001c000000004002f9c40a000001e00000169404000001000000');
    expect(ipv4.verify(right, 0, 28)).toBe(0);
    const wrong = written(28, (to, at) =>
      ipv4.emit(to, at, at + 28, { ...value, totalLength: 9, checksum: 0x1234, headerLength: 16, version: 5 }),
    );
    expect([wrong[0], ipv4.totalLength(wrong, 0), ipv4.checksum(wrong, 0)]).toEqual([0x54, 9, 0x1234]);
    expect(isStop(ipv4.parse(wrong, 0, 28))).toBe(true);
  });

  it('ipv4: an option that runs past the header stops, and says so', () => {
    const bad = hex('4600 0018 0000 0000 4001 0000 0a000001 0a000002 07 09 0000');
    expect(ipv4.parse(bad, 0, 24)).toEqual({
      stop: 'invalid',
      layer: 'ip',
      offset: 20,
      needed: 9,
      available: 4,
      limit: 'ip.opt.len',
    });
  });

  it('ipv6', () => {
    both(
      hex('6 ab 12345 0000 3a ff 20010db8000000000000000000000001 fe80000000000000000000000000beef'.replace(/ /g, '')),
      {
        trafficClass: 0xab,
        flowLabel: 0x12345,
        payloadLength: 0,
        nextHeader: 58,
        hopLimit: 255,
        src: ip6('2001:db8::1'),
        dst: ip6('fe80::beef'),
      },
      ipv6.parse,
      (to, at, end, value) => ipv6.emit(to, at, end, value),
    );
  });

  it('ipv6 extension headers', () => {
    const parse =
      (protocol: number) =>
      (bytes: Uint8Array, at: number, end: number): object =>
        extension.parse(bytes, at, end, protocol);
    const emit = (to: Uint8Array, at: number, _: number, value: extension.Ipv6Extension): number =>
      extension.emit(to, at, value);
    both<extension.Ipv6Extension>(
      hex('3a 00 05 02 0000 01 00'),
      {
        kind: 'hopByHop',
        nextHeader: 58,
        options: [
          { type: 5, data: hex('0000') },
          { type: 1, data: hex('') },
        ],
      },
      parse(0),
      emit,
    );
    both<extension.Ipv6Extension>(
      hex('11 00 0009 12345678'),
      { kind: 'fragment', nextHeader: 17, fragmentOffset: 8, moreFragments: true, id: 0x12345678 },
      parse(44),
      emit,
    );
    both<extension.Ipv6Extension>(
      hex('11 02 00 01 00000000 20010db8000000000000000000000001'),
      {
        kind: 'routing',
        nextHeader: 17,
        routingType: 0,
        segmentsLeft: 1,
        data: hex('00000000 20010db8000000000000000000000001'),
      },
      parse(43),
      emit,
    );
  });
});

describe('transport', () => {
  const src = ip4('10.0.0.1');
  const dst = ip4('10.0.0.2');

  it('udp: length and checksum are computed, unless given', () => {
    const pseudo = pseudoOf(src, dst, 17);
    const bytes = new Uint8Array(12).fill(0xa5);
    bytes.set(hex('61626364'), 8);
    expect(udp.emit(bytes, 0, 12, { srcPort: 1000, dstPort: 53 }, pseudo)).toBe(8);
    expect(Buffer.from(bytes).toString('hex')).toBe('03e80035000c22f061626364');
    expect(udp.verify(bytes, 0, 12, pseudo)).toBe(0);
    expect(udp.parse(bytes, 0, 12)).toEqual({ srcPort: 1000, dstPort: 53, length: 12, checksum: 0x22f0 });
    udp.emit(bytes, 0, 12, { srcPort: 1000, dstPort: 53, length: 7, checksum: 0xbad }, pseudo);
    expect([udp.length(bytes, 0), udp.checksum(bytes, 0)]).toEqual([7, 0xbad]);
    expect(udp.parse(bytes, 0, 12)).toMatchObject({ stop: 'invalid', limit: 'udp.length' });
  });

  it('udp: a checksum of zero is sent as all ones', () => {
    // Ports chosen so that the sum comes out as 0xffff.
    const pseudo = 0;
    const bytes = new Uint8Array(8);
    udp.emit(bytes, 0, 8, { srcPort: 0xffff - 16, dstPort: 0 }, pseudo);
    expect(udp.checksum(bytes, 0)).toBe(0xffff);
  });

  it('tcp: the options of a SYN', () => {
    const pseudo = pseudoOf(src, dst, 6);
    const options = [
      { kind: 'mss', mss: 1460 },
      { kind: 'sackPermitted' },
      { kind: 'timestamps', value: 0x01020304, echo: 0 },
      { kind: 'nop' },
      { kind: 'windowScale', shift: 7 },
    ] as const;
    expect(tcp.emittedLength(options)).toBe(40);
    const bytes = written(40, (to, at, end) =>
      tcp.emit(
        to,
        at,
        end,
        { srcPort: 40000, dstPort: 80, seq: 0xdeadbeef, flags: tcp.SYN, window: 64240, options },
        pseudo,
      ),
    );
    expect(Buffer.from(bytes).toString('hex').slice(0, 32)).toBe('9c400050deadbeef00000000a002faf0');
    expect(Buffer.from(bytes).toString('hex').slice(40)).toBe('020405b40402080a010203040000000001030307');
    expect(tcp.verify(bytes, 0, 40, pseudo)).toBe(0);
    expect(tcp.parse(bytes, 0, 40)).toMatchObject({ srcPort: 40000, seq: 0xdeadbeef, flags: tcp.SYN, options });
  });

  it('tcp: every other option, and bad lengths', () => {
    const options: TcpOption[] = [
      { kind: 'sack', blocks: [{ left: 1, right: 4294967295 }] },
      { kind: 'userTimeout', minutes: true, timeout: 5 },
      { kind: 'fastOpen', cookie: hex('0102030405060708') },
      { kind: 'other', type: 253, data: hex('f989') },
      { kind: 'end' },
    ];
    const bytes = written(tcp.emittedLength(options), (to, at, end) =>
      tcp.emit(to, at, end, { srcPort: 1, dstPort: 2, seq: 3, ack: 4, flags: tcp.ACK_FLAG, window: 5, options }, 0),
    );
    expect(tcp.parse(bytes, 0, bytes.length)).toMatchObject({ options });
    bytes[21] = 0;
    expect(tcp.parse(bytes, 0, bytes.length)).toMatchObject({ stop: 'invalid', offset: 20, limit: 'tcp.option_len' });
    bytes[12] = 0x40;
    expect(tcp.parse(bytes, 0, bytes.length)).toMatchObject({ stop: 'invalid', limit: 'tcp.hdr_len' });
  });
});

describe('control', () => {
  it('icmp echo', () => {
    const bytes = hex('0800 0000 12340005 61626364 65');
    icmp.emit(bytes, 0, bytes.length, { type: icmp.ECHO_REQUEST, rest: icmp.echoRest(0x1234, 5) });
    expect(icmp.verify(bytes, 0, bytes.length)).toBe(0);
    expect(icmp.parse(bytes, 0, bytes.length)).toMatchObject({ type: 8, code: 0, rest: 0x12340005 });
    expect([icmp.id(bytes, 0), icmp.sequence(bytes, 0)]).toEqual([0x1234, 5]);
    icmp.emit(bytes, 0, bytes.length, { type: 8, checksum: 0xbad });
    expect(icmp.checksum(bytes, 0)).toBe(0xbad);
  });

  it('icmpv6 and neighbour discovery', () => {
    const src = ip6('fe80::1');
    const dst = ip6('ff02::1:ff00:2');
    const pseudo = pseudoOf(src, dst, 58);
    const message: ndp.NdpMessage = {
      kind: 'neighborSolicitation',
      target: ip6('fe80::2'),
      options: [{ type: ndp.OPTION_SOURCE_LINK, data: mac('02:00:00:00:00:01') }],
    };
    const bytes = written(ndp.emittedLength(message), (to, at) => ndp.emit(to, at, message, pseudo));
    expect(
      Buffer.from(bytes)
        .toString('hex')
        .replace(/^(.{4}).{4}/, '$1....'),
    ).toBe('8700....00000000fe8000000000000000000000000000020101020000000001');
    expect(icmp6.verify(bytes, 0, bytes.length, pseudo)).toBe(0);
    expect(ndp.parse(bytes, 0, bytes.length)).toEqual(message);
    const others: ndp.NdpMessage[] = [
      { kind: 'routerSolicitation', options: [] },
      {
        kind: 'routerAdvertisement',
        hopLimit: 64,
        flags: ndp.FLAG_MANAGED,
        routerLifetime: 1800,
        reachableTime: 1,
        retransmitTime: 2,
        options: [{ type: ndp.OPTION_MTU, data: hex('0000 000005dc') }],
      },
      {
        kind: 'neighborAdvertisement',
        router: true,
        solicited: false,
        override: true,
        target: ip6('fe80::2'),
        options: [],
      },
      { kind: 'redirect', target: ip6('fe80::2'), destination: ip6('2001:db8::1'), options: [] },
    ];
    for (const other of others) {
      const emitted = written(ndp.emittedLength(other), (to, at) => ndp.emit(to, at, other, pseudo));
      expect(ndp.parse(emitted, 0, emitted.length)).toEqual(other);
      expect(icmp6.verify(emitted, 0, emitted.length, pseudo)).toBe(0);
    }
  });

  it('an option of length zero ends a message of neighbour discovery', () => {
    const bytes = hex('8500 0000 00000000 0100 000000000000');
    expect(ndp.parse(bytes, 0, bytes.length)).toMatchObject({ stop: 'invalid', offset: 8, limit: 'icmpv6.opt.length' });
  });

  it('igmp, all versions', () => {
    const group = ip4('224.0.0.251');
    const simple: igmp.IgmpMessage = { kind: 'simple', type: igmp.V2_MEMBERSHIP_REPORT, maxResponseCode: 0, group };
    const bytes = written(8, (to, at) => igmp.emit(to, at, simple));
    expect(Buffer.from(bytes).toString('hex')).toBe('16000904e00000fb');
    expect(igmp.parse(bytes, 0, 8)).toEqual(simple);
    const messages: [number, igmp.IgmpMessage][] = [
      [
        16,
        {
          kind: 'v3Query',
          maxResponseCode: 100,
          group,
          suppress: true,
          robustness: 2,
          queryIntervalCode: 125,
          sources: [ip4('10.0.0.1')],
        },
      ],
      [
        28,
        {
          kind: 'v3Report',
          records: [
            { type: 4, group, sources: [] },
            { type: 1, group, sources: [ip4('10.0.0.1')] },
          ],
        },
      ],
    ];
    for (const [length, message] of messages) {
      const emitted = written(length, (to, at) => igmp.emit(to, at, message));
      expect(igmp.parse(emitted, 0, length)).toEqual(message);
      expect(igmp.verify(emitted, 0, length)).toBe(0);
    }
  });

  it('mld, both versions', () => {
    const group = ip6('ff02::fb');
    const messages: [number, mld.MldMessage][] = [
      [24, { kind: 'v1', type: icmp6.MLD_REPORT, maxResponseCode: 0, group }],
      [
        44,
        {
          kind: 'v2Query',
          maxResponseCode: 10000,
          group,
          suppress: false,
          robustness: 2,
          queryIntervalCode: 125,
          sources: [ip6('fe80::1')],
        },
      ],
      [28, { kind: 'v2Report', records: [{ type: 4, group, sources: [] }] }],
    ];
    for (const [length, message] of messages) {
      const emitted = written(length, (to, at) => mld.emit(to, at, message, 0));
      expect(mld.parse(emitted, 0, length)).toEqual(message);
    }
  });
});

describe('dns', () => {
  it('a response with a compressed name', () => {
    const bytes = hex(
      '1234 8180 0001 0001 0000 0000 07 6578616d706c65 03 6f7267 00 0001 0001 c00c 0001 0001 0000003c 0004 c0000201',
    );
    expect(dns.parse(bytes, 0, bytes.length)).toEqual({
      id: 0x1234,
      flags: 0x8180,
      questions: [{ name: 'example.org', type: 1, class: 1 }],
      answers: [{ name: 'example.org', type: 1, class: 1, ttl: 60, data: ip4('192.0.2.1') }],
      authorities: [],
      additionals: [],
    });
    for (let end = 0; end < bytes.length; end++) expect(isStop(dns.parse(bytes, 0, end))).toBe(true);
  });

  it('what is written reads back, odd labels too', () => {
    const message: dns.DnsMessage = {
      id: 1,
      flags: dns.FLAG_RECURSION_DESIRED,
      questions: [{ name: 'a\\.b.\\000\\255.org', type: 28, class: 1 }],
      answers: [],
      authorities: [{ name: '', type: 2, class: 1, ttl: 5, data: hex('00') }],
      additionals: [],
    };
    const bytes = written(dns.emittedLength(message), (to, at) => dns.emit(to, at, message));
    expect(dns.parse(bytes, 0, bytes.length)).toEqual(message);
  });

  it('a pointer to itself, forwards, or in a circle is no name', () => {
    for (const name of ['c00c', 'c00e c00c', 'c0ff', '0161 c00c'])
      expect(
        isStop(
          dns.parse(
            hex(`0000 0100 0001 0000 0000 0000 ${name} 0001 0001`),
            0,
            12 + name.replace(' ', '').length / 2 + 4,
          ),
        ),
      ).toBe(true);
  });
});

describe('addresses', () => {
  it.each([
    ['::', '00000000000000000000000000000000'],
    ['::1', '00000000000000000000000000000001'],
    ['2001:db8::1', '20010db8000000000000000000000001'],
    ['::ffff:192.0.2.1', '00000000000000000000ffffc0000201'],
    ['::192.0.2.1', '000000000000000000000000c0000201'],
    ['1:0:0:2::3', '00010000000000020000000000000003'],
    ['1:2:3:4:5:6:7:8', '00010002000300040005000600070008'],
    ['1::8', '00010000000000000000000000000008'],
    ['1:0:3:4:5:6:7:8', '00010000000300040005000600070008'],
    ['fe80::', 'fe800000000000000000000000000000'],
  ])('%s', (text, bytes) => {
    expect(address.formatIpv6(hex(bytes))).toBe(text);
    expect(address.parseIpv6(text)).toEqual(hex(bytes));
  });

  it('rejects what inet_pton(3) rejects', () => {
    for (const text of ['', ':', ':::', '1:2:3:4:5:6:7', '1::2::3', '12345::', '::1.2.3', '1:2:3:4:5:6:7:8:9', 'g::'])
      expect(address.parseIpv6(text), text).toBeNull();
    for (const text of ['', '1.2.3', '1.2.3.4.5', '256.1.1.1', '01.2.3.4', '1.2.3.a', '1..2.3'])
      expect(address.parseIpv4(text), text).toBeNull();
    for (const text of ['', '1:2:3:4:5', '00:11:22:33:44:5g', '001:2:3:4:5:6'])
      expect(address.parseMac(text)).toBeNull();
  });
});
