import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compareCapture } from './capture-fields.ts';
import { hasTshark } from './fixture.ts';

const FOLDER = join(import.meta.dirname, '../../fixtures/protocols');

if (!hasTshark) process.stderr.write('skipped: comparison with tshark: tshark 4.0.17 is not installed\n');

/** What differs, and why: capture, frame, field. */
const DIFFERENT: readonly (readonly [capture: string, pattern: RegExp])[] = [
  // Wireshark shows nothing of a hello in which it finds an extension malformed, here transport parameters that are cut.
  ['tls-messages', /^#90 tls\.handshake\.ja3/],
  // What comes through a tunnel of CONNECT is not shown as HTTP as well.
  ['http-exchanges', /^#5[12] http\.proxy_connect/],
  // Of members of gzip in a row Wireshark shows the first.
  ['http-exchanges', /^#96 http\.file_data/],
];

const CAPTURES: readonly (readonly [name: string, fields: RegExp])[] = [
  ['exchanges', /^(dns|icmp|icmpv6|snmp|radius)\./],
  ['http-exchanges', /^(http|websocket)\./],
  ['tls-messages', /^(tls|x509\w+)\./],
  ['dtls', /^(dtls|x509\w+)\./],
];

describe.skipIf(!hasTshark)('what earlier frames say of a packet is tshark’s', () => {
  for (const [name, fields] of CAPTURES)
    it(`in ${name}`, async () => {
      const differences = (await compareCapture(join(FOLDER, `${name}.pcap`), fields)).filter(
        (line) => !DIFFERENT.some(([capture, pattern]) => capture === name && pattern.test(line)),
      );
      expect(differences.slice(0, 10)).toEqual([]);
    });
});
