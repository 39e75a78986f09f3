import type { PacketFilter } from '../filter/jit.ts';
import { jit } from '../filter/jit.ts';
import type { BpfProgram } from '../filter/program.ts';
import { LibpcapUnavailable, libpcapCompile } from '../linux/libpcap.ts';
import { Failure, UsageError } from './exit.ts';
import { DEFAULT_SNAPLEN, type SelectOptions } from './options.ts';

/** The program of an expression for a link type. Throws UsageError that shows where the expression is wrong. */
export function compileFilter(
  expression: string,
  linkType: number,
  options: Pick<SelectOptions, 'optimize'>,
): BpfProgram {
  try {
    const { program, error } = libpcapCompile(expression, {
      linkType,
      snapLength: DEFAULT_SNAPLEN,
      optimize: options.optimize !== false,
    });
    if (program === null) throw new UsageError(`filter: ${error}`);
    return program;
  } catch (error) {
    if (error instanceof LibpcapUnavailable) throw new Failure(error.message);
    throw error;
  }
}

/** The same, ready to run over frames of a savefile, for each link type that is met. */
export const filtersFor =
  (expression: string, options: Pick<SelectOptions, 'optimize'>) =>
  (linkType: number): PacketFilter =>
    jit(compileFilter(expression, linkType, options), { semantics: 'libpcap' });
