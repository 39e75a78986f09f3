import type { PollFd, SystemCalls } from '../syscall/contract.ts';
import { check } from '../syscall/error.ts';

/** Waits until a descriptor is ready. Resolves to how many are, 0 after `timeout` milliseconds (default: none); `revents`
 * of each says for what. Rejects with the signal's reason when it is aborted, and with SystemError where poll fails. */
export function waitFor(
  calls: SystemCalls,
  fds: readonly PollFd[],
  { timeout = -1, signal }: { timeout?: number; signal?: AbortSignal | undefined } = {},
): Promise<number> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const aborted = (): void => {
      cancel();
      reject(signal!.reason);
    };
    const cancel = calls.pollWait(fds, timeout, (ready) => {
      signal?.removeEventListener('abort', aborted);
      try {
        resolve(check(ready, 'poll'));
      } catch (error) {
        reject(error);
      }
    });
    signal?.addEventListener('abort', aborted, { once: true });
  });
}
