import { type Expression, type ExpressionOptions, prepareExpression } from '../capture/expression.ts';
import { FilterError } from '../filter/error.ts';
import type { PacketFilter } from '../filter/jit.ts';
import { jit } from '../filter/jit.ts';
import { UsageError } from './exit.ts';

/** Prepares a command line's filter. Throws UsageError that shows where the expression is wrong. */
export async function prepareFilter(text: string, options: ExpressionOptions): Promise<Expression> {
  try {
    return await prepareExpression(text, options);
  } catch (error) {
    throw shown(error);
  }
}

/** What is wrong with an expression, as a person should see it. */
export function shown(error: unknown): unknown {
  return error instanceof FilterError
    ? new UsageError(`filter: ${error.render(process.stderr.columns || 100)}`)
    : error;
}

/** The filters of an expression for the link types of savefiles. A link type that the expression means nothing for is an
 * error where it is the first that is met, and has no frame that passes where it is not. */
export function savefileFilters(expression: Expression): (linkType: number, swapped: boolean) => PacketFilter {
  let met = false;
  return (linkType, swapped) => {
    try {
      const filter = expression.filter(linkType, 'savefile', swapped);
      met = true;
      return filter;
    } catch (error) {
      if (met && error instanceof FilterError) return jit([{ code: 0x06, jt: 0, jf: 0, k: 0 }]);
      throw shown(error);
    }
  };
}
