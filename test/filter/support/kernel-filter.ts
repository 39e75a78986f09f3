/** Linux's own verdict on a program and a packet, by an attached filter on one end of a pair of AF_UNIX datagram sockets:
 * what the program sees there is exactly the datagram, whatever link type it is meant for, and no privilege is needed. */

import type { BpfProgram } from '../../../src/filter/program.ts';
import { linuxSystemCalls } from '../../../src/linux/index.ts';
import type { SystemCalls } from '../../../src/syscall/contract.ts';
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

export class KernelFilter {
  readonly #calls: SystemCalls = linuxSystemCalls();
  readonly #sender: number;
  readonly #receiver: number;
  readonly #room = new Uint8Array(8);

  constructor() {
    const pair = new Int32Array(2);
    const result = this.#calls.socketpair(AF_UNIX, SOCK_DGRAM, 0, pair);
    if (result < 0) throw new Error(`socketpair: ${result}`);
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

  close(): void {
    this.#calls.close(this.#sender);
    this.#calls.close(this.#receiver);
  }
}
