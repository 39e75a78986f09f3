import { type Command, Option } from 'commander';
import { addFramesOptions } from '../frames-options.ts';
import type { IoOptions } from '../io.ts';
import { collected, seconds } from '../numbers.ts';

export function define(program: Command): void {
  const command = program
    .command('io')
    .description(
      'Counts frames and bytes per interval, and draws them. Each --column counts the frames that a display filter\n' +
        'selects, beside all of them; --plot says what is drawn of the last column.',
    )
    .usage('[options] <file…> [filter…]')
    .argument('[words...]', 'files (- is standard input), then the filter expression as in pcap-filter(7)')
    .option('-i, --interval <seconds>', 'length of an interval; unless given, one that gives at most sixty', seconds)
    .option(
      '--column <filter>',
      "a column for frames that match, in Wireshark's syntax; several are allowed",
      collected,
    )
    .addOption(
      new Option('--plot <what>', 'what is drawn').choices(['frames', 'bytes', 'bits', 'none']).default('bytes'),
    )
    .option('--ascii', 'draw with # instead of blocks')
    .option('--width <columns>', 'width of the text; the terminal is asked unless given', Number);
  addFramesOptions(command);
  command.action(async (words: string[], options: IoOptions) => {
    const { runIo } = await import('../io.ts');
    await runIo(words, options);
  });
}
