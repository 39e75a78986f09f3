/** Filters in the kernel: programs of the installed libpcap, adapted to the socket, against what tcpdump captures. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { linuxSystemCalls } from '../../src/linux/index.ts';
import { libpcapCompile, whyNoLibpcap } from '../../src/linux/libpcap.ts';
import { cookedProgram, socketProgram } from '../../src/socket/capture-filter.ts';
import { LINKTYPE_LINUX_SLL, LINKTYPE_LINUX_SLL2 } from '../../src/socket/linktype.ts';
import { PacketRing } from '../../src/socket/ring.ts';
import { FrameSender } from '../../src/socket/sender.ts';
import { ourMachine } from '../support/machine.ts';
import { describeNetwork, vethPair } from '../support/network.ts';
import { blockOf, collect, ETHERTYPE, hex, numbered, unhex } from './frames.ts';

const calls = linuxSystemCalls();
const cleanup: (() => void)[] = [];
afterEach(() => {
  for (const undo of cleanup.splice(0).reverse()) undo();
});

const RET_ALL = { code: 6, jt: 0, jf: 0, k: 0xffffffff };

test('a program for the socket: direction first, accepted bytes cut', () => {
  const program = [
    { code: 0x28, jt: 0, jf: 0, k: 12 },
    { code: 6, jt: 0, jf: 0, k: 262144 },
    { code: 6, jt: 0, jf: 0, k: 0 },
  ];
  expect(socketProgram(program, { snapLength: 96 })).toEqual([program[0], { ...program[1], k: 96 }, program[2]]);
  expect(socketProgram(null, { snapLength: 96 })).toEqual([{ ...RET_ALL, k: 96 }]);
  // A snapshot length of nothing must not turn into a rejection.
  expect(socketProgram(null, { snapLength: -4 })).toEqual([{ ...RET_ALL, k: 1 }]);
  expect(socketProgram(null, { snapLength: 96, direction: 'out', everyFrameIsLoopback: true })).toEqual([
    { ...RET_ALL, k: 0 },
  ]);
  // `ret a` is the program's own business.
  expect(socketProgram([{ code: 0x16, jt: 0, jf: 0, k: 0 }], { snapLength: 1 })).toEqual([
    { code: 0x16, jt: 0, jf: 0, k: 0 },
  ]);
});

test('cooked headers become ancillary loads; what has no counterpart is refused', () => {
  const load = (code: number, k: number) => ({ code, jt: 0, jf: 0, k });
  const sll2 = (code: number, k: number) => cookedProgram([load(code, k), RET_ALL], LINKTYPE_LINUX_SLL2)?.[0];
  expect(sll2(0x28, 0)).toEqual(load(0x28 & ~0x18, 0xfffff000));
  expect(sll2(0x20, 4)).toEqual(load(0x20, 0xfffff008));
  expect(sll2(0x28, 8)).toEqual(load(0x20, 0xfffff01c));
  expect(sll2(0x30, 10)).toEqual(load(0x20, 0xfffff004));
  expect(sll2(0x30, 29)).toEqual(load(0x30, 9));
  expect(sll2(0x48, 22)).toEqual(load(0x48, 2));
  expect(sll2(0xb1, 20)).toEqual(load(0xb1, 0));
  // Already ancillary.
  expect(sll2(0x20, 0xfffff004)).toEqual(load(0x20, 0xfffff004));
  // The sender's address, a part of the protocol, a load that spans fields, an offset that is computed, the length.
  for (const [code, k] of [
    [0x20, 12],
    [0x30, 1],
    [0x20, 0],
    [0x48, 0],
    [0x80, 0],
  ] as const)
    expect(sll2(code, k)).toBeUndefined();
  const sll = (code: number, k: number) => cookedProgram([load(code, k), RET_ALL], LINKTYPE_LINUX_SLL)?.[0];
  expect(sll(0x28, 0)).toEqual(load(0x20, 0xfffff004));
  expect(sll(0x28, 2)).toEqual(load(0x20, 0xfffff01c));
  expect(sll(0x28, 14)).toEqual(load(0x20, 0xfffff000));
  expect(sll(0x30, 16)).toEqual(load(0x30, 0));
  expect(sll(0x28, 4)).toBeUndefined();
  // Nothing to adapt for other link types.
  expect(cookedProgram([load(0x28, 12)], 1)).toEqual([load(0x28, 12)]);
});

const looked = (packet: string): boolean => !packet.includes(ETHERTYPE.toString(16));

const ethernet = '020000000002 020000000001';
const ipv4 = (protocol: string, rest: string): string => {
  const length = (20 + rest.replace(/\s/g, '').length / 2).toString(16).padStart(4, '0');
  return `${ethernet} 0800 4500${length} 00010000 40${protocol}0000 c0000201 c0000202 ${rest}`;
};
const FRAMES = [
  ipv4('11', '30390035 000c0000 61626364'),
  ipv4('11', '00353039 000c0000 61626364'),
  ipv4('06', '00500400 00000001 00000002 50120400 00000000'),
  ipv4('06', '04000050 00000001 00000002 50100400 00000000'),
  ipv4('01', '08000000 00010001'),
  `${ethernet} 86dd 60000000 000c 11 40 20010db8000000000000000000000001 20010db8000000000000000000000002 30390035 000c0000 61626364`,
  'ffffffffffff 020000000001 0806 0001 0800 06 04 0001 020000000001 c0000201 000000000000 c0000202',
  `${ethernet} 0026 4242 03 ${'00'.repeat(35)}`,
  `${ethernet} 8100 0064 0800 4500001c 00010000 40110000 c0000201 c0000202 30390035 00080000`,
].map((text) => unhex(text));

const EXPRESSIONS = [
  '',
  'udp port 53',
  'tcp',
  'tcp[tcpflags] & tcp-syn != 0',
  'ip6',
  'arp',
  'icmp or arp',
  'not ip',
  'dst host 192.0.2.2 and not tcp',
  'src net 192.0.2.0/24',
  'udp and src port 53',
  'inbound',
  'outbound',
];

/** Packets of a pcap file, as tcpdump writes it on this machine. */
function pcapPackets(path: string): Uint8Array[] {
  const file = readFileSync(path);
  const found: Uint8Array[] = [];
  for (let at = 24; at + 16 <= file.length; ) {
    const length = file.readUInt32LE(at + 8);
    found.push(new Uint8Array(file.subarray(at + 16, at + 16 + length)));
    at += 16 + length;
  }
  return found;
}

/** Resolves when a program has written to the file what has come for it: it waits for more, and has not written for half a
 * second. One that has something to do is not asleep, however long a busy machine lets it wait for its turn. */
async function settled(path: string, pid: number): Promise<void> {
  for (let size = -1, quiet = 0; quiet < 10; ) {
    const now = statSync(path).size;
    const asleep = /\) S /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
    quiet = now === size && asleep ? quiet + 1 : 0;
    size = now;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const noLibpcap =
  whyNoLibpcap() ??
  // It drops to another user at its start, which is not to be had there, not even root by -Z.
  (process.env['NETLAB_NETNS'] === 'root' ? null : 'tcpdump does not run in an unprivileged user namespace');
if (noLibpcap) process.stderr.write(`skipped: filters against tcpdump: ${noLibpcap}\n`);

/** What rings on our kernel capture of the same frames, by the same programs: a list for each expression. */
async function onOurKernel(): Promise<string[][]> {
  const { calls, pair } = ourMachine();
  const { a, b } = pair();
  const rings = EXPRESSIONS.map((expression) =>
    PacketRing.open(calls, {
      interface: b,
      bufferSize: 1 << 20,
      blockTimeout: 10,
      filter: (linkType) => libpcapCompile(expression, { linkType }).program,
    }),
  );
  const there = FrameSender.open(calls, { interface: a });
  const back = FrameSender.open(calls, { interface: b });
  await there.send(blockOf(FRAMES));
  await back.send(blockOf(FRAMES.slice(0, 3)));
  for (const end of [there, back]) end.close();
  return Promise.all(
    rings.map(async (ring) => {
      ring.stop();
      return (await collect(ring)).map(({ bytes }) => hex(bytes));
    }),
  );
}

describeNetwork('against tcpdump', () => {
  test.skipIf(noLibpcap).each(['veth', 'any'])(
    '%s: the same packets, byte for byte, for the same expression',
    { timeout: 120_000 },
    async (where) => {
      const pair = vethPair();
      cleanup.push(() => pair.remove());
      const directory = mkdtempSync(join(tmpdir(), 'netlab-filter-'));
      cleanup.push(() => rmSync(directory, { recursive: true }));
      const device = where === 'any' ? 'any' : pair.b;
      const oracles = await Promise.all(
        EXPRESSIONS.map(async (expression, at) => {
          const path = join(directory, `${at}.pcap`);
          const tcpdump = spawn(
            'tcpdump',
            ['-i', device, '-Z', 'root', '-U', '--immediate-mode', '-s', '2048', '-B', '8192', '-w', path, expression],
            {
              stdio: ['ignore', 'ignore', 'pipe'],
            },
          );
          let stderr = '';
          await new Promise<void>((resolve, reject) => {
            tcpdump.once('error', reject);
            tcpdump.once('exit', () => reject(new Error(stderr)));
            tcpdump.stderr.on('data', (chunk) => {
              if ((stderr += chunk).includes('listening on')) resolve();
            });
          });
          return { path, tcpdump };
        }),
      );
      const rings = EXPRESSIONS.map((expression) => {
        const ring = PacketRing.open(calls, {
          interface: device,
          bufferSize: 1 << 20,
          blockTimeout: 10,
          filter: (linkType) => {
            const { program, error } = libpcapCompile(expression, { linkType });
            if (error !== null) throw new Error(error);
            return program;
          },
        });
        cleanup.push(() => ring.close());
        expect(ring.filtered, expression).toBe(true);
        return ring;
      });
      const there = FrameSender.open(calls, { interface: pair.a });
      const back = FrameSender.open(calls, { interface: pair.b });
      cleanup.push(
        () => there.close(),
        () => back.close(),
      );
      // libpcap runs the filter itself over the first frame after it was set, without the kernel's ancillary data: frames
      // that nobody looks at take that place, one in each direction.
      await there.send(blockOf([numbered(0)]));
      await back.send(blockOf([numbered(0)]));
      await Promise.all(oracles.map(({ path, tcpdump }) => settled(path, tcpdump.pid!)));
      await there.send(blockOf(FRAMES));
      await back.send(blockOf(FRAMES.slice(0, 3)));
      const expected = await Promise.all(
        oracles.map(async ({ path, tcpdump }) => {
          const exited = new Promise((resolve) => tcpdump.once('exit', resolve));
          await settled(path, tcpdump.pid!);
          tcpdump.kill('SIGINT');
          await exited;
          return pcapPackets(path).map(hex).filter(looked);
        }),
      );
      const untagged = (packets: string[]): string[] =>
        // libpcap 1.10 leaves a VLAN tag that the kernel took out of a cooked frame out; here it is put back.
        where === 'any' ? packets.map((packet) => packet.replace(/^8100(.{36})00640800/, '0800$1')) : packets;
      for (const [at, ring] of rings.entries()) {
        ring.stop();
        const found = (await collect(ring)).map(({ bytes }) => hex(bytes)).filter(looked);
        expect({ expression: EXPRESSIONS[at], found: untagged(found) }).toEqual({
          expression: EXPRESSIONS[at],
          found: expected[at],
        });
      }
      expect(expected[0]).toHaveLength(where === 'any' ? 2 * FRAMES.length + 6 : FRAMES.length + 3);
      // On `any` the packets tell the device's index, which is another there.
      if (where === 'any') return;
      for (const [at, found] of (await onOurKernel()).entries())
        expect({ expression: EXPRESSIONS[at], found }).toEqual({ expression: EXPRESSIONS[at], found: expected[at] });
    },
  );
});
