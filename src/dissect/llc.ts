import { hexdump } from '../bytes/hexdump.ts';
import { LINKTYPE_ETHERNET } from '../wire/linktype.ts';
import * as wire from '../wire/llc.ts';
import { defineFields } from './fields.ts';
import { etherTypeName } from './names.ts';
import type { Protocol } from './protocol.ts';
import { linkTypes, llcSaps, protocolOfEtherType, snapProtocols, type Told, toldIn } from './tables.ts';
import type { Text } from './text.ts';

const F = defineFields('llc', {
  dsap: ['DSAP', 'uint8', { base: 'hex' }],
  ssap: ['SSAP', 'uint8', { base: 'hex' }],
  control: ['Control field', 'uint16', { base: 'hex' }],
  'dsap.sap': ['SAP', 'uint8'],
  'dsap.ig': ['IG Bit', 'bool'],
  'ssap.sap': ['SAP', 'uint8'],
  'ssap.cr': ['CR Bit', 'bool'],
  oui: ['Organization Code', 'uint24'],
  type: ['Type', 'uint16', { base: 'hex' }],
  pid: ['Protocol ID', 'uint16', { base: 'hex' }],
});

const SAPS: Readonly<Record<number, string>> = {
  0: 'Null',
  2: '802.1B I',
  4: 'SNA',
  6: 'IP',
  14: 'ProWay NM',
  66: 'STP',
  78: 'RS511',
  126: 'ISO8208',
  142: 'ProWay',
  170: 'SNAP',
  224: 'IPX',
  240: 'NetBeui',
  254: 'OSI',
};
const COMMANDS: Readonly<Record<number, string>> = {
  3: 'ui',
  15: 'dm',
  67: 'disc',
  99: 'ua',
  111: 'sabme',
  135: 'frmr',
  175: 'xid',
  227: 'test',
};
const SUPERVISORY = ['Receiver Ready', 'Receiver not Ready', 'Reject', '?'];
const OUIS: Readonly<Record<number, string>> = {
  [wire.OUI_ETHERNET]: 'Ethernet',
  [wire.OUI_CISCO]: 'Cisco',
  [wire.OUI_CISCO_90]: 'Cisco bridged',
  [wire.OUI_BRIDGED]: 'Ethernet bridged',
  [wire.OUI_APPLE]: 'Appletalk',
};
const CISCO_PIDS: Readonly<Record<number, string>> = {
  267: 'PVST',
  268: 'VLAN Bridge',
  273: 'UDLD',
  8192: 'CDP',
  8195: 'VTP',
  8196: 'DTP',
};
const BRIDGED_PIDS: Readonly<Record<number, string>> = {
  1: 'Ethernet + FCS',
  2: '802.4 + FCS',
  3: '802.5 + FCS',
  4: 'FDDI + FCS',
  7: 'Ethernet w/o FCS',
  8: '802.4 w/o FCS',
  9: '802.5 w/o FCS',
  10: 'FDDI w/o FCS',
  14: 'BPDU',
};
const PID_ETHERNET_FCS = 0x0001;
const PID_ETHERNET = 0x0007;
const POLL8 = 0x10;
const POLL16 = 0x0100;
const XID = 0xaf;
const XID_FORMAT = 0x81;

/** Prints the LLC frame at `at`; `addresses` is the offset of destination and source MAC, or -1. Gives the bytes of
 * header, for the hexdumps; negative where nothing knows the payload. */
export function printLlc(t: Text, at: number, length: number, addresses: number): number {
  const { out, bytes } = t;
  t.layer = 'llc';
  if (!t.has(at, wire.HEADER_LENGTH) || length < wire.HEADER_LENGTH) return cut(t, at, length);
  const unnumbered = wire.isUnnumbered(bytes, at);
  const headerLength = unnumbered ? wire.HEADER_LENGTH : wire.HEADER_LENGTH + 1;
  if (!t.has(at, headerLength) || length < headerLength) return cut(t, at, length);
  const control = unnumbered ? wire.control8(bytes, at) : wire.control16(bytes, at);
  const dsapField = wire.dsap(bytes, at);
  const ssapField = wire.ssap(bytes, at);
  if (dsapField === wire.SAP_GLOBAL && ssapField === wire.SAP_GLOBAL) {
    // Novell's raw 802.3: IPX without LLC.
    if (t.link) out.ascii('IPX 802.3: ');
    t.unknown(at, t.end - at);
    return 0;
  }
  const dsap = dsapField & 0xfe;
  const ssap = ssapField & 0xfe;
  if (t.link) {
    out.ascii('LLC, dsap ');
    printSap(t, dsap, (dsapField & 1) === 0 ? 'Individual' : 'Group');
    out.ascii(', ssap ');
    printSap(t, ssap, (ssapField & 1) === 0 ? 'Command' : 'Response');
    out.ascii(', ctrl 0x');
    out.hexPadded(control, unnumbered ? 2 : 4);
    out.ascii(': ');
  }
  const payload = at + headerLength;
  if (control === wire.CONTROL_UI && dsap === ssap) {
    if (dsap === wire.SAP_SNAP) {
      if (t.depth === 0) t.linkHeaderLength += headerLength + wire.SNAP_LENGTH;
      const known = printSnap(t, payload, length - headerLength, addresses);
      if (known) return headerLength + wire.SNAP_LENGTH;
      t.unknown(at, t.end - at);
      return -(headerLength + wire.SNAP_LENGTH);
    }
    const protocol = toldIn(t, 'llc.dsap', dsap) ?? llcSaps[dsap];
    if (protocol?.print) {
      if (t.depth === 0) t.linkHeaderLength += headerLength;
      protocol.print(t, payload, length - headerLength);
      return headerLength;
    }
  }
  if (!t.link) printNames(t, ssap, dsap, addresses);
  out.ascii(unnumbered ? 'Unnumbered, ' : (control & 3) === 1 ? 'Supervisory, ' : 'Information, ');
  if (unnumbered) {
    const command = control & ~POLL8;
    const name = COMMANDS[command];
    if (name !== undefined) out.ascii(name);
    else out.hexPadded(command, 2);
  } else {
    if ((control & 3) === 1) out.ascii(SUPERVISORY[(control >> 2) & 3]!);
    else {
      out.ascii('send seq ');
      out.decimal((control >> 1) & 0x7f);
    }
    out.ascii(', rcv seq ');
    out.decimal((control >> 9) & 0x7f);
  }
  out.ascii(', Flags [');
  const poll = (control & (unnumbered ? POLL8 : POLL16)) !== 0;
  out.ascii((ssapField & 1) !== 0 ? (poll ? 'Final' : 'Response') : poll ? 'Poll' : 'Command');
  out.ascii('], length ');
  out.decimal(length);
  if (unnumbered && (control & ~POLL8) === XID) {
    if (length === headerLength) return headerLength;
    if (t.u8(payload) === XID_FORMAT) {
      if (!t.has(payload, 3) || length - headerLength < 3) {
        t.truncated();
        hexdump(out, bytes, payload, t.end, true);
        return headerLength;
      }
      out.ascii(': ');
      out.hexPadded(bytes[payload + 1]!, 2);
      out.byte(32);
      out.hexPadded(bytes[payload + 2]!, 2);
      return headerLength;
    }
  }
  if (!unnumbered && (control & 3) === 1) return headerLength;
  t.unknown(at, t.end - at);
  return -headerLength;
}

function cut(t: Text, at: number, length: number): number {
  t.truncated();
  // Dumped whatever the options are, as tcpdump does.
  hexdump(t.out, t.bytes, at, t.end, true);
  return Math.min(length, t.end - at);
}

function printSap(t: Text, sap: number, kind: string): void {
  t.out.ascii(SAPS[sap] ?? 'Unknown');
  t.out.ascii(' (0x');
  t.out.hexPadded(sap, 2);
  t.out.ascii(') ');
  t.out.ascii(kind);
}

function printNames(t: Text, ssap: number, dsap: number, addresses: number): void {
  const { out } = t;
  const name = (sap: number, side: string): void => {
    if (SAPS[sap] !== undefined) out.ascii(SAPS[sap]);
    else {
      out.ascii(`Unknown ${side} 0x`);
      out.hexPadded(sap, 2);
    }
  };
  if (addresses >= 0) {
    t.mac(addresses + 6);
    if (ssap !== dsap) {
      out.byte(32);
      name(ssap, 'SSAP');
    }
    out.ascii(' > ');
    t.mac(addresses);
    out.byte(32);
  } else if (ssap !== dsap) {
    name(ssap, 'SSAP');
    out.ascii(' > ');
  }
  name(dsap, 'DSAP');
  out.byte(32);
}

/** Prints the SNAP header at `at` and what follows. False where nothing knows what follows. */
export function printSnap(t: Text, at: number, length: number, addresses: number): boolean {
  const { out, bytes } = t;
  t.layer = 'snap';
  if (!t.has(at, wire.SNAP_LENGTH) || length < wire.SNAP_LENGTH) {
    t.truncated();
    return true;
  }
  const oui = wire.oui(bytes, at);
  const pid = wire.pid(bytes, at);
  const isEtherType = oui === wire.OUI_ETHERNET;
  const header = (): void => {
    if (!isEtherType || t.link) {
      out.ascii('oui ');
      out.ascii(OUIS[oui] ?? 'Unknown');
      out.ascii(' (0x');
      out.hexPadded(oui, 6);
      out.ascii('), ');
    }
    out.ascii(isEtherType ? 'ethertype ' : 'pid ');
    out.ascii(pidName(oui, pid) ?? 'Unknown');
    out.ascii(' (0x');
    out.hexPadded(pid, 4);
    out.ascii('), length ');
    out.decimal(length - wire.SNAP_LENGTH);
    out.ascii(': ');
  };
  if (t.link) header();
  const payload = at + wire.SNAP_LENGTH;
  if (oui === wire.OUI_BRIDGED && (pid === PID_ETHERNET || pid === PID_ETHERNET_FCS)) {
    // RFC 2684 5.3: two bytes of padding align the Ethernet frame.
    if (!t.has(payload, 2)) t.truncated();
    else linkTypes.get(LINKTYPE_ETHERNET)?.print?.(t, payload + 2, length - wire.SNAP_LENGTH - 2);
    return true;
  }
  const protocol = protocolOf(t, oui, pid);
  if (protocol?.print) {
    protocol.print(t, payload, length - wire.SNAP_LENGTH);
    return true;
  }
  if (!t.link) {
    if (addresses >= 0) {
      t.mac(addresses + 6);
      out.ascii(' > ');
      t.mac(addresses);
      out.byte(32);
    }
    out.ascii('SNAP, ');
    header();
  }
  return false;
}

function pidName(oui: number, pid: number): string | undefined {
  if (oui === wire.OUI_CISCO) return CISCO_PIDS[pid];
  if (oui === wire.OUI_BRIDGED) return BRIDGED_PIDS[pid];
  if (oui === wire.OUI_ETHERNET || oui === wire.OUI_CISCO_90) return etherTypeName(pid);
  return oui === wire.OUI_APPLE && pid === 0x809b ? 'Appletalk' : undefined;
}

function protocolOf(told: Told, oui: number, pid: number): Protocol | undefined {
  if (oui === wire.OUI_ETHERNET || oui === wire.OUI_CISCO_90 || (oui === wire.OUI_APPLE && pid === 0x809b))
    return protocolOfEtherType(told, pid);
  return snapProtocols.get(oui * 0x10000 + pid);
}

export const llc: Protocol = {
  name: 'llc',
  title: 'Logical-Link Control',
  print: (t, at, length) => void printLlc(t, at, length, -1),
  walk(f, at, end) {
    if (!f.fits('llc', at, wire.HEADER_LENGTH, end)) return;
    const { bytes } = f;
    const unnumbered = wire.isUnnumbered(bytes, at);
    let next = at + (unnumbered ? wire.HEADER_LENGTH : wire.HEADER_LENGTH + 1);
    if (!f.fits('llc', at, next - at, end)) return;
    const control = unnumbered ? wire.control8(bytes, at) : wire.control16(bytes, at);
    const dsap = wire.dsap(bytes, at);
    f.layer(llc, at, next - at);
    f.uint(F.dsap, at, 1, dsap);
    f.uint(F['dsap.sap'], at, 1, dsap >>> 1);
    f.bool(F['dsap.ig'], at, 1, (dsap & 1) !== 0);
    f.uint(F.ssap, at + 1, 1, wire.ssap(bytes, at));
    f.uint(F['ssap.sap'], at + 1, 1, wire.ssap(bytes, at) >>> 1);
    f.bool(F['ssap.cr'], at + 1, 1, (wire.ssap(bytes, at) & 1) !== 0);
    f.uint(F.control, at + 2, next - at - 2, control);
    if (control !== wire.CONTROL_UI || (dsap | 1) !== (wire.ssap(bytes, at) | 1)) {
      f.data(next, end);
      return;
    }
    if ((dsap & 0xfe) !== wire.SAP_SNAP) {
      f.next(toldIn(f, 'llc.dsap', dsap) ?? llcSaps[dsap & 0xfe], next, end);
      return;
    }
    if (!f.fits('llc', next, wire.SNAP_LENGTH, end)) return;
    const oui = wire.oui(bytes, next);
    const pid = wire.pid(bytes, next);
    f.uint(F.oui, next, 3, oui);
    f.uint(oui === wire.OUI_ETHERNET ? F.type : F.pid, next + 3, 2, pid);
    next += wire.SNAP_LENGTH;
    f.layerEnds(next);
    if (oui === wire.OUI_BRIDGED && (pid === PID_ETHERNET || pid === PID_ETHERNET_FCS))
      f.next(linkTypes.get(LINKTYPE_ETHERNET), next + 2, end);
    else f.next(protocolOf(f, oui, pid), next, end);
  },
};
