import { afterAll } from 'vitest';
import type { SystemCalls } from '../../src/syscall/contract.ts';
import { encodeSockFprog, type SockFilter } from '../../src/uapi/filter.ts';
import { describeNetwork } from '../support/network.ts';
import { FAR, get, NEAR, recv, send, set, sin, udp } from './program.ts';
import { stage } from './stage.ts';
import type { World } from './world.ts';

const SOL = 1;
const REUSEPORT = 15;
const ATTACH_CBPF = 51;
const DETACH = 68;
const ret = (k: number): SockFilter => ({ code: 6, jt: 0, jf: 0, k });
const RET_A: SockFilter = { code: 0x16, jt: 0, jf: 0, k: 0 };
const byteAt = (k: number): SockFilter => ({ code: 0x30, jt: 0, jf: 0, k });

describeNetwork('SO_REUSEPORT on both kernels', () => {
  const { twin, dispose } = stage();
  afterAll(dispose);

  /** A socket with the option, bound. */
  function member(calls: SystemCalls, address: string, port: number): number {
    const fd = calls.socket(2, 2, 0);
    set(calls, fd, SOL, REUSEPORT, 1);
    const error = calls.bind(fd, sin(address, port));
    if (error < 0) throw new Error(`bind: ${error}`);
    return fd;
  }
  /** Takes all that is there from each; which got what. */
  function drain(calls: SystemCalls, fds: readonly number[]): string[][] {
    return fds.map((fd) => {
      const got: string[] = [];
      for (;;) {
        const one = recv(calls, fd);
        if ((one[0] as number) < 0) return got;
        got.push(Buffer.from(one[1] as string, 'hex').toString());
      }
    });
  }
  const flows = (w: World, count: number, times: number, to: string, port: number): void => {
    for (let i = 0; i < count; i++) {
      const s = udp(w.near, NEAR, 9000 + i);
      for (let n = 0; n < times; n++) send(w.near, s, `flow ${i}`, 0, sin(to, port));
      w.near.close(s);
    }
    w.settle(3);
  };

  for (const members of [1, 2, 3, 5, 8])
    twin(`${members} sockets: every one is used, and a flow stays with its own`, (w) => {
      const fds = Array.from({ length: members }, () => member(w.far, FAR, 8100));
      flows(w, 120, 3, FAR, 8100);
      const got = drain(w.far, fds);
      const owners = new Map<string, Set<number>>();
      got.forEach((list, at) => {
        for (const one of list) (owners.get(one) ?? owners.set(one, new Set()).get(one)!).add(at);
      });
      for (const fd of fds) w.far.close(fd);
      w.frames();
      return [
        got.reduce((sum, list) => sum + list.length, 0),
        got.every((list) => list.length > 0),
        [...owners.values()].every((set) => set.size === 1),
        owners.size,
      ];
    });
  twin('a socket that is closed leaves its flows to the others', (w) => {
    const fds = Array.from({ length: 3 }, () => member(w.far, FAR, 8101));
    w.far.close(fds.shift()!);
    flows(w, 60, 1, FAR, 8101);
    const got = drain(w.far, fds);
    for (const fd of fds) w.far.close(fd);
    w.frames();
    return [got.reduce((sum, list) => sum + list.length, 0), got.every((list) => list.length > 0)];
  });
  twin('groups at an address, at any address and at a device: the better fit takes all', (w) => {
    const any = [member(w.far, '0.0.0.0', 8102), member(w.far, '0.0.0.0', 8102)];
    const own = [member(w.far, FAR, 8102), member(w.far, FAR, 8102)];
    const bound = w.far.socket(2, 2, 0);
    set(w.far, bound, SOL, REUSEPORT, 1);
    const log: unknown[] = [];
    flows(w, 40, 1, FAR, 8102);
    const count = (): number[] =>
      [...any, ...own, bound].map((fd) => drain(w.far, [fd])[0]!.length).map((n, at) => (at < 4 ? Math.sign(n) : n));
    log.push(count());
    log.push(set(w.far, bound, SOL, 25, new TextEncoder().encode('eth0\0')), w.far.bind(bound, sin(FAR, 8102)));
    flows(w, 40, 1, FAR, 8102);
    log.push(count());
    for (const fd of [bound, ...own]) w.far.close(fd);
    flows(w, 40, 1, FAR, 8102);
    log.push(drain(w.far, any).map((list) => list.length > 0));
    for (const fd of any) w.far.close(fd);
    w.frames();
    return log;
  });
  twin('a connected member has its peer, the others the rest', (w) => {
    const fds = Array.from({ length: 3 }, () => member(w.far, FAR, 8103));
    const log: unknown[] = [w.far.connect(fds[1]!, sin(NEAR, 9007))];
    flows(w, 60, 2, FAR, 8103);
    const got = drain(w.far, fds);
    log.push(got[1], got[0]!.length > 0, got[2]!.length > 0, got[0]!.length + got[2]!.length);
    log.push(w.far.connect(fds[1]!, new Uint8Array(16)));
    flows(w, 60, 2, FAR, 8103);
    const again = drain(w.far, fds);
    log.push(again.reduce((sum, list) => sum + list.length, 0));
    for (const fd of fds) w.far.close(fd);
    w.frames();
    return log;
  });
  twin('bound to any address and connected', (w) => {
    const fds = Array.from({ length: 3 }, () => member(w.far, '0.0.0.0', 8104));
    const log: unknown[] = [w.far.connect(fds[0]!, sin(NEAR, 9003))];
    flows(w, 60, 2, FAR, 8104);
    const got = drain(w.far, fds);
    log.push(got[0], got[1]!.length > 0, got[2]!.length > 0, got[1]!.length + got[2]!.length);
    for (const fd of fds) w.far.close(fd);
    w.frames();
    return log;
  });

  // ---- programs ----
  const programs: [string, SockFilter[]][] = [
    ['always the first', [ret(0)]],
    ['always the second', [ret(1)]],
    ['always the third', [ret(2)]],
    ['by the first byte of the payload', [byteAt(0), RET_A]],
    ['by the low bits of the fourth byte', [byteAt(3), { code: 0x54, jt: 0, jf: 0, k: 1 }, RET_A]],
    ['by the length', [{ code: 0x80, jt: 0, jf: 0, k: 0 }, { code: 0x94, jt: 0, jf: 0, k: 3 }, RET_A]],
    ['a byte behind the end, which ends it with 0', [byteAt(100), RET_A]],
    ['by the IP protocol, modulo 3', [byteAt(0xfff00009), { code: 0x94, jt: 0, jf: 0, k: 3 }, RET_A]],
    [
      'by the protocol of the packet',
      [{ code: 0x28, jt: 0, jf: 0, k: 0xfffff000 }, { code: 0x94, jt: 0, jf: 0, k: 3 }, RET_A],
    ],
  ];
  const payloads = [[0, 0, 0, 0], [1, 0, 0, 1], [2, 9, 9, 2], [0, 1, 2, 3, 4], [1], [2, 2], []];
  for (const [what, program] of programs)
    for (const order of [0, 1, 2])
      twin(`a program: ${what}, attached to number ${order}`, (w) => {
        const fds = Array.from({ length: 3 }, () => member(w.far, FAR, 8110));
        const log: unknown[] = [set(w.far, fds[order]!, SOL, ATTACH_CBPF, encodeSockFprog(program))];
        const s = udp(w.near, NEAR, 9100);
        for (const data of payloads) send(w.near, s, Uint8Array.from(data), 0, sin(FAR, 8110));
        w.settle(2);
        log.push(drain(w.far, fds));
        // One leaves: the last takes its place.
        w.far.close(fds.shift()!);
        for (const data of payloads.slice(0, 3)) send(w.near, s, Uint8Array.from(data), 0, sin(FAR, 8110));
        w.settle(2);
        const got = drain(w.far, fds);
        // What the program does not find goes by a hash.
        log.push(what === 'always the third' ? got.flat().length : got.flat().length === 3);
        for (const fd of fds) w.far.close(fd);
        w.near.close(s);
        w.frames();
        return log;
      });
  twin('a program whose answer is no member leaves it to the hash', (w) => {
    const fds = Array.from({ length: 3 }, () => member(w.far, FAR, 8111));
    const log: unknown[] = [set(w.far, fds[0]!, SOL, ATTACH_CBPF, encodeSockFprog([ret(3)]))];
    flows(w, 60, 1, FAR, 8111);
    const got = drain(w.far, fds);
    log.push(
      got.flat().length,
      got.map((list) => list.length > 0),
    );
    for (const fd of fds) w.far.close(fd);
    w.frames();
    return log;
  });
  twin('attached before bind; detached; attached to what has no group', (w) => {
    const log: unknown[] = [];
    const a = w.far.socket(2, 2, 0);
    log.push(set(w.far, a, SOL, ATTACH_CBPF, encodeSockFprog([ret(0)])), set(w.far, a, SOL, DETACH, 0));
    log.push(set(w.far, a, SOL, REUSEPORT, 1), set(w.far, a, SOL, DETACH, 0));
    log.push(set(w.far, a, SOL, ATTACH_CBPF, encodeSockFprog([ret(1)])), w.far.bind(a, sin(FAR, 8112)));
    const b = member(w.far, FAR, 8112);
    const s = udp(w.near, NEAR, 9101);
    for (let i = 0; i < 3; i++) send(w.near, s, `${i}`, 0, sin(FAR, 8112));
    w.settle(2);
    log.push(drain(w.far, [a, b]));
    // One with a program of its own cannot join.
    const c = w.far.socket(2, 2, 0);
    log.push(set(w.far, c, SOL, REUSEPORT, 1), set(w.far, c, SOL, ATTACH_CBPF, encodeSockFprog([ret(1)])));
    log.push(w.far.bind(c, sin(FAR, 8112)), w.far.bind(c, sin(FAR, 8113)));
    log.push(set(w.far, b, SOL, DETACH, 0), set(w.far, b, SOL, DETACH, 0), set(w.far, a, SOL, DETACH, 0));
    const plain = udp(w.far, FAR, 8114);
    log.push(set(w.far, plain, SOL, ATTACH_CBPF, encodeSockFprog([ret(0)])), set(w.far, plain, SOL, DETACH, 0));
    log.push(set(w.far, plain, SOL, REUSEPORT, 1), set(w.far, plain, SOL, ATTACH_CBPF, encodeSockFprog([ret(0)])));
    log.push(set(w.far, plain, SOL, DETACH, 0), get(w.far, plain, SOL, REUSEPORT));
    for (const fd of [a, b, c, plain]) w.far.close(fd);
    w.near.close(s);
    w.frames();
    return log;
  });
  for (const [what, value] of [
    ['an empty program', encodeSockFprog([])],
    ['a program without a return', encodeSockFprog([byteAt(0)])],
    ['a structure too short', new Uint8Array(8)],
    ['4 bytes', new Uint8Array(4)],
  ] as [string, Uint8Array][])
    twin(`SO_ATTACH_REUSEPORT_CBPF with ${what}`, (w) => {
      const fd = member(w.far, FAR, 8115);
      const log = [set(w.far, fd, SOL, ATTACH_CBPF, value), set(w.far, fd, SOL, 44, 1)];
      log.push(set(w.far, fd, SOL, ATTACH_CBPF, encodeSockFprog([ret(0)])), set(w.far, fd, SOL, DETACH, 0));
      w.far.close(fd);
      return log;
    });
  for (const [what, domain, type, protocol] of [
    ['raw', 2, 3, 200],
    ['ping', 2, 2, 1],
    ['packet', 17, 3, 0],
    ['UDP-Lite', 2, 2, 136],
  ] as [string, number, number, number][])
    twin(`SO_REUSEPORT and a program on a ${what} socket`, (w) => {
      const before = w.near.writeFile('/proc/sys/net/ipv4/ping_group_range', new TextEncoder().encode('0 0\n'));
      const fd = w.near.socket(domain, type, protocol);
      const log = [before < 0, fd >= 0, set(w.near, fd, SOL, REUSEPORT, 1), get(w.near, fd, SOL, REUSEPORT)];
      log.push(set(w.near, fd, SOL, ATTACH_CBPF, encodeSockFprog([ret(0)])), set(w.near, fd, SOL, DETACH, 0));
      w.near.close(fd);
      return log;
    });
  twin('SO_REUSEPORT taken off again after bind', (w) => {
    const a = member(w.far, FAR, 8116);
    const b = member(w.far, FAR, 8116);
    const log: unknown[] = [set(w.far, a, SOL, REUSEPORT, 0), set(w.far, b, SOL, REUSEPORT, 0)];
    const c = w.far.socket(2, 2, 0);
    log.push(set(w.far, c, SOL, REUSEPORT, 1), w.far.bind(c, sin(FAR, 8116)));
    const s = udp(w.near, NEAR, 9102);
    for (let i = 0; i < 3; i++) send(w.near, s, `${i}`, 0, sin(FAR, 8116));
    w.settle(2);
    log.push(drain(w.far, [a, b]));
    for (const fd of [a, b, c]) w.far.close(fd);
    w.near.close(s);
    w.frames();
    return log;
  });
});
