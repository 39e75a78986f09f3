/** Namespaces and veth pairs for tests. The whole test run is in a network namespace of its own already
 * (`in-namespace.mjs`); what a test makes here is inside that. */
import { describe } from 'vitest';

export * from './veth.ts';

/** Why nothing here can run, or null. */
export const noNetwork: string | null = process.env['NETLAB_NETNS']
  ? null
  : (process.env['NETLAB_NO_NETNS'] ?? 'not in a network namespace of its own: run `npm test`, not vitest itself');

/** `describe` for tests that need a namespace with CAP_NET_ADMIN and CAP_NET_RAW. Where there is none they are skipped
 * with the reason printed; in CI they fail. */
export function describeNetwork(name: string, body: () => void): void {
  if (noNetwork === null) describe(name, body);
  else if (process.env['CI']) throw new Error(`${name}: must run in CI, and cannot: ${noNetwork}`);
  else {
    process.stderr.write(`skipped: ${name}: ${noNetwork}\n`);
    describe.skip(`${name} (skipped: ${noNetwork})`, body);
  }
}
