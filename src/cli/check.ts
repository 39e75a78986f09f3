import { existsSync, readFileSync } from 'node:fs';
import {
  check,
  checkJson,
  checkJunit,
  checkTap,
  checkText,
  compareGolden,
  diffAsTested,
  diffCaptures,
  diffJson,
  diffText,
  type Expectation,
  ExpectationError,
  type Ignored,
  ignoring,
  type Marks,
  PLAIN,
  parseExpectations,
  type Recorded,
  recorded,
  type Tested,
  updateGolden,
} from '../expect/index.ts';
import { useColour } from './colour.ts';
import { EXIT_FAILURE, Failure, printable, UsageError } from './exit.ts';
import { stdout } from './stdout.ts';

type Format = 'text' | 'tap' | 'junit' | 'json';

export interface CheckOptions {
  expect?: string[];
  golden?: string;
  update?: true;
  ignore?: string[];
  format: Format;
  color: 'auto' | 'always' | 'never';
}

export interface DiffCommandOptions {
  ignore?: string[];
  exact?: true;
  tolerance?: number;
  format: Format;
  color: 'auto' | 'always' | 'never';
}

/** `netlab check`. */
export async function runCheck(files: string[], options: CheckOptions): Promise<void> {
  if (options.update && options.golden === undefined) throw new UsageError('--update goes with --golden FILE');
  if (options.golden !== undefined && files.length > 1) throw new UsageError('--golden is of one capture');
  if (options.ignore !== undefined && options.golden === undefined) throw new UsageError('--ignore goes with --golden');
  if (options.expect === undefined && options.golden === undefined)
    throw new UsageError("check: what is expected? --expect FILE, or --expect 'no tcp.analysis.retransmission'");
  const expectations = (options.expect ?? []).flatMap(expectationsOf);
  if (options.expect !== undefined && expectations.length === 0)
    throw new UsageError(`check: ${options.expect.join(', ')}: no expectation is in it`);
  const ignored = ignoredOf(options.ignore ?? ['times']);
  const tested: Tested[] = [];
  for (const file of files) {
    const capture = await open(file);
    if (expectations.length > 0) tested.push(await check(capture, expectations));
    if (options.golden === undefined) continue;
    if (options.update) {
      await updateGolden(capture, options.golden);
      process.stderr.write(`${printable(options.golden)} written\n`);
    } else tested.push(await golden(capture, options.golden, ignored));
  }
  if (tested.length > 0) {
    const marks = await marksOf(options);
    await stdout().write(
      { text: (all: Tested[]) => checkText(all, marks), tap: checkTap, junit: checkJunit, json: checkJson }[
        options.format
      ](tested),
    );
  }
  if (tested.some(({ isMet }) => !isMet)) process.exitCode = EXIT_FAILURE;
}

async function golden(capture: Recorded, path: string, ignored: Ignored): Promise<Tested> {
  if (!existsSync(path)) throw new Failure(`${path}: there is no such golden file; --update makes it from the capture`);
  return compareGolden(capture, path, ignored);
}

/** `netlab diff`. */
export async function runDiff(a: string, b: string, options: DiffCommandOptions): Promise<void> {
  if (options.exact && options.ignore !== undefined) throw new UsageError('--exact and --ignore: one of them');
  if (a === '-' && b === '-') throw new UsageError('standard input can be read only once');
  const ignored = ignoredOf(options.exact ? [] : (options.ignore ?? ['times']));
  const difference = await diffCaptures(await open(a), await open(b), {
    ignored,
    ...(options.tolerance === undefined ? {} : { tolerance: options.tolerance * 1e9 }),
  });
  const { format } = options;
  const text =
    format === 'text'
      ? diffText(difference, await marksOf(options))
      : format === 'json'
        ? diffJson(difference)
        : { tap: checkTap, junit: checkJunit }[format]([diffAsTested(difference)]);
  await stdout().write(text);
  if (difference.differences.length > 0) process.exitCode = EXIT_FAILURE;
}

/** Standard input is read whole: what it holds is gone through more than once. */
async function open(file: string): Promise<Recorded> {
  if (file !== '-') return recorded(file);
  const chunks: Uint8Array[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Uint8Array);
  return recorded(Buffer.concat(chunks), 'standard input');
}

/** A file's, or those of the text itself. */
function expectationsOf(value: string): Expectation[] {
  const isFile = existsSync(value);
  if (!isFile && !/\s/.test(value.trim()))
    throw new UsageError(
      `--expect ${value}: neither a file nor an expectation such as 'no tcp.analysis.retransmission'`,
    );
  try {
    return isFile ? parseExpectations(readFileSync(value, 'utf8'), value) : parseExpectations(value);
  } catch (error) {
    if (error instanceof ExpectationError) throw new UsageError(error.render());
    throw error;
  }
}

function ignoredOf(values: string[]): Ignored {
  try {
    return ignoring(values.flatMap((value) => value.split(',')).filter((name) => name !== ''));
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(`--ignore: ${error.message}`);
    throw error;
  }
}

async function marksOf({ color }: { color: 'auto' | 'always' | 'never' }): Promise<Marks> {
  if (!useColour(color, stdout().isTerminal)) return PLAIN;
  const { Chalk } = await import('chalk');
  const chalk = new Chalk({ level: 1 });
  return { good: (text) => chalk.green(text), bad: (text) => chalk.red(text), dim: (text) => chalk.dim(text) };
}
