import { Worker } from 'node:worker_threads';
import type { MemberTask } from '../capture/member.ts';

/** Starts the thread of a fanout member on the host's kernel.
 *
 * From the sources the thread must be taught TypeScript first: Node 20 does not hand the loader of the main thread on,
 * and a Worker cannot be started from a `.ts` file. */
export function startMember(task: MemberTask): Worker {
  const workerData = task;
  if (!import.meta.url.endsWith('.ts'))
    return new Worker(new URL('./fanout-worker.js', import.meta.url), { workerData });
  const loader = JSON.stringify(import.meta.resolve('tsx/esm/api'));
  const entry = JSON.stringify(new URL('./fanout-worker.ts', import.meta.url).href);
  const script = `import(${loader}).then(({ register }) => { register(); return import(${entry}); })`;
  return new Worker(script, { eval: true, workerData });
}
