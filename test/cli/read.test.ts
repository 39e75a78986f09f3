import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readSavefile, writeSavefile } from '../../src/savefile/index.ts';
import { NETLAB, netlab, TCPDUMP, tcpdump } from '../support/cli.ts';
import { run } from '../support/network.ts';

const directory = mkdtempSync(`${tmpdir()}/netlab-read-`);
afterAll(() => rmSync(directory, { recursive: true }));
const at = (name: string): string => `${directory}/${name}`;

/** UDP over IPv4 over Ethernet from 10.0.0.1 to 10.0.0.2, `data` bytes; without a UDP checksum. */
function udp(sourcePort: number, targetPort: number, data: number): Uint8Array {
  const bytes = Buffer.alloc(42 + data);
  bytes.set([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0], 0);
  bytes.writeUInt16BE(28 + data, 16);
  bytes.set([0x12, 0x34, 0x40, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2], 18);
  let sum = 0;
  for (let word = 14; word < 34; word += 2) sum += bytes.readUInt16BE(word);
  while (sum > 0xffff) sum = (sum >>> 16) + (sum & 0xffff);
  bytes.writeUInt16BE(~sum & 0xffff, 24);
  bytes.writeUInt16BE(sourcePort, 34);
  bytes.writeUInt16BE(targetPort, 36);
  bytes.writeUInt16BE(8 + data, 38);
  return bytes;
}

const sample = Array.from({ length: 40 }, (_, number) => ({
  bytes: udp(1000 + number, number % 2 ? 7777 : 8888, number),
  seconds: 1_700_000_000 + number,
  nanoseconds: 123_456_000 + number,
}));

/** The sample as a pcap file of another kind than we write. */
function asPcap(kind: 'big-endian' | 'modified' | 'nano'): Buffer {
  const put = (bytes: Buffer, value: number, at: number): unknown =>
    kind === 'big-endian' ? bytes.writeUInt32BE(value, at) : bytes.writeUInt32LE(value, at);
  const header = Buffer.alloc(24);
  put(header, { 'big-endian': 0xa1b2c3d4, modified: 0xa1b2cd34, nano: 0xa1b23c4d }[kind], 0);
  put(header, kind === 'big-endian' ? 0x0002_0004 : 0x0004_0002, 4);
  put(header, 65_535, 16);
  put(header, 1, 20);
  const records = sample.map(({ bytes, seconds, nanoseconds }) => {
    const record = Buffer.alloc(kind === 'modified' ? 24 : 16);
    put(record, seconds, 0);
    put(record, kind === 'nano' ? nanoseconds : Math.floor(nanoseconds / 1000), 4);
    put(record, bytes.length, 8);
    put(record, bytes.length, 12);
    return Buffer.concat([record, bytes]);
  });
  return Buffer.concat([header, ...records]);
}

beforeAll(() => {
  writeSavefile(at('a.pcapng'), sample);
  writeSavefile(at('b.pcap'), sample.slice(0, 10), { precision: 'micro' });
  writeFileSync(at('a.pcapng.gz'), gzipSync(readFileSync(at('a.pcapng'))));
});

describe('netlab read', () => {
  it.each([
    [[]],
    [['-e']],
    [['-v']],
    [['-q']],
    [['-x']],
    [['-XX']],
    [['-A']],
    [['-t']],
    [['-tt']],
    [['-ttt']],
    [['-tttt']],
    [['-ttttt']],
    [['--number']],
    [['-#', '-ttttt', '-vvv', '-e']],
    [['-c', '3']],
    [['-vv', '-xx', '-K']],
    [['--time-stamp-precision', 'nano']],
  ])('prints as tcpdump does with %j', (options) => {
    const { status, stdout, stderr } = netlab(['read', '-n', ...options, at('a.pcapng')]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toBe(tcpdump('-n', ...options, '-r', at('a.pcapng')));
  });

  it('filters as tcpdump does, by words or by one word, and from a file', () => {
    const expected = tcpdump('-n', '-r', at('a.pcapng'), 'udp', 'dst', 'port', '7777');
    expect(expected.split('\n')).toHaveLength(21);
    expect(netlab(['read', '-n', at('a.pcapng'), 'udp', 'dst', 'port', '7777']).stdout).toBe(expected);
    expect(netlab(['read', '-n', at('a.pcapng'), 'udp dst port 7777']).stdout).toBe(expected);
    writeFileSync(at('filter'), '# only these\nudp dst\nport 7777\n');
    expect(netlab(['read', '-n', '-F', at('filter'), at('a.pcapng')]).stdout).toBe(expected);
    expect(netlab(['capture', '-n', '-r', at('a.pcapng'), 'udp', 'dst', 'port', '7777']).stdout).toBe(expected);
    expect(netlab(['read', '-nr', at('a.pcapng'), 'udp dst port 7777', '-c', '2']).stdout).toBe(
      `${expected.split('\n').slice(0, 2).join('\n')}\n`,
    );
  });

  it('filters BSD loopback in the byte order of the file', () => {
    const ip = udp(53, 53, 4).subarray(14);
    for (const big of [true, false]) {
      const file = Buffer.alloc(24 + 16 + 4 + ip.length);
      const u32 = (value: number, offset: number): void =>
        void (big ? file.writeUInt32BE(value, offset) : file.writeUInt32LE(value, offset));
      u32(0xa1b2c3d4, 0);
      u32(big ? 0x0002_0004 : 0x0004_0002, 4);
      u32(65535, 16);
      u32(4 + ip.length, 32);
      u32(4 + ip.length, 36);
      u32(2, 40);
      file.set(ip, 44);
      writeFileSync(at('null.pcap'), file);
      const expected = tcpdump('-n', '-r', at('null.pcap'), 'udp');
      expect(expected).toContain('10.0.0.2');
      expect(netlab(['read', '-n', at('null.pcap'), 'udp']).stdout).toBe(expected);
      expect(netlab(['filter', '--run', at('null.pcap'), 'udp']).stdout).toContain('\nMatch');
    }
  });

  it('reads several files one after the other, standard input, compressed ones', () => {
    const one = tcpdump('-n', '-r', at('a.pcapng'));
    const other = tcpdump('-n', '-r', at('b.pcap'));
    expect(netlab(['read', '-n', at('b.pcap'), at('a.pcapng')]).stdout).toBe(other + one);
    expect(netlab(['read', '-n', '-'], { input: readFileSync(at('a.pcapng')) }).stdout).toBe(one);
    expect(netlab(['read', '-n', at('a.pcapng.gz')]).stdout).toBe(one);
  });

  it('-w converts: frames, times and lengths stay', () => {
    for (const name of ['c.pcap', 'c.pcapng', 'c.pcap.gz']) {
      expect(netlab(['read', at('a.pcapng'), '-w', at(name)])).toMatchObject({ status: 0, stdout: '', stderr: '' });
      const { frames, error } = readSavefile(at(name));
      expect(error).toBeNull();
      expect(
        frames.map(({ bytes, seconds, nanoseconds }) => ({ bytes: Buffer.from(bytes), seconds, nanoseconds })),
      ).toEqual(sample);
    }
    const filtered = netlab(['read', at('a.pcapng'), '-c', '4', '-w', at('d.pcap'), 'port', '7777']);
    expect(filtered.status).toBe(0);
    expect(tcpdump('-n', '-r', at('d.pcap'))).toBe(tcpdump('-n', '-c', '4', '-r', at('a.pcapng'), 'port 7777'));
  });

  it('-w keeps the format of the file where the name does not tell another', () => {
    for (const [from, to, format] of [
      ['b.pcap', 'plain', 'pcap'],
      ['b.pcap', 'plain.1.gz', 'pcap'],
      ['a.pcapng', 'plain', 'pcapng'],
      ['b.pcap', 'named.pcapng', 'pcapng'],
      ['a.pcapng', 'named.pcap', 'pcap'],
    ] as const) {
      expect(netlab(['read', at(from), '-w', at(to)])).toMatchObject({ status: 0, stdout: '', stderr: '' });
      expect([to, readSavefile(at(to)).format]).toEqual([to, format]);
    }
    // Only pcapng holds the frames of all.
    expect(netlab(['read', at('b.pcap'), at('b.pcap'), '-w', at('plain')]).status).toBe(0);
    expect(readSavefile(at('plain')).format).toBe('pcapng');
  });

  it.each([[[]], [['port', '7777']], [['-c', '3', 'port', '7777']]])(
    '-w from pcap to pcap: byte for byte the file of tcpdump %s',
    (words) => {
      expect(netlab(['read', at('b.pcap'), '-w', at('ours'), ...words]).status).toBe(0);
      tcpdump('-r', at('b.pcap'), '-w', at('theirs'), ...words);
      expect(readFileSync(at('ours')).equals(readFileSync(at('theirs')))).toBe(true);
    },
  );

  it.each([
    ['big-endian', []],
    ['modified', []],
    ['nano', ['--time-stamp-precision', 'nano']],
  ] as const)('-w from %s pcap to pcap: byte for byte the file of tcpdump', (kind, words) => {
    writeFileSync(at('kind'), asPcap(kind));
    for (const filter of [[], ['port', '7777'], ['-c', '7', 'greater', '50']]) {
      expect(netlab(['read', at('kind'), '-w', at('ours'), ...filter])).toMatchObject({ status: 0, stderr: '' });
      tcpdump('-r', at('kind'), '-w', at('theirs'), ...words, ...filter);
      const theirs = readFileSync(at('theirs'));
      // To the snapshot length of a modified file libpcap adds 14; ours stays what the file says.
      if (kind === 'modified') theirs.writeUInt32LE(theirs.readUInt32LE(16) - 14, 16);
      expect(readFileSync(at('ours')).equals(theirs)).toBe(true);
    }
  });

  it('-w of a cut file: what is there, as it is there', () => {
    const whole = readFileSync(at('b.pcap'));
    writeFileSync(at('cut'), whole.subarray(0, whole.length - 5));
    expect(netlab(['read', at('cut'), '-w', at('ours')])).toMatchObject({ status: 1, stdout: '' });
    const last = sample[9]!.bytes.length + 16;
    expect(readFileSync(at('ours')).equals(whole.subarray(0, whole.length - last))).toBe(true);
  });

  it('-w of several files: one file with the interfaces of all', () => {
    expect(netlab(['read', at('a.pcapng'), at('b.pcap'), '-w', at('both.pcapng')]).status).toBe(0);
    const { frames, interfaces } = readSavefile(at('both.pcapng'));
    expect([frames.length, interfaces.length]).toEqual([50, 2]);
    expect(frames.map(({ interfaceId }) => interfaceId).lastIndexOf(0)).toBe(39);
  });

  it('-w - goes to standard output, which tcpdump reads', () => {
    const words = [
      '-c',
      `"$@" | ${TCPDUMP.join(' ')} -nr - 2>/dev/null`,
      'sh',
      ...NETLAB,
      'read',
      at('a.pcapng'),
      '-w',
      '-',
      'port 7777',
    ];
    expect(run('sh', ...words)).toBe(tcpdump('-n', '-r', at('a.pcapng'), 'port 7777'));
  });

  it('--format json: one object a line', () => {
    const { stdout } = netlab(['read', '--format', 'json', at('a.pcapng'), '-c', '3']);
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.map(({ udp: layer }) => layer['udp.srcport'])).toEqual([1000, 1001, 1002]);
  });

  it('-s cuts what is shown and written', () => {
    expect(netlab(['read', at('a.pcapng'), '-s', '60', '-w', at('short.pcap')]).status).toBe(0);
    const { frames } = readSavefile(at('short.pcap'));
    expect(Math.max(...frames.map(({ bytes }) => bytes.length))).toBe(60);
    expect(frames.at(-1)!.originalLength).toBe(42 + 39);
  });

  it.each([
    ['a.pcapng', 1],
    ['b.pcap', 7],
  ])('a file that ends inside a record (%s): what is there, then the offset, exit 1', (name, missing) => {
    const content = readFileSync(at(name));
    writeFileSync(at('cut'), content.subarray(0, content.length - missing));
    const { status, stdout, stderr } = netlab(['read', '-n', at('cut')]);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^netlab: .*cut: .* at byte \d+.*\n$/);
    const whole = tcpdump('-n', '-r', at(name)).split('\n');
    // Every whole record is printed.
    expect(stdout).toBe(`${whole.slice(0, -2).join('\n')}\n`);
    const after = netlab(['read', '-n', at('cut'), at('b.pcap')]);
    expect(after.status).toBe(1);
    expect(after.stdout).toBe(stdout + tcpdump('-n', '-r', at('b.pcap')));
  });

  it('a cut file is converted up to there', () => {
    const content = readFileSync(at('b.pcap'));
    writeFileSync(at('cut.pcap'), content.subarray(0, content.length - 3));
    expect(netlab(['read', at('cut.pcap'), '-w', at('mended.pcapng')]).status).toBe(1);
    const { frames, error } = readSavefile(at('mended.pcapng'));
    expect([frames.length, error]).toEqual([9, null]);
  });

  it.each([
    [['missing.pcap'], 1, /^netlab: .*missing\.pcap: cannot read: there is no such file.*\n$/],
    [['.'], 1, /^netlab: .*: cannot read: it is a directory.*\n$/],
    [['empty'], 1, /^netlab: .*empty: the file is empty\n$/],
    [['text'], 1, /^netlab: .*text: neither pcap nor pcapng.*\n$/],
    [['a.pcapng', 'udp prot 5'], 2, /^netlab: filter: .*did you mean.*\n {2}udp prot 5\n {6}\^\^\^\^\n$/],
    [['a.pcapng', 'b.pcpa'], 2, /^netlab: filter: .*b\.pcpa/],
    [['a.pcapng', '-w', '/nonexistent/x.pcap'], 1, /^netlab: .*cannot write.*\n$/],
    [['a.pcapng', '-w', 'a.pcapng'], 2, /^netlab: writing .* would overwrite .*\n$/],
    [['a.pcapng', '-c', '0'], 2, /^netlab: read: .*'0' is invalid.*\n$/],
  ])('%j: exit %i', (args, code, message) => {
    writeFileSync(at('empty'), '');
    writeFileSync(at('text'), 'hello, world\n');
    const { status, stdout, stderr } = netlab(['read', ...args], { cwd: directory });
    expect({ status, stdout }).toEqual({ status: code, stdout: '' });
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/\n {4}at /);
  });

  it('what was there stays when -w fails before a frame is read', () => {
    writeFileSync(at('keep.pcap'), readFileSync(at('b.pcap')));
    expect(netlab(['read', at('keep.pcap'), '-w', at('keep.pcap')]).status).toBe(2);
    expect(readFileSync(at('keep.pcap'))).toEqual(readFileSync(at('b.pcap')));
  });

  it('| head: quietly, exit 0', () => {
    const many = Array.from({ length: 20_000 }, (_, number) => ({ bytes: udp(1, 2, 10), seconds: number }));
    writeSavefile(at('many.pcap'), many);
    const script = `{ "$@" 2>${at('err')}; echo $? >${at('code')}; } | head -n 3`;
    const printed = run('sh', '-c', script, 'sh', ...NETLAB, 'read', '-n', at('many.pcap'));
    expect(printed.split('\n')).toHaveLength(4);
    expect(readFileSync(at('err'), 'utf8')).toBe('');
    expect(readFileSync(at('code'), 'utf8')).toBe('0\n');
  });

  it('> /dev/full: exit 1, one line', () => {
    const words = ['-c', '"$@" >/dev/full', 'sh', ...NETLAB, 'read', '-n', at('a.pcapng')];
    const { status, stderr } = spawnSync('sh', words, { encoding: 'utf8' });
    expect(status).toBe(1);
    expect(stderr).toMatch(/^netlab: cannot write to standard output: .*\n$/);
  });

  it('colour: never on a pipe, always when asked, NO_COLOR and FORCE_COLOR', () => {
    const args = ['read', '-n', at('a.pcapng'), '-c', '1'];
    const coloured = (extra: string[], env?: NodeJS.ProcessEnv): boolean =>
      netlab([...args, ...extra], env ? { env } : {}).stdout.includes('\x1b[');
    expect(coloured([])).toBe(false);
    expect(coloured(['--color', 'always'])).toBe(true);
    expect(coloured(['--color', 'always'], { NO_COLOR: '1' })).toBe(true);
    expect(coloured([], { FORCE_COLOR: '1' })).toBe(true);
    expect(coloured([], { FORCE_COLOR: '1', NO_COLOR: '1' })).toBe(false);
    expect(coloured(['--color', 'never'], { FORCE_COLOR: '1' })).toBe(false);
  });

  it('loads no native code, which what asks the kernel does', () => {
    writeFileSync(
      at('maps.cjs'),
      `process.on('exit', () => require('fs').writeFileSync(${JSON.stringify(at('maps'))}, require('fs').readFileSync('/proc/self/maps')));`,
    );
    const loads = (args: string[]): boolean => {
      expect(netlab(args, { env: { NODE_OPTIONS: `--require ${at('maps.cjs')}` } }).status).toBe(0);
      return readFileSync(at('maps'), 'utf8').includes('koffi');
    };
    expect(loads(['read', '-n', at('a.pcapng'), 'udp'])).toBe(false);
    expect(loads(['interfaces'])).toBe(true);
  });
});
