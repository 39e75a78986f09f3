/** One capture with frames of every protocol that the fixtures have, for filters: those frames that we and tshark decode
 * alike. Where they differ is the business of the protocols' own tests. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { TextWriter } from '../../../src/bytes/text.ts';
import { writeValue } from '../../../src/dissect/columns.ts';
import { allFields, findFields } from '../../../src/dissect/fields.ts';
import { PacketWalker } from '../../../src/dissect/packets.ts';
import { openSavefile } from '../../../src/savefile/index.ts';

/** What has to be equal of a frame. */
const COMPARED = [
  'frame.protocols',
  'ip.src',
  'dhcp.type',
  'snmp.name',
  'snmp.community',
  'ntp.refid',
  'ntp.rootdelay',
  'udp.length',
  'eth.trailer',
  'eth.padding',
  'data.data',
  'data.len',
  'dns.qry.name',
];

const PROTOCOLS =
  'bgp cdp dccp dhcp dhcpv6 eapol geneve gre http ipip ipsec lacp lldp mpls nbns ntp ospf ppp pppoe rip sctp sip snmp stp syslog text-protocols tftp udplite vrrp vxlan'.split(
    ' ',
  );

/** Frames of each fixture that are taken: its first. */
const MOST = 16;

/** Makes it in `folder`, and gives its path and how many frames it has and had. */
export async function makeCapture(folder: string): Promise<{ path: string; frames: number; of: number }> {
  const whole = join(folder, 'whole.pcapng');
  const merged = join(folder, 'merged.pcapng');
  const path = join(folder, 'frames.pcapng');
  const files = ['fixtures/tour.pcapng', ...PROTOCOLS.map((name) => `fixtures/protocols/${name}.pcap`)];
  run('mergecap', ['-a', '-F', 'pcapng', '-w', whole, ...files]);
  const taken: string[] = [];
  let from = 1;
  for (const file of files) {
    const length = (await rows(file)).length;
    taken.push(`${from}-${from + Math.min(length, file.includes('tour') ? length : MOST) - 1}`);
    from += length;
  }
  run('editcap', ['-F', 'pcapng', '-r', whole, merged, ...taken]);
  const wanted = COMPARED.flatMap((name) => ['-e', name]);
  const theirs = run('tshark', ['-n', '-r', merged, '-T', 'fields', ...wanted])
    .split('\n')
    .slice(0, -1);
  const ours = await rows(merged);
  const differing = ours.flatMap((row, index) => (row === theirs[index] ? [] : [String(index + 1)]));
  run('editcap', ['-F', 'pcapng', merged, path, ...differing]);
  return { path, frames: ours.length - differing.length, of: ours.length };
}

function run(command: string, words: readonly string[]): string {
  const done = spawnSync(command, words, { encoding: 'utf8', maxBuffer: 1 << 28, env: { ...process.env, TZ: 'UTC' } });
  if (done.status !== 0) throw new Error(`${command}: ${done.error ?? done.stderr}`);
  return done.stdout;
}

/** A row of columns for each frame. */
async function rows(file: string): Promise<string[]> {
  const ids = COMPARED.map((name) => findFields(name)[0]!.id);
  const wanted = new Uint8Array(allFields.length);
  for (const id of ids) wanted[id] = 1;
  const walker = new PacketWalker({ wanted });
  const out = new TextWriter(1 << 16);
  const lines: string[] = [];
  const source = await openSavefile(file);
  for await (const block of source)
    for (let row = 0; row < block.count; row++) {
      walker.walk(block, row, source.interfaces);
      const f = walker.fields;
      const cells = ids.map((): string[] => []);
      for (let i = 0; i < f.count; i++) {
        const column = ids.indexOf(f.id[i]!);
        if (column < 0) continue;
        out.clear();
        writeValue(out, f, i, allFields[f.id[i]!]!);
        cells[column]!.push(Buffer.from(out.view()).toString('utf8'));
      }
      lines.push(cells.map((cell) => cell.join(',')).join('\t'));
    }
  return lines;
}
