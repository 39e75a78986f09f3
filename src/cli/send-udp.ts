import { closeSync, openSync, readSync } from 'node:fs';
import { FrameBlock } from '../frames/block.ts';
import { DIRECTION_OUT } from '../frames/flags.ts';
import type { FrameInterface } from '../frames/source.ts';
import { Pacer, waitUntil } from '../inject/pace.ts';
import { RawSocketUnavailable } from '../inject/raw-socket.ts';
import { martian } from '../inject/resolve.ts';
import { openUdp, type SentUdp, type UdpSender, type UdpTarget, type Via } from '../inject/udp.ts';
import { maxUdpData } from '../inject/udp-packet.ts';
import { SystemError } from '../syscall/error.ts';
import { EACCES, EPERM } from '../uapi/errno.ts';
import { type ChosenSystem, chooseSystem } from './backend.ts';
import type { CountingSink } from './counting-sink.ts';
import { chosenInterface, parsePort, parseSource, resolveHost } from './endpoint.ts';
import { Failure, UsageError } from './exit.ts';
import { openOutputs } from './outputs.ts';
import { noPermission } from './permission.ts';
import { Replies } from './replies.ts';
import type { SendUdpOptions } from './send-options.ts';
import { handleSignals } from './signals.ts';
import { StdoutClosed } from './stdout.ts';

/** `netlab send-udp`: from its words and options to datagrams on the wire. */
export async function runSendUdp(
  host: string,
  portText: string,
  dataText: string | undefined,
  options: SendUdpOptions,
): Promise<void> {
  if (options.ipv4 && options.ipv6) throw new UsageError('-4 and -6 exclude each other');
  const port = parsePort(portText);
  const from = options.from === undefined ? undefined : parseSource(options.from);
  const sources = [dataText, options.hex, options.file].filter((source) => source !== undefined);
  if (sources.length > 1) throw new UsageError('the data comes from one of DATA, --hex and --file');
  if (options.badChecksum && options.via === 'dgram')
    throw new UsageError('--bad-checksum: the kernel computes the checksum with --via dgram; use packet or raw');
  const fromFamily = from?.address && (from.address.length === 4 ? 4 : 6);
  const family = options.ipv4 ? 4 : options.ipv6 ? 6 : (fromFamily ?? null);
  // The data of --via dgram goes through the kernel's own UDP, which needs no privilege.
  let choosing: Promise<ChosenSystem> | null = null;
  const choose = (): Promise<ChosenSystem> => {
    choosing ??= chooseSystem(options, { fallBack: options.via !== 'dgram' });
    return choosing;
  };
  const { address, zone } = await resolveHost(host, family, {
    lookUp: async (name, version) => (await choose()).lookUp(name, version),
  });
  if (from?.address && from.address.length !== address.length)
    throw new UsageError(
      `--from ${options.from}: an IPv${fromFamily} source for an IPv${address.length === 4 ? 4 : 6} destination`,
    );
  const device = chosenInterface(options.interface, [zone, from?.zone], address);
  const data = readData(dataText, options, maxUdpData(address.length));
  const chosen = await choose();

  const controller = new AbortController();
  const giveBack = handleSignals(
    () => controller.abort(),
    () => undefined,
  );
  try {
    const target: UdpTarget = {
      address,
      port,
      device,
      from,
      ttl: options.ttl,
      tos: options.tos,
      badChecksum: options.badChecksum,
      signal: controller.signal,
      rawThrough: chosen.kind === 'linux' ? 'module' : 'calls',
      clock: chosen.clock,
      random: chosen.random,
    };
    const sender = await open(chosen, options, target, host);
    try {
      await sendAll(chosen, sender, target, data, options);
    } finally {
      sender.close();
    }
  } catch (error) {
    // Ctrl-C while the neighbour was asked for: nothing was sent, and nothing is wrong.
    if (!controller.signal.aborted) throw error;
  } finally {
    giveBack();
  }
}

const isPermission = (error: unknown): error is SystemError =>
  error instanceof SystemError && (error.errno === EPERM || error.errno === EACCES);

/** Opens the way that was asked for; `auto` is packet, but dgram where the kernel would drop our frame, and says so. */
async function open(
  { system: calls }: ChosenSystem,
  options: SendUdpOptions,
  target: UdpTarget,
  host: string,
): Promise<UdpSender> {
  const via: Via = options.via === 'auto' ? 'packet' : options.via;
  let sender: UdpSender;
  try {
    sender = await openUdp(calls, via, target);
  } catch (error) {
    if (error instanceof RawSocketUnavailable) throw new Failure(error.message);
    if (!isPermission(error)) throw error;
    throw noPermission(`sending to ${host} via ${via}`, error.message);
  }
  const sysctl = sender.via === 'packet' && sender.path ? martian(calls, sender.path) : null;
  if (sysctl === null) return sender;
  const why = `the kernel drops frames that are injected for an address of its own (unless sysctl ${sysctl})`;
  if (options.via === 'auto' && !options.badChecksum && options.ttl !== 0) {
    sender.close();
    process.stderr.write(`netlab: sending via dgram: ${why}\n`);
    return openUdp(calls, 'dgram', target);
  }
  process.stderr.write(`netlab: ${why}: this one will not arrive\n`);
  return sender;
}

async function sendAll(
  chosen: ChosenSystem,
  sender: UdpSender,
  target: UdpTarget,
  data: Uint8Array,
  options: SendUdpOptions,
): Promise<void> {
  const { clock } = chosen;
  const signal = target.signal!;
  const output = new Frames(sender.device ?? '', options, chosen);
  const replies =
    options.replies === undefined
      ? null
      : await Replies.open(chosen, target, sender.device, sender.source.port, (block, interfaces) =>
          output.take(block, interfaces),
        );
  if (output.wanted && !sender.exact)
    process.stderr.write(
      'netlab: the packet is shown as the kernel was asked for it: its id and link header are not known\n',
    );
  const pacer = new Pacer(clock, options.interval * 1e9);
  let datagrams = 0;
  let frames = 0;
  let bytes = 0;
  let failure: unknown = null;
  try {
    while (datagrams < options.count) {
      await pacer.wait({ signal, precise: options.interval > 0 && options.interval < 0.05 && !chosen.virtualTime });
      if (signal.aborted) break;
      if (pacer.take(1) === 0) continue;
      const { seconds, nanoseconds } = clock.realtime();
      const sent: SentUdp = await sender.send(data);
      datagrams++;
      frames += sent.frames.length;
      for (const frame of sent.frames) bytes += frame.length;
      await output.write(sent, seconds, nanoseconds);
      // Without pauses the event loop would have no turn, and Ctrl-C no effect.
      if ((datagrams & 63) === 0) await new Promise(setImmediate);
    }
    if (replies !== null) await waitUntil(clock, clock.monotonic() + options.replies! * 1e9, { signal });
  } catch (error) {
    // `| head` has seen enough.
    if (!(error instanceof StdoutClosed)) failure = error;
  }
  try {
    await replies?.stop();
  } catch (error) {
    if (!(error instanceof StdoutClosed)) failure ??= error;
  }
  await output.close();
  const plural = (count: number, what: string): string =>
    `${count.toLocaleString('en-US')} ${what}${count === 1 ? '' : 's'}`;
  process.stderr.write(
    `${plural(datagrams, 'datagram')} sent via ${sender.via}${sender.device ? ` on ${sender.device}` : ''}: ` +
      `${plural(frames, sender.via === 'packet' ? 'frame' : 'packet')}, ${plural(bytes, 'byte')}${replies === null ? '' : `; ${plural(replies.frames, 'frame')} came back`}\n`,
  );
  if (failure !== null) throw failure;
}

/** Prints the frames that were sent and those that came back, and writes them to a file where that was asked for. */
class Frames {
  /** Neither printed nor written: there is nothing to do. */
  readonly wanted: boolean;
  readonly #options: SendUdpOptions;
  readonly #interfaces: FrameInterface[];
  readonly #block = new FrameBlock(new Uint8Array(0), 1);
  #sink: Promise<CountingSink> | null = null;
  /** A sink takes one call at a time, and what is sent and what comes back are not in step. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(device: string, options: SendUdpOptions, { note, os }: ChosenSystem) {
    this.wanted = !options.quiet || options.write !== undefined;
    this.#options = options;
    this.#interfaces = [
      {
        name: device,
        linkType: 0,
        snapLength: 0,
        timestampDigits: 9,
        ...(note === null ? {} : { description: note, os }),
      },
    ];
  }

  /** One datagram that was sent. */
  async write({ frames, linkType }: SentUdp, seconds: number, nanoseconds: number): Promise<void> {
    if (!this.wanted) return;
    this.#interfaces[0]!.linkType = linkType;
    const block = this.#block;
    for (const frame of frames)
      await this.#inTurn((sink) => {
        block.bytes = frame;
        block.count = 1;
        block.capturedLength[0] = block.originalLength[0] = frame.length;
        block.seconds[0] = seconds;
        block.nanoseconds[0] = nanoseconds;
        block.interfaceId[0] = 0;
        block.flags[0] = DIRECTION_OUT;
        block.keep[0] = 1;
        return sink.write(block, this.#interfaces);
      });
  }

  /** What came back. Its interface is the one of the sent frames where those have its link type. */
  async take(block: FrameBlock, from: readonly FrameInterface[]): Promise<void> {
    if (!this.wanted) return;
    await this.#inTurn((sink) => {
      const known = this.#interfaces.findIndex(
        ({ name, linkType }) => name === from[0]!.name && linkType === from[0]!.linkType,
      );
      block.interfaceId.fill(known >= 0 ? known : this.#interfaces.push(from[0]!) - 1, 0, block.count);
      return sink.write(block, this.#interfaces);
    });
  }

  #inTurn(work: (sink: CountingSink) => void | Promise<void>): Promise<void> {
    const done = this.#turn.then(async () => {
      this.#sink ??= openOutputs(this.#printOptions(), { live: true, interfaces: this.#interfaces });
      await work(await this.#sink);
    });
    this.#turn = done.catch(() => undefined);
    return done;
  }

  async close(): Promise<void> {
    await this.#turn;
    await (await this.#sink)?.close();
  }

  #printOptions(): Parameters<typeof openOutputs>[0] {
    const { dumpHex, dumpAscii, ascii, nano, write, quiet, color, format, linkLevel } = this.#options;
    return {
      numeric: true,
      // tcpdump checks the checksum of UDP under -vv.
      verbose: 2,
      color,
      format,
      ...(linkLevel ? { linkLevel: true } : {}),
      ...(dumpHex === undefined ? {} : { hex: dumpHex }),
      ...(dumpAscii === undefined ? {} : { hexAscii: dumpAscii }),
      ...(ascii === undefined ? {} : { ascii }),
      ...(nano ? { nano } : {}),
      ...(write === undefined ? {} : { write }),
      ...(write === undefined || quiet ? {} : { print: true }),
    };
  }
}

/** The data of a datagram, at most `most` bytes. */
function readData(text: string | undefined, options: SendUdpOptions, most: number): Uint8Array {
  let data: Uint8Array;
  if (options.hex !== undefined) data = parseHex(options.hex);
  else if (options.file !== undefined) data = readUpTo(options.file, most + 1);
  else if (text === '-') data = readUpTo('-', most + 1);
  else data = Buffer.from(text ?? '', 'utf8');
  if (data.length > most) {
    const length = options.file !== undefined || text === '-' ? `more than ${most}` : String(data.length);
    throw new UsageError(
      `the data has ${length} bytes; a UDP datagram over IPv${most === maxUdpData(4) ? 4 : 6} carries at most ${most}`,
    );
  }
  return data;
}

function parseHex(text: string): Uint8Array {
  const digits = text.replace(/^0x/i, '').replace(/[\s:]/g, '');
  const wrong = /[^0-9a-f]/i.exec(digits);
  if (wrong) throw new UsageError(`--hex: '${wrong[0]}' is no hexadecimal digit`);
  if (digits.length % 2) throw new UsageError(`--hex: ${digits.length} digits make no whole number of bytes`);
  return Buffer.from(digits, 'hex');
}

/** The file's bytes, but no more than `most`, so that a device or a pipe without end does not fill the memory. */
function readUpTo(path: string, most: number): Uint8Array {
  const fd = path === '-' ? 0 : openFile(path);
  try {
    const buffer = new Uint8Array(most);
    let length = 0;
    while (length < most) {
      let got: number;
      try {
        got = readSync(fd, buffer, length, most - length, null);
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === 'EOF') break;
        if (code === 'EAGAIN') {
          // Standard input is not blocking where whoever started us made it so.
          Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
          continue;
        }
        throw new Failure(`cannot read ${path === '-' ? 'standard input' : path}: ${(error as Error).message}`);
      }
      if (got === 0) break;
      length += got;
    }
    return buffer.subarray(0, length);
  } finally {
    if (path !== '-') closeSync(fd);
  }
}

function openFile(path: string): number {
  try {
    return openSync(path, 'r');
  } catch (error) {
    throw new Failure(`cannot read ${path}: ${(error as Error).message}`);
  }
}
