import { afterAll } from 'vitest';
import type { SystemCalls } from '../../src/syscall/contract.ts';
import { describeNetwork } from '../support/network.ts';
import { counters, FAR, hex, ip, moved, NEAR, recv, revents, send, sin, udp } from './program.ts';
import { stage } from './stage.ts';
import { FAR_MAC } from './world.ts';

const decoder = new TextDecoder();
const read = (calls: SystemCalls, path: string): string | number => {
  const content = calls.readFile(path);
  return typeof content === 'number' ? content : decoder.decode(content);
};
const write = (calls: SystemCalls, path: string, text: string): number =>
  calls.writeFile(path, new TextEncoder().encode(text));

describeNetwork('files, descriptors, neighbours on both kernels', () => {
  const { twin, dispose } = stage();
  afterAll(dispose);

  // ---- /proc ----
  twin('/proc/net: route, arp, dev, snmp, netstat', (w) => {
    const heads = (text: string | number): unknown =>
      typeof text === 'number'
        ? text
        : text
            .split('\n')
            .filter((line) => !/^(TcpExt|MPTcpExt|Tcp):/.test(line))
            .map((line) => line.replace(/\d{3,}/g, 'n'));
    return [
      read(w.near, '/proc/net/route'),
      read(w.near, '/proc/net/arp'),
      (read(w.near, '/proc/net/dev') as string).split('\n').slice(0, 2),
      (read(w.near, '/proc/net/dev') as string).split('\n').map((line) => line.length),
      (heads(read(w.near, '/proc/net/snmp')) as string[]).map((line) => line.split(' ')[0]),
      (read(w.near, '/proc/net/snmp') as string)
        .split('\n')
        .filter((line) => /[a-z]/.test(line.split(': ')[1] ?? '') && !line.startsWith('IcmpMsg')),
      (read(w.near, '/proc/net/netstat') as string).split('\n').filter((line) => line.startsWith('IpExt: In')),
      (read(w.near, '/proc/net/netstat') as string).split('\n').filter((line) => line.startsWith('TcpExt: Sy')),
    ];
  });
  twin('/proc/net: sockets', (w) => {
    const u = udp(w.near, NEAR, 9500);
    const c = udp(w.near, '127.0.0.1', 9501);
    w.near.connect(c, sin('127.0.0.1', 9500));
    send(w.near, c, 'queued', 0, sin('127.0.0.1', 9501));
    const r = w.near.socket(2, 3, 200);
    // Slots, inodes and pointers are made up; the rest of a line is not.
    const lines = (text: string | number): string[] =>
      String(text)
        .split('\n')
        .map((line) => line.trim().split(/\s+/))
        .filter((fields) => fields.length > 8)
        .map((fields) => [...fields.slice(1, 9), fields[12]].join(' '))
        .sort();
    const log = [
      lines(read(w.near, '/proc/net/udp')),
      lines(read(w.near, '/proc/net/raw')),
      String(read(w.near, '/proc/net/udp')).split('\n')[0],
      String(read(w.near, '/proc/net/raw')).split('\n')[0],
    ];
    log.push((String(read(w.near, '/proc/net/udp')).split('\n')[1] ?? '').length as never);
    log.push(String(read(w.near, '/proc/net/packet')).split('\n')[0]!);
    log.push(
      String(read(w.near, '/proc/net/sockstat'))
        .split('\n')
        .filter((line) => /^(UDP|UDPLITE|RAW|FRAG)/.test(line))
        .map((line) => line.replace(/mem \d+/, 'mem')),
    );
    for (const fd of [u, c, r]) w.near.close(fd);
    return log;
  });
  const sysctls = [
    'ip_default_ttl',
    'ip_forward',
    'ip_nonlocal_bind',
    'ip_no_pmtu_disc',
    'ip_local_port_range',
    'ip_unprivileged_port_start',
    'ping_group_range',
    'icmp_echo_ignore_all',
    'icmp_echo_ignore_broadcasts',
    'icmp_ratelimit',
    'ipfrag_time',
    'ipfrag_max_dist',
    'igmp_max_memberships',
    'route/min_pmtu',
    'conf/eth0/rp_filter',
    'conf/eth0/forwarding',
    'conf/all/accept_source_route',
    'conf/default/accept_source_route',
    'conf/eth0/arp_ignore',
    'neigh/eth0/mcast_solicit',
    'neigh/eth0/retrans_time_ms',
    'neigh/eth0/base_reachable_time_ms',
    'neigh/eth0/gc_stale_time',
    'ip_local_reserved_ports',
    'nothing',
  ];
  for (const name of sysctls)
    for (const text of ['1', '0', '', 'x', ' 3 \n', '0x10', '100000', '-1', '1 2', '300'])
      twin(`sysctl net.ipv4.${name.replaceAll('/', '.')} = '${text.replace('\n', '\\n')}'`, (w) => {
        const path = `/proc/sys/net/ipv4/${name}`;
        const before = read(w.near, path);
        const result = write(w.near, path, text);
        const after = read(w.near, path);
        if (typeof before === 'string') write(w.near, path, before);
        return [before, result < 0 ? result : 'written', after, read(w.near, path)];
      });
  for (const path of [
    '/proc/net',
    '/proc/sys/net/ipv4/conf',
    '/proc/net/nothing',
    '/proc/sys/net/ipv4/ip_forward/x',
    '/sys/nothing',
    'relative',
  ])
    twin(`reading ${path}`, (w) => {
      const result = w.near.readdir(path);
      return [typeof result === 'number' ? result : 'a list', read(w.near, path), write(w.near, path, '1')];
    });

  // ---- descriptors ----
  /** O_NONBLOCK is no matter of the program's: nothing of the contract blocks. */
  const nonblocking = (flags: number): number => (flags < 0 ? flags : flags & ~0x800);
  twin('fcntl, dup and flags', (w) => {
    const fd = w.near.socket(2, 0x80802, 0);
    const log: unknown[] = [
      w.near.fcntl(fd, 1, 0),
      nonblocking(w.near.fcntl(fd, 3, 0)),
      w.near.fcntl(fd, 4, 0),
      nonblocking(w.near.fcntl(fd, 3, 0)),
      w.near.fcntl(fd, 2, 0),
      w.near.fcntl(fd, 1, 0),
    ];
    const copy = w.near.dup(fd);
    log.push(
      copy > fd,
      w.near.fcntl(copy, 1, 0),
      w.near.close(fd),
      w.near.bind(copy, sin(NEAR, 9510)),
      w.near.close(fd),
      nonblocking(w.near.fcntl(fd, 3, 0)),
      w.near.dup(fd),
    );
    const high = w.near.fcntl(copy, 0, 500);
    log.push(high >= 500, w.near.fcntl(copy, 0, -1), w.near.fcntl(copy, 99, 0), w.near.close(copy), w.near.close(high));
    return log;
  });
  twin('epoll on datagram sockets', (w) => {
    const r = udp(w.near, NEAR, 9511);
    const s = udp(w.near, NEAR, 9512);
    const wait = (ep: number): unknown => {
      const events = Array.from({ length: 4 }, () => ({ events: 0, data: 0n }));
      const n = w.near.epoll_wait(ep, events, 4);
      return n < 0 ? n : events.slice(0, n).map((e) => `${e.events}/${e.data}`);
    };
    const [level, edge, once] = [0, 0, 0].map((flags) => w.near.epoll_create1(flags)) as [number, number, number];
    const log: unknown[] = [w.near.epoll_create1(5)];
    log.push(
      w.near.epoll_ctl(level, 1, r, 5, 1n),
      w.near.epoll_ctl(level, 1, r, 5, 1n),
      w.near.epoll_ctl(level, 3, s, 1, 1n),
      w.near.epoll_ctl(level, 2, s, 1, 1n),
      w.near.epoll_ctl(level, 9, r, 1, 1n),
    );
    log.push(
      w.near.epoll_ctl(edge, 1, r, 0x80000001 >>> 0, 2n),
      w.near.epoll_ctl(once, 1, r, 0x40000001, 3n),
      w.near.epoll_ctl(level, 1, level, 1, 1n),
      w.near.epoll_ctl(r, 1, s, 1, 1n),
      w.near.epoll_ctl(level, 1, 999, 1, 1n),
    );
    log.push(wait(level), wait(edge), wait(once), w.near.epoll_wait(level, [], 0), w.near.epoll_wait(r, [], 1));
    for (let i = 0; i < 2; i++) {
      send(w.near, s, 'x', 0, sin(NEAR, 9511));
      w.settle(1);
      log.push(wait(level), wait(level), wait(edge), wait(edge), wait(once), wait(once));
    }
    log.push(
      w.near.epoll_ctl(once, 3, r, 0x40000001, 4n),
      wait(once),
      recv(w.near, r)[0],
      recv(w.near, r)[0],
      wait(level),
      revents(w.near, level, 1),
    );
    log.push(w.near.close(r), wait(level));
    for (const fd of [s, level, edge, once]) w.near.close(fd);
    return log;
  });

  // ---- ioctl ----
  const requests: [string, number][] = [
    ['SIOCGIFINDEX', 0x8933],
    ['SIOCGIFFLAGS', 0x8913],
    ['SIOCGIFADDR', 0x8915],
    ['SIOCGIFNETMASK', 0x891b],
    ['SIOCGIFBRDADDR', 0x8919],
    ['SIOCGIFDSTADDR', 0x8917],
    ['SIOCGIFHWADDR', 0x8927],
    ['SIOCGIFMTU', 0x8921],
    ['SIOCGIFTXQLEN', 0x8942],
    ['SIOCGIFMETRIC', 0x891d],
    ['SIOCGIFMAP', 0x8970],
    ['FIONREAD', 0x541b],
    ['SIOCOUTQ', 0x5411],
    ['SIOCGSTAMP', 0x8906],
    ['an unknown one', 0x8999],
    ['TIOCGWINSZ', 0x5413],
  ];
  for (const [what, request] of requests)
    for (const device of ['eth0', 'lo', 'nothere'])
      for (const type of [
        [2, 2, 0],
        [2, 3, 200],
        [17, 3, 0],
      ] as const)
        twin(`${what} of ${device} on a socket of ${type[0]}/${type[1]}`, (w) => {
          const fd = w.near.socket(type[0], type[1], type[2]);
          const argument = new Uint8Array(40);
          argument.set(new TextEncoder().encode(device));
          const result = w.near.ioctl(fd, request, argument);
          w.near.close(fd);
          // The index is each namespace's own.
          return [result, request === 0x8933 ? 'index' : request === 0x8970 ? 'map' : hex(argument)];
        });

  // ---- neighbours ----
  const arpreq = (address: string, flags: number, mac: Uint8Array, dev: string): Uint8Array => {
    const b = new Uint8Array(68);
    b[0] = 2;
    b.set(ip(address), 4);
    b[16] = 1;
    b.set(mac, 18);
    b[32] = flags;
    b.set(new TextEncoder().encode(dev), 52);
    return b;
  };
  twin('a neighbour is asked for, answers, and what waited goes out', (w) => {
    const fd = w.near.socket(2, 2, 0);
    const gone = arpreq(FAR, 0, FAR_MAC, 'eth0');
    const log: unknown[] = [w.near.ioctl(fd, 0x8953, gone)];
    const s = udp(w.near, NEAR, 9520);
    for (let i = 0; i < 3; i++) log.push(send(w.near, s, `waits ${i}`, 0, sin(FAR, 9)));
    w.settle(20);
    log.push(w.frames().filter((f) => !f.includes('08004500') || f.includes('7761697473')));
    log.push((read(w.near, '/proc/net/arp') as string).split('\n').slice(1));
    log.push(
      w.near.ioctl(fd, 0x8955, arpreq(FAR, 4, FAR_MAC, 'eth0')),
      (read(w.near, '/proc/net/arp') as string).split('\n').slice(1),
    );
    w.near.close(s);
    w.near.close(fd);
    return log;
  });
  twin('a neighbour that does not answer is asked three times, a second apart', (w) => {
    const before = counters(w.near);
    const s = udp(w.near, NEAR, 9521);
    w.near.setsockopt(s, 0, 11, Uint8Array.of(1, 0, 0, 0));
    const log: unknown[] = [send(w.near, s, 'anybody?', 0, sin('10.0.0.88', 9))];
    w.settle(3400);
    log.push(w.frames(), recv(w.near, s, { flags: 0x2000 }), send(w.near, s, 'again', 0, sin('10.0.0.88', 9)));
    w.settle(20);
    log.push(w.frames());
    w.near.close(s);
    w.settle(3400);
    w.frames();
    const by = moved(before, counters(w.near));
    log.push(by['Icmp:OutDestUnreachs']);
    return log;
  });
  for (const [what, arp] of [
    ['a request for our address', [1, 'ff', FAR, '10.0.0.1']],
    ['a request for another', [1, 'ff', FAR, '10.0.0.77']],
    ['a probe (RFC 5227)', [1, 'ff', '0.0.0.0', '10.0.0.1']],
    ['a gratuitous request', [1, 'ff', '10.0.0.44', '10.0.0.44']],
    ['a reply nobody asked for', [2, 'us', '10.0.0.45', '10.0.0.1']],
    ['a request from another network', [1, 'ff', '192.0.2.1', '10.0.0.1']],
    ['a request for loopback', [1, 'ff', FAR, '127.0.0.1']],
    ['a request for a group', [1, 'ff', FAR, '239.1.1.1']],
    ['an unknown operation', [9, 'ff', FAR, '10.0.0.1']],
  ] as [string, [number, string, string, string]][])
    twin(`ARP: ${what}`, (w) => {
      const fd = w.far.socket(17, 3, 0);
      const request = new Uint8Array(40);
      request.set(new TextEncoder().encode('eth0'));
      w.far.ioctl(fd, 0x8933, request);
      const ll = new Uint8Array(20);
      ll[0] = 17;
      ll[2] = 8;
      ll[3] = 6;
      ll[4] = request[16]!;
      const [op, to, from, target] = arp;
      const mac = from === FAR ? FAR_MAC : Uint8Array.of(2, 0, 0, 0, 0, 0x77);
      const frame = Uint8Array.from([
        ...(to === 'ff' ? new Array(6).fill(255) : [2, 0, 0, 0, 0, 1]),
        ...mac,
        8,
        6,
        0,
        1,
        8,
        0,
        6,
        4,
        0,
        op,
        ...mac,
        ...ip(from),
        0,
        0,
        0,
        0,
        0,
        0,
        ...ip(target),
      ]);
      const log: unknown[] = [w.far.sendto(fd, frame, 0, ll)];
      w.settle(5);
      log.push(w.frames(), (read(w.near, '/proc/net/arp') as string).split('\n').slice(1).sort());
      w.far.close(fd);
      return log;
    });
});
