import { describe, expect, it } from 'vitest';
import { netlab } from '../support/cli.ts';

describe('netlab', () => {
  it('--version: the version of package.json, and nothing else', () => {
    expect(netlab(['--version'])).toMatchObject({ status: 0, stdout: 'netlab 0.1.0\n', stderr: '' });
  });

  it('without a command: names them, exit 2', () => {
    const { status, stderr, stdout } = netlab([]);
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^netlab: which command\? capture, read, .*\n$/);
  });

  it('--help lists the commands on stdout, exit 0', () => {
    const { status, stdout, stderr } = netlab(['--help']);
    expect([status, stderr]).toEqual([0, '']);
    for (const command of ['capture', 'read', 'interfaces', 'doctor'])
      expect(stdout).toMatch(new RegExp(`^  ${command} `, 'm'));
  });

  it.each(['capture', 'read', 'interfaces', 'doctor'])(
    '%s --help, and help with its name: the options, exit 0',
    (command) => {
      const { status, stdout, stderr } = netlab([command, '--help']);
      expect([status, stderr]).toEqual([0, '']);
      expect(stdout).toMatch(new RegExp(`^Usage: netlab ${command} `));
      expect(netlab(['help', command]).stdout).toBe(stdout);
    },
  );

  it.each([
    [['captrue'], "netlab: no command 'captrue'; did you mean 'capture'? (netlab --help lists them)\n"],
    [['capture', '--conut', '3'], "netlab: capture: unknown option '--conut' (did you mean --count?)\n"],
    [
      ['capture', 'lo', '-c', '0'],
      /^netlab: capture: option '-c, --count <number>' argument '0' is invalid\. .*at least 1\.\n$/,
    ],
    [['capture', 'lo', '-c', '-5'], /^netlab: capture: .*'-5' is invalid.*\n$/],
    [['capture', 'lo', '-c', 'many'], /^netlab: capture: .*'many' is invalid.*\n$/],
    [['capture', 'lo', '-c', '1e3'], /^netlab: capture: .*'1e3' is invalid.*\n$/],
    [['capture', 'lo', '-c'], /^netlab: capture: option '-c, --count <number>' argument missing\n$/],
    [['capture', 'lo', '-s', '-1'], /^netlab: capture: .*'-1' is invalid.*from 0 to 262144\.\n$/],
    [['capture', 'lo', '--duration', '0'], /^netlab: capture: .*'0' is invalid.*\n$/],
    [
      ['capture', 'lo', '-Q', 'sideways'],
      /^netlab: capture: .*'sideways' is invalid\. Allowed choices are in, out, inout\.\n$/,
    ],
    [['capture', 'lo', '-C', '1'], /^netlab: -C, -G and -W .*-w.*\n$/],
    [['capture', 'lo', '-w', '-', '-C', '1'], /^netlab: .*standard output cannot be rotated\n$/],
    [['capture', 'lo', '-w', 'x', '-W', '3'], /^netlab: -W counts.*\n$/],
    [['capture', 'lo', '--nano', '--micro'], 'netlab: --nano and --micro exclude each other\n'],
    [['capture', 'lo', '--fanout', '0'], /^netlab: capture: .*\n$/],
    [
      ['capture', 'lo', '--format', 'xml'],
      /^netlab: capture: .*Allowed choices are text, json, fields, ek, tree, parquet\.\n$/,
    ],
    [
      ['capture', 'lo', '--backend', 'pf_ring'],
      /^netlab: capture: .*Allowed choices are auto, af_packet, libpcap, emulated\.\n$/,
    ],
    [['read'], /^netlab: read: which file\?.*\n$/],
    [['read', 'x.pcap', '--color', 'sometimes'], /^netlab: read: .*Allowed choices are auto, always, never\.\n$/],
    [['interfaces', 'eth0', 'eth1'], /^netlab: interfaces: too many arguments.*\n$/],
  ])('%j: one line on stderr, exit 2', (args, message) => {
    const { status, stdout, stderr } = netlab(args);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    if (typeof message === 'string') expect(stderr).toBe(message);
    else expect(stderr).toMatch(message);
  });

  it('prints no stack trace and no raw control character of an argument', () => {
    const { status, stderr } = netlab(['\x1b[31mred\x07']);
    expect(status).toBe(2);
    expect(stderr).toContain('\\x1b[31mred\\x07');
    expect(stderr).not.toMatch(/\x1b|\x07|\n {4}at /);
  });
});
