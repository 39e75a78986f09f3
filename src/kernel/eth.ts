import { be16, putBe16 } from '../bytes/endian.ts';
import { IFF_BROADCAST, IFF_LOOPBACK, IFF_MULTICAST, IFF_NOARP } from '../uapi/if.ts';
import { ETH_ALEN, ETH_HLEN, ETH_P_802_2, ETH_P_802_3, ETH_P_802_3_MIN } from '../uapi/if_ether.ts';
import { PACKET_BROADCAST, PACKET_HOST, PACKET_MULTICAST, PACKET_OTHERHOST } from '../uapi/if_packet.ts';
import { copyBytes, skbPush } from './skbuff.ts';
import type { HeaderOps, NetDevice, SkBuff } from './structs.ts';

/** Ethernet devices (net/ethernet/eth.c). */

export function isBroadcast(bytes: Uint8Array, at: number): boolean {
  return (bytes[at]! & bytes[at + 1]! & bytes[at + 2]! & bytes[at + 3]! & bytes[at + 4]! & bytes[at + 5]!) === 0xff;
}

export function sameAddress(a: Uint8Array, aAt: number, b: Uint8Array, bAt: number): boolean {
  return (
    a[aAt] === b[bAt] &&
    a[aAt + 1] === b[bAt + 1] &&
    a[aAt + 2] === b[bAt + 2] &&
    a[aAt + 3] === b[bAt + 3] &&
    a[aAt + 4] === b[bAt + 4] &&
    a[aAt + 5] === b[bAt + 5]
  );
}

/** Takes the Ethernet header off a received frame; sets `dev` and `pktType`. Returns the protocol. */
export function ethTypeTrans(skb: SkBuff, dev: NetDevice): number {
  skb.dev = dev;
  const mac = skb.data;
  skb.macHeader = mac;
  skb.data += ETH_HLEN;
  skb.len -= ETH_HLEN;
  const head = skb.head;
  if (!sameAddress(head, mac, dev.devAddr, 0)) {
    if (head[mac]! & 1) skb.pktType = sameAddress(head, mac, dev.broadcast, 0) ? PACKET_BROADCAST : PACKET_MULTICAST;
    else skb.pktType = PACKET_OTHERHOST;
  } else skb.pktType = PACKET_HOST;
  const type = be16(head, mac + 12);
  if (type >= ETH_P_802_3_MIN) return type;
  // Novell's raw 802.3 starts its payload with 0xffff; anything else of that kind is LLC.
  if (skb.len >= 2 && head[skb.data] === 0xff && head[skb.data + 1] === 0xff) return ETH_P_802_3;
  return ETH_P_802_2;
}

export const ethHeaderOps: HeaderOps = {
  create(skb, dev, type, daddr, saddr, len) {
    const at = skbPush(skb, ETH_HLEN);
    putBe16(skb.head, at + 12, type !== ETH_P_802_3 && type !== ETH_P_802_2 ? type : len);
    copyBytes(skb.head, at + ETH_ALEN, saddr ?? dev.devAddr, 0, ETH_ALEN);
    if (daddr !== null) {
      copyBytes(skb.head, at, daddr, 0, ETH_ALEN);
      return ETH_HLEN;
    }
    // A device that has no use for addresses (loopback, IFF_NOARP) gets zeros.
    if (dev.flags & (IFF_LOOPBACK | IFF_NOARP)) {
      skb.head.fill(0, at, at + ETH_ALEN);
      return ETH_HLEN;
    }
    return -ETH_HLEN;
  },
  parse(skb, address) {
    copyBytes(address, 0, skb.head, skb.macHeader + ETH_ALEN, ETH_ALEN);
    return ETH_ALEN;
  },
};

/** ether_setup */
export function etherSetup(dev: NetDevice): void {
  dev.headerOps = ethHeaderOps;
  dev.type = 1;
  dev.hardHeaderLen = ETH_HLEN;
  dev.mtu = 1500;
  dev.minMtu = 68;
  dev.maxMtu = 1500;
  dev.addrLen = ETH_ALEN;
  dev.txQueueLen = 1000;
  dev.flags = IFF_BROADCAST | IFF_MULTICAST;
  dev.broadcast = new Uint8Array(ETH_ALEN).fill(0xff);
}

/** A locally administered unicast address from the host's randomness (eth_hw_addr_random). */
export function randomAddress(random: () => number): Uint8Array {
  const a = random();
  const b = random();
  return Uint8Array.of(
    ((a >>> 24) & 0xfe) | 0x02,
    (a >>> 16) & 0xff,
    (a >>> 8) & 0xff,
    a & 0xff,
    (b >>> 8) & 0xff,
    b & 0xff,
  );
}
