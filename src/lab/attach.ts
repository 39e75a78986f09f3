import { putBe16 } from '../bytes/endian.ts';
import { netifCarrier } from '../kernel/dev.ts';
import type { Port } from '../kernel/drivers/port.ts';
import { PacketSocket } from '../socket/packet.ts';
import type { PollFd, SystemCalls } from '../syscall/contract.ts';
import { SystemError } from '../syscall/error.ts';
import { messageHeader } from '../syscall/message.ts';
import { EAGAIN, EINTR, EINVAL, ENETDOWN, ENODEV } from '../uapi/errno.ts';
import { hostU16, hostU32 } from '../uapi/host.ts';
import { IFF_UP } from '../uapi/if.ts';
import {
  PACKET_VNET_HDR,
  TP_STATUS_VLAN_TPID_VALID,
  TP_STATUS_VLAN_VALID,
  tpacket_auxdata,
} from '../uapi/if_packet.ts';
import { POLLIN, POLLNVAL } from '../uapi/poll.ts';
import { controlMessages, SOL_PACKET } from '../uapi/socket.ts';
import { virtio_net_hdr } from '../uapi/virtio_net.ts';
import { ETHERTYPE_VLAN } from '../wire/ethertype.ts';
import { finishFrame } from './offload.ts';
import { PacedClock } from './pace.ts';

/** A port of our kernel joined to the outside: frames that the port sends go out through a descriptor of another kernel
 * (the host's, or another of ours), frames that arrive there are received by the port. Nothing here knows which kernel
 * that is. Our side must run on the wall clock where the other side does: on a `PacedClock` of pace 'real', or on `systemClock`,
 * whose timers keep the process running for as long as there is a kernel. */
export interface Attachment {
  /** Frames that came in, frames that went out, frames that the other side had no room for or refused (as a cable's loss:
   * nobody is told). */
  readonly counters: { readonly received: number; readonly sent: number; readonly refused: number };
  /** What ended it by itself, such as the other side's device going away: the port has lost its carrier. Else null. */
  readonly error: SystemError | null;
  /** Unplugs the port: it loses its carrier. A descriptor that the caller opened stays open. Idempotent. */
  detach(): void;
}

/** Joins a port to a descriptor of which every read and write is one Ethernet frame: a TAP device (IFF_TAP | IFF_NO_PI). */
export function attachTap(port: Port, system: SystemCalls, fd: number): Attachment {
  const buffer = new Uint8Array(LARGEST_FRAME);
  return new Pump(port, system, fd, {
    receive(deliver) {
      const length = system.read(fd, buffer);
      if (length >= 0) deliver(buffer.subarray(0, length));
      return length;
    },
    send: (frame) => system.write(fd, frame),
    close() {},
  });
}

/** Joins a port to a device by a packet socket: the port receives what the device receives, whoever it is for, and what it
 * sends the device sends. The other kernel sees the frames as well; a device without addresses there stays out of the
 * talk. Checksums and segmentation that were left to the device are done, VLAN tags stand in the frames. Throws
 * SystemError (EPERM, ENODEV, ENETDOWN). */
export function attachInterface(port: Port, system: SystemCalls, name: string): Attachment {
  const socket = PacketSocket.create(system);
  let ifindex: number;
  try {
    ({ ifindex } = socket.device(name));
    socket.setOption(SOL_PACKET, PACKET_VNET_HDR, 1, 'setsockopt PACKET_VNET_HDR');
    socket.setAuxdata(true);
    socket.setIgnoreOutgoing(true);
    socket.setReceiveBuffer(RECEIVE_BUFFER);
    socket.bindTo(ifindex, undefined, name);
    socket.setPromiscuous(ifindex);
  } catch (error) {
    socket.close();
    throw error;
  }
  const { fd } = socket;
  const room = new Uint8Array(virtio_net_hdr.sizeof + LARGEST_FRAME);
  const incoming = messageHeader([room], null, new Uint8Array(64));
  const plain = new Uint8Array(virtio_net_hdr.sizeof);
  return new Pump(port, system, fd, {
    receive(deliver) {
      const length = system.recvmsg(fd, incoming, 0);
      if (length < virtio_net_hdr.sizeof) return length < 0 ? length : -EINVAL;
      const header = room.slice(0, virtio_net_hdr.sizeof);
      finishFrame(header, room, virtio_net_hdr.sizeof, Math.min(length, room.length), (frame) => {
        deliver(tagged(frame, incoming.control!, incoming.controlLength));
      });
      return length;
    },
    send: (frame) => system.sendmsg(fd, messageHeader([plain, frame]), 0),
    state() {
      const now = socket.deviceName(ifindex);
      if (now === null) return 'gone';
      return (socket.device(now).flags & IFF_UP) === 0 ? 'down' : 'up';
    },
    close: () => socket.close(),
  });
}

/** 64 KiB of a segment that was not cut yet, and its headers. */
const LARGEST_FRAME = 65536 + 256;
/** Bytes of frames that may wait in the packet socket while the program is busy. */
const RECEIVE_BUFFER = 4 << 20;
/** Frames received before the event loop has its turn. */
const AT_A_TIME = 64;
/** Milliseconds between two looks at a device that is down. */
const LOOK_AGAIN = 100;
const ADDRESSES = 12;
const TAG = 4;

/** The frame with the VLAN tag that the other kernel took out of it and tells in PACKET_AUXDATA. */
function tagged(frame: Uint8Array, control: Uint8Array, length: number): Uint8Array {
  for (const { data } of controlMessages(control, length)) {
    if (data.length < tpacket_auxdata.sizeof) continue;
    const status = hostU32(data, tpacket_auxdata.tp_status);
    if ((status & TP_STATUS_VLAN_VALID) === 0 || frame.length < ADDRESSES) continue;
    const whole = new Uint8Array(frame.length + TAG);
    whole.set(frame.subarray(0, ADDRESSES));
    const known = (status & TP_STATUS_VLAN_TPID_VALID) !== 0;
    putBe16(whole, ADDRESSES, known ? hostU16(data, tpacket_auxdata.tp_vlan_tpid) : ETHERTYPE_VLAN);
    putBe16(whole, ADDRESSES + 2, hostU16(data, tpacket_auxdata.tp_vlan_tci));
    whole.set(frame.subarray(ADDRESSES), ADDRESSES + TAG);
    return whole;
  }
  return frame;
}

/** How frames pass through a descriptor. The calls return -errno where they fail. */
interface FrameEnd {
  /** Reads one frame; what is delivered is the callee's only during the call. */
  receive(deliver: (frame: Uint8Array) => void): number;
  send(frame: Uint8Array): number;
  /** After ENETDOWN: is the device up again, or gone? */
  state?(): 'up' | 'down' | 'gone';
  close(): void;
}

class Pump implements Attachment {
  readonly counters = { received: 0, sent: 0, refused: 0 };
  error: SystemError | null = null;
  readonly #port: Port;
  readonly #system: SystemCalls;
  readonly #end: FrameEnd;
  readonly #poll: PollFd[];
  readonly #paced: PacedClock | null;
  #attached = true;
  #down = false;
  #cancel: () => void = () => {};

  constructor(port: Port, system: SystemCalls, fd: number, end: FrameEnd) {
    this.#port = port;
    this.#system = system;
    this.#end = end;
    this.#poll = [{ fd, events: POLLIN, revents: 0 }];
    const { clock } = port.dev.net;
    this.#paced = clock instanceof PacedClock ? clock : null;
    port.transmit = (frame) => {
      if (end.send(frame) < 0) this.counters.refused++;
      else this.counters.sent++;
    };
    netifCarrier(port.dev, true);
    this.#wait();
  }

  #wait(): void {
    this.#cancel = this.#system.pollWait(this.#poll, this.#down ? LOOK_AGAIN : -1, (ready) => {
      if (!this.#attached) return;
      // What comes in now comes now, not at the last event.
      this.#paced?.catchUp();
      if (ready < 0) this.#fail(-ready, 'poll');
      else if ((this.#poll[0]!.revents & POLLNVAL) !== 0) this.detach();
      else if (this.#look() && this.#receive()) this.#wait();
    });
  }

  /** While the other side's device is down: whether it still is. False where it is gone. */
  #look(): boolean {
    if (!this.#down) return true;
    const state = this.#end.state?.() ?? 'up';
    if (state === 'gone') this.#fail(ENODEV, 'read');
    else this.#setDown(state === 'down');
    return state !== 'gone';
  }

  #setDown(down: boolean): void {
    this.#down = down;
    netifCarrier(this.#port.dev, !down);
  }

  /** False where it is over. */
  #receive(): boolean {
    for (let taken = 0; taken < AT_A_TIME; taken++) {
      const result = this.#end.receive(this.#deliver);
      if (!this.#attached) return false;
      if (result === -EAGAIN) return true;
      // A packet socket tells once that its device went down (or away, which is seen a moment later).
      if (result === -ENETDOWN) this.#setDown(true);
      // EINVAL: a frame that the other kernel cannot describe by a struct virtio_net_hdr; it is lost.
      else if (result < 0 && result !== -EINTR && result !== -EINVAL) {
        this.#fail(-result, 'read');
        return false;
      }
    }
    return true;
  }

  readonly #deliver = (frame: Uint8Array): void => {
    if (!this.#attached) return;
    this.counters.received++;
    this.#port.receive(frame);
  };

  #fail(errno: number, call: string): void {
    this.error = new SystemError(errno, call, { dest: this.#port.dev.name });
    this.detach();
  }

  detach(): void {
    if (!this.#attached) return;
    this.#attached = false;
    this.#cancel();
    this.#port.transmit = () => {};
    netifCarrier(this.#port.dev, false);
    this.#end.close();
  }
}
