import { impair } from '../kernel/drivers/impairment.ts';
import { Kernel, veth } from '../kernel/kernel.ts';
import { NETIF_F_HW_CSUM } from '../kernel/skbuff.ts';
import type { SystemCalls } from '../syscall/contract.ts';
import type { Clock } from '../time/clock.ts';
import { seededRandom } from '../time/random.ts';
import { dnsServer, type Zone } from './programs/dns-server.ts';
import { daytimeServer, discardServer, echoServer, ntpServer, timeServer } from './programs/services.ts';
import { type Program, pinger, resolver, talker } from './programs/traffic.ts';

/** The network that netlab shows who has no real one to look at: a few of our kernels, joined by cables and a switch.
 *
 *     here 192.0.2.10 ----+
 *     alice 192.0.2.20 ---+-- switch -- 192.0.2.1 router 198.51.100.1 -- 198.51.100.2 core 203.0.113.1 -- 203.0.113.7 server
 *     bob 192.0.2.30 -----+
 *     ns 192.0.2.53 ------+
 *
 * The three links are 2001:db8:1::/64, :2: and :3: in IPv6, with the same last digits (here is 2001:db8:1::10). All
 * addresses are from the ranges for documentation (RFC 5737, RFC 3849), all names end in `.test` (RFC 6761). ns serves the zone
 * `lab.test`; alice, bob, here and server answer on echo, discard, daytime and time, server on NTP as well; everybody answers to
 * ping. There is traffic by itself: pings, questions to ns, datagrams to echo. */

export const ORIGIN = 'lab.test';

/** The host whose programs the user runs. */
export const HERE = 'here';

/** Addresses by name. */
const ADDRESSES: Record<string, string[]> = {
  here: ['192.0.2.10', '2001:db8:1::10'],
  alice: ['192.0.2.20', '2001:db8:1::20'],
  bob: ['192.0.2.30', '2001:db8:1::30'],
  ns: ['192.0.2.53', '2001:db8:1::53'],
  router: ['192.0.2.1', '2001:db8:1::1', '198.51.100.1', '2001:db8:2::1'],
  core: ['198.51.100.2', '2001:db8:2::2', '203.0.113.1', '2001:db8:3::1'],
  server: ['203.0.113.7', '2001:db8:3::7'],
};

/** Nanoseconds that a frame takes on a cable of the local network, and between the routers. */
const LOCAL_DELAY = { delay: 60_000, jitter: 20_000 };
const FAR_DELAY = { delay: 2_000_000, jitter: 300_000 };

export interface Network {
  /** By name. */
  readonly hosts: ReadonlyMap<string, Kernel>;
  /** The host of the user's programs. */
  readonly here: Kernel;
  /** Addresses of a host by its name, with or without `.lab.test`; empty where there is none of that name. */
  addressesOf(name: string): readonly string[];
}

/** Builds the network, with its traffic unless that is not wanted. The same clock and seed give the same frames at the same times. */
export function emulatedNetwork({
  clock,
  seed,
  traffic = true,
}: {
  clock: Clock;
  seed: number;
  traffic?: boolean;
}): Network {
  const hosts = new Map<string, Kernel>();
  const random = seededRandom(seed);
  const host = (hostname: string): Kernel => {
    // Randomness of its own for each, so that what one host does changes no other's numbers.
    const kernel = new Kernel({ clock, random: seededRandom(random()), hostname });
    kernel.device('lo').features &= ~NETIF_F_HW_CSUM;
    // Addresses and routes are set by hand: nobody asks for routers.
    kernel.sysctl('net.ipv6.conf.default.router_solicitations', 0);
    hosts.set(hostname, kernel);
    return kernel;
  };
  let cables = 0;
  const cable = (
    a: Kernel,
    nameA: string,
    b: Kernel,
    nameB: string,
    delay: { delay: number; jitter: number },
  ): void => {
    const mac = (side: number): Uint8Array => Uint8Array.of(2, 0, 0, 0, ++cables, side);
    const pair = veth({ kernel: a, name: nameA, address: mac(1) }, { kernel: b, name: nameB, address: mac(2) });
    for (const dev of pair) {
      // As after `ethtool -K DEV tx off`: a capture on the sending host shows whole checksums.
      dev.features &= ~NETIF_F_HW_CSUM;
      impair(dev, delay);
    }
  };

  const bridge = host('switch');
  // A switch has no addresses of its own.
  bridge.sysctl('net.ipv6.conf.default.disable_ipv6', 1);
  const br0 = bridge.bridge('br0', [], Uint8Array.of(2, 0, 0, 0, 0, 1));
  const router = host('router');
  const core = host('core');
  const local = ['here', 'alice', 'bob', 'ns'].map((name) => [name, host(name)] as const);
  for (const [name, kernel] of [...local, ['router', router] as const]) {
    cable(kernel, 'eth0', bridge, name, LOCAL_DELAY);
    br0.add(bridge.device(name));
    kernel.address('eth0', `${ADDRESSES[name]![0]}/24`).address('eth0', `${ADDRESSES[name]![1]}/64`);
    if (name !== 'router') kernel.route('default', { via: '192.0.2.1' }).route('default', { via: '2001:db8:1::1' });
  }
  cable(router, 'eth1', core, 'eth0', FAR_DELAY);
  router
    .address('eth1', '198.51.100.1/24')
    .address('eth1', '2001:db8:2::1/64')
    .route('default', { via: '198.51.100.2' })
    .route('default', { via: '2001:db8:2::2' });
  core
    .address('eth0', '198.51.100.2/24')
    .address('eth0', '2001:db8:2::2/64')
    .route('192.0.2.0/24', { via: '198.51.100.1' })
    .route('2001:db8:1::/64', { via: '2001:db8:2::1' });
  const server = host('server');
  cable(core, 'eth1', server, 'eth0', LOCAL_DELAY);
  core.address('eth1', '203.0.113.1/24').address('eth1', '2001:db8:3::1/64');
  server
    .address('eth0', '203.0.113.7/24')
    .address('eth0', '2001:db8:3::7/64')
    .route('default', { via: '203.0.113.1' })
    .route('default', { via: '2001:db8:3::1' });
  for (const kernel of [router, core])
    kernel.sysctl('net.ipv4.ip_forward', 1).sysctl('net.ipv6.conf.all.forwarding', 1);

  const zone: Zone = new Map(Object.entries(ADDRESSES).map(([name, addresses]) => [`${name}.${ORIGIN}`, addresses]));
  services(hosts, clock, zone);
  if (traffic) talk(hosts, clock, [...zone.keys()]);
  return {
    hosts,
    here: hosts.get(HERE)!,
    addressesOf: (name) => ADDRESSES[name.toLowerCase().replace(/\.$/, '').replace(`.${ORIGIN}`, '')] ?? [],
  };
}

/** The traffic by itself. */
function talk(hosts: ReadonlyMap<string, Kernel>, clock: Clock, names: readonly string[]): void {
  const program = (kernel: Kernel): Program => ({ calls: kernel.process(), clock, random: kernel.net.random });
  const here = program(hosts.get(HERE)!);
  pinger(program(hosts.get('alice')!), ADDRESSES['here']![0]!, 1);
  pinger(here, ADDRESSES['server']![0]!, 2);
  pinger(program(hosts.get('bob')!), ADDRESSES['here']![1]!, 3);
  resolver(here, ADDRESSES['ns']![0]!, names, 1.5);
  talker(program(hosts.get('bob')!), ADDRESSES['here']![0]!, 7, 2.5);
  talker(here, '127.0.0.1', 7, 1);
}

function services(hosts: ReadonlyMap<string, Kernel>, clock: Clock, zone: Zone): void {
  const run = (name: string, service: (calls: SystemCalls, clock: Clock) => void): void =>
    service(hosts.get(name)!.process(), clock);
  for (const name of ['here', 'alice', 'bob', 'server'])
    for (const service of [echoServer, discardServer, daytimeServer, timeServer]) run(name, service);
  run('server', ntpServer);
  run('ns', (calls) => dnsServer(calls, ORIGIN, zone));
}
