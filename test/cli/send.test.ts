import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { sendAndReceive } from '../../src/api/exchange.ts';
import { read } from '../../src/api/read.ts';
import { targetsOf } from '../../src/cli/arp-scan.ts';
import { UsageError } from '../../src/cli/exit.ts';
import { runCommand } from '../../src/cli/program.ts';
import { icmp, ipv4, packet, range } from '../../src/inject/craft/index.ts';
import { openEmulated } from '../../src/lab/emulated.ts';
import { netlab, start, tcpdump } from '../support/cli.ts';
import { describeNetwork, joined } from '../support/network.ts';

const OURS = ['--backend', 'emulated', '--virtual-time'];
/** The words that take a program's capabilities for raw sockets away, root or not. */
const UNPRIVILEGED = ['setpriv', '--bounding-set=-net_raw', '--inh-caps=-net_raw'];

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'netlab-send-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe('a wrong command line', () => {
  it.each([
    [['send'], /missing required argument 'packet'/],
    [['send', 'ip', 'udp'], /what is 'udp'\? The packet is one word/],
    [['send', 'eth/ip(dst=192.0.2.2)/udp', '--flood'], /--flood needs an end/],
    [['send', 'ip', '--flood', '-c', '5', '--answer'], /exclude each other/],
    [['send', 'ip', '-w', 'x', '--show'], /exclude each other/],
    [['send', 'ip', '-w', 'x', '--answer'], /--answer: with -w nothing is sent/],
    [['send', 'list', 'upd'], /no layer 'upd'; did you mean udp/],
    [['ping', '192.0.2.1', '-4', '-6'], /exclude each other/],
    [['ping', '::1', '-4'], /IPv6 address/],
    [['ping', '192.0.2.20', '-s', '3000'], /3028 bytes, and the way takes 1500/],
    [['ping', '192.0.2.1', '--from', 'x'], /'x' is not an address/],
    [['traceroute', '192.0.2.1', '-f', '9', '-m', '3'], /-f is greater than -m/],
    [['traceroute', '192.0.2.1', '-M', 'smoke'], /smoke/],
    [['arp-scan'], /missing required argument/],
    [['arp-scan', '10.0.0.0/8'], /more than/],
    [['arp-scan', '10.0.0.300'], /neither an address/],
  ])('%j', async (args, message) => {
    const error = await runCommand(args[0] === 'send' ? args : [...args, ...(args.length > 1 ? OURS : [])]).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(UsageError);
    expect((error as UsageError).message).toMatch(message);
  });

  it('shows where the packet is wrong, exit 2', () => {
    expect(netlab(['send', 'eth/ip(dst=192.0.2.2)/udp(dprt=9)'])).toEqual({
      status: 2,
      signal: null,
      stdout: '',
      stderr:
        "netlab: packet: no field 'dprt' in udp; did you mean dport?\n" +
        '  eth/ip(dst=192.0.2.2)/udp(dprt=9)\n' +
        '                            ^~~~\n',
    });
  });

  it('addresses to scan: networks and ranges', () => {
    const text = (words: string[]): string =>
      targetsOf(words)
        .map((bytes) => bytes.join('.'))
        .join(' ');
    expect(text(['192.0.2.0/31', '192.0.2.9-11', '10.0.0.255-10.0.1.0'])).toBe(
      '192.0.2.0 192.0.2.1 192.0.2.9 192.0.2.10 192.0.2.11 10.0.0.255 10.0.1.0',
    );
  });
});

describe('without sending', () => {
  it('-w writes the packets of a set; the same seed writes the same', async () => {
    const made = async (file: string): Promise<string[]> => {
      const words = [
        'send',
        'eth/ip(src=192.0.2.1,dst=192.0.2.2)/udp(sport=rand,dport=[1-3])',
        '--fuzz',
        '--rand-seed',
        '7',
        '-c',
        '4',
      ];
      const done = netlab([...words, '-w', file, ...OURS]);
      expect(done).toMatchObject({
        status: 0,
        stdout: '',
        stderr: expect.stringContaining(`12 packets written to ${file}`),
      });
      const frames: string[] = [];
      for await (const { bytes, linkType } of read(file))
        frames.push(`${linkType} ${Buffer.from(bytes).toString('hex')}`);
      return frames;
    };
    const frames = await made(join(folder, 'a.pcapng'));
    expect(frames).toHaveLength(12);
    expect(new Set(frames).size).toBe(12);
    expect(await made(join(folder, 'b.pcapng'))).toEqual(frames);
  });

  it('--show prints the fields', () => {
    const done = netlab([
      'send',
      'eth/ip(src=192.0.2.1,dst=192.0.2.2,ttl=3)/udp(sport=5,dport=53)/dns(qname="example.org")',
      '--show',
      ...OURS,
    ]);
    expect(done).toMatchObject({ status: 0, stderr: '' });
    expect(done.stdout).toMatch(/Time to Live: 3 \(ip\.ttl\)/);
    expect(done.stdout).toMatch(/example\.org/);
  });

  it('lists layers and fields', () => {
    expect(netlab(['send', 'list']).stdout).toMatch(/^eth, ether, ethernet +Ethernet header$/m);
    expect(netlab(['send', 'list', 'tcp']).stdout).toMatch(/^dport, dstport/m);
  });
});

describe('on the emulated network', () => {
  it('send --answer: answers and errors with their times', () => {
    const done = netlab([
      'send',
      'ip(dst=192.0.2.20)/udp(dport=[7,9999])/"hi"',
      '--answer',
      '--format',
      'json',
      ...OURS,
    ]);
    const [echo, closed] = done.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(echo.reply).toMatchObject({ kind: 'answer', from: '192.0.2.20', ttl: 64 });
    expect(echo.reply.milliseconds).toBeGreaterThan(0);
    expect(closed.reply).toMatchObject({ kind: 'error', type: 3, code: 3 });
    expect(done).toMatchObject({
      status: 0,
      stderr: expect.stringMatching(/2 packets sent on eth0: 88 bytes; 1 answer, 1 error, 0 unanswered/),
    });
  });

  it('text says which packet is answered; nothing answers: exit 1', () => {
    const done = netlab(['send', 'ip(dst=192.0.2.20)/icmp', '-a', ...OURS]);
    expect(done.stdout).toMatch(
      /ICMP echo request.*\n.*\n.*ICMP echo reply, .*\n {4}answers packet 1: from 192\.0\.2\.20, \d\.\d{3} ms\n$/,
    );
    expect(netlab(['send', 'arp(pdst=192.0.2.99)', '-q', '-a', ...OURS])).toMatchObject({ status: 1, stdout: '' });
  });

  it('--flood is bounded by count, and by time', () => {
    const flood = ['send', 'eth/ip(dst=192.0.2.20)/udp(dport=9)', '--flood', ...OURS];
    expect(netlab([...flood, '-c', '5000']).stderr).toMatch(/^5,000 packets sent on eth0: 210,000 bytes in /);
    const timed = netlab([...flood, '--duration', '5ms']);
    expect(timed).toMatchObject({ status: 0, stderr: expect.stringMatching(/^[\d,]+ packets sent on eth0/) });
  });

  it('ping: the words of iputils', () => {
    const done = netlab(['ping', 'server', '-c', '2', ...OURS]);
    expect(done.stdout).toMatch(
      /^PING server \(203\.0\.113\.7\) 56\(84\) bytes of data\.\n64 bytes from 203\.0\.113\.7: icmp_seq=1 ttl=62 time=\d+\.\d+ ms\n64 bytes from 203\.0\.113\.7: icmp_seq=2 ttl=62 time=\d+\.\d+ ms\n\n--- server ping statistics ---\n2 packets transmitted, 2 received, 0% packet loss, time \d+ms\nrtt min\/avg\/max\/mdev = \d+\.\d{3}\/\d+\.\d{3}\/\d+\.\d{3}\/\d+\.\d{3} ms\n$/,
    );
    expect(done.status).toBe(0);
  });

  it('ping: nobody there, and a time to live that runs out: exit 1', () => {
    const nobody = netlab(['ping', '192.0.2.99', '-c', '1', ...OURS]);
    expect(nobody.stdout).toMatch(
      /From 192\.0\.2\.10 icmp_seq=1 Destination Host Unreachable\n[\s\S]*1 packets transmitted, 0 received, \+1 errors, 100% packet loss/,
    );
    expect(nobody.status).toBe(1);
    const short = netlab(['ping', 'server', '-t', '1', '-c', '1', ...OURS]);
    expect(short.stdout).toContain('From 192.0.2.1 icmp_seq=1 Time to live exceeded');
    expect(short.status).toBe(1);
  });

  it.each([[[]], [['-I', '--paris']], [['-T', '--paris']]])('traceroute %j: the routers and the host', (more) => {
    const done = netlab(['traceroute', 'server', ...more, ...OURS]);
    expect(done.stdout.split('\n').map((line) => line.replace(/ +\d+\.\d{3} ms.*/, ''))).toEqual([
      `traceroute to server (203.0.113.7), 30 hops max, ${more.includes('-T' as never) ? 40 : 60} byte packets`,
      ' 1  192.0.2.1',
      ' 2  198.51.100.2',
      ' 3  203.0.113.7',
      '',
    ]);
    expect(done.status).toBe(0);
  });

  it('arp-scan: who is there', () => {
    const done = netlab(['arp-scan', '192.0.2.0/26', ...OURS]);
    expect(done.stdout.split('\n').map((line) => line.split('\t')[0])).toEqual([
      '192.0.2.1',
      '192.0.2.20',
      '192.0.2.30',
      '192.0.2.53',
      '',
    ]);
    expect(done.stderr).toMatch(/63 addresses scanned in .* 4 responded/);
    expect(netlab(['arp-scan', '192.0.2.99', ...OURS])).toMatchObject({ status: 1, stdout: '' });
  });

  it('as a library, on our kernel', async () => {
    const { system, clock } = openEmulated({ seed: 3, pace: 'virtual', traffic: false });
    const sent = await sendAndReceive(packet(ipv4({ dst: '203.0.113.7', ttl: range(1, 3) }), icmp()), {
      system,
      clock,
    });
    expect(sent.map(({ reply }) => [reply?.kind, reply?.from])).toEqual([
      ['error', '192.0.2.1'],
      ['error', '198.51.100.2'],
      ['answer', '203.0.113.7'],
    ]);
  });
});

describeNetwork('on a link of the host', () => {
  let link: Awaited<ReturnType<typeof joined>>;
  const HOST = ['--backend', 'af_packet'];
  beforeAll(async () => {
    link = await joined(41);
  });
  afterAll(() => link.remove());

  it.each([
    ['ip(dst=10.99.41.2)/icmp', 'answer', '10.99.41.2'],
    ['ip(dst=10.99.41.2)/udp(dport=9)/"x"', 'error', '10.99.41.2'],
    ['eth/ip(dst=10.99.41.2)/tcp(dport=9)', 'answer', '10.99.41.2'],
    ['ipv6(dst=fd99:41::2)/icmpv6', 'answer', 'fd99:41::2'],
    ['ipv6(dst=fd99:41::2)/udp(dport=9)', 'error', 'fd99:41::2'],
    ['arp(pdst=10.99.41.2)', 'answer', '10.99.41.2'],
    ['eth/ipv6/ns(tgt=fd99:41::2)', 'answer', 'fd99:41::2'],
    ['ip(dst=127.0.0.1)/icmp', 'answer', '127.0.0.1'],
    ['ip(dst=10.99.41.1)/udp(dport=9)', 'error', '10.99.41.1'],
    ['ipv6(dst=::1)/icmpv6', 'answer', '::1'],
  ])('send %s --answer', (text, kind, from) => {
    const device = text.includes('ns(') ? ['-i', link.here] : [];
    const done = netlab(['send', text, '--answer', '--timeout', '60', '--format', 'json', ...device, ...HOST]);
    expect(done.status).toBe(0);
    const { reply } = JSON.parse(done.stdout);
    expect(reply).toMatchObject({ kind, from });
    expect(reply.milliseconds).toBeLessThan(60_000);
  });

  it('ping: IPv4, IPv6, ourselves; nobody', () => {
    for (const address of ['10.99.41.2', 'fd99:41::2', '10.99.41.1', '127.0.0.1', '::1']) {
      const done = netlab(['ping', address, '-c', '2', '-i', '0', '-W', '60', ...HOST]);
      expect(done).toMatchObject({ status: 0, stderr: '' });
      expect(done.stdout).toContain(`2 packets transmitted, 2 received, 0% packet loss`);
    }
  });

  it('ping: Ctrl-C prints the statistics, exit 0', async () => {
    const running = start(['ping', '10.99.41.2', ...HOST]);
    await running.until('stdout', /icmp_seq=1 ttl=64/);
    running.kill('SIGINT');
    const done = await running.ended;
    expect(done.status).toBe(0);
    expect(done.stdout).toMatch(/--- 10\.99\.41\.2 ping statistics ---\n\d+ packets transmitted, \d+ received/);
  });

  it('traceroute: the host itself', () => {
    for (const more of [[], ['-I'], ['-T', '-p', '9']])
      for (const address of more.length ? ['fd99:41::2'] : ['10.99.41.2', 'fd99:41::2']) {
        const done = netlab(['traceroute', address, '-w', '60', '-q', '1', ...more, ...HOST]);
        expect(done.stdout).toMatch(new RegExp(`\\n 1  ${address.replaceAll('.', '\\.')}  \\d+\\.\\d{3} ms\\n$`));
        expect(done.status).toBe(0);
      }
  });

  it('arp-scan, of IPv4 and of IPv6', () => {
    const done = netlab(['arp-scan', '10.99.41.2', 'fd99:41::2', '-I', link.here, '-q', '--timeout', '60', ...HOST]);
    expect(done.status).toBe(0);
    expect(
      done.stdout
        .trim()
        .split('\n')
        .map((line) => line.split('\t')[0])
        .sort(),
    ).toEqual(['10.99.41.2', 'fd99:41::2']);
  });

  it('what arrives is what was crafted', async () => {
    const file = join(folder, 'arrived.pcap');
    const words = [
      'eth(dst=02:00:00:00:00:99,src=02:00:00:00:00:01)/ip(src=198.51.100.9,dst=198.51.100.8,chksum=0x1234)/udp(sport=7,dport=8,len=3)/"wrong"',
      '-i',
      link.here,
    ];
    const watch = start([
      'capture',
      '-i',
      link.here,
      '-w',
      file,
      '-c',
      '1',
      '--immediate-mode',
      'ether',
      'dst',
      '02:00:00:00:00:99',
      ...HOST,
    ]);
    await watch.until('stderr', /listening on/);
    // 198.51.100.8 has no route here: the interface is named.
    const done = netlab(['send', ...words, ...HOST]);
    watch.kill('SIGINT');
    await watch.ended;
    expect(done.status === 0 ? tcpdump('-nr', file) : done.stderr).toMatch(/198\.51\.100\.9\.7 > 198\.51\.100\.8\.8/);
  });

  it('without the privilege: 77, and what to do', () => {
    for (const command of [
      ['ping', '10.99.41.2', '-c', '1'],
      ['send', 'ip(dst=10.99.41.2)/icmp'],
      ['arp-scan', '10.99.41.2'],
    ]) {
      const done = netlab([...command, ...HOST], { prefix: UNPRIVILEGED });
      expect(done.status).toBe(77);
      expect(done.stderr).toMatch(/needs CAP_NET_RAW/);
    }
  });
});

test('help names the options', () => {
  for (const command of ['send', 'ping', 'traceroute', 'arp-scan']) {
    const done = netlab([command, '--help']);
    expect(done.status).toBe(0);
    expect(done.stdout).toContain('Examples:');
  }
});
