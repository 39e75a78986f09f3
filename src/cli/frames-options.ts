import type { Command } from 'commander';
import { collected, integer } from './numbers.ts';
import { type FilterMode, filterModeOption } from './options.ts';

/** What the commands share that look at all frames of savefiles and then tell something. */
export interface FramesOptions {
  readFile?: string[];
  displayFilter?: string;
  decodeAs?: string[];
  filterFile?: string;
  filterMode: FilterMode;
  optimize: boolean;
  count?: number;
  json?: true;
}

/** `readsFiles`: -r is an option as well. */
export function addFramesOptions(command: Command, readsFiles = true): void {
  if (readsFiles) command.option('-r, --read-file <file>', 'a file; then every word belongs to the filter', collected);
  command
    .option('-Y, --display-filter <filter>', "only frames that match, in Wireshark's syntax")
    .option(
      '-d, --decode-as <what>',
      'take a number for a protocol, whatever the bytes look like: tcp.port==8888,http',
      collected,
    )
    .option('-c, --count <number>', 'stop after this many frames', integer(1))
    .option('-F, --filter-file <file>', 'read the filter expression from a file')
    .option('-O, --no-optimize', 'do not optimize the filter program')
    .addOption(filterModeOption())
    .option('--json', 'write JSON, one object a line');
}
