import { seconds } from './numbers.ts';

/** As other durations, and 0: no pause. */
export const pause = (text: string): number =>
  /^0*\.?0*(ms|s|m|h)?$/.test(text) && /0/.test(text) ? 0 : seconds(text);
