/** Three hosts with IPv6: the stage for what routers do, and for the network layer by itself. */
import { spawnSync } from 'node:child_process';
import { Kernel, veth } from '../../src/kernel/kernel.ts';
import type { Process } from '../../src/kernel/process.ts';
import { linuxSystemCalls } from '../../src/linux/index.ts';
import type { SystemCalls } from '../../src/syscall/contract.ts';
import { seededRandom } from '../../src/time/random.ts';
import { VirtualClock } from '../../src/time/virtual.ts';
import { run } from '../support/network.ts';
import { delivered, FAR_MAC, inside, mac, NEAR_MAC, sleep, tap, type World } from './world.ts';

let made = 0;

export const RIM_MAC = Uint8Array.of(2, 0, 0, 0, 0, 4);
const ROUTER_MAC = Uint8Array.of(2, 0, 0, 0, 0, 3);
/** Sysctls of every host of the stage before its devices are made: addresses count at once, no solicitations of routers,
 * reports of multicast groups only in the first milliseconds, no flow labels made of a secret, no limits of ICMP. */
const QUIET6: readonly [string, string | number][] = [
  ['net.ipv6.conf.default.accept_dad', 0],
  ['net.ipv6.conf.all.accept_dad', 0],
  ['net.ipv6.conf.default.router_solicitations', 0],
  ['net.ipv6.conf.default.mldv2_unsolicited_report_interval', 4],
  ['net.ipv6.auto_flowlabels', 0],
  ['net.ipv6.icmp.ratelimit', 0],
  ['net.ipv4.icmp_ratemask', 0],
  ['net.ipv4.icmp_msgs_per_sec', 1000000],
  ['net.ipv4.icmp_msgs_burst', 100000],
];

/** The stage of IPv4 with IPv6 beside it, and a third host: near (2001:db8::1) and far (2001:db8::2) on one link, far
 * forwards to a second one of MTU 1400 (2001:db8:1::1) with rim (2001:db8:1::2) on it. Addresses of IPv4 as in the other
 * stage. Neighbours are known by hand. near reaches 2001:db8:1::/48 by far, and refuses 2001:db8:66::/48 (blackhole), :67:
 * (prohibit) and :68: (unreachable). */
export interface World6 extends World {
  readonly rim: SystemCalls;
}

const fe80 = (bytes: Uint8Array): string => `fe80::ff:fe00:${bytes[5]}`;

export function linuxWorld6(): World6 {
  const id = `${process.pid}v${made++}`;
  const [near, far, rim] = [`near${id}`, `far${id}`, `rim${id}`];
  run('sh', '-c', 'mkdir -p /run/netns');
  for (const name of [near, far, rim]) run('ip', 'netns', 'add', name);
  const sysctls = QUIET6.map(([name, value]) => `${name}=${value}`).join(' ');
  const script = `
    for n in ${near} ${far} ${rim}; do ip netns exec $n sysctl -q -w ${sysctls}; ip -n $n link set lo up; done
    ip -n ${near} link add eth0 address ${mac(NEAR_MAC)} type veth peer name eth0 address ${mac(FAR_MAC)} netns ${far}
    ip -n ${far} link add eth1 address ${mac(ROUTER_MAC)} type veth peer name eth0 address ${mac(RIM_MAC)} netns ${rim}
    ip -n ${far} link set eth1 mtu 1400
    ip -n ${rim} link set eth0 mtu 1400
    ip -n ${near} link set eth0 up
    ip -n ${far} link set eth0 up
    ip -n ${far} link set eth1 up
    ip -n ${rim} link set eth0 up
    ip -n ${near} address add 10.0.0.1/24 dev eth0
    ip -n ${far} address add 10.0.0.2/24 dev eth0
    ip -n ${near} neighbour replace 10.0.0.2 lladdr ${mac(FAR_MAC)} dev eth0 nud permanent
    ip -n ${far} neighbour replace 10.0.0.1 lladdr ${mac(NEAR_MAC)} dev eth0 nud permanent
    ip -n ${near} address add 2001:db8::1/64 dev eth0 nodad
    ip -n ${far} address add 2001:db8::2/64 dev eth0 nodad
    ip -n ${far} address add 2001:db8:1::1/64 dev eth1 nodad
    ip -n ${rim} address add 2001:db8:1::2/64 dev eth0 nodad
    for a in 2001:db8::2 ${fe80(FAR_MAC)}; do ip -n ${near} neighbour replace $a lladdr ${mac(FAR_MAC)} dev eth0 nud permanent; done
    for a in 2001:db8::1 ${fe80(NEAR_MAC)}; do ip -n ${far} neighbour replace $a lladdr ${mac(NEAR_MAC)} dev eth0 nud permanent; done
    for a in 2001:db8:1::2 ${fe80(RIM_MAC)}; do ip -n ${far} neighbour replace $a lladdr ${mac(RIM_MAC)} dev eth1 nud permanent; done
    for a in 2001:db8:1::1 ${fe80(ROUTER_MAC)}; do ip -n ${rim} neighbour replace $a lladdr ${mac(ROUTER_MAC)} dev eth0 nud permanent; done
    ip netns exec ${far} sysctl -q -w net.ipv6.conf.all.forwarding=1 net.ipv6.neigh.eth0.delay_first_probe_time=3600
    ip -n ${near} route add 2001:db8:1::/48 via 2001:db8::2
    ip -n ${near} route add blackhole 2001:db8:66::/48
    ip -n ${near} route add prohibit 2001:db8:67::/48
    ip -n ${near} route add unreachable 2001:db8:68::/48
    ip -n ${rim} route add default via 2001:db8:1::1
    ip -n ${far} route add blackhole 2001:db8:1:66::/64
    ip -n ${far} route add prohibit 2001:db8:1:67::/64
    ip -n ${far} route add unreachable 2001:db8:1:68::/64
  `;
  run('sh', '-e', '-c', script);
  const calls = linuxSystemCalls();
  const [nearCalls, farCalls, rimCalls] = [near, far, rim].map((name) => inside(calls, `/run/netns/${name}`));
  const ifindex = Number(
    spawnSync('ip', ['-n', near!, '-o', 'link', 'show', 'eth0'], { encoding: 'utf8' }).stdout.split(':')[0],
  );
  // Until addresses are in use and groups have been announced.
  for (let tries = 0; tries < 500; tries++) {
    const state = [near, far, rim].map(
      (name) => spawnSync('ip', ['-n', name!, '-6', 'address', 'show', 'tentative'], { encoding: 'utf8' }).stdout,
    );
    if (state.every((text) => text.trim() === '')) break;
    sleep(10);
  }
  sleep(300);
  const watching = tap(nearCalls!, ifindex);
  return {
    kind: 'linux',
    near: nearCalls!,
    far: farCalls!,
    rim: rimCalls!,
    dev: 'eth0',
    ifindex,
    settle(milliseconds) {
      sleep(Math.max(1, milliseconds));
      delivered();
    },
    frames: () => watching.drain(),
    unprivileged: () => nearCalls!,
    change: (shell) => void run('env', `near=${near}`, `far=${far}`, `rim=${rim}`, 'sh', '-e', '-c', shell),
    dispose() {
      watching.close();
      for (const name of [near, far, rim]) spawnSync('ip', ['netns', 'del', name!]);
    },
  };
}

export function emulatedWorld6(seed = 1): World6 {
  const clock = new VirtualClock();
  const random = seededRandom(seed);
  const host = (hostname: string): Kernel => {
    const kernel = new Kernel({ clock, random, hostname });
    for (const [name, value] of QUIET6) kernel.sysctl(name, value);
    return kernel;
  };
  const [near, far, rim] = [host('near'), host('far'), host('rim')];
  veth({ kernel: near, name: 'eth0', address: NEAR_MAC }, { kernel: far, name: 'eth0', address: FAR_MAC });
  veth({ kernel: far, name: 'eth1', address: ROUTER_MAC }, { kernel: rim, name: 'eth0', address: RIM_MAC });
  far.link('eth1', { mtu: 1400 });
  rim.link('eth0', { mtu: 1400 });
  near.address('eth0', '10.0.0.1/24').neighbour('eth0', '10.0.0.2', FAR_MAC);
  far.address('eth0', '10.0.0.2/24').neighbour('eth0', '10.0.0.1', NEAR_MAC);
  near.address('eth0', '2001:db8::1/64', { nodad: true });
  far.address('eth0', '2001:db8::2/64', { nodad: true }).address('eth1', '2001:db8:1::1/64', { nodad: true });
  rim.address('eth0', '2001:db8:1::2/64', { nodad: true });
  for (const address of ['2001:db8::2', fe80(FAR_MAC)]) near.neighbour('eth0', address, FAR_MAC);
  for (const address of ['2001:db8::1', fe80(NEAR_MAC)]) far.neighbour('eth0', address, NEAR_MAC);
  for (const address of ['2001:db8:1::2', fe80(RIM_MAC)]) far.neighbour('eth1', address, RIM_MAC);
  for (const address of ['2001:db8:1::1', fe80(ROUTER_MAC)]) rim.neighbour('eth0', address, ROUTER_MAC);
  clock.advance(20e6);
  far.sysctl('net.ipv6.conf.all.forwarding', 1).sysctl('net.ipv6.neigh.eth0.delay_first_probe_time', 3600);
  near
    .route('2001:db8:1::/48', { via: '2001:db8::2' })
    .route('2001:db8:66::/48', { type: 6 })
    .route('2001:db8:67::/48', { type: 8 })
    .route('2001:db8:68::/48', { type: 7 });
  far
    .route('2001:db8:1:66::/64', { type: 6 })
    .route('2001:db8:1:67::/64', { type: 8 })
    .route('2001:db8:1:68::/64', { type: 7 });
  rim.route('default', { via: '2001:db8:1::1' });
  clock.advance(500e6);
  const nearCalls: Process = near.process();
  const { ifindex } = near.device('eth0');
  const watching = tap(nearCalls, ifindex);
  return {
    kind: 'emulated',
    near: nearCalls,
    far: far.process(),
    rim: rim.process(),
    dev: 'eth0',
    ifindex,
    settle: (milliseconds) => clock.advance(Math.round(milliseconds * 1e6)),
    frames: () => watching.drain(),
    unprivileged: () => near.process({ uid: 1000, gid: 1000 }),
    change: (_, ours) => ours(near, far, rim),
    dispose() {},
  };
}
