import type { LiveSource, SessionResult } from '../capture/session.ts';
import { CaptureSession, isClosedOutput } from '../capture/session.ts';
import { linkTypeName } from '../savefile/index.ts';
import { DEFAULT_BUFFER_SIZE } from '../socket/ring.ts';
import { type Link, links } from '../socket/route.ts';
import type { SystemCalls } from '../syscall/contract.ts';
import { SystemError } from '../syscall/error.ts';
import { type ChosenSystem, chooseSystem } from './backend.ts';
import type { CaptureOptions } from './capture-options.ts';
import type { CountingSink } from './counting-sink.ts';
import { EXIT_FAILURE, messageOf, UsageError } from './exit.ts';
import { filterText } from './filter-text.ts';
import { defaultInterface, findInterface } from './interfaces.ts';
import { DEFAULT_SNAPLEN, wantsNano } from './options.ts';
import { type OutputContext, prepareOutputs } from './outputs.ts';
import { handleSignals } from './signals.ts';
import { openSource } from './sources.ts';
import { lossText, statisticsText } from './statistics.ts';
import { StatusLine, short } from './status.ts';
import { become, lookUpUser } from './user.ts';
import { version } from './version.ts';
import { captureWords } from './words.ts';

/** `netlab capture`: from its words and options to the exit code. */
export async function runCapture(words: string[], options: CaptureOptions): Promise<void> {
  wantsNano(options);
  if (options.top && options.write !== undefined)
    throw new UsageError('--top shows conversations and -w writes frames: give one of them');
  const outputs = await prepareOutputs(options);
  const user = options.user === undefined ? null : lookUpUser(options.user);
  const chosen = await chooseSystem(options);
  const { system } = chosen;
  const devices = await links(system);
  const { interfaces, filter } = chooseInterfaces(words, options, devices);
  const expression = filterText(filter, options.filterFile);
  const source = await openSource(chosen, devices, interfaces, expression, options);
  let sink: CountingSink;
  try {
    // After the rings are open and before a file is: the files are then the user's.
    if (user !== null) become(user);
    const open = async (context: OutputContext): Promise<CountingSink> =>
      options.top ? new (await import('./top.ts')).TopSink() : await outputs.open(context);
    sink = await open({
      live: true,
      interfaces: source.described,
      section: { application: `netlab ${version()}`, os: chosen.os, hardware: process.arch },
      interfaceName: namesByIndex(system, devices),
      showInterface: interfaces.length > 1,
    });
  } catch (error) {
    await source.close();
    throw error;
  }
  // A file has its headers from now on, whatever happens to this process.
  try {
    await sink.flush();
  } catch (error) {
    await source.close();
    if (isClosedOutput(error)) return;
    throw error;
  }
  await new CaptureRun(source, sink, interfaces, options, chosen).run();
}

function chooseInterfaces(
  words: string[],
  options: CaptureOptions,
  devices: Link[],
): { interfaces: string[]; filter: string } {
  const exists = (name: string): boolean => name === 'any' || devices.some((device) => device.name === name);
  const chosen = captureWords(options.interface ?? [], words, exists);
  if (chosen.interfaces.length === 0) chosen.interfaces.push(defaultInterface(devices));
  const interfaces = chosen.interfaces.map((word) => (word === 'any' ? word : findInterface(devices, word).name));
  if (interfaces.includes('any') && interfaces.length > 1)
    throw new UsageError('any is every interface: give it alone, or the interfaces one by one');
  return { interfaces: [...new Set(interfaces)], filter: chosen.filter };
}

/** Names of devices by index. A device that came after the start is looked up when its first frame does. */
function namesByIndex(system: SystemCalls, devices: Link[]): (ifindex: number) => string | undefined {
  const names = new Map(devices.map(({ ifindex, name }) => [ifindex, name]));
  return (ifindex) => {
    if (!names.has(ifindex)) {
      const all = system.readdir('/sys/class/net');
      for (const name of typeof all === 'number' ? [] : all) {
        const index = system.readFile(`/sys/class/net/${name}/ifindex`);
        if (typeof index !== 'number') names.set(Number(Buffer.from(index).toString('latin1')), name);
      }
    }
    return names.get(ifindex);
  };
}

/** What tcpdump calls the link types of Linux's devices. */
const TCPDUMP_NAMES: Record<number, string> = {
  1: 'EN10MB (Ethernet)',
  101: 'RAW (Raw IP)',
  113: 'LINUX_SLL (Linux cooked v1)',
  276: 'LINUX_SLL2 (Linux cooked v2)',
};

/** Why the source or the output ended, in words. */
function endedBy(error: Error | null): string {
  if (error instanceof SystemError && error.dest !== undefined) {
    if (error.code === 'ENETDOWN') return `${error.dest} went down: everything until then is captured`;
    if (error.code === 'ENODEV' || error.code === 'ENXIO')
      return `${error.dest} is gone: everything until then is captured`;
  }
  return messageOf(error);
}

class CaptureRun {
  readonly #source: LiveSource;
  readonly #interfaces: string[];
  readonly #options: CaptureOptions;
  readonly #status: StatusLine;
  readonly #session: CaptureSession;

  constructor(
    source: LiveSource,
    sink: CountingSink,
    interfaces: string[],
    options: CaptureOptions,
    { clock }: ChosenSystem,
  ) {
    this.#source = source;
    this.#interfaces = interfaces;
    this.#options = options;
    const toFile = options.write !== undefined && options.write !== '-' && !options.print;
    this.#status = new StatusLine(toFile);
    this.#session = new CaptureSession({
      source,
      sink,
      count: options.count,
      duration: options.duration === undefined ? undefined : options.duration * 1000,
      flushEvery: sink.flushEvery ?? 1000,
      clock,
    });
  }

  async run(): Promise<void> {
    const { stats } = this.#options;
    const report = (): void => void this.#report();
    const release = handleSignals(() => this.#session.stop('asked'), report);
    const timer = stats === undefined ? null : setInterval(report, stats * 1000);
    this.#status.print(`${this.#listening()}\n`);
    this.#status.start(this.#line());
    let result: SessionResult;
    try {
      result = await this.#session.run();
    } finally {
      this.#status.stop();
      if (timer !== null) clearInterval(timer);
      release();
    }
    this.#tell(result);
  }

  /** As tcpdump says it, one line for all interfaces. */
  #listening(): string {
    const types = new Set(this.#source.described.map((one) => one.linkType));
    const linkType = this.#source.described[0]!.linkType;
    const shown = types.size > 1 ? 'several' : (TCPDUMP_NAMES[linkType] ?? linkTypeName(linkType));
    const snaplen = this.#options.snaplen || DEFAULT_SNAPLEN;
    return `listening on ${this.#interfaces.join(', ')}, link-type ${shown}, snapshot length ${snaplen} bytes`;
  }

  async #report(): Promise<void> {
    try {
      this.#status.print(statisticsText(await this.#session.statistics()));
    } catch (error) {
      this.#status.print(`netlab: ${messageOf(error)}\n`);
    }
  }

  /** What the status line shows: totals, the rate since it was drawn last, and losses. */
  #line(): () => string {
    let dropped = 0;
    let before = { captured: 0, bytes: 0, time: performance.now() };
    let asked = false;
    return () => {
      // Reading the counters may need another thread: the line shows what was known last.
      if (!asked) {
        asked = true;
        void Promise.resolve(this.#source.rings())
          .then((rings) => {
            dropped = rings.reduce((sum, ring) => sum + (ring.dropped ?? 0), 0);
          })
          .catch(() => undefined)
          .finally(() => {
            asked = false;
          });
      }
      const now = { captured: this.#session.captured, bytes: this.#session.bytes, time: performance.now() };
      const seconds = Math.max(0.001, (now.time - before.time) / 1000);
      const rate = (now.captured - before.captured) / seconds;
      const bits = ((now.bytes - before.bytes) * 8) / seconds;
      before = now;
      return `${now.captured} packets, ${short(now.bytes, 'B')}, ${short(rate)} packets/s, ${short(bits, 'bit/s')}, ${dropped} dropped`;
    };
  }

  #tell({ reason, error, statistics }: SessionResult): void {
    const printing = this.#options.write === undefined || this.#options.print === true;
    const ringKib = Math.ceil((this.#source.bufferSize || DEFAULT_BUFFER_SIZE) / 1024);
    process.stderr.write(statisticsText(statistics) + lossText(statistics, ringKib, printing));
    if (reason === 'output-failed' || reason === 'source-failed') {
      process.stderr.write(`netlab: ${endedBy(error)}\n`);
      process.exitCode = EXIT_FAILURE;
    }
  }
}
