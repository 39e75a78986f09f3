import type { SystemCalls } from '../syscall/contract.ts';
import { check, SystemError } from '../syscall/error.ts';
import { EINTR } from '../uapi/errno.ts';
import * as nl from '../uapi/netlink.ts';
import { encodeSockaddrNl } from '../uapi/sockaddr.ts';
import { AF_NETLINK, MSG_TRUNC, SOCK_RAW } from '../uapi/socket.ts';
import { Socket, type Waiting } from './socket.ts';

/** A netlink socket (netlink(7)): asks, and gathers the answers. */
export class NetlinkSocket {
  readonly #socket: Socket;
  #seq = 1;
  #buffer = new Uint8Array(1 << 16);

  /** `protocol`: NETLINK_ROUTE by default. */
  constructor(calls: SystemCalls, protocol: number = nl.NETLINK_ROUTE) {
    this.#socket = Socket.open(calls, AF_NETLINK, SOCK_RAW, protocol);
    try {
      check(calls.bind(this.#socket.fd, encodeSockaddrNl({ pid: 0, groups: 0 })), 'bind', { dest: 'netlink' });
    } catch (error) {
      this.#socket.close();
      throw error;
    }
  }

  /** One request and all messages of its answer. NLM_F_DUMP in `flags` asks for a list; without it the answer is one
   * message, or none where the request has NLM_F_ACK. Throws SystemError for an answer that is an error. */
  async request(
    type: number,
    flags: number,
    header: Uint8Array,
    attributes: readonly nl.NetlinkAttribute[] = [],
    waiting: Waiting = {},
  ): Promise<nl.NetlinkMessage[]> {
    const seq = this.#seq++;
    const request = nl.encodeNetlinkMessage({ type, flags: flags | nl.NLM_F_REQUEST, seq }, header, attributes);
    await this.#socket.send(request, { to: { family: 'netlink', pid: 0, groups: 0 }, ...waiting });
    const answers: nl.NetlinkMessage[] = [];
    for (;;) {
      const received = await this.#receive(waiting);
      for (const message of nl.netlinkMessages(received)) {
        // What belongs to a request before this one, given up by its caller.
        if (message.seq !== seq) continue;
        if (message.type === nl.NLMSG_ERROR || message.type === nl.NLMSG_DONE) {
          const error = -nl.netlinkError(message.payload);
          if (error > 0) throw new SystemError(error, 'netlink');
          return answers;
        }
        // The table changed while it was listed: what was gathered may be of two states (NLM_F_DUMP_INTR).
        if ((message.flags & nl.NLM_F_DUMP_INTR) !== 0) throw new SystemError(EINTR, 'netlink');
        answers.push({ ...message, payload: message.payload.slice() });
        if ((message.flags & nl.NLM_F_MULTI) === 0 && (flags & nl.NLM_F_ACK) === 0) return answers;
      }
    }
  }

  /** A list, asked for again as long as it changes under way, a few times at most. */
  async dump(
    type: number,
    header: Uint8Array,
    attributes: readonly nl.NetlinkAttribute[] = [],
    waiting: Waiting = {},
  ): Promise<nl.NetlinkMessage[]> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.request(type, nl.NLM_F_DUMP, header, attributes, waiting);
      } catch (error) {
        if (!(error instanceof SystemError) || error.errno !== EINTR || tries === 5) throw error;
      }
    }
  }

  async #receive(waiting: Waiting): Promise<Uint8Array> {
    const message = await this.#socket.receive(this.#buffer, waiting);
    if (message === null) throw new DOMException('The kernel did not answer in time', 'TimeoutError');
    if ((message.flags & MSG_TRUNC) !== 0) {
      this.#buffer = new Uint8Array(this.#buffer.length * 2);
      throw new SystemError(EINTR, 'netlink');
    }
    return message.data;
  }

  close(): void {
    this.#socket.close();
  }
}
