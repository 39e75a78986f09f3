/** Programs attached to packet sockets: what arrives is what libpcap accepts, VLAN tags included, which the kernel takes
 * out of a frame before the program sees it. And how a filter is put on a socket that is already receiving. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { be32, putBe32 } from '../../src/bytes/endian.ts';
import { compile } from '../../src/filter/compile.ts';
import type { BpfProgram } from '../../src/filter/program.ts';
import { validate } from '../../src/filter/validate.ts';
import { linuxSystemCalls } from '../../src/linux/index.ts';
import { libpcapCompile, libpcapRun, whyNoLibpcap } from '../../src/linux/libpcap.ts';
import { blockOf } from '../../src/savefile/index.ts';
import { PacketSocket } from '../../src/socket/packet.ts';
import { FrameSender } from '../../src/socket/sender.ts';
import { EAGAIN, EPERM } from '../../src/uapi/errno.ts';
import { encodeSockFilters } from '../../src/uapi/filter.ts';
import { MSG_DONTWAIT } from '../../src/uapi/socket.ts';
import { describeNetwork, type Pair, vethPair } from '../support/network.ts';
import { lacks } from '../support/tools.ts';
import { generated, handWritten, type Sample, systemNames } from './support/corpus.ts';
import { ether, ipv4, packetsOf, tcp, udp } from './support/packets.ts';
import { Dice } from './support/random-programs.ts';

const calls = linuxSystemCalls();
const seed = Number(process.env['NETLAB_SEED'] ?? 802);
/** Programs attached at a time: each queues what it accepts. */
const BATCH = 100;
const MTU = 1500;
const ETHERNET_HEADER = 14;
/** Experimental type (IEEE 802): the frame that is sent after others, to know that they have all been delivered. */
const LAST = ether(0x88b5, new Uint8Array(46));
const isLast = (frame: Uint8Array): boolean => frame[12] === 0x88 && frame[13] === 0xb5;

let pair: Pair;
let sender: FrameSender;
/** Sees everything. */
let witness: PacketSocket;
const open: PacketSocket[] = [];
beforeEach(() => {
  pair = vethPair();
  sender = FrameSender.open(calls, { interface: pair.a });
  witness = receiver(null);
  // A pair that has just been set up loses frames until its carrier is noticed.
  for (let tries = 0; !delivered(20); tries++) expect(tries).toBeLessThan(250);
});
afterEach(() => {
  for (const socket of open.splice(0)) socket.close();
  sender.close();
  pair.remove();
});

/** A socket on the far end that queues what passes `program`. */
function receiver(program: BpfProgram | null): PacketSocket {
  const socket = PacketSocket.create(calls);
  open.push(socket);
  socket.setReceiveBuffer(8 << 20);
  if (program !== null) socket.attachFilter(program);
  socket.bindTo(socket.device(pair.b).ifindex);
  return socket;
}

const send = async (frames: readonly Uint8Array[]): Promise<void> => {
  const { sent } = await sender.send(blockOf(frames.map((bytes) => ({ bytes, originalLength: bytes.length }))));
  expect(sent).toBe(frames.length);
  settle();
};

/** Sends one more frame, and waits for it at most so many milliseconds. */
function delivered(patience: number): boolean {
  expect(sender.sendNow(LAST)).toBe(LAST.length);
  const sleeper = new Int32Array(new SharedArrayBuffer(4));
  for (let tries = 0; tries < patience; tries++) {
    let seen = false;
    receive(witness, (frame) => {
      seen ||= isLast(frame);
    });
    if (seen) return true;
    Atomics.wait(sleeper, 0, 0, 1);
  }
  return false;
}

/** Frames are delivered a moment after they were sent where the machine is busy, one after the other: when one more has
 * arrived, those before it have, on every socket. */
const settle = (): void => expect(delivered(60_000)).toBe(true);

const room = new Uint8Array(4096);
/** Calls `take` for each frame that is queued, whose bytes hold only until it returns. */
function receive(socket: PacketSocket, take: (frame: Uint8Array) => void): void {
  for (;;) {
    const length = calls.recvfrom(socket.fd, room, MSG_DONTWAIT, null, null);
    if (length === -EAGAIN) return;
    expect(length).toBeGreaterThan(0);
    take(room.subarray(0, length));
  }
}

/** The same without the frames that are only sent to wait for; returns how many there were. */
function drain(socket: PacketSocket, take: (frame: Uint8Array) => void = () => {}): number {
  let count = 0;
  receive(socket, (frame) => {
    if (isLast(frame)) return;
    count++;
    take(frame);
  });
  return count;
}

/** Frames of the test packets that a veth pair carries, each with its number in four bytes at the end, since what comes
 * out must be told apart. */
function frames(): Uint8Array[] {
  return (
    packetsOf(1)
      .map(({ bytes }) => bytes)
      .filter(({ length }) => length >= ETHERNET_HEADER && length + 4 <= MTU + ETHERNET_HEADER)
      .map((bytes) => Uint8Array.of(...bytes, 0, 0, 0, 0))
      // The kernel drops what ends within a tag or the type behind it (skb_vlan_untag).
      .filter((bytes) => untagged(bytes) === bytes || bytes.length >= ETHERNET_HEADER + 6)
      .map((bytes, index) => {
        putBe32(bytes, bytes.length - 4, index);
        return bytes;
      })
  );
}
const numberOf = (frame: Uint8Array): number => be32(frame, frame.length - 4);
/** The frame as the kernel shows it to a program: the outermost tag is taken out, and known beside it. */
const untagged = (frame: Uint8Array): Uint8Array => {
  const type = (frame[12]! << 8) | frame[13]!;
  return (type === 0x8100 || type === 0x88a8) && frame.length >= ETHERNET_HEADER + 4
    ? Uint8Array.of(...frame.subarray(0, 12), ...frame.subarray(16))
    : frame;
};

/** Expressions that ask for the tag first, and then for what stands behind it by name: they mean the same with the tag in
 * the frame and beside it. Others that name tags depend on where libpcap takes the outermost to be. */
const ASKS_FOR_TAG = /^vlan( \d+)?( and (vlan( \d+)?|ip6?|arp|tcp( port \d+)?|host [\d.]+))*$/;

describeNetwork('attached to packet sockets', () => {
  test.skipIf(lacks('filters against libpcap, attached', whyNoLibpcap()))(
    'a program lets through what libpcap accepts, and nothing else',
    { timeout: 120_000 },
    async () => {
      const dice = new Dice(seed);
      const samples: Sample[] = [...handWritten(), ...generated(dice, 400)].filter(({ linkType }) => linkType === 1);
      const sent = frames();
      const differences: string[] = [];
      let programs = 0;
      let accepted = 0;
      // Closing a packet socket waits for every processor: the sockets stay, and their filters are replaced.
      const sockets = Array.from({ length: BATCH }, () => receiver([{ code: 6, jt: 0, jf: 0, k: 0 }]));
      for (let from = 0; from < samples.length; from += BATCH) {
        const batch: { sample: Sample; socket: PacketSocket; encoded: Uint8Array }[] = [];
        for (const sample of samples.slice(from, from + BATCH)) {
          const theirs = libpcapCompile(sample.expression).program;
          // In user space only: protochain loops. What asks for a direction means nothing over bytes alone.
          if (theirs === null || /protochain|bound|ifindex/.test(sample.expression)) continue;
          // Reads of scratch memory never written have no meaning to compare with.
          if (validate(theirs)?.reason === 'load-before-store') continue;
          // Shifts by 32 and more are the kernel's own (vm.ts).
          if (/(<<|>>) *[a-z(-]/.test(sample.expression)) continue;
          const program = compile(sample.expression, { linkType: 1, names: systemNames, vlanOffload: true });
          const rejection = validate(program);
          if (rejection !== null) {
            differences.push(`${JSON.stringify(sample.expression)}: the checker says ${rejection.message}`);
            continue;
          }
          const socket = sockets[batch.length]!;
          socket.attachFilter(program);
          batch.push({ sample, socket, encoded: encodeSockFilters(theirs) });
        }
        await send(sent);
        for (const { sample, socket, encoded } of batch) {
          programs++;
          const arrived = new Uint8Array(sent.length);
          const namesTag = /\bvlan\b/.test(sample.expression);
          accepted += drain(socket, (frame) => {
            arrived[numberOf(frame)]! += 1;
          });
          sent.forEach((frame, index) => {
            const shown = untagged(frame);
            if (shown !== frame && namesTag && !ASKS_FOR_TAG.test(sample.expression)) return;
            const expected = libpcapRun(encoded, namesTag ? frame : shown) !== 0 ? 1 : 0;
            if (arrived[index] !== expected)
              differences.push(
                `${JSON.stringify(sample.expression)}: frame ${index} arrived ${arrived[index]} times, not ${expected}`,
              );
          });
          socket.rejectAll();
        }
      }
      if (differences.length > 0)
        expect.fail(`seed ${seed}: ${differences.length} differences:\n${differences.slice(0, 25).join('\n')}`);
      expect(programs).toBeGreaterThan(500);
      expect(accepted).toBeGreaterThan(programs * 20);
    },
  );

  const dns = (port: number): Uint8Array => ether(0x0800, ipv4(17, udp(port, 53)));
  const web = (port: number): Uint8Array => ether(0x0800, ipv4(6, tcp(port, 443, 2)));
  const onlyTcp = compile('tcp', { linkType: 1, vlanOffload: true });
  const sourcePort = (frame: Uint8Array): number => (frame[34]! << 8) | frame[35]!;
  const ports = (socket: PacketSocket): number[] => {
    const found: number[] = [];
    drain(socket, (frame) => found.push(sourcePort(frame)));
    return found;
  };

  test('a filter put on a socket that is receiving: frames from before it are still there', async () => {
    const socket = receiver(null);
    await send([dns(1), web(2), dns(3)]);
    socket.attachFilter(onlyTcp);
    await send([dns(4), web(5)]);
    expect(ports(socket)).toEqual([1, 2, 3, 5]);
  });

  test('put on cleanly: no frame from before it, and none that comes while the socket is drained', async () => {
    const socket = receiver(null);
    await send([dns(1), web(2), dns(3)]);
    let drained = 0;
    socket.attachFilterCleanly(onlyTcp, () => {
      drained = drain(socket);
      // Between draining and the real filter: these reach the socket, and must not pass.
      for (const frame of [dns(4), web(5)]) expect(sender.sendNow(frame)).toBe(frame.length);
      settle();
    });
    expect(drained).toBe(3);
    await send([dns(6), web(7), dns(8), web(9)]);
    expect(ports(socket)).toEqual([7, 9]);
  });

  test('replaced while frames come: each frame meets one of the two filters', async () => {
    const socket = receiver(onlyTcp);
    const onlyUdp = compile('udp', { linkType: 1, vlanOffload: true });
    for (let round = 0; round < 50; round++) {
      await send([dns(2 * round), web(2 * round + 1)]);
      socket.attachFilter(round % 2 === 0 ? onlyUdp : onlyTcp);
    }
    // Even rounds ran under the TCP filter, odd ones under the UDP filter.
    expect(ports(socket)).toEqual(
      Array.from({ length: 50 }, (_, round) => (round % 2 === 0 ? 2 * round + 1 : 2 * round)),
    );
  });

  test('taken off: everything passes; taking off none is no error', async () => {
    const socket = receiver(onlyTcp);
    await send([dns(1), web(2)]);
    socket.detachFilter();
    await send([dns(3), web(4)]);
    expect(ports(socket)).toEqual([2, 3, 4]);
    socket.detachFilter();
  });

  test('locked: neither another filter nor none can be put in its place', async () => {
    const socket = receiver(onlyTcp);
    socket.lockFilter();
    expect(() => socket.attachFilter([{ code: 6, jt: 0, jf: 0, k: 1 }])).toThrow(
      expect.objectContaining({ code: 'EPERM', errno: EPERM }),
    );
    expect(() => socket.detachFilter()).toThrow(expect.objectContaining({ code: 'EPERM' }));
    await send([dns(1), web(2)]);
    expect(ports(socket)).toEqual([2]);
  });

  test('a program that the checker refuses is EINVAL, and the one before stays', async () => {
    const socket = receiver(onlyTcp);
    expect(() => socket.attachFilter([{ code: 0, jt: 0, jf: 0, k: 1 }])).toThrow(
      expect.objectContaining({ code: 'EINVAL' }),
    );
    await send([dns(1), web(2)]);
    expect(ports(socket)).toEqual([2]);
  });
});
