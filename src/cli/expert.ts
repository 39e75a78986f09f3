import type { Fields } from '../dissect/fields.ts';
import type { FrameFacts } from '../dissect/frame.ts';
import { EXPERT_FIELDS, type ExpertItem, expert, SEVERITIES } from '../dissect/session/expert.ts';
import { type SessionOptions, Sessions } from '../dissect/session/sessions.ts';
import { eachFrame, type FrameVisitor, wantedFields } from './frames.ts';
import type { FramesOptions } from './frames-options.ts';
import { printText, untilClosed } from './print-text.ts';
import { stdout } from './stdout.ts';
import { table } from './table.ts';

export interface ExpertOptions extends FramesOptions {
  severity: 'chat' | 'note' | 'warn' | 'error';
  dontVerifyChecksums?: true;
}

/** Different things that are counted; a capture of noise has no end of ports. */
const MAX_KINDS = 10_000;

/** `netlab expert`. */
export async function runExpert(words: string[], options: ExpertOptions): Promise<void> {
  const visitor = new ExpertVisitor(options);
  await untilClosed(() => eachFrame('expert', words, options, visitor));
  if (!options.json) await printText(() => visitor.summary());
}

class ExpertVisitor implements FrameVisitor {
  readonly wanted = wantedFields(EXPERT_FIELDS);
  readonly verifies: boolean;
  readonly #least: number;
  readonly #isJson: boolean;
  readonly #counts = new Map<string, { item: ExpertItem; count: number; firstFrame: number }>();
  #uncounted = 0;
  readonly onlyTransport = true;
  #sessions = new Sessions(null);
  #wait: Promise<void> | undefined;

  constructor(options: ExpertOptions) {
    this.#least = SEVERITIES.findIndex((name) => name.toLowerCase() === options.severity);
    this.#isJson = options.json === true;
    this.verifies = options.dontVerifyChecksums !== true;
  }

  sessions(wanted: Uint8Array | null, options: SessionOptions): Sessions {
    this.#sessions = new Sessions(wanted, options);
    return this.#sessions;
  }

  frame(f: Fields, facts: FrameFacts): void | Promise<void> {
    expert(f, this.#sessions, (item) => {
      if (SEVERITIES.indexOf(item.severity) < this.#least) return;
      if (this.#isJson) this.#write(item, facts);
      else this.#count(item, facts.number);
    });
    const wait = this.#wait;
    this.#wait = undefined;
    return wait;
  }

  #write(item: ExpertItem, facts: FrameFacts): void {
    const { stream } = this.#sessions.tcpStreams;
    const done = stdout().write(
      `${JSON.stringify({
        frame: facts.number,
        time: `${facts.seconds}.${String(facts.nanoseconds).padStart(9, '0')}`,
        severity: item.severity,
        group: item.group,
        protocol: item.protocol,
        summary: item.summary,
        ...(item.protocol === 'TCP' && stream >= 0 ? { stream } : {}),
      })}\n`,
    );
    if (done !== undefined) this.#wait = done;
  }

  #count(item: ExpertItem, frame: number): void {
    const key = `${item.severity}|${item.protocol}|${item.summary}`;
    const entry = this.#counts.get(key);
    if (entry !== undefined) entry.count++;
    else if (this.#counts.size < MAX_KINDS) this.#counts.set(key, { item, count: 1, firstFrame: frame });
    else this.#uncounted++;
  }

  *summary(): Iterable<string> {
    for (const severity of SEVERITIES.toReversed()) {
      const entries = [...this.#counts.values()].filter(({ item }) => item.severity === severity);
      if (entries.length === 0) continue;
      entries.sort((a, b) => b.count - a.count);
      yield `${severity}s (${entries.reduce((sum, { count }) => sum + count, 0)})\n`;
      yield table(
        ['frequency', 'group', 'protocol', 'first frame', 'summary'],
        entries.map(({ item, count, firstFrame }) => [
          String(count),
          item.group,
          item.protocol,
          String(firstFrame),
          item.summary,
        ]),
        [true, false, false, true, false],
      );
      yield '\n';
    }
    if (this.#uncounted > 0) yield `${this.#uncounted} more of other kinds\n`;
  }
}
