/** Seeded sequences of system calls, as a list of steps that is made beforehand: each has a seed of its own, so that steps
 * can be left out and the rest stays what it was. Run on one world; what it logs must be the same on both kernels. */
import type { MessageVector, SystemCalls } from '../../src/syscall/contract.ts';
import { messageHeader, messageVector } from '../../src/syscall/message.ts';
import { seededRandom } from '../../src/time/random.ts';
import { hostU16, hostU32, int, putHostU16, putHostU32 } from '../../src/uapi/host.ts';
import { encodeControl } from '../../src/uapi/socket.ts';
import * as A from './call-arguments.ts';
import { countersBefore, countersText } from './call-counters.ts';
import { type CallRings, closeRing, makeRing, readRing } from './call-rings.ts';
import { controlsText, frameText, nameText, packetText } from './masks.ts';
import { bytes, hex } from './program.ts';
import type { World } from './world.ts';

/** Is there some time after a device is up (link watch). */
const IFF_RUNNING = 0x40;
/** Sockets at a time. */
const SLOTS = 10;
/** What a step does, and how often. */
const WHAT = {
  open: 4,
  close: 2,
  dup: 2,
  bind: 5,
  connect: 6,
  send: 16,
  sendmsg: 10,
  sendmmsg: 3,
  recv: 8,
  drain: 8,
  recvmmsg: 4,
  set: 9,
  structured: 8,
  get: 8,
  name: 3,
  poll: 4,
  epollCtl: 4,
  epollWait: 4,
  ioctl: 4,
  device: 1,
  shutdown: 1,
  sysctl: 2,
  ring: 3,
  frames: 4,
} as const;
type What = keyof typeof WHAT;

export interface Step {
  readonly what: What;
  readonly slot: number;
  readonly seed: number;
}

/** The steps of a sequence: ten sockets, most of them bound, then `count` more steps. */
export function makeSteps(seed: number, count: number): Step[] {
  const random = seededRandom(seed);
  const steps: Step[] = [];
  const add = (what: What, slot: number): void => void steps.push({ what, slot, seed: random() });
  for (let slot = 0; slot < SLOTS; slot++) {
    add('open', slot);
    if (random() % 4 !== 0) add('bind', slot);
  }
  const weighted = Object.entries(WHAT).flatMap(([what, weight]) => new Array<What>(weight).fill(what as What));
  for (let i = 0; i < count; i++) add(weighted[random() % weighted.length]!, random() % SLOTS);
  return steps;
}

interface Handle extends A.Place {
  calls: SystemCalls;
  fd: number;
  rings: CallRings;
}

/** How many calls of each sort were made, and how many of them succeeded. */
export type Tally = Map<string, [made: number, succeeded: number]>;

const resultOf = (line: string): number => Number(/(?:^| )= (-?\d+)/.exec(line)?.[1] ?? 0);

class Run {
  readonly log: string[] = [];
  readonly tally: Tally = new Map();
  private readonly slots: (Handle | null)[] = new Array<Handle | null>(SLOTS).fill(null);
  private readonly epolls: Record<'near' | 'far', number>;
  private readonly farIndex: number;
  private readonly stamping: [SystemCalls, number][] = [];
  private random: () => number = () => 0;
  private last = performance.now();
  private pauses = 0;
  private readonly before: ReturnType<typeof countersBefore>;

  constructor(
    private readonly world: World,
    private readonly profile: A.Profile,
    private readonly times: number[],
  ) {
    for (const calls of [world.near, world.far]) {
      calls.writeFile('/proc/sys/net/ipv4/ping_group_range', bytes('0 2147483647\n'));
      calls.writeFile('/proc/sys/net/ipv4/igmp_link_local_mcast_reports', bytes('0\n'));
    }
    this.epolls = { near: world.near.epoll_create1(0), far: world.far.epoll_create1(0) };
    const fd = world.far.socket(2, 2, 0);
    const request = new Uint8Array(40);
    request.set(bytes('eth0'));
    world.far.ioctl(fd, 0x8933, request);
    this.farIndex = hostU32(request, 16);
    world.far.close(fd);
    // Packets that come before a socket asks for their times have some: on Linux another socket of the machine asks.
    for (const calls of [world.near, world.far]) {
      this.stamping.push([calls, calls.socket(2, 2, 0)]);
      calls.setsockopt(this.stamping.at(-1)![1], 1, 37, int(0x18));
    }
    this.before = countersBefore(world);
  }

  private readonly pick = <T>(list: readonly T[]): T => list[this.random() % list.length]!;

  /** Lets a moment pass; on our kernel as long as it took on the other one. */
  private settle(): void {
    if (this.world.kind === 'emulated') {
      this.world.settle(Math.max(1, this.times[this.pauses++] ?? 1));
      return;
    }
    this.world.settle(1);
    const now = performance.now();
    this.times.push(now - this.last);
    this.last = now;
  }

  steps(steps: readonly Step[]): void {
    for (const step of steps) {
      this.random = seededRandom(step.seed);
      const line = this.step(step);
      this.log.push(`${step.slot} ${step.what} ${line}`);
      const tally = this.tally.get(step.what) ?? [0, 0];
      tally[0]++;
      if (line !== 'none' && resultOf(line) >= 0) tally[1]++;
      this.tally.set(step.what, tally);
    }
    this.log.push(`frames ${this.frames()}`, ...countersText(this.world, this.before));
    for (let slot = 0; slot < SLOTS; slot++) this.close(slot);
    for (const host of ['near', 'far'] as const) this.world[host].close(this.epolls[host]);
    for (const [calls, fd] of this.stamping) calls.close(fd);
    this.settle();
    this.world.frames();
  }

  private close(slot: number): number {
    const h = this.slots[slot]!;
    if (h === null) return 0;
    this.slots[slot] = null;
    if (!this.slots.some((other) => other?.rings === h.rings)) closeRing(h.calls, h.rings);
    return h.calls.close(h.fd);
  }

  private open(slot: number): string {
    this.close(slot);
    const kind = this.pick(A.PROFILES[this.profile]);
    const host = slot % 3 === 2 ? 'far' : 'near';
    const calls = this.world[host];
    const [domain, type, protocol] = A.KINDS[kind];
    const fd = calls.socket(domain, type, this.pick([0, 0, 1]) && domain === 17 ? 0x300 : protocol);
    if (fd < 0) return `${kind} = ${fd}`;
    const ifindex = host === 'near' ? this.world.ifindex : this.farIndex;
    this.slots[slot] = { calls, host, fd, kind, ifindex, rings: {} };
    return `${host} ${kind}`;
  }

  private step({ what, slot }: Step): string {
    const { pick } = this;
    if (what === 'open') return this.open(slot);
    if (what === 'frames') {
      this.settle();
      return this.frames();
    }
    const h = this.slots[slot]!;
    if (h === null) return 'none';
    const { calls, fd, kind } = h;
    const who = `${h.host} ${kind}`;
    switch (what) {
      case 'close':
        return `${who} = ${this.close(slot)}`;
      case 'dup': {
        const to = (slot + pick([3, 6])) % SLOTS;
        if ((to % 3 === 2 ? 'far' : 'near') !== h.host || to === slot) return 'none';
        this.close(to);
        const made = calls.dup(fd);
        if (made >= 0) this.slots[to] = { ...h, fd: made };
        return `${who} to ${to} = ${Math.min(made, 0)}`;
      }
      case 'bind': {
        const to = A.address(pick, h, true);
        return `${who} ${nameText(to)} = ${calls.bind(fd, to.subarray(0, this.cut(to.length)))}`;
      }
      case 'connect': {
        const to = A.address(pick, h);
        if (pick([0, 0, 0, 1]) === 1) to[0] = 0;
        this.settle();
        return `${who} ${nameText(to)} = ${calls.connect(fd, to.subarray(0, this.cut(to.length)))}`;
      }
      case 'send': {
        this.settle();
        const to = pick([0, 1, 1]) === 0 ? null : A.address(pick, h);
        const [data, flags] = [A.payload(pick, h), A.sendFlags(pick)];
        const how = pick([0, 0, 0, 0, 1]);
        const result = how === 1 ? calls.write(fd, data) : calls.sendto(fd, data, flags, to);
        return `${who} ${data.length} flags ${flags.toString(16)} ${how ? 'write' : to === null ? '' : nameText(to)} = ${result}`;
      }
      case 'sendmsg': {
        this.settle();
        const to = pick([0, 1, 1]) === 0 ? null : A.address(pick, h);
        const [data, flags, list] = [A.payload(pick, h), A.sendFlags(pick), A.controls(pick, h)];
        const half = data.length >> 1;
        const iov = pick([[data], [data.subarray(0, half), new Uint8Array(0), data.subarray(half)], []]);
        const control = list.length === 0 ? null : encodeControl(list);
        const cut = control !== null && pick([0, 0, 0, 0, 0, 0, 0, 0, 0, 1]) === 1;
        if (cut) putHostU32(control, 0, pick([0, 15, 16, 17, 200]));
        const asked = list.map((m) => `${m.level}/${m.type}:${hex(m.data)}`).join(' ');
        return `${who} ${data.length} in ${iov.length} flags ${flags.toString(16)} ${to === null ? '' : nameText(to)} ${asked}${cut ? ' cut' : ''} = ${calls.sendmsg(fd, messageHeader(iov, to, control), flags)}`;
      }
      case 'sendmmsg':
        return `${who} ${this.sendmmsg(h)}`;
      case 'recv':
        this.settle();
        return `${who} ${this.recv(h)}`;
      case 'drain':
        return this.drain();
      case 'recvmmsg':
        this.settle();
        return `${who} ${this.recvmmsg(h)}`;
      case 'set': {
        const [level, name] = A.option(pick, kind);
        const value = A.value(pick, level, name);
        return `${who} ${level}/${name} ${hex(value)} = ${calls.setsockopt(fd, level, name, value)}`;
      }
      case 'structured': {
        const [level, name, value] = A.structured(pick, h);
        return `${who} ${level}/${name} ${hex(value.subarray(0, 64))} = ${calls.setsockopt(fd, level, name, value)}`;
      }
      case 'get': {
        const [level, name] = A.option(pick, kind);
        const value = new Uint8Array(64).fill(0xa5);
        const length = Int32Array.of(pick([4, 4, 4, 4, 64, 64, 0, 1, 2, 3, 8, 12, 16, -1]));
        const result = calls.getsockopt(fd, level, name, value, length);
        const told = A.isRandomOption(level, name) ? '' : hex(value.subarray(0, Math.max(0, length[0]!)));
        return `${who} ${level}/${name} = ${result} ${result < 0 ? '' : `${length[0]} ${told}`}`;
      }
      case 'name': {
        const name = new Uint8Array(128);
        const length = Int32Array.of(pick([128, 128, 128, 16, 4, 0]));
        const room = length[0]!;
        const peer = pick([0, 1]);
        const result = peer ? calls.getpeername(fd, name, length) : calls.getsockname(fd, name, length);
        return `${who} ${peer ? 'peer' : 'own'} = ${result} ${result < 0 ? '' : `${length[0]} ${nameText(name.subarray(0, Math.min(room, length[0]!)))}`}`;
      }
      case 'poll': {
        this.settle();
        const entry = { fd, events: pick([0x3fff, 0x3fff, 1, 4, 0]), revents: 0 };
        return `${who} ${entry.events} = ${calls.poll([entry])} ${entry.revents}`;
      }
      case 'epollCtl': {
        const operation = pick([1, 1, 2, 3, 3, 9]);
        const events = pick([
          1, 5, 4, 0x80000001, 0x80000005, 0x40000001, 0x10000001, 0x90000001, 0xd0000001, 0x3fff, 0,
        ]);
        const result = calls.epoll_ctl(this.epolls[h.host], operation, fd, events | 0, BigInt(slot));
        return `${who} ${operation} ${events.toString(16)} = ${result}`;
      }
      case 'epollWait': {
        this.settle();
        const events = Array.from({ length: 16 }, () => ({ events: 0, data: 0n }));
        const count = calls.epoll_wait(this.epolls[h.host], events, pick([16, 16, 1, 2]));
        const told = events.slice(0, Math.max(0, count)).map((e) => `${e.data}:${(e.events >>> 0).toString(16)}`);
        return `${h.host} = ${count} ${told.join(' ')}`;
      }
      case 'ioctl':
        this.settle();
        return `${who} ${this.ioctl(h)}`;
      case 'device':
        return `${who} ${this.device(h)}`;
      case 'shutdown': {
        const how = pick([0, 1, 2, 3]);
        return `${who} ${how} = ${calls.shutdown(fd, how)}`;
      }
      case 'sysctl': {
        const [name, values] = pick(this.profile === 'ipv6' ? [...A.SYSCTLS, ...A.SYSCTLS6] : A.SYSCTLS);
        const value = pick(values);
        return `${h.host} ${name} ${value} = ${calls.writeFile(`/proc/sys/net/${name}`, bytes(`${value}\n`))}`;
      }
      case 'ring':
        if (!A.isPacket(kind)) return 'none';
        this.settle();
        return `${who} ${pick([0, 1, 1]) === 0 ? makeRing(pick, calls, fd, h.rings) : readRing(h.rings)}`;
    }
  }

  /** Sometimes less than all of an address. */
  private cut(length: number): number {
    return this.pick([1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0]) === 1 ? length : this.pick([0, 2, 8, 12, 16, 24]);
  }

  private frames(): string {
    const told: string[] = [];
    for (const text of this.world.frames()) {
      const [way, data] = text.split(' ') as [string, string];
      const frame = Buffer.from(data, 'hex');
      const type = frame.length >= 14 ? (frame[12]! << 8) | frame[13]! : 0;
      // What is asked after neighbours that do not answer comes again when it likes.
      if (type === 0x806 || (type === 0x86dd && frame[20] === 58 && frame[54] === 135)) continue;
      // So do reports of memberships.
      if ((type === 0x800 && frame[23] === 2) || (type === 0x86dd && frame[20] === 0)) continue;
      told.push(`${way} ${frameText(frame, frame.length)}`);
    }
    return told.join(' | ');
  }

  private dataText(kind: A.Kind, data: Uint8Array): string {
    if (kind === 'icmp' || kind === 'raw' || kind === 'hdr') return packetText(data, 0, data.length);
    if (kind === 'ping' || kind === 'ping6' || kind === 'icmp6') {
      const [type, code] = data;
      if (kind === 'icmp6' && type! < 128) return `${type}/${code} ${packetText(data, 8, data.length)}`;
      return `${type}/${code} ${hex(data.subarray(8, 24))}`;
    }
    if (A.isPacket(kind)) return frameText(data, data.length);
    return hex(data.subarray(0, 16));
  }

  private recv(h: Handle, flags = A.recvFlags(this.pick)): string {
    const { pick } = this;
    const room = pick([0, 4, 64, 70000, 70000, 70000]);
    const iov =
      pick([0, 0, 1]) === 0 ? [new Uint8Array(room)] : [new Uint8Array(room >> 2), new Uint8Array(room - (room >> 2))];
    const control = pick([512, 512, 512, 0, 20, 40]);
    const message = messageHeader(
      iov,
      pick([1, 1, 0]) ? new Uint8Array(pick([128, 128, 8])) : null,
      control ? new Uint8Array(control) : null,
    );
    const result = h.calls.recvmsg(h.fd, message, flags);
    const asked = `${room} flags ${flags.toString(16)} control ${control} = ${result}`;
    if (result < 0) return asked;
    const data = Buffer.concat(iov).subarray(0, Math.min(result, room));
    const errors = flags & 0x2000 ? frameText(data, data.length) : this.dataText(h.kind, data);
    const name =
      message.name === null ? '' : `${message.nameLength} ${nameText(message.name.subarray(0, message.nameLength))}`;
    return `${asked} ${errors} from ${name} ${message.flags.toString(16)} ${message.control === null ? '' : controlsText(message.control, message.controlLength)}`;
  }

  /** Everything that is there for anybody is read, at most three of each. */
  private drain(): string {
    this.settle();
    const lines: string[] = [];
    for (const [slot, h] of this.slots.entries()) {
      if (h === null) continue;
      for (let i = 0; i < 3; i++) {
        const entry = { fd: h.fd, events: 0x3fff, revents: 0 };
        h.calls.poll([entry]);
        if (!(entry.revents & 9)) break;
        lines.push(`${slot} ${entry.revents} ${this.recv(h, entry.revents & 1 ? 0 : 0x2000)}`);
      }
    }
    return lines.length === 0 ? '= -11' : `= ${lines.length}\n  ${lines.join('\n  ')}`;
  }

  private ioctl({ calls, fd, ifindex }: Handle): string {
    const { pick } = this;
    const request = pick([
      0x541b, 0x541b, 0x5411, 0x8905, 0x8906, 0x8907, 0x8910, 0x8912, 0x8913, 0x8915, 0x8917, 0x8919, 0x891b, 0x891d,
      0x8921, 0x8927, 0x8933, 0x8942, 0x8970, 0x1234,
    ]);
    const argument = new Uint8Array(40);
    if (request === 0x8910) putHostU32(argument, 16, pick([ifindex, 1, 99, 0]));
    else if (request > 0x8910) argument.set(bytes(pick(['eth0', 'eth0', 'lo', 'eth9', ''])));
    const result = calls.ioctl(fd, request, argument);
    if (request === 0x8913) argument[16]! &= ~IFF_RUNNING;
    const stamp = request === 0x8906 || request === 0x8907;
    return `${request.toString(16)} = ${result} ${result < 0 || stamp ? '' : hex(argument)}`;
  }

  /** Something about a device is changed in the midst. */
  private device({ calls, fd, kind, host }: Handle): string {
    const { pick } = this;
    const request = new Uint8Array(40);
    const ask = (name: string, number: number, fill: (request: Uint8Array) => void): number => {
      request.fill(0);
      request.set(bytes(name));
      fill(request);
      return calls.ioctl(fd, number, request);
    };
    switch (pick(['mtu', 'mtu', 'lo', 'promisc', 'alias'])) {
      case 'mtu': {
        const mtu = pick([1500, 1500, 1280, 9000, ...(this.profile === 'ipv6' ? [] : [600, 68, 67])]);
        return `mtu ${mtu} = ${ask('eth0', 0x8922, (r) => putHostU32(r, 16, mtu))}`;
      }
      case 'lo': {
        const down = ask('lo', 0x8914, (r) => putHostU16(r, 16, 0));
        const sent = kind.startsWith('udp')
          ? calls.sendto(fd, Uint8Array.of(1), 0, A.address(pick, { kind, host, ifindex: 1 }))
          : 0;
        return `lo = ${down} ${sent} ${ask('lo', 0x8914, (r) => putHostU16(r, 16, 1))}`;
      }
      case 'promisc': {
        const flags = 0x1043 | pick([0, 0x100, 0x200]);
        return `flags = ${ask('eth0', 0x8914, (r) => putHostU16(r, 16, flags))} ${ask('eth0', 0x8913, () => {})} ${(hostU16(request, 16) & ~IFF_RUNNING).toString(16)}`;
      }
      default: {
        const address = pick([
          [10, 0, 0, 77],
          [10, 9, 0, 1],
          [0, 0, 0, 0],
        ]);
        return `alias ${address} = ${ask('eth0:1', 0x8916, (r) => r.set([2, 0, 0, 0, ...address], 16))}`;
      }
    }
  }

  private vector(rows: number, room: number): MessageVector {
    return messageVector(new Uint8Array(rows * room), rows, { nameStride: 128, controlStride: 256 });
  }

  private sendmmsg(h: Handle): string {
    const { pick } = this;
    this.settle();
    const rows = pick([1, 2, 3, 5]);
    const vector = this.vector(rows, 3000);
    const lines: string[] = [];
    for (let i = 0; i < rows; i++) {
      const data = A.payload(pick, h).subarray(0, 3000);
      const to = A.address(pick, h);
      const control = pick([0, 0, 1]) ? encodeControl(A.controls(pick, h)) : new Uint8Array(0);
      vector.memory.set(data, i * 3000);
      vector.offset[i] = i * 3000;
      vector.length[i] = data.length;
      vector.names!.set(to, i * 128);
      vector.nameLength[i] = pick([0, 1, 1]) ? to.length : 0;
      vector.controls!.set(control.subarray(0, 256), i * 256);
      vector.controlLength[i] = Math.min(control.length, 256);
      lines.push(`${data.length} ${vector.nameLength[i] ? nameText(to) : ''} ${hex(control)}`);
    }
    const flags = A.sendFlags(pick);
    return `${lines.join(', ')} flags ${flags.toString(16)} = ${h.calls.sendmmsg(h.fd, vector, 0, rows, flags)} ${vector.transferred}`;
  }

  private recvmmsg(h: Handle): string {
    const { pick } = this;
    const [rows, room] = [pick([1, 2, 4]), pick([3000, 3000, 20, 0])];
    const vector = this.vector(rows, Math.max(room, 1));
    for (let i = 0; i < rows; i++) {
      vector.offset[i] = i * room;
      vector.length[i] = room;
      vector.nameLength[i] = 128;
      vector.controlLength[i] = pick([256, 256, 0, 20]);
    }
    const flags = A.recvFlags(pick);
    const count = h.calls.recvmmsg(h.fd, vector, 0, rows, flags);
    let text = `${rows} of ${room} flags ${flags.toString(16)} = ${count}`;
    for (let i = 0; i < count; i++) {
      const data = vector.memory.subarray(i * room, i * room + Math.min(room, vector.transferred[i]!));
      const name = vector.names!.subarray(i * 128, i * 128 + Math.min(128, vector.nameLength[i]!));
      const control = vector.controls!.subarray(i * 256, i * 256 + vector.controlLength[i]!);
      const told = flags & 0x2000 ? frameText(data, data.length) : this.dataText(h.kind, data);
      text += `\n  ${vector.transferred[i]} ${told} from ${nameText(name)} ${vector.flags[i]!.toString(16)} ${controlsText(control, control.length)}`;
    }
    return text;
  }
}

/** Runs the steps on a fresh world. `times` holds the milliseconds between pauses: the host's kernel goes first and fills
 * them in; ours, on its virtual clock, takes as long. */
export function runSteps(
  world: World,
  profile: A.Profile,
  steps: readonly Step[],
  times: number[],
): { log: string[]; tally: Tally } {
  const run = new Run(world, profile, times);
  run.steps(steps);
  return { log: run.log, tally: run.tally };
}
