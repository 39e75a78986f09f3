/** Linux's own verdict on a program and a packet, by an attached filter on one end of a pair of AF_UNIX datagram sockets:
 * what the program sees there is exactly the datagram, whatever link type it is meant for, and no privilege is needed. */

import type { BpfProgram } from '../../../src/filter/program.ts';
import { linuxSystemCalls } from '../../../src/linux/index.ts';
import type { MessageVector, SystemCalls } from '../../../src/syscall/contract.ts';
import { messageVector } from '../../../src/syscall/message.ts';
import { EAGAIN } from '../../../src/uapi/errno.ts';
import { encodeSockFprog } from '../../../src/uapi/filter.ts';
import {
  AF_UNIX,
  MSG_DONTWAIT,
  MSG_TRUNC,
  SO_ATTACH_FILTER,
  SOCK_DGRAM,
  SOL_SOCKET,
} from '../../../src/uapi/socket.ts';

/** Datagrams that such a socket queues at least (net.unix.max_dgram_qlen is 10 where nobody changed it). */
const QUEUE = 10;
/** Longest packet that `verdicts` takes. */
const ROOM = 2048;

export class KernelFilter {
  readonly #calls: SystemCalls = linuxSystemCalls();
  readonly #sender: number;
  readonly #receiver: number;
  readonly #room = new Uint8Array(8);
  readonly #received = messageVector(new Uint8Array(QUEUE * ROOM), QUEUE);
  #kept: { packets: readonly Uint8Array[]; vector: MessageVector } | null = null;

  constructor() {
    const pair = new Int32Array(2);
    const result = this.#calls.socketpair(AF_UNIX, SOCK_DGRAM, 0, pair);
    if (result < 0) throw new Error(`socketpair: ${result}`);
    for (let row = 0; row < QUEUE; row++) this.#received.offset[row] = row * ROOM;
    this.#sender = pair[0]!;
    this.#receiver = pair[1]!;
  }

  /** 0, or -errno where the kernel refuses the program. It takes the place of the one before. */
  attach(program: BpfProgram): number {
    return this.#calls.setsockopt(this.#receiver, SOL_SOCKET, SO_ATTACH_FILTER, encodeSockFprog(program));
  }

  /** Bytes of the packet that the attached program lets through: 0 where it rejects it, else at least 1 and at most the
   * packet's length. `packet` has at least one byte. */
  verdict(packet: Uint8Array): number {
    if (packet.length === 0) throw new RangeError('an empty datagram looks like a rejected one');
    const sent = this.#calls.sendto(this.#sender, packet, MSG_DONTWAIT, null);
    if (sent !== packet.length) throw new Error(`sendto: ${sent}`);
    const received = this.#calls.recvfrom(this.#receiver, this.#room, MSG_DONTWAIT | MSG_TRUNC, null, null);
    if (received >= 0) return received;
    if (received !== -EAGAIN) throw new Error(`recvfrom: ${received}`);
    return 0;
  }

  /** Whether each of `packets` passes the attached program, which must accept whole packets, in a tenth of the calls. Packets
   * of no bytes cannot be asked for: their answer is undefined. */
  verdicts(packets: readonly Uint8Array[]): Uint8Array {
    const sending = this.#vectorOf(packets);
    const receiving = this.#received;
    const accepted = new Uint8Array(packets.length);
    for (let first = 0; first < packets.length; first += QUEUE) {
      const count = Math.min(QUEUE, packets.length - first);
      const sent = this.#calls.sendmmsg(this.#sender, sending, first, count, MSG_DONTWAIT);
      if (sent !== count) throw new Error(`sendmmsg: ${sent} of ${count}`);
      for (let row = 0; row < QUEUE; row++) receiving.length[row] = ROOM;
      const received = this.#calls.recvmmsg(this.#receiver, receiving, 0, QUEUE, MSG_DONTWAIT);
      if (received < 0 && received !== -EAGAIN) throw new Error(`recvmmsg: ${received}`);
      // What arrives is in order: each is the next of the sent ones that it equals.
      let next = first;
      for (let row = 0; row < received; row++) {
        const at = receiving.offset[row]!;
        const bytes = receiving.memory.subarray(at, at + receiving.transferred[row]!);
        while (next < first + count && Buffer.compare(packets[next]!, bytes) !== 0) next++;
        if (next === first + count) throw new Error('a packet arrived that was not sent, or cut');
        accepted[next++] = 1;
      }
    }
    return accepted;
  }

  /** The vector over these packets; the last one is kept, since the same packets are asked for again and again. */
  #vectorOf(packets: readonly Uint8Array[]): MessageVector {
    if (this.#kept?.packets !== packets) {
      const memory = new Uint8Array(packets.reduce((sum, { length }) => sum + length, 0));
      const vector = messageVector(memory, packets.length);
      let at = 0;
      packets.forEach((packet, row) => {
        memory.set(packet, at);
        vector.offset[row] = at;
        vector.length[row] = packet.length;
        at += packet.length;
      });
      this.#kept = { packets, vector };
    }
    return this.#kept.vector;
  }

  close(): void {
    this.#calls.close(this.#sender);
    this.#calls.close(this.#receiver);
  }
}
