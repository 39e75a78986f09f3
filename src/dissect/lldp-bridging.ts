import { type Bits, printBits } from './flags.ts';
import type { Text } from './text.ts';

/** Text of the TLVs of IEEE 802.1 about data centre bridging (IEEE 802.1Q annex D), as tcpdump has it. */

const HEADER = '0  1  2  3  4  5  6  7';
const WIDE_HEADER = '0   1   2   3   4   5   6   7';
export const AGGREGATION: Bits = [
  [1, 'supported'],
  [2, 'enabled'],
];

/** A bit for each of eight priorities. */
function printPriorities(t: Text, title: string, bits: number): void {
  const { out } = t;
  out.ascii(`\n\t    ${title}\n\t     Priority : ${HEADER}\n\t     Value    : `);
  for (let i = 0; i < 8; i++) out.ascii(`${(bits >>> i) & 1}  `);
}

/** Eight numbers of one byte, or of half of one. */
function printNumbers(t: Text, title: string, at: number, isHalf: boolean): void {
  t.out.ascii(`\n\t    ${title}`);
  for (let i = 0; i < 8; i++) {
    const byte = t.u8(isHalf ? at + (i >> 1) : at + i);
    const value = isHalf ? (i & 1 ? byte & 15 : byte >>> 4) : byte;
    t.out.ascii(`${String(value).padEnd(3)} `);
  }
}

function printTables(t: Text, at: number): void {
  printNumbers(t, `Priority Assignment Table\n\t     Priority : ${WIDE_HEADER}\n\t     Value    : `, at, true);
  printNumbers(t, `TC Bandwidth Table\n\t     TC%   : ${WIDE_HEADER}\n\t     Value : `, at + 4, false);
  printNumbers(t, `TSA Assignment Table\n\t     Traffic Class: ${WIDE_HEADER}\n\t     Value        : `, at + 12, false);
}

function printApplications(t: Text, at: number, size: number): void {
  const { out } = t;
  out.ascii(`\n\t    RES: ${t.u8(at + 4)}`);
  const end = at + size;
  if (size === 5 || (size - 5) % 3 !== 0) return;
  out.ascii('\n\t    Application Priority Table');
  for (let place = at + 5; place < end; place += 3) {
    const byte = t.u8(place);
    const protocol = t.be16(place + 1);
    out.ascii(
      `\n\t      Priority: ${byte >>> 5}, RES: ${(byte >>> 3) & 3}, Sel: ${byte & 7}, Protocol ID: ${protocol}`,
    );
  }
}

/** Prints what `subtype` tells, of the `size` bytes at `at` that begin with the organization; nothing where they are too
 * few. */
export function printBridging(t: Text, subtype: number, at: number, size: number): void {
  const { out } = t;
  switch (subtype) {
    case 7:
      if (size < 9) return;
      out.ascii('\n\t    aggregation status [');
      printBits(t, AGGREGATION, t.u8(at + 4), 'none');
      out.ascii(`], aggregation port ID ${t.be32(at + 5)}`);
      return;
    case 8:
      if (size < 6) return;
      printPriorities(t, 'Pre-Priority CNPV Indicator', t.u8(at + 4));
      printPriorities(t, 'Pre-Priority Ready Indicator', t.u8(at + 5));
      return;
    case 9: {
      if (size < 25) return;
      const flags = t.u8(at + 4);
      // Its CBS is the bit of "willing", moved to another place.
      out.ascii(`\n\t    Willing:${flags >>> 7}, CBS:${(flags & 0x80) >>> 6}`);
      out.ascii(`, RES:${(flags >>> 3) & 7}, Max TCs:${flags & 7}`);
      printTables(t, at + 5);
      return;
    }
    case 10:
      if (size < 25) return;
      out.ascii(`\n\t    RES: ${t.u8(at + 4)}`);
      printTables(t, at + 5);
      return;
    case 11: {
      if (size < 6) return;
      const flags = t.u8(at + 4);
      out.ascii(`\n\t    Willing: ${flags >>> 7}, MBC: ${(flags >>> 6) & 1}`);
      out.ascii(`, RES: ${(flags >>> 4) & 3}, PFC cap:${flags & 15} `);
      printPriorities(t, 'PFC Enable', t.u8(at + 5));
      return;
    }
    case 12:
      if (size >= 5) printApplications(t, at, size);
  }
}
