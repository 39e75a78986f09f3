/** Compares our fields with tshark's over captures and counts what differs, by field.
 *
 *   tsx test/dissect/session/compare.ts FILE|FOLDER… [--fields tcp.stream,…] */
import { spawnSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { readAny } from '../oracle.ts';
import { OURS, sessionFields, tsharkFields } from './oracle.ts';

const args = process.argv.slice(2);
const at = args.indexOf('--fields');
const names = at < 0 ? OURS : args.splice(at, 2)[1]!.split(',');
const paths = args.flatMap((path) =>
  statSync(path).isDirectory()
    ? readdirSync(path, { recursive: true, encoding: 'utf8' })
        .filter((name) => /pcap/.test(name))
        .map((name) => join(path, name))
    : [path],
);
const shown = Number(process.env['SHOW'] ?? 3);
const differing = new Map<string, { count: number; samples: string[]; files: Set<string> }>();
let values = 0;
for (const path of paths) {
  const capture = readAny(path);
  if (capture === null) continue;
  if (
    !/tcp|udp|frag/i.test(
      spawnSync('tcpdump', ['-nr', path, '-c', '1', 'tcp or udp or ip6 or ip[6:2]&0x3fff!=0'], { encoding: 'utf8' })
        .stdout
        ? 'tcp'
        : '',
    )
  )
    continue;
  const ours = sessionFields(capture.frames, capture.linkType, names);
  const theirs = tsharkFields(path, names);
  if (theirs.length !== ours.length) {
    console.log(`${path}: ${ours.length} frames, tshark has ${theirs.length}`);
    continue;
  }
  for (const [frame, row] of theirs.entries())
    for (const [column, their] of row.entries()) {
      const our = ours[frame]![column]!;
      if (our === '' && their === '') continue;
      values++;
      if (our === their) continue;
      const name = names[column]!;
      let entry = differing.get(name);
      if (!entry) differing.set(name, (entry = { count: 0, samples: [], files: new Set() }));
      entry.count++;
      if (!entry.files.has(path)) {
        entry.files.add(path);
        if (entry.samples.length < shown)
          entry.samples.push(`  ${path} #${frame + 1}: ours '${our.slice(0, 80)}' tshark '${their.slice(0, 80)}'`);
      }
    }
}
for (const [name, { count, samples, files }] of [...differing].sort((a, b) => b[1].count - a[1].count))
  console.log(`${name}: ${count} in ${files.size} files\n${samples.join('\n')}`);
console.log(`${values} values compared`);
