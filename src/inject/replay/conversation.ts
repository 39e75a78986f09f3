import { encodeAddress, type SocketAddress } from '../../socket/address.ts';
import { Socket } from '../../socket/socket.ts';
import { waitFor } from '../../socket/wait.ts';
import type { PollFd, SystemCalls } from '../../syscall/contract.ts';
import { check, SystemError } from '../../syscall/error.ts';
import { EAGAIN, EINTR, errnoName } from '../../uapi/errno.ts';
import { POLLIN, POLLOUT } from '../../uapi/poll.ts';
import {
  AF_INET,
  AF_INET6,
  MSG_NOSIGNAL,
  SHUT_WR,
  SO_REUSEADDR,
  SOCK_DGRAM,
  SOCK_STREAM,
  SOL_SOCKET,
} from '../../uapi/socket.ts';

/** One side of a recorded conversation, played against a live peer over ordinary sockets: the kernel keeps up with sequence
 * numbers and acknowledgements, and what is compared is what the applications said. */

export type ConversationSide = 'client' | 'server';

export interface Endpoint {
  address: string;
  port: number;
}

/** What one side said until the other spoke (TCP), or one datagram (UDP). */
export interface Step {
  from: ConversationSide;
  data: Uint8Array;
}

export interface Conversation {
  protocol: 'tcp' | 'udp';
  client: Endpoint;
  server: Endpoint;
  steps: readonly Step[];
}

/** Where the peer's data is not what was recorded. */
export interface AnswerDifference {
  kind: /** Another byte. */
    | 'byte'
    /** It stopped before it had said everything. */
    | 'ended'
    /** It said nothing for as long as it was waited for. */
    | 'timeout'
    /** It said more. */
    | 'more'
    /** The connection was reset, the port unreachable: `error` says which. */
    | 'error';
  /** Bytes of the peer's data before: of all that it says (TCP), of the datagram (UDP). */
  offset: number;
  /** Number of the datagram among the peer's, from 1; null for TCP. */
  datagram: number | null;
  /** The bytes there; null where there is none. */
  expected: number | null;
  found: number | null;
  /** Bytes of the peer's data that were recorded: in the conversation (TCP), in the datagram (UDP). */
  recorded: number;
  error: string | null;
}

export interface ConversationResult {
  /** Bytes (and datagrams or stretches) that were played. */
  sent: { steps: number; bytes: number };
  /** The peer's bytes that were as recorded, those to be ignored included. */
  matched: number;
  difference: AnswerDifference | null;
  aborted: boolean;
}

export interface ConversationOptions {
  as: ConversationSide;
  /** The peer of a client; default: the recorded server. */
  peer?: Endpoint | undefined;
  /** Where a server listens; default: as recorded. */
  listen?: Endpoint | undefined;
  /** Milliseconds without a word of the peer after which it is given up; default 5000. A server waits without end for its
   * client to begin. */
  timeout?: number | undefined;
  /** Whether the byte at `offset` of the peer's data may differ; of the datagram in UDP. `data` is what was recorded. */
  mayDiffer?: ((data: Uint8Array, offset: number) => boolean) | undefined;
  signal?: AbortSignal | undefined;
  /** A server listens now. */
  onListening?: ((address: Endpoint) => void) | undefined;
}

const TIMEOUT = 5000;
const BUFFER = 1 << 16;

/** Plays one side. Resolves with the first difference, where the rest is not played. Throws SystemError where no connection
 * comes about (ECONNREFUSED, EADDRNOTAVAIL, EADDRINUSE, EPROTONOSUPPORT for TCP on netlab's own kernel). */
export async function playConversation(
  calls: SystemCalls,
  conversation: Conversation,
  options: ConversationOptions,
): Promise<ConversationResult> {
  const result: ConversationResult = { sent: { steps: 0, bytes: 0 }, matched: 0, difference: null, aborted: false };
  const play = conversation.protocol === 'tcp' ? playTcp : playUdp;
  try {
    await play(calls, conversation, options, result);
  } catch (error) {
    if (!options.signal?.aborted) throw error;
    result.aborted = true;
  }
  return result;
}

const socketAddress = ({ address, port }: Endpoint): SocketAddress =>
  address.includes(':') ? { family: 'ipv6', address, port, scopeId: 0 } : { family: 'ipv4', address, port };

function open(calls: SystemCalls, { address }: Endpoint, type: number): Socket {
  return Socket.open(calls, address.includes(':') ? AF_INET6 : AF_INET, type);
}

function openServer(calls: SystemCalls, where: Endpoint, type: number): Socket {
  const socket = open(calls, where, type);
  try {
    if (type === SOCK_STREAM) socket.setOption(SOL_SOCKET, SO_REUSEADDR, 1);
    socket.bind(socketAddress(where));
    if (type === SOCK_STREAM) socket.listen(1);
    return socket;
  } catch (error) {
    socket.close();
    throw error;
  }
}

const waitingOf = (options: ConversationOptions): { signal?: AbortSignal } =>
  options.signal === undefined ? {} : { signal: options.signal };

function listening(socket: Socket, options: ConversationOptions): void {
  const bound = socket.localAddress();
  if (bound?.family === 'ipv4' || bound?.family === 'ipv6') options.onListening?.(bound);
}

async function playTcp(
  calls: SystemCalls,
  conversation: Conversation,
  options: ConversationOptions,
  result: ConversationResult,
): Promise<void> {
  let socket: Socket;
  if (options.as === 'client') {
    const peer = options.peer ?? conversation.server;
    socket = open(calls, peer, SOCK_STREAM);
    try {
      await socket.connect(socketAddress(peer), waitingOf(options));
    } catch (error) {
      socket.close();
      throw error;
    }
  } else {
    const server = openServer(calls, options.listen ?? conversation.server, SOCK_STREAM);
    try {
      listening(server, options);
      socket = (await server.accept(waitingOf(options)))!.socket;
    } finally {
      server.close();
    }
  }
  try {
    await new TcpPlay(socket, conversation, options, result).play();
  } finally {
    socket.close();
  }
}

class TcpPlay {
  readonly #socket: Socket;
  readonly #conversation: Conversation;
  readonly #options: ConversationOptions;
  readonly #result: ConversationResult;
  /** Everything that the peer said. */
  readonly #expected: Uint8Array;
  readonly #buffer = new Uint8Array(BUFFER);
  #hasEnded = false;
  /** Everything has been said and heard. */
  #isOver = false;

  constructor(socket: Socket, conversation: Conversation, options: ConversationOptions, result: ConversationResult) {
    this.#socket = socket;
    this.#conversation = conversation;
    this.#options = options;
    this.#result = result;
    this.#expected = joined(conversation.steps.filter(({ from }) => from !== options.as).map(({ data }) => data));
  }

  async play(): Promise<void> {
    const result = this.#result;
    let wanted = 0;
    for (const { from, data } of this.#conversation.steps) {
      if (from !== this.#options.as) {
        wanted += data.length;
        continue;
      }
      await this.#hear(wanted);
      if (result.difference !== null) return;
      await this.#say(data);
      if (result.difference !== null) return;
      result.sent.steps++;
    }
    await this.#hear(wanted);
    if (result.difference !== null) return;
    // Nothing more to say; what the peer still says is too much. It may as well keep the connection, and say nothing.
    this.#isOver = true;
    this.#socket.calls.shutdown(this.#socket.fd, SHUT_WR);
    while (!this.#hasEnded && result.difference === null) {
      this.#take();
      if (this.#hasEnded || result.difference !== null || !(await this.#ready(POLLIN))) return;
    }
  }

  /** Waits until the peer has said `wanted` bytes. */
  async #hear(wanted: number): Promise<void> {
    const result = this.#result;
    for (;;) {
      this.#take();
      if (result.difference !== null || result.matched >= wanted) return;
      if (this.#hasEnded) this.#differs('ended');
      else if (!(await this.#ready(POLLIN))) this.#differs('timeout');
      if (result.difference !== null) return;
    }
  }

  async #say(data: Uint8Array): Promise<void> {
    const { calls, fd } = this.#socket;
    for (let at = 0; at < data.length; ) {
      const sent = calls.sendto(fd, data.subarray(at), MSG_NOSIGNAL, null);
      if (sent >= 0) {
        at += sent;
        this.#result.sent.bytes += sent;
      } else if (sent === -EAGAIN) {
        // The peer may have to be heard before it takes more.
        this.#take();
        if (this.#result.difference !== null) return;
        if (!(await this.#ready(this.#hasEnded ? POLLOUT : POLLIN | POLLOUT))) this.#differs('timeout');
      } else if (sent !== -EINTR) {
        // What it said before it went away comes first.
        this.#take();
        this.#differs('error', errnoName(-sent));
      }
      if (this.#result.difference !== null) return;
    }
  }

  async #ready(events: number): Promise<boolean> {
    const poll: PollFd[] = [{ fd: this.#socket.fd, events, revents: 0 }];
    const { timeout = TIMEOUT } = this.#options;
    return (await waitFor(this.#socket.calls, poll, { timeout, signal: this.#options.signal })) > 0;
  }

  /** Takes and compares what is there. */
  #take(): void {
    const { calls, fd } = this.#socket;
    while (!this.#hasEnded && this.#result.difference === null) {
      const length = calls.recvfrom(fd, this.#buffer, 0, null, null);
      if (length === -EINTR) continue;
      if (length === -EAGAIN) return;
      // A reset behind the last word is one way to end.
      if (length === 0 || (length < 0 && this.#isOver)) this.#hasEnded = true;
      else if (length < 0) this.#differs('error', errnoName(-length));
      else this.#compare(this.#buffer.subarray(0, length));
    }
  }

  #compare(data: Uint8Array): void {
    const expected = this.#expected;
    const start = this.#result.matched;
    const { mayDiffer } = this.#options;
    for (let at = 0; at < data.length; at++) {
      const offset = start + at;
      const isMore = offset >= expected.length;
      if (isMore || (data[at] !== expected[offset] && !mayDiffer?.(expected, offset))) {
        this.#differs(isMore ? 'more' : 'byte', null, data[at]!);
        return;
      }
      this.#result.matched++;
    }
  }

  #differs(kind: AnswerDifference['kind'], error: string | null = null, found: number | null = null): void {
    const offset = this.#result.matched;
    this.#result.difference ??= {
      kind,
      offset,
      datagram: null,
      expected: this.#expected[offset] ?? null,
      found,
      recorded: this.#expected.length,
      error,
    };
  }
}

async function playUdp(
  calls: SystemCalls,
  conversation: Conversation,
  options: ConversationOptions,
  result: ConversationResult,
): Promise<void> {
  const isClient = options.as === 'client';
  const peer = options.peer ?? conversation.server;
  const socket = isClient
    ? open(calls, peer, SOCK_DGRAM)
    : openServer(calls, options.listen ?? conversation.server, SOCK_DGRAM);
  try {
    // Connected: datagrams of others do not come, ICMP errors do.
    if (isClient)
      check(calls.connect(socket.fd, encodeAddress(socketAddress(peer))), 'connect', { dest: peer.address });
    else listening(socket, options);
    await exchangeDatagrams(socket, conversation, options, result, !isClient);
  } finally {
    socket.close();
  }
}

async function exchangeDatagrams(
  socket: Socket,
  conversation: Conversation,
  options: ConversationOptions,
  result: ConversationResult,
  waitsForFirst: boolean,
): Promise<void> {
  const { timeout = TIMEOUT } = options;
  const buffer = new Uint8Array(BUFFER);
  let heard = 0;
  let isConnected = !waitsForFirst;
  const failed = (error: unknown, recorded: number): void => {
    if (!(error instanceof SystemError) || options.signal?.aborted) throw error;
    result.difference = difference('error', 0, heard, { recorded, error: error.code });
  };
  for (const { from, data } of conversation.steps) {
    if (from === options.as) {
      // A server that speaks first does not know to whom.
      if (!isConnected) throw new RangeError('the conversation begins with the server: play the client');
      try {
        await socket.send(data, waitingOf(options));
      } catch (error) {
        failed(error, 0);
        return;
      }
      result.sent.steps++;
      result.sent.bytes += data.length;
      continue;
    }
    heard++;
    let message: Awaited<ReturnType<Socket['receive']>>;
    try {
      message = await socket.receive(buffer, { ...(isConnected ? { timeout } : {}), ...waitingOf(options) });
    } catch (error) {
      failed(error, data.length);
      return;
    }
    if (message === null) {
      result.difference = difference('timeout', 0, heard, { recorded: data.length, expected: data[0] ?? null });
      return;
    }
    if (!isConnected && message.from !== null) {
      // From now on this one is the peer.
      check(socket.calls.connect(socket.fd, encodeAddress(message.from)), 'connect');
      isConnected = true;
    }
    result.difference = compareDatagram(data, message.data, heard, options);
    if (result.difference !== null) {
      result.matched += result.difference.offset;
      return;
    }
    result.matched += data.length;
  }
}

function compareDatagram(
  expected: Uint8Array,
  found: Uint8Array,
  datagram: number,
  { mayDiffer }: ConversationOptions,
): AnswerDifference | null {
  const length = Math.max(expected.length, found.length);
  for (let at = 0; at < length; at++) {
    if (expected[at] === found[at] || (at < expected.length && at < found.length && mayDiffer?.(expected, at)))
      continue;
    const kind = at >= expected.length ? 'more' : at >= found.length ? 'ended' : 'byte';
    return difference(kind, at, datagram, {
      recorded: expected.length,
      expected: expected[at] ?? null,
      found: found[at] ?? null,
    });
  }
  return null;
}

const difference = (
  kind: AnswerDifference['kind'],
  offset: number,
  datagram: number,
  rest: Partial<AnswerDifference>,
): AnswerDifference => ({
  kind,
  offset,
  datagram,
  expected: null,
  found: null,
  recorded: 0,
  error: null,
  ...rest,
});

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
