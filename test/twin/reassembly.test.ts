/** Limits of putting fragments of IPv4 together: time, distance, memory. */
import { afterAll } from 'vitest';
import { checksum } from '../../src/bytes/checksum.ts';
import type { SystemCalls } from '../../src/syscall/contract.ts';
import { encodeSockaddrLl } from '../../src/uapi/sockaddr.ts';
import { describeNetwork } from '../support/network.ts';
import { bytes, counters, FAR, ip, moved, NEAR, recv, udp } from './program.ts';
import { stage } from './stage.ts';
import { FAR_MAC, NEAR_MAC, type World } from './world.ts';

const sysctl = (calls: SystemCalls, name: string, value: number): void => {
  const result = calls.writeFile(`/proc/sys/net/ipv4/${name}`, bytes(`${value}\n`));
  if (result < 0) throw new Error(`${name}: ${result}`);
};

/** A datagram of 40 bytes to port 8400, of which this is the part from `at` on. */
const whole = Uint8Array.from([0x20, 0xd0, 0x20, 0xd0, 0, 48, 0, 0, ...new Array<number>(40).fill(7)]);
function part(id: number, at: number, length: number, to = FAR): Uint8Array {
  const more = at + length < whole.length;
  const data = whole.subarray(at, at + length);
  const header = Uint8Array.of(
    0x45,
    0,
    0,
    20 + length,
    0,
    id,
    more ? 0x20 : 0,
    at >> 3,
    64,
    17,
    0,
    0,
    ...ip(NEAR),
    ...ip(to),
  );
  const sum = checksum(header, 0, 20);
  header[10] = sum >> 8;
  header[11] = sum;
  return Uint8Array.of(...FAR_MAC, ...NEAR_MAC, 8, 0, ...header, ...data);
}

describeNetwork('limits of reassembly on both kernels', () => {
  const { twin, dispose } = stage();
  afterAll(dispose);

  /** Sends these frames, waits, and gives what arrived, what came back, what was counted. */
  function ask(w: World, frames: Uint8Array[], wait = 3): unknown {
    const before = counters(w.far);
    const r = udp(w.far, '0.0.0.0', 8400);
    const fd = w.near.socket(17, 3, 0);
    const to = encodeSockaddrLl({ protocol: 0x0800, ifindex: w.ifindex });
    for (const frame of frames) w.near.sendto(fd, frame, 0, to);
    w.near.close(fd);
    w.settle(wait);
    const log: unknown[] = [];
    for (let got = recv(w.far, r); (got[0] as number) >= 0; got = recv(w.far, r)) log.push(got[0]);
    w.far.close(r);
    return [log, w.frames().filter((frame) => frame.startsWith('in')), moved(before, counters(w.far))];
  }
  for (const [what, frames] of [
    ['the first part alone: time exceeded', [part(1, 0, 24)]],
    ['the last part alone: nobody is told', [part(2, 24, 24)]],
    ['the first and the last of three', [part(3, 0, 16), part(3, 32, 16)]],
    ['two datagrams, each begun', [part(4, 0, 24), part(5, 0, 24)]],
    ['to a group that nobody joined', [part(6, 0, 24, '239.9.9.9')]],
    ['to everybody', [part(7, 0, 24, '255.255.255.255')]],
  ] as [string, Uint8Array[]][])
    twin(`ipfrag_time is over: ${what}`, (w) => {
      sysctl(w.far, 'ipfrag_time', 1);
      const log = ask(w, frames, 1400);
      sysctl(w.far, 'ipfrag_time', 30);
      return log;
    });
  for (const distance of [0, 1, 2, 64])
    twin(`ipfrag_max_dist ${distance}: parts of other datagrams between two of one`, (w) => {
      sysctl(w.far, 'ipfrag_time', 1);
      sysctl(w.far, 'ipfrag_max_dist', distance);
      const begun = [21, 22, 23].map((id) => part(id, 0, 24));
      const log = ask(w, [part(20, 0, 24), ...begun, part(20, 24, 24), part(23, 24, 24)], 1400);
      sysctl(w.far, 'ipfrag_max_dist', 64);
      sysctl(w.far, 'ipfrag_time', 30);
      return log;
    });
  for (const limit of [1, 1000, 100000])
    twin(`ipfrag_high_thresh ${limit}: memory for parts`, (w) => {
      sysctl(w.far, 'ipfrag_time', 1);
      sysctl(w.far, 'ipfrag_low_thresh', 0);
      sysctl(w.far, 'ipfrag_high_thresh', limit);
      const ids = [30, 31, 32, 33];
      const log = ask(w, [...ids.map((id) => part(id, 0, 24)), ...ids.map((id) => part(id, 24, 24))], 1400);
      sysctl(w.far, 'ipfrag_high_thresh', 4194304);
      sysctl(w.far, 'ipfrag_low_thresh', 3145728);
      sysctl(w.far, 'ipfrag_time', 30);
      return log;
    });
});
