/** Seeded sequences of system calls on the host's kernel and on ours: the same results throughout.
 *
 *     tsx test/fuzz/syscalls.ts [--count 300000] [--seed N] [--seconds N] [--of NAME]
 *
 * `--of` is one of the generators: `plain4` and `plain6` (a few calls, seldom changed since; sequence.ts, sequence6.ts), `ipv4`,
 * `ipv6` and `packet` (every call, in sequences whose counters and frames are compared too; calls.ts); without it they take
 * turns. `--count` is in calls. Each sequence of 1000 calls has two fresh kernels and a seed of its own, the first one
 * `--seed`, so that `--of NAME --seed S --count 1000` repeats the sequence that is named in a failure. A sequence that
 * differs is run again, and of calls.ts's what is not needed for the difference is left out. Runs in a network namespace of
 * its own. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import type { Profile } from '../twin/call-arguments.ts';
import { makeSteps, runSteps, type Step, type Tally } from '../twin/calls.ts';
import { compareRuns, runSequence } from '../twin/sequence.ts';
import { runSequence6 } from '../twin/sequence6.ts';
import { emulatedWorld, linuxWorld, type World } from '../twin/world.ts';

/** Calls on one pair of kernels. */
const SEQUENCE = 1000;
/** Runs at most for making a sequence that differs shorter. */
const REDUCING = 200;

const GENERATORS = ['plain4', 'plain6', 'ipv4', 'ipv6', 'packet'] as const;
export type Generator = (typeof GENERATORS)[number];

export interface FuzzResult {
  /** Calls made on each kernel. */
  done: number;
  /** Of those that calls.ts counts: how many there were, how many succeeded on the host's kernel. */
  counted: number;
  succeeded: number;
  /** Sequences that differed once and not when they were run again: the host was late. */
  once: number;
  /** What differed, with the seed. At most twenty. */
  failures: string[];
}

/** Runs `program` on both kernels, the host's first. */
function onBoth<T>(ipv6: boolean, program: (world: World, times: number[]) => T): { ours: T; linux: T } {
  const host = linuxWorld({ ipv6 });
  const times: number[] = [];
  let linux: T;
  try {
    linux = program(host, times);
  } finally {
    host.dispose();
  }
  return { linux, ours: program(emulatedWorld(1, { ipv6 }), times) };
}

/** The difference, and what the host's kernel made of the calls. */
function runBoth(profile: Profile, steps: readonly Step[]): { difference: string; tally: Tally } {
  const { ours, linux } = onBoth(profile === 'ipv6', (world, times) => runSteps(world, profile, steps, times));
  return { difference: compareRuns(ours.log, linux.log), tally: linux.tally };
}

/** Leaves out what the difference does not need. */
function reduce(profile: Profile, steps: readonly Step[]): string {
  let found = '';
  let tries = 0;
  const differs = (list: readonly Step[]): boolean => {
    if (tries++ > REDUCING) return false;
    const { difference } = runBoth(profile, list);
    if (difference !== '') found = difference;
    return difference !== '';
  };
  let kept = steps;
  for (let size = steps.length >> 1; size >= 1; size >>= 1)
    for (let at = 0; at < kept.length; ) {
      const fewer = [...kept.slice(0, at), ...kept.slice(at + size)];
      if (fewer.length > 0 && differs(fewer)) kept = fewer;
      else at += size;
    }
  return found === '' ? '' : `${kept.length} steps: ${found}`;
}

function runOne(generator: Generator, seed: number, calls: number, result: FuzzResult): string {
  if (generator === 'plain4' || generator === 'plain6') {
    const run = generator === 'plain4' ? runSequence : runSequence6;
    const { ours, linux } = onBoth(generator === 'plain6', (world, times) => run(world, seed, calls, times));
    return compareRuns(ours, linux);
  }
  const steps = makeSteps(seed, calls);
  const { difference, tally } = runBoth(generator, steps);
  for (const [made, succeeded] of tally.values()) {
    result.counted += made;
    result.succeeded += succeeded;
  }
  return difference;
}

export function fuzzSyscalls(options: {
  count: number;
  seed: number;
  seconds?: number;
  of?: Generator;
  progress?: (done: number) => void;
}): FuzzResult {
  const until = performance.now() + (options.seconds ?? Number.POSITIVE_INFINITY) * 1000;
  const result: FuzzResult = { done: 0, counted: 0, succeeded: 0, once: 0, failures: [] };
  for (let seed = options.seed; result.done < options.count && performance.now() < until; seed++) {
    const calls = Math.min(SEQUENCE, options.count - result.done);
    const generator = options.of ?? GENERATORS[seed % GENERATORS.length]!;
    const difference = runOne(generator, seed, calls, result);
    if (difference !== '') {
      const again = runOne(generator, seed, calls, result);
      const plain = generator === 'plain4' || generator === 'plain6';
      if (again === '') result.once++;
      else {
        const less = plain ? '' : reduce(generator, makeSteps(seed, calls));
        result.failures.push(`--of ${generator} --seed ${seed} --count ${calls}: ${less === '' ? again : less}`);
      }
    }
    result.done += calls;
    options.progress?.(result.done);
    if (result.failures.length >= 20) break;
  }
  return result;
}

function main(args: string[]): number {
  const { values } = parseArgs({
    args,
    options: {
      count: { type: 'string', default: '300000' },
      seed: { type: 'string' },
      seconds: { type: 'string' },
      of: { type: 'string' },
    },
  });
  const of = GENERATORS.find((name) => name === values.of);
  if (values.of !== undefined && of === undefined) {
    process.stderr.write(`syscalls: --of is one of ${GENERATORS.join(', ')}\n`);
    return 2;
  }
  const seed = values.seed === undefined ? Math.floor(Date.now() / 1000) : Number(values.seed);
  process.stdout.write(`syscalls: ${values.count} calls${of === undefined ? '' : ` of ${of}`}, --seed ${seed}\n`);
  const began = performance.now();
  const { done, counted, succeeded, once, failures } = fuzzSyscalls({
    count: Number(values.count),
    seed,
    ...(values.seconds === undefined ? {} : { seconds: Number(values.seconds) }),
    ...(of === undefined ? {} : { of }),
    progress: (calls) => {
      if (process.stderr.isTTY) process.stderr.write(`\r${calls}`);
    },
  });
  const seconds = (performance.now() - began) / 1000;
  process.stdout.write(
    `${done} calls on each kernel in ${seconds.toFixed(1)} s, ${failures.length} sequences differ\n`,
  );
  if (counted > 0) process.stdout.write(`${Math.round((succeeded / counted) * 100)} of 100 calls succeeded\n`);
  if (once > 0) process.stdout.write(`${once} sequences differed once and not again\n`);
  for (const failure of failures) process.stdout.write(`${failure}\n`);
  return failures.length > 0 ? 1 : 0;
}

/** The same command in a namespace of its own, where devices can be made. */
function inNamespace(args: string[]): number {
  const wrapper = fileURLToPath(new URL('../support/in-namespace.mjs', import.meta.url));
  const words = [wrapper, process.execPath, '--import', import.meta.resolve('tsx'), process.argv[1]!, ...args];
  return spawnSync(process.execPath, words, { stdio: 'inherit' }).status ?? 1;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const args = process.argv.slice(2);
  if (process.env['NETLAB_NETNS']) process.exitCode = main(args);
  else if (process.env['NETLAB_NO_NETNS']) {
    process.stderr.write(`syscalls: no network namespace: ${process.env['NETLAB_NO_NETNS']}\n`);
    process.exitCode = 77;
  } else process.exitCode = inNamespace(args);
}
