import { readdirSync, readFileSync } from 'node:fs';
import { OutputClosed } from '../capture/session.ts';
import type { ColumnOptions } from '../dissect/columns.ts';
import type { DecodeAsTables } from '../dissect/decode-as-tables.ts';
import type { DisplayFilter } from '../dissect/display/compile.ts';
import type { Protocol } from '../dissect/fields.ts';
import type { TextOptions } from '../dissect/options.ts';
import type { PacketWalker } from '../dissect/packets.ts';
import type { FrameBlock } from '../frames/block.ts';
import type { FrameInterface, FrameSink } from '../frames/source.ts';
import {
  type CreateSavefileOptions,
  createSavefile,
  parseRotateSize,
  RotatingSink,
  type SavefileRecord,
  type SectionText,
} from '../savefile/index.ts';
import { useColour } from './colour.ts';
import type { CountingSink } from './counting-sink.ts';
import { prepareDecodeAs } from './decode-as.ts';
import { UsageError } from './exit.ts';
import { FORMATS, type Format, fieldSettings, formatOf } from './format.ts';
import { checkWriteOptions, type PrintOptions, type WriteOptions, wantsNano } from './options.ts';
import { stdout } from './stdout.ts';

/** Where the frames of a command go, and what is known of where they come from. */
export interface OutputContext {
  /** Interfaces that are known before the first frame: a file then has its headers from the beginning. */
  interfaces?: readonly FrameInterface[];
  section?: SectionText;
  /** What a pcapng file that is copied has beside its frames. */
  records?: { readonly records: readonly SavefileRecord[] };
  /** Format of a file whose name does not tell it; pcapng by default. */
  otherwise?: 'pcap' | 'pcapng';
  /** Frames come as they happen: text goes out with each block. */
  live: boolean;
  /** Each line says which interface the frame is of. */
  showInterface?: boolean;
  /** Name of the device with this index, for cooked frames. */
  interfaceName?: (ifindex: number) => string | undefined;
}

/** What was asked for, checked: nothing is open yet. */
export interface Outputs {
  /** The sink: text or another format on standard output, a file or several, or both. */
  open(context: OutputContext): Promise<CountingSink>;
}

/** Checks the options for what they print, and loads what it takes; so that what is wrong with them is told before
 * anything is opened. Throws UsageError. */
export async function prepareOutputs(options: PrintOptions & WriteOptions): Promise<Outputs> {
  checkWriteOptions(options);
  const format = formatOf(options);
  const isType = options.T !== undefined && !(FORMATS as readonly string[]).includes(options.T);
  const told = await prepareDecodeAs(options.decodeAs, isType ? options.T : undefined);
  if (format === 'parquet') return (await import('./parquet.ts')).prepareParquet(options, told);
  const columns = checkColumnOptions(format, options);
  if (options.raw && format !== 'json') throw new UsageError('--raw goes with --format json');
  if (asksDns(options) && options.numeric) throw new UsageError('--resolve asks for names, and -n for numbers');
  if (asksDns(options) && format !== 'text')
    throw new UsageError(`--resolve names hosts in text, and the format is ${format}`);
  const filter =
    options.displayFilter === undefined
      ? null
      : (await import('./display-filter.ts')).displayFilter(options.displayFilter);
  const isPrinted = options.write === undefined || options.print === true;
  const printer = isPrinted && format !== 'text' ? await formatPrinter(format, columns, filter, told, options) : null;
  return { open: (context) => open(options, context, printer, filter, told) };
}

/** What --decode-as and -T say. */
type Told = DecodeAsTables<Protocol> | null;

/** Both at once. */
export const openOutputs = async (
  options: PrintOptions & WriteOptions,
  context: OutputContext,
): Promise<CountingSink> => (await prepareOutputs(options)).open(context);

async function open(
  options: PrintOptions & WriteOptions,
  context: OutputContext,
  printer: FormatPrinter | null,
  filter: DisplayFilter | null,
  told: Told,
): Promise<CountingSink> {
  if (options.write === undefined) return openPrinter(options, context, printer, filter, told);
  if (options.write === '-') {
    if (options.print) throw new UsageError('-w - and --print both want standard output');
    if (stdout().isTerminal)
      throw new UsageError('-w - writes binary data, and standard output is a terminal: send it to a file or a pipe');
  }
  const file = openFile(options.write, options, context);
  if (!options.print) return selecting(file, filter, told);
  // A printer that filters by itself numbers all frames, so that it must see them before the file's are selected.
  if (printer !== null && filter !== null)
    return new BothSinks(
      await selecting(file, filter, told),
      await openPrinter(options, context, printer, filter, told),
      true,
    );
  return selecting(new BothSinks(file, await openPrinter(options, context, printer, null, told), false), filter, told);
}

/** `sink` with the frames that match. */
async function selecting(sink: CountingSink, filter: DisplayFilter | null, told: Told): Promise<CountingSink> {
  if (filter === null) return sink;
  const { PacketWalker } = await import('../dissect/packets.ts');
  return new SelectingSink(sink, new PacketWalker({ wanted: filter.wanted, filter, fieldsOnly: true, decodeAs: told }));
}

function openFile(path: string, options: PrintOptions & WriteOptions, context: OutputContext): CountingSink {
  const nano = wantsNano(options);
  const precision = nano ? 'nano' : options.micro || options.timeStampPrecision === 'micro' ? 'micro' : undefined;
  const savefile: CreateSavefileOptions = {
    ...(precision === undefined ? {} : { precision }),
    ...(context.interfaces === undefined ? {} : { interfaces: context.interfaces }),
    ...(context.section === undefined ? {} : { section: context.section }),
    ...(context.records === undefined ? {} : { records: context.records }),
    ...(context.otherwise === undefined ? {} : { otherwise: context.otherwise }),
  };
  const { rotateSize, rotateSeconds, rotateFiles, packetBuffered } = options;
  if (rotateSize === undefined && rotateSeconds === undefined) {
    const file = createSavefile(path, savefile);
    return packetBuffered ? new FlushingSink(file) : file;
  }
  const rotating = new RotatingSink({
    path,
    ...(rotateSize === undefined ? {} : { size: parseRotateSize(rotateSize)! }),
    ...(rotateSeconds === undefined ? {} : { seconds: rotateSeconds }),
    ...(rotateFiles === undefined ? {} : { files: rotateFiles }),
    now: () => Date.now() / 1000,
    savefile,
  });
  return new ClockedRotation(rotating, context.live, packetBuffered === true);
}

/** Flushes after every block: -U. */
class FlushingSink implements CountingSink {
  readonly #sink: FrameSink & { readonly frames: number };

  constructor(sink: FrameSink & { readonly frames: number }) {
    this.#sink = sink;
  }

  get frames(): number {
    return this.#sink.frames;
  }

  async write(block: FrameBlock, interfaces: readonly FrameInterface[]): Promise<void> {
    await this.#sink.write(block, interfaces);
    await this.#sink.flush();
  }

  flush(): void | Promise<void> {
    return this.#sink.flush();
  }

  close(): void | Promise<void> {
    return this.#sink.close();
  }
}

/** Files that follow one another: looks at the clock at every flush, and says when the last file is full. */
class ClockedRotation implements CountingSink {
  readonly flushEvery = 100;
  readonly #rotating: RotatingSink;
  readonly #live: boolean;
  readonly #eachBlock: boolean;
  #flushed = performance.now();

  constructor(rotating: RotatingSink, live: boolean, eachBlock: boolean) {
    this.#rotating = rotating;
    this.#live = live;
    this.#eachBlock = eachBlock;
  }

  get frames(): number {
    return this.#rotating.frames;
  }

  write(block: FrameBlock, interfaces: readonly FrameInterface[]): void | Promise<void> {
    const done = this.#rotating.write(block, interfaces);
    if (done !== undefined || this.#eachBlock) return this.#after(done);
    this.#check();
  }

  async #after(done: void | Promise<void>): Promise<void> {
    await done;
    if (this.#eachBlock) await this.#rotating.flush();
    this.#check();
  }

  #check(): void {
    if (this.#rotating.finished) throw new OutputClosed('as many files as -W asked for are written');
  }

  async flush(): Promise<void> {
    if (this.#live) await this.#rotating.tick();
    this.#check();
    const now = performance.now();
    if (this.#live && now - this.#flushed < 900) return;
    this.#flushed = now;
    await this.#rotating.flush();
  }

  close(): Promise<void> {
    return this.#rotating.close();
  }
}

/** -Y before a sink that knows nothing of fields. */
class SelectingSink implements CountingSink {
  readonly #sink: CountingSink;
  readonly #walker: PacketWalker;
  #rejected = 0;

  constructor(sink: CountingSink, walker: PacketWalker) {
    this.#sink = sink;
    this.#walker = walker;
  }

  /** With those that it rejected: they are not lost. */
  get frames(): number | undefined {
    const { frames } = this.#sink;
    return frames === undefined ? undefined : frames + this.#rejected;
  }

  get flushEvery(): number {
    return this.#sink.flushEvery ?? 1000;
  }

  write(block: FrameBlock, interfaces: readonly FrameInterface[]): void | Promise<void> {
    this.#rejected += this.#walker.select(block, interfaces);
    return this.#sink.write(block, interfaces);
  }

  flush(): void | Promise<void> {
    return this.#sink.flush();
  }

  close(): void | Promise<void> {
    return this.#sink.close();
  }
}

/** -w FILE --print. */
class BothSinks implements CountingSink {
  readonly #file: CountingSink;
  readonly #first: FrameSink;
  readonly #second: FrameSink;

  constructor(file: CountingSink, printer: FrameSink, printsFirst: boolean) {
    this.#file = file;
    this.#first = printsFirst ? printer : file;
    this.#second = printsFirst ? file : printer;
  }

  get frames(): number {
    return this.#file.frames!;
  }

  get flushEvery(): number {
    return this.#file.flushEvery ?? 1000;
  }

  async write(block: FrameBlock, interfaces: readonly FrameInterface[]): Promise<void> {
    await this.#first.write(block, interfaces);
    await this.#second.write(block, interfaces);
  }

  async flush(): Promise<void> {
    await this.#first.flush();
    await this.#second.flush();
  }

  async close(): Promise<void> {
    try {
      await this.#first.close();
    } finally {
      await this.#second.close();
    }
  }
}

/** What prints blocks: the printers of dissect/. */
interface Printer {
  print(block: FrameBlock, interfaces: readonly FrameInterface[]): number;
  flush(): void;
}

/** A printer's text on standard output, waiting where the reader is slow. */
class PrintingSink implements FrameSink {
  readonly #printer: Printer;
  readonly #eachBlock: boolean;
  #wait: Promise<void> | null = null;

  constructor(printer: (out: (chunk: Uint8Array) => void) => Printer, eachBlock: boolean) {
    this.#printer = printer((chunk) => {
      const done = stdout().write(chunk);
      if (done !== undefined) this.#wait = done;
    });
    this.#eachBlock = eachBlock;
  }

  write(block: FrameBlock, interfaces: readonly FrameInterface[]): void | Promise<void> {
    this.#printer.print(block, interfaces);
    if (this.#eachBlock) this.#printer.flush();
    return this.#waited();
  }

  #waited(): void | Promise<void> {
    const wait = this.#wait;
    if (wait === null) return;
    this.#wait = null;
    return wait;
  }

  flush(): void | Promise<void> {
    this.#printer.flush();
    return this.#waited();
  }

  close(): void | Promise<void> {
    return this.flush();
  }
}

type FormatPrinter = (out: (chunk: Uint8Array) => void) => Printer;

/** Checks what says which columns are printed. Throws UsageError. */
function checkColumnOptions(format: Format, options: PrintOptions): Omit<ColumnOptions, 'filter'> | null {
  if (format === 'fields') {
    if (options.field === undefined)
      throw new UsageError('--format fields prints what -e names: -e ip.src -e ip.dst, for example');
    return { fields: options.field, ...fieldSettings(options.fieldOptions ?? []) };
  }
  if (options.field !== undefined && format !== 'parquet' && format !== 'json')
    throw new UsageError(`--field names a field of --format fields, json or parquet, and the format is ${format}`);
  if (options.fieldOptions !== undefined && format !== 'parquet')
    throw new UsageError(`-E is about the columns of --format fields, and the format is ${format}`);
  return null;
}

/** What makes the printer of a format that is not text. Throws UsageError for a column that nobody knows. */
async function formatPrinter(
  format: Format,
  columns: Omit<ColumnOptions, 'filter'> | null,
  filter: DisplayFilter | null,
  told: Told,
  options: PrintOptions,
): Promise<FormatPrinter> {
  const checksums = (options.verbose ?? 0) > 0 && options.dontVerifyChecksums !== true;
  const packets = { filter, checksums, decodeAs: told };
  if (options.field !== undefined) {
    const { checkColumns, checkFields, UnknownField } = await import('../dissect/columns.ts');
    try {
      (columns === null ? checkFields : checkColumns)(options.field);
    } catch (error) {
      throw error instanceof UnknownField ? new UsageError(`-e: ${error.message}`) : error;
    }
  }
  if (columns !== null) {
    const { ColumnPrinter } = await import('../dissect/columns.ts');
    return (out) => new ColumnPrinter({ ...columns, ...packets }, out);
  }
  if (format === 'ek') {
    const { EkPrinter } = await import('../dissect/ek.ts');
    return (out) => new EkPrinter(packets, out);
  }
  if (format === 'tree') {
    const { TreePrinter } = await import('../dissect/tree.ts');
    return (out) => new TreePrinter(packets, out);
  }
  const { JsonPrinter } = await import('../dissect/json.ts');
  const raw = options.raw === true || (options.hex ?? options.hexAscii ?? 0) > 0;
  const only = options.field === undefined ? {} : { only: options.field };
  return (out) => new JsonPrinter({ ...packets, raw, ...only }, out);
}

async function openPrinter(
  options: PrintOptions,
  context: OutputContext,
  printer: FormatPrinter | null,
  filter: DisplayFilter | null,
  told: Told,
): Promise<CountingSink> {
  const eachBlock =
    context.live || options.lineBuffered === true || options.packetBuffered === true || stdout().isTerminal;
  if (printer !== null) return new PrintingSink(printer, eachBlock);
  const { TextPrinter } = await import('../dissect/text-printer.ts');
  const text = { ...(await textOptions(options, context)), decodeAs: told };
  if (!asksDns(options))
    return selecting(new PrintingSink((out) => new TextPrinter(text, out), eachBlock), filter, told);
  const { HostNames, ResolvingSink } = await import('./resolve.ts');
  const names = new HostNames(text.hostName, options.resolver);
  text.hostName = names.name;
  const sink = new PrintingSink((out) => new TextPrinter(text, out), eachBlock);
  const { colour: _colour, trouble: _trouble, ...plain } = text;
  const rehearsal = context.live ? null : new TextPrinter(plain, () => undefined);
  return selecting(new ResolvingSink(sink, names, rehearsal), filter, told);
}

const asksDns = (options: PrintOptions): boolean => options.resolve === true || options.resolver !== undefined;

/** tcpdump's letters as the printer's options. */
async function textOptions(options: PrintOptions, context: OutputContext): Promise<TextOptions> {
  const names = options.numeric ? {} : (await import('./names.ts')).namesFromFiles();
  const colour = useColour(options.color, stdout().isTerminal) ? (await import('./palette.ts')).colourOf : undefined;
  return {
    ...names,
    interfaceName: context.interfaceName ?? localInterfaceNames(),
    link: options.linkLevel === true,
    verbose: options.verbose ?? 0,
    quiet: options.quiet === true,
    absoluteSequence: options.absoluteTcpSequenceNumbers === true,
    timestamp: (options.time ?? 0) as 0 | 1 | 2 | 3 | 4 | 5,
    nano: wantsNano(options),
    hex: (options.hex ?? 0) as 0 | 1 | 2,
    hexAscii: (options.hexAscii ?? 0) as 0 | 1 | 2,
    ascii: (options.ascii ?? 0) as 0 | 1 | 2,
    number: options.number === true,
    showInterface: context.showInterface === true,
    checksums: options.dontVerifyChecksums !== true,
    ...(colour === undefined ? {} : { colour, trouble: (await import('../dissect/trouble.ts')).troubleFinder() }),
  };
}

/** Names of this machine's devices by index, looked up when first asked: for cooked frames of a file, which keep only the
 * index, tcpdump shows them as well. */
function localInterfaceNames(): (ifindex: number) => string | undefined {
  let names: Map<number, string> | null = null;
  return (ifindex) => {
    if (names === null) {
      names = new Map();
      try {
        for (const name of readdirSync('/sys/class/net'))
          names.set(Number(readFileSync(`/sys/class/net/${name}/ifindex`, 'latin1')), name);
      } catch {
        // Without /sys, or for a device that has just gone, an index has no name.
      }
    }
    return names.get(ifindex);
  };
}
