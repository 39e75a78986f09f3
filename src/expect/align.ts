/** Aligning two sequences so that what was put in or taken out does not make everything after it differ. */

/** Equal elements that stand for each other, in order: rows of the first and of the second sequence. */
export type Anchors = [a: number, b: number][];

/** Cells of a table for the longest common subsequence, at most. */
const MOST_CELLS = 4_000_000;

/** Finds equal elements in order: what both begin and end with, then those that are there once in both (as patience
 * diff does), and between them the longest common subsequence, as long as the table for it is of bearable size. */
export function align(a: readonly string[], b: readonly string[]): Anchors {
  const anchors: Anchors = [];
  between(a, b, 0, a.length, 0, b.length, anchors);
  return anchors;
}

function between(
  a: readonly string[],
  b: readonly string[],
  fromA: number,
  toA: number,
  fromB: number,
  toB: number,
  anchors: Anchors,
): void {
  while (fromA < toA && fromB < toB && a[fromA] === b[fromB]) anchors.push([fromA++, fromB++]);
  const tail: Anchors = [];
  while (fromA < toA && fromB < toB && a[toA - 1] === b[toB - 1]) tail.push([--toA, --toB]);
  if (fromA < toA && fromB < toB) {
    const unique = uniqueAnchors(a, b, fromA, toA, fromB, toB);
    if (unique.length > 0) {
      let [lastA, lastB] = [fromA, fromB];
      for (const [rowA, rowB] of unique) {
        between(a, b, lastA, rowA, lastB, rowB, anchors);
        anchors.push([rowA, rowB]);
        [lastA, lastB] = [rowA + 1, rowB + 1];
      }
      between(a, b, lastA, toA, lastB, toB, anchors);
    } else if ((toA - fromA) * (toB - fromB) <= MOST_CELLS) {
      common(a, b, fromA, toA, fromB, toB, anchors);
    }
  }
  anchors.push(...tail.reverse());
}

/** Elements that are there exactly once on both sides, the longest run of them that is in order on both. */
function uniqueAnchors(
  a: readonly string[],
  b: readonly string[],
  fromA: number,
  toA: number,
  fromB: number,
  toB: number,
): Anchors {
  const rows = (of: readonly string[], from: number, to: number): Map<string, number> => {
    const found = new Map<string, number>();
    for (let row = from; row < to; row++) found.set(of[row]!, found.has(of[row]!) ? -1 : row);
    return found;
  };
  const inB = rows(b, fromB, toB);
  const candidates: Anchors = [];
  for (const [element, row] of rows(a, fromA, toA)) {
    const other = inB.get(element);
    if (row >= 0 && other !== undefined && other >= 0) candidates.push([row, other]);
  }
  candidates.sort((x, y) => x[0] - y[0]);
  return increasing(candidates);
}

/** The longest subsequence whose second numbers increase (patience sorting). */
function increasing(candidates: Anchors): Anchors {
  const tops: number[] = [];
  const before = new Int32Array(candidates.length).fill(-1);
  for (const [index, [, value]] of candidates.entries()) {
    let low = 0;
    let high = tops.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (candidates[tops[middle]!]![1] < value) low = middle + 1;
      else high = middle;
    }
    if (low > 0) before[index] = tops[low - 1]!;
    tops[low] = index;
  }
  const longest: Anchors = [];
  for (let index = tops.at(-1) ?? -1; index >= 0; index = before[index]!) longest.push(candidates[index]!);
  return longest.reverse();
}

function common(
  a: readonly string[],
  b: readonly string[],
  fromA: number,
  toA: number,
  fromB: number,
  toB: number,
  anchors: Anchors,
): void {
  const width = toB - fromB + 1;
  const lengths = new Uint32Array((toA - fromA + 1) * width);
  for (let i = toA - fromA - 1; i >= 0; i--)
    for (let j = toB - fromB - 1; j >= 0; j--)
      lengths[i * width + j] =
        a[fromA + i] === b[fromB + j]
          ? lengths[(i + 1) * width + j + 1]! + 1
          : Math.max(lengths[(i + 1) * width + j]!, lengths[i * width + j + 1]!);
  for (let i = 0, j = 0; i < toA - fromA && j < toB - fromB; ) {
    if (a[fromA + i] === b[fromB + j]) anchors.push([fromA + i++, fromB + j++]);
    else if (lengths[(i + 1) * width + j]! >= lengths[i * width + j + 1]!) i++;
    else j++;
  }
}

/** Pairs elements that are alike, in order, so that the sum of `likeness` is the greatest. 0: never a pair. */
export function pairUp(countA: number, countB: number, likeness: (a: number, b: number) => number): Anchors {
  if (countA * countB > MOST_CELLS / 16) {
    const pairs: Anchors = [];
    for (let row = 0; row < Math.min(countA, countB); row++) if (likeness(row, row) > 0) pairs.push([row, row]);
    return pairs;
  }
  const width = countB + 1;
  const sums = new Float64Array((countA + 1) * width);
  const scores = new Float64Array(countA * countB);
  for (let i = countA - 1; i >= 0; i--)
    for (let j = countB - 1; j >= 0; j--) {
      const score = likeness(i, j);
      scores[i * countB + j] = score;
      const paired = score > 0 ? sums[(i + 1) * width + j + 1]! + score : 0;
      sums[i * width + j] = Math.max(paired, sums[(i + 1) * width + j]!, sums[i * width + j + 1]!);
    }
  const pairs: Anchors = [];
  for (let i = 0, j = 0; i < countA && j < countB; ) {
    const score = scores[i * countB + j]!;
    if (score > 0 && sums[i * width + j] === sums[(i + 1) * width + j + 1]! + score) pairs.push([i++, j++]);
    else if (sums[i * width + j] === sums[(i + 1) * width + j]) i++;
    else j++;
  }
  return pairs;
}
