import type { Fields } from '../dissect/fields.ts';
import type { FrameFacts } from '../dissect/frame.ts';
import { Sessions } from '../dissect/session/sessions.ts';
import { Conversations, type TallyRow } from '../dissect/session/tally.ts';
import type { FrameBlock } from '../frames/block.ts';
import type { FrameInterface, FrameSink } from '../frames/source.ts';
import { FramePass, type FrameVisitor, wantedFields } from './frames.ts';
import { short } from './status.ts';
import { stdout } from './stdout.ts';
import { table } from './table.ts';
import { formatEnd } from './tally.ts';

/** Conversations that remember what came since they were last asked. */
class RecentConversations extends Conversations {
  /** Bytes and frames by row. */
  readonly recent = new Map<number, { bytes: number; frames: number }>();

  protected override addTo(row: number, side: 0 | 1, facts: FrameFacts): void {
    super.addTo(row, side, facts);
    const known = this.recent.get(row);
    if (known === undefined) this.recent.set(row, { bytes: facts.originalLength, frames: 1 });
    else {
      known.bytes += facts.originalLength;
      known.frames++;
    }
  }
}

interface Busy {
  protocol: string;
  row: TallyRow;
  bytes: number;
  frames: number;
}

/** `netlab capture --top`: the busiest conversations, drawn again with every flush. On a terminal in place, else one list
 * after the other. */
export class TopSink implements FrameSink {
  readonly flushEvery = 1000;
  readonly #tallies: RecentConversations[] = [];
  readonly #pass: FramePass;
  #frames = 0;
  #bytes = 0;
  #isFirst = true;
  #time = performance.now();
  #before = { frames: 0, bytes: 0 };

  constructor() {
    const visitor: FrameVisitor = {
      wanted: wantedFields(['tcp.stream', 'udp.stream']),
      onlyTransport: true,
      sessions: (wanted, options) => {
        const sessions = new Sessions(wanted, options);
        for (const kind of ['tcp', 'udp', 'ip', 'ipv6'] as const)
          this.#tallies.push(new RecentConversations(kind, sessions));
        return sessions;
      },
      frame: (f, facts) => this.#frame(f, facts),
    };
    this.#pass = new FramePass(visitor, null);
  }

  #frame(f: Fields, facts: FrameFacts): void {
    this.#frames++;
    this.#bytes += facts.originalLength;
    let hasPorts = false;
    for (let layer = 0; layer < f.layers; layer++) {
      const { name } = f.layerProtocol[layer]!;
      if (name === 'tcp' || name === 'udp') hasPorts = true;
    }
    // What has ports counts by them, all else by its addresses.
    for (const tally of this.#tallies) if (tally.hasPorts === hasPorts) tally.add(f, facts);
  }

  write(block: FrameBlock, interfaces: readonly FrameInterface[]): Promise<void> {
    return this.#pass.block(block, interfaces);
  }

  flush(): void | Promise<void> {
    // Nothing to show yet.
    if (this.#frames === 0) return;
    return stdout().write(this.#draw());
  }

  close(): void | Promise<void> {
    return stdout().write(this.#draw());
  }

  #draw(): string {
    const now = performance.now();
    const seconds = Math.max(0.001, (now - this.#time) / 1000);
    this.#time = now;
    const { isTerminal } = stdout();
    const rows = isTerminal ? Math.max((process.stdout.rows ?? 24) - 4, 3) : 20;
    const width = isTerminal ? Math.max((process.stdout.columns ?? 80) - 1, 20) : Number.POSITIVE_INFINITY;
    const busy: Busy[] = [];
    for (const tally of this.#tallies) {
      for (const [row, { bytes, frames }] of [...tally.recent].sort((a, b) => b[1].bytes - a[1].bytes).slice(0, rows))
        busy.push({ protocol: tally.kind, row: tally.row(row), bytes, frames });
      tally.recent.clear();
    }
    // While nothing happens those stay that had most.
    if (busy.length === 0)
      for (const tally of this.#tallies)
        for (const row of tally.top(rows)) busy.push({ protocol: tally.kind, row, bytes: 0, frames: 0 });
    busy.sort((a, b) => b.bytes - a.bytes);
    const frames = this.#frames - this.#before.frames;
    const bytes = this.#bytes - this.#before.bytes;
    this.#before = { frames: this.#frames, bytes: this.#bytes };
    const count = this.#tallies.reduce((sum, tally) => sum + tally.used, 0);
    const head = `${this.#frames} packets, ${short(this.#bytes, 'B')}, ${short(frames / seconds)} packets/s, ${short((bytes * 8) / seconds, 'bit/s')}, ${count} conversations\n\n`;
    const body = table(
      ['', 'A', 'B', 'bit/s', 'packets/s', 'packets →', 'packets ←', 'bytes →', 'bytes ←'],
      busy
        .slice(0, rows)
        .map(({ protocol, row, bytes: recentBytes, frames: recentFrames }) => [
          protocol,
          formatEnd(row.from, row.fromPort),
          formatEnd(row.to, row.toPort),
          short((recentBytes * 8) / seconds),
          short(recentFrames / seconds),
          String(row.framesSent),
          String(row.framesReceived),
          short(row.bytesSent, 'B'),
          short(row.bytesReceived, 'B'),
        ]),
      [false, false, false, true, true, true, true, true, true],
    );
    const text = head + body;
    if (!isTerminal) return `${text}\n`;
    const lines = text
      .trimEnd()
      .split('\n')
      .map((line) => `${line.slice(0, width)}\x1b[K\n`);
    const clear = this.#isFirst ? '\x1b[2J' : '';
    this.#isFirst = false;
    return `${clear}\x1b[H${lines.join('')}\x1b[J`;
  }
}
