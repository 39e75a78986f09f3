import { afterAll } from 'vitest';
import { describeNetwork } from '../support/network.ts';
import { FAR, get, ip, NEAR, recv, send, set, sin, udp } from './program.ts';
import { stage } from './stage.ts';

/** Membership, loop and TTL of multicast, and broadcast. IGMP's reports come at random moments and are no part of the
 * comparison. */
describeNetwork('multicast and broadcast on both kernels', () => {
  const { twin, dispose } = stage();
  afterAll(dispose);

  // ---- multicast ----
  const mreqn = (group: string, address: string, ifindex: number): Uint8Array => {
    const b = new Uint8Array(12);
    b.set(ip(group));
    b.set(ip(address), 4);
    b[8] = ifindex;
    return b;
  };
  for (const [group, address, index] of [
    ['239.1.1.1', '0.0.0.0', -1],
    ['239.1.1.1', NEAR, 0],
    ['239.1.1.1', '9.9.9.9', 0],
    ['239.1.1.1', '0.0.0.0', 0],
    ['239.1.1.1', '0.0.0.0', 99],
    ['10.0.0.9', '0.0.0.0', -1],
    ['224.0.0.1', '0.0.0.0', -1],
  ] as const)
    twin(`IP_ADD_MEMBERSHIP ${group} at ${address} ${index}`, (w) => {
      const s = udp(w.near, '0.0.0.0', 8019);
      const request = mreqn(group, address, index < 0 ? w.ifindex : index);
      const log = [
        set(w.near, s, 0, 36, request),
        set(w.near, s, 0, 35, request),
        set(w.near, s, 0, 35, request),
        set(w.near, s, 0, 35, request.subarray(0, 8)),
        set(w.near, s, 0, 36, request),
        set(w.near, s, 0, 36, request),
        set(w.near, s, 0, 35, request.subarray(0, 7)),
      ];
      w.near.close(s);
      return log;
    });
  for (const loop of [0, 1])
    for (const ttl of [0, 1, 5])
      twin(`multicast with loop ${loop} and TTL ${ttl}`, (w) => {
        const r = udp(w.near, '0.0.0.0', 8020);
        const far = udp(w.far, '0.0.0.0', 8020);
        const s = udp(w.near, NEAR, 8021);
        const log = [
          set(w.near, r, 0, 35, mreqn('239.7.7.7', '0.0.0.0', w.ifindex)),
          set(w.far, far, 0, 35, mreqn('239.7.7.7', FAR, 0)),
          set(w.near, s, 0, 34, loop),
          set(w.near, s, 0, 33, ttl),
          set(w.near, s, 0, 32, mreqn('0.0.0.0', '0.0.0.0', w.ifindex)),
          get(w.near, s, 0, 32),
        ];
        log.push(send(w.near, s, 'to the group', 0, sin('239.7.7.7', 8020)));
        w.settle(3);
        log.push(recv(w.near, r) as never, recv(w.near, r) as never, recv(w.far, far) as never);
        log.push(
          w
            .frames()
            .filter((f) => !f.includes('01005e000016'))
            .filter((f) => f.includes('746f20746865')) as never,
        );
        for (const fd of [r, s]) w.near.close(fd);
        w.far.close(far);
        return log;
      });
  twin('broadcast is heard by every socket of the port', (w) => {
    const a = udp(w.far);
    const b = udp(w.far);
    for (const fd of [a, b]) {
      set(w.far, fd, 1, 2, 1);
      w.far.bind(fd, sin('0.0.0.0', 8022));
    }
    const s = udp(w.near, NEAR, 8023);
    set(w.near, s, 1, 6, 1);
    const log: unknown[] = [];
    for (const to of ['255.255.255.255', '10.0.0.255']) {
      log.push(send(w.near, s, to, 0, sin(to, 8022)));
      w.settle(2);
      log.push(
        recv(w.far, a),
        recv(w.far, b),
        recv(w.far, a),
        w.frames().filter((f) => !f.includes('01005e000016')),
      );
    }
    w.near.close(s);
    for (const fd of [a, b]) w.far.close(fd);
    return log;
  });
});
