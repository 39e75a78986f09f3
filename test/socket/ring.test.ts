import { accessSync, constants } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import {
  DIRECTION_IN,
  DIRECTION_OUT,
  RECEPTION_BROADCAST,
  RECEPTION_MULTICAST,
  RECEPTION_PROMISCUOUS,
  RECEPTION_UNICAST,
} from '../../src/frames/flags.ts';
import { openTun } from '../../src/linux/tun.ts';
import { parseMac } from '../../src/socket/address.ts';
import { PacketRing, type RingOptions, ringGeometry } from '../../src/socket/ring.ts';
import { links } from '../../src/socket/route.ts';
import { FrameSender } from '../../src/socket/sender.ts';
import type { SystemCalls } from '../../src/syscall/contract.ts';
import { SystemError } from '../../src/syscall/error.ts';
import { encodeSockaddrIn } from '../../src/uapi/sockaddr.ts';
import { AF_INET, SOCK_RAW } from '../../src/uapi/socket.ts';
import { describeMachines, hostMachine, type Machine } from '../support/machine.ts';
import { describeNetwork, deviceName, type Pair, run } from '../support/network.ts';
import { blockOf, collect, ETHERTYPE, hex, numbered, received, unhex } from './frames.ts';

const cleanup: (() => void)[] = [];
afterEach(() => {
  for (const undo of cleanup.splice(0).reverse()) undo();
});

/** What the tests do on a machine; all is undone after each. */
function bench(machine: Machine): {
  calls: SystemCalls;
  pair(): Pair;
  ring(options: RingOptions): PacketRing;
  sender(name: string): FrameSender;
  macOf(name: string): Promise<string>;
} {
  return {
    calls: machine.calls,
    pair() {
      const made = machine.pair();
      cleanup.push(() => made.remove());
      return made;
    },
    ring(options) {
      // A short timeout keeps the tests quick; the default is tested by itself.
      const opened = PacketRing.open(machine.calls, { bufferSize: 8 << 20, blockTimeout: 10, ...options });
      cleanup.push(() => opened.close());
      return opened;
    },
    sender(name) {
      const opened = FrameSender.open(machine.calls, { interface: name });
      cleanup.push(() => opened.close());
      return opened;
    },
    macOf: async (name) => hex(parseMac((await links(machine.calls)).find((link) => link.name === name)!.macAddress)!),
  };
}
const send = async (from: FrameSender, ...frames: Uint8Array[]): Promise<void> => {
  const result = await from.send(blockOf(frames));
  expect(result.sent).toBe(frames.length);
};
/** Accepts frames of the tests' ethertype: `ether proto 0x88b5`, written by hand. */
const ours = [
  { code: 0x28, jt: 0, jf: 0, k: 12 },
  { code: 0x15, jt: 0, jf: 1, k: ETHERTYPE },
  { code: 6, jt: 0, jf: 0, k: 0xffffffff },
  { code: 6, jt: 0, jf: 0, k: 0 },
];
describeMachines('a packet ring', (machine) => {
  const { pair, ring, sender, macOf } = bench(machine);
  test('every frame, in order, whole, with increasing times', async () => {
    const { a, b } = pair();
    const capture = ring({ interface: b, bufferSize: 64 << 20 });
    const from = sender(a);
    const before = Date.now() / 1000;
    const frames = Array.from({ length: 30_000 }, (_, at) => numbered(at, 60 + (at % 1455)));
    await send(from, ...frames);
    await received(capture, frames.length);
    capture.stop();
    const found = await collect(capture);
    expect(found).toHaveLength(frames.length);
    expect(found.every(({ bytes }, at) => Buffer.compare(bytes, frames[at]!) === 0)).toBe(true);
    expect(found.every(({ captured, original }, at) => captured === original && original === 60 + (at % 1455))).toBe(
      true,
    );
    expect(found.every(({ time }, at) => at === 0 || time >= found[at - 1]!.time)).toBe(true);
    expect(found[0]!.time).toBeGreaterThan(before - 1);
    expect(found[0]!.time).toBeLessThan(Date.now() / 1000 + 1);
    expect(found.every(({ flags }) => flags === (DIRECTION_IN | RECEPTION_BROADCAST))).toBe(true);
    expect(capture.statistics()).toEqual({ received: 30_000, dropped: 0, freezes: 0 });
    expect([capture.delivered, capture.undelivered]).toEqual([30_000, 0]);
    expect(capture.interfaces).toMatchObject([{ name: b, linkType: 1, snapLength: 262_144, timestampDigits: 9 }]);
    expect(hex(capture.interfaces[0]!.macAddress!)).toBe(await macOf(b));
  });

  test('a ring that is too small: received = captured + dropped, and what is there is in order', async () => {
    const { a, b } = pair();
    const capture = ring({ interface: b, bufferSize: 128 << 10 });
    expect(capture.bufferSize).toBe(128 << 10);
    await send(sender(a), ...Array.from({ length: 5000 }, (_, at) => numbered(at, 500)));
    await received(capture, 5000);
    capture.stop();
    const found = await collect(capture);
    const { received: total, dropped, freezes } = capture.statistics();
    expect(total).toBe(5000);
    expect(dropped).toBeGreaterThan(0);
    expect(found.length).toBeGreaterThan(0);
    expect(found.length + dropped).toBe(total);
    expect(freezes).toBeGreaterThan(0);
    const numbers = found.map(({ bytes }) => new DataView(bytes.buffer).getUint32(14));
    expect(numbers.every((number, at) => at === 0 || number > numbers[at - 1]!)).toBe(true);
  });

  test('frames while the consumer reads: drops and deliveries add up', async () => {
    const { a, b } = pair();
    const capture = ring({ interface: b, bufferSize: 256 << 10 });
    const reading = collect(capture);
    const from = sender(a);
    const block = blockOf(Array.from({ length: 2000 }, (_, at) => numbered(at, 300)));
    for (let round = 0; round < 20; round++) await from.send(block);
    await received(capture, 40_000);
    capture.stop();
    const found = await reading;
    const { received: total, dropped } = capture.statistics();
    expect(total).toBe(40_000);
    expect(found.length + dropped).toBe(total);
  });

  test('direction and reception of unicast, multicast, broadcast, foreign and outgoing frames', async () => {
    const { a, b } = pair();
    const capture = ring({ interface: b, filter: ours });
    const destinations = [await macOf(b), '01005e000001', 'ffffffffffff', '02aaaaaaaaaa'];
    await send(sender(a), ...destinations.map((to, at) => numbered(at, 60, to)));
    await send(sender(b), numbered(9));
    await received(capture, 5);
    capture.stop();
    expect((await collect(capture)).map(({ flags }) => flags)).toEqual([
      DIRECTION_IN | RECEPTION_UNICAST,
      DIRECTION_IN | RECEPTION_MULTICAST,
      DIRECTION_IN | RECEPTION_BROADCAST,
      DIRECTION_IN | RECEPTION_PROMISCUOUS,
      DIRECTION_OUT,
    ]);
  });

  test.each([
    ['in', [1]],
    ['out', [2]],
    ['inout', [1, 2]],
  ] as const)('direction %s', async (direction, expected) => {
    const { a, b } = pair();
    const capture = ring({ interface: b, filter: ours, direction });
    await send(sender(a), numbered(1));
    await send(sender(b), numbered(2));
    await received(capture, expected.length);
    capture.stop();
    expect((await collect(capture)).map(({ bytes }) => bytes[17])).toEqual(expected);
    expect(capture.statistics().received).toBe(expected.length);
  });

  test('the filter runs in the kernel: what it rejects is not counted', async () => {
    const { a, b } = pair();
    const capture = ring({ interface: b, filter: (linkType) => (linkType === 1 ? ours : null) });
    expect(capture.filtered).toBe(true);
    await send(
      sender(a),
      numbered(1, 60, 'ffffffffffff', 0x9999),
      numbered(2),
      numbered(3, 60, 'ffffffffffff', 0x9999),
    );
    await received(capture, 1);
    capture.stop();
    expect((await collect(capture)).map(({ bytes }) => bytes[17])).toEqual([2]);
    expect(capture.statistics().received).toBe(1);
  });

  test.each([
    { name: 'without a filter', filter: null },
    { name: 'with a filter that accepts 2^32 - 1 bytes', filter: ours },
  ])('snapshot length $name', async ({ filter }) => {
    const { a, b } = pair();
    const capture = ring({ interface: b, snapLength: 96, filter });
    await send(sender(a), numbered(1, 60), numbered(2, 96), numbered(3, 97), numbered(4, 1500));
    await received(capture, 4);
    capture.stop();
    const found = await collect(capture);
    expect(found.map(({ captured, original }) => [captured, original])).toEqual([
      [60, 60],
      [96, 96],
      [96, 97],
      [96, 1500],
    ]);
    expect(found[3]!.bytes).toEqual(numbered(4, 1500).subarray(0, 96));
    expect(capture.interfaces[0]!.snapLength).toBe(96);
  });

  test('stop and the default block timeout: frames in an open block are delivered', async () => {
    const { a, b } = pair();
    const capture = ring({ interface: b, blockTimeout: 100 });
    const reading = collect(capture);
    await send(sender(a), numbered(1), numbered(2));
    await received(capture, 2);
    capture.stop();
    await send(sender(a), numbered(3));
    expect((await reading).map(({ bytes }) => bytes[17])).toEqual([1, 2]);
    expect(capture.undelivered).toBe(0);
  });

  test('immediate: a frame is there long before the block timeout', async () => {
    const { a, b } = pair();
    const capture = ring({ interface: b, blockTimeout: 50_000, immediate: true });
    const from = sender(a);
    const start = performance.now();
    await send(from, numbered(1));
    const { value } = await capture.next();
    expect(value!.count).toBe(1);
    expect(performance.now() - start).toBeLessThan(25_000);
  });

  test('a signal stops it', async () => {
    const { a, b } = pair();
    const controller = new AbortController();
    const capture = ring({ interface: b, signal: controller.signal });
    const reading = collect(capture);
    await send(sender(a), numbered(1));
    await received(capture, 1);
    controller.abort();
    expect(await reading).toHaveLength(1);
    expect(capture.socket.closed).toBe(true);
    const stopped = ring({ interface: b, signal: AbortSignal.abort() });
    expect(await collect(stopped)).toEqual([]);
  });

  test('close while waiting: the iteration is done', async () => {
    const { b } = pair();
    const capture = ring({ interface: b });
    const next = capture.next();
    await new Promise((resolve) => setTimeout(resolve, 20));
    capture.close();
    expect(await next).toEqual({ value: undefined, done: true });
    expect(await capture.next()).toEqual({ value: undefined, done: true });
    capture.close();
    capture.stop();
    expect(capture.statistics().received).toBeGreaterThanOrEqual(0);
  });

  test('leaving the loop closes; the block that was out reads zeros', async () => {
    const { a, b } = pair();
    const capture = ring({ interface: b });
    await send(sender(a), numbered(1));
    let block: { bytes: Uint8Array; offset: Uint32Array } | undefined;
    for await (const one of capture) {
      block = one;
      break;
    }
    expect(capture.socket.closed).toBe(true);
    const at = block!.offset[0]!;
    expect(block!.bytes.subarray(at, at + 60)).toEqual(new Uint8Array(60));
  });

  test('the device goes down: the rest, then ENETDOWN', async () => {
    const { a, b } = pair();
    const capture = ring({ interface: b, blockTimeout: 60 });
    await send(sender(a), numbered(1), numbered(2));
    await received(capture, 2);
    machine.down(b);
    let count = 0;
    const failed = (async () => {
      for await (const block of capture) count += block.count;
    })();
    await expect(failed).rejects.toMatchObject({ name: 'SystemError', code: 'ENETDOWN', dest: b });
    expect(count).toBe(2);
    expect(capture.socket.closed).toBe(true);
  });

  test('the device goes away while the ring waits: ENODEV', async () => {
    const { a, b } = pair();
    const capture = ring({ interface: b });
    const failed = collect(capture);
    await send(sender(a), numbered(1));
    await received(capture, 1);
    machine.remove(a);
    await expect(failed).rejects.toMatchObject({ code: 'ENODEV', dest: b });
  });

  test('no such device, a device that is down, options that make no sense', () => {
    const { b } = pair();
    expect(() => ring({ interface: 'nosuch' })).toThrow(/ENODEV.*'nosuch'/);
    machine.down(b);
    expect(() => ring({ interface: b })).toThrow(SystemError);
    expect(() => ring({ interface: b })).toThrow(/ENETDOWN.*ip link set .* up/);
    expect(() => ring({ interface: 'lo', snapLength: 0 })).toThrow(RangeError);
    expect(() => ring({ interface: 'lo', bufferSize: 2 ** 31 })).toThrow(RangeError);
    expect(() => ring({ interface: 'lo', blockTimeout: 1.5 })).toThrow(RangeError);
    expect(() => ring({ interface: 'lo', timestampType: 'adapter_unsynced' })).toThrow(/timestamp type 'host'/);
  });

  test('a trickle does not fill the ring while the consumer is busy', async () => {
    const { a, b } = pair();
    const capture = ring({ interface: b, bufferSize: 64 << 20, immediate: true });
    const from = sender(a);
    for (let at = 0; at < 100; at++) {
      await send(from, numbered(at));
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    capture.stop();
    expect((await collect(capture)).map(({ bytes }) => bytes[17])).toEqual(Array.from({ length: 100 }, (_, at) => at));
    expect(capture.statistics()).toEqual({ received: 100, dropped: 0, freezes: 0 });
  });

  test('the largest frames of loopback are whole', async () => {
    const capture = ring({ interface: 'lo', filter: ours });
    await send(sender('lo'), numbered(1, 65_550), numbered(2, 65_550));
    await received(capture, 2);
    capture.stop();
    expect((await collect(capture)).map(({ captured, original }) => [captured, original])).toEqual([
      [65_550, 65_550],
      [65_550, 65_550],
    ]);
  });

  test('the event loop has its turn while frames pour in', async () => {
    const { a, b } = pair();
    const capture = ring({ interface: b, bufferSize: 16 << 20 });
    await send(sender(a), ...Array.from({ length: 20_000 }, (_, at) => numbered(at)));
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    for await (const block of capture) {
      // A slow consumer that never awaits.
      const end = performance.now() + 10;
      while (performance.now() < end);
      if (capture.delivered >= 20_000) break;
      expect(block.count).toBeGreaterThan(0);
    }
    clearInterval(timer);
    expect(turns).toBeGreaterThanOrEqual(2);
  });
});

describeMachines('VLAN tags that the kernel took out', (machine) => {
  const { calls, pair, ring, sender } = bench(machine);
  const tagged = (tag: string): Uint8Array => unhex(`ffffffffffff 020000000001 ${tag} 88b5 ${'a5'.repeat(60)}`);

  test('802.1Q and 802.1ad are put back, in Ethernet frames', async () => {
    const { a, b } = pair();
    const capture = ring({ interface: b });
    const frames = [tagged('8100 2064'), tagged('88a8 0001'), tagged('88a8 e007 8100 0fff'), numbered(1)];
    await send(sender(a), ...frames);
    await received(capture, frames.length);
    capture.stop();
    const found = await collect(capture);
    expect(found.map(({ bytes }) => hex(bytes))).toEqual(frames.map(hex));
    expect(found.map(({ original }) => original)).toEqual(frames.map(({ length }) => length));
  });

  test.each([
    [18, 18],
    [16, 16],
    [15, 15],
    [13, 13],
    [12, 12],
    [6, 6],
  ])('with a snapshot length of %i', async (snapLength, captured) => {
    const { a, b } = pair();
    const capture = ring({ interface: b, snapLength });
    const frame = tagged('8100 2064');
    await send(sender(a), frame);
    await received(capture, 1);
    capture.stop();
    const [found] = await collect(capture);
    expect([found!.captured, found!.original]).toEqual([captured, frame.length]);
    expect(hex(found!.bytes)).toBe(hex(frame.subarray(0, captured)));
  });

  test('in cooked frames the tag follows the header', async () => {
    const { a, b } = pair();
    const capture = ring({ interface: 'any' });
    await send(sender(a), tagged('88a8 2064'));
    await received(capture, 2);
    capture.stop();
    const found = (await collect(capture)).filter(({ flags }) => (flags & 3) === DIRECTION_IN);
    expect(capture.interfaces.map(({ name }) => name)).toContain(b);
    const index = (await links(calls)).find(({ name }) => name === b)!.ifindex;
    expect(found.map(({ bytes }) => hex(bytes))).toEqual([
      `88a80000${index.toString(16).padStart(8, '0')}000101060200000000010000` + `206488b5${'a5'.repeat(60)}`,
    ]);
    expect(found[0]!.original).toBe(20 + 4 + 60);
  });
});

describeMachines('any', (machine) => {
  const { calls, pair, ring, sender } = bench(machine);
  const programmed = [
    // SLL2: the protocol is the first field.
    { code: 0x28, jt: 0, jf: 0, k: 0 },
    { code: 0x15, jt: 0, jf: 1, k: ETHERTYPE },
    { code: 6, jt: 0, jf: 0, k: 262144 },
    { code: 6, jt: 0, jf: 0, k: 0 },
  ];

  test('cooked version 2, an interface for each device, later ones too', async () => {
    const first = pair();
    const capture = ring({ interface: 'any', filter: programmed });
    expect(capture.filtered).toBe(true);
    expect(capture.interfaces).toEqual([]);
    const found: string[] = [];
    const reading = (async () => {
      for await (const block of capture)
        for (let row = 0; row < block.count; row++) {
          const at = block.offset[row]!;
          found.push(
            `${capture.interfaces[block.interfaceId[row]!]!.name} ${hex(block.bytes.subarray(at, at + 26))} ${block.flags[row]}`,
          );
        }
    })();
    await send(sender(first.a), numbered(1));
    await received(capture, 2);
    // A device that is made only now.
    const second = pair();
    await send(sender(second.a), numbered(2, 60, '02aaaaaaaaaa'));
    await received(capture, 4);
    capture.stop();
    await reading;
    const all = await links(calls);
    const expected = (name: string, type: string, number: number, flags: number) => {
      const index = all.find((link) => link.name === name)!.ifindex;
      return `${name} 88b50000${index.toString(16).padStart(8, '0')}0001${type}060200000000010000${number
        .toString(16)
        .padStart(8, '0')}1213 ${flags}`;
    };
    expect(found).toEqual([
      expected(first.a, '04', 1, DIRECTION_OUT),
      expected(first.b, '01', 1, DIRECTION_IN | RECEPTION_BROADCAST),
      expected(second.a, '04', 2, DIRECTION_OUT),
      expected(second.b, '03', 2, DIRECTION_IN | RECEPTION_PROMISCUOUS),
    ]);
    expect(capture.interfaces.map(({ linkType }) => linkType)).toEqual([276, 276, 276, 276]);
  });

  test('a snapshot length counts the cooked header', async () => {
    const { a } = pair();
    const capture = ring({ interface: 'any', filter: programmed, snapLength: 30 });
    await send(sender(a), numbered(1));
    await received(capture, 2);
    capture.stop();
    const found = await collect(capture);
    expect(found.map(({ captured, original }) => [captured, original])).toEqual([
      [30, 66],
      [30, 66],
    ]);
    expect(hex(found[0]!.bytes.subarray(20))).toBe('00000001121314151617');
  });

  test('the loopback device: each frame once, from it and from any', async () => {
    const program = [
      { code: 0x30, jt: 0, jf: 0, k: 20 + 9 },
      { code: 0x15, jt: 0, jf: 1, k: 253 },
      { code: 6, jt: 0, jf: 0, k: 262144 },
      { code: 6, jt: 0, jf: 0, k: 0 },
    ];
    const onLo = ring({ interface: 'lo', filter: program.map((one, at) => (at === 0 ? { ...one, k: 14 + 9 } : one)) });
    const onAny = ring({ interface: 'any', filter: program });
    const inward = ring({ interface: 'lo', direction: 'out' });
    const raw = calls.socket(AF_INET, SOCK_RAW, 253);
    cleanup.push(() => calls.close(raw));
    for (let count = 0; count < 3; count++)
      expect(
        calls.sendto(raw, Uint8Array.of(1), 0, encodeSockaddrIn({ address: Uint8Array.of(127, 0, 0, 1), port: 0 })),
      ).toBe(1);
    await received(onLo, 3);
    await received(onAny, 3);
    for (const one of [onLo, onAny, inward]) one.stop();
    expect(await collect(onLo)).toHaveLength(3);
    const any = await collect(onAny);
    expect(any).toHaveLength(3);
    expect(any.every(({ flags }) => flags === (DIRECTION_IN | RECEPTION_UNICAST))).toBe(true);
    expect(onLo.interfaces[0]!.linkType).toBe(1);
    expect(await collect(inward)).toEqual([]);
  });
});

const tunUsable = (() => {
  try {
    accessSync('/dev/net/tun', constants.R_OK | constants.W_OK);
    return true;
  } catch (error) {
    process.stderr.write(`skipped: TUN devices: ${(error as Error).message}\n`);
    return false;
  }
})();

describeNetwork('devices without Ethernet', () => {
  const { calls, ring, sender } = bench(hostMachine());
  test.skipIf(!tunUsable)('a tun device is raw IP; VLAN and cooked handling stay out of it', async () => {
    const tun = openTun(deviceName(), 'tun');
    cleanup.push(() => calls.close(tun.fd));
    const { name } = tun;
    run('sh', '-c', `echo 1 > /proc/sys/net/ipv6/conf/${name}/disable_ipv6`);
    run('ip', 'link', 'set', name, 'up');
    const capture = ring({ interface: name });
    expect(capture.link).toMatchObject({ linkType: 101, cooked: false });
    expect(capture.interfaces[0]!.macAddress).toBeUndefined();
    const out = unhex('4500001c000100004011000000000000 00000000 0001000200080000');
    const into = unhex('4500001c000200004011000000000000 00000000 0001000200080000');
    await send(sender(name), out);
    expect(calls.write(tun.fd, into)).toBe(28);
    await received(capture, 2);
    capture.stop();
    const found = await collect(capture);
    expect(found.map(({ bytes }) => hex(bytes))).toEqual([hex(out), hex(into)]);
    expect(found.map(({ flags }) => flags & 3)).toEqual([DIRECTION_OUT, DIRECTION_IN]);
    const buffer = new Uint8Array(100);
    expect(calls.read(tun.fd, buffer)).toBe(28);
    expect(buffer.subarray(0, 28)).toEqual(out);
  });
});

describeMachines('fanout', (machine) => {
  const { pair, ring, sender } = bench(machine);
  test.each(['hash', 'lb', 'cpu', 'rollover', 'rnd', 'qm'] as const)(
    '%s: every frame at exactly one member',
    async (mode) => {
      const { a, b } = pair();
      const group = 4242;
      const members = [1, 2, 3].map(() => ring({ interface: b, filter: ours, fanout: { group, mode } }));
      const frames = Array.from({ length: 3000 }, (_, at) => numbered(at));
      await send(sender(a), ...frames);
      const total = () => members.reduce((sum, member) => sum + member.statistics().received, 0);
      const end = performance.now() + 60_000;
      while (total() < 3000 && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 2));
      for (const member of members) member.stop();
      const found = await Promise.all(members.map(collect));
      const numbers = found.flat().map(({ bytes }) => new DataView(bytes.buffer).getUint32(14));
      expect(numbers.sort((x, y) => x - y)).toEqual(frames.map((_, at) => at));
      if (mode === 'lb') expect(found.map(({ length }) => length)).toEqual([1000, 1000, 1000]);
    },
  );

  test('a member of another mode is refused', () => {
    const { b } = pair();
    ring({ interface: b, fanout: { group: 77, mode: 'lb' } });
    expect(() => ring({ interface: b, fanout: { group: 77, mode: 'hash' } })).toThrow(/PACKET_FANOUT.*same interface/);
  });
});

test('ring geometry', () => {
  expect(ringGeometry(64 << 20)).toEqual({ blockSize: 256 << 10, blocks: 256 });
  expect(ringGeometry(64 << 20, true)).toEqual({ blockSize: 128 << 10, blocks: 512 });
  expect(ringGeometry(1 << 20)).toEqual({ blockSize: 128 << 10, blocks: 8 });
  expect(ringGeometry(1)).toEqual({ blockSize: 64 << 10, blocks: 2 });
  expect(ringGeometry(3_000_000)).toEqual({ blockSize: 256 << 10, blocks: 11 });
});
