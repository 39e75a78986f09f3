/** The thread of one member of a fanout group: takes the blocks of a ring and sends copies of them. */
import { parentPort, workerData } from 'node:worker_threads';
import { anyInterface, FilteredRing } from '../capture/live.ts';
import { BATCHES_UNDERWAY, type FromMember, type MemberTask, packError, type ToMember } from '../capture/member.ts';
import { type Batch, copyBatch } from '../capture/merge.ts';
import { linuxSystemCalls } from '../linux/index.ts';
import { PacketRing } from '../socket/ring.ts';

const port = parentPort!;
const { options, member, program } = workerData as MemberTask;

const tell = (message: FromMember, transfer: ArrayBuffer[] = []): void => port.postMessage(message, transfer);
const memoryOf = (batch: Batch): ArrayBuffer[] =>
  [
    batch.bytes,
    batch.offset,
    batch.capturedLength,
    batch.originalLength,
    batch.seconds,
    batch.nanoseconds,
    batch.interfaceId,
    batch.flags,
  ].map(({ buffer }) => buffer as ArrayBuffer);

let ring: FilteredRing | null = null;
let underway = 0;
let resume: (() => void) | null = null;

port.on('message', ({ kind }: ToMember) => {
  switch (kind) {
    case 'taken':
      underway--;
      resume?.();
      resume = null;
      break;
    case 'stop':
      ring?.ring.stop();
      break;
    case 'statistics':
      if (ring !== null) tell({ kind: 'statistics', statistics: ring.statistics() });
  }
});

const none = {
  interface: options.interface,
  member,
  received: 0,
  dropped: 0,
  freezes: 0,
  delivered: 0,
  undelivered: 0,
};
try {
  const opened = PacketRing.open(linuxSystemCalls(), options);
  ring = new FilteredRing(opened, options.interface, member, () => program);
  const live = { interfaces: [], ...(options.snapLength === undefined ? {} : { snaplen: options.snapLength }) };
  const interfaces = options.interface === 'any' ? [anyInterface(opened, live)] : opened.interfaces;
  tell({ kind: 'open', bufferSize: opened.bufferSize, interfaces });
  for await (const block of ring) {
    const batch = copyBatch(block);
    underway++;
    tell({ kind: 'batch', batch, interfaces: opened.interfaces }, memoryOf(batch));
    if (underway >= BATCHES_UNDERWAY)
      await new Promise<void>((resolve) => {
        resume = resolve;
      });
  }
  tell({ kind: 'ended', statistics: ring.statistics(), error: null });
} catch (error) {
  tell({ kind: 'ended', statistics: ring?.statistics() ?? none, error: packError(error) });
}
port.close();
