import { be16 } from '../bytes/endian.ts';
import { EADDRNOTAVAIL, EEXIST, EINVAL, ENETDOWN, EOPNOTSUPP } from '../uapi/errno.ts';
import { IFF_ALLMULTI, IFF_LOWER_UP, IFF_PROMISC, IFF_RUNNING, IFF_UP, IFNAMSIZ } from '../uapi/if.ts';
import { ETH_HLEN, ETH_P_8021AD, ETH_P_8021Q, ETH_P_ALL } from '../uapi/if_ether.ts';
import { PACKET_HOST, PACKET_OTHERHOST, PACKET_OUTGOING } from '../uapi/if_packet.ts';
import { CPU_BACKLOG, DEV_HDR, DEV_READY, QDISC_DROP, RECURSION_LIMIT, UNHANDLED_PROTO } from './drop-reason.ts';
import { ethTypeTrans } from './eth.ts';
import { NET_XMIT_CN, NET_XMIT_DROP, pfifoFastCreate } from './sch-generic.ts';
import {
  consumeSkb,
  kfreeSkb,
  NETIF_F_FRAGLIST,
  NETIF_F_HW_CSUM,
  NETIF_F_HW_VLAN_TX,
  skbChecksumHelp,
  skbClone,
  skbCow,
  skbLinearize,
  skbQueueTail,
} from './skbuff.ts';
import { localBhDisable, localBhEnable, makeBacklog, napiSchedule, openSoftirqTx, raiseSoftirq } from './softirq.ts';
import {
  CHECKSUM_PARTIAL,
  NETDEV_TX_BUSY,
  type Net,
  type NetDevice,
  type PacketType,
  type QdiscState,
  type SkBuff,
} from './structs.ts';
import { skbSchedTimestamp } from './tx-timestamp.ts';

/** Network devices: the way in and the way out (net/core/dev.c). */

export const NET_RX_SUCCESS = 0;
export const NET_RX_DROP = 1;

// Events of netdev_chain.
export const NETDEV_UP = 1;
export const NETDEV_DOWN = 2;
export const NETDEV_CHANGE = 4;
export const NETDEV_REGISTER = 5;
export const NETDEV_UNREGISTER = 6;
export const NETDEV_CHANGEMTU = 7;
export const NETDEV_CHANGEADDR = 8;
export const NETDEV_GOING_DOWN = 9;
export const NETDEV_CHANGENAME = 10;

const XMIT_RECURSION_LIMIT = 8;
const DEV_TX_WEIGHT = 64;

const notify = (event: number, dev: NetDevice): void => {
  for (const listener of dev.net.netdevChain) listener(event, dev);
};

// ---- registration ----

/** dev_valid_name */
export function devValidName(name: string): boolean {
  if (name === '' || name.length >= IFNAMSIZ || name === '.' || name === '..') return false;
  return !/[/:\s]/.test(name);
}

export function registerNetdevice(dev: NetDevice): number {
  const { net } = dev;
  if (!devValidName(dev.name)) return -EINVAL;
  if (net.devByName.has(dev.name)) return -EEXIST;
  dev.ifindex = ++net.nextIfindex;
  if (dev.iflink === 0) dev.iflink = dev.ifindex;
  net.devices.set(dev.ifindex, dev);
  net.devByName.set(dev.name, dev);
  dev.registered = true;
  notify(NETDEV_REGISTER, dev);
  return 0;
}

export function unregisterNetdevice(dev: NetDevice): void {
  const { net } = dev;
  if (!dev.registered) return;
  devClose(dev);
  notify(NETDEV_UNREGISTER, dev);
  dev.ops.uninit?.(dev);
  dev.registered = false;
  net.devices.delete(dev.ifindex);
  net.devByName.delete(dev.name);
  dev.qdisc?.ops.reset(dev.qdisc);
}

export function devOpen(dev: NetDevice): number {
  if (dev.flags & IFF_UP) return 0;
  const error = dev.ops.open?.(dev) ?? 0;
  if (error !== 0) return error;
  dev.flags |= IFF_UP;
  dev.running = true;
  devActivate(dev);
  devSetRxMode(dev);
  notify(NETDEV_UP, dev);
  return 0;
}

export function devClose(dev: NetDevice): void {
  if (!(dev.flags & IFF_UP)) return;
  notify(NETDEV_GOING_DOWN, dev);
  dev.running = false;
  if (dev.qdisc !== null) {
    dev.qdisc.ops.reset(dev.qdisc);
    if (dev.qdisc.requeued !== null) kfreeSkb(dev.net, dev.qdisc.requeued);
    dev.qdisc.requeued = null;
  }
  dev.ops.stop?.(dev);
  dev.flags &= ~IFF_UP;
  notify(NETDEV_DOWN, dev);
}

/** dev_change_flags for IFF_UP, IFF_PROMISC and IFF_ALLMULTI, as SIOCSIFFLAGS and rtnetlink set them. */
export function devChangeFlags(dev: NetDevice, flags: number): number {
  const changed = flags ^ devGetFlags(dev);
  let error = 0;
  if (changed & IFF_UP) {
    if (flags & IFF_UP) error = devOpen(dev);
    else devClose(dev);
  }
  if (changed & IFF_PROMISC) {
    dev.userPromisc = (flags & IFF_PROMISC) !== 0;
    devSetPromiscuity(dev, flags & IFF_PROMISC ? 1 : -1);
  }
  if (changed & IFF_ALLMULTI) {
    dev.userAllmulti = (flags & IFF_ALLMULTI) !== 0;
    devSetAllmulti(dev, flags & IFF_ALLMULTI ? 1 : -1);
  }
  return error;
}

/** The flags that programs see: promiscuity only where an administrator asked for it, RUNNING from the carrier. */
export function devGetFlags(dev: NetDevice): number {
  let flags = dev.flags & ~(IFF_PROMISC | IFF_ALLMULTI | IFF_RUNNING | IFF_LOWER_UP);
  if (dev.userPromisc) flags |= IFF_PROMISC;
  if (dev.userAllmulti) flags |= IFF_ALLMULTI;
  if (dev.running) {
    if (dev.carrier) flags |= IFF_RUNNING | IFF_LOWER_UP;
  }
  return flags;
}

export function devSetMtu(dev: NetDevice, mtu: number): number {
  if (mtu === dev.mtu) return 0;
  if (mtu < dev.minMtu || (dev.maxMtu > 0 && mtu > dev.maxMtu)) return -EINVAL;
  const error = dev.ops.changeMtu?.(dev, mtu) ?? 0;
  if (error !== 0) return error;
  dev.mtu = mtu;
  notify(NETDEV_CHANGEMTU, dev);
  return 0;
}

export function devSetMacAddress(dev: NetDevice, address: Uint8Array): number {
  if (dev.ops.setMacAddress === undefined) return -EOPNOTSUPP;
  if (address.length < dev.addrLen) return -EINVAL;
  if (address[0]! & 1 || address.subarray(0, dev.addrLen).every((b) => b === 0)) return -EADDRNOTAVAIL;
  const error = dev.ops.setMacAddress(dev, address.slice(0, dev.addrLen));
  if (error === 0) notify(NETDEV_CHANGEADDR, dev);
  return error;
}

export function devChangeName(dev: NetDevice, name: string): number {
  if (!devValidName(name)) return -EINVAL;
  if (dev.net.devByName.has(name)) return -EEXIST;
  dev.net.devByName.delete(dev.name);
  dev.name = name;
  dev.net.devByName.set(name, dev);
  notify(NETDEV_CHANGENAME, dev);
  return 0;
}

/** netif_carrier_on and netif_carrier_off */
export function netifCarrier(dev: NetDevice, on: boolean): void {
  if (dev.carrier === on) return;
  dev.carrier = on;
  dev.carrierChanges++;
  if (dev.registered) notify(NETDEV_CHANGE, dev);
}

// ---- what a device listens to ----

export function devSetRxMode(dev: NetDevice): void {
  if (dev.flags & IFF_UP) dev.ops.setRxMode?.(dev);
}

export function devSetPromiscuity(dev: NetDevice, by: number): void {
  dev.promiscuity += by;
  if (dev.promiscuity > 0) dev.flags |= IFF_PROMISC;
  else dev.flags &= ~IFF_PROMISC;
  devSetRxMode(dev);
}

export function devSetAllmulti(dev: NetDevice, by: number): void {
  dev.allmulti += by;
  if (dev.allmulti > 0) dev.flags |= IFF_ALLMULTI;
  else dev.flags &= ~IFF_ALLMULTI;
  devSetRxMode(dev);
}

const addressKey = (address: Uint8Array): string =>
  Buffer.from(address.buffer, address.byteOffset, address.length).toString('hex');

export function devAddAddress(dev: NetDevice, address: Uint8Array, unicast: boolean): number {
  const list = unicast ? dev.uc : dev.mc;
  const key = addressKey(address);
  const found = list.get(key);
  if (found !== undefined) found.refcount++;
  else {
    list.set(key, { addr: address.slice(), refcount: 1, globalUse: false });
    devSetRxMode(dev);
  }
  return 0;
}

export function devDelAddress(dev: NetDevice, address: Uint8Array, unicast: boolean): void {
  const list = unicast ? dev.uc : dev.mc;
  const key = addressKey(address);
  const found = list.get(key);
  if (found === undefined || --found.refcount > 0) return;
  list.delete(key);
  devSetRxMode(dev);
}

export const devHasMulticast = (dev: NetDevice, address: Uint8Array): boolean => dev.mc.has(addressKey(address));

// ---- handlers and taps ----

export function devAddPack(net: Net, pt: PacketType): void {
  if (pt.type === ETH_P_ALL) (pt.dev === null ? net.ptypeAll : pt.dev.ptypeAll).push(pt);
  else {
    const list = net.ptypeBase.get(pt.type);
    if (list === undefined) net.ptypeBase.set(pt.type, [pt]);
    else list.push(pt);
  }
}

export function devRemovePack(net: Net, pt: PacketType): void {
  const list =
    pt.type === ETH_P_ALL ? (pt.dev === null ? net.ptypeAll : pt.dev.ptypeAll) : (net.ptypeBase.get(pt.type) ?? []);
  const at = list.indexOf(pt);
  if (at >= 0) list.splice(at, 1);
}

export function netTimestamp(net: Net, skb: SkBuff): void {
  const { seconds, nanoseconds } = net.clock.realtime();
  skb.tstampSec = seconds;
  skb.tstampNsec = nanoseconds;
}

// ---- out ----

/** Frames on their way out pass the taps (dev_queue_xmit_nit). */
function devQueueXmitNit(net: Net, skb: SkBuff, dev: NetDevice): void {
  let clone: SkBuff | null = null;
  for (let round = 0; round < 2; round++) {
    const list = round === 0 ? net.ptypeAll : dev.ptypeAll;
    for (let i = 0; i < list.length; i++) {
      const pt = list[i]!;
      if (pt.ignoreOutgoing) continue;
      // Never back to the socket that sent it.
      if (pt.afPacketPriv !== null && skb.sk !== null) {
        if (pt.idMatch !== null ? pt.idMatch(pt, skb.sk) : pt.afPacketPriv === skb.sk) continue;
      }
      if (clone === null) {
        clone = skbClone(skb);
        if (net.netstampNeeded > 0) netTimestamp(net, clone);
        clone.macHeader = clone.data;
        if (clone.networkHeader < clone.data || clone.networkHeader > clone.tail) clone.networkHeader = clone.data;
        clone.transportHeader = clone.networkHeader;
        clone.pktType = PACKET_OUTGOING;
      }
      clone.users++;
      pt.func(clone, skb.dev!, pt, skb.dev!);
    }
  }
  if (clone !== null) consumeSkb(clone);
}

/** What the device cannot do is done here (validate_xmit_skb). */
function validateXmitSkb(net: Net, skb: SkBuff, dev: NetDevice): SkBuff {
  if (skb.vlanPresent && !(dev.features & NETIF_F_HW_VLAN_TX)) vlanPushTag(net, skb);
  if (skb.dataLen > 0 && !(dev.features & NETIF_F_FRAGLIST)) skbLinearize(net, skb);
  if (skb.ipSummed === CHECKSUM_PARTIAL && !(dev.features & NETIF_F_HW_CSUM)) skbChecksumHelp(net, skb);
  return skb;
}

/** Puts the tag that lies beside the packet into its Ethernet header (__vlan_hwaccel_push_inside). */
export function vlanPushTag(net: Net, skb: SkBuff): void {
  skbCow(net, skb, Math.max(4, skb.data));
  const from = skb.data;
  skb.head.copyWithin(from - 4, from, from + 12);
  skb.data -= 4;
  skb.len += 4;
  skb.macHeader = skb.data;
  skb.head[skb.data + 12] = skb.vlanProto >>> 8;
  skb.head[skb.data + 13] = skb.vlanProto;
  skb.head[skb.data + 14] = skb.vlanTci >>> 8;
  skb.head[skb.data + 15] = skb.vlanTci;
  skb.protocol = skb.vlanProto;
  skb.vlanPresent = false;
}

/** Hands the frame to the driver, past the taps. */
export function devHardStartXmit(net: Net, skb: SkBuff, dev: NetDevice): number {
  if (net.ptypeAll.length > 0 || dev.ptypeAll.length > 0) devQueueXmitNit(net, skb, dev);
  if (net.tracer !== null) net.tracer.enter(net, 'dev_hard_start_xmit', skb, dev.name);
  return dev.ops.startXmit(skb, dev);
}

/** Takes the buffer. Returns a NET_XMIT_ code or -errno. */
export function devQueueXmit(net: Net, skb: SkBuff): number {
  const dev = skb.dev!;
  skb.macHeader = skb.data;
  if (skb.txStamp !== null) skbSchedTimestamp(net, skb);
  localBhDisable(net);
  const q = dev.qdisc;
  if (net.tracer !== null)
    net.tracer.enter(
      net,
      '__dev_queue_xmit',
      skb,
      q === null ? 'noqueue' : `${q.ops.id} ${q.qlen} of ${dev.txQueueLen}`,
    );
  let code: number;
  if (!(dev.flags & IFF_UP) || !dev.carrier) {
    // dev_deactivate: the queue of a device that is down or has no carrier is noop_qdisc.
    dev.stats.txDropped++;
    kfreeSkb(net, skb, DEV_READY, 'noop_enqueue');
    code = NET_XMIT_CN;
  } else if (q !== null) {
    code = q.ops.enqueue(skb, q);
    qdiscRun(net, q);
  } else {
    if (dev.xmitRecursion > XMIT_RECURSION_LIMIT) {
      dev.stats.txDropped++;
      kfreeSkb(net, skb, RECURSION_LIMIT, '__dev_queue_xmit');
      code = -ENETDOWN;
    } else {
      validateXmitSkb(net, skb, dev);
      if (dev.queueStopped) {
        dev.stats.txDropped++;
        kfreeSkb(net, skb, QDISC_DROP, '__dev_queue_xmit');
        code = -ENETDOWN;
      } else {
        dev.xmitRecursion++;
        code = devHardStartXmit(net, skb, dev);
        dev.xmitRecursion--;
        if (code === NETDEV_TX_BUSY) {
          dev.stats.txDropped++;
          kfreeSkb(net, skb, QDISC_DROP, '__dev_queue_xmit');
          code = -ENETDOWN;
        }
      }
    }
  }
  localBhEnable(net);
  return code;
}

/** PACKET_QDISC_BYPASS: past the queue, straight to the driver (__dev_direct_xmit). */
export function devDirectXmit(net: Net, skb: SkBuff): number {
  const dev = skb.dev!;
  if (!(dev.flags & IFF_UP) || !dev.carrier) {
    dev.stats.txDropped++;
    kfreeSkb(net, skb, DEV_READY, '__dev_direct_xmit');
    return NET_XMIT_DROP;
  }
  localBhDisable(net);
  validateXmitSkb(net, skb, dev);
  let code: number = NETDEV_TX_BUSY;
  if (!dev.queueStopped) {
    dev.xmitRecursion++;
    // Bypassing the queue bypasses the taps of others too: packet sockets of the same host do not see it.
    code = dev.ops.startXmit(skb, dev);
    dev.xmitRecursion--;
  }
  if (code === NETDEV_TX_BUSY) {
    dev.stats.txDropped++;
    kfreeSkb(net, skb, QDISC_DROP, '__dev_direct_xmit');
    code = NET_XMIT_DROP;
  }
  localBhEnable(net);
  return code;
}

/** Sends what the discipline gives while the driver takes it (__qdisc_run). */
export function qdiscRun(net: Net, q: QdiscState): void {
  if (q.running) return;
  q.running = true;
  const { dev } = q;
  let quota = DEV_TX_WEIGHT;
  for (;;) {
    if (dev.queueStopped || !(dev.flags & IFF_UP)) break;
    let skb = q.requeued;
    if (skb !== null) q.requeued = null;
    else {
      skb = q.ops.dequeue(q);
      if (skb === null) break;
      validateXmitSkb(net, skb, dev);
    }
    if (net.tracer !== null)
      net.tracer.enter(net, 'sch_direct_xmit', skb, `${q.ops.id} ${q.qlen} of ${dev.txQueueLen}`);
    dev.xmitRecursion++;
    const code = devHardStartXmit(net, skb, dev);
    dev.xmitRecursion--;
    if (code === NETDEV_TX_BUSY) {
      // dev_requeue_skb: the driver did not take it; it goes first next time.
      q.requeued = skb;
      q.requeues++;
      netifSchedule(dev);
      break;
    }
    if (--quota <= 0) {
      netifSchedule(dev);
      break;
    }
  }
  q.running = false;
}

/** The device's queue will be run by the NET_TX softirq. */
export function netifSchedule(dev: NetDevice): void {
  const { softnet } = dev.net;
  if (!softnet.outputQueue.includes(dev)) softnet.outputQueue.push(dev);
  raiseSoftirq(dev.net);
}

export function netifStopQueue(dev: NetDevice): void {
  dev.queueStopped = true;
}

export function netifWakeQueue(dev: NetDevice): void {
  if (!dev.queueStopped) return;
  dev.queueStopped = false;
  if (dev.qdisc !== null) netifSchedule(dev);
}

openSoftirqTx((net) => {
  const queue = net.softnet.outputQueue.splice(0);
  for (const dev of queue) if (dev.qdisc !== null) qdiscRun(net, dev.qdisc);
});

/** dev_activate: the default discipline of a device that has a queue. */
function devActivate(dev: NetDevice): void {
  if (dev.qdisc === null && !dev.noQueue && dev.txQueueLen > 0) dev.qdisc = pfifoFastCreate(dev);
}

// ---- in ----

/** A frame whose link header was taken off goes to the backlog queue of the CPU (netif_rx). */
export function netifRx(net: Net, skb: SkBuff): number {
  const sd = net.softnet;
  const dev = skb.dev!;
  if (net.tstampPrequeue !== 0 && net.netstampNeeded > 0 && skb.tstampSec === 0) netTimestamp(net, skb);
  if (net.tracer !== null)
    net.tracer.enter(net, 'netif_rx', skb, `backlog ${sd.inputQueue.qlen} of ${net.netdevMaxBacklog}`);
  if (!dev.running) {
    dev.stats.rxDropped++;
    kfreeSkb(net, skb, DEV_READY, 'netif_rx');
    return NET_RX_DROP;
  }
  if (sd.inputQueue.qlen > net.netdevMaxBacklog) {
    sd.dropped++;
    dev.stats.rxDropped++;
    kfreeSkb(net, skb, CPU_BACKLOG, 'netif_rx');
    return NET_RX_DROP;
  }
  skbQueueTail(sd.inputQueue, skb);
  if (sd.backlog === null) sd.backlog = makeBacklog(net, netifReceiveSkbCore);
  sd.backlog.weight = net.devWeight;
  if (!sd.backlog.scheduled) napiSchedule(net, sd.backlog);
  return NET_RX_SUCCESS;
}

/** A frame from a driver's poll function (napi_gro_receive without GRO, netif_receive_skb). */
export function netifReceiveSkb(net: Net, skb: SkBuff): void {
  if (net.tstampPrequeue !== 0 && net.netstampNeeded > 0 && skb.tstampSec === 0) netTimestamp(net, skb);
  netifReceiveSkbCore(net, skb);
}

/** Takes a VLAN tag out of the frame (skb_vlan_untag): false where there is none whole. */
function vlanUntag(net: Net, skb: SkBuff): boolean {
  if (skb.len < 4) return false;
  skbCow(net, skb, skb.data);
  skb.vlanProto = skb.protocol;
  skb.vlanTci = be16(skb.head, skb.data);
  skb.vlanPresent = true;
  skb.protocol = be16(skb.head, skb.data + 2);
  if (skb.protocol < 0x600) skb.protocol = 0x4;
  // The addresses move up against the inner type.
  const mac = skb.macHeader;
  skb.head.copyWithin(mac + 4, mac, mac + 12);
  skb.macHeader = mac + 4;
  skb.data += 4;
  skb.len -= 4;
  skb.networkHeader = skb.data;
  skb.transportHeader = skb.data;
  return true;
}

/** Gives the packet to the taps, to what stands on the device (a bridge), and to its protocol. */
export function netifReceiveSkbCore(net: Net, skb: SkBuff): void {
  if (net.netstampNeeded > 0 && skb.tstampSec === 0) netTimestamp(net, skb);
  const sd = net.softnet;
  const origDev = skb.dev!;
  let dev = origDev;
  if (net.tracer !== null) net.tracer.enter(net, '__netif_receive_skb_core', skb, dev.name);
  skb.networkHeader = skb.data;
  skb.transportHeader = skb.data;
  skb.macLen = skb.data - skb.macHeader;
  let prev: PacketType | null = null;
  for (;;) {
    dev = skb.dev!;
    skb.skbIif = dev.ifindex;
    sd.processed++;
    if ((skb.protocol === ETH_P_8021Q || skb.protocol === ETH_P_8021AD) && !skb.vlanPresent) {
      if (!vlanUntag(net, skb)) {
        dev.stats.rxDropped++;
        kfreeSkb(net, skb, UNHANDLED_PROTO, '__netif_receive_skb_core');
        return;
      }
    }
    for (let i = 0; i < net.ptypeAll.length; i++) {
      if (prev !== null) deliver(skb, prev, origDev);
      prev = net.ptypeAll[i]!;
    }
    const taps = dev.ptypeAll;
    for (let i = 0; i < taps.length; i++) {
      if (prev !== null) deliver(skb, prev, origDev);
      prev = taps[i]!;
    }
    if (dev.rxHandler === null) break;
    if (prev !== null) {
      deliver(skb, prev, origDev);
      prev = null;
    }
    const next = dev.rxHandler(skb);
    if (next === null) return; // consumed
    skb = next;
    if (skb.dev === dev) break;
  }
  if (skb.vlanPresent) {
    if (prev !== null) {
      deliver(skb, prev, origDev);
      prev = null;
    }
    // No VLAN device of that id: for somebody else, unless it carries only a priority.
    if (skb.vlanTci & 0xfff) skb.pktType = PACKET_OTHERHOST;
    skb.vlanPresent = false;
    skb.vlanTci = 0;
  }
  const handlers = net.ptypeBase.get(skb.protocol);
  if (handlers !== undefined)
    for (let i = 0; i < handlers.length; i++) {
      const pt = handlers[i]!;
      if (pt.dev !== null && pt.dev !== dev && pt.dev !== origDev) continue;
      if (prev !== null) deliver(skb, prev, origDev);
      prev = pt;
    }
  if (prev !== null) prev.func(skb, skb.dev!, prev, origDev);
  else {
    dev.stats.rxDropped++;
    kfreeSkb(net, skb, UNHANDLED_PROTO, '__netif_receive_skb_core');
  }
}

function deliver(skb: SkBuff, pt: PacketType, origDev: NetDevice): void {
  skb.users++;
  pt.func(skb, skb.dev!, pt, origDev);
}

/** is_skb_forwardable: fits the device that is to receive it. */
const isForwardable = (dev: NetDevice, skb: SkBuff): boolean =>
  (dev.flags & IFF_UP) !== 0 && skb.len <= dev.mtu + dev.hardHeaderLen + 4;

/** What must not cross from one host or device to another is taken off (skb_scrub_packet). */
export function skbScrub(skb: SkBuff, otherNet: boolean): void {
  skb.pktType = PACKET_HOST;
  skb.skbIif = 0;
  skb.ignoreDf = false;
  skb.dst = null;
  if (!otherNet) return;
  skb.mark = 0;
  skb.tstampSec = 0;
  skb.tstampNsec = 0;
}

/** A frame sent on one device arrives on another (dev_forward_skb): NET_RX_SUCCESS or NET_RX_DROP; takes the buffer. */
export function devForwardSkb(dev: NetDevice, skb: SkBuff): number {
  const other = dev.net !== skb.dev!.net;
  if (!isForwardable(dev, skb)) {
    dev.stats.rxDropped++;
    kfreeSkb(dev.net, skb, DEV_READY, '__dev_forward_skb');
    return NET_RX_DROP;
  }
  if (skb.len < ETH_HLEN) {
    kfreeSkb(dev.net, skb, DEV_HDR, '__dev_forward_skb');
    return NET_RX_DROP;
  }
  skbScrub(skb, other);
  skb.priority = 0;
  skb.protocol = ethTypeTrans(skb, dev);
  return netifRx(dev.net, skb);
}

/** Devices in the order in which Linux lists them: by index. */
export const allDevices = (net: Net): NetDevice[] => [...net.devices.values()].sort((a, b) => a.ifindex - b.ifindex);
