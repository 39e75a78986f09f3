/** `npm run bench [NAMES…] [--quick] [--rounds N] [--json FILE] [--list]`: netlab side by side with its counterparts.
 *
 * Runs in a network namespace of its own, over a fresh build of netlab. Goals are told, never asserted: figures of a
 * shared machine are no test. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { cpus, release, tmpdir, totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Bench, Context } from './support/bench.ts';
import { judge, render, type Section } from './support/contest.ts';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const ROOT = resolve(HERE, '../..');
/** Files beside the benches that are none. */
const NO_BENCHES = new Set(['main.ts', 'traffic.ts']);

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    json: { type: 'string' },
    list: { type: 'boolean', default: false },
  },
});

/** Everything that a run made, told again as data. */
interface Outcome {
  machine: string;
  quick: boolean;
  sections: {
    bench: string;
    section: Section;
    goals: { words: string; ratio: number | null; reached: boolean | null }[];
  }[];
}

async function main(): Promise<number> {
  const known = readdirSync(HERE)
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts') && !NO_BENCHES.has(file))
    .map((file) => file.slice(0, -'.ts'.length))
    .sort();
  const names = positionals.length ? positionals : known;
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length) {
    process.stderr.write(`no such bench: ${unknown.join(', ')}; there are: ${known.join(', ')}\n`);
    return 2;
  }
  const rounds = values.rounds === undefined ? (values.quick ? 3 : 5) : Number(values.rounds);
  if (!(Number.isInteger(rounds) && rounds >= 1)) {
    process.stderr.write(`--rounds: a number of at least 1, not ${values.rounds}\n`);
    return 2;
  }
  const benches: [string, Bench][] = [];
  for (const name of names) {
    const { bench } = (await import(join(HERE, `${name}.ts`))) as { bench: Bench };
    benches.push([name, bench]);
  }
  if (values.list) {
    for (const [name, { about }] of benches) process.stdout.write(`${name.padEnd(12)} ${about}\n`);
    return 0;
  }
  if (!process.env['NETLAB_NETNS'] && !process.env['NETLAB_NO_NETNS']) return again();

  const built = build();
  const context = new Context({
    quick: values.quick,
    rounds,
    netlab: [process.execPath, join(built, 'dist/bin/netlab.js')],
    flood: [process.execPath, join(built, 'dist/test/bench/support/flood.js')],
    progress: (text) => {
      if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
    },
  });
  const outcome: Outcome = { machine: machine(), quick: values.quick, sections: [] };
  process.stdout.write(`${outcome.machine}\n`);
  process.stdout.write(`medians of ${rounds} rounds, in turns; [least, most]\n`);
  if (values.quick) process.stdout.write('--quick: small sizes; the figures show only that the benches work\n');
  let failed = false;
  try {
    for (const [name, bench] of benches) {
      try {
        for await (const section of bench.run(context)) {
          context.progress('');
          process.stdout.write(`\n[${name}] ${render(section)}\n`);
          outcome.sections.push({ bench: name, section, goals: section.goals.map((goal) => judge(section, goal)) });
        }
      } catch (error) {
        context.progress('');
        process.stdout.write(`\n[${name}] failed: ${(error as Error).message}\n`);
        failed = true;
      }
    }
  } finally {
    context.remove();
    rmSync(built, { recursive: true, force: true });
  }
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(outcome, null, 2)}\n`);
  return failed ? 1 : 0;
}

/** The same command once more, inside a network namespace of its own. */
function again(): number {
  const words = [join(ROOT, 'test/support/in-namespace.mjs'), process.execPath, ...process.execArgv];
  const done = spawnSync(process.execPath, [...words, ...process.argv.slice(1)], { stdio: 'inherit', cwd: ROOT });
  return done.status ?? 1;
}

/** netlab compiled as it is published, and the programs that benches run beside it, in a folder of its own, so that
 * `dist/` stays as it is. */
function build(): string {
  const folder = mkdtempSync(join(tmpdir(), 'netlab-build-'));
  copyFileSync(join(ROOT, 'package.json'), join(folder, 'package.json'));
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  const config = {
    extends: join(ROOT, 'tsconfig.build.json'),
    compilerOptions: { rootDir: ROOT, outDir: join(folder, 'dist') },
    include: ['bin', 'src', 'test/bench/support/flood.ts'].map((path) => join(ROOT, path)),
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
  const compiler = join(ROOT, 'node_modules/typescript/bin/tsc');
  const done = spawnSync(process.execPath, [compiler, '-p', join(folder, 'tsconfig.json')], { encoding: 'utf8' });
  if (done.status !== 0) {
    const errors = done.stdout.trim().split('\n');
    const shown = [...errors.slice(0, 3), ...(errors.length > 3 ? [`and ${errors.length - 3} more lines`] : [])];
    process.stderr.write(`the build has errors, and is used all the same:\n${shown.join('\n')}\n`);
  }
  const outdir = `--outdir=${join(folder, 'dist/bin')}`;
  const bundled = spawnSync('npm', ['run', '--silent', 'bundle', '--', outdir], { cwd: ROOT, encoding: 'utf8' });
  if (bundled.status !== 0) throw new Error(`npm run bundle: ${bundled.stderr}`);
  return folder;
}

function machine(): string {
  const [first] = cpus();
  return `${first?.model ?? 'unknown CPU'}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB; Linux ${release()}; Node ${process.version}`;
}

process.exitCode = await main();
