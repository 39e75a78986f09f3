import { type Command, Option } from 'commander';
import { collected, integer, seconds } from '../numbers.ts';
import { filterModeOption } from '../options.ts';
import type { RewriteCommandOptions } from '../rewrite.ts';
import { addRewriteOptions } from '../rewrite-options.ts';

export function define(program: Command): void {
  const command = program
    .command('rewrite')
    .description(
      'Writes the frames of savefiles to another, changed as the options say. Several files are merged by time.\n' +
        'Checksums follow a change: what was right stays right, what was wrong stays as wrong.',
    )
    .usage('[options] <file…> <out>')
    .argument('<files...>', 'files to read (- is standard input), then the file to write (- is standard output)')
    .option('-f, --filter <expression>', 'only frames that match, as in pcap-filter(7), before they are changed')
    .option('-Y, --display-filter <filter>', "only frames that match, in Wireshark's syntax, before they are changed")
    .option('--from <time>', 'only frames from this time on: 2026-01-31T12:00:00Z, seconds since 1970, or +SECONDS')
    .option('--to <time>', 'only frames before this time')
    .option('--frames <numbers>', 'only frames of these numbers: 1-100,205,300-; again for more', collected)
    .option('--dedup', 'leave out copies of one of the five frames before')
    .option('--dedup-frames <number>', 'leave out copies of one of this many frames before', integer(1, 1_000_000))
    .option('--dedup-time <seconds>', 'leave out copies of a frame at most this long before', seconds)
    .option('--append', 'one file after the other, not merged by time')
    .option('--split <by>', 'into files OUT-00001 and so on: frames:N, bytes:N, seconds:N, or flow');
  addRewriteOptions(command);
  command
    .option('-O, --no-optimize', 'do not optimize the filter program')
    .addOption(filterModeOption())
    .addOption(new Option('-q, --quiet', 'say nothing at the end'))
    .addHelpText(
      'after',
      `
Examples:
  netlab rewrite a.pcap b.pcapng both.pcapng                 merge by time
  netlab rewrite --map-ip 10.0.0.0/8=192.168.0.0/16 in.pcap out.pcap
  netlab rewrite --anonymize --key secret in.pcapng public.pcapng
  netlab rewrite -Y 'tcp.stream == 3' --split flow in.pcap flows.pcap`,
    );
  command.action(async (files: string[], options: RewriteCommandOptions) => {
    const { runRewrite } = await import('../rewrite.ts');
    await runRewrite(files, options);
  });
}
