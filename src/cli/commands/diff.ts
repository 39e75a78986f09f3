import { type Command, Option } from 'commander';
import type { DiffCommandOptions } from '../check.ts';
import { collected, seconds } from '../numbers.ts';

export function define(program: Command): void {
  program
    .command('diff')
    .description(
      'Compares two captures frame by frame and field by field. Frames that were put in, taken out or moved are told as\n' +
        'that, and do not make what follows differ. Exits with 1 where there is a difference.',
    )
    .usage('[options] <a> <b>')
    .argument('<a>', 'a capture')
    .argument('<b>', 'another')
    .option(
      '--ignore <names>',
      'what may differ, fields or times, ids, ports (those from 32768 on), macs, addresses, ttl, checksums ' +
        '(default: times, which are those within packets); again for more',
      collected,
    )
    .option('--exact', 'nothing may differ but the times of capture')
    .option(
      '--tolerance <seconds>',
      'times of capture, from the first frame on, may differ by so much (else they do not count)',
      seconds,
    )
    .addOption(
      new Option('--format <format>', 'how differences are written')
        .choices(['text', 'tap', 'junit', 'json'])
        .default('text'),
    )
    .addOption(new Option('--color <when>', 'colour the text').choices(['auto', 'always', 'never']).default('auto'))
    .addHelpText(
      'after',
      `
Examples:
  netlab diff before.pcapng after.pcapng --ignore ids,ports
  netlab diff before.pcapng after.pcapng --ignore ip.ttl --tolerance 5ms`,
    )
    .action(async (a: string, b: string, options: DiffCommandOptions) => {
      const { runDiff } = await import('../check.ts');
      await runDiff(a, b, options);
    });
}
