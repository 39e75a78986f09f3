import { type Command, InvalidArgumentError, Option } from 'commander';
import { nearest } from '../bytes/nearest.ts';
import { UsageError } from './exit.ts';
import { FORMATS, type Format } from './format.ts';
import { collected, counted, integer } from './numbers.ts';

/** How frames are printed: the options that `capture` and `read` share, spelt as tcpdump spells them. */
export interface PrintOptions {
  numeric?: true;
  /** Names of hosts from DNS as well. */
  resolve?: true;
  resolver?: string;
  linkLevel?: true;
  verbose?: number;
  quiet?: true;
  absoluteTcpSequenceNumbers?: true;
  time?: number;
  hex?: number;
  hexAscii?: number;
  ascii?: number;
  number?: true;
  dontVerifyChecksums?: true;
  lineBuffered?: true;
  packetBuffered?: true;
  nano?: true;
  micro?: true;
  timeStampPrecision?: 'micro' | 'nano';
  color: 'auto' | 'always' | 'never';
  format?: Format;
  /** tshark's -T, or tcpdump's. */
  T?: string;
  /** As tshark's -d: `tcp.port==8888,http`. */
  decodeAs?: string[];
  tree?: true;
  raw?: true;
  /** Columns of `fields` and `parquet`. */
  field?: string[];
  /** As tshark's -E: `header=y,separator=;`. */
  fieldOptions?: string[];
  displayFilter?: string;
}

/** Where frames are written, and into how many files. */
export interface WriteOptions {
  write?: string;
  print?: true;
  /** As `parseRotateSize` of savefile/ reads it. */
  rotateSize?: string;
  rotateSeconds?: number;
  rotateFiles?: number;
}

export interface SelectOptions {
  count?: number;
  snaplen?: number;
  filterFile?: string;
  filterMode: FilterMode;
  optimize: boolean;
}

export type FilterMode = 'libpcap' | 'strict';

/** What the words of a filter mean. */
export const filterModeOption = (): Option =>
  new Option('--filter-mode <mode>', 'what the words mean: as to libpcap, traps included, or what they say')
    .choices(['libpcap', 'strict'])
    .default('libpcap');

/** tcpdump's default, MAXIMUM_SNAPLEN of libpcap; -s 0 means the same. */
export const DEFAULT_SNAPLEN = 262_144;

export function addSelectOptions(command: Command): void {
  command
    .option('-c, --count <number>', 'stop after this many frames', integer(1))
    .option(
      '-s, --snaplen <bytes>',
      `bytes of each frame to keep; 0 means ${DEFAULT_SNAPLEN}`,
      integer(0, DEFAULT_SNAPLEN),
    )
    .addOption(new Option('--snapshot-length <bytes>').argParser(integer(0, DEFAULT_SNAPLEN)).hideHelp())
    .option('-F, --filter-file <file>', 'read the filter expression from a file')
    .option('-O, --no-optimize', 'do not optimize the filter program')
    .addOption(filterModeOption());
}

/** Only the form: what it means is for who rotates. */
function rotateSize(text: string): string {
  if (!/^0*[1-9]\d{0,8}[kmg]?$/i.test(text))
    throw new InvalidArgumentError('It must be a whole number, at least 1, of millions of bytes (or 500k, 10m, 2g).');
  return text;
}

/** `otherwise`: what a file is whose suffix does not tell its format. */
export function addWriteOptions(command: Command, otherwise = 'pcapng'): void {
  command
    .option('-w, --write <file>', `write frames to a file, - for standard output; format by suffix, else ${otherwise}`)
    .option('--print', 'print frames as well as write them')
    .option(
      '-C, --rotate-size <size>',
      'begin a new file when one is this large: millions of bytes, or with a k, m or g kibi-, mebi- or gibibytes',
      rotateSize,
    )
    .option('-G, --rotate-seconds <seconds>', 'begin a new file this often, by the wall clock', integer(1, 2_000_000))
    .option(
      '-W, --rotate-files <number>',
      'with -C keep this many files in a ring; with -G stop after this many',
      integer(1, 1_000_000),
    );
}

export function addPrintOptions(command: Command): void {
  command
    .option(
      '-n, --numeric',
      'numbers only; else names of ports and hosts as /etc/services and /etc/hosts have them, and makers of MAC addresses as ' +
        'tcpdump knows them; DNS is not asked but with --resolve',
    )
    .option(
      '--resolve',
      'ask DNS for names of hosts, in the background: a capture shows numbers until a name is there, a file waits 5 s at most',
    )
    .option('--resolver <address>', 'the same, of this server (192.0.2.53, 192.0.2.53:5353)')
    .option('-e, --link-level', 'print the link-level header')
    .option('-v, --verbose', 'print more, check checksums; more with -vv, -vvv', counted(3))
    .option('-q, --quiet', 'print less')
    .option('-S, --absolute-tcp-sequence-numbers', 'print absolute TCP sequence numbers')
    .option(
      '-t, --time',
      '-t no time, -tt since 1970, -ttt since the last, -tttt with date, -ttttt since the first',
      counted(5),
    )
    .option('-x, --hex', 'print the data in hex; -xx with the link-level header', counted(2))
    .option('-X, --hex-ascii', 'print the data in hex and ASCII; -XX with the link-level header', counted(2))
    .option('-A, --ascii', 'print the data in ASCII; -AA with the link-level header', counted(2))
    .option('-#, --number', 'print the number of each frame')
    .option('-K, --dont-verify-checksums', 'do not verify checksums')
    .option('-l, --line-buffered', 'write each line as it is complete')
    .option('-U, --packet-buffered', 'write each frame as it comes, to the file as well')
    .option('--nano', 'print times to the nanosecond')
    .option('--micro', 'print times to the microsecond')
    .addOption(new Option('--time-stamp-precision <digits>').choices(['micro', 'nano']).hideHelp())
    .addOption(new Option('--color <when>', 'colour the text').choices(['auto', 'always', 'never']).default('auto'))
    .option('-Y, --display-filter <filter>', "only frames that match, in Wireshark's syntax; -c counts before it")
    .addOption(
      new Option(
        '--format <format>',
        'text as tcpdump prints it; json: one object a line; fields: columns as tshark -T fields prints them; ' +
          'ek: for Elasticsearch; tree: layers, fields and bytes; parquet: a table in -w FILE, or in -w DIRECTORY/ ' +
          'by date and hour (default: text)',
      ).choices(FORMATS),
    )
    .option(
      '-d, --decode-as <what>',
      'take a number for a protocol, whatever the bytes look like: tcp.port==8888,http or udp.port==5004-5010,rtp ' +
        '(also ethertype, ip.proto, gre.proto, ppp.protocol, chdlc.protocol, mpls.label, llc.dsap)',
      collected,
    )
    .option('-T <type>', `take every UDP datagram for ${TYPES.join(', ')}; or a format, as tshark's -T`, choice)
    .option('--tree', 'the same as --format tree')
    .option(
      '--field <name>',
      'with --format fields, json or parquet: a field that is shown; -e NAME means the same there',
      collected,
    )
    .option(
      '-E, --field-options <settings>',
      'with --format fields: header=y|n, separator=/t|/s|CHARACTER, aggregator=, occurrence=f|l|a, quote=d|s|n, bom=y|n',
      collected,
    )
    .option('--raw', 'with --format json: the bytes of frames and payloads as well');
}

/** Names that -T takes beside formats: see `PACKET_TYPES` of dissect/decode-as.ts, which is loaded only where it is used. */
export const TYPES = ['domain', 'rtcp', 'rtp', 'snmp', 'tftp', 'vxlan'];

function choice(text: string): string {
  const all = [...FORMATS, ...TYPES];
  if (all.includes(text)) return text;
  const near = nearest(text, all);
  throw new InvalidArgumentError(
    `${near === null ? '' : `Did you mean ${near}? `}It must be a type of packet (${TYPES.join(', ')}) or a format (${FORMATS.join(', ')}).`,
  );
}

/** Times to the nanosecond: the last word of --nano, --micro and --time-stamp-precision would depend on their order,
 * so that asking for both is refused. */
export function wantsNano(options: PrintOptions): boolean {
  const nano = options.nano === true || options.timeStampPrecision === 'nano';
  const micro = options.micro === true || options.timeStampPrecision === 'micro';
  if (nano && micro) throw new UsageError('--nano and --micro exclude each other');
  return nano;
}

/** -C, -G and -W say how files are cut; without -w there is none. */
export function checkWriteOptions(options: PrintOptions & WriteOptions): void {
  const rotating = options.rotateSize !== undefined || options.rotateSeconds !== undefined;
  if (options.write === undefined && (rotating || options.rotateFiles !== undefined))
    throw new UsageError('-C, -G and -W cut what -w writes: say -w FILE as well');
  if (options.rotateFiles !== undefined && !rotating)
    throw new UsageError('-W counts the files of -C or -G: say one of them as well');
  if (options.write === '-' && rotating)
    throw new UsageError('-C and -G need a file: standard output cannot be rotated');
  if (options.write?.endsWith('.parquet') && options.format !== 'parquet' && options.T !== 'parquet')
    throw new UsageError(`-w ${options.write}: a Parquet file is written with --format parquet`);
  if (options.write === '') throw new UsageError('-w needs the name of a file');
}
