import { lossAdvice } from '../capture/loss-advice.ts';
import { type LossCounter, type LossPlace, lossDifferences, readLosses } from '../capture/losses.ts';
import { waitUntil } from '../inject/pace.ts';
import { type BackendOptions, type ChosenSystem, chooseSystem } from './backend.ts';
import { handleSignals } from './signals.ts';
import { StdoutClosed, stdout } from './stdout.ts';

/** `netlab drops`: where packets are lost, and what to enlarge. */

export interface DropsOptions extends BackendOptions {
  interval?: number;
  count?: number;
  all?: true;
  format: 'text' | 'json';
}

export async function runDrops(options: DropsOptions): Promise<void> {
  const chosen = await chooseSystem(options);
  const { system, clock } = chosen;
  const out = stdout();
  let before = await readLosses(system);
  if (options.interval === undefined && options.count === undefined) {
    await out.write(options.format === 'json' ? jsonOf(chosen, before) : tableOf(chosen, before, options.all === true));
    return;
  }
  const { interval = 1, count = Number.POSITIVE_INFINITY } = options;
  const controller = new AbortController();
  const giveBack = handleSignals(
    () => controller.abort(),
    () => undefined,
  );
  const { signal } = controller;
  out.onError(() => controller.abort());
  try {
    let due = clock.monotonic();
    for (let round = 0; round < count; round++) {
      due += interval * 1e9;
      await waitUntil(clock, due, { signal });
      if (signal.aborted) break;
      const now = await readLosses(system);
      const moved = lossDifferences(before, now).filter(({ value }) => value > 0);
      before = now;
      await out.write(options.format === 'json' ? jsonOf(chosen, moved) : movedText(chosen, moved));
    }
  } catch (error) {
    // `| head` has seen enough.
    if (!(error instanceof StdoutClosed)) throw error;
  } finally {
    giveBack();
  }
}

/** Side by side: for each place a table, a line for each scope; then what to do about those that moved. */
function tableOf(chosen: ChosenSystem, counters: readonly LossCounter[], all: boolean): string {
  const places = new Map<LossPlace, Map<string, LossCounter[]>>();
  for (const counter of counters) {
    let scopes = places.get(counter.place);
    if (scopes === undefined) places.set(counter.place, (scopes = new Map()));
    const row = scopes.get(counter.scope);
    if (row === undefined) scopes.set(counter.scope, [counter]);
    else row.push(counter);
  }
  let text = '';
  for (const [place, scopes] of places) {
    // Sockets that lost nothing are as many as there are sockets.
    const quiet = (row: LossCounter[]): boolean => place === 'socket' && !all && row.every(({ value }) => value === 0);
    const shown = [...scopes].filter(([, row]) => !quiet(row));
    const silent = scopes.size - shown.length;
    if (text !== '' && shown.length > 0) text += '\n';
    text += placeText(place, shown);
    if (silent > 0) text += `${place}: ${silent} that dropped nothing (--all shows them)\n`;
  }
  const lost = counters.filter(({ value }) => value > 0);
  text += lost.length === 0 ? '\nNothing was lost since these counters began.\n' : '\nSince these counters began:\n';
  return text + lost.map((counter) => lineOf(chosen, counter, '')).join('');
}

/** A place's table, in pieces where the terminal is too narrow for all columns. */
function placeText(place: LossPlace, scopes: readonly [string, LossCounter[]][]): string {
  if (scopes.length === 0) return '';
  const names = [...new Set(scopes.flatMap(([, row]) => row.map(({ name }) => name)))];
  const value = (row: LossCounter[], name: string): string =>
    String(row.find((one) => one.name === name)?.value ?? '-');
  const first = Math.max(place.length, ...scopes.map(([scope]) => scope.length));
  const widths = names.map((name) => Math.max(name.length, ...scopes.map(([, row]) => value(row, name).length)));
  const room = stdout().isTerminal ? (process.stdout.columns ?? 80) : Number.POSITIVE_INFINITY;
  let text = '';
  for (let from = 0; from < names.length; ) {
    let to = from;
    for (let width = first; to < names.length && (to === from || width + 2 + widths[to]! <= room); to++)
      width += 2 + widths[to]!;
    const line = (head: string, cell: (name: string) => string): string =>
      `${head.padEnd(first)}${names
        .slice(from, to)
        .map((name, at) => `  ${cell(name).padStart(widths[from + at]!)}`)
        .join('')}\n`;
    text += line(place, (name) => name);
    for (const [scope, row] of scopes) text += line(scope, (name) => value(row, name));
    from = to;
  }
  return text;
}

function lineOf({ system }: ChosenSystem, counter: LossCounter, sign: string): string {
  const { place, scope, name, value } = counter;
  const { meaning, advice } = lossAdvice(system, counter);
  return `  ${place} ${scope} ${name} ${sign}${value}${meaning === '' ? '' : `: ${meaning}`}\n${advice === '' ? '' : `      -> ${advice}\n`}`;
}

const clockTime = ({ clock }: ChosenSystem): string => {
  const { seconds, nanoseconds } = clock.realtime();
  const date = new Date(seconds * 1000 + Math.floor(nanoseconds / 1e6));
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map((part) => String(part).padStart(2, '0')).join(':');
};

function movedText(chosen: ChosenSystem, moved: readonly LossCounter[]): string {
  if (moved.length === 0) return `${clockTime(chosen)}  nothing was lost\n`;
  return `${clockTime(chosen)}\n${moved.map((counter) => lineOf(chosen, counter, '+')).join('')}`;
}

function jsonOf({ clock, kind, system }: ChosenSystem, counters: readonly LossCounter[]): string {
  const { seconds, nanoseconds } = clock.realtime();
  return `${JSON.stringify({
    time: `${seconds}.${String(nanoseconds).padStart(9, '0')}`,
    kernel: kind,
    counters: counters.map((counter) => {
      const { meaning, advice } = lossAdvice(system, counter);
      return { ...counter, ...(counter.value > 0 ? { meaning, advice } : {}) };
    }),
  })}\n`;
}
