import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { craft } from '../../src/inject/craft/index.ts';
import { readSavefile, writeSavefile } from '../../src/savefile/index.ts';
import { netlab, tcpdump } from '../support/cli.ts';

const directory = mkdtempSync(`${tmpdir()}/netlab-rewrite-`);
afterAll(() => rmSync(directory, { recursive: true }));
const at = (name: string): string => `${directory}/${name}`;

const frame = (n: number): Uint8Array => {
  const text = `eth/ip(src=10.0.0.${1 + (n % 3)},dst=10.0.1.9,id=${n})/udp(sport=${5000 + (n % 3)},dport=53)/"number ${n}, of some length"`;
  return [...craft(text)][0]!.bytes;
};
const frames = (first: number, count: number, step: number) =>
  Array.from({ length: count }, (_, i) => ({
    bytes: frame(first + i),
    seconds: 1_700_000_000 + (first + i) * step,
    nanoseconds: 500,
  }));
const rewrite = (...words: string[]) => netlab(['rewrite', ...words]);
const texts = (name: string): string[] =>
  readSavefile(at(name)).frames.map(({ bytes }) => /number (\d+)/.exec(Buffer.from(bytes).toString('latin1'))![1]!);

beforeAll(() => {
  writeSavefile(at('even.pcapng'), frames(0, 30, 2));
  writeSavefile(at('all.pcapng'), frames(0, 40, 1));
});

describe('netlab rewrite', () => {
  it('says what it did, and writes what was asked for', () => {
    const outcome = rewrite(
      '--map-ip',
      '10.0.0.0/24=192.168.3.0/24',
      '--map-port',
      '53=5353',
      at('all.pcapng'),
      at('o.pcap'),
    );
    expect(outcome).toMatchObject({ status: 0, stdout: '', stderr: '40 frames read, 40 written\n' });
    const lines = tcpdump('-n', '-vv', '-r', at('o.pcap')).trim().split('\n');
    expect(lines).toHaveLength(80);
    expect(
      lines.filter((line) => /^ +192\.168\.3\.\d\.500\d > 10\.0\.1\.9\.5353: \[udp sum ok\]/.test(line)),
    ).toHaveLength(40);
  });

  it('merges by time, appends in the order given', () => {
    expect(rewrite('-q', at('even.pcapng'), at('all.pcapng'), at('m.pcapng'))).toMatchObject({ status: 0, stderr: '' });
    const merged = readSavefile(at('m.pcapng'));
    expect(merged.interfaces).toHaveLength(2);
    const times = merged.frames.map(({ seconds }) => seconds);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect(times).toHaveLength(70);
    rewrite('-q', '--append', at('even.pcapng'), at('all.pcapng'), at('a.pcapng'));
    expect(texts('a.pcapng').slice(28, 32)).toEqual(['28', '29', '0', '1']);
  });

  it('selects by time, number and both kinds of filter', () => {
    rewrite('-q', '--from', '+10', '--to', '+20', at('all.pcapng'), at('s.pcapng'));
    expect(texts('s.pcapng')).toEqual(['10', '11', '12', '13', '14', '15', '16', '17', '18', '19']);
    rewrite('-q', '--from', '1700000005.0000005', '--to', '2023-11-14T22:13:28Z', at('all.pcapng'), at('s.pcapng'));
    expect(texts('s.pcapng')).toEqual(['5', '6', '7']);
    rewrite('-q', '--frames', '3-4,1', '--frames', '39-', at('all.pcapng'), at('s.pcapng'));
    expect(texts('s.pcapng')).toEqual(['0', '2', '3', '38', '39']);
    rewrite('-q', '-f', 'src port 5001', '-Y', 'ip.id > 30', at('all.pcapng'), at('s.pcapng'));
    expect(texts('s.pcapng')).toEqual(['31', '34', '37']);
  });

  it('leaves copies out', () => {
    writeSavefile(
      at('twice.pcapng'),
      frames(0, 10, 1).flatMap((one) => [one, { ...one, nanoseconds: 900 }]),
    );
    expect(rewrite('--dedup', at('twice.pcapng'), at('d.pcapng')).stderr).toBe(
      '20 frames read, 10 written\n10 copies left out\n',
    );
    expect(texts('d.pcapng')).toHaveLength(10);
    expect(rewrite('--dedup-time', '1ms', at('twice.pcapng'), at('d.pcapng')).stderr).toContain('10 copies');
  });

  it.each([
    ['frames:15', [15, 15, 10]],
    ['seconds:10', [10, 10, 10, 10]],
    ['bytes:1k', null],
    ['flow', [14, 13, 13]],
  ] as const)('splits by %s', (by, expected) => {
    const name = `split-${by.replace(':', '-')}`;
    expect(rewrite('-q', '--split', by, at('all.pcapng'), at(`${name}.pcap`)).status).toBe(0);
    const files = readdirSync(directory)
      .filter((file) => file.startsWith(`${name}-`))
      .sort();
    expect(files[0]).toBe(`${name}-00001.pcap`);
    const pieces = files.map((file) => readSavefile(at(file)));
    if (expected !== null) expect(pieces.map((piece) => piece.frames.length)).toEqual(expected);
    else
      for (const piece of pieces)
        expect(piece.frames.reduce((sum, f) => sum + f.bytes.length, 0)).toBeLessThanOrEqual(1024);
    expect(pieces.reduce((sum, piece) => sum + piece.frames.length, 0)).toBe(40);
  });

  it('keeps comments, and anonymizes those too', () => {
    const block = frames(0, 1, 1).map((one) => ({ ...one, extras: { comments: ['from 10.0.0.1'] } }));
    writeSavefile(at('c.pcapng'), block);
    rewrite('-q', '--ttl', '3', at('c.pcapng'), at('k.pcapng'));
    expect(readFileSync(at('k.pcapng')).includes('from 10.0.0.1')).toBe(true);
    rewrite('-q', '--anonymize', '--key', 'key', at('c.pcapng'), at('k.pcapng'));
    const after = readFileSync(at('k.pcapng'));
    expect(after.includes('from ')).toBe(true);
    expect(after.includes('10.0.0.1')).toBe(false);
    expect(after.includes(Buffer.of(10, 0, 0, 1))).toBe(false);
  });

  it('goes on with the frames before damage, and says so', () => {
    const whole = readFileSync(at('all.pcapng'));
    writeFileSync(at('cut.pcapng'), whole.subarray(0, whole.length - 20));
    const outcome = rewrite(at('cut.pcapng'), at('even.pcapng'), at('rest.pcapng'));
    expect(outcome.status).toBe(1);
    expect(outcome.stderr).toMatch(/cut\.pcapng/);
    expect(readSavefile(at('rest.pcapng')).frames).toHaveLength(69);
  });

  it.each([
    [['all.pcapng'], /the file to write is missing/],
    [['all.pcapng', 'all.pcapng'], /would overwrite/],
    [['--map-ip', '10.0.0.0/8', 'all.pcapng', 'x'], /--map-ip: 10\.0\.0\.0\/8: OLD=NEW is expected/],
    [['--map-port', '80=99999', 'all.pcapng', 'x'], /--map-port: .*0 to 65535/],
    [['--vlan', 'add:5000', 'all.pcapng', 'x'], /remove, or add or set with ID/],
    [['--ttl', '300', 'all.pcapng', 'x'], /0 to 255/],
    [['--pad', '--trim', 'all.pcapng', 'x'], /one of them/],
    [['--split', 'pages:3', 'all.pcapng', 'x'], /frames:N, bytes:N/],
    [['--from', 'noon', 'all.pcapng', 'x'], /--from noon: a time such as/],
    [['--frames', '0-3', 'all.pcapng', 'x'], /numbers from 1 on/],
    [['-Y', 'ip.sorce', 'all.pcapng', 'x'], /ip\.src/],
    [['-f', 'tpc', 'all.pcapng', 'x'], /tcp/],
    [['--keep-payload', 'all.pcapng', 'x'], /goes with --anonymize/],
  ])('refuses %j', (words, message) => {
    const named = words.map((word) => (/^(all\.pcapng|x)$/.test(word) ? at(word) : word));
    const { status, stderr } = rewrite(...named);
    expect(stderr).toMatch(message);
    expect(status).toBe(2);
  });
});
