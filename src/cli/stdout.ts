import { fstatSync, writeSync } from 'node:fs';
import { Failure } from './exit.ts';

/** The reader of stdout is gone (`| head`). Not an error to a person: the command ends quietly. */
export class StdoutClosed extends Error {
  readonly code = 'EPIPE';
}

/** Standard output for much data. Pipes and terminals go through the stream, so that the event loop stays free while a
 * slow reader (a pager) makes us wait; files are written at once. `write` returns a promise only where the caller should
 * wait. A reader that is gone makes every later call throw StdoutClosed. */
export class Stdout {
  readonly #fd: 1 | 2;
  readonly #stream: NodeJS.WriteStream;
  readonly #direct: boolean;
  #error: Error | null = null;
  #draining: Promise<void> | null = null;
  #onClosed: ((error: Error) => void) | null = null;

  /** 2: what a command prints goes to standard error. */
  constructor(fd: 1 | 2 = 1) {
    this.#fd = fd;
    this.#stream = fd === 1 ? process.stdout : process.stderr;
    const kind = fstatSync(fd);
    this.#direct = !(kind.isFIFO() || kind.isSocket() || this.#stream.isTTY);
    if (!this.#direct) {
      // A pipe's stream tells of EPIPE by this event; without a listener it would be a stack trace.
      this.#stream.on('error', (error: NodeJS.ErrnoException) => {
        this.#error ??=
          error.code === 'EPIPE' ? new StdoutClosed('the reader of standard output is gone') : failure(error);
        this.#onClosed?.(this.#error);
      });
    }
  }

  get isTerminal(): boolean {
    return this.#stream.isTTY === true;
  }

  /** Calls `then` once, as soon as it is known that stdout takes no more (an idle capture notices only so). */
  onError(then: (error: Error) => void): void {
    this.#onClosed = then;
    if (this.#error !== null) then(this.#error);
  }

  /** Takes `data` before it returns: text is encoded, bytes are copied where they cannot be written at once. */
  write(data: string | Uint8Array): void | Promise<void> {
    if (this.#error !== null) throw this.#error;
    if (this.#direct) {
      const bytes = typeof data === 'string' ? Buffer.from(data, 'utf8') : data;
      for (let at = 0; at < bytes.length; ) {
        try {
          at += writeSync(this.#fd, bytes, at, bytes.length - at);
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code === 'EAGAIN') continue;
          this.#error =
            (error as NodeJS.ErrnoException).code === 'EPIPE'
              ? new StdoutClosed('the reader of standard output is gone')
              : failure(error as Error);
          throw this.#error;
        }
      }
      return;
    }
    if (this.#stream.write(typeof data === 'string' ? data : Buffer.from(data))) return;
    // One promise for all that write while the pipe is full.
    this.#draining ??= new Promise<void>((resolve, reject) => {
      const stream = this.#stream;
      const finish = (): void => {
        stream.off('drain', finish);
        stream.off('close', finish);
        stream.off('error', finish);
        this.#draining = null;
        if (this.#error !== null) reject(this.#error);
        else resolve();
      };
      stream.on('drain', finish);
      stream.on('close', finish);
      stream.on('error', finish);
    });
    // Who does not wait hears of the error at the next write.
    this.#draining.catch(() => undefined);
    return this.#draining;
  }
}

const failure = (error: Error): Failure => new Failure(`cannot write to standard output: ${error.message}`);

let shared: Stdout | null = null;
/** What is printed from now on goes to standard error, until the function that is returned is called. */
export function redirectStdout(): () => void {
  const before = shared;
  const { write } = process.stdout;
  shared = new Stdout(2);
  process.stdout.write = process.stderr.write.bind(process.stderr) as typeof write;
  return () => {
    shared = before;
    process.stdout.write = write;
  };
}

/** The process's one Stdout. */
export const stdout = (): Stdout => {
  shared ??= new Stdout();
  return shared;
};
