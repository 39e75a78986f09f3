import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseSize, type TrafficSummary, writeTraffic } from './traffic.ts';

const SEED = 7;
let folder: string;
let path: string;
let summary: TrafficSummary;

/** tshark's lines for a display filter. */
function tshark(filter: string, ...fields: string[]): string[] {
  const checks = ['ip', 'tcp', 'udp'].flatMap((name) => ['-o', `${name}.check_checksum:TRUE`]);
  const columns = fields.length ? ['-T', 'fields', ...fields.flatMap((field) => ['-e', field])] : [];
  const done = spawnSync('tshark', ['-n', '-r', path, ...checks, '-Y', filter, ...columns], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (done.error) throw done.error;
  return done.stdout.split('\n').filter((line) => line !== '');
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'netlab-traffic-'));
  path = join(folder, 'a.pcap');
  summary = writeTraffic(path, { packets: 30_000, flows: 1500, seed: SEED });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe(`generated traffic (seed ${SEED})`, () => {
  it('has the frames and bytes that the summary tells', () => {
    expect(summary.packets).toBe(30_000);
    expect(statSync(path).size).toBe(summary.bytes);
    expect(tshark('frame', 'frame.number')).toHaveLength(30_000);
  });

  it('has only right checksums, and times that do not go back', () => {
    expect(
      tshark(
        'ip.checksum.status == 0 || tcp.checksum.status == 0 || udp.checksum.status == 0 || ' +
          'icmp.checksum.status == 0 || icmpv6.checksum.status == 0',
      ),
    ).toEqual([]);
    expect(tshark('frame.time_delta < 0')).toEqual([]);
  });

  it('contains every kind of frame that it promises', () => {
    const filters = [
      'tcp.flags.syn == 1 && tcp.flags.ack == 0 && tcp.options.mss',
      'tcp.options.timestamp.tsval && tcp.len > 1000',
      'tcp.flags.reset == 1',
      'tcp.flags.fin == 1',
      'tcp.analysis.retransmission || tcp.analysis.fast_retransmission || tcp.analysis.spurious_retransmission',
      'dns.flags.response == 0',
      'dns.flags.response == 1 && dns.a',
      'dns.aaaa',
      'icmp.type == 8',
      'icmpv6.type == 129',
      'icmpv6.nd.ns.target_address',
      'arp.opcode == 2',
      'vlan && ipv6',
      'ieee8021ad',
      'ntp',
      'frame.len == 60',
      'frame.len > 1500',
    ];
    // One column of (frames, bytes) for each filter, in one row.
    const done = spawnSync('tshark', ['-n', '-r', path, '-q', '-z', `io,stat,0,${filters.join(',')}`], {
      encoding: 'utf8',
    });
    const cells = done.stdout
      .split('\n')
      .find((line) => line.includes('<>'))!
      .split('|')
      .slice(2, -1)
      .map(Number);
    expect(cells).toHaveLength(filters.length * 2);
    expect(filters.filter((_, index) => !(cells[2 * index]! > 0))).toEqual([]);
  });

  it('answers every DNS question that it has room for, with the id of the question', () => {
    const answered = tshark('dns.flags.response == 1', 'dns.response_to');
    expect(answered.length).toBeGreaterThan(300);
    expect(answered.filter((line) => line.trim() === '')).toEqual([]);
  });

  it('sends again what was lost with the same bytes, and never skips or overlaps otherwise', () => {
    expect(
      tshark('tcp.analysis.lost_segment || tcp.analysis.ack_lost_segment || tcp.segment.overlap.conflict'),
    ).toEqual([]);
  });

  it('is the same for the same seed and another for another', () => {
    const digest = (seed: number): string => {
      const file = join(folder, `seed-${seed}.pcap`);
      writeTraffic(file, { packets: 2000, flows: 100, seed, nano: true });
      return createHash('sha256').update(readFileSync(file)).digest('hex');
    };
    expect(digest(3)).toBe(digest(3));
    expect(digest(3)).not.toBe(digest(4));
  });

  it('reads sizes with their letters, and nothing else', () => {
    expect([parseSize('1200'), parseSize('2.5k'), parseSize('500M'), parseSize('1G')]).toEqual([1200, 2500, 5e8, 1e9]);
    expect(() => parseSize('500 MB')).toThrow('not a size: 500 MB');
  });
});
