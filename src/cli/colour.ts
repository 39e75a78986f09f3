/** Whether text to a stream may carry colour. `--color` decides; under `auto` NO_COLOR (any value that is not empty)
 * says no, FORCE_COLOR (but 0 and false) says yes, and else a terminal that is not dumb does. */
export function useColour(option: 'auto' | 'always' | 'never', isTerminal: boolean): boolean {
  if (option !== 'auto') return option === 'always';
  const { NO_COLOR, FORCE_COLOR, TERM } = process.env;
  if (NO_COLOR) return false;
  if (FORCE_COLOR !== undefined) return FORCE_COLOR !== '0' && FORCE_COLOR !== 'false';
  return isTerminal && TERM !== 'dumb';
}
