import { afterAll, beforeAll, expect, test } from 'vitest';
import { linuxSystemCalls } from '../../src/linux/index.ts';
import { interfaceCounters, interfaces } from '../../src/socket/interfaces.ts';
import { addresses, links, neighbour, neighbours, neighbourUsable, route } from '../../src/socket/route.ts';
import { RTN_BROADCAST, RTN_LOCAL, RTN_MULTICAST, RTN_UNICAST } from '../../src/uapi/rtnetlink.ts';
import { describeNetwork, joined, run } from '../support/network.ts';

const calls = linuxSystemCalls();

describeNetwork('rtnetlink', () => {
  let network: Awaited<ReturnType<typeof joined>>;
  let index: number;
  const json = (...command: string[]) => JSON.parse(run('ip', '-json', ...command));

  beforeAll(async () => {
    network = await joined();
    run('ip', 'route', 'add', '198.51.100.0/24', 'via', '10.99.0.2');
    run('ip', 'route', 'add', '203.0.113.0/24', 'dev', network.here, 'src', '10.99.0.1', 'mtu', '1400');
    run('ip', 'route', 'add', 'unreachable', '192.0.2.0/24');
    run('ip', 'route', 'add', 'blackhole', '192.0.3.0/24');
    run('ip', '-6', 'route', 'add', '2001:db8:1::/48', 'via', 'fd99::2');
    run('ip', '-6', 'route', 'add', 'unreachable', '2001:db8:2::/48');
    run('ip', 'route', 'add', '198.18.0.0/15', 'via', 'inet6', 'fd99::2', 'dev', network.here);
    run('ip', 'neighbour', 'add', '10.99.0.50', 'lladdr', '02:00:00:00:00:50', 'dev', network.here, 'nud', 'permanent');
    run('ip', 'neighbour', 'add', 'fd99::50', 'lladdr', '02:00:00:00:00:51', 'dev', network.here, 'nud', 'stale');
    run('ping', '-c', '1', '-W', '2', '10.99.0.2');
    index = (await links(calls)).find(({ name }) => name === network.here)!.ifindex;
  });
  afterAll(() => network?.remove());

  test('links, as ip(8) lists them', async () => {
    const found = await links(calls);
    const expected = json('-details', 'link');
    expect(
      found.map(({ ifindex, name, mtu, macAddress, state, kind }) => [ifindex, name, mtu, macAddress, state, kind]),
    ).toEqual(
      expected.map((one: Record<string, never>) => [
        one['ifindex'],
        one['ifname'],
        one['mtu'],
        one['address'],
        String(one['operstate']).toLowerCase(),
        (one['linkinfo'] as { info_kind?: string } | undefined)?.info_kind,
      ]),
    );
    expect(found.find(({ name }) => name === 'lo')).toMatchObject({ arphrd: 772, ifindex: 1 });
    const here = found.find(({ name }) => name === network.here)!;
    expect(here.counters['tx_packets']).toBeGreaterThan(0n);
    expect(Object.keys(here.counters)).toHaveLength(24);
  });

  test('addresses', async () => {
    const found = (await addresses(calls)).filter(({ ifindex }) => ifindex === index);
    expect(
      found
        .filter(({ address }) => !address.startsWith('fe80'))
        .map(({ family, address, prefixLength }) => [family, address, prefixLength]),
    ).toEqual([
      ['ipv4', '10.99.0.1', 24],
      ['ipv6', 'fd99::1', 64],
    ]);
    expect(found[0]!.label).toBe(network.here);
  });

  test('the address of a point-to-point device is the local one', async () => {
    run('ip', 'address', 'add', '10.98.0.1', 'peer', '10.98.0.2/32', 'dev', network.here);
    const found = (await addresses(calls)).find(({ address }) => address === '10.98.0.1');
    expect(found).toMatchObject({ peer: '10.98.0.2', prefixLength: 32 });
    run('ip', 'address', 'del', '10.98.0.1', 'peer', '10.98.0.2/32', 'dev', network.here);
  });

  test('routes: on the link, by a gateway, with source and MTU, local, broadcast, multicast', async () => {
    expect(await route(calls, '10.99.0.2')).toMatchObject({ ifindex: index, source: '10.99.0.1', type: RTN_UNICAST });
    expect((await route(calls, '10.99.0.2')).gateway).toBeUndefined();
    expect(await route(calls, '198.51.100.7')).toMatchObject({
      ifindex: index,
      gateway: '10.99.0.2',
      source: '10.99.0.1',
    });
    expect(await route(calls, '203.0.113.1')).toMatchObject({ mtu: 1400 });
    expect(await route(calls, '10.99.0.1')).toMatchObject({ ifindex: 1, type: RTN_LOCAL });
    expect(await route(calls, '10.99.0.255')).toMatchObject({ ifindex: index, type: RTN_BROADCAST });
    expect(await route(calls, '239.1.2.3', { ifindex: index })).toMatchObject({ ifindex: index, type: RTN_MULTICAST });
    expect(await route(calls, '198.18.0.1')).toMatchObject({ gateway: 'fd99::2' });
    expect(await route(calls, 'fd99::2')).toMatchObject({ ifindex: index, source: 'fd99::1' });
    expect(await route(calls, '2001:db8:1::5')).toMatchObject({
      ifindex: index,
      gateway: 'fd99::2',
      source: 'fd99::1',
    });
    expect(await route(calls, 'fd99::2', { from: 'fd99::1' })).toMatchObject({ ifindex: index });
  });

  test.each([
    ['203.0.114.1', 'ENETUNREACH'],
    ['192.0.2.1', 'EHOSTUNREACH'],
    ['192.0.3.1', 'EINVAL'],
    ['2001:db8:9::1', 'ENETUNREACH'],
    ['2001:db8:2::1', 'EHOSTUNREACH'],
  ])('no route to %s: %s', async (destination, code) => {
    await expect(route(calls, destination)).rejects.toMatchObject({ name: 'SystemError', code });
  });

  test('what is no address', () => {
    expect(() => route(calls, 'localhost')).toThrow(RangeError);
  });

  test('neighbours of both families', async () => {
    const found = await neighbours(calls, { ifindex: index });
    expect(found.find(({ address }) => address === '10.99.0.50')).toMatchObject({
      macAddress: '02:00:00:00:00:50',
      state: 0x80,
    });
    expect(await neighbour(calls, index, 'fd99::50')).toMatchObject({ macAddress: '02:00:00:00:00:51', state: 0x04 });
    const real = await neighbour(calls, index, '10.99.0.2');
    expect(real!.macAddress).toBe(JSON.parse(network.far.run('ip', '-json', 'link', 'show', network.there))[0].address);
    expect(neighbourUsable(real!)).toBe(true);
    expect(await neighbour(calls, index, '10.99.0.77')).toBeNull();
    expect(neighbourUsable({ ifindex: 1, address: '', state: 0x20, flags: 0 })).toBe(false);
    expect(found.every(({ ifindex }) => ifindex === index)).toBe(true);
  });

  test('interfaces: everything in one list, counters from /sys', async () => {
    const found = await interfaces(calls);
    expect(found.find(({ name }) => name === 'lo')).toMatchObject({
      loopback: true,
      up: true,
      linkType: 1,
      cooked: false,
    });
    const here = found.find(({ name }) => name === network.here)!;
    expect(here).toMatchObject({ up: true, running: true, loopback: false, kind: 'veth', linkType: 1 });
    expect(here.addresses.map(({ address }) => address)).toContain('10.99.0.1');
    expect(here.counters).toHaveProperty('rx_missed_errors');
    expect(interfaceCounters(calls, network.here)['rx_packets']).toBeGreaterThan(0n);
    expect(interfaceCounters(calls, 'nosuch')).toEqual({});
  });

  test('many links in one list', async () => {
    for (let at = 0; at < 60; at++) run('ip', 'link', 'add', `many${at}`, 'type', 'bridge');
    try {
      const found = await links(calls);
      expect(found.filter(({ name }) => name.startsWith('many'))).toHaveLength(60);
    } finally {
      for (let at = 0; at < 60; at++) run('ip', 'link', 'del', `many${at}`);
    }
  });
});
