import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { read } from '../../src/api/read.ts';
import { write } from '../../src/api/write.ts';
import { fixChecksums } from '../../src/inject/fix.ts';
import { udpPacket } from '../../src/inject/udp-packet.ts';
import { LINKTYPE_ETHERNET, LINKTYPE_RAW } from '../../src/wire/linktype.ts';
import { describeWith } from '../support/tools.ts';

const FIXTURES = new URL('../../fixtures/', import.meta.url).pathname;
const FILES = [
  'tour.pcapng',
  ...['gre', 'ipip', 'vxlan', 'geneve', 'sctp', 'udplite', 'ospf', 'vrrp', 'mpls', 'pppoe'].map(
    (name) => `protocols/${name}.pcap`,
  ),
];
/** Switches on what tshark leaves off by default. */
const VALIDATE = [
  ...['ip', 'tcp', 'udp', 'udplite'].map((name) => `${name}.check_checksum:TRUE`),
  'sctp.checksum:CRC 32c',
].flatMap((preference) => ['-o', preference]);

/** Frames whose last byte a checksum covers that can be computed: no fragments, and no quoted packets. */
const CHANGED_DATA = '(tcp or udp) and ip[6:2] & 0x3fff = 0';

const packet = (data: string): Uint8Array =>
  udpPacket({
    src: Uint8Array.of(192, 0, 2, 1),
    dst: Uint8Array.of(192, 0, 2, 2),
    srcPort: 1000,
    dstPort: 2000,
    data: new TextEncoder().encode(data),
  });

describe('fixChecksums', () => {
  test('a right packet is not changed', () => {
    const bytes = packet('hello');
    const before = bytes.slice();
    expect(fixChecksums(bytes, LINKTYPE_RAW)).toBe(0);
    expect(bytes).toEqual(before);
  });

  test('changed addresses, ports and data: both checksums', () => {
    const bytes = packet('hello');
    bytes[15] = 99;
    bytes[23] = 7;
    bytes[30]! ^= 0x20;
    expect(fixChecksums(bytes, LINKTYPE_RAW)).toBe(2);
    expect(fixChecksums(bytes, LINKTYPE_RAW)).toBe(0);
  });

  test('a UDP checksum of 0 over IPv4 stays 0', () => {
    const bytes = packet('hello');
    bytes.fill(0, 26, 28);
    expect(fixChecksums(bytes, LINKTYPE_RAW)).toBe(0);
  });

  test('a packet that was cut keeps the checksum over what is not there, and has the header fixed', () => {
    const bytes = packet('hello').subarray(0, 30).slice();
    bytes[8] = 3;
    const udpChecksum = bytes.slice(26, 28);
    expect(fixChecksums(bytes, LINKTYPE_RAW)).toBe(1);
    expect(bytes.slice(26, 28)).toEqual(udpChecksum);
  });

  test('lengths: the packet ends where the bytes end', () => {
    const bytes = packet('hello').subarray(0, 30).slice();
    fixChecksums(bytes, LINKTYPE_RAW, { lengths: true });
    expect(bytes).toEqual(packet('he'));
  });

  test('a frame in the middle of other bytes: nothing outside is touched', () => {
    const inner = packet('hello');
    inner[8] = 9;
    const bytes = new Uint8Array(inner.length + 20).fill(0x45);
    bytes.set(inner, 10);
    fixChecksums(bytes, LINKTYPE_RAW, { at: 10, end: 10 + inner.length });
    fixChecksums(inner, LINKTYPE_RAW);
    expect(bytes.slice(10, 10 + inner.length)).toEqual(inner);
    expect(bytes.slice(0, 10).every((byte) => byte === 0x45)).toBe(true);
    expect(bytes.slice(10 + inner.length).every((byte) => byte === 0x45)).toBe(true);
  });

  test('any beginning of a frame is read within its end', async () => {
    for (const file of FILES)
      for await (const { bytes, linkType } of read(FIXTURES + file))
        for (let end = 0; end <= Math.min(bytes.length, 120); end++) {
          const room = new Uint8Array(end + 8).fill(0xa5);
          room.set(bytes.subarray(0, end));
          fixChecksums(room, linkType, { end });
          expect(room.slice(end).every((byte) => byte === 0xa5)).toBe(true);
          fixChecksums(room, linkType, { end, lengths: true });
          expect(room.slice(end).every((byte) => byte === 0xa5)).toBe(true);
        }
  });
});

describeWith(['tshark'], 'fixChecksums against tshark', () => {
  test('frames of many protocols with changed addresses: no bad checksum is left', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'netlab-fix-'));
    try {
      const out = write(join(directory, 'fixed.pcapng'));
      let changed = 0;
      for (const file of FILES)
        for await (const { bytes, linkType } of read(FIXTURES + file, { filter: CHANGED_DATA })) {
          if (file !== 'tour.pcapng' || linkType !== LINKTYPE_ETHERNET) continue;
          bytes[bytes.length - 1]! ^= 1;
          changed += fixChecksums(bytes, linkType);
          await out.write({ bytes, linkType });
        }
      for (const file of FILES)
        for await (const { bytes, linkType } of read(FIXTURES + file)) {
          if (linkType !== LINKTYPE_ETHERNET) continue;
          // The last byte of what is mostly an address.
          if (bytes.length > 30) bytes[29]! ^= 1;
          changed += fixChecksums(bytes, linkType);
          await out.write({ bytes, linkType });
        }
      await out.close();
      expect(changed).toBeGreaterThan(100);
      const bad = ['ip', 'tcp', 'udp', 'icmp', 'icmpv6', 'igmp', 'gre', 'sctp', 'vrrp']
        .map((name) => `${name}.checksum.status == "Bad"`)
        .join(' || ');
      // Some fixtures are damaged on purpose.
      const filter = `!_ws.malformed && (${bad})`;
      const done = spawnSync('tshark', ['-n', '-r', join(directory, 'fixed.pcapng'), ...VALIDATE, '-Y', filter], {
        encoding: 'utf8',
        timeout: 100_000,
      });
      expect(done.stderr.replace(/^Running as user.*\n/, '')).toBe('');
      expect(done.stdout).toBe('');
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
