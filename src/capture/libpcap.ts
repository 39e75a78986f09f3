import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { FrameBlock } from '../frames/block.ts';
import type { FrameInterface } from '../frames/source.ts';
import { openSavefile, SavefileError, type SavefileSource } from '../savefile/index.ts';
import { LibpcapError, type LibpcapOptions } from './libpcap-source.ts';
import type { LiveSource } from './session.ts';
import type { RingStatistics } from './statistics.ts';

export { LIBPCAP_LIMITS, LibpcapError, type LibpcapOptions, libpcapMissing } from './libpcap-source.ts';

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

/** Opens the interfaces through libpcap, in a process of its own: cap aborts its process when an interface goes down, and
 * keeps the event loop busy for as long as frames come. Throws LibpcapError. */
export async function openLibpcap(options: LibpcapOptions): Promise<LiveSource> {
  const source = new LibpcapProcess(options);
  await source.opened();
  return source;
}

class LibpcapProcess implements LiveSource {
  readonly bufferSize: number;
  readonly #names: string[];
  readonly #child: Child;
  readonly #exit: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  #stderr = '';
  #file: SavefileSource | null = null;
  #stopped = false;
  #delivered: number[] = [];
  #interfaces: FrameInterface[] = [];
  #told: () => void = () => undefined;

  constructor(options: LibpcapOptions) {
    this.bufferSize = options.bufferSize;
    this.#names = options.interfaces;
    const entry = new URL(
      import.meta.url.endsWith('.ts') ? './libpcap-child.ts' : './libpcap-child.js',
      import.meta.url,
    );
    // From the sources a loader has to teach Node TypeScript.
    const loader = import.meta.url.endsWith('.ts') ? ['--import', import.meta.resolve('tsx')] : [];
    this.#child = spawn(process.execPath, [...loader, fileURLToPath(entry), JSON.stringify(options)], {
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.#child.stdin.on('error', () => undefined);
    this.#child.stderr.on('data', (data: Buffer) => {
      this.#stderr += data.toString();
      this.#told();
    });
    this.#exit = new Promise((resolve) => {
      this.#child.once('error', (error) => {
        this.#stderr += `${JSON.stringify({ message: error.message })}\n`;
        resolve({ code: 1, signal: null });
      });
      this.#child.once('close', (code, signal) => resolve({ code, signal }));
    });
  }

  /** Resolves when the interfaces are open. */
  async opened(): Promise<void> {
    const opened = (): string | undefined => /^(\{"opened":.*\})$/m.exec(this.#stderr)?.[1];
    let ended = false;
    void this.#exit.then(() => {
      ended = true;
      this.#told();
    });
    while (opened() === undefined && !ended)
      await new Promise<void>((resolve) => {
        this.#told = resolve;
      });
    const line = opened();
    if (line === undefined)
      throw (await this.#failure()) ?? new LibpcapError('the process of the libpcap backend ended at once');
    this.#interfaces = (JSON.parse(line) as { opened: FrameInterface[] }).opened;
    this.#delivered = this.#interfaces.map(() => 0);
    this.#file = await openSavefile(this.#child.stdout, { name: 'libpcap' });
  }

  /** What the process said went wrong, or how it died; null where it ended well. */
  async #failure(): Promise<LibpcapError | null> {
    const { code, signal } = await this.#exit;
    const told = /^(\{"message":.*\})$/m.exec(this.#stderr)?.[1];
    if (told !== undefined) {
      const { message, code: kind } = JSON.parse(told) as { message: string; code?: string };
      return new LibpcapError(message, kind);
    }
    if (code === 0) return null;
    const how = signal === 'SIGABRT' ? 'cap aborts when an interface goes down or away' : `exit ${code ?? signal}`;
    return new LibpcapError(`libpcap's capture on ${this.#names.join(', ')} ended by itself: ${how}`, 'ENETDOWN');
  }

  get interfaces(): readonly FrameInterface[] {
    return this.#interfaces;
  }

  get described(): readonly FrameInterface[] {
    return this.interfaces;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<FrameBlock, void> {
    try {
      for await (const block of this.#file!) {
        for (let row = 0; row < block.count; row++) this.#delivered[block.interfaceId[row]!]!++;
        if (block.count > 0) yield block;
      }
    } catch (error) {
      // A process that died left its last record unfinished.
      if (!(error instanceof SavefileError) || error.code !== 'SAVEFILE_TRUNCATED') throw error;
    } finally {
      this.#file!.close();
    }
    const failure = await this.#failure();
    if (failure !== null) throw failure;
  }

  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#child.stdin.end();
  }

  rings(): RingStatistics[] {
    return this.interfaces.map(({ name }, row) => ({
      interface: name,
      member: null,
      received: null,
      dropped: null,
      freezes: null,
      delivered: this.#delivered[row] ?? 0,
      undelivered: 0,
    }));
  }

  counters(): [] {
    return [];
  }

  async close(): Promise<void> {
    this.stop();
    this.#file?.close();
    this.#child.stdout.destroy();
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill('SIGKILL');
    await this.#exit;
  }
}
