import { nearestOf } from '../bytes/nearest.ts';
import { FrameBlock } from '../frames/block.ts';
import { DIRECTION_IN, DIRECTION_OUT } from '../frames/flags.ts';
import type { FrameInterface } from '../frames/source.ts';
import { Completer, type Ready } from '../inject/craft/complete.ts';
import { CraftError } from '../inject/craft/error.ts';
import { Exchange, type Reply, type Sent } from '../inject/craft/exchange.ts';
import { mutate } from '../inject/craft/fuzz.ts';
import type { Draft, Packets } from '../inject/craft/packet.ts';
import { fieldNames, findLayer, layerNames, layerTypes } from '../inject/craft/registry.ts';
import { craft } from '../inject/craft/text.ts';
import { Pacer } from '../inject/pace.ts';
import { send } from '../inject/send.ts';
import { SystemError } from '../syscall/error.ts';
import { seededRandom } from '../time/random.ts';
import { EACCES, EPERM } from '../uapi/errno.ts';
import { type ChosenSystem, chooseSystem } from './backend.ts';
import type { CountingSink } from './counting-sink.ts';
import { EXIT_FAILURE, Failure, UsageError } from './exit.ts';
import { openOutputs } from './outputs.ts';
import type { SendPacketOptions } from './packet-options.ts';
import { noPermission } from './permission.ts';
import { lost } from './probe.ts';
import { roundTrips } from './round-trips.ts';
import { handleSignals } from './signals.ts';
import { StdoutClosed, stdout } from './stdout.ts';

/** `netlab send`: from the text of packets to packets on the wire, and what answers them. */
export async function runSend(text: string, layer: string | undefined, options: SendPacketOptions): Promise<void> {
  if (text === 'list') return list(layer);
  if (layer !== undefined) throw new UsageError(`send: what is '${layer}'? The packet is one word: quote it`);
  check(options);
  const seed = options.randSeed ?? Math.floor(Math.random() * 0x1_0000_0000);
  const packets = parse(text, seed);
  if (options.fuzz || (options.randSeed === undefined && /\brand\b/.test(text)))
    process.stderr.write(`netlab: random values by --rand-seed ${seed}\n`);
  if (options.write !== undefined || options.show) return make(packets, seed, options);
  const chosen = await chooseSystem(options);
  const controller = new AbortController();
  const giveBack = handleSignals(
    () => controller.abort(),
    () => undefined,
  );
  try {
    if (options.flood) await flood(chosen, packets, seed, options, controller.signal);
    else await exchange(chosen, packets, seed, options, controller.signal);
  } catch (error) {
    if (error instanceof SystemError && (error.errno === EPERM || error.errno === EACCES))
      throw noPermission('sending frames', error.message);
    if (error instanceof TypeError && !(error instanceof UsageError)) throw new UsageError(`send: ${error.message}`);
    // Ctrl-C while a neighbour was asked for: nothing is wrong.
    if (!controller.signal.aborted) throw error;
  } finally {
    giveBack();
  }
}

function check(options: SendPacketOptions): void {
  const instead = options.write !== undefined ? '-w' : options.show ? '--show' : null;
  if (options.write !== undefined && options.show) throw new UsageError('-w and --show exclude each other');
  for (const [given, name] of [
    [options.answer, '--answer'],
    [options.flood, '--flood'],
    [options.duration, '--duration'],
  ] as const)
    if (given !== undefined && instead !== null) throw new UsageError(`${name}: with ${instead} nothing is sent`);
  if (options.flood && options.count === undefined && options.duration === undefined)
    throw new UsageError('--flood needs an end: say --count NUMBER or --duration SECONDS as well');
  if (options.flood && options.answer) throw new UsageError('--flood and --answer exclude each other');
  if (options.flood && options.interval > 0) throw new UsageError('--flood and --interval exclude each other');
}

/** The packets that the text stands for. Throws UsageError that shows where it is wrong. */
export function parse(text: string, seed: number): Packets {
  try {
    return craft(text, { seed });
  } catch (error) {
    if (error instanceof CraftError) throw new UsageError(`packet: ${error.render()}`);
    throw error;
  }
}

/** `netlab send list [LAYER]`. */
function list(name: string | undefined): void {
  const rows: [string, string][] = [];
  if (name === undefined) for (const type of layerTypes) rows.push([[type.name, ...type.names].join(', '), type.title]);
  else {
    const type = findLayer(name);
    if (type === null) {
      const near = nearestOf(name, layerNames(), 3);
      throw new UsageError(`no layer '${name}'${near.length ? `; did you mean ${near.join(' or ')}?` : ''}`);
    }
    for (const [own, { kind, names }] of Object.entries(type.fields)) {
      const values = kind.names?.length ? `: ${kind.names.join(', ')}` : '';
      rows.push([[own, ...names].join(', '), `${kind.what}${kind.what.startsWith('flags') ? '' : values}`]);
    }
    if (fieldNames(type).length === 0) return;
  }
  const width = Math.min(40, Math.max(...rows.map(([left]) => left.length)));
  process.stdout.write(rows.map(([left, right]) => `${left.padEnd(width)}  ${right}\n`).join(''));
}

/** The packets, as often as was asked for, each as it goes out: with random values, and fuzzed. */
function* drafts(
  packets: Packets,
  seed: number,
  { count, fuzz }: SendPacketOptions,
  endless = false,
): Generator<Draft> {
  const draw = seededRandom(seed);
  for (let round = 0; endless || round < (count ?? 1); round++)
    for (const draft of packets.drafts(draw)) {
      if (fuzz) mutate(draft, draw);
      yield draft;
    }
}

/** Writes or shows the packets. Nothing is sent: not even a question for a neighbour. */
async function make(packets: Packets, seed: number, options: SendPacketOptions): Promise<void> {
  let completer: Completer | null = null;
  try {
    const { system } = await chooseSystem(options, { fallBack: false });
    const draw = seededRandom(seed ^ 0x70616464);
    completer = new Completer(system, { device: options.interface, offline: true, random: () => draw() / 2 ** 32 });
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    process.stderr.write(`netlab: without a kernel to ask for routes: ${error.message}\n`);
  }
  const output = new Printer(options, null);
  let count = 0;
  try {
    for (const draft of drafts(packets, seed, options)) {
      const { bytes, linkType } = await completed(completer, draft);
      const { seconds, nanoseconds } = {
        seconds: Math.floor(Date.now() / 1000),
        nanoseconds: (Date.now() % 1000) * 1e6,
      };
      await output.frame(bytes, linkType, options.interface ?? '', seconds, nanoseconds, DIRECTION_OUT);
      if ((++count & 255) === 0) await new Promise(setImmediate);
    }
  } catch (error) {
    if (!(error instanceof StdoutClosed)) throw error;
  } finally {
    await output.close();
  }
  if (options.write !== undefined && options.write !== '-')
    process.stderr.write(`${plural(count, 'packet')} written to ${options.write}\n`);
}

/** A packet without a way to its destination is made with what stands in it by default. */
async function completed(completer: Completer | null, draft: Draft): Promise<Pick<Ready, 'bytes' | 'linkType'>> {
  try {
    if (completer !== null) return await completer.complete(draft);
  } catch (error) {
    if (!(error instanceof SystemError || error instanceof TypeError)) throw error;
  }
  return draft.build();
}

async function exchange(
  chosen: ChosenSystem,
  packets: Packets,
  seed: number,
  options: SendPacketOptions,
  signal: AbortSignal,
): Promise<void> {
  const { clock, system, random } = chosen;
  const output = new Printer(options, chosen);
  const json = options.format === 'json';
  /** For JSON, which prints a packet with its reply. */
  const all: Sent[] = [];
  const times: number[] = [];
  let expected = 0;
  let errors = 0;
  let dropped = 0;
  const devices = new Set<string>();
  let count = 0;
  let bytes = 0;
  let failure: unknown = null;
  /** Replies are printed in turn: when the last is, all are. */
  let printed: Promise<void> = Promise.resolve();
  const note = (error: unknown): void => {
    failure ??= error;
  };
  const line = new Exchange(system, {
    device: options.interface,
    listen: options.answer === true,
    signal,
    clock,
    random,
    onReply: (sent, reply) => {
      if (!reply.isDuplicate) {
        times.push(reply.milliseconds);
        if (reply.kind === 'error') errors++;
      }
      if (!json) printed = output.reply(sent, reply).catch(note);
    },
  });
  const pacer = new Pacer(clock, options.interval * 1e9, 1);
  const end = options.duration === undefined ? Number.POSITIVE_INFINITY : clock.monotonic() + options.duration * 1e9;
  try {
    for (const draft of drafts(packets, seed, options, options.count === undefined && options.duration !== undefined)) {
      await pacer.wait({ signal, precise: options.interval > 0 && options.interval < 0.05 && !chosen.virtualTime });
      if (signal.aborted || failure !== null || clock.monotonic() >= end) break;
      pacer.take(1);
      const sent = await line.send(draft);
      count = sent.index + 1;
      bytes += sent.bytes.length;
      devices.add(sent.device);
      if (sent.reading?.asks) expected++;
      if (json && options.answer) all.push(sent);
      else if (json) await stdout().write(`${JSON.stringify(describe(sent, options))}\n`);
      else
        await output.frame(sent.bytes, sent.linkType, sent.device, sent.at.seconds, sent.at.nanoseconds, DIRECTION_OUT);
      if ((sent.index & 63) === 63) await new Promise(setImmediate);
    }
    if (options.answer) await line.until(() => times.length >= expected, options.timeout);
    await printed;
    if (json) for (const sent of all) await stdout().write(`${JSON.stringify(describe(sent, options))}\n`);
  } catch (error) {
    if (!(error instanceof StdoutClosed) && !signal.aborted) note(error);
  } finally {
    dropped = line.dropped();
    line.close();
  }
  await output.close();
  if (failure !== null && !(failure instanceof StdoutClosed)) throw failure;
  const answers = options.answer
    ? `; ${plural(times.length - errors, 'answer')}${errors ? `, ${plural(errors, 'error')}` : ''}, ` +
      `${count - times.length} unanswered${roundTrips(times)}`
    : '';
  process.stderr.write(
    `${plural(count, 'packet')} sent${devices.size ? ` on ${[...devices].join(', ')}` : ''}: ${plural(bytes, 'byte')}${answers}\n`,
  );
  if (dropped > 0) process.stderr.write(`${lost(dropped)}\n`);
  if (options.answer && times.length === 0) process.exitCode = EXIT_FAILURE;
}

/** A packet and its reply for programs. */
const describe = ({ index, bytes, linkType, device, at, reply }: Sent, options: SendPacketOptions): object => ({
  index,
  time: `${at.seconds}.${String(at.nanoseconds).padStart(9, '0')}`,
  interface: device,
  linkType,
  bytes: Buffer.from(bytes).toString('hex'),
  ...(options.answer ? { reply: reply && describeReply(reply) } : {}),
});

const describeReply = ({ kind, from, ttl, milliseconds, bytes, reading }: Reply): object => ({
  kind,
  from,
  ttl,
  milliseconds,
  ...(reading.error ? { type: reading.error.type, code: reading.error.code } : {}),
  bytes: Buffer.from(bytes).toString('hex'),
});

/** Frames that are made beforehand for a flood: what a set has beyond is not in it. */
const MOST_PREPARED = 65_536;
/** Frames between two turns of the event loop, in which Ctrl-C is heard. */
const FLOOD_PIECE = 8192;

async function flood(
  { system, clock, random, virtualTime }: ChosenSystem,
  packets: Packets,
  seed: number,
  options: SendPacketOptions,
  signal: AbortSignal,
): Promise<void> {
  const completer = new Completer(system, { device: options.interface, signal, clock, random });
  const frames: Uint8Array[] = [];
  let device: string | null = null;
  const most = Math.min(MOST_PREPARED, options.fuzz ? (options.count ?? MOST_PREPARED) * packets.count : packets.count);
  for (const draft of drafts(packets, seed, options, true)) {
    const ready = await completer.complete(draft);
    if (ready.way !== 'frame')
      throw new Failure(
        '--flood needs frames: to an address of this machine, or on a device without a link header, it cannot',
      );
    if (device !== null && device !== ready.device)
      throw new Failure(
        `--flood goes out on one interface, and these go out on ${device} and ${ready.device}: choose by -i`,
      );
    device = ready.device;
    frames.push(ready.bytes);
    if (frames.length >= most) break;
  }
  const total = options.count === undefined ? Number.POSITIVE_INFINITY : options.count * packets.count;
  const started = clock.monotonic();
  const end = options.duration === undefined ? Number.POSITIVE_INFINITY : started + options.duration * 1e9;
  const failed = new Map<string, number>();
  let tried = 0;
  let sent = 0;
  let bytes = 0;
  while (tried < total && clock.monotonic() < end && !signal.aborted) {
    const piece = Math.min(FLOOD_PIECE, total - tried);
    const from = tried;
    const result = await send(
      system,
      device!,
      (function* () {
        for (let at = from; at < from + piece && !((at & 255) === 0 && clock.monotonic() >= end); at++) {
          tried++;
          yield frames[at % frames.length]!;
        }
      })(),
      { signal, clock },
    );
    sent += result.sent;
    bytes += result.bytes;
    for (const [name, count] of result.failed) failed.set(name, (failed.get(name) ?? 0) + count);
    if (virtualTime) await new Promise<void>((resolve) => clock.after(1e6, resolve));
    else await new Promise(setImmediate);
  }
  const elapsed = (clock.monotonic() - started) / 1e9;
  const refused = [...failed].map(([name, count]) => `, ${count.toLocaleString('en-US')} refused (${name})`).join('');
  process.stderr.write(
    `${plural(sent, 'packet')} sent on ${device}: ${plural(bytes, 'byte')} in ${elapsed.toFixed(3)} s, ` +
      `${Math.round(sent / Math.max(elapsed, 1e-9)).toLocaleString('en-US')} a second${refused}\n`,
  );
  if (sent === 0) process.exitCode = EXIT_FAILURE;
}

const plural = (count: number, what: string): string =>
  `${count.toLocaleString('en-US')} ${what}${count === 1 ? '' : 's'}`;

/** Prints frames in order, or writes them to a file. */
class Printer {
  readonly #options: SendPacketOptions;
  readonly #chosen: ChosenSystem | null;
  readonly #interfaces: FrameInterface[] = [];
  readonly #block = new FrameBlock(new Uint8Array(0), 1);
  #sink: Promise<CountingSink> | null = null;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: SendPacketOptions, chosen: ChosenSystem | null) {
    this.#options = options;
    this.#chosen = chosen;
  }

  /** One frame. */
  frame(
    bytes: Uint8Array,
    linkType: number,
    device: string,
    seconds: number,
    nanoseconds: number,
    direction: number,
  ): Promise<void> {
    if (this.#options.quiet && this.#options.write === undefined) return Promise.resolve();
    return this.#inTurn((sink) => {
      const block = this.#block;
      block.bytes = bytes;
      block.count = 1;
      block.offset[0] = 0;
      block.capturedLength[0] = block.originalLength[0] = bytes.length;
      block.seconds[0] = seconds;
      block.nanoseconds[0] = nanoseconds;
      block.interfaceId[0] = this.#interfaceId(device, linkType);
      block.flags[0] = direction;
      block.keep[0] = 1;
      return sink.write(block, this.#interfaces);
    });
  }

  /** A reply: the frame, and a line that says what it answers. */
  async reply(sent: Sent, reply: Reply): Promise<void> {
    if (this.#options.quiet) return;
    const { seconds, nanoseconds } = reply.at ?? sent.at;
    await this.frame(reply.bytes, reply.linkType, sent.device, seconds, nanoseconds, DIRECTION_IN);
    await this.#inTurn(async (sink) => {
      await sink.flush?.();
      const what = reply.kind === 'error' ? 'an error about' : 'answers';
      const again = reply.isDuplicate ? ', again' : '';
      await stdout().write(
        `    ${what} packet ${sent.index + 1}: from ${reply.from}, ${reply.milliseconds.toFixed(3)} ms${again}\n`,
      );
    });
  }

  #interfaceId(name: string, linkType: number): number {
    const known = this.#interfaces.findIndex((one) => one.name === name && one.linkType === linkType);
    if (known >= 0) return known;
    const note = this.#chosen?.note ?? null;
    const about = note === null ? {} : { description: note, os: this.#chosen!.os };
    return this.#interfaces.push({ name, linkType, snapLength: 0, timestampDigits: 9, ...about }) - 1;
  }

  #inTurn(work: (sink: CountingSink) => void | Promise<void>): Promise<void> {
    const done = this.#turn.then(async () => {
      this.#sink ??= openOutputs(this.#printOptions(), { live: true });
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
    const { color, write, show, format } = this.#options;
    return {
      numeric: true,
      verbose: 2,
      color,
      ...(show ? (format === 'json' ? { format } : { tree: true as const }) : {}),
      ...(write === undefined ? {} : { write }),
    };
  }
}
