import { hostU32, hostU64, putHostU32, putHostU64 } from '../uapi/host.ts';

// sys/epoll.h: struct epoll_event is packed on x86-64 and on no other machine: `data` at 4 there, at 8 elsewhere.
const DATA = process.arch === 'x64' ? 4 : 8;

/** sizeof(struct epoll_event) */
export const EPOLL_EVENT_SIZE = DATA + 8;

export function encodeEpollEvent(bytes: Uint8Array, at: number, events: number, data: bigint): void {
  putHostU32(bytes, at, events);
  putHostU64(bytes, at + DATA, data);
}

export const decodeEpollEvent = (bytes: Uint8Array, at: number): { events: number; data: bigint } => ({
  events: hostU32(bytes, at),
  data: hostU64(bytes, at + DATA),
});
