import { readFileSync, writeFileSync } from 'node:fs';
import { createSavefile } from '../savefile/index.ts';
import { align } from './align.ts';
import { type Recorded, recorded } from './capture-of.ts';
import { lineOf } from './check.ts';
import { diffCaptures } from './diff.ts';
import type { Ignored } from './ignore.ts';
import { diffAsTested, type Tested } from './report.ts';

/** A golden file: what a capture was when somebody looked at it and found it good. A capture (by its suffix), compared
 * as `diff` does; or text, one line a frame as `netlab read -n -t` prints it, compared line by line. */

const isCapture = (path: string): boolean => /\.(pcap|pcapng|cap|dmp)(\.(gz|zst))?$/i.test(path);

/** Compares a capture with its golden file. Throws ENOENT where there is none. */
export async function compareGolden(capture: Recorded, path: string, ignored: Ignored): Promise<Tested> {
  if (isCapture(path)) return diffAsTested(await diffCaptures(await recorded(path), capture, { ignored }));
  const golden = readFileSync(path, 'utf8').split('\n').slice(0, -1);
  const now = await textOf(capture);
  const anchors = align(golden, now);
  const frames: { number: number; why: string }[] = [];
  let [rowA, rowB] = [0, 0];
  for (const [nextA, nextB] of [...anchors, [golden.length, now.length] as const]) {
    for (; rowA < nextA; rowA++) note(frames, rowA + 1, 'golden', golden[rowA]!);
    for (; rowB < nextB; rowB++) note(frames, rowB + 1, 'now', now[rowB]!);
    [rowA, rowB] = [nextA + 1, nextB + 1];
  }
  const isMet = frames.length === 0;
  const differ = golden.length + now.length - 2 * anchors.length;
  const expectation = { text: `${capture.name} is as ${path}`, file: path, line: frames[0]?.number ?? 0 };
  const verdict = { expectation, isMet, found: isMet ? 'no difference' : `${differ} lines differ`, frames };
  return { name: capture.name, frames: now.length, verdicts: [verdict], lines: new Map(), isMet };
}

/** Lines that are told, at most. */
const MOST_LINES = 20;

/** Names a line by its number in the golden file or in the capture as it is now. */
function note(frames: { number: number; why: string }[], number: number, of: 'golden' | 'now', line: string): void {
  if (frames.length < MOST_LINES) frames.push({ number, why: `${of}: ${line}` });
}

/** Writes the golden file anew. */
export async function updateGolden(capture: Recorded, path: string): Promise<void> {
  if (!isCapture(path)) {
    writeFileSync(path, (await textOf(capture)).map((line) => `${line}\n`).join(''));
    return;
  }
  const writer = createSavefile(path);
  try {
    await capture.each((block, interfaces) => writer.write(block, interfaces));
  } finally {
    await writer.close();
  }
}

async function textOf(capture: Recorded): Promise<string[]> {
  const lines: string[] = [];
  await capture.each((block, interfaces) => {
    for (let row = 0; row < block.count; row++) {
      if (block.keep[row] === 0) continue;
      const at = block.offset[row]!;
      const bytes = block.bytes.subarray(at, at + block.capturedLength[row]!);
      lines.push(lineOf(bytes, interfaces[block.interfaceId[row]!], block.originalLength[row]!));
    }
  });
  return lines;
}
