import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compileDisplayFilter } from '../../src/dissect/display/compile.ts';
import { allFields, type Fields } from '../../src/dissect/fields.ts';
import { PacketWalker } from '../../src/dissect/packets.ts';
import { leaves } from '../../src/dissect/tables.ts';
import { openSavefile, SavefileError } from '../../src/savefile/index.ts';

const SHARED = '../shared/captures';

function capturesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(pcap|pcapng|cap)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}
const files = [...capturesIn('fixtures'), ...(existsSync(SHARED) ? capturesIn(SHARED) : [])];

/** Frames of a capture that are looked at: enough to meet its protocols. */
const MOST = 400;

/** Calls `see` with the record of each frame of a capture, walked with these options. */
async function walkAll(path: string, options: object, see: (f: Fields, number: number) => void): Promise<void> {
  const walker = new PacketWalker(options);
  const source = await openSavefile(path);
  let number = 0;
  try {
    for await (const block of source)
      for (let row = 0; row < block.count; row++) {
        if (++number > MOST) return;
        if (walker.walk(block, row, source.interfaces)) see(walker.fields, number);
      }
  } catch (error) {
    // Captures that end in the middle of a frame are among them.
    if (!(error instanceof SavefileError)) throw error;
  }
}

/** Numbers and places of the fields with one of these ids. */
function valuesOf(f: Fields, wanted: Uint8Array): string {
  let text = '';
  for (let row = 0; row < f.count; row++) if (wanted[f.id[row]!]) text += `${f.id[row]}@${f.at[row]}+${f.length[row]} `;
  return text;
}

describe('payloads passed over', () => {
  it('are of protocols whose bytes give no other fields than they say', async () => {
    const wrong = new Set<string>();
    // Several entries of the list may have one name, and make the same layer.
    const wordsOf = new Map<string, string[]>();
    for (const [{ name }, words] of leaves)
      wordsOf.set(
        name,
        words.filter((word) => wordsOf.get(name)?.includes(word) ?? true),
      );
    for (const path of files)
      await walkAll(path, {}, (f) => {
        const first = f.layerProtocol.slice(0, f.layers).findIndex(({ name }) => wordsOf.has(name));
        if (first < 0) return;
        const own = wordsOf.get(f.layerProtocol[first]!.name)!;
        for (let row = f.layerField[first]!; row < f.count; row++) {
          const { name } = allFields[f.id[row]!]!;
          if (!own.includes(name.slice(0, name.indexOf('.'))))
            wrong.add(`${f.layerProtocol[first]!.name} gives ${name} (${path})`);
        }
      });
    expect([...wrong]).toEqual([]);
  });

  it('have none of the wanted fields', async () => {
    const names = ['ip.src', 'ipv6.dst', 'tcp.srcport', 'udp.dstport', 'eth.src', 'icmp.type', 'tcp.flags.syn'];
    const wanted = new Uint8Array(allFields.length);
    for (const { id, name } of allFields) if (names.includes(name)) wanted[id] = 1;
    let compared = 0;
    for (const path of files) {
      const all: string[] = [];
      await walkAll(path, { wanted }, (f) => all.push(valuesOf(f, wanted)));
      const few: string[] = [];
      await walkAll(path, { wanted, fieldsOnly: true }, (f) => few.push(valuesOf(f, wanted)));
      expect(few, path).toEqual(all);
      compared += all.length;
    }
    expect(compared).toBeGreaterThan(100);
  });

  it('are walked where a filter asks for a protocol', async () => {
    const wanted = new Uint8Array(allFields.length);
    for (const expression of ['dns', 'dns || ip.src == 1.2.3.4', 'dns contains 00']) {
      const filter = compileDisplayFilter(expression);
      let matched = 0;
      await walkAll('fixtures/tour.pcapng', { wanted, filter, fieldsOnly: true }, () => matched++);
      expect(matched, expression).toBeGreaterThan(0);
    }
  });
});
