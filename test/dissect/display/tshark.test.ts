import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWith } from '../../support/tools.ts';
import { makeCapture } from './capture.ts';
import { draw } from './generator.ts';
import { ours, theirs, type Verdict } from './oracle.ts';

const lines = (name: string): string[] =>
  readFileSync(`test/dissect/display/${name}`, 'utf8')
    .split('\n')
    .filter((line) => line !== '');

/** What we take and tshark 4.0 does not, with the filter that means the same to it. */
const MORE: readonly [ours: string, theirs: string, why: string][] = [
  ['tcp xor ip', '(tcp and not ip) or (ip and not tcp)', 'Wireshark has xor since 4.2'],
  ['tcp ^^ ip', '(tcp and not ip) or (ip and not tcp)', 'Wireshark has ^^ since 4.2'],
  ['tcp.flags.syn == true', 'tcp.flags.syn == True', 'Wireshark has it in small letters since 4.2'],
  ['(tcp.flags & 0x02) == 2', 'tcp.flags & 0x02 == 2', 'parentheses do here what braces do'],
  ['(ip.ttl + 2) * 3 == 198', '{ip.ttl + 2} * 3 == 198', 'parentheses do here what braces do'],
  ['ip.ttl == (64)', 'ip.ttl == {64}', 'parentheses do here what braces do'],
  ['1 + tcp.dstport == 81', 'tcp.dstport == 80', 'a value may stand on the left'],
  ['80 == tcp.dstport', 'tcp.dstport == 80', 'a value may stand on the left'],
  ['1 < ip.ttl < 65', 'ip.ttl > 1 and ip.ttl < 65', 'a value may stand on the left'],
  ['"GET" == http.request.method', 'http.request.method == "GET"', 'a value may stand on the left'],
  ['frame.time > 1577836800', 'frame.time > "2020-01-01 00:00:00 UTC"', 'Wireshark takes seconds since 4.2'],
  ['frame.time_epoch > "2020-01-01 00:00:00 UTC"', 'frame.time_epoch > 1577836800', 'dates for what is a date'],
];

/** What the two take and answer differently. */
const OTHERWISE: readonly [filter: string, why: string][] = [
  ['len(tcp) > 100', "the length of tshark's TCP layer grows where a message is put together from segments"],
  ['tcp.port in {-1..80}', 'tshark compares a negative end of a range without its sign'],
  ['frame.time < "2100-01-01 00:00:00"', 'tshark does not read years beyond 2038'],
  ['frame.time > ""', 'tshark takes an empty date for 1970'],
];

describeWith(['tshark', 'mergecap', 'editcap'], 'display filters against tshark', () => {
  const folder = mkdtempSync(join(tmpdir(), 'netlab-display-'));
  const zone = process.env['TZ'];
  let capture = '';

  beforeAll(async () => {
    process.env['TZ'] = 'UTC';
    const made = await makeCapture(folder);
    capture = made.path;
    expect(made.frames, `of ${made.of} frames`).toBeGreaterThan(made.of * 0.7);
  }, 120_000);
  afterAll(() => {
    rmSync(folder, { recursive: true });
    if (zone === undefined) delete process.env['TZ'];
    else process.env['TZ'] = zone;
  });

  it('those it takes keep the same frames', async () => {
    const filters = lines('accepted.txt');
    const [mine, reference] = [await ours(capture, filters), theirs(capture, filters)];
    const told = (index: number): string => `${filters[index]}: ${reference[index]!.error ?? reference[index]!.frames}`;
    expect(filters.map((filter, index) => `${filter}: ${mine[index]!.error ?? mine[index]!.frames}`)).toEqual(
      filters.map((_, index) => told(index)),
    );
    expect(reference.filter(({ frames }) => frames !== '').length).toBeGreaterThan(filters.length / 2);
  }, 120_000);

  it('those it refuses are refused, with a place in the filter', async () => {
    const filters = lines('refused.txt');
    // Errors about functions leave tshark's memory in disorder, which it dies of later: few at a time.
    const reference: Verdict[] = [];
    for (let i = 0; i < filters.length; i += 60) reference.push(...theirs(capture, filters.slice(i, i + 60)));
    expect(filters.filter((_, index) => reference[index]!.error === null)).toEqual([]);
    const mine = await ours(capture, filters);
    expect(filters.filter((_, index) => mine[index]!.error === null)).toEqual([]);
    for (const { error } of mine) expect(error!.split('\n').at(-1)).toMatch(/^ +\^~*$/);
  }, 120_000);

  it.each(MORE.map(([mine, other, why]) => ({ mine, other, why })))('$mine: $why', async ({ mine, other }) => {
    const [own] = await ours(capture, [mine]);
    const [same] = await ours(capture, [other]);
    expect(own!.error).toBeNull();
    expect(own!.frames).not.toBe('');
    expect(own).toEqual(same);
  });

  it('those means the same to tshark, and it refuses the others', () => {
    const reference = theirs(
      capture,
      MORE.flatMap(([mine, other]) => [other, mine]),
    );
    expect(reference.map(({ error }) => error === null)).toEqual(MORE.flatMap(() => [true, false]));
  });

  it('differences that have a reason', async () => {
    const filters = OTHERWISE.map(([filter]) => filter);
    const [mine, reference] = [await ours(capture, filters), theirs(capture, filters)];
    expect(filters.filter((_, index) => mine[index]!.frames === reference[index]!.frames)).toEqual([]);
  });

  it('drawn ones keep the same frames, or are refused by both', async () => {
    const seed = 20_261_121;
    const filters = draw(seed, 400);
    const [mine, reference] = [await ours(capture, filters), theirs(capture, filters)];
    expect(
      filters.map(
        (filter, index) => `seed ${seed}: ${filter}: ${mine[index]!.error ? 'refused' : mine[index]!.frames}`,
      ),
    ).toEqual(
      filters.map(
        (filter, index) => `seed ${seed}: ${filter}: ${reference[index]!.error ? 'refused' : reference[index]!.frames}`,
      ),
    );
    expect(reference.filter(({ error, frames }) => error === null && frames !== '').length).toBeGreaterThan(150);
  }, 120_000);
});
