import { type Command, InvalidArgumentError } from 'commander';
import type { FollowOptions } from '../follow.ts';
import { addFramesOptions } from '../frames-options.ts';
import { integer } from '../numbers.ts';

const PROTOCOLS = ['tcp', 'udp', 'http', 'tls'];

function protocol(text: string): string {
  if (!PROTOCOLS.includes(text)) throw new InvalidArgumentError(`It must be one of ${PROTOCOLS.join(', ')}.`);
  return text;
}

export function define(program: Command): void {
  const command = program
    .command('follow')
    .description(
      'Shows what the two sides of a stream sent, in order and without what TCP sent twice.\n' +
        'http shows requests and responses with their bodies decoded; tls the sequence of records and what of the\n' +
        'handshake is not encrypted (it decrypts nothing). STREAM is the number that tcp.stream or udp.stream has.',
    )
    .argument('<file>', 'a savefile, - for standard input')
    .argument('<protocol>', 'tcp, udp, http or tls', protocol)
    .argument('<stream>', 'number of the stream, from 0', integer(0, 0xffffffff))
    .argument('[filter...]', 'a filter expression as in pcap-filter(7); streams are counted behind it')
    .option('--raw', 'the bytes themselves, and nothing else')
    .option('--hex', 'a dump in hexadecimal and ASCII')
    .option('--client', 'only what the side sent that began')
    .option('--server', 'only what the other side sent')
    .option('--color <when>', 'colour the two sides: auto, always or never', 'auto');
  addFramesOptions(command, false);
  command.action(async (file: string, kind: string, stream: number, filter: string[], options: FollowOptions) => {
    const { runFollow } = await import('../follow.ts');
    await runFollow(file, kind, stream, filter, options);
  });
}
