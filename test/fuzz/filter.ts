/** Strings through the filter compiler: no throw but FilterError, no hang, and what compiles passes the kernel's checker.
 *
 *     tsx test/fuzz/filter.ts [--count 1000000] [--seed N] [--seconds N]
 *
 * Strings are drawn from the grammar and damaged by words, by characters and by bytes; the parser gets all of them, the
 * whole compiler every tenth. A run is repeated by its seed. */
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { compile, FilterError } from '../../src/filter/compile.ts';
import { parse } from '../../src/filter/parser.ts';
import { validate } from '../../src/filter/validate.ts';
import { damage, randomExpression } from '../filter/support/grammar.ts';
import { Dice } from '../filter/support/random-programs.ts';

export interface FuzzOptions {
  /** Strings. */
  count: number;
  seed: number;
  /** Ends earlier after this time. */
  seconds?: number;
  progress?: (done: number) => void;
}

export interface FuzzResult {
  done: number;
  /** Strings that are filters. */
  accepted: number;
  rejected: number;
  compiled: number;
  /** What went wrong, with the string that did it. At most twenty. */
  failures: string[];
  /** Milliseconds of the slowest string, and the string. */
  slowest: { milliseconds: number; text: string };
}

/** A string that takes longer than this hangs, for a person who types it. */
const PATIENCE = 5000;
/** Longest chain of one thing. The optimizer's time grows with the third power of `port 1 or port 2 …`, as libpcap's does
 * (600 ports: libpcap 50 s, netlab 20, measured together on a busy machine), so that more would measure only that. */
const LONGEST = 150;
const LINK_TYPES = [1, 1, 1, 0, 9, 101, 105, 113, 127, 276];

const CHARACTERS =
  ' \t\n()[]{}!&|=<>+-*/%^:.,;\'"`\\@#$~?_0123456789abcdefxyzABCXYZé\u0000\u007f\u2028\ud83d\ude00\uffff';

/** A string for the parser: a filter, or something that has been one. */
export function fuzzString(dice: Dice, linkType: number): string {
  switch (dice.below(8)) {
    case 0:
      return randomExpression(dice, linkType, 4);
    case 1:
    case 2:
    case 3:
      return damage(dice, randomExpression(dice, linkType, 3));
    case 4:
    case 5: {
      // Characters lost, put in or exchanged.
      const characters = [...randomExpression(dice, linkType, 2)];
      for (let changes = 1 + dice.below(5); changes > 0; changes--) {
        const at = dice.below(characters.length + 1);
        characters.splice(at, dice.below(3), ...(dice.once(3) ? [] : [dice.pick([...CHARACTERS])]));
      }
      return characters.join('');
    }
    case 6:
      return Array.from({ length: dice.below(40) }, () => dice.pick([...CHARACTERS])).join('');
    default:
      // Much of one thing: nesting, chains, long words and numbers.
      return dice.pick([
        (n: number) => `${'('.repeat(n)}ip${')'.repeat(n - dice.below(2))}`,
        (n: number) => `${'not '.repeat(n)}ip`,
        (n: number) => Array.from({ length: n }, (_, index) => `port ${index}`).join(dice.pick([' or ', ' and '])),
        (n: number) => `ip[${'ip['.repeat(n)}0${']'.repeat(n)}] = 1`,
        (n: number) => `${'-'.repeat(n)}1 = ${'1'.repeat(n)}`,
        (n: number) => `host ${'1.'.repeat(n)}1`,
        (n: number) => `ip6 host ${'1:'.repeat(n)}:1`,
        (n: number) => `len = ${Array.from({ length: n }, () => '1').join(dice.pick(['+', '*', '&', '<<']))}`,
        (n: number) => Array.from({ length: n }, () => dice.pick(['vlan', 'mpls', 'vlan 5'])).join(' and '),
        (n: number) => 'a'.repeat(n),
      ])(1 + dice.below(dice.once(50) ? LONGEST : 30));
  }
}

export function fuzzFilter({ count, seed, seconds = Number.POSITIVE_INFINITY, progress }: FuzzOptions): FuzzResult {
  const dice = new Dice(seed);
  const result: FuzzResult = {
    done: 0,
    accepted: 0,
    rejected: 0,
    compiled: 0,
    failures: [],
    slowest: { milliseconds: 0, text: '' },
  };
  const until = performance.now() + seconds * 1000;
  const fail = (text: string, what: string): void => {
    result.failures.push(`string ${result.done} of seed ${seed}: ${what}: ${JSON.stringify(text.slice(0, 300))}`);
  };
  while (result.done < count && result.failures.length < 20) {
    const linkType = dice.pick(LINK_TYPES);
    const text = fuzzString(dice, linkType);
    const whole = dice.once(10);
    const began = performance.now();
    try {
      if (whole) {
        const program = compile(text, { linkType, optimize: !dice.once(4), mode: dice.pick(['libpcap', 'strict']) });
        result.compiled++;
        const rejection = validate(program);
        // A program can be too long for the kernel, and protochain loops; nothing else may be wrong with it.
        if (rejection !== null && rejection.reason !== 'too-long' && !text.includes('protochain'))
          fail(text, `the checker says ${rejection.message}`);
      } else parse(text);
      result.accepted++;
    } catch (error) {
      if (!(error instanceof FilterError)) fail(text, `threw ${error}`);
      else {
        result.rejected++;
        checkError(error, text, fail);
      }
    }
    const milliseconds = performance.now() - began;
    if (milliseconds > result.slowest.milliseconds) result.slowest = { milliseconds, text };
    if (milliseconds > PATIENCE) fail(text, `took ${Math.round(milliseconds)} ms`);
    result.done++;
    if (result.done % 1000 === 0) {
      progress?.(result.done);
      if (performance.now() > until) break;
    }
  }
  return result;
}

/** The error points into the text, and can be shown. */
function checkError(error: FilterError, text: string, fail: (text: string, what: string) => void): void {
  if (error.expression !== text) fail(text, 'the error quotes another expression');
  if (!(error.column >= 1 && error.column <= text.length + 1)) fail(text, `the error is at column ${error.column}`);
  const lines = error.render(80).split('\n');
  if (lines.length < 3 || !/\^/.test(lines.at(-1)!)) fail(text, 'the error shows no caret');
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { values } = parseArgs({
    options: {
      count: { type: 'string', default: '1000000' },
      seed: { type: 'string' },
      seconds: { type: 'string' },
    },
  });
  const seed = values.seed === undefined ? Date.now() >>> 0 : Number(values.seed);
  process.stdout.write(`filter: ${values.count} strings, --seed ${seed}\n`);
  const began = performance.now();
  const result = fuzzFilter({
    count: Number(values.count),
    seed,
    ...(values.seconds === undefined ? {} : { seconds: Number(values.seconds) }),
    progress: (done) => {
      if (process.stderr.isTTY && done % 20_000 === 0) process.stderr.write(`\r${done}`);
    },
  });
  const { done, accepted, rejected, compiled, failures, slowest } = result;
  process.stdout.write(
    `${done} strings in ${((performance.now() - began) / 1000).toFixed(1)} s: ${accepted} filters (${compiled} compiled), ` +
      `${rejected} rejected; the slowest took ${slowest.milliseconds.toFixed(1)} ms (${JSON.stringify(slowest.text.slice(0, 80))})\n`,
  );
  for (const failure of failures) process.stdout.write(`${failure}\n`);
  process.exitCode = failures.length > 0 ? 1 : 0;
}
