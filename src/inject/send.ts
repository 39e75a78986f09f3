import { FrameBlock } from '../frames/block.ts';
import { FrameSender, type SenderOptions, type SendResult } from '../socket/sender.ts';
import { XdpSender } from '../socket/xdp-sender.ts';
import type { SystemCalls } from '../syscall/contract.ts';
import { SystemError } from '../syscall/error.ts';
import { type Clock, systemClock } from '../time/clock.ts';
import { ENETDOWN } from '../uapi/errno.ts';
import { IFF_UP } from '../uapi/if.ts';
import { Pacer } from './pace.ts';

export interface SendOptions extends Omit<SenderOptions, 'interface'> {
  /** `sendmmsg`: through a packet socket, so that captures on the device see the frames, and each that the kernel refuses is
   * counted. `af_xdp`: for less of the processor a frame, past captures on this machine; see `XdpSender`. Default sendmmsg.
   * The socket's options are for sendmmsg alone. */
  via?: 'sendmmsg' | 'af_xdp' | undefined;
  /** Frames a second; default: as fast as the device takes them. */
  rate?: number | undefined;
  /** Stops between two batches; what was sent until then is in the result. */
  signal?: AbortSignal | undefined;
  clock?: Clock | undefined;
}

export interface SendSummary extends SendResult {
  /** Seconds from the first frame to the last. */
  seconds: number;
  /** The signal ended it. */
  aborted: boolean;
}

/** A frame with its link header, or a block of frames. */
export type Sendable = Uint8Array | FrameBlock;

/** What both ways have in common. */
type BlockSender = Pick<FrameSender, 'device' | 'send' | 'close'>;

/** Frames and bytes that are gathered for one call of the kernel. */
const ROWS = 256;
const ARENA = 1 << 20;
/** With a rate, frames go out by the clock, at most so many at once. */
const PACED_ROWS = 64;

/** Sends frames from a device as they are, in order. An array or another iterable of single frames goes out in batches; an
 * asynchronous one frame by frame, as they come; blocks as blocks. Frames that the kernel refuses are counted by error and
 * passed over. Throws SystemError where the device cannot be opened or is down, and what `frames` throws. Needs CAP_NET_RAW. */
export async function send(
  calls: SystemCalls,
  device: string,
  frames: Iterable<Sendable> | AsyncIterable<Sendable>,
  options: SendOptions = {},
): Promise<SendSummary> {
  const { rate, signal, via, clock = systemClock, ...sending } = options;
  const pacer = rate === undefined ? null : Pacer.perSecond(clock, rate);
  const sender: BlockSender =
    via === 'af_xdp'
      ? await XdpSender.open(calls, { interface: device })
      : FrameSender.open(calls, { ...sending, interface: device });
  if (!(sender.device.flags & IFF_UP)) {
    sender.close();
    throw new SystemError(ENETDOWN, 'sendmmsg', {
      dest: device,
      hint: `That device is not up: ip link set ${device} up`,
    });
  }
  const result: SendSummary = { sent: 0, bytes: 0, failed: new Map(), seconds: 0, aborted: false };
  const batch = new Batch();
  const started = clock.monotonic();
  /** False: the signal says to stop. */
  const flush = async (block: FrameBlock): Promise<boolean> => {
    await sendBlock(sender, block, pacer, signal, result);
    return !signal?.aborted;
  };
  const flushBatch = async (): Promise<boolean> => {
    const goOn = await flush(batch.block);
    batch.clear();
    return goOn;
  };
  try {
    if (Symbol.asyncIterator in frames) {
      for await (const frame of frames) {
        if (frame instanceof FrameBlock ? !(await flush(frame)) : !(batch.add(frame) && (await flushBatch()))) break;
      }
    } else {
      for (const frame of frames) {
        if (frame instanceof FrameBlock) {
          // What came before it goes first.
          if (!(await flushBatch()) || !(await flush(frame))) break;
        } else if (!batch.add(frame)) {
          if (!(await flushBatch())) break;
          batch.add(frame);
        }
      }
      if (!signal?.aborted) await flushBatch();
    }
  } finally {
    sender.close();
  }
  result.seconds = (clock.monotonic() - started) / 1e9;
  result.aborted = signal?.aborted ?? false;
  return result;
}

async function sendBlock(
  sender: BlockSender,
  block: FrameBlock,
  pacer: Pacer | null,
  signal: AbortSignal | undefined,
  result: SendSummary,
): Promise<void> {
  const add = ({ sent, bytes, failed }: SendResult): void => {
    result.sent += sent;
    result.bytes += bytes;
    for (const [name, count] of failed) result.failed.set(name, (result.failed.get(name) ?? 0) + count);
  };
  if (pacer === null) {
    // In pieces, so that an abort is not held up by a large block and loses no count of what was sent.
    for (let first = 0; first < block.count && !signal?.aborted; first += ROWS)
      add(await sender.send(block, { first, end: Math.min(first + ROWS, block.count) }));
    return;
  }
  for (let row = 0; row < block.count; ) {
    if (block.keep[row] === 0) {
      row++;
      continue;
    }
    let end = row + 1;
    while (end < block.count && end - row < PACED_ROWS && block.keep[end] !== 0) end++;
    await pacer.wait({ signal, precise: pacer.interval < 20_000_000 });
    if (signal?.aborted) return;
    const due = pacer.take(end - row);
    if (due > 0) add(await sender.send(block, { first: row, end: row + due }));
    row += due;
  }
}

/** Gathers single frames into a block. */
class Batch {
  readonly block = new FrameBlock(new Uint8Array(ARENA), ROWS);
  #used = 0;

  /** Copies the frame in; false where there is no room beside what is there already. */
  add(frame: Uint8Array): boolean {
    const { block } = this;
    if (block.count === ROWS || (block.count > 0 && this.#used + frame.length > block.bytes.length)) return false;
    // No device takes a frame that large, but saying so is the kernel's business.
    if (frame.length > block.bytes.length) block.bytes = new Uint8Array(frame.length);
    const row = block.count++;
    block.bytes.set(frame, this.#used);
    block.offset[row] = this.#used;
    block.capturedLength[row] = frame.length;
    block.originalLength[row] = frame.length;
    block.keep[row] = 1;
    this.#used += frame.length;
    return true;
  }

  clear(): void {
    this.block.count = 0;
    this.#used = 0;
  }
}
