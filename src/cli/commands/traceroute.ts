import { type Command, Option } from 'commander';
import { addBackendOptions } from '../backend.ts';
import { integer, seconds } from '../numbers.ts';
import type { TracerouteOptions } from '../packet-options.ts';

export function define(program: Command): void {
  const command = program
    .command('traceroute')
    .description(
      'Shows the routers on the way to a host: probes whose time to live runs out at the first, the second, … and who says\n' +
        'so. Exit 1 when the host is not reached.',
    )
    .argument('<host>', 'address or name')
    .option('-4, --ipv4', 'IPv4 only')
    .option('-6, --ipv6', 'IPv6 only')
    .addOption(new Option('-M, --method <kind>', 'what the probes are').choices(['udp', 'tcp', 'icmp']).default('udp'))
    .option('-I, --icmp', 'echo requests, as -M icmp')
    .option('-T, --tcp', 'SYN segments, as -M tcp')
    .option('--paris', 'the same flow for all probes, so that routers that share load send them one way')
    .option('-f, --first-ttl <number>', 'begin with this time to live', integer(1, 255), 1)
    .option('-m, --max-ttl <number>', 'give up behind this one', integer(1, 255), 30)
    .option('-q, --queries <number>', 'probes for each hop', integer(1, 10), 3)
    .option('-w, --timeout <seconds>', 'wait so long for each hop', seconds, 1)
    .option('-p, --port <number>', 'destination port; of UDP the first one', integer(0, 65_535))
    .option('-i, --interface <name>', 'send on this interface; default: the routing table says')
    .option('--from <address>', 'source address')
    .option('--size <bytes>', 'bytes of a probe, IP header included', integer(30, 65_535), 60)
    .option('-n, --numeric', 'no names; that is so in any case')
    .addOption(
      new Option('--format <format>', 'text, or one JSON object a hop').choices(['text', 'json']).default('text'),
    );
  addBackendOptions(command)
    .addHelpText(
      'after',
      '\nExamples:\n' +
        '  netlab traceroute 203.0.113.7\n' +
        '  netlab traceroute example.org -T -p 443 --paris\n' +
        '  netlab traceroute server -I --backend emulated',
    )
    .action(async (host: string, options: TracerouteOptions & { icmp?: true; tcp?: true }) => {
      if (options.icmp) options.method = 'icmp';
      if (options.tcp) options.method = 'tcp';
      const { runTraceroute } = await import('../traceroute.ts');
      await runTraceroute(host, options);
    });
}
