/** The installed tcpdump as the judge of our text: the same frames and options to both, compared packet by packet. */
import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TextOptions } from '../../src/dissect/options.ts';
import { TextPrinter } from '../../src/dissect/text-printer.ts';

export interface Frame {
  bytes: Uint8Array;
  /** Length on the wire, where it is not the captured one. */
  originalLength?: number;
  seconds?: number;
  nanoseconds?: number;
}

export const SNAPSHOT = 262144;

/** A savefile of microseconds (or nanoseconds) with these frames. */
export function savefile(frames: readonly Frame[], linkType: number, nano = false): Buffer {
  const parts: Buffer[] = [Buffer.alloc(24)];
  const header = parts[0]!;
  header.writeUInt32LE(nano ? 0xa1b23c4d : 0xa1b2c3d4, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(SNAPSHOT, 16);
  header.writeUInt32LE(linkType, 20);
  for (const [index, frame] of frames.entries()) {
    const record = Buffer.alloc(16);
    record.writeUInt32LE(frame.seconds ?? 1_700_000_000 + index, 0);
    const nanoseconds = frame.nanoseconds ?? 123_456_789;
    record.writeUInt32LE(nano ? nanoseconds : Math.floor(nanoseconds / 1000), 4);
    record.writeUInt32LE(frame.bytes.length, 8);
    record.writeUInt32LE(frame.originalLength ?? frame.bytes.length, 12);
    parts.push(record, Buffer.from(frame.bytes));
  }
  return Buffer.concat(parts);
}

/** The frames of a little-endian savefile, and its link type. */
export function readSavefile(file: Buffer): { frames: Frame[]; linkType: number } {
  const nano = file.readUInt32LE(0) === 0xa1b23c4d;
  const frames: Frame[] = [];
  for (let at = 24; at + 16 <= file.length; ) {
    const length = file.readUInt32LE(at + 8);
    if (at + 16 + length > file.length) break;
    frames.push({
      bytes: file.subarray(at + 16, at + 16 + length),
      originalLength: file.readUInt32LE(at + 12),
      seconds: file.readUInt32LE(at),
      nanoseconds: file.readUInt32LE(at + 4) * (nano ? 1 : 1000),
    });
    at += 16 + length;
  }
  return { frames, linkType: file.readUInt32LE(20) & 0xffff };
}

/** As root tcpdump becomes another user, which it cannot in an unprivileged user namespace; there it runs in one more. */
const [TCPDUMP, ...WORDS] =
  process.env['NETLAB_NETNS'] === 'user'
    ? (['unshare', '--user', '--map-user=1000', '--map-group=1000', 'tcpdump'] as const)
    : (['tcpdump'] as const);

const tcpdump = (...words: string[]): SpawnSyncReturns<Buffer> =>
  spawnSync(TCPDUMP, [...WORDS, ...words], { maxBuffer: 1 << 30 });

/** Any capture that tcpdump reads, as frames; null where it does not. */
export function readAny(path: string): { frames: Frame[]; linkType: number } | null {
  const done = tcpdump('--time-stamp-precision=nano', '-r', path, '-w', '-');
  return done.stdout.length < 24 ? null : readSavefile(done.stdout);
}

/** Our options for tcpdump's letters. */
export function optionsOf(flags: readonly string[]): TextOptions {
  const count = (letter: string): number =>
    flags.filter((flag) => !flag.startsWith('--')).reduce((sum, flag) => sum + flag.split(letter).length - 1, 0);
  return {
    number: true,
    link: count('e') > 0,
    verbose: count('v'),
    quiet: count('q') > 0,
    absoluteSequence: count('S') > 0,
    timestamp: Math.min(count('t'), 5) as 0 | 1 | 2 | 3 | 4 | 5,
    nano: flags.includes('--nano'),
    hex: Math.min(count('x'), 2) as 0 | 1 | 2,
    hexAscii: Math.min(count('X'), 2) as 0 | 1 | 2,
    ascii: Math.min(count('A'), 2) as 0 | 1 | 2,
    checksums: count('K') === 0,
  };
}

/** Splits numbered text into packets: the n-th begins with `n` right-justified in five columns, and two blanks. */
export function packetsOf(text: string): string[] {
  const packets: string[] = [];
  let at = 0;
  for (let number = 1; at < text.length; number++) {
    const next = text.indexOf(`\n${String(number + 1).padStart(5)}  `, at);
    const end = next < 0 ? text.length : next + 1;
    packets.push(text.slice(at, end));
    at = end;
  }
  return packets;
}

/** This machine's devices by index: tcpdump prints their names for cooked captures. */
const devices = new Map<number, string>();
for (const line of (spawnSync('ip', ['-o', 'link'], { encoding: 'utf8' }).stdout ?? '').split('\n')) {
  const device = /^(\d+): ([^:@]+)/.exec(line);
  if (device) devices.set(Number(device[1]), device[2]!);
}

/** What we print for these frames, a string a packet. */
export function ours(frames: readonly Frame[], linkType: number, flags: readonly string[]): string[] {
  const chunks: Buffer[] = [];
  const options = { ...optionsOf(flags), interfaceName: (index: number) => devices.get(index) };
  const printer = new TextPrinter(options, (chunk) => chunks.push(Buffer.from(chunk)));
  for (const [index, frame] of frames.entries()) {
    printer.printFrame(
      frame.bytes,
      0,
      frame.bytes.length,
      frame.originalLength ?? frame.bytes.length,
      frame.seconds ?? 1_700_000_000 + index,
      frame.nanoseconds ?? 123_456_789,
      linkType,
    );
  }
  printer.flush();
  return packetsOf(Buffer.concat(chunks).toString('latin1'));
}

/** What tcpdump prints for them. */
export function theirs(frames: readonly Frame[], linkType: number, flags: readonly string[]): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'netlab-dissect-'));
  try {
    const file = join(folder, 'frames.pcap');
    writeFileSync(file, savefile(frames, linkType, true));
    const done = tcpdump('-n', '--number', ...flags, '-r', file);
    if (done.status !== 0) throw new Error(`tcpdump ${flags.join(' ')}: ${done.error ?? done.stderr.toString()}`);
    return packetsOf(done.stdout.toString('latin1'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export interface Difference {
  index: number;
  ours: string;
  theirs: string;
}

export function compare(frames: readonly Frame[], linkType: number, flags: readonly string[]): Difference[] {
  const mine = ours(frames, linkType, flags);
  const other = theirs(frames, linkType, flags);
  const differences: Difference[] = [];
  for (let index = 0; index < Math.max(mine.length, other.length); index++)
    if (mine[index] !== other[index]) differences.push({ index, ours: mine[index] ?? '', theirs: other[index] ?? '' });
  return differences;
}

export const hasTcpdump: boolean = /^tcpdump version 4\.99\.3/m.test(
  spawnSync('tcpdump', ['--version'], { encoding: 'utf8' }).stdout ?? '',
);
