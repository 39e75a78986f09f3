/** A program's control flow as text: a box for every run of instructions without a jump, arrows in lanes to the right.
 *
 *     +----------------------+
 *     | (000) ldh [12]       |
 *     | (001) jeq #0x800     |
 *     +----------------------+
 *         |-- no ---------------+
 *         | yes                 |
 *         v                     |
 *
 * A jump to a box that does not stand right below goes into that box's lane, and all jumps to it share the lane. Where a
 * horizontal line crosses a lane without joining it, the lane's bar stays; a join is a plus. Lanes that the width has no
 * room for become references, `--> (019)`. */
import { wrap } from './explain.ts';
import { reachable, successors } from './flow.ts';
import { mnemonicAndOperand } from './image.ts';
import { BPF_JMP, BPF_RET, bpfClass, isConditionalJump } from './opcodes.ts';
import type { BpfProgram } from './program.ts';
import { isAccept, isReject, testClauses } from './sentences.ts';
import { type State, states } from './symbolic.ts';

export interface GraphOptions {
  linkType: number;
  /** Columns of the drawing. Default 80; at least 40 are used. */
  width?: number;
}

interface Block {
  readonly first: number;
  readonly last: number;
}

/** A line of the drawing before the lanes are in: `to` leaves for a box's lane, `into` is where one ends. */
interface Row {
  text: string;
  to?: number;
  into?: number;
}

const LANE = 3;
const NARROWEST_BOX = 30;
const INDENT = '    ';

/** The drawing, each line ended. */
export function graph(program: BpfProgram, { linkType, width = 80 }: GraphOptions): string {
  const columns = Math.max(width, 40);
  const blocks = basicBlocks(program);
  const laneOf = allotLanes(program, blocks, Math.floor((columns - NARROWEST_BOX - 2) / LANE));
  const lanes = Math.max(-1, ...laneOf.values()) + 1;
  const widest = columns - (lanes > 0 ? lanes * LANE + 1 : 0);
  const before = states(program);
  const contents = blocks.map((block) => boxContent(program, block, before, linkType, widest - 4));
  const inner = Math.max(16, ...contents.flat().map((line) => line.length));
  const rows: Row[] = [];
  const edge = `+${'-'.repeat(inner + 2)}+`;
  blocks.forEach((block, position) => {
    rows.push({ text: edge });
    contents[position]!.forEach((line, row) => {
      const text = `| ${line.padEnd(inner)} |`;
      rows.push(row === 0 ? { text, into: block.first } : { text });
    });
    rows.push({ text: edge });
    rows.push(...exits(program, block, blocks[position + 1]?.first, laneOf));
  });
  return drawLanes(rows, laneOf, inner + 4);
}

function basicBlocks(program: BpfProgram): Block[] {
  const reached = reachable(program);
  const leaders = new Set([0]);
  program.forEach((instruction, index) => {
    if (reached[index] && bpfClass(instruction.code) === BPF_JMP)
      for (const next of successors(instruction, index)) leaders.add(next);
  });
  const blocks: Block[] = [];
  for (let index = 0; index < program.length; index++) {
    if (!reached[index]) continue;
    let last = index;
    while (
      bpfClass(program[last]!.code) !== BPF_JMP &&
      bpfClass(program[last]!.code) !== BPF_RET &&
      !leaders.has(last + 1)
    )
      last++;
    blocks.push({ first: index, last });
    index = last;
  }
  return blocks;
}

/** Where a block goes on, with what to write at the arrow. */
function ways(program: BpfProgram, { last }: Block): [label: string, target: number][] {
  const instruction = program[last]!;
  const next = successors(instruction, last);
  if (!isConditionalJump(instruction.code) || next[0] === next[1])
    return next.slice(0, 1).map((target) => ['', target]);
  return [
    ['yes', next[0]!],
    ['no', next[1]!],
  ];
}

/** A lane for each box that is jumped to from further up than the box right above it, the shortest inside; those for
 * which there is no room are left out. */
function allotLanes(program: BpfProgram, blocks: readonly Block[], most: number): Map<number, number> {
  const position = new Map(blocks.map((block, index) => [block.first, index]));
  const from = new Map<number, number>();
  blocks.forEach((block, index) => {
    for (const [, target] of ways(program, block))
      if (position.get(target)! > index + 1 && !from.has(target)) from.set(target, index);
  });
  const spans = [...from].map(([target, start]) => ({ target, start, end: position.get(target)! }));
  spans.sort((one, other) => one.end - one.start - (other.end - other.start) || one.start - other.start);
  const lanes: { start: number; end: number }[][] = [];
  const laneOf = new Map<number, number>();
  for (const { target, start, end } of spans) {
    let lane = lanes.findIndex((taken) => taken.every((other) => other.end < start || end < other.start));
    if (lane < 0) {
      if (lanes.length >= most) continue;
      lane = lanes.push([]) - 1;
    }
    lanes[lane]!.push({ start, end });
    laneOf.set(target, lane);
  }
  return laneOf;
}

function boxContent(
  program: BpfProgram,
  { first, last }: Block,
  before: readonly (State | undefined)[],
  linkType: number,
  room: number,
): string[] {
  const lines: string[] = [];
  for (let index = first; index <= last; index++) {
    const instruction = program[index]!;
    const number = `(${String(index).padStart(3, '0')})`;
    if (isAccept(instruction)) lines.push(`${number} accept, ${instruction.k} bytes`);
    else if (isReject(instruction)) lines.push(`${number} reject`);
    else lines.push(`${number} ${mnemonicAndOperand(instruction, index).join(' ').trimEnd()}`);
    if (isConditionalJump(instruction.code)) {
      const [holds] = testClauses(instruction, before[index]!, linkType);
      lines.push(...wrap(`${holds}?`, Math.max(room - 6, 10)).map((line) => `      ${line}`));
    }
  }
  return lines.map((line) => (line.length > room ? `${line.slice(0, Math.max(room - 2, 1))}..` : line));
}

function exits(program: BpfProgram, block: Block, below: number | undefined, laneOf: Map<number, number>): Row[] {
  const rows: Row[] = [];
  let falls: string | undefined;
  for (const [label, target] of ways(program, block)) {
    if (target === below) {
      falls = falls === undefined ? label : '';
      continue;
    }
    const text = `${INDENT}|--${label === '' ? '' : ` ${label} `}--`;
    if (laneOf.has(target)) rows.push({ text, to: target });
    else rows.push({ text: `${text}> (${String(target).padStart(3, '0')})` });
  }
  if (falls !== undefined) rows.push({ text: `${INDENT}| ${falls}`.trimEnd() }, { text: `${INDENT}v` });
  else if (below !== undefined) rows.push({ text: '' });
  return rows;
}

function drawLanes(rows: readonly Row[], laneOf: Map<number, number>, boxWidth: number): string {
  const lines: string[] = [];
  /** Boxes whose lane is open at this row, by lane. */
  const open = new Map<number, number>();
  for (const { text, to, into } of rows) {
    const target = to ?? (into !== undefined && laneOf.has(into) && isOpen(open, into, laneOf) ? into : undefined);
    const joined = target === undefined ? -1 : laneOf.get(target)!;
    const characters = [...text];
    const put = (column: number, character: string): void => {
      while (characters.length <= column) characters.push(' ');
      characters[column] = character;
    };
    const columnOf = (lane: number): number => boxWidth + LANE - 1 + lane * LANE;
    if (joined >= 0) {
      for (let column = characters.length; column < columnOf(joined); column++) put(column, '-');
      if (to === undefined) put(boxWidth, '<');
    }
    for (const lane of open.keys()) if (lane !== joined) put(columnOf(lane), '|');
    if (joined >= 0) put(columnOf(joined), '+');
    if (to !== undefined) open.set(joined, to);
    else if (target !== undefined) open.delete(joined);
    lines.push(`${characters.join('').trimEnd()}\n`);
  }
  return lines.join('');
}

const isOpen = (open: Map<number, number>, target: number, laneOf: Map<number, number>): boolean =>
  open.get(laneOf.get(target)!) === target;
