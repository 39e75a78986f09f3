import { type Command, Option } from 'commander';
import { integer } from '../numbers.ts';
import type { TraceOptions } from '../trace.ts';

/** Options that take a value, which is not the command to run. */
const VALUED = new Set(['--seed', '--format', '--limit']);

/** What comes from the first word on belongs to the command that is run, options and all: a `--` is put before it. */
export function prepare(args: string[]): string[] {
  for (let at = 1; at < args.length; at++) {
    const word = args[at]!;
    if (word === '--') return args;
    if (!word.startsWith('-')) return [...args.slice(0, at), '--', ...args.slice(at)];
    if (VALUED.has(word)) at++;
  }
  return args;
}

export function define(program: Command): void {
  program
    .command('trace')
    .description(
      "Runs a command of netlab on the emulated network and prints the path of each packet through netlab's own kernel:\n" +
        'function by function with the names that Linux has, the queues it met, the time it took, and where and why it died.\n' +
        'What the command itself prints goes to standard error. Times are virtual, the same in every run.',
    )
    .usage('[options] -- <command…>')
    .argument('<command...>', 'the command with its options: send-udp alice 7 hello')
    .option('--seed <number>', 'of the emulated network', integer(0, 0xffffffff))
    .option('--limit <number>', 'trace so many packets', integer(1, 1_000_000), 1000)
    .option('--traffic', "with the network's own traffic (capture has it anyway)")
    .option('--real-time', 'the network follows the clock on the wall')
    .addOption(
      new Option('--format <format>', 'text, or one JSON object a packet').choices(['text', 'json']).default('text'),
    )
    .addHelpText(
      'after',
      '\nExamples:\n' +
        '  netlab trace -- send-udp alice 7 hello --via dgram\n' +
        '  netlab trace -- send-udp bob 9999 hello --replies 1      # nobody listens there: NO_SOCKET\n' +
        '  netlab trace --format json -- capture eth0 -c 5 icmp',
    )
    .action(async (words: string[], options: TraceOptions) => {
      const { runTrace } = await import('../trace.ts');
      const code = await runTrace(words, options);
      if (code !== undefined) process.exitCode = code;
    });
}
