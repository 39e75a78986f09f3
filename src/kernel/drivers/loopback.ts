import { IFF_LOOPBACK } from '../../uapi/if.ts';
import { ARPHRD_LOOPBACK } from '../../uapi/if_arp.ts';
import { ETH_HLEN } from '../../uapi/if_ether.ts';
import { NET_RX_SUCCESS, netifRx, registerNetdevice } from '../dev.ts';
import { ethHeaderOps, ethTypeTrans } from '../eth.ts';
import { NETIF_F_FRAGLIST, NETIF_F_HW_CSUM, NETIF_F_LOOPBACK, NETIF_F_SG, skbOrphan } from '../skbuff.ts';
import { NETDEV_TX_OK, type Net, NetDevice, type NetDeviceOps } from '../structs.ts';

import { skbTxTimestamp } from '../tx-timestamp.ts';

/** The host's own device (drivers/net/loopback.c): what goes out comes in. */

const ops: NetDeviceOps = {
  startXmit(skb, dev) {
    if (skb.txStamp !== null) skbTxTimestamp(dev.net, skb);
    skb.tstampSec = 0;
    skb.tstampNsec = 0;
    skbOrphan(skb);
    skb.protocol = ethTypeTrans(skb, dev);
    const length = skb.len;
    const { net } = dev;
    if (net.tracer !== null) net.tracer.enter(net, 'loopback_xmit', skb);
    const { stats } = dev;
    if (netifRx(dev.net, skb) === NET_RX_SUCCESS) {
      stats.txPackets++;
      stats.txBytes += length;
      stats.rxPackets++;
      stats.rxBytes += length;
    }
    return NETDEV_TX_OK;
  },
  setRxMode() {},
};

export function loopbackInit(net: Net): NetDevice {
  const dev = new NetDevice(net, 'lo', ops);
  dev.headerOps = ethHeaderOps;
  dev.type = ARPHRD_LOOPBACK;
  dev.mtu = 64 * 1024;
  dev.minMtu = 0;
  dev.maxMtu = 0;
  dev.hardHeaderLen = ETH_HLEN;
  dev.flags = IFF_LOOPBACK;
  dev.broadcast = new Uint8Array(6);
  dev.features = NETIF_F_HW_CSUM | NETIF_F_SG | NETIF_F_FRAGLIST | NETIF_F_LOOPBACK;
  dev.noQueue = true;
  net.loopbackDev = dev;
  registerNetdevice(dev);
  return dev;
}
