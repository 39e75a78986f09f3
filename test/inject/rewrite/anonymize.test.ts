import { describe, expect, it } from 'vitest';
import { craft } from '../../../src/inject/craft/index.ts';
import { fixChecksums } from '../../../src/inject/fix.ts';
import { Anonymizer, Rewriter } from '../../../src/inject/rewrite/index.ts';
import { blockOf } from '../../../src/savefile/index.ts';
import { seededRandom } from '../../../src/time/random.ts';
import { parseIpv4, parseIpv6, parseMac } from '../../../src/wire/address.ts';
import { LINKTYPE_ETHERNET } from '../../../src/wire/linktype.ts';
import { plainFrames, tunnelFrames } from './frames.ts';

const ethernet = [
  {
    name: 'eth0',
    linkType: LINKTYPE_ETHERNET,
    snapLength: 0,
    timestampDigits: 9,
    filter: 'host 10.1.2.3',
    macAddress: Uint8Array.of(2, 0, 0, 0, 0, 1),
    comments: ['seen by 10.1.2.3 and 2001:db8::1 at 02:00:00:00:00:01'],
  },
];

/** Leading bits that two addresses share. */
function shared(a: Uint8Array, b: Uint8Array): number {
  for (let bit = 0; bit < a.length * 8; bit++)
    if (((a[bit >> 3]! ^ b[bit >> 3]!) & (0x80 >> (bit & 7))) !== 0) return bit;
  return a.length * 8;
}
const seed = Number(process.env.NETLAB_SEED ?? 7);

describe(`anonymized addresses (seed ${seed})`, () => {
  for (const length of [4, 16])
    it(`of ${length} bytes share as many leading bits as the originals, and are as many`, () => {
      const random = seededRandom(seed);
      const anonymizer = new Anonymizer('key');
      const before: Uint8Array[] = [];
      for (let n = 0; n < 300; n++) {
        const address = Uint8Array.from({ length }, () => random() & 255);
        // Many near each other, as in real networks.
        if (n > 0 && n % 3 !== 0) {
          const near = before[random() % before.length]!;
          address.set(near.subarray(0, 1 + (random() % (length - 1))));
        }
        before.push(address);
      }
      const after = before.map((address) => {
        const to = address.slice();
        anonymizer.address(to);
        return to;
      });
      for (let a = 0; a < before.length; a++)
        for (let b = 0; b < a; b++) expect(shared(after[a]!, after[b]!)).toBe(shared(before[a]!, before[b]!));
    });

  it('are the same for the same key, others for another', () => {
    const with1 = (key: string) => {
      const address = parseIpv4('10.1.2.3')!;
      new Anonymizer(key).address(address);
      return [...address].join('.');
    };
    expect(with1('a')).toBe(with1('a'));
    expect(with1('a')).not.toBe(with1('b'));
    expect(with1('a')).not.toBe('10.1.2.3');
  });

  it('keep what has a meaning of its own, and no other address becomes one of those', () => {
    const anonymizer = new Anonymizer('key');
    for (const text of ['0.0.0.0', '127.0.0.1', '127.3.4.5', '224.0.0.251', '239.255.255.250', '255.255.255.255']) {
      const address = parseIpv4(text)!;
      anonymizer.address(address);
      expect(address).toEqual(parseIpv4(text));
    }
    for (const text of ['::', '::1', 'ff02::1', 'ff05::2']) {
      const address = parseIpv6(text)!;
      anonymizer.address(address);
      expect(address).toEqual(parseIpv6(text));
    }
    for (const text of ['126.255.255.255', '223.255.255.255', '240.0.0.1', '0.0.0.1', '255.255.255.254']) {
      const address = parseIpv4(text)!;
      anonymizer.address(address);
      const [first] = address;
      expect(first === 127 || (first! >= 224 && first! < 240)).toBe(false);
      expect(['0.0.0.0', '255.255.255.255']).not.toContain([...address].join('.'));
    }
    const local = parseIpv6('fe80::1234:5678:9abc:def0')!;
    anonymizer.address(local);
    expect(local.subarray(0, 8)).toEqual(parseIpv6('fe80::')!.subarray(0, 8));
    expect(local).not.toEqual(parseIpv6('fe80::1234:5678:9abc:def0'));
  });

  it('group addresses of a host follow each other in IPv6 and Ethernet', () => {
    const anonymizer = new Anonymizer('key');
    const group = parseIpv6('ff02::1:ff12:3456')!;
    const mac = parseMac('33:33:ff:12:34:56')!;
    anonymizer.address(group);
    anonymizer.mac(mac);
    expect([...group.subarray(13)]).toEqual([...mac.subarray(3)]);
    expect([...group.subarray(13)]).not.toEqual([0x12, 0x34, 0x56]);
  });
});

describe('an anonymized capture', () => {
  const secrets = [
    '10.1.2.3',
    '192.168.7.9',
    '10.9.9.9',
    '10.0.0.5',
    '172.16.0.1',
    '192.168.7.1',
    '2001:db8::1',
    '2001:db8:5::2',
    '2001:db8::99',
    'fe80::42:1:2:3',
  ].map((text) => parseIpv4(text) ?? parseIpv6(text)!);
  const macs = ['02:00:00:00:00:01', '02:00:00:00:00:02', '02:00:00:00:00:03', '02:00:00:00:00:04'].map(
    (m) => parseMac(m)!,
  );
  const more = [
    'eth(dst=ff:ff:ff:ff:ff:ff,src=02:00:00:00:00:01)/arp(hwsrc=02:00:00:00:00:01,psrc=10.1.2.3,pdst=192.168.7.9)/"behind 10.1.2.3"',
    'eth(src=02:00:00:00:00:01)/ip(src=10.1.2.3,dst=192.168.7.9)/udp(dport=53)/dns(qname="secret.example")',
    'eth(src=02:00:00:00:00:01)/ip(src=10.1.2.3,dst=192.168.7.9)/icmp/"ping from 10.1.2.3"',
  ].flatMap((text) => [...craft(text)].map(({ bytes }) => bytes));
  const frames = [...plainFrames(), ...tunnelFrames(), ...more];

  it('has none of the original addresses, names or data, and right checksums', () => {
    const block = blockOf(frames.map((bytes) => ({ bytes, seconds: 1, nanoseconds: 0 })));
    block.extras = new Map([[0, { comments: ['10.1.2.3 asks 2001:db8::1, see 02:00:00:00:00:02'] }]]);
    const rewriter = new Rewriter({ anonymizer: new Anonymizer('key') });
    const out = rewriter.apply(block, ethernet);
    const last = out.offset[out.count - 1]! + out.capturedLength[out.count - 1]!;
    const all = Buffer.from(out.bytes.subarray(0, last));
    const before = Buffer.concat(frames);
    for (const secret of [...secrets.slice(0, -1), ...macs]) {
      expect(before.includes(Buffer.from(secret))).toBe(true);
      expect(all.includes(Buffer.from(secret)), [...secret].join('.')).toBe(false);
    }
    for (const text of ['secret', 'example', 'forty bytes', '10.1.2.3']) expect(all.includes(text)).toBe(false);
    const said = JSON.stringify([...out.extras!.values(), ...rewriter.interfaces]);
    for (const text of ['10.1.2.3', '2001:db8', '02:00:00:00:00:0']) expect(said).not.toContain(text);
    expect(said).toContain('asks');
    expect(rewriter.interfaces[0]).not.toHaveProperty('filter');
    for (let row = 0; row < out.count; row++) {
      const frame = out.bytes.slice(out.offset[row], out.offset[row]! + out.capturedLength[row]!);
      expect(frame).toHaveLength(frames[row]!.length);
      expect(fixChecksums(frame, LINKTYPE_ETHERNET), `frame ${row}`).toBe(0);
    }
  });

  it('keeps payloads where asked to', () => {
    const rewriter = new Rewriter({ anonymizer: new Anonymizer('key'), keepPayload: true });
    const out = rewriter.apply(blockOf([{ bytes: plainFrames()[0]!, seconds: 1, nanoseconds: 0 }]), ethernet);
    expect(Buffer.from(out.bytes).includes('forty bytes')).toBe(true);
  });
});
