import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from 'hyparquet';
import { afterAll, describe, expect, it } from 'vitest';
import { fieldSettings, fieldWords } from '../../src/cli/format.ts';
import { readSavefile, writeSavefile } from '../../src/savefile/index.ts';
import { netlab, tcpdump } from '../support/cli.ts';
import { describeWith } from '../support/tools.ts';

const TOUR = 'fixtures/tour.pcapng';
const directory = mkdtempSync(`${tmpdir()}/netlab-formats-`);
afterAll(() => rmSync(directory, { recursive: true }));
const at = (name: string): string => `${directory}/${name}`;

/** What `netlab read` prints of the tour. */
function read(...args: string[]): string {
  const { status, stdout, stderr } = netlab(['read', ...args, TOUR]);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return stdout;
}

/** How it refuses. */
function refused(...args: string[]): string {
  const { status, stdout, stderr } = netlab(['read', ...args, TOUR]);
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  return stderr;
}

function tshark(...args: string[]): string {
  const done = spawnSync('tshark', ['-r', TOUR, ...args], { encoding: 'utf8', env: { ...process.env, TZ: 'UTC' } });
  expect(done.status, done.stderr).toBe(0);
  return done.stdout;
}

describe('words of columns', () => {
  it('with fields and parquet -e takes a name, else it is a flag', () => {
    expect(fieldWords(['read', '-e', 'x.pcap'])).toEqual(['read', '-e', 'x.pcap']);
    expect(fieldWords(['read', '-T', 'fields', '-e', 'ip.src', '-eip.dst', 'x.pcap'])).toEqual(
      'read -T fields --field ip.src --field ip.dst x.pcap'.split(' '),
    );
    expect(fieldWords(['read', '--format=parquet', '-ne', 'ip.src', '-w', '-e', '--', '-e', 'x'])).toEqual(
      'read --format=parquet -n --field ip.src -w -e -- -e x'.split(' '),
    );
    expect(fieldWords(['read', '-Tfields', '-wfile', '-c1', '-e', 'a.b'])).toEqual(
      'read -Tfields -wfile -c1 --field a.b'.split(' '),
    );
    // With json it may be either; what has a field's form, and is no file, is one.
    expect(fieldWords(['read', '-T', 'json', '-ne', 'ip.src', '-etcp.port', '-e', 'x.pcap', '-e'])).toEqual(
      'read -T json -n --field ip.src --field tcp.port -e x.pcap -e'.split(' '),
    );
    expect(fieldWords(['read', '--format=json', '-e', 'package.json'])).toEqual(
      'read --format=json -e package.json'.split(' '),
    );
    expect(() => fieldWords(['read', '-Tfields', '-e'])).toThrow('-e needs the name of a field');
  });

  it('-E: several settings in a word or in several; a separator may be a comma', () => {
    expect(fieldSettings(['header=y,separator=,'])).toEqual({ header: true, separator: ',' });
    expect(fieldSettings(['separator=,,quote=d,occurrence=f'])).toEqual({
      separator: ',',
      quote: 'd',
      occurrence: 'f',
    });
    expect(fieldSettings(['separator=/t', 'aggregator=/s', 'bom=n'])).toEqual({
      separator: '\t',
      aggregator: ' ',
      bom: false,
    });
    expect(() => fieldSettings(['heade=y'])).toThrow("'heade' is not one of header, bom, quote");
    expect(() => fieldSettings(['header'])).toThrow('header needs a value');
    expect(() => fieldSettings(['quote=x'])).toThrow('quote is one of d, s, n');
    expect(() => fieldSettings(['separator='])).toThrow('separator is /t, /s or one ASCII character');
    expect(() => fieldSettings(['separator=ab'])).toThrow('separator is /t, /s or one ASCII character');
    expect(() => fieldSettings(['toString=y'])).toThrow('is not one of');
  });
});

describeWith(['tshark'], 'formats against tshark', () => {
  const columns = '-e frame.number -e ip.src -e tcp.dstport -e dns.qry.name'.split(' ');

  it.each([
    [[]],
    [['-E', 'header=y', '-E', 'separator=,', '-E', 'quote=d']],
    [['-E', 'separator=;', '-E', 'occurrence=f']],
    [['-Y', 'dns && frame.number > 26']],
    [['-Y', 'tcp.flags.syn == 1 or arp']],
  ])('-T fields %j', (options) => {
    expect(read('-T', 'fields', ...columns, ...options)).toBe(tshark('-T', 'fields', ...columns, ...options));
  });

  it('-Y selects the frames that tshark selects: as text, to a file, before --print', () => {
    const numbers = tshark('-Y', 'dns', '-T', 'fields', '-e', 'frame.number').trim().split('\n').map(Number);
    expect(numbers.length).toBeGreaterThan(3);
    const all = tcpdump('-n', '-t', '-r', TOUR)
      .split('\n')
      .filter((line) => !line.startsWith('\t'));
    expect(read('-nt', '-Y', 'dns').trimEnd().split('\n')).toEqual(numbers.map((number) => all[number - 1]));
    const printed = read('-Y', 'dns', '-w', at('dns.pcapng'), '--print', '-T', 'fields', '-e', 'frame.number');
    expect(printed.trim().split('\n').map(Number)).toEqual(numbers);
    const { frames } = readSavefile(TOUR);
    expect(readSavefile(at('dns.pcapng')).frames.map(({ bytes }) => Buffer.from(bytes))).toEqual(
      numbers.map((number) => Buffer.from(frames[number - 1]!.bytes)),
    );
  });
});

describe('formats', () => {
  it('json with and without bytes, ek and tree', () => {
    const plain = read('--format', 'json', '-Y', 'frame.number == 3').trim();
    const raw = JSON.parse(read('--format', 'json', '--raw', '-Y', 'frame.number == 3'));
    expect(JSON.parse(plain)).toMatchObject({ frame: { 'frame.number': 3 } });
    expect(JSON.parse(plain)).not.toHaveProperty('frame_raw');
    expect(raw.frame_raw).toBe(Buffer.from(readSavefile(TOUR).frames[2]!.bytes).toString('hex'));
    const ek = read('--format', 'ek', '-c', '2').trim().split('\n');
    expect(ek.map((line) => Object.keys(JSON.parse(line)))).toEqual([
      ['index'],
      ['timestamp', 'layers'],
      ['index'],
      ['timestamp', 'layers'],
    ]);
    expect(read('--tree', '-c', '1')).toMatch(/^Frame 1: 90 bytes on wire[\s\S]*Destination: .* \(eth\.dst\)\n/);
    expect(read('-T', 'tree', '-c', '1')).toBe(read('--format', 'tree', '-c', '1'));
  });

  it('what is wrong is told with exit code 2, before anything is written', () => {
    expect(refused('-T', 'fields')).toContain('prints what -e names');
    expect(refused('-T', 'fields', '-e', 'ip.srcc')).toMatch(
      /^netlab: -e: there is no field 'ip\.srcc'; near to it: ip\.src.*\n$/,
    );
    expect(refused('-Y', 'tcp.prot == 1', '-w', at('never.pcap'))).toMatch(
      /^netlab: display filter: 'tcp\.prot' is neither a field nor a protocol; near to it: tcp\.port.*\n {2}tcp\.prot == 1\n {2}\^~{7}\n$/,
    );
    expect(existsSync(at('never.pcap'))).toBe(false);
    expect(refused('-T', 'json', '--tree')).toContain('one format at a time');
    expect(refused('-E', 'header=y')).toContain('-E is about the columns');
    expect(refused('--raw')).toContain('--raw goes with --format json');
    expect(refused('--format', 'parquet')).toContain('needs -w');
    expect(refused('--format', 'parquet', '-w', at('x'), '-e', 'ip.src', '-e', 'ip.src')).toContain('stands twice');
    expect(refused('-w', at('x.parquet'))).toContain('--format parquet');
    expect(refused('--format', 'csv')).toContain('text, json, fields');
  });

  it('read -w without a display filter loads nothing that dissects', () => {
    const trace = netlab(['read', TOUR, '-w', at('copy.pcap')], { env: { NODE_DEBUG: 'esm' } });
    expect(trace.status).toBe(0);
    expect(trace.stderr).toContain('outputs');
    expect(trace.stderr).not.toMatch(/dissect\/(fields|protocols|columns|packets)/);
  });
});

/** The rows of a Parquet file. */
async function table(path: string): Promise<{ rows: Record<string, unknown>[]; groups: number }> {
  const file = await asyncBufferFromFile(path);
  const metadata = await parquetMetadataAsync(file);
  return { rows: await parquetReadObjects({ file, metadata }), groups: metadata.row_groups.length };
}

describe('parquet', () => {
  it('has the values of the JSON, typed', async () => {
    read('--format', 'parquet', '-w', at('tour.parquet'));
    const { rows } = await table(at('tour.parquet'));
    const packets = read('--format', 'json').trim().split('\n');
    expect(rows).toHaveLength(packets.length);
    const metadata = await parquetMetadataAsync(await asyncBufferFromFile(at('tour.parquet')));
    expect(metadata.schema.find(({ name }) => name === 'frame.time_epoch')).toMatchObject({
      type: 'INT64',
      logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'NANOS' },
    });
    rows.forEach((row, i) => {
      const layers = JSON.parse(packets[i]!) as Record<string, Record<string, unknown>>;
      for (const [name, value] of Object.entries(row)) {
        // The first layer that has the field.
        const first = Object.values(layers).find(
          (layer) => layer !== null && typeof layer === 'object' && name in layer,
        );
        const found = first?.[name];
        const expected = Array.isArray(found) ? found[0] : (found ?? null);
        if (name === 'frame.time_epoch')
          expect((value as Date).getTime()).toBe(Math.floor(Number(String(expected).slice(0, 14)) * 1000));
        else expect({ name, value }).toEqual({ name, value: expected });
      }
    });
  });

  it('columns of choice; all values of a field; a column for a protocol', async () => {
    read(
      '--format',
      'parquet',
      '-w',
      at('chosen.parquet'),
      ...'-e ip.addr -e dns.qry.name -e dns -e dns.id -E occurrence=a'.split(' '),
      '-Y',
      'dns',
    );
    const { rows } = await table(at('chosen.parquet'));
    expect(rows.length).toBeGreaterThan(3);
    expect(rows[0]).toEqual({
      'ip.addr': ['192.0.2.1', '192.0.2.2'],
      'dns.qry.name': ['www.example.org'],
      dns: true,
      'dns.id': [expect.any(Number)],
    });
  });

  it('nanoseconds, uint32 and 64 bits keep every digit', async () => {
    const frames = readSavefile(TOUR).frames.slice(0, 1);
    writeSavefile(at('nano.pcapng'), [{ ...frames[0]!, seconds: 1_700_000_000, nanoseconds: 123_456_789 }]);
    netlab(['read', at('nano.pcapng'), '--format', 'parquet', '-w', at('nano.parquet'), '-e', 'frame.time_epoch']);
    const bytes = readFileSync(at('nano.parquet'));
    expect(bytes.includes(Buffer.from(new BigInt64Array([1_700_000_000_123_456_789n]).buffer))).toBe(true);
  });

  it('row groups: memory does not grow with the capture', async () => {
    const [frame] = readSavefile(TOUR).frames;
    const count = 70_000;
    writeSavefile(
      at('many.pcap'),
      Array.from({ length: count }, (_, i) => ({ ...frame!, seconds: 1_700_000_000 + i, nanoseconds: 0 })),
    );
    const args = ['--format', 'parquet', '-e', 'frame.number', '-e', 'eth.src'];
    expect(netlab(['read', at('many.pcap'), ...args, '-w', at('many.parquet')])).toMatchObject({
      status: 0,
      stderr: '',
    });
    const { rows, groups } = await table(at('many.parquet'));
    expect([rows.length, groups]).toEqual([count, 3]);
    expect(rows[count - 1]!['frame.number']).toBe(count);
  });

  it('a directory by date and hour, in UTC; a second run into it is refused', async () => {
    const [frame] = readSavefile(TOUR).frames;
    const hours = [0, 1, 0, 2, 3, 4, 5, 0];
    writeSavefile(
      at('hours.pcap'),
      hours.map((hour) => ({ ...frame!, seconds: 1_699_999_200 - 22 * 3600 + hour * 3600 + 5, nanoseconds: 0 })),
    );
    const words = ['read', at('hours.pcap'), '--format', 'parquet', '-w', `${at('table')}/`, '-e', 'frame.number'];
    expect(netlab(words)).toMatchObject({ status: 0, stderr: '' });
    const files = readdirSync(at('table'), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('t'));
    const found: [string, unknown[]][] = [];
    for (const name of files.sort()) {
      const { rows } = await table(`${at('table')}/${name}`);
      found.push([name, rows.map((row) => row['frame.number'])]);
    }
    // Of three hours at a time the one that was not written for longest is closed; it may begin again.
    expect(found).toEqual([
      ['date=2023-11-14/hour=00/part-0.parquet', [1, 3]],
      ['date=2023-11-14/hour=00/part-1.parquet', [8]],
      ['date=2023-11-14/hour=01/part-0.parquet', [2]],
      ['date=2023-11-14/hour=02/part-0.parquet', [4]],
      ['date=2023-11-14/hour=03/part-0.parquet', [5]],
      ['date=2023-11-14/hour=04/part-0.parquet', [6]],
      ['date=2023-11-14/hour=05/part-0.parquet', [7]],
    ]);
    const again = netlab(words);
    expect(again.status).toBe(1);
    expect(again.stderr).toContain('has date=2023-11-14 already');
  });

  it('an empty capture is an empty table', async () => {
    writeFileSync(at('none.pcap'), readFileSync(TOUR));
    expect(
      netlab(['read', at('none.pcap'), '-Y', 'frame.number == 0', '--format', 'parquet', '-w', at('none')]).status,
    ).toBe(0);
    expect((await table(at('none'))).rows).toEqual([]);
  });
});
