import { afterEach, expect, test } from 'vitest';
import { linuxSystemCalls } from '../../src/linux/index.ts';
import { PacketRing } from '../../src/socket/ring.ts';
import { XdpSender } from '../../src/socket/xdp-sender.ts';
import { SystemError } from '../../src/syscall/error.ts';
import { AF_XDP, SOCK_RAW } from '../../src/uapi/socket.ts';
import { describeNetwork, type Pair, run, vethPair } from '../support/network.ts';
import { blockOf, collect, numbered, received } from './frames.ts';

const calls = linuxSystemCalls();
const cleanup: (() => void)[] = [];
afterEach(() => {
  for (const undo of cleanup.splice(0).reverse()) undo();
});
async function setUp(): Promise<Pair & { sender: XdpSender; ring: PacketRing }> {
  const pair = vethPair();
  cleanup.push(() => pair.remove());
  const ring = PacketRing.open(calls, { interface: pair.b, blockTimeout: 10 });
  cleanup.push(() => ring.close());
  const sender = await XdpSender.open(calls, { interface: pair.a });
  cleanup.push(() => sender.close());
  return { ...pair, sender, ring };
}
const probe = calls.socket(AF_XDP, SOCK_RAW, 0);
if (probe >= 0) calls.close(probe);
else process.stderr.write(`skipped: AF_XDP: ${new SystemError(-probe, 'socket').message}\n`);

describeNetwork('the AF_XDP sender', () => {
  test.skipIf(probe < 0)('every frame once, in order, whole, several times around its rings', async () => {
    const { sender, ring } = await setUp();
    const frames = Array.from({ length: 10_000 }, (_, at) => numbered(at, 60 + (at % 1455)));
    const block = blockOf(frames);
    block.keep[5] = 0;
    const result = await sender.send(block);
    expect(result).toMatchObject({ sent: 9999, failed: new Map() });
    await received(ring, 9999);
    ring.stop();
    const found = await collect(ring);
    const expected = frames.filter((_, at) => at !== 5);
    expect(found).toHaveLength(9999);
    expect(found.every(({ bytes }, at) => Buffer.compare(bytes, expected[at]!) === 0)).toBe(true);
  });

  test.skipIf(probe < 0)('frames that cannot be sent are counted', async () => {
    const { sender, ring } = await setUp();
    const block = blockOf([
      numbered(0, 1514),
      numbered(1, 1515),
      numbered(2, 1518, 'ffffffffffff', 0x8100),
      numbered(3, 1519, 'ffffffffffff', 0x8100),
      numbered(4).subarray(0, 13),
    ]);
    const result = await sender.send(block);
    expect(Object.fromEntries(result.failed)).toEqual({ EMSGSIZE: 2, EINVAL: 1 });
    await received(ring, 2);
    ring.stop();
    expect((await collect(ring)).map(({ bytes }) => bytes.length)).toEqual([1514, 1518]);
  });

  test.skipIf(probe < 0)('the device goes down: ENETDOWN', async () => {
    const { a, sender } = await setUp();
    run('ip', 'link', 'set', a, 'down');
    await expect(sender.send(blockOf([numbered(1)]))).rejects.toMatchObject({ code: 'ENETDOWN', dest: a });
    await expect(XdpSender.open(calls, { interface: a })).rejects.toMatchObject({ code: 'ENETDOWN' });
  });

  test.skipIf(probe < 0)('one socket a queue; free again after close', async () => {
    const { a, sender } = await setUp();
    await expect(XdpSender.open(calls, { interface: a })).rejects.toMatchObject({ code: 'EBUSY' });
    sender.close();
    sender.close();
    const again = await XdpSender.open(calls, { interface: a });
    expect(await again.send(blockOf([numbered(1)]))).toMatchObject({ sent: 1 });
    again.close();
    run('ip', 'link', 'set', a, 'mtu', '9000');
    await expect(XdpSender.open(calls, { interface: a })).rejects.toThrow(RangeError);
  });
});
