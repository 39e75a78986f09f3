import { FrameBlock } from '../frames/block.ts';
import type { FrameInterface, FrameSource } from '../frames/source.ts';
import type { Mapping, PollFd, SystemCalls } from '../syscall/contract.ts';
import { check, SystemError } from '../syscall/error.ts';
import * as errno from '../uapi/errno.ts';
import type { SockFilter } from '../uapi/filter.ts';
import { IFF_LOOPBACK } from '../uapi/if.ts';
import {
  encodeTpacketReq3,
  TP_STATUS_KERNEL,
  TP_STATUS_USER,
  TPACKET_V3,
  tpacket_block_desc,
} from '../uapi/if_packet.ts';
import { MAP_SHARED, PROT_READ, PROT_WRITE } from '../uapi/mman.ts';
import { POLLERR, POLLHUP, POLLIN, POLLNVAL } from '../uapi/poll.ts';
import { cookedHeaderLength, cookedProgram, type Direction, socketProgram } from './capture-filter.ts';
import { deviceLinkType, LINKTYPE_ETHERNET, LINKTYPE_LINUX_SLL2 } from './linktype.ts';
import { type Device, type FanoutMode, PacketSocket, type PacketStatistics } from './packet.ts';
import { type RingMemory, ringMemory, VLAN_TAG_LENGTH, walkBlock, walkCookedBlock } from './ring-walk.ts';
import { setTimestampType, type TimestampType } from './timestamp.ts';

/** Bytes of a frame that are taken where nothing else is said, as tcpdump does. */
export const DEFAULT_SNAP_LENGTH = 262_144;
/** Bytes of a ring: at a million small frames a second it holds for about 0.4 s. */
export const DEFAULT_BUFFER_SIZE = 64 << 20;
/** Milliseconds after which a block that is not full is handed over. */
export const DEFAULT_BLOCK_TIMEOUT = 100;

export interface RingOptions {
  /** Name of the device; 'any' for all of them. */
  interface: string;
  /** Default true. Never for 'any'. */
  promiscuous?: boolean;
  /** A classic BPF program over whole frames of the ring's link type, or a function that makes it for that link type. It
   * runs in the kernel, cut to `snapLength`. */
  filter?: readonly SockFilter[] | ((linkType: number) => readonly SockFilter[] | null) | null;
  /** The filter as it was typed, for `FrameInterface.filter`. */
  filterText?: string;
  /** For `FrameInterface.description` and `os`. */
  description?: string;
  os?: string;
  direction?: Direction;
  /** Bytes of each frame; default 262144. */
  snapLength?: number;
  /** Bytes of the ring; default 64 MiB, or the half, and so on, of what the kernel has no memory for. */
  bufferSize?: number;
  /** Milliseconds after which a block that is not full is handed over; default 100. */
  blockTimeout?: number;
  /** Hand over as soon as the kernel can: a block timeout of one millisecond. */
  immediate?: boolean;
  timestampType?: TimestampType;
  fanout?: { group: number; mode: FanoutMode; defrag?: boolean; rollover?: boolean };
  /** Ends the capture as `stop()` does. */
  signal?: AbortSignal;
}

const STATUS = tpacket_block_desc['hdr.bh1.block_status'] >> 2;
/** Page of any machine, at most. */
const LARGEST_PAGE = 1 << 16;
/** The event loop has its turn at least this often, in milliseconds. */
const TURN = 8;
/** PACKET_STATISTICS counts in 32 bits: read at least this often, in milliseconds. */
const STATISTICS_PERIOD = 10_000;

/** What a device's frames look like when they are captured from a ring. */
export interface RingLink {
  device: Device | null;
  linkType: number;
  /** Taken by SOCK_DGRAM, with a Linux cooked header in place of the device's own. */
  cooked: boolean;
}

/** A TPACKET_V3 receive ring. Each block of the ring becomes one FrameBlock in place: its memory is the ring's, and it
 * goes back to the kernel when the next block is asked for.
 *
 * Ends: after `stop()` (or the signal) the rest is delivered and the iteration is done. When the device goes down or away
 * the rest is delivered and the iteration throws SystemError ENETDOWN or ENODEV. `close()` ends at once. */
export class PacketRing implements FrameSource, AsyncIterator<FrameBlock> {
  readonly socket: PacketSocket;
  readonly link: RingLink;
  /** Grows when `any` meets a device that it has not met before. */
  readonly interfaces: FrameInterface[] = [];
  /** False where the filter could not be expressed for this socket: the consumer has to apply it to the blocks. */
  readonly filtered: boolean;
  readonly bufferSize: number;
  readonly blockSize: number;
  readonly #options: RingOptions;
  readonly #mapping: Mapping;
  readonly #memory: RingMemory;
  readonly #blocks: number;
  readonly #blockTimeout: number;
  readonly #snapLength: number;
  readonly #cookedHeader: number;
  readonly #block: FrameBlock;
  readonly #ids = new Map<number, number>();
  readonly #poll: PollFd[];
  /** The block to look at next, or the one that is out. */
  #index = 0;
  #out = false;
  #frames = 0;
  #state: 'running' | 'ending' | 'done' = 'running';
  #failure: SystemError | null = null;
  #interrupt: (() => void) | null = null;
  #turn = performance.now();
  #counted = performance.now();
  #undelivered = 0;

  /** Opens the ring; frames are captured from here on. Throws SystemError (EPERM with a hint, ENODEV, ENETDOWN, ENOMEM)
   * and RangeError for options that make no sense. */
  static open(calls: SystemCalls, options: RingOptions): PacketRing {
    return new PacketRing(calls, options);
  }

  private constructor(calls: SystemCalls, options: RingOptions) {
    this.#options = options;
    this.#snapLength = positive('snapLength', options.snapLength ?? DEFAULT_SNAP_LENGTH);
    this.#blockTimeout = options.immediate
      ? 1
      : positive('blockTimeout', options.blockTimeout ?? DEFAULT_BLOCK_TIMEOUT);
    const bufferSize = positive('bufferSize', options.bufferSize ?? DEFAULT_BUFFER_SIZE);
    if (bufferSize > 0x7fffffff) throw new RangeError(`bufferSize: ${bufferSize} is more than 2 GiB`);
    this.link = ringLink(calls, options.interface);
    const { cooked, linkType, device } = this.link;
    this.#cookedHeader = cookedHeaderLength(linkType);
    const socket = PacketSocket.create(calls, { cooked });
    this.socket = socket;
    try {
      socket.setVersion(TPACKET_V3);
      socket.setReserve(VLAN_TAG_LENGTH + this.#cookedHeader);
      if (options.timestampType) setTimestampType(socket, device, options.timestampType);
      const geometry = this.#allocate(bufferSize, options.bufferSize !== undefined);
      this.blockSize = geometry.blockSize;
      this.#blocks = geometry.blocks;
      this.bufferSize = this.blockSize * this.#blocks;
      const mapping = calls.mmap(this.bufferSize, PROT_READ | PROT_WRITE, MAP_SHARED, socket.fd, 0);
      if (typeof mapping === 'number') check(mapping, 'mmap', { dest: `packet ring of ${this.bufferSize} bytes` });
      this.#mapping = mapping as Mapping;
      this.#memory = ringMemory(this.#mapping);
      this.filtered = this.#bind();
    } catch (error) {
      socket.close();
      throw error;
    }
    this.#block = new FrameBlock(this.#memory.bytes, 8192);
    this.#poll = [{ fd: socket.fd, events: POLLIN | POLLERR, revents: 0 }];
    if (device) this.#introduce(device.ifindex, device.name, device.macAddress);
    options.signal?.addEventListener('abort', this.#aborted, { once: true });
    if (options.signal?.aborted) this.stop();
  }

  /** Sets the ring up, with less memory where the kernel has no more and nobody asked for just that much. */
  #allocate(bufferSize: number, asked: boolean): { blockSize: number; blocks: number } {
    for (let size = bufferSize; ; size >>= 1) {
      const { blockSize, blocks } = ringGeometry(size, this.#options.immediate);
      const frameSize = 2048;
      const request = encodeTpacketReq3({
        blockSize,
        blockNr: blocks,
        frameSize,
        frameNr: (blockSize / frameSize) * blocks,
        retireBlkTov: this.#blockTimeout,
      });
      try {
        this.socket.setRxRing(request);
        return { blockSize, blocks };
      } catch (error) {
        if (!(error instanceof SystemError) || error.code !== 'ENOMEM' || asked || size <= 2 << 20) throw error;
      }
    }
  }

  /** From nothing received to exactly what is wanted: the socket is bound while it rejects everything, and opened up by
   * putting the real filter in its place in one step. */
  #bind(): boolean {
    const { interface: name, direction = 'inout', fanout, filter } = this.#options;
    const { device, linkType, cooked } = this.link;
    const { socket } = this;
    const onLoopback = device !== null && (device.flags & IFF_LOOPBACK) !== 0;
    if (direction === 'in' || onLoopback) {
      try {
        socket.setIgnoreOutgoing(true);
      } catch (error) {
        // Linux before 4.20: the test in front of the program says the same.
        if (!(error instanceof SystemError) || error.code !== 'ENOPROTOOPT') throw error;
      }
    }
    const program = typeof filter === 'function' ? filter(linkType) : (filter ?? null);
    const adapted = program && cooked ? cookedProgram(program, linkType) : program;
    socket.rejectAll();
    socket.bindTo(device?.ifindex ?? 0, undefined, name);
    if (device && this.#options.promiscuous !== false) socket.setPromiscuous(device.ifindex);
    if (fanout) socket.joinFanout(fanout.group, fanout.mode, fanout);
    const around = {
      direction,
      everyFrameIsLoopback: onLoopback,
      loopback: device === null ? loopbackIndex(socket) : null,
      snapLength: this.#snapLength - this.#cookedHeader,
    };
    try {
      socket.attachFilter(socketProgram(adapted, around));
      return program === null || adapted !== null;
    } catch (error) {
      // A program that the kernel does not take (it loops, as protochain's does, or has more than 4096 instructions) is
      // left to the consumer, as libpcap does it.
      if (adapted === null || !(error instanceof SystemError) || error.code !== 'EINVAL') throw error;
      socket.attachFilter(socketProgram(null, around));
      return false;
    }
  }

  #introduce(ifindex: number, name: string, macAddress?: Uint8Array): number {
    const id = this.interfaces.length;
    this.interfaces.push({
      name,
      linkType: this.link.linkType,
      snapLength: this.#snapLength,
      timestampDigits: 9,
      ifindex,
      ...(macAddress && this.link.linkType === LINKTYPE_ETHERNET ? { macAddress } : {}),
      ...(this.#options.filterText ? { filter: this.#options.filterText } : {}),
      ...(this.#options.description ? { description: this.#options.description } : {}),
      ...(this.#options.os ? { os: this.#options.os } : {}),
    });
    this.#ids.set(ifindex, id);
    return id;
  }

  readonly #interfaceOf = (ifindex: number): number =>
    this.#ids.get(ifindex) ?? this.#introduce(ifindex, this.socket.deviceName(ifindex) ?? `if${ifindex}`);

  /** The descriptor and events to poll for, for who waits for several rings at once. */
  get pollFd(): PollFd {
    return this.#poll[0]!;
  }

  /** The next block that the kernel has handed over, or null where there is none now. It holds until the next call of this
   * or of `releaseBlock`, which gives it back to the kernel. Does not wait; never allocates (but a larger table). */
  takeBlock(): FrameBlock | null {
    for (;;) {
      this.releaseBlock();
      if (this.socket.closed) return null;
      const start = this.#index * this.blockSize;
      // Atomics, since a plain load need not be ordered before those of the block's contents.
      const status = Atomics.load(this.#mapping.words, (start >> 2) + STATUS);
      if ((status & TP_STATUS_USER) === 0) return null;
      this.#out = true;
      const { link } = this;
      if (link.cooked)
        walkCookedBlock(this.#memory, start, this.#block, this.#snapLength, this.#cookedHeader, this.#interfaceOf);
      else walkBlock(this.#memory, start, this.#block, this.#snapLength, link.linkType === LINKTYPE_ETHERNET);
      this.#frames += this.#block.count;
      if (this.#block.count > 0) return this.#block;
    }
  }

  /** Gives the block that is out back to the kernel. Its rows read nonsense from now on. */
  releaseBlock(): void {
    if (!this.#out) return;
    this.#out = false;
    this.#block.count = 0;
    const start = this.#index * this.blockSize;
    this.#index = (this.#index + 1) % this.#blocks;
    Atomics.store(this.#mapping.words, (start >> 2) + STATUS, TP_STATUS_KERNEL);
  }

  async next(): Promise<IteratorResult<FrameBlock, undefined>> {
    for (;;) {
      // A turn for the event loop: timers and signals must not wait for the traffic to stop.
      const now = performance.now();
      if (now - this.#counted > STATISTICS_PERIOD) this.#readStatistics();
      if (now - this.#turn > TURN) {
        await new Promise(setImmediate);
        this.#turn = performance.now();
      }
      const value = this.takeBlock();
      if (value) return { value, done: false };
      if (this.#state === 'running') await this.#receive();
      else if (this.#state === 'done' || this.socket.closed || (await this.#drained())) break;
      this.#turn = performance.now();
    }
    this.close();
    const failure = this.#failure;
    this.#failure = null;
    if (failure) throw failure;
    return { value: undefined, done: true };
  }

  /** Waits for a block, or for the end. */
  async #receive(): Promise<void> {
    const revents = await this.#pause(-1);
    if (this.#state !== 'running' || (revents & (POLLERR | POLLHUP | POLLNVAL)) === 0) return;
    if (this.socket.closed) return;
    const error = this.socket.takeError();
    if (error === 0) return;
    this.#failure = new SystemError(error, 'poll', { dest: this.#options.interface });
    this.#end();
  }

  /** While ending: true when no frame is left that the kernel counted as received. The last block is handed over when its
   * timeout is over, not before. */
  async #drained(): Promise<boolean> {
    const patience = 2 * this.#blockTimeout + 1000;
    const step = Math.max(2, Math.min(20, this.#blockTimeout));
    for (let waited = 0; ; waited += step) {
      const { received, dropped } = this.#readStatistics();
      const left = received - dropped - this.#frames;
      // A frame that another processor was about to store when the filter was closed is counted a moment later.
      if (left <= 0 && waited > 0) break;
      if (waited > patience) {
        this.#undelivered = left;
        break;
      }
      const revents = await this.#pause(step);
      if (this.socket.closed) return true;
      if ((revents & POLLIN) !== 0) return false;
    }
    this.#state = 'done';
    this.#explain();
    return true;
  }

  /** Down, or gone? The kernel tells ENETDOWN for both, before the device is unlisted. */
  #explain(): void {
    const { device } = this.link;
    if (this.#failure?.errno !== errno.ENETDOWN || !device) return;
    const name = this.#options.interface;
    this.#failure =
      this.socket.deviceName(device.ifindex) === null
        ? new SystemError(errno.ENODEV, 'poll', { dest: name, hint: 'The device is gone' })
        : new SystemError(errno.ENETDOWN, 'poll', { dest: name, hint: 'The device was taken down' });
  }

  /** Resolves to revents, 0 after `timeout` milliseconds or when interrupted. */
  #pause(timeout: number): Promise<number> {
    return new Promise((resolve, reject) => {
      const cancel = this.socket.calls.pollWait(this.#poll, timeout, (ready) => {
        this.#interrupt = null;
        if (ready < 0) reject(new SystemError(-ready, 'poll'));
        else resolve(ready === 0 ? 0 : this.#poll[0]!.revents);
      });
      this.#interrupt = () => {
        this.#interrupt = null;
        cancel();
        resolve(0);
      };
    });
  }

  readonly #aborted = (): void => this.stop();

  #end(): void {
    this.#state = 'ending';
    this.#options.signal?.removeEventListener('abort', this.#aborted);
  }

  /** No further frame is captured. What was captured until now is still delivered; then the iteration is done. */
  stop(): void {
    if (this.#state !== 'running' || this.socket.closed) return;
    this.socket.rejectAll();
    this.#end();
    this.#interrupt?.();
  }

  /** Totals of the kernel's counters; they stay readable after `close`. */
  statistics(): PacketStatistics {
    return { ...this.#readStatistics() };
  }

  #readStatistics(): PacketStatistics {
    this.#counted = performance.now();
    return this.socket.statistics();
  }

  /** Frames that were handed out in blocks until now. */
  get delivered(): number {
    return this.#frames;
  }

  /** Frames that the kernel had received when the capture ended and did not hand over in time; 0 as a rule. */
  get undelivered(): number {
    return this.#undelivered;
  }

  /** Ends at once: what is still in the ring is lost. Idempotent. */
  close(): void {
    this.#end();
    this.#state = 'done';
    this.releaseBlock();
    if (!this.socket.closed) {
      this.socket.statistics();
      this.socket.calls.munmap(this.#mapping);
      this.socket.close();
    }
    this.#interrupt?.();
  }

  async return(): Promise<IteratorResult<FrameBlock, undefined>> {
    this.close();
    return { value: undefined, done: true };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

/** How frames of the device are captured: the link type that filters have to be compiled for. */
export function ringLink(calls: SystemCalls, name: string): RingLink {
  if (name === 'any') return { device: null, linkType: LINKTYPE_LINUX_SLL2, cooked: true };
  const socket = PacketSocket.create(calls);
  try {
    const device = socket.device(name);
    return { device, ...deviceLinkType(device.arphrd) };
  } finally {
    socket.close();
  }
}

/** Blocks of a ring of about `bufferSize` bytes. A block is used up when it is full or when its time is over, however
 * little is in it: so there are many, or a trickle of frames would fill the ring while the consumer is busy for a moment.
 * Each holds the largest frame of a usual device (64 KiB and headers: loopback, or segments that were put together), but
 * for rings so small that there would be fewer than eight. Never smaller than any machine's page, at least two. */
export function ringGeometry(bufferSize: number, immediate = false): { blockSize: number; blocks: number } {
  let blockSize = immediate ? 128 << 10 : 256 << 10;
  while (blockSize > LARGEST_PAGE && bufferSize / blockSize < 8) blockSize >>= 1;
  return { blockSize, blocks: Math.max(2, Math.floor(bufferSize / blockSize)) };
}

/** The loopback device's index in this namespace, or null. */
function loopbackIndex(socket: PacketSocket): number | null {
  try {
    return socket.device('lo').ifindex;
  } catch (error) {
    if (error instanceof SystemError && error.code === 'ENODEV') return null;
    throw error;
  }
}

function positive(name: string, value: number): number {
  if (!Number.isInteger(value) || value <= 0) throw new RangeError(`${name}: ${value} is not a whole number above 0`);
  return value;
}
