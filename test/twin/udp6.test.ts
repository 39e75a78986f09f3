import { afterAll } from 'vitest';
import { describeNetwork } from '../support/network.ts';
import { counters6, moved, name, recv, revents, send, set, sin, sin6, udp6 } from './program.ts';
import { stage } from './stage.ts';
import { FAR6, NEAR6 } from './world.ts';

describeNetwork('UDP over IPv6 on both kernels', () => {
  const { twin, dispose } = stage({ ipv6: true });
  afterAll(dispose);

  for (const length of [0, 1, 100, 1452, 1453, 4000, 65527, 65528])
    twin(`${length} bytes over the wire`, (w) => {
      const r = udp6(w.far, FAR6, 8001);
      const s = udp6(w.near, NEAR6, 8000);
      const before = [counters6(w.near), counters6(w.far)];
      const log: unknown[] = [send(w.near, s, new Uint8Array(length).fill(0x61), 0, sin6(FAR6, 8001))];
      w.settle(2);
      log.push(recv(w.far, r, { room: 70000 }));
      if (length < 3000) log.push(w.frames());
      log.push(moved(before[0]!, counters6(w.near)), moved(before[1]!, counters6(w.far)));
      w.near.close(s);
      w.far.close(r);
      w.frames();
      return log;
    });
  twin('to ourselves', (w) => {
    const r = udp6(w.near, '::1', 8001);
    const s = udp6(w.near);
    const log: unknown[] = [send(w.near, s, 'hello', 0, sin6('::1', 8001)), revents(w.near, r)];
    w.settle(2);
    const got = recv(w.near, r);
    log.push(got[0], got[1], name(w.near, r), send(w.near, s, 'mapped', 0, sin6('::ffff:127.0.0.1', 8001)));
    set(w.near, s, 1, 7, 1000);
    log.push(w.near.connect(s, sin('127.0.0.1', 9)), name(w.near, s, true));
    w.near.close(s);
    w.near.close(r);
    return log;
  });
});
