import { describe, expect, test } from 'vitest';
import { decode } from '../../../src/dissect/decode.ts';
import {
  arp,
  CraftError,
  craft,
  dns,
  each,
  ethernet,
  hex,
  icmp,
  ipv4,
  ipv6,
  mpls,
  mutate,
  neighborAdvertisement,
  network,
  packet,
  random,
  range,
  raw,
  sctp,
  sctpData,
  tcp,
  udp,
  vlan,
  vxlan,
} from '../../../src/inject/craft/index.ts';
import { layerTypes } from '../../../src/inject/craft/registry.ts';
import { seededRandom } from '../../../src/time/random.ts';
import * as arpWire from '../../../src/wire/arp.ts';
import * as dnsWire from '../../../src/wire/dns.ts';
import * as ethernetWire from '../../../src/wire/ethernet.ts';
import * as icmpWire from '../../../src/wire/icmp.ts';
import * as ipv4Wire from '../../../src/wire/ipv4.ts';
import * as ipv6Wire from '../../../src/wire/ipv6.ts';
import * as mplsWire from '../../../src/wire/mpls.ts';
import * as ndpWire from '../../../src/wire/ndp.ts';
import { pseudoOf } from '../../../src/wire/pseudo.ts';
import * as sctpWire from '../../../src/wire/sctp.ts';
import * as tcpWire from '../../../src/wire/tcp.ts';
import * as udpWire from '../../../src/wire/udp.ts';
import * as vlanWire from '../../../src/wire/vlan.ts';
import * as vxlanWire from '../../../src/wire/vxlan.ts';

const SEED = 20261120;
const ROUNDS = 200;

/** Runs `body` with random numbers; a failure names the round's seed. */
function rounds(body: (draw: (bits: number) => number, bytes: (length: number) => Uint8Array) => void): void {
  for (let round = 0; round < ROUNDS; round++) {
    const random = seededRandom(SEED + round);
    const draw = (bits: number): number => random() >>> (32 - bits);
    try {
      body(draw, (length) => Uint8Array.from({ length }, () => draw(8)));
    } catch (error) {
      throw new Error(`seed ${SEED + round}: ${(error as Error).message}`, { cause: error });
    }
  }
}

describe('what was asked for is read back', () => {
  test('Ethernet, VLAN, MPLS, ARP', () => {
    rounds((draw, bytes) => {
      const link = { dst: bytes(6), src: bytes(6), type: draw(16) };
      expect(ethernetWire.parse(packet(ethernet(link)).bytes, 0, 14)).toEqual(link);
      const tag = { priority: draw(3), dei: draw(1) === 1, id: draw(12), type: draw(16) };
      const { bytes: tagged } = packet(
        vlan({ prio: tag.priority, dei: Number(tag.dei), vlan: tag.id, type: tag.type }),
      );
      expect(vlanWire.parse(tagged, 0, 4)).toEqual(tag);
      const entry = { label: draw(20), trafficClass: draw(3), bottom: draw(1) === 1, ttl: draw(8) };
      const { bytes: labelled } = packet(
        mpls({ label: entry.label, cos: entry.trafficClass, s: Number(entry.bottom), ttl: entry.ttl }),
      );
      expect(mplsWire.parse(labelled, 0, 4)).toEqual(entry);
      const message = {
        hardwareType: draw(16),
        protocolType: draw(16),
        operation: draw(16),
        senderHardware: bytes(6),
        senderProtocol: bytes(4),
        targetHardware: bytes(6),
        targetProtocol: bytes(4),
      };
      const question = packet(
        arp({
          hwtype: message.hardwareType,
          ptype: message.protocolType,
          op: message.operation,
          hwsrc: message.senderHardware,
          psrc: message.senderProtocol,
          hwdst: message.targetHardware,
          pdst: message.targetProtocol,
        }),
      );
      expect(arpWire.parse(question.bytes, 0, 28)).toEqual(message);
    });
  });

  test('IPv4 with TCP: every field, and checksums that are right', () => {
    rounds((draw, bytes) => {
      const src = bytes(4);
      const dst = bytes(4);
      const data = bytes(draw(6));
      const ip = { tos: draw(8), id: draw(16), ttl: draw(8), frag: 0, flags: draw(3) & 6, src, dst };
      const options: tcpWire.TcpHeader['options'] = [
        { kind: 'mss', mss: draw(16) },
        { kind: 'timestamps', value: draw(32), echo: draw(32) },
      ];
      const segment = {
        sport: draw(16),
        dport: draw(16),
        seq: draw(32),
        ack: draw(32),
        window: draw(16),
        urgptr: draw(16),
      };
      const bits = draw(12);
      const built = packet(ipv4(ip), tcp({ ...segment, flags: bits & 511, reserved: bits >> 9, options }), data).bytes;
      const header = ipv4Wire.parse(built, 0, built.length);
      expect(header).toMatchObject({
        tos: ip.tos,
        id: ip.id,
        ttl: ip.ttl,
        src,
        dst,
        totalLength: built.length,
        protocol: 6,
      });
      expect(header).toMatchObject({ dontFragment: (ip.flags & 2) !== 0, reservedFlag: (ip.flags & 4) !== 0 });
      expect(ipv4Wire.verify(built, 0, 20)).toBe(0);
      const parsed = tcpWire.parse(built, 20, built.length) as tcpWire.TcpHeader;
      const { sport, dport, seq, ack, window, urgptr } = segment;
      expect(parsed).toMatchObject({ srcPort: sport, dstPort: dport, seq, ack, flags: bits, window, urgent: urgptr });
      expect(parsed.options.slice(0, 2)).toEqual(options);
      expect(tcpWire.verify(built, 20, built.length, pseudoOf(src, dst, 6))).toBe(0);
      expect(built.slice(20 + tcpWire.headerLength(built, 20))).toEqual(data);
    });
  });

  test('IPv6 with UDP, ICMP, SCTP, VXLAN, neighbour discovery', () => {
    rounds((draw, bytes) => {
      const src = bytes(16);
      const dst = bytes(16);
      const data = bytes(draw(6));
      const ip = { tc: draw(8), fl: draw(20), hlim: draw(8), src, dst };
      const built = packet(ipv6(ip), udp({ sport: draw(16), dport: 40001 }), data).bytes;
      expect(ipv6Wire.parse(built, 0, built.length)).toEqual({
        trafficClass: ip.tc,
        flowLabel: ip.fl,
        hopLimit: ip.hlim,
        payloadLength: built.length - 40,
        nextHeader: 17,
        src,
        dst,
      });
      expect(udpWire.parse(built, 40, built.length)).toMatchObject({ dstPort: 40001, length: data.length + 8 });
      expect(udpWire.verify(built, 40, built.length, pseudoOf(src, dst, 17))).toBe(0);

      const [id, seq] = [draw(16), draw(16)];
      const echo = packet(icmp({ id, seq }), data).bytes;
      expect(icmpWire.parse(echo, 0, echo.length)).toMatchObject({ type: 8, rest: icmpWire.echoRest(id, seq) });
      expect(icmpWire.verify(echo, 0, echo.length)).toBe(0);

      const chunks = packet(
        sctp({ sport: 1, dport: 2, tag: draw(32) }),
        sctpData({ tsn: draw(32), data }),
        sctpData({ data }),
      ).bytes;
      expect(chunks.length % 4).toBe(0);
      expect(sctpWire.checksum(chunks, 0)).toBe(sctpWire.crc(chunks, 0, chunks.length));

      const vni = draw(24);
      const tunnel = packet(vxlan({ vni }), ethernet()).bytes;
      expect(vxlanWire.parse(tunnel, 0, 8)).toEqual({ flags: 8, vni });

      const bits = draw(3);
      const advertisement = packet(
        ipv6({ src, dst }),
        neighborAdvertisement({ flags: bits * 2 ** 29, tgt: dst, options: [{ type: 2, data: bytes(6) }] }),
      ).bytes;
      expect(ndpWire.parse(advertisement, 40, advertisement.length)).toMatchObject({
        kind: 'neighborAdvertisement',
        router: (bits & 4) !== 0,
        solicited: (bits & 2) !== 0,
        override: (bits & 1) !== 0,
        target: dst,
      });
    });
  });

  test('DNS: question, records of all sections, EDNS', () => {
    const built = packet(
      dns({
        id: 9,
        rcode: 'nxdomain',
        qname: 'a.example.org',
        qtype: 'MX',
        an: [{ name: 'a.example.org', type: 'MX', ttl: 5, data: '10 mail.example.org' }],
        ns: [{ name: 'example.org', type: 'SOA', data: 'ns.example.org host.example.org 1 2 3 4 5' }],
        ar: [{ name: 'mail.example.org', type: 'AAAA', data: '2001:db8::1' }],
        edns: [{ size: 1400, do: true }],
      }),
    ).bytes;
    const message = dnsWire.parse(built, 0, built.length) as dnsWire.DnsMessage;
    expect(message).toMatchObject({ id: 9, flags: 0x8103, questions: [{ name: 'a.example.org', type: 15, class: 1 }] });
    expect(message.answers).toMatchObject([{ name: 'a.example.org', type: 15, ttl: 5 }]);
    expect(message.authorities).toMatchObject([{ name: 'example.org', type: 6, ttl: 3600 }]);
    expect(message.additionals).toMatchObject([
      { name: 'mail.example.org', type: 28, data: hex('20010db8000000000000000000000001') },
      { name: '', type: 41, class: 1400, ttl: 0x8000 },
    ]);
  });
});

describe('what is given is written, and what is not is filled in', () => {
  test('the numbers of protocols, ports and groups follow from what is above', () => {
    const { bytes } = packet(ethernet(), ipv4({ dst: '239.1.2.3' }), udp(), dns());
    expect(Buffer.from(bytes.subarray(0, 14)).toString('hex')).toBe('01005e0102030000000000000800');
    expect(ipv4Wire.protocol(bytes, 14)).toBe(17);
    expect(udpWire.dstPort(bytes, 34)).toBe(53);
  });

  test('wrong values stay wrong', () => {
    const { bytes } = packet(
      ipv4({ version: 7, ihl: 2, len: 9, chksum: 0x1234, proto: 99 }),
      udp({ len: 1, chksum: 2 }),
    );
    expect([bytes[0], ipv4Wire.totalLength(bytes, 0), ipv4Wire.checksum(bytes, 0), bytes[9]]).toEqual([
      0x72, 9, 0x1234, 99,
    ]);
    expect([udpWire.length(bytes, 20), udpWire.checksum(bytes, 20)]).toEqual([1, 2]);
  });

  test('padding is in no length and no checksum', () => {
    const plain = craft('ip(dst=192.0.2.2)/udp/"abc"').bytes;
    const padded = craft('ip(dst=192.0.2.2)/udp/"abc"/padding(0x00000000ffff)').bytes;
    expect(padded.subarray(0, plain.length)).toEqual(plain);
    expect(padded.length).toBe(plain.length + 6);
    expect(craft('eth/arp/padding').bytes.length).toBe(60);
  });

  test('every layer stands alone and behind IP', () => {
    for (const { name } of layerTypes)
      for (const text of [name, `eth/ip/${name}`, `eth/ipv6/${name}/"x"`]) {
        const { bytes } = craft(text);
        expect(() => decode(bytes, craft(text).linkType)).not.toThrow();
      }
  });
});

describe('names', () => {
  test("Wireshark's, scapy's, and with the layer in front: one field", () => {
    const same = [
      'ether(dst=02:00:00:00:00:02)/ipv4(src=192.0.2.1,daddr=192.0.2.2,ip.ttl=3,proto=6)/tcp(srcport=5,dst_port=80,tcp.window_size_value=9)',
      'eth(eth.dst=02:00:00:00:00:02)/ip(ip.src=192.0.2.1,ip.dst=192.0.2.2,ttl=3)/tcp(sport=5,tcp.dstport=80,window=9,flags=0x002)',
      'Ethernet ( dst = 02-00-00-00-00-02 ) / IP ( src = "192.0.2.1", dst=192.0.2.2, ttl = 0x3 ) / TCP(sport=5,dport=80,win=9,flags=S)',
    ].map((text) => Buffer.from(craft(text).bytes).toString('hex'));
    expect(new Set(same).size).toBe(1);
  });

  test('no two layers, and no two fields of a layer, have one name', () => {
    const plain = (name: string): string => name.toLowerCase().replace(/[._-]/g, '');
    const layers = layerTypes.flatMap(({ name, names }) => [name, ...names]).map(plain);
    expect(layers.filter((name, index) => layers.indexOf(name) !== index)).toEqual([]);
    for (const { name, fields } of layerTypes) {
      const all = Object.entries(fields).flatMap(([own, { names }]) => [...new Set([own, ...names].map(plain))]);
      expect([name, all.filter((one, index) => all.indexOf(one) !== index)]).toEqual([name, []]);
    }
  });

  test('strings: escapes, data in hexadecimal', () => {
    expect(craft('"a\\n\\x41\\"b"').bytes).toEqual(new TextEncoder().encode('a\nA"b'));
    expect(craft('raw(0x00ff10)').bytes).toEqual(hex('00:ff:10'));
    expect(craft("'it''s'".replace("''", '')).bytes).toEqual(new TextEncoder().encode('its'));
  });
});

describe('sets of packets', () => {
  const ports = (text: string): number[] => [...craft(text)].map(({ bytes }) => udpWire.dstPort(bytes, 20));

  test('lists, ranges and networks', () => {
    expect(ports('ip/udp(dport=[1-3,80])')).toEqual([1, 2, 3, 80]);
    const addresses = [...craft('ip(dst=10.0.0.0/30)')].map(({ bytes }) => bytes[19]);
    expect(addresses).toEqual([0, 1, 2, 3]);
    expect([...craft('ip(dst=[10.0.0.254-10.0.1.1])')].map(({ bytes }) => bytes.slice(18, 20).join('.'))).toEqual([
      '0.254',
      '0.255',
      '1.0',
      '1.1',
    ]);
    expect([...packet(ipv6({ dst: network('2001:db8::4/127') }))]).toHaveLength(2);
    expect([...packet(udp({ dport: each([range(1, 3), 7]) }))]).toHaveLength(4);
    expect([...packet(udp({ dport: [1, 2], sport: [3, 4] }))]).toHaveLength(4);
  });

  test('random values: from the seed, anew at each packet, within limits', () => {
    const draw = (seed: number): number[] =>
      [...packet(udp({ dport: [1, 2, 3], sport: random(1000, 1009) })).seeded(seed)].map(({ bytes }) =>
        udpWire.srcPort(bytes, 0),
      );
    expect(draw(1)).toEqual(draw(1));
    expect(new Set([...draw(1), ...draw(2), ...draw(3)]).size).toBeGreaterThan(1);
    for (const port of draw(4)) expect(port >= 1000 && port < 1010).toBe(true);
  });

  test('fuzzing keeps what is given and is the same for the same seed', () => {
    const fuzzed = (seed: number): string[] => {
      const draw = seededRandom(seed);
      return Array.from({ length: 300 }, () => {
        const [draft] = craft('eth/ip(dst=192.0.2.9,ttl=7)/tcp(dport=80)/"data"').drafts();
        const changes = mutate(draft!, draw);
        expect(changes.length).toBeGreaterThan(0);
        const { bytes } = draft!.build();
        expect(bytes.subarray(30, 34)).toEqual(Uint8Array.of(192, 0, 2, 9));
        expect(bytes[22]).toBe(7);
        return Buffer.from(bytes).toString('hex');
      });
    };
    expect(fuzzed(5)).toEqual(fuzzed(5));
    expect(new Set(fuzzed(5)).size).toBeGreaterThan(200);
  });

  test('every layer survives fuzzing', () => {
    const draw = seededRandom(SEED);
    for (const { name } of layerTypes)
      for (let round = 0; round < 40; round++) {
        const [draft] = craft(`eth/ip/${name}/"x"`).drafts();
        mutate(draft!, draw);
        expect(draft!.build().bytes.length).toBeGreaterThan(0);
      }
  });
});

describe('errors', () => {
  test.each([
    ['', 0, /name of a layer/, []],
    ['eth/ipp', 4, /no layer 'ipp'/, ['ip']],
    ['ip(tll=3)', 3, /no field 'tll' in ip/, ['ttl']],
    ['ip(ttl=256)', 7, /256 is not a number from 0 to 255/, []],
    ['ip(ttl=3,ttl=4)', 9, /given twice/, []],
    ['ip(dst=10.0.0.300)', 7, /not an IPv4 address/, []],
    ['ip(dst=10.0.0.0/33)', 7, /no network/, []],
    ['tcp(flags=SAX)', 10, /no flag 'X'/, []],
    ['tcp(options=(mms=1))', 12, /no option 'mms'/, []],
    ['udp(dport=[5-1])', 13, /1 is less than 5/, []],
    ['udp(dport=', 10, /a value is expected/, []],
    ['udp(dport=1', 11, /'\)' is expected/, []],
    ['udp(dport=1)x', 12, /'\/' and a layer/, []],
    ['raw("abc', 4, /not closed/, []],
    ['icmp(type=ehco-request)', 10, /no value 'ehco-request'/, []],
    ['dns(an=("example.org"))', 7, /is no record/, []],
  ] as const)('%s', (text, column, message, near) => {
    const error = (() => {
      try {
        craft(text);
      } catch (thrown) {
        return thrown as CraftError;
      }
      return null;
    })();
    expect(error).toBeInstanceOf(CraftError);
    expect(error!.message).toMatch(message);
    expect(error!.column).toBe(column);
    for (const name of near) expect(error!.nearest).toContain(name);
    expect(error!.render().split('\n')[2]!.indexOf('^')).toBe(column + 2);
  });

  test('of the functions: TypeErrors that name the field', () => {
    expect(() => packet()).toThrow(TypeError);
    expect(() => udp({ dprt: 1 } as never)).toThrow(/udp: no field 'dprt'/);
    expect(() => packet(udp({ dport: 70000 })).bytes).toThrow(/udp\.dport: 70000 is not/);
    expect(() => packet(ipv4({ dst: 'nowhere' })).bytes).toThrow(/ip\.dst: 'nowhere' is not an IPv4 address/);
    expect(() => packet(raw({ load: 5 as never })).bytes).toThrow(/raw\.load/);
  });
});
