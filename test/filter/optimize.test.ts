import { describe, expect, it } from 'vitest';
import { compile } from '../../src/filter/compile.ts';
import type { BpfProgram } from '../../src/filter/program.ts';
import { validate } from '../../src/filter/validate.ts';
import { run } from '../../src/filter/vm.ts';
import { processorTime } from '../support/cpu.ts';
import { ether, ipv4, ipv6, packetsOf, tcp, udp } from './support/packets.ts';

const length = (expression: string, optimize = true): number => compile(expression, { linkType: 1, optimize }).length;

describe('the optimizer', () => {
  it('computes what is known', () => {
    expect(compile('1 + 2 * 3 = 7', { linkType: 1 })).toEqual([{ code: 6, jt: 0, jf: 0, k: 262144 }]);
    expect(() => compile('1 + 2 * 3 = 8', { linkType: 1 })).toThrow(/false for every packet/);
    expect(() => compile('len / (4 - 4) = 1', { linkType: 1 })).toThrow(/division by zero/);
    expect(compile('1 + 2 * 3 = 8', { linkType: 1, optimize: false }).length).toBeGreaterThan(10);
    expect(length('tcp[1 + 2 * 3] = 5')).toBe(length('tcp[7] = 5'));
  });

  it('never tests the same twice on the same way', () => {
    expect(length('ip and ip and ip')).toBe(length('ip'));
    expect(length('tcp port 80 and tcp')).toBeLessThanOrEqual(length('tcp port 80') + 3);
    expect(length('ip and tcp')).toBe(6);
    expect(length('host 10.0.0.1 or host 10.0.0.2')).toBe(17);
  });

  it('keeps a store that a later block relies on (libpcap 1.10.3 loses it)', () => {
    const program = compile(
      '64 + length < -len and greater 255 or greater 413 || not (length - length / ip[80] > (0xffffffff | len))',
      { linkType: 1 },
    );
    expect(validate(program)).toBeNull();
  });

  it('does not move a test of the packet before the test of the metadata that it depends on', () => {
    const program = compile('ip or vlan and ip', { linkType: 1, vlanOffload: true });
    const metadata = program.findIndex(({ code, k }) => code === 0x30 && k === 0xfffff030);
    const store = program.findIndex(({ code, k }, index) => code === 0 && k === 4 && program[index + 1]!.code === 2);
    expect(metadata).toBeGreaterThan(0);
    expect(store).toBeGreaterThan(metadata);
  });

  it('memory that some way loads without having stored it is stored first, and the program gets no longer', () => {
    // libpcap 1.10.3 makes 53 instructions, which Linux refuses.
    for (const expression of ['geneve or ip', 'geneve 7 or not (geneve 8 and ether host 1:2:3:4:5:6) or tcp']) {
      const program = compile(expression, { linkType: 1 });
      expect(validate(program)).toBeNull();
      expect(program[0]).toEqual({ code: 2, jt: 0, jf: 0, k: 0 });
    }
    expect(length('geneve or ip')).toBe(52);
    const inner = ether(0x0800, ipv4(6, tcp(1, 80, 0)));
    const geneve = (options: number[]): Uint8Array => {
      const head = [options.length / 4, 0, 0x65, 0x58, 0, 0, 7, 0];
      return ether(0x0800, ipv4(17, udp(1, 6081, [...head, ...options, ...inner])));
    };
    const program = compile('geneve 7 and (tcp port 80 or arp) or stp', { linkType: 1 });
    expect(validate(program)).toBeNull();
    for (const options of [[], [1, 2, 3, 4, 5, 6, 7, 8]])
      expect(run(program, geneve(options), 0, geneve(options).length, 200)).toBe(262144);
    expect(run(program, inner, 0, inner.length, inner.length)).toBe(0);
  });

  it('a load at an offset that has no name is one that no packet has', () => {
    const program = compile('byte 4294967295 = 5', { linkType: 1 });
    expect(validate(program)).toBeNull();
    expect(run(program, new Uint8Array(100), 0, 100, 100)).toBe(0);
  });

  it('jumps over more than 255 instructions', () => {
    const hosts = Array.from({ length: 300 }, (_, index) => `10.0.${index >> 8}.${index & 255}`);
    for (const optimize of [true, false]) {
      const program = compile(`ip src host (${hosts.join(' or ')}) and tcp port 80`, { linkType: 1, optimize });
      expect(program.length).toBeGreaterThan(300);
      expect(program.every(({ jt, jf }) => jt < 256 && jf < 256)).toBe(true);
      expect(validate(program)).toBeNull();
      const verdict = (src: string, port: number): boolean => {
        const packet = ether(0x0800, ipv4(6, tcp(1, port, 0), { src }));
        return run(program, packet, 0, packet.length, packet.length) !== 0;
      };
      for (const host of hosts) expect(verdict(host, 80), host).toBe(true);
      expect(verdict('10.0.0.149', 81)).toBe(false);
      expect(verdict('10.0.1.44', 80)).toBe(false);
    }
  });

  it('takes a list of some hundred addresses in seconds', () => {
    const list = Array.from({ length: 250 }, (_, index) => `host 10.${index}.0.1`).join(' or ');
    let program: BpfProgram = [];
    const spent = processorTime(() => {
      program = compile(list, { linkType: 1 });
    });
    expect(spent).toBeLessThan(15_000);
    const packet = ether(0x0800, ipv4(6, tcp(1, 2, 0), { src: '10.249.0.1' }));
    expect(run(program, packet, 0, packet.length, packet.length)).toBe(262144);
  });

  it('accepts at least what the plain program accepts, and more only where that one reads past the end', () => {
    const expressions = [
      'tcp port 80 or udp port 53',
      'tcp[tcpflags] & (tcp-syn|tcp-fin) != 0 and not port 22',
      'ip[2:2] - ((ip[0]&0xf)<<2) - ((tcp[12]&0xf0)>>2) != 0',
      'vlan 100 and tcp or ip6 and udp',
      'not (host 10.0.0.1 or net 192.168.0.0/16) and icmp',
      'ether multicast and ip6 or len > 200 and (tcp or udp)',
      'ip6 proto 6 and ip6[40:2] = 443 or arp host 10.0.0.1',
    ];
    for (const expression of expressions) {
      const optimized = compile(expression, { linkType: 1 });
      const plain = compile(expression, { linkType: 1, optimize: false });
      for (const { name, bytes, originalLength } of packetsOf(1)) {
        if (bytes.length < 60) continue;
        expect(run(optimized, bytes, 0, bytes.length, originalLength), `${expression}: ${name}`).toBe(
          run(plain, bytes, 0, bytes.length, originalLength),
        );
      }
    }
    const packet = ether(0x86dd, ipv6(6, tcp(1, 80, 0)));
    expect(run(compile('port 80', { linkType: 1 }), packet, 0, packet.length, packet.length)).toBe(262144);
  });
});
