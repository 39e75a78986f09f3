import type { Command } from 'commander';
import { fieldWords } from '../format.ts';
import { collected } from '../numbers.ts';
import { addPrintOptions, addSelectOptions, addWriteOptions } from '../options.ts';
import type { ReadOptions } from '../read.ts';

export const prepare = fieldWords;

export function define(program: Command): void {
  const command = program
    .command('read')
    .description(
      'Prints savefiles, or those of their frames that a filter selects; with -w writes them to another file.\n' +
        'pcap and pcapng, compressed or not, are told apart by their content.',
    )
    .usage('[options] <file…> [filter…]')
    .argument('[words...]', 'files (- is standard input), then the filter expression as in pcap-filter(7)')
    .option('-r, --read-file <file>', 'a file; then every word belongs to the filter', collected);
  addSelectOptions(command);
  addWriteOptions(command, "the input's");
  addPrintOptions(command);
  command.action(async (words: string[], options: ReadOptions & { readFile?: string[]; snapshotLength?: number }) => {
    if (options.snapshotLength !== undefined) options.snaplen ??= options.snapshotLength;
    const { runRead } = await import('../read.ts');
    await runRead(options.readFile ?? [], words, options);
  });
}
