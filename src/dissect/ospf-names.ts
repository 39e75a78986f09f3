import { type Bits, printBits } from './flags.ts';
import type { Text } from './text.ts';

/** tcpdump's words for what both versions of OSPF have. */
export const ospfTypes: Readonly<Record<number, string>> = {
  1: 'Hello',
  2: 'Database Description',
  3: 'LS-Request',
  4: 'LS-Update',
  5: 'LS-Ack',
};

const DESCRIPTION_FLAGS: Bits = [
  [4, 'Init'],
  [2, 'More'],
  [1, 'Master'],
  [8, 'OOBResync'],
];
const DESCRIPTION_FLAGS_3: Bits = [...DESCRIPTION_FLAGS.slice(0, 3), [0x10, 'IPv6 MTU']];

/** Flags of a database description. */
export function printDescriptionFlags(t: Text, flags: number, version: 2 | 3): void {
  t.out.ascii(', DD Flags [');
  printBits(t, version === 2 ? DESCRIPTION_FLAGS : DESCRIPTION_FLAGS_3, flags, 'none');
  t.out.byte(93);
}
