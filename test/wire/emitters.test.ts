/** Each emitter has a property: a new one without it fails here. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const WIRE = join(import.meta.dirname, '../../src/wire');
const PROPERTIES = readdirSync(import.meta.dirname)
  .filter((name) => /^roundtrip.*\.test\.ts$/.test(name))
  .map((name) => readFileSync(join(import.meta.dirname, name), 'utf8'));

/** Parts of others, which write with them what their properties read back. */
const PARTS = ['dns-name.ts: emitName', 'icmp6.ts: emitFixed', 'lldp.ts: emitTlv', 'tcp-options.ts: emitOptions'];

/** Names of what writes bytes: not of what says how many. */
const emittersOf = (source: string): string[] =>
  [...source.matchAll(/^export (?:function|const) (emit(?!ted)\w*)/gm)].map((found) => found[1]!);

/** True where a test's text uses what the file exports under that name. */
function isUsed(text: string, file: string, name: string): boolean {
  const path = `'../../src/wire/${file}'`;
  const [, module] = new RegExp(`import \\* as (\\w+) from ${path.replaceAll('.', '\\.')}`).exec(text) ?? [];
  return module !== undefined && new RegExp(`\\b${module}\\.${name}\\b`).test(text);
}

it('every emitter of the wire formats is one that a property reads back', () => {
  const emitters = readdirSync(WIRE).flatMap((file) =>
    emittersOf(readFileSync(join(WIRE, file), 'utf8')).map((name) => ({ file, name })),
  );
  expect(emitters.length).toBeGreaterThan(40);
  expect(PROPERTIES.length).toBeGreaterThan(0);
  const without = emitters.filter(({ file, name }) => !PROPERTIES.some((text) => isUsed(text, file, name)));
  expect(without.map(({ file, name }) => `${file}: ${name}`)).toEqual(PARTS);
});
