/** The program as `npm run build` makes it, but without the type check: compiled once for all test files, and anew only
 * what has changed. Starting it takes a third of the time of the sources. */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const CACHE = `${ROOT}node_modules/.cache/netlab-test`;

const sources = (): string[] =>
  ['bin', 'src'].flatMap((directory) =>
    readdirSync(`${ROOT}${directory}`, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => `${directory}/${name}`),
  );

const outputOf = (source: string): string => `${CACHE}/dist/${source.replace(/\.ts$/, '.js')}`;

const outdated = (source: string): boolean => {
  const output = outputOf(source);
  // Whole milliseconds: what sets a file's time knows no smaller parts of all of them.
  return !existsSync(output) || changed(output) < changed(`${ROOT}${source}`);
};

const changed = (path: string): number => Math.floor(statSync(path).mtimeMs);

/** Waits for its turn to compile: test files run in processes of their own. A lock that is older than a minute was left
 * behind. */
function locked(work: () => void): void {
  const lock = `${CACHE}/lock`;
  mkdirSync(CACHE, { recursive: true });
  for (;;) {
    try {
      mkdirSync(lock);
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      const age = Date.now() - (statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
      if (age > 60_000) rmSync(lock, { recursive: true, force: true });
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
    }
  }
  try {
    work();
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
}

/** Path of the compiled entry. */
export async function compiledEntry(): Promise<string> {
  if (sources().some(outdated)) {
    const { default: ts } = await import('typescript');
    const config = ts.readConfigFile(`${ROOT}tsconfig.json`, (path) => readFileSync(path, 'utf8'));
    const { options } = ts.convertCompilerOptionsFromJson(config.config.compilerOptions, ROOT);
    locked(() => {
      for (const source of sources()) {
        if (!outdated(source)) continue;
        // Before it is read: what is saved while it is compiled makes it outdated again. In the middle of the millisecond,
        // so that rounding does not end in the one before.
        const time = (changed(`${ROOT}${source}`) + 0.5) / 1000;
        const { outputText } = ts.transpileModule(readFileSync(`${ROOT}${source}`, 'utf8'), {
          fileName: `${ROOT}${source}`,
          // NodeNext would look for package.json, which a single file's compilation cannot.
          compilerOptions: {
            ...options,
            noEmit: false,
            module: ts.ModuleKind.ESNext,
            moduleResolution: ts.ModuleResolutionKind.Bundler,
          },
        });
        const output = outputOf(source);
        mkdirSync(dirname(output), { recursive: true });
        writeFileSync(`${output}.new`, outputText);
        utimesSync(`${output}.new`, time, time);
        renameSync(`${output}.new`, output);
      }
      writeFileSync(`${CACHE}/package.json`, readFileSync(`${ROOT}package.json`));
    });
  }
  return `${CACHE}/dist/bin/netlab.js`;
}
