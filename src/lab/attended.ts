import { Process } from '../kernel/process.ts';
import type { MessageHeader, MessageVector, PollFd, SystemCalls } from '../syscall/contract.ts';
import type { Clock } from '../time/clock.ts';
import type { PacedClock } from './pace.ts';

/** A process of an emulated host whose program runs outside of the network, in this process's event loop: while it waits,
 * the network goes on. */
class AttendedProcess extends Process {
  readonly #paced: PacedClock;

  constructor(process: Process, clock: PacedClock) {
    super(process.net, process.cred, process.files);
    this.#paced = clock;
  }

  override connect(fd: number, address: Uint8Array): number {
    this.#paced.catchUp();
    return super.connect(fd, address);
  }

  override write(fd: number, buffer: Uint8Array): number {
    this.#paced.catchUp();
    return super.write(fd, buffer);
  }

  override sendto(fd: number, buffer: Uint8Array, flags: number, address: Uint8Array | null): number {
    this.#paced.catchUp();
    return super.sendto(fd, buffer, flags, address);
  }

  override sendmsg(fd: number, message: MessageHeader, flags: number): number {
    this.#paced.catchUp();
    return super.sendmsg(fd, message, flags);
  }

  override sendmmsg(fd: number, vector: MessageVector, first: number, count: number, flags: number): number {
    this.#paced.catchUp();
    return super.sendmmsg(fd, vector, first, count, flags);
  }

  override pollWait(fds: readonly PollFd[], timeout: number, wake: (ready: number) => void): () => void {
    this.#paced.catchUp();
    const release = this.#paced.hold();
    const cancel = super.pollWait(fds, timeout, (ready) => {
      release();
      wake(ready);
    });
    return () => {
      release();
      cancel();
    };
  }
}

/** The system calls of `process` for a program outside of the network. */
export const attended = (process: Process, clock: PacedClock): SystemCalls => new AttendedProcess(process, clock);

/** The network's clock for a program outside of it: its timers count as waiting. */
export const attendedClock = (clock: PacedClock): Clock => ({
  realtime() {
    clock.catchUp();
    return clock.realtime();
  },
  monotonic() {
    clock.catchUp();
    return clock.monotonic();
  },
  after(nanoseconds, callback) {
    clock.catchUp();
    const release = clock.hold();
    const cancel = clock.after(nanoseconds, () => {
      release();
      callback();
    });
    return () => {
      release();
      cancel();
    };
  },
});
