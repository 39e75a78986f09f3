import type { Worker } from 'node:worker_threads';
import type { FrameInterface } from '../frames/source.ts';
import { ringLink } from '../socket/ring.ts';
import type { SystemCalls } from '../syscall/contract.ts';
import { SystemError } from '../syscall/error.ts';
import type { Feed } from './feed.ts';
import { type LiveOptions, ringOptions, userProgram } from './live.ts';
import { type FromMember, type MemberTask, type ToMember, unpackError } from './member.ts';
import type { Batch } from './merge.ts';
import type { RingStatistics } from './statistics.ts';

/** Opens the members of a fanout group on one interface, each in a thread of its own. */
export async function openMembers(
  system: SystemCalls,
  name: string,
  options: LiveOptions,
  fanout: NonNullable<LiveOptions['fanout']>,
): Promise<{ feeds: Feed[]; bufferSize: number; interfaces: FrameInterface[] }> {
  // A function cannot go to another thread: the programs are made here.
  const { linkType } = ringLink(system, name);
  const filter = options.filter?.program(linkType, 'kernel') ?? null;
  const program = userProgram(options)(linkType);
  // The group's number is the process's choice among 65536 of the network namespace; a taken one is refused (EINVAL)
  // where its interface or mode is another, and then the next is tried.
  let group = (process.pid * 31 + fanoutGroups++ * 257) & 0xffff;
  for (let attempt = 0; ; attempt++) {
    const task = (member: number): MemberTask => ({
      member,
      program,
      options: { ...ringOptions(name, options), filter, fanout: { group, mode: fanout.mode } },
    });
    const feeds: MemberFeed[] = [];
    try {
      let open: Opened = { bufferSize: 0, interfaces: [] };
      for (let member = 0; member < fanout.threads; member++) {
        const feed = new MemberFeed(fanout.start(task(member)), name, member);
        feeds.push(feed);
        open = await feed.opened();
      }
      return { feeds, ...open };
    } catch (error) {
      await Promise.all(feeds.map((feed) => feed.close()));
      const taken = error instanceof SystemError && error.syscall.includes('PACKET_FANOUT') && error.code === 'EINVAL';
      if (!taken || attempt === 8) throw error;
      group = (group + 1) & 0xffff;
    }
  }
}

let fanoutGroups = 0;

/** What a member says of its ring when that is open. */
interface Opened {
  bufferSize: number;
  interfaces: FrameInterface[];
}

/** A ring in a thread of its own. */
class MemberFeed implements Feed {
  readonly #worker: Worker;
  #last: RingStatistics;
  #open: { resolve: (opened: Opened) => void; reject: (error: Error) => void } | null = null;
  #end: { resolve: () => void; reject: (error: Error) => void } | null = null;
  #outcome: { error: Error | null } | null = null;
  #asked: ((statistics: RingStatistics) => void)[] = [];
  #take: ((batch: Batch, interfaces: readonly FrameInterface[]) => Promise<void> | void) | null = null;
  /** Batches that came before `run`. */
  #early: { batch: Batch; interfaces: FrameInterface[] }[] = [];

  constructor(worker: Worker, name: string, member: number) {
    this.#worker = worker;
    this.#last = { interface: name, member, received: 0, dropped: 0, freezes: 0, delivered: 0, undelivered: 0 };
    worker.on('message', (message: FromMember) => this.#message(message));
    worker.on('error', (error) => this.#ended(error));
    worker.on('exit', () => this.#ended(new Error(`the thread of member ${member} on ${name} ended by itself`)));
  }

  opened(): Promise<Opened> {
    return new Promise((resolve, reject) => {
      if (this.#outcome?.error) reject(this.#outcome.error);
      else this.#open = { resolve, reject };
    });
  }

  #tell(kind: ToMember['kind']): void {
    this.#worker.postMessage({ kind } satisfies ToMember);
  }

  #message(message: FromMember): void {
    switch (message.kind) {
      case 'open':
        this.#open?.resolve(message);
        this.#open = null;
        break;
      case 'batch':
        if (this.#take === null) this.#early.push(message);
        else void this.#give(message.batch, message.interfaces);
        break;
      case 'statistics':
        this.#last = message.statistics;
        this.#answer();
        break;
      case 'ended':
        this.#last = message.statistics;
        this.#ended(message.error === null ? null : unpackError(message.error));
    }
  }

  async #give(batch: Batch, interfaces: readonly FrameInterface[]): Promise<void> {
    await this.#take!(batch, interfaces);
    this.#tell('taken');
  }

  #answer(): void {
    const asked = this.#asked;
    this.#asked = [];
    for (const answer of asked) answer(this.#last);
  }

  #ended(error: Error | null): void {
    if (this.#outcome !== null) return;
    this.#outcome = { error };
    if (error !== null) this.#open?.reject(error);
    if (error === null) this.#end?.resolve();
    else this.#end?.reject(error);
    this.#answer();
  }

  run(take: (batch: Batch, interfaces: readonly FrameInterface[]) => Promise<void> | void): Promise<void> {
    this.#take = take;
    for (const { batch, interfaces } of this.#early) void this.#give(batch, interfaces);
    this.#early = [];
    if (this.#outcome !== null)
      return this.#outcome.error === null ? Promise.resolve() : Promise.reject(this.#outcome.error);
    return new Promise((resolve, reject) => {
      this.#end = { resolve, reject };
    });
  }

  stop(): void {
    if (this.#outcome === null) this.#tell('stop');
  }

  statistics(): RingStatistics | Promise<RingStatistics> {
    if (this.#outcome !== null) return this.#last;
    this.#tell('statistics');
    return new Promise((resolve) => this.#asked.push(resolve));
  }

  async close(): Promise<void> {
    if (this.#outcome === null) this.#outcome = { error: null };
    this.#answer();
    this.#end?.resolve();
    await this.#worker.terminate();
  }
}
