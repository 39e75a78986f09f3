import { be16 } from '../bytes/endian.ts';
import type { SystemCalls } from '../syscall/contract.ts';
import { check, SystemError } from '../syscall/error.ts';
import * as errno from '../uapi/errno.ts';
import { BPF_K, BPF_RET, encodeSockFprog, type SockFilter } from '../uapi/filter.ts';
import { hostU16 } from '../uapi/host.ts';
import { encodeIfreq, ifreq, ifreqFlags, ifreqInt, ifreqName, putIfreqInt } from '../uapi/if.ts';
import { ETH_P_ALL } from '../uapi/if_ether.ts';
import * as packet from '../uapi/if_packet.ts';
import { encodeSockaddrLl } from '../uapi/sockaddr.ts';
import {
  AF_PACKET,
  SO_ATTACH_FILTER,
  SO_DETACH_FILTER,
  SO_LOCK_FILTER,
  SO_RCVBUF,
  SO_RCVBUFFORCE,
  SO_SNDBUF,
  SO_SNDBUFFORCE,
  SOCK_DGRAM,
  SOCK_RAW,
  SOL_PACKET,
  SOL_SOCKET,
} from '../uapi/socket.ts';
import { SIOCGIFFLAGS, SIOCGIFHWADDR, SIOCGIFINDEX, SIOCGIFMTU, SIOCGIFNAME } from '../uapi/sockios.ts';
import { Socket } from './socket.ts';

/** How a fanout group spreads frames over its members (packet(7), PACKET_FANOUT). */
export type FanoutMode = 'hash' | 'lb' | 'cpu' | 'rollover' | 'rnd' | 'qm';

export const FANOUT_MODES: Readonly<Record<FanoutMode, number>> = {
  hash: packet.PACKET_FANOUT_HASH,
  lb: packet.PACKET_FANOUT_LB,
  cpu: packet.PACKET_FANOUT_CPU,
  rollover: packet.PACKET_FANOUT_ROLLOVER,
  rnd: packet.PACKET_FANOUT_RND,
  qm: packet.PACKET_FANOUT_QM,
};

/** Frames since the socket was bound. `received` is what passed the filter: it includes the dropped ones. */
export interface PacketStatistics {
  received: number;
  /** Lost because the ring or the socket's buffer was full. */
  dropped: number;
  /** How often the ring had no free block (TPACKET_V3). */
  freezes: number;
}

/** A device as a packet socket needs to know it. */
export interface Device {
  name: string;
  ifindex: number;
  /** ARPHRD_ type. */
  arphrd: number;
  /** IFF_ flags, the 16 of ifr_flags. */
  flags: number;
  mtu: number;
  macAddress: Uint8Array;
}

/** Rejects every frame. */
const REJECT_ALL: readonly SockFilter[] = [{ code: BPF_RET | BPF_K, jt: 0, jf: 0, k: 0 }];

const PERMISSION_HINT =
  'Packet sockets need CAP_NET_RAW in the network namespace: run as root, or grant it with setpriv or setcap';

/** An AF_PACKET socket (packet(7)). Receives nothing until `bindTo` gives it a protocol. */
export class PacketSocket extends Socket {
  readonly #totals: PacketStatistics = { received: 0, dropped: 0, freezes: 0 };
  /** What PACKET_STATISTICS answers with: tpacket_stats_v3 only once PACKET_VERSION says so. */
  #version = packet.TPACKET_V1;

  /** `cooked`: SOCK_DGRAM, frames come without their link header; else SOCK_RAW. */
  static create(calls: SystemCalls, { cooked = false }: { cooked?: boolean } = {}): PacketSocket {
    // Protocol 0: no frame is queued before bind, so none can be there that the filter has not seen.
    const fd = calls.socket(AF_PACKET, cooked ? SOCK_DGRAM : SOCK_RAW, 0);
    const denied = fd === -errno.EPERM || fd === -errno.EACCES;
    return new PacketSocket(
      calls,
      check(fd, 'socket', { dest: 'AF_PACKET', ...(denied ? { hint: PERMISSION_HINT } : {}) }),
    );
  }

  /** Index, type, flags, MTU and MAC of the device. Throws SystemError ENODEV where there is none of that name. */
  device(name: string): Device {
    const request = encodeIfreq(name);
    const ask = (code: number, call: string): Uint8Array => {
      check(this.calls.ioctl(this.fd, code, request), `ioctl ${call}`, { dest: name });
      return request;
    };
    const ifindex = ifreqInt(ask(SIOCGIFINDEX, 'SIOCGIFINDEX'));
    const flags = ifreqFlags(ask(SIOCGIFFLAGS, 'SIOCGIFFLAGS'));
    const mtu = ifreqInt(ask(SIOCGIFMTU, 'SIOCGIFMTU'));
    ask(SIOCGIFHWADDR, 'SIOCGIFHWADDR');
    const address = ifreq.ifr_ifru + 2;
    return {
      name,
      ifindex,
      flags,
      mtu,
      arphrd: hostU16(request, ifreq.ifr_ifru),
      macAddress: request.slice(address, address + 6),
    };
  }

  /** Name of the device with this index, or null where there is none (any more). */
  deviceName(ifindex: number): string | null {
    const request = encodeIfreq('');
    putIfreqInt(request, ifindex);
    return this.calls.ioctl(this.fd, SIOCGIFNAME, request) < 0 ? null : ifreqName(request);
  }

  /** Binds to a device (0: all of them) and a protocol (ETH_P_ value; 0: receives nothing, for sending only). Throws
   * SystemError ENETDOWN where the device is there but not up. */
  bindTo(ifindex: number, protocol: number = ETH_P_ALL, name = `interface ${ifindex}`): void {
    check(this.calls.bind(this.fd, encodeSockaddrLl({ ifindex, protocol })), 'bind', { dest: name });
    // The kernel lets a socket be bound to a device that is down, and leaves ENETDOWN pending (af_packet.c, do_bind).
    const error = this.takeError();
    if (error === errno.ENETDOWN)
      throw new SystemError(error, 'bind', { dest: name, hint: `That device is not up: ip link set ${name} up` });
    if (error !== 0) throw new SystemError(error, 'bind', { dest: name });
  }

  #set(name: number, value: Uint8Array | number, label: string, hint?: string): void {
    const bytes = typeof value === 'number' ? Int32Array.of(value) : value;
    const raw = bytes instanceof Int32Array ? new Uint8Array(bytes.buffer) : bytes;
    check(this.calls.setsockopt(this.fd, SOL_PACKET, name, raw), `setsockopt ${label}`, hint ? { hint } : undefined);
  }

  /** Promiscuous for as long as the socket is open; the kernel counts (packet(7), PACKET_MR_PROMISC). */
  setPromiscuous(ifindex: number, on = true): void {
    this.#set(
      on ? packet.PACKET_ADD_MEMBERSHIP : packet.PACKET_DROP_MEMBERSHIP,
      packet.encodePacketMreq(ifindex, packet.PACKET_MR_PROMISC),
      on ? 'PACKET_ADD_MEMBERSHIP' : 'PACKET_DROP_MEMBERSHIP',
    );
  }

  /** All multicast frames of the device. */
  setAllMulticast(ifindex: number): void {
    const request = packet.encodePacketMreq(ifindex, packet.PACKET_MR_ALLMULTI);
    this.#set(packet.PACKET_ADD_MEMBERSHIP, request, 'PACKET_ADD_MEMBERSHIP');
  }

  /** SO_ATTACH_FILTER. Replaces the one before in one step; frames that are queued already have seen that one. */
  attachFilter(program: readonly SockFilter[]): void {
    check(
      this.calls.setsockopt(this.fd, SOL_SOCKET, SO_ATTACH_FILTER, encodeSockFprog(program)),
      'setsockopt SO_ATTACH_FILTER',
      { dest: `${program.length} instructions` },
    );
  }

  /** From now on no frame passes. */
  rejectAll(): void {
    this.attachFilter(REJECT_ALL);
  }

  /** SO_DETACH_FILTER: every frame passes. ENOENT, where there was none, is no error. */
  detachFilter(): void {
    const result = this.calls.setsockopt(this.fd, SOL_SOCKET, SO_DETACH_FILTER, new Uint8Array(4));
    if (result !== -errno.ENOENT) check(result, 'setsockopt SO_DETACH_FILTER');
  }

  /** SO_LOCK_FILTER: the filter cannot be changed any more, by nobody who holds the descriptor. */
  lockFilter(): void {
    this.setOption(SOL_SOCKET, SO_LOCK_FILTER, 1, 'setsockopt SO_LOCK_FILTER');
  }

  /** Attaches a filter so that no frame that it would reject is read afterwards: rejects everything, takes out what is
   * queued with `drain`, then attaches the real one. */
  attachFilterCleanly(program: readonly SockFilter[], drain: () => void): void {
    this.rejectAll();
    drain();
    this.attachFilter(program);
  }

  setVersion(version: number): void {
    this.#set(packet.PACKET_VERSION, version, 'PACKET_VERSION');
    this.#version = version;
  }

  /** Bytes kept free in front of each frame of a ring. */
  setReserve(bytes: number): void {
    this.#set(packet.PACKET_RESERVE, bytes, 'PACKET_RESERVE');
  }

  setAuxdata(on: boolean): void {
    this.#set(packet.PACKET_AUXDATA, on ? 1 : 0, 'PACKET_AUXDATA');
  }

  setRxRing(request: Uint8Array): void {
    this.#set(packet.PACKET_RX_RING, request, 'PACKET_RX_RING');
  }

  setTxRing(request: Uint8Array): void {
    this.#set(packet.PACKET_TX_RING, request, 'PACKET_TX_RING');
  }

  /** Frames that the machine itself sends are not seen (Linux 4.20). */
  setIgnoreOutgoing(on: boolean): void {
    this.#set(packet.PACKET_IGNORE_OUTGOING, on ? 1 : 0, 'PACKET_IGNORE_OUTGOING');
  }

  /** Frames sent go past the queueing discipline to the driver, and past other packet sockets (Linux 3.14). */
  setQdiscBypass(on: boolean): void {
    this.#set(packet.PACKET_QDISC_BYPASS, on ? 1 : 0, 'PACKET_QDISC_BYPASS');
  }

  /** SOF_TIMESTAMPING_ bits: where the times of frames come from. */
  setTimestampSource(bits: number): void {
    this.#set(packet.PACKET_TIMESTAMP, bits, 'PACKET_TIMESTAMP');
  }

  /** Joins the fanout group; the socket must be bound already. All members have the same device, protocol and mode. */
  joinFanout(group: number, mode: FanoutMode, { defrag = false, rollover = false } = {}): void {
    let typeFlags = FANOUT_MODES[mode];
    if (defrag) typeFlags |= packet.PACKET_FANOUT_FLAG_DEFRAG;
    if (rollover) typeFlags |= packet.PACKET_FANOUT_FLAG_ROLLOVER;
    this.#set(
      packet.PACKET_FANOUT,
      packet.fanoutArgument(group, typeFlags),
      'PACKET_FANOUT',
      'Every member of a fanout group has to be bound to the same interface and have the same mode',
    );
  }

  /** Receive buffer in bytes, for sockets without a ring. With CAP_NET_ADMIN beyond net.core.rmem_max. */
  setReceiveBuffer(bytes: number): void {
    this.#buffer(SO_RCVBUFFORCE, SO_RCVBUF, bytes, 'SO_RCVBUF');
  }

  /** Send buffer in bytes. With CAP_NET_ADMIN beyond net.core.wmem_max. */
  setSendBuffer(bytes: number): void {
    this.#buffer(SO_SNDBUFFORCE, SO_SNDBUF, bytes, 'SO_SNDBUF');
  }

  #buffer(force: number, plain: number, bytes: number, label: string): void {
    const value = new Uint8Array(Int32Array.of(bytes).buffer);
    if (this.calls.setsockopt(this.fd, SOL_SOCKET, force, value) < 0)
      check(this.calls.setsockopt(this.fd, SOL_SOCKET, plain, value), `setsockopt ${label}`);
  }

  /** Frames since the socket was opened. packet(7): reading PACKET_STATISTICS resets the counters, which are 32 bits wide,
   * so they are added up here; read it at least once in 2^32 frames. */
  statistics(): PacketStatistics {
    const v3 = this.#version === packet.TPACKET_V3;
    const size = v3 ? packet.tpacket_stats_v3.sizeof : packet.tpacket_stats.sizeof;
    const value = new Uint8Array(packet.tpacket_stats_v3.sizeof);
    if (!this.closed) {
      value.set(this.getOption(SOL_PACKET, packet.PACKET_STATISTICS, size, 'getsockopt PACKET_STATISTICS'));
      const { packets, drops, freezes } = packet.decodeTpacketStatsV3(value);
      this.#totals.received += packets;
      this.#totals.dropped += drops;
      this.#totals.freezes += freezes;
    }
    return { ...this.#totals };
  }

  /** The device's own protocol number in the address the socket is bound to; for tests and diagnosis. */
  boundProtocol(): number {
    const address = new Uint8Array(packet.sockaddr_ll.sizeof);
    check(this.calls.getsockname(this.fd, address, Int32Array.of(address.length)), 'getsockname');
    return be16(address, packet.sockaddr_ll.sll_protocol);
  }
}
