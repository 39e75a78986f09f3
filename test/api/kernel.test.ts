/** The library's own kernel: hosts, cables and sockets in a few lines, the same program on this machine's kernel. */
import { describe, expect, it } from 'vitest';
import {
  attended,
  capture,
  impair,
  Kernel,
  linuxSystemCalls,
  openEmulated,
  PacedClock,
  PacketTrace,
  pingSocket,
  rawSocket,
  type SystemCalls,
  seededRandom,
  send,
  udpSocket,
  VirtualClock,
  veth,
} from '../../src/index.ts';
import { describeNetwork } from '../support/network.ts';

const text = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes);
const bytes = (words: string): Uint8Array => new TextEncoder().encode(words);

/** Two hosts on a cable. */
function pair(clock: PacedClock | VirtualClock, seed = 1): [Kernel, Kernel] {
  const random = seededRandom(seed);
  const a = new Kernel({ clock, random, hostname: 'a' });
  const b = new Kernel({ clock, random, hostname: 'b' });
  veth({ kernel: a, name: 'eth0' }, { kernel: b, name: 'eth0' });
  a.address('eth0', '10.0.0.1/24');
  b.address('eth0', '10.0.0.2/24');
  return [a, b];
}

describe('a kernel of our own', () => {
  it('on a clock that is moved by hand', async () => {
    const clock = new VirtualClock();
    const [a, b] = pair(clock);
    const server = udpSocket(b.process(), { address: '10.0.0.2', port: 7 });
    const client = udpSocket(a.process());
    await client.send(bytes('hello'), { to: { family: 'ipv4', address: '10.0.0.2', port: 7 } });
    const waiting = server.receive(new Uint8Array(2048));
    clock.advance(1e9);
    const got = await waiting;
    expect([text(got?.data), got?.from]).toEqual([
      'hello',
      { family: 'ipv4', address: '10.0.0.1', port: expect.any(Number) },
    ]);
    expect(clock.monotonic()).toBe(1e9);
  });

  it('on a clock that goes on while somebody waits: capture and send of the library', async () => {
    const clock = new PacedClock({ pace: 'virtual' });
    const [a, b] = pair(clock);
    impair(a.device('eth0'), { delay: 1e6 });
    clock.begin();
    const here = attended(a.process(), clock);
    const there = attended(b.process(), clock);
    const capturing = capture({ interface: 'eth0', system: there, clock, filter: 'udp port 9' });
    await capturing.ready();
    const client = udpSocket(here);
    for (let i = 0; i < 3; i++)
      await client.send(bytes(`number ${i}`), { to: { family: 'ipv4', address: '10.0.0.2', port: 9 } });
    const seen: string[] = [];
    for await (const packet of capturing) {
      seen.push(`${packet.direction} ${text(packet.bytes.subarray(42))}`);
      if (seen.length === 3) capturing.stop();
    }
    expect(seen).toEqual(['in number 0', 'in number 1', 'in number 2']);
    expect(await capturing.stats()).toMatchObject({ captured: 3, received: 3, dropped: 0 });
    const frame = new Uint8Array(60);
    frame.set([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 0x88, 0xb5]);
    expect(await send('eth0', [frame, frame], { system: here })).toMatchObject({ sent: 2 });
  });

  it('a bridge, a port to the outside, sysctls: a line each', () => {
    const clock = new VirtualClock();
    const random = seededRandom(2);
    const lan = new Kernel({ clock, random });
    const hosts = [1, 2, 3].map((number) => {
      const kernel = new Kernel({ clock, random });
      veth({ kernel, name: 'eth0' }, { kernel: lan, name: `p${number}` });
      kernel.address('eth0', `10.0.0.${number}/24`).sysctl('net.ipv4.icmp_echo_ignore_broadcasts', 0);
      return kernel;
    });
    const out: number[] = [];
    const port = lan.port({ name: 'out0', transmit: (frame) => void out.push(frame[12]! * 256 + frame[13]!) });
    lan.bridge('br0', ['p1', 'p2', 'p3', 'out0']);
    const first = hosts[0]!.process();
    udpSocket(first).trySend(bytes('x'), { family: 'ipv4', address: '10.0.0.3', port: 9 });
    clock.advance(1e9);
    // The question for the address is a broadcast, which leaves by the port as well.
    expect(out.filter((type) => type === 0x0806)).toHaveLength(1);
    expect(port.dev.stats.txPackets).toBe(out.length);
    expect(() => hosts[0]!.sysctl('net.ipv4.nothing', 1)).toThrow(RangeError);
    expect(() => hosts[0]!.address('eth1', '10.0.0.1/24')).toThrow(/no device 'eth1'/);
  });

  it('the emulated network, and the path of its packets', async () => {
    const { system, clock, network, paced } = openEmulated({ seed: 3, pace: 'virtual', traffic: false });
    const trace = new PacketTrace(paced);
    trace.attach(network.hosts.values());
    const [address] = network.addressesOf('server.lab.test');
    const socket = udpSocket(system);
    await socket.send(bytes('what time is it?'), { to: { family: 'ipv4', address: address!, port: 13 } });
    const answer = await socket.receive(new Uint8Array(512), { timeout: 1000 });
    expect(text(answer?.data)).toMatch(/^\w{3}, 09 Sep 2001 01:46:40 GMT\r\n$/);
    expect(clock.monotonic()).toBeGreaterThan(0);
    const functions = trace.packets()[0]!.steps.map((step) => step.function);
    expect(functions[0]).toBe('udp_sendmsg');
    expect(functions).toContain('ip_forward');
    trace.detach();
    paced.stop();
  });
});

describeNetwork('the same program on both kernels', () => {
  /** Asks itself over the loopback. */
  async function program(system: SystemCalls): Promise<unknown[]> {
    const server = udpSocket(system, { address: '127.0.0.1', port: 0 });
    const { port } = server.localAddress() as { port: number };
    const client = udpSocket(system, { address: '127.0.0.1' });
    const to = { family: 'ipv4', address: '127.0.0.1', port } as const;
    await client.send(bytes('ping'), { to });
    const got = await server.receive(new Uint8Array(2), { timeout: 60_000 });
    await client.connect({ family: 'ipv4', address: '127.0.0.1', port: 4999 });
    await client.send(bytes('nobody'));
    const refused = await client
      .receive(new Uint8Array(10), { timeout: 60_000 })
      .catch((error: { code: string }) => error.code);
    const raw = rawSocket(system, 1, { address: '127.0.0.1' });
    const failures = [
      () => udpSocket(system, { address: '127.0.0.1', port }),
      () => udpSocket(system, { address: '192.0.2.99', port: 5000 }),
    ].map((open) => {
      try {
        open().close();
        return 'no error';
      } catch (error) {
        return (error as { code: string }).code;
      }
    });
    for (const socket of [server, client, raw]) socket.close();
    return [text(got?.data), got?.flags, refused, ...failures];
  }

  it('answers alike', async () => {
    const { system, paced } = openEmulated({ seed: 4, pace: 'virtual', traffic: false });
    const ours = await program(system);
    paced.stop();
    expect(ours).toEqual(['pi', 0x20, 'ECONNREFUSED', 'EADDRINUSE', 'EADDRNOTAVAIL']);
    expect(await program(linuxSystemCalls())).toEqual(ours);
  });

  it('a ping socket gets the answer', async () => {
    const { system, paced } = openEmulated({ seed: 5, pace: 'virtual', traffic: false });
    for (const kernel of [system, linuxSystemCalls()]) {
      kernel.writeFile('/proc/sys/net/ipv4/ping_group_range', bytes('0 2147483647\n'));
      const socket = pingSocket(kernel);
      const request = Uint8Array.of(8, 0, 0, 0, 0, 0, 0, 1, 1, 2, 3);
      await socket.send(request, { to: { family: 'ipv4', address: '127.0.0.1', port: 0 } });
      const answer = await socket.receive(new Uint8Array(64), { timeout: 60_000 });
      expect([answer?.data[0], answer?.data.subarray(6)]).toEqual([0, Uint8Array.of(0, 1, 1, 2, 3)]);
      socket.close();
    }
    paced.stop();
  });
});
