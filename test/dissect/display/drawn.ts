/** More drawn display filters against tshark than the tests have time for:
 *
 *     tsx test/dissect/display/drawn.ts [--seed N] [--count 2000]
 *
 * Prints those where the two keep other frames, or only one refuses; exit code 1 where there are any. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { makeCapture } from './capture.ts';
import { draw } from './generator.ts';
import { ours, theirs } from './oracle.ts';

const { values } = parseArgs({
  options: { seed: { type: 'string', default: String(Date.now() >>> 0) }, count: { type: 'string', default: '2000' } },
});
const AT_ONCE = 500;
process.env['TZ'] = 'UTC';
const folder = mkdtempSync(join(tmpdir(), 'netlab-display-'));
let differing = 0;
try {
  const { path, frames } = await makeCapture(folder);
  const count = Number(values.count);
  process.stdout.write(`seed ${values.seed}, ${count} filters over ${frames} frames\n`);
  const filters = draw(Number(values.seed), count);
  for (let i = 0; i < count; i += AT_ONCE) {
    const some = filters.slice(i, i + AT_ONCE);
    const [mine, reference] = [await ours(path, some), theirs(path, some)];
    for (const [index, filter] of some.entries()) {
      const [own, other] = [mine[index]!, reference[index]!];
      if ((own.error === null) === (other.error === null) && own.frames === other.frames) continue;
      differing++;
      process.stdout.write(
        `${filter}\n  ours:   ${own.error ?? own.frames}\n  tshark: ${other.error ?? other.frames}\n`,
      );
    }
  }
} finally {
  rmSync(folder, { recursive: true });
}
process.stdout.write(`${differing} differ\n`);
process.exitCode = differing === 0 ? 0 : 1;
