/** Mutated frames through everything that reads frames: text, fields, JSON. No throw, no byte read beyond the frame's, no
 * control character in the text, and no frame that takes long.
 *
 *     tsx test/fuzz/dissect.ts [--count 10000000] [--seed N] [--seconds N]
 *
 * The frames come from the fixtures, and from ../shared/captures where that is there. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { JsonPrinter } from '../../src/dissect/json.ts';
import { TextPrinter } from '../../src/dissect/text-printer.ts';
import type { FrameInterface } from '../../src/frames/source.ts';
import { blockOf, openSavefile, SavefileError } from '../../src/savefile/index.ts';
import { mutate, random } from '../dissect/mutate.ts';
import type { Frame } from '../dissect/oracle.ts';

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
    } catch (error) {
      result.failures.push(`${where}: threw ${(error as Error).stack}`);
    }
    if (control !== '') result.failures.push(`${where}: a control character in ${control}`);
    control = '';
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
