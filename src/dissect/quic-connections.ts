import { latin1 } from '../wire/text-line.ts';
import type { Fields } from './fields.ts';
import { type InitialKeys, initialKeys } from './quic-initial.ts';

/** What a record of fields remembers of QUIC connections: the keys of Initials, which only the client's first one gives
 * away, connection IDs, and the handshake as far as it has come. */

/** Connections that are remembered; the oldest is forgotten. With all of their handshakes unfinished that is 64 MiB. */
const MAX_CONNECTIONS = 1024;
/** Longest handshake that is put together. */
const MAX_CRYPTO = 1 << 14;

export type Side = 'client' | 'server';

export class QuicConnection {
  /** Address and port of the client, as `endpoint` writes them. */
  readonly client: string;
  readonly version: number;
  readonly #dcid: Uint8Array;
  readonly #keys: Partial<Record<Side, InitialKeys>> = {};
  readonly #handshakes: Record<Side, Handshake>;
  /** The server has sent a Retry: the client will begin anew, with another connection ID and the same handshake. */
  isRetried = false;
  /** Connection ID that packets to the side carry; null: not yet known. */
  readonly ids: Record<Side, Uint8Array | null> = { client: null, server: null };

  constructor(client: string, version: number, dcid: Uint8Array, before?: QuicConnection) {
    this.#handshakes = before?.isRetried ? before.#handshakes : { client: new Handshake(), server: new Handshake() };
    this.client = client;
    this.version = version;
    this.#dcid = dcid.slice();
  }

  keys(side: Side): InitialKeys {
    return (this.#keys[side] ??= initialKeys(this.version, this.#dcid, side));
  }

  handshake(side: Side): Handshake {
    return this.#handshakes[side];
  }
}

/** The bytes of CRYPTO frames of one side, in any order. */
export class Handshake {
  #bytes = new Uint8Array(0);
  /** By byte: 1 where it is here. */
  #here = new Uint8Array(0);
  #isTold = false;

  add(offset: number, data: Uint8Array): void {
    const end = offset + data.length;
    if (this.#isTold || end > MAX_CRYPTO) return;
    if (end > this.#bytes.length) {
      const [bytes, here] = [new Uint8Array(end + 1024), new Uint8Array(end + 1024)];
      bytes.set(this.#bytes);
      here.set(this.#here);
      this.#bytes = bytes;
      this.#here = here;
    }
    this.#bytes.set(data, offset);
    this.#here.fill(1, offset, end);
  }

  /** The first message, once, when it is all here; else null. */
  first(): Uint8Array | null {
    const header = 4;
    if (this.#isTold || this.#bytes.length < header || this.#here.subarray(0, header).includes(0)) return null;
    const length = header + ((this.#bytes[1]! << 16) | (this.#bytes[2]! << 8) | this.#bytes[3]!);
    if (length > this.#bytes.length || this.#here.subarray(0, length).includes(0)) return null;
    const message = this.#bytes.subarray(0, length);
    this.#isTold = true;
    this.#bytes = this.#here = new Uint8Array(0);
    return message;
  }
}

const memories = new WeakMap<Fields, Map<string, QuicConnection>>();

/** Address and port of the source or the destination of the UDP datagram that is being walked. */
export function endpoint(f: Fields, side: 'source' | 'destination'): string {
  const isSource = side === 'source';
  const size = f.ipVersion === 6 ? 16 : 4;
  const source = f.ip + (f.ipVersion === 6 ? 8 : 12);
  const at = isSource ? source : source + size;
  return `${latin1(f.bytes, at, at + size)}|${isSource ? f.srcPort : f.dstPort}`;
}

function keyOf(f: Fields): string {
  const [a, b] = [endpoint(f, 'source'), endpoint(f, 'destination')];
  return a < b ? `${a}|${b}` : `${b}|${a}`;
}

/** The connection of the datagram that is being walked; undefined where none is known, or the record keeps nothing from
 * packet to packet. */
export function connectionOf(f: Fields): QuicConnection | undefined {
  return f.sessions === null || f.ipVersion === 0 ? undefined : memories.get(f)?.get(keyOf(f));
}

/** Remembers a connection whose client sent the datagram that is being walked; `before` is the one between the same ends that
 * it takes the place of. */
export function remember(
  f: Fields,
  version: number,
  dcid: Uint8Array,
  before: QuicConnection | undefined,
): QuicConnection {
  const connection = new QuicConnection(endpoint(f, 'source'), version, dcid, before);
  if (f.sessions === null || f.ipVersion === 0) return connection;
  let memory = memories.get(f);
  if (memory === undefined) {
    memory = new Map();
    memories.set(f, memory);
  }
  const key = keyOf(f);
  memory.delete(key);
  if (memory.size >= MAX_CONNECTIONS) memory.delete(memory.keys().next().value!);
  memory.set(key, connection);
  return connection;
}
