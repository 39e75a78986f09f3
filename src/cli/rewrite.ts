import { BlockFilter } from '../capture/filter.ts';
import { PacketWalker } from '../dissect/packets.ts';
import type { FrameBlock } from '../frames/block.ts';
import type { FrameInterface, FrameSink } from '../frames/source.ts';
import { Deduplicator, Flows, Rewriter } from '../inject/rewrite/index.ts';
import { createSavefile, openSavefile, SavefileError, type SavefileSource } from '../savefile/index.ts';
import { MergedSource } from '../savefile/merge.ts';
import { byBytes, byFrames, bySeconds, SplitSink, type Splitter } from '../savefile/split.ts';
import { displayFilter } from './display-filter.ts';
import { EXIT_FAILURE, exitCodeOf, messageOf, UsageError } from './exit.ts';
import { FrameNumbers, type Moment, parseMoment, TimeSlice } from './frame-slice.ts';
import { type RewriteArguments, rewriteOptions } from './rewrite-options.ts';
import { refuseOverwriting } from './same-file.ts';
import { handleSignals } from './signals.ts';

export interface RewriteCommandOptions extends RewriteArguments {
  filter?: string;
  displayFilter?: string;
  from?: string;
  to?: string;
  frames?: string[];
  dedup?: true;
  dedupFrames?: number;
  dedupTime?: number;
  append?: true;
  split?: string;
  optimize: boolean;
  filterMode: 'libpcap' | 'strict';
  quiet?: true;
}

/** Time that may pass until signals are looked at, in milliseconds. */
const TURN = 50;

/** `netlab rewrite`. */
export async function runRewrite(words: string[], options: RewriteCommandOptions): Promise<void> {
  const files = words.slice(0, -1);
  const target = words.at(-1)!;
  if (files.length === 0) throw new UsageError('rewrite: netlab rewrite FILE… OUT: the file to write is missing');
  if (files.filter((file) => file === '-').length > 1) throw new UsageError('standard input can be read only once');
  refuseOverwriting(files, target);
  if (target === '-' && process.stdout.isTTY)
    throw new UsageError('OUT - writes binary data, and standard output is a terminal: send it to a file or a pipe');
  const pass = await Pass.prepare(options);
  const splitter = options.split === undefined ? null : splitterOf(options.split);
  if (splitter !== null && target === '-') throw new UsageError('--split writes several files: name them');

  const sources = await openAll(files);
  const merged = !options.append && sources.length > 1 ? new MergedSource(sources) : null;
  let sink: FrameSink | null = null;
  const release = handleSignals(
    () => {
      pass.isStopped = true;
    },
    () => process.stderr.write(`${pass.read} frames read, ${pass.written} written\n`),
  );
  try {
    sink = openSink(target, splitter, sources, pass);
    if (merged !== null) await copy(merged, pass, sink);
    else for (const source of sources) if (!pass.isStopped) await copy(source, pass, sink);
    await sink.close();
    sink = null;
  } finally {
    release();
    // What went wrong first is what to tell.
    if (sink !== null) await Promise.resolve(sink.close()).catch(() => {});
    for (const source of sources) source.close();
  }
  if (!options.quiet) process.stderr.write(pass.report());
}

async function openAll(files: readonly string[]): Promise<SavefileSource[]> {
  const sources: SavefileSource[] = [];
  try {
    for (const file of files) sources.push(await openSavefile(file));
  } catch (error) {
    for (const source of sources) source.close();
    throw error;
  }
  return sources;
}

function openSink(
  target: string,
  splitter: Splitter | null,
  sources: readonly SavefileSource[],
  pass: Pass,
): FrameSink {
  if (splitter !== null) return new SplitSink({ path: target, splitter });
  const only = sources.length === 1 ? sources[0]! : null;
  // Names, secrets and the section's texts say who it was.
  if (only === null || pass.hides) return createSavefile(target);
  const section = only.sections[0];
  return createSavefile(target, { records: only, ...(section === undefined ? {} : { section }) });
}

interface Source {
  readonly interfaces: readonly FrameInterface[];
  next(): FrameBlock | null | Promise<FrameBlock | null>;
}

/** Copies what `source` has. A damaged file ends there, is told, and does not keep the others from being read. */
async function copy(source: Source, pass: Pass, sink: FrameSink): Promise<void> {
  pass.nextSource();
  let turn = performance.now();
  while (!pass.isStopped) {
    let block: FrameBlock | null;
    try {
      block = await source.next();
    } catch (error) {
      if (!(error instanceof SavefileError)) throw error;
      process.stderr.write(`netlab: ${messageOf(error)}\n`);
      process.exitCode = Math.max(exitCodeOf(error), EXIT_FAILURE);
      if (source instanceof MergedSource) continue;
      return;
    }
    if (block === null) return;
    await pass.block(block, source.interfaces, sink);
    if (performance.now() - turn > TURN) {
      await new Promise<void>((resolve) => setImmediate(resolve));
      turn = performance.now();
    }
  }
}

function splitterOf(text: string): Splitter {
  if (text === 'flow') {
    const flows = new Flows();
    return { inOrder: false, piece: (block, row, interfaces) => flows.number(block, row, interfaces) };
  }
  const match = /^(frames|bytes|seconds):(\d+(?:\.\d+)?)([kmg]?)$/i.exec(text);
  const unit = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 }[(match?.[3] ?? '').toLowerCase() as '' | 'k' | 'm' | 'g'];
  const value = Number(match?.[2] ?? 0) * unit;
  if (match === null || !(value > 0) || (match[1] !== 'seconds' && !Number.isInteger(value)))
    throw new UsageError(`--split ${text}: frames:N, bytes:N (or 10m), seconds:N or flow is expected`);
  if (match[1] === 'frames') return byFrames(value);
  return match[1] === 'bytes' ? byBytes(value) : bySeconds(value);
}

/** Selects frames, changes them, and hands them on. */
class Pass {
  isStopped = false;
  read = 0;
  written = 0;
  hides = false;
  #filter: BlockFilter | null = null;
  #walker: PacketWalker | null = null;
  #slice: TimeSlice | null = null;
  #numbers: FrameNumbers | null = null;
  #dedup: Deduplicator | null = null;
  #rewriter: Rewriter | null = null;
  #makeRewriter: (() => Rewriter) | null = null;
  readonly #sums = { unknownLinkType: 0, notConverted: 0, cut: 0 };

  static async prepare(options: RewriteCommandOptions): Promise<Pass> {
    const pass = new Pass();
    if (options.filter !== undefined && options.filter !== '') {
      const { prepareFilter, savefileFilters } = await import('./filter.ts');
      const expression = await prepareFilter(options.filter, { optimize: options.optimize, mode: options.filterMode });
      pass.#filter = new BlockFilter(savefileFilters(expression));
    }
    if (options.displayFilter !== undefined) {
      const filter = displayFilter(options.displayFilter);
      pass.#walker = new PacketWalker({ wanted: filter.wanted, filter, fieldsOnly: true });
    }
    const moment = (text: string | undefined, name: string): Moment | null =>
      text === undefined ? null : parseMoment(text, name);
    const from = moment(options.from, '--from');
    const to = moment(options.to, '--to');
    if (from !== null || to !== null) pass.#slice = new TimeSlice(from, to);
    if (options.frames !== undefined) pass.#numbers = new FrameNumbers(options.frames.join(','));
    if (options.dedup || options.dedupFrames !== undefined || options.dedupTime !== undefined)
      pass.#dedup = new Deduplicator({
        ...(options.dedupFrames === undefined ? {} : { window: options.dedupFrames }),
        ...(options.dedupTime === undefined ? {} : { seconds: options.dedupTime }),
      });
    const rewrite = await rewriteOptions(options);
    if (rewrite !== null) {
      pass.hides = rewrite.anonymizer !== undefined;
      pass.#makeRewriter = () => new Rewriter(rewrite);
    }
    return pass;
  }

  /** Blocks of another source follow, with interfaces of their own. */
  nextSource(): void {
    this.#settle();
    this.#rewriter = this.#makeRewriter?.() ?? null;
  }

  #settle(): void {
    const summary = this.#rewriter?.summary;
    if (summary === undefined) return;
    for (const name of Object.keys(this.#sums) as (keyof typeof summary)[]) this.#sums[name] += summary[name];
    this.#rewriter = null;
  }

  async block(block: FrameBlock, interfaces: readonly FrameInterface[], sink: FrameSink): Promise<void> {
    this.read += block.count;
    this.#numbers?.apply(block);
    this.#slice?.apply(block);
    if (block.count > 0) this.#filter?.apply(block, interfaces);
    this.#walker?.select(block, interfaces);
    this.#dedup?.apply(block);
    let out = block;
    if (this.#rewriter !== null) {
      out = this.#rewriter.apply(block, interfaces);
      interfaces = this.#rewriter.interfaces;
    }
    for (let row = 0; row < out.count; row++) if (out.keep[row] !== 0) this.written++;
    await sink.write(out, interfaces);
    if (this.#numbers?.isDone) this.isStopped = true;
  }

  /** What there is to say at the end: how many frames, and what could not be done. */
  report(): string {
    this.#settle();
    const { unknownLinkType, notConverted, cut } = this.#sums;
    const lines = [`${this.read} frames read, ${this.written} written`];
    if (this.#dedup !== null) lines.push(`${this.#dedup.found} copies left out`);
    if (cut > 0) lines.push(`${cut} cut to the MTU`);
    if (notConverted > 0) lines.push(`${notConverted} left out: nothing that the link header asked for could carry`);
    if (unknownLinkType > 0)
      lines.push(
        `${unknownLinkType} of a link type that cannot be changed: ${this.hides ? 'left out' : 'as they were'}`,
      );
    return `${lines.join('\n')}\n`;
  }
}
