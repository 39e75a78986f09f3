import { describe, expect, it } from 'vitest';
import { commonNames, compile, FilterError, hostNames, namesFrom } from '../../src/filter/compile.ts';

const files: Record<string, string> = {
  '/etc/services': `# comment
both\t\t1001/tcp\talias other
both\t\t1001/udp
onlytcp 1002/tcp # comment
onlyudp 1003/udp
differs 1004/tcp
differs 1005/udp
nothing
both 9999/tcp
`,
  '/etc/protocols': 'tcp 6 TCP\nmine 200 MINE # comment\n',
  '/etc/networks': 'home 10.1.2.0\nloop 127\n',
  '/etc/ethers': '0:1:2:3:4:5 gate\n',
};
const reads: string[] = [];
const names = namesFrom((file) => {
  reads.push(file);
  return files[file] ?? null;
});
const options = { linkType: 1, names };
const same = (a: string, b: string): void => expect(compile(a, options)).toEqual(compile(b, options));
const message = (expression: string): string => {
  try {
    compile(expression, options);
  } catch (error) {
    if (error instanceof FilterError) return error.message;
    throw error;
  }
  return '';
};

describe('names', () => {
  it('a service is of the protocols that have its port', () => {
    same('port both', 'port 1001');
    same('port alias', 'tcp port 1001');
    same('port onlytcp', 'tcp port 1002');
    same('port onlyudp', 'udp port 1003');
    same('port differs', 'tcp port 1004');
    same('udp port both', 'udp port 1001');
    same('portrange both-1010', 'portrange 1001-1010');
    same('portrange onlytcp-onlyudp', 'portrange 1002-1003');
    same('portrange onlytcp-onlytcp', 'tcp portrange 1002');
    expect(message('udp port onlytcp')).toBe("'onlytcp' is a service of tcp");
    expect(message('udp port differs')).toContain('tcp');
    expect(message('port nothing')).toContain('nothing');
  });

  it('protocols, networks and Ethernet addresses', () => {
    same('ip proto mine', 'ip proto 200');
    same('ip proto \\tcp', 'ip proto 6');
    same('net home', 'net 10.1.2.0/32');
    same('net loop', 'net 127.0.0.0/32');
    same('ether host gate', 'ether host 0:1:2:3:4:5');
    expect(message('net nowhere')).toContain('nowhere');
    expect(message('ether src nobody')).toContain('nobody');
    expect(message('ip proto yours')).toContain('yours');
  });

  it('reads a file once, when a name needs it', () => {
    expect(reads.toSorted()).toEqual(['/etc/ethers', '/etc/networks', '/etc/protocols', '/etc/services']);
  });

  it('without files, the common ones are known', () => {
    expect(commonNames.service('https', 'tcp')).toBe(443);
    expect(commonNames.service('domain', 'udp')).toBe(53);
    expect(commonNames.protocol('ospf')).toBe(89);
    expect(commonNames.service('nosuch', 'tcp')).toBeNull();
  });

  it('host names are an error without a resolver, and all their addresses with one', () => {
    expect(message('host somewhere')).toContain('somewhere');
    const resolver = (name: string): string[] | null =>
      name === 'dual' ? ['10.0.0.1', '2001:db8::1'] : name === 'old' ? ['10.0.0.1'] : null;
    const resolved = (expression: string) => compile(expression, { ...options, resolver });
    expect(resolved('host dual')).toEqual(compile('host 10.0.0.1 or host 2001:db8::1', options));
    expect(resolved('ip6 dst host dual')).toEqual(compile('ip6 dst host 2001:db8::1', options));
    expect(resolved('src host old')).toEqual(compile('src host 10.0.0.1', options));
    expect(() => resolved('ip6 host old')).toThrow(/no address of ip6/);
    expect(() => resolved('host new')).toThrow(/no host is named/);
  });

  it('hostNames tells which names a caller must look up', () => {
    expect(hostNames('host a or (src b and not a) or port http or ether host gate or ip proto mine or c')).toEqual([
      'a',
      'b',
    ]);
    expect(hostNames('host a and 10.0.0.1 or b')).toEqual(['a', 'b']);
    expect(hostNames('')).toEqual([]);
    expect(() => hostNames('host')).toThrow(FilterError);
  });
});
