import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { parseIp } from '../../src/inject/address.ts';
import { openUdp, type UdpTarget, type Via } from '../../src/inject/udp.ts';
import { linuxSystemCalls } from '../../src/linux/index.ts';
import type { SystemCalls } from '../../src/syscall/contract.ts';
import { describeNetwork, joined, run } from '../support/network.ts';
import { Receiver, Watcher } from './peer.ts';

const PORT = 9999;
const text = (data: string): string => Buffer.from(data).toString('hex');
const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, (_, index) => (index * 31) ^ (index >> 8));

describeNetwork('openUdp', () => {
  let link: Awaited<ReturnType<typeof joined>>;
  let calls: SystemCalls;
  const open: { close(): Promise<void> }[] = [];
  const receiver = async (...args: Parameters<typeof Receiver.open> extends [unknown, ...infer R] ? R : never) => {
    const one = await Receiver.open(link.far, ...args);
    open.push(one);
    return one;
  };
  const watcher = async (...args: string[]) => {
    const one = await Watcher.open(link.far, link.there, ...args);
    open.push(one);
    return one;
  };
  const target = (address: string, more: Partial<UdpTarget> = {}): UdpTarget => ({
    address: parseIp(address)!,
    port: PORT,
    ...more,
  });

  beforeAll(async () => {
    link = await joined(1);
    calls = linuxSystemCalls();
  });
  afterEach(async () => {
    for (const one of open.splice(0)) await one.close();
  });
  afterAll(() => link.remove());

  const WAYS: [Via, 4 | 6][] = [
    ['packet', 4],
    ['packet', 6],
    ['raw', 4],
    ['raw', 6],
    ['dgram', 4],
    ['dgram', 6],
  ];

  it.each(WAYS)('%s, IPv%i: the datagram arrives byte for byte, from the source that it says', async (via, version) => {
    const [near, far] = version === 4 ? ['10.99.1.1', '10.99.1.2'] : ['fd99:1::1', 'fd99:1::2'];
    const there = await receiver(version, far, PORT);
    const wire = await watcher('-e', '-Q', 'in', `udp port ${PORT}`);
    const sender = await openUdp(calls, via, target(far, { ttl: 7, tos: 0x28 }));
    expect(sender).toMatchObject({ via, source: { address: parseIp(near) } });
    const frames = [];
    for (const data of ['one', '', 'three']) frames.push(...(await sender.send(Buffer.from(data))).frames);
    sender.close();
    const { port } = sender.source;
    expect(await there.take(3)).toEqual(
      ['one', '', 'three'].map((data) => ({ data: text(data), address: near, port })),
    );
    const seen = await wire.take(3);
    for (const [index, line] of seen.entries()) {
      expect(line).toContain(version === 4 ? 'tos 0x28, ttl 7' : 'class 0x28');
      if (version === 6) expect(line).toContain('hlim 7');
      // The kernel leaves the checksum of its own datagrams to the device, which a veth does not compute.
      if (via !== 'dgram') expect(line).toContain('[udp sum ok]');
      expect(line).toContain(`UDP, length ${[3, 0, 5][index]}`);
    }
    expect(frames).toHaveLength(3);
  });

  it.each([
    ['packet', 4, 65507],
    ['packet', 6, 65527],
    ['raw', 4, 4000],
    ['raw', 6, 4000],
    ['dgram', 4, 65507],
    ['packet', 4, 1473],
    ['packet', 6, 1453],
  ] as [Via, 4 | 6, number][])(
    '%s, IPv%i: %i bytes are cut for the MTU and put together again',
    async (via, version, length) => {
      const far = version === 4 ? '10.99.1.2' : 'fd99:1::2';
      const there = await receiver(version, far, PORT);
      const sender = await openUdp(calls, via, target(far));
      const { frames } = await sender.send(bytes(length));
      sender.close();
      if (via !== 'dgram') {
        expect(frames.length).toBeGreaterThan(1);
        const header = via === 'packet' ? 14 : 0;
        for (const frame of frames) expect(frame.length).toBeLessThanOrEqual(1500 + header);
      }
      const [datagram] = await there.take(1);
      expect(datagram!.data).toBe(Buffer.from(bytes(length)).toString('hex'));
    },
  );

  it('sends just what fits without cutting it, and says "don\'t fragment"', async () => {
    const wire = await watcher(`udp port ${PORT}`);
    const sender = await openUdp(calls, 'packet', target('10.99.1.2'));
    expect((await sender.send(bytes(1472))).frames.map(({ length }) => length)).toEqual([1514]);
    sender.close();
    expect((await wire.take(1))[0]).toContain('flags [DF]');
  });

  it.each(['packet', 'raw'] as Via[])('%s: any source address and port, and a wrong checksum', async (via) => {
    const wire = await watcher('-Q', 'in', `udp port ${PORT}`);
    for (const [address, source, bad] of [
      ['10.99.1.2', '10.99.1.77', false],
      ['10.99.1.2', '192.0.2.9', true],
      ['fd99:1::2', 'fd99:1::77', true],
    ] as const) {
      const from = { address: parseIp(source)!, port: 53535 };
      const sender = await openUdp(calls, via, target(address, { from, badChecksum: bad }));
      await sender.send(Buffer.from('x'));
      sender.close();
    }
    const [one, two, three] = await wire.take(3);
    expect(one).toContain('10.99.1.77.53535 > 10.99.1.2.9999: [udp sum ok]');
    expect(two).toMatch(/192\.0\.2\.9\.53535 > 10\.99\.1\.2\.9999: \[bad udp cksum 0x/);
    expect(three).toMatch(/fd99:1::77\.53535 > fd99:1::2\.9999: \[bad udp cksum 0x/);
  });

  it('dgram: a given source, and errors that say what it cannot do', async () => {
    const there = await receiver(4, '10.99.1.2', PORT);
    const from = { address: parseIp('10.99.1.1')!, port: 41234 };
    const sender = await openUdp(calls, 'dgram', target('10.99.1.2', { from }));
    await sender.send(Buffer.from('x'));
    sender.close();
    expect(await there.take(1)).toEqual([{ data: text('x'), address: '10.99.1.1', port: 41234 }]);
    const foreign = { address: parseIp('10.99.1.9')! };
    await expect(openUdp(calls, 'dgram', target('10.99.1.2', { from: foreign }))).rejects.toThrow(
      /EADDRNOTAVAIL.*'10\.99\.1\.9'.*only packet and raw/,
    );
    await expect(openUdp(calls, 'dgram', target('10.99.1.2', { badChecksum: true }))).rejects.toThrow(RangeError);
    await expect(openUdp(calls, 'dgram', target('10.99.1.2', { ttl: 0 }))).rejects.toThrow(RangeError);
    const long = await openUdp(calls, 'dgram', target('10.99.1.2'));
    await expect(long.send(new Uint8Array(65508))).rejects.toMatchObject({ code: 'EMSGSIZE' });
    long.close();
  });

  it('sends to link-local addresses, groups and broadcast', async () => {
    const listing = link.far.run('ip', '-6', '-o', 'address', 'show', 'dev', link.there, 'scope', 'link');
    const local = /(fe80::[0-9a-f:]+)/.exec(listing)![1]!;
    const wire = await watcher('-e', '-Q', 'in', `udp port ${PORT}`);
    const send = async (via: Via, address: string, device?: string) => {
      const sender = await openUdp(calls, via, target(address, { device }));
      await sender.send(Buffer.from('x'));
      sender.close();
    };
    await send('packet', local, link.here);
    await send('raw', local, link.here);
    await send('dgram', local, link.here);
    await send('packet', 'ff02::fb', link.here);
    await send('raw', 'ff02::fb', link.here);
    await send('packet', '239.1.2.3', link.here);
    await send('dgram', '239.1.2.3', link.here);
    await send('packet', '10.99.1.255');
    await send('dgram', '10.99.1.255');
    await send('packet', '255.255.255.255', link.here);
    const mac = link.far.run('cat', `/sys/class/net/${link.there}/address`).trim();
    const expected = [
      [`> ${mac}`, `> ${local}.${PORT}`],
      [`> ${mac}`, `> ${local}.${PORT}`],
      [`> ${mac}`, `> ${local}.${PORT}`],
      ['> 33:33:00:00:00:fb', 'hlim 1'],
      ['> 33:33:00:00:00:fb', 'hlim 1'],
      ['> 01:00:5e:01:02:03', 'ttl 1,'],
      ['> 01:00:5e:01:02:03', 'ttl 1,'],
      ['> ff:ff:ff:ff:ff:ff', '> 10.99.1.255.9999'],
      ['> ff:ff:ff:ff:ff:ff', '> 10.99.1.255.9999'],
      ['> ff:ff:ff:ff:ff:ff', '> 255.255.255.255.9999'],
    ];
    const seen = await wire.take(expected.length);
    for (const [index, parts] of expected.entries()) for (const part of parts) expect(seen[index]).toContain(part);
  });

  it('goes by the gateway that the routing table names', async () => {
    link.far.run('ip', 'address', 'add', '192.168.77.1/32', 'dev', 'lo');
    link.far.run('ip', '-6', 'address', 'add', 'fd77::1/128', 'dev', 'lo', 'nodad');
    run('ip', 'route', 'add', '192.168.77.0/24', 'via', '10.99.1.2');
    run('ip', '-6', 'route', 'add', 'fd77::/64', 'via', 'fd99:1::2');
    const v4 = await receiver(4, '192.168.77.1', PORT);
    const v6 = await receiver(6, 'fd77::1', PORT);
    for (const address of ['192.168.77.1', 'fd77::1']) {
      const sender = await openUdp(calls, 'packet', target(address));
      expect(sender.path!.nextHop).toEqual(parseIp(address.includes(':') ? 'fd99:1::2' : '10.99.1.2'));
      await sender.send(Buffer.from('via'));
      sender.close();
    }
    expect(await v4.take(1)).toMatchObject([{ data: text('via'), address: '10.99.1.1' }]);
    expect(await v6.take(1)).toMatchObject([{ data: text('via'), address: 'fd99:1::1' }]);
  });

  it("takes the route's MTU for the limit", async () => {
    run('ip', 'route', 'add', '192.168.78.0/24', 'via', '10.99.1.2', 'mtu', '700');
    const sender = await openUdp(calls, 'packet', target('192.168.78.1'));
    const { frames } = await sender.send(bytes(1400));
    sender.close();
    expect(frames.map(({ length }) => length - 14)).toEqual([700, 700, 68]);
  });
});
