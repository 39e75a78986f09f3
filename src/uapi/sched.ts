/** sched.h: namespaces of unshare(2) and setns(2), and scheduling policies. */

export const CLONE_NEWNS = 0x20000;
export const CLONE_NEWUSER = 0x10000000;
export const CLONE_NEWNET = 0x40000000;
export const SCHED_OTHER = 0x0;
export const SCHED_FIFO = 0x1;
export const SCHED_RR = 0x2;
export const SCHED_BATCH = 0x3;
export const SCHED_IDLE = 0x5;
