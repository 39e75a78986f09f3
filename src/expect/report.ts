import type { CaptureDifference, Difference } from './diff.ts';
import { timeText, type Witness } from './evaluate.ts';

/** What came of a check or a comparison, for people and for the programs that collect tests. */

/** What reports are made of: a capture, and what was asked of it. */
export interface Tested {
  name: string;
  frames: number;
  verdicts: readonly TestedCase[];
  lines: ReadonlyMap<number, string>;
  isMet: boolean;
}

interface TestedCase {
  expectation: { text: string; file: string; line: number };
  isMet: boolean;
  found: string;
  frames: readonly Witness[];
}

/** Marks text: for colour on a terminal. */
export interface Marks {
  good(text: string): string;
  bad(text: string): string;
  dim(text: string): string;
}
export const PLAIN: Marks = { good: (text) => text, bad: (text) => text, dim: (text) => text };

const place = ({ expectation: { file, line } }: TestedCase): string => (file === '' ? '' : `${file}:${line}: `);

/** The frames that a verdict turns on, a line each. */
function witnesses(checked: Tested, { frames }: TestedCase): string[] {
  return frames.map(({ number, why }) => {
    const line = checked.lines.get(number);
    return line ? `frame ${number}: ${why}: ${line}` : `${number}: ${why}`;
  });
}

/** One line for each expectation, and under those that are not met what was found. */
export function checkText(checked: readonly Tested[], marks: Marks = PLAIN): string {
  let text = '';
  for (const one of checked) {
    text += `${one.name}: ${one.frames} ${one.frames === 1 ? 'frame' : 'frames'}\n`;
    for (const verdict of one.verdicts) {
      const { isMet, expectation, found } = verdict;
      text += isMet
        ? `  ${marks.good('ok')}   ${expectation.text} ${marks.dim(`(${found})`)}\n`
        : `  ${marks.bad('FAIL')} ${expectation.text}\n       ${place(verdict)}found: ${found}\n`;
      if (!isMet) for (const witness of witnesses(one, verdict)) text += `       ${witness}\n`;
    }
  }
  const all = checked.flatMap(({ verdicts }) => verdicts);
  const failed = all.filter(({ isMet }) => !isMet).length;
  const met = `${all.length - failed} of ${all.length} expectations met`;
  return `${text}${failed === 0 ? marks.good(met) : marks.bad(met)}\n`;
}

/** The Test Anything Protocol, version 14. */
export function checkTap(checked: readonly Tested[]): string {
  const count = checked.reduce((sum, { verdicts }) => sum + verdicts.length, 0);
  let text = `TAP version 14\n1..${count}\n`;
  let number = 0;
  for (const one of checked)
    for (const verdict of one.verdicts) {
      const name = `${one.name}: ${verdict.expectation.text}`.replace(/[\\#]/g, '\\$&');
      text += `${verdict.isMet ? 'ok' : 'not ok'} ${++number} - ${name}\n`;
      if (verdict.isMet) continue;
      text += `  ---\n  found: ${JSON.stringify(verdict.found)}\n`;
      if (verdict.expectation.file !== '')
        text += `  at: ${JSON.stringify(`${verdict.expectation.file}:${verdict.expectation.line}`)}\n`;
      const frames = witnesses(one, verdict);
      if (frames.length > 0) text += `  frames:\n${frames.map((frame) => `    - ${JSON.stringify(frame)}\n`).join('')}`;
      text += '  ...\n';
    }
  return text;
}

const xml = (text: string): string =>
  text
    // Characters that XML 1.0 does not have.
    .replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd]/g, '?')
    .replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c]!);

/** JUnit's XML: a suite for each capture, a case for each expectation. */
export function checkJunit(checked: readonly Tested[]): string {
  const count = (of: readonly Tested[], failed: boolean): number =>
    of.reduce((sum, { verdicts }) => sum + verdicts.filter(({ isMet }) => !failed || !isMet).length, 0);
  let text = `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites tests="${count(checked, false)}" failures="${count(checked, true)}">\n`;
  for (const one of checked) {
    text += `  <testsuite name="${xml(one.name)}" tests="${count([one], false)}" failures="${count([one], true)}">\n`;
    for (const verdict of one.verdicts) {
      const { expectation, isMet, found } = verdict;
      text += `    <testcase classname="${xml(one.name)}" name="${xml(expectation.text)}"`;
      if (expectation.file !== '') text += ` file="${xml(expectation.file)}" line="${expectation.line}"`;
      if (isMet) text += '/>\n';
      else {
        const details = [`${place(verdict)}found: ${found}`, ...witnesses(one, verdict)].join('\n');
        text += `>\n      <failure message="${xml(`found: ${found}`)}">${xml(details)}</failure>\n    </testcase>\n`;
      }
    }
    text += '  </testsuite>\n';
  }
  return `${text}</testsuites>\n`;
}

/** One object for all. */
export function checkJson(checked: readonly Tested[]): string {
  const captures = checked.map((one) => ({
    capture: one.name,
    frames: one.frames,
    met: one.isMet,
    expectations: one.verdicts.map(({ expectation, isMet, found, frames }) => ({
      expectation: expectation.text,
      ...(expectation.file === '' ? {} : { file: expectation.file, line: expectation.line }),
      met: isMet,
      found,
      ...(isMet
        ? {}
        : { frames: frames.map(({ number, why }) => ({ number, why, line: one.lines.get(number) ?? '' })) }),
    })),
  }));
  return `${JSON.stringify({ met: checked.every(({ isMet }) => isMet), captures })}\n`;
}

const MOST_FIELDS = 20;

function differenceText(difference: Difference, marks: Marks): string {
  switch (difference.kind) {
    case 'removed':
      return marks.bad(`- ${difference.a}  ${difference.line}\n`);
    case 'added':
      return marks.good(`+ ${difference.b}  ${difference.line}\n`);
    case 'moved':
      return `> ${difference.a} is now ${difference.b}  ${difference.line}\n`;
    case 'time': {
      const { a, b, timeA, timeB, line } = difference;
      return `t ${a} = ${b}  at ${timeText(timeA)}, now at ${timeText(timeB)}  ${line}\n`;
    }
    case 'changed': {
      const { a, b, line, lineB, fields } = difference;
      let text = `~ ${a} = ${b}  ${line}\n`;
      if (lineB !== line) text += `${' '.repeat(`~ ${a} = ${b}  `.length)}${lineB}\n`;
      for (const { field, a: before, b: after } of fields.slice(0, MOST_FIELDS)) {
        text += `    ${field}: `;
        if (before === null) text += `${marks.good(`now ${quoted(after!)}`)}, was not there\n`;
        else if (after === null) text += `${marks.bad(`was ${quoted(before)}`)}, is gone\n`;
        else text += `${marks.bad(quoted(before))} -> ${marks.good(quoted(after))}\n`;
      }
      if (fields.length > MOST_FIELDS) text += `    and ${fields.length - MOST_FIELDS} fields more\n`;
      return text;
    }
  }
}

const LONG = 120;
const quoted = (text: string): string => {
  const shown = text.length > LONG ? `${text.slice(0, LONG)}...` : text;
  return shown === '' || /[^\x21-\x7e]/.test(shown) ? JSON.stringify(shown) : shown;
};

export function diffText(difference: CaptureDifference, marks: Marks = PLAIN): string {
  const { a, b, same, differences } = difference;
  let text = `--- ${a.name}  ${a.frames} frames\n+++ ${b.name}  ${b.frames} frames\n`;
  for (const one of differences) text += differenceText(one, marks);
  const count = (kind: Difference['kind']): number => differences.filter((one) => one.kind === kind).length;
  const parts = [`${same} the same`];
  if (count('changed') > 0) parts.push(`${count('changed')} changed`);
  if (count('removed') > 0) parts.push(`${count('removed')} gone`);
  if (count('added') > 0) parts.push(`${count('added')} new`);
  if (count('moved') > 0) parts.push(`${count('moved')} moved`);
  if (count('time') > 0) parts.push(`${count('time')} at another time`);
  return `${text}${parts.join(', ')}\n`;
}

export const diffJson = (difference: CaptureDifference): string => `${JSON.stringify(difference)}\n`;

/** A comparison as a test with one case: for TAP and JUnit. */
export function diffAsTested(difference: CaptureDifference): Tested {
  const text = `${difference.b.name} is as ${difference.a.name}`;
  const isMet = difference.differences.length === 0;
  const lines = new Map<number, string>();
  const frames = difference.differences.slice(0, MOST_FIELDS).map((one, row) => {
    lines.set(row + 1, differenceText(one, PLAIN).trimEnd());
    return { number: row + 1, why: one.kind };
  });
  const expectation = { text, file: '', line: 0 };
  const found = isMet ? 'no difference' : `${difference.differences.length} differences`;
  return {
    name: difference.b.name,
    frames: difference.b.frames,
    verdicts: [{ expectation, isMet, found, frames }],
    lines,
    isMet,
  };
}
