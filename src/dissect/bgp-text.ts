import * as wire from '../wire/bgp.ts';
import { named, printPathAttributes } from './bgp-attributes.ts';
import * as names from './bgp-names.ts';
import * as routes from './bgp-routes.ts';
import { printUnknown } from './ppp-unknown.ts';
import { CUT, type Text } from './text.ts';

/** BGP's messages as tcpdump prints them under -v. */

const SEND_RECEIVE: Readonly<Record<number, string>> = { 1: 'Receive', 2: 'Send', 3: 'Both' };
const CEASE = 6;
const SHUTDOWNS = [2, 4];

const families = (t: Text, at: number, subsequentAt: number): string =>
  `AFI ${named(names.FAMILIES, t.be16(at))}, SAFI ${named(names.SUBSEQUENT, t.u8(subsequentAt))}`;

function printCapability(t: Text, type: number, at: number, length: number): void {
  const { out } = t;
  const tooShort = (needed: number): boolean => {
    if (length >= needed) return false;
    out.ascii(` (too short, < ${needed})`);
    return true;
  };
  switch (type) {
    case wire.CAPABILITY_MULTIPROTOCOL:
      if (tooShort(4)) return;
      out.ascii(`\n\t\t${families(t, at, at + 3)}`);
      break;
    case wire.CAPABILITY_GRACEFUL_RESTART: {
      if (tooShort(2)) return;
      out.ascii(`\n\t\tRestart Flags: [${t.u8(at) & 0x80 ? 'R' : 'none'}], Restart Time ${t.be16(at) & 0x0fff}s`);
      for (let place = at + 2; at + length - place >= 4; place += 4)
        out.ascii(
          `\n\t\t  ${families(t, place, place + 2)}, Forwarding state preserved: ${t.u8(place + 3) & 0x80 ? 'yes' : 'no'}`,
        );
      break;
    }
    case wire.CAPABILITY_AS4:
      if (tooShort(4)) return;
      out.ascii(`\n\t\t 4 Byte AS ${t.be32(at)}`);
      break;
    case wire.CAPABILITY_ADD_PATH:
      if (length === 0) {
        out.ascii(' (bogus)');
        break;
      }
      for (let place = at; place < at + length; place += 4) {
        if (at + length - place < 4) {
          out.ascii(' (invalid)');
          break;
        }
        const way =
          SEND_RECEIVE[t.u8(place + 3)] ??
          `Bogus (0x${t
            .u8(place + 3)
            .toString(16)
            .padStart(2, '0')})`;
        out.ascii(`\n\t\t${families(t, place, place + 2)}, Send/Receive: ${way}`);
      }
      break;
    case wire.CAPABILITY_REFRESH:
    case wire.CAPABILITY_REFRESH_CISCO:
    case wire.CAPABILITY_LONG_LIVED:
      break;
    default:
      out.ascii(`\n\t\tno decoder for Capability ${type}`);
      if (t.verbose <= 1) printUnknown(t, at, length, '\n\t\t');
  }
  if (t.verbose > 1 && length > 0) printUnknown(t, at, length, '\n\t\t');
}

function printOpen(t: Text, at: number, end: number): void {
  const { out } = t;
  t.need(at, wire.HEADER_LENGTH + wire.OPEN_LENGTH);
  const body = at + wire.HEADER_LENGTH;
  out.ascii(`\n\t  Version ${t.u8(body)}, my AS ${t.be16(body + 1)}, Holdtime ${t.be16(body + 3)}s, ID `);
  t.ipv4(body + 5);
  const length = t.u8(body + 9);
  out.ascii(`\n\t  Optional parameters, length: ${length}`);
  const parameters = body + wire.OPEN_LENGTH;
  for (let offset = 0; offset < length; ) {
    const place = parameters + offset;
    t.need(place, 2);
    const type = t.u8(place);
    const size = t.u8(place + 1);
    if (2 + offset + size > length) {
      out.ascii(`\n\t     Option ${type}, length: ${size}, goes past the end of the options`);
      return;
    }
    const name = { 1: 'Authentication Information', [wire.PARAMETER_CAPABILITIES]: 'Capabilities Advertisement' }[type];
    out.ascii(`\n\t    Option ${name ?? 'Unknown'} (${type}), length: ${size}`);
    if (type !== wire.PARAMETER_CAPABILITIES) out.ascii(`\n\t      no decoder for option ${type}`);
    else
      for (let i = 0; i < size; ) {
        t.need(place + 2 + i, 2);
        const capability = t.u8(place + 2 + i);
        const bytes = t.u8(place + 3 + i);
        out.ascii(`\n\t      ${named(names.CAPABILITIES, capability)}, length: ${bytes}`);
        t.need(place + 4 + i, bytes);
        printCapability(t, capability, place + 4 + i, bytes);
        i += 2 + bytes;
      }
    offset += 2 + size;
  }
  if (end < at) throw CUT;
}

/** Prints routes of `length` bytes at `at` under `title`. Gives false where one of them made no sense. */
function printRoutes(t: Text, title: string, at: number, length: number): number {
  const { out } = t;
  out.ascii(`\n\t  ${title}:`);
  const end = at + length;
  const hasIds = routes.hasPathIds(t, at, length, 4);
  while (at < end) {
    let id = 0;
    if (hasIds) {
      if (end - at <= 4) throw CUT;
      id = t.be32(at);
      at += 4;
    }
    const taken = routes.plain(t, at, end - at, 4);
    if (taken === routes.ILLEGAL) {
      out.ascii('\n\t    (illegal prefix length)');
      return at;
    }
    if (taken === routes.CUT_SHORT) throw CUT;
    if (taken === routes.NOT_ENOUGH) return at;
    out.ascii(`\n\t    ${routes.prefix}`);
    if (hasIds) out.ascii(`   Path Id: ${id}`);
    at += taken;
  }
  return at;
}

function printUpdate(t: Text, at: number, size: number): void {
  const { out } = t;
  t.need(at, size);
  const end = at + size;
  let place = at + wire.HEADER_LENGTH;
  if (end - place < 2) throw CUT;
  const withdrawn = t.be16(place);
  place += 2;
  if (withdrawn > 0) {
    // RFC 4271 4.3: a route has a length of one byte at least.
    if (end - place < withdrawn) throw CUT;
    if (withdrawn < 2) return;
    place = printRoutes(t, 'Withdrawn routes', place, withdrawn);
  }
  if (end - place < 2) throw CUT;
  const attributes = t.be16(place);
  place += 2;
  if (attributes > 0) {
    if (end - place < attributes) throw CUT;
    printPathAttributes(t, place, attributes);
    place += attributes;
  }
  if (place < end) printRoutes(t, 'Updated routes', place, end - place);
  else if (attributes === 0) out.ascii('\n\t  End-of-Rib Marker (empty NLRI)');
}

function printNotification(t: Text, at: number, size: number): void {
  const { out } = t;
  if (size < wire.HEADER_LENGTH + 2) throw CUT;
  t.need(at, wire.HEADER_LENGTH + 2);
  const major = t.u8(at + wire.HEADER_LENGTH);
  const minor = t.u8(at + wire.HEADER_LENGTH + 1);
  // Some little sense can be made of an error that has no name.
  out.ascii(`, ${named(names.ERRORS, major, 'Unknown Error')}`);
  const subcodes = names.ERROR_SUBCODES[major];
  if (subcodes === undefined) return;
  out.ascii(`${major === 5 || major === 7 ? '' : ','} subcode ${named(subcodes, minor)}`);
  if (major !== CEASE) return;
  const data = at + wire.HEADER_LENGTH + 2;
  if (minor === 1 && size >= wire.HEADER_LENGTH + 2 + 7) {
    t.need(data, 7);
    out.ascii(`, ${families(t, data, data + 2)}, Max Prefixes: ${t.be32(data + 3)}`);
  }
  if (!SHUTDOWNS.includes(minor) || size < wire.HEADER_LENGTH + 3) return;
  const length = t.u8(data);
  const left = size - wire.HEADER_LENGTH - 3;
  if (length === 0) out.ascii(', empty Shutdown Communication');
  else if (left < length) {
    out.ascii(`, invalid Shutdown Communication length, Data: (length: ${left + 1})`);
    printUnknown(t, data, left + 1, '\n\t\t');
  } else {
    out.ascii(`, Shutdown Communication (length: ${length}): "`);
    const isCut = t.visibleBytes(data + 1, data + 1 + length);
    if (isCut) throw CUT;
    out.byte(34);
  }
}

function printMessage(t: Text, at: number, size: number): void {
  const { out } = t;
  const type = t.u8(at + 18);
  out.ascii(`\n\t${names.MESSAGES[type] ?? 'Unknown'} Message (${type}), length: ${size}`);
  switch (type) {
    case wire.TYPE_OPEN:
      printOpen(t, at, at + size);
      break;
    case wire.TYPE_UPDATE:
      printUpdate(t, at, size);
      break;
    case wire.TYPE_NOTIFICATION:
      printNotification(t, at, size);
      break;
    case wire.TYPE_KEEPALIVE:
      break;
    case wire.TYPE_REFRESH: {
      const body = at + wire.HEADER_LENGTH;
      if (size < wire.HEADER_LENGTH + 4) throw CUT;
      t.need(body, 4);
      out.ascii(`\n\t  ${families(t, body, body + 3)}`);
      if (t.verbose > 1) printUnknown(t, at, size, '\n\t  ');
      break;
    }
    default:
      out.ascii(`\n\t  no Message ${type} decoder`);
      printUnknown(t, at, size, '\n\t  ');
  }
}

/** tcpdump names the protocol, and under -v prints the messages in the segment. */
export function printBgp(t: Text, at: number, length: number): void {
  const { out } = t;
  t.layer = 'bgp';
  out.ascii(': BGP');
  if (t.verbose === 0) return;
  const end = Math.min(at + length, t.end);
  for (let place = at, expected = at; place < end; ) {
    // A segment may begin within a message: the next marker is looked for.
    if (t.bytes[place] !== 0xff) {
      place++;
      continue;
    }
    if (end - place < wire.MARKER_LENGTH) return;
    if (!wire.mayBegin(t.bytes, place, end)) {
      place++;
      continue;
    }
    if (place !== expected) t.truncated();
    t.need(place, wire.HEADER_LENGTH);
    const size = wire.length(t.bytes, place);
    if (size < wire.HEADER_LENGTH) {
      out.ascii(`\nmessage length ${size} < ${wire.HEADER_LENGTH}`);
      t.invalid();
      return;
    }
    if (place + size > end) {
      out.ascii(`\n[|BGP ${names.MESSAGES[wire.type(t.bytes, place)] ?? 'Unknown Message Type'}]`);
      return;
    }
    printMessage(t, place, size);
    place += size;
    expected = place;
  }
}
