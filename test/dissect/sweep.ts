/** Compares the values of all our fields with tshark's over captures, and counts what differs by field; then lists the
 * fields of our protocols that tshark has in these captures and we have not.
 *
 *   tsx test/dissect/sweep.ts FILE|FOLDER… [--fields REGEXP] [--show SAMPLES] [--lacking COUNT]
 *
 * What tshark says is kept under the folder for temporary files, so that a second run takes seconds. */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { TextWriter } from '../../src/bytes/text.ts';
import { writeValue } from '../../src/dissect/columns.ts';
import { allFields, fieldNames, findFields } from '../../src/dissect/fields.ts';
import { PacketWalker } from '../../src/dissect/packets.ts';
import { protocols } from '../../src/dissect/protocols.ts';
import { openSavefile, SavefileError } from '../../src/savefile/index.ts';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    fields: { type: 'string', default: '.' },
    show: { type: 'string', default: '2' },
    lacking: { type: 'string', default: '40' },
  },
});
const only = new RegExp(options.fields);
const shown = Number(options.show);

const CACHE = join(tmpdir(), 'netlab-sweep');
mkdirSync(CACHE, { recursive: true });
const AGGREGATOR = '\x1f';

/** What `kept` makes of tshark's output, from the cache where it has been asked before. */
function tshark(file: string, words: readonly string[], kept: (text: string) => string): string {
  const key = `${file}\n${statSync(file).mtimeMs}\n${words.join(' ')}`;
  const path = join(CACHE, createHash('sha1').update(key).digest('hex'));
  if (existsSync(path)) return readFileSync(path, 'utf8');
  const done = spawnSync('tshark', ['-n', '-r', file, ...words], { encoding: 'utf8', maxBuffer: 1 << 30 });
  if (done.error) throw done.error;
  const text = kept(done.stdout);
  writeFileSync(path, text);
  return text;
}

/** How many frames of the file have each field. */
function namesIn(file: string): Map<string, number> {
  const text = tshark(file, ['-T', 'pdml'], (pdml) => {
    const counts = new Map<string, number>();
    for (const packet of pdml.split('<packet>').slice(1)) {
      const names = new Set(Array.from(packet.matchAll(/<field name="([^"]+)"/g), (match) => match[1]!));
      for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    return JSON.stringify([...counts]);
  });
  return new Map(JSON.parse(text) as [string, number][]);
}

/** tshark's values: a row of cells for each frame. */
function theirs(file: string, names: readonly string[]): string[][] {
  const words = ['-T', 'fields', '-E', 'occurrence=a', '-E', `aggregator=${AGGREGATOR}`];
  const text = tshark(file, [...words, ...names.flatMap((name) => ['-e', name])], (lines) => lines);
  const lines = text.split('\n').slice(0, -1);
  return lines.map((line) => line.split('\t'));
}

const namesOfId: string[][] = allFields.map(() => []);
for (const name of fieldNames()) for (const { id } of findFields(name)) namesOfId[id]!.push(name);

/** Our values: a map for each frame. */
async function ours(file: string): Promise<Map<string, string>[]> {
  // Fields that are made only for who asks by name are asked for.
  const walker = new PacketWalker({ wanted: new Uint8Array(allFields.length).fill(1) });
  const source = await openSavefile(file);
  const frames: Map<string, string>[] = [];
  const out = new TextWriter(1 << 16);
  for await (const block of source)
    for (let row = 0; row < block.count; row++) {
      walker.walk(block, row, source.interfaces);
      const f = walker.fields;
      const frame = new Map<string, string>();
      for (let i = 0; i < f.count; i++) {
        out.clear();
        writeValue(out, f, i, allFields[f.id[i]!]!);
        const text = Buffer.from(out.view()).toString('utf8');
        for (const name of namesOfId[f.id[i]!]!) {
          const before = frame.get(name);
          frame.set(name, before === undefined ? text : before + AGGREGATOR + text);
        }
      }
      frames.push(frame);
    }
  return frames;
}

/** tshark's names of fields with their types. */
const typeOf = new Map<string, string>();
for (const line of execFileSync('tshark', ['-G', 'fields'], { encoding: 'utf8', maxBuffer: 1 << 28 }).split('\n')) {
  const words = line.split('\t');
  if (words[0] === 'F' && !typeOf.has(words[2]!)) typeOf.set(words[2]!, words[3]!);
}
const prefixOf = (name: string): string => name.split('.', 1)[0]!;
const prefixes = new Set([...fieldNames().map(prefixOf), ...protocols.map(({ name }) => prefixOf(name))]);
const isOurs = (name: string): boolean => findFields(name).length > 0;

/** Names of layers that are in our registry. */
const layerNames = new Set([
  ...protocols.map(({ name }) => name),
  ...['eth', 'ethertype', 'llc', 'frame', 'data', 'raw', 'sll', 'null', 'fddi', 'vlan', 'ppp', 'tcp.segments', 'mime'],
]);

/** True where a protocol that we do not have carries others, or stands where we see another: nothing that follows it can be the same. */
const isForeign = (layers: string): boolean =>
  layers
    .split(':')
    .slice(0, -1)
    .some((name) => !layerNames.has(name));

interface Tally {
  cells: number;
  differing: number;
  /** Of those that differ: in frames with protocols that we do not have. */
  foreign: number;
  samples: string[];
  files: Set<string>;
}
const tallies = new Map<string, Tally>();
const lacking = new Map<string, { frames: number; files: string[] }>();

async function sweep(file: string): Promise<void> {
  const counts = namesIn(file);
  const names = [...counts.keys()].filter((name) => typeOf.has(name) && prefixes.has(prefixOf(name)));
  const their = theirs(file, names);
  let our: Map<string, string>[];
  try {
    our = await ours(file);
  } catch (error) {
    if (!(error instanceof SavefileError)) throw error;
    console.log(`${file}: ${error.message}; tshark has ${their.length} frames`);
    return;
  }
  if (our.length !== their.length) console.log(`${file}: ${our.length} frames, tshark has ${their.length}`);
  const columns = new Map(names.map((name, column) => [name, column]));
  const asked = new Set(names.filter(isOurs));
  for (const frame of our) for (const name of frame.keys()) if (typeOf.has(name)) asked.add(name);
  for (const name of asked) {
    if (!only.test(name)) continue;
    let tally = tallies.get(name);
    if (!tally) tallies.set(name, (tally = { cells: 0, differing: 0, foreign: 0, samples: [], files: new Set() }));
    const column = columns.get(name);
    for (const [index, frame] of our.entries()) {
      const mine = frame.get(name) ?? '';
      const other = column === undefined ? '' : (their[index]?.[column] ?? '');
      if (mine === '' && other === '') continue;
      tally.cells++;
      if (mine === other) continue;
      tally.differing++;
      if (isForeign(their[index]?.[columns.get('frame.protocols')!] ?? '')) {
        tally.foreign++;
        continue;
      }
      if (tally.files.size < shown && !tally.files.has(file))
        tally.samples.push(
          `    ${file} #${index + 1}: ours '${mine.slice(0, 150).replaceAll(AGGREGATOR, ' | ')}' tshark '${other.slice(0, 150).replaceAll(AGGREGATOR, ' | ')}'`,
        );
      tally.files.add(file);
    }
  }
  for (const name of names) {
    if (isOurs(name) || !only.test(name)) continue;
    let entry = lacking.get(name);
    if (!entry) lacking.set(name, (entry = { frames: 0, files: [] }));
    entry.frames += counts.get(name)!;
    entry.files.push(file);
  }
}

for (const path of positionals)
  if (statSync(path).isDirectory()) {
    for (const name of readdirSync(path, { recursive: true, encoding: 'utf8' }))
      if (/\.(pcap|pcapng|cap|trace)(\.gz)?$/.test(name)) await sweep(join(path, name));
  } else await sweep(path);

let cells = 0;
let differing = 0;
let foreign = 0;
let fields = 0;
for (const [name, tally] of [...tallies].sort(
  (a, b) => b[1].differing - b[1].foreign - a[1].differing + a[1].foreign,
)) {
  cells += tally.cells;
  differing += tally.differing;
  foreign += tally.foreign;
  if (tally.differing === tally.foreign) continue;
  fields++;
  console.log(`${name}: ${tally.differing - tally.foreign} of ${tally.cells} in ${tally.files.size} files`);
  for (const sample of tally.samples) console.log(sample);
}
console.log('\nfields of our protocols that tshark has and we have not:');
for (const [name, { frames, files }] of [...lacking]
  .sort((a, b) => b[1].frames - a[1].frames)
  .slice(0, Number(options.lacking)))
  console.log(`  ${name} (${typeOf.get(name)}): ${frames} frames in ${files.length} files, as ${files[0]}`);
console.log(
  `\n${differing} of ${cells} cells differ (${foreign} of them in frames with other protocols below), of ${fields} of ${tallies.size} fields; ${lacking.size} fields lacking`,
);
