import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, describe, expect, it } from 'vitest';
import { fixChecksums } from '../../../src/inject/fix.ts';
import {
  Anonymizer,
  macMap,
  networkMap,
  parseMacRule,
  parseNetworkRule,
  parsePortRule,
  portTable,
  type RewriteOptions,
  Rewriter,
} from '../../../src/inject/rewrite/index.ts';
import { blockOf, readSavefile, writeSavefile } from '../../../src/savefile/index.ts';
import { seededRandom } from '../../../src/time/random.ts';
import { LINKTYPE_ETHERNET, LINKTYPE_RAW } from '../../../src/wire/linktype.ts';
import { hasTool } from '../../support/tools.ts';
import { plainFrames, tunnelFrames } from './frames.ts';

const directory = mkdtempSync(`${tmpdir()}/netlab-rewrite-`);
afterAll(() => rmSync(directory, { recursive: true }));

const ethernet = [{ name: 'eth0', linkType: LINKTYPE_ETHERNET, snapLength: 0, timestampDigits: 9 }];

function rewritten(frames: readonly Uint8Array[], options: RewriteOptions): Uint8Array[] {
  const block = blockOf(frames.map((bytes, number) => ({ bytes, seconds: number, nanoseconds: 0 })));
  const out = new Rewriter(options).apply(block, ethernet);
  const rows: Uint8Array[] = [];
  for (let row = 0; row < out.count; row++)
    if (out.keep[row] !== 0) rows.push(out.bytes.slice(out.offset[row], out.offset[row]! + out.capturedLength[row]!));
  return rows;
}

const networks = (...rules: string[]) => networkMap(rules.map(parseNetworkRule));
const ports = (...rules: string[]) => portTable(rules.map(parsePortRule));
const mac = (text: string) => Uint8Array.from(text.split(':'), (part) => Number.parseInt(part, 16));
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

/** What can be compared with tcprewrite 4.4: it gives the Ethernet header of frames of IPv6 group addresses, whatever
 * their destination is, so of those only the packet is; and it leaves UDP's length beyond the end of a packet that it
 * cut, so such frames are not. */
function comparable(frames: readonly Uint8Array[], name: string): string[] {
  return frames.flatMap((bytes) => {
    const network = bytes[12] === 0x81 ? 18 : 14;
    const isIpv6 = bytes[network]! >>> 4 === 6;
    const isUdp = bytes[network + (isIpv6 ? 6 : 9)] === 17;
    return name === 'MTU' && isUdp ? [] : [hex(bytes.subarray(isIpv6 ? 12 : 0))];
  });
}

const CASES: [string, string[], RewriteOptions][] = [
  [
    'networks',
    ['--pnat=10.0.0.0/8:172.16.0.0/12,192.168.0.0/16:10.5.0.0/16'],
    { addresses: networks('10.0.0.0/8=172.16.0.0/12', '192.168.0.0/16=10.5.0.0/16') },
  ],
  ['sources', ['--srcipmap=0.0.0.0/0:1.2.0.0/16'], { sources: networks('0.0.0.0/0=1.2.0.0/16') }],
  ['destinations', ['--dstipmap=0.0.0.0/0:1.2.3.4/32'], { destinations: networks('0.0.0.0/0=1.2.3.4') }],
  ['IPv6', ['--pnat=[2001:db8::/32]:[2001:dead::/32]'], { addresses: networks('2001:db8::/32=2001:dead::/32') }],
  ['ports', ['--portmap=80:8080,53:5353,8000-8010:9'], { ports: ports('80=8080', '53=5353', '8000-8010=9') }],
  [
    'Ethernet addresses',
    ['--enet-smac=02:11:22:33:44:55', '--enet-dmac=02:aa:bb:cc:dd:ee'],
    { sourceMac: mac('02:11:22:33:44:55'), destinationMac: mac('02:aa:bb:cc:dd:ee') },
  ],
  [
    'a MAC address',
    ['--enet-subsmac=02:00:00:00:00:01,02:02:02:02:02:02'],
    { macs: macMap([parseMacRule('02:00:00:00:00:01=02:02:02:02:02:02')]) },
  ],
  ['a tag removed', ['--enet-vlan=del'], { vlan: { action: 'remove' } }],
  ['TTL', ['--ttl=64'], { ttl: { change: 'set', value: 64 } }],
  ['TTL more', ['--ttl=+200'], { ttl: { change: 'add', value: 200 } }],
  ['TTL less', ['--ttl=-10'], { ttl: { change: 'add', value: -10 } }],
  ['TOS', ['--tos=32'], { tos: 32 }],
  ['traffic class', ['--tclass=33'], { trafficClass: 33 }],
  ['flow label', ['--flowlabel=74565'], { flowLabel: 0x12345 }],
  ['MTU', ['--mtu=64', '--mtu-trunc'], { mtu: 64 }],
];

describe('as tcprewrite does', () => {
  const skip = !hasTool('tcprewrite');
  if (skip) console.warn('not compared with tcprewrite: it is not installed (Debian: tcpreplay)');
  it.skipIf(skip).each(CASES)('%s', (name, words, options) => {
    const frames = plainFrames();
    writeSavefile(
      `${directory}/in.pcap`,
      frames.map((bytes) => ({ bytes, seconds: 1, nanoseconds: 0 })),
      {
        precision: 'micro',
      },
    );
    const run = spawnSync('tcprewrite', ['-i', `${directory}/in.pcap`, '-o', `${directory}/out.pcap`, ...words], {
      encoding: 'utf8',
    });
    expect(run.stderr + run.status).toBe('0');
    const theirs = comparable(
      readSavefile(`${directory}/out.pcap`).frames.map(({ bytes }) => bytes),
      name,
    );
    const ours = comparable(rewritten(frames, options), name);
    if (name === 'a MAC address') {
      // tcprewrite changes sources and destinations as well.
      expect(ours.some((frame) => frame.startsWith('020202020202'))).toBe(true);
    }
    expect(ours).toEqual(theirs);
    expect(ours).not.toEqual(comparable(frames, name));
  });

  it.skipIf(skip)('a tag added', () => {
    // tcprewrite puts its tag in the place of one that is there; a second tag is what 802.1ad has.
    const frames = plainFrames().slice(0, 7);
    writeSavefile(
      `${directory}/in.pcap`,
      frames.map((bytes) => ({ bytes, seconds: 1, nanoseconds: 0 })),
      {
        precision: 'micro',
      },
    );
    const words = ['--enet-vlan=add', '--enet-vlan-tag=100', '--enet-vlan-pri=3', '--enet-vlan-cfi=0'];
    const run = spawnSync('tcprewrite', ['-i', `${directory}/in.pcap`, '-o', `${directory}/out.pcap`, ...words]);
    expect(run.status).toBe(0);
    const theirs = comparable(
      readSavefile(`${directory}/out.pcap`).frames.map(({ bytes }) => bytes),
      'tag',
    );
    const vlan = { action: 'add', id: 100, priority: 3 } as const;
    expect(comparable(rewritten(frames, { vlan }), 'tag')).toEqual(theirs);
    expect(rewritten(rewritten(frames, { vlan }), { vlan: { action: 'remove' } })).toEqual(frames);
  });
});

const EVERYTHING: RewriteOptions = {
  addresses: networks(
    '10.0.0.0/8=172.16.0.0/12',
    '192.168.7.9=8.8.8.8',
    '2001:db8::/32=fd00:1:2::/48',
    'fe80::/10=fe90::/16',
  ),
  ports: ports('80=65535', '53=1', '4000-5001=77'),
  macs: macMap([parseMacRule('02:00:00:00:00:03=02:ff:fe:fd:fc:fb')]),
  ttl: { change: 'set', value: 7 },
  tos: 0xb8,
  shiftSequence: 0xdeadbeef,
};

describe('checksums follow', () => {
  const all = [...plainFrames(), ...tunnelFrames()];

  it('what was right stays right, in tunnels and quotes too', () => {
    const out = rewritten(all, EVERYTHING);
    expect(out).toHaveLength(all.length);
    for (const [number, frame] of out.entries()) {
      expect(hex(frame)).not.toBe(hex(all[number]!));
      const fixed = frame.slice();
      expect(fixChecksums(fixed, LINKTYPE_ETHERNET), `frame ${number}`).toBe(0);
      expect(frame).toEqual(fixed);
    }
  });

  it('what was wrong is as wrong as before', () => {
    for (const frame of plainFrames().slice(0, 4)) {
      const broken = frame.slice();
      // The last bytes of a checksum field: of UDP and of TCP.
      const field = broken[23] === 17 ? 40 : 50;
      broken[field]! ^= 0x5a;
      const [out] = rewritten([broken], EVERYTHING);
      expect(fixChecksums(out!.slice(), LINKTYPE_ETHERNET)).toBe(1);
      const [back] = rewritten([out!], {
        ...EVERYTHING,
        addresses: networks('172.16.0.0/12=10.0.0.0/12', '8.8.8.8=192.168.7.9'),
        ports: Uint16Array.from({ length: 65536 }, (_, port) => port),
        shiftSequence: -0xdeadbeef,
      });
      // Incremental changes can be taken back: the sum is off by the same amount.
      expect(fixChecksums(back!.slice(), LINKTYPE_ETHERNET)).toBe(1);
    }
  });

  it('of cut frames, which cannot be summed: as those of whole ones', () => {
    for (const frame of plainFrames()) {
      const whole = rewritten([frame], EVERYTHING)[0]!;
      for (const length of [14, 20, 34, 38, 42, 50, 54, 60, 70, 78]) {
        const block = blockOf([
          { bytes: frame.subarray(0, length), originalLength: frame.length, seconds: 0, nanoseconds: 0 },
        ]);
        const out = new Rewriter(EVERYTHING).apply(block, ethernet);
        const cut = out.bytes.subarray(out.offset[0], out.offset[0]! + out.capturedLength[0]!);
        // A header that is there in part is left alone: so compare from where headers are whole.
        if (length >= 70) expect(hex(cut)).toBe(hex(whole.subarray(0, length)));
        else expect(cut).toHaveLength(length);
      }
    }
  });

  const seed = Number(process.env.NETLAB_SEED ?? 20261120);
  it(`any bytes: nothing is thrown, no length changes (seed ${seed})`, () => {
    const random = seededRandom(seed);
    const pick = (most: number) => random() % most;
    const options: RewriteOptions = { ...EVERYTHING, anonymizer: new Anonymizer('k') };
    for (let round = 0; round < 3000; round++) {
      const frame = all[pick(all.length)]!.slice();
      for (let flips = 1 + pick(6); flips > 0; flips--) frame[pick(frame.length)] = pick(256);
      const cut = frame.subarray(0, 1 + pick(frame.length));
      const [out] = rewritten([cut], options);
      expect(out, `round ${round}`).toHaveLength(cut.length);
    }
  });
});

describe('other changes', () => {
  it('sequence numbers wrap, acknowledgements only where they count', () => {
    const [first] = rewritten([plainFrames()[3]!], { shiftSequence: 10 });
    expect(Buffer.from(first!).readUInt32BE(38)).toBe(4);
    expect(Buffer.from(first!).readUInt32BE(42)).toBe(1052);
    const [syn] = rewritten([plainFrames()[6]!], { shiftSequence: 10 });
    expect(Buffer.from(syn!).readUInt32BE(58)).toBe(17);
    expect(Buffer.from(syn!).readUInt32BE(62)).toBe(0);
  });

  it('the link header taken off and put on', () => {
    const [frame] = plainFrames();
    const rewriter = new Rewriter({ linkType: LINKTYPE_RAW });
    const out = rewriter.apply(blockOf([{ bytes: frame!, seconds: 0, nanoseconds: 0 }]), ethernet);
    const raw = out.bytes.slice(0, out.capturedLength[0]);
    expect(hex(raw)).toBe(hex(frame!.subarray(14)));
    expect(rewriter.interfaces[0]!.linkType).toBe(LINKTYPE_RAW);
    const back = new Rewriter({
      linkType: LINKTYPE_ETHERNET,
      sourceMac: mac('02:00:00:00:00:01'),
      destinationMac: mac('02:00:00:00:00:02'),
    });
    const again = back.apply(blockOf([{ bytes: raw, seconds: 0, nanoseconds: 0 }]), rewriter.interfaces);
    expect(hex(again.bytes.slice(0, again.capturedLength[0]))).toBe(hex(frame!));
  });

  it('cut frames padded, or their lengths made to fit', () => {
    const [frame] = plainFrames();
    const cut = { bytes: frame!.subarray(0, 60), originalLength: frame!.length, seconds: 0, nanoseconds: 0 };
    const padded = new Rewriter({ cut: 'pad' }).apply(blockOf([cut]), ethernet);
    expect(padded.capturedLength[0]).toBe(frame!.length);
    expect(hex(padded.bytes.slice(0, 60))).toBe(hex(frame!.subarray(0, 60)));
    expect(padded.bytes.slice(60, frame!.length).every((byte) => byte === 0)).toBe(true);
    const trimmed = new Rewriter({ cut: 'trim' }).apply(blockOf([cut]), ethernet);
    expect(trimmed.originalLength[0]).toBe(60);
    expect(Buffer.from(trimmed.bytes).readUInt16BE(16)).toBe(46);
    expect(Buffer.from(trimmed.bytes).readUInt16BE(38)).toBe(26);
    expect(fixChecksums(trimmed.bytes.slice(0, 60), LINKTYPE_ETHERNET)).toBe(0);
  });

  it('times move across the second, before 1970 too', () => {
    const block = blockOf([{ bytes: plainFrames()[0]!, seconds: 1, nanoseconds: 100 }]);
    const later = new Rewriter({ shiftTime: 2_999_999_999n }).apply(block, ethernet);
    expect([later.seconds[0], later.nanoseconds[0]]).toEqual([4, 99]);
    const earlier = new Rewriter({ shiftTime: -1_500_000_000n }).apply(block, ethernet);
    expect([earlier.seconds[0], earlier.nanoseconds[0]]).toEqual([-1, 500_000_100]);
  });

  it('rules that cannot be are named', () => {
    expect(() => parseNetworkRule('10.0.0.0/33=1.2.3.4')).toThrow('from 0 to 32');
    expect(() => parseNetworkRule('10.0.0.0/8=fd00::/8')).toThrow('one side is IPv4');
    expect(() => parseNetworkRule('10.0.0/8=1.1.1.1')).toThrow('10.0.0 is no IPv4 or IPv6 address');
    expect(() => parsePortRule('80=70000')).toThrow('0 to 65535');
    expect(() => parseMacRule('02:00=02:00:00:00:00:01')).toThrow('MAC addresses');
  });
});
