/** Mutated frames through tcpdump and through our text, with drawn options: the first packets that differ, by kind.
 *
 *     tsx test/fuzz/text.ts [--count 200000] [--seed N] [--seconds N] [--protocol NAME]… [--options '-vv -e']
 *
 * The frames come from the fixtures, from ../shared/captures where that is there, and from those that are made. */
import { existsSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { mutate, random } from '../dissect/mutate.ts';
import { compare, type Difference, type Frame, hasTcpdump } from '../dissect/oracle.ts';
import { type Mutant, Mutator } from './frames/mutant.ts';
import { readSeeds } from './frames/seeds.ts';

/** Frames that one tcpdump reads. */
const BATCH = 3000;
/** Kinds of differences after which the run has told enough. */
const ENOUGH = 1000;

/** Options that are drawn, each set as it is typed. -n and --number are always there. */
const OPTION_SETS = [
  '-t',
  '-tv',
  '-tvv',
  '-tvvv',
  '-tq',
  '-tqv',
  '-tqvvv',
  '-te',
  '-tev',
  '-tevvv',
  '-teq',
  '-tS',
  '-tSvv',
  '-tK -v',
  '-tx',
  '-txx -v',
  '-tX -q',
  '-tXX -e',
  '-tA',
  '-tAA -vv',
  '-tt',
  '-ttt',
  '-tttt --nano',
  '-ttttt -vv',
];

/** What cannot be equal, or is not printed here, and why; by what tcpdump prints. */
export const EXCEPTIONS: readonly { readonly theirs: RegExp; readonly reason: string }[] = [
  { theirs: /NFS|sunrpc|rpc/, reason: 'NFS and RPC are not printed' },
  { theirs: /: RESP|RESP "/, reason: 'Redis is not printed' },
  { theirs: / \[telnet |\[\|telnet\]/, reason: 'telnet is not printed' },
  { theirs: /mobility: |\[\|mobility\]/, reason: 'mobility headers are not printed' },
  { theirs: /tsft|BSSID|802\.15\.4|\[\|802\.11/, reason: 'wireless link layers are not printed' },
  {
    theirs: /PIMv|pimv1|igmp dvmrp|EGPv|RSVP|PGM|\[\|pgm\]|igrp: /,
    reason: 'of these protocols the number is printed',
  },
  { theirs: /AT \d+\.\d+\.\d+|IPX |OSI NLPID|IS-IS/, reason: 'network protocols of other families are not printed' },
  { theirs: /node information|RPL|renumbering/, reason: 'of these ICMPv6 messages the type is printed' },
];

interface Kind {
  count: number;
  flags: string;
  frame: Frame;
  linkType: number;
  difference: Difference;
}

export interface TextFuzzResult {
  done: number;
  differing: number;
  excepted: number;
  kinds: Map<string, Kind>;
}

/** Words around the first difference, numbers taken out: what differs alike counts as one. */
export function kindOf({ ours, theirs }: Difference): string {
  let at = 0;
  while (at < ours.length && ours[at] === theirs[at]) at++;
  const around = (text: string): string => {
    const begin = Math.max(text.lastIndexOf(' ', Math.max(at - 8, 0)), 0);
    return text
      .slice(begin, at + 16)
      .replace(/[0-9a-f]*\d[0-9a-f]*/g, '#')
      .replace(/\n.*/s, '$');
  };
  return `${around(ours)} | ${around(theirs)}`;
}

export async function fuzzText(options: {
  count: number;
  seed: number;
  seconds?: number;
  protocols?: readonly string[];
  flags?: string;
  progress?: (done: number, differing: number) => void;
}): Promise<TextFuzzResult> {
  const { seed, protocols = [] } = options;
  const seeds = await readSeeds(['fixtures', '../shared/captures'], seed);
  const next = random(seed);
  const pick = <T>(values: readonly T[]): T => values[Math.floor(next() * values.length)]!;
  const mutator = new Mutator(seeds, next);
  const until = performance.now() + (options.seconds ?? Number.POSITIVE_INFINITY) * 1000;
  const result: TextFuzzResult = { done: 0, differing: 0, excepted: 0, kinds: new Map() };

  const batch = (): Mutant[] => {
    const made: Mutant[] = [];
    while (made.length < BATCH) {
      const way = next();
      if (way < 0.7) made.push(mutator.one(protocols.length > 0 ? pick(protocols) : undefined));
      else if (way < 0.73) made.push(...mutator.conversation(30));
      else {
        const name = protocols.length > 0 ? pick(protocols) : pick([...seeds.byProtocol.keys()]);
        const from = pick(seeds.byProtocol.get(name) ?? []);
        for (const frame of mutate([from], next, 1))
          made.push({ bytes: frame.bytes, originalLength: frame.originalLength!, linkType: from.linkType });
      }
    }
    return made;
  };

  while (result.done < options.count && performance.now() < until && result.kinds.size < ENOUGH) {
    const flags = options.flags ?? pick(OPTION_SETS);
    const groups = new Map<number, Frame[]>();
    for (const { bytes, originalLength, linkType } of batch()) {
      const frames = groups.get(linkType) ?? [];
      groups.set(linkType, frames);
      if (bytes.length > 0) frames.push({ bytes, originalLength: Math.max(originalLength, bytes.length) });
    }
    for (const [linkType, frames] of groups) {
      for (const difference of compare(frames, linkType, flags.split(' '))) {
        if (EXCEPTIONS.some(({ theirs }) => theirs.test(difference.theirs))) {
          result.excepted++;
          continue;
        }
        result.differing++;
        const kind = kindOf(difference);
        const known = result.kinds.get(kind);
        if (known) known.count++;
        else result.kinds.set(kind, { count: 1, flags, frame: frames[difference.index]!, linkType, difference });
      }
      result.done += frames.length;
    }
    options.progress?.(result.done, result.differing);
  }
  return result;
}

const shorten = (text: string): string => text.trimEnd().slice(0, 1500);

function hexOf(bytes: Uint8Array): string {
  const text = Buffer.from(bytes).toString('hex');
  return text.length > 1200 ? `${text.slice(0, 1200)}… (${bytes.length} bytes)` : text;
}

export async function main(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      count: { type: 'string', default: '200000' },
      seed: { type: 'string' },
      seconds: { type: 'string' },
      protocol: { type: 'string', multiple: true },
      options: { type: 'string' },
      kinds: { type: 'string', default: '20' },
    },
  });
  if (!hasTcpdump) {
    process.stderr.write('text: tcpdump 4.99.3 is not installed, and it is what the text is compared with\n');
    return 1;
  }
  const seed = values.seed === undefined ? Date.now() >>> 0 : Number(values.seed);
  const where = existsSync('../shared/captures') ? 'fixtures and captures' : 'fixtures';
  process.stdout.write(`text: ${values.count} frames of ${where}, --seed ${seed}\n`);
  const began = performance.now();
  const result = await fuzzText({
    count: Number(values.count),
    seed,
    ...(values.seconds === undefined ? {} : { seconds: Number(values.seconds) }),
    ...(values.protocol === undefined ? {} : { protocols: values.protocol }),
    ...(values.options === undefined ? {} : { flags: values.options }),
    progress: (done, differing) => {
      if (process.stderr.isTTY) process.stderr.write(`\r${done} frames, ${differing} differ`);
    },
  });
  const seconds = (performance.now() - began) / 1000;
  const kinds = [...result.kinds].sort((a, b) => b[1].count - a[1].count);
  for (const [kind, { count, flags, frame, linkType, difference }] of kinds.slice(0, Number(values.kinds)))
    process.stdout.write(
      `${count} × ${JSON.stringify(kind)} with ${flags}, link type ${linkType}, ${frame.originalLength} bytes on the wire\n` +
        `  ${hexOf(frame.bytes)}\n  - ${shorten(difference.ours)}\n  + ${shorten(difference.theirs)}\n`,
    );
  process.stdout.write(
    `${result.done} frames in ${seconds.toFixed(1)} s: ${result.differing} differ, of ${kinds.length} kinds; ` +
      `${result.excepted} more are of what is listed as not printed\n`,
  );
  return result.differing > 0 ? 1 : 0;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) process.exitCode = await main(process.argv.slice(2));
