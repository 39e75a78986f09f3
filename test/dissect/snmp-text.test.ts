import { describe, expect, it } from 'vitest';
import { compare, type Frame, hasTcpdump } from './oracle.ts';
import { udpFrame } from './session/craft.ts';

if (!hasTcpdump) process.stderr.write('skipped: comparison with tcpdump: tcpdump 4.99.3 is not installed\n');

const hex = (text: string): Buffer => Buffer.from(text.replace(/\s/g, ''), 'hex');
const element = (identifier: number, ...contents: Buffer[]): Buffer => {
  const bytes = Buffer.concat(contents);
  return Buffer.concat([Buffer.from([identifier, bytes.length]), bytes]);
};
const datagram = (bytes: Buffer): Frame => ({ bytes: udpFrame(0, bytes, { clientPort: 1000, serverPort: 161 }) });

const VERSION = hex('020101');
const COMMUNITY = hex('0406 7075626c6963');
const NUMBERS = hex('020101 020100 020100');
const OID = hex('0602 2b01');
const LONG_TAG = 31;

/** Messages in which the identifier stands where something else is expected. */
function messages(identifier: number): Buffer[] {
  if ((identifier & LONG_TAG) === LONG_TAG)
    return [hex('2504 01020304'), hex('812504 01020304')].map((rest) =>
      Buffer.concat([Buffer.from([identifier]), rest]),
    );
  const odd = element(identifier, hex('01020304'));
  const bindings = element(0x30, element(0x30, OID, odd), element(0x30, OID, odd), element(0x30, OID, hex('0500')));
  return [
    odd,
    Buffer.from([identifier, 0]),
    element(0x30, VERSION, odd),
    element(0x30, VERSION, COMMUNITY, odd),
    ...[0xa0, 0xa1, 0xa2, 0xa3, 0xa5, 0xa6, 0xa7].map((pdu) =>
      element(0x30, VERSION, COMMUNITY, element(pdu, NUMBERS, bindings)),
    ),
  ];
}

describe.skipIf(!hasTcpdump)('SNMP with any identifier in any place prints as with tcpdump', () => {
  const frames = Array.from({ length: 256 }, (_, identifier) => messages(identifier).map(datagram)).flat();
  it.each([['-t'], ['-tv']])('%s', (flag) => {
    expect(compare(frames, 1, [flag])).toEqual([]);
  });
});
