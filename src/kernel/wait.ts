/** Wait queues: who wants to hear when something became ready. A waiter's function must do nothing but note the event
 * or defer work; it runs inside whatever woke it. */
export class WaitQueueEntry {
  next: WaitQueueEntry | null = null;
  queue: WaitQueueHead | null = null;
  readonly func: (events: number) => void;
  /** WQ_FLAG_EXCLUSIVE: of these only one is woken, in turn (EPOLLEXCLUSIVE). */
  readonly exclusive: boolean;

  constructor(func: (events: number) => void, exclusive = false) {
    this.func = func;
    this.exclusive = exclusive;
  }
}

export class WaitQueueHead {
  first: WaitQueueEntry | null = null;

  add(entry: WaitQueueEntry): void {
    entry.queue = this;
    entry.next = null;
    let at = this.first;
    if (at === null) {
      this.first = entry;
      return;
    }
    while (at.next !== null) at = at.next;
    at.next = entry;
  }

  remove(entry: WaitQueueEntry): void {
    if (entry.queue !== this) return;
    entry.queue = null;
    let before: WaitQueueEntry | null = null;
    for (let at = this.first; at !== null; before = at, at = at.next) {
      if (at !== entry) continue;
      if (before === null) this.first = at.next;
      else before.next = at.next;
      at.next = null;
      return;
    }
  }

  /** Wakes all ordinary waiters and one exclusive one. `events` are the poll bits that became true. */
  wake(events: number): void {
    let exclusiveDone = false;
    let at = this.first;
    while (at !== null) {
      const next: WaitQueueEntry | null = at.next;
      if (!at.exclusive || !exclusiveDone) {
        at.func(events);
        if (at.exclusive) exclusiveDone = true;
      }
      at = next;
    }
  }
}
