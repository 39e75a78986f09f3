/** Every example of the README, run as it stands: on an interface eth0 with traffic on it, in a directory with the tour. */
import { spawn, spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { NETLAB } from './support/cli.ts';
import { describeNetwork, Namespace } from './support/network.ts';
import { hasTool } from './support/tools.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
const blocks = (language: string): string[] =>
  [...readme.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map((match) => match[1]!);
const commands = blocks('sh').flatMap((block) => block.trimEnd().split('\n'));
const programs = blocks('ts');

/** `sudo` and `netlab` as words of the shell. */
const PRELUDE = `set -o pipefail
sudo() { "$@"; }
netlab() { ${NETLAB.map((word) => `'${word}'`).join(' ')} "$@"; }
`;

/** Talks to the other end for as long as the test lasts, at most five minutes. */
const TRAFFIC = `
const socket = require('node:dgram').createSocket('udp4');
const http = require('node:http');
const timer = setInterval(() => {
  socket.send('traffic', 53, '192.0.2.2');
  http.get('http://192.0.2.2/', (response) => response.resume()).on('error', () => {});
}, 50);
setTimeout(() => process.exit(), 300_000);
`;

describeNetwork('the examples of the README', () => {
  const directory = mkdtempSync(join(tmpdir(), 'netlab-readme-'));
  let home: Namespace;
  let far: Namespace;
  let traffic: ReturnType<Namespace['spawn']>[] = [];

  beforeAll(async () => {
    for (const name of ['tour.pcapng', 'tour.expect'])
      copyFileSync(join(ROOT, 'fixtures', name), join(directory, name));
    [home, far] = [await Namespace.create(), await Namespace.create()];
    const veth = ['type', 'veth', 'peer', 'name', 'eth0', 'netns', String(far.pid)];
    home.run('ip', 'link', 'add', 'eth0', ...veth);
    home.run('ip', 'address', 'add', '192.0.2.1/24', 'dev', 'eth0');
    far.run('ip', 'address', 'add', '192.0.2.2/24', 'dev', 'eth0');
    home.run('ip', 'link', 'set', 'eth0', 'up');
    far.run('ip', 'link', 'set', 'eth0', 'up');
    traffic = [
      home.spawn(process.execPath, '-e', TRAFFIC),
      home.spawn('ping', '-q', '-i', '0.1', '-w', '300', '192.0.2.2'),
    ];
  });
  afterAll(() => {
    for (const child of traffic) child.kill();
    home.remove();
    far.remove();
    rmSync(directory, { recursive: true });
  });

  /** Runs a program in the namespace with the traffic; gives its exit code and output. */
  const inHome = (...words: string[]): Promise<{ status: number | null; output: string; errors: string }> =>
    new Promise((resolve, reject) => {
      const [first, ...rest] = [...home.prefix(), ...words];
      const child = spawn(first!, rest, { cwd: directory, env: { ...process.env, NO_COLOR: '1' } });
      let output = '';
      let errors = '';
      child.stdout.on('data', (data) => (output += data));
      child.stderr.on('data', (data) => (errors += data));
      const timer = setTimeout(() => child.kill('SIGKILL'), 100_000);
      child.on('error', reject);
      child.on('close', (status) => {
        clearTimeout(timer);
        resolve({ status, output, errors });
      });
    });

  it('there are some', () => {
    expect(commands.length).toBeGreaterThan(20);
    expect(programs.length).toBeGreaterThan(2);
  });

  it.each(commands)('%s', async (command) => {
    const tool = /\| (\w+)/.exec(command)?.[1];
    if (tool !== undefined && tool !== 'netlab' && !hasTool(tool)) {
      if (process.env['CI']) throw new Error(`${tool} is not installed`);
      process.stderr.write(`skipped: ${command}: ${tool} is not installed\n`);
      return;
    }
    const { status, output, errors } = await inHome('bash', '-c', `${PRELUDE}${command}`);
    expect(status, errors).toBe(0);
    // Whoever writes a file only prints statistics, on standard error.
    if (!/ -w [^-]|^netlab rewrite | --update| > /.test(command)) expect(output).not.toBe('');
    else expect(output).toBe('');
  });

  it.each(programs.map((program, i) => [i + 1, program] as const))('program %i', async (number, program) => {
    const entry = join(dirname(NETLAB[1]!), `../../readme-${number}.mjs`);
    const { outputText } = ts.transpileModule(program, {
      compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 },
    });
    writeFileSync(entry, outputText);
    const { status, output, errors } = await inHome(process.execPath, entry);
    rmSync(entry);
    expect(status, errors).toBe(0);
    expect(output).not.toBe('');
    expect(output).not.toContain('undefined');
  });

  it('the test that the README shows', async () => {
    const [program, ...more] = blocks('typescript');
    expect(more).toEqual([]);
    const home = join(dirname(NETLAB[1]!), '../..');
    writeFileSync(join(home, 'readme.test.ts'), program!);
    writeFileSync(
      join(home, 'readme.config.mjs'),
      `export default { test: { root: ${JSON.stringify(directory)}, include: [${JSON.stringify(join(home, 'readme.test.ts'))}], exclude: [] } };`,
    );
    const words = [join(ROOT, 'node_modules/vitest/vitest.mjs'), 'run', '--config', join(home, 'readme.config.mjs')];
    // Without CI vitest writes what is golden when it is not there yet.
    const { status, output, errors } = await inHome('env', '-u', 'CI', process.execPath, ...words);
    expect(status, `${output}${errors}`).toBe(0);
    expect(output).toMatch(/Tests\s+1 passed/);
    expect(readdirSync(directory)).toContain('asked.pcapng');
  });

  it('the two commands that start it all are those of package.json', () => {
    const { scripts, bin } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    expect(blocks('shell')).toEqual([
      'npm install && npx netlab read fixtures/tour.pcapng\n',
      'npm install && npm test\n',
    ]);
    expect(scripts.test).toContain('vitest run');
    expect(bin.netlab).toBe('dist/bin/netlab.js');
    const shown = spawnSync(NETLAB[0]!, [NETLAB[1]!, 'read', 'fixtures/tour.pcapng'], { cwd: ROOT, encoding: 'utf8' });
    expect(shown.status).toBe(0);
    expect(shown.stdout.trimEnd().split('\n')).toHaveLength(56);
  });
});
