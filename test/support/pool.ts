/** vitest's pool of processes, each in a network namespace of its own: files of tests run side by side, and on `lo` and `any`
 * one would see the other's frames, find its ports taken and its devices in the list. */
import { fileURLToPath } from 'node:url';
import { ForksPoolWorker, type PoolOptions, type PoolRunnerInitializer } from 'vitest/node';

const SCRIPT = fileURLToPath(new URL('own-namespace.sh', import.meta.url));

class NamespaceWorker extends ForksPoolWorker {
  constructor(options: PoolOptions) {
    super(options);
    this.env = { ...this.env, NETLAB_NODE: process.execPath };
  }

  /** `fork` takes the program from `process.execPath`, and vitest has no option for another. It forks before it returns. */
  override start(): Promise<void> {
    const node = process.execPath;
    process.execPath = SCRIPT;
    try {
      return super.start();
    } finally {
      process.execPath = node;
    }
  }
}

export const namespacePool: PoolRunnerInitializer = {
  name: 'namespaces',
  createPoolWorker: (options) => new NamespaceWorker(options),
};
