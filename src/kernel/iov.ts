import { hostI32, hostU32, putHostU32 } from '../uapi/host.ts';
import { CMSG_ALIGN, cmsghdr, MSG_CTRUNC } from '../uapi/socket.ts';
import { copyBytes, skbCopyBits } from './skbuff.ts';
import type { Net, SkBuff } from './structs.ts';
import type { Msghdr } from './structs-plain.ts';

/** User memory inside the kernel (iov_iter), and control messages (put_cmsg). */

/** One piece of memory is the message's data. */
export function iovSingle(msg: Msghdr, base: Uint8Array, start: number, length: number): void {
  msg.bases[0] = base;
  msg.starts[0] = start;
  msg.lens[0] = length;
  msg.nr = 1;
  msg.seg = 0;
  msg.segOff = 0;
  msg.count = length;
}

/** Several pieces. */
export function iovMany(msg: Msghdr, pieces: readonly Uint8Array[]): void {
  let count = 0;
  for (let i = 0; i < pieces.length; i++) {
    msg.bases[i] = pieces[i]!;
    msg.starts[i] = 0;
    msg.lens[i] = pieces[i]!.length;
    count += pieces[i]!.length;
  }
  msg.nr = pieces.length;
  msg.seg = 0;
  msg.segOff = 0;
  msg.count = count;
}

/** Copies the next `length` bytes of user memory to `to`. False where fewer are there (EFAULT). Not counted: the caller
 * counts one copy a buffer. */
export function copyFromIter(msg: Msghdr, to: Uint8Array, at: number, length: number): boolean {
  if (length > msg.count) return false;
  msg.count -= length;
  while (length > 0) {
    const room = msg.lens[msg.seg]! - msg.segOff;
    if (room === 0) {
      msg.seg++;
      msg.segOff = 0;
      continue;
    }
    const n = Math.min(length, room);
    copyBytes(to, at, msg.bases[msg.seg]!, msg.starts[msg.seg]! + msg.segOff, n);
    msg.segOff += n;
    at += n;
    length -= n;
  }
  return true;
}

/** Copies bytes to the next user memory; as many as there is room for. Returns how many. */
export function copyToIter(msg: Msghdr, from: Uint8Array, at: number, length: number): number {
  if (length > msg.count) length = msg.count;
  msg.count -= length;
  const done = length;
  while (length > 0) {
    const room = msg.lens[msg.seg]! - msg.segOff;
    if (room === 0) {
      msg.seg++;
      msg.segOff = 0;
      continue;
    }
    const n = Math.min(length, room);
    copyBytes(msg.bases[msg.seg]!, msg.starts[msg.seg]! + msg.segOff, from, at, n);
    msg.segOff += n;
    at += n;
    length -= n;
  }
  return done;
}

let bounce = new Uint8Array(65536);

/** skb_copy_datagram_msg: `length` bytes from `offset` of the packet to user memory. */
export function skbCopyDatagram(net: Net, skb: SkBuff, offset: number, msg: Msghdr, length: number): void {
  net.copies.toUser++;
  if (skb.fragList === null) {
    copyToIter(msg, skb.head, skb.data + offset, length);
    return;
  }
  if (bounce.length < length) bounce = new Uint8Array(length);
  skbCopyBits(skb, offset, bounce, 0, length);
  copyToIter(msg, bounce, 0, length);
}

const ZERO = 0;

/** Adds a control message to what a receiver gets; cut, with MSG_CTRUNC, where the room ends. */
export function putCmsg(msg: Msghdr, level: number, type: number, data: Uint8Array, length = data.length): void {
  if (msg.control === null || msg.controllen < cmsghdr.sizeof) {
    msg.flags |= MSG_CTRUNC;
    return;
  }
  let size = cmsghdr.sizeof + length;
  if (msg.controllen < size) {
    msg.flags |= MSG_CTRUNC;
    size = msg.controllen;
  }
  const { control } = msg;
  const at = msg.controlAt;
  putHostU32(control, at + cmsghdr.cmsg_len, size);
  putHostU32(control, at + cmsghdr.cmsg_len + 4, ZERO);
  putHostU32(control, at + cmsghdr.cmsg_level, level);
  putHostU32(control, at + cmsghdr.cmsg_type, type);
  copyBytes(control, at + cmsghdr.sizeof, data, 0, size - cmsghdr.sizeof);
  const space = Math.min(cmsghdr.sizeof + CMSG_ALIGN(length), msg.controllen);
  msg.controlAt += space;
  msg.controllen -= space;
}

const word = new Uint8Array(4);
export function putCmsgInt(msg: Msghdr, level: number, type: number, value: number): void {
  putHostU32(word, 0, value);
  putCmsg(msg, level, type, word);
}

/** Walks the control messages that a sender gave. `each` returns 0 or -errno, which ends the walk. Returns -EINVAL's
 * value given as `einval` for a message whose length is wrong (CMSG_OK). */
export function forEachCmsg(
  msg: Msghdr,
  einval: number,
  each: (level: number, type: number, control: Uint8Array, at: number, length: number) => number,
): number {
  const { control } = msg;
  if (control === null) return 0;
  let at = msg.controlAt;
  const end = at + msg.controllen;
  // CMSG_FIRSTHDR and CMSG_NXTHDR: a header must fit whole, and its own length must fit what is left.
  while (end - at >= cmsghdr.sizeof) {
    const size = hostU32(control, at + cmsghdr.cmsg_len);
    if (size < cmsghdr.sizeof || size > end - at || hostU32(control, at + cmsghdr.cmsg_len + 4) !== 0) return -einval;
    const error = each(
      hostI32(control, at + cmsghdr.cmsg_level),
      hostI32(control, at + cmsghdr.cmsg_type),
      control,
      at + cmsghdr.sizeof,
      size - cmsghdr.sizeof,
    );
    if (error !== 0) return error;
    at += CMSG_ALIGN(size);
  }
  return 0;
}
