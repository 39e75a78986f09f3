import { type Command, InvalidArgumentError, Option } from 'commander';
import { addBackendOptions } from '../backend.ts';
import { type CaptureOptions, FANOUT_MODES, type Fanout } from '../capture-options.ts';
import { fieldWords } from '../format.ts';
import { collected, integer, seconds } from '../numbers.ts';
import { addPrintOptions, addSelectOptions, addWriteOptions } from '../options.ts';

const isMode = (word: string | undefined): word is Fanout['mode'] =>
  (FANOUT_MODES as readonly string[]).includes(word ?? '');

/** `4`, `4,hash` or `4:hash`. */
function fanout(text: string): Fanout {
  const [threads, mode = 'hash', ...more] = text.split(/[,:]/);
  if (!isMode(mode) || more.length > 0)
    throw new InvalidArgumentError(`The mode must be one of ${FANOUT_MODES.join(', ')}.`);
  return { threads: integer(1, 64)(threads!), mode };
}

/** commander's options take one value: `--fanout 4 hash` becomes `--fanout 4,hash`. */
export function prepare(given: string[]): string[] {
  const args = fieldWords(given);
  const at = args.indexOf('--fanout');
  if (at < 0 || !/^\d+$/.test(args[at + 1] ?? '') || !isMode(args[at + 2])) return args;
  return [...args.slice(0, at + 1), `${args[at + 1]},${args[at + 2]}`, ...args.slice(at + 3)];
}

export function define(program: Command): void {
  const command = program
    .command('capture')
    .description(
      'Captures frames of an interface and prints them, or saves them with -w.\n' +
        'Without an interface: the first one that is up. Ctrl-C ends it, SIGUSR2 prints statistics.',
    )
    .usage('[options] [interface] [filter…]')
    .argument('[words...]', 'the interface, then the filter expression as in pcap-filter(7)')
    .option('-i, --interface <name>', 'interface, or any; several with commas or several -i', collected)
    .option('-D, --list-interfaces', 'list the interfaces')
    .option('-r, --read-file <file>', 'read a savefile: the same as netlab read', collected)
    .option('--duration <seconds>', 'stop after this long', seconds)
    .option('-p, --no-promiscuous-mode', 'do not put the interface into promiscuous mode')
    .addOption(
      new Option('-Q, --direction <direction>', 'frames in which direction')
        .choices(['in', 'out', 'inout'])
        .default('inout'),
    )
    .option('-B, --buffer-size <KiB>', 'size of the ring', integer(1, 4_194_303, 'KiB'))
    .option('--immediate', 'hand over each frame at once')
    .addOption(new Option('--immediate-mode').hideHelp())
    .option('--block-timeout <ms>', 'hand over a block after this long', integer(1, 60_000, 'milliseconds'))
    .option('-j, --timestamp-type <type>', 'whose clock: host or adapter_unsynced')
    .addOption(new Option('--time-stamp-type <type>').hideHelp())
    .option('--fanout <threads> [mode]', `share the frames among threads, by ${FANOUT_MODES.join(', ')}`, fanout)
    .option('-Z, --user <name>', 'become this user after opening the interface')
    .option('--top', 'show the busiest conversations, every second, instead of frames')
    .option('--stats <seconds>', 'print statistics this often', seconds);
  addBackendOptions(command, ['af_packet', 'libpcap', 'emulated']);
  addSelectOptions(command);
  addWriteOptions(command);
  addPrintOptions(command);
  command.action(
    async (words: string[], options: CaptureOptions & { timeStampType?: string; snapshotLength?: number }) => {
      if (options.timeStampType !== undefined) options.timestampType ??= options.timeStampType;
      if (options.snapshotLength !== undefined) options.snaplen ??= options.snapshotLength;
      if (options.listInterfaces) {
        const { listInterfaces } = await import('./interfaces.ts');
        return listInterfaces(undefined, options);
      }
      if (options.readFile !== undefined) {
        const { runRead } = await import('../read.ts');
        return runRead(options.readFile, words, options);
      }
      const { runCapture } = await import('../capture.ts');
      await runCapture(words, options);
    },
  );
}
