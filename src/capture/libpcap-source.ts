import type { EventEmitter } from 'node:events';
import { createRequire } from 'node:module';
import { FrameBlock } from '../frames/block.ts';
import type { FrameInterface, FrameSource } from '../frames/source.ts';
import {
  LINKTYPE_ETHERNET,
  LINKTYPE_IEEE802_11_RADIOTAP,
  LINKTYPE_LINUX_SLL,
  LINKTYPE_NULL,
  LINKTYPE_RAW,
} from '../wire/linktype.ts';

/** What the package cap gives us; it has no types of its own. */
interface Cap extends EventEmitter {
  open(device: string, filter: string, bufferSize: number, buffer: Buffer): string;
  close(): void;
}

/** What this backend cannot do, for people: on stderr, and in the description of the interface in a pcapng file. */
export const LIBPCAP_LIMITS =
  'captured through libpcap by the package cap: no kernel timestamps (times are when the program got the frame), no drop counts, original length unknown, at most 65535 bytes of a frame, always promiscuous';

/** cap asks libpcap for this snapshot length, and nothing changes that. */
const CAP_SNAPLEN = 65_535;
/** Frames that wait for a slow sink may use this much memory; cap cannot be made to pause. */
const BACKLOG_LIMIT = 256 << 20;

const LINK_TYPES: Record<string, number> = {
  NULL: LINKTYPE_NULL,
  ETHERNET: LINKTYPE_ETHERNET,
  IEEE802_11_RADIO: LINKTYPE_IEEE802_11_RADIOTAP,
  LINKTYPE_LINUX_SLL: LINKTYPE_LINUX_SLL,
  RAW: LINKTYPE_RAW,
};

/** Thrown where the backend is not there or cannot do what was asked. */
export class LibpcapError extends Error {
  readonly code: string;

  constructor(message: string, code = 'ERR_LIBPCAP') {
    super(message);
    this.code = code;
  }
}

/** Loads the optional package. Throws LibpcapError that says what to install. */
function loadCap(): new () => Cap {
  try {
    return (createRequire(import.meta.url)('cap') as { Cap: new () => Cap }).Cap;
  } catch (error) {
    const reason = (error as Error).message.split('\n')[0];
    throw new LibpcapError(
      `the backend libpcap needs the package cap, which is not usable here (${reason}). Install libpcap's headers (Debian: apt install libpcap-dev), then run npm install again; or use --backend af_packet, which needs neither`,
    );
  }
}

/** Null where the package cap can be loaded, else why not. */
export function libpcapMissing(): string | null {
  try {
    loadCap();
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

export interface LibpcapOptions {
  interfaces: string[];
  /** The filter as it was typed; libpcap compiles it. */
  filter?: string | undefined;
  snaplen: number;
  /** Bytes of the kernel's buffer. */
  bufferSize: number;
}

interface Port {
  cap: Cap;
  name: string;
  id: number;
  /** cap keeps only the address of this buffer. Were it collected, the process would abort on a corrupted heap, so it
   * is held for as long as the capture is open. */
  buffer: Buffer;
  onPacket: (length: number) => void;
}

/** Opens the interfaces through libpcap in this process. Throws LibpcapError. When an interface goes down cap aborts the
 * process that it runs in, so that `libpcap.ts` gives it one of its own. */
export const openCap = (options: LibpcapOptions): LibpcapSource => new LibpcapSource(loadCap(), options);

/** Frames as cap hands them over. */
export class LibpcapSource implements FrameSource {
  readonly interfaces: FrameInterface[] = [];
  readonly #ports: Port[] = [];
  readonly #snaplen: number;
  /** Two blocks: one fills while the other is the reader's. */
  #filling = new FrameBlock(new Uint8Array(1 << 20), 4096);
  #given = new FrameBlock(new Uint8Array(1 << 20), 4096);
  #used = 0;
  #overflow = 0;
  #stopped = false;
  #closed = false;
  #wake: (() => void) | null = null;

  constructor(CapClass: new () => Cap, options: LibpcapOptions) {
    this.#snaplen = Math.min(options.snaplen, CAP_SNAPLEN);
    try {
      for (const name of options.interfaces) this.#open(new CapClass(), name, options);
    } catch (error) {
      this.close();
      const message = (error as Error).message;
      const denied = /permission|not permitted/i.test(message);
      throw new LibpcapError(`libpcap: ${message}`, denied ? 'EPERM' : 'ERR_LIBPCAP');
    }
  }

  #open(cap: Cap, name: string, options: LibpcapOptions): void {
    const buffer = Buffer.alloc(CAP_SNAPLEN + 1);
    const type = cap.open(name, options.filter ?? '', options.bufferSize, buffer);
    const linkType = LINK_TYPES[type] ?? Number(/^Unknown linktype (\d+)$/.exec(type)?.[1] ?? Number.NaN);
    if (!Number.isInteger(linkType)) throw new Error(`${name}: link type ${type} is not known`);
    const port: Port = {
      cap,
      name,
      id: this.interfaces.length,
      buffer,
      onPacket: (length) => this.#take(port, length),
    };
    cap.on('packet', port.onPacket);
    this.#ports.push(port);
    this.interfaces.push({
      name,
      linkType,
      snapLength: this.#snaplen,
      timestampDigits: 6,
      description: LIBPCAP_LIMITS,
      ...(options.filter ? { filter: options.filter } : {}),
    });
  }

  /** Runs inside libpcap's dispatch, once a frame. */
  #take(port: Port, length: number): void {
    if (this.#stopped) return;
    const block = this.#filling;
    const captured = Math.min(length, this.#snaplen);
    if (this.#used + captured > BACKLOG_LIMIT) {
      this.#overflow++;
      return;
    }
    if (this.#used + captured > block.bytes.length) {
      const larger = new Uint8Array(Math.min(BACKLOG_LIMIT, block.bytes.length * 2));
      larger.set(block.bytes.subarray(0, this.#used));
      block.bytes = larger;
    }
    if (block.count === block.capacity) block.grow(block.capacity * 2);
    block.bytes.set(port.buffer.subarray(0, captured), this.#used);
    const row = block.count++;
    const microseconds = Math.floor((performance.timeOrigin + performance.now()) * 1000);
    block.offset[row] = this.#used;
    block.capturedLength[row] = captured;
    block.originalLength[row] = length;
    block.seconds[row] = Math.floor(microseconds / 1e6);
    block.nanoseconds[row] = (microseconds % 1e6) * 1000;
    block.interfaceId[row] = port.id;
    block.flags[row] = 0;
    block.keep[row] = 1;
    this.#used += captured;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<FrameBlock, void> {
    try {
      for (;;) {
        // A turn of the event loop before each block, so that timers and signals run between libpcap's dispatches.
        await new Promise<void>((resolve) => setImmediate(resolve));
        if (this.#filling.count === 0) {
          if (this.#overflow > 0 && !this.#stopped) this.#overflowed();
          if (this.#stopped) return;
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
          this.#wake = null;
          continue;
        }
        const full = this.#filling;
        this.#filling = this.#given;
        this.#filling.count = 0;
        this.#given = full;
        this.#used = 0;
        yield full;
      }
    } finally {
      this.close();
    }
  }

  #overflowed(): never {
    throw new LibpcapError(
      `the output is too slow for --backend libpcap, which cannot be made to wait: ${this.#overflow} frames found no room in ${BACKLOG_LIMIT >> 20} MiB`,
    );
  }

  stop(): void {
    this.#stopped = true;
    this.#wake?.();
  }

  close(): void {
    this.#stopped = true;
    if (this.#closed) return;
    this.#closed = true;
    for (const { cap, onPacket } of this.#ports) {
      cap.off('packet', onPacket);
      cap.close();
    }
    this.#wake?.();
  }
}
