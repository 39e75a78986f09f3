/** Capabilities of this process (capabilities(7)). */
import { readFileSync } from 'node:fs';
import { SystemError } from '../syscall/error.ts';
import { CAPABILITY_NAMES } from '../uapi/capability.ts';
import { PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL } from '../uapi/prctl.ts';
import { native } from './native.ts';

/** The capability sets of a thread, as masks: bit n is capability n of `uapi/capability.ts`. */
export interface Capabilities {
  permitted: bigint;
  effective: bigint;
  inheritable: bigint;
  bounding: bigint;
  ambient: bigint;
}

/** Of the calling thread, from /proc (proc(5)). Loads nothing native. */
export function capabilities(): Capabilities {
  const status = readFileSync('/proc/thread-self/status', 'utf8');
  const mask = (field: string): bigint => {
    const match = new RegExp(`^${field}:\\s*([0-9a-f]+)$`, 'm').exec(status);
    // CapAmb came with Linux 4.3, CapBnd with 2.6.26.
    return match ? BigInt(`0x${match[1]}`) : 0n;
  };
  return {
    permitted: mask('CapPrm'),
    effective: mask('CapEff'),
    inheritable: mask('CapInh'),
    bounding: mask('CapBnd'),
    ambient: mask('CapAmb'),
  };
}

/** Whether the thread may use the capability now. A capability counts within the user namespace that the thread is in:
 * whether it holds for a network namespace, only a call tells. */
export const hasCapability = (capability: number, { effective }: Capabilities = capabilities()): boolean =>
  ((effective >> BigInt(capability)) & 1n) === 1n;

/** Names of the capabilities in a mask, `net_raw`; those without a name as numbers. */
export function capabilityNames(mask: bigint): string[] {
  const names: string[] = [];
  for (let bit = 0; mask >> BigInt(bit) > 0n; bit++)
    if ((mask >> BigInt(bit)) & 1n) names.push(CAPABILITY_NAMES[bit] ?? String(bit));
  return names;
}

/** No program that this one starts inherits capabilities by the ambient set (prctl(2), PR_CAP_AMBIENT_CLEAR_ALL). */
export function clearAmbientCapabilities(): void {
  const libc = native();
  if (libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
    throw new SystemError(libc.errno(), 'prctl PR_CAP_AMBIENT');
}
