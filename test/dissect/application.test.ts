import { describe, expect, it } from 'vitest';
import { decode } from '../../src/dissect/decode.ts';
import { printFrame } from '../../src/dissect/text-printer.ts';
import { compareFields, cuts, fixture, hasTshark } from './fixture.ts';
import { mutate, random } from './mutate.ts';
import { compare, type Difference, hasTcpdump } from './oracle.ts';

/** The captures that `fixtures/make-application-protocols.py` makes. */
const CAPTURES = ['http', 'text-protocols', 'text-edges', 'dhcp', 'ntp', 'tftp', 'syslog', 'snmp', 'sip'];

if (!hasTcpdump) process.stderr.write('skipped: comparison with tcpdump: tcpdump 4.99.3 is not installed\n');
if (!hasTshark) process.stderr.write('skipped: comparison with tshark: tshark 4.0.17 is not installed\n');

const report = (differences: Difference[]): string =>
  differences
    .slice(0, 3)
    .map((d) => `packet ${d.index + 1}\nours:   ${d.ours}theirs: ${d.theirs}`)
    .join('\n');

describe.skipIf(!hasTcpdump)('the text of application protocols is tcpdump -n’s', () => {
  for (const flags of [['-t'], ['-tv'], ['-tvv'], ['-tvvv'], ['-tq'], ['-tvX']])
    it(`with ${flags.join(' ')}`, () => {
      for (const name of CAPTURES) {
        const { frames, linkType } = fixture(name);
        expect(report(compare(frames, linkType, flags)), name).toBe('');
      }
    });

  it('of frames cut short', () => {
    for (const name of CAPTURES) {
      const { frames, linkType } = fixture(name);
      // Steps without a common divisor with the sizes of fields.
      const cut = cuts(frames, 42, name === 'dhcp' ? 41 : 7);
      for (const flags of [['-t'], ['-tvv']]) expect(report(compare(cut, linkType, flags)), name).toBe('');
    }
  });
});

/** What differs from tshark's fields, and why. */
const DIFFERENT: readonly (readonly [capture: string, difference: RegExp, why: string])[] = [
  [
    'http',
    /^#(23|24) http\./,
    'tshark waits for the end of the connection, where the body ends; we give the header at once',
  ],
  ['http', /^#(13|17) http\.file_data/, 'tshark takes what follows a broken header for a body'],
  ['http', /^#15 http\.request\.full_uri/, 'the URI is made from the host, whose bytes are no ASCII'],
  [
    'text-protocols',
    /^#26 smtp\.message/,
    'tshark knows from the DATA before that this is a message, and gives it to another layer',
  ],
];

describe.skipIf(!hasTshark)('the fields of application protocols are tshark’s', () => {
  const prefixes: readonly (readonly [string, readonly string[]])[] = [
    ['http', ['http.']],
    ['text-protocols', ['ftp.', 'smtp.', 'rtsp.']],
    ['sip', ['sip.']],
  ];
  for (const [name, fields] of prefixes)
    it(`in ${name}`, () => {
      const { frames, linkType } = fixture(name);
      const differences = compareFields(frames, linkType, fields).filter(
        (line) => !DIFFERENT.some(([capture, pattern]) => capture === name && pattern.test(line)),
      );
      expect(differences.slice(0, 10)).toEqual([]);
    });
});

describe('decoding application protocols', () => {
  it('never throws, whatever the bytes', () => {
    const seed = Number(process.env['SEED'] ?? 20_261_120);
    for (const name of CAPTURES) {
      const { frames, linkType } = fixture(name);
      for (const frame of mutate(frames, random(seed), 300)) {
        const at = `seed ${seed}, ${name}, ${Buffer.from(frame.bytes).toString('hex')}`;
        expect(() => decode(frame.bytes, linkType), at).not.toThrow();
        expect(() => printFrame(frame.bytes, linkType, { verbose: 3 }), at).not.toThrow();
      }
    }
  });

  it('gives the timestamps of NTP as seconds since 1970, those after 2036 too', () => {
    const { frames, linkType } = fixture('ntp');
    const times = (index: number): unknown[] =>
      decode(frames[index]!.bytes, linkType)
        .layers.at(-1)!
        .fields.filter((field) => field.info.type === 'time')
        .map((field) => field.value);
    expect(times(0)[0]).toEqual({ seconds: 1_700_102_528, nanoseconds: 500_000_000 });
    // Second 1 of the next era: 2036-02-07T06:28:17Z.
    expect(times(43)[0]).toEqual({ seconds: 2_085_978_497, nanoseconds: 1 });
  });
});
