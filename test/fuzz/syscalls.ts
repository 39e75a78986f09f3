/** Seeded sequences of system calls over UDP, raw and packet sockets, on the host's kernel and on ours: the same results
 * throughout.
 *
 *     tsx test/fuzz/syscalls.ts [--count 300000] [--seed N] [--seconds N]
 *
 * `--count` is in calls. Each sequence of 1000 calls has two fresh kernels and a seed of its own, the first one `--seed`, so
 * that `--seed S --count 1000` repeats the sequence that is named in a failure. Runs in a network namespace of its own. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { compareRuns, runSequence } from '../twin/sequence.ts';
import { emulatedWorld, linuxWorld } from '../twin/world.ts';

/** Calls on one pair of kernels. */
const SEQUENCE = 1000;

export interface FuzzResult {
  /** Calls made on each kernel. */
  done: number;
  /** What differed, with the seed. At most twenty. */
  failures: string[];
}

export function fuzzSyscalls(options: {
  count: number;
  seed: number;
  seconds?: number;
  progress?: (done: number) => void;
}): FuzzResult {
  const until = performance.now() + (options.seconds ?? Number.POSITIVE_INFINITY) * 1000;
  const result: FuzzResult = { done: 0, failures: [] };
  for (let seed = options.seed; result.done < options.count && performance.now() < until; seed++) {
    const calls = Math.min(SEQUENCE, options.count - result.done);
    const host = linuxWorld();
    const times: number[] = [];
    try {
      const linux = runSequence(host, seed, calls, times);
      const difference = compareRuns(runSequence(emulatedWorld(), seed, calls, times), linux);
      if (difference !== '') result.failures.push(`--seed ${seed} --count ${calls}: ${difference}`);
    } finally {
      host.dispose();
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
    },
  });
  const seed = values.seed === undefined ? Math.floor(Date.now() / 1000) : Number(values.seed);
  process.stdout.write(`syscalls: ${values.count} calls, --seed ${seed}\n`);
  const began = performance.now();
  const { done, failures } = fuzzSyscalls({
    count: Number(values.count),
    seed,
    ...(values.seconds === undefined ? {} : { seconds: Number(values.seconds) }),
    progress: (calls) => {
      if (process.stderr.isTTY) process.stderr.write(`\r${calls}`);
    },
  });
  const seconds = (performance.now() - began) / 1000;
  process.stdout.write(
    `${done} calls on each kernel in ${seconds.toFixed(1)} s, ${failures.length} sequences differ\n`,
  );
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
