import { closeSync, openSync, readSync } from 'node:fs';
import { FrameBlock } from '../frames/block.ts';
import { DIRECTION_OUT } from '../frames/flags.ts';
import type { FrameInterface } from '../frames/source.ts';
import { Pacer } from '../inject/pace.ts';
import { RawSocketUnavailable } from '../inject/raw-socket.ts';
import { martian } from '../inject/resolve.ts';
import { openUdp, type SentUdp, type UdpSender, type UdpTarget, type Via } from '../inject/udp.ts';
import { maxUdpData } from '../inject/udp-packet.ts';
import type { SystemCalls } from '../syscall/contract.ts';
import { SystemError } from '../syscall/error.ts';
import { systemClock } from '../time/clock.ts';
import { EACCES, EPERM } from '../uapi/errno.ts';
import { chosenInterface, parsePort, parseSource, resolveHost } from './endpoint.ts';
import { Failure, UsageError } from './exit.ts';
import { hostSystem } from './host.ts';
import { type CountingSink, openOutputs } from './outputs.ts';
import { noPermission } from './permission.ts';
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
  const { address, zone } = await resolveHost(host, family);
  if (from?.address && from.address.length !== address.length)
    throw new UsageError(
      `--from ${options.from}: an IPv${fromFamily} source for an IPv${address.length === 4 ? 4 : 6} destination`,
    );
  const device = chosenInterface(options.interface, [zone, from?.zone], address);
  const data = readData(dataText, options, maxUdpData(address.length));

  const controller = new AbortController();
  const giveBack = handleSignals(
    () => controller.abort(),
    () => undefined,
  );
  try {
    const calls = await hostSystem();
    const target: UdpTarget = {
      address,
      port,
      device,
      from,
      ttl: options.ttl,
      tos: options.tos,
      badChecksum: options.badChecksum,
      signal: controller.signal,
    };
    const sender = await open(calls, options, target, host);
    try {
      await sendAll(sender, data, options, controller.signal);
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

/** Opens the way that was asked for; `auto` is packet where that is permitted, else dgram, and says which and why. */
async function open(calls: SystemCalls, options: SendUdpOptions, target: UdpTarget, host: string): Promise<UdpSender> {
  const via: Via = options.via === 'auto' ? 'packet' : options.via;
  const fallBack = (why: string): Promise<UdpSender> => {
    process.stderr.write(`netlab: sending via dgram: ${why}\n`);
    return openUdp(calls, 'dgram', target);
  };
  let sender: UdpSender;
  try {
    sender = await openUdp(calls, via, target);
  } catch (error) {
    if (error instanceof RawSocketUnavailable) throw new Failure(error.message);
    if (!isPermission(error)) throw error;
    const onlyPacket = options.badChecksum ? '--bad-checksum' : options.ttl === 0 ? '--ttl 0' : null;
    if (options.via !== 'auto' || onlyPacket !== null)
      throw noPermission(
        `sending to ${host} via ${via}${onlyPacket && options.via === 'auto' ? ` (for ${onlyPacket})` : ''}`,
        error.message,
      );
    return fallBack('frames of our own need CAP_NET_RAW');
  }
  const sysctl = sender.via === 'packet' && sender.path ? martian(calls, sender.path) : null;
  if (sysctl === null) return sender;
  const why = `the kernel drops frames that are injected for an address of its own (unless sysctl ${sysctl})`;
  if (options.via === 'auto' && !options.badChecksum && options.ttl !== 0) {
    sender.close();
    return fallBack(why);
  }
  process.stderr.write(`netlab: ${why}: this one will not arrive\n`);
  return sender;
}

async function sendAll(
  sender: UdpSender,
  data: Uint8Array,
  options: SendUdpOptions,
  signal: AbortSignal,
): Promise<void> {
  const output = new SentFrames(sender.device ?? '', options);
  if (output.wanted && !sender.exact)
    process.stderr.write(
      'netlab: the packet is shown as the kernel was asked for it: its id and link header are not known\n',
    );
  const pacer = new Pacer(systemClock, options.interval * 1e9);
  let datagrams = 0;
  let frames = 0;
  let bytes = 0;
  let failure: unknown = null;
  try {
    while (datagrams < options.count) {
      await pacer.wait({ signal, precise: options.interval > 0 && options.interval < 0.05 });
      if (signal.aborted) break;
      if (pacer.take(1) === 0) continue;
      const { seconds, nanoseconds } = systemClock.realtime();
      const sent: SentUdp = await sender.send(data);
      datagrams++;
      frames += sent.frames.length;
      for (const frame of sent.frames) bytes += frame.length;
      await output.write(sent, seconds, nanoseconds);
      // Without pauses the event loop would have no turn, and Ctrl-C no effect.
      if ((datagrams & 63) === 0) await new Promise(setImmediate);
    }
  } catch (error) {
    // `| head` has seen enough.
    if (!(error instanceof StdoutClosed)) failure = error;
  }
  await output.close();
  const plural = (count: number, what: string): string =>
    `${count.toLocaleString('en-US')} ${what}${count === 1 ? '' : 's'}`;
  process.stderr.write(
    `${plural(datagrams, 'datagram')} sent via ${sender.via}${sender.device ? ` on ${sender.device}` : ''}: ` +
      `${plural(frames, sender.via === 'packet' ? 'frame' : 'packet')}, ${plural(bytes, 'byte')}\n`,
  );
  if (failure !== null) throw failure;
}

/** Prints the frames that were sent, and writes them to a file where that was asked for. */
class SentFrames {
  /** Neither printed nor written: there is nothing to do. */
  readonly wanted: boolean;
  readonly #options: SendUdpOptions;
  readonly #interfaces: FrameInterface[];
  readonly #block = new FrameBlock(new Uint8Array(0), 1);
  #sink: CountingSink | null = null;

  constructor(device: string, options: SendUdpOptions) {
    this.wanted = !options.quiet || options.write !== undefined;
    this.#options = options;
    this.#interfaces = [{ name: device, linkType: 0, snapLength: 0, timestampDigits: 9 }];
  }

  async write({ frames, linkType }: SentUdp, seconds: number, nanoseconds: number): Promise<void> {
    if (!this.wanted) return;
    this.#interfaces[0]!.linkType = linkType;
    this.#sink ??= await openOutputs(this.#printOptions(), { live: true, interfaces: this.#interfaces });
    const block = this.#block;
    for (const frame of frames) {
      block.bytes = frame;
      block.count = 1;
      block.capturedLength[0] = block.originalLength[0] = frame.length;
      block.seconds[0] = seconds;
      block.nanoseconds[0] = nanoseconds;
      block.flags[0] = DIRECTION_OUT;
      block.keep[0] = 1;
      await this.#sink.write(block, this.#interfaces);
    }
  }

  async close(): Promise<void> {
    await this.#sink?.close();
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
