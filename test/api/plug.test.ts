import { afterEach, describe, expect, it } from 'vitest';
import {
  Kernel,
  PacedClock,
  type Plug,
  plugIntoInterface,
  plugIntoTap,
  seededRandom,
  systemClock,
} from '../../src/index.ts';
import { noTap, program } from '../lab/outside.ts';
import { describeNetwork, deviceName, Namespace, run } from '../support/network.ts';

describeNetwork('a host of ours plugged into this machine', () => {
  const plugs: Plug[] = [];
  afterEach(() => {
    for (const plug of plugs.splice(0)) plug.unplug();
  });
  const host = (): Kernel => new Kernel({ clock: systemClock, random: seededRandom(1) });
  const quiet = (name: string): string => run('sh', '-c', `echo 1 > /proc/sys/net/ipv6/conf/${name}/disable_ipv6`);

  describe.skipIf(noTap !== null)(`a TAP device${noTap === null ? '' : ` (skipped: ${noTap})`}`, () => {
    it('is made, carries, and goes away with the plug', async () => {
      const far = await Namespace.create();
      try {
        const kernel = host();
        const plug = plugIntoTap(kernel, { tap: deviceName(), macAddress: Uint8Array.of(2, 0, 0, 0, 9, 9) });
        plugs.push(plug);
        kernel.address('eth0', '10.77.0.2/24');
        quiet(plug.name);
        run('ip', 'link', 'set', plug.name, 'netns', String(far.pid));
        far.run('ip', 'address', 'add', '10.77.0.1/24', 'dev', plug.name);
        far.run('ip', 'link', 'set', plug.name, 'up');
        const { stdout } = await program(far, ['ping', '-n', '-c', '1', '-w', '60', '10.77.0.2']);
        expect(stdout).toMatch(/, [1-9]\d* received/);
        expect(far.run('ip', 'neighbour', 'show', '10.77.0.2')).toContain('02:00:00:00:09:09');
        expect(plug.counters.received).toBeGreaterThan(1);
        plug.unplug();
        plug.unplug();
        expect(far.trySync('ip', 'link', 'show', plug.name).status).not.toBe(0);
        expect(plug.error).toBeNull();
      } finally {
        far.remove();
      }
    });
  });

  it('an interface: one more station on its network', async () => {
    const far = await Namespace.create();
    const [near, there] = [deviceName(), deviceName()];
    run('ip', 'link', 'add', near, 'type', 'veth', 'peer', 'name', there, 'netns', String(far.pid));
    try {
      quiet(near);
      run('ip', 'link', 'set', near, 'up');
      far.run('ip', 'address', 'add', '10.78.0.1/24', 'dev', there);
      far.run('ip', 'link', 'set', there, 'up');
      const clock = new PacedClock({ pace: 'real' });
      const kernel = new Kernel({ clock, random: seededRandom(1) });
      clock.begin();
      plugs.push(plugIntoInterface(kernel, { interface: near, device: 'lan' }));
      kernel.address('lan', '10.78.0.2/24');
      const { stdout } = await program(far, ['ping', '-n', '-c', '1', '-w', '60', '10.78.0.2']);
      expect(stdout).toMatch(/, [1-9]\d* received/);
      expect(() => plugIntoInterface(kernel, { interface: 'nosuch', device: 'lan1' })).toThrow(/ENODEV/);
      expect(() => plugIntoInterface(kernel, { interface: near, device: 'lan' })).toThrow(RangeError);
    } finally {
      far.remove();
      run('sh', '-c', `ip link del ${near} 2>/dev/null || true`);
    }
  });
});
