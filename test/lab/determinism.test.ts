/** The same seed gives the same bytes at the same virtual times: twice in one process, in another process, and on every
 * version of Node that netlab runs on. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NETLAB } from '../support/cli.ts';
import { nodeBinary, OTHER_VERSIONS } from '../support/other-nodes.mjs';
import { type ScenarioResult, scenario } from './scenario.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const SEED = 1;
/** What the scenario gave when it was last looked at. `fixtures/README.md` says how it is made again. */
const GOLDEN = JSON.parse(readFileSync(`${ROOT}fixtures/determinism.json`, 'utf8')) as Record<string, ScenarioResult>;
describe('the same seed', () => {
  let folder: string;
  let program: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'netlab-determinism-'));
    program = join(folder, 'scenario.mjs');
    const { build } = await import('esbuild');
    await build({
      entryPoints: [`${ROOT}test/lab/scenario.ts`],
      bundle: true,
      format: 'esm',
      platform: 'node',
      target: 'node20',
      outfile: program,
      logLevel: 'silent',
    });
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const runBy = (node: string, ...words: string[]): ScenarioResult => {
    const done = spawnSync(node, [program, String(SEED), ...words], { encoding: 'utf8', timeout: 100_000 });
    if (done.status !== 0) throw new Error(`${node}: ${done.error?.message ?? done.stderr}`);
    return JSON.parse(done.stdout) as ScenarioResult;
  };

  let captures = 0;
  /** Digest of the file that the program writes of the emulated network. */
  const capturedBy = (node: string, seed: number): string => {
    const file = join(folder, `${captures++}.pcapng`);
    const words = ['capture', 'any', '--virtual-time', '--seed', String(seed), '-c', '1000', '-w', file];
    const done = spawnSync(node, [NETLAB[1]!, ...words], { encoding: 'utf8', timeout: 100_000 });
    expect(done.status, done.stderr).toBe(0);
    return createHash('sha256').update(readFileSync(file)).digest('hex');
  };

  it('gives the same in this process, twice; another seed gives something else', () => {
    const first = scenario(SEED);
    expect(scenario(SEED)).toEqual(first);
    const both = scenario(SEED, { ipv6: true });
    expect(scenario(SEED, { ipv6: true })).toEqual(both);
    expect(both.frames).toBeGreaterThan(first.frames);
    expect(scenario(SEED + 1).digest).not.toBe(first.digest);
    // It is no quiet network that is the same.
    expect(first.frames).toBeGreaterThan(1000);
    expect(Math.min(first.datagrams, first.errors, first.lost)).toBeGreaterThan(20);
    expect(first.corrupted).toBeGreaterThan(5);
  });

  it('gives the same in another process', () => {
    expect(runBy(process.execPath)).toEqual(scenario(SEED));
  });

  it('gives the same capture of the emulated network, whoever runs it', { timeout: 300_000 }, () => {
    const first = capturedBy(process.execPath, SEED);
    expect(capturedBy(process.execPath, SEED)).toBe(first);
    expect(capturedBy(process.execPath, SEED + 1)).not.toBe(first);
  });

  it('gives what it gave before', () => {
    const again =
      'if the kernel was changed on purpose: npx tsx test/lab/scenario.ts 1, into fixtures/determinism.json';
    expect(scenario(SEED), again).toEqual(GOLDEN[SEED]);
  });

  for (const version of OTHER_VERSIONS) {
    const node = nodeBinary(version);
    const there = existsSync(node);
    if (!there)
      process.stderr.write(
        `NOT SHOWN: that Node ${version} gives the same bytes: it is not here. Fetch it by node test/support/other-nodes.mjs\n`,
      );
    it.skipIf(!there)(`gives the same on Node ${version}`, { timeout: 300_000 }, () => {
      expect(spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout).toMatch(new RegExp(`^v${version}\\.`));
      expect(runBy(node)).toEqual(scenario(SEED));
      expect(runBy(node, 'ipv6')).toEqual(scenario(SEED, { ipv6: true }));
      expect(capturedBy(node, SEED)).toBe(capturedBy(process.execPath, SEED));
    });
  }
});
