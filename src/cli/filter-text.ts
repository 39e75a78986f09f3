import { readFileSync } from 'node:fs';
import { Failure, UsageError } from './exit.ts';

/** The filter expression of a command line: its words, or the content of -F FILE, where `#` begins a comment. */
export function filterText(words: string, file: string | undefined): string {
  if (file === undefined) return words;
  if (words !== '') throw new UsageError(`-F ${file} and the words '${words}' are two filters: give one of them`);
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8')
      .replace(/#.*$/gm, '')
      .trim()
      .replace(/\s+/g, ' ');
  } catch (error) {
    throw new Failure(`cannot read the filter: ${(error as Error).message}`);
  }
}
