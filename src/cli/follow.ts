import type { Fields } from '../dissect/fields.ts';
import type { FrameFacts } from '../dissect/frame.ts';
import { HttpReader, methodOf } from '../dissect/session/http-messages.ts';
import type { SessionOptions, Sessions } from '../dissect/session/sessions.ts';
import { StreamAssembler } from '../dissect/session/stream.ts';
import { TlsReader, type TlsRecord } from '../dissect/session/tls-records.ts';
import { WatchedSessions } from '../dissect/session/watched.ts';
import { formatIpv4, formatIpv6 } from '../wire/address.ts';
import * as tcp from '../wire/tcp.ts';
import * as udp from '../wire/udp.ts';
import { useColour } from './colour.ts';
import { Failure, UsageError } from './exit.ts';
import { FollowText, type Node } from './follow-text.ts';
import { eachFrame, type FrameVisitor, wantedFields } from './frames.ts';
import type { FramesOptions } from './frames-options.ts';
import { untilClosed } from './print-text.ts';
import { stdout } from './stdout.ts';

export interface FollowOptions extends FramesOptions {
  raw?: true;
  hex?: true;
  client?: true;
  server?: true;
  color: string;
}

/** What takes the bytes of a stream. */
interface Taker {
  data(node: Node, bytes: Uint8Array): void;
  gap(node: Node, length: number): void;
  end(): void;
}

export async function runFollow(
  file: string,
  kind: string,
  stream: number,
  filter: string[],
  options: FollowOptions,
): Promise<void> {
  if (options.raw && options.hex) throw new UsageError('follow: --raw and --hex exclude each other');
  if (options.json && (options.raw || options.hex))
    throw new UsageError('follow: --json excludes --raw and --hex: its data are hexadecimal');
  if (options.client && options.server) throw new UsageError('follow: --client and --server exclude each other');
  if (!['auto', 'always', 'never'].includes(options.color))
    throw new UsageError(`follow: --color ${options.color}: auto, always or never`);
  if (kind === 'tls' && options.raw) throw new UsageError('follow: tls shows records: --raw goes with tcp');
  const output = new FollowOutput(kind, stream, options);
  const follower = new Follower(kind, stream, output);
  await untilClosed(async () => {
    await eachFrame('follow', filter, { ...options, readFile: [file] }, follower);
    await follower.end();
  });
  if (!follower.isFound) throw new Failure(`there is no ${kind === 'udp' ? 'UDP' : 'TCP'} stream ${stream}`);
}

/** Finds the segments of the stream as the frames go by. */
class Follower implements FrameVisitor {
  readonly wanted: Uint8Array;
  readonly #isUdp: boolean;
  readonly #stream: number;
  readonly #output: FollowOutput;
  readonly #assembler: StreamAssembler;
  readonly onlyTransport = true;
  readonly #taker: Taker;
  /** The side that sorts first is node 0. */
  #firstIsClient = true;
  isFound = false;
  #client = '';
  #server = '';

  constructor(kind: string, stream: number, output: FollowOutput) {
    this.#isUdp = kind === 'udp';
    this.wanted = wantedFields([this.#isUdp ? 'udp.stream' : 'tcp.stream']);
    this.#stream = stream;
    this.#output = output;
    this.#taker = kind === 'http' ? new HttpTaker(output) : kind === 'tls' ? new TlsTaker(output) : output;
    const nodeOf = (direction: 0 | 1): Node => (this.#firstIsClient ? direction : direction === 0 ? 1 : 0);
    this.#assembler = new StreamAssembler({
      data: (direction, bytes) => this.#taker.data(nodeOf(direction), bytes),
      gap: (direction, length) => this.#taker.gap(nodeOf(direction), length),
    });
  }

  sessions(wanted: Uint8Array | null, options: SessionOptions): Sessions {
    return new WatchedSessions(wanted, options, this);
  }

  frame(_: Fields, facts: FrameFacts): void | Promise<void> {
    this.#output.time = facts;
    return this.#output.waited();
  }

  tcp(f: Fields, at: number, body: number, length: number, sessions: Sessions): void {
    const { stream, reversed } = sessions.tcpStreams;
    if (this.#isUdp || stream !== this.#stream) return;
    const flags = tcp.flags(f.bytes, at);
    if (!this.isFound) {
      const isAnswer = (flags & (tcp.SYN | tcp.ACK_FLAG)) === (tcp.SYN | tcp.ACK_FLAG);
      this.#firstIsClient = reversed === isAnswer;
      this.#begin(f, isAnswer);
    }
    this.#assembler.segment(
      reversed ? 1 : 0,
      tcp.seq(f.bytes, at),
      tcp.ack(f.bytes, at),
      flags,
      f.bytes,
      body,
      Math.min(f.capturedEnd, body + length),
      length,
    );
  }

  udp(f: Fields, at: number, sessions: Sessions): void {
    if (!this.#isUdp || sessions.udpStream !== this.#stream) return;
    if (!this.isFound) this.#begin(f, false);
    const length = udp.length(f.bytes, at);
    const wireEnd = length === 0 ? f.wireEnd : Math.min(at + length, f.wireEnd);
    const body = at + udp.HEADER_LENGTH;
    const end = Math.min(wireEnd, f.capturedEnd);
    const node = endpoint(f, 'src', f.srcPort) === this.#client ? 0 : 1;
    if (end > body) this.#taker.data(node, f.bytes.subarray(body, end));
    if (wireEnd > Math.max(end, body)) this.#taker.gap(node, wireEnd - Math.max(end, body));
  }

  #begin(f: Fields, isAnswer: boolean): void {
    this.isFound = true;
    this.#client = endpoint(f, isAnswer ? 'dst' : 'src', isAnswer ? f.dstPort : f.srcPort);
    this.#server = endpoint(f, isAnswer ? 'src' : 'dst', isAnswer ? f.srcPort : f.dstPort);
    this.#output.begin(this.#client, this.#server);
  }

  async end(): Promise<void> {
    if (!this.isFound) return;
    this.#assembler.end();
    this.#taker.end();
    this.#output.finish();
    await this.#output.waited();
  }
}

/** `192.0.2.1:80` or `[2001:db8::1]:80`. */
function endpoint(f: Fields, side: 'src' | 'dst', port: number): string {
  if (f.ipVersion === 4) return `${formatIpv4(f.bytes, f.ip + (side === 'src' ? 12 : 16))}:${port}`;
  return `[${formatIpv6(f.bytes, f.ip + (side === 'src' ? 8 : 24))}]:${port}`;
}

/** Writes what is followed to standard output, in the form that was asked for. */
class FollowOutput implements Taker {
  readonly #kind: string;
  readonly #stream: number;
  readonly #options: FollowOptions;
  readonly #text: FollowText;
  readonly #only: Node | null;
  #wait: Promise<void> | null = null;
  time: Pick<FrameFacts, 'seconds' | 'nanoseconds' | 'number'> = { seconds: 0, nanoseconds: 0, number: 0 };

  constructor(kind: string, stream: number, options: FollowOptions) {
    this.#kind = kind;
    this.#stream = stream;
    this.#options = options;
    this.#only = options.client ? 0 : options.server ? 1 : null;
    const { isTerminal } = stdout();
    const colours = useColour(options.color as 'auto' | 'always' | 'never', isTerminal);
    this.#text = new FollowText(isTerminal, colours);
  }

  begin(client: string, server: string): void {
    if (this.#options.raw || this.#options.json) return;
    const form = this.#options.hex ? 'hex' : this.#kind === 'tls' ? 'records' : 'ascii';
    const field = this.#kind === 'udp' ? 'udp.stream' : 'tcp.stream';
    this.#write(
      `${this.#text.rule}\nFollow: ${this.#kind},${form}\nFilter: ${field} eq ${this.#stream}\n` +
        `Node 0: ${client}\nNode 1: ${server}\n`,
    );
  }

  data(node: Node, bytes: Uint8Array): void {
    if (this.#only !== null && node !== this.#only) return;
    if (this.#options.raw) this.#write(bytes);
    else if (this.#options.json) this.json(node, { length: bytes.length, data: Buffer.from(bytes).toString('hex') });
    else if (this.#options.hex) this.#write(this.#text.hex(node, bytes));
    else this.#write(this.#text.ascii(node, bytes));
  }

  gap(node: Node, length: number): void {
    if (this.#only !== null && node !== this.#only) return;
    if (this.#options.raw) process.stderr.write(`netlab: ${length} bytes are missing in the capture\n`);
    else if (this.#options.json) this.json(node, { missing: length });
    else this.line(node, `[${length} bytes missing in capture file]`);
  }

  /** A line about what a side sent. */
  line(node: Node, text: string): void {
    if (this.#only !== null && node !== this.#only) return;
    this.#write(this.#text.line(node, text));
  }

  json(node: Node, values: object): void {
    if (this.#only !== null && node !== this.#only) return;
    const { seconds, nanoseconds } = this.time;
    this.#write(
      `${JSON.stringify({
        from: node === 0 ? 'client' : 'server',
        frame: this.time.number,
        time: `${seconds}.${String(nanoseconds).padStart(9, '0')}`,
        ...values,
      })}\n`,
    );
  }

  get isJson(): boolean {
    return this.#options.json === true;
  }

  get isRaw(): boolean {
    return this.#options.raw === true;
  }

  end(): void {}

  finish(): void {
    if (!this.#options.raw && !this.#options.json) this.#write(`${this.#text.rule.trimStart()}\n`);
  }

  #write(data: string | Uint8Array): void {
    const done = stdout().write(data);
    if (done !== undefined) this.#wait = done;
  }

  waited(): void | Promise<void> {
    const wait = this.#wait;
    if (wait === null) return;
    this.#wait = null;
    return wait;
  }
}

/** Requests and responses with decoded bodies. */
class HttpTaker implements Taker {
  readonly #readers: readonly [HttpReader, HttpReader];

  constructor(output: FollowOutput) {
    /** Methods of requests, of which the first `answered` have their answer. */
    let methods: string[] = [];
    let answered = 0;
    const nextMethod = (): string => {
      const method = methods[answered] ?? '';
      if (answered < methods.length) answered++;
      if (answered >= 1024 && answered * 2 >= methods.length) {
        methods = methods.slice(answered);
        answered = 0;
      }
      return method;
    };
    const show = (node: Node, head: Uint8Array, body: Uint8Array, trouble: string): void => {
      if (output.isJson) {
        const fields = Buffer.from(head).toString('latin1').trimEnd().split(/\r?\n/);
        output.json(node, {
          start: fields[0] ?? '',
          fields: fields.slice(1),
          length: body.length,
          body: Buffer.from(body).toString('hex'),
          ...(trouble === '' ? {} : { trouble }),
        });
        return;
      }
      output.data(node, Buffer.concat([head, body]));
      if (trouble === '') return;
      if (output.isRaw) process.stderr.write(`netlab: ${trouble}\n`);
      else output.line(node, `[${trouble}]`);
    };
    this.#readers = [
      new HttpReader(({ head, body, trouble }) => show(0, head, body, trouble), null, {
        began: (head) => methods.push(methodOf(head)),
      }),
      new HttpReader(({ head, body, trouble }) => show(1, head, body, trouble), nextMethod, {
        handedOver: () => this.#readers[0].handOver(),
      }),
    ];
  }

  data(node: Node, bytes: Uint8Array): void {
    this.#readers[node].data(bytes);
  }

  gap(node: Node, length: number): void {
    this.#readers[node].gap(length);
  }

  end(): void {
    for (const reader of this.#readers) reader.end();
  }
}

/** One line a record. */
class TlsTaker implements Taker {
  readonly #readers: readonly [TlsReader, TlsReader];

  constructor(output: FollowOutput) {
    const show = (node: Node) => (record: TlsRecord) =>
      output.isJson ? output.json(node, record) : output.line(node, describe(record));
    this.#readers = [new TlsReader(show(0)), new TlsReader(show(1))];
  }

  data(node: Node, bytes: Uint8Array): void {
    this.#readers[node].data(bytes);
  }

  gap(node: Node, length: number): void {
    this.#readers[node].gap(length);
  }

  end(): void {
    for (const reader of this.#readers) reader.end();
  }
}

function describe(record: TlsRecord): string {
  const parts = [record.version, record.content].filter((part) => part !== '');
  let text = `${parts.join(' ')}, ${record.length} bytes`;
  if (record.messages.length > 0) text += `: ${record.messages.join(', ')}`;
  if (record.helloVersion !== undefined) text += `, version ${record.helloVersion}`;
  if (record.cipherSuite !== undefined) text += `, cipher suite ${record.cipherSuite}`;
  if (record.serverName !== undefined) text += `, server name ${record.serverName}`;
  if (record.alpn !== undefined) text += `, ALPN ${record.alpn.join(' ')}`;
  return text;
}
