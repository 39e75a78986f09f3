import {
  EPOLL_CTL_ADD,
  EPOLL_CTL_DEL,
  EPOLL_CTL_MOD,
  EPOLLERR,
  EPOLLET,
  EPOLLEXCLUSIVE,
  EPOLLHUP,
  EPOLLONESHOT,
  EPOLLWAKEUP,
} from '../uapi/epoll.ts';
import { EEXIST, EINVAL, ELOOP, ENOENT } from '../uapi/errno.ts';
import { POLLIN, POLLRDNORM } from '../uapi/poll.ts';
import { type File, File as FileClass, type FileOps } from './file.ts';
import { WaitQueueEntry, WaitQueueHead } from './wait.ts';

/** epoll(7) (fs/eventpoll.c): a set of watched descriptions and the list of those that are ready. */

const EP_PRIVATE_BITS = (EPOLLWAKEUP | EPOLLONESHOT | EPOLLET | EPOLLEXCLUSIVE) >>> 0;
const EPOLLEXCLUSIVE_OK_BITS = 0x1 | 0x4 | 0x8 | 0x10 | 0x40 | 0x100 | EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE;
const EP_MAX_NESTS = 4;

class EpItem {
  readonly ep: EventPoll;
  readonly file: File;
  readonly fd: number;
  events: number;
  data: bigint;
  ready = false;
  readonly waits: { queue: WaitQueueHead; entry: WaitQueueEntry }[] = [];

  constructor(ep: EventPoll, file: File, fd: number, events: number, data: bigint) {
    this.ep = ep;
    this.file = file;
    this.fd = fd;
    this.events = events;
    this.data = data;
  }

  watch(): void {
    const exclusive = (this.events & EPOLLEXCLUSIVE) !== 0;
    for (const queue of this.file.ops.queues(this.file)) {
      const entry = new WaitQueueEntry((events) => this.callback(events), exclusive);
      queue.add(entry);
      this.waits.push({ queue, entry });
    }
    this.file.epItems.push(this);
  }

  /** ep_poll_callback: something may have become ready. */
  callback(events: number): void {
    // Disarmed (EPOLLONESHOT), or not what is waited for.
    if ((this.events & ~EP_PRIVATE_BITS) >>> 0 === 0) return;
    if (events !== 0 && !(events & this.events)) return;
    this.ep.markReady(this);
  }

  detach(): void {
    for (const { queue, entry } of this.waits.splice(0)) queue.remove(entry);
    const at = this.file.epItems.indexOf(this);
    if (at >= 0) this.file.epItems.splice(at, 1);
    this.ep.forget(this);
  }
}

export class EventPoll {
  readonly items = new Map<File, Map<number, EpItem>>();
  ready: EpItem[] = [];
  readonly wq = new WaitQueueHead();

  markReady(item: EpItem): void {
    if (!item.ready) {
      item.ready = true;
      this.ready.push(item);
    }
    this.wq.wake(POLLIN | POLLRDNORM);
  }

  forget(item: EpItem): void {
    const at = this.ready.indexOf(item);
    if (at >= 0) this.ready.splice(at, 1);
    item.ready = false;
    const byFd = this.items.get(item.file);
    byFd?.delete(item.fd);
    if (byFd?.size === 0) this.items.delete(item.file);
  }

  find(file: File, fd: number): EpItem | undefined {
    return this.items.get(file)?.get(fd);
  }

  /** Whether anything in the list is really ready (ep_item_poll over the list). */
  anyReady(): boolean {
    return this.ready.some((item) => itemPoll(item) !== 0);
  }

  /** ep_send_events */
  harvest(maximum: number, put: (events: number, data: bigint) => void): number {
    const list = this.ready;
    this.ready = [];
    let count = 0;
    let at = 0;
    const level: EpItem[] = [];
    for (; at < list.length && count < maximum; at++) {
      const item = list[at]!;
      item.ready = false;
      const revents = itemPoll(item);
      if (revents === 0) continue;
      put(revents, item.data);
      count++;
      if (item.events & EPOLLONESHOT) item.events = (item.events & EP_PRIVATE_BITS) >>> 0;
      else if (!(item.events & EPOLLET)) {
        // Level-triggered: stays in the list until a look finds nothing.
        item.ready = true;
        level.push(item);
      }
    }
    // What was not looked at comes first next time, so that no descriptor starves.
    this.ready = [...list.slice(at), ...level];
    return count;
  }
}

const itemPoll = (item: EpItem): number => (item.file.ops.poll(item.file) & item.events & ~EP_PRIVATE_BITS) >>> 0;

const eventpollFops: FileOps = {
  kind: 'epoll',
  poll: (file) => ((file.data as EventPoll).anyReady() ? POLLIN | POLLRDNORM : 0),
  queues: (file) => [(file.data as EventPoll).wq],
  release(file) {
    for (const byFd of [...(file.data as EventPoll).items.values()])
      for (const item of [...byFd.values()]) item.detach();
  },
};

export const epollFile = (): File => new FileClass(eventpollFops, 0x2, null, new EventPoll());

/** How deep epolls watch each other below `file`; Infinity for a circle that comes back to `start`. */
function depth(file: File, start: File): number {
  if (file.ops !== eventpollFops) return 0;
  if (file === start) return Number.POSITIVE_INFINITY;
  let deepest = 0;
  for (const watched of (file.data as EventPoll).items.keys()) deepest = Math.max(deepest, depth(watched, start));
  return deepest + 1;
}

export function epollCtl(
  epFile: File,
  operation: number,
  file: File,
  fd: number,
  events: number,
  data: bigint,
): number {
  // A description that cannot be polled cannot be watched.
  if (epFile === file || epFile.ops !== eventpollFops) return -EINVAL;
  const ep = epFile.data as EventPoll;
  const isEpoll = file.ops === eventpollFops;
  if (operation !== EPOLL_CTL_DEL && events & EPOLLEXCLUSIVE) {
    if (operation === EPOLL_CTL_MOD) return -EINVAL;
    if (operation === EPOLL_CTL_ADD && (isEpoll || (events & ~EPOLLEXCLUSIVE_OK_BITS) >>> 0 !== 0)) return -EINVAL;
  }
  if (operation === EPOLL_CTL_ADD && isEpoll && depth(file, epFile) > EP_MAX_NESTS) return -ELOOP;
  const item = ep.find(file, fd);
  const wanted = (events | EPOLLERR | EPOLLHUP) >>> 0;
  switch (operation) {
    case EPOLL_CTL_ADD: {
      if (item !== undefined) return -EEXIST;
      const made = new EpItem(ep, file, fd, wanted, data);
      let byFd = ep.items.get(file);
      if (byFd === undefined) ep.items.set(file, (byFd = new Map()));
      byFd.set(fd, made);
      made.watch();
      if (itemPoll(made) !== 0) ep.markReady(made);
      return 0;
    }
    case EPOLL_CTL_DEL:
      if (item === undefined) return -ENOENT;
      item.detach();
      return 0;
    case EPOLL_CTL_MOD:
      if (item === undefined) return -ENOENT;
      if (item.events & EPOLLEXCLUSIVE) return -EINVAL;
      item.events = wanted;
      item.data = data;
      if (itemPoll(item) !== 0) ep.markReady(item);
      return 0;
    default:
      return -EINVAL;
  }
}
