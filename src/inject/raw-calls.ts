import { Socket } from '../socket/socket.ts';
import type { SystemCalls } from '../syscall/contract.ts';
import { IPPROTO_RAW } from '../uapi/in.ts';
import { AF_INET, AF_INET6, SO_BINDTODEVICE, SOCK_RAW, SOL_SOCKET } from '../uapi/socket.ts';

/** Whole IP packets through a raw socket of any kernel behind the contract. */
export class RawCallsSocket {
  readonly #socket: Socket;

  /** IPPROTO_RAW: packets come with their own header (raw(7), ipv6(7)). `device` binds the socket to an interface. Throws
   * SystemError. */
  constructor(calls: SystemCalls, version: 4 | 6, device?: string) {
    this.#socket = Socket.open(calls, version === 4 ? AF_INET : AF_INET6, SOCK_RAW, IPPROTO_RAW);
    if (device === undefined) return;
    try {
      this.#socket.setOption(SOL_SOCKET, SO_BINDTODEVICE, Buffer.from(`${device}\0`), 'setsockopt SO_BINDTODEVICE');
    } catch (error) {
      this.#socket.close();
      throw error;
    }
  }

  /** Sends a whole IP packet to `address`, the one that its header names. One with a zone (`fe80::1%eth0`) goes to the
   * link with index `scopeId`. */
  async send(packet: Uint8Array, address: string, scopeId: number): Promise<void> {
    const [text, zone] = address.split('%');
    await this.#socket.send(packet, {
      to: text!.includes(':')
        ? { family: 'ipv6', address: text!, port: 0, scopeId: zone === undefined ? 0 : scopeId }
        : { family: 'ipv4', address: text!, port: 0 },
    });
  }

  close(): void {
    this.#socket.close();
  }
}
