/** The examples of the documentation, run. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  type CaptureOptions,
  type Capturing,
  capture as captureOn,
  compileFilter,
  decode,
  FilterError,
  type Packet,
  printFrame,
  read,
  SavefileError,
  SystemError,
  send as sendOn,
  write,
} from '../../src/index.ts';
import { describeMachines } from '../support/machine.ts';
import { describeNetwork, type Pair, vethPair } from '../support/network.ts';

const directory = mkdtempSync(`${tmpdir()}/netlab-library-`);
afterAll(() => rmSync(directory, { recursive: true }));

/** An Ethernet frame of `length` bytes with an experimental EtherType and a number in it. */
const frame = (number: number, length = 60): Uint8Array => {
  const bytes = new Uint8Array(length);
  bytes.set([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x88, 0xb5, number >> 8, number]);
  return bytes;
};

/** Order between rings gives way to a ring that is silent for 300 ms, which one that got no time of the processor is. */
const IN_TIME = { retry: 3 };

describeMachines('the library on a veth pair', (machine) => {
  let pair: Pair;
  beforeAll(() => {
    pair = machine.pair();
  });
  const capture = (options: CaptureOptions): Capturing => captureOn({ ...options, system: machine.calls });
  const send = (name: string, frames: Parameters<typeof sendOn>[1]): ReturnType<typeof sendOn> =>
    sendOn(name, frames, { system: machine.calls });

  afterAll(() => pair.remove());

  it('capture() gives packets that send() sent, and the counts agree', async () => {
    const capturing = capture({ interface: pair.b, filter: 'ether proto 0x88b5', count: 3 });
    await capturing.ready();
    const { sent } = await send(pair.a, [frame(1), frame(2), { bytes: frame(3) }, frame(4)]);
    expect(sent).toBe(4);
    const numbers: number[] = [];
    for await (const packet of capturing) {
      numbers.push(packet.bytes[15]!);
      expect(packet).toMatchObject({ originalLength: 60, linkType: 1, direction: 'in', interface: { name: pair.b } });
      expect(Math.abs(packet.seconds - Date.now() / 1000)).toBeLessThan(60);
    }
    expect(numbers).toEqual([1, 2, 3]);
    const stats = await capturing.stats();
    expect(stats).toMatchObject({ captured: 3, dropped: 0, left: 1, received: 4 });
  });

  it('capture() to write() to read(), each packet as it was', IN_TIME, async () => {
    const file = `${directory}/round.pcapng`;
    const capturing = capture({ interface: [pair.a, pair.b], filter: 'ether proto 0x88b5', count: 6, direction: 'in' });
    await capturing.ready();
    await send(pair.a, [frame(1), frame(2), frame(3, 1000)]);
    await send(pair.b, [frame(4), frame(5), frame(6)]);
    const captured: Packet[] = [];
    const out = write(file);
    for await (const packet of capturing) {
      captured.push(packet);
      await out.write(packet);
    }
    await out.close();
    const again: Packet[] = [];
    for await (const packet of read(file)) again.push(packet);
    const essence = (packets: typeof captured) =>
      packets.map(({ bytes, seconds, nanoseconds, direction, originalLength, interface: { name } }) => ({
        bytes: Buffer.from(bytes).toString('hex'),
        seconds,
        nanoseconds,
        direction,
        originalLength,
        name,
      }));
    expect(essence(again)).toEqual(essence(captured));
    expect(again.map(({ bytes }) => bytes[15])).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('an AbortSignal ends a capture: what came before is given', async () => {
    const abort = new AbortController();
    const capturing = capture({ interface: pair.b, signal: abort.signal, blockTimeout: 10 });
    await capturing.ready();
    await send(pair.a, frame(9));
    const numbers = [];
    for await (const packet of capturing) {
      numbers.push(packet.bytes[15]);
      abort.abort();
    }
    expect(numbers).toEqual([9]);
  });

  it('blocks() gives the same without a packet object', async () => {
    const capturing = capture({ interface: pair.b, count: 2, blockTimeout: 10 });
    await capturing.ready();
    await send(pair.a, [frame(7), frame(8), frame(9)]);
    const numbers = [];
    for await (const block of capturing.blocks())
      for (let row = 0; row < block.count; row++)
        if (block.keep[row]) numbers.push(block.bytes[block.offset[row]! + 15]);
    expect(numbers).toEqual([7, 8]);
  });

  it('an interface that goes down: the packets until then, then SystemError', async () => {
    const own = machine.pair();
    const capturing = capture({ interface: own.b, blockTimeout: 10 });
    await capturing.ready();
    await send(own.a, frame(5));
    machine.down(own.b);
    const numbers: (number | undefined)[] = [];
    const ended = (async () => {
      for await (const packet of capturing) numbers.push(packet.bytes[15]);
    })();
    await expect(ended).rejects.toThrow(SystemError);
    expect(numbers).toEqual([5]);
    own.remove();
  });

  it('what is not there is told by the kind of error', async () => {
    await expect(capture({ interface: 'nosuch0' }).ready()).rejects.toMatchObject({ code: 'ENODEV' });
    await expect(send('nosuch0', frame(1))).rejects.toMatchObject({ code: 'ENODEV' });
    await expect(capture({ interface: pair.b, filter: 'tcp prot 80' }).ready()).rejects.toThrow(FilterError);
  });
});

describeNetwork('the library on the host’s kernel alone', () => {
  let pair: Pair;
  beforeAll(() => {
    pair = vethPair();
  });
  afterAll(() => pair.remove());

  it('break and throw close the capture: its descriptors are gone', async () => {
    const { readdirSync } = await import('node:fs');
    // The first capture opens what the process keeps for its waits.
    const first = captureOn({ interface: pair.b, blockTimeout: 10 });
    await first.ready();
    await first.close();
    const before = readdirSync('/proc/self/fd').length;
    const once = async (leave: () => void): Promise<void> => {
      const capturing = captureOn({ interface: pair.b, blockTimeout: 10 });
      await capturing.ready();
      await sendOn(pair.a, frame(1));
      for await (const _ of capturing) {
        leave();
        break;
      }
    };
    await once(() => undefined);
    await expect(
      once(() => {
        throw new Error('mine');
      }),
    ).rejects.toThrow('mine');
    await expect.poll(() => readdirSync('/proc/self/fd').length, { timeout: 60_000 }).toBe(before);
  });

  it('fanout: threads share the packets, none is lost or doubled', IN_TIME, async () => {
    const capturing = captureOn({
      interface: pair.b,
      filter: 'ether proto 0x88b5',
      fanout: { threads: 2, mode: 'lb' },
    });
    await capturing.ready();
    const frames = Array.from({ length: 500 }, (_, number) => frame(number));
    await sendOn(pair.a, frames);
    setTimeout(() => capturing.stop(), 300);
    const numbers: number[] = [];
    for await (const { bytes } of capturing) numbers.push((bytes[14]! << 8) | bytes[15]!);
    expect(numbers).toEqual(Array.from({ length: 500 }, (_, number) => number));
    const stats = await capturing.stats();
    expect(stats).toMatchObject({ captured: 500, received: 500, dropped: 0, left: 0 });
    expect(stats.rings.map(({ member, received }) => [member, received])).toEqual([
      [0, 250],
      [1, 250],
    ]);
  });
});

it('read() of a filter; a damaged file gives what is there, then SavefileError with the offset', async () => {
  const file = `${directory}/damaged.pcap`;
  const out = write(file);
  for (let number = 0; number < 3; number++)
    await out.write({ bytes: frame(number), seconds: 100 + number, nanoseconds: number });
  await out.close();
  const { readFileSync, writeFileSync } = await import('node:fs');
  const content = readFileSync(file);
  const lengths = [];
  for await (const packet of read(content, { filter: 'ether[15] = 1' })) lengths.push(packet.seconds);
  expect(lengths).toEqual([101]);
  writeFileSync(file, content.subarray(0, content.length - 7));
  const seconds: number[] = [];
  const reading = (async () => {
    for await (const packet of read(file)) seconds.push(packet.seconds);
  })();
  await expect(reading).rejects.toThrow(SavefileError);
  await expect(reading).rejects.toMatchObject({ code: 'SAVEFILE_TRUNCATED', offset: 24 + 2 * 76 });
  expect(seconds).toEqual([100, 101]);
});

it('decode() and printFrame() of one frame, and compileFilter()', () => {
  const arp = Buffer.from(
    'ffffffffffff0200000000010806000108000604000102000000000100000000000000000000c0000201'.padEnd(84, '0'),
    'hex',
  );
  const { layers, stop } = decode(arp, 1);
  expect(layers.map(({ protocol }) => protocol)).toEqual(['eth', 'arp']);
  expect(stop).toBeNull();
  expect(printFrame(arp, 1)).toMatch(/^ARP, Request who-has /);
  expect(compileFilter('arp', { linkType: 1 })).toHaveLength(4);
});

it("a caller's mistake is a TypeError or RangeError that names the argument", () => {
  // @ts-expect-error: an interface is needed
  expect(() => captureOn({})).toThrow(
    new TypeError("capture: options.interface must be the name of an interface, 'any', or several names"),
  );
  expect(() => captureOn({ interface: 'lo', count: 0 })).toThrow(/options\.count/);
  // @ts-expect-error: a source is needed
  expect(() => read()).toThrow(/^read: /);
  // @ts-expect-error: a target is needed
  expect(() => write()).toThrow(/^write: /);
});
