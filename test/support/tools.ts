/** Counterparts from Debian's packages: tcpdump, tshark, libpcap and others. */
import { spawnSync } from 'node:child_process';
import { describe } from 'vitest';

const found = new Map<string, boolean>();

export function hasTool(name: string): boolean {
  let there = found.get(name);
  if (there === undefined) {
    there = spawnSync('sh', ['-c', 'command -v "$1"', 'sh', name]).status === 0;
    found.set(name, there);
  }
  return there;
}

/** `describe` for tests that compare with real programs. Where one is missing they are skipped with the reason printed;
 * in CI they fail. */
export function describeWith(tools: string[], name: string, body: () => void): void {
  const missing = tools.filter((tool) => !hasTool(tool));
  if (missing.length === 0) describe(name, body);
  else if (process.env['CI']) throw new Error(`${name}: must run in CI, and ${missing.join(', ')} is not installed`);
  else {
    process.stderr.write(`skipped: ${name}: not installed: ${missing.join(', ')}\n`);
    describe.skip(`${name} (skipped: not installed: ${missing.join(', ')})`, body);
  }
}
