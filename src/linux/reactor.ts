import type { PollFd } from '../syscall/contract.ts';
import { EPOLL_CLOEXEC, EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CTL_MOD, EPOLLONESHOT } from '../uapi/epoll.ts';
import { EEXIST, ENOENT } from '../uapi/errno.ts';
import { POLLNVAL } from '../uapi/poll.ts';
import { decodeEpollEvent, EPOLL_EVENT_SIZE, encodeEpollEvent } from './epoll-event.ts';
import type { Native } from './native.ts';

/** Waiting for descriptors without blocking the thread: one epoll descriptor for the thread holds whatever is waited for,
 * and libuv polls that one.
 *
 * koffi's poll handle aborts the process when libuv refuses a descriptor: one that is closed, a regular file, or one that
 * the loop watches already. So only a descriptor of our own, which is none of these, is ever given to it. */
export class Reactor {
  readonly #native: Native;
  readonly #poll: (fds: readonly PollFd[]) => number;
  readonly #watched = new Map<number, Watched>();
  readonly #event = new Uint8Array(EPOLL_EVENT_SIZE);
  readonly #events = new Uint8Array(EPOLL_EVENT_SIZE * EVENTS_AT_ONCE);
  /** Created at the first wait. */
  #epfd = -1;
  /** Kept reachable: koffi closes a handle that is collected. */
  #handle: PollHandle | undefined;
  #dispatching = false;
  #waits = 0;

  constructor(native: Native, poll: (fds: readonly PollFd[]) => number) {
    this.#native = native;
    this.#poll = poll;
  }

  /** `SystemCalls.pollWait`. */
  wait(fds: readonly PollFd[], timeout: number, wake: (ready: number) => void): () => void {
    const wait: Wait = { fds, wake, timer: undefined, done: false, held: false };
    const ready = this.#poll(fds);
    if (ready !== 0 || timeout === 0) {
      const soon = setImmediate(() => {
        wait.done = true;
        wake(ready);
      });
      return () => clearImmediate(soon);
    }
    const failed = this.#watch(wait);
    if (failed < 0) {
      this.#end(wait);
      const soon = setImmediate(wake, failed);
      return () => clearImmediate(soon);
    }
    if (timeout > 0) {
      wait.timer = setTimeout(() => {
        if (wait.done) return;
        this.#end(wait);
        // Both may have happened by now; what is ready counts.
        wake(this.#poll(fds));
      }, timeout);
    }
    return () => this.#end(wait);
  }

  /** The descriptor is about to be closed. Whoever still waits for it is woken with POLLNVAL. */
  closing(fd: number): void {
    const watched = this.#watched.get(fd);
    if (!watched) return;
    for (const wait of [...watched.waits]) {
      let ready = 0;
      for (const entry of wait.fds) {
        if (entry.fd === fd) entry.revents = POLLNVAL;
        if (entry.revents !== 0) ready++;
      }
      this.#finish(wait, ready);
    }
    this.#control(EPOLL_CTL_DEL, fd, 0);
    this.#watched.delete(fd);
  }

  #watch(wait: Wait): number {
    const started = this.#start();
    if (started < 0) return started;
    this.#hold(wait);
    for (const { fd } of wait.fds) {
      if (fd < 0) continue;
      let watched = this.#watched.get(fd);
      if (!watched) this.#watched.set(fd, (watched = { waits: new Set(), registered: false }));
      watched.waits.add(wait);
      const armed = this.#arm(fd, watched);
      if (armed < 0) return armed;
    }
    return 0;
  }

  /** Asks for the events that anybody waits for on `fd`, once: EPOLLONESHOT, so that what nobody takes up cannot spin
   * the event loop. */
  #arm(fd: number, watched: Watched): number {
    let events = EPOLLONESHOT;
    for (const wait of watched.waits) for (const entry of wait.fds) if (entry.fd === fd) events |= entry.events;
    let result = this.#control(watched.registered ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, events);
    // The number may stand for another file than when it was registered, or for one registered before.
    if (result === -ENOENT) result = this.#control(EPOLL_CTL_ADD, fd, events);
    else if (result === -EEXIST) result = this.#control(EPOLL_CTL_MOD, fd, events);
    watched.registered = result === 0;
    return result;
  }

  #control(operation: number, fd: number, events: number): number {
    encodeEpollEvent(this.#event, 0, events, BigInt(fd));
    return this.#native.epoll_ctl(this.#epfd, operation, fd, this.#event) < 0 ? -this.#native.errno() : 0;
  }

  #start(): number {
    if (this.#handle) return 0;
    if (this.#epfd < 0) {
      const epfd = this.#native.epoll_create1(EPOLL_CLOEXEC);
      if (epfd < 0) return -this.#native.errno();
      this.#epfd = epfd;
    }
    // The callback comes from libuv itself, outside of what Node wraps a callback in: an exception thrown there is lost,
    // and promises settled there wait for the next turn. setImmediate runs in the same turn, with everything in place.
    this.#handle = this.#native.koffi.node.poll(this.#epfd, { readable: true }, () => {
      if (this.#dispatching) return;
      this.#dispatching = true;
      setImmediate(this.#dispatch);
    });
    this.#handle.unref();
    return 0;
  }

  readonly #dispatch = (): void => {
    this.#dispatching = false;
    const count = this.#native.epoll_wait(this.#epfd, this.#events, EVENTS_AT_ONCE, 0);
    for (let row = 0; row < count; row++) {
      const fd = Number(decodeEpollEvent(this.#events, row * EPOLL_EVENT_SIZE).data);
      const watched = this.#watched.get(fd);
      if (!watched) continue;
      for (const wait of [...watched.waits]) {
        const ready = this.#poll(wait.fds);
        if (ready !== 0) this.#finish(wait, ready);
      }
      if (watched.waits.size > 0) this.#arm(fd, watched);
    }
  };

  /** Takes the wait out and calls `wake` after everything else here is done, so that one that throws stops no other. */
  #finish(wait: Wait, ready: number): void {
    if (wait.done) return;
    this.#release(wait);
    queueMicrotask(() => {
      if (wait.done) return;
      wait.done = true;
      wait.wake(ready);
    });
  }

  #end(wait: Wait): void {
    if (wait.done) return;
    wait.done = true;
    this.#release(wait);
  }

  #release(wait: Wait): void {
    if (wait.timer) clearTimeout(wait.timer);
    for (const { fd } of wait.fds) {
      const watched = this.#watched.get(fd);
      // It stays registered, perhaps armed: an event that nobody waits for is taken by `dispatch`, and disarmed by having
      // come. The same descriptor is waited for again as a rule, and MOD is one call where DEL and ADD are two.
      watched?.waits.delete(wait);
    }
    if (wait.held) {
      wait.held = false;
      if (--this.#waits === 0) this.#handle?.unref();
    }
  }

  /** A pending wait keeps the process alive, as reading a socket does. */
  #hold(wait: Wait): void {
    wait.held = true;
    if (this.#waits++ === 0) this.#handle?.ref();
  }
}

const EVENTS_AT_ONCE = 64;

interface PollHandle {
  ref(): void;
  unref(): void;
}

interface Watched {
  readonly waits: Set<Wait>;
  registered: boolean;
}

interface Wait {
  readonly fds: readonly PollFd[];
  readonly wake: (ready: number) => void;
  timer: NodeJS.Timeout | undefined;
  /** `wake` was called or is not wanted any more. */
  done: boolean;
  /** Counted among the waits that keep the process alive. */
  held: boolean;
}
