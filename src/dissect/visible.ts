import type { Text } from './text.ts';

/** Bytes `at` up to `end`, or up to the first that is 0, as text, made visible. True where the capture ended first. */
export function visibleUntilZero(t: Text, at: number, end: number): boolean {
  const stop = Math.min(end, t.end);
  let to = at;
  while (to < stop && t.bytes[to] !== 0) to++;
  t.visibleBytes(at, to);
  return to === stop && stop < end;
}
