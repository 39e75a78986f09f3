/** What seeded sequences of calls found (`npm run fuzz -- syscalls`), as cases of their own. */
import { afterAll } from 'vitest';
import { putBe16 } from '../../src/bytes/endian.ts';
import { int } from '../../src/uapi/host.ts';
import { describeNetwork } from '../support/network.ts';
import { bytes, counters6, FAR, hex, ip, moved, NEAR, name, recv, send, set, sin, sin6, udp6 } from './program.ts';
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
});
