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

/** Whether `what` cannot be tested here, and says why on stderr: for what a machine may well not have, in CI too. */
export function lacks(what: string, reason: string | null | false): boolean {
  if (!reason) return false;
  process.stderr.write(`skipped: ${what}: ${reason}\n`);
  return true;
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

/** Why a capture through libpcap cannot be tested: the optional package cap is missing, or was built for another Node. In
 * CI it must be there. Null: it can. */
export const noCap: string | null = (() => {
  const tried = spawnSync(process.execPath, ['-e', "require('cap')"], { encoding: 'utf8' });
  if (tried.status === 0) return null;
  const reason = /^Error: (.*)$/m.exec(tried.stderr)?.[1] ?? 'it cannot be loaded';
  if (process.env['CI']) throw new Error(`the package cap must be there in CI: ${reason}`);
  process.stderr.write(`skipped: captures through libpcap: the package cap: ${reason}\n`);
  return reason;
})();
