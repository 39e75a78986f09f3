/** Strict mode against the default, over packets: what the documentation of `CompileOptions.mode` says differs. */
import { describe, expect, it } from 'vitest';
import { NO_ANCILLARY } from '../../src/filter/ancillary.ts';
import { type CompileOptions, compile } from '../../src/filter/compile.ts';
import { validate } from '../../src/filter/validate.ts';
import { run } from '../../src/filter/vm.ts';
import { ether, ipv4, ipv6, packetsOf, tcp, udp } from './support/packets.ts';

const SYN = 0x02;
const tcp4 = (): Uint8Array => ipv4(6, tcp(1234, 80, SYN));
const tcp6 = (): Uint8Array => ipv6(6, tcp(1234, 80, SYN));
const udp4 = (): Uint8Array => ipv4(17, udp(1234, 53));
const tagged = (id: number, type: number, payload: Uint8Array): Uint8Array =>
  ether(0x8100, [id >> 8, id & 255, type >> 8, type & 255, ...payload]);
const labelled = (label: number, payload: Uint8Array): Uint8Array =>
  ether(0x8847, [label >> 12, (label >> 4) & 255, ((label & 15) << 4) | 1, 64, ...payload]);

function matches(expression: string, packet: Uint8Array, options: Partial<CompileOptions> = {}): boolean {
  const verdicts = [true, false].map((optimize) => {
    const program = compile(expression, { linkType: 1, mode: 'strict', optimize, ...options });
    expect(validate(program)).toBeNull();
    return run(program, packet, 0, packet.length, packet.length) !== 0;
  });
  expect(verdicts[0]).toBe(verdicts[1]);
  return verdicts[0]!;
}
const inDefault = (expression: string, packet: Uint8Array, options: Partial<CompileOptions> = {}): boolean =>
  matches(expression, packet, { mode: 'libpcap', ...options });

describe('strict mode', () => {
  it('vlan moves no headers on the other side of an or', () => {
    const plain = ether(0x0800, tcp4());
    expect(matches('vlan 5 or ip', plain)).toBe(true);
    expect(inDefault('vlan 5 or ip', plain)).toBe(false);
    expect(matches('vlan 5 or vlan 6', tagged(6, 0x0800, tcp4()))).toBe(true);
    expect(inDefault('vlan 5 or vlan 6', tagged(6, 0x0800, tcp4()))).toBe(false);
    expect(matches('not vlan and ip', plain)).toBe(true);
    expect(inDefault('not vlan and ip', plain)).toBe(false);
  });

  it('what follows an or has the headers of the side that accepted the packet', () => {
    for (const expression of ['(vlan 5 or ip) and tcp', '(ip or vlan 5) and tcp', '(vlan 5 or mpls 7 or ip) and tcp']) {
      expect(matches(expression, ether(0x0800, tcp4()))).toBe(true);
      expect(matches(expression, tagged(5, 0x0800, tcp4()))).toBe(true);
      expect(matches(expression, tagged(6, 0x0800, tcp4()))).toBe(false);
      expect(matches(expression, tagged(5, 0x0800, udp4()))).toBe(false);
      expect(matches(expression, ether(0x0800, udp4()))).toBe(false);
    }
    expect(matches('(vlan 5 or mpls 7 or ip) and tcp', labelled(7, tcp4()))).toBe(true);
    expect(matches('(vlan 5 or mpls 7 or ip) and tcp', labelled(7, udp4()))).toBe(false);
  });

  it('vlan still moves them for what is joined by and, tag by tag', () => {
    const twice = ether(0x88a8, [0, 5, 0x81, 0x00, 0, 6, 0x08, 0x00, ...tcp4()]);
    expect(matches('vlan 5 and vlan 6 and tcp port 80', twice)).toBe(true);
    expect(matches('vlan 5 and vlan 7', twice)).toBe(false);
    expect(matches('vlan 5 and tcp port 80', tagged(5, 0x0800, tcp4()))).toBe(true);
    expect(matches('vlan 5 and tcp port 80', ether(0x0800, tcp4()))).toBe(false);
  });

  it('pppoes and geneve move none either', () => {
    const plain = ether(0x0800, tcp4());
    expect(matches('pppoes or tcp', plain)).toBe(true);
    expect(inDefault('pppoes or tcp', plain)).toBe(false);
    expect(matches('geneve or tcp', plain)).toBe(true);
    const geneve = ether(0x0800, ipv4(17, udp(1, 6081, [0, 0, 0x08, 0, 0, 0, 7, 0, ...tcp4()])));
    expect(matches('geneve 7 and tcp port 80', geneve)).toBe(true);
    expect(matches('(geneve 7 or arp) and tcp port 80', geneve)).toBe(true);
    expect(matches('(geneve 8 or ip) and tcp', geneve)).toBe(false);
  });

  it('metadata stays where it is behind a pppoes', () => {
    const program = compile('pppoes and outbound', { linkType: 1, mode: 'strict' });
    expect(program.some(({ code, k }) => code === 0x28 && k === 0xfffff004)).toBe(true);
  });

  it('the tag in the metadata counts as the one in the packet', () => {
    const program = compile('(vlan 5 or ip) and tcp', { linkType: 1, mode: 'strict', vlanOffload: true });
    expect(validate(program)).toBeNull();
    const verdict = (packet: Uint8Array, tag: number | null): boolean =>
      run(program, packet, 0, packet.length, packet.length, {
        ...NO_ANCILLARY,
        vlanTagPresent: tag === null ? 0 : 1,
        vlanTag: tag ?? 0,
      }) !== 0;
    expect(verdict(ether(0x0800, tcp4()), 5)).toBe(true);
    expect(verdict(ether(0x0800, tcp4()), null)).toBe(true);
    expect(verdict(ether(0x0800, udp4()), 5)).toBe(false);
    expect(verdict(tagged(5, 0x0800, tcp4()), null)).toBe(true);
    expect(verdict(tagged(6, 0x0800, tcp4()), null)).toBe(false);
  });

  it('fields of tcp and udp are read over IPv6', () => {
    const packet = ether(0x86dd, tcp6());
    for (const expression of ['tcp[tcpflags] & tcp-syn != 0', 'tcp[2:2] = 80', 'ip6 and tcp[0:2] = 1234']) {
      expect(matches(expression, packet)).toBe(true);
      expect(matches(expression, ether(0x86dd, ipv6(17, udp(1234, 80))))).toBe(false);
    }
    expect(inDefault('tcp[tcpflags] & tcp-syn != 0', packet)).toBe(false);
    expect(() => compile('ip6 and tcp[0] = 0', { linkType: 1 })).toThrow(/false for every packet/);
    expect(matches('tcp[tcpflags] & tcp-syn != 0', ether(0x0800, tcp4()))).toBe(true);
    expect(matches('tcp[2:2] = 80', ether(0x0800, ipv4(6, tcp(1, 80, 0), { options: [1, 1, 1, 1] })))).toBe(true);
    expect(matches('tcp[2:2] = 80', ether(0x0800, ipv4(6, tcp(1, 80, 0), { fragment: 5 })))).toBe(false);
    expect(matches('udp[2:2] = 53', tagged(5, 0x86dd, ipv6(17, udp(1, 53))))).toBe(false);
    expect(matches('vlan and udp[2:2] = 53', tagged(5, 0x86dd, ipv6(17, udp(1, 53))))).toBe(true);
  });

  it('every field in a sum needs its protocol', () => {
    const packet = ether(0x0800, udp4());
    expect(matches('ip[9] + tcp[0] > 0', packet)).toBe(false);
    expect(inDefault('ip[9] + tcp[0] > 0', packet)).toBe(true);
  });

  it('% and ^ bind as in C', () => {
    const packet = new Uint8Array(60);
    expect(matches('len % 7 * 2 = 8', packet)).toBe(true);
    expect(inDefault('len % 7 * 2 = 8', packet)).toBe(false);
    expect(matches('1 ^ 3 & 2 = 3 and len = 60', packet)).toBe(true);
  });

  it('byte n & m loads the byte', () => {
    const packet = ether(0x0800, tcp4());
    expect(matches('byte 12 & 8', packet)).toBe(true);
    expect(matches('byte 12 & 4', packet)).toBe(false);
    expect(inDefault('byte 12 & 8', packet)).toBe(false);
  });

  it('on Linux cooked v2, stp is looked for in the LLC header', () => {
    const packet = Uint8Array.from([0, 4, ...new Array<number>(18).fill(0), 0x42, 0x42, 3]);
    expect(matches('stp', packet, { linkType: 276 })).toBe(true);
    expect(inDefault('stp', packet, { linkType: 276 })).toBe(false);
  });

  it('agrees with the default on everything else', () => {
    const expressions = [
      'tcp port 80',
      'host 10.0.0.1',
      'ip6',
      'vlan 100 and ip',
      'icmp or arp',
      'udp and not port 53',
    ];
    const pairs = expressions.map((expression) => ({
      expression,
      strict: compile(expression, { linkType: 1, mode: 'strict' }),
      loose: compile(expression, { linkType: 1 }),
    }));
    let accepted = 0;
    for (const { bytes } of packetsOf(1))
      for (const { expression, strict, loose } of pairs) {
        const verdict = run(strict, bytes, 0, bytes.length, bytes.length);
        expect(verdict, expression).toBe(run(loose, bytes, 0, bytes.length, bytes.length));
        if (verdict !== 0) accepted++;
      }
    expect(accepted).toBeGreaterThan(100);
  });
});
