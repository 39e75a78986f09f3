/** netlab drops: counters side by side, what moved, what to enlarge. */
import { describe, expect, it } from 'vitest';
import { linuxSystemCalls } from '../../src/linux/index.ts';
import { SO_RCVBUF, SOL_SOCKET } from '../../src/uapi/socket.ts';
import { netlab, start } from '../support/cli.ts';
import { describeNetwork } from '../support/network.ts';
import { send, set, sin, udp } from '../twin/program.ts';

interface Report {
  time: string;
  kernel: string;
  counters: { place: string; scope: string; name: string; value: number; advice?: string }[];
}
const report = (text: string): Report => JSON.parse(text) as Report;

describeNetwork('drops on this machine', () => {
  /** Datagrams that a socket has no room for. */
  function overflow(port: number): () => void {
    const calls = linuxSystemCalls();
    const slow = udp(calls, '127.0.0.1', port);
    set(calls, slow, SOL_SOCKET, SO_RCVBUF, 4096);
    const s = udp(calls);
    for (let i = 0; i < 50; i++) send(calls, s, new Uint8Array(500), 0, sin('127.0.0.1', port));
    calls.close(s);
    return () => void calls.close(slow);
  }
  const value = ({ counters }: Report, scope: string, name: string): number =>
    counters.find((one) => one.scope === scope && one.name === name)?.value ?? 0;

  it('a full receive buffer: UDP and the socket itself, and what to enlarge', () => {
    const before = report(netlab(['drops', '--format', 'json']).stdout);
    const release = overflow(4555);
    try {
      const done = netlab(['drops', '--format', 'json']);
      expect(done).toMatchObject({ status: 0, stderr: '' });
      const now = report(done.stdout);
      expect(now.kernel).toBe('linux');
      const lost = value(now, 'Udp', 'RcvbufErrors') - value(before, 'Udp', 'RcvbufErrors');
      const own = value(now, 'udp 127.0.0.1:4555', 'drops');
      expect(own).toBeGreaterThan(10);
      expect(lost).toBeGreaterThanOrEqual(own);
      expect(now.counters.find(({ scope }) => scope === 'udp 127.0.0.1:4555')!.advice).toMatch(/SO_RCVBUF/);
      const text = netlab(['drops']).stdout;
      expect(text).toMatch(
        /^udp +NoPorts +InErrors +RcvbufErrors +SndbufErrors +InCsumErrors +IgnoredMulti +MemErrors$/m,
      );
      expect(text).toMatch(/^socket +drops\n(?:.+\n)*udp 127\.0\.0\.1:4555 +\d+$/m);
      expect(text).toMatch(
        /^ {2}udp Udp RcvbufErrors \d+: a socket's receive buffer was full.*\n {6}-> a larger SO_RCVBUF/m,
      );
    } finally {
      release();
    }
  });

  it('--interval tells what moves, and Ctrl-C ends it, exit 0', async () => {
    const running = start(['drops', '--interval', '100ms']);
    await running.until('stdout', /^\d\d:\d\d:\d\d/m);
    const release = overflow(4556);
    await running.until('stdout', /^ {2}udp Udp RcvbufErrors \+\d+: /m);
    await running.until('stdout', /^ {2}socket udp 127\.0\.0\.1:4556 drops \+\d+: /m);
    running.kill('SIGINT');
    expect(await running.ended).toMatchObject({ status: 0, stderr: '' });
    release();
  });

  it('needs no privilege with --backend af_packet', () => {
    const prefix = ['setpriv', '--bounding-set=-net_raw', '--inh-caps=-net_raw'];
    const done = netlab(['drops', '--backend', 'af_packet'], { prefix });
    expect(done).toMatchObject({ status: 0, stderr: '' });
    expect(netlab(['drops'], { prefix }).stderr).toMatch(/^netlab: emulated network, not this machine's/);
  });
});

describe('drops on the emulated network', () => {
  it('side by side, the same in every run', () => {
    const done = netlab(['drops', '--virtual-time', '--all']);
    expect(done).toMatchObject({ status: 0, stderr: '' });
    expect(done.stdout).toBe(netlab(['drops', '--virtual-time', '--all']).stdout);
    expect(done.stdout).toMatch(/^device +rx_dropped +rx_missed_errors +rx_fifo_errors/m);
    expect(done.stdout).toMatch(/^eth0( +0)+$/m);
    expect(done.stdout).toMatch(/^softnet +dropped +time_squeeze +flow_limit_count$/m);
    expect(done.stdout).toMatch(/^udp 0\.0\.0\.0:7 +0$/m);
  });

  it('--count ends it: a line for each interval, on the network own clock', () => {
    const done = netlab(['drops', '--virtual-time', '--interval', '10', '-c', '3', '--format', 'json']);
    const times = done.stdout
      .trim()
      .split('\n')
      .map((line) => report(line).time);
    expect(times).toEqual(['1000000010.000000000', '1000000020.000000000', '1000000030.000000000']);
  });
});
