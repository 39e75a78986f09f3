import { type Command, Option } from 'commander';
import { addBackendOptions } from '../backend.ts';
import { integer, seconds } from '../numbers.ts';
import type { SendPacketOptions } from '../packet-options.ts';
import { pause } from '../pause.ts';

export function define(program: Command): void {
  const command = program
    .command('send')
    .description(
      'Sends packets that it crafts from their text: layers with / between, fields in parentheses.\n' +
        'What is not given is filled in: lengths, checksums, numbers of protocols, addresses from the route and the\n' +
        'neighbours, ports. What is given is written as it is, also where it is wrong.',
    )
    .argument('<packet>', "layer(field=value,…)/layer(…)/\"data\"; 'list' prints the layers, 'list LAYER' its fields")
    .argument('[layer]', 'with list: the layer')
    .option('-i, --interface <name>', 'send on this interface; default: the routing table says')
    .option('-a, --answer', 'match what comes back, with round-trip times; exit 1 when nothing answers')
    .option('--timeout <seconds>', 'with --answer: wait so long after the last packet', seconds, 1)
    .option('-c, --count <number>', 'send the packets so many times', integer(1))
    .option('--interval <seconds>', 'pause between two packets (also 20ms)', pause, 0)
    .option('--flood', 'as fast as it goes; with --count or --duration')
    .option('--duration <seconds>', 'stop after this time', seconds)
    .option('--fuzz', 'change fields that are not given to values that programs are known to mistake')
    .option('--rand-seed <number>', 'of --fuzz and rand: the same number, the same packets', integer(0, 0xffffffff))
    .option('-w, --write <file>', 'write the packets to a file instead of sending them')
    .option('--show', 'print the packets as a tree of fields with their bytes instead of sending them')
    .option('-q, --quiet', 'print no packets')
    .addOption(new Option('--color <when>', 'colour the text').choices(['auto', 'always', 'never']).default('auto'))
    .addOption(
      new Option('--format <format>', 'text, or one JSON object a packet').choices(['text', 'json']).default('text'),
    );
  addBackendOptions(command)
    .addHelpText(
      'after',
      '\nValues: dport=[1-5,80] makes a packet for each, dst=10.0.0.0/30 one for each address, ttl=rand a random one;\n' +
        'options=(mss=1460,nop,wscale=7) is a list. Names of layers and fields are those of scapy and Wireshark.\n' +
        '\nExamples:\n' +
        '  netlab send \'eth/ip(dst=192.0.2.2,ttl=3)/udp(dport=53)/dns(qname="example.org")\' --show\n' +
        "  netlab send 'ip(dst=192.0.2.20)/icmp' --answer --backend emulated\n" +
        "  netlab send 'ip(dst=192.0.2.7)/tcp(dport=[22,80,443])' --answer --timeout 2\n" +
        "  netlab send 'arp(pdst=192.0.2.0/28)' -i eth0 --answer\n" +
        "  netlab send 'ip(dst=192.0.2.7)/udp(dport=9,sport=rand)' --fuzz --rand-seed 7 -c 100 -w fuzz.pcapng\n" +
        '  netlab send list tcp',
    )
    .action(async (packet: string, layer: string | undefined, options: SendPacketOptions) => {
      const { runSend } = await import('../send.ts');
      await runSend(packet, layer, options);
    });
}
