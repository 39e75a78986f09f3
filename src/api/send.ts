import { FrameBlock } from '../frames/block.ts';
import { type SendOptions as InjectOptions, send as inject, type Sendable, type SendSummary } from '../inject/send.ts';
import { linuxSystemCalls } from '../linux/index.ts';
import type { SystemCalls } from '../syscall/contract.ts';

export interface SendOptions extends InjectOptions {
  /** The kernel to run on; default: this machine's. */
  system?: SystemCalls;
}

/** A frame with its link header, a packet as `read` and `capture` give it, or a block of frames. */
export type FrameToSend = Sendable | { bytes: Uint8Array };

/** Sends frames from an interface as they are, link header and all. `frames` is one frame, or any sequence of frames,
 * packets or blocks of frames, also an asynchronous one. Resolves to what became of them.
 *
 * Throws SystemError: EPERM without CAP_NET_RAW, ENODEV, ENETDOWN.
 *
 *     const { sent } = await send('lo', [frame, frame]);
 */
export async function send(
  interfaceName: string,
  frames: FrameToSend | Iterable<FrameToSend> | AsyncIterable<FrameToSend>,
  options: SendOptions = {},
): Promise<SendSummary> {
  if (typeof interfaceName !== 'string' || interfaceName === '')
    throw new TypeError('send: the name of an interface is needed');
  const { system = linuxSystemCalls(), ...rest } = options;
  if (isOne(frames)) return inject(system, interfaceName, [sendable(frames)], rest);
  return inject(system, interfaceName, Symbol.asyncIterator in frames ? later(frames) : now(frames), rest);
}

const isOne = (frames: object): frames is FrameToSend => frames instanceof Uint8Array || 'bytes' in frames;

function sendable(frame: FrameToSend): Sendable {
  if (frame instanceof Uint8Array || frame instanceof FrameBlock) return frame;
  if (frame?.bytes instanceof Uint8Array) return frame.bytes;
  throw new TypeError('send: a frame must be a Uint8Array, a packet with bytes, or a FrameBlock');
}

function* now(frames: Iterable<FrameToSend>): Generator<Sendable> {
  for (const frame of frames) yield sendable(frame);
}

async function* later(frames: AsyncIterable<FrameToSend>): AsyncGenerator<Sendable> {
  for await (const frame of frames) yield sendable(frame);
}
