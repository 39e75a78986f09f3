import { be16, LITTLE_ENDIAN_HOST } from '../bytes/endian.ts';
import type { FrameBlock } from '../frames/block.ts';
import type { Mapping, PollFd, SystemCalls } from '../syscall/contract.ts';
import { check, SystemError } from '../syscall/error.ts';
import { EAGAIN, EBUSY, EINTR, EINVAL, ENETDOWN, ENOBUFS } from '../uapi/errno.ts';
import { hostU64, int, putHostU16, putHostU32, putHostU64 } from '../uapi/host.ts';
import { IFF_UP } from '../uapi/if.ts';
import { ETH_P_8021AD, ETH_P_8021Q } from '../uapi/if_ether.ts';
import * as xdp from '../uapi/if_xdp.ts';
import { MAP_ANONYMOUS, MAP_PRIVATE, MAP_SHARED, PROT_READ, PROT_WRITE } from '../uapi/mman.ts';
import { POLLOUT } from '../uapi/poll.ts';
import { AF_XDP, SO_SNDBUF, SO_SNDBUFFORCE, SOCK_RAW, SOL_SOCKET, SOL_XDP } from '../uapi/socket.ts';
import { type Device, PacketSocket } from './packet.ts';
import type { SendResult } from './sender.ts';
import { Socket } from './socket.ts';
import { waitFor } from './wait.ts';

export interface XdpSenderOptions {
  /** Name of the device. */
  interface: string;
  /** Transmit queue; one AF_XDP socket can have it at a time. */
  queue?: number;
}

/** Slots of the rings and pieces of the memory that frames are put into: a power of two. */
const SLOTS = 1024;
/** Frames that are announced to the kernel at once. */
const BATCH = 256;
const DESC_WORDS = xdp.xdp_desc.sizeof >> 2;
/** Bytes up to which a loop copies faster than `set` of a subarray, which has to be made first. */
const SHORT = 256;
const TURN = 8;

/** Sends frames through an AF_XDP socket in copy mode: past the queueing discipline and past other packet sockets, for
 * less of the kernel's time a frame than sendmmsg takes. The price: what the driver drops is not reported for each frame
 * (see the device's tx_dropped), and frames have to fit into one page.
 *
 * Source: Documentation/networking/af_xdp.rst, linux/if_xdp.h; since Linux 4.18. */
export class XdpSender {
  readonly device: Device;
  readonly socket: Socket;
  readonly #calls: SystemCalls;
  readonly #chunk: number;
  readonly #longest: number;
  readonly #umem: Mapping;
  readonly #umemView: DataView;
  readonly #tx: Mapping;
  readonly #completion: Mapping;
  readonly #offsets: Uint8Array;
  readonly #producer: number;
  readonly #consumer: number;
  readonly #descriptors: number;
  readonly #completed: number;
  readonly #released: number;
  readonly #poll: PollFd[];
  readonly #nothing = new Uint8Array(0);
  /** Descriptors announced since the start, modulo 2^32. */
  #announced = 0;
  #turn = performance.now();

  /** Throws SystemError: EPERM, ENODEV, ENETDOWN, EBUSY (another AF_XDP socket has the queue), EOPNOTSUPP or EAFNOSUPPORT
   * (no AF_XDP here), ENOBUFS (RLIMIT_MEMLOCK), EMSGSIZE (the device's frames are longer than a page). */
  static async open(calls: SystemCalls, options: XdpSenderOptions): Promise<XdpSender> {
    for (let tries = 1; ; tries++) {
      try {
        return new XdpSender(calls, options);
      } catch (error) {
        // The kernel gives a queue, and memory that was locked for it, back a moment after its socket was closed.
        if (!(error instanceof SystemError) || (error.errno !== EBUSY && error.errno !== ENOBUFS) || tries === 20)
          throw error;
        await waitFor(calls, [], { timeout: 10 });
      }
    }
  }

  private constructor(calls: SystemCalls, { interface: name, queue = 0 }: XdpSenderOptions) {
    this.#calls = calls;
    const packet = PacketSocket.create(calls);
    try {
      this.device = packet.device(name);
    } finally {
      packet.close();
    }
    const about = { dest: name };
    if ((this.device.flags & IFF_UP) === 0) throw new SystemError(ENETDOWN, 'bind', about);
    // An Ethernet header, and a VLAN tag.
    this.#longest = this.device.mtu + 18;
    if (this.#longest > 4096) throw new RangeError(`interface: MTU ${this.device.mtu} is too large for AF_XDP's pages`);
    this.#chunk = this.#longest > 2048 ? 4096 : 2048;
    const mappings: Mapping[] = [];
    const map = (length: number, flags: number, fd: number, offset: number): Mapping => {
      const mapping = calls.mmap(length, PROT_READ | PROT_WRITE, flags, fd, offset);
      if (typeof mapping === 'number') throw new SystemError(-mapping, 'mmap', about);
      mappings.push(mapping);
      return mapping;
    };
    this.socket = new Socket(calls, check(calls.socket(AF_XDP, SOCK_RAW, 0), 'socket', { dest: 'AF_XDP' }));
    try {
      const { fd } = this.socket;
      const length = SLOTS * this.#chunk;
      this.#umem = map(length, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      this.#umemView = new DataView(this.#umem.bytes.buffer, this.#umem.bytes.byteOffset, length);
      putHostU64(this.#umem.bytes, xdp.xdp_umem_reg.len, BigInt(length));
      putHostU32(this.#umem.bytes, xdp.xdp_umem_reg.chunk_size, this.#chunk);
      const set = (option: number, value: Uint8Array, label: string): void => {
        check(calls.setsockopt(fd, SOL_XDP, option, value), `setsockopt ${label}`, about);
      };
      set(xdp.XDP_UMEM_REG, this.#umem.bytes, 'XDP_UMEM_REG');
      // The kernel wants a fill ring even where nothing is received.
      set(xdp.XDP_UMEM_FILL_RING, int(SLOTS), 'XDP_UMEM_FILL_RING');
      set(xdp.XDP_UMEM_COMPLETION_RING, int(SLOTS), 'XDP_UMEM_COMPLETION_RING');
      set(xdp.XDP_TX_RING, int(SLOTS), 'XDP_TX_RING');
      this.#offsets = this.socket.getOption(SOL_XDP, xdp.XDP_MMAP_OFFSETS, xdp.xdp_mmap_offsets.sizeof);
      const at = (field: keyof typeof xdp.xdp_mmap_offsets): number =>
        Number(hostU64(this.#offsets, xdp.xdp_mmap_offsets[field]));
      this.#producer = at('tx.producer') >> 2;
      this.#consumer = at('tx.consumer') >> 2;
      this.#descriptors = at('tx.desc') >> 2;
      this.#completed = at('cr.producer') >> 2;
      this.#released = at('cr.consumer') >> 2;
      this.#tx = map(at('tx.desc') + SLOTS * xdp.xdp_desc.sizeof, MAP_SHARED, fd, xdp.XDP_PGOFF_TX_RING);
      const completion = xdp.XDP_UMEM_PGOFF_COMPLETION_RING;
      this.#completion = map(at('cr.desc') + SLOTS * 8, MAP_SHARED, fd, completion);
      const buffer = int(8 << 20);
      if (calls.setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, buffer) < 0)
        check(calls.setsockopt(fd, SOL_SOCKET, SO_SNDBUF, buffer), 'setsockopt SO_SNDBUF');
      const address = new Uint8Array(xdp.sockaddr_xdp.sizeof);
      putHostU16(address, xdp.sockaddr_xdp.sxdp_family, AF_XDP);
      putHostU16(address, xdp.sockaddr_xdp.sxdp_flags, xdp.XDP_COPY);
      putHostU32(address, xdp.sockaddr_xdp.sxdp_ifindex, this.device.ifindex);
      putHostU32(address, xdp.sockaddr_xdp.sxdp_queue_id, queue);
      check(calls.bind(fd, address), 'bind', about);
    } catch (error) {
      this.socket.close();
      for (const mapping of mappings) calls.munmap(mapping);
      throw error;
    }
    this.#poll = [{ fd: this.socket.fd, events: POLLOUT, revents: 0 }];
  }

  /** Sends the kept rows of the block, `first` to `end` - 1, in order, and resolves when the kernel has taken all of them.
   * Frames longer than the MTU allows count as EMSGSIZE, shorter than an Ethernet header as EINVAL. Rejects with
   * SystemError when the device goes down (ENETDOWN) or away, and with the signal's reason. */
  async send(
    block: FrameBlock,
    { first = 0, end = block.count, signal }: { first?: number; end?: number; signal?: AbortSignal } = {},
  ): Promise<SendResult> {
    const result: SendResult = { sent: 0, bytes: 0, failed: new Map() };
    const fail = (name: string): void => void result.failed.set(name, (result.failed.get(name) ?? 0) + 1);
    const umem = this.#umem.bytes;
    // One view a call, for copies of four bytes at any alignment.
    const umemView = this.#umemView;
    const view = new DataView(block.bytes.buffer, block.bytes.byteOffset, block.bytes.byteLength);
    const words = this.#tx.words;
    let row = first;
    while (row < end) {
      signal?.throwIfAborted();
      let room = Math.min(BATCH, this.#room());
      if (room === 0) {
        await this.#kick(signal);
        continue;
      }
      for (; row < end && room > 0; row++) {
        if (block.keep[row] === 0) continue;
        const length = block.capturedLength[row]!;
        if (length > this.#longest || (length > this.#longest - 4 && !isTagged(block.bytes, block.offset[row]!)))
          fail('EMSGSIZE');
        else if (length < 14) fail('EINVAL');
        else {
          const slot = this.#announced & (SLOTS - 1);
          const to = slot * this.#chunk;
          const from = block.offset[row]!;
          if (length > SHORT) umem.set(block.bytes.subarray(from, from + length), to);
          else {
            const whole = length & ~3;
            for (let at = 0; at < whole; at += 4) umemView.setInt32(to + at, view.getInt32(from + at));
            for (let at = whole; at < length; at++) umem[to + at] = block.bytes[from + at]!;
          }
          const at = this.#descriptors + slot * DESC_WORDS;
          // The address is an offset into the memory, 64 bits of which 32 suffice.
          words[at] = LITTLE ? to : 0;
          words[at + 1] = LITTLE ? 0 : to;
          words[at + 2] = length;
          words[at + 3] = 0;
          this.#announced = (this.#announced + 1) | 0;
          result.sent++;
          result.bytes += length;
          room--;
        }
      }
      Atomics.store(words, this.#producer, this.#announced);
      await this.#kick(signal);
      if (performance.now() - this.#turn > TURN) {
        await new Promise(setImmediate);
        this.#turn = performance.now();
      }
    }
    return result;
  }

  /** Slots that are free, after taking back those whose frame has left. */
  #room(): number {
    const completed = Atomics.load(this.#completion.words, this.#completed);
    Atomics.store(this.#completion.words, this.#released, completed);
    return SLOTS - ((this.#announced - completed) | 0);
  }

  /** Tells the kernel to send until it has taken every descriptor. It takes 32 a call, and says EAGAIN while more are there. */
  async #kick(signal: AbortSignal | undefined): Promise<void> {
    const { words } = this.#tx;
    for (;;) {
      const before = Atomics.load(words, this.#consumer);
      if (before === this.#announced && this.#room() > 0) return;
      const result = this.#calls.sendto(this.socket.fd, this.#nothing, 0, null);
      if (result < 0 && ![EAGAIN, EBUSY, ENOBUFS, EINTR].includes(-result))
        throw new SystemError(this.socket.closed ? EINVAL : -result, 'sendto', { dest: this.device.name });
      if (Atomics.load(words, this.#consumer) !== before) continue;
      this.#room();
      await waitFor(this.#calls, result === -EAGAIN ? this.#poll : [], { timeout: 1, signal });
      this.#turn = performance.now();
    }
  }

  close(): void {
    if (this.socket.closed) return;
    this.socket.close();
    for (const mapping of [this.#umem, this.#tx, this.#completion]) this.#calls.munmap(mapping);
  }
}

/** A VLAN tag makes a frame 4 bytes longer than the MTU allows otherwise. */
const isTagged = (bytes: Uint8Array, at: number): boolean => {
  const type = be16(bytes, at + 12);
  return type === ETH_P_8021Q || type === ETH_P_8021AD;
};

const LITTLE = LITTLE_ENDIAN_HOST;
