import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compileDisplayFilter } from '../../src/dissect/display/compile.ts';
import { JsonPrinter } from '../../src/dissect/json.ts';
import { blockOf, readSavefile } from '../../src/savefile/index.ts';

const FIXTURES = ['fixtures/tour.pcapng', ...folder('fixtures/protocols')];
const MOST = 60;
const ONLY = [
  'frame.len',
  'frame.protocols',
  'eth.addr',
  'ip.src',
  'ipv6.dst',
  'tcp.srcport',
  'tcp.flags.syn',
  'tcp.stream',
  'tcp.payload',
  'tcp.options.mss_val',
  'udp.port',
  'dns.qry.name',
  'http.host',
  'vlan.id',
  'icmp.type',
];

function folder(path: string): string[] {
  return readdirSync(path)
    .filter((name) => name.endsWith('.pcap'))
    .sort()
    .map((name) => join(path, name));
}

type Layers = Record<string, Record<string, unknown>>;

function objectsOf(path: string, options: { raw?: boolean; only?: readonly string[]; filter?: string }): Layers[] {
  const saved = readSavefile(path);
  const frames = saved.frames.slice(0, MOST).map((frame) => ({ ...frame, interfaceId: 0 }));
  let text = '';
  const { filter, ...others } = options;
  const printer = new JsonPrinter(
    { ...others, ...(filter === undefined ? {} : { filter: compileDisplayFilter(filter) }) },
    (chunk) => {
      text += Buffer.from(chunk).toString('utf8');
    },
  );
  printer.print(blockOf(frames), saved.interfaces);
  printer.flush();
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Layers);
}

/** What is left of an object of all fields. */
function chosen(all: Layers, names: ReadonlySet<string>): Layers {
  const left: Layers = {};
  for (const [layer, fields] of Object.entries(all)) {
    if (typeof fields !== 'object') continue;
    const some = Object.entries(fields).filter(([name]) => names.has(name));
    if (some.length > 0 && layer !== 'stop') left[layer] = Object.fromEntries(some);
  }
  return left;
}

describe('JSON of chosen fields', () => {
  it('is what all fields are, without the others, their layers and the reason of a stop', () => {
    const names = new Set([...ONLY, 'eth.src', 'eth.dst', 'udp.srcport', 'udp.dstport']);
    const seen = new Set<string>();
    for (const path of FIXTURES) {
      const ours = objectsOf(path, { only: ONLY });
      const expected = objectsOf(path, { raw: true }).map((all) => chosen(all, names));
      expect(ours, path).toEqual(expected);
      for (const object of ours) for (const fields of Object.values(object)) for (const name in fields) seen.add(name);
    }
    expect(ONLY.filter((name) => !seen.has(name) && !/addr|port$/.test(name))).toEqual([]);
  });

  it('goes with a display filter, whose fields are not shown for that', () => {
    const [path] = FIXTURES;
    const ours = objectsOf(path!, { only: ['frame.number'], filter: 'udp.dstport == 53' });
    const all = objectsOf(path!, { filter: 'udp.dstport == 53' });
    expect(ours.length).toBeGreaterThan(0);
    expect(ours).toEqual(all.map(({ frame }) => ({ frame: { 'frame.number': frame!['frame.number'] } })));
  });

  it('has fields that are there only for who names them', () => {
    const [path] = FIXTURES;
    const labels = objectsOf(path!, { only: ['tcp.flags.str'], filter: 'tcp.flags.syn == 1 && tcp.flags.ack == 0' });
    expect(labels[0]).toEqual({ tcp: { 'tcp.flags.str': '··········S·' } });
  });

  it('refuses what is no field', () => {
    expect(() => new JsonPrinter({ only: ['ip.sorce'] }, () => undefined)).toThrow(
      "there is no field 'ip.sorce'; near to it: ip.src",
    );
  });
});
