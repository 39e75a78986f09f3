import { statSync } from 'node:fs';
import { UsageError } from './exit.ts';

/** Writing to a file that is being read would destroy it before it is read. */
export function refuseOverwriting(files: string[], write: string | undefined): void {
  if (write === undefined || write === '-') return;
  const identity = (file: string): string | null => {
    try {
      const found = statSync(file);
      return found.isFile() ? `${found.dev}:${found.ino}` : null;
    } catch {
      return null;
    }
  };
  const target = identity(write);
  if (target === null) return;
  for (const file of files)
    if (identity(file) === target)
      throw new UsageError(`writing ${write} would overwrite ${file}, which is to be read`);
}
