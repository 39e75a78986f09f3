/** Our kernel on a device of the host's: the host's own programs talk to it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Socket } from '../../src/socket/socket.ts';
import { IPPROTO_ICMP } from '../../src/uapi/in.ts';
import { AF_INET, SOCK_DGRAM } from '../../src/uapi/socket.ts';
import { TCPDUMP } from '../support/cli.ts';
import { describeNetwork } from '../support/network.ts';
import { hasTool, lacks } from '../support/tools.ts';
import {
  type Ended,
  echo,
  HOST,
  NARROW,
  nameServer,
  noTap,
  type Outside,
  outside,
  program,
  SERVER,
  SERVER6,
} from './outside.ts';

const NODE = process.execPath;
const decoder = new TextDecoder();

/** ping with a deadline (-w) goes on sending until its count of answers is there: there may be more. */
const RECEIVED = /, [1-9]\d* received/;

function suite(kind: 'tap' | 'interface'): void {
  let o: Outside;
  let folder: string;
  const services: Socket[] = [];
  const tool = (...command: string[]): Promise<Ended> => program(o.host, command);
  const script = (text: string): Promise<Ended> => tool(NODE, '-e', text);

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'netlab-attach-'));
    o = await outside(kind);
    services.push(await echo(o.server.process(), 7), await echo(o.narrow.process(), 7));
    services.push(await nameServer(o.server.process(), { 'server.lab': SERVER, 'narrow.lab': NARROW }));
  });
  afterAll(() => {
    for (const service of services) service.close();
    o?.dispose();
    rmSync(folder, { recursive: true, force: true });
  });

  it.each([0, 1, 8, 56, 1472, 1473, 4000, 65507])('ping of %i bytes', async (size) => {
    const { status, stdout, stderr } = await tool(
      'ping',
      '-n',
      '-c',
      '2',
      '-i',
      '0.05',
      '-w',
      '60',
      '-s',
      String(size),
      SERVER,
    );
    expect(stdout + stderr).toMatch(RECEIVED);
    expect(stdout).toMatch(new RegExp(`${size + 8} bytes from ${SERVER}: icmp_seq=\\d+ ttl=62`));
    expect(stdout).not.toMatch(/wrong data|DUP/);
    expect(status).toBe(0);
  });

  it('ping records the route, and times', async () => {
    const route = await tool('ping', '-n', '-c', '1', '-W', '60', '-R', SERVER);
    expect(route.stdout.match(/\d+\.\d+\.\d+\.\d+$/gm)).toEqual([
      '10.50.0.1',
      '10.51.0.1',
      '10.52.0.1',
      '10.52.0.2',
      '10.52.0.2',
      '10.51.0.2',
      '10.50.0.254',
      '10.50.0.1',
    ]);
    const times = await tool('ping', '-n', '-c', '1', '-W', '60', '-T', 'tsandaddr', SERVER);
    for (const hop of ['10.50.0.1', '10.51.0.1', '10.52.0.1', '10.52.0.2']) expect(times.stdout).toContain(hop);
    expect(times.status).toBe(0);
  });

  it('a packet that may not be cut and is too long: the router says how long it may be', async () => {
    const { status, stdout } = await tool('ping', '-n', '-c', '1', '-W', '60', '-M', 'do', '-s', '1400', NARROW);
    expect(stdout).toMatch(/From 10\.51\.0\.2 icmp_seq=1 Frag needed and DF set \(mtu = 1000\)/);
    expect(status).toBe(1);
    // It is learned: then the host cuts by itself.
    const learned = await tool('ip', 'route', 'get', NARROW);
    expect(learned.stdout).toMatch(/mtu 1000/);
    const cut = await tool('ping', '-n', '-c', '1', '-W', '60', '-s', '3000', NARROW);
    expect(cut.stdout).toMatch(/3008 bytes from 10\.53\.0\.2/);
  });

  it('time exceeded, no route, no such host', async () => {
    const [short, net, absent] = await Promise.all([
      tool('ping', '-n', '-c', '1', '-W', '60', '-t', '1', SERVER),
      tool('ping', '-n', '-c', '1', '-W', '60', '10.99.9.9'),
      tool('ping', '-n', '-c', '1', '-W', '60', '10.52.0.77'),
    ]);
    expect(short.stdout).toMatch(/From 10\.50\.0\.254 icmp_seq=1 Time to live exceeded/);
    expect(net.stdout).toMatch(/From 10\.50\.0\.254 icmp_seq=1 Destination Net Unreachable/);
    expect(absent.stdout).toMatch(/From 10\.51\.0\.2 icmp_seq=1 Destination Host Unreachable/);
  });

  it.each([
    ['UDP', []],
    ['ICMP', ['-I']],
    ['UDP to one port', ['-U', '-p', '33434']],
  ])('traceroute by %s', async (_name, words) => {
    const { status, stdout, stderr } = await tool(
      'traceroute',
      '-n',
      '-w',
      '30',
      '-q',
      '2',
      '-N',
      '4',
      ...words,
      SERVER,
    );
    expect(status, stderr).toBe(0);
    const hops = stdout
      .split('\n')
      .slice(1, 4)
      .map((line) => line.trim().split(/\s+/).slice(0, 2).join(' '));
    expect(hops).toEqual(['1 10.50.0.254', '2 10.51.0.2', `3 ${SERVER}`]);
    expect(stdout).not.toMatch(/\*|!/);
  });

  it('traceroute finds the MTU of the path', async () => {
    const { stdout } = await tool('traceroute', '-n', '-w', '30', '-q', '1', '-N', '1', '--mtu', NARROW);
    expect(stdout).toMatch(/F=1000/);
    expect(stdout).toMatch(/3 {2}10\.53\.0\.2/);
  });

  it('a name server on our kernel answers the host: Node, and glibc', async () => {
    const resolved = await script(`
      const { Resolver } = require('node:dns').promises;
      const resolver = new Resolver({ timeout: 30000, tries: 2 });
      resolver.setServers(['${SERVER}']);
      (async () => {
        const out = [await resolver.resolve4('server.lab'), await resolver.resolve4('narrow.lab')];
        out.push(await resolver.resolve4('absent.lab').catch((error) => error.code));
        out.push((await resolver.resolveTxt('text2600.lab')).flat().join('').length);
        console.log(JSON.stringify(out));
      })();`);
    expect(resolved.stdout.trim(), resolved.stderr).toBe(JSON.stringify([[SERVER], [NARROW], 'ENOTFOUND', 2600]));
    const file = join(folder, 'resolv.conf');
    writeFileSync(file, `nameserver ${SERVER}\noptions timeout:30\n`);
    const asked = await tool('sh', '-c', `mount --bind ${file} /etc/resolv.conf && getent ahostsv4 narrow.lab`);
    expect(asked.stdout, asked.stderr).toMatch(/^10\.53\.0\.2\s+DGRAM/m);
  });

  it('datagrams of every size there and back, in fragments where they are long', async () => {
    const { stdout, stderr } = await script(`
      const dgram = require('node:dgram');
      const sizes = [0, 1, 100, 1472, 1473, 3000, 9000, 65507];
      const socket = dgram.createSocket('udp4');
      const data = (n) => Buffer.from(Array.from({ length: n }, (_, i) => (i * 7 + n) & 255));
      let at = 0;
      let port = '${SERVER}';
      const next = () => socket.send(data(sizes[at % sizes.length]), 7, at < sizes.length ? '${SERVER}' : '${NARROW}');
      socket.on('message', (message, from) => {
        if (!message.equals(data(sizes[at % sizes.length]))) { console.log('differs at', at); process.exit(1); }
        if (++at === 2 * sizes.length) { console.log('all', at); process.exit(); }
        next();
      });
      socket.bind(0, next);
      setTimeout(() => { console.log('no answer to', at); process.exit(1); }, 60_000);`);
    expect(stdout.trim(), stderr).toBe('all 16');
  });

  it('datagrams that the device was to cut (UDP_SEGMENT)', async () => {
    const { stdout, stderr } = await tool(
      'python3',
      '-c',
      `import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(17, 103, 400)
s.connect(('${SERVER}', 7))
s.settimeout(60)
s.send(bytes(i % 251 for i in range(1000)))
print([len(s.recv(2000)) for _ in range(3)])`,
    );
    expect(stdout.trim(), stderr).toBe('[400, 400, 200]');
  });

  it('nobody on the port: a connected socket of the host hears ECONNREFUSED', async () => {
    const { stdout, stderr } = await script(`
      const socket = require('node:dgram').createSocket('udp4');
      socket.connect(9, '${SERVER}', () => socket.send('x'));
      socket.on('error', (error) => { console.log(error.code); process.exit(); });
      setTimeout(() => { console.log('nothing'); process.exit(1); }, 60_000);`);
    expect(stdout.trim(), stderr).toBe('ECONNREFUSED');
  });

  it('ARP both ways', async () => {
    await tool('ping', '-n', '-c', '1', '-W', '60', '10.50.0.254');
    const theirs = await tool('ip', 'neighbour', 'show', 'to', '10.50.0.254');
    expect(theirs.stdout).toMatch(/lladdr 02:00:00:00:50:fe/);
    const mac = (await tool('cat', `/sys/class/net/${o.dev}/address`)).stdout.trim();
    const table = decoder.decode(o.r1.process().readFile('/proc/net/arp') as Uint8Array);
    expect(table.split('\n').find((line) => line.startsWith(`${HOST} `))).toContain(mac);
    // Forgotten there: ours asks, the host answers.
    await tool('ip', 'neighbour', 'flush', 'all');
    const again = await tool('arping', '-c', '1', '-w', '30', '-I', o.dev, '10.50.0.254').catch(() => null);
    if (again !== null && hasTool('arping')) expect(again.stdout).toMatch(/02:00:00:00:50:fe/i);
  });

  it('IPv6: ping of every size, traceroute, errors, neighbours', async () => {
    await tool('sh', '-c', `echo 0 > /proc/sys/net/ipv6/conf/${o.dev}/disable_ipv6`);
    o.host.run('ip', 'address', 'add', 'fd50::1/64', 'dev', o.dev, 'nodad');
    o.host.run('ip', '-6', 'route', 'add', 'default', 'via', 'fd50::fe');
    for (const size of [0, 56, 1452, 1453, 4000, 60_000]) {
      const { stdout } = await tool('ping', '-6', '-n', '-c', '1', '-w', '60', '-s', String(size), SERVER6);
      expect(stdout).toMatch(RECEIVED);
      expect(stdout).toMatch(new RegExp(`${size + 8} bytes from ${SERVER6}: icmp_seq=\\d+ ttl=62`));
    }
    for (const words of [[], ['-I']]) {
      const { stdout } = await tool('traceroute', '-6', '-n', '-w', '30', '-q', '1', '-N', '3', ...words, SERVER6);
      expect(stdout).toMatch(/1 {2}fd50::fe .*\n 2 {2}fd51::2 .*\n 3 {2}fd52::2 /);
    }
    const short = await tool('ping', '-6', '-n', '-c', '1', '-W', '60', '-t', '1', SERVER6);
    expect(short.stdout).toMatch(/From fd50::fe icmp_seq=1 Time exceeded: Hop limit/);
    const nowhere = await tool('ping', '-6', '-n', '-c', '1', '-W', '60', 'fd99::9');
    expect(nowhere.stdout).toMatch(/From fd50::fe icmp_seq=1 Destination unreachable: No route/);
    const neighbour = await tool('ip', '-6', 'neighbour', 'show', 'to', 'fd50::fe');
    expect(neighbour.stdout).toMatch(/lladdr 02:00:00:00:50:fe router/);
    const refused = await script(`
      const socket = require('node:dgram').createSocket('udp6');
      socket.connect(9, '${SERVER6}', () => socket.send('x'));
      socket.on('error', (error) => { console.log(error.code); process.exit(); });
      setTimeout(() => { console.log('nothing'); process.exit(1); }, 60_000);`);
    expect(refused.stdout.trim(), refused.stderr).toBe('ECONNREFUSED');
  });

  it('our programs reach the host: its echo, its closed port, its ping', async () => {
    const system = o.server.process();
    const listener = o.host.spawn(
      NODE,
      '-e',
      `
      const socket = require('node:dgram').createSocket('udp4');
      socket.on('message', (message, from) => socket.send(message, from.port, from.address));
      socket.bind(7777, () => console.log('up'));
      setTimeout(() => process.exit(1), 100_000);`,
    );
    await new Promise((resolve) => listener.stdout!.once('data', resolve));
    const client = Socket.open(system, AF_INET, SOCK_DGRAM);
    try {
      await client.connect({ family: 'ipv4', address: HOST, port: 7777 });
      const data = new Uint8Array(5000).map((_, at) => at);
      await client.send(data);
      const reply = await client.receive(new Uint8Array(8000), { timeout: 60_000 });
      expect(reply?.data).toEqual(data);
      await client.connect({ family: 'ipv4', address: HOST, port: 9 });
      await client.send(data.subarray(0, 1));
      await expect(client.receive(new Uint8Array(1), { timeout: 60_000 })).rejects.toThrow('ECONNREFUSED');
    } finally {
      client.close();
      listener.kill();
    }
    const ping = Socket.open(system, AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
    await ping.send(Uint8Array.of(8, 0, 0, 0, 0, 0, 0, 1, 1, 2, 3), { to: { family: 'ipv4', address: HOST, port: 0 } });
    const pong = await ping.receive(new Uint8Array(64), { timeout: 60_000 });
    expect([pong?.data[0], ...(pong?.data.subarray(8) ?? [])]).toEqual([0, 1, 2, 3]);
    ping.close();
  });

  it('tcpdump on the device sees right checksums both ways', async () => {
    const watching = program(
      o.host,
      [...TCPDUMP, '-i', o.dev, '-n', '-vv', '-c', '8', '-U', 'udp port 7 or icmp'],
      100,
    );
    const seen = async (): Promise<void> => {
      for (let tries = 0; tries < 40; tries++) {
        await script(`
          const socket = require('node:dgram').createSocket('udp4');
          socket.on('message', () => process.exit());
          socket.send('hello', 7, '${SERVER}');
          setTimeout(() => process.exit(), 3000);`);
        await tool('ping', '-n', '-c', '1', '-W', '5', SERVER);
        if ((await Promise.race([watching, null])) !== null) return;
      }
    };
    const [{ stdout }] = await Promise.all([watching, seen()]);
    expect(stdout).toMatch(/10\.52\.0\.2\.7 > 10\.50\.0\.1\.\d+: \[udp sum ok\] UDP, length 5/);
    expect(stdout).toMatch(/10\.52\.0\.2 > 10\.50\.0\.1: ICMP echo reply, id \d+, seq 1, length 64/);
    expect(stdout).not.toMatch(/10\.52\.0\.2\.7 > .*bad udp cksum/);
  });

  it.skipIf(lacks('hping3 to our kernel', !hasTool('hping3') && 'hping3 is not installed'))(
    'hping3: port unreachable, fragments of 16 bytes, a wrong checksum',
    async () => {
      // It waits for an answer a second only.
      let asked = 0;
      const hping = async (answer: RegExp, ...words: string[]): Promise<void> => {
        asked = 0;
        for (let said = ''; !answer.test(said); asked++) {
          if (asked === 20) expect(said).toMatch(answer);
          const { stdout, stderr } = await tool('hping3', '-n', ...words, '-c', '1', SERVER);
          said = stdout + stderr;
        }
      };
      await hping(/ICMP Port Unreachable from ip=10\.52\.0\.2/, '-2', '-p', '9');
      const snmp = (): string => decoder.decode(o.server.process().readFile('/proc/net/snmp') as Uint8Array);
      const before = snmp();
      await hping(/1 packets received/, '-1', '-f', '-d', '100');
      const fragmented = asked;
      await hping(/0 packets received/, '-2', '-b', '-p', '7', '-d', '20');
      const of = (text: string, group: string, name: string): number => {
        const [names, values] = text.split('\n').filter((line) => line.startsWith(`${group}:`)) as [string, string];
        return Number(values.split(' ')[names.split(' ').indexOf(name)]);
      };
      const late = { timeout: 60_000 };
      await expect.poll(() => of(snmp(), 'Ip', 'ReasmOKs') - of(before, 'Ip', 'ReasmOKs'), late).toBe(fragmented);
      await expect.poll(() => of(snmp(), 'Udp', 'InCsumErrors') - of(before, 'Udp', 'InCsumErrors'), late).toBe(1);
    },
  );

  it('a device that goes down and up again', async () => {
    o.host.run('ip', 'link', 'set', o.dev, 'down');
    o.host.run('ip', 'link', 'set', o.dev, 'up');
    o.host.run('ip', 'route', 'add', 'default', 'via', '10.50.0.254');
    const { stdout } = await tool('ping', '-n', '-c', '1', '-w', '60', SERVER);
    expect(stdout).toMatch(RECEIVED);
    expect(o.attachment.error).toBeNull();
    expect(o.port.dev.carrier).toBe(true);
  });

  it('counts, and loses its carrier when the other side goes away', async () => {
    expect(o.attachment.counters.received).toBeGreaterThan(50);
    expect(o.attachment.counters.sent).toBeGreaterThan(50);
    expect(o.attachment.error).toBeNull();
    expect(o.port.dev.stats.rxMissedErrors).toBe(0);
    o.host.run('ip', 'link', 'del', o.dev);
    for (let tries = 0; tries < 5000 && o.attachment.error === null; tries++)
      await new Promise((resolve) => setTimeout(resolve, 10));
    expect(o.attachment.error?.code).toBe(kind === 'tap' ? 'EBADFD' : 'ENODEV');
    expect(o.port.dev.carrier).toBe(false);
  });
}

describeNetwork('our kernel on a device of the host', () => {
  if (noTap === null) describe('a TAP device', () => suite('tap'));
  else {
    process.stderr.write(`skipped: TAP devices: ${noTap}\n`);
    describe.skip(`a TAP device (skipped: ${noTap})`, () => suite('tap'));
  }
  describe('a packet socket on a veth', () => suite('interface'));
});
