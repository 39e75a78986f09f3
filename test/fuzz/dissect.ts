/** Mutated frames through everything that reads frames: text in four forms, columns, JSON, Elasticsearch's form, trees,
 * Parquet, display filters. No throw, no byte read beyond the frame's, no control character in the text, no value outside
 * of its field's type, and no frame that takes long. Each batch goes through the longest text and JSON, and through one of
 * the others in turn.
 *
 *     tsx test/fuzz/dissect.ts [--count 10000000] [--seed N] [--seconds N]
 *
 * The frames come from the fixtures, and from ../shared/captures where that is there. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { ColumnPrinter } from '../../src/dissect/columns.ts';
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
import { blockOf, openSavefile, SavefileError } from '../../src/savefile/index.ts';
import { mutate, random } from '../dissect/mutate.ts';
import type { Frame } from '../dissect/oracle.ts';
import { wrongValue } from '../dissect/wrong-value.ts';

/** Frames mutated and decoded at a time. */
const BATCH = 500;
/** A batch that takes longer (milliseconds) holds a frame that costs more than its length. */
const PATIENCE = 5000;
/** Frames kept of one capture: enough to have its kinds, few enough to have many captures. */
const KEPT = 400;

export interface FuzzResult {
  done: number;
  failures: string[];
  /** Milliseconds of the slowest batch of 500. */
  slowest: number;
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
function others(fail: (what: string) => void): ((block: FrameBlock, described: FrameInterface[]) => void)[] {
  const drop = (): void => {};
  const names = allFields.map(({ name }) => name);
  const printers = [
    new TextPrinter({}, drop),
    new TextPrinter({ verbose: 1, timestamp: 4, hex: 1 }, drop),
    new TextPrinter({ verbose: 2, quiet: true, link: true, ascii: 2, absoluteSequence: true }, drop),
    new ColumnPrinter({ fields: names }, drop),
    new ColumnPrinter({ fields: ['frame.number', 'ip.src', 'tcp.dstport', 'dns.qry.name'], occurrence: 'f' }, drop),
    new EkPrinter({ checksums: true }, drop),
    new TreePrinter({ checksums: true }, drop),
    ...FILTERS.map((filter) => new JsonPrinter({ filter: compileDisplayFilter(filter) }, drop)),
  ];
  const walker = new PacketWalker({ checksums: true });
  /** Columns of a file, other ones in each: a file has memory for many rows of each column. */
  const width = 40;
  let first = 0;
  const walkAll = (block: FrameBlock, described: FrameInterface[], take: (f: Fields) => void): void => {
    for (let row = 0; row < block.count; row++) if (walker.walk(block, row, described)) take(walker.fields);
  };
  return [
    ...printers.map((printer) => (block: FrameBlock, described: FrameInterface[]) => {
      printer.print(block, described);
      printer.flush();
    }),
    (block, described) =>
      walkAll(block, described, (f) => {
        const wrong = wrongValue(f);
        if (wrong !== '') fail(wrong);
      }),
    (block, described) => {
      const file = new ParquetFile(new ParquetColumns(names.slice(first, first + width)), drop);
      first = first + width < names.length ? first + width : 0;
      walkAll(block, described, (f) => file.add(f));
      file.finish();
    },
  ];
}

interface Seeds {
  name: string;
  linkType: number;
  frames: Frame[];
}

async function seedsOf(folders: readonly string[]): Promise<Seeds[]> {
  const seeds: Seeds[] = [];
  for (const folder of folders) {
    if (!existsSync(folder)) continue;
    for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()) {
      if (!/\.(pcap|pcapng|cap)(\.gz)?$/.test(name)) continue;
      const byLink = new Map<number, Frame[]>();
      try {
        const source = await openSavefile(join(folder, name));
        for await (const block of source)
          for (let row = 0; row < block.count; row++) {
            const { linkType } = source.interfaces[block.interfaceId[row]!]!;
            const frames = byLink.get(linkType) ?? [];
            byLink.set(linkType, frames);
            const at = block.offset[row]!;
            if (frames.length < KEPT)
              frames.push({
                bytes: block.bytes.slice(at, at + block.capturedLength[row]!),
                originalLength: block.originalLength[row]!,
              });
          }
      } catch (error) {
        // Some captures are damaged on purpose: what came before the damage counts.
        if (!(error instanceof SavefileError)) throw error;
      }
      for (const [linkType, frames] of byLink) seeds.push({ name, linkType, frames });
    }
  }
  return seeds;
}

export async function fuzzDissect(options: {
  count: number;
  seed: number;
  seconds?: number;
  progress?: (done: number) => void;
}): Promise<FuzzResult> {
  const seeds = await seedsOf(['fixtures', '../shared/captures']);
  const next = random(options.seed);
  const until = performance.now() + (options.seconds ?? Number.POSITIVE_INFINITY) * 1000;
  const result: FuzzResult = { done: 0, failures: [], slowest: 0 };
  /** The line with a control character; '' where there was none. */
  let control = '';
  const text = new TextPrinter({ verbose: 3, link: true, hexAscii: 2 }, (chunk) => {
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i]!;
      if ((byte < 32 && byte !== 9 && byte !== 10) || byte > 126) {
        const line = chunk.subarray(chunk.lastIndexOf(10, i) + 1, chunk.indexOf(10, i));
        control = JSON.stringify(Buffer.from(line).toString('latin1'));
      }
    }
  });
  const json = new JsonPrinter({ raw: true, checksums: true }, () => {});
  let wrong = '';
  const turns = others((what) => {
    wrong = what;
  });
  let turn = 0;
  while (result.done < options.count && performance.now() < until && result.failures.length < 20) {
    const { name, linkType, frames } = seeds[Math.floor(next() * seeds.length)]!;
    const mutated = mutate(frames, next, Math.min(BATCH, options.count - result.done)).map((frame) => ({
      bytes: frame.bytes,
      originalLength: Math.max(frame.originalLength ?? 0, frame.bytes.length),
    }));
    const described: FrameInterface[] = [{ name: 'fuzz', linkType, snapLength: 0, timestampDigits: 9 }];
    const began = performance.now();
    const where = `${name} (link type ${linkType}), after ${result.done} frames of seed ${options.seed}`;
    try {
      const block = blockOf(mutated);
      text.print(block, described);
      text.flush();
      json.print(block, described);
      json.flush();
      turns[turn++ % turns.length]!(block, described);
    } catch (error) {
      result.failures.push(`${where}: threw ${(error as Error).stack}`);
    }
    if (control !== '') result.failures.push(`${where}: a control character in ${control}`);
    control = '';
    if (wrong !== '') result.failures.push(`${where}: ${wrong}`);
    wrong = '';
    const milliseconds = performance.now() - began;
    result.slowest = Math.max(result.slowest, milliseconds);
    if (milliseconds > PATIENCE) result.failures.push(`${where}: ${Math.round(milliseconds)} ms for ${BATCH} frames`);
    result.done += mutated.length;
    options.progress?.(result.done);
  }
  return result;
}

export async function main(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      count: { type: 'string', default: '10000000' },
      seed: { type: 'string' },
      seconds: { type: 'string' },
    },
  });
  const seed = values.seed === undefined ? Date.now() >>> 0 : Number(values.seed);
  process.stdout.write(`dissect: ${values.count} frames, --seed ${seed}\n`);
  const began = performance.now();
  const { done, failures, slowest } = await fuzzDissect({
    count: Number(values.count),
    seed,
    ...(values.seconds === undefined ? {} : { seconds: Number(values.seconds) }),
    progress: (count) => {
      if (process.stderr.isTTY && count % 100_000 === 0) process.stderr.write(`\r${count}`);
    },
  });
  const seconds = (performance.now() - began) / 1000;
  process.stdout.write(
    `${done} frames in ${seconds.toFixed(1)} s, ${failures.length} failures; the slowest ${BATCH} took ${slowest.toFixed(0)} ms\n`,
  );
  for (const failure of failures) process.stdout.write(`${failure}\n`);
  return failures.length > 0 ? 1 : 0;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) process.exitCode = await main(process.argv.slice(2));
