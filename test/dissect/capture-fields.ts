/** Our fields of a whole capture, with what earlier frames say of later ones, against tshark's. */
import { spawnSync } from 'node:child_process';
import { TextWriter } from '../../src/bytes/text.ts';
import { writeValue } from '../../src/dissect/columns.ts';
import { allFields } from '../../src/dissect/fields.ts';
import { PacketWalker } from '../../src/dissect/packets.ts';
import { openSavefile } from '../../src/savefile/index.ts';

const SEPARATOR = '\x1f';

/** Values of the fields by name, a map for each frame. */
async function ours(path: string, wanted: Uint8Array): Promise<Map<string, string>[]> {
  const walker = new PacketWalker({ wanted });
  const source = await openSavefile(path);
  const out = new TextWriter(1 << 12);
  const frames: Map<string, string>[] = [];
  for await (const block of source)
    for (let row = 0; row < block.count; row++) {
      walker.walk(block, row, source.interfaces);
      const f = walker.fields;
      const frame = new Map<string, string>();
      for (let i = 0; i < f.count; i++) {
        const info = allFields[f.id[i]!]!;
        out.clear();
        writeValue(out, f, i, info);
        const text = Buffer.from(out.view()).toString('utf8');
        const before = frame.get(info.name);
        frame.set(info.name, before === undefined ? text : before + SEPARATOR + text);
      }
      frames.push(frame);
    }
  return frames;
}

/** Fields whose names match `names`; each difference a line. Fields that tshark does not know are left out. */
export async function compareCapture(path: string, names: RegExp): Promise<string[]> {
  const unknown = /^tls\.handshake\.ja4/;
  const infos = allFields.filter((info) => names.test(info.name) && !unknown.test(info.name));
  const wanted = new Uint8Array(allFields.length);
  for (const { id } of infos) wanted[id] = 1;
  const frames = await ours(path, wanted);
  const columns = infos.flatMap(({ name }) => ['-e', name]);
  const done = spawnSync('tshark', ['-n', '-r', path, '-T', 'fields', '-E', `aggregator=${SEPARATOR}`, ...columns], {
    encoding: 'utf8',
    maxBuffer: 1 << 26,
    env: { ...process.env, TZ: 'UTC' },
  });
  if (done.status !== 0) throw new Error(`tshark: ${done.error ?? done.stderr}`);
  const lines = done.stdout.split('\n').slice(0, -1);
  const differences: string[] = [];
  if (lines.length !== frames.length) differences.push(`${frames.length} frames, tshark has ${lines.length}`);
  for (const [index, line] of lines.entries())
    for (const [column, cell] of line.split('\t').entries()) {
      const { name } = infos[column]!;
      const mine = frames[index]?.get(name) ?? '';
      if (mine !== cell) differences.push(`#${index + 1} ${name}: ours ${mine || '-'}, theirs ${cell || '-'}`);
    }
  return differences;
}
