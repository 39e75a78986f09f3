import { type Command, Option } from 'commander';
import { addBackendOptions } from '../backend.ts';
import { counted, integer, seconds } from '../numbers.ts';
import { pause } from '../pause.ts';
import type { SendUdpOptions } from '../send-options.ts';

export function define(program: Command): void {
  const command = program
    .command('send-udp')
    .description(
      'Sends UDP datagrams and prints the frames that it sent, decoded.\n' +
        'The data is DATA as it stands, - for standard input, or what --hex or --file give; without any it is empty.',
    )
    .argument('<host>', 'address or name; fe80::1%eth0 says on which link')
    .argument('<port>', 'port, 0 to 65535')
    .argument('[data]', 'the data, or - for standard input')
    .option('-4, --ipv4', 'IPv4 only')
    .option('-6, --ipv6', 'IPv6 only')
    .option('-i, --interface <name>', 'send on this interface; default: the routing table says')
    .addOption(
      new Option(
        '--via <way>',
        'packet: an Ethernet frame of our own; raw: an IP packet of our own; dgram: the data through the kernel; ' +
          'auto: packet, or dgram to an address of this machine',
      )
        .choices(['auto', 'packet', 'raw', 'dgram'])
        .default('auto'),
    )
    .option('--hex <digits>', 'the data in hexadecimal; blanks and colons may stand between the bytes')
    .option('-f, --file <file>', 'the data from a file')
    .option('--from <address:port>', 'source: ADDRESS, ADDRESS:PORT, [IPv6]:PORT or :PORT')
    .option('--ttl <number>', 'TTL or hop limit', integer(0, 255))
    .option('--tos <number>', 'type of service or traffic class', integer(0, 255))
    .option('--bad-checksum', 'a wrong UDP checksum')
    .option('-c, --count <number>', 'how many datagrams', integer(1), 1)
    .option('--interval <seconds>', 'pause between two; 0: none (also 20ms)', pause, 1)
    .option('--replies <seconds>', 'show what comes back as well, until this long after the last datagram', seconds)
    .option('-q, --quiet', 'print no frames')
    .option('-w, --write <file>', 'write the frames to a file as well')
    .option('--no-link-level', 'do not print the link-level header')
    .option('-x, --dump-hex', 'print the frame in hex as well; -xx with the link-level header', counted(2))
    .option('-X, --dump-ascii', 'print it in hex and ASCII; -XX with the link-level header', counted(2))
    .option('-A, --ascii', 'print it in ASCII; -AA with the link-level header', counted(2))
    .option('--nano', 'print times to the nanosecond')
    .addOption(new Option('--color <when>', 'colour the text').choices(['auto', 'always', 'never']).default('auto'))
    .addOption(
      new Option('--format <format>', 'text, or one JSON object a frame').choices(['text', 'json']).default('text'),
    );
  addBackendOptions(command)
    .addHelpText(
      'after',
      '\nExamples:\n' +
        '  netlab send-udp 192.0.2.7 9999 hello\n' +
        '  netlab send-udp fe80::1%eth0 9999 --hex "00 01 02" --ttl 3\n' +
        '  netlab send-udp 192.0.2.7 53 --file query.bin --from 192.0.2.99:5353 --via packet\n' +
        '  date | netlab send-udp example.org 514 - --count 3 --interval 500ms\n' +
        '  netlab send-udp alice 7 hello --replies 1 --backend emulated',
    )
    .action(async (host: string, port: string, data: string | undefined, options: SendUdpOptions) => {
      const { runSendUdp } = await import('../send-udp.ts');
      await runSendUdp(host, port, data, options);
    });
}
