import { EAFNOSUPPORT, EINVAL, ENOTCONN, EOPNOTSUPP } from '../uapi/errno.ts';
import { MSG_DONTWAIT, SOCK_PACKET } from '../uapi/socket.ts';
import { File, type FileOps } from './file.ts';
import { iovSingle } from './iov.ts';
import { type Net, type ProtoOps, Socket } from './structs.ts';
import { Msghdr } from './structs-plain.ts';

/** Sockets as files, and the table of address families (net/socket.c). */

/** net_families: what makes a socket of a family. Filled by the families as the kernel starts. */
export interface NetProtoFamily {
  readonly family: number;
  /** Fills `socket.sk` and `socket.ops`; 0 or -errno. */
  create(net: Net, socket: Socket, protocol: number): number;
}

const AF_MAX = 46;
const SOCK_MAX = 11;
/** State of net_generic: the families of one host. */
export const FAMILIES_KEY = 0;

export function sockRegister(net: Net, family: NetProtoFamily): void {
  const table = (net.gen[FAMILIES_KEY] ??= []) as NetProtoFamily[];
  table[family.family] = family;
}

const noOps: ProtoOps = {
  family: 0,
  release: () => {},
  bind: () => -EOPNOTSUPP,
  connect: () => -EOPNOTSUPP,
  socketpair: () => -EOPNOTSUPP,
  accept: () => -EOPNOTSUPP,
  getname: () => -ENOTCONN,
  poll: () => 0,
  ioctl: () => -EINVAL,
  listen: () => -EOPNOTSUPP,
  shutdown: () => -EOPNOTSUPP,
  setsockopt: () => -EOPNOTSUPP,
  getsockopt: () => -EOPNOTSUPP,
  sendmsg: () => -EOPNOTSUPP,
  recvmsg: () => -EOPNOTSUPP,
};

/** sock_create: a socket, or -errno. */
export function sockCreate(net: Net, family: number, type: number, protocol: number): Socket | number {
  if (family < 0 || family >= AF_MAX) return -EAFNOSUPPORT;
  if (type < 0 || type >= SOCK_MAX) return -EINVAL;
  // The historic way of asking for a packet socket.
  if (family === 2 && type === SOCK_PACKET) family = 17;
  const table = net.gen[FAMILIES_KEY] as NetProtoFamily[];
  const found = table[family];
  if (found === undefined) return -EAFNOSUPPORT;
  const socket = new Socket(net, type, noOps, net.nextInode++);
  const error = found.create(net, socket, protocol);
  return error < 0 ? error : socket;
}

export function sockRelease(socket: Socket): void {
  socket.ops.release(socket);
  socket.sk = null;
}

const message = new Msghdr();
function plainMessage(buffer: Uint8Array): Msghdr {
  message.name = null;
  message.namelen = 0;
  message.control = null;
  message.controllen = 0;
  message.flags = MSG_DONTWAIT;
  iovSingle(message, buffer, 0, buffer.length);
  return message;
}

export const socketFileOps: FileOps = {
  kind: 'socket',
  read(file, buffer) {
    const socket = file.socket!;
    if (buffer.length === 0) return 0; // vfs_read: nothing asked for, the socket is not
    const msg = plainMessage(buffer);
    msg.flags = 0;
    return socket.ops.recvmsg(socket, msg, buffer.length, MSG_DONTWAIT);
  },
  write(file, buffer) {
    const socket = file.socket!;
    return socket.ops.sendmsg(socket, plainMessage(buffer), buffer.length);
  },
  poll: (file) => file.socket!.ops.poll(file.socket!),
  queues: (file) => [file.socket!.wq],
  ioctl: (file, request, argument) => file.socket!.ops.ioctl(file.socket!, request, argument),
  mmap(file, length, offset) {
    const socket = file.socket!;
    return socket.ops.mmap === undefined ? -19 : socket.ops.mmap(socket, length, offset);
  },
  release: (file) => sockRelease(file.socket!),
};

export const sockAllocFile = (socket: Socket, flags: number): File => new File(socketFileOps, 0x2 | flags, socket);

/** Answers of families that have no such call. */
export const sockNoSocketpair = (): number => -EOPNOTSUPP;
export const sockNoAccept = (): number => -EOPNOTSUPP;
export const sockNoListen = (): number => -EOPNOTSUPP;
