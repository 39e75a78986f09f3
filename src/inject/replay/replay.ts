import { deviceLinkType } from '../../socket/linktype.ts';
import type { SystemCalls } from '../../syscall/contract.ts';
import { type Clock, systemClock } from '../../time/clock.ts';
import { Feed, type FeedCounts, type FeedOptions, type OpenFrames, type ReadyFrames } from './feed.ts';
import { fail, type Outlet, openOutlet, type ReplayVia } from './outlet.ts';
import { Schedule, type Speed } from './schedule.ts';
import { SERVER } from './sides.ts';
import { type TimingError, TimingHistogram } from './timing.ts';
import { Waiter } from './wait.ts';

export interface ReplayOptions extends FeedOptions {
  /** Default: as recorded. */
  speed?: Speed | undefined;
  /** How often the files are played; default 1, Infinity for no end. */
  loop?: number | undefined;
  /** Frames to try at most, all loops together. */
  limit?: number | undefined;
  /** Seconds after which it ends. */
  duration?: number | undefined;
  /** Reads everything into memory first, so that no reading comes between two frames. */
  preload?: boolean | undefined;
  /** The device of the server's side; `splitter` says which frames are that. */
  serverInterface?: string | undefined;
  /** Default sendmmsg. */
  via?: ReplayVia | undefined;
  /** Ends it between two batches; what was sent until then is in the result. */
  signal?: AbortSignal | undefined;
  clock?: Clock | undefined;
  /** False: time passes only while somebody waits for it (a virtual clock), so that nothing may spin. Default true. */
  clockRuns?: boolean | undefined;
  /** Called once the devices are open and the files loaded, with what tells how far it is. */
  onStart?: ((progress: () => ReplayProgress) => void) | undefined;
}

export interface ReplayProgress {
  attempted: number;
  sent: number;
  bytes: number;
  failed: number;
  /** Seconds since the first frame. */
  seconds: number;
  /** Null at top speed, and before the first frame. */
  timing: TimingError | null;
}

export interface ReplaySummary extends FeedCounts {
  /** Frames that were to be sent: `sent` and those in `failed`. */
  attempted: number;
  sent: number;
  /** Bytes of the frames sent. */
  bytes: number;
  /** Frames that were not sent, by the error's name: EMSGSIZE for one longer than the device takes, ENOBUFS where its queue
   * stayed full. */
  failed: Map<string, number>;
  /** Per device, in the order client, server. */
  interfaces: { name: string; sent: number; bytes: number }[];
  /** How often the files were begun. */
  loops: number;
  /** From the first frame to the last. */
  seconds: number;
  /** How late frames were handed to the kernel, in nanoseconds; null at top speed. */
  timing: TimingError | null;
  /** The signal ended it. */
  aborted: boolean;
}

/** Frames that go out by one call at most, where time counts: what is due behind them would be later for more. */
const PACED_ROWS = 64;

/** Plays frames onto a device, in their order, at the times of the file or at another speed. Throws SystemError where the
 * device cannot be opened or goes away (EPERM, ENODEV, ENETDOWN), what reading the files throws, and RangeError for options
 * that make no sense. Needs CAP_NET_RAW. */
export async function replay(
  calls: SystemCalls,
  device: string,
  files: readonly OpenFrames[],
  options: ReplayOptions = {},
): Promise<ReplaySummary> {
  const player = new Player(options);
  try {
    await player.open(calls, device);
    return await player.play(files);
  } finally {
    player.close();
  }
}

class Player {
  readonly #options: ReplayOptions;
  readonly #clock: Clock;
  readonly #schedule: Schedule;
  readonly #waiter: Waiter;
  readonly #isPaced: boolean;
  readonly #histogram = new TimingHistogram();
  readonly #outlets: Outlet[] = [];
  #feed: Feed | null = null;
  /** Due times of the rows at hand. */
  #due = new Float64Array(0);
  #attempted = 0;
  #limit: number;
  /** Longer than the device takes: tried by nobody. */
  #tooLong = 0;
  #started = 0;
  #ended = 0;
  #end = Number.POSITIVE_INFINITY;

  constructor(options: ReplayOptions) {
    const { speed = { kind: 'recorded', multiplier: 1 }, loop = 1, limit = Number.POSITIVE_INFINITY } = options;
    const whole = (value: number): boolean => value === Number.POSITIVE_INFINITY || Number.isInteger(value);
    if (!(loop >= 1 && whole(loop))) throw new RangeError(`loop: a whole number of at least 1, not ${loop}`);
    if (!(limit >= 1 && whole(limit))) throw new RangeError(`limit: a whole number of at least 1, not ${limit}`);
    if (options.duration !== undefined && !(options.duration > 0))
      throw new RangeError(`duration: more than 0 seconds, not ${options.duration}`);
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#schedule = new Schedule(speed);
    this.#isPaced = speed.kind !== 'topspeed';
    this.#waiter = new Waiter(this.#clock, options.clockRuns ?? true, options.signal);
    this.#limit = limit;
  }

  async open(calls: SystemCalls, device: string): Promise<void> {
    const { serverInterface, via = 'sendmmsg' } = this.#options;
    this.#outlets.push(await openOutlet(calls, device, via));
    if (serverInterface !== undefined) this.#outlets.push(await openOutlet(calls, serverInterface, via));
  }

  close(): void {
    for (const outlet of this.#outlets) outlet.close();
  }

  async play(files: readonly OpenFrames[]): Promise<ReplaySummary> {
    const { preload, loop = 1, signal, duration, onStart } = this.#options;
    const devices = this.#outlets.map((outlet) => outlet.device);
    const [client, server] = devices;
    if (server !== undefined && deviceLinkType(server.arphrd).linkType !== deviceLinkType(client!.arphrd).linkType)
      throw new RangeError(`${client!.name} and ${server.name} take different kinds of frames`);
    const feed = new Feed(files, devices, this.#options);
    this.#feed = feed;
    if (preload) await feed.load(signal);
    this.#started = this.#ended = this.#clock.monotonic();
    onStart?.(() => this.#progress());
    let loops = 0;
    while (loops < loop && !this.#isOver()) {
      loops++;
      const before = this.#attempted;
      for await (const ready of feed.loop()) {
        if (this.#attempted === 0) {
          // The first frame is what time counts from, not the reading before it.
          this.#started = this.#ended = this.#clock.monotonic();
          if (duration !== undefined) this.#end = this.#started + duration * 1e9;
        }
        await this.#frames(ready);
        if (this.#isOver()) break;
      }
      // Files without a frame would be read again and again.
      if (this.#attempted === before) break;
    }
    return this.#summary(loops);
  }

  #isOver(): boolean {
    return (
      this.#options.signal?.aborted === true ||
      this.#attempted >= this.#limit ||
      (this.#end !== Number.POSITIVE_INFINITY && this.#clock.monotonic() >= this.#end)
    );
  }

  async #frames(ready: ReadyFrames): Promise<void> {
    if (ready.begins) this.#schedule.restart();
    const count = Math.min(ready.block.count, this.#limit - this.#attempted);
    if (this.#isPaced) await this.#paced(ready, count);
    else await this.#fast(ready, count);
    this.#ended = this.#clock.monotonic();
  }

  /** Up to where rows from `row` on go out of the same device, or cannot at all. */
  #run({ block, side }: ReadyFrames, row: number, end: number): number {
    const first = side[row];
    let to = row + 1;
    while (to < end && block.keep[to] !== 0 && side[to] === first) to++;
    return to;
  }

  async #fast(ready: ReadyFrames, count: number): Promise<void> {
    const { signal } = this.#options;
    const { block, side } = ready;
    for (let row = 0; row < count; ) {
      const now = this.#clock.monotonic();
      if (signal?.aborted || now >= this.#end) return;
      if (this.#waiter.needsTurn(now, now)) await this.#waiter.turn(now);
      if (block.keep[row] === 0) {
        this.#skip();
        row++;
        continue;
      }
      const outlet = this.#outlets[side[row] === SERVER ? 1 : 0]!;
      const end = this.#run(ready, row, Math.min(count, row + 256));
      let to = outlet.now(block, row, end);
      if (to === row) to = await outlet.all(block, row, end, signal);
      this.#attempted += to - row;
      row = to;
    }
  }

  async #paced(ready: ReadyFrames, count: number): Promise<void> {
    const { signal } = this.#options;
    const { block, side, time } = ready;
    if (this.#due.length < count) this.#due = new Float64Array(block.capacity);
    const due = this.#due;
    for (let row = 0; row < count; row++)
      due[row] = this.#started + this.#schedule.next(time[row]!, block.capturedLength[row]!);
    for (let row = 0; row < count; ) {
      let now = this.#clock.monotonic();
      const next = Math.min(due[row]!, this.#end);
      while (this.#waiter.needsTurn(now, next) && !signal?.aborted) {
        await this.#waiter.turn(next);
        now = this.#clock.monotonic();
      }
      if (signal?.aborted) return;
      if (now < next) now = this.#waiter.spin(next);
      if (now >= this.#end) return;
      if (block.keep[row] === 0) {
        this.#skip();
        row++;
        continue;
      }
      let end = row + 1;
      const most = Math.min(count, row + PACED_ROWS);
      while (end < most && due[end]! <= now) end++;
      end = this.#run(ready, row, end);
      const outlet = this.#outlets[side[row] === SERVER ? 1 : 0]!;
      const from = row;
      row = outlet.now(block, row, end);
      if (row === from) row = await outlet.all(block, from, end, signal);
      this.#attempted += row - from;
      for (let sent = from; sent < row; sent++) this.#histogram.add(now - due[sent]!);
    }
  }

  #skip(): void {
    this.#tooLong++;
    this.#attempted++;
  }

  #progress(): ReplayProgress {
    let sent = 0;
    let bytes = 0;
    for (const { counts } of this.#outlets) {
      sent += counts.sent;
      bytes += counts.bytes;
    }
    return {
      attempted: this.#attempted,
      sent,
      bytes,
      failed: this.#attempted - sent,
      seconds: (this.#clock.monotonic() - this.#started) / 1e9,
      timing: this.#histogram.summary(),
    };
  }

  #summary(loops: number): ReplaySummary {
    const { sent, bytes, timing } = this.#progress();
    const total = { sent: 0, bytes: 0, failed: new Map<string, number>() };
    fail(total, 'EMSGSIZE', this.#tooLong);
    for (const { counts } of this.#outlets) for (const [name, count] of counts.failed) fail(total, name, count);
    return {
      attempted: this.#attempted,
      sent,
      bytes,
      failed: total.failed,
      interfaces: this.#outlets.map(({ device, counts }) => ({
        name: device.name,
        sent: counts.sent,
        bytes: counts.bytes,
      })),
      loops,
      seconds: (this.#ended - this.#started) / 1e9,
      timing,
      aborted: this.#options.signal?.aborted ?? false,
      ...this.#feed!.counts,
    };
  }
}
