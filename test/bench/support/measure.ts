/** Runs a program and measures it: wall time, CPU (user and system, of it and of the children that it waited for) and
 * peak resident memory, from wait4(2). A few lines of Python make the call, since Node does not give it, and since a
 * process that is forked from a small one does not inherit the peak of a large one: figures of memory begin at about
 * 9 MiB, Python's own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Readable } from 'node:stream';

const METER = `
import json, os, signal, sys, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
started = time.monotonic_ns()
pid = os.fork()
if pid == 0:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    os.close(3)
    try:
        os.execvp(sys.argv[1], sys.argv[1:])
    except OSError as error:
        os.write(2, (sys.argv[1] + ": " + error.strerror + "\\n").encode())
        os._exit(127)
os.write(3, (str(pid) + "\\n").encode())
_, status, used = os.wait4(pid, 0)
wall = time.monotonic_ns() - started
os.write(3, json.dumps({"status": os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status),
    "wall": wall / 1e9, "user": used.ru_utime, "system": used.ru_stime, "peak": used.ru_maxrss * 1024}).encode())
`;

export interface Usage {
  /** Exit status; 128 and the signal's number where one ended it. */
  status: number;
  /** Seconds from fork to exit. */
  wall: number;
  /** Seconds of CPU in user mode and in the kernel. */
  user: number;
  system: number;
  /** Peak resident set, bytes. */
  peak: number;
  /** Empty where it was sent elsewhere. */
  stdout: string;
  stderr: string;
}

/** CPU seconds of both kinds. */
export const cpu = (usage: Usage): number => usage.user + usage.system;

export interface StartOptions {
  cwd?: string;
  /** A file for standard output ('/dev/null' too); default: kept as text. */
  stdout?: string;
  /** Exit statuses that are no failure. Default: 0 only. */
  accept?: number[];
}

const running = new Set<Running>();
process.on('exit', () => {
  for (const one of running) one.signal('SIGKILL');
});

/** A program that is being measured. */
export class Running {
  /** Resolves when the program has ended; rejects where its status is not accepted. */
  readonly done: Promise<Usage>;
  readonly #command: string;
  readonly #meter: ChildProcess;
  #pid = 0;
  #stdout = '';
  #stderr = '';

  constructor(command: string, args: readonly string[], options: StartOptions = {}) {
    this.#command = [command, ...args].join(' ');
    const out = options.stdout === undefined ? null : openSync(options.stdout, 'w');
    const meter = spawn('python3', ['-S', '-E', '-c', METER, command, ...args], {
      stdio: ['ignore', out ?? 'pipe', 'pipe', 'pipe'],
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    this.#meter = meter;
    if (out !== null) closeSync(out);
    meter.stdout?.setEncoding('utf8').on('data', (text: string) => (this.#stdout += text));
    meter.stderr?.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text));
    let told = '';
    (meter.stdio[3] as Readable).setEncoding('utf8').on('data', (text: string) => {
      told += text;
      this.#pid = Number.parseInt(told, 10);
    });
    running.add(this);
    this.done = new Promise<Usage>((resolve, reject) => {
      meter.once('error', reject);
      meter.once('close', () => {
        running.delete(this);
        const json = told.slice(told.indexOf('\n') + 1);
        if (!json) {
          reject(new Error(`${this.#command}: the meter ended early: ${this.#stderr}`));
          return;
        }
        const usage = { ...JSON.parse(json), stdout: this.#stdout, stderr: this.#stderr } as Usage;
        if ((options.accept ?? [0]).includes(usage.status)) resolve(usage);
        else reject(new Error(`${this.#command}: exit ${usage.status}\n${this.#stderr.slice(-2000)}`));
      });
    });
    // A rejection that comes before anybody awaits it is reported by whoever awaits it later.
    this.done.catch(() => undefined);
  }

  get stderr(): string {
    return this.#stderr;
  }

  signal(name: NodeJS.Signals): void {
    if (this.#pid > 0 && this.#meter.exitCode === null) {
      try {
        process.kill(this.#pid, name);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
      }
    }
  }
}

/** Runs a program to its end. */
export const measure = (command: string, args: readonly string[], options: StartOptions = {}): Promise<Usage> =>
  new Running(command, args, options).done;

/** Why a program cannot take part, or null. */
export function whyMissing(program: string): string | null {
  const path = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  return path.some((folder) => existsSync(join(folder, program))) ? null : `${program} is not installed`;
}

export const sleep = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Waits until `condition` holds; throws after `timeout` milliseconds. */
export async function until(what: string, condition: () => boolean, timeout = 10_000): Promise<void> {
  for (const end = Date.now() + timeout; !condition(); await sleep(20))
    if (Date.now() > end) throw new Error(`waited ${timeout} ms for ${what}`);
}

/** Packet sockets that are open in this network namespace, from /proc/net/packet: how one sees from outside that a
 * capture has begun. */
export const packetSockets = (): number => readFileSync('/proc/net/packet', 'utf8').trim().split('\n').length - 1;
