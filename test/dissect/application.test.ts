import { describe, expect, it } from 'vitest';
import { decode } from '../../src/dissect/decode.ts';
import { printFrame } from '../../src/dissect/text-printer.ts';
import { compareFields, cuts, fixture, hasTshark } from './fixture.ts';
import { mutate, random } from './mutate.ts';
import { compare, type Difference, type Frame, hasTcpdump } from './oracle.ts';

/** The captures that `fixtures/make-application-protocols.py` makes. */
const CAPTURES = [
  'http',
  'text-protocols',
  'text-edges',
  'dhcp',
  'ntp',
  'tftp',
  'syslog',
  'snmp',
  'sip',
  'dhcpv6',
  'nbns',
];

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

  it('of times of NTP however far apart', () => {
    const { frames, linkType } = fixture('ntp');
    const seconds = [0, 1, 2 ** 31 - 1, 2 ** 31, 2 ** 31 + 1, 2 ** 32 - 1, 1_501_799_136, 4_004_192_599];
    const apart: Frame[] = [];
    for (const origin of seconds)
      for (const received of seconds)
        for (const [a, b] of [
          [0, 0],
          [2 ** 31, 5],
          [5, 2 ** 31],
        ] as const) {
          const bytes = Buffer.from(frames[0]!.bytes);
          const times = 14 + 20 + 8 + 24;
          [origin, a, received, b].forEach((word, i) => void bytes.writeUInt32BE(word, times + 4 * i));
          apart.push({ bytes });
        }
    expect(report(compare(apart, linkType, ['-tv']))).toBe('');
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
  ['http', /^#(23|24) /, 'tshark waits for the end of the connection, where the body ends; we give the header at once'],
  ['http', /^#(13|17) http\.file_data/, 'tshark takes what follows a broken header for a body'],
  ['http', /^#15 http\.request\.full_uri/, 'the URI is made from the host, whose bytes are no ASCII'],
  ['text-protocols', /^#26 smtp\.message/, 'tshark knows from the DATA before that this is a message, another layer’s'],
  ['.', /theirs (.* \| )?<missing>/, 'tshark writes so for a value without bytes, which is none here'],
  ['.', / UTC|theirs NULL/, 'tshark writes times as dates here; their values have tests of their own'],
  ['dhcpv6', /^#16 dhcpv6\.client_domain/, 'tshark gives a name of one label as a domain to beware of'],
  ['dhcpv6', /^#(17|18) /, 'cut: we give whole fields up to the cut, tshark a little more or less'],
  ['snmp', /^#(3|5|10|15|122|131) /, 'PDUs and versions that there are not: where the walk stops'],
  ['snmp', /^#(41|42) snmp\.value\.int/, 'integers without bytes, and of more than 32 bits'],
  ['tftp', /destination_file|request_frame/, 'of the request before, which a frame by itself does not know'],
  ['tftp', /^#(22|24|31|34|35|36|41) /, 'text without its zero byte: we give what is there'],
  ['ntp', /^#(20|52|55|56|67) /, 'cut, or items of mode 7 without their header'],
  ['ntp', /^#(59|61) ntp\.ctrl\./, 'the list of associations in a response’s data is not taken apart'],
  ['syslog', /^#17 /, 'a zero byte in the text'],
  ['syslog', /^#(21|22|24|25) /, 'a priority without text behind it'],
  ['dhcp', /^#329 /, 'options in the file’s place are not followed'],
  ['dhcp', /^#346 dhcp\.option\.suboption_length/, 'vendors’ sub-options are not taken apart'],
  ['nbns', /^#24 /, 'a name that is none'],
];

describe.skipIf(!hasTshark)('the fields of application protocols are tshark’s', () => {
  const prefixes: readonly (readonly [capture: string, fields: readonly string[], from?: number])[] = [
    ['http', ['http.']],
    ['text-protocols', ['ftp.', 'smtp.', 'rtsp.']],
    ['sip', ['sip.']],
    ['dhcpv6', ['dhcpv6.']],
    ['snmp', ['snmp.']],
    ['tftp', ['tftp.']],
    ['ntp', ['ntp.']],
    ['syslog', ['syslog.']],
    ['nbns', ['nbns.', 'nbdgm.']],
    // The frames before have options of wrong lengths, for the text; tshark gives up at the first of them.
    ['dhcp', ['dhcp.'], 293],
  ];
  for (const [name, fields, from = 0] of prefixes)
    it(`in ${name}`, () => {
      const { frames, linkType } = fixture(name);
      const differences = compareFields(frames.slice(from), linkType, fields)
        .map((line) => line.replace(/^#(\d+)/, (_, number) => `#${Number(number) + from}`))
        .filter(
          (line) =>
            !DIFFERENT.some(([capture, pattern]) => (capture === name || capture === '.') && pattern.test(line)),
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
