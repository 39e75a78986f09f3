import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { craft } from '../../../src/inject/craft/index.ts';
import { CASES } from './cases.ts';

/** Expressions as scapy builds them, in hexadecimal; `ERROR …` where it does not. */
const PROGRAM = `
import sys, json, logging
logging.getLogger('scapy').setLevel(logging.ERROR)
from scapy.all import *
for name in ('igmp', 'mpls', 'geneve', 'ospf', 'lldp'):
    load_contrib(name)
for text in json.load(sys.stdin):
    try:
        value = eval(text)
        print(json.dumps([bytes(each).hex() for each in value] if isinstance(value, list) else bytes(value).hex()))
    except Exception as error:
        print(json.dumps('ERROR ' + repr(error)))
`;

const PYTHON = '/usr/bin/python3';
const hasScapy = spawnSync(PYTHON, ['-c', 'import scapy'], { timeout: 100_000 }).status === 0;
if (!hasScapy && process.env['CI']) throw new Error('scapy for /usr/bin/python3 must be there in CI');
if (!hasScapy) process.stderr.write('skipped: crafted packets against scapy: /usr/bin/python3 has no scapy\n');

/** Sets of packets, whose order is scapy's. */
const SETS = [
  {
    text: 'ip(src=192.0.2.1,dst=[192.0.2.2,192.0.2.3],ttl=[1,2])/udp(sport=[1,2],dport=[3-4])',
    scapy: "[p for p in IP(src='192.0.2.1',dst=['192.0.2.2','192.0.2.3'],ttl=[1,2])/UDP(sport=[1,2],dport=(3,4))]",
  },
  {
    text: 'ip(src=192.0.2.1,dst=10.0.0.0/30)/icmp(seq=[5,1-3])',
    scapy: "[p for p in IP(src='192.0.2.1',dst=Net('10.0.0.0/30'))/ICMP(seq=[5,(1,3)])]",
  },
];

describe.skipIf(!hasScapy)('the same packet from scapy is the same bytes', () => {
  const all = [...CASES, ...SETS];
  const run = (): unknown[] => {
    const done = spawnSync(PYTHON, ['-c', PROGRAM], {
      input: JSON.stringify(all.map(({ scapy }) => scapy)),
      encoding: 'utf8',
      timeout: 100_000,
    });
    const lines = done.stdout.trim().split('\n');
    if (lines.length !== all.length) throw new Error(`scapy: ${done.stderr}`);
    return lines.map((line) => JSON.parse(line) as unknown);
  };
  let answers: unknown[] | null = null;
  test('there are at least 50', () => {
    expect(CASES.length).toBeGreaterThanOrEqual(50);
  });
  test.each(all.map(({ text, scapy }, index) => ({ text, scapy, index })))('$text', ({ text, index }) => {
    answers ??= run();
    const packets = craft(text);
    const built = [...packets].map(({ bytes }) => Buffer.from(bytes).toString('hex'));
    expect(packets.count).toBe(built.length);
    expect(index < CASES.length ? built[0] : built).toEqual(answers[index]);
  });
});
