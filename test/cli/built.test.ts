/** The program as `npm run build` bundles it: what the other tests run is compiled file by file. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { netlab, Running } from '../support/cli.ts';
import { describeNetwork, type Pair, run, vethPair } from '../support/network.ts';
import { noCap } from '../support/tools.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
mkdirSync(join(ROOT, 'node_modules/.cache'), { recursive: true });
// Below the project, so that the packages are found.
const folder = mkdtempSync(join(ROOT, 'node_modules/.cache/built-'));
const entry = join(folder, 'dist/bin/netlab.js');

beforeAll(() => {
  copyFileSync(join(ROOT, 'package.json'), join(folder, 'package.json'));
  run('npm', 'run', '--silent', 'bundle', '--', `--outdir=${join(folder, 'dist/bin')}`);
});
afterAll(() => rmSync(folder, { recursive: true }));

const built = (...args: string[]): { status: number | null; stdout: string; stderr: string } =>
  spawnSync(process.execPath, [entry, ...args], { encoding: 'utf8', cwd: ROOT, timeout: 100_000 });

describe('the bundle', () => {
  it('tells the version, and the commands', () => {
    expect(built('--version').stdout).toBe(netlab(['--version']).stdout);
    expect(built('--help').stdout).toBe(netlab(['--help']).stdout);
  });

  it.each([
    ['read', 'fixtures/tour.pcapng', '-n', '-v'],
    ['read', 'fixtures/tour.pcapng', '--format', 'json', '-c', '20'],
    ['read', 'fixtures/tour.pcapng', '-n', '-Y', 'dns', 'udp'],
    ['filter', 'tcp port 80', '--explain'],
    ['protocols', 'fixtures/tour.pcapng'],
  ])('%s %s %s', (...args) => {
    const { status, stdout } = built(...args);
    expect(status).toBe(0);
    expect(stdout.length).toBeGreaterThan(100);
    expect(stdout).toBe(netlab(args, { cwd: ROOT }).stdout);
  });
});

describeNetwork('the bundle, capturing', () => {
  let pair: Pair;
  beforeAll(() => {
    pair = vethPair();
    run('ip', 'address', 'add', '198.18.77.1/24', 'dev', pair.a);
  });
  afterAll(() => pair.remove());

  // Both start a program of their own that lies beside the entry: a worker, a child.
  const ways = [['--fanout', '2', 'rnd'], ...(noCap === null ? [['--backend', 'libpcap']] : [])];
  it.each(ways.map((way) => [way]))('%s', async (options) => {
    const capture = new Running([process.execPath, entry, 'capture', pair.b, '-n', '-c', '3', ...options, 'arp'], {});
    try {
      await capture.listening();
      // Asking for neighbours that are not there makes ARP requests.
      spawnSync('ping', ['-q', '-c', '4', '-i', '0.2', '-W', '1', '198.18.77.2']);
      spawnSync('ping', ['-q', '-c', '4', '-i', '0.2', '-W', '1', '198.18.77.3']);
      const { status, stdout, stderr } = await capture.ended;
      expect(status, stderr).toBe(0);
      expect(stdout.match(/ARP, Request who-has/g)).toHaveLength(3);
    } finally {
      capture.kill('SIGKILL');
    }
  });
});
