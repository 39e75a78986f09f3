/** Fields of crafted frames in columns, as tshark gives them: what stands behind the payload of an Ethernet frame, parts of
 * addresses, labels and options of TCP, and text with odd characters. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ColumnPrinter } from '../../src/dissect/columns.ts';
import '../../src/dissect/protocols.ts';
import { openSavefile } from '../../src/savefile/index.ts';
import { hasTshark } from './fixture.ts';
import { type Frame, savefile } from './oracle.ts';

const ADDRESSES = '0250568c2fb1 00d0033bf400';
const bytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const be16 = (value: number): string => value.toString(16).padStart(4, '0');

const ipv4 = (protocol: string, payload: string): string =>
  `45000000 00010000 40${protocol}0000 c0000201 c6336402`.replace('0000', be16(20 + bytesOf(payload).length)) + payload;
const ipv6 = (payload: string): string =>
  `60000000 ${be16(bytesOf(payload).length)} 1140 20010db8000000000000000000000001 20010db8000000000000000000000002${payload}`;
const udp = (payload: string): string => `c000c001 ${be16(8 + bytesOf(payload).length)} 0000${payload}`;
const tcp = (flags: number, options = '', payload = '', ports = 'c000c001'): string =>
  `${ports} 00000001 00000000 ${be16(((5 + bytesOf(options).length / 4) << 12) | flags)} 2000 0000 0000${options}${payload}`;
const ethernet = (type: string, payload: string, behind = ''): Frame => ({
  bytes: bytesOf(`${ADDRESSES} ${type} ${payload}${behind}`),
});
const zeros = (count: number): string => '00'.repeat(count);

const SMALL = ipv4('11', udp('0102'));
const LARGE = ipv4('11', udp(zeros(60)));
const ARP = '0001 0800 0604 0001 00d0033bf400 c0000201 000000000000 c0000202';
const VLAN = '8100';

const TRAILERS: readonly Frame[] = [
  ethernet('0800', SMALL),
  ethernet('0800', SMALL, zeros(16)),
  ethernet('0800', SMALL, zeros(15)),
  ethernet('0800', SMALL, `${zeros(15)}01`),
  // Padding and what presumably is the frame check sequence.
  ethernet('0800', SMALL, `${zeros(16)}a1a2a3a4`),
  ethernet('0800', SMALL, `${zeros(16)}01020304 a1a2a3a4`),
  ethernet('0800', SMALL, `${zeros(16)}010203`),
  ethernet('0800', LARGE),
  ethernet('0800', LARGE, 'a1a2a3'),
  ethernet('0800', LARGE, 'a1a2a3a4'),
  ethernet('0800', LARGE, '000000 a1a2a3a4'),
  ethernet('0806', ARP, zeros(18)),
  ethernet('0806', ARP, `${zeros(17)}05`),
  ethernet('0806', ARP, `${zeros(18)}a1a2a3a4`),
  ethernet('86dd', ipv6(udp('')), zeros(4)),
  ethernet('86dd', ipv6(udp(zeros(40))), '01020304050607'),
  // A length, and LLC: STP's group, and SNAP.
  ethernet('0003', 'f0f003', zeros(43)),
  ethernet('0008', 'aaaa03 0000000801', `${zeros(38)}a1a2a3a4`),
  // Tags have trailers, and no check sequence.
  ethernet(VLAN, `2064 0800 ${SMALL}`, zeros(12)),
  ethernet(VLAN, `2064 0800 ${SMALL}`, `${zeros(12)}01020304`),
  ethernet(VLAN, `2064 0800 ${LARGE}`, '0102030405'),
  ethernet(VLAN, `2064 0806 ${ARP}`, zeros(14)),
  ethernet('8847', `0001 01ff ${SMALL}`, zeros(12)),
  // Segmentation offload leaves no length.
  ethernet('0800', SMALL.replace(/^4500..../, '45000000'), zeros(16)),
  // Cut by the snapshot length.
  ...[58, 61, 62, 64, 66].map((length): Frame => {
    const { bytes } = ethernet('0800', SMALL, `${zeros(16)}01020304 a1a2a3a4`);
    return { bytes: bytes.slice(0, length), originalLength: bytes.length };
  }),
];
const TRAILER_FIELDS = ['eth.padding', 'eth.trailer', 'eth.fcs', 'eth.fcs.status', 'vlan.trailer'];
const PART_FIELDS = `eth.dst_resolved eth.src_resolved eth.addr_resolved eth.dst.oui eth.src.oui eth.addr.oui eth.dst.lg
  eth.src.lg eth.lg eth.dst.ig eth.src.ig eth.ig llc.dsap llc.dsap.sap llc.dsap.ig llc.ssap llc.ssap.sap llc.ssap.cr
  llc.oui ip.src_host ip.dst_host ip.host ipv6.src_host ipv6.dst_host ipv6.host`.split(/\s+/);

const SEGMENTS: readonly Frame[] = [
  ...[0xfff, 0x002, 0x012, 0x011, 0x004, 0x014, 0x003, 0x018, 0x000, 0x100, 0x800].map((flags) =>
    ethernet('0800', ipv4('06', tcp(flags))),
  ),
  // Options: behind the end of the list others may stand; scales that are too large.
  ...['04020000', '00000000', '00040200', '01000101', '03030001', '01030307', '0303ff00', '0303100000000000'].map(
    (options) => ethernet('0800', ipv4('06', tcp(0x002, options))),
  ),
];
const SEGMENT_FIELDS = `tcp.flags.str tcp.connection.syn tcp.connection.synack tcp.connection.fin tcp.connection.rst
  tcp.option_kind tcp.option_len tcp.options.wscale.shift tcp.options.wscale.multiplier tcp.options.sack_perm`.split(
  /\s+/,
);

/** Texts of FTP: a backslash, a backspace, a form feed, a tabulator. */
const TEXTS: readonly Frame[] = [
  ethernet('0800', ipv4('06', tcp(0x018, '', hex(Buffer.from('220 a\\b \\n \bc\fd\te\r\n')), '0015c000'))),
  // Blanks at the ends, and nothing but a blank.
  ethernet('0800', ipv4('06', tcp(0x018, '', hex(Buffer.from('226-  text \r\n')), '0015c000'))),
  ethernet('0800', ipv4('06', tcp(0x018, '', hex(Buffer.from('220- \r\n')), '0015c000'))),
  ethernet('0800', ipv4('06', tcp(0x018, '', hex(Buffer.from('RETR  a b  \r\n')), 'c0000015'))),
  // Addresses that are the sender's, and another's.
  ...['192,0,2,1', '10,0,0,1'].flatMap((address) => [
    ethernet('0800', ipv4('06', tcp(0x018, '', hex(Buffer.from(`227 Passive (${address},4,1)\r\n`)), '0015c000'))),
    ethernet('0800', ipv4('06', tcp(0x018, '', hex(Buffer.from(`PORT ${address},4,1\r\n`)), 'c0000015'))),
  ]),
  // EDNS: an option without bytes, and one with.
  ethernet(
    '0800',
    ipv4(
      '11',
      `c0000035 002c 0000 0001 0100 0001 0000 0000 0001 00 0001 0001 00 0029 1000 00000000 000b 000a0000 000b0003010203`,
    ),
  ),
];
const TEXT_FIELDS = `ftp.response.arg ftp.request.arg ftp.passive.ip ftp.passive.port ftp.passive.nat ftp.active.cip
  ftp.active.port ftp.active.nat dns.opt.code dns.opt.data`.split(/\s+/);

/** Connections of two hosts: the side that sends, and its flags and whether it sends data. */
const CONNECTIONS = `As Bx Aa Ad Af Ba Bf Aa|Ad Bd Ad Ad|Aa Ad Aa Aa|Aa Ba Aa|Ar Br Ar|Af Af Af|Bs As Aa Aa|As Ad Aa Aa
  As Bx Ad Aa Aa|Bx Aa Ad Aa|Aa Bx Ad Aa|Aa Bq Aa Aa|As Bn Aa Aa|As Bg Aa Aa|As Bx Bq Aa|As Bz Aa|As Ay Aa|As Bw Aa`.split(
  /\|\s*|\n\s*/,
);
const KINDS: Readonly<Record<string, number>> = {
  ...{ s: 0x02, x: 0x12, a: 0x10, d: 0x18, f: 0x11, r: 0x04, q: 0x14, n: 0x08, g: 0x01, z: 0x13, y: 0x03, w: 0x16 },
};
const STEPS: readonly Frame[] = CONNECTIONS.flatMap((steps, connection) => {
  const next: Record<string, number> = { A: 1000, B: 5000 };
  return steps.split(' ').map((step): Frame => {
    const [side, kind] = [step[0]!, step[1]!];
    const isA = side === 'A';
    const flags = KINDS[kind]!;
    const payload = kind === 'd' || kind === 'n' ? 'abcdef' : '';
    const word = (value: number): string => value.toString(16).padStart(8, '0');
    const ports = isA ? `${be16(1000 + connection)}c001` : `c001${be16(1000 + connection)}`;
    const numbers = `${word(next[side]!)} ${word(flags & 0x10 ? next[isA ? 'B' : 'A']! : 0)}`;
    next[side] = next[side]! + payload.length / 2 + (flags & 3 ? 1 : 0);
    const ip = ipv4('06', tcp(flags, '', payload, ports).replace('00000001 00000000', numbers));
    const turned = ip.replace('c0000201 c6336402', 'c6336402 c0000201');
    return ethernet('0800', isA ? ip : turned);
  });
});

async function ours(file: string, fields: readonly string[]): Promise<string[]> {
  const chunks: Buffer[] = [];
  const printer = new ColumnPrinter({ fields }, (chunk) => chunks.push(Buffer.from(chunk)));
  const source = await openSavefile(file);
  for await (const block of source) printer.print(block, source.interfaces);
  printer.flush();
  return Buffer.concat(chunks).toString('utf8').split('\n').slice(0, -1);
}

function theirs(file: string, fields: readonly string[]): string[] {
  const names = fields.flatMap((name) => ['-e', name]);
  const done = spawnSync('tshark', ['-n', '-r', file, '-T', 'fields', ...names], { encoding: 'utf8' });
  expect(done.status, done.stderr).toBe(0);
  return done.stdout.split('\n').slice(0, -1);
}

/** Each differing cell of the frames' fields a line. */
async function differences(frames: readonly Frame[], fields: readonly string[]): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'netlab-trailers-'));
  try {
    const file = join(folder, 'frames.pcap');
    writeFileSync(file, savefile(frames, 1));
    const mine = await ours(file, fields);
    const other = theirs(file, fields);
    expect(mine.length).toBe(frames.length);
    expect(other.length).toBe(frames.length);
    expect(other.join('').replaceAll('\t', ''), 'tshark gives none of the fields').not.toBe('');
    return mine.flatMap((line, frame) => {
      const cells = line.split('\t');
      const reference = other[frame]!.split('\t');
      return fields.flatMap((name, column) =>
        cells[column] === reference[column]
          ? []
          : [`#${frame + 1} ${name}: ours '${cells[column]}', theirs '${reference[column]}'`],
      );
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe.skipIf(!hasTshark)('columns of crafted frames against tshark', () => {
  it('padding, trailer and check sequence behind the payload', async () => {
    expect(await differences(TRAILERS, TRAILER_FIELDS)).toEqual([]);
  });
  it('parts of addresses, and hosts without names', async () => {
    expect(await differences(TRAILERS, PART_FIELDS)).toEqual([]);
  });
  it('flags as letters, connection labels, options up to the end of the header', async () => {
    expect(await differences(SEGMENTS, SEGMENT_FIELDS)).toEqual([]);
  });
  it('completeness of connections that are seen from their start or later', async () => {
    expect(await differences(STEPS, ['tcp.stream', 'tcp.completeness'])).toEqual([]);
  });
  it('text with a backslash, blanks and control characters, and bytes of which there are none', async () => {
    expect(await differences(TEXTS, TEXT_FIELDS)).toEqual([]);
  });
});
