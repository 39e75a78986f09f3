/** Compares our text with tcpdump's over many captures, or over mutated frames of them, and counts what differs.
 *
 *   tsx test/dissect/compare.ts FOLDER [tcpdump options…]
 *   tsx test/dissect/compare.ts FOLDER --fuzz SEED ROUNDS [tcpdump options…]
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { mutate, random } from './mutate.ts';
import { compare, type Difference, type Frame, readAny } from './oracle.ts';

const [folder, ...rest] = process.argv.slice(2);
let seed = 0;
let rounds = 0;
if (rest[0] === '--fuzz') {
  seed = Number(rest[1]);
  rounds = Number(rest[2]);
  rest.splice(0, 3);
}
const flags = rest.length > 0 ? rest : ['-t'];
const shown = Number(process.env['SHOW'] ?? 3);
const only = process.env['ONLY'] ? new RegExp(process.env['ONLY']) : null;
const not = process.env['NOT'] ? new RegExp(process.env['NOT']) : null;

/** Words around the first difference, numbers taken out: what differs alike counts as one. */
function kindOf(difference: Difference): string {
  const { ours, theirs } = difference;
  let at = 0;
  while (at < ours.length && ours[at] === theirs[at]) at++;
  const word = Math.max(theirs.lastIndexOf(' ', Math.max(at - 1, 0)), 0);
  return theirs
    .slice(word, word + 24)
    .replace(/[0-9a-f]*\d[0-9a-f]*/g, '#')
    .replace(/\n.*/s, '$');
}

const shorten = (text: string): string => text.trimEnd().split('\n').slice(0, 8).join('\n').slice(0, 700);

const kinds = new Map<string, { count: number; samples: string[] }>();
let packets = 0;
let differing = 0;
const paths = readdirSync(folder!, { recursive: true, encoding: 'utf8' }).filter((name) => /pcap/.test(name));
const generator = random(seed);
for (const name of paths) {
  const capture = readAny(join(folder!, name));
  if (capture === null) continue;
  let frames: Frame[] = capture.frames.slice(0, Number(process.env['MOST'] ?? 3000));
  if (rounds > 0) frames = mutate(frames, generator, rounds);
  if (frames.length === 0) continue;
  packets += frames.length;
  for (const difference of compare(frames, capture.linkType, flags)) {
    if (only && !only.test(difference.theirs)) continue;
    if (not?.test(difference.theirs)) continue;
    differing++;
    const kind = kindOf(difference);
    let entry = kinds.get(kind);
    if (!entry) kinds.set(kind, (entry = { count: 0, samples: [] }));
    entry.count++;
    if (entry.samples.length < shown)
      entry.samples.push(
        `  ${name} #${difference.index + 1}\n  - ${shorten(difference.ours)}\n  + ${shorten(difference.theirs)}`,
      );
  }
}
for (const [kind, { count, samples }] of [...kinds]
  .sort((a, b) => b[1].count - a[1].count)
  .slice(0, Number(process.env['KINDS'] ?? 40)))
  console.log(`${count} × ${JSON.stringify(kind)}\n${samples.join('\n')}`);
console.log(`tcpdump ${flags.join(' ')}: ${differing} of ${packets} packets differ${rounds ? ` (seed ${seed})` : ''}`);
