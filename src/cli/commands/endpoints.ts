import type { Command } from 'commander';
import { addFramesOptions } from '../frames-options.ts';
import { collected, integer } from '../numbers.ts';
import type { TallyOptions } from '../tally.ts';

export function define(program: Command): void {
  const command = program
    .command('endpoints')
    .description('Counts frames and bytes by who sent and received them.')
    .usage('[options] <file…> [filter…]')
    .argument('[words...]', 'files (- is standard input), then the filter expression as in pcap-filter(7)')
    .option(
      '-t, --type <type>',
      'eth, ip, ipv6, tcp or udp; several with commas or several -t; all unless given',
      collected,
    )
    .option('-l, --limit <number>', 'only so many of each, those with most frames', integer(1));
  addFramesOptions(command);
  command.action(async (words: string[], options: TallyOptions) => {
    const { runEndpoints } = await import('../tally.ts');
    await runEndpoints(words, options);
  });
}
