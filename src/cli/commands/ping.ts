import { type Command, Option } from 'commander';
import { addBackendOptions } from '../backend.ts';
import { integer, seconds } from '../numbers.ts';
import type { PingOptions } from '../packet-options.ts';
import { pause } from '../pause.ts';

export function define(program: Command): void {
  const command = program
    .command('ping')
    .description(
      'Sends echo requests to a host, as frames of our own, and prints the replies and their round-trip times by the\n' +
        "kernel's stamps. Options as iputils' ping. Exit 1 when nothing answered.",
    )
    .argument('<host>', 'address or name; fe80::1%eth0 says on which link')
    .option('-4, --ipv4', 'IPv4 only')
    .option('-6, --ipv6', 'IPv6 only')
    .option('-c, --count <number>', 'stop after so many requests', integer(1))
    .option('-i, --interval <seconds>', 'pause between two; 0: as soon as the reply is there', pause, 1)
    .option('-I, --interface <name>', 'send on this interface; default: the routing table says')
    .option('--from <address>', 'source address')
    .option('-s, --size <bytes>', 'bytes of data', integer(0, 65_507), 56)
    .option('-t, --ttl <number>', 'TTL or hop limit', integer(0, 255))
    .option('-Q, --tos <number>', 'type of service or traffic class', integer(0, 255))
    .option('-W, --timeout <seconds>', 'wait so long for replies after the last request', seconds, 2)
    .option('-w, --deadline <seconds>', 'stop after this time', seconds)
    .option('-n, --numeric', 'no names; that is so in any case')
    .option('-q, --quiet', 'print the statistics only')
    .addOption(
      new Option('--format <format>', 'text, or one JSON object a line').choices(['text', 'json']).default('text'),
    );
  addBackendOptions(command)
    .addHelpText(
      'after',
      '\nExamples:\n' +
        '  netlab ping 192.0.2.7 -c 3\n' +
        '  netlab ping fe80::1%eth0 -i 200ms\n' +
        '  netlab ping server -c 3 --backend emulated',
    )
    .action(async (host: string, options: PingOptions) => {
      const { runPing } = await import('../ping.ts');
      await runPing(host, options);
    });
}
