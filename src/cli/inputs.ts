import { readFileSync } from 'node:fs';
import { Failure, messageOf } from './exit.ts';

/** A whole file. Throws Failure that names it. */
export function readInput(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new Failure(messageOf(error));
  }
}
