import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { replay } from '../../../src/api/replay.ts';
import { be32 } from '../../../src/bytes/endian.ts';
import { icmp, ipv4, packet, udp } from '../../../src/inject/craft/index.ts';
import { fixChecksums } from '../../../src/inject/fix.ts';
import type { ReplayVia, Speed } from '../../../src/inject/replay/index.ts';
import { FirstSender, SubnetSplitter } from '../../../src/inject/replay/index.ts';
import { openEmulated } from '../../../src/lab/emulated.ts';
import { linuxSystemCalls } from '../../../src/linux/index.ts';
import type { SystemCalls } from '../../../src/syscall/contract.ts';
import { EIO, ENOBUFS } from '../../../src/uapi/errno.ts';
import { describeNetwork, type Pair, vethPair } from '../../support/network.ts';
import { arriving, numbered, pcap } from './support.ts';

/** System calls of which one does something else. */
const changed = (calls: SystemCalls, sendmmsg: SystemCalls['sendmmsg']): SystemCalls =>
  new Proxy(calls, {
    get(target, name) {
      if (name === 'sendmmsg') return sendmmsg;
      const value = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });

const hex = (frames: readonly { bytes: Uint8Array }[]): string[] =>
  frames.map(({ bytes }) => Buffer.from(bytes).toString('hex'));

/** Bare IPv4 packets. */
const ip = (src: string, dst: string, data = 'x'): Uint8Array =>
  packet(ipv4({ src, dst }), udp({ sport: 1000, dport: 2000 }), data).bytes;
/** With an Ethernet header between two addresses. */
const framed = (src: string, dst: string): Uint8Array =>
  Uint8Array.of(2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, ...ip(src, dst));
const source = (bytes: Uint8Array): string => bytes.subarray(26, 30).join('.');
const destination = (bytes: Uint8Array): string => bytes.subarray(30, 34).join('.');

describeNetwork('replay', () => {
  let pair: Pair;
  beforeEach(() => {
    pair = vethPair();
  });
  afterEach(() => pair.remove());

  const SPEEDS: [string, Speed][] = [
    ['as recorded', { kind: 'recorded', multiplier: 1 }],
    ['ten times as fast', { kind: 'recorded', multiplier: 10 }],
    ['by frames a second', { kind: 'pps', rate: 20_000 }],
    ['by bits a second', { kind: 'mbps', rate: 200 }],
    ['at top speed', { kind: 'topspeed' }],
  ];
  const WAYS: ReplayVia[] = ['sendmmsg', 'tx_ring', 'af_xdp'];
  const cases = SPEEDS.flatMap(([name, speed]) => WAYS.map((via) => [name, via, speed] as const));

  it.each(cases)('%s, via %s: every frame once, in order, whole', async (_, via, speed) => {
    const frames = Array.from({ length: 1500 }, (_, i) => ({
      bytes: numbered(i, 60 + ((i * 37) % 1455)),
      // Some at the same time, some behind each other, one that is late.
      time: Math.floor(i / 3) * 100_000 + (i === 700 ? -50_000 : 0),
    }));
    const { frames: arrived, result } = await arriving(pair.b, frames.length, () =>
      replay(pair.a, pcap(frames), { speed, via }),
    );
    expect(result).toMatchObject({
      attempted: 1500,
      sent: 1500,
      bytes: frames.reduce((sum, { bytes }) => sum + bytes.length, 0),
      failed: new Map(),
      aborted: false,
      loops: 1,
      truncated: 0,
      tooLong: null,
    });
    if (speed.kind === 'topspeed') expect(result.timing).toBeNull();
    else expect(result.timing!.max).toBeGreaterThanOrEqual(result.timing!.p50);
    expect(hex(arrived)).toEqual(hex(frames));
  });

  it('is never faster than recorded', async () => {
    const frames = [0, 30e6, 60e6, 90e6, 120e6].map((time, i) => ({ bytes: numbered(i), time }));
    const result = await replay(pair.a, pcap(frames));
    expect(result.seconds).toBeGreaterThanOrEqual(0.12);
    expect(
      (await replay(pair.a, pcap(frames), { speed: { kind: 'recorded', multiplier: 0.5 } })).seconds,
    ).toBeGreaterThanOrEqual(0.24);
  });

  it('loops, and ends at the limit', async () => {
    const file = pcap([1, 2, 3].map((i) => ({ bytes: numbered(i) })));
    for (const preload of [true, false]) {
      const { frames: arrived, result } = await arriving(pair.b, 7, () =>
        replay(pair.a, [file, file], { loop: 4, limit: 7, preload }),
      );
      expect(result).toMatchObject({ attempted: 7, sent: 7, loops: 2 });
      expect(arrived.map(({ bytes }) => be32(bytes, 14))).toEqual([1, 2, 3, 1, 2, 3, 1]);
    }
  });

  it('ends after its duration, also while it waits', async () => {
    const file = pcap([0, 1, 2].map((i) => ({ bytes: numbered(i), time: i * 60e9 })));
    const { frames: arrived, result } = await arriving(pair.b, 1, () => replay(pair.a, file, { duration: 1 }));
    expect(result).toMatchObject({ attempted: 1, sent: 1, aborted: false });
    expect(arrived).toHaveLength(1);
    const endless = await replay(pair.a, file, {
      speed: { kind: 'topspeed' },
      loop: Number.POSITIVE_INFINITY,
      duration: 0.05,
    });
    expect(endless.sent).toBe(endless.attempted);
    expect(endless.seconds).toBeGreaterThanOrEqual(0.05);
  });

  it('gives each loop addresses of its own, with good checksums', async () => {
    const conversation = [
      framed('10.0.0.1', '10.0.0.2'),
      framed('10.0.0.2', '10.0.0.1'),
      framed('10.0.0.1', '224.0.0.1'),
    ];
    for (const preload of [true, false]) {
      const { frames: arrived } = await arriving(pair.b, 9, () =>
        replay(pair.a, pcap(conversation.map((bytes) => ({ bytes }))), { loop: 3, uniqueIp: true, preload }),
      );
      expect(arrived.map(({ bytes }) => `${source(bytes)} ${destination(bytes)}`)).toEqual([
        '10.0.0.1 10.0.0.2',
        '10.0.0.2 10.0.0.1',
        '10.0.0.1 224.0.0.1',
        '10.0.1.1 10.0.1.2',
        '10.0.1.2 10.0.1.1',
        '10.0.1.1 224.0.0.1',
        '10.0.2.1 10.0.2.2',
        '10.0.2.2 10.0.2.1',
        '10.0.2.1 224.0.0.1',
      ]);
      for (const { bytes } of arrived) expect(fixChecksums(bytes.slice(), 1)).toBe(0);
    }
  });

  it.each(WAYS)('names and counts frames that the device does not take, via %s', async (via) => {
    const tagged = numbered(4, 1518);
    tagged.set([0x81, 0x00, 0x00, 0x05, 0x88, 0xb5], 12);
    const frames = [numbered(1), numbered(2, 1515), numbered(3, 1514), tagged, numbered(5, 9000), numbered(6)];
    const { frames: arrived, result } = await arriving(pair.b, 4, () =>
      replay(pair.a, pcap(frames.map((bytes) => ({ bytes }))), { via, loop: 1 }),
    );
    expect(result).toMatchObject({
      attempted: 6,
      sent: 4,
      failed: new Map([['EMSGSIZE', 2]]),
      tooLong: { count: 2, first: 2, longest: 9000 },
    });
    // The tag may come apart from the frame, and is put back by the capture.
    expect(arrived.map(({ bytes }) => bytes.length)).toEqual([60, 1514, 1518, 60]);
  });

  it.each(WAYS)('counts frames without a whole link header as the kernel does, via %s', async (via) => {
    const frames = [numbered(1), numbered(2).subarray(0, 8), numbered(3), numbered(4)];
    const { frames: arrived, result } = await arriving(pair.b, 3, () =>
      replay(pair.a, pcap(frames.map((bytes) => ({ bytes }))), { via, speed: { kind: 'topspeed' } }),
    );
    expect(result).toMatchObject({ attempted: 4, sent: 3, failed: new Map([['EINVAL', 1]]) });
    expect(arrived.map(({ bytes }) => be32(bytes, 14))).toEqual([1, 3, 4]);
  });

  it('tells of frames that were captured in part, and takes check sequences off', async () => {
    const result = await replay(pair.a, pcap([{ bytes: numbered(1), originalLength: 500 }, { bytes: numbered(2) }]));
    expect(result).toMatchObject({ sent: 2, truncated: 1 });
    // An FCS length of 4 bytes, as LINKTYPE's upper bits say it.
    const withFcs = pcap([{ bytes: Uint8Array.of(...numbered(3), 1, 2, 3, 4) }]);
    withFcs[23] = 0x24;
    const { frames: arrived } = await arriving(pair.b, 1, () => replay(pair.a, withFcs));
    expect(hex(arrived)).toEqual(hex([{ bytes: numbered(3) }]));
  });

  it('converts what has an IP packet in it, and names what has none', async () => {
    const bare = ip('10.0.0.1', '10.0.0.2', 'some data that makes the frame long enough');
    const wanted = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, ...bare);
    const null4 = Uint8Array.of(2, 0, 0, 0, ...bare);
    const sll = Uint8Array.of(0, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, ...bare);
    const files = [
      pcap([{ bytes: bare }], 101),
      pcap([{ bytes: null4 }], 0),
      pcap([{ bytes: sll }], 113),
      pcap([{ bytes: numbered(1) }, { bytes: numbered(2) }], 105),
    ];
    const { frames: arrived, result } = await arriving(pair.b, 3, () => replay(pair.a, files));
    expect(result).toMatchObject({ attempted: 3, sent: 3 });
    expect([...result.leftOut]).toEqual([['IEEE802_11 (105): nothing in it that Ethernet carries', 2]]);
    expect(hex(arrived)).toEqual(hex([wanted, wanted, wanted].map((bytes) => ({ bytes }))));
  });

  it('rewrites as it goes', async () => {
    const { frames: arrived } = await arriving(pair.b, 1, () =>
      replay(pair.a, pcap([{ bytes: framed('10.0.0.1', '10.0.0.2') }]), {
        rewrite: { ttl: { change: 'set', value: 7 }, sourceMac: Uint8Array.of(2, 9, 9, 9, 9, 9) },
      }),
    );
    expect(arrived[0]!.bytes[22]).toBe(7);
    expect([...arrived[0]!.bytes.subarray(6, 12)]).toEqual([2, 9, 9, 9, 9, 9]);
    expect(fixChecksums(arrived[0]!.bytes, 1)).toBe(0);
  });

  it.each([
    ['by who sends first', new FirstSender(), [0, 1, 0, 0, 1]],
    ['by network', new SubnetSplitter({ bytes: Uint8Array.of(10, 0, 0, 2), length: 32 }), [1, 0, 1, 1, 1]],
  ] as const)('two interfaces, sides told apart %s', async (_, splitter, sides) => {
    const second = vethPair();
    try {
      const frames = [
        framed('10.0.0.1', '10.0.0.2'),
        framed('10.0.0.2', '10.0.0.1'),
        framed('10.0.0.1', '10.0.0.2'),
        framed('10.0.0.1', '10.0.0.3'),
        framed('10.0.0.3', '10.0.0.1'),
      ];
      const wanted = [0, 1].map((side) => frames.filter((_, i) => sides[i] === side));
      const { frames: clients, result } = await arriving(pair.b, wanted[0]!.length, () =>
        arriving(second.b, wanted[1]!.length, () =>
          replay(pair.a, pcap(frames.map((bytes) => ({ bytes }))), { splitter, serverInterface: second.a }),
        ),
      );
      expect(hex(clients)).toEqual(hex(wanted[0]!.map((bytes) => ({ bytes }))));
      expect(hex(result.frames)).toEqual(hex(wanted[1]!.map((bytes) => ({ bytes }))));
      expect(result.result.interfaces.map(({ sent }) => sent)).toEqual(wanted.map(({ length }) => length));
    } finally {
      second.remove();
    }
  });

  it('ends when aborted: in a long wait, at top speed, before a full queue', async () => {
    const calls = linuxSystemCalls();
    const slow = pcap([0, 1].map((i) => ({ bytes: numbered(i), time: i * 3600e9 })));
    const abortedSoon = (): AbortSignal => AbortSignal.timeout(1000);
    expect(await replay(pair.a, slow, { signal: abortedSoon() })).toMatchObject({
      sent: 1,
      attempted: 1,
      aborted: true,
    });
    // Frames that are due in turn keep it busy.
    const busy = await replay(pair.a, slow, {
      speed: { kind: 'pps', rate: 100_000 },
      loop: Number.POSITIVE_INFINITY,
      signal: abortedSoon(),
    });
    expect(busy.aborted).toBe(true);
    expect(busy.sent).toBe(busy.attempted);
    const fast = await replay(pair.a, slow, {
      speed: { kind: 'topspeed' },
      loop: Number.POSITIVE_INFINITY,
      signal: abortedSoon(),
    });
    expect(fast.aborted).toBe(true);
    expect(fast.sent).toBe(fast.attempted);
    let tries = 0;
    const full = changed(calls, () => {
      tries++;
      return -ENOBUFS;
    });
    const stuck = await replay(pair.a, slow, { speed: { kind: 'topspeed' }, system: full, signal: abortedSoon() });
    expect(stuck).toMatchObject({ sent: 0, attempted: 0, aborted: true });
    expect(tries).toBeGreaterThan(1);
  });

  it('counts what the kernel refuses by its error, and goes on behind it', async () => {
    const calls = linuxSystemCalls();
    let call = 0;
    const failing = changed(calls, (fd, vector, first, count, flags) =>
      // Every third call fails, the others send one frame.
      ++call % 3 === 0 ? -EIO : calls.sendmmsg(fd, vector, first, Math.min(1, count), flags),
    );
    const frames = Array.from({ length: 30 }, (_, i) => ({ bytes: numbered(i) }));
    for (const speed of [{ kind: 'topspeed' }, { kind: 'recorded', multiplier: 1 }] as Speed[]) {
      call = 0;
      const { frames: arrived, result } = await arriving(pair.b, 20, () =>
        replay(pair.a, pcap(frames), { system: failing, speed }),
      );
      expect(result.attempted).toBe(30);
      expect(result.sent + result.failed.get('EIO')!).toBe(30);
      expect(result.failed.get('EIO')).toBeGreaterThan(5);
      expect(arrived).toHaveLength(result.sent);
      expect(result.bytes).toBe(60 * result.sent);
    }
  });

  it('says which device is not there, and refuses options that make no sense', async () => {
    const file = pcap([{ bytes: numbered(1) }]);
    await expect(replay('nope', file)).rejects.toMatchObject({ code: 'ENODEV' });
    await expect(replay(pair.a, file, { loop: 0 })).rejects.toThrow(RangeError);
    await expect(replay(pair.a, file, { limit: 1.5 })).rejects.toThrow(RangeError);
    await expect(replay(pair.a, '/nowhere.pcap')).rejects.toMatchObject({ code: 'SAVEFILE_READ' });
    await expect(replay('', file)).rejects.toThrow(TypeError);
  });
});

describe('on our kernel', () => {
  it('frames leave at exactly their times, on a virtual clock', async () => {
    const { system, clock } = openEmulated({ seed: 5, pace: 'virtual', traffic: false });
    const times = [0, 250_000, 1_000_000_000, 1_000_000_007, 7_200_000_000_000];
    const frames = times.map((time, i) => ({
      bytes: Uint8Array.of(
        2,
        0,
        0,
        0,
        0,
        9,
        2,
        0,
        0,
        0,
        0,
        1,
        8,
        0,
        ...packet(ipv4({ src: '192.0.2.10', dst: `192.0.2.${i + 100}` }), icmp({})).bytes,
      ),
      time,
    }));
    const { frames: sent, result } = await arriving(
      'eth0',
      frames.length,
      () => replay('eth0', pcap(frames), { system, clock, clockRuns: false }),
      { system, clock, direction: 'out' },
    );
    expect(result).toMatchObject({ sent: 5, attempted: 5, timing: { p50: 0, p90: 0, p99: 0, max: 0 } });
    expect(hex(sent)).toEqual(hex(frames));
    // The first one finds the link idle a little later than the others: times count from the second.
    const since = ({ seconds, nanoseconds }: (typeof sent)[0]): number =>
      (seconds - sent[1]!.seconds) * 1e9 + (nanoseconds - sent[1]!.nanoseconds) + times[1]!;
    expect(sent.slice(1).map(since)).toEqual(times.slice(1));
  });
});
