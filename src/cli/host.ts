import type { SystemCalls } from '../syscall/contract.ts';
import { Failure } from './exit.ts';

/** The host's kernel. Loads the FFI, so that commands call it only when they need the kernel. */
export async function hostSystem(): Promise<SystemCalls> {
  const { linuxSystemCalls, NativeUnavailable } = await import('../linux/index.ts');
  try {
    return linuxSystemCalls();
  } catch (error) {
    if (error instanceof NativeUnavailable) throw new Failure(error.message);
    throw error;
  }
}
