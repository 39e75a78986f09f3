import type { MessageHeader, MessageVector } from '../syscall/contract.ts';
import { EFAULT, EINVAL, EMSGSIZE } from '../uapi/errno.ts';
import { MSG_DONTWAIT } from '../uapi/socket.ts';
import type { Native } from './native.ts';

/** struct msghdr, struct iovec and struct mmsghdr of 64-bit Linux (bits/socket.h), in 32-bit words: where each field is.
 * Lengths are size_t, whose high word stays 0. Addresses fill two words. */
const MSG_NAME = 0;
const MSG_NAMELEN = 2;
const MSG_IOV = 4;
const MSG_IOVLEN = 6;
const MSG_CONTROL = 8;
const MSG_CONTROLLEN = 10;
const MSG_FLAGS = 12;
/** sizeof(struct msghdr) / 4, and where mmsghdr has msg_len. */
const MSGHDR_WORDS = 14;
const MSG_LEN = 14;
const MMSGHDR_WORDS = 16;
const IOV_BASE = 0;
const IOV_LEN = 2;
const IOVEC_WORDS = 4;

/** Halves of a 64-bit word in the machine's order. */
const [LOW, HIGH] = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1 ? [0, 1] : [1, 0];

/** An address as a double is exact: user space ends below 2^56. */
function putPointer(words: Uint32Array, at: number, address: number): void {
  words[at + LOW!] = address;
  words[at + HIGH!] = address / 0x100000000;
}

/** linux/uio.h: UIO_MAXIOV */
const UIO_MAXIOV = 1024;

/** sendmsg(2) and recvmsg(2). The structures are built anew for each call: these are not on any hot path. */
export function transferMessage(
  native: Native,
  receive: boolean,
  fd: number,
  message: MessageHeader,
  flags: number,
): number {
  const { name, iov, control } = message;
  if (iov.length > UIO_MAXIOV) return -EMSGSIZE;
  const header = new Uint32Array(MSGHDR_WORDS);
  const vectors = new Uint32Array(Math.max(1, iov.length) * IOVEC_WORDS);
  iov.forEach((piece, row) => {
    putPointer(vectors, row * IOVEC_WORDS + IOV_BASE, native.address(piece));
    vectors[row * IOVEC_WORDS + IOV_LEN + LOW!] = piece.length;
  });
  if (name) {
    putPointer(header, MSG_NAME, native.address(name));
    header[MSG_NAMELEN] = receive ? name.length : Math.min(name.length, message.nameLength);
  }
  putPointer(header, MSG_IOV, native.address(vectors));
  header[MSG_IOVLEN + LOW!] = iov.length;
  if (control) {
    putPointer(header, MSG_CONTROL, native.address(control));
    header[MSG_CONTROLLEN + LOW!] = receive ? control.length : Math.min(control.length, message.controlLength);
  }
  const call = receive ? native.recvmsg : native.sendmsg;
  const result = call(fd, header, flags | MSG_DONTWAIT);
  if (result < 0) return -native.errno();
  if (receive) {
    message.nameLength = header[MSG_NAMELEN]!;
    message.controlLength = header[MSG_CONTROLLEN + LOW!]!;
    message.flags = header[MSG_FLAGS]!;
  }
  return result;
}

/** The native side of a MessageVector: made once, kept for as long as the vector is. */
interface NativeVector {
  headers: Uint32Array;
  headersAddress: number;
  iovecs: Uint32Array;
  memoryAddress: number;
}

const prepared = new WeakMap<MessageVector, NativeVector>();

function prepare(native: Native, vector: MessageVector): NativeVector {
  const rows = vector.offset.length;
  const headers = new Uint32Array(rows * MMSGHDR_WORDS);
  const iovecs = new Uint32Array(rows * IOVEC_WORDS);
  const iovecsAddress = native.address(iovecs);
  const namesAddress = vector.names ? native.address(vector.names) : 0;
  const controlsAddress = vector.controls ? native.address(vector.controls) : 0;
  for (let row = 0; row < rows; row++) {
    const header = row * MMSGHDR_WORDS;
    if (vector.names) putPointer(headers, header + MSG_NAME, namesAddress + row * vector.nameStride);
    if (vector.controls) putPointer(headers, header + MSG_CONTROL, controlsAddress + row * vector.controlStride);
    putPointer(headers, header + MSG_IOV, iovecsAddress + row * IOVEC_WORDS * 4);
    headers[header + MSG_IOVLEN + LOW!] = 1;
  }
  const made = {
    headers,
    headersAddress: native.address(headers),
    iovecs,
    memoryAddress: native.address(vector.memory),
  };
  prepared.set(vector, made);
  return made;
}

/** Fills the iovecs of the rows; -errno where a row reaches outside of the memory. */
function fill(there: NativeVector, vector: MessageVector, first: number, end: number): number {
  const { iovecs, memoryAddress } = there;
  const { offset, length } = vector;
  const room = vector.memory.length;
  for (let row = first; row < end; row++) {
    const start = offset[row]!;
    const size = length[row]!;
    if (start + size > room) return -EFAULT;
    const base = memoryAddress + start;
    const at = row * IOVEC_WORDS;
    iovecs[at + LOW!] = base;
    iovecs[at + HIGH!] = base / 0x100000000;
    iovecs[at + IOV_LEN + LOW!] = size;
  }
  return 0;
}

/** sendmmsg(2): 16 bytes written for each row, one call for all of them. */
export function sendVector(
  native: Native,
  fd: number,
  vector: MessageVector,
  first: number,
  count: number,
  flags: number,
): number {
  const end = first + count;
  if (first < 0 || count < 0 || end > vector.offset.length) return -EINVAL;
  const there = prepared.get(vector) ?? prepare(native, vector);
  const filled = fill(there, vector, first, end);
  if (filled < 0) return filled;
  const { headers } = there;
  const { names, controls, nameStride, controlStride } = vector;
  if (names || controls) {
    for (let row = first; row < end; row++) {
      const header = row * MMSGHDR_WORDS;
      headers[header + MSG_NAMELEN] = Math.min(nameStride, vector.nameLength[row]!);
      headers[header + MSG_CONTROLLEN + LOW!] = Math.min(controlStride, vector.controlLength[row]!);
    }
  }
  const sent = native.sendmmsg(fd, there.headersAddress + first * MMSGHDR_WORDS * 4, count, flags | MSG_DONTWAIT);
  if (sent < 0) return -native.errno();
  const { transferred } = vector;
  for (let row = first; row < first + sent; row++) transferred[row] = headers[row * MMSGHDR_WORDS + MSG_LEN]!;
  return sent;
}

/** recvmmsg(2). */
export function receiveVector(
  native: Native,
  fd: number,
  vector: MessageVector,
  first: number,
  count: number,
  flags: number,
): number {
  const end = first + count;
  if (first < 0 || count < 0 || end > vector.offset.length) return -EINVAL;
  const there = prepared.get(vector) ?? prepare(native, vector);
  const filled = fill(there, vector, first, end);
  if (filled < 0) return filled;
  const { headers } = there;
  for (let row = first; row < end; row++) {
    const header = row * MMSGHDR_WORDS;
    headers[header + MSG_NAMELEN] = vector.names ? vector.nameStride : 0;
    headers[header + MSG_CONTROLLEN + LOW!] = vector.controls ? vector.controlStride : 0;
  }
  const address = there.headersAddress + first * MMSGHDR_WORDS * 4;
  const received = native.recvmmsg(fd, address, count, flags | MSG_DONTWAIT, null);
  if (received < 0) return -native.errno();
  for (let row = first; row < first + received; row++) {
    const header = row * MMSGHDR_WORDS;
    vector.transferred[row] = headers[header + MSG_LEN]!;
    vector.flags[row] = headers[header + MSG_FLAGS]!;
    vector.nameLength[row] = headers[header + MSG_NAMELEN]!;
    vector.controlLength[row] = headers[header + MSG_CONTROLLEN + LOW!]!;
  }
  return received;
}
