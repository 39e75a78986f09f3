import { be16 } from '../bytes/endian.ts';
import { ETHERTYPE_IPV4, ETHERTYPE_IPV6, ETHERTYPE_MPLS, ETHERTYPE_MPLS_MULTICAST } from '../wire/ethertype.ts';
import * as wire from '../wire/ppp.ts';
import { defineFields } from './fields.ts';
import { printBits } from './flags.ts';
import { etherTypeName } from './names.ts';
import { printUnknown } from './ppp-unknown.ts';
import type { Protocol } from './protocol.ts';
import { etherTypes, pppProtocols, type Told, toldIn } from './tables.ts';
import { MAX_TEXT_DEPTH, type Text } from './text.ts';

const F = defineFields('ppp', {
  address: ['Address', 'uint8', { base: 'hex' }],
  control: ['Control', 'uint8', { base: 'hex' }],
  protocol: ['Protocol', 'uint16', { base: 'hex' }],
});

/** tcpdump's names of protocols. */
const NAMES = new Map<number, string>([
  [0x0021, 'IP'],
  [0x0023, 'OSI'],
  [0x0025, 'NS'],
  [0x0027, 'DECNET'],
  [0x0029, 'APPLE'],
  [0x002b, 'IPX'],
  [0x002d, 'VJC IP'],
  [0x002f, 'VJNC IP'],
  [0x0031, 'BRPDU'],
  [0x0033, 'STII'],
  [0x0035, 'VINES'],
  [0x003d, 'MLPPP'],
  [0x0057, 'IP6'],
  [0x00fd, 'Compressed'],
  [0x0201, 'HELLO'],
  [0x0231, 'LUXCOM'],
  [0x0233, 'SNS'],
  [0x0281, 'MPLS'],
  [0x0283, 'MPLS'],
  [0x8021, 'IPCP'],
  [0x8023, 'OSICP'],
  [0x8025, 'NSCP'],
  [0x8027, 'DECNETCP'],
  [0x8029, 'APPLECP'],
  [0x802b, 'IPXCP'],
  [0x8033, 'STIICP'],
  [0x8035, 'VINESCP'],
  [0x8057, 'IP6CP'],
  [0x80fd, 'CCP'],
  [0x8281, 'MPLSCP'],
  [0xc021, 'LCP'],
  [0xc023, 'PAP'],
  [0xc025, 'LQM'],
  [0xc027, 'SPAP'],
  [0xc02b, 'BACP'],
  [0xc02d, 'BAP'],
  [0xc03d, 'MLPPP-CP'],
  [0xc123, 'Old-SPAP'],
  [0xc223, 'CHAP'],
  [0xc227, 'EAP'],
]);

export const pppName = (protocol: number): string | undefined => NAMES.get(protocol);

const PPP_VJ_UNCOMPRESSED = 0x002f;
/** Protocols that are an EtherType's under another number. */
const ETHERTYPES = new Map<number, number>([
  [wire.PPP_IP, ETHERTYPE_IPV4],
  [PPP_VJ_UNCOMPRESSED, ETHERTYPE_IPV4],
  [ETHERTYPE_IPV4, ETHERTYPE_IPV4],
  [wire.PPP_IPV6, ETHERTYPE_IPV6],
  [ETHERTYPE_IPV6, ETHERTYPE_IPV6],
  [wire.PPP_MPLS, ETHERTYPE_MPLS],
  [wire.PPP_MPLS_MULTICAST, ETHERTYPE_MPLS_MULTICAST],
]);

const upperOf = (told: Told, protocol: number): Protocol | undefined => {
  const said = toldIn(told, 'ppp.protocol', protocol);
  if (said !== undefined) return said;
  const etherType = ETHERTYPES.get(protocol);
  return etherType === undefined ? pppProtocols.get(protocol) : etherTypes.get(etherType);
};

/** First bytes that some systems write instead of an address, to tell which way a frame went. */
const DIRECTION_IN = 0x00;
const DIRECTION_OUT = 0x01;

/** Prints the frame at `at`. Where it belongs to the link-level header, of which `before` bytes (else -1) stand before
 * it, hexdumps are told how long that is. */
export function printPpp(t: Text, at: number, length: number, before = -1): void {
  const { out } = t;
  t.layer = 'ppp';
  const begin = at;
  const whole = length;
  if (length < 2) {
    t.truncated();
    return;
  }
  t.reads(at, 2);
  const head = t.be16(at);
  if ((head & 0xff) === wire.CONTROL) {
    const first = head >>> 8;
    if (first === DIRECTION_IN || first === DIRECTION_OUT) {
      if (t.link) out.ascii(first === DIRECTION_IN ? 'In  ' : 'Out ');
      at += 2;
      length -= 2;
    } else if (first === wire.ADDRESS) {
      at += 2;
      length -= 2;
    }
  }
  if (length < 2) {
    t.truncated();
    return;
  }
  t.reads(at, 2);
  let protocol = t.u8(at);
  // tcpdump counts two bytes also where the protocol's number takes one.
  if (before >= 0) t.linkHeaderLength = before + at + 2 - begin;
  if (wire.isCompressed(protocol)) {
    at++;
    length--;
  } else {
    protocol = t.be16(at);
    at += 2;
    length -= 2;
  }
  if (t.link) {
    const name = NAMES.get(protocol);
    if (name === undefined) {
      out.ascii(`unknown (0x${protocol.toString(16).padStart(4, '0')}), length ${whole}`);
      return;
    }
    out.ascii(name);
    out.ascii(' (0x');
    out.hexPadded(protocol, 4);
    out.ascii('), length ');
    out.decimal(whole);
    out.ascii(': ');
  }
  printPayload(t, protocol, at, length);
}

function printPayload(t: Text, protocol: number, at: number, length: number): void {
  const { out } = t;
  if (protocol >>> 8 === 0x7e) {
    printEscaped(t, at - 1, length);
    return;
  }
  if (protocol === wire.PPP_COMPRESSED) out.ascii('compressed PPP data');
  else if (protocol === wire.PPP_MULTILINK) printMultilink(t, at, length);
  else if (protocol === wire.PPP_BAP) return;
  else {
    const upper = upperOf(t, protocol);
    if (upper?.print) upper.print(t, at, length);
    else {
      out.ascii(NAMES.get(protocol) ?? `unknown PPP protocol (0x${protocol.toString(16).padStart(4, '0')})`);
      out.byte(32);
      printUnknown(t, at, length);
    }
  }
}

/** RFC 1990 3: the header of a fragment, with sequence numbers of 12 bits. */
function printMultilink(t: Text, at: number, length: number): void {
  const { out } = t;
  if (!t.link) out.ascii('MLPPP, ');
  if (length < 2 || !t.has(at, 2)) {
    out.ascii('[|mlppp]');
    return;
  }
  out.ascii('seq 0x');
  out.hexPadded(t.be16(at) & 0x0fff, 3);
  out.ascii(', Flags [');
  printBits(
    t,
    [
      [0x80, 'begin'],
      [0x40, 'end'],
    ],
    t.u8(at),
    'none',
  );
  out.ascii('], length ');
  out.decimal(length);
}

const FLAG = 0x7e;
const ESCAPE = 0x7d;
const ESCAPED_BIT = 0x20;

/** RFC 1662 4: a frame as it stands on an asynchronous line, its flags and escapes still in it. The bytes without them
 * take the place of the frame's. */
function printEscaped(t: Text, at: number, length: number): void {
  if (length === 0 || t.depth >= MAX_TEXT_DEPTH) return;
  const plain = new Uint8Array(length);
  let count = 0;
  let last = 0;
  for (let i = at; i < at + length && i < t.end; i++) {
    let value = t.bytes[i]!;
    if (value === ESCAPE) {
      if (i + 1 >= at + length || i + 1 >= t.end) break;
      value = t.bytes[++i]! ^ ESCAPED_BIT;
    } else if (value === FLAG) continue;
    plain[count++] = value;
    last = i;
  }
  if (count === 0 || last === 0) return;
  const { bytes, end } = t;
  t.bytes = plain;
  t.end = count;
  t.depth++;
  try {
    printUnescaped(t, count);
  } finally {
    t.depth--;
    t.bytes = bytes;
    t.end = end;
  }
}

function printUnescaped(t: Text, length: number): void {
  const first = t.u8(0);
  if (first === wire.PPP_IP) {
    upperOf(t, wire.PPP_IP)?.print?.(t, 1, length - 1);
    return;
  }
  if (first === wire.PPP_IPV6) {
    upperOf(t, wire.PPP_IPV6)?.print?.(t, 1, length - 1);
    return;
  }
  if (length < 2) {
    t.truncated();
    return;
  }
  const address = t.be16(0) === ((wire.ADDRESS << 8) | wire.CONTROL);
  const protocolAt = address ? 2 : 0;
  t.reads(protocolAt, 2);
  printPayload(t, be16(t.bytes, protocolAt), protocolAt + 2, length - protocolAt - 2);
}

export const ppp: Protocol = {
  name: 'ppp',
  title: 'Point-to-Point Protocol',
  print: (t, at, length) => printPpp(t, at, length),
  walk: (f, at, end) => {
    f.layer(ppp, at, 0);
    // No protocol has this number.
    if (at < end && f.bytes[at] === wire.ADDRESS) {
      f.uint(F.address, at, 1, wire.ADDRESS);
      if (!f.fits('ppp', at, 2, end)) return;
      f.uint(F.control, at + 1, 1, f.bytes[at + 1]!);
      at += 2;
    }
    if (!f.fits('ppp', at, 1, end)) return;
    const size = wire.isCompressed(f.bytes[at]!) ? 1 : 2;
    if (!f.fits('ppp', at, size, end)) return;
    const protocol = size === 1 ? f.bytes[at]! : be16(f.bytes, at);
    f.uint(F.protocol, at, size, protocol);
    f.layerEnds(at + size);
    f.next(upperOf(f, protocol), at + size, end);
  },
};

/** LINKTYPE_PPP. */
export const pppLink: Protocol = {
  name: 'ppp',
  title: 'Point-to-Point Protocol',
  walk: (f, at, end) => pppHdlc.walk!(f, at, end),
  print(t, at, length) {
    t.layer = 'ppp';
    t.linkHeaderLength = 0;
    if (t.has(at, SHORTEST)) {
      t.linkHeaderLength = SHORTEST;
      printPpp(t, at, length);
    } else {
      t.truncated();
      t.linkHeaderLength = t.end - at;
    }
  },
};

/** Shortest frame that tcpdump reads: address, control and protocol. */
const SHORTEST = 4;
const CISCO_UNICAST = 0x0f;
const CISCO_BROADCAST = 0x8f;
const CISCO_SLARP = 0x8035;

/** Cisco's HDLC: an address, a control byte of 0, an EtherType. */
function printCisco(t: Text, at: number, length: number): void {
  const { out } = t;
  t.layer = 'chdlc';
  if (length < 4 || !t.has(at, 4)) {
    t.linkHeaderLength = 0;
    t.truncated();
    return;
  }
  const type = t.be16(at + 2);
  if (t.link) {
    const address = t.u8(at);
    out.ascii(address === CISCO_UNICAST ? 'unicast' : 'bcast');
    out.ascii(`, ethertype ${etherTypeName(type) ?? 'Unknown'} (0x${type.toString(16).padStart(4, '0')}), length `);
    out.decimal(length);
    out.ascii(': ');
  }
  at += 4;
  length -= 4;
  if (type === CISCO_SLARP) {
    printSlarp(t, at, length);
    return;
  }
  const known = [ETHERTYPE_IPV4, ETHERTYPE_IPV6, ETHERTYPE_MPLS, ETHERTYPE_MPLS_MULTICAST].includes(type);
  const upper = toldIn(t, 'chdlc.protocol', type) ?? (known ? etherTypes.get(type) : undefined);
  if (upper?.print) upper.print(t, at, length);
  else if (!t.link) out.ascii(`unknown CHDLC protocol (0x${type.toString(16).padStart(4, '0')})`);
}

const SLARP_SHORTEST = 14;
const SLARP_LONGEST = 18;

/** Cisco's serial line address resolution. */
function printSlarp(t: Text, at: number, length: number): void {
  const { out } = t;
  t.layer = 'chdlc_slarp';
  const hex = (value: number, digits: number): string => `0x${value.toString(16).padStart(digits, '0')}`;
  out.ascii(`SLARP (length: ${length}), `);
  if (length < SLARP_SHORTEST) {
    t.truncated();
    return;
  }
  t.need(at, 4);
  const code = t.be32(at);
  if (code === 0) out.ascii('request');
  else if (code === 1) {
    t.need(at + 4, 8);
    out.ascii('reply ');
    t.ipv4(at + 4);
    out.byte(47);
    t.ipv4(at + 8);
  } else if (code === 2) {
    t.need(at, SLARP_SHORTEST);
    out.ascii(
      `keepalive: mineseen=${hex(t.be32(at + 4), 8)}, yourseen=${hex(t.be32(at + 8), 8)}, ` +
        `reliability=${hex(t.be16(at + 12), 4)}`,
    );
    if (length >= SLARP_LONGEST) {
      t.reads(at, SLARP_LONGEST);
      const seconds = Math.floor(t.be32(at + 14) / 1000);
      const minutes = Math.floor(seconds / 60);
      const hours = Math.floor(minutes / 60);
      const days = Math.floor(hours / 24);
      out.ascii(`, link uptime=${days}d${hours % 24}h${minutes % 60}m${seconds % 60}s`);
    }
  } else {
    out.ascii(`${hex(code, 2)} unknown`);
    if (t.verbose <= 1) printUnknown(t, at + 4, length - 4);
  }
  if (length > SLARP_LONGEST && t.verbose > 0) out.ascii(`, (trailing junk: ${length - SLARP_LONGEST} bytes)`);
  if (t.verbose > 1) printUnknown(t, code === 2 ? at + SLARP_LONGEST : at + 4, length - 4);
}

/** LINKTYPE_PPP_HDLC: frames begin with the address. */
export const pppHdlc: Protocol = {
  name: 'ppp',
  title: 'Point-to-Point Protocol',
  print(t, at, length) {
    const { out, bytes } = t;
    t.layer = 'ppp_hdlc';
    t.linkHeaderLength = 0;
    if (!t.has(at, 2)) {
      t.truncated();
      t.linkHeaderLength = t.end - at;
      return;
    }
    const address = bytes[at]!;
    if (address === CISCO_UNICAST || address === CISCO_BROADCAST) {
      t.linkHeaderLength = 4;
      printCisco(t, at, length);
      return;
    }
    if (!t.has(at, 4)) {
      t.truncated();
      t.linkHeaderLength = t.end - at;
      return;
    }
    if (t.link) {
      out.hexPadded(address, 2);
      out.byte(32);
      out.hexPadded(bytes[at + 1]!, 2);
      out.ascii(` ${length} `);
    }
    if (address === wire.ADDRESS) {
      t.linkHeaderLength = 4;
      const protocol = be16(bytes, at + 2);
      out.ascii(NAMES.get(protocol) ?? `unknown PPP protocol (0x${protocol.toString(16).padStart(4, '0')})`);
      out.ascii(': ');
      printPayload(t, protocol, at + 4, length - 4);
      return;
    }
    t.linkHeaderLength = 2;
    out.ascii('unknown addr ');
    out.hexPadded(bytes[at + 2]!, 2);
    out.ascii('; ctrl ');
    out.hexPadded(bytes[at + 3]!, 2);
  },
  walk(f, at, end) {
    const first = at < end ? f.bytes[at] : -1;
    if ((first === CISCO_UNICAST || first === CISCO_BROADCAST) && at + 4 <= end) chdlc.walk!(f, at, end);
    else ppp.walk!(f, at, end);
  },
};

/** LINKTYPE_C_HDLC: always with Cisco's header. */
export const chdlc: Protocol = {
  name: 'chdlc',
  title: 'Cisco HDLC',
  print(t, at, length) {
    t.linkHeaderLength = 4;
    printCisco(t, at, length);
  },
  walk(f, at, end) {
    if (!f.fits('chdlc', at, 4, end)) return;
    f.layer(chdlc, at, 4);
    f.uint(C.address, at, 1, f.bytes[at]!);
    f.uint(C.control, at + 1, 1, f.bytes[at + 1]!);
    const type = be16(f.bytes, at + 2);
    f.uint(C.protocol, at + 2, 2, type);
    const told = toldIn(f, 'chdlc.protocol', type);
    f.next(told ?? (type === CISCO_SLARP ? undefined : etherTypes.get(type)), at + 4, end);
  },
};
const C = defineFields('chdlc', {
  address: ['Address', 'uint8', { base: 'hex' }],
  control: ['Control', 'uint8', { base: 'hex' }],
  protocol: ['Protocol', 'uint16', { base: 'hex' }],
});
