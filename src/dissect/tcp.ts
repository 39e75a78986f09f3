import { type Word, wordOf, writeUint, writeWord } from '../bytes/digits.ts';
import { IPPROTO_TCP } from '../wire/ipproto.ts';
import * as wire from '../wire/tcp.ts';
import { CHECKSUM_STATUS, defineAlias, defineFields, type Fields, groupOf, ROW_TCP } from './fields.ts';
import { TROUBLE_CHECKSUM, TROUBLE_RESET } from './options.ts';
import type { Protocol } from './protocol.ts';
import { protocolOverTcp, tcpPorts, toldOfAllTcp, toldOver } from './tables.ts';
import { printTcpOptions, walkTcpOptions } from './tcp-options.ts';
import type { Text } from './text.ts';
import { shouldBe } from './udp.ts';

const F = defineFields('tcp', {
  srcport: ['Source Port', 'uint16'],
  dstport: ['Destination Port', 'uint16'],
  len: ['TCP Segment Len', 'uint32'],
  seq_raw: ['Sequence Number (raw)', 'uint32'],
  ack_raw: ['Acknowledgment number (raw)', 'uint32'],
  hdr_len: ['Header Length', 'uint8'],
  flags: ['Flags', 'uint16', { base: 'hex' }],
  'flags.res': ['Reserved', 'bool'],
  'flags.ae': ['Accurate ECN', 'bool'],
  'flags.cwr': ['Congestion Window Reduced', 'bool'],
  'flags.ece': ['ECN-Echo', 'bool'],
  'flags.urg': ['Urgent', 'bool'],
  'flags.ack': ['Acknowledgment', 'bool'],
  'flags.push': ['Push', 'bool'],
  'flags.reset': ['Reset', 'bool'],
  'flags.syn': ['Syn', 'bool'],
  'flags.fin': ['Fin', 'bool'],
  'flags.str': ['TCP Flags', 'string', { named: true }],
  'connection.syn': ['Connection establish request (SYN)', 'none', { named: true }],
  'connection.synack': ['Connection establish acknowledge (SYN+ACK)', 'none', { named: true }],
  'connection.fin': ['Connection finish (FIN)', 'none', { named: true }],
  'connection.rst': ['Connection reset (RST)', 'none', { named: true }],
  window_size_value: ['Window', 'uint16'],
  checksum: ['Checksum', 'uint16', { base: 'hex' }],
  'checksum.status': ['Checksum Status', 'uint8', CHECKSUM_STATUS],
  urgent_pointer: ['Urgent Pointer', 'uint16'],
  options: ['TCP Options', 'bytes'],
  payload: ['TCP payload', 'bytes'],
});
const FLAG_FIELDS = groupOf(Object.entries(F).flatMap(([key, id]) => (/^(flags|connection)/.test(key) ? [id] : [])));
/** What says the flags again: only for who asks for it by name. */
const LABELS = groupOf(Object.entries(F).flatMap(([key, id]) => (/^flags.str|^connection/.test(key) ? [id] : [])));
/** What stands before the flags, but for the ports; what stands behind them. */
const NUMBERS = groupOf([F.seq_raw, F.ack_raw, F.hdr_len]);
const REST = groupOf([F.window_size_value, F.checksum, F['checksum.status'], F.urgent_pointer]);
defineAlias('tcp.port', ['tcp.srcport', 'tcp.dstport']);

/** `Flags [S.]` by the low eight flags, in tcpdump's order and letters. */
const FLAGS: readonly Word[] = Array.from({ length: 256 }, (_, flags) => {
  let letters = '';
  for (const [bit, letter] of [
    [wire.FIN, 'F'],
    [wire.SYN, 'S'],
    [wire.RST, 'R'],
    [wire.PSH, 'P'],
    [wire.ACK_FLAG, '.'],
    [wire.URG, 'U'],
    [wire.ECE, 'E'],
    [wire.CWR, 'W'],
  ] as const)
    if (flags & bit) letters += letter;
  return wordOf(`Flags [${letters === '' ? 'none' : letters}]`);
});
const SEQ = wordOf(', seq ');
const ACK = wordOf(', ack ');
const WIN = wordOf(', win ');
const OPTIONS = wordOf(', options [');
const LENGTH = wordOf(', length ');

function printTcp(t: Text, at: number, length: number): void {
  const { out, bytes } = t;
  t.layer = 'tcp';
  if (!t.has(at, 4)) {
    if (t.ipVersion === 4) {
      t.ipv4(t.ip + 12);
      out.ascii(' > ');
      t.ipv4(t.ip + 16);
    } else {
      t.ipv6(t.ip + 8);
      out.ascii(' > ');
      t.ipv6(t.ip + 24);
    }
    out.byte(58);
    t.truncated();
    return;
  }
  const srcPort = wire.srcPort(bytes, at);
  const dstPort = wire.dstPort(bytes, at);
  if (t.protocolOfIp === IPPROTO_TCP) t.ends(srcPort, dstPort, 'tcp');
  else {
    t.port(srcPort, 'tcp');
    out.ascii(' > ');
    t.port(dstPort, 'tcp');
    out.ascii(': ');
  }
  t.need(at, wire.HEADER_LENGTH);
  const headerLength = wire.headerLength(bytes, at);
  if (headerLength < wire.HEADER_LENGTH) {
    out.ascii(' tcp ');
    out.decimal((length - headerLength) >>> 0);
    out.ascii(' [bad hdr length ');
    out.decimal(headerLength);
    out.ascii(' - too short, < 20]');
    return;
  }
  let seq = wire.seq(bytes, at);
  let ack = wire.ack(bytes, at);
  if (t.quiet) {
    out.ascii('tcp ');
    out.decimal((length - headerLength) >>> 0);
    if (headerLength > length) badHeader(t, headerLength, length);
    return;
  }
  const flags = wire.flags(bytes, at);
  out.word(FLAGS[flags & 0xff]!);
  const isSyn = (flags & wire.SYN) !== 0;
  if (flags & wire.RST) t.trouble |= TROUBLE_RESET;
  // What the numbers of a SACK option count from: the other side's first.
  let sackBase = 0;
  if (!t.absoluteSequence && flags & wire.ACK_FLAG) {
    const table = t.sequences;
    const isIpv4 = t.ipVersion === 4;
    table.find(
      bytes,
      t.ip + (isIpv4 ? 12 : 8),
      t.ip + (isIpv4 ? 16 : 24),
      isIpv4 ? 4 : 16,
      srcPort,
      dstPort,
      seq,
      ack,
      isSyn,
    );
    if (!table.fresh) {
      seq = (seq - (table.reversed ? table.firstAck : table.firstSeq)) >>> 0;
      ack = (ack - (table.reversed ? table.firstSeq : table.firstAck)) >>> 0;
    }
    sackBase = table.reversed ? table.firstSeq : table.firstAck;
  }
  if (headerLength > length) {
    badHeader(t, headerLength, length);
    return;
  }
  if (t.verbose > 0 && t.checksums && !t.fragmented && t.has(at, length)) {
    const stated = wire.checksum(bytes, at);
    const left = wire.verify(bytes, at, at + length, t.pseudo(IPPROTO_TCP));
    out.ascii(', cksum 0x');
    out.hexPadded(stated, 4);
    if (left === 0) out.ascii(' (correct)');
    else {
      t.trouble |= TROUBLE_CHECKSUM;
      out.ascii(' (incorrect -> 0x');
      out.hexPadded(shouldBe(stated, left), 4);
      out.byte(41);
    }
  }
  length -= headerLength;
  // Every line has these, so room is made once, and the place is kept in a local.
  out.reserve(NUMBERS_ROOM);
  const { memory } = out;
  let to = out.length;
  if (t.verbose > 1 || length > 0 || flags & (wire.SYN | wire.FIN | wire.RST)) {
    to = writeUint(memory, writeWord(memory, to, SEQ), seq);
    if (length > 0) {
      memory.setUint8(to, 58);
      to = writeUint(memory, to + 1, (seq + length) >>> 0);
    }
  }
  if (flags & wire.ACK_FLAG) to = writeUint(memory, writeWord(memory, to, ACK), ack);
  out.length = writeUint(memory, writeWord(memory, to, WIN), wire.window(bytes, at));
  if (flags & wire.URG) {
    out.ascii(', urg ');
    out.decimal(wire.urgent(bytes, at));
  }
  if (headerLength > wire.HEADER_LENGTH) {
    out.word(OPTIONS);
    if (!printTcpOptions(t, wire.optionsAt(at), headerLength - wire.HEADER_LENGTH, sackBase, flags)) return;
    out.byte(93);
  }
  out.word(LENGTH);
  out.decimal(length);
  if (length === 0) return;
  const body = at + headerLength;
  if (body > t.end) {
    // Padding behind the end of the options was not captured.
    out.ascii(' [remaining caplen(');
    out.decimal(t.end - at);
    out.ascii(') < header length(');
    out.decimal(headerLength);
    out.ascii(')]');
    t.truncated();
    return;
  }
  if (flags & wire.RST && t.verbose > 0) {
    printResetData(t, body, length);
    return;
  }
  const told = toldOver(t, 'tcp', srcPort, dstPort) ?? toldOfAllTcp(t);
  if (told?.print) {
    told.print(t, body, length);
    return;
  }
  const protocol = tcpPorts.find(srcPort, dstPort);
  if (protocol?.print && (!protocol.accepts || protocol.accepts(bytes, body, Math.min(t.end, body + length))))
    protocol.print(t, body, length);
}

/** Bytes that `, seq 4294967295:4294967295, ack 4294967295, win 65535` takes at most. */
const NUMBERS_ROOM = 96;

function badHeader(t: Text, headerLength: number, length: number): void {
  t.out.ascii(' [bad hdr length ');
  t.out.decimal(headerLength);
  t.out.ascii(' - too long, > ');
  t.out.decimal(length);
  t.out.byte(93);
}

/** RFC 1122 4.2.2.12: a reset may carry text that says why. */
function printResetData(t: Text, at: number, length: number): void {
  const { out } = t;
  const most = 30;
  out.ascii(t.has(at, length) ? ' [RST' : ' [!RST');
  if (length > most) {
    length = most;
    out.byte(43);
  }
  out.byte(32);
  for (const stop = Math.min(at + length, t.end); at < stop; at++) t.visible(t.bytes[at]!);
  out.byte(93);
}

function addHeader(f: Fields, at: number, end: number, headerLength: number): void {
  const { bytes } = f;
  f.uint(F.srcport, at, 2, f.srcPort);
  f.uint(F.dstport, at + 2, 2, f.dstPort);
  if (f.wantsSome(NUMBERS)) {
    f.uint(F.seq_raw, at + 4, 4, wire.seq(bytes, at));
    f.uint(F.ack_raw, at + 8, 4, wire.ack(bytes, at));
    f.uint(F.hdr_len, at + 12, 1, headerLength);
  }
  if (f.wantsSome(FLAG_FIELDS)) {
    const flags = wire.flags(bytes, at);
    f.uint(F.flags, at + 12, 2, flags);
    f.bool(F['flags.res'], at + 12, 1, (flags & 0xe00) !== 0);
    f.bool(F['flags.ae'], at + 12, 1, (flags & wire.AE) !== 0);
    f.bool(F['flags.cwr'], at + 13, 1, (flags & wire.CWR) !== 0);
    f.bool(F['flags.ece'], at + 13, 1, (flags & wire.ECE) !== 0);
    f.bool(F['flags.urg'], at + 13, 1, (flags & wire.URG) !== 0);
    f.bool(F['flags.ack'], at + 13, 1, (flags & wire.ACK_FLAG) !== 0);
    f.bool(F['flags.push'], at + 13, 1, (flags & wire.PSH) !== 0);
    f.bool(F['flags.reset'], at + 13, 1, (flags & wire.RST) !== 0);
    f.bool(F['flags.syn'], at + 13, 1, (flags & wire.SYN) !== 0);
    f.bool(F['flags.fin'], at + 13, 1, (flags & wire.FIN) !== 0);
    if (f.wanted !== null && f.wantsSome(LABELS)) addLabels(f, at, flags);
  }
  if (f.wantsSome(REST)) {
    f.uint(F.window_size_value, at + 14, 2, wire.window(bytes, at));
    f.uint(F.checksum, at + 16, 2, wire.checksum(bytes, at));
    f.uint(F['checksum.status'], at + 16, 0, f.checksumStatus(at, end - at, IPPROTO_TCP));
    f.uint(F.urgent_pointer, at + 18, 2, wire.urgent(bytes, at));
  }
}

/** Letters of the twelve bits beside the data offset, the highest first. */
const FLAG_LETTERS = 'RRRACEUAPRSF';

function addLabels(f: Fields, at: number, flags: number): void {
  if (f.wants(F['flags.str'])) {
    let text = '';
    for (let i = 0; i < FLAG_LETTERS.length; i++) text += flags & (0x800 >>> i) ? FLAG_LETTERS[i] : '·';
    f.value(F['flags.str'], at + 12, 2, text);
  }
  if (flags & wire.SYN) f.raw(F[flags & wire.ACK_FLAG ? 'connection.synack' : 'connection.syn'], at + 13, 1);
  if (flags & wire.FIN) f.raw(F['connection.fin'], at + 13, 1);
  if (flags & wire.RST) f.raw(F['connection.rst'], at + 13, 1);
}

export const tcp: Protocol = {
  name: 'tcp',
  title: 'Transmission Control Protocol',
  print: printTcp,
  walk(f, at, end) {
    if (!f.fits('tcp', at, wire.HEADER_LENGTH, end)) return;
    const { bytes } = f;
    const headerLength = wire.headerLength(bytes, at);
    f.srcPort = wire.srcPort(bytes, at);
    f.dstPort = wire.dstPort(bytes, at);
    f.layer(tcp, at, Math.min(Math.max(headerLength, wire.HEADER_LENGTH), end - at));
    if (f.compact && !f.verifies) f.header(ROW_TCP, at);
    else addHeader(f, at, end, headerLength);
    if (headerLength < wire.HEADER_LENGTH) {
      f.invalid('tcp', at + 12, wire.HEADER_LENGTH, headerLength, 'tcp.hdr_len');
      return;
    }
    if (!f.fits('tcp', at, headerLength, end)) return;
    const body = at + headerLength;
    const length = Math.max(f.wireEnd - body, 0);
    f.uint(F.len, at, 0, length);
    if (f.sessions !== null) f.sessions.tcp(f, at, body, length);
    if (headerLength > wire.HEADER_LENGTH) {
      f.raw(F.options, wire.optionsAt(at), headerLength - wire.HEADER_LENGTH);
      walkTcpOptions(f, wire.optionsAt(at), body);
    }
    if (body < end) f.raw(F.payload, body, end - body);
    if (f.passesOver(tcpPorts)) return;
    if (f.sessions?.payload(f, at, body, end, length)) return;
    if (body < end) f.next(protocolOverTcp(f, body, end), body, end);
  },
};
