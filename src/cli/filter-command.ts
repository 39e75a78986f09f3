import { type Expression, prepareExpression } from '../capture/expression.ts';
import { explain } from '../filter/explain.ts';
import { graph } from '../filter/graph.ts';
import { programAsC, programAsNumbers, programImage } from '../filter/image.ts';
import type { BpfProgram } from '../filter/program.ts';
import { pathKey, type Trace, trace, traceText } from '../filter/trace.ts';
import { LINKTYPE_ETHERNET, LINKTYPE_NULL } from '../wire/linktype.ts';
import { Failure, UsageError } from './exit.ts';
import { shown } from './filter.ts';
import { filterText } from './filter-text.ts';

export interface FilterOptions {
  dump?: number;
  link?: number;
  optimize: boolean;
  snaplen: number;
  filterFile?: string;
  filterMode: 'libpcap' | 'strict';
  explain?: true;
  graph?: true;
  run?: string;
  packet?: number;
  width?: number;
}

const DEFAULT_WIDTH = 80;
const WIDEST_EXPLANATION = 120;

/** `netlab filter`. */
export async function runFilter(words: string[], options: FilterOptions): Promise<void> {
  if (options.packet !== undefined && options.run === undefined)
    throw new UsageError('--packet is a packet of a file: say --run FILE as well');
  const text = filterText(words.join(' '), options.filterFile);
  const width = options.width ?? Math.min(process.stdout.columns || DEFAULT_WIDTH, WIDEST_EXPLANATION);
  let expression: Expression;
  try {
    expression = await prepareExpression(text, {
      optimize: options.optimize,
      snapLength: options.snaplen,
      mode: options.filterMode,
    });
  } catch (error) {
    throw shown(error);
  }
  const compile = (linkType: number, swapped = false): BpfProgram => {
    try {
      return expression.program(linkType, options.run === undefined ? 'nowhere' : 'savefile', swapped);
    } catch (error) {
      throw shown(error);
    }
  };
  const sections: string[] = [];
  const wantsProgram = options.dump !== undefined || options.explain || options.graph;
  if (wantsProgram || options.run === undefined) {
    const linkType = options.link ?? LINKTYPE_ETHERNET;
    const program = compile(linkType);
    const dump = options.dump ?? (wantsProgram ? 0 : 1);
    if (dump > 0) sections.push([programImage, programAsC, programAsNumbers][dump - 1]!(program));
    if (options.explain) sections.push(explain(program, { linkType, expression: text, width }));
    if (options.graph) sections.push(graph(program, { linkType, width }));
  }
  if (options.run !== undefined) sections.push(await runOver(options.run, compile, options, width));
  process.stdout.write(sections.join('\n'));
}

/** How packets ended that took the same path. */
interface Ending {
  reason: string;
  index: number;
  accepted: boolean;
  count: number;
  /** Number of the first of them. */
  first: number;
}

/** The path of one packet, and where no packet was asked for, what became of all. */
async function runOver(
  file: string,
  compile: (linkType: number, swapped: boolean) => BpfProgram,
  options: FilterOptions,
  width: number,
): Promise<string> {
  const { openSavefile } = await import('../savefile/index.ts');
  const source = await openSavefile(file);
  /** By link type; -1 for LINKTYPE_NULL of a big-endian file. */
  const programs = new Map<number, BpfProgram>();
  const wanted = options.packet ?? 1;
  const endings = new Map<string, Ending>();
  let number = 0;
  let matched = 0;
  let path = '';
  let damage: unknown;
  try {
    for await (const block of source) {
      for (let row = 0; row < block.count; row++) {
        number++;
        if (options.packet !== undefined && number < wanted) continue;
        const from = source.interfaces[block.interfaceId[row]!]!;
        const linkType = options.link ?? from.linkType;
        const swapped = from.bigEndian === true && linkType === LINKTYPE_NULL;
        const kind = swapped ? -1 : linkType;
        let program = programs.get(kind);
        if (program === undefined) programs.set(kind, (program = compile(linkType, swapped)));
        const at = block.offset[row]!;
        const captured = block.capturedLength[row]!;
        const original = block.originalLength[row]!;
        // Packets on the same path end for the same reason: it is told once.
        const key = number === wanted ? '' : `${linkType} ${pathKey(program, block.bytes, at, captured, original)}`;
        let ending = endings.get(key);
        if (ending === undefined) {
          const result = trace(program, block.bytes, at, captured, original, { linkType });
          if (number === wanted)
            path = `Packet ${number}, ${captured} bytes${cutNote(captured, original)}:\n${traceText(program, result, width)}`;
          if (options.packet !== undefined) return path;
          ending = endingOf(result, number);
          endings.set(key, ending);
        }
        ending.count++;
        if (ending.accepted) matched++;
      }
    }
  } catch (error) {
    // What stands before the damage has been read; the error is told after it.
    damage = error;
  } finally {
    await source.close();
  }
  if (options.packet !== undefined && damage === undefined)
    throw new Failure(`${file} has ${number} packet${number === 1 ? '' : 's'}, and no packet ${wanted}`);
  if (damage !== undefined) {
    if (number > 0) process.stdout.write(summary(path, endings, number, matched));
    throw damage;
  }
  if (number === 0) return `${file} has no packets.\n`;
  return summary(path, endings, number, matched);
}

const cutNote = (captured: number, original: number): string => (captured < original ? ` of ${original}` : '');

function endingOf({ decidedAt, reason, verdict }: Trace, number: number): Ending {
  // Lengths differ from packet to packet: all that were too short for an instruction end alike.
  const isShort = / (is|are) needed, and /.test(reason);
  return {
    reason: isShort ? 'the packet ends before what is loaded there' : reason,
    index: decidedAt,
    accepted: verdict !== 0,
    count: 0,
    first: number,
  };
}

function summary(path: string, endings: ReadonlyMap<string, Ending>, number: number, matched: number): string {
  if (number === 1) return path;
  // Different paths can end alike.
  const merged = new Map<string, Ending>();
  for (const ending of endings.values()) {
    const key = `${ending.index} ${ending.accepted} ${ending.reason}`;
    const there = merged.get(key);
    if (there === undefined) merged.set(key, { ...ending });
    else {
      there.count += ending.count;
      there.first = Math.min(there.first, ending.first);
    }
  }
  const rows = [...merged.values()].sort((one, other) => other.count - one.count || one.first - other.first);
  const digits = String(number).length;
  const lines = rows.map(
    ({ reason, index, accepted, count, first }) =>
      `${String(count).padStart(digits + 2)}  ${accepted ? 'match   ' : 'no match'}  at (${String(index).padStart(3, '0')}): ${reason}` +
      `${count === 1 ? ` (packet ${first})` : ` (first: packet ${first})`}`,
  );
  return `${path}\nOf ${number} packets ${matched} match:\n${lines.join('\n')}\n`;
}
