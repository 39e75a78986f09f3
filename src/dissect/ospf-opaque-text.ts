import { type Bits, printBits } from './flags.ts';
import { printUnknown } from './ppp-unknown.ts';
import type { Text } from './text.ts';

/** What opaque link state advertisements (RFC 5250) and blocks for link-local signaling (RFC 5613) carry, as tcpdump prints
 * it: values of a type, a length and contents. */

const HEADER_LENGTH = 4;
const align = (length: number): number => (length + 3) & ~3;

const named = (names: Readonly<Record<number, string>>, value: number, other = 'unknown'): string =>
  `${names[value] ?? other}`;

/** `%.3f` of a rate in bytes per second (IEEE 754), in megabits. */
function megabits(t: Text, at: number): string {
  const bits = t.be32(at);
  const rate = (new Float32Array(Uint32Array.of(bits).buffer)[0]! * 8) / 1_000_000;
  if (Number.isFinite(rate)) return Math.abs(rate) < 1e21 ? rate.toFixed(3) : `${BigInt(rate)}.000`;
  return `${bits >>> 31 === 1 ? '-' : ''}${Number.isNaN(rate) ? 'nan' : 'inf'}`;
}
const rate = (t: Text, at: number): string => `${megabits(t, at)} Mbps`;

const GRACE: Readonly<Record<number, string>> = {
  1: 'Grace Period',
  2: 'Graceful restart Reason',
  3: 'IPv4 interface address',
};
const REASONS: Readonly<Record<number, string>> = {
  1: 'Software Restart',
  2: 'Software Reload/Upgrade',
  3: 'Control Processor Switch',
};

/** RFC 3623 A. False where a length makes no sense. */
export function printGraceTlvs(t: Text, at: number, length: number): boolean {
  const { out } = t;
  while (length > 0) {
    t.reads(at, HEADER_LENGTH);
    if (length < HEADER_LENGTH) {
      out.ascii(`\n\t    Remaining LS length ${length} < 4`);
      return false;
    }
    const type = t.be16(at);
    const size = t.be16(at + 2);
    at += HEADER_LENGTH;
    length -= HEADER_LENGTH;
    out.ascii(`\n\t    ${named(GRACE, type)} TLV (${type}), length ${size}, value: `);
    if (size > length) {
      out.ascii(`\n\t    Bogus length ${size} > ${length}`);
      return false;
    }
    // A value of no length would never end.
    if (type === 0 || size === 0) return false;
    t.reads(at, size);
    const expected = type === 2 ? 1 : 4;
    if (type <= 3 && size !== expected) {
      out.ascii(`\n\t    Bogus length ${size} != ${expected}`);
      return false;
    }
    if (type === 1) out.ascii(`${t.be32(at)}s`);
    else if (type === 2) out.ascii(`${named(REASONS, t.u8(at), 'Unknown')} (${t.u8(at)})`);
    else if (type === 3) t.ipv4(at);
    else if (t.verbose <= 1) printUnknown(t, at, size, '\n\t      ');
    at += align(size);
    length -= align(size);
  }
  return true;
}

const CAPABILITIES: Bits = [
  [0x001, 'Reserved'],
  [0x002, 'Reserved'],
  [0x004, 'Reserved'],
  [0x008, 'Reserved'],
  [0x010, 'graceful restart capable'],
  [0x020, 'graceful restart helper'],
  [0x040, 'Stub router support'],
  [0x080, 'Traffic engineering'],
  [0x100, 'p2p over LAN'],
  [0x200, 'path computation server'],
];

/** RFC 7770 2. False where a length makes no sense. */
export function printRouterInformation(t: Text, at: number, length: number): boolean {
  const { out } = t;
  while (length > 0) {
    t.reads(at, HEADER_LENGTH);
    if (length < HEADER_LENGTH) {
      out.ascii(`\n\t    Remaining LS length ${length} < 4`);
      return false;
    }
    const type = t.be16(at);
    const size = t.be16(at + 2);
    at += HEADER_LENGTH;
    length -= HEADER_LENGTH;
    out.ascii(`\n\t    ${type === 1 ? 'Router Capabilities' : 'unknown'} TLV (${type}), length: ${size}, value: `);
    if (size > length) {
      out.ascii(`\n\t    Bogus length ${size} > remaining LS length ${length}`);
      return false;
    }
    t.reads(at, size);
    if (type === 1) {
      if (size !== 4) {
        out.ascii(`\n\t    Bogus length ${size} != 4`);
        return false;
      }
      out.ascii('Capabilities: ');
      printBits(t, CAPABILITIES, t.be32(at), 'Unknown');
    } else if (t.verbose <= 1) printUnknown(t, at, size, '\n\t      ');
    at += size;
    length -= size;
  }
  return true;
}

const SUBS: Readonly<Record<number, string>> = {
  1: 'Link Type',
  2: 'Link ID',
  3: 'Local Interface IP address',
  4: 'Remote Interface IP address',
  5: 'Traffic Engineering Metric',
  6: 'Maximum Bandwidth',
  7: 'Maximum Reservable Bandwidth',
  8: 'Unreserved Bandwidth',
  9: 'Administrative Group',
  11: 'Link Local/Remote Identifier',
  14: 'Link Protection Type',
  15: 'Interface Switching Capability',
  16: 'Shared Risk Link Group',
  17: 'Bandwidth Constraints',
};
/** Lengths that some of them must have. */
const SUB_LENGTHS: Readonly<Record<number, number>> = { 3: 4, 4: 4, 5: 4, 6: 4, 7: 4, 8: 32, 9: 4 };
const LINK_TYPES: Readonly<Record<number, string>> = { 1: 'Point-to-point', 2: 'Multi-Access' };
const PROTECTION: Bits = [
  [0x01, 'Extra Traffic'],
  [0x02, 'Unprotected'],
  [0x04, 'Shared'],
  [0x08, 'Dedicated 1:1'],
  [0x10, 'Dedicated 1+1'],
  [0x20, 'Enhanced'],
  [0x40, 'Reserved'],
  [0x80, 'Reserved'],
];
const SWITCHING: Readonly<Record<number, string>> = {
  1: 'Packet-Switch Capable-1',
  2: 'Packet-Switch Capable-2',
  3: 'Packet-Switch Capable-3',
  4: 'Packet-Switch Capable-4',
  51: 'Layer-2 Switch Capable',
  100: 'Time-Division-Multiplex',
  150: 'Lambda-Switch Capable',
  200: 'Fiber-Switch Capable',
};
const ENCODINGS: Readonly<Record<number, string>> = {
  1: 'Packet',
  2: 'Ethernet V2/DIX',
  3: 'ANSI/ETSI PDH',
  4: 'Reserved',
  5: 'SDH ITU-T G.707/SONET ANSI T1.105',
  6: 'Reserved',
  7: 'Digital Wrapper',
  8: 'Lambda (photonic)',
  9: 'Fiber',
  10: 'Reserved',
  11: 'FiberChannel',
};
const MODELS: Readonly<Record<number, string>> = { 0: 'Russian dolls', 1: 'Maximum allocation' };
const PRIORITIES = 8;

/** RFC 3630 2.4. False where a length makes no sense. */
export function printTrafficEngineering(t: Text, at: number, length: number): boolean {
  const { out } = t;
  while (length > 0) {
    // The end of the capture is not mentioned here, or before a value of a link.
    if (!t.has(at, HEADER_LENGTH)) return false;
    if (length < HEADER_LENGTH) {
      out.ascii(`\n\t    Remaining LS length ${length} < 4`);
      return false;
    }
    const type = t.be16(at);
    const size = t.be16(at + 2);
    at += HEADER_LENGTH;
    length -= HEADER_LENGTH;
    out.ascii(
      `\n\t    ${type === 1 ? 'Router Address' : type === 2 ? 'Link' : 'unknown'} TLV (${type}), length: ${size}`,
    );
    if (size > length) {
      out.ascii(`\n\t    Bogus length ${size} > ${length}`);
      return false;
    }
    if (type === 0 || size === 0) return false;
    if (type === 2) {
      if (!printLinkSubs(t, at, size)) return false;
    } else if (type === 1) {
      t.reads(at, 4);
      out.ascii(', ');
      t.ipv4(at);
    } else if (t.verbose <= 1) printUnknown(t, at, size, '\n\t      ');
    at += align(size);
    length -= align(size);
  }
  return true;
}

function printLinkSubs(t: Text, at: number, length: number): boolean {
  const { out } = t;
  while (length > 0) {
    t.reads(at, HEADER_LENGTH);
    if (length < HEADER_LENGTH) {
      out.ascii(`\n\t    Remaining TLV length ${length} < 4`);
      return false;
    }
    const type = t.be16(at);
    const size = t.be16(at + 2);
    at += HEADER_LENGTH;
    length -= HEADER_LENGTH;
    if (type === 0 || size === 0) {
      t.invalid();
      return false;
    }
    out.ascii(`\n\t      ${named(SUBS, type)} subTLV (${type}), length: ${size}`);
    if (align(size) > length) {
      out.ascii(`\n\t    Remaining TLV length ${length + HEADER_LENGTH} < ${size + HEADER_LENGTH}`);
      return false;
    }
    if (!t.has(at, size)) return false;
    if (!printLinkSub(t, type, at, size)) {
      t.invalid();
      return false;
    }
    // tcpdump passes the groups of shared risk twice.
    at += type === 16 ? 2 * size : align(size);
    length -= align(size);
  }
  return true;
}

/** False where its length is not the one that its type has. */
function printLinkSub(t: Text, type: number, at: number, size: number): boolean {
  const { out } = t;
  const expected = SUB_LENGTHS[type];
  if (expected !== undefined && size !== expected) {
    out.ascii(` != ${expected}`);
    return false;
  }
  switch (type) {
    case 1:
      if (size !== 1) {
        out.ascii(' != 1');
        return false;
      }
      out.ascii(`, ${named(LINK_TYPES, t.u8(at))} (${t.u8(at)})`);
      break;
    case 2:
    case 11:
      if (size !== 4 && size !== 8) {
        out.ascii(' != 4 && != 8');
        return false;
      }
      for (let place = at; place < at + size; place += 4) {
        out.ascii(', ');
        t.ipv4(place);
        out.ascii(` (0x${t.be32(place).toString(16).padStart(8, '0')})`);
      }
      break;
    case 3:
    case 4:
      out.ascii(', ');
      t.ipv4(at);
      break;
    case 5:
      out.ascii(`, Metric ${t.be32(at)}`);
      break;
    case 6:
    case 7:
      out.ascii(`, ${rate(t, at)}`);
      break;
    case 8:
      for (let i = 0; i < PRIORITIES; i++) out.ascii(`\n\t\tTE-Class ${i}: ${rate(t, at + 4 * i)}`);
      break;
    case 9:
      out.ascii(`, 0x${t.be32(at).toString(16).padStart(8, '0')}`);
      break;
    case 14:
      out.ascii(', ');
      printBits(t, PROTECTION, t.u8(at), 'none');
      break;
    case 15:
      if (size < 36) {
        out.ascii(' < 36');
        return false;
      }
      out.ascii(`\n\t\tInterface Switching Capability: ${named(SWITCHING, t.u8(at), 'Unknown')}`);
      out.ascii(`\n\t\tLSP Encoding: ${named(ENCODINGS, t.u8(at + 1), 'Unknown')}\n\t\tMax LSP Bandwidth:`);
      for (let i = 0; i < PRIORITIES; i++) out.ascii(`\n\t\t  priority level ${i}: ${rate(t, at + 4 + 4 * i)}`);
      break;
    case 16:
      if (size % 4 !== 0) {
        out.ascii(' is not a multiple of 4');
        return false;
      }
      for (let place = at; place < at + size; place += 4)
        out.ascii(`${place === at ? '\n\t\t  Shared risk group: ' : ', '}${t.be32(place)}`);
      break;
    case 17:
      if (size > 36) {
        out.ascii(' > 36');
        return false;
      }
      out.ascii(`\n\t\tBandwidth Constraints Model ID: ${named(MODELS, t.u8(at))} (${t.u8(at)})`);
      for (let i = 0; i < (size >>> 2) - 1; i++)
        out.ascii(`\n\t\t  Bandwidth constraint CT${i}: ${rate(t, at + 4 + 4 * i)}`);
      break;
    default:
      if (t.verbose <= 1) printUnknown(t, at, size, '\n\t\t');
  }
  return true;
}

const SIGNALS: Readonly<Record<number, string>> = { 1: 'Extended Options', 2: 'MD5 Authentication' };
const EXTENDED: Bits = [
  [1, 'LSDB resync'],
  [2, 'Restart'],
];

/** RFC 5613 2: the block at `at`, in a packet that ends at `end`. */
export function printSignaling(t: Text, at: number, end: number): void {
  const { out } = t;
  if (at >= end) {
    out.ascii('\n\t[LLS truncated]');
    return;
  }
  out.ascii(`\n\t  LLS: checksum: 0x${t.be16(at).toString(16).padStart(4, '0')}`);
  out.ascii(`, length: ${t.be16(at + 2)}`);
  for (let place = at + HEADER_LENGTH; place < end; ) {
    const type = t.be16(place);
    out.ascii(`\n\t    ${named(SIGNALS, type, 'Unknown TLV')} (${type})`);
    const size = t.be16(place + 2);
    out.ascii(`, length: ${size}`);
    place += HEADER_LENGTH;
    if (type === 1) {
      if (size !== 4) out.ascii(' [should be 4]');
      const options = t.be32(place);
      out.ascii(`\n\t      Options: 0x${options.toString(16).padStart(8, '0')} [`);
      printBits(t, EXTENDED, options, '?');
      out.byte(93);
      place += 4;
    } else if (type === 2) {
      if (size !== 20) out.ascii(' [should be 20]');
      out.ascii(`\n\t      Sequence number: 0x${t.be32(place).toString(16).padStart(8, '0')}`);
      place += 20;
    } else place += size;
  }
}
