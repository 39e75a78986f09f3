import { describe, expect, it } from 'vitest';
import { chosenInterface, parseAddress, parsePort, parseSource, resolveHost } from '../../src/cli/endpoint.ts';
import { UsageError } from '../../src/cli/exit.ts';
import { parseIp } from '../../src/inject/address.ts';

const ip = (text: string): Uint8Array => parseIp(text)!;

describe('parseAddress', () => {
  it('reads addresses with and without zone and brackets', () => {
    expect(parseAddress('192.0.2.1')).toEqual({ address: ip('192.0.2.1'), zone: null });
    expect(parseAddress('fe80::1%eth0')).toEqual({ address: ip('fe80::1'), zone: 'eth0' });
    expect(parseAddress('[fe80::1%3]')).toEqual({ address: ip('fe80::1'), zone: '3' });
    expect(parseAddress('::ffff:1.2.3.4')).toEqual({ address: ip('::ffff:1.2.3.4'), zone: null });
  });

  it.each(['', '1.2.3', '256.1.1.1', '01.2.3.4', 'fe80::1%', '1.2.3.4%eth0', '[1.2.3.4]', ':::', '1::2::3', 'host'])(
    '%j is none',
    (text) => {
      expect(parseAddress(text)).toBeNull();
    },
  );
});

describe('parseSource', () => {
  it('reads its four forms', () => {
    expect(parseSource('10.0.0.1')).toEqual({ address: ip('10.0.0.1'), zone: null });
    expect(parseSource('10.0.0.1:53')).toEqual({ address: ip('10.0.0.1'), zone: null, port: 53 });
    expect(parseSource('[fe80::1%eth0]:0')).toEqual({ address: ip('fe80::1'), zone: 'eth0', port: 0 });
    expect(parseSource('2001:db8::1')).toEqual({ address: ip('2001:db8::1'), zone: null });
    expect(parseSource(':65535')).toEqual({ zone: null, port: 65535 });
    // Without brackets the last group belongs to the address.
    expect(parseSource('2001:db8::1:53')).toEqual({ address: ip('2001:db8::1:53'), zone: null });
  });

  it.each([
    '',
    ':',
    '10.0.0.1:',
    '10.0.0.1:65536',
    '10.0.0.1:x',
    'example.org:5',
    '[10.0.0.1]:5',
    '1:2:3:4:5:6:7:8:53',
  ])('%j is a usage error', (text) => {
    expect(() => parseSource(text)).toThrow(UsageError);
  });
});

describe('parsePort', () => {
  it('takes 0 to 65535 and nothing else', () => {
    expect([parsePort('0'), parsePort('65535'), parsePort('00080')]).toEqual([0, 65535, 80]);
    for (const text of ['65536', '-1', '1.5', '0x50', '', ' 80', 'http', '100000'])
      expect(() => parsePort(text)).toThrow(UsageError);
  });
});

describe('chosenInterface', () => {
  it('agrees with the zones, or says that two are named', () => {
    expect(chosenInterface(undefined, [null, undefined], ip('10.0.0.1'))).toBeUndefined();
    expect(chosenInterface('eth0', ['eth0'], ip('fe80::1'))).toBe('eth0');
    expect(chosenInterface(undefined, ['eth1', null], ip('ff02::1'))).toBe('eth1');
    expect(() => chosenInterface('eth0', ['eth1'], ip('fe80::1'))).toThrow('two interfaces: eth0 and eth1');
  });

  it.each(['fe80::1', 'febf::1', 'ff02::fb', 'ff01::1'])('asks for one where %s needs it', (address) => {
    expect(() => chosenInterface(undefined, [null], ip(address))).toThrow(/%INTERFACE or -i/);
  });

  it.each(['fec0::1', 'ff05::2', '2001:db8::1', '169.254.0.1'])('does not for %s', (address) => {
    expect(chosenInterface(undefined, [null], ip(address))).toBeUndefined();
  });
});

describe('resolveHost', () => {
  it('gives addresses as they are and names as the system knows them', async () => {
    expect(await resolveHost('192.0.2.1', null)).toEqual({ address: ip('192.0.2.1'), zone: null });
    expect((await resolveHost('localhost', 4)).address).toEqual(ip('127.0.0.1'));
  });

  it('refuses what cannot be', async () => {
    await expect(resolveHost('192.0.2.1', 6)).rejects.toThrow(/192\.0\.2\.1 is an IPv4 address, and -6 was given/);
    await expect(resolveHost('', null)).rejects.toThrow(UsageError);
    await expect(resolveHost('a b', null)).rejects.toThrow(UsageError);
    // RFC 6761 6.4: .invalid never resolves, by a server or without one.
    await expect(resolveHost('host.invalid', null)).rejects.toThrow(/host\.invalid: the system's resolver/);
  });
});
