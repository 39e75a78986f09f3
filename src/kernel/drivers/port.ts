import { ETH_HLEN } from '../../uapi/if_ether.ts';
import { PACKET_MULTICAST } from '../../uapi/if_packet.ts';
import { netifReceiveSkb, registerNetdevice } from '../dev.ts';
import * as reason from '../drop-reason.ts';
import { etherSetup, ethTypeTrans, randomAddress } from '../eth.ts';
import { consumeSkb, kfreeSkb, skbFromDevice } from '../skbuff.ts';
import { irq, napiSchedule } from '../softirq.ts';
import { type NapiStruct, NETDEV_TX_OK, type Net, NetDevice, type NetDeviceOps } from '../structs.ts';
import { skbTxTimestamp } from '../tx-timestamp.ts';

/** A device whose other side is whatever the program attaches: a packet or TAP socket of the host's kernel, a savefile,
 * a test. Received frames go through an rx ring of limited size, interrupts, and NAPI, as a network card's do. */
export interface PortOptions {
  name: string;
  address?: Uint8Array;
  mtu?: number;
  /** Frames that the rx ring holds; what comes while it is full is lost (rx_missed). Default 256. */
  rxRing?: number;
  /** Interrupts off while polling (NAPI). False: an interrupt for each frame. Default true. */
  napi?: boolean;
  /** Nanoseconds of CPU that an interrupt and the handling of a packet take. 0, the default: handled at once. With
   * costs, work takes virtual time, and overload can be studied. */
  interruptCost?: number;
  packetCost?: number;
  /** Takes a frame that the host sends. The bytes are the callee's only during the call. */
  transmit?: (frame: Uint8Array) => void;
}

interface RxFrame {
  bytes: Uint8Array;
  length: number;
}

export class Port {
  readonly dev: NetDevice;
  /** Interrupts raised, polls run, frames handled by them. */
  interrupts = 0;
  polls = 0;
  handled = 0;
  transmit: (frame: Uint8Array) => void;
  readonly #net: Net;
  readonly #size: number;
  readonly #ring: RxFrame[] = [];
  readonly #napiMode: boolean;
  readonly #interruptCost: number;
  readonly #packetCost: number;
  readonly #napi: NapiStruct;
  #irqEnabled = true;
  #busyUntil = 0;
  #polling = false;

  constructor(net: Net, options: PortOptions) {
    this.#net = net;
    this.#size = options.rxRing ?? 256;
    this.#napiMode = options.napi ?? true;
    this.#interruptCost = options.interruptCost ?? 0;
    this.#packetCost = options.packetCost ?? 0;
    this.transmit = options.transmit ?? (() => {});
    const ops: NetDeviceOps = {
      startXmit: (skb, dev) => {
        const length = skb.len;
        if (net.tracer !== null) net.tracer.enter(net, 'ndo_start_xmit', skb, dev.name);
        if (skb.txStamp !== null) skbTxTimestamp(net, skb);
        // The one copy on the way out: from the buffer to the device.
        this.transmit(skb.head.subarray(skb.data, skb.data + length));
        net.copies.toDevice++;
        dev.stats.txPackets++;
        dev.stats.txBytes += length;
        consumeSkb(skb);
        return NETDEV_TX_OK;
      },
      setRxMode() {},
      changeMtu: () => 0,
      setMacAddress(dev, address) {
        dev.devAddr = address;
        return 0;
      },
    };
    this.dev = new NetDevice(net, options.name, ops);
    etherSetup(this.dev);
    this.dev.maxMtu = 65535;
    this.dev.mtu = options.mtu ?? 1500;
    this.dev.kind = 'port';
    this.dev.devAddr = options.address ?? randomAddress(net.random);
    this.#napi = { weight: 64, scheduled: false, dev: this.dev, poll: (napi, budget) => this.#poll(napi, budget) };
    const error = registerNetdevice(this.dev);
    if (error !== 0) throw new RangeError(`port ${options.name}: the name is taken or not allowed`);
  }

  /** A frame arrives from outside: it is copied into the ring, and the host is interrupted. */
  receive(frame: Uint8Array): void {
    const { dev } = this;
    if (!dev.running) return;
    if (this.#ring.length >= this.#size) {
      dev.stats.rxMissedErrors++;
      // A card without mitigation interrupts for an overrun too.
      if (!this.#napiMode) this.#interrupt();
      return;
    }
    this.#ring.push({ bytes: frame.slice(), length: frame.length });
    if (this.#irqEnabled) this.#interrupt();
  }

  #interrupt(): void {
    this.interrupts++;
    if (this.#napiMode) this.#irqEnabled = false;
    const { clock } = this.#net;
    const now = clock.monotonic();
    this.#busyUntil = Math.max(this.#busyUntil, now) + this.#interruptCost;
    if (this.#interruptCost === 0 && this.#packetCost === 0) irq(this.#net, () => napiSchedule(this.#net, this.#napi));
    else this.#later();
  }

  /** With costs, the handling waits until the CPU is free: interrupts come first, and can take all of it. */
  #later(): void {
    if (this.#polling) return;
    this.#polling = true;
    const { clock } = this.#net;
    clock.after(Math.max(0, this.#busyUntil - clock.monotonic()), () => {
      this.#polling = false;
      // An interrupt that came meanwhile has taken the time.
      if (this.#busyUntil > clock.monotonic()) {
        this.#later();
        return;
      }
      irq(this.#net, () => napiSchedule(this.#net, this.#napi));
    });
  }

  #poll(napi: NapiStruct, budget: number): number {
    this.polls++;
    let work = 0;
    const limit = this.#packetCost > 0 && !this.#napiMode ? 1 : budget;
    while (work < limit) {
      const frame = this.#ring.shift();
      if (frame === undefined) break;
      work++;
      this.handled++;
      this.#busyUntil = Math.max(this.#busyUntil, this.#net.clock.monotonic()) + this.#packetCost;
      this.#deliver(frame);
    }
    if (this.#packetCost > 0 || this.#interruptCost > 0) {
      // The next round waits until this one's time is over.
      napi.scheduled = false;
      if (this.#ring.length > 0) this.#later();
      else this.#irqEnabled = true;
      return work;
    }
    if (work < budget) {
      napi.scheduled = false;
      this.#irqEnabled = true;
      if (this.#ring.length > 0) this.#interrupt();
    }
    return work;
  }

  #deliver({ bytes, length }: RxFrame): void {
    const { dev } = this;
    const skb = skbFromDevice(this.#net, dev, bytes, 0, length);
    if (length < ETH_HLEN) {
      dev.stats.rxErrors++;
      dev.stats.rxLengthErrors++;
      kfreeSkb(this.#net, skb, reason.DEV_HDR, 'port');
      return;
    }
    dev.stats.rxPackets++;
    dev.stats.rxBytes += length;
    skb.protocol = ethTypeTrans(skb, dev);
    if (skb.pktType === PACKET_MULTICAST) dev.stats.multicast++;
    netifReceiveSkb(this.#net, skb);
  }
}
