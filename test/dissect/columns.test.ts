import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { type ColumnOptions, ColumnPrinter, UnknownField } from '../../src/dissect/columns.ts';
import { compileDisplayFilter } from '../../src/dissect/display/compile.ts';
import { EkPrinter } from '../../src/dissect/ek.ts';
import { TreePrinter } from '../../src/dissect/tree.ts';
import type { FrameBlock } from '../../src/frames/block.ts';
import type { FrameInterface } from '../../src/frames/source.ts';
import { openSavefile } from '../../src/savefile/index.ts';
import { describeWith } from '../support/tools.ts';

const TOUR = 'fixtures/tour.pcapng';

interface Printer {
  print(block: FrameBlock, interfaces: readonly FrameInterface[]): number;
  flush(): void;
}

/** The text that a printer makes of the tour. */
async function printed(make: (out: (chunk: Uint8Array) => void) => Printer): Promise<string> {
  const chunks: Buffer[] = [];
  const printer = make((chunk) => chunks.push(Buffer.from(chunk)));
  const source = await openSavefile(TOUR);
  for await (const block of source) printer.print(block, source.interfaces);
  printer.flush();
  return Buffer.concat(chunks).toString('utf8');
}

const columns = (options: ColumnOptions): Promise<string> => printed((out) => new ColumnPrinter(options, out));

function tshark(...args: string[]): string {
  const done = spawnSync('tshark', ['-r', TOUR, ...args], {
    encoding: 'utf8',
    env: { ...process.env, TZ: 'UTC' },
    maxBuffer: 1 << 26,
  });
  expect(done.status, done.stderr).toBe(0);
  return done.stdout;
}

/** Fields that every packet of the tour has under the same name in Wireshark. Left out: ip.version, which Wireshark also
 * gives to IPv6 packets; frame.protocols, since Wireshark knows protocols that we do not (echo). */
const FIELDS = `frame.number frame.time_epoch frame.time_delta frame.time_relative frame.len frame.cap_len
  eth.dst eth.src eth.type arp.opcode arp.src.proto_ipv4 arp.dst.hw_mac
  ip.hdr_len ip.dsfield ip.len ip.id ip.flags.df ip.flags.mf ip.frag_offset ip.ttl ip.proto ip.checksum ip.src
  ip.dst ipv6.version ipv6.plen ipv6.nxt ipv6.hlim ipv6.src ipv6.dst icmp.type icmp.code icmp.checksum icmp.ident
  icmp.seq icmpv6.type icmpv6.code icmpv6.checksum udp.srcport udp.dstport udp.length udp.checksum udp.stream
  tcp.srcport tcp.dstport tcp.stream tcp.len tcp.seq tcp.ack tcp.seq_raw tcp.hdr_len tcp.flags tcp.flags.syn
  tcp.flags.ack tcp.window_size_value tcp.window_size tcp.checksum tcp.urgent_pointer tcp.options.mss_val
  tcp.options.timestamp.tsval tcp.payload dns.id dns.flags.response dns.count.queries dns.qry.name dns.qry.type dns.a`.split(
  /\s+/,
);

describeWith(['tshark'], 'columns against tshark -T fields', () => {
  it('the same values for the same fields', async () => {
    const theirs = tshark('-T', 'fields', ...FIELDS.flatMap((name) => ['-e', name])).split('\n');
    const ours = (await columns({ fields: FIELDS })).split('\n');
    expect(ours.length).toBe(theirs.length);
    const differences = ours.flatMap((line, i) => {
      const [mine, reference] = [line.split('\t'), theirs[i]!.split('\t')];
      return FIELDS.flatMap((name, column) =>
        mine[column] === reference[column]
          ? []
          : [`frame ${i + 1} ${name}: ${mine[column]}, tshark ${reference[column]}`],
      );
    });
    expect(differences).toEqual([]);
  });

  it.each([
    [['header=y', 'separator=,', 'quote=d'], { header: true, separator: ',', quote: 'd' }],
    [['occurrence=f', 'quote=s'], { occurrence: 'f', quote: 's' }],
    [['occurrence=l', 'bom=y'], { occurrence: 'l', bom: true }],
    [['aggregator=/s', 'separator=|'], { aggregator: ' ', separator: '|' }],
  ] as const)('-E %s', async (words, options) => {
    const fields = ['frame.number', 'ip.src', 'ip.addr', 'udp.port', 'tcp.flags'];
    const theirs = tshark('-T', 'fields', ...fields.flatMap((f) => ['-e', f]), ...words.flatMap((w) => ['-E', w]));
    expect(await columns({ fields, ...options })).toBe(theirs);
  });

  it('a display filter leaves the numbers as they are', async () => {
    const theirs = tshark('-T', 'fields', '-e', 'frame.number', '-Y', 'dns || arp');
    expect(await columns({ fields: ['frame.number'], filter: compileDisplayFilter('dns || arp') })).toBe(theirs);
  });

  it('ek: the same packets under the same indices, and the values of the fields that both have', async () => {
    const parse = (text: string) =>
      text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line));
    const theirs = parse(tshark('-T', 'ek'));
    const ours = parse(await printed((out) => new EkPrinter({}, out)));
    expect(ours.length).toBe(theirs.length);
    let compared = 0;
    const differences: string[] = [];
    ours.forEach((line, i) => {
      if (line.index) {
        expect(line).toEqual(theirs[i]);
        return;
      }
      expect(line.timestamp).toBe(theirs[i].timestamp);
      for (const layer of ['eth', 'arp', 'ip', 'udp'])
        for (const [name, value] of Object.entries(line.layers[layer] ?? {})) {
          const reference = theirs[i].layers[layer]?.[name];
          // Inside ICMP errors both show a second IP header, tshark within the layer of the first.
          if (reference === undefined || Array.isArray(reference)) continue;
          compared++;
          if (JSON.stringify(value) !== JSON.stringify(reference))
            differences.push(`${i} ${name}: ${value}, ${reference}`);
        }
    });
    expect(differences).toEqual([]);
    expect(compared).toBeGreaterThan(800);
  });
});

describe('columns', () => {
  it('a field that nobody knows: the nearest names', () => {
    expect(() => new ColumnPrinter({ fields: ['ip.scr'] }, () => {})).toThrow(UnknownField);
    expect(() => new ColumnPrinter({ fields: ['ip.scr'] }, () => {})).toThrow(/ip\.src/);
  });
});

describe('tree', () => {
  it('every byte of a field stands beside it, and no line ends in a blank', async () => {
    const text = await printed((out) => new TreePrinter({ filter: compileDisplayFilter('frame.number == 12') }, out));
    expect(text).toContain('Frame 12: 42 bytes on wire, 42 captured');
    expect(text).toContain('0000  ff ff ff ff ff ff         Destination: ff:ff:ff:ff:ff:ff (eth.dst)\n');
    expect(text).toMatch(/^0014 {2}00 01 {21}Opcode: request \(1\) \(arp\.opcode\)$/m);
    expect(text.split('\n').filter((line) => line.endsWith(' '))).toEqual([]);
  });
});
