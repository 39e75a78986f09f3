import { afterAll } from 'vitest';
import { describeNetwork } from '../support/network.ts';
import { get, NEAR, set, udp } from './program.ts';
import { stage } from './stage.ts';
import type { World } from './world.ts';

/** Socket options at all levels: what is there before, what setting answers, what is there after. */
describeNetwork('socket options on both kernels', () => {
  const { twin, dispose } = stage();
  afterAll(dispose);

  const kinds: Record<string, (w: World) => number> = {
    udp: (w) => udp(w.near),
    raw: (w) => w.near.socket(2, 3, 1),
    packet: (w) => w.near.socket(17, 3, 0),
  };
  /** SO_PASSCRED and its like, SO_INCOMING_NAPI_ID: what depends on the machine's own state is left out. */
  const skip = new Set([
    '1/50',
    '1/52',
    '1/49',
    '1/56',
    '1/57',
    '1/71',
    '1/78',
    '1/79',
    '1/80',
    '1/81',
    '1/76',
    '1/77',
  ]);
  const values = [0, 1, 2, 5, 255, 256, 65536, -1, -2, 0x7fffffff, -0x80000000];
  const ranges: [string, number, number, number][] = [
    ['udp', 1, 1, 84],
    ['packet', 1, 1, 84],
    ['udp', 0, 1, 52],
    ['raw', 0, 1, 52],
    ['udp', 17, 1, 11],
    ['udp', 17, 100, 105],
    ['udp', 136, 1, 11],
    ['raw', 255, 1, 2],
    ['raw', 17, 1, 1],
    ['packet', 263, 1, 24],
    ['packet', 0, 1, 2],
    ['udp', 263, 1, 2],
    ['udp', 6, 1, 2],
    ['udp', 270, 1, 1],
    ['udp', 41, 1, 2],
  ];
  for (const [kind, level, from, to] of ranges)
    for (let option = from; option <= to; option++) {
      if (skip.has(`${level}/${option}`)) continue;
      twin(`${kind}: level ${level} option ${option}`, (w) => {
        const log: unknown[] = [];
        const fresh = kinds[kind]!(w);
        for (const room of [0, 1, 3, 4, 5, 8, 12, 16, 64])
          log.push(['get', room, get(w.near, fresh, level, option, room)]);
        for (const length of [0, 1, 2, 3])
          log.push(['set', length, set(w.near, fresh, level, option, new Uint8Array(length).fill(1))]);
        w.near.close(fresh);
        for (const value of values) {
          // A socket of its own each, so that one value does not colour the next.
          const fd = kinds[kind]!(w);
          log.push([value, set(w.near, fd, level, option, value), get(w.near, fd, level, option, 16)]);
          w.near.close(fd);
        }
        for (const length of [8, 12, 16, 24, 40]) {
          const fd = kinds[kind]!(w);
          const value = new Uint8Array(length);
          value[0] = 1;
          log.push([`${length} bytes`, set(w.near, fd, level, option, value), get(w.near, fd, level, option, 48)]);
          w.near.close(fd);
        }
        return log;
      });
    }

  for (const [option, force] of [
    [7, 32],
    [8, 33],
  ] as const)
    for (const value of [0, 1, 1000, 2304, 4608, 5000, 100000, 212992, 5000000, -1])
      twin(`${option === 7 ? 'SO_SNDBUF' : 'SO_RCVBUF'} of ${value}, plain and by force`, (w) => {
        const a = udp(w.near, NEAR, 0);
        const b = udp(w.near);
        const log = [
          set(w.near, a, 1, option, value),
          get(w.near, a, 1, option),
          get(w.near, a, 1, 72),
          set(w.near, b, 1, force, value),
          get(w.near, b, 1, option),
        ];
        w.near.close(a);
        w.near.close(b);
        return log;
      });
  for (const name of ['eth0', 'lo', 'nothere', '', 'eth0\0xyz', 'averyveryverylongname'])
    twin(`SO_BINDTODEVICE '${name.replace('\0', '\\0')}'`, (w) => {
      const fd = udp(w.near);
      const log = [
        set(w.near, fd, 1, 25, new TextEncoder().encode(name)),
        get(w.near, fd, 1, 25, 16),
        get(w.near, fd, 1, 25, 4),
      ];
      log.push(set(w.near, fd, 1, 25, new TextEncoder().encode('lo\0')), get(w.near, fd, 1, 25, 16));
      w.near.close(fd);
      return log;
    });
});
