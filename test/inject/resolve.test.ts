import { spawn } from 'node:child_process';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parseIp } from '../../src/inject/address.ts';
import { martian, type PathRequest, resolvePath } from '../../src/inject/resolve.ts';
import { openUdp } from '../../src/inject/udp.ts';
import { linuxSystemCalls } from '../../src/linux/index.ts';
import type { SystemCalls } from '../../src/syscall/contract.ts';
import { describeNetwork, deviceName, joined, run } from '../support/network.ts';
import { Output, Watcher } from './peer.ts';

const mac = (device: string): string => run('cat', `/sys/class/net/${device}/address`).trim();
const dst = (header: Uint8Array): string => Buffer.from(header.subarray(0, 6)).toString('hex');

describeNetwork('resolvePath', () => {
  let link: Awaited<ReturnType<typeof joined>>;
  let calls: SystemCalls;
  const path = (destination: string, more: Partial<PathRequest> = {}) =>
    resolvePath(calls, { destination: parseIp(destination)!, ...more });

  beforeAll(async () => {
    link = await joined(2);
    calls = linuxSystemCalls();
  });
  afterAll(() => link.remove());

  it('asks for a neighbour that nobody knows, and takes the table where it is there', async () => {
    const theirs = link.far.run('cat', `/sys/class/net/${link.there}/address`).trim().replaceAll(':', '');
    run('ip', 'neigh', 'flush', 'dev', link.here);
    expect(dst((await path('10.99.2.2')).linkHeader)).toBe(theirs);
    expect(dst((await path('fd99:2::2')).linkHeader)).toBe(theirs);
    run('ip', 'neigh', 'replace', '10.99.2.2', 'lladdr', '02:aa:bb:cc:dd:ee', 'dev', link.here, 'nud', 'permanent');
    run('ip', 'neigh', 'replace', 'fd99:2::2', 'lladdr', '02:aa:bb:cc:dd:e6', 'dev', link.here, 'nud', 'stale');
    expect(dst((await path('10.99.2.2')).linkHeader)).toBe('02aabbccddee');
    expect(dst((await path('fd99:2::2')).linkHeader)).toBe('02aabbccdde6');
    run('ip', 'neigh', 'del', '10.99.2.2', 'dev', link.here);
    run('ip', 'neigh', 'del', 'fd99:2::2', 'dev', link.here);
  });

  it.each([
    ['10.99.2.77', 'ARP', 'arp'],
    ['fd99:2::77', 'neighbour solicitation', 'icmp6 and ip6[40] == 135 and ip6[63] == 0x77'],
  ])('%s: asks as often as Linux and then says EHOSTUNREACH', async (address, kind, filter) => {
    const wire = await Watcher.open(link.far, link.there, '-Q', 'in', filter);
    const started = performance.now();
    await expect(path(address, { interval: 150 })).rejects.toMatchObject({
      code: 'EHOSTUNREACH',
      syscall: kind,
      dest: address,
      message: expect.stringContaining(`Nobody on ${link.here} answered 3 questions`),
    });
    expect(performance.now() - started).toBeGreaterThan(440);
    expect(await wire.take(3)).toHaveLength(3);
    await wire.close();
  });

  it('stops asking when it is aborted', async () => {
    const controller = new AbortController();
    const waiting = path('10.99.2.78', { interval: 60_000, signal: controller.signal });
    setTimeout(() => controller.abort(new Error('enough')), 50);
    const started = performance.now();
    await expect(waiting).rejects.toThrow('enough');
    expect(performance.now() - started).toBeLessThan(50_000);
  });

  it('knows where nobody is asked: loopback, groups, broadcast', async () => {
    expect(await path('127.0.0.1')).toMatchObject({ local: true, mtu: 65536, device: { name: 'lo' } });
    expect(dst((await path('127.0.0.1')).linkHeader)).toBe('000000000000');
    expect(await path('::1')).toMatchObject({ local: true, etherType: 0x86dd, source: parseIp('::1') });
    expect(await path('10.99.2.1')).toMatchObject({ local: true, device: { name: 'lo' } });
    expect(dst((await path('10.99.2.255')).linkHeader)).toBe('ffffffffffff');
    expect(await path('239.1.1.1', { device: link.here })).toMatchObject({ hopLimit: 1, source: parseIp('10.99.2.1') });
    expect(await path('10.99.2.2')).toMatchObject({ hopLimit: 64, local: false, linkType: 1, framed: true });
  });

  it('takes a device by its name or its index, and says what there is', async () => {
    const index = run('cat', `/sys/class/net/${link.here}/ifindex`).trim();
    expect((await path('ff02::1', { device: index })).device.name).toBe(link.here);
    await expect(path('10.99.2.2', { device: 'nope' })).rejects.toMatchObject({
      code: 'ENODEV',
      message: expect.stringMatching(new RegExp(`nope.*There are: lo.*${link.here}`)),
    });
    await expect(path('100.64.77.1')).rejects.toMatchObject({ code: 'ENETUNREACH', dest: '100.64.77.1' });
    await expect(path('fd55:77::1')).rejects.toMatchObject({ code: 'ENETUNREACH' });
  });

  it('follows the routing table: gateway, unreachable route, source of an address that is ours', async () => {
    run('ip', 'route', 'add', '198.51.100.0/24', 'via', '10.99.2.2');
    run('ip', 'route', 'add', 'unreachable', '203.0.113.0/24');
    run('ip', 'address', 'add', '10.99.2.55/24', 'dev', link.here);
    try {
      expect(await path('198.51.100.1', { neighbour: false })).toMatchObject({ nextHop: parseIp('10.99.2.2') });
      await expect(path('203.0.113.1')).rejects.toMatchObject({ code: 'EHOSTUNREACH', syscall: 'route' });
      expect(await path('10.99.2.2', { source: parseIp('10.99.2.55')! })).toMatchObject({
        source: parseIp('10.99.2.55'),
      });
      expect(await path('10.99.2.2', { source: parseIp('8.8.8.8')! })).toMatchObject({ source: parseIp('8.8.8.8') });
    } finally {
      run('ip', 'route', 'del', '198.51.100.0/24');
      run('ip', 'route', 'del', 'unreachable', '203.0.113.0/24');
      run('ip', 'address', 'del', '10.99.2.55/24', 'dev', link.here);
    }
  });

  it('a device without ARP: frames go to its own address', async () => {
    const [a, b] = [deviceName(), deviceName()];
    run('ip', 'link', 'add', a, 'type', 'veth', 'peer', 'name', b);
    run('ip', 'link', 'set', 'dev', a, 'arp', 'off', 'up');
    run('ip', 'link', 'set', 'dev', b, 'up');
    run('ip', 'address', 'add', '10.98.0.1/24', 'dev', a);
    try {
      expect(dst((await path('10.98.0.9')).linkHeader)).toBe(mac(a).replaceAll(':', ''));
    } finally {
      run('ip', 'link', 'del', a);
    }
  });

  it('a device without a link header gets the bare packet', async () => {
    const tun = deviceName();
    // Whoever holds a tun device reads what is sent to it, behind four bytes of flags and protocol (tun.rst).
    const script = `
import fcntl, os, struct
fd = os.open('/dev/net/tun', os.O_RDWR)
fcntl.ioctl(fd, 0x400454ca, struct.pack('16sH22x', b'${tun}', 1))
os.system('ip address add 10.97.0.1/24 dev ${tun} && ip link set dev ${tun} up')
print('ready', flush=True)
while True: print(os.read(fd, 65536).hex(), flush=True)`;
    const output = new Output(spawn('python3', ['-c', script], { stdio: ['ignore', 'pipe', 'pipe'] }));
    try {
      await output.until(() => output.stdout.includes('ready'));
      const sender = await openUdp(calls, 'packet', { address: parseIp('10.97.0.9')!, port: 7 });
      expect(sender.path).toMatchObject({ framed: false, linkType: 101, device: { name: tun } });
      const { frames, linkType } = await sender.send(Buffer.from('through'));
      sender.close();
      const sent = Buffer.from(frames[0]!).toString('hex');
      await output.until(() => output.stdout.includes(sent));
      expect(linkType).toBe(101);
      expect(output.stdout).toContain(`00000800${sent}\n`);
    } finally {
      output.child.kill('SIGKILL');
    }
  });

  it('knows when the kernel would drop what is injected for itself', async () => {
    expect(martian(calls, await path('127.0.0.1'))).toBe('net.ipv4.conf.lo.route_localnet=1');
    expect(martian(calls, await path('10.99.2.1'))).toBe('net.ipv4.conf.lo.accept_local=1');
    expect(martian(calls, await path('::1'))).toBeNull();
    expect(martian(calls, await path('10.99.2.2'))).toBeNull();
    run('sh', '-c', 'echo 1 > /proc/sys/net/ipv4/conf/lo/route_localnet');
    expect(martian(calls, await path('127.0.0.1'))).toBeNull();
    run('sh', '-c', 'echo 0 > /proc/sys/net/ipv4/conf/lo/route_localnet');
  });
});
