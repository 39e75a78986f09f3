import { be16, be32 } from '../bytes/endian.ts';
import * as wire from '../wire/rip.ts';
import { defineFields } from './fields.ts';
import { printUnknown } from './ppp-unknown.ts';
import type { Protocol } from './protocol.ts';
import type { Text } from './text.ts';

const COMMANDS: Readonly<Record<number, string>> = {
  1: 'Request',
  2: 'Response',
  3: 'Trace on',
  4: 'Trace off',
  5: 'Poll (undocumented)',
  6: 'Poll entry (undocumented)',
  9: 'Request',
  10: 'Response',
};
const LIST = { list: true } as const;
const F = defineFields('rip', {
  command: ['Command', 'uint8', { values: COMMANDS }],
  version: ['Version', 'uint8'],
  family: ['Address Family', 'uint16', LIST],
  route_tag: ['Route Tag', 'uint16', LIST],
  ip: ['IP Address', 'ipv4', LIST],
  netmask: ['Netmask', 'ipv4', LIST],
  next_hop: ['Next Hop', 'ipv4', LIST],
  metric: ['Metric', 'uint32', LIST],
  'auth.type': ['Authentication type', 'uint16', LIST],
  'auth.passwd': ['Password', 'string', LIST],
  digest_offset: ['Digest Offset', 'uint16', LIST],
  key_id: ['Key ID', 'uint8', LIST],
  auth_data_len: ['Auth Data Len', 'uint8', LIST],
  seq_num: ['Seq num', 'uint32', LIST],
  authentication_data: ['Authentication Data', 'bytes', LIST],
});
const N = defineFields('ripng', {
  cmd: ['Command', 'uint8', { values: { 1: 'Request', 2: 'Response' } }],
  version: ['Version', 'uint8'],
  reserved: ['Reserved', 'bytes'],
  'rte.ipv6_prefix': ['IPv6 Prefix', 'ipv6', LIST],
  'rte.route_tag': ['Route Tag', 'uint16', { list: true, base: 'hex' }],
  'rte.prefix_length': ['Prefix Length', 'uint8', LIST],
  'rte.metric': ['Metric', 'uint8', LIST],
});

const PRINTED_COMMANDS: Readonly<Record<number, string>> = {
  1: 'Request',
  2: 'Response',
  3: 'Trace on',
  4: 'Trace off',
  5: 'Poll',
  6: 'Poll Entry',
};
const FAMILIES: Readonly<Record<number, string>> = { 2: 'IPv4', 6: 'NS', 7: 'ISO', 16: 'Appletalk', 23: 'IPX' };
for (const family of [24, 28, 30]) (FAMILIES as Record<number, string>)[family] = 'IPv6';

function printRip(t: Text, at: number, length: number): void {
  const { out, bytes } = t;
  t.layer = 'rip';
  if (!t.has(at, wire.HEADER_LENGTH) || length < wire.HEADER_LENGTH) {
    t.truncated();
    return;
  }
  const version = wire.version(bytes, at);
  const command = wire.command(bytes, at);
  out.ascii(`${t.verbose > 0 ? '\n\t' : ''}RIPv${version}`);
  if (version === 0) {
    printUnknown(t, at, length);
    return;
  }
  out.ascii(`, ${PRINTED_COMMANDS[command] ?? `unknown command (${command})`}, length: ${length}`);
  if (t.verbose === 0) return;
  if (command === wire.REQUEST || command === wire.RESPONSE) {
    if (version === 1 || version === 2) printEntries(t, at, length, version);
    else out.ascii(', unknown version');
  } else if ((command === 3 || PRINTED_COMMANDS[command] === undefined) && t.verbose <= 1) printUnknown(t, at, length);
  if (t.verbose > 1) printUnknown(t, at, length);
}

function printEntries(t: Text, at: number, length: number, version: number): void {
  const { out } = t;
  let left = length - wire.HEADER_LENGTH;
  // The header is counted as well.
  out.ascii(`, routes: ${Math.floor(length / wire.ENTRY_LENGTH)}${version === 2 ? ' or less' : ''}`);
  for (let entry = at + wire.HEADER_LENGTH; left > 0; ) {
    if (entry >= t.end) return;
    // A password, a digest's trailer and what nothing knows are printed as far as they were captured.
    const family = version === 2 && t.has(entry, 4) ? t.be16(entry) : 0;
    const isOpen =
      family === wire.FAMILY_AUTH
        ? t.be16(entry + 2) !== wire.AUTH_DIGEST
        : family !== 0 && family !== wire.FAMILY_IPV4;
    const needed = isOpen ? 4 : wire.ENTRY_LENGTH;
    if (!t.has(entry, needed)) {
      t.truncated();
      return;
    }
    const size = version === 1 ? printEntry1(t, entry) : printEntry2(t, entry, left);
    if (size < 0) return;
    if (!t.has(entry, size)) {
      out.ascii(` [remaining entries length ${t.end - entry} < ${size}]`);
      t.invalid();
      return;
    }
    entry += size;
    left -= size;
  }
}

function printEntry1(t: Text, at: number): number {
  const { out, bytes } = t;
  const family = wire.family(bytes, at);
  if (family !== wire.FAMILY_IPV4 && family !== 0) {
    out.ascii(`\n\t AFI ${FAMILIES[family] ?? `Unknown (${family})`}, `);
    printUnknown(t, at + 4, 16, '\n\t  ');
    return wire.ENTRY_LENGTH;
  }
  if (wire.tag(bytes, at) !== 0 || be32(bytes, at + 8) !== 0 || be32(bytes, at + 12) !== 0) {
    printUnknown(t, at, wire.ENTRY_LENGTH, '\n\t  ');
    return wire.ENTRY_LENGTH;
  }
  out.ascii(family === 0 ? '\n\t  AFI 0, ' : '\n\t  ');
  t.ipv4(wire.addressAt(at));
  out.ascii(`, metric: ${wire.metric(bytes, at)}`);
  return wire.ENTRY_LENGTH;
}

/** Length of a mask's prefix; -1 where its ones are not together. */
function prefixLength(mask: number): number {
  const ones = Math.clz32(~mask >>> 0);
  return ones === 32 || (mask << ones) >>> 0 === 0 ? ones : -1;
}

/** Gives the entry's length, or -1 where it goes to the packet's end. */
function printEntry2(t: Text, at: number, left: number): number {
  const { out, bytes } = t;
  const family = wire.family(bytes, at);
  const tag = wire.tag(bytes, at);
  if (family === wire.FAMILY_AUTH) {
    if (tag === wire.AUTH_SIMPLE) {
      out.ascii('\n\t  Simple Text Authentication data: ');
      for (let i = 0; i < 16 && t.u8(at + 4 + i) !== 0; i++) t.visible(bytes[at + 4 + i]!);
    } else if (tag === wire.AUTH_DIGEST) {
      t.reads(at, wire.ENTRY_LENGTH);
      out.ascii(`\n\t  Auth header: Packet Len ${be16(bytes, at + 4)}, Key-ID ${bytes[at + 6]}`);
      out.ascii(`, Auth Data Len ${bytes[at + 7]}, SeqNo ${be32(bytes, at + 8)}`);
      out.ascii(`, MBZ ${be32(bytes, at + 12)}, MBZ ${be32(bytes, at + 16)}`);
    } else if (tag === wire.AUTH_TRAILER) {
      out.ascii('\n\t  Auth trailer:');
      printUnknown(t, at + 4, left - 4, '\n\t  ');
      return -1;
    } else {
      out.ascii(`\n\t  Unknown (${tag}) Authentication data:`);
      printUnknown(t, at + 4, left - 4, '\n\t  ');
      return -1;
    }
  } else if (family !== wire.FAMILY_IPV4 && family !== 0) {
    out.ascii(`\n\t  AFI ${FAMILIES[family] ?? `Unknown (${family})`}`);
    printUnknown(t, at + 4, 16, '\n\t  ');
  } else {
    t.reads(at, wire.ENTRY_LENGTH);
    out.ascii(`\n\t  AFI ${FAMILIES[family] ?? family}, `);
    const mark = out.length;
    t.ipv4(wire.addressAt(at));
    const missing = 15 - (out.length - mark);
    if (missing > 0) {
      out.length = mark;
      out.ascii(' '.repeat(missing));
      t.ipv4(wire.addressAt(at));
    }
    const prefix = String(prefixLength(be32(bytes, wire.maskAt(at)))).padEnd(2);
    out.ascii(`/${prefix}, tag 0x${tag.toString(16).padStart(4, '0')}, metric: ${wire.metric(bytes, at)}, next-hop: `);
    if (be32(bytes, wire.nextHopAt(at)) === 0) out.ascii('self');
    else t.ipv4(wire.nextHopAt(at));
  }
  return wire.ENTRY_LENGTH;
}

export const rip: Protocol = {
  name: 'rip',
  title: 'Routing Information Protocol',
  print: printRip,
  walk(f, at, end) {
    if (!f.fits('rip', at, wire.HEADER_LENGTH, end)) return;
    const { bytes } = f;
    const version = wire.version(bytes, at);
    f.layer(rip, at, end - at);
    f.uint(F.command, at, 1, wire.command(bytes, at));
    f.uint(F.version, at + 1, 1, version);
    let trailer = -1;
    for (let entry = at + wire.HEADER_LENGTH; entry < end; entry += wire.ENTRY_LENGTH) {
      if (trailer >= 0 && entry >= trailer) return;
      if (!f.fits('rip', entry, wire.ENTRY_LENGTH, end)) return;
      const family = wire.family(bytes, entry);
      if (family === wire.FAMILY_AUTH) {
        const type = wire.tag(bytes, entry);
        f.uint(F['auth.type'], entry + 2, 2, type);
        if (type === wire.AUTH_SIMPLE) {
          let stop = entry + 4;
          while (stop < entry + wire.ENTRY_LENGTH && bytes[stop] !== 0) stop++;
          f.value(F['auth.passwd'], entry + 4, 16, new TextDecoder().decode(bytes.subarray(entry + 4, stop)));
        } else if (type === wire.AUTH_DIGEST) {
          const offset = be16(bytes, entry + 4);
          const size = bytes[entry + 7]!;
          f.uint(F.digest_offset, entry + 4, 2, offset);
          f.uint(F.key_id, entry + 6, 1, bytes[entry + 6]!);
          f.uint(F.auth_data_len, entry + 7, 1, size);
          f.uint(F.seq_num, entry + 8, 4, be32(bytes, entry + 8));
          // RFC 4822 2.2: the trailer begins with 0xffff and 1; its length counts those.
          trailer = at + offset;
          const data = Math.min(end, trailer + Math.max(size, 4));
          if (trailer + 4 < data) f.raw(F.authentication_data, trailer + 4, data - trailer - 4);
        }
        continue;
      }
      if (family !== wire.FAMILY_IPV4 && family !== 0) continue;
      f.uint(F.family, entry, 2, family);
      if (version === 2 || family === wire.FAMILY_IPV4) {
        if (version === 2) f.uint(F.route_tag, entry + 2, 2, wire.tag(bytes, entry));
        if (family === wire.FAMILY_IPV4) f.raw(F.ip, wire.addressAt(entry), 4);
        if (version === 2) {
          f.raw(F.netmask, wire.maskAt(entry), 4);
          f.raw(F.next_hop, wire.nextHopAt(entry), 4);
        }
      }
      f.uint(F.metric, entry + 16, 4, wire.metric(bytes, entry));
    }
  },
};

function printNextGeneration(t: Text, at: number, length: number): void {
  const { out, bytes } = t;
  t.layer = 'ripng';
  t.reads(at, 2);
  const entries = Math.floor((length - wire.HEADER_LENGTH) / wire.ENTRY_LENGTH);
  const version = wire.version(bytes, at);
  if (version !== 1) {
    out.ascii(` [vers ${version}]`);
    t.invalid();
    return;
  }
  const command = wire.command(bytes, at);
  const rest = (length - wire.HEADER_LENGTH) % wire.ENTRY_LENGTH;
  if (command <= wire.RESPONSE && length < wire.HEADER_LENGTH) {
    t.invalid();
    return;
  }
  if (command === wire.REQUEST) {
    const first = at + wire.HEADER_LENGTH;
    if (entries === 1) t.reads(first, wire.ENTRY_LENGTH);
    if (entries === 1 && isDump(bytes, first)) {
      out.ascii(' ripng-req dump');
      return;
    }
  }
  if (command === wire.REQUEST || command === wire.RESPONSE) {
    out.ascii(command === wire.REQUEST ? ' ripng-req' : ' ripng-resp');
    out.ascii(rest === 0 ? ` ${entries}:` : ` ${entries}[${length}]:`);
    let entry = at + wire.HEADER_LENGTH;
    for (let left = length - wire.HEADER_LENGTH; left >= wire.ENTRY_LENGTH; left -= wire.ENTRY_LENGTH) {
      out.ascii(t.verbose > 1 ? '\n\t' : ' ');
      t.reads(entry, 19);
      t.ipv6(entry);
      out.ascii(`/${wire.ngLength(bytes, entry)}`);
      if (wire.ngTag(bytes, entry) !== 0) out.ascii(` [${wire.ngTag(bytes, entry)}]`);
      const next = t.u8(entry + 19);
      if (command === wire.RESPONSE && next !== 0) out.ascii(` (${next})`);
      entry += wire.ENTRY_LENGTH;
    }
    if (rest !== 0) t.invalid();
  } else {
    out.ascii(` ripng-${command} ?? ${length}`);
    t.invalid();
  }
}

/** RFC 2080 2.4.1: a request for the whole table. */
function isDump(bytes: Uint8Array, at: number): boolean {
  if (wire.ngMetric(bytes, at) !== 16) return false;
  for (let i = 0; i < 16; i++) if (bytes[at + i] !== 0) return false;
  return true;
}

export const ripng: Protocol = {
  name: 'ripng',
  title: 'RIPng',
  print: printNextGeneration,
  walk(f, at, end) {
    if (!f.fits('ripng', at, wire.HEADER_LENGTH, end)) return;
    const { bytes } = f;
    f.layer(ripng, at, end - at);
    f.uint(N.cmd, at, 1, wire.command(bytes, at));
    f.uint(N.version, at + 1, 1, wire.version(bytes, at));
    f.raw(N.reserved, at + 2, 2);
    for (let entry = at + wire.HEADER_LENGTH; entry < end; entry += wire.ENTRY_LENGTH) {
      if (!f.fits('ripng', entry, wire.ENTRY_LENGTH, end)) return;
      f.raw(N['rte.ipv6_prefix'], entry, 16);
      f.uint(N['rte.route_tag'], entry + 16, 2, wire.ngTag(bytes, entry));
      f.uint(N['rte.prefix_length'], entry + 18, 1, wire.ngLength(bytes, entry));
      f.uint(N['rte.metric'], entry + 19, 1, wire.ngMetric(bytes, entry));
    }
  },
};
