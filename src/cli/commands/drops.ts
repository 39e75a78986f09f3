import { type Command, Option } from 'commander';
import { addBackendOptions } from '../backend.ts';
import type { DropsOptions } from '../drops.ts';
import { integer, seconds } from '../numbers.ts';

export function define(program: Command): void {
  const command = program
    .command('drops')
    .description(
      'Says where packets are lost, from the device to the socket, and what to enlarge: the counters of devices, queueing\n' +
        'disciplines, backlogs (softnet), IP, ICMP, UDP, TCP and each socket side by side. With --interval: what moved.',
    )
    .option('--interval <seconds>', 'print what moved, this often (also 500ms)', seconds)
    .option('-c, --count <number>', 'so many intervals (of a second, unless --interval says otherwise)', integer(1))
    .option('--all', 'sockets that dropped nothing as well')
    .addOption(
      new Option('--format <format>', 'text, or one JSON object a line').choices(['text', 'json']).default('text'),
    );
  addBackendOptions(command)
    .addHelpText(
      'after',
      '\nExamples:\n' +
        '  netlab drops                       # since the counters began\n' +
        '  netlab drops --interval 1          # what is lost now, until Ctrl-C\n' +
        '  netlab drops -c 10 --format json\n\n' +
        'A capture of netlab counts its own ring (PACKET_STATISTICS), which no other program can read.',
    )
    .action(async (options: DropsOptions) => {
      const { runDrops } = await import('../drops.ts');
      await runDrops(options);
    });
}
