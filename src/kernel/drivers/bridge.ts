import { IFF_LOOPBACK, IFF_UP } from '../../uapi/if.ts';
import { PACKET_HOST, PACKET_LOOPBACK } from '../../uapi/if_packet.ts';
import { devQueueXmit, devSetPromiscuity, registerNetdevice } from '../dev.ts';
import { etherSetup, randomAddress, sameAddress } from '../eth.ts';
import { consumeSkb, kfreeSkb, NETIF_F_FRAGLIST, NETIF_F_HW_CSUM, NETIF_F_SG, skbClone } from '../skbuff.ts';
import { NETDEV_TX_OK, type Net, NetDevice, type NetDeviceOps, type SkBuff } from '../structs.ts';

/** A learning bridge (net/bridge): frames go where their destination was seen, else everywhere. */

const AGEING = 300e9;

interface FdbEntry {
  port: NetDevice;
  updated: number;
  local: boolean;
}

const key = (bytes: Uint8Array, at: number): number =>
  (bytes[at]! * 256 + bytes[at + 1]!) * 0x100000000 +
  (bytes[at + 2]! * 0x1000000 + bytes[at + 3]! * 0x10000 + bytes[at + 4]! * 256 + bytes[at + 5]!);

export class Bridge {
  readonly dev: NetDevice;
  readonly ports: NetDevice[] = [];
  /** By address: the port behind which it was seen. */
  readonly fdb = new Map<number, FdbEntry>();
  readonly #net: Net;

  constructor(net: Net, name: string, address?: Uint8Array) {
    this.#net = net;
    const ops: NetDeviceOps = {
      startXmit: (skb, dev) => {
        dev.stats.txPackets++;
        dev.stats.txBytes += skb.len;
        if (net.tracer !== null) net.tracer.enter(net, 'br_dev_xmit', skb, dev.name);
        const at = skb.data;
        const entry = skb.head[at]! & 1 ? undefined : this.#lookup(skb.head, at);
        if (entry !== undefined) this.#forward(skb, entry.port);
        else this.#flood(skb, null);
        return NETDEV_TX_OK;
      },
      setRxMode() {},
      changeMtu: () => 0,
      setMacAddress: (dev, mac) => {
        dev.devAddr = mac;
        return 0;
      },
      uninit: () => {
        for (const port of [...this.ports]) this.remove(port);
      },
    };
    this.dev = new NetDevice(net, name, ops);
    etherSetup(this.dev);
    this.dev.maxMtu = 65535;
    this.dev.noQueue = true;
    this.dev.kind = 'bridge';
    this.dev.features = NETIF_F_HW_CSUM | NETIF_F_SG | NETIF_F_FRAGLIST;
    this.dev.devAddr = address ?? randomAddress(net.random);
    const error = registerNetdevice(this.dev);
    if (error !== 0) throw new RangeError(`bridge ${name}: the name is taken or not allowed`);
  }

  /** `ip link set PORT master BRIDGE`. */
  add(port: NetDevice): void {
    if (port.master !== null || port.rxHandler !== null || port.flags & IFF_LOOPBACK)
      throw new RangeError(`${port.name} cannot be a port of a bridge`);
    this.ports.push(port);
    port.master = this.dev;
    port.rxHandler = (skb) => this.#handleFrame(skb);
    devSetPromiscuity(port, 1);
    this.fdb.set(key(port.devAddr, 0), { port, updated: 0, local: true });
  }

  remove(port: NetDevice): void {
    const at = this.ports.indexOf(port);
    if (at < 0) return;
    this.ports.splice(at, 1);
    port.master = null;
    port.rxHandler = null;
    devSetPromiscuity(port, -1);
    for (const [address, entry] of this.fdb) if (entry.port === port) this.fdb.delete(address);
  }

  #lookup(bytes: Uint8Array, at: number): FdbEntry | undefined {
    const entry = this.fdb.get(key(bytes, at));
    if (entry === undefined || entry.local) return entry?.local ? entry : undefined;
    return this.#net.clock.monotonic() - entry.updated > AGEING ? undefined : entry;
  }

  /** br_handle_frame: takes the frame, or gives back one that is for the port's own host. */
  #handleFrame(skb: SkBuff): SkBuff | null {
    if (skb.pktType === PACKET_LOOPBACK) return skb;
    const port = skb.dev!;
    if (this.#net.tracer !== null) this.#net.tracer.enter(this.#net, 'br_handle_frame', skb, port.name);
    const { head, macHeader: mac } = skb;
    // A source that is a group, or zero, is no station's.
    if (head[mac + 6]! & 1 || !(this.dev.flags & IFF_UP)) {
      kfreeSkb(this.#net, skb);
      return null;
    }
    // 01-80-C2-00-00-0X stays on its link (IEEE 802.1D 7.12.6).
    if (
      head[mac] === 1 &&
      head[mac + 1] === 0x80 &&
      head[mac + 2] === 0xc2 &&
      head[mac + 3] === 0 &&
      head[mac + 4] === 0 &&
      (head[mac + 5]! & 0xf0) === 0
    ) {
      kfreeSkb(this.#net, skb);
      return null;
    }
    const source = key(head, mac + 6);
    const known = this.fdb.get(source);
    if (known === undefined) this.fdb.set(source, { port, updated: this.#net.clock.monotonic(), local: false });
    else if (!known.local) {
      known.port = port;
      known.updated = this.#net.clock.monotonic();
    }
    const group = (head[mac]! & 1) !== 0;
    const entry = group ? undefined : this.#lookup(head, mac);
    const forUs = group || sameAddress(head, mac, this.dev.devAddr, 0) || entry?.local === true;
    if (forUs) {
      if (group) this.#flood(this.#whole(skbClone(skb)), port);
      return this.#passUp(skb);
    }
    const whole = this.#whole(skb);
    if (entry !== undefined) {
      if (entry.port === port) kfreeSkb(this.#net, whole);
      else this.#forward(whole, entry.port);
    } else this.#flood(whole, port);
    return null;
  }

  /** The frame with its link header in front again. */
  #whole(skb: SkBuff): SkBuff {
    const push = skb.data - skb.macHeader;
    skb.data -= push;
    skb.len += push;
    return skb;
  }

  /** To the bridge's own host: looked at again as if the bridge device had received it. */
  #passUp(skb: SkBuff): SkBuff {
    const { dev } = this;
    dev.stats.rxPackets++;
    dev.stats.rxBytes += skb.len;
    if (sameAddress(skb.head, skb.macHeader, dev.devAddr, 0)) skb.pktType = PACKET_HOST;
    skb.dev = dev;
    return skb;
  }

  #forward(skb: SkBuff, port: NetDevice): void {
    if (skb.len > port.mtu + port.hardHeaderLen + 4 || !(port.flags & IFF_UP)) {
      kfreeSkb(this.#net, skb);
      return;
    }
    skb.dev = port;
    skb.dst = null;
    if (this.#net.tracer !== null) this.#net.tracer.enter(this.#net, 'br_dev_queue_push_xmit', skb, port.name);
    devQueueXmit(this.#net, skb);
  }

  #flood(skb: SkBuff, from: NetDevice | null): void {
    const targets = this.ports.filter((port) => port !== from && port.flags & IFF_UP);
    for (let i = 0; i < targets.length; i++) this.#forward(i === targets.length - 1 ? skb : skbClone(skb), targets[i]!);
    if (targets.length === 0) consumeSkb(skb);
  }
}
