import type { FrameBlock } from '../../frames/block.ts';
import type { Device } from '../../socket/packet.ts';
import { FrameSender } from '../../socket/sender.ts';
import { TxRing } from '../../socket/tx-ring.ts';
import { waitFor } from '../../socket/wait.ts';
import { XdpSender } from '../../socket/xdp-sender.ts';
import type { PollFd, SystemCalls } from '../../syscall/contract.ts';
import { SystemError } from '../../syscall/error.ts';
import { EAGAIN, EINTR, ENOBUFS, errnoName } from '../../uapi/errno.ts';
import { POLLOUT } from '../../uapi/poll.ts';

/** How frames get to a device: see `FrameSender`, `TxRing` and `XdpSender`. */
export type ReplayVia = 'sendmmsg' | 'tx_ring' | 'af_xdp';

/** What one outlet has done. */
export interface OutletCounts {
  sent: number;
  bytes: number;
  /** By the error's name. */
  failed: Map<string, number>;
}

/** Frames out of one device. Every frame that is given is counted once, as sent or as failed. */
export interface Outlet {
  readonly device: Device;
  readonly counts: OutletCounts;
  /** Sends what goes at once, of rows `first` to `end` - 1. Returns the first row that did not. */
  now(block: FrameBlock, first: number, end: number): number;
  /** Sends the rows, waiting for room. Resolves to the first row that was not tried, which is not `end` where the signal
   * aborted. Rejects where the device is gone. */
  all(block: FrameBlock, first: number, end: number, signal: AbortSignal | undefined): Promise<number>;
  close(): void;
}

/** Milliseconds for which a full queue is waited for, without a single frame sent, before a frame is given up. */
const PATIENCE = 1000;
const BATCH = 256;

/** Throws SystemError: EPERM, ENODEV, ENETDOWN, and what AF_XDP says where there is none; RangeError where the device's
 * frames are too long for AF_XDP. */
export async function openOutlet(calls: SystemCalls, name: string, via: ReplayVia): Promise<Outlet> {
  if (via === 'af_xdp') return new XdpOutlet(await XdpSender.open(calls, { interface: name }));
  return new SocketOutlet(
    via === 'tx_ring' ? TxRing.open(calls, { interface: name }) : FrameSender.open(calls, { interface: name }),
  );
}

export const fail = (counts: OutletCounts, name: string, frames = 1): void =>
  void (frames > 0 && counts.failed.set(name, (counts.failed.get(name) ?? 0) + frames));

function lengths(block: FrameBlock, first: number, end: number): number {
  let sum = 0;
  for (let row = first; row < end; row++) sum += block.capturedLength[row]!;
  return sum;
}

/** sendmmsg and the TX ring: the kernel tells about each frame. */
class SocketOutlet implements Outlet {
  readonly counts: OutletCounts = { sent: 0, bytes: 0, failed: new Map() };
  readonly #sender: FrameSender | TxRing;
  readonly #poll: PollFd[];

  constructor(sender: FrameSender | TxRing) {
    this.#sender = sender;
    this.#poll = [{ fd: sender.socket.fd, events: POLLOUT, revents: 0 }];
  }

  get device(): Device {
    return this.#sender.device;
  }

  now(block: FrameBlock, first: number, end: number): number {
    const sent = this.#sender.sendRowsNow(block, first, Math.min(end - first, BATCH));
    return sent > 0 ? this.#count(block, first, sent) : first;
  }

  #count(block: FrameBlock, first: number, sent: number): number {
    this.counts.sent += sent;
    this.counts.bytes += lengths(block, first, first + sent);
    return first + sent;
  }

  async all(block: FrameBlock, first: number, end: number, signal: AbortSignal | undefined): Promise<number> {
    let row = first;
    /** Milliseconds waited since a frame last left. */
    let waited = 0;
    while (row < end && !signal?.aborted) {
      const sent = this.#sender.sendRowsNow(block, row, Math.min(end - row, BATCH));
      if (sent > 0) {
        row = this.#count(block, row, sent);
        waited = 0;
        continue;
      }
      // sendmmsg(2): the error is that of the first frame, those behind it have not been tried.
      const error = -sent;
      if (error === EINTR) continue;
      if ((error === EAGAIN || error === ENOBUFS || error === 0) && waited < PATIENCE) {
        waited += await this.#room(error);
        continue;
      }
      if (this.#sender.socket.closed) throw new SystemError(error, 'sendmmsg', { dest: this.device.name });
      fail(this.counts, errnoName(error));
      row++;
      waited = 0;
    }
    return row;
  }

  /** EAGAIN: the socket's buffer is full, poll tells when it is not. ENOBUFS: the device's queue is, which poll knows
   * nothing of. Short waits, so that an abort is soon noticed. */
  async #room(error: number): Promise<number> {
    const { calls } = this.#sender.socket;
    if (error === ENOBUFS) {
      await waitFor(calls, [], { timeout: 1 });
      return 1;
    }
    const ready = await waitFor(calls, this.#poll, { timeout: 50 });
    return ready === 0 ? 50 : 1;
  }

  close(): void {
    this.#sender.close();
  }
}

/** AF_XDP: the kernel takes frames, and does not tell what the driver makes of each. */
class XdpOutlet implements Outlet {
  readonly counts: OutletCounts = { sent: 0, bytes: 0, failed: new Map() };
  readonly #sender: XdpSender;

  constructor(sender: XdpSender) {
    this.#sender = sender;
  }

  get device(): Device {
    return this.#sender.device;
  }

  now(_block: FrameBlock, first: number): number {
    return first;
  }

  async all(block: FrameBlock, first: number, end: number, signal: AbortSignal | undefined): Promise<number> {
    for (let row = first; row < end; row += BATCH) {
      if (signal?.aborted) return row;
      const last = Math.min(end, row + BATCH);
      try {
        const { sent, bytes, failed } = await this.#sender.send(block, {
          first: row,
          end: last,
          ...(signal === undefined ? {} : { signal }),
        });
        this.counts.sent += sent;
        this.counts.bytes += bytes;
        for (const [name, count] of failed) fail(this.counts, name, count);
      } catch (error) {
        if (!signal?.aborted) throw error;
        // In the ring, and the driver did not take them: nobody knows which of them went.
        fail(this.counts, 'ECANCELED', last - row);
        return last;
      }
    }
    return end;
  }

  close(): void {
    this.#sender.close();
  }
}
