import { compileDisplayFilter, type DisplayFilter } from '../dissect/display/compile.ts';
import { DisplayFilterError } from '../dissect/display/error.ts';
import { UsageError } from './exit.ts';

/** Compiles a display filter of the command line. Throws UsageError that shows where it is wrong. */
export function displayFilter(text: string): DisplayFilter {
  try {
    return compileDisplayFilter(text);
  } catch (error) {
    if (error instanceof DisplayFilterError) throw new UsageError(`display filter: ${error.render()}`);
    throw error;
  }
}
