/** The counters of lost packets: the same program on both kernels moves the same ones. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lossAdvice } from '../../src/capture/loss-advice.ts';
import {
  type LossCounter,
  lossDifferences,
  readLosses,
  snmp,
  snmp6,
  socketTable,
  softnet,
} from '../../src/capture/losses.ts';
import { queueDisciplines } from '../../src/socket/qdisc.ts';
import { SO_RCVBUF, SOL_SOCKET } from '../../src/uapi/socket.ts';
import { describeNetwork } from '../support/network.ts';
import { FAR, NEAR, send, set, sin, udp } from '../twin/program.ts';
import { emulatedWorld, linuxWorld, type World } from '../twin/world.ts';

describe('files of counters', () => {
  it('softnet_stat: hexadecimal columns, the CPU by its number where it is told', () => {
    expect(softnet('0000000a 0000001f 00000002\n')).toEqual([
      { place: 'softnet', scope: 'cpu 0', name: 'dropped', value: 31 },
      { place: 'softnet', scope: 'cpu 0', name: 'time_squeeze', value: 2 },
    ]);
    const line = '1 2 3 0 0 0 0 0 0 0 5 0 7 0 0';
    expect(softnet(`${line}\n`)).toEqual([
      { place: 'softnet', scope: 'cpu 7', name: 'dropped', value: 2 },
      { place: 'softnet', scope: 'cpu 7', name: 'time_squeeze', value: 3 },
      { place: 'softnet', scope: 'cpu 7', name: 'flow_limit_count', value: 5 },
    ]);
  });

  it('snmp: names by their place, groups that say nothing of losses left out', () => {
    const text = 'Udp: InDatagrams NoPorts RcvbufErrors\nUdp: 5 3 2\nIcmpMsg: InType3\nIcmpMsg: 1\n';
    expect(snmp(text)).toEqual([
      { place: 'udp', scope: 'Udp', name: 'NoPorts', value: 3 },
      { place: 'udp', scope: 'Udp', name: 'RcvbufErrors', value: 2 },
    ]);
    expect(snmp6('Udp6RcvbufErrors   4\nUdpLite6NoPorts 1\nIp6InReceives 9\nIp6InTooBigErrors 2\n')).toEqual([
      { place: 'udp', scope: 'Udp6', name: 'RcvbufErrors', value: 4 },
      { place: 'udp', scope: 'UdpLite6', name: 'NoPorts', value: 1 },
      { place: 'ip', scope: 'Ip6', name: 'InTooBigErrors', value: 2 },
    ]);
  });

  it('sockets: addresses as a person reads them, drops by the last column; a file without it says nothing', () => {
    const head = '   sl  local_address rem_address   st tx_queue rx_queue ref pointer drops';
    const row = '  12: 0100007F:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000 0 0 4026 2 0 17';
    expect(socketTable('udp', `${head}\n${row}\n`)).toEqual([
      { place: 'socket', scope: 'udp 127.0.0.1:53', name: 'drops', value: 17 },
    ]);
    const row6 = row.replace('0100007F', 'B80D0120000000000000000001000000');
    expect(socketTable('udp6', `${head}\n${row6}\n`)[0]!.scope).toBe('udp6 [2001:db8::1]:53');
    expect(socketTable('tcp', '  sl  local_address inode\n   0: 0100007F:0035 1\n')).toEqual([]);
  });

  it('differences: what moved, what began again, what is new; sockets of one address together', () => {
    const at = (scope: string, value: number): LossCounter => ({ place: 'socket', scope, name: 'drops', value });
    expect(
      lossDifferences(
        [at('a', 5), at('b', 9), at('c', 1), at('c', 2)],
        [at('a', 7), at('b', 4), at('c', 6), at('d', 3)],
      ),
    ).toEqual([at('a', 2), at('b', 4), at('c', 3), at('d', 3)]);
  });
});

describeNetwork('readLosses on both kernels', () => {
  let worlds: World[];
  beforeAll(() => {
    worlds = [linuxWorld(), emulatedWorld()];
  });
  afterAll(() => {
    for (const world of worlds) world.dispose();
  });

  /** What moved on each kernel when the program ran on it. */
  async function moved(program: (w: World) => void): Promise<string[][]> {
    const found: string[][] = [];
    for (const w of worlds) {
      const before = await readLosses(w.far);
      program(w);
      const now = await readLosses(w.far);
      found.push(
        lossDifferences(before, now)
          .filter(({ value, place }) => value > 0 && place !== 'softnet')
          .map(({ place, scope, name, value }) => `${place} ${scope} ${name} ${value}`)
          .sort(),
      );
    }
    return found;
  }

  it('both list the same counters of IP, ICMP, UDP and the devices', async () => {
    const names = async (w: World): Promise<string[]> =>
      (await readLosses(w.far))
        .filter(
          ({ place, scope }) => place !== 'softnet' && place !== 'qdisc' && place !== 'socket' && !/6$/.test(scope),
        )
        .map(({ place, scope, name }) => `${place} ${scope} ${name}`)
        .filter((name) => !/ifb|sit0|tunl|gre|erspan|teql/.test(name))
        .sort();
    expect(await names(worlds[1]!)).toEqual(await names(worlds[0]!));
  });

  it('a socket that is not read: RcvbufErrors, InErrors, and its own drops', async () => {
    const [linux, ours] = await moved((w) => {
      const slow = udp(w.far, FAR, 4100);
      set(w.far, slow, SOL_SOCKET, SO_RCVBUF, 4096);
      const s = udp(w.near, NEAR, 4101);
      for (let i = 0; i < 40; i++) send(w.near, s, new Uint8Array(500), 0, sin(FAR, 4100));
      w.settle(20);
    });
    expect(ours).toEqual(linux);
    expect(linux!.join('\n')).toMatch(
      /^socket udp 10\.0\.0\.2:4100 drops \d+\nudp Udp InErrors (\d+)\nudp Udp RcvbufErrors \1$/,
    );
  });

  it('nobody on the port: NoPorts', async () => {
    const [linux, ours] = await moved((w) => {
      const s = udp(w.near, NEAR, 4102);
      for (let i = 0; i < 3; i++) send(w.near, s, 'x', 0, sin(FAR, 4103));
      w.settle(20);
    });
    expect(linux).toEqual(['udp Udp NoPorts 3']);
    expect(ours).toEqual(linux);
  });

  it('queueing disciplines: the loopback has none, on either', async () => {
    for (const w of worlds) {
      const found = await queueDisciplines(w.near);
      expect(found.find(({ ifindex }) => ifindex === w.ifindex)).toMatchObject({ kind: 'noqueue', drops: 0 });
    }
  });

  it('advice names a setting and what it is now', () => {
    for (const w of worlds) {
      const advise = (place: LossCounter['place'], scope: string, name: string): string =>
        lossAdvice(w.near, { place, scope, name, value: 1 }).advice;
      expect(advise('device', 'eth0', 'rx_missed_errors')).toMatch(
        /the driver of eth0 has no ring|ethtool -G eth0 rx \d+/,
      );
      expect(advise('udp', 'Udp', 'RcvbufErrors')).toMatch(/SO_RCVBUF.*net\.core\.rmem_max=/);
      expect(advise('softnet', 'cpu 0', 'dropped')).toMatch(/net\.core\.netdev_max_backlog=/);
      expect(advise('qdisc', 'eth0 pfifo_fast', 'drops')).toMatch(/ip link set eth0 txqueuelen \d+/);
    }
  });
});
