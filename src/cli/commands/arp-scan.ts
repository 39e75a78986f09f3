import { type Command, Option } from 'commander';
import { addBackendOptions } from '../backend.ts';
import { integer, seconds } from '../numbers.ts';
import type { ArpScanOptions } from '../packet-options.ts';
import { pause } from '../pause.ts';

export function define(program: Command): void {
  const command = program
    .command('arp-scan')
    .description(
      'Asks a link who has the addresses, by ARP, for IPv6 by neighbour discovery, and prints who answers: address and MAC\n' +
        'address. Exit 1 when nobody does.',
    )
    .argument('<targets...>', 'ADDRESS, NETWORK/PREFIX, FIRST-LAST')
    .option('-I, --interface <name>', 'ask on this interface; default: the routing table says')
    .option('--from <address>', 'source address of the questions')
    .option('--retry <number>', 'ask so often whom does not answer', integer(1, 100), 2)
    .option('--timeout <seconds>', 'wait so long after each round', seconds, 0.5)
    .option('--interval <seconds>', 'pause between two questions', pause, 0.002)
    .option('-q, --quiet', 'print the answers only')
    .addOption(
      new Option('--format <format>', 'text, or one JSON object an answer').choices(['text', 'json']).default('text'),
    );
  addBackendOptions(command)
    .addHelpText(
      'after',
      '\nExamples:\n' +
        '  netlab arp-scan 192.0.2.0/24 -I eth0\n' +
        '  netlab arp-scan 192.0.2.1-99 192.0.2.200\n' +
        '  netlab arp-scan 192.0.2.0/26 --backend emulated',
    )
    .action(async (targets: string[], options: ArpScanOptions) => {
      const { runArpScan } = await import('../arp-scan.ts');
      await runArpScan(targets, options);
    });
}
