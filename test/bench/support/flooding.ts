/** One round of a capture under load: a capture on one end of a veth pair, numbered frames into the other. */
import { rmSync } from 'node:fs';
import { measure, packetSockets, Running, type StartOptions, sleep, type Usage, until } from './measure.ts';
import { numberOf } from './numbered.ts';
import { walk } from './savefile-walk.ts';

export interface Load {
  frames: number;
  /** Bytes of a frame. */
  size: number;
  /** Frames a second; null: as fast as the sender can. */
  rate: number | null;
}

export interface Flooded {
  sent: number;
  /** Seconds that the sending took. */
  seconds: number;
  capture: Usage;
}

/** Starts the capture, waits until it listens, sends the load into `device` (the other end), and lets the capture end as a person would (SIGINT). */
export async function captureUnderLoad(
  command: readonly string[],
  sender: readonly string[],
  device: string,
  load: Load,
  options: StartOptions = {},
): Promise<Flooded> {
  const before = packetSockets();
  const capture = new Running(command[0]!, command.slice(1), options);
  await Promise.race([
    until(`${command[0]} to listen`, () => packetSockets() > before),
    capture.done.then((usage) => {
      throw new Error(`${command.join(' ')} ended before it listened: ${usage.stderr}`);
    }),
  ]);
  // The socket is there before its ring and filter are.
  await sleep(400);
  const { sent, seconds } = await flood(sender, device, load);
  await sleep(700);
  capture.signal('SIGINT');
  return { sent, seconds, capture: await capture.done };
}

/** Sends numbered frames by netlab's own sender, in a process of its own. `sender` is how flood.ts is run. */
export async function flood(
  sender: readonly string[],
  device: string,
  load: Load,
  ...via: 'af_xdp'[]
): Promise<{ sent: number; seconds: number; usage: Usage }> {
  const [command, ...args] = [
    ...sender,
    device,
    String(load.frames),
    String(load.size),
    String(load.rate ?? 0),
    ...via,
  ];
  const usage = await measure(command!, args);
  return { ...(JSON.parse(usage.stdout) as { sent: number; seconds: number }), usage };
}

export interface Checked {
  /** Numbered frames in the file. */
  frames: number;
  /** Numbers that were lower than or equal to the one before. */
  outOfOrder: number;
  /** Times that were earlier than the one before. */
  backwards: number;
}

/** Reads what a capture wrote, by code that is not netlab's. */
export function checkNumbers(path: string, size: number): Checked {
  const result = { frames: 0, outOfOrder: 0, backwards: 0 };
  let last = -1;
  let seconds = 0;
  let nanoseconds = 0;
  walk(path, (frame) => {
    if (frame.length !== size) return;
    const number = numberOf(frame.bytes, frame.offset, frame.length);
    if (number === null) return;
    result.frames++;
    if (number <= last) result.outOfOrder++;
    last = number;
    if (frame.seconds < seconds || (frame.seconds === seconds && frame.nanoseconds < nanoseconds)) result.backwards++;
    seconds = frame.seconds;
    nanoseconds = frame.nanoseconds;
  });
  return result;
}

/** `checkNumbers`, and the file is removed. */
export function checkAndRemove(path: string, size: number): Checked {
  try {
    return checkNumbers(path, size);
  } finally {
    rmSync(path, { force: true });
  }
}

/** The counts that netlab and tcpdump print at the end of a capture. */
export function counts(stderr: string): { captured: number; received: number; dropped: number; left: number } {
  const number = (pattern: RegExp): number => Number(pattern.exec(stderr)?.[1] ?? Number.NaN);
  return {
    captured: number(/^(\d+) packets? captured/m),
    received: number(/^(\d+) packets? received by filter/m),
    dropped: number(/^(\d+) packets? dropped by kernel/m),
    left: Number(/^(\d+) packets? left in the ring/m.exec(stderr)?.[1] ?? 0),
  };
}
