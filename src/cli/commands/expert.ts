import { type Command, Option } from 'commander';
import type { ExpertOptions } from '../expert.ts';
import { addFramesOptions } from '../frames-options.ts';

export function define(program: Command): void {
  const command = program
    .command('expert')
    .description(
      'Tells what is remarkable: retransmissions, gaps, full windows, resets, malformed packets, wrong checksums.\n' +
        'With --json every case with its frame; else how often each was met.',
    )
    .usage('[options] <file…> [filter…]')
    .argument('[words...]', 'files (- is standard input), then the filter expression as in pcap-filter(7)')
    .addOption(
      new Option('-s, --severity <severity>', 'only this severity and worse ones')
        .choices(['chat', 'note', 'warn', 'error'])
        .default('chat'),
    )
    .option('-K, --dont-verify-checksums', 'do not verify checksums');
  addFramesOptions(command);
  command.action(async (words: string[], options: ExpertOptions) => {
    const { runExpert } = await import('../expert.ts');
    await runExpert(words, options);
  });
}
