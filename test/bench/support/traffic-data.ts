/** What generated traffic is made of: numbers from a seed, payload bytes, names. */
import { putBe16, putBe32 } from '../../../src/bytes/endian.ts';

/** xorshift32 (Marsaglia 2003): 32 bits of state, good enough for sizes and addresses, and fast. */
export class Random {
  #state: number;

  /** Any 32-bit seed; it is mixed, so that neighbouring seeds begin differently. */
  constructor(seed: number) {
    let mixed = (seed ^ 0x9e3779b9) >>> 0;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    this.#state = (mixed ^ (mixed >>> 16)) >>> 0 || 1;
  }

  u32(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return x >>> 0;
  }

  /** 0 up to but not including 1. */
  unit(): number {
    return this.u32() / 0x1_0000_0000;
  }

  /** An integer from 0 to `limit` - 1. */
  below(limit: number): number {
    return Math.floor(this.unit() * limit);
  }

  /** Heavy-tailed integer of at least `minimum` (Pareto, exponent 1.2) and at most `maximum`. */
  pareto(minimum: number, maximum: number): number {
    return Math.min(maximum, Math.floor(minimum / (1 - this.unit()) ** (1 / 1.2)));
  }
}

const POOL_WINDOW = 1 << 16;
const POOL_LENGTH = POOL_WINDOW + 2048;

/** Payload bytes with the sums of their 16-bit words, so that a checksum over a piece costs one subtraction. A key
 * (any 32-bit number) chooses where a piece begins, always at an even offset. */
export class Pool {
  readonly #bytes: Uint8Array;
  readonly #sums: Float64Array;

  private constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#sums = new Float64Array(bytes.length / 2 + 1);
    for (let word = 0; word * 2 < bytes.length; word++)
      this.#sums[word + 1] = this.#sums[word]! + (bytes[word * 2]! << 8) + bytes[word * 2 + 1]!;
  }

  static binary(random: Random): Pool {
    const bytes = new Uint8Array(POOL_LENGTH);
    for (let i = 0; i < bytes.length; i++) bytes[i] = random.u32() >>> 11;
    return new Pool(bytes);
  }

  static text(): Pool {
    const bytes = new Uint8Array(POOL_LENGTH);
    let page = '';
    for (let i = 0; page.length < POOL_LENGTH; i++)
      page +=
        i % 9 === 0
          ? `HTTP/1.1 200 OK\r\nServer: example\r\nContent-Type: text/html\r\nETag: "${i}"\r\n\r\n`
          : `<p class="line${i}">The quick brown fox jumps over the lazy dog, ${i * 7} times.</p>\r\n`;
    for (let i = 0; i < bytes.length; i++) bytes[i] = page.charCodeAt(i);
    return new Pool(bytes);
  }

  copy(key: number, length: number, out: Uint8Array, at: number): void {
    const from = key & (POOL_WINDOW - 2);
    const bytes = this.#bytes;
    for (let i = 0; i < length; i++) out[at + i] = bytes[from + i]!;
  }

  /** Unfolded sum of the piece as big-endian words. */
  sum(key: number, length: number): number {
    const from = key & (POOL_WINDOW - 2);
    const odd = length & 1 ? this.#bytes[from + length - 1]! << 8 : 0;
    return this.#sums[(from + length) >> 1]! - this.#sums[from >> 1]! + odd;
  }
}

const DNS_HEADER = 12;
const TYPE_A = 1;
const TYPE_AAAA = 28;
const CLASS_IN = 1;

/** DNS messages about a few hundred names. A key decides the name, the type and the number of answers, so that a
 * question and its answer need only the same key. */
export class Names {
  readonly #encoded: Uint8Array[] = [];

  constructor() {
    const hosts = [
      'www',
      'mail',
      'api',
      'cdn-7',
      'static.assets',
      'ns1',
      'a',
      'login',
      'img',
      'very-long-host-name-of-a-tenant',
    ];
    const domains = [
      'example.org',
      'example.com',
      'example.net',
      'shop.example',
      'news.test',
      'cloud.region-1.example',
    ];
    for (const domain of domains)
      for (const host of hosts)
        for (let copy = 0; copy < 5; copy++) {
          const name = `${host}${copy || ''}.${domain}`;
          const bytes = [...name.split('.').flatMap((label) => [label.length, ...Buffer.from(label)]), 0];
          this.#encoded.push(Uint8Array.from(bytes));
        }
  }

  /** Bytes of the message that `message` writes. */
  messageLength(key: number, answer: number): number {
    const question = DNS_HEADER + this.#name(key).length + 4;
    return answer ? question + this.#answers(key) * (12 + (this.#type(key) === TYPE_A ? 4 : 16)) : question;
  }

  message(key: number, answer: number, address: number, out: Uint8Array, at: number): void {
    const name = this.#name(key);
    const type = this.#type(key);
    const answers = answer ? this.#answers(key) : 0;
    putBe16(out, at, key & 0xffff);
    // Recursion desired; in the answer also QR and recursion available, and NXDOMAIN where there is none.
    putBe16(out, at + 2, answer ? 0x8180 | (answers === 0 ? 3 : 0) : 0x0100);
    putBe16(out, at + 4, 1);
    putBe16(out, at + 6, answers);
    putBe32(out, at + 8, 0);
    at += DNS_HEADER;
    out.set(name, at);
    at += name.length;
    putBe16(out, at, type);
    putBe16(out, at + 2, CLASS_IN);
    at += 4;
    for (let i = 0; i < answers; i++) {
      // RFC 1035 4.1.4: a pointer to the name in the question.
      putBe16(out, at, 0xc000 | DNS_HEADER);
      putBe16(out, at + 2, type);
      putBe16(out, at + 4, CLASS_IN);
      putBe32(out, at + 6, 60 + (key & 0xfff));
      const length = type === TYPE_A ? 4 : 16;
      putBe16(out, at + 10, length);
      at += 12;
      if (type === TYPE_AAAA) {
        putBe32(out, at, 0x20010db8);
        putBe32(out, at + 4, 0x000a0000);
        putBe32(out, at + 8, 0);
      }
      putBe32(out, at + length - 4, (0xc6120000 | ((address + i) & 0xffff)) >>> 0);
      at += length;
    }
  }

  #name(key: number): Uint8Array {
    return this.#encoded[(key >>> 3) % this.#encoded.length]!;
  }

  #type(key: number): number {
    return key & 1 ? TYPE_AAAA : TYPE_A;
  }

  #answers(key: number): number {
    return (key >>> 16) % 5;
  }
}
