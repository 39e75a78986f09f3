import { createRequire } from 'node:module';
import { SystemError } from '../syscall/error.ts';
import { EHWPOISON, EIO, strerror } from '../uapi/errno.ts';
import { int } from '../uapi/host.ts';
import { IP_HDRINCL, IPPROTO_IP, IPPROTO_IPV6, IPPROTO_RAW } from '../uapi/in.ts';
import { IPV6_HDRINCL } from '../uapi/in6.ts';
import { SO_BINDTODEVICE, SOL_SOCKET } from '../uapi/socket.ts';

/** Whole IP packets through the npm module raw-socket, which is optional and loaded only here. */

/** The part of raw-socket 1.8 that is used. */
interface RawSocketModule {
  AddressFamily: { IPv4: number; IPv6: number };
  createSocket(options: { addressFamily: number; protocol: number }): RawSocketHandle;
}
interface RawSocketHandle {
  pauseRecv(): void;
  setOption(level: number, option: number, value: Buffer, length: number): void;
  send(
    packet: Buffer,
    offset: number,
    length: number,
    address: string,
    after: (error: Error | null, bytes: number) => void,
  ): void;
  on(event: 'error', listener: (error: Error) => void): void;
  close(): void;
}

/** raw-socket is not installed, or was not built for this Node. */
export class RawSocketUnavailable extends Error {
  readonly code = 'RAW_SOCKET_UNAVAILABLE';
}

function load(): RawSocketModule {
  try {
    return createRequire(import.meta.url)('raw-socket') as RawSocketModule;
  } catch (error) {
    throw new RawSocketUnavailable(
      `the npm module raw-socket does not load (${(error as Error).message.split('\n')[0]}); ` +
        'npm install raw-socket builds it where a C++ compiler is, and --via packet does not need it',
    );
  }
}

/** raw-socket holds its own socket weakly, also while a packet waits to be sent: without a root elsewhere the garbage
 * collector may take socket, packet and callback together, and the packet is never sent. */
const open = new Set<RawIpSocket>();

/** A raw socket that sends packets with their own IP header: IP_HDRINCL, raw(7), and IPV6_HDRINCL, ipv6(7). The kernel
 * fills in an IPv4 packet's checksum, its total length, and the source and id where they are 0; it routes the packet, and
 * cuts none: what is longer than the device's MTU fails with EMSGSIZE. Needs CAP_NET_RAW. */
export class RawIpSocket {
  readonly #handle: RawSocketHandle;
  #failure: Error | null = null;

  /** `device` binds the socket to an interface. Throws RawSocketUnavailable, or SystemError. */
  constructor(version: 4 | 6, device?: string) {
    const raw = load();
    this.#handle = attempt('socket', () =>
      // IPPROTO_RAW is for sending alone: such a socket receives nothing.
      raw.createSocket({ addressFamily: raw.AddressFamily[`IPv${version}`], protocol: IPPROTO_RAW }),
    );
    open.add(this);
    this.#handle.on('error', (error) => {
      this.#failure = error;
    });
    this.#handle.pauseRecv();
    try {
      this.#configure(version, device);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  #configure(version: 4 | 6, device: string | undefined): void {
    const [level, option] = version === 4 ? [IPPROTO_IP, IP_HDRINCL] : [IPPROTO_IPV6, IPV6_HDRINCL];
    const set = (name: string, at: number, which: number, value: Buffer): void =>
      attempt(`setsockopt ${name}`, () => this.#handle.setOption(at, which, value, value.length));
    set(version === 4 ? 'IP_HDRINCL' : 'IPV6_HDRINCL', level, option, Buffer.from(int(1)));
    if (device !== undefined) set('SO_BINDTODEVICE', SOL_SOCKET, SO_BINDTODEVICE, Buffer.from(`${device}\0`));
  }

  /** Sends a whole IP packet to `address`, the one that its header names (with a zone where that needs one). */
  send(packet: Uint8Array, address: string): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#failure) {
        reject(systemError(this.#failure, 'sendto', address));
        return;
      }
      const bytes = Buffer.from(packet.buffer, packet.byteOffset, packet.byteLength);
      this.#handle.send(bytes, 0, bytes.length, address, (error) => {
        // raw-socket calls back from libuv past Node: a promise that is settled there goes on only at the next turn of
        // the event loop, and where nothing else waits there is none. An immediate is one.
        setImmediate(() => {
          if (error) reject(systemError(error, 'sendto', address));
          else resolve();
        });
      });
    });
  }

  close(): void {
    open.delete(this);
    this.#handle.close();
  }
}

function attempt<T>(syscall: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw systemError(error as Error, syscall);
  }
}

/** raw-socket's errors have strerror's text and no number; the number is found by the text. */
function systemError(error: Error, syscall: string, dest?: string): SystemError {
  for (let errno = 1; errno <= EHWPOISON; errno++)
    if (strerror(errno) === error.message) return new SystemError(errno, syscall, dest === undefined ? {} : { dest });
  return new SystemError(EIO, syscall, { hint: `raw-socket says: ${error.message}`, ...(dest ? { dest } : {}) });
}
