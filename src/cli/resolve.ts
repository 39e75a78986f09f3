import { Resolver } from 'node:dns/promises';
import type { TextOptions } from '../dissect/options.ts';
import type { TextPrinter } from '../dissect/text-printer.ts';
import type { FrameBlock } from '../frames/block.ts';
import type { FrameInterface } from '../frames/source.ts';
import { formatIpv4, formatIpv6 } from '../wire/address.ts';
import type { CountingSink } from './counting-sink.ts';
import { UsageError } from './exit.ts';

/** Names of hosts from DNS, for who asks for them: an address that is not known yet is asked for in the background, printed as
 * a number meanwhile, and by its name from then on. */

/** Addresses that are remembered; then none is asked for any more. */
const MAX_ADDRESSES = 65_536;
/** Questions under way at a time; the others wait their turn. */
const MAX_ASKED = 32;
/** Milliseconds until a question has failed, which is tried twice. */
const TIMEOUT = 2000;
const TRIES = 2;
/** Milliseconds that all of a file's frames together wait for names. */
const PATIENCE = 5000;

type HostName = NonNullable<TextOptions['hostName']>;

export class HostNames {
  readonly #resolver = new Resolver({ timeout: TIMEOUT, tries: TRIES });
  readonly #others: HostName | undefined;
  /** By the address's bytes, each a character; null while nothing is known, and where there is no name. */
  readonly #names = new Map<string, string | null>();
  readonly #waiting: string[] = [];
  #asked = 0;
  #isClosed = false;
  #idle: (() => void) | null = null;

  /** `others` comes first: files of this machine. `server` is an address, with a port or without; undefined: those that the
   * system asks. Throws UsageError. */
  constructor(others: HostName | undefined, server: string | undefined) {
    this.#others = others;
    if (server === undefined) return;
    try {
      this.#resolver.setServers([server]);
    } catch {
      throw new UsageError(
        `--resolver ${server}: an address is needed: 192.0.2.53, 192.0.2.53:5353 or [2001:db8::53]:53`,
      );
    }
  }

  readonly name: HostName = (bytes, at, length) => {
    const known = this.#others?.(bytes, at, length);
    if (known !== undefined) return known;
    let key = '';
    for (let i = at; i < at + length; i++) key += String.fromCharCode(bytes[i]!);
    const name = this.#names.get(key);
    if (name !== undefined) return name ?? undefined;
    if (this.#names.size < MAX_ADDRESSES && !this.#isClosed) {
      this.#names.set(key, null);
      this.#waiting.push(length === 4 ? formatIpv4(bytes, at) : formatIpv6(bytes, at), key);
      this.#ask();
    }
    return undefined;
  };

  #ask(): void {
    while (this.#asked < MAX_ASKED && this.#waiting.length > 0) {
      const key = this.#waiting.pop()!;
      const address = this.#waiting.pop()!;
      this.#asked++;
      this.#resolver
        .reverse(address)
        .then(
          ([name]) => {
            if (name !== undefined) this.#names.set(key, name);
          },
          // No name, no answer: it stays a number.
          () => undefined,
        )
        .finally(() => {
          this.#asked--;
          this.#ask();
          if (this.#asked === 0) this.#idle?.();
        });
    }
  }

  /** Waits until every question is answered, for at most so many milliseconds. */
  async settled(most: number): Promise<void> {
    if (this.#asked === 0) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#idle = resolve;
      timer = setTimeout(resolve, most);
    });
    clearTimeout(timer);
    this.#idle = null;
  }

  /** Takes back what is still asked, which would hold the program up. */
  close(): void {
    this.#isClosed = true;
    this.#waiting.length = 0;
    this.#resolver.cancel();
  }
}

/** Prints with names. A block of a file waits for the names in it, all blocks together for a few seconds: the frames go through
 * `rehearsal` first, a printer of which nobody sees anything. A capture waits for nothing. */
export class ResolvingSink implements CountingSink {
  readonly #inner: CountingSink;
  readonly #names: HostNames;
  readonly #rehearsal: TextPrinter | null;
  #patience = PATIENCE;

  constructor(inner: CountingSink, names: HostNames, rehearsal: TextPrinter | null) {
    this.#inner = inner;
    this.#names = names;
    this.#rehearsal = rehearsal;
  }

  write(block: FrameBlock, interfaces: readonly FrameInterface[]): void | Promise<void> {
    if (this.#rehearsal === null || this.#patience <= 0) return this.#inner.write(block, interfaces);
    return this.#waited(this.#rehearsal, block, interfaces);
  }

  async #waited(rehearsal: TextPrinter, block: FrameBlock, interfaces: readonly FrameInterface[]): Promise<void> {
    rehearsal.print(block, interfaces);
    const before = performance.now();
    await this.#names.settled(this.#patience);
    this.#patience -= performance.now() - before;
    await this.#inner.write(block, interfaces);
  }

  flush(): void | Promise<void> {
    return this.#inner.flush();
  }

  async close(): Promise<void> {
    this.#names.close();
    await this.#inner.close();
  }
}
