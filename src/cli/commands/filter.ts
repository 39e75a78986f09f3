import type { Command } from 'commander';
import type { FilterOptions } from '../filter-command.ts';
import { linkType } from '../link-type.ts';
import { counted, integer } from '../numbers.ts';
import { DEFAULT_SNAPLEN, filterModeOption } from '../options.ts';

export function define(program: Command): void {
  program
    .command('filter')
    .description(
      'Compiles a filter expression as in pcap-filter(7) to a BPF program: prints it, explains it, draws it, or shows what\n' +
        'it does with the packets of a savefile. Without an option it prints the program as tcpdump -d does.',
    )
    .usage('[options] [expression…]')
    .argument('[words...]', 'the expression; none accepts everything')
    .option('-d, --dump', 'print the program as tcpdump -d; -dd as C, -ddd as numbers', counted(3))
    .option('-y, --link <type>', 'link type of the packets, by name or number (default: Ethernet)', linkType)
    .option('-O, --no-optimize', 'do not optimize the program')
    .option('-s, --snaplen <bytes>', 'bytes of a packet to keep where the program accepts it', integer(0, 0xffffffff))
    .option('-F, --filter-file <file>', 'read the expression from a file')
    .addOption(filterModeOption())
    .option('--explain', 'say in words, instruction by instruction, what is tested and why')
    .option('--graph', 'draw the control flow')
    .option('--run <file>', 'show the path that a packet of a savefile takes, and why it matches or not')
    .option('--packet <number>', 'with --run: this packet, counted from 1', integer(1))
    .option('--width <columns>', 'columns of explanations and drawings', integer(60, 1000))
    .action(async (words: string[], options: FilterOptions) => {
      const { runFilter } = await import('../filter-command.ts');
      await runFilter(words, { ...options, snaplen: options.snaplen || DEFAULT_SNAPLEN });
    });
}
