import { type Command, Option } from 'commander';
import type { CheckOptions } from '../check.ts';
import { collected } from '../numbers.ts';

export function define(program: Command): void {
  program
    .command('check')
    .description(
      'Checks captures against what is expected of them: counts, orders and times of frames that display filters\n' +
        'select. Exits with 1 where an expectation is not met.',
    )
    .usage('[options] <file…>')
    .argument('<files...>', 'captures (- is standard input)')
    .option('-e, --expect <expectation>', 'a file of expectations, or one expectation; again for more', collected)
    .option('--golden <file>', 'a capture, or text lines as netlab read -n -t prints them, that it must be as')
    .option('--update', 'write the golden file anew from the capture')
    .option(
      '--ignore <names>',
      'with --golden: what may differ, fields or times, ids, ports, macs, addresses, ttl, checksums (default: times)',
      collected,
    )
    .addOption(
      new Option('--format <format>', 'how results are written')
        .choices(['text', 'tap', 'junit', 'json'])
        .default('text'),
    )
    .addOption(new Option('--color <when>', 'colour the text').choices(['auto', 'always', 'never']).default('auto'))
    .addHelpText(
      'after',
      `
A file of expectations has one a line; # begins a comment, a line that begins with a blank goes on with the one before:
  exactly 3 tcp.flags.syn == 1             no tcp.analysis.retransmission
  at least 2 dns.response                  between 1 and 5 arp
  at most 9000 bytes of http               every ip has ip.ttl > 10
  tcp.syn then tls.handshake then http     arp.reply before icmp
  dns.response within 50ms of its query    dns.query answered within 50ms
  http.request followed by tcp.flags.ack == 1 within 40ms with the same tcp.stream
  tcp.reset within 1s after tcp.fin        gap at most 200ms in rtp
  duration at most 5s

Examples:
  netlab check trace.pcapng --expect login.expect
  netlab check trace.pcapng -e 'no tcp.analysis.retransmission' -e 'dns.query answered within 50ms'
  netlab check trace.pcapng --golden good.pcapng --ignore ids --ignore ports`,
    )
    .action(async (files: string[], options: CheckOptions) => {
      const { runCheck } = await import('../check.ts');
      await runCheck(files, options);
    });
}
