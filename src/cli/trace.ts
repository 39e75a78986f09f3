import { printFrame } from '../dissect/text-printer.ts';
import { PacketTrace, type TracedPacket, type TraceEnd } from '../lab/trace.ts';
import { type Backend, emulatedSystem, runOn } from './backend.ts';
import { UsageError } from './exit.ts';
import { runNested } from './nested.ts';
import { redirectStdout, stdout } from './stdout.ts';
import { secondsText } from './table.ts';

/** `netlab trace -- COMMAND`: a command of netlab on our kernel, and the path of each packet. */

export interface TraceOptions {
  seed?: number;
  format: 'text' | 'json';
  limit: number;
  realTime?: true;
  traffic?: true;
}

/** Longest virtual time after the command's end in which its packets are followed: a neighbour that does not answer is
 * given up after three seconds, and in the first four what is born is a consequence still. */
const SETTLE = 5e9;
const BIRTHS = 4e9;

export async function runTrace(words: string[], options: TraceOptions): Promise<number | undefined> {
  const [first] = words;
  if (first === 'trace') throw new UsageError('trace: one is enough');
  const { chosen, network, paced } = await emulatedSystem(
    { backend: 'emulated' satisfies Backend, seed: options.seed, virtualTime: options.realTime ? undefined : true },
    { traffic: options.traffic === true || first === 'capture' },
  );
  const trace = new PacketTrace(paced, { limit: options.limit });
  trace.attach(network.hosts.values());
  // What the command prints is not the trace.
  const giveBack = redirectStdout();
  let code: number | undefined;
  let failure: unknown = null;
  try {
    code = await runOn(chosen, () => runNested(words));
  } catch (error) {
    // What it sent until then is told all the same.
    failure = error;
  } finally {
    giveBack();
  }
  const end = paced.monotonic();
  while (trace.busy && paced.next() <= end + SETTLE) {
    if (paced.next() > end + BIRTHS) trace.close();
    paced.step();
  }
  trace.detach();
  paced.stop();
  const packets = trace.packets();
  const out = stdout();
  for (const packet of packets)
    await out.write(options.format === 'json' ? `${JSON.stringify(jsonOf(packet))}\n` : textOf(packet));
  if (trace.missed > 0)
    process.stderr.write(`netlab: ${trace.missed} more packets were not traced: --limit ${options.limit}\n`);
  if (packets.length === 0) process.stderr.write('netlab: no packet was seen\n');
  if (failure !== null) throw failure;
  return code;
}

/** The packet as tcpdump's line has it. */
function summary({ frame, linkType, length }: TracedPacket): string {
  if (frame.length === 0) return `a packet of ${length} bytes`;
  return printFrame(frame, linkType, { timestamp: 1, originalLength: length }).trim().split('\n')[0]!;
}

const END: Record<TraceEnd['kind'], string> = {
  read: 'read by a program',
  queued: "in a socket's receive queue",
  kernel: 'taken by the kernel',
  dropped: 'died',
  left: 'left the emulated network',
  waiting: 'still waiting',
};

function textOf(packet: TracedPacket): string {
  const { number, steps, ends } = packet;
  const begin = steps[0]!.time;
  const hostWidth = Math.max(...steps.map(({ host }) => host.length));
  const width = Math.max(...steps.map((step) => step.function.length));
  let text = `packet ${number}: ${summary(packet)}\n`;
  for (const step of steps) {
    const { queue } = step;
    const met =
      queue === null
        ? (step.detail ?? '')
        : `${queue.name} ${queue.length}${queue.limit === null ? '' : ` of ${queue.limit}`}`;
    const what = step.dropped === null ? met : `dropped: ${step.dropped}`;
    text += `${`  ${secondsText(step.time)}  ${step.host.padEnd(hostWidth)}  ${step.function.padEnd(width)}  ${what}`.trimEnd()}\n`;
  }
  for (const { kind, host, function: name, reason, time } of ends) {
    const why = reason === null ? '' : `: ${reason}`;
    text += `  ${END[kind]} on ${host} in ${name}${why}, after ${secondsText(time - begin)} s\n`;
  }
  return `${text}\n`;
}

function jsonOf(packet: TracedPacket): object {
  const { number, length, steps, ends } = packet;
  return {
    packet: number,
    summary: summary(packet),
    length,
    nanoseconds: Math.max(...steps.map(({ time }) => time)) - steps[0]!.time,
    steps: steps.map(({ time, host, function: name, detail, queue, dropped }) => ({
      time,
      host,
      function: name,
      ...(detail === null ? {} : { detail }),
      ...(queue === null ? {} : { queue }),
      ...(dropped === null ? {} : { dropped }),
    })),
    ends: ends.map(({ kind, host, function: name, reason, time }) => ({
      end: kind,
      host,
      function: name,
      ...(reason === null ? {} : { reason }),
      time,
    })),
  };
}
