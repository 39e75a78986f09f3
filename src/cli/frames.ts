import { existsSync } from 'node:fs';
import { BlockFilter } from '../capture/filter.ts';
import type { DecodeAsTables } from '../dissect/decode-as-tables.ts';
import type { DisplayFilter } from '../dissect/display/compile.ts';
import { Fields, findFields, type Protocol } from '../dissect/fields.ts';
import { type FrameFacts, walkFrame } from '../dissect/frame.ts';
import { type SessionOptions, Sessions } from '../dissect/session/sessions.ts';
import type { FrameBlock } from '../frames/block.ts';
import type { FrameInterface } from '../frames/source.ts';
import { openSavefile, SavefileError, type SavefileSource } from '../savefile/index.ts';
import { prepareDecodeAs } from './decode-as.ts';
import { displayFilter } from './display-filter.ts';
import { EXIT_FAILURE, exitCodeOf, messageOf, UsageError } from './exit.ts';
import { filterText } from './filter-text.ts';
import type { FramesOptions } from './frames-options.ts';
import { handleSignals } from './signals.ts';
import { readWords } from './words.ts';

/** By field id: 1 for the fields of these names. */
export function wantedFields(names: readonly string[], also: readonly DisplayFilter[] = []): Uint8Array {
  const wanted = new Uint8Array(65_536);
  for (const name of names) for (const { id } of findFields(name)) wanted[id] = 1;
  for (const filter of also) for (let id = 0; id < wanted.length; id++) if (filter.wanted[id] === 1) wanted[id] = 1;
  return wanted;
}

/** What a command does with each frame. */
export interface FrameVisitor {
  /** By field id, with those that display filters read; null: all. */
  readonly wanted: Uint8Array | null;
  /** Remembers earlier frames; made anew for each file. */
  sessions?(wanted: Uint8Array | null, options: SessionOptions): Sessions;
  /** It looks at nothing above TCP, so that messages need not be put together from segments. */
  readonly onlyTransport?: boolean;
  /** A frame that matches. May ask to be waited for. */
  frame(f: Fields, facts: FrameFacts): void | Promise<void>;
  /** Verify checksums. */
  readonly verifies?: boolean;
  /** True: no more frames. */
  readonly isDone?: boolean;
}

/** Time that may pass until signals are looked at: a regular file is read without ever waiting. */
const TURN = 50;

/** Shows every frame that the words and options select to `visitor`. */
export async function eachFrame(
  name: string,
  words: string[],
  options: FramesOptions,
  visitor: FrameVisitor,
): Promise<void> {
  const { files, filter: wordsOfFilter } = readWords(options.readFile ?? [], words, existsSync);
  if (files.length === 0) throw new UsageError(`${name}: which file? - is standard input`);
  const expression = filterText(wordsOfFilter, options.filterFile);
  let filter: BlockFilter | null = null;
  if (expression !== '') {
    const { prepareFilter, savefileFilters } = await import('./filter.ts');
    filter = new BlockFilter(
      savefileFilters(await prepareFilter(expression, { optimize: options.optimize, mode: options.filterMode })),
    );
  }
  const display = options.displayFilter === undefined ? null : displayFilter(options.displayFilter);
  const told = await prepareDecodeAs(options.decodeAs);
  const pass = new FramePass(visitor, display, options.count ?? Number.POSITIVE_INFINITY, told);
  const release = handleSignals(
    () => {
      pass.isStopped = true;
    },
    () => process.stderr.write(`${pass.facts.number} packets read\n`),
  );
  try {
    for (const file of files) {
      if (pass.isStopped) break;
      await readFile(file, filter, pass);
    }
  } finally {
    release();
  }
}

async function readFile(file: string, filter: BlockFilter | null, pass: FramePass): Promise<void> {
  let source: SavefileSource | null = null;
  try {
    source = await openSavefile(file, { ahead: false });
    let turn = performance.now();
    while (!pass.isStopped) {
      const step = source.next();
      const block = step instanceof Promise ? await step : step;
      if (block === null) return;
      if (filter !== null && block.count > 0) filter.apply(block, source.interfaces);
      await pass.block(block, source.interfaces);
      if (performance.now() - turn > TURN) {
        await new Promise<void>((resolve) => setImmediate(resolve));
        turn = performance.now();
      }
    }
  } catch (error) {
    // A damaged file does not keep what came before from being told, nor the next from being read.
    if (!(error instanceof SavefileError)) throw error;
    process.stderr.write(`netlab: ${messageOf(error)}\n`);
    process.exitCode = Math.max(exitCodeOf(error), EXIT_FAILURE);
  } finally {
    source?.close();
  }
}

/** Walks frames and shows them to a visitor. Frames are numbered over all blocks, those that the capture filter rejects
 * left out. */
export class FramePass {
  readonly #visitor: FrameVisitor;
  readonly #display: DisplayFilter | null;
  readonly #most: number;
  readonly #fields = new Fields();
  readonly facts: FrameFacts = {
    number: 0,
    seconds: 0,
    nanoseconds: 0,
    originalLength: 0,
    interfaceId: 0,
    interfaceName: '',
    flags: 0,
  };
  isStopped = false;

  constructor(
    visitor: FrameVisitor,
    display: DisplayFilter | null,
    most = Number.POSITIVE_INFINITY,
    told: DecodeAsTables<Protocol> | null = null,
  ) {
    this.#visitor = visitor;
    this.#display = display;
    this.#most = most;
    let { wanted } = visitor;
    if (wanted !== null && display !== null) {
      wanted = wanted.slice();
      for (let id = 0; id < wanted.length; id++) if (display.wanted[id] === 1) wanted[id] = 1;
    }
    this.#fields.wanted = wanted;
    this.#fields.verifies = visitor.verifies ?? false;
    this.#fields.decodeAs = told;
    const segments = display !== null || visitor.onlyTransport !== true;
    this.#fields.sessions = visitor.sessions?.(wanted, { segments }) ?? new Sessions(wanted, { segments });
  }

  /** Shows the block's kept frames. */
  async block(block: FrameBlock, interfaces: readonly FrameInterface[]): Promise<void> {
    const f = this.#fields;
    const { facts } = this;
    const visitor = this.#visitor;
    for (let row = 0; row < block.count && !this.isStopped; row++) {
      if (block.keep[row] === 0) continue;
      const source = interfaces[block.interfaceId[row]!];
      facts.number++;
      facts.seconds = block.seconds[row]!;
      facts.nanoseconds = block.nanoseconds[row]!;
      facts.originalLength = block.originalLength[row]!;
      facts.interfaceId = block.interfaceId[row]!;
      facts.interfaceName = source?.name ?? '';
      facts.flags = block.flags[row]!;
      walkFrame(f, block.bytes, block.offset[row]!, block.capturedLength[row]!, source?.linkType ?? -1, facts);
      if (this.#display === null || this.#display.matches(f)) {
        const wait = visitor.frame(f, facts);
        if (wait !== undefined) await wait;
      }
      if (facts.number >= this.#most || visitor.isDone) this.isStopped = true;
    }
  }
}
