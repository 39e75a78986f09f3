import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  affinity,
  CLOCK_MONOTONIC,
  CLOCK_REALTIME,
  capabilities,
  capabilityNames,
  clockTime,
  findUser,
  hasCapability,
  setAffinity,
  sleepNanoseconds,
} from '../../src/linux/index.ts';
import { CAP_NET_ADMIN, CAP_NET_RAW } from '../../src/uapi/capability.ts';
import { describeNetwork } from '../support/network.ts';

const module = (name: string): string => JSON.stringify(new URL(`../../src/linux/${name}`, import.meta.url));

/** Runs a script in a process of its own and returns what it prints as JSON. */
function alone(script: string, prefix: string[] = []): unknown {
  const [command, ...args] = [...prefix, process.execPath, '--import', 'tsx', '--input-type=module', '-e', script];
  const done = spawnSync(command!, args, { encoding: 'utf8' });
  if (done.status !== 0) throw new Error(`${done.error?.message ?? done.status}: ${done.stderr}`);
  return JSON.parse(done.stdout);
}

describe('capabilities', () => {
  test('of this thread', () => {
    const mine = capabilities();
    const status = readFileSync('/proc/self/status', 'utf8');
    expect(mine.effective).toBe(BigInt(`0x${/CapEff:\s*(\w+)/.exec(status)![1]}`));
    expect(mine.effective & ~mine.permitted).toBe(0n);
    expect(hasCapability(CAP_NET_RAW, { ...mine, effective: 1n << 13n })).toBe(true);
    expect(hasCapability(CAP_NET_ADMIN, { ...mine, effective: 1n << 13n })).toBe(false);
  });

  test('names', () => {
    expect(capabilityNames(0n)).toEqual([]);
    expect(capabilityNames((1n << 12n) | (1n << 13n) | (1n << 63n))).toEqual(['net_admin', 'net_raw', '63']);
  });
});

// Root of an unprivileged user namespace can become nobody else: only one user is mapped there.
const root = process.getuid?.() === 0 && readFileSync('/proc/self/uid_map', 'utf8').includes('4294967295');
if (!root) process.stderr.write('skipped: tests that change users: not root of the whole range of users\n');
const setpriv = spawnSync('setpriv', ['--version']).status === 0;

describe.skipIf(!root || !setpriv)('with just two capabilities', () => {
  const two = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--inh-caps=+net_raw,+net_admin'];

  test('they are seen, and the ambient set can be cleared', () => {
    const script = `
      const { capabilities, capabilityNames, clearAmbientCapabilities } = await import(${module('index.ts')});
      const before = capabilityNames(capabilities().ambient);
      const effective = capabilityNames(capabilities().effective);
      clearAmbientCapabilities();
      console.log(JSON.stringify([before, effective, capabilityNames(capabilities().ambient)]));`;
    expect(alone(script, [...two, '--ambient-caps=+net_raw,+net_admin'])).toEqual([
      ['net_admin', 'net_raw'],
      ['net_admin', 'net_raw'],
      [],
    ]);
  });
});

describe('users', () => {
  test('by name, by number, none', () => {
    expect(findUser('root')).toMatchObject({ uid: 0, gid: 0 });
    expect(findUser('0')).toMatchObject({ name: 'root' });
    expect(findUser('no such user')).toBeNull();
  });

  test.skipIf(!root)('becoming one reaches every thread and cannot be undone', () => {
    const script = `
      import { Worker } from 'node:worker_threads';
      const { becomeUser, findUser, capabilities } = await import(${module('index.ts')});
      const { threadIdentities } = await import(${module('privileges.ts')});
      const worker = new Worker('setInterval(() => {}, 1000)', { eval: true });
      await new Promise((resolve) => worker.once('online', resolve));
      const user = findUser('nobody');
      becomeUser(user);
      let back = 'possible';
      try { process.setuid(0); } catch (error) { back = error.code; }
      const ids = [...threadIdentities().values()];
      console.log(JSON.stringify({
        user, back, threads: ids.length > 4, ids: [...new Set(ids)], groups: process.getgroups(),
        effective: String(capabilities().effective),
      }));
      process.exit();`;
    const found = alone(script) as { user: { uid: number; gid: number } };
    const { uid, gid } = found.user;
    expect(found).toMatchObject({
      back: 'EPERM',
      threads: true,
      ids: [`${uid} ${gid}`],
      groups: [gid],
      effective: '0',
    });
  });

  test.skipIf(!root || !setpriv)('without the right to: SystemError EPERM', () => {
    const script = `
      const { becomeUser, findUser } = await import(${module('index.ts')});
      try { becomeUser(findUser('root')); } catch (error) { console.log(JSON.stringify([error.name, error.code, error.dest])); }`;
    const prefix = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
    expect(alone(script, prefix)).toEqual(['SystemError', 'EPERM', 'root']);
  });
});

describe('processors and clocks', () => {
  test('affinity of this thread', () => {
    const all = affinity();
    expect(all.length).toBeGreaterThan(0);
    try {
      setAffinity([all[0]!]);
      expect(affinity()).toEqual([all[0]]);
    } finally {
      setAffinity(all);
    }
    expect(affinity()).toEqual(all);
    expect(() => setAffinity([])).toThrow(/EINVAL/);
    expect(() => setAffinity([-1])).toThrow(RangeError);
  });

  test('clocks go on, sleeps last', () => {
    const { seconds, nanoseconds } = clockTime(CLOCK_REALTIME);
    expect(Math.abs(seconds + nanoseconds / 1e9 - Date.now() / 1000)).toBeLessThan(60);
    const at = (): number => {
      const time = clockTime(CLOCK_MONOTONIC);
      return time.seconds * 1e9 + time.nanoseconds;
    };
    const before = at();
    sleepNanoseconds(1_500_000);
    expect(at() - before).toBeGreaterThanOrEqual(1_500_000);
    expect(() => sleepNanoseconds(1e9)).toThrow(RangeError);
    expect(() => sleepNanoseconds(Number.NaN)).toThrow(RangeError);
    expect(() => clockTime(9999)).toThrow(/EINVAL/);
  });
});

describeNetwork('network namespaces', () => {
  test('unshareNetwork and enterNetwork change this thread', () => {
    const script = `
      import { readlinkSync } from 'node:fs';
      const { unshareNetwork, enterNetwork, linuxSystemCalls } = await import(${module('index.ts')});
      const { links } = await import(${JSON.stringify(new URL('../../src/socket/route.ts', import.meta.url))});
      const here = () => readlinkSync('/proc/thread-self/ns/net');
      const before = here();
      const names = async () => (await links(linuxSystemCalls())).map(({ name, state }) => [name, state]);
      unshareNetwork();
      const other = here();
      const devices = await names();
      enterNetwork('/proc/' + process.ppid + '/ns/net');
      let wrong;
      try { enterNetwork('/proc/self/comm'); } catch (error) { wrong = error.code; }
      console.log(JSON.stringify([before === other, before === here(), devices, wrong]));`;
    expect(alone(script)).toEqual([false, true, [['lo', 'down']], 'EINVAL']);
  });
});
