import { type Bits, printBits } from './flags.ts';
import { printUnknown } from './ppp-unknown.ts';
import type { Text } from './text.ts';
import { visibleUntilZero } from './visible.ts';

/** Text of the TLVs of ANSI/TIA-1057 (LLDP-MED) about policies, places and power, as tcpdump has it. */

type Names = Readonly<Record<number, string>>;

const APPLICATIONS: Names = {
  1: 'voice',
  2: 'voice signaling',
  3: 'guest voice',
  4: 'guest voice signaling',
  5: 'softphone voice',
  6: 'video conferencing',
  7: 'streaming video',
  8: 'video signaling',
};
const POLICY: Bits = [
  [0x80, 'Unknown'],
  [0x40, 'Tagged'],
  [0x20, 'reserved'],
];
const FORMATS: Names = { 1: 'coordinate-based LCI', 2: 'civic address LCI', 3: 'ECS ELIN' };
const WHAT: Names = {
  0: 'location of DHCP server',
  1: 'location of the network element believed to be closest to the client',
  2: 'location of the client',
};
const ADDRESS: Names = {
  1: 'national subdivisions (state,canton,region,province,prefecture)',
  2: 'county, parish, gun, district',
  3: 'city, township, shi',
  4: 'city division, borough, city district, ward chou',
  5: 'neighborhood, block',
  6: 'street',
};
const ALTITUDES: Names = { 1: 'meters', 2: 'floors' };
const DATUMS: Names = {
  1: 'World Geodesic System 1984',
  2: 'North American Datum 1983 (NAVD88)',
  3: 'North American Datum 1983 (MLLW)',
};
const SOURCES = ['none', 'PSE - primary power source', 'local - backup power source', 'PSE+local - reserved'];
const PRIORITIES: Names = { 1: 'critical', 2: 'high', 3: 'low' };

const hex = (value: number): string => `(0x${value.toString(16).padStart(2, '0')})`;

/** Prints the policy of the `size` bytes at `at`, which begin with the organization; nothing where they are too few. */
export function printPolicy(t: Text, at: number, size: number): void {
  if (size < 8) return;
  const { out } = t;
  const application = t.u8(at + 4);
  out.ascii(`\n\t    Application type [${APPLICATIONS[application] ?? 'none'}] ${hex(application)}, Flags [`);
  printBits(t, POLICY, t.u8(at + 5), 'none');
  out.ascii(`]\n\t    Vlan id ${(t.be16(at + 5) & 0x1fff) >>> 1}, L2 priority ${(t.be16(at + 6) >>> 6) & 7}`);
  out.ascii(`, DSCP value ${t.u8(at + 7) & 63}`);
}

/** As `printPolicy`, for the power that a device takes or gives. */
export function printPower(t: Text, at: number, size: number): void {
  if (size < 7) return;
  const { out } = t;
  const flags = t.u8(at + 4);
  const power = t.be16(at + 5);
  // Bits of the priority tell its type; those above tell nothing.
  out.ascii(`\n\t    Power type [${flags & 3 ? 'PD' : 'PSE'} device], Power source [${SOURCES[(flags >>> 4) & 3]}]`);
  out.ascii(`\n\t    Power priority [${PRIORITIES[flags & 15] ?? 'none'}] ${hex(flags & 15)}, Power `);
  if (power < 1024) out.ascii(`${Math.floor(power / 10)}.${power % 10} Watts`);
  else out.ascii(`${power} (Reserved)`);
}

/** As `printPolicy`, for where a device is. */
export function printPlace(t: Text, at: number, size: number): void {
  if (size < 5) return;
  const { out } = t;
  const format = t.u8(at + 4);
  out.ascii(`\n\t    Location data format ${FORMATS[format] ?? 'unknown'} ${hex(format)}`);
  if (format === 1) printCoordinates(t, at, size);
  else if (format === 2) printAddress(t, at, size);
  else if (format === 3) {
    out.ascii('\n\t    ECS ELIN id ');
    visibleUntilZero(t, at + 5, at + size);
  } else {
    out.ascii('\n\t    Location ID ');
    printUnknown(t, at + 5, size - 5, '\n\t      ');
  }
}

/** RFC 6225 2.3: 6 bits of resolution before 34 of latitude and longitude and 30 of altitude. */
function printCoordinates(t: Text, at: number, size: number): void {
  if (size < 21) return;
  const { out } = t;
  const print = (what: string, place: number): void => {
    const value = (t.u8(place) & 3) * 2 ** 32 + t.be32(place + 1);
    out.ascii(`\n\t    ${what} resolution ${t.u8(place) >>> 2}, ${what.toLowerCase()} value ${value}`);
  };
  print('Latitude', at + 5);
  print('Longitude', at + 10);
  const type = t.u8(at + 15) >>> 4;
  out.ascii(`\n\t    Altitude type ${ALTITUDES[type] ?? 'unknown'} (${type})`);
  out.ascii(`\n\t    Altitude resolution ${(t.be16(at + 15) >>> 6) & 63}, altitude value 0x`);
  out.ascii(`${(t.be32(at + 16) & 0x3fffffff).toString(16)}`);
  const datum = t.u8(at + 20);
  out.ascii(`\n\t    Datum ${DATUMS[datum] ?? 'unknown'} ${hex(datum)}`);
}

/** RFC 4776 3.1: what it is of, the country, and elements of type, length and text. */
function printAddress(t: Text, at: number, size: number): void {
  if (size < 6) return;
  const { out } = t;
  const length = t.u8(at + 5);
  if (length < 3 || size < 7 + length) return;
  const what = t.u8(at + 6);
  out.ascii(`\n\t    LCI length ${length}, LCI what ${WHAT[what] ?? 'unknown'} ${hex(what)}, Country-code `);
  visibleUntilZero(t, at + 7, at + 9);
  let place = at + 9;
  for (let left = length - 3; left >= 2; ) {
    const type = t.u8(place);
    const count = t.u8(place + 1);
    place += 2;
    left -= 2;
    out.ascii(`\n\t      CA type '${ADDRESS[type] ?? 'unknown'}' (${type}), length ${count}: `);
    if (count === 0 || left < count) return;
    visibleUntilZero(t, place, place + count);
    place += count;
    left -= count;
  }
}
