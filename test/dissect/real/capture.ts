/** A capture of real programs that talk over a veth pair: made by dumpcap, which is told when it may stop. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Frame, readSavefile } from '../oracle.ts';

/** How long anything may take here before the test fails, in ms: for machines that are busy with other tests. */
export const BOUND = 60_000;

export const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });

/** Asks until the answer is there; fails with `what` after `BOUND`. */
export async function until<T>(what: () => string, answer: () => T | undefined | false): Promise<T> {
  for (const limit = Date.now() + BOUND; ; await pause(20)) {
    const found = answer();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > limit) throw new Error(`waited ${BOUND / 1000} s: ${what()}`);
  }
}

/** Runs a program to its end, without holding up this process, which may be its server. Gives what it printed. */
export function program(
  words: readonly string[],
  options: { mayFail?: boolean; input?: string } = {},
): Promise<string> {
  const child = spawn(words[0]!, words.slice(1), { stdio: ['pipe', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (data: Buffer) => (stdout += data.toString('latin1')));
  child.stderr.on('data', (data: Buffer) => (stderr += data.toString('latin1')));
  child.stdin.on('error', () => {}); // It may end before it has read all, and then says so by its status.
  child.stdin.end(options.input ?? '');
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => child.kill('SIGKILL'), BOUND);
    child.once('error', reject);
    child.once('close', (status, signal) => {
      clearTimeout(timer);
      if (status === 0 || (options.mayFail && signal === null)) resolve(stdout);
      else reject(new Error(`${words.join(' ')}: ${signal ?? `exit ${status}`}\n${stdout}\n${stderr}`));
    });
  });
}

/** A program that goes on until `stop`. */
export class Server {
  readonly child: ChildProcess;
  output = '';

  constructor(words: readonly string[]) {
    this.child = spawn(words[0]!, words.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.child.stdout!, this.child.stderr!])
      stream.on('data', (data: Buffer) => (this.output += data.toString('latin1')));
    this.child.once('error', (error) => (this.output += error.message));
  }

  /** Waits for what it prints when it is ready. */
  async says(pattern: RegExp): Promise<this> {
    await until(
      () => `no ${pattern} of ${this.child.spawnargs.join(' ')}: ${this.output}`,
      () => {
        if (pattern.test(this.output)) return true;
        if (this.child.exitCode !== null || this.child.signalCode !== null)
          throw new Error(`${this.child.spawnargs.join(' ')} ended: ${this.output}`);
        return false;
      },
    );
    return this;
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.child.once('close', resolve));
    this.child.kill(signal);
    const timer = setTimeout(() => this.child.kill('SIGKILL'), 5000);
    await ended;
    clearTimeout(timer);
  }
}

const MARKER = 'this was the last packet of the capture';

/** Everything that goes over a device from now on. */
export class Capture {
  readonly #dumpcap: Server;
  readonly #folder: string;

  private constructor(folder: string, dumpcap: Server) {
    this.#folder = folder;
    this.#dumpcap = dumpcap;
  }

  static async start(device: string): Promise<Capture> {
    const folder = mkdtempSync(join(tmpdir(), 'netlab-real-'));
    const file = join(folder, 'frames.pcap');
    const dumpcap = new Server(['dumpcap', '-q', '-P', '-i', device, '-B', '16', '-w', file]);
    await dumpcap.says(/^File: /m);
    return new Capture(folder, dumpcap);
  }

  /** The frames so far. */
  #read(): { frames: Frame[]; linkType: number } {
    return readSavefile(readFileSync(join(this.#folder, 'frames.pcap')));
  }

  /** Waits until there are `count` frames such as `is` knows. */
  async holds(what: string, count: number, is: (frame: Frame) => boolean): Promise<void> {
    await until(
      () => `not ${count} frames of ${what}`,
      () => this.#read().frames.filter(is).length >= count,
    );
  }

  /** Ends it when a datagram sent now, to the discard port of `address`, is in the file. The datagram is not among the frames,
   * nor what came after it. */
  async stop(address: string): Promise<{ frames: Frame[]; linkType: number }> {
    const socket = createSocket('udp4');
    try {
      let sent = 0;
      return await until(
        () => `no marker in the capture: ${this.#dumpcap.output}`,
        () => {
          if (sent++ % 50 === 0) socket.send(MARKER, 9, address);
          const { frames, linkType } = this.#read();
          const last = frames.findIndex(({ bytes }) =>
            Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes(MARKER),
          );
          return last < 0 ? undefined : { frames: frames.slice(0, last), linkType };
        },
      );
    } finally {
      socket.close();
      await this.#dumpcap.stop('SIGINT');
      rmSync(this.#folder, { recursive: true });
    }
  }
}
