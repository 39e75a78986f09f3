import type { Clock } from '../time/clock.ts';
import { IFA_F_NODAD } from '../uapi/if_addr.ts';
import { NUD_PERMANENT } from '../uapi/neighbour.ts';
import { RT_TABLE_MAIN } from '../uapi/rtnetlink.ts';
import { inetInit } from './af-inet.ts';
import { netlinkInit } from './af-netlink.ts';
import { packetInit } from './af-packet/af-packet.ts';
import { arpInit, arpTbl } from './arp.ts';
import { devClose, devOpen, devSetMtu, netifSchedule } from './dev.ts';
import { devinetInit, inetAddAddress } from './devinet.ts';
import { Bridge } from './drivers/bridge.ts';
import { loopbackInit } from './drivers/loopback.ts';
import { Port, type PortOptions } from './drivers/port.ts';
import { vethPair } from './drivers/veth.ts';
import {
  type FibConfig,
  FR_ACT_BLACKHOLE,
  FR_ACT_PROHIBIT,
  FR_ACT_TO_TBL,
  FR_ACT_UNREACHABLE,
  fibInit,
  fibRuleAdd,
  fibRuleDel,
  fibTableDelete,
  fibTableInsert,
} from './fib.ts';
import { ipv4Parse } from './headers.ts';
import { icmpInit } from './icmp.ts';
import { igmpInit, ipCheckMc } from './igmp.ts';
import { ipError, ipForward } from './ip-forward.ts';
import { ipfragInit } from './ip-fragment.ts';
import { IPV4_SYSCTL_KEY, Ipv4Sysctl } from './ip-header.ts';
import { ipInputInit, ipLocalDeliver } from './ip-input.ts';
import { ipMcOutput, ipOutput } from './ip-output.ts';
import { in6Key, ipv6Parse } from './ipv6/addr.ts';
import { inet6AddrAdd } from './ipv6/addrconf.ts';
import { fib6RuleAdd, fib6RuleDel, NLM_F_APPEND, NLM_F_CREATE } from './ipv6/ip6-fib.ts';
import { ndTbl } from './ipv6/ipv6.ts';
import { ipv6LayerInit } from './ipv6/ipv6-init.ts';
import { ip6RouteAdd, ip6RouteDel } from './ipv6/route6-add.ts';
import { inet6SocketsInit } from './ipv6/sock-procfs6.ts';
import { NetMib } from './mib.ts';
import { NEIGH_UPDATE_F_ADMIN, NEIGH_UPDATE_F_OVERRIDE, neighCreate, neighUpdate } from './neighbour.ts';
import { netProcInit } from './net-procfs.ts';
import { pingInit } from './ping.ts';
import { Process } from './process.ts';
import { rawInit } from './raw.ts';
import { routeInit } from './route.ts';
import { rtnetlinkInit } from './rtnetlink.ts';
import { bfifoCreate, pfifoCreate, pfifoFastCreate } from './sch-generic.ts';
import { schNetlinkInit } from './sch-netlink.ts';
import { tbfCreate } from './sch-tbf.ts';
import { type InIfaddr, type Net, type NetDevice, type PacketType, SoftnetData, type Tracer } from './structs.ts';
import type { Cred } from './structs-plain.ts';
import { sysctlInit } from './sysctl.ts';
import { sysfsInit } from './sysfs.ts';
import { udpInit } from './udp.ts';

/** A host: `new Kernel({clock, random})` boots it with a loopback device; `process()` gives the system calls. */

export interface KernelOptions {
  /** Time. A VirtualClock makes every run the same to the nanosecond. */
  clock: Clock;
  /** Uniform unsigned 32-bit integers (see time/random.ts): addresses, ports, identifiers, timers' jitter. */
  random: () => number;
  hostname?: string;
}

/** Who a process is. Capabilities are CAP_ numbers; 'all' is root's full set. */
export interface ProcessOptions {
  uid?: number;
  gid?: number;
  capabilities?: 'all' | readonly number[];
}

export interface RouteOptions {
  /** The gateway's address. */
  via?: string;
  /** The device's name. */
  dev?: string;
  /** The source address that goes with the route. */
  src?: string;
  /** Instead of `via` and `dev`: several, each with its share (default 1). */
  nexthops?: readonly { via?: string; dev?: string; weight?: number }[];
}

/** A queueing discipline, as `tc qdisc replace dev NAME root KIND` has it; sizes in bytes, `rate` in bytes a second. */
export type QdiscOptions =
  | { kind: 'noqueue' | 'pfifo_fast' }
  /** `limit` in packets; default: the device's queue length. */
  | { kind: 'pfifo'; limit?: number }
  | { kind: 'bfifo'; limit: number }
  /** Instead of `limit`: the nanoseconds that a packet may wait. */
  | { kind: 'tbf'; rate: number; burst: number; limit: number }
  | { kind: 'tbf'; rate: number; burst: number; latency: number };

/** A rule of the routing policy, as `ip rule add` has it. What is not given matches all. */
export interface RuleOptions {
  priority: number;
  /** Addresses or prefixes. */
  from?: string;
  to?: string;
  /** Names of devices; `lo` as `iif` is the host itself. */
  iif?: string;
  oif?: string;
  fwmark?: number;
  tos?: number;
  /** The rule holds for what does not match. */
  not?: boolean;
  /** The table that is asked; default: main. */
  table?: number;
  /** Instead of a table: EINVAL, EACCES or ENETUNREACH. */
  action?: 'blackhole' | 'prohibit' | 'unreachable';
  /** Default: that of the addresses, else 4. */
  family?: 4 | 6;
}

const RULE_ACTIONS = { blackhole: FR_ACT_BLACKHOLE, prohibit: FR_ACT_PROHIBIT, unreachable: FR_ACT_UNREACHABLE };

class ProcessCred implements Cred {
  readonly uid: number;
  readonly gid: number;
  readonly #all: boolean;
  readonly #capabilities: ReadonlySet<number>;
  constructor({ uid = 0, gid = 0, capabilities = uid === 0 ? 'all' : [] }: ProcessOptions) {
    this.uid = uid;
    this.gid = gid;
    this.#all = capabilities === 'all';
    this.#capabilities = new Set(capabilities === 'all' ? [] : capabilities);
  }
  capable(capability: number): boolean {
    return this.#all || this.#capabilities.has(capability);
  }
}

class NetNamespace implements Net {
  readonly clock: Clock;
  readonly random: () => number;
  readonly hostname: string;
  readonly mib = new NetMib();
  readonly devices = new Map<number, NetDevice>();
  readonly devByName = new Map<string, NetDevice>();
  nextIfindex = 0;
  loopbackDev!: NetDevice;
  readonly softnet = new SoftnetData();
  readonly ptypeAll: PacketType[] = [];
  readonly ptypeBase = new Map<number, PacketType[]>();
  cred: Cred = new ProcessCred({});
  tracer: Tracer | null = null;
  rmemDefault = 212992;
  rmemMax = 4194304;
  wmemDefault = 212992;
  wmemMax = 4194304;
  optmemMax = 131072;
  netdevBudget = 300;
  devWeight = 64;
  netdevMaxBacklog = 1000;
  somaxconn = 4096;
  tstampPrequeue = 1;
  netstampNeeded = 0;
  readonly gen: unknown[] = [];
  readonly copies = { fromUser: 0, toUser: 0, fromDevice: 0, toDevice: 0, within: 0 };
  nextInode = 4026;
  nextCookie = 0;
  skbId = 0;
  readonly netdevChain: ((event: number, dev: NetDevice) => void)[] = [];
  readonly inetaddrChain: ((event: number, ifa: InIfaddr) => void)[] = [];
  rtGenid = 1;
  rtGenid6 = 1;
  socketsUsed = 0;
  constructor(clock: Clock, random: () => number, hostname: string) {
    this.clock = clock;
    this.random = random;
    this.hostname = hostname;
  }
}

/** Address and prefix length of `10.0.0.1/24`. Throws RangeError. */
function parsePrefix(text: string): { address: number; length: number } {
  const [address, length = '32'] = text.split('/');
  const value = ipv4Parse(address!);
  if (value === null || !/^\d{1,2}$/.test(length) || Number(length) > 32)
    throw new RangeError(`'${text}' is no IPv4 address with a prefix length`);
  return { address: value, length: Number(length) };
}

/** Address and prefix length of `2001:db8::1/64`. Throws RangeError. */
function parsePrefix6(text: string): { address: Uint8Array; length: number } {
  const [address, length = '128'] = text.split('/');
  const value = ipv6Parse(address!);
  if (value === null || !/^\d{1,3}$/.test(length) || Number(length) > 128)
    throw new RangeError(`'${text}' is no IPv6 address with a prefix length`);
  return { address: value, length: Number(length) };
}

function check(error: number, what: string): void {
  if (error < 0) throw new RangeError(`${what}: error ${-error}`);
}

export class Kernel {
  readonly net: Net;

  constructor({ clock, random, hostname = 'netlab' }: KernelOptions) {
    const net = new NetNamespace(clock, random, hostname);
    this.net = net;
    net.gen[IPV4_SYSCTL_KEY] = new Ipv4Sysctl();
    devinetInit(net);
    fibInit(net);
    arpInit(net);
    routeInit(net, {
      localDeliver: ipLocalDeliver,
      forward: ipForward,
      output: ipOutput as never,
      mcOutput: ipMcOutput as never,
      error: ipError,
      checkMc: ipCheckMc,
    });
    ipInputInit(net);
    ipfragInit(net);
    inetInit(net);
    icmpInit(net);
    igmpInit(net);
    udpInit(net);
    rawInit(net);
    pingInit(net);
    packetInit(net);
    netlinkInit(net);
    rtnetlinkInit(net);
    schNetlinkInit(net);
    netProcInit(net);
    sysfsInit(net);
    sysctlInit(net);
    ipv6LayerInit(net);
    inet6SocketsInit(net);
    loopbackInit(net);
    devOpen(net.loopbackDev);
  }

  /** A new process, without open descriptors. */
  process(options: ProcessOptions = {}): Process {
    return new Process(this.net, new ProcessCred(options));
  }

  /** The device of that name. Throws RangeError where there is none. */
  device(name: string): NetDevice {
    const dev = this.net.devByName.get(name);
    if (dev === undefined) throw new RangeError(`no device '${name}'`);
    return dev;
  }

  /** `ip link add NAME type bridge`, with these devices as its ports; up. */
  bridge(name: string, ports: readonly string[] = [], address?: Uint8Array): Bridge {
    const bridge = new Bridge(this.net, name, address);
    for (const port of ports) bridge.add(this.device(port));
    devOpen(bridge.dev);
    return bridge;
  }

  /** A device whose other side is the caller: frames come in by `receive` and go out by `transmit`; up. */
  port(options: PortOptions): Port {
    const port = new Port(this.net, options);
    devOpen(port.dev);
    return port;
  }

  /** `sysctl -w NAME=VALUE`. Throws RangeError where the kernel refuses. */
  sysctl(name: string, value: string | number): this {
    const path = `/proc/sys/${name.replaceAll('.', '/')}`;
    check(this.process().writeFile(path, new TextEncoder().encode(`${value}\n`)), `${name} = ${value}`);
    return this;
  }

  /** `ip link set NAME up` or `down`. */
  link(name: string, { up, mtu }: { up?: boolean; mtu?: number }): this {
    const dev = this.device(name);
    if (mtu !== undefined) check(devSetMtu(dev, mtu), `mtu of ${name}`);
    if (up === true) check(devOpen(dev), `${name} up`);
    else if (up === false) devClose(dev);
    return this;
  }

  /** `ip address add 10.0.0.1/24 dev NAME`, or `2001:db8::1/64`: an address of IPv6 may be used once duplicate address
   * detection is through (a second or two of the clock), with `nodad` at once. */
  address(name: string, prefix: string, { nodad = false }: { nodad?: boolean } = {}): this {
    if (prefix.includes(':')) {
      const { address, length } = parsePrefix6(prefix);
      check(inet6AddrAdd(this.device(name), address, length, { flags: nodad ? IFA_F_NODAD : 0 }), `address ${prefix}`);
      return this;
    }
    const { address, length } = parsePrefix(prefix);
    check(inetAddAddress(this.device(name), address, length), `address ${prefix}`);
    return this;
  }

  /** `ip route add PREFIX via GATEWAY dev NAME`; `default` is 0.0.0.0/0, or ::/0 where the gateway is of IPv6. `src` is the
   * source address that goes with it; several `nexthops` take their shares by weight. */
  route(
    prefix: string,
    { via, dev, src, nexthops, ...rest }: RouteOptions & Partial<Omit<FibConfig, 'multipath' | 'prefsrc'>>,
  ): this {
    const oif = dev === undefined ? 0 : this.device(dev).ifindex;
    if (prefix.includes(':') || via?.includes(':') || nexthops?.some((hop) => hop.via?.includes(':'))) {
      const { address, length } = parsePrefix6(prefix === 'default' ? '::/0' : prefix);
      const { type, priority, table, mtu, hoplimit, protocol } = rest;
      (nexthops ?? [{ via, dev, weight: 1 }]).forEach((hop, i) => {
        const error = ip6RouteAdd(this.net, {
          dst: address,
          plen: length,
          gw: hop.via === undefined ? null : parsePrefix6(hop.via).address,
          oif: hop.dev === undefined ? 0 : this.device(hop.dev).ifindex,
          weight: hop.weight ?? 1,
          nlflags: i === 0 ? NLM_F_CREATE : NLM_F_CREATE | NLM_F_APPEND,
          ...(src !== undefined && { prefsrc: parsePrefix6(src).address }),
          ...(type !== undefined && { type }),
          ...(priority !== undefined && { metric: priority }),
          ...(table !== undefined && { table }),
          ...(mtu !== undefined && { mtu }),
          ...(hoplimit !== undefined && { hoplimit }),
          ...(protocol !== undefined && { protocol }),
        });
        check(error, `route ${prefix}`);
      });
      return this;
    }
    const { address, length } = parsePrefix(prefix === 'default' ? '0.0.0.0/0' : prefix);
    const gw = via === undefined ? 0 : parsePrefix(via).address;
    const multipath = nexthops?.map((hop) => ({
      oif: hop.dev === undefined ? 0 : this.device(hop.dev).ifindex,
      gw: hop.via === undefined ? 0 : parsePrefix(hop.via).address,
      weight: hop.weight ?? 1,
    }));
    check(
      fibTableInsert(this.net, {
        dst: address,
        plen: length,
        gw,
        oif,
        ...(src !== undefined && { prefsrc: parsePrefix(src).address }),
        ...(multipath !== undefined && { multipath }),
        ...rest,
      }),
      `route ${prefix}`,
    );
    return this;
  }

  /** `ip route del PREFIX`, of the main table. Throws RangeError where there is none. */
  deleteRoute(prefix: string): this {
    const { address, length } = prefix.includes(':') ? parsePrefix6(prefix) : parsePrefix(prefix);
    const error =
      typeof address === 'number'
        ? fibTableDelete(this.net, { dst: address, plen: length })
        : ip6RouteDel(this.net, { dst: address, plen: length });
    check(error, `route ${prefix}`);
    return this;
  }

  /** `ip rule add`; for IPv6 where an address is of that family, or `family` is 6. */
  rule({ priority, from, to, iif, oif, fwmark, tos, not, table = RT_TABLE_MAIN, action, family }: RuleOptions): this {
    const common = {
      priority,
      iif: iif === undefined ? 0 : this.device(iif).ifindex,
      oif: oif === undefined ? 0 : this.device(oif).ifindex,
      mark: fwmark ?? 0,
      markMask: fwmark === undefined ? 0 : 0xffffffff,
      table,
      action: action === undefined ? FR_ACT_TO_TBL : RULE_ACTIONS[action],
    };
    if (family === 6 || from?.includes(':') || to?.includes(':')) {
      const [src, dst] = [from ?? '::/0', to ?? '::/0'].map(parsePrefix6);
      if (tos !== undefined || not !== undefined) throw new RangeError('tos and not are for rules of IPv4');
      fib6RuleAdd(this.net, {
        ...common,
        src: src!.address,
        srcLen: src!.length,
        dst: dst!.address,
        dstLen: dst!.length,
      });
      return this;
    }
    const [src, dst] = [from ?? '0.0.0.0/0', to ?? '0.0.0.0/0'].map(parsePrefix);
    fibRuleAdd(this.net, {
      ...common,
      src: src!.address,
      srcLen: src!.length,
      dst: dst!.address,
      dstLen: dst!.length,
      tos: tos ?? 0,
      invert: not ?? false,
    });
    return this;
  }

  /** `ip rule del priority PRIORITY`, or `ip -6 rule del`. Throws RangeError where there is none. */
  deleteRule(priority: number, { family = 4 }: { family?: 4 | 6 } = {}): this {
    const error =
      family === 6 ? fib6RuleDel(this.net, priority) : fibRuleDel(this.net, (rule) => rule.priority === priority);
    check(error, `rule ${priority}`);
    return this;
  }

  /** `tc qdisc replace dev NAME root KIND`. What waits in the discipline that was there is dropped. */
  qdisc(name: string, options: QdiscOptions): this {
    const dev = this.device(name);
    dev.qdisc?.ops.reset(dev.qdisc);
    switch (options.kind) {
      case 'noqueue':
        dev.qdisc = null;
        break;
      case 'pfifo_fast':
        dev.qdisc = pfifoFastCreate(dev);
        break;
      case 'pfifo':
        dev.qdisc = pfifoCreate(dev, options.limit);
        break;
      case 'bfifo':
        dev.qdisc = bfifoCreate(dev, options.limit);
        break;
      case 'tbf': {
        const { rate, burst } = options;
        const limit = 'limit' in options ? options.limit : Math.floor((rate * options.latency) / 1e9) + burst;
        dev.qdisc = tbfCreate(dev, { rate, burst, limit }, netifSchedule);
      }
    }
    return this;
  }

  /** `ip neighbour replace ADDRESS lladdr MAC dev NAME nud permanent`. */
  neighbour(name: string, address: string, mac: Uint8Array): this {
    const dev = this.device(name);
    const key6 = address.includes(':') ? parsePrefix6(address).address : null;
    const neigh =
      key6 === null
        ? neighCreate(arpTbl(this.net), dev, parsePrefix(address).address, null)
        : neighCreate(ndTbl(this.net), dev, in6Key(key6), key6);
    if (neigh !== null) neighUpdate(neigh, mac, NUD_PERMANENT, (NEIGH_UPDATE_F_OVERRIDE | NEIGH_UPDATE_F_ADMIN) >>> 0);
    return this;
  }
}

/** A cable between two hosts (or within one): both devices up. */
export function veth(
  a: { kernel: Kernel; name: string; address?: Uint8Array },
  b: { kernel: Kernel; name: string; address?: Uint8Array },
): [NetDevice, NetDevice] {
  const pair = vethPair(
    { net: a.kernel.net, name: a.name, ...(a.address && { address: a.address }) },
    { net: b.kernel.net, name: b.name, ...(b.address && { address: b.address }) },
  );
  for (const dev of pair) devOpen(dev);
  return pair;
}
