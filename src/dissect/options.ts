import type { FrameBlock } from '../frames/block.ts';
import type { FrameInterface } from '../frames/source.ts';
import type { DecodeAsTables } from './decode-as-tables.ts';

/** How a packet is printed as text: tcpdump's options, under names instead of letters. */
export interface TextOptions {
  /** Port numbers as names where this knows one; without it (tcpdump -n), as numbers. */
  portName?: ((port: number, transport: 'tcp' | 'udp') => string | undefined) | undefined;
  /** Addresses as names where this knows one; without it, as numbers. Bytes `at` on are 4 or 16 in number. */
  hostName?: ((bytes: Uint8Array, at: number, length: 4 | 16) => string | undefined) | undefined;
  /** MAC addresses as names, or with names, where this knows one; without it, as numbers. */
  macName?: ((bytes: Uint8Array, at: number) => string | undefined) | undefined;
  /** Names of IP protocols by number, for fragments (tcpdump without -n). */
  protocolName?: ((protocol: number) => string | undefined) | undefined;
  /** Names of devices by index, for cooked captures; `?` stands for one that this does not know. */
  interfaceName?: ((index: number) => string | undefined) | undefined;
  /** Which protocol stands behind which number, against the tables: `decodeAs` gives it. */
  decodeAs?: DecodeAsTables | null | undefined;
  /** -e: the link-level header. */
  link?: boolean;
  /** -v, -vv, -vvv: 1, 2, 3. */
  verbose?: number;
  /** -q: less about protocols. */
  quiet?: boolean;
  /** -S: sequence numbers as they are, not counted from the connection's first. */
  absoluteSequence?: boolean;
  /** How often -t is given: 0 time of day, 1 none, 2 seconds since 1970, 3 since the packet before, 4 with date, 5 since
   * the first packet. */
  timestamp?: 0 | 1 | 2 | 3 | 4 | 5;
  /** --nano: nine digits of a second instead of six. */
  nano?: boolean;
  /** -x and -xx: 1 without, 2 with the link-level header. */
  hex?: 0 | 1 | 2;
  /** -X and -XX. */
  hexAscii?: 0 | 1 | 2;
  /** -A and -AA. */
  ascii?: 0 | 1 | 2;
  /** --number. */
  number?: boolean;
  /** -K gives false: checksums of IP, TCP and UDP are not verified under `verbose`. */
  checksums?: boolean;
  /** Each line names the interface and the direction of its frame, as for frames of `any`: for captures of several. */
  showInterface?: boolean;
  /** Puts a line between the bytes that this gives for its class and the bytes that end it; null leaves it plain. */
  colour?: ((line: LineClass) => { begin: Uint8Array; end: Uint8Array } | null) | undefined;
  /** With `colour`: further bits of TROUBLE_* for the frame in a row of a block. */
  trouble?: ((block: FrameBlock, row: number, interfaces: readonly FrameInterface[]) => number) | undefined;
}

/** What a line is about, for colouring. */
export interface LineClass {
  /** The last protocol printed, by the name that tcpdump gives it (`tcp`, `domain`). */
  protocol: string;
  /** Bits of TROUBLE_*. */
  trouble: number;
}

export const TROUBLE_RESET = 1;
export const TROUBLE_CHECKSUM = 2;
export const TROUBLE_TRUNCATED = 4;
export const TROUBLE_INVALID = 8;
/** Retransmissions, segments out of order or missing, duplicate acknowledgements, closed windows. */
export const TROUBLE_SEQUENCE = 16;
