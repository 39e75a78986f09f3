/** A machine on which captures are tested: the host's kernel (this namespace), or one of ours. The tests are the same, and so
 * is the code under test, which is given system calls and does not know whose they are. */
import { spawnSync } from 'node:child_process';
import { describe } from 'vitest';
import { netifSchedule, unregisterNetdevice } from '../../src/kernel/dev.ts';
import { Kernel, veth } from '../../src/kernel/kernel.ts';
import { tbfCreate } from '../../src/kernel/sch-tbf.ts';
import { linuxSystemCalls } from '../../src/linux/index.ts';
import type { SystemCalls } from '../../src/syscall/contract.ts';
import { systemClock } from '../../src/time/clock.ts';
import { seededRandom } from '../../src/time/random.ts';
import { describeNetwork, deviceName, type Pair, run, vethPair } from './network.ts';

export interface Machine {
  readonly kind: 'linux' | 'emulated';
  readonly calls: SystemCalls;
  /** A veth pair, both ends up, without addresses. */
  pair(): Pair;
  up(name: string): void;
  down(name: string): void;
  /** Deletes a device; the other end of a pair goes with it. */
  remove(name: string): void;
  /** A token bucket for what the device sends: bytes a second, bytes at once, bytes that may wait. */
  shape(name: string, bucket: { rate: number; burst: number; limit: number }): void;
}

export function hostMachine(): Machine {
  return {
    kind: 'linux',
    // Asked for when it is used: a machine without a namespace for tests may have no koffi either.
    get calls() {
      return linuxSystemCalls();
    },
    pair: vethPair,
    up: (name) => void run('ip', 'link', 'set', name, 'up'),
    down: (name) => void run('ip', 'link', 'set', name, 'down'),
    remove: (name) => void spawnSync('ip', ['link', 'del', name]),
    shape(name, { rate, burst, limit }) {
      const words = ['rate', `${rate}bps`, 'burst', `${burst}b`, 'limit', `${limit}b`];
      run('tc', 'qdisc', 'add', 'dev', name, 'root', 'tbf', ...words);
    },
  };
}

export function ourMachine(): Machine {
  const kernel = new Kernel({ clock: systemClock, random: seededRandom(1) });
  // As on the host's pairs: no frames but the tests'.
  for (const which of ['all', 'default']) kernel.sysctl(`net.ipv6.conf.${which}.disable_ipv6`, 1);
  const remove = (name: string): void => {
    const dev = kernel.net.devByName.get(name);
    if (dev !== undefined) unregisterNetdevice(dev);
  };
  return {
    kind: 'emulated',
    calls: kernel.process(),
    pair() {
      const [a, b] = [deviceName(), deviceName()];
      veth({ kernel, name: a }, { kernel, name: b });
      return { a, b, remove: () => remove(a) };
    },
    up: (name) => void kernel.link(name, { up: true }),
    down: (name) => void kernel.link(name, { up: false }),
    remove,
    shape(name, bucket) {
      const dev = kernel.device(name);
      dev.qdisc = tbfCreate(dev, bucket, netifSchedule);
    },
  };
}

/** The same tests on both kernels. On the host's they need a namespace, as `describeNetwork` says; on ours nothing. */
export function describeMachines(name: string, body: (machine: Machine) => void): void {
  describeNetwork(`${name}, on the host's kernel`, () => body(hostMachine()));
  describe(`${name}, on our kernel`, () => body(ourMachine()));
}
