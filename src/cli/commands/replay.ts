import { type Command, InvalidArgumentError, Option } from 'commander';
import { addBackendOptions } from '../backend.ts';
import { integer, seconds } from '../numbers.ts';
import type { ReplayCommandOptions } from '../replay.ts';
import { addRewriteOptions } from '../rewrite-options.ts';

const positive = (text: string): number => {
  const value = /^(\d+\.?\d*|\.\d+)$/.test(text) ? Number(text) : Number.NaN;
  if (!(value > 0 && Number.isFinite(value))) throw new InvalidArgumentError('It must be a number greater than 0.');
  return value;
};

export function define(program: Command): void {
  const command = program
    .command('replay')
    .description(
      'Plays the frames of savefiles onto an interface: at the times of the file, or at another speed. Link headers\n' +
        'other than the interface has are converted, lengths and addresses changed as the options say.\n' +
        'With --as, plays one side of a recorded conversation against a live peer, and checks what it answers.',
    )
    .usage('[options] <file…>')
    .argument('<files...>', 'savefiles, one after the other (- is standard input)')
    .option('-i, --interface <name>', 'send on this interface')
    .option('--multiplier <number>', 'so many times as fast as recorded', positive)
    .option('--pps <number>', 'frames a second', positive)
    .option('--mbps <number>', 'million bits a second', positive)
    .option('--topspeed', 'as fast as it goes')
    .option('--loop <number>', 'play everything so often; 0: until stopped', integer(0), 1)
    .option('--limit <number>', 'end after so many frames', integer(1))
    .option('--duration <seconds>', 'end after this time', seconds)
    .option('--unique-ip', 'other addresses in each loop')
    .option('--merge', 'several files in one order by time')
    .option('--preload', 'read everything into memory first (default for files up to 64 MiB)')
    .option('--no-preload', 'read while sending')
    .option('--dual, --intf2 <name>', "the servers' side goes out on this interface")
    .option(
      '--split-by <rule>',
      'who is a server: first-sender (who is spoken to first), subnet:CIDR (who is not in it), cache',
    )
    .option('--cache <file>', 'with --split-by cache: a file of --write-cache or tcpprep')
    .option('--write-cache <file>', 'save which frame belongs to which side')
    .addOption(
      new Option(
        '--via <way>',
        'through a packet socket, a ring that the kernel shares, AF_XDP, or (--as) a socket',
      ).choices(['sendmmsg', 'tx_ring', 'af_xdp', 'socket']),
    )
    .addOption(new Option('--as <side>', 'play this side of a conversation').choices(['client', 'server']))
    .option('--stream <number>', 'with --as: which conversation, tcp:N or udp:N (default: the first)')
    .option('--peer <address>', "with --as: the peer's address and port (default: the file's)")
    .option('--listen <address>', 'with --as server: listen here (default: as in the file)')
    .option('--timeout <seconds>', 'with --as: wait so long for what the peer should send', seconds, 5)
    .option(
      '--ignore <offsets>',
      "with --as: bytes of the peer's data that may differ: 0-3,17",
      (value, before?: string[]) => [...(before ?? []), value],
    )
    .option('-q, --quiet', 'no progress line')
    .addOption(
      new Option('--format <format>', 'how the statistics are written').choices(['text', 'json']).default('text'),
    );
  addRewriteOptions(command);
  addBackendOptions(command).addHelpText(
    'after',
    `
Examples:
  netlab replay tour.pcapng -i eth0                                 as recorded
  netlab replay tour.pcapng -i eth0 --topspeed --loop 1000
  netlab replay a.pcap -i eth0 --mbps 100 --map-ip 10.0.0.0/8=192.168.0.0/16
  netlab replay a.pcap -i eth0 --dual eth1 --split-by subnet:10.0.0.0/8
  netlab replay a.pcap --as client --stream tcp:0 --peer 192.0.2.2:8080`,
  );
  command.action(async (files: string[], options: ReplayCommandOptions) => {
    if (options.as !== undefined) {
      const { runConversation } = await import('../replay-as.ts');
      await runConversation(files, options);
    } else {
      const { runReplay } = await import('../replay.ts');
      await runReplay(files, options);
    }
  });
}
