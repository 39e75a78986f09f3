import { PacketSocket } from '../socket/packet.ts';
import { links } from '../socket/route.ts';
import { Socket } from '../socket/socket.ts';
import type { SystemCalls } from '../syscall/contract.ts';
import { SystemError } from '../syscall/error.ts';
import { EADDRNOTAVAIL, EINVAL, EMSGSIZE } from '../uapi/errno.ts';
import { hostI32 } from '../uapi/host.ts';
import { IP_MULTICAST_TTL, IP_TOS, IP_TTL, IPPROTO_IP, IPPROTO_IPV6 } from '../uapi/in.ts';
import { IPV6_MULTICAST_HOPS, IPV6_TCLASS, IPV6_UNICAST_HOPS } from '../uapi/in6.ts';
import { AF_INET, AF_INET6, SO_BINDTODEVICE, SO_BROADCAST, SOCK_DGRAM, SOL_SOCKET } from '../uapi/socket.ts';
import { LINKTYPE_RAW } from '../wire/linktype.ts';
import { formatIp, isMulticast, needsZone, parseIp } from './address.ts';
import { fragment } from './fragment.ts';
import { RawCallsSocket } from './raw-calls.ts';
import { RawIpSocket } from './raw-socket.ts';
import { findLink, type Path, resolvePath } from './resolve.ts';
import type { SolicitOptions } from './solicit.ts';
import { maxUdpData, udpPacket } from './udp-packet.ts';

/** Sending UDP datagrams in three ways: frames of our own through a packet socket, IP packets of our own through a raw
 * socket, and data through the kernel's own UDP. */

export type Via = 'packet' | 'raw' | 'dgram';

export interface UdpTarget {
  /** 4 or 16 bytes. */
  address: Uint8Array;
  port: number;
  /** Name of the device to send on; default: the routing table says. */
  device?: string | undefined;
  /** Source address and port; defaults: what the routing table prefers, and any port of the dynamic range. An address that
   * is not this machine's is for `packet` and `raw` alone. */
  from?: { address?: Uint8Array | undefined; port?: number | undefined } | undefined;
  /** TTL or hop limit; default: the kernel's own, which is 1 for multicast. */
  ttl?: number | undefined;
  /** Type of service or traffic class. */
  tos?: number | undefined;
  /** A wrong UDP checksum; `packet` and `raw` alone. */
  badChecksum?: boolean | undefined;
  signal?: AbortSignal | undefined;
  /** How `raw` sends: through the npm module raw-socket, which knows the host's kernel alone (default), or by the system
   * calls that were given. */
  rawThrough?: 'module' | 'calls' | undefined;
  /** The time of the kernel; default: the machine's. */
  clock?: SolicitOptions['clock'];
  /** 0 up to but not including 1: for the port and the identification. Default Math.random. */
  random?: (() => number) | undefined;
}

/** What one datagram became. */
export interface SentUdp {
  /** The frames in the order of sending, each in memory of its own. */
  frames: Uint8Array[];
  /** LINKTYPE_ of the frames. */
  linkType: number;
}

/** An open way to one target. */
export interface UdpSender {
  readonly via: Via;
  /** The device that the datagrams leave by, as far as known beforehand. */
  readonly device: string | null;
  /** As the routing table says; null where the kernel alone decides. */
  readonly path: Path | null;
  readonly source: { address: Uint8Array; port: number };
  /** True where the frames that `send` gives are what went out byte for byte; false where the kernel made its own from the
   * same fields. */
  readonly exact: boolean;
  /** Sends one datagram. Throws RangeError where the data is too long for any datagram, SystemError else. */
  send(data: Uint8Array): Promise<SentUdp>;
  close(): void;
}

export const openUdp = (calls: SystemCalls, via: Via, target: UdpTarget): Promise<UdpSender> =>
  via === 'packet' ? openPacket(calls, target) : via === 'raw' ? openRaw(calls, target) : openDgram(calls, target);

/** RFC 6335 6: the dynamic ports begin at 49152; Linux's own range (ip_local_port_range) begins lower, and so do we. */
const FIRST_PORT = 32768;
const LAST_PORT = 60999;

/** Builds the IP packets of successive datagrams: fields that are not given are filled in. */
class PacketBuilder {
  readonly source: { address: Uint8Array; port: number };
  readonly #target: UdpTarget;
  readonly #path: Path;
  #id: number;
  readonly #random: () => number;

  constructor(target: UdpTarget, path: Path) {
    const random = target.random ?? Math.random;
    this.#target = target;
    this.#path = path;
    this.#random = random;
    this.source = {
      address: path.source,
      port: target.from?.port ?? FIRST_PORT + Math.floor(random() * (LAST_PORT - FIRST_PORT + 1)),
    };
    // Never 0: a raw socket's kernel would put another in its place.
    this.#id = 1 + Math.floor(random() * 0xffff);
  }

  /** The datagram as IP packets that the path takes. */
  packets(data: Uint8Array): Uint8Array[] {
    const { address, port, ttl, tos, badChecksum } = this.#target;
    const whole = (dontFragment: boolean): Uint8Array =>
      udpPacket({
        src: this.source.address,
        dst: address,
        srcPort: this.source.port,
        dstPort: port,
        data,
        ttl: ttl ?? this.#path.hopLimit,
        tos: tos ?? 0,
        id: this.#id,
        dontFragment,
        badChecksum: badChecksum ?? false,
      });
    // As Linux does by default (ip(7), IP_MTU_DISCOVER): "don't fragment" on what fits, and local cutting of what does not.
    let packet = whole(true);
    if (packet.length > this.#path.mtu) packet = whole(false);
    const pieces = fragment(packet, this.#path.mtu, Math.floor(this.#random() * 0x1_0000_0000));
    this.#id = this.#id === 0xffff ? 1 : this.#id + 1;
    return pieces;
  }
}

async function openPacket(calls: SystemCalls, target: UdpTarget): Promise<UdpSender> {
  // First, so that a missing privilege is told before anything else.
  const probe = PacketSocket.create(calls);
  probe.close();
  const path = await resolvePath(calls, {
    destination: target.address,
    device: target.device,
    source: target.from?.address,
    signal: target.signal,
    clock: target.clock,
  });
  const builder = new PacketBuilder(target, path);
  // Without a link header of ours the device makes its own: a cooked socket (packet(7), SOCK_DGRAM).
  const socket = PacketSocket.create(calls, { cooked: !path.framed });
  const to = { family: 'packet', protocol: path.etherType, ifindex: path.device.ifindex } as const;
  return {
    via: 'packet',
    device: path.device.name,
    path,
    source: builder.source,
    exact: true,
    async send(data) {
      const frames = builder.packets(data).map((packet) => {
        const frame = new Uint8Array(path.linkHeader.length + packet.length);
        frame.set(path.linkHeader);
        frame.set(packet, path.linkHeader.length);
        return frame;
      });
      for (const frame of frames) await socket.send(frame, { to, ...(target.signal ? { signal: target.signal } : {}) });
      return { frames, linkType: path.linkType };
    },
    close: () => socket.close(),
  };
}

/** A raw socket of either make. `address` has a zone where it needs one, and `scopeId` is that zone's index. */
interface RawWay {
  send(packet: Uint8Array, address: string, scopeId: number): Promise<void>;
  close(): void;
}

async function openRaw(calls: SystemCalls, target: UdpTarget): Promise<UdpSender> {
  const version = target.address.length === 4 ? 4 : 6;
  const link = target.device === undefined ? undefined : findLink(await links(calls), target.device);
  const socket: RawWay =
    target.rawThrough === 'calls'
      ? new RawCallsSocket(calls, version, link?.name)
      : new RawIpSocket(version, link?.name);
  try {
    const path = await resolvePath(calls, {
      destination: target.address,
      device: target.device,
      source: target.from?.address,
      signal: target.signal,
      // The kernel finds the neighbour itself.
      neighbour: false,
    });
    const builder = new PacketBuilder(target, path);
    // The zone says on which link, which the address in the packet cannot.
    const zone = needsZone(target.address) ? `%${path.device.name}` : '';
    const address = formatIp(target.address) + zone;
    return {
      via: 'raw',
      device: path.device.name,
      path,
      source: builder.source,
      exact: true,
      async send(data) {
        const frames = builder.packets(data);
        for (const packet of frames) await socket.send(packet, address, path.device.ifindex);
        return { frames, linkType: LINKTYPE_RAW };
      },
      close: () => socket.close(),
    };
  } catch (error) {
    socket.close();
    throw error;
  }
}

async function openDgram(calls: SystemCalls, target: UdpTarget): Promise<UdpSender> {
  const { address, port, from, ttl, tos } = target;
  if (target.badChecksum)
    throw new RangeError(
      'badChecksum: the kernel computes the checksum of what a datagram socket sends; use packet or raw',
    );
  if (ttl === 0) throw new RangeError('ttl: a datagram socket sends none of 0; use packet or raw');
  const v4 = address.length === 4;
  const link = target.device === undefined ? null : findLink(await links(calls), target.device);
  const scopeId = link?.ifindex ?? 0;
  const name = (bytes: Uint8Array, number: number) =>
    v4
      ? ({ family: 'ipv4', address: formatIp(bytes), port: number } as const)
      : ({ family: 'ipv6', address: formatIp(bytes), port: number, scopeId: needsZone(bytes) ? scopeId : 0 } as const);
  const to = name(address, port);
  const any = new Uint8Array(address.length);
  const open = (): Socket => {
    const socket = Socket.open(calls, v4 ? AF_INET : AF_INET6, SOCK_DGRAM);
    socket.setOption(SOL_SOCKET, SO_BROADCAST, 1, 'setsockopt SO_BROADCAST');
    if (link !== null)
      socket.setOption(SOL_SOCKET, SO_BINDTODEVICE, Buffer.from(`${link.name}\0`), 'setsockopt SO_BINDTODEVICE');
    return socket;
  };
  const level = v4 ? IPPROTO_IP : IPPROTO_IPV6;
  const ttlOption = v4
    ? isMulticast(address)
      ? IP_MULTICAST_TTL
      : IP_TTL
    : isMulticast(address)
      ? IPV6_MULTICAST_HOPS
      : IPV6_UNICAST_HOPS;
  const socket = open();
  try {
    if (ttl !== undefined) socket.setOption(level, ttlOption, ttl, 'setsockopt TTL');
    if (tos !== undefined) socket.setOption(level, v4 ? IP_TOS : IPV6_TCLASS, tos, 'setsockopt TOS');
    try {
      socket.bind(name(from?.address ?? any, from?.port ?? 0));
    } catch (error) {
      if (error instanceof SystemError && error.errno === EADDRNOTAVAIL)
        throw new SystemError(EADDRNOTAVAIL, 'bind', {
          dest: formatIp(from!.address!),
          hint: 'That address is not one of this machine: only packet and raw can send from it',
        });
      throw error;
    }
    const bound = socket.localAddress() as { port: number };
    const source = { address: from?.address ?? (await preferredSource(open(), to)), port: bound.port };
    const hopLimit = hostI32(socket.getOption(level, ttlOption, 4).slice(), 0);
    return {
      via: 'dgram',
      device: link?.name ?? null,
      path: null,
      source,
      exact: false,
      async send(data) {
        if (data.length > maxUdpData(address.length))
          throw new SystemError(EMSGSIZE, 'sendmsg', { hint: `At most ${maxUdpData(address.length)} bytes fit` });
        await socket.send(data, { to, ...(target.signal ? { signal: target.signal } : {}) });
        const packet = udpPacket({
          src: source.address,
          dst: address,
          srcPort: source.port,
          dstPort: port,
          data,
          ttl: hopLimit,
          tos: tos ?? 0,
        });
        return { frames: [packet], linkType: LINKTYPE_RAW };
      },
      close: () => socket.close(),
    };
  } catch (error) {
    socket.close();
    throw error;
  }
}

/** The address that the kernel would send from: it says so on a socket that is connected. Closes the socket. */
async function preferredSource(socket: Socket, to: Parameters<Socket['connect']>[0]): Promise<Uint8Array> {
  try {
    await socket.connect(to);
    const local = socket.localAddress();
    if (local?.family !== 'ipv4' && local?.family !== 'ipv6') throw new SystemError(EINVAL, 'getsockname');
    return parseIp(local.address)!;
  } finally {
    socket.close();
  }
}
