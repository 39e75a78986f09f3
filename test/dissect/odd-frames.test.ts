import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { compare, type Frame, hasTcpdump } from './oracle.ts';

/** Frames that a fuzz run found printed otherwise than by tcpdump, once; what is fuzzed is in test/fuzz/text.ts. */

const groups = new Map<string, { linkType: number; names: string[]; frames: Frame[] }>();
for (const line of readFileSync('fixtures/frames/odd.txt', 'utf8').split('\n')) {
  if (line === '' || line.startsWith('#')) continue;
  const [name, linkType, originalLength, hex] = line.split(' ') as [string, string, string, string];
  const group = groups.get(linkType) ?? { linkType: Number(linkType), names: [], frames: [] };
  groups.set(linkType, group);
  group.names.push(name);
  group.frames.push({ bytes: Buffer.from(hex, 'hex'), originalLength: Number(originalLength) });
}

if (!hasTcpdump) process.stderr.write('skipped: comparison with tcpdump: tcpdump 4.99.3 is not installed\n');

describe.skipIf(!hasTcpdump)('odd frames', () => {
  it.each(['-t', '-tv', '-tvvv', '-te -q', '-tvv -x'])('read as tcpdump %s reads them', (flags) => {
    const different: unknown[] = [];
    for (const { linkType, names, frames } of groups.values())
      for (const { index, ours, theirs } of compare(frames, linkType, flags.split(' ')))
        different.push({ name: names[index], linkType, ours, theirs });
    expect(groups.size).toBeGreaterThan(3);
    expect(different).toEqual([]);
  });
});

describe.skipIf(!hasTcpdump)('times', () => {
  const frames = [0, 1000, 3000, 0, 0, 5000].map((nanoseconds, index) => ({
    bytes: new Uint8Array(60).fill(1),
    seconds: index < 5 ? 0 : 2,
    nanoseconds,
  }));
  it.each(['-ttt', '-ttttt', '-ttt --nano', '-ttttt --nano'])('since a packet at zero: %s', (flags) => {
    expect(compare(frames, 1, flags.split(' '))).toEqual([]);
  });
});
