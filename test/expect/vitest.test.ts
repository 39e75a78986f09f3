import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { craft } from '../../src/inject/craft/index.ts';
import { matchers } from '../../src/vitest.ts';

const TOUR = fileURLToPath(new URL('../../fixtures/tour.pcapng', import.meta.url));
const directory = mkdtempSync(`${tmpdir()}/netlab-matchers-`);
afterAll(() => rmSync(directory, { recursive: true }));

const packets = [
  ...craft('eth/ip(dst=[10.0.0.1,10.0.0.2,10.0.0.3,10.0.0.4,10.0.0.5])/udp(dport=53)/dns(qname="example.org")'),
];

it('captures by path, by bytes, and packets', async () => {
  await expect(TOUR).toMatchPackets('exactly 56 frames');
  await expect(readFileSync(TOUR)).toMatchPackets(['some arp', 'every tcp has ip || ipv6']);
  await expect(packets).toMatchPackets('exactly 5 dns.query');
  await expect(packets).not.toMatchPackets('some dns.response');
});

it('says what was found where an expectation is not met', async () => {
  const failed = expect(packets).toMatchPackets('exactly 4 dns.query');
  await expect(failed).rejects.toThrow(
    /FAIL exactly 4 dns\.query\n.*found: 5 frames\n.*frame 5: one too many: IP .* > 10\.0\.0\.5\.53/,
  );
});

it('golden captures: compared, and made by -u alone where told to', async () => {
  const golden = `${directory}/golden.pcapng`;
  const state = { snapshotState: { _updateSnapshot: 'all' } };
  expect((await matchers.toMatchCapture.call(state, packets, golden)).pass).toBe(true);
  await expect(packets).toMatchCapture(golden);
  await expect(packets.slice(1)).not.toMatchCapture(golden);
  const none = { snapshotState: { _updateSnapshot: 'none' } };
  const missing = await matchers.toMatchCapture.call(none, packets, `${directory}/none.pcapng`);
  expect(missing.pass).toBe(false);
  expect(missing.message()).toContain('vitest -u');
});
