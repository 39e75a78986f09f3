/** `npm run fuzz -- NAME [--count N] [--seed N] [--seconds N]`: a fuzz run of its own, longer than the tests' ones. */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('.', import.meta.url));
const names = readdirSync(folder)
  .filter((name) => name.endsWith('.ts') && name !== 'main.ts')
  .map((name) => name.slice(0, -3));
const [name, ...args] = process.argv.slice(2);
if (name === undefined || !names.includes(name)) {
  process.stderr.write(`which one? ${names.join(', ')}: npm run fuzz -- NAME [--count N] [--seed N] [--seconds N]\n`);
  process.exitCode = 2;
} else {
  const words = ['--import', import.meta.resolve('tsx'), `${folder}${name}.ts`, ...args];
  process.exitCode = spawnSync(process.execPath, words, { stdio: 'inherit' }).status ?? 1;
}
