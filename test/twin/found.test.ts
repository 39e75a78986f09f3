/** What seeded sequences of calls found (`npm run fuzz -- syscalls`), as cases of their own. */
import { afterAll } from 'vitest';
import { putBe16 } from '../../src/bytes/endian.ts';
import { messageHeader } from '../../src/syscall/message.ts';
import { int } from '../../src/uapi/host.ts';
import { encodeControl } from '../../src/uapi/socket.ts';
import { describeNetwork } from '../support/network.ts';
import {
  bytes,
  counters,
  counters6,
  FAR,
  hex,
  ip,
  ip6,
  moved,
  NEAR,
  name,
  recv,
  send,
  set,
  sin,
  sin6,
  udp6,
} from './program.ts';
import { stage } from './stage.ts';
import { FAR6, NEAR_LL, NEAR6 } from './world.ts';

const SIOCOUTQ = 0x5411;

/** An IPv4 packet with a header of its own making, to `to`. */
function packet(to: string, from = NEAR): Uint8Array {
  const bytes = new Uint8Array(100).map((_, at) => at);
  bytes.set([0x45, 0, 0, 100, 0, 1, 0, 0, 64, 200]);
  putBe16(bytes, 2, 100);
  bytes.set(ip(from), 12);
  bytes.set(ip(to), 16);
  return bytes;
}

/** IP_HDRINCL: the header names one destination, the address of the call another. Where the address is a station's the
 * packet goes to it; where it is a group's or the broadcast address it goes to whom the header names, who may have to be
 * asked for first: the packet waits, and is charged to the socket for so long. */
describeNetwork('a header of the sender’s own, on both kernels', () => {
  const { twin, dispose } = stage();
  afterAll(dispose);

  // A station of its own for each case, so that nothing is known of it from one before.
  let stations = 20;
  for (const protocol of [1, 200, 255])
    for (const address of [FAR, '10.0.0.255', '239.1.1.1', '224.0.0.1', '255.255.255.255', '10.1.0.9'])
      for (const header of [FAR, `10.0.0.${++stations}`, `16.17.18.${++stations}`, '239.9.9.9', '255.255.255.255'])
        twin(`protocol ${protocol}: to ${address}, the header says ${header}`, (w) => {
          const s = w.near.socket(2, 3, protocol);
          set(w.near, s, 0, 3, 1);
          set(w.near, s, 1, 6, 1);
          set(w.near, s, 0, 34, 0);
          const log: unknown[] = [w.near.bind(s, sin(NEAR, 0))];
          log.push(send(w.near, s, packet(header), 0, sin(address, 0)));
          const queued = int(0);
          log.push(w.near.ioctl(s, SIOCOUTQ, queued), [...queued]);
          w.settle(3);
          // Those before are asked for again meanwhile.
          const others = (frame: string): boolean => frame.includes('08060001') && !frame.includes(hex(ip(header)));
          log.push(
            w
              .frames()
              .filter((frame) => !others(frame))
              .map((frame) => frame.slice(0, 100)),
          );
          w.near.close(s);
          return log;
        });
});

/** connect(2) to 0.0.0.0 goes to the socket's own address, wherever that is. */
describeNetwork('connect to nowhere, on both kernels', () => {
  const { twin, dispose } = stage();
  afterAll(dispose);

  for (const type of [2, 3])
    for (const bound of ['0.0.0.0', NEAR, '127.0.0.1', '10.0.0.77', '10.1.0.9', '10.66.0.1', '10.67.0.1', '192.0.2.1'])
      twin(`type ${type}, bound to ${bound}`, (w) =>
        [w.near, w.far].map((host) => {
          const s = host.socket(2, type, type === 2 ? 0 : 200);
          const log: unknown[] = [set(host, s, 0, 19, 1), host.bind(s, sin(bound, 0))];
          log.push(host.connect(s, sin('0.0.0.0', 9000)), String(name(host, s)).slice(8), name(host, s, true));
          host.close(s);
          return log;
        }),
      );
});

/** What seeded sequences of calls on sockets of IPv6 found. */
describeNetwork('IPv6, found by sequences, on both kernels', () => {
  const { twin, dispose } = stage({ ipv6: true });
  afterAll(dispose);

  for (const to of [NEAR6, NEAR_LL, '::1', '::'])
    for (const length of [8, 3000])
      twin(`echo from ::1 to our own ${to}, ${length} bytes`, (w) => {
        w.near.writeFile('/proc/sys/net/ipv4/ping_group_range', bytes('0 2147483647\n'));
        const s = udp6(w.near, undefined, 0, 0, 58);
        const data = new Uint8Array(length);
        data.set([128, 0, 0, 0]);
        const before = counters6(w.near);
        const log: unknown[] = [w.near.connect(s, sin6('::', 0))];
        log.push(send(w.near, s, data, 0, sin6(to, 0, w.ifindex)));
        w.settle(3);
        const [result, , ...rest] = recv(w.near, s);
        log.push(result, rest, moved(before, counters6(w.near)));
        w.near.close(s);
        w.frames();
        return log;
      });

  for (const length of [0, 1, 1000])
    for (const pending of [100, 3000])
      for (const connects of [[], ['::']])
        for (const dontfrag of [0, 1])
          twin(
            `${length} bytes behind ${pending} under a cork, connected to ${connects}, IPV6_DONTFRAG ${dontfrag}`,
            (w) => {
              const s = udp6(w.near, '::', 9004);
              const log: unknown[] = [set(w.near, s, 17, 1, 1)];
              log.push(send(w.near, s, new Uint8Array(pending), 0, sin6(FAR6, 9000)));
              for (const to of connects) log.push(w.near.connect(s, sin6(to, 9001)));
              log.push(set(w.near, s, 41, 62, dontfrag));
              log.push(send(w.near, s, new Uint8Array(length), 0, sin6('::', 9002)));
              log.push(set(w.near, s, 17, 1, 0));
              w.settle(3);
              log.push(w.frames().map((frame) => frame.slice(0, 120)));
              w.near.close(s);
              return log;
            },
          );

  // The flow of IPv4 is written over that of IPv6: the destination becomes a mixture.
  for (const to of [FAR6, 'ff02::1'])
    for (const mapped of ['::ffff:10.0.0.2', '::ffff:10.1.0.9', '::ffff:10.66.0.1', '::ffff:0.0.0.0'])
      twin(`a datagram to ${to} pending under a cork, connected to ${mapped}`, (w) => {
        const s = udp6(w.near, '::', 9004);
        const before = counters6(w.near);
        const log: unknown[] = [set(w.near, s, 41, 18, 0), set(w.near, s, 41, 17, w.ifindex), set(w.near, s, 17, 1, 1)];
        log.push(send(w.near, s, new Uint8Array(3000), 0, sin6(to, 9000)));
        log.push(w.near.connect(s, sin6(mapped, 9001)), send(w.near, s, 'x'), set(w.near, s, 17, 1, 0));
        const queued = int(0);
        log.push(w.near.ioctl(s, SIOCOUTQ, queued), [...queued]);
        w.settle(3);
        log.push(w.frames(), moved(before, counters6(w.near)));
        w.near.close(s);
        return log;
      });

  for (const address of ['::', FAR6, NEAR6, 'fe80::ff:fe00:1'])
    for (const ifindex of [0, 1])
      twin(`a ping with IPV6_PKTINFO ${address}, device ${ifindex}: the device alone counts`, (w) => {
        w.near.writeFile('/proc/sys/net/ipv4/ping_group_range', bytes('0 2147483647\n'));
        const s = udp6(w.near, undefined, 0, 0, 58);
        const echo = Uint8Array.of(128, 0, 0, 0, 0, 0, 0, 1);
        const info = new Uint8Array(20);
        info.set(ip6(address));
        info[16] = ifindex;
        const control = encodeControl([{ level: 41, type: 50, data: info }]);
        const log: unknown[] = [w.near.connect(s, sin6(NEAR_LL, 0, w.ifindex))];
        log.push(w.near.sendmsg(s, messageHeader([echo], null, control), 0));
        w.settle(3);
        const [result, , ...rest] = recv(w.near, s);
        log.push(result, rest);
        w.near.close(s);
        w.frames();
        return log;
      });
});

/** A datagram to an address of ours goes over the loopback, but for sockets that are bound to a device it came by the one
 * that the address belongs to. */
describeNetwork('bound to a device, heard over the loopback, on both kernels', () => {
  const { twin, dispose } = stage();
  afterAll(dispose);

  for (const [what, type, protocol] of [
    ['UDP', 2, 17],
    ['raw', 3, 200],
    ['ping', 2, 1],
  ] as const)
    for (const to of [NEAR, '127.0.0.1', '0.0.0.0', '10.0.0.255'])
      for (const [device, length] of [
        ['lo', 100],
        ['eth0', 100],
        ['eth0', 3000],
        ['eth0', 70],
      ] as const)
        twin(`${what} to ${to}, ${length} bytes, bound to ${device}`, (w) => {
          w.near.writeFile('/proc/sys/net/ipv4/ping_group_range', bytes('0 2147483647\n'));
          const [hears, speaks] = [w.near.socket(2, type, protocol), w.near.socket(2, type, protocol)];
          const before = counters(w.near);
          const log: unknown[] = [set(w.near, hears, 1, 25, bytes(device)), set(w.near, hears, 0, 8, 1)];
          log.push(w.near.bind(hears, sin('0.0.0.0', 9000)), set(w.near, speaks, 1, 6, 1));
          // Sent by a named device, or not.
          if (length === 70) log.push(set(w.near, speaks, 1, 25, bytes(device)));
          const data = new Uint8Array(length);
          data[0] = 8;
          log.push(send(w.near, what === 'ping' ? hears : speaks, data, 0, sin(to, 9000)));
          w.settle(3);
          for (const fd of [hears, speaks]) {
            const [result, , from, flags, control] = recv(w.near, fd);
            log.push([result, String(from).slice(8), flags, control]);
          }
          log.push(moved(before, counters(w.near)));
          for (const fd of [hears, speaks]) w.near.close(fd);
          w.frames();
          return log;
        });
});

/** A connected socket keeps its route until something makes every route stale; with the route goes the flow of its last
 * cork, even if that came to nothing. What of the devices' conf does so shows in where the datagram goes. */
describeNetwork('conf of IPv4 that makes routes stale, on both kernels', () => {
  const { twin, dispose } = stage();
  afterAll(dispose);

  for (const where of ['all', 'default', 'eth0'])
    for (const [name, ...values] of [
      ['rp_filter', 1, 1, 0, 2, 0],
      ['accept_local', 1, 1, 0, 0],
      ['route_localnet', 1, 1, 0, 0],
      ['forwarding', 1, 1, 0, 0],
      ['bc_forwarding', 1, 1, 0, 0],
      ['promote_secondaries', 1, 1, 0, 0],
      ['drop_unicast_in_l2_multicast', 1, 1, 0, 0],
      ['send_redirects', 0, 0, 1, 1],
      ['accept_redirects', 0, 1],
      ['arp_filter', 1, 0],
      ['proxy_arp', 1, 0],
      ['src_valid_mark', 1, 0],
      ['log_martians', 1, 0],
    ] as const)
      twin(`${where}/${name}`, (w) => {
        const log: unknown[] = [];
        const path = `/proc/sys/net/ipv4/conf/${where}/${name}`;
        const before = w.near.readFile(path);
        for (const value of values) {
          const s = w.near.socket(2, 2, 17);
          log.push(w.near.connect(s, sin(FAR, 9)));
          // Under a cork to another address, and too long.
          log.push(send(w.near, s, new Uint8Array(65508), 0x8000, sin(NEAR, 9000)));
          w.near.writeFile(path, bytes(`${value}\n`));
          log.push(send(w.near, s, 'x'));
          w.settle(3);
          // A question for the other address is one frame, the datagram and its refusal are two.
          log.push(w.frames().length > 1);
          w.near.close(s);
        }
        if (before instanceof Uint8Array) w.near.writeFile(path, before);
        return log;
      });
});

describeNetwork('UDP_ENCAP and errors, on both kernels', () => {
  const { twin, dispose } = stage({ ipv6: true });
  afterAll(dispose);

  for (const [to, domain] of [
    [sin(NEAR, 9000), 2],
    [sin6(NEAR6, 9000), 10],
  ] as const)
    for (const recverr of [0, 1])
      for (const encap of [3, 0])
        twin(`UDP_ENCAP ${encap}, family ${domain}, told of errors ${recverr}: nobody is there`, (w) => {
          const s = w.near.socket(domain, 2, 17);
          const log: unknown[] = [set(w.near, s, 17, 100, encap), w.near.connect(s, to)];
          log.push(set(w.near, s, domain === 2 ? 0 : 41, domain === 2 ? 11 : 25, recverr), send(w.near, s, 'x'));
          w.settle(3);
          log.push(recv(w.near, s)[0], recv(w.near, s, { flags: 0x2000 })[0]);
          w.near.close(s);
          w.frames();
          return log;
        });
});
