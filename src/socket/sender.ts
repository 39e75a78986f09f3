import type { FrameBlock } from '../frames/block.ts';
import type { MessageVector, PollFd, SystemCalls } from '../syscall/contract.ts';
import { SystemError } from '../syscall/error.ts';
import { messageVector } from '../syscall/message.ts';
import { EAGAIN, EINTR, ENETDOWN, ENOBUFS, errnoName } from '../uapi/errno.ts';
import { IFF_UP } from '../uapi/if.ts';
import { POLLOUT } from '../uapi/poll.ts';
import { type Device, PacketSocket } from './packet.ts';
import { waitFor } from './wait.ts';

export interface SenderOptions {
  /** Name of the device. */
  interface: string;
  /** Past the queueing discipline, straight to the driver: other packet sockets do not see the frames, and what the driver
   * has no room for is refused with ENOBUFS. */
  qdiscBypass?: boolean;
  /** Bytes of frames that may be on their way; default 4 MiB. */
  sendBuffer?: number;
  /** Frames a call of sendmmsg; default 256, at most 1024 (UIO_MAXIOV). */
  batch?: number;
}

/** What became of frames. */
export interface SendResult {
  sent: number;
  /** Bytes of the frames sent. */
  bytes: number;
  /** Frames that could not be sent, by the error's name: EMSGSIZE for one that is larger than the MTU, ENETDOWN, ENOBUFS
   * where the device's queue stayed full. */
  failed: Map<string, number>;
}

/** Milliseconds for which a full queue is waited for, without a single frame sent, before a frame is given up. */
const PATIENCE = 1000;
/** The event loop has its turn at least this often, in milliseconds. */
const TURN = 8;

/** Sends frames from a device, as they are, by sendmmsg. */
export class FrameSender {
  readonly socket: PacketSocket;
  readonly device: Device;
  readonly #batch: number;
  readonly #poll: PollFd[];
  #vector: MessageVector | null = null;
  #turn = performance.now();

  /** Throws SystemError (EPERM with a hint, ENODEV, ENETDOWN) and RangeError. */
  static open(calls: SystemCalls, options: SenderOptions): FrameSender {
    return new FrameSender(calls, options);
  }

  private constructor(
    calls: SystemCalls,
    { interface: name, qdiscBypass, sendBuffer = 4 << 20, batch = 256 }: SenderOptions,
  ) {
    if (!Number.isInteger(batch) || batch < 1 || batch > 1024) throw new RangeError(`batch: ${batch} is not 1 to 1024`);
    this.#batch = batch;
    this.socket = PacketSocket.create(calls);
    try {
      this.device = this.socket.device(name);
      if ((this.device.flags & IFF_UP) === 0)
        throw new SystemError(ENETDOWN, 'bind', { dest: name, hint: `That device is not up: ip link set ${name} up` });
      if (qdiscBypass) this.socket.setQdiscBypass(true);
      this.socket.setSendBuffer(sendBuffer);
      // Protocol 0: bound to the device, and no frame is ever queued for receiving.
      this.socket.bindTo(this.device.ifindex, 0, name);
    } catch (error) {
      this.socket.close();
      throw error;
    }
    this.#poll = [{ fd: this.socket.fd, events: POLLOUT, revents: 0 }];
  }

  /** Sends the kept rows of the block, `first` to `end` - 1, in order. Waits where the device's queue is full. Resolves to
   * what became of them; rejects with the signal's reason when it is aborted between two batches. */
  async send(
    block: FrameBlock,
    { first = 0, end = block.count, signal }: { first?: number; end?: number; signal?: AbortSignal } = {},
  ): Promise<SendResult> {
    const result: SendResult = { sent: 0, bytes: 0, failed: new Map() };
    const vector = this.#vectorOver(block.bytes);
    let row = first;
    while (row < end) {
      signal?.throwIfAborted();
      let count = 0;
      for (; row < end && count < this.#batch; row++) {
        if (block.keep[row] === 0) continue;
        vector.offset[count] = block.offset[row]!;
        vector.length[count] = block.capturedLength[row]!;
        count++;
      }
      await this.#sendRows(vector, count, result, signal);
      if (performance.now() - this.#turn > TURN) {
        await new Promise(setImmediate);
        this.#turn = performance.now();
      }
    }
    return result;
  }

  /** Sends one frame now. Returns its length or -errno: -EAGAIN and -ENOBUFS where there is no room. */
  sendNow(frame: Uint8Array): number {
    return this.socket.calls.sendto(this.socket.fd, frame, 0, null);
  }

  /** Sends rows `first` to `first + count - 1` of the block now, by one call, `keep` or not; at most the batch. Returns how
   * many were sent or -errno of the first. For who paces frames by itself. */
  sendRowsNow(block: FrameBlock, first: number, count: number): number {
    const vector = this.#vectorOver(block.bytes);
    const rows = Math.min(count, this.#batch);
    for (let row = 0; row < rows; row++) {
      vector.offset[row] = block.offset[first + row]!;
      vector.length[row] = block.capturedLength[first + row]!;
    }
    return this.socket.calls.sendmmsg(this.socket.fd, vector, 0, rows, 0);
  }

  close(): void {
    this.socket.close();
    this.#vector = null;
  }

  /** The native side of a vector is prepared once for each piece of memory; blocks of a source share theirs as a rule. */
  #vectorOver(memory: Uint8Array): MessageVector {
    if (this.#vector?.memory !== memory) this.#vector = messageVector(memory, this.#batch);
    return this.#vector;
  }

  async #sendRows(
    vector: MessageVector,
    count: number,
    result: SendResult,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { calls, fd } = this.socket;
    let at = 0;
    /** Milliseconds waited since a frame last left. */
    let waited = 0;
    while (at < count) {
      const sent = calls.sendmmsg(fd, vector, at, count - at, 0);
      if (sent > 0) {
        result.sent += sent;
        for (let row = at; row < at + sent; row++) result.bytes += vector.transferred[row]!;
        at += sent;
        waited = 0;
        continue;
      }
      // sendmmsg(2): the error is that of the first frame, those behind it have not been tried.
      const error = -sent;
      if (error === EINTR) continue;
      if ((error === EAGAIN || error === ENOBUFS || error === 0) && waited < PATIENCE) {
        waited += await this.#room(error, signal);
        this.#turn = performance.now();
        continue;
      }
      if (this.socket.closed) throw new SystemError(error, 'sendmmsg', { dest: this.device.name });
      const name = errnoName(error);
      result.failed.set(name, (result.failed.get(name) ?? 0) + 1);
      at++;
      waited = 0;
    }
  }

  /** Waits for room. EAGAIN: the socket's buffer is full, poll tells when it is not. ENOBUFS: the device's queue is full,
   * which poll knows nothing of: try again in a millisecond. Returns milliseconds, roughly. */
  async #room(error: number, signal: AbortSignal | undefined): Promise<number> {
    if (error === ENOBUFS) {
      await waitFor(this.socket.calls, [], { timeout: 1, signal });
      return 1;
    }
    const ready = await waitFor(this.socket.calls, this.#poll, { timeout: 100, signal });
    // Writable at once and yet EAGAIN: another thread's frames; do not spin.
    return ready === 0 ? 100 : 1;
  }
}
