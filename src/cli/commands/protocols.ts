import type { Command } from 'commander';
import { addFramesOptions, type FramesOptions } from '../frames-options.ts';

export function define(program: Command): void {
  const command = program
    .command('protocols')
    .description('Counts frames and bytes by protocol, each under those that carry it.')
    .usage('[options] <file…> [filter…]')
    .argument('[words...]', 'files (- is standard input), then the filter expression as in pcap-filter(7)');
  addFramesOptions(command);
  command.action(async (words: string[], options: FramesOptions) => {
    const { runProtocols } = await import('../hierarchy.ts');
    await runProtocols(words, options);
  });
}
