/** The candidates nearest to a misspelt word, nearest first: at most a third of the letters wrong, counted as
 * insertions, deletions, replacements and swaps of neighbours (optimal string alignment). */
export function nearestOf(word: string, candidates: Iterable<string>, most: number): string[] {
  const near: { candidate: string; distance: number }[] = [];
  for (const candidate of candidates) {
    const limit = Math.max(1, Math.floor(Math.max(word.length, candidate.length) / 3));
    if (Math.abs(word.length - candidate.length) > limit) continue;
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance <= limit) near.push({ candidate, distance });
  }
  near.sort((a, b) => a.distance - b.distance);
  return near.slice(0, most).map(({ candidate }) => candidate);
}

/** The nearest of them, or null. */
export const nearest = (word: string, candidates: Iterable<string>): string | null =>
  nearestOf(word, candidates, 1)[0] ?? null;

function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let last: number[] = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const cost = a[row - 1] === b[column - 1] ? 0 : 1;
      let distance = Math.min(last[column]! + 1, current[column - 1]! + 1, last[column - 1]! + cost);
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1])
        distance = Math.min(distance, before[column - 2]! + 1);
      current.push(distance);
    }
    before = last;
    last = current;
  }
  return last[b.length]!;
}
