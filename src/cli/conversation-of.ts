import type { Fields } from '../dissect/fields.ts';
import type { SessionOptions, Sessions } from '../dissect/session/sessions.ts';
import { StreamAssembler } from '../dissect/session/stream.ts';
import { WatchedSessions } from '../dissect/session/watched.ts';
import type { Conversation, ConversationSide, Endpoint, Step } from '../inject/replay/index.ts';
import { formatIpv4, formatIpv6 } from '../wire/address.ts';
import * as tcp from '../wire/tcp.ts';
import * as udp from '../wire/udp.ts';
import { Failure, UsageError } from './exit.ts';
import { eachFrame, type FrameVisitor, wantedFields } from './frames.ts';

/** What the two sides of a stream of a savefile said, in turns. `stream`: tcp:N or udp:N, numbered as in `follow`; the
 * first TCP stream, else the first UDP stream, where it is not given. Throws Failure where there is no such stream or a part
 * of it is not in the file. */
export async function conversationOf(file: string, stream: string | undefined): Promise<Conversation> {
  if (stream === undefined) {
    const first = await collect(file, 'tcp', 0);
    if (first.isFound) return first.conversation(file);
    const second = await collect(file, 'udp', 0);
    if (second.isFound) return second.conversation(file);
    throw new Failure(`${file}: no conversation of TCP or UDP is in it`);
  }
  const match = /^(tcp|udp):(\d{1,9})$/.exec(stream);
  if (match === null) throw new UsageError(`--stream ${stream}: tcp:N or udp:N is expected`);
  const found = await collect(file, match[1] as 'tcp' | 'udp', Number(match[2]));
  if (!found.isFound) throw new Failure(`${file}: there is no ${match[1]!.toUpperCase()} stream ${match[2]}`);
  return found.conversation(file);
}

async function collect(file: string, protocol: 'tcp' | 'udp', stream: number): Promise<Collector> {
  const collector = new Collector(protocol, stream);
  const none = { optimize: true, filterMode: 'libpcap' as const };
  await eachFrame('replay', [], { ...none, readFile: [file] }, collector);
  collector.end();
  return collector;
}

class Collector implements FrameVisitor {
  readonly wanted: Uint8Array;
  readonly onlyTransport = true;
  isFound = false;
  readonly #protocol: 'tcp' | 'udp';
  readonly #stream: number;
  readonly #steps: { from: ConversationSide; pieces: Uint8Array[] }[] = [];
  readonly #assembler: StreamAssembler;
  /** The side that sorts first is the client's. */
  #firstIsClient = true;
  #client: Endpoint = { address: '', port: 0 };
  #server: Endpoint = { address: '', port: 0 };
  #missing = 0;

  constructor(protocol: 'tcp' | 'udp', stream: number) {
    this.#protocol = protocol;
    this.#stream = stream;
    this.wanted = wantedFields([`${protocol}.stream`]);
    const sideOf = (direction: 0 | 1): ConversationSide =>
      (direction === 0) === this.#firstIsClient ? 'client' : 'server';
    this.#assembler = new StreamAssembler({
      data: (direction, bytes) => this.#said(sideOf(direction), bytes),
      gap: (_, length) => {
        this.#missing += length;
      },
    });
  }

  sessions(wanted: Uint8Array | null, options: SessionOptions): Sessions {
    return new WatchedSessions(wanted, options, this);
  }

  frame(): void {}

  tcp(f: Fields, at: number, body: number, length: number, sessions: Sessions): void {
    const { stream, reversed } = sessions.tcpStreams;
    if (this.#protocol !== 'tcp' || stream !== this.#stream) return;
    const flags = tcp.flags(f.bytes, at);
    if (!this.isFound) {
      const isAnswer = (flags & (tcp.SYN | tcp.ACK_FLAG)) === (tcp.SYN | tcp.ACK_FLAG);
      this.#firstIsClient = reversed === isAnswer;
      this.#begin(f, isAnswer);
    }
    const end = Math.min(f.capturedEnd, body + length);
    this.#assembler.segment(
      reversed ? 1 : 0,
      tcp.seq(f.bytes, at),
      tcp.ack(f.bytes, at),
      flags,
      f.bytes,
      body,
      end,
      length,
    );
  }

  udp(f: Fields, at: number, sessions: Sessions): void {
    if (this.#protocol !== 'udp' || sessions.udpStream !== this.#stream) return;
    if (!this.isFound) this.#begin(f, false);
    const length = udp.length(f.bytes, at);
    const wireEnd = length === 0 ? f.wireEnd : Math.min(at + length, f.wireEnd);
    const body = at + udp.HEADER_LENGTH;
    const end = Math.max(body, Math.min(wireEnd, f.capturedEnd));
    this.#missing += Math.max(0, wireEnd - end);
    const sender = endpoint(f, 'src');
    const isClient = sender.address === this.#client.address && sender.port === this.#client.port;
    this.#steps.push({ from: isClient ? 'client' : 'server', pieces: [f.bytes.slice(body, end)] });
  }

  #said(from: ConversationSide, bytes: Uint8Array): void {
    const last = this.#steps.at(-1);
    if (last?.from === from) last.pieces.push(bytes.slice());
    else this.#steps.push({ from, pieces: [bytes.slice()] });
  }

  #begin(f: Fields, isAnswer: boolean): void {
    this.isFound = true;
    this.#client = endpoint(f, isAnswer ? 'dst' : 'src');
    this.#server = endpoint(f, isAnswer ? 'src' : 'dst');
  }

  end(): void {
    if (this.isFound) this.#assembler.end();
  }

  conversation(file: string): Conversation {
    if (this.#missing > 0)
      throw new Failure(
        `${file}: ${this.#missing} bytes of ${this.#protocol} stream ${this.#stream} are not in it: it cannot be played`,
      );
    const steps = this.#steps.map(({ from, pieces }): Step => ({ from, data: Buffer.concat(pieces) }));
    if (steps.length === 0) throw new Failure(`${file}: nothing was said in ${this.#protocol} stream ${this.#stream}`);
    return { protocol: this.#protocol, client: this.#client, server: this.#server, steps };
  }
}

function endpoint(f: Fields, side: 'src' | 'dst'): Endpoint {
  const isSource = side === 'src';
  return {
    address:
      f.ipVersion === 4
        ? formatIpv4(f.bytes, f.ip + (isSource ? 12 : 16))
        : formatIpv6(f.bytes, f.ip + (isSource ? 8 : 24)),
    port: isSource ? f.srcPort : f.dstPort,
  };
}
