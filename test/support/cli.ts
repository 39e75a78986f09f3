/** Runs the real program as a user would. */
import {
  type ChildProcessWithoutNullStreams,
  type SpawnOptionsWithoutStdio,
  spawn,
  spawnSync,
} from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { compiledEntry } from './compiled.ts';
import { run } from './veth.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** The words that run the program: Node and the compiled entry. */
export const NETLAB = [process.execPath, await compiledEntry()];
/** The same from the sources. */
export const NETLAB_FROM_SOURCES = [process.execPath, '--import', import.meta.resolve('tsx'), `${ROOT}bin/netlab.ts`];

/** The words that run tcpdump. As root it becomes another user, which it cannot in an unprivileged user namespace; there it
 * runs in one more, as somebody who is not root. */
export const TCPDUMP =
  process.env['NETLAB_NETNS'] === 'user'
    ? ['unshare', '--user', '--map-user=1000', '--map-group=1000', 'tcpdump']
    : ['tcpdump'];

/** What tcpdump prints. */
export const tcpdump = (...args: string[]): string => run(TCPDUMP[0]!, ...TCPDUMP.slice(1), ...args);

const clean = (env: NodeJS.ProcessEnv | undefined): NodeJS.ProcessEnv => {
  const { NO_COLOR: _n, FORCE_COLOR: _f, VITEST: _v, NODE_OPTIONS: _o, ...rest } = process.env;
  return { ...rest, ...env };
};

export interface Outcome {
  status: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** Runs netlab to its end. `input` goes to its standard input. */
export function netlab(
  args: string[],
  options: { input?: string | Uint8Array; env?: NodeJS.ProcessEnv; cwd?: string; prefix?: string[] } = {},
): Outcome {
  const [command, ...rest] = [...(options.prefix ?? []), ...NETLAB, ...args];
  const done = spawnSync(command!, rest, {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    timeout: 100_000,
    env: clean(options.env),
    ...(options.input === undefined ? {} : { input: options.input }),
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  if (done.error) throw done.error;
  return { status: done.status, signal: done.signal, stdout: done.stdout, stderr: done.stderr };
}

/** Waits until `condition` holds; throws after a minute. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  for (const end = Date.now() + 60_000; !condition(); await new Promise((resolve) => setTimeout(resolve, 20)))
    if (Date.now() > end) throw new Error(`waited a minute for ${what}`);
}

/** A netlab that runs while the test goes on. */
export class Running {
  readonly child: ChildProcessWithoutNullStreams;
  stdout = '';
  stderr = '';
  readonly ended: Promise<Outcome>;
  #changed: () => void = () => {};
  #closed = false;

  constructor(command: string[], options: SpawnOptionsWithoutStdio) {
    this.child = spawn(command[0]!, command.slice(1), options);
    this.child.stdout.on('data', (data: Buffer) => {
      this.stdout += data.toString('latin1');
      this.#changed();
    });
    this.child.stderr.on('data', (data: Buffer) => {
      this.stderr += data.toString();
      this.#changed();
    });
    this.ended = new Promise((resolve, reject) => {
      this.child.once('error', reject);
      this.child.once('close', (status, signal) => {
        this.#closed = true;
        resolve({ status, signal, stdout: this.stdout, stderr: this.stderr });
        this.#changed();
      });
    });
  }

  /** Waits until what came on a stream matches; fails with what did come. */
  async until(stream: 'stdout' | 'stderr', pattern: RegExp, timeout = 60_000): Promise<RegExpMatchArray> {
    const limit = Date.now() + timeout;
    for (;;) {
      const match = this[stream].match(pattern);
      if (match) return match;
      // What it printed last may come after it has exited.
      if (this.#closed || Date.now() > limit)
        throw new Error(
          `no ${pattern} on ${stream}\nstdout: ${this.stdout.slice(-2000)}\nstderr: ${this.stderr.slice(-2000)}`,
        );
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 50);
        this.#changed = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** The program of a capture says this when its rings are open. */
  listening(): Promise<RegExpMatchArray> {
    return this.until('stderr', /listening on /);
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Does `work` while the program is stopped, so that it cannot be ahead of what is done to it. */
  async stopped(work: () => unknown): Promise<void> {
    const { pid } = this.child;
    this.child.kill('SIGSTOP');
    try {
      await until(() => /^State:\s+T/m.test(readFileSync(`/proc/${pid}/status`, 'utf8')), 'a stopped program');
      await work();
    } finally {
      this.child.kill('SIGCONT');
    }
  }
}

export const start = (args: string[], options: SpawnOptionsWithoutStdio & { prefix?: string[] } = {}): Running =>
  new Running([...(options.prefix ?? []), ...NETLAB, ...args], { ...options, env: clean(options.env) });
