import { describe, expect, it } from 'vitest';
import {
  libpcapCompile,
  libpcapImage,
  libpcapRun,
  libpcapValidates,
  libpcapVersion,
  whyNoLibpcap,
} from '../../src/linux/libpcap.ts';
import { encodeSockFilters } from '../../src/uapi/filter.ts';

const missing = whyNoLibpcap();
if (missing !== null) {
  if (process.env['CI']) throw new Error(`must run in CI: ${missing}`);
  process.stderr.write(`skipped: libpcap by FFI: ${missing}\n`);
}

describe.skipIf(missing !== null)('libpcap by FFI', () => {
  it('says its version', () => {
    expect(libpcapVersion()).toMatch(/^libpcap version 1\./);
  });

  it('compiles an expression to instructions', () => {
    expect(libpcapCompile('ip').program).toEqual([
      { code: 0x28, jt: 0, jf: 0, k: 12 },
      { code: 0x15, jt: 0, jf: 1, k: 0x800 },
      { code: 0x06, jt: 0, jf: 0, k: 262144 },
      { code: 0x06, jt: 0, jf: 0, k: 0 },
    ]);
  });

  it('takes link type, snapshot length, netmask and whether to optimize', () => {
    expect(libpcapCompile('ip', { linkType: 12, snapLength: 99 }).program!.at(-2)!.k).toBe(99);
    expect(libpcapCompile('tcp port 80', { optimize: false }).program!.length).toBeGreaterThan(
      libpcapCompile('tcp port 80').program!.length,
    );
    expect(libpcapCompile('ip broadcast').error).toMatch(/netmask/);
    expect(libpcapCompile('ip broadcast', { netmask: 0xffffff00 }).error).toBeNull();
  });

  it('gives the text of an error, and none before or after it', () => {
    expect(libpcapCompile('tcp port port')).toEqual({ program: null, error: expect.stringMatching(/syntax error/) });
    expect(libpcapCompile('tcp').error).toBeNull();
  });

  it('runs a program on captured bytes and an original length', () => {
    const longerThan = encodeSockFilters(libpcapCompile('greater 100').program!);
    expect(libpcapRun(longerThan, new Uint8Array(20), 99)).toBe(0);
    expect(libpcapRun(longerThan, new Uint8Array(20), 100)).toBe(262144);
    expect(libpcapRun(longerThan, new Uint8Array(20))).toBe(0);
    const ip = encodeSockFilters(libpcapCompile('ip').program!);
    const frame = new Uint8Array(14);
    frame[12] = 8;
    expect(libpcapRun(ip, frame)).toBe(262144);
    expect(libpcapRun(ip, frame.subarray(0, 13))).toBe(0);
  });

  it('prints and checks instructions', () => {
    expect(libpcapImage({ code: 0x28, jt: 0, jf: 0, k: 12 }, 4)).toBe('(004) ldh      [12]');
    expect(libpcapValidates([{ code: 6, jt: 0, jf: 0, k: 0 }])).toBe(true);
    expect(libpcapValidates([{ code: 0, jt: 0, jf: 0, k: 0 }])).toBe(false);
  });
});
