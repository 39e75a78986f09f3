/** Mutated frames through everything that reads frames: text in four forms, columns, JSON, Elasticsearch's form, trees,
 * Parquet, display filters. No throw, no byte read beyond the frame's, no control character in the text, no value outside
 * of its field's type, no line of JSON that is none or has a key twice, and no batch that takes long. Each batch goes
 * through the longest text, through JSON and through a check of each field, and through one of the others in turn.
 *
 *     tsx test/fuzz/dissect.ts [--count 10000000] [--seed N] [--seconds N] [--workers N] [--coverage] [--only PROTOCOL]
 *
 * The frames come from the fixtures, from `frames/crafted.ts`, and from ../shared/captures where that is there; each
 * protocol is changed as often as any other (`frames/mutant.ts`). With workers each has its share of the frames, and the
 * seed after the one before. `--coverage` tells how many packets reached each protocol. */
import { spawn } from 'node:child_process';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { ColumnPrinter } from '../../src/dissect/columns.ts';
import { decodeAs } from '../../src/dissect/decode-as.ts';
import { compileDisplayFilter } from '../../src/dissect/display/compile.ts';
import { EkPrinter } from '../../src/dissect/ek.ts';
import { allFields, type Fields } from '../../src/dissect/fields.ts';
import { JsonPrinter } from '../../src/dissect/json.ts';
import { PacketWalker } from '../../src/dissect/packets.ts';
import { ParquetColumns, ParquetFile } from '../../src/dissect/parquet.ts';
import { TextPrinter } from '../../src/dissect/text-printer.ts';
import { TreePrinter } from '../../src/dissect/tree.ts';
import type { FrameBlock } from '../../src/frames/block.ts';
import type { FrameInterface } from '../../src/frames/source.ts';
import { checkKeys } from '../dissect/json-keys.ts';
import { mutate, random } from '../dissect/mutate.ts';
import { wrongValues } from '../dissect/wrong-value.ts';
import { Coverage, readsBeyond, spaced } from './frames/checks.ts';
import { announcement } from './frames/crafted.ts';
import { type Mutant, Mutator } from './frames/mutant.ts';
import { readSeeds } from './frames/seeds.ts';

/** Frames mutated and decoded at a time. */
const BATCH = 500;
/** A batch that takes more of the processor (milliseconds) holds a frame that costs more than its length. */
const PATIENCE = 8000;
const FOLDERS = ['fixtures', '../shared/captures'];
/** Kinds of failure told: one that comes again is not told again. */
const TOLD = 40;

export interface FuzzResult {
  done: number;
  failures: string[];
  /** Milliseconds of the processor for the slowest batch of 500. */
  slowest: number;
  coverage: Coverage;
}

/** Display filters of every kind of operand; what they select is of no interest here. */
const FILTERS = [
  'tcp.flags.syn == 1 && !(ip.addr in {10.0.0.0/8, 192.168.0.1}) || udp.port == 53',
  'dns.qry.name contains "a" or http.host matches "(?i)^www" or len(dns.qry.name) > 20',
  'eth.src[0:3] == 02:00:00 and frame.len > 60 and count(ip.addr) > 2',
  'upper(sip.Method) == "INVITE" || snmp.version >= 1 || bgp.update.path_attribute.origin == 2',
  'ipv6.addr == fe80::/10 and icmpv6.type in {133..137} or tls.handshake.type == 1',
];

/** What takes turns: each reads a block to its end. */
function others(): ((block: FrameBlock, described: readonly FrameInterface[]) => void)[] {
  const drop = (): void => {};
  const whole = (chunk: Uint8Array): void => {
    for (const line of Buffer.from(chunk).toString('utf8').trimEnd().split('\n')) checkKeys(line);
  };
  const names = allFields.map(({ name }) => name);
  const printers = [
    new TextPrinter({}, drop),
    new TextPrinter({ verbose: 1, timestamp: 4, hex: 1 }, drop),
    new TextPrinter({ verbose: 2, quiet: true, link: true, ascii: 2, absoluteSequence: true }, drop),
    new ColumnPrinter({ fields: names }, drop),
    new ColumnPrinter({ fields: ['frame.number', 'ip.src', 'tcp.dstport', 'dns.qry.name'], occurrence: 'f' }, drop),
    new EkPrinter({ checksums: true }, drop),
    new TreePrinter({ checksums: true }, drop),
    new TextPrinter({ verbose: 1, decodeAs: decodeAs([], 'rtp') }, drop),
    new TextPrinter({ verbose: 1, decodeAs: decodeAs([], 'rtcp') }, drop),
    new JsonPrinter({ raw: true }, whole),
    ...FILTERS.map((filter) => new JsonPrinter({ filter: compileDisplayFilter(filter) }, drop)),
  ];
  const walker = new PacketWalker({ checksums: true });
  /** Columns of a file, other ones in each: a file has memory for many rows of each column. */
  const width = 40;
  let first = 0;
  return [
    ...printers.map((printer) => (block: FrameBlock, described: readonly FrameInterface[]) => {
      printer.print(block, described as FrameInterface[]);
      printer.flush();
    }),
    (block, described) => {
      const file = new ParquetFile(new ParquetColumns(names.slice(first, first + width)), drop);
      first = first + width < names.length ? first + width : 0;
      for (let row = 0; row < block.count; row++) if (walker.walk(block, row, described)) file.add(walker.fields);
      file.finish();
    },
  ];
}

export async function fuzzDissect(options: {
  count: number;
  seed: number;
  seconds?: number;
  /** The protocol that is changed; left out: each. */
  only?: string;
  /** Where savefiles are. Default: the fixtures, and other captures where those are there. */
  folders?: readonly string[];
  progress?: (done: number) => void;
  /** Told of each failure at once. */
  failed?: (failure: string) => void;
}): Promise<FuzzResult> {
  const seeds = await readSeeds(options.folders ?? FOLDERS, options.seed);
  const next = random(options.seed);
  const mutator = new Mutator(seeds, next);
  const until = performance.now() + (options.seconds ?? Number.POSITIVE_INFINITY) * 1000;
  const result: FuzzResult = { done: 0, failures: [], slowest: 0, coverage: new Coverage() };
  result.coverage.watch();
  const links = [...new Set(seeds.captures.map((capture) => capture[0]!.linkType))];
  const described = links.map((linkType) => ({ name: 'fuzz', linkType, snapLength: 0, timestampDigits: 9 }) as const);
  const told = new Set<string>();
  const fail = (kind: string, what: string): void => {
    if (told.has(kind)) return;
    told.add(kind);
    const failure = `after ${result.done} frames of seed ${options.seed}: ${what}`;
    result.failures.push(failure);
    options.failed?.(failure);
  };
  const text = new TextPrinter({ verbose: 3, link: true, hexAscii: 2 }, (chunk) => {
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i]!;
      if ((byte < 32 && byte !== 9 && byte !== 10) || byte > 126) {
        const line = chunk.subarray(chunk.lastIndexOf(10, i) + 1, chunk.indexOf(10, i));
        fail('control', `a control character in ${JSON.stringify(Buffer.from(line).toString('latin1'))}`);
        return;
      }
    }
  });
  const json = new JsonPrinter({ checksums: true }, () => {});
  const walker = new PacketWalker({ checksums: true });
  const check = (block: FrameBlock): void => {
    for (let row = 0; row < block.count; row++) {
      walker.walk(block, row, described);
      const f: Fields = walker.fields;
      result.coverage.walk(f);
      wrongValues(f, (field, what) => {
        const frame = Buffer.from(
          block.bytes.subarray(block.offset[row]!, block.offset[row]! + block.capturedLength[row]!),
        );
        fail(
          field,
          `${field} ${what}, in link type ${links[block.interfaceId[row]!]} ${frame.subarray(0, 600).toString('hex')}`,
        );
      });
    }
  };
  const turns = others();
  const announcements = [false, true].map((isIpv6) => {
    const bytes = announcement(isIpv6);
    return { bytes, originalLength: bytes.length, linkType: 1 };
  });
  const batch = (count: number): Mutant[] => {
    const made: Mutant[] = [...announcements];
    if (options.only === undefined && next() < 0.3) made.push(...mutator.conversation(count));
    else if (options.only === undefined && next() < 0.15) {
      const capture = seeds.captures[Math.floor(next() * seeds.captures.length)]!;
      const { linkType } = capture[0]!;
      for (const { bytes, originalLength = 0 } of mutate(capture, next, count))
        made.push({ bytes, originalLength: Math.max(originalLength, bytes.length), linkType });
    } else while (made.length < count) made.push(mutator.one(options.only));
    return made.slice(0, Math.max(count, announcements.length));
  };
  for (let turn = 0; result.done < options.count && performance.now() < until && told.size < TOLD; turn++) {
    const mutants = batch(Math.min(BATCH, options.count - result.done));
    const began = process.cpuUsage();
    let what = 'the longest text';
    try {
      const block = spaced(mutants, links, turn & 0xff);
      text.print(block, described);
      text.flush();
      what = 'JSON';
      json.print(block, described);
      json.flush();
      what = 'fields';
      check(block);
      what = `output ${turn % turns.length}`;
      turns[turn % turns.length]!(block, described);
      if (turn % 12 === 0) {
        const beyond = readsBeyond(mutants, described);
        if (beyond !== '') fail(beyond.replace(/[^a-z ]|\b\w{1,2}\b/gi, ''), beyond);
      }
    } catch (error) {
      const { message, stack } = error as Error;
      fail(`${message} ${stack?.split('\n')[1]}`, `${what} threw ${stack}`);
    }
    const spent = process.cpuUsage(began);
    const milliseconds = (spent.user + spent.system) / 1000;
    result.slowest = Math.max(result.slowest, milliseconds);
    if (milliseconds > PATIENCE) fail('time', `${Math.round(milliseconds)} ms for ${BATCH} frames`);
    result.done += mutants.length;
    options.progress?.(result.done);
  }
  return result;
}

/** Runs `workers` processes side by side, each with its share; gives the highest of their exit statuses. */
async function share(workers: number, count: number, seed: number, rest: readonly string[]): Promise<number> {
  const statuses = Array.from({ length: workers }, (_, i) => {
    const words = ['--count', String(Math.ceil(count / workers)), '--seed', String((seed + i) >>> 0), ...rest];
    const child = spawn(process.execPath, [...process.execArgv, process.argv[1]!, ...words], { stdio: 'inherit' });
    return new Promise<number>((resolve) => child.on('close', (status) => resolve(status ?? 1)));
  });
  return Math.max(...(await Promise.all(statuses)));
}

const table = (counts: ReadonlyMap<string, number>): string =>
  [...counts]
    .sort(([, a], [, b]) => a - b)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ');

export async function main(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      count: { type: 'string', default: '10000000' },
      seed: { type: 'string' },
      seconds: { type: 'string' },
      workers: { type: 'string', default: '1' },
      coverage: { type: 'boolean', default: false },
      only: { type: 'string' },
    },
  });
  const seed = values.seed === undefined ? Date.now() >>> 0 : Number(values.seed);
  const count = Number(values.count);
  const workers = Number(values.workers);
  if (workers > 1) {
    const rest = ['seconds', 'only'] as const;
    const words = rest.flatMap((name) => (values[name] === undefined ? [] : [`--${name}`, values[name]]));
    return await share(workers, count, seed, values.coverage ? [...words, '--coverage'] : words);
  }
  process.stdout.write(`dissect: ${count} frames, --seed ${seed}\n`);
  const began = performance.now();
  const { done, failures, slowest, coverage } = await fuzzDissect({
    count,
    seed,
    ...(values.seconds === undefined ? {} : { seconds: Number(values.seconds) }),
    ...(values.only === undefined ? {} : { only: values.only }),
    failed: (failure) => process.stdout.write(`${failure}\n`),
    progress: (frames) => {
      if (process.stderr.isTTY && frames % 100_000 === 0) process.stderr.write(`\r${frames}`);
    },
  });
  const seconds = (performance.now() - began) / 1000;
  process.stdout.write(
    `seed ${seed}: ${done} frames in ${seconds.toFixed(1)} s, ${failures.length} failures; the slowest ${BATCH} took ${slowest.toFixed(0)} ms\n`,
  );
  if (values.coverage)
    process.stdout.write(`layers walked: ${table(coverage.walked)}\nprinters called: ${table(coverage.printed)}\n`);
  return failures.length > 0 ? 1 : 0;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) process.exitCode = await main(process.argv.slice(2));
