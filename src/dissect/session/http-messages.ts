import { brotliDecompressSync, gunzipSync, inflateRawSync, inflateSync, type ZlibOptions } from 'node:zlib';
import { ByteQueue } from './byte-queue.ts';

/** A message of HTTP/1 (RFC 9112) as it came over a connection. */
export interface HttpMessage {
  /** Start line and header fields with the empty line that ends them, as they were sent. */
  head: Uint8Array;
  /** The body without chunked and content coding. */
  body: Uint8Array;
  /** Why the body is not what was meant; '' where it is. */
  trouble: string;
}

/** Longest head, and longest body that is kept and decoded. */
const MAX_HEAD = 1 << 20;
const MAX_BODY = 64 << 20;

/** Bytes that may follow the last line's end in the end of a head. */
const LINE_ENDS = 3;

const CR = 13;
const LF = 10;

type BodyForm = 'none' | 'length' | 'chunked' | 'close' | 'not-http';

export interface HttpEvents {
  /** A message begins with this head; its body is still to come. */
  began?: (head: Uint8Array) => void;
  /** A response says that from now on the connection carries another protocol (RFC 9110 7.8, 9.3.6). */
  handedOver?: () => void;
}

/** Cuts one direction of a connection into messages. Bytes that are no message are given as one that has no head. */
export class HttpReader {
  readonly #take: (message: HttpMessage) => void;
  /** For responses: the method of the request that the next one answers. */
  readonly #methodOf: (() => string) | null;
  readonly #told: HttpEvents;
  readonly #pending = new ByteQueue();
  /** Bytes of `#pending` in which the end of the head, or of a line, was looked for; and empty lines before the head. */
  #searched = 0;
  #blank = 0;
  #head: Uint8Array | null = null;
  #form: BodyForm = 'none';
  /** Bytes still to come of the body, or of the chunk. */
  #left = 0;
  #chunk: 'size' | 'data' | 'end' | 'trailer' = 'size';
  #content = new ByteQueue();
  #trouble = '';
  #codings: string[] = [];

  /** `methodOf` is null for requests. */
  constructor(take: (message: HttpMessage) => void, methodOf: (() => string) | null, told: HttpEvents = {}) {
    this.#take = take;
    this.#methodOf = methodOf;
    this.#told = told;
  }

  /** Bytes that come next; copied. */
  data(bytes: Uint8Array): void {
    this.#pending.add(bytes);
    while (this.#step());
  }

  /** `length` bytes are missing here. */
  gap(length: number): void {
    this.#trouble ||= `${length} bytes are missing in the capture`;
    if (this.#head === null) return;
    if (this.#form === 'length' || (this.#form === 'chunked' && this.#chunk === 'data')) {
      this.#left -= Math.min(length, this.#left);
      if (this.#left === 0 && this.#form === 'length') this.#finish();
    } else if (this.#form === 'chunked') this.#finish();
  }

  /** The connection ended. */
  end(): void {
    if (this.#head !== null) {
      if (this.#form !== 'close' && this.#form !== 'not-http') this.#trouble ||= 'the body ends early';
      this.#finish();
    } else if (this.#pending.length > 0) {
      const body = this.#cut(this.#pending.length).slice();
      this.#take({ head: new Uint8Array(0), body, trouble: this.#trouble || 'not a message of HTTP' });
    }
  }

  /** What follows is not HTTP: the connection was handed over to another protocol. */
  handOver(): void {
    if (this.#head !== null) return;
    this.#begin(new Uint8Array(0), 'not-http');
    while (this.#step());
  }

  #cut(length: number): Uint8Array {
    this.#searched = 0;
    this.#blank = 0;
    return this.#pending.take(length);
  }

  /** Takes what can be taken; false where more bytes are needed. */
  #step(): boolean {
    if (this.#head === null) return this.#readHead();
    switch (this.#form) {
      case 'none':
        this.#finish();
        return true;
      case 'length': {
        this.#body(Math.min(this.#left, this.#pending.length));
        if (this.#left > 0) return false;
        this.#finish();
        return true;
      }
      case 'chunked':
        return this.#readChunk();
      default:
        this.#left = this.#pending.length;
        this.#body(this.#left);
        return false;
    }
  }

  #body(length: number): void {
    this.#left -= length;
    const piece = this.#cut(length);
    const { length: size } = this.#content;
    if (size + length > MAX_BODY) this.#trouble ||= `only the first ${size} bytes of the body are kept`;
    else if (length > 0) this.#content.add(piece);
  }

  #readHead(): boolean {
    if (this.#pending.length === 0) return false;
    const pending = this.#pending.view;
    // RFC 9112 2.2: an empty line before the start line is passed over.
    while (pending[this.#blank] === CR || pending[this.#blank] === LF) this.#blank++;
    const at = this.#blank;
    const end = endOfHead(pending, Math.max(at, this.#searched - LINE_ENDS));
    const isStart = looksLikeStart(pending, at);
    if (end < 0 && pending.length < MAX_HEAD && isStart) {
      this.#searched = pending.length;
      return false;
    }
    if (end < 0 || !isStart) {
      this.#begin(new Uint8Array(0), 'not-http');
      this.#trouble ||= 'not a message of HTTP';
      return true;
    }
    const head = pending.slice(0, end);
    const text = Buffer.from(head.subarray(at)).toString('latin1');
    this.#cut(end);
    const fields = fieldsOf(text);
    this.#begin(head, 'none');
    this.#told.began?.(head);
    this.#codings = (fields.get('content-encoding') ?? '')
      .toLowerCase()
      .split(/[\s,]+/)
      .filter(Boolean);
    const transfer = (fields.get('transfer-encoding') ?? '').toLowerCase();
    const length = fields.get('content-length');
    // RFC 9112 6.3: what the length of a body follows from.
    if (this.#methodOf !== null) {
      const status = Number(/^\S+ +(\d{3})/.exec(text)?.[1] ?? 0);
      if (status >= 100 && status < 200 && status !== 101) return true;
      const method = this.#methodOf();
      if (status === 101 || (method === 'CONNECT' && status >= 200 && status < 300)) {
        this.#finish();
        this.#begin(new Uint8Array(0), 'not-http');
        this.#told.handedOver?.();
        return true;
      }
      if (status === 204 || status === 304 || method === 'HEAD') return true;
    }
    if (/(^|,)\s*chunked\s*$/.test(transfer)) {
      this.#form = 'chunked';
      this.#chunk = 'size';
    } else if (length !== undefined && /^\d+(\s*,\s*\d+)*$/.test(length.trim())) {
      this.#form = 'length';
      this.#left = Number(length.split(',')[0]);
    } else if (this.#methodOf !== null) this.#form = 'close';
    return true;
  }

  #begin(head: Uint8Array, form: BodyForm): void {
    this.#head = head;
    this.#form = form;
    this.#codings = [];
  }

  #readChunk(): boolean {
    if (this.#chunk === 'data') {
      this.#body(Math.min(this.#left, this.#pending.length));
      if (this.#left > 0) return false;
      this.#chunk = 'end';
    }
    const line = this.#pending.view.indexOf(LF, this.#searched);
    if (line < 0) {
      this.#searched = this.#pending.length;
      if (this.#pending.length <= MAX_HEAD) return false;
      this.#trouble ||= 'a chunk has no size';
      this.#finish();
      return true;
    }
    const text = Buffer.from(this.#cut(line + 1))
      .toString('latin1')
      .trim();
    if (this.#chunk === 'end') this.#chunk = 'size';
    else if (this.#chunk === 'trailer') {
      if (text === '') this.#finish();
    } else if (!/^[0-9a-f]{1,13}\s*(;|$)/i.test(text)) {
      this.#trouble ||= 'a chunk has no size';
      this.#finish();
    } else {
      this.#left = Number.parseInt(text, 16);
      this.#chunk = this.#left === 0 ? 'trailer' : 'data';
    }
    return true;
  }

  #finish(): void {
    const raw = this.#content.view;
    let body: Uint8Array = raw;
    if (raw.length > 0) {
      try {
        for (const coding of this.#codings.toReversed()) body = decoded(body, coding, { maxOutputLength: MAX_BODY });
      } catch {
        body = raw;
        this.#trouble ||= `the body is not ${this.#codings.join(', ')}, and shown as it is`;
      }
    }
    if (this.#head!.length > 0 || body.length > 0) this.#take({ head: this.#head!, body, trouble: this.#trouble });
    this.#head = null;
    this.#trouble = '';
    this.#content = new ByteQueue();
  }
}

/** The body without the content coding called `coding`, in lower case. Throws where it is not of that coding, or longer
 * than the options allow. */
export function decoded(bytes: Uint8Array, coding: string, options: ZlibOptions): Uint8Array {
  switch (coding) {
    case 'gzip':
    case 'x-gzip':
      return gunzipSync(bytes, options);
    case 'deflate':
    case 'x-deflate':
      // RFC 9110 8.4.1.2 means zlib's format; some senders leave its header out.
      return (bytes[0]! & 15) === 8 ? inflateSync(bytes, options) : inflateRawSync(bytes, options);
    case 'br':
      return brotliDecompressSync(bytes, { maxOutputLength: options.maxOutputLength });
    case 'identity':
      return bytes;
    default:
      throw new RangeError(coding);
  }
}

/** Offset behind the empty line that ends the head; -1: it is not there yet. */
function endOfHead(bytes: Uint8Array, at: number): number {
  for (let line = bytes.indexOf(LF, at); line >= 0; line = bytes.indexOf(LF, line + 1)) {
    if (bytes[line + 1] === LF) return line + 2;
    if (bytes[line + 1] === CR && bytes[line + 2] === LF) return line + 3;
  }
  return -1;
}

/** A method or a version, as a message begins. */
function looksLikeStart(bytes: Uint8Array, at: number): boolean {
  const text = Buffer.from(bytes.subarray(at, at + 24)).toString('latin1');
  return 'HTTP/'.startsWith(text) || /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,24}($| )/.test(text) || /^HTTP\/\d/.test(text);
}

function fieldsOf(head: string): Map<string, string> {
  const fields = new Map<string, string>();
  for (const line of head.split(/\r?\n/).slice(1)) {
    const colon = line.indexOf(':');
    if (colon <= 0) continue;
    const name = line.slice(0, colon).trim().toLowerCase();
    const value = line.slice(colon + 1).trim();
    const before = fields.get(name);
    fields.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return fields;
}

/** Method of the request that begins with `head`. */
export const methodOf = (head: Uint8Array): string =>
  /^\s*(\S+)/.exec(Buffer.from(head.subarray(0, 64)).toString('latin1'))?.[1] ?? '';
