import { ENOTCONN } from '../../uapi/errno.ts';
import { IFF_UP } from '../../uapi/if.ts';
import { ETH_HLEN } from '../../uapi/if_ether.ts';
import { devForwardSkb, NET_RX_SUCCESS, netifCarrier, registerNetdevice, unregisterNetdevice } from '../dev.ts';
import * as reason from '../drop-reason.ts';
import { etherSetup, randomAddress } from '../eth.ts';
import { NET_XMIT_DROP } from '../sch-generic.ts';
import { kfreeSkb, NETIF_F_FRAGLIST, NETIF_F_HW_CSUM, NETIF_F_HW_VLAN_TX, NETIF_F_SG } from '../skbuff.ts';
import { NETDEV_TX_OK, type Net, NetDevice, type NetDeviceOps } from '../structs.ts';
import { skbTxTimestamp } from '../tx-timestamp.ts';

/** A pair of Ethernet devices joined by a cable, of one host or of two (drivers/net/veth.c). */

interface Veth {
  peer: NetDevice | null;
}

const ops: NetDeviceOps = {
  open(dev) {
    const { peer } = dev.priv as Veth;
    if (peer === null) return -ENOTCONN;
    if (peer.flags & IFF_UP) {
      netifCarrier(dev, true);
      netifCarrier(peer, true);
    }
    return 0;
  },
  stop(dev) {
    const { peer } = dev.priv as Veth;
    netifCarrier(dev, false);
    if (peer !== null) netifCarrier(peer, false);
    return 0;
  },
  startXmit(skb, dev) {
    const { peer } = dev.priv as Veth;
    const length = skb.len;
    const { net } = dev;
    if (net.tracer !== null) net.tracer.enter(net, 'veth_xmit', skb, dev.name);
    if (peer === null || length < ETH_HLEN) {
      dev.stats.txDropped++;
      kfreeSkb(dev.net, skb, reason.DEV_READY, 'veth_xmit');
      return NET_XMIT_DROP;
    }
    if (skb.txStamp !== null) skbTxTimestamp(net, skb);
    if (devForwardSkb(peer, skb) === NET_RX_SUCCESS) {
      dev.stats.txPackets++;
      dev.stats.txBytes += length;
      peer.stats.rxPackets++;
      peer.stats.rxBytes += length;
      return NETDEV_TX_OK;
    }
    dev.stats.txDropped++;
    return NET_XMIT_DROP;
  },
  setRxMode() {},
  changeMtu: () => 0,
  setMacAddress(dev, address) {
    dev.devAddr = address;
    return 0;
  },
  uninit(dev) {
    const { peer } = dev.priv as Veth;
    if (peer === null) return;
    (dev.priv as Veth).peer = null;
    (peer.priv as Veth).peer = null;
    unregisterNetdevice(peer);
  },
};

function make(net: Net, name: string, address: Uint8Array | undefined): NetDevice {
  const dev = new NetDevice(net, name, ops);
  etherSetup(dev);
  dev.maxMtu = 65535;
  dev.noQueue = true;
  dev.carrier = false;
  dev.kind = 'veth';
  dev.features = NETIF_F_HW_CSUM | NETIF_F_SG | NETIF_F_FRAGLIST | NETIF_F_HW_VLAN_TX;
  dev.addrAssignType = address === undefined ? 1 : 3;
  dev.devAddr = address ?? randomAddress(net.random);
  return dev;
}

/** Makes both ends, down. Names must be free; MAC addresses are random where none is given. */
export function vethPair(
  a: { net: Net; name: string; address?: Uint8Array },
  b: { net: Net; name: string; address?: Uint8Array },
): [NetDevice, NetDevice] {
  const left = make(a.net, a.name, a.address);
  const right = make(b.net, b.name, b.address);
  left.priv = { peer: right } satisfies Veth;
  right.priv = { peer: left } satisfies Veth;
  // Linux registers the peer first, so that it has the lower index.
  for (const dev of [right, left]) {
    const error = registerNetdevice(dev);
    if (error !== 0) throw new RangeError(`veth ${dev.name}: the name is taken or not allowed`);
  }
  left.iflink = right.ifindex;
  right.iflink = left.ifindex;
  return [left, right];
}
