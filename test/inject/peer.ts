/** Receivers on the far side of a link, for tests of sending. */
import type { ChildProcess } from 'node:child_process';
import type { Namespace } from '../support/network.ts';

/** Collects what a program prints until something is there. */
export class Output {
  readonly child: ChildProcess;
  stdout = '';
  stderr = '';
  #closed = false;

  constructor(child: ChildProcess) {
    this.child = child;
    // What it printed last may come after it has exited.
    child.once('close', () => (this.#closed = true));
    child.stdout!.setEncoding('latin1').on('data', (text: string) => (this.stdout += text));
    child.stderr!.setEncoding('latin1').on('data', (text: string) => (this.stderr += text));
  }

  async until(condition: () => boolean, timeout = 60_000): Promise<void> {
    for (const end = Date.now() + timeout; !condition(); await new Promise((resolve) => setTimeout(resolve, 10)))
      if (Date.now() > end || this.#closed)
        throw new Error(`waited in vain\nstdout: ${this.stdout.slice(-3000)}\nstderr: ${this.stderr.slice(-3000)}`);
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.child.once('close', resolve));
    this.child.kill('SIGINT');
    await ended;
  }
}

/** A UDP socket of the kernel in another namespace. */
export class Receiver {
  readonly output: Output;

  private constructor(output: Output) {
    this.output = output;
  }

  static async open(far: Namespace, family: 4 | 6, address: string, port: number): Promise<Receiver> {
    const script = `
      const socket = require('dgram').createSocket({ type: 'udp${family}', ipv6Only: ${family === 6} });
      socket.on('message', (data, from) => console.log(JSON.stringify(
        { data: data.toString('hex'), address: from.address, port: from.port })));
      socket.bind(${port}, ${JSON.stringify(address)}, () => {
        socket.setRecvBufferSize(1 << 22);
        console.log('ready');
      });`;
    const output = new Output(far.spawn(process.execPath, '-e', script));
    await output.until(() => output.stdout.includes('ready'));
    return new Receiver(output);
  }

  get datagrams(): { data: string; address: string; port: number }[] {
    return this.output.stdout
      .split('\n')
      .filter((line) => line.startsWith('{') && line.endsWith('}'))
      .map((line) => JSON.parse(line));
  }

  /** The first `count` datagrams, once they are there. */
  async take(count: number): Promise<{ data: string; address: string; port: number }[]> {
    await this.output.until(() => this.datagrams.length >= count);
    return this.datagrams;
  }

  close(): Promise<void> {
    return this.output.stop();
  }
}

/** tcpdump in another namespace: what it prints, its lines joined where they go on. */
export class Watcher {
  readonly output: Output;

  private constructor(output: Output) {
    this.output = output;
  }

  static async open(far: Namespace, device: string, ...args: string[]): Promise<Watcher> {
    const output = new Output(far.spawn('tcpdump', '-i', device, '-n', '-l', '-vv', '--immediate-mode', ...args));
    await output.until(() => output.stderr.includes('listening on'));
    return new Watcher(output);
  }

  get packets(): string[] {
    return this.output.stdout
      .replace(/\n[ \t]+/g, ' ')
      .split('\n')
      .filter((line) => line !== '');
  }

  async take(count: number): Promise<string[]> {
    await this.output.until(() => this.packets.length >= count);
    return this.packets;
  }

  close(): Promise<void> {
    return this.output.stop();
  }
}
