/** Captures with one defect each: every one is found, and named so that a person sees what changed. */
import { describe, expect, it } from 'vitest';
import { type PacketLike, recorded } from '../../src/expect/capture-of.ts';
import { check } from '../../src/expect/check.ts';
import { diffCaptures } from '../../src/expect/diff.ts';
import { ignoring } from '../../src/expect/ignore.ts';
import { parseExpectations } from '../../src/expect/parse.ts';
import { checkText, diffText } from '../../src/expect/report.ts';
import { craft } from '../../src/inject/craft/index.ts';
import { fixChecksums } from '../../src/inject/fix.ts';
import { LINKTYPE_ETHERNET } from '../../src/wire/linktype.ts';

const A = '02:00:00:00:00:01';
const B = '02:00:00:00:00:02';
const up = `eth(src=${A},dst=${B})/ip(src=10.0.0.1,dst=10.0.0.2)`;
const down = `eth(src=${B},dst=${A})/ip(src=10.0.0.2,dst=10.0.0.1)`;

/** A conversation: ARP, a ping, a question to DNS, HTTP over TCP. Times in milliseconds. */
const SCRIPT: readonly [time: number, packet: string][] = [
  [0, `eth(src=${A},dst=ff:ff:ff:ff:ff:ff)/arp(op=1,hwsrc=${A},psrc=10.0.0.1,pdst=10.0.0.2)`],
  [1, `eth(src=${B},dst=${A})/arp(op=2,hwsrc=${B},psrc=10.0.0.2,hwdst=${A},pdst=10.0.0.1)`],
  [10, `${up}/icmp(type=8,id=7,seq=1)/"abcdefgh"`],
  [11, `${down}/icmp(type=0,id=7,seq=1)/"abcdefgh"`],
  [20, `${up}/udp(sport=40000,dport=53)/dns(id=1,qname="example.org")`],
  [25, `${down}/udp(sport=53,dport=40000)/dns(id=1,qr=1,qname="example.org")`],
  [30, `${up}/tcp(sport=40001,dport=80,seq=100,ack=0,flags=S,window=64240)`],
  [31, `${down}/tcp(sport=80,dport=40001,seq=500,ack=101,flags=SA,window=65160)`],
  [32, `${up}/tcp(sport=40001,dport=80,seq=101,ack=501,flags=A,window=502)`],
  [33, `${up}/tcp(sport=40001,dport=80,seq=101,ack=501,flags=PA,window=502)/"GET / HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n"`],
  [
    40,
    `${down}/tcp(sport=80,dport=40001,seq=501,ack=128,flags=PA,window=509)/"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok"`,
  ],
  [41, `${up}/tcp(sport=40001,dport=80,seq=128,ack=541,flags=A,window=501)`],
  [50, `${up}/tcp(sport=40001,dport=80,seq=128,ack=541,flags=FA,window=501)`],
  [51, `${down}/tcp(sport=80,dport=40001,seq=541,ack=129,flags=FA,window=509)`],
  [52, `${up}/tcp(sport=40001,dport=80,seq=129,ack=542,flags=A,window=501)`],
];

interface Frame extends PacketLike {
  seconds: number;
  nanoseconds: number;
}
const at = (milliseconds: number): { seconds: number; nanoseconds: number } => ({
  seconds: 1_700_000_000 + Math.floor(milliseconds / 1000),
  nanoseconds: Math.round((milliseconds % 1000) * 1e6),
});
const made = (time: number, text: string): Frame => ({ bytes: [...craft(text)][0]!.bytes, ...at(time) });
const good = SCRIPT.map(([time, text]) => made(time, text));
const copy = (): Frame[] => good.map((frame) => ({ ...frame, bytes: frame.bytes.slice() }));

/** A frame with some of its bytes changed, and its checksums right again unless they are what is wrong. */
function edit(row: number, change: (bytes: Uint8Array) => void, fix = true): Frame[] {
  const frames = copy();
  change(frames[row]!.bytes);
  if (fix) fixChecksums(frames[row]!.bytes, LINKTYPE_ETHERNET);
  return frames;
}
const replace = (row: number, text: string): Frame[] => {
  const frames = copy();
  frames[row] = made(SCRIPT[row]![0], text);
  return frames;
};
const retime = (row: number, milliseconds: number): Frame[] => {
  const frames = copy();
  frames[row] = { ...frames[row]!, ...at(milliseconds) };
  return frames;
};

const EXPECTATIONS = `
exactly 15 frames
exactly 1 arp.request
exactly 1 arp.reply
arp.request answered within 2ms
icmp.request answered within 5ms
icmp.reply within 5ms of its request
dns.query answered within 10ms
dns.response within 10ms of its query
tcp.syn then tcp.synack then http.request then http.response then tcp.fin
exactly 1 tcp.syn
exactly 2 tcp.fin
no tcp.reset
no tcp.analysis.retransmission
no tcp.analysis.out_of_order
no tcp.analysis.lost_segment
no tcp.analysis.duplicate_ack
no tcp.analysis.zero_window
http.response within 20ms of its request
every http.response has http.response.code == 200
every dns.response has dns.flags.rcode == 0
every dns.query has dns.qry.name == "example.org"
every ip has ip.ttl == 64
every ip has ip.src == 10.0.0.1 || ip.src == 10.0.0.2
every ip has ip.checksum.status != 0
gap at most 10ms in tcp
duration at most 60ms
between 500 and 1200 bytes of ip
`;

interface Defect {
  name: string;
  frames: Frame[];
  /** In what `diff` says. */
  diff: RegExp;
  /** The expectations that are not met, as they begin, and what is said of the first. */
  check: readonly string[];
  said?: RegExp;
}

const insert = (row: number, frame: Frame): Frame[] => copy().toSpliced(row, 0, frame);
const remove = (row: number): Frame[] => copy().toSpliced(row, 1);
const swap = (row: number): Frame[] => {
  const frames = copy();
  const [a, b] = [frames[row]!, frames[row + 1]!];
  return frames.with(row, { ...b, seconds: a.seconds, nanoseconds: a.nanoseconds }).with(row + 1, {
    ...a,
    seconds: b.seconds,
    nanoseconds: b.nanoseconds,
  });
};

const DEFECTS: Defect[] = [
  {
    name: 'the ARP reply is missing',
    frames: remove(1),
    diff: /^- 2 {2}ARP, Reply/m,
    check: ['exactly 15', 'exactly 1 arp.reply', 'arp.request answered'],
    said: /found: 14 frames/,
  },
  {
    name: 'the ping is not answered',
    frames: remove(3),
    diff: /^- 4 .*ICMP echo reply/m,
    check: ['exactly 15', 'icmp.request answered', 'icmp.reply within'],
    said: /found: 14 frames/,
  },
  {
    name: 'DNS does not answer',
    frames: remove(5),
    diff: /^- 6 {2}IP 10\.0\.0\.2\.53/m,
    check: ['exactly 15', 'dns.query answered', 'dns.response within'],
  },
  {
    name: 'the handshake has no SYN-ACK',
    frames: remove(7),
    diff: /^- 8 .*Flags \[S\.\]/m,
    check: ['exactly 15', 'tcp.syn then'],
  },
  {
    name: 'the response is lost',
    frames: remove(10),
    diff: /^- 11 .*HTTP/m,
    check: ['exactly 15', 'tcp.syn then', 'http.response within', 'no tcp.analysis.lost_segment'],
  },
  { name: 'the last frame is missing', frames: remove(14), diff: /^- 15 .*Flags \[\.\], ack/m, check: ['exactly 15'] },
  {
    name: 'an ARP request is sent twice',
    frames: insert(1, { ...good[0]!, ...at(0.5) }),
    diff: /^\+ 2 {2}ARP, Request/m,
    check: ['exactly 15', 'exactly 1 arp.request'],
    said: /frame 16: one too many/,
  },
  {
    name: 'a segment is sent again',
    frames: insert(11, { ...good[10]!, ...at(40.5) }),
    diff: /^\+ 1[12] .*HTTP: HTTP\/1\.1 200 OK/m,
    check: ['exactly 15', 'no tcp.analysis.retransmission'],
  },
  {
    name: 'a reset comes in',
    frames: insert(9, made(32.5, `${down}/tcp(sport=80,dport=40001,seq=501,ack=101,flags=RA,window=0)`)),
    diff: /^\+ 10 .*Flags \[R\.\]/m,
    check: ['exactly 15', 'no tcp.reset'],
  },
  {
    name: 'a stranger speaks',
    frames: insert(
      5,
      made(
        22,
        `eth(src=02:00:00:00:00:03,dst=${A})/ip(src=10.0.0.9,dst=10.0.0.1)/udp(sport=53,dport=40000)/dns(id=1,qr=1,qname="example.org")`,
      ),
    ),
    diff: /^\+ 6 {2}IP 10\.0\.0\.9\.53/m,
    check: ['exactly 15', 'dns.response within', 'every ip has ip.src'],
  },
  {
    name: 'ping frames in the wrong order',
    frames: swap(2),
    diff: /^> 3 is now 4|^> 4 is now 3/m,
    check: ['icmp.request answered', 'icmp.reply within'],
  },
  { name: 'TCP segments in the wrong order', frames: swap(8), diff: /^> (9|10) is now (9|10)/m, check: [] },
  {
    name: 'TTL',
    frames: edit(4, (b) => void (b[22] = 63)),
    diff: /ip\.ttl: 64 -> 63/,
    check: ['every ip has ip.ttl'],
    said: /frame 5: not ip\.ttl == 64/,
  },
  {
    name: 'type of service',
    frames: edit(4, (b) => void (b[15] = 0x10)),
    diff: /ip\.dsfield\.dscp: 0 -> 4/,
    check: [],
  },
  {
    name: 'do not fragment',
    frames: edit(4, (b) => void (b[20]! |= 0x40)),
    diff: /ip\.flags\.df: (0|False) -> (1|True)/i,
    check: [],
  },
  { name: 'IP identification', frames: edit(4, (b) => void (b[19] = 9)), diff: /ip\.id: \S+ -> 0x0*9/, check: [] },
  {
    name: 'another source address',
    frames: edit(2, (b) => void (b[29] = 77)),
    diff: /ip\.src: 10\.0\.0\.1 -> 10\.0\.0\.77/,
    check: ['every ip has ip.src'],
  },
  {
    name: 'another destination address',
    frames: edit(2, (b) => void (b[33] = 78)),
    diff: /ip\.dst: 10\.0\.0\.2 -> 10\.0\.0\.78/,
    check: [],
  },
  {
    name: 'a wrong IP checksum',
    frames: edit(4, (b) => void (b[24]! ^= 1), false),
    diff: /ip\.checksum: \S+ -> \S+/,
    check: [],
  },
  {
    name: 'a wrong UDP checksum',
    frames: edit(4, (b) => void (b[40]! ^= 1), false),
    diff: /udp\.checksum\.status: 1 -> 0|udp\.checksum: \S+ -> \S+/,
    check: [],
  },
  {
    name: 'a wrong TCP checksum',
    frames: edit(9, (b) => void (b[50]! ^= 1), false),
    diff: /tcp\.checksum: \S+ -> \S+/,
    check: [],
  },
  {
    name: 'a MAC address',
    frames: edit(9, (b) => void (b[11] = 9)),
    diff: /eth\.src: 02:00:00:00:00:01 -> 02:00:00:00:00:09/,
    check: [],
  },
  {
    name: 'the ping has another number',
    frames: edit(3, (b) => void (b[41] = 2)),
    diff: /icmp\.seq: 1 -> 2/,
    check: ['icmp.request answered', 'icmp.reply within'],
  },
  {
    name: 'the ping has other data',
    frames: edit(3, (b) => void (b[45] = 88)),
    diff: /data\.data: 6162636465666768 -> 61626358/,
    check: [],
  },
  {
    name: 'the answer has another id',
    frames: edit(5, (b) => void (b[43] = 2)),
    diff: /dns\.id: 0x0*1 -> 0x0*2/,
    check: ['dns.query answered', 'dns.response within'],
  },
  {
    name: 'another name is asked for',
    frames: replace(4, `${up}/udp(sport=40000,dport=53)/dns(id=1,qname="example.net")`),
    diff: /dns\.qry\.name: example\.org -> example\.net/,
    check: ['every dns.query has'],
  },
  {
    name: 'DNS says that there is no such name',
    frames: edit(5, (b) => void (b[45] = (b[45]! & 0xf0) | 3)),
    diff: /dns\.flags\.rcode: 0 -> 3/,
    check: ['every dns.response has'],
  },
  {
    name: 'a port',
    frames: replace(4, `${up}/udp(sport=40000,dport=54)/dns(id=1,qname="example.org")`),
    diff: /udp\.dstport: 53 -> 54/,
    check: ['dns.query answered', 'dns.response within'],
  },
  {
    name: 'a sequence number',
    frames: edit(9, (b) => void (b[41] = 200)),
    diff: /tcp\.seq_raw: 101 -> 200/,
    check: ['no tcp.analysis.lost_segment'],
  },
  { name: 'an acknowledgement', frames: edit(11, (b) => void (b[45] = 200)), diff: /tcp\.ack_raw: 541 -> /, check: [] },
  {
    name: 'a window of zero',
    frames: edit(11, (b) => void b.fill(0, 48, 50)),
    diff: /tcp\.window_size_value: 501 -> 0/,
    check: ['no tcp.analysis.zero_window'],
  },
  {
    name: 'a flag',
    frames: edit(9, (b) => void (b[47]! |= 0x20)),
    diff: /tcp\.flags\.urg: (0|False) -> (1|True)/i,
    check: [],
  },
  {
    name: 'an urgent pointer',
    frames: edit(9, (b) => void (b[53] = 5)),
    diff: /tcp\.urgent_pointer: 0 -> 5/,
    check: [],
  },
  {
    name: 'the server fails',
    frames: replace(10, SCRIPT[10]![1].replace('200 OK', '500 No')),
    diff: /http\.response\.code: 200 -> 500/,
    check: ['every http.response has'],
  },
  {
    name: 'another path is asked for',
    frames: replace(9, SCRIPT[9]![1].replace('GET /', 'GET *')),
    diff: /http\.request\.uri: \/ -> \*/,
    check: [],
  },
  {
    name: 'one byte of the content',
    frames: replace(10, SCRIPT[10]![1].replace('\\n\\r\\nok', '\\n\\r\\nno')),
    diff: /6f6b -> \S*6e6f|tcp\.payload: |http\.file_data: /,
    check: [],
  },
  {
    name: 'a slow answer of DNS',
    frames: retime(5, 29.9),
    diff: /no difference|15 the same/,
    check: [],
  },
  {
    name: 'an answer of DNS too late',
    frames: retime(5, 30.0001),
    diff: /15 the same/,
    check: ['dns.query answered', 'dns.response within'],
    said: /10\.0001?ms until its answer|frame 5: 10ms/,
  },
  {
    name: 'a late ping',
    frames: retime(3, 16),
    diff: /15 the same/,
    check: ['icmp.request answered', 'icmp.reply within'],
    said: /6ms until its answer, frame 4/,
  },
  {
    name: 'a pause within TCP',
    frames: copy().map((f, row) => (row < 14 ? f : { ...f, ...at(61.5) })),
    diff: /15 the same/,
    check: ['gap at most', 'duration at most'],
    said: /10\.5ms after frame 14/,
  },
  {
    name: 'a cut frame',
    frames: copy().map((f, row) =>
      row === 9 ? { ...f, bytes: f.bytes.slice(0, 60), originalLength: f.bytes.length } : f,
    ),
    diff: /frame\.cap_len: \d+ -> 60/,
    check: [],
  },
  {
    name: 'padding',
    frames: copy().map((f, row) => (row === 8 ? { ...f, bytes: Uint8Array.from([...f.bytes, 0, 0, 0, 0, 0, 7]) } : f)),
    diff: /eth\.(padding|trailer)|frame\.len: 54 -> 60/,
    check: [],
  },
  {
    name: 'a VLAN tag',
    frames: replace(
      2,
      `eth(src=${A},dst=${B})/vlan(id=5)/ip(src=10.0.0.1,dst=10.0.0.2)/icmp(type=8,id=7,seq=1)/"abcdefgh"`,
    ),
    diff: /vlan\.id: now 5, was not there/,
    check: [],
  },
];

const ofGood = await recorded(good, 'good');

describe('seeded defects', () => {
  it('there are 40 and more, and the good capture has none', async () => {
    expect(DEFECTS.length).toBeGreaterThanOrEqual(40);
    const checked = await check(ofGood, parseExpectations(EXPECTATIONS));
    expect(checked.isMet, checkText([checked])).toBe(true);
    const same = await diffCaptures(ofGood, await recorded(copy(), 'copy'), { ignored: ignoring([]), tolerance: 0 });
    expect(same).toMatchObject({ same: 15, differences: [] });
  });

  it.each(DEFECTS)('diff: $name', async ({ frames, diff, check: unmet, name }) => {
    const bad = await recorded(frames, 'bad');
    const difference = await diffCaptures(ofGood, bad, { ignored: ignoring([]) });
    const text = diffText(difference);
    expect(text).toMatch(diff);
    // One defect is one difference: what follows it is aligned again.
    const isTiming = /the same|no difference/.test(diff.source);
    if (!isTiming) expect(difference.differences, text).toHaveLength(1);
    else {
      expect(difference.differences).toEqual([]);
      const timed = await diffCaptures(ofGood, bad, { ignored: ignoring([]), tolerance: 1e6 });
      expect(diffText(timed), name).toMatch(/^t \d+ = \d+ {2}at .*ms, now at .*ms/m);
      expect(unmet.length > 0 || name.startsWith('a slow')).toBe(true);
    }
  });

  it.each(DEFECTS.filter(({ check: unmet }) => unmet.length > 0))(
    'check: $name',
    async ({ frames, check: unmet, said }) => {
      const checked = await check(await recorded(frames, 'bad'), parseExpectations(EXPECTATIONS));
      const text = checkText([checked]);
      const failed = checked.verdicts.filter(({ isMet }) => !isMet).map(({ expectation }) => expectation.text);
      for (const begin of unmet)
        expect(
          failed.some((one) => one.startsWith(begin)),
          `${begin}\n${text}`,
        ).toBe(true);
      if (said !== undefined) expect(text).toMatch(said);
    },
  );
});

describe('what is ignored', () => {
  it('ids, ports, addresses and the checksums over them do not count; everything else does', async () => {
    const other = copy();
    for (const { bytes } of other) {
      if (bytes[12] !== 8 || bytes[13] !== 0) continue;
      bytes[18] = 0x77;
      if (bytes[23] === 6) {
        const client = bytes[29] === 1 ? 34 : 36;
        bytes.set([0xc0, 0x01], client);
      }
      fixChecksums(bytes, LINKTYPE_ETHERNET);
    }
    const b = await recorded(other, 'other');
    expect((await diffCaptures(ofGood, b, { ignored: ignoring(['ids', 'ports']) })).differences).toEqual([]);
    const counted = await diffCaptures(ofGood, b, { ignored: ignoring(['ids']) });
    expect(counted.differences).toHaveLength(9);
    // A wrong checksum is seen although its value does not count.
    other[9]!.bytes[50]! ^= 1;
    const wrong = await diffCaptures(ofGood, await recorded(other), { ignored: ignoring(['ids', 'ports']) });
    expect(wrong.differences).toHaveLength(1);
    expect(diffText(wrong)).toMatch(/tcp\.checksum\.status: 1 -> 0/);
  });

  it('names what is near to a wrong name', () => {
    expect(() => ignoring(['time'])).toThrow(/near to it: .*times/);
    expect(() => ignoring(['ip.tll'])).toThrow(/ip\.ttl/);
  });
});
