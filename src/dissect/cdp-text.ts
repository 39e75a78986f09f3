import { formatIpv4, formatIpv6 } from '../wire/address.ts';
import * as wire from '../wire/cdp.ts';
import { type Bits, printBits } from './flags.ts';
import { printUnknown } from './ppp-unknown.ts';
import type { Text } from './text.ts';

/** CDP as tcpdump prints it: under -v each value by name, else the device's name and the other values as they stand. */

interface Kind {
  readonly name: string;
  /** Least and most bytes of the value; 0: any. */
  readonly least: number;
  readonly most: number;
  /** Under -v; null: nothing is printed. */
  readonly print: ((t: Text, at: number, length: number) => void) | null;
}

const CAPABILITIES: Bits = [
  [0x01, 'Router'],
  [0x02, 'Transparent Bridge'],
  [0x04, 'Source Route Bridge'],
  [0x08, 'L2 Switch'],
  [0x10, 'L3 capable'],
  [0x20, 'IGMP snooping'],
  [0x40, 'L1 capable'],
];

function printString(t: Text, at: number, length: number): void {
  t.out.byte(39);
  if (t.visibleBytes(at, at + length)) t.reads(at, length);
  t.out.byte(39);
}

function printVersion(t: Text, at: number, length: number): void {
  t.out.ascii('\n\t  ');
  for (const end = at + length; at < end; at++) {
    const value = t.u8(at);
    if (value === 10) t.out.ascii('\n\t  ');
    else t.visible(value);
  }
}

const hexBytes = (t: Text, at: number, length: number): void => {
  for (let i = 0; i < length; i++) {
    const value = t.u8(at + i);
    t.out.byte(32);
    t.out.hexPadded(value, 2);
  }
};

/** SNAP header of IPv6. */
const IPV6_PROTOCOL = [0xaa, 0xaa, 3, 0, 0, 0, 0x86, 0xdd];

function printAddresses(t: Text, at: number, length: number): void {
  const { out } = t;
  const end = at + length;
  if (length < 4) {
    out.ascii(' (not enough space for num)');
    t.reads(at, end - at);
    return;
  }
  let count = t.be32(at);
  at += 4;
  for (; count > 0; count--) {
    if (end - at < 2) {
      out.ascii(' (not enough space for PT+PL)');
      t.reads(at, end - at);
      return;
    }
    const type = t.u8(at);
    const size = t.u8(at + 1);
    const protocol = at + 2;
    if (end - protocol < size + 2) {
      out.ascii(' (not enough space for P+AL)');
      t.reads(protocol, end - protocol);
      return;
    }
    const addressLength = t.be16(protocol + size);
    const address = protocol + size + 2;
    if (end - address < addressLength) {
      out.ascii(' (not enough space for A)');
      t.reads(address, end - address);
      return;
    }
    t.reads(protocol, size);
    if (type === 1 && size === 1 && t.bytes[protocol] === 0xcc && addressLength === 4) {
      t.reads(address, 4);
      out.ascii(`IPv4 (${count}) ${formatIpv4(t.bytes, address)}`);
    } else if (
      type === 2 &&
      size === 8 &&
      IPV6_PROTOCOL.every((value, i) => t.bytes[protocol + i] === value) &&
      addressLength === 16
    ) {
      t.reads(address, 16);
      out.ascii(`IPv6 (${count}) ${formatIpv6(t.bytes, address)}`);
    } else {
      out.ascii(`pt=0x${type.toString(16).padStart(2, '0')}, pl=${size}, pb=`);
      hexBytes(t, protocol, size);
      out.ascii(`, al=${addressLength}, a=`);
      hexBytes(t, address, addressLength);
    }
    if (count > 1) out.byte(32);
    at = address + addressLength;
  }
  if (at < end) {
    out.ascii(` (${end - at} bytes of stray data)`);
    t.reads(at, end - at);
  }
}

function printPrefixes(t: Text, at: number, length: number): void {
  const { out } = t;
  if (length % 5 !== 0) {
    out.ascii(` [length ${length} is not a multiple of 5]`);
    t.reads(at, length);
    return;
  }
  out.ascii(` IPv4 Prefixes (${length / 5}):`);
  for (const end = at + length; at < end; at += 5) {
    t.reads(at, 5);
    out.ascii(` ${formatIpv4(t.bytes, at)}/${t.bytes[at + 4]}`);
  }
}

function printVoipVlan(t: Text, at: number, length: number): void {
  if (length === 3) t.out.ascii(`app ${t.u8(at)}, vlan ${t.be16(at + 1)}`);
  else {
    t.out.ascii('unknown 0x');
    t.out.hexPadded(t.be16(at), 4);
  }
}

function printPower(t: Text, at: number, length: number): void {
  const milliwatts = length === 1 ? t.u8(at) : length === 2 ? t.be16(at) : t.be24(at);
  t.out.ascii(`${(milliwatts / 1000).toFixed(2)}W`);
}

const printByte = (t: Text, at: number): void => {
  const value = t.u8(at);
  t.out.ascii('0x');
  t.out.hexPadded(value, 2);
};

const UNKNOWN = 'unknown field type';
const kind = (name: string, print: Kind['print'], least = 0, most = 0): Kind => ({ name, print, least, most });
const KINDS: readonly Kind[] = [
  kind(UNKNOWN, null),
  kind('Device-ID', printString),
  kind('Address', printAddresses),
  kind('Port-ID', printString),
  kind(
    'Capability',
    (t, at) => {
      const bits = t.be32(at);
      t.out.ascii('(0x');
      t.out.hexPadded(bits, 8);
      t.out.ascii('): ');
      printBits(t, CAPABILITIES, bits, 'none');
    },
    4,
    4,
  ),
  kind('Version String', printVersion),
  kind('Platform', printString),
  kind('Prefixes', printPrefixes),
  kind('Protocol-Hello option', null),
  kind('VTP Management Domain', printString),
  kind('Native VLAN ID', (t, at) => t.out.decimal(t.be16(at)), 2, 2),
  kind('Duplex', (t, at) => t.out.ascii(t.u8(at) !== 0 ? 'full' : 'half'), 1, 1),
  kind(UNKNOWN, null),
  kind(UNKNOWN, null),
  kind('ATA-186 VoIP VLAN assignment', printVoipVlan, 3, 3),
  kind('ATA-186 VoIP VLAN request', printVoipVlan, 2, 3),
  kind('power consumption', printPower, 1, 3),
  kind('MTU', (t, at) => t.out.ascii(`${t.be32(at)} bytes`), 4, 4),
  kind('AVVID trust bitmap', printByte, 1, 1),
  kind('AVVID untrusted ports CoS', printByte, 1, 1),
  kind('System Name', printString),
  kind('System Object ID (not decoded)', null),
  kind('Management Addresses', printAddresses, 4),
  kind(
    'Physical Location',
    (t, at, length) => {
      printByte(t, at);
      if (length > 1) {
        t.out.byte(47);
        if (t.visibleBytes(at + 1, at + length)) t.reads(at, length);
      }
    },
    1,
  ),
];
const OTHER = kind(UNKNOWN, (t, at, length) => {
  t.reads(at, length);
  printUnknown(t, at, length, '\n\t  ');
});

/** ` (invalid)`, and that the capture ends early where it does. */
function contradiction(t: Text, at: number, left: number): void {
  t.invalid();
  t.reads(at, left);
}

const plural = (count: number): string => `${count} byte${count === 1 ? '' : 's'}`;

/** Gives false where the list ends with this value. */
function printTlv(t: Text, at: number, left: number): number {
  const { out } = t;
  if (left < wire.TLV_HEADER_LENGTH) {
    out.ascii(` (remaining packet length ${left} < ${wire.TLV_HEADER_LENGTH})`);
    contradiction(t, at, left);
    return -1;
  }
  const type = t.be16(at);
  const length = t.be16(at + 2);
  const { name, print, least, most } = KINDS[type] ?? OTHER;
  if (length > left) {
    out.ascii(` (TLV length ${length} > ${left})`);
    contradiction(t, at, left);
    return -1;
  }
  if (t.verbose > 0) out.ascii(`\n\t${name} (0x${type.toString(16).padStart(2, '0')})`);
  if (length < wire.TLV_HEADER_LENGTH) {
    if (t.verbose > 0) out.ascii(`, TLV length: ${plural(length)} (too short)`);
    else out.ascii(`, ${name} TLV length ${length} too short`);
    contradiction(t, at, left);
    return -1;
  }
  const body = at + wire.TLV_HEADER_LENGTH;
  const size = length - wire.TLV_HEADER_LENGTH;
  if (t.verbose > 0) out.ascii(`, value length: ${plural(size)}: `);
  if (size < least || (most > 0 && size > most)) {
    out.ascii(' (malformed TLV)');
    t.reads(body, size);
    printUnknown(t, body, size, '\n\t  ');
  } else if (t.verbose > 0) {
    if (print === null) t.reads(body, size);
    else print(t, body, size);
  } else if (type === wire.TLV_DEVICE_ID) {
    out.ascii(', Device-ID ');
    printString(t, body, size);
  } else {
    t.reads(body, size);
    printUnknown(t, body, size, '\n\t  ');
  }
  return length;
}

export function printCdp(t: Text, at: number, length: number): void {
  const { out } = t;
  t.layer = 'cdp';
  if (length < wire.HEADER_LENGTH) {
    out.ascii(` (packet length ${length} < ${wire.HEADER_LENGTH})`);
    contradiction(t, at, length);
    return;
  }
  t.reads(at, 2);
  out.ascii(`CDPv${t.u8(at)}, ttl: ${t.u8(at + 1)}s`);
  const checksum = t.be16(at + 2);
  if (t.verbose > 0) {
    out.ascii(', checksum: 0x');
    out.hexPadded(checksum, 4);
    out.ascii(` (unverified), length ${length}`);
  }
  for (let offset = wire.HEADER_LENGTH; offset < length; ) {
    const taken = printTlv(t, at + offset, length - offset);
    if (taken < 0) return;
    offset += taken;
  }
  if (t.verbose === 0) out.ascii(`, length ${length}`);
}
