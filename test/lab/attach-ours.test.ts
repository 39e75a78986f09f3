/** A port on a packet socket of another of our kernels: what attaches it cannot tell, and needs no privilege. */
import { expect, it } from 'vitest';
import { devOpen, unregisterNetdevice } from '../../src/kernel/dev.ts';
import { Port } from '../../src/kernel/drivers/port.ts';
import { Kernel, veth } from '../../src/kernel/kernel.ts';
import { attachInterface } from '../../src/lab/attach.ts';
import { seededRandom } from '../../src/time/random.ts';
import { VirtualClock } from '../../src/time/virtual.ts';
import { int } from '../../src/uapi/host.ts';
import { encodeSockaddrLl } from '../../src/uapi/sockaddr.ts';
import { hex, unhex } from '../socket/frames.ts';
import { recv, send, sin, udp } from '../twin/program.ts';

function joined() {
  const clock = new VirtualClock();
  const random = seededRandom(9);
  const [a, middle, b] = ['a', 'middle', 'b'].map((hostname) => new Kernel({ clock, random, hostname })) as [
    Kernel,
    Kernel,
    Kernel,
  ];
  // a's cable ends in middle, whose device has no address: a packet socket there carries its frames to b.
  veth({ kernel: a, name: 'eth0' }, { kernel: middle, name: 'eth0' });
  const port = new Port(b.net, { name: 'eth0' });
  devOpen(port.dev);
  a.address('eth0', '10.0.0.1/24');
  b.address('eth0', '10.0.0.2/24');
  const attachment = attachInterface(port, middle.process(), 'eth0');
  return { clock, a, middle, b, port, attachment };
}

it('datagrams there and back, whole and in fragments, with right checksums', () => {
  const { clock, a, b, attachment } = joined();
  const [pa, pb] = [a.process(), b.process()];
  const s = udp(pa, '10.0.0.1', 5000);
  const r = udp(pb, '10.0.0.2', 5000);
  for (const size of [1, 1472, 5000, 60_000]) {
    const data = new Uint8Array(size).map((_, at) => at * 7);
    expect(send(pa, s, data, 0, sin('10.0.0.2', 5000))).toBe(size);
    clock.advance(1e9);
    expect(recv(pb, r, { room: 65536, whole: true })[1]).toBe(hex(data));
    expect(send(pb, r, data, 0, sin('10.0.0.1', 5000))).toBe(size);
    clock.advance(1e9);
    expect(recv(pa, s, { room: 65536, whole: true })[1]).toBe(hex(data));
  }
  expect(attachment.counters.refused).toBe(0);
  expect(attachment.counters.sent).toBeGreaterThan(45);
  const snmp = new TextDecoder().decode(pb.readFile('/proc/net/snmp') as Uint8Array);
  const [names, values] = snmp
    .split('\n')
    .filter((line) => line.startsWith('Udp:'))
    .map((line) => line.split(' '));
  expect(values![names!.indexOf('InCsumErrors')]).toBe('0');
});

it('VLAN tags stay in the frames', () => {
  const { clock, a, b } = joined();
  const [pa, pb] = [a.process(), b.process()];
  const from = pa.socket(17, 3, 0);
  const to = pb.socket(17, 3, 0x0300);
  pb.setsockopt(to, 263, 8, int(1));
  const frames = ['8100 2064 88b5', '88a8 0001 8100 0fff 88b5', '88b5'].map((tags) =>
    unhex(`ffffffffffff 020000000001 ${tags} ${'a5'.repeat(50)}`),
  );
  const seen: string[] = [];
  for (const frame of frames) {
    const ll = encodeSockaddrLl({ protocol: 0x88b5, ifindex: a.device('eth0').ifindex });
    expect(pa.sendto(from, frame, 0, ll)).toBe(frame.length);
    clock.advance(1e6);
    const [, data, , , control] = recv(pb, to, { whole: true });
    seen.push(`${(control as string[])[0]?.slice(-8)} ${data}`);
  }
  // The receiving kernel takes the outer tag out of what stood in the frame, and tells it.
  expect(seen).toEqual([
    `64200081 ffffffffffff02000000000188b5${'a5'.repeat(50)}`,
    `0100a888 ffffffffffff02000000000181000fff88b5${'a5'.repeat(50)}`,
    `00000000 ffffffffffff02000000000188b5${'a5'.repeat(50)}`,
  ]);
});

it('the device goes down and up, and away; detaching unplugs', () => {
  const { clock, middle, port, attachment } = joined();
  middle.link('eth0', { up: false });
  clock.advance(1e9);
  expect([attachment.error, port.dev.carrier]).toEqual([null, false]);
  middle.link('eth0', { up: true });
  clock.advance(1e9);
  expect(port.dev.carrier).toBe(true);
  unregisterNetdevice(middle.device('eth0'));
  clock.advance(1e9);
  expect([attachment.error?.code, port.dev.carrier]).toEqual(['ENODEV', false]);
  const other = joined();
  other.attachment.detach();
  other.attachment.detach();
  expect([other.attachment.error, other.port.dev.carrier]).toEqual([null, false]);
});

it('an interface that is not there, or down, is refused', () => {
  const { middle, b } = joined();
  const port = new Port(b.net, { name: 'eth1' });
  expect(() => attachInterface(port, middle.process(), 'nosuch')).toThrow(/ENODEV/);
  middle.link('eth0', { up: false });
  expect(() => attachInterface(port, middle.process(), 'eth0')).toThrow(/ENETDOWN/);
  expect(() => attachInterface(port, middle.process({ uid: 1 }), 'eth0')).toThrow(/EPERM/);
});
