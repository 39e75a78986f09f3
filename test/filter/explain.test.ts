import { describe, expect, it } from 'vitest';
import { explain } from '../../src/filter/explain.ts';
import { graph } from '../../src/filter/graph.ts';
import { jit } from '../../src/filter/jit.ts';
import * as bpf from '../../src/filter/opcodes.ts';
import type { BpfInstruction, BpfProgram } from '../../src/filter/program.ts';
import { trace, traceText } from '../../src/filter/trace.ts';
import { ether, ipv4, packetsOf, tcp, udp } from './support/packets.ts';
import { Dice, randomPackets, randomProgram } from './support/random-programs.ts';

const op = (code: number, k = 0, jt = 0, jf = 0): BpfInstruction => ({ code, jt, jf, k });
const ldh = (k: number): BpfInstruction => op(bpf.BPF_LD | bpf.BPF_H | bpf.BPF_ABS, k);
const ldb = (k: number): BpfInstruction => op(bpf.BPF_LD | bpf.BPF_B | bpf.BPF_ABS, k);
const ld = (k: number): BpfInstruction => op(bpf.BPF_LD | bpf.BPF_W | bpf.BPF_ABS, k);
const jeq = (k: number, jt: number, jf: number): BpfInstruction => op(bpf.BPF_JMP | bpf.BPF_JEQ, k, jt, jf);
const ret = (k: number): BpfInstruction => op(bpf.BPF_RET, k);

/** What tcpdump makes of `tcp dst port 443` for IPv4: one way to acceptance. */
const tcpPort443: BpfProgram = [
  ldh(12),
  jeq(0x0800, 0, 8),
  ldb(23),
  jeq(6, 0, 6),
  ldh(20),
  op(bpf.BPF_JMP | bpf.BPF_JSET, 0x1fff, 4, 0),
  op(bpf.BPF_LDX | bpf.BPF_B | bpf.BPF_MSH, 14),
  op(bpf.BPF_LD | bpf.BPF_H | bpf.BPF_IND, 16),
  jeq(443, 0, 1),
  ret(262144),
  ret(0),
];

describe('a program in words', () => {
  it('names fields by what the tests before have shown', () => {
    expect(explain(tcpPort443, { linkType: 1, expression: 'tcp dst port 443' })).toBe(`\
'tcp dst port 443' for Ethernet frames: 11 instructions.
A packet passes when
  - the Ethernet type is IPv4 (0x0800), the IPv4 protocol is TCP (6), the IPv4
    fragment offset is 0, the TCP destination port is https (443)
A packet of which fewer than 24 bytes are there cannot pass: a load outside the
packet rejects it.
Of a packet that passes, up to 262144 bytes are kept.

(000) ldh [12]            load the Ethernet type: 2 bytes at offset 12
(001) jeq #0x800          if the Ethernet type is IPv4 (0x0800) go on at 2, else
                          reject (10)

      IPv4:
(002) ldb [23]            load the IPv4 protocol: the byte at offset 23
(003) jeq #0x6            if the IPv4 protocol is TCP (6) go on at 4, else
                          reject (10)

      IPv4, TCP:
(004) ldh [20]            load the IPv4 flags and fragment offset: 2 bytes at
                          offset 20
(005) jset #0x1fff        if the IPv4 fragment offset is not 0 (only the first
                          fragment has the transport header) reject (10), else
                          go on at 6
(006) ldxb 4*([14]&0xf)   load into X the length of the IPv4 header: four times
                          the low half of the byte at offset 14
(007) ldh [x + 16]        load the TCP destination port: 2 bytes at X + 16
(008) jeq #0x1bb          if the TCP destination port is https (443) accept (9),
                          else reject (10)
(009) ret #262144         accept the packet: keep up to 262144 bytes of it
(010) ret #0              reject the packet
`);
  });

  it('reads the same offset differently behind another type', () => {
    const arp: BpfProgram = [ldh(12), jeq(0x806, 0, 3), ld(28), jeq(0x0a000001, 0, 1), ret(1), ret(0)];
    expect(explain(arp, { linkType: 1, width: 200 })).toContain(
      'if the ARP sender address is 10.0.0.1 accept (4), else reject (5)',
    );
    const ip: BpfProgram = [ldh(12), jeq(0x800, 0, 3), ld(26), jeq(0x0a000001, 0, 1), ret(1), ret(0)];
    expect(explain(ip, { linkType: 1, width: 200 })).toContain('if the IPv4 source address is 10.0.0.1');
    expect(explain(ip.with(1, jeq(0x4242, 0, 3)), { linkType: 1, width: 200 })).toContain(
      'load the 4 bytes at offset 26',
    );
  });

  it('does not name a field that only one of two paths has shown', () => {
    // IPv4 or ARP: what is at 26 depends on which.
    const program: BpfProgram = [ldh(12), jeq(0x800, 1, 0), jeq(0x806, 0, 3), ld(28), jeq(1, 0, 1), ret(1), ret(0)];
    expect(explain(program, { linkType: 1 })).toContain('load the 4 bytes at offset 28');
  });

  it('knows networks, flags, tags and the length', () => {
    const and = (k: number): BpfInstruction => op(bpf.BPF_ALU | bpf.BPF_AND, k);
    const network: BpfProgram = [
      ldh(12),
      jeq(0x800, 0, 4),
      ld(30),
      and(0xffff0000),
      jeq(0xc0a80000, 0, 1),
      ret(1),
      ret(0),
    ];
    expect(explain(network, { linkType: 1, width: 160 })).toContain(
      'the IPv4 destination address is in 192.168.0.0/16',
    );
    const flags = tcpPort443
      .with(7, op(bpf.BPF_LD | bpf.BPF_B | bpf.BPF_IND, 27))
      .with(8, op(bpf.BPF_JMP | bpf.BPF_JSET, 3, 0, 1));
    expect(explain(flags, { linkType: 1, width: 160 })).toContain('if the FIN or SYN flag is set accept (9)');
    const tag: BpfProgram = [ldh(12), jeq(0x8100, 0, 4), ldh(14), and(0xfff), jeq(5, 0, 1), ret(1), ret(0)];
    expect(explain(tag, { linkType: 1, width: 160 })).toContain('if the VLAN identifier is 5 accept (5)');
    const length: BpfProgram = [op(bpf.BPF_LD | bpf.BPF_LEN), op(bpf.BPF_JMP | bpf.BPF_JGE, 60, 0, 1), ret(1), ret(0)];
    expect(explain(length, { linkType: 1, width: 160 })).toContain('if the length of the packet is at least 60 accept');
  });

  it('says when everything or nothing passes', () => {
    expect(explain([ret(96)], { linkType: 1 })).toContain('It accepts every packet.');
    expect(explain([ret(0)], { linkType: 1 })).toContain('It rejects every packet.');
  });

  it('says of instructions that nothing reaches that it is so', () => {
    expect(explain([op(bpf.BPF_JMP | bpf.BPF_JA, 1), ldh(2), ret(0)], { linkType: 1 })).toContain('never reached');
  });

  it('of other link types names their fields', () => {
    const family: BpfProgram = [ld(0), jeq(0x02000000, 0, 3), ldb(13), jeq(17, 0, 1), ret(1), ret(0)];
    expect(explain(family, { linkType: 0, width: 160 })).toContain('the IPv4 protocol is UDP (17)');
    const cooked: BpfProgram = [ldh(14), jeq(0x86dd, 0, 3), ldb(22), jeq(58, 0, 1), ret(1), ret(0)];
    expect(explain(cooked, { linkType: 113, width: 160 })).toContain('the IPv6 next header is ICMPv6 (58)');
  });
});

describe('any valid program', () => {
  const seed = Number(process.env['NETLAB_SEED'] ?? 5150);

  it('is explained and drawn within the width', () => {
    const dice = new Dice(seed);
    for (let count = 0; count < 200; count++) {
      const program = randomProgram(dice, 1 + dice.below(60), { withAncillary: true });
      const linkType = dice.pick([0, 1, 9, 101, 105, 113, 127, 276, 4242]);
      const width = 60 + dice.below(80);
      for (const text of [explain(program, { linkType, width }), graph(program, { linkType, width })]) {
        expect(text.endsWith('\n')).toBe(true);
        for (const line of text.split('\n'))
          if (line.length > width) expect.fail(`seed ${seed}, program ${count}: wider than ${width}: ${line}`);
      }
      expect(
        explain(program, { linkType, width })
          .split('\n')
          .filter((line) => /^\(\d{3}\)/.test(line)),
      ).toHaveLength(program.length);
    }
  });

  it('is traced to the verdict that it has', () => {
    const dice = new Dice(seed + 1);
    for (let count = 0; count < 300; count++) {
      const program = randomProgram(dice, 1 + dice.below(40));
      const { run } = jit(program, { semantics: 'libpcap' });
      for (const bytes of randomPackets(dice, 5)) {
        const result = trace(program, bytes, 0, bytes.length, bytes.length + 10, { linkType: 1 });
        expect(result.verdict).toBe(run(bytes, 0, bytes.length, bytes.length + 10));
        const last = program[result.steps.at(-1)!.index]!;
        // It ends at a return, or at what rejected the packet on the way.
        if (bpf.bpfClass(last.code) !== bpf.BPF_RET) expect(result.verdict).toBe(0);
        expect(traceText(program, result)).toContain(result.verdict === 0 ? 'No match' : 'Match');
      }
    }
  });
});

describe('a drawing', () => {
  it('has a box for every run of instructions, lanes for jumps, arrows into boxes', () => {
    const program: BpfProgram = [ldh(12), jeq(0x800, 0, 2), ldb(23), jeq(6, 1, 0), ret(0), ret(96)];
    expect(graph(program, { linkType: 1, width: 60 })).toBe(`\
+-------------------------------------------+
| (000) ldh [12]                            |
| (001) jeq #0x800                          |
|       the Ethernet type is IPv4 (0x0800)? |
+-------------------------------------------+
    |-- no ------------------------------------+
    | yes                                      |
    v                                          |
+-------------------------------------------+  |
| (002) ldb [23]                            |  |
| (003) jeq #0x6                            |  |
|       the IPv4 protocol is TCP (6)?       |  |
+-------------------------------------------+  |
    |-- yes -----------------------------------|--+
    | no                                       |  |
    v                                          |  |
+-------------------------------------------+  |  |
| (004) reject                              |<-+  |
+-------------------------------------------+     |
                                                  |
+-------------------------------------------+     |
| (005) accept, 96 bytes                    |<----+
+-------------------------------------------+
`);
  });

  it('leads every jump to its target', () => {
    const drawing = graph(tcpPort443, { linkType: 1 });
    const lines = drawing.split('\n');
    // All four failing tests share the lane of the rejecting box.
    const target = lines.findIndex((line) => line.includes('(010) reject'));
    const lane = lines[target]!.indexOf('+', lines[target]!.indexOf('<'));
    expect(lines[target]).toMatch(/\|<-+\+$/);
    const joins = lines.filter((line) => line[lane] === '+' && /-- (no|yes) -/.test(line));
    expect(joins).toHaveLength(4);
    const firstJoin = lines.findIndex((line) => line[lane] === '+');
    for (let row = firstJoin; row < target; row++) expect('|+').toContain(lines[row]![lane]);
  });

  it('refers by number where there is no room for a lane', () => {
    const drawing = graph(tcpPort443, { linkType: 1, width: 40 });
    for (const line of drawing.split('\n')) expect(line.length).toBeLessThanOrEqual(40);
    // Six nested lanes do not fit forty columns beside a box.
    const nested: BpfProgram = [
      ldb(0),
      ...Array.from({ length: 8 }, (_, index) => jeq(index, 15 - 2 * index, 0)),
      ...Array.from({ length: 8 }, (_, index) => op(bpf.BPF_ALU | bpf.BPF_ADD, index)),
      ret(1),
    ];
    expect(graph(nested, { linkType: 1, width: 40 })).toMatch(/-- yes --> \(\d{3}\)/);
  });
});

describe('the path of a packet', () => {
  const web = ether(0x0800, ipv4(6, tcp(40000, 443, 2)));

  it('of a match: what was loaded, and the test that decided', () => {
    const result = trace(tcpPort443, web, 0, web.length, web.length, { linkType: 1 });
    expect(result.verdict).toBe(262144);
    expect(result.steps.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(result.reason).toBe('the TCP destination port is https (443)');
    expect(traceText(tcpPort443, result)).toBe(`\
(000) ldh [12]            A = IPv4 (0x0800): the Ethernet type
(001) jeq #0x800          yes: the Ethernet type is IPv4 (0x0800)
(002) ldb [23]            A = TCP (6): the IPv4 protocol
(003) jeq #0x6            yes: the IPv4 protocol is TCP (6)
(004) ldh [20]            A = 0: the IPv4 flags and fragment offset
(005) jset #0x1fff        no: the IPv4 fragment offset is 0
(006) ldxb 4*([14]&0xf)   X = 20: the length of the IPv4 header, in bytes
(007) ldh [x + 16]        A = https (443): the TCP destination port
(008) jeq #0x1bb          yes: the TCP destination port is https (443)
(009) ret #262144         accepted

Match (up to 262144 bytes are kept), decided at (008): the TCP destination port
is https (443).
Before that: the Ethernet type is IPv4 (0x0800), the IPv4 protocol is TCP (6),
the IPv4 fragment offset is 0.
`);
  });

  it('of no match: the test that failed', () => {
    const dns = ether(0x0800, ipv4(17, udp(1000, 53)));
    const result = trace(tcpPort443, dns, 0, dns.length, dns.length, { linkType: 1 });
    expect(result).toMatchObject({ verdict: 0, decidedAt: 3, reason: 'the IPv4 protocol is not TCP (6)' });
  });

  it('of a packet cut short: the load that was outside', () => {
    const cut = trace(tcpPort443, web, 0, 30, web.length, { linkType: 1 });
    expect(cut).toMatchObject({ verdict: 0, decidedAt: 7 });
    expect(cut.reason).toBe(`bytes 36 to 37 are needed, and only 30 of the packet's ${web.length} bytes were captured`);
    const short = trace(tcpPort443, web, 0, 13, 13, { linkType: 1 });
    expect(short).toMatchObject({
      decidedAt: 0,
      reason: 'bytes 12 to 13 are needed, and the packet has only 13 bytes',
    });
  });

  it('of every test packet agrees with the compiled program', () => {
    const { run } = jit(tcpPort443);
    for (const { bytes, originalLength } of packetsOf(1))
      expect(trace(tcpPort443, bytes, 0, bytes.length, originalLength, { linkType: 1 }).verdict).toBe(
        run(bytes, 0, bytes.length, originalLength),
      );
  });
});
