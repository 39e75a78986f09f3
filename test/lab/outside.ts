/** A namespace of the host's kernel with one device, and behind it a network of our kernels: two routers in a row, a server,
 * and a host on a link with an MTU of 1000.
 *
 *     host 10.50.0.1 --- 10.50.0.254 r1 10.51.0.1 --- 10.51.0.2 r2 10.52.0.1 --- 10.52.0.2 server
 *                                                              r2 10.53.0.1 --- 10.53.0.2 narrow
 */
import { type ChildProcess, spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { devOpen } from '../../src/kernel/dev.ts';
import { Port } from '../../src/kernel/drivers/port.ts';
import { Kernel, veth } from '../../src/kernel/kernel.ts';
import { type Attachment, attachInterface, attachTap } from '../../src/lab/attach.ts';
import { linuxSystemCalls, openTun } from '../../src/linux/index.ts';
import type { SocketAddress } from '../../src/socket/address.ts';
import { Socket } from '../../src/socket/socket.ts';
import type { SystemCalls } from '../../src/syscall/contract.ts';
import { systemClock } from '../../src/time/clock.ts';
import { seededRandom } from '../../src/time/random.ts';
import { AF_INET, SOCK_DGRAM } from '../../src/uapi/socket.ts';
import * as dns from '../../src/wire/dns.ts';
import { deviceName, Namespace, run } from '../support/network.ts';

export const SERVER = '10.52.0.2';
export const NARROW = '10.53.0.2';
export const SERVER6 = 'fd52::2';
export const HOST = '10.50.0.1';

/** Why there are no TAP devices here, or null. */
export const noTap: string | null = (() => {
  try {
    accessSync('/dev/net/tun', constants.R_OK | constants.W_OK);
    return null;
  } catch (error) {
    return (error as Error).message;
  }
})();

export interface Outside {
  /** The host's side. */
  host: Namespace;
  /** Name of the device there. */
  dev: string;
  port: Port;
  r1: Kernel;
  r2: Kernel;
  server: Kernel;
  narrow: Kernel;
  attachment: Attachment;
  dispose(): void;
}

/** How a program in the namespace ended. */
export interface Ended {
  status: number | null;
  stdout: string;
  stderr: string;
}

/** Runs a program in the namespace while our kernel goes on; killed after `seconds`. */
export function program(host: Namespace, command: string[], seconds = 110): Promise<Ended> {
  const child = host.spawn(...command);
  return ended(child, seconds);
}

export function ended(child: ChildProcess, seconds = 110): Promise<Ended> {
  return new Promise((resolve, reject) => {
    let stdout = '';
    let stderr = '';
    const timer = setTimeout(() => child.kill('SIGKILL'), seconds * 1000);
    child.stdout!.on('data', (data: Buffer) => {
      stdout += data.toString('latin1');
    });
    child.stderr!.on('data', (data: Buffer) => {
      stderr += data.toString('latin1');
    });
    child.once('error', reject);
    child.once('close', (status) => {
      clearTimeout(timer);
      resolve({ status, stdout, stderr });
    });
  });
}

const write = (kernel: Kernel, path: string, value: string): void => {
  const result = kernel.process().writeFile(`/proc/sys/net/${path}`, new TextEncoder().encode(value));
  if (result < 0) throw new Error(`${path}: ${result}`);
};

/** Echoes datagrams until the socket is closed. */
export async function echo(system: SystemCalls, port: number): Promise<Socket> {
  const socket = Socket.open(system, AF_INET, SOCK_DGRAM);
  socket.bind({ family: 'ipv4', address: '0.0.0.0', port });
  void serve(socket, (data) => data.slice());
  return socket;
}

async function serve(
  socket: Socket,
  answer: (data: Uint8Array, from: SocketAddress) => Uint8Array | null,
): Promise<void> {
  const buffer = new Uint8Array(65536);
  for (;;) {
    const message = await socket.receive(buffer);
    if (message === null || message.from === null) return;
    const reply = answer(message.data, message.from);
    if (reply !== null) socket.trySend(reply, message.from);
  }
}

/** A name server for `.lab`: one address a name, NXDOMAIN for all others; a text of any length for `textN.lab`. */
export async function nameServer(system: SystemCalls, names: Record<string, string>): Promise<Socket> {
  const socket = Socket.open(system, AF_INET, SOCK_DGRAM);
  socket.bind({ family: 'ipv4', address: '0.0.0.0', port: 53 });
  void serve(socket, (data) => {
    const query = dns.parse(data, 0, data.length);
    if (!('questions' in query) || query.questions.length !== 1) return null;
    const [question] = query.questions;
    const name = question!.name.toLowerCase().replace(/\.$/, '');
    const address = names[name];
    const text = /^text(\d+)\.lab$/.exec(name);
    const record = (type: number, value: Uint8Array): dns.DnsRecord => ({
      name: question!.name,
      type,
      class: dns.CLASS_IN,
      ttl: 60,
      data: value,
    });
    const answers: dns.DnsRecord[] = [];
    if (address !== undefined && question!.type === dns.TYPE_A)
      answers.push(record(dns.TYPE_A, Uint8Array.from(address.split('.').map(Number))));
    if (text !== null && question!.type === dns.TYPE_TXT)
      for (let left = Number(text[1]); left > 0; left -= 200) {
        const length = Math.min(left, 200);
        answers.push(record(dns.TYPE_TXT, Uint8Array.of(length, ...new Array<number>(length).fill(0x78))));
      }
    const NXDOMAIN = 3;
    const known = address !== undefined || text !== null;
    const reply = {
      ...query,
      flags: dns.FLAG_RESPONSE | dns.FLAG_AUTHORITATIVE | (query.flags & 0x0100) | (known ? 0 : NXDOMAIN),
      answers,
      authorities: [],
      additionals: [],
    };
    const bytes = new Uint8Array(dns.emittedLength(reply));
    dns.emit(bytes, 0, reply);
    return bytes;
  });
  return socket;
}

export async function outside(kind: 'tap' | 'interface'): Promise<Outside> {
  const host = await Namespace.create();
  const system = linuxSystemCalls();
  const random = seededRandom(7);
  const [r1, r2, server, narrow] = ['r1', 'r2', 'server', 'narrow'].map(
    (hostname) => new Kernel({ clock: systemClock, random, hostname }),
  ) as [Kernel, Kernel, Kernel, Kernel];
  const port = new Port(r1.net, { name: 'eth0', address: Uint8Array.of(2, 0, 0, 0, 0x50, 0xfe) });
  devOpen(port.dev);
  veth({ kernel: r1, name: 'eth1' }, { kernel: r2, name: 'eth0' });
  veth({ kernel: r2, name: 'eth1' }, { kernel: server, name: 'eth0' });
  veth({ kernel: r2, name: 'eth2' }, { kernel: narrow, name: 'eth0' });
  r1.address('eth0', '10.50.0.254/24').address('eth1', '10.51.0.1/24');
  r1.address('eth0', 'fd50::fe/64', { nodad: true }).address('eth1', 'fd51::1/64', { nodad: true });
  r1.route('fd52::/64', { via: 'fd51::2' });
  r2.address('eth0', 'fd51::2/64', { nodad: true }).address('eth1', 'fd52::1/64', { nodad: true });
  r2.route('fd50::/64', { via: 'fd51::1' });
  server
    .address('eth0', `${SERVER6}/64`, { nodad: true })
    .route('fd50::/64', { via: 'fd52::1' })
    .route('fd51::/64', { via: 'fd52::1' });
  for (const router of [r1, r2]) write(router, 'ipv6/conf/all/forwarding', '1');
  r1.route('10.52.0.0/16', { via: '10.51.0.2' }).route('10.53.0.0/16', { via: '10.51.0.2' });
  r2.address('eth0', '10.51.0.2/24').address('eth1', '10.52.0.1/24').address('eth2', '10.53.0.1/24');
  r2.route('default', { via: '10.51.0.1' }).link('eth2', { mtu: 1000 });
  server.address('eth0', `${SERVER}/24`).route('default', { via: '10.52.0.1' });
  narrow.address('eth0', `${NARROW}/24`).route('default', { via: '10.53.0.1' }).link('eth0', { mtu: 1000 });
  for (const router of [r1, r2]) write(router, 'ipv4/ip_forward', '1');
  for (const kernel of [r1, r2, server, narrow]) write(kernel, 'ipv4/icmp_ratemask', '0');
  write(server, 'ipv4/ping_group_range', '0 2147483647');

  const near = deviceName();
  const far = kind === 'tap' ? near : deviceName();
  let fd = -1;
  let attachment: Attachment;
  if (kind === 'tap') {
    fd = openTun(near, 'tap').fd;
    run('ip', 'link', 'set', near, 'netns', String(host.pid));
  } else {
    run('ip', 'link', 'add', near, 'type', 'veth', 'peer', 'name', far, 'netns', String(host.pid));
    run('sh', '-c', `echo 1 > /proc/sys/net/ipv6/conf/${near}/disable_ipv6`);
    run('ip', 'link', 'set', near, 'up');
  }
  host.run('sh', '-c', `echo 1 > /proc/sys/net/ipv6/conf/${far}/disable_ipv6`);
  host.run('ip', 'address', 'add', `${HOST}/24`, 'dev', far);
  host.run('ip', 'link', 'set', far, 'up');
  host.run('ip', 'route', 'add', 'default', 'via', '10.50.0.254');
  host.run(
    'sh',
    '-c',
    `for i in $(seq 500); do [ "$(cat /sys/class/net/${far}/operstate)" != down ] && break; sleep 0.01; done`,
  );
  attachment = kind === 'tap' ? attachTap(port, system, fd) : attachInterface(port, system, near);
  return {
    host,
    dev: far,
    port,
    r1,
    r2,
    server,
    narrow,
    attachment,
    dispose() {
      attachment.detach();
      if (fd >= 0) system.close(fd);
      else spawnSync('ip', ['link', 'del', near]);
      host.remove();
    },
  };
}
