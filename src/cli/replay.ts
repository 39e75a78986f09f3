import { statSync, writeFileSync } from 'node:fs';
import type { FrameBlock } from '../frames/block.ts';
import type { FrameInterface, FrameSource } from '../frames/source.ts';
import {
  CachedSides,
  FirstSender,
  type OpenFrames,
  type ReplayProgress,
  type ReplaySummary,
  type ReplayVia,
  replay,
  SideRecorder,
  type Speed,
  type Splitter,
  SubnetSplitter,
  type TimingError,
} from '../inject/replay/index.ts';
import { parseNetwork } from '../inject/rewrite/maps.ts';
import { openSavefile, SavefileError } from '../savefile/index.ts';
import { MergedSource } from '../savefile/merge.ts';
import { SystemError } from '../syscall/error.ts';
import { EACCES, EPERM } from '../uapi/errno.ts';
import { type BackendOptions, chooseSystem } from './backend.ts';
import { EXIT_FAILURE, Failure, messageOf, printable, UsageError } from './exit.ts';
import { readInput } from './inputs.ts';
import { noPermission } from './permission.ts';
import { type RewriteArguments, rewriteOptions } from './rewrite-options.ts';
import { handleSignals } from './signals.ts';
import { StatusLine, short } from './status.ts';
import { stdout } from './stdout.ts';

export interface ReplayCommandOptions extends RewriteArguments, BackendOptions {
  interface?: string;
  multiplier?: number;
  pps?: number;
  mbps?: number;
  topspeed?: true;
  loop: number;
  limit?: number;
  duration?: number;
  uniqueIp?: true;
  merge?: true;
  preload?: boolean;
  intf2?: string;
  splitBy?: string;
  cache?: string;
  writeCache?: string;
  via?: ReplayVia | 'socket';
  quiet?: true;
  format: 'text' | 'json';
  as?: 'client' | 'server';
  stream?: string;
  peer?: string;
  listen?: string;
  timeout: number;
  ignore?: string[];
}

/** Bytes of files up to which they are read before the first frame is sent. */
const PRELOADED = 64 << 20;

/** `netlab replay`. */
export async function runReplay(files: string[], options: ReplayCommandOptions): Promise<void> {
  const { interface: device, intf2, via } = options;
  if (device === undefined) throw new UsageError('replay: -i INTERFACE: where shall the frames go?');
  if (via === 'socket') throw new UsageError('--via socket goes with --as client or --as server');
  for (const name of ['stream', 'peer', 'listen', 'ignore'] as const)
    if (options[name] !== undefined) throw new UsageError(`--${name} goes with --as client or --as server`);
  const speed = speedOf(options);
  const splitter = splitterOf(options);
  const rewrite = await rewriteOptions(options);
  const loop = options.loop === 0 ? Number.POSITIVE_INFINITY : options.loop;
  const opened = sourcesOf(files, options.merge === true);
  const recorder = options.writeCache === undefined ? undefined : new SideRecorder();
  const chosen = await chooseSystem(options);
  const controller = new AbortController();
  const status = new StatusLine(!options.quiet && options.format === 'text');
  let progress: (() => ReplayProgress) | null = null;
  const giveBack = handleSignals(
    () => controller.abort(),
    () => status.print(`${progress === null ? 'loading the files' : progressText(progress())}\n`),
  );
  let summary: ReplaySummary;
  try {
    summary = await replay(chosen.system, device, opened, {
      speed,
      loop,
      limit: options.limit,
      duration: options.duration,
      preload: options.preload ?? (files.includes('-') ? loop > 1 : sizeOf(files) <= PRELOADED),
      uniqueIp: options.uniqueIp,
      rewrite: rewrite ?? undefined,
      splitter,
      recorder,
      serverInterface: intf2,
      via,
      signal: controller.signal,
      clock: chosen.clock,
      clockRuns: !chosen.virtualTime,
      onStart: (tell) => {
        progress = tell;
        status.start(liveText(tell), 500);
      },
    });
  } catch (error) {
    if (error instanceof SystemError && (error.errno === EPERM || error.errno === EACCES))
      throw noPermission('replaying frames', error.message);
    if (error instanceof RangeError) throw new Failure(`replay: ${error.message}`);
    throw error;
  } finally {
    status.stop();
    giveBack();
  }
  if (recorder !== undefined) writeFileSync(options.writeCache!, recorder.cache(process.argv.slice(2).join(' ')));
  await stdout().write(options.format === 'json' ? `${JSON.stringify(jsonOf(summary))}\n` : textOf(summary, device));
  if (summary.sent < summary.attempted) process.exitCode = EXIT_FAILURE;
  if (summary.attempted === 0 && !summary.aborted) {
    process.stderr.write('netlab: there was no frame to send\n');
    process.exitCode = EXIT_FAILURE;
  }
}

function speedOf({ multiplier, pps, mbps, topspeed }: ReplayCommandOptions): Speed {
  const speeds: Speed[] = [];
  const given: string[] = [];
  const add = (name: string, speed: Speed): void => {
    given.push(name);
    speeds.push(speed);
  };
  if (multiplier !== undefined) add('--multiplier', { kind: 'recorded', multiplier });
  if (pps !== undefined) add('--pps', { kind: 'pps', rate: pps });
  if (mbps !== undefined) add('--mbps', { kind: 'mbps', rate: mbps });
  if (topspeed) add('--topspeed', { kind: 'topspeed' });
  if (speeds.length > 1) throw new UsageError(`${given.join(' and ')} exclude each other`);
  return speeds[0] ?? { kind: 'recorded', multiplier: 1 };
}

/** Undefined: all frames go out on one interface. */
function splitterOf(options: ReplayCommandOptions): Splitter | undefined {
  const { intf2, splitBy = 'first-sender', cache, writeCache } = options;
  if (cache !== undefined && splitBy !== 'cache') throw new UsageError('--cache FILE goes with --split-by cache');
  if (intf2 === undefined) {
    if (options.splitBy !== undefined && writeCache === undefined)
      throw new UsageError('--split-by goes with --dual INTERFACE (or --write-cache FILE)');
    if (writeCache === undefined) return undefined;
  }
  if (splitBy === 'first-sender') return new FirstSender();
  if (splitBy === 'cache' || splitBy.startsWith('cache:')) {
    const file = cache ?? splitBy.slice('cache:'.length);
    if (file === '') throw new UsageError('--split-by cache needs --cache FILE');
    const bytes = readInput(file);
    try {
      return new CachedSides(bytes);
    } catch (error) {
      if (error instanceof RangeError) throw new Failure(`${file}: ${error.message}`);
      throw error;
    }
  }
  if (splitBy.startsWith('subnet:')) {
    try {
      return new SubnetSplitter(parseNetwork(splitBy.slice('subnet:'.length)));
    } catch (error) {
      if (error instanceof RangeError) throw new UsageError(`--split-by ${splitBy}: ${error.message}`);
      throw error;
    }
  }
  throw new UsageError(`--split-by ${splitBy}: first-sender, subnet:CIDR or cache is expected`);
}

const sizeOf = (files: readonly string[]): number =>
  files.reduce((sum, file) => {
    const found = statSync(file, { throwIfNoEntry: false });
    // A pipe has no size; what is not there is told by who opens it.
    return sum + (found?.isFile() === false ? Number.POSITIVE_INFINITY : (found?.size ?? 0));
  }, 0);

function sourcesOf(files: readonly string[], merges: boolean): OpenFrames[] {
  if (files.filter((file) => file === '-').length > 1) throw new UsageError('standard input can be read only once');
  if (!merges || files.length === 1) return files.map((file) => async () => new Tolerant(await openSavefile(file)));
  return [async () => new Tolerant(new MergedSource(await Promise.all(files.map((file) => openSavefile(file)))))];
}

/** A damaged file ends where it is damaged, which is told; what came before is played, and so are the files behind. */
class Tolerant implements FrameSource {
  readonly #source: FrameSource;

  constructor(source: FrameSource) {
    this.#source = source;
  }

  get interfaces(): readonly FrameInterface[] {
    return this.#source.interfaces;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<FrameBlock> {
    try {
      yield* this.#source;
    } catch (error) {
      if (!(error instanceof SavefileError)) throw error;
      process.stderr.write(`netlab: ${messageOf(error)}\n`);
      process.exitCode = EXIT_FAILURE;
    }
  }

  close(): Promise<void> | void {
    return this.#source.close();
  }
}

const count = (value: number, what: string): string =>
  `${value.toLocaleString('en-US')} ${what}${value === 1 ? '' : 's'}`;

const micro = (nanoseconds: number): string =>
  nanoseconds < 1e6 ? `${(nanoseconds / 1000).toFixed(1)} µs` : `${(nanoseconds / 1e6).toFixed(1)} ms`;

const timingText = ({ p50, p90, p99, max }: TimingError): string =>
  `p50 ${micro(p50)}, p90 ${micro(p90)}, p99 ${micro(p99)}, max ${micro(max)}`;

function progressText({ attempted, sent, bytes, failed, seconds, timing }: ReplayProgress): string {
  const rate = seconds > 0 ? `, ${short(attempted / seconds)}/s, ${short((bytes * 8) / seconds, 'bit/s')}` : '';
  const late = timing === null ? '' : `; late by ${micro(timing.p50)}, 99 % within ${micro(timing.p99)}`;
  return `${count(sent, 'frame')} sent${failed > 0 ? `, ${failed} failed` : ''} in ${seconds.toFixed(1)} s${rate}${late}`;
}

/** As `progressText`, with the rate since it was asked last. */
function liveText(tell: () => ReplayProgress): () => string {
  let before = { attempted: 0, bytes: 0, seconds: 0 };
  return () => {
    const now = tell();
    const seconds = now.seconds - before.seconds;
    const rate =
      seconds > 0
        ? `${short((now.attempted - before.attempted) / seconds)}/s, ${short(((now.bytes - before.bytes) * 8) / seconds, 'bit/s')}`
        : '0/s';
    before = now;
    const late = now.timing === null ? '' : `; late ${micro(now.timing.p50)}, 99 % within ${micro(now.timing.p99)}`;
    const failed = now.failed > 0 ? `, ${short(now.failed)} failed` : '';
    return `${short(now.sent)} sent${failed} in ${now.seconds.toFixed(1)} s, ${rate}${late}`;
  };
}

function textOf(summary: ReplaySummary, device: string): string {
  const { attempted, sent, bytes, failed, interfaces, seconds, timing, tooLong, truncated, leftOut } = summary;
  const rate =
    seconds > 0
      ? `, ${Math.round(sent / seconds).toLocaleString('en-US')} frames/s, ${((bytes * 8) / seconds / 1e6).toFixed(2)} Mbit/s`
      : '';
  const lines = [
    `${count(sent, 'frame')} of ${attempted.toLocaleString('en-US')} sent on ${interfaces.map(({ name }) => name).join(' and ')}: ` +
      `${count(bytes, 'byte')} in ${seconds.toFixed(6)} s${rate}`,
  ];
  if (interfaces.length > 1)
    for (const one of interfaces) lines.push(`${one.name}: ${count(one.sent, 'frame')}, ${count(one.bytes, 'byte')}`);
  if (timing !== null) lines.push(`late by: ${timingText(timing)}`);
  for (const [name, frames] of failed) lines.push(`${count(frames, 'frame')} not sent: ${name}`);
  if (tooLong !== null)
    lines.push(
      `${count(tooLong.count, 'frame')} of the file longer than the MTU of ${device} allows: the first is frame ${tooLong.first}, ` +
        `the longest has ${tooLong.longest} bytes (--mtu cuts, netlab rewrite --mtu too)`,
    );
  for (const [reason, frames] of leftOut) lines.push(`${count(frames, 'frame')} left out: ${reason}`);
  if (truncated > 0)
    lines.push(
      `${count(truncated, 'frame')} sent shorter than on the wire: the capture cut them (--pad fills them up)`,
    );
  return `${printable(lines.join('\n'))}\n`;
}

const jsonOf = ({ failed, leftOut, tooLong, seconds, sent, bytes, ...rest }: ReplaySummary): object => ({
  ...rest,
  sent,
  bytes,
  failed: Object.fromEntries(failed),
  leftOut: Object.fromEntries(leftOut),
  tooLong,
  seconds,
  pps: seconds > 0 ? sent / seconds : null,
  mbps: seconds > 0 ? (bytes * 8) / seconds / 1e6 : null,
});
