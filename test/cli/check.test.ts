import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { netlab } from '../support/cli.ts';

const fixture = (name: string): string => fileURLToPath(new URL(`../../fixtures/${name}`, import.meta.url));
const directory = mkdtempSync(`${tmpdir()}/netlab-check-`);
afterAll(() => rmSync(directory, { recursive: true }));
const at = (name: string): string => `${directory}/${name}`;
const tour = at('tour.pcapng');
const other = at('other.pcapng');

beforeAll(() => {
  copyFileSync(fixture('tour.pcapng'), tour);
  expect(netlab(['rewrite', '-q', '--frames', '1-13,15-', '--ttl', '9', '-f', 'not ip6', tour, other]).status).toBe(0);
});

describe('netlab check', () => {
  it('the fixtures are what they are said to be', () => {
    const { status, stdout, stderr } = netlab(['check', tour, '--expect', fixture('tour.expect')]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(/^.*tour\.pcapng: 56 frames\n( {2}ok {3}.*\n){13}13 of 13 expectations met\n$/);
  });

  it('exits with 1 where one is not met, and names the line and the frame', () => {
    writeFileSync(at('wrong.expect'), '# first\nsome arp\nno icmp\n');
    const { status, stdout } = netlab([
      'check',
      tour,
      '--expect',
      at('wrong.expect'),
      '-e',
      'exactly 3 tcp.flags.syn == 1',
    ]);
    expect(status).toBe(1);
    expect(stdout).toMatch(/FAIL no icmp\n {7}.*wrong\.expect:3: found: \d+ frames\n {7}frame 14: matches: IP 192/);
    expect(stdout).toContain('2 of 3 expectations met');
  });

  it('TAP, JUnit and JSON', () => {
    const words = ['check', tour, '-e', 'some arp', '-e', 'no ip.ttl < 5 # "&"'];
    const tap = netlab([...words, '--format', 'tap']);
    expect(tap.status).toBe(1);
    expect(tap.stdout).toMatch(/^TAP version 14\n1\.\.2\nok 1 - .*some arp\nnot ok 2 - .*no ip\.ttl < 5\n {2}---\n/);
    const junit = netlab([...words, '--format', 'junit']).stdout;
    expect(junit).toMatch(/<testsuites tests="2" failures="1">/);
    expect(junit).toMatch(/name="no ip\.ttl &lt; 5">\n {6}<failure message="found: \d+ frames?">/);
    const json = JSON.parse(netlab([...words, '--format', 'json']).stdout);
    expect(json).toMatchObject({
      met: false,
      captures: [{ frames: 56, expectations: [{ met: true }, { met: false }] }],
    });
  });

  it('standard input, several captures', () => {
    expect(netlab(['check', '-', '-e', 'exactly 56 frames'], { input: readFileSync(tour) }).status).toBe(0);
    const { stdout, status } = netlab(['check', tour, other, '-e', 'exactly 56 frames']);
    expect(status).toBe(1);
    expect(stdout).toContain('1 of 2 expectations met');
  });

  it.each(['golden.pcapng', 'golden.txt'])('%s is made, compared, and made anew', (name) => {
    const missing = netlab(['check', tour, '--golden', at(name)]);
    expect(missing.status).toBe(1);
    expect(missing.stderr).toContain('--update makes it');
    expect(netlab(['check', tour, '--golden', at(name), '--update']).status).toBe(0);
    expect(existsSync(at(name))).toBe(true);
    expect(netlab(['check', tour, '--golden', at(name)]).status).toBe(0);
    const differs = netlab(['check', other, '--golden', at(name)]);
    expect(differs.status).toBe(1);
    expect(differs.stdout).toMatch(/echo request, id 5132, seq 1/);
  });

  it.each([
    [['check', 'tour.pcapng'], /what is expected\?/],
    [['check', 'tour.pcapng', '--expect', 'nofile.expect'], /neither a file nor an expectation/],
    [['check', 'tour.pcapng', '-e', 'no tcp.flgs'], /1:4: .*tcp\.flags, .*\n {2}no tcp\.flgs\n {5}\^/],
    [['check', 'tour.pcapng', '--update', '-e', 'no tcp'], /--update goes with --golden/],
    [['check', 'tour.pcapng', '--golden', 'x', '--ignore', 'tims'], /near to it: times/],
    [['diff', 'tour.pcapng'], /missing/],
    [['diff', 'tour.pcapng', 'tour.pcapng', '--exact', '--ignore', 'ids'], /one of them/],
  ])('refuses %j', (words, message) => {
    const { status, stderr } = netlab(words.map((word) => (word === 'tour.pcapng' ? tour : word)));
    expect(stderr).toMatch(message);
    expect(status).toBe(2);
  });

  it('a file that is not there is an error of its own', () => {
    const { status, stderr } = netlab(['check', at('none.pcapng'), '-e', 'no tcp']);
    expect(status).toBe(1);
    expect(stderr).toMatch(/none\.pcapng/);
  });
});

describe('netlab diff', () => {
  it('the same: exit 0', () => {
    const { status, stdout } = netlab(['diff', tour, tour]);
    expect(status).toBe(0);
    expect(stdout).toMatch(/56 the same\n$/);
  });

  it('frames and fields that differ: exit 1', () => {
    const { status, stdout } = netlab(['diff', tour, other]);
    expect(status).toBe(1);
    expect(stdout).toMatch(/^- 14 {2}IP 192\.0\.2\.1 > 192\.0\.2\.2: ICMP echo request, id 5132, seq 1/m);
    expect(stdout).toMatch(/^~ 15 = .*\n {4}ip\.ttl: 64 -> 9$/m);
    const ignored = netlab(['diff', tour, other, '--ignore', 'ip.ttl', '--format', 'json']);
    const { differences, same } = JSON.parse(ignored.stdout);
    expect(differences.every(({ kind }: { kind: string }) => kind === 'removed')).toBe(true);
    expect(same + differences.length).toBe(56);
  });
});
