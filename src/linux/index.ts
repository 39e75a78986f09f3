/** The host's kernel. Importing this loads nothing native; `linuxSystemCalls()` and what takes effect on the process do. */
export {
  type Capabilities,
  capabilities,
  capabilityNames,
  clearAmbientCapabilities,
  hasCapability,
} from './capabilities.ts';
export { CLOCK_MONOTONIC, CLOCK_REALTIME, clockTime, sleepNanoseconds } from './clock.ts';
export { enterNetwork, unshareNetwork } from './namespace.ts';
export { NativeUnavailable } from './native.ts';
export { becomeUser, findUser, type User } from './privileges.ts';
export { affinity, setAffinity } from './sched.ts';
export { linuxSystemCalls } from './systemcalls.ts';
export { openTun } from './tun.ts';
