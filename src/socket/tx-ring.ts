import type { FrameBlock } from '../frames/block.ts';
import type { Mapping, SystemCalls } from '../syscall/contract.ts';
import { SystemError } from '../syscall/error.ts';
import { EAGAIN, EMSGSIZE, ENETDOWN } from '../uapi/errno.ts';
import { IFF_UP } from '../uapi/if.ts';
import * as packet from '../uapi/if_packet.ts';
import { MAP_SHARED, PROT_READ, PROT_WRITE } from '../uapi/mman.ts';
import { type Device, PacketSocket } from './packet.ts';

export interface TxRingOptions {
  /** Name of the device. */
  interface: string;
  /** Slots of the ring; default 512, or 64 where frames can be longer than a page. */
  slots?: number;
  /** Bytes of frames that may be on their way; default 4 MiB. */
  sendBuffer?: number;
}

/** Where a frame begins in its slot: behind the header, rounded up. In af_packet.c, `tp_hdrlen - sizeof(struct
 * sockaddr_ll)`. */
const DATA = packet.TPACKET2_HDRLEN - packet.sockaddr_ll.sizeof;
const STATUS_WORD = packet.tpacket2_hdr.tp_status >> 2;
const LENGTH_WORD = packet.tpacket2_hdr.tp_len >> 2;
const SMALLEST_SLOT = 2048;
const BLOCK = 1 << 16;

/** Sends frames through a PACKET_TX_RING of version 2 (packet(7)): they are copied into memory that the kernel shares, and one
 * call sends what is there. The kernel takes the ring's slots in turn, so a slot that it could not send is the next it
 * tries. Measured over veth, 60 bytes: slower than sendmmsg (0.75 against 0.88 million frames a second), since the kernel
 * allocates a buffer for each frame here as there. */
export class TxRing {
  readonly socket: PacketSocket;
  readonly device: Device;
  readonly #calls: SystemCalls;
  readonly #ring: Mapping;
  readonly #slots: number;
  readonly #slotSize: number;
  readonly #nothing = new Uint8Array(0);
  /** The slot that the kernel looks at next. */
  #head = 0;

  /** Throws SystemError (EPERM with a hint, ENODEV, ENETDOWN, ENOMEM). */
  static open(calls: SystemCalls, options: TxRingOptions): TxRing {
    return new TxRing(calls, options);
  }

  private constructor(calls: SystemCalls, { interface: name, slots, sendBuffer = 4 << 20 }: TxRingOptions) {
    this.#calls = calls;
    this.socket = PacketSocket.create(calls);
    try {
      this.device = this.socket.device(name);
      if ((this.device.flags & IFF_UP) === 0)
        throw new SystemError(ENETDOWN, 'bind', { dest: name, hint: `That device is not up: ip link set ${name} up` });
      this.#slotSize = SMALLEST_SLOT;
      // Link header and VLAN tag beside the MTU.
      while (this.#slotSize < DATA + this.device.mtu + 18) this.#slotSize *= 2;
      this.#slots = slots ?? (this.#slotSize > 4096 ? 64 : 512);
      this.socket.setVersion(packet.TPACKET_V2);
      this.socket.setSendBuffer(sendBuffer);
      const blockSize = Math.max(BLOCK, this.#slotSize);
      const blockNr = Math.ceil((this.#slots * this.#slotSize) / blockSize);
      this.#slots = (blockNr * blockSize) / this.#slotSize;
      this.socket.setTxRing(
        packet.encodeTpacketReq({ blockSize, blockNr, frameSize: this.#slotSize, frameNr: this.#slots }),
      );
      const mapping = calls.mmap(blockNr * blockSize, PROT_READ | PROT_WRITE, MAP_SHARED, this.socket.fd, 0);
      if (typeof mapping === 'number') throw new SystemError(-mapping, 'mmap', { dest: name });
      this.#ring = mapping;
      this.socket.bindTo(this.device.ifindex, 0, name);
    } catch (error) {
      this.socket.close();
      throw error;
    }
  }

  /** Sends rows `first` to `first + count - 1` of the block now, `keep` or not, as many as the ring has room for. Returns how
   * many the kernel took, or -errno of the first: -EAGAIN and -ENOBUFS where there is no room, -EMSGSIZE where it is longer
   * than the device takes. */
  sendRowsNow(block: FrameBlock, first: number, count: number): number {
    const { words, bytes } = this.#ring;
    const slotWords = this.#slotSize >> 2;
    let filled = 0;
    for (; filled < Math.min(count, this.#slots); filled++) {
      const slot = (this.#head + filled) % this.#slots;
      const at = slot * slotWords;
      if (Atomics.load(words, at + STATUS_WORD) !== packet.TP_STATUS_AVAILABLE) break;
      const length = block.capturedLength[first + filled]!;
      if (length > this.#slotSize - DATA) {
        if (filled === 0) return -EMSGSIZE;
        break;
      }
      const from = block.offset[first + filled]!;
      bytes.set(block.bytes.subarray(from, from + length), slot * this.#slotSize + DATA);
      words[at + LENGTH_WORD] = length;
      Atomics.store(words, at + STATUS_WORD, packet.TP_STATUS_SEND_REQUEST);
    }
    if (filled === 0) return -EAGAIN;
    const result = this.#calls.sendto(this.socket.fd, this.#nothing, 0, null);
    return this.#settle(filled, result);
  }

  /** How many of the slots the kernel took; takes the others back. */
  #settle(filled: number, result: number): number {
    const { words } = this.#ring;
    const slotWords = this.#slotSize >> 2;
    let taken = 0;
    let isWrong = false;
    for (let row = 0; row < filled; row++) {
      const status = ((this.#head + row) % this.#slots) * slotWords + STATUS_WORD;
      const value = Atomics.load(words, status);
      if (value === packet.TP_STATUS_SEND_REQUEST || value === packet.TP_STATUS_WRONG_FORMAT) {
        if (row === taken) isWrong = value === packet.TP_STATUS_WRONG_FORMAT;
        Atomics.store(words, status, packet.TP_STATUS_AVAILABLE);
      } else taken++;
    }
    this.#head = (this.#head + taken) % this.#slots;
    if (taken > 0) return taken;
    if (result < 0) return result;
    return isWrong ? -EMSGSIZE : -EAGAIN;
  }

  close(): void {
    if (this.socket.closed) return;
    this.socket.close();
    this.#calls.munmap(this.#ring);
  }
}
