import { Chalk } from 'chalk';
import type { LineClass } from '../dissect/options.ts';
import {
  TROUBLE_CHECKSUM,
  TROUBLE_INVALID,
  TROUBLE_RESET,
  TROUBLE_SEQUENCE,
  TROUBLE_TRUNCATED,
} from '../dissect/options.ts';

type Colour = { begin: Uint8Array; end: Uint8Array };

// Whether to colour at all is decided before this is loaded (`useColour`); chalk itself knows nothing of NO_COLOR.
const chalk = new Chalk({ level: 1 });

/** The bytes that a style puts before and after a text. */
function around(style: (text: string) => string): Colour {
  const [begin, end] = style('|').split('|') as [string, string];
  return { begin: Buffer.from(begin, 'latin1'), end: Buffer.from(end, 'latin1') };
}

const RED = around(chalk.red);
const LIGHT_RED = around(chalk.redBright);
const YELLOW = around(chalk.yellow);
const BY_PROTOCOL: Record<string, Colour> = {
  arp: around(chalk.yellow),
  icmp: around(chalk.magenta),
  icmp6: around(chalk.magenta),
  igmp: around(chalk.magenta),
  udp: around(chalk.blue),
  domain: around(chalk.cyan),
};

/** Colour of a line: what is wrong with a frame comes before what it is. TCP, the most of most traffic, stays plain. */
export function colourOf({ protocol, trouble }: LineClass): Colour | null {
  if ((trouble & (TROUBLE_CHECKSUM | TROUBLE_INVALID | TROUBLE_RESET)) !== 0) return RED;
  if ((trouble & TROUBLE_SEQUENCE) !== 0) return LIGHT_RED;
  if ((trouble & TROUBLE_TRUNCATED) !== 0) return YELLOW;
  return BY_PROTOCOL[protocol] ?? null;
}
