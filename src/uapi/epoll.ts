/** sys/epoll.h: events, flags and operations of epoll(7). */

export const EPOLL_CTL_ADD = 0x1;
export const EPOLL_CTL_DEL = 0x2;
export const EPOLL_CTL_MOD = 0x3;
export const EPOLL_CLOEXEC = 0x80000;

export const EPOLLIN = 0x1;
export const EPOLLPRI = 0x2;
export const EPOLLOUT = 0x4;
export const EPOLLERR = 0x8;
export const EPOLLHUP = 0x10;
export const EPOLLRDNORM = 0x40;
export const EPOLLRDBAND = 0x80;
export const EPOLLWRNORM = 0x100;
export const EPOLLWRBAND = 0x200;
export const EPOLLMSG = 0x400;
export const EPOLLRDHUP = 0x2000;
export const EPOLLEXCLUSIVE = 0x10000000;
export const EPOLLWAKEUP = 0x20000000;
export const EPOLLONESHOT = 0x40000000;
export const EPOLLET = 0x80000000;

// struct epoll_event is packed on x86-64 and on no other machine of Linux's (sys/epoll.h, bits/epoll.h): 12 bytes there,
// 16 elsewhere. The data word follows `events` at 4 or at 8. What crosses FFI asks `process.arch` (see linux/).
