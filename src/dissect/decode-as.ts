import { nearestOf } from '../bytes/nearest.ts';
import type { DecodeAsTables, OtherTable } from './decode-as-tables.ts';
import { dns, dnsTcp } from './dns.ts';
import type { Protocol } from './protocol.ts';
import { namedProtocols } from './protocols.ts';
import { rtcp } from './rtcp.ts';
import { rtp } from './rtp.ts';
import { snmp } from './snmp.ts';
import { etherTypes, ipProtocols, PortTable } from './tables.ts';
import { tftp } from './tftp.ts';
import { vxlan } from './vxlan.ts';

/** Which protocol stands behind which number of the layer below, as the user says it (tshark's -d): it overrules the tables
 * and what the content looks like.
 *
 *     tcp.port==8888,http        one port, of either side
 *     udp.port==5004-5010,rtp    these and all between
 *     udp.port==5004:4,rtp       four from this on
 *     ethertype==0x88b5,ip
 *     ip.proto==253,udp
 *     gre.proto==0x88b5,ip       GRE, PPP, Cisco's HDLC, MPLS and LLC have tables of their own
 */

/** What is wrong with a text that says what to decode as what. */
export class DecodeAsError extends Error {
  readonly code = 'EDECODEAS';
  /** What may have been meant. */
  readonly nearest: readonly string[];

  constructor(message: string, nearest: readonly string[] = []) {
    super(message);
    this.nearest = nearest;
  }
}

type Table = 'tcp.port' | 'udp.port' | 'ethertype' | 'ip.proto' | OtherTable;
const LAST: Readonly<Record<Table, number>> = {
  'tcp.port': 65535,
  'udp.port': 65535,
  ethertype: 65535,
  'ip.proto': 255,
  'gre.proto': 65535,
  'ppp.protocol': 65535,
  'chdlc.protocol': 65535,
  'mpls.label': 0xfffff,
  'llc.dsap': 255,
};
const TABLES = Object.keys(LAST) as Table[];

/** Names of protocols that are other ones today. */
const OLD_NAMES: Readonly<Record<string, string>> = { ssl: 'tls', bootp: 'dhcp' };

/** Types of packets that tcpdump's -T knows and that are decoded here: what every UDP datagram is taken for. */
export const PACKET_TYPES: Readonly<Record<string, Protocol>> = {
  domain: dns,
  rtcp,
  rtp,
  snmp,
  tftp,
  vxlan,
};

/** Reads what the texts say. With `packetType`, a name of PACKET_TYPES, every UDP datagram that no text speaks of is of
 * that type, and with `domain` every TCP segment. Throws DecodeAsError. */
export function decodeAs(texts: readonly string[], packetType?: string): DecodeAsTables<Protocol> {
  const tables = {
    etherTypes: new Map(etherTypes),
    ipProtocols: ipProtocols.slice(),
    others: {} as Partial<Record<OtherTable, Map<number, Protocol>>>,
    tcp: new PortTable(),
    udp: new PortTable(),
    allTcp: packetType === 'domain' ? dnsTcp : undefined,
    allUdp: packetType === undefined ? undefined : PACKET_TYPES[packetType],
  };
  // The last word about a port counts, where a table takes the first.
  for (const text of [...texts].reverse()) add(tables, text);
  return tables;
}

type Filled = DecodeAsTables<Protocol> & {
  readonly tcp: PortTable;
  readonly udp: PortTable;
  readonly others: Partial<Record<OtherTable, Map<number, Protocol>>>;
};

function add(tables: Filled, text: string): void {
  const match = /^\s*([^=,\s]+)\s*==\s*([^,]+?)\s*,\s*(.+?)\s*$/.exec(text);
  if (match === null) throw new DecodeAsError(`'${text}' does not say what to decode as what: tcp.port==8888,http`);
  const [, table, selector, name] = match as unknown as [string, string, string, string];
  if (!(TABLES as string[]).includes(table)) {
    const near = nearestOf(table, TABLES, 1);
    throw new DecodeAsError(
      `'${text}': there is no table '${table}'; ${near.length > 0 ? `did you mean ${near[0]}?` : `there are ${TABLES.join(', ')}`}`,
      near,
    );
  }
  const [first, last] = range(text, table as Table, selector);
  const protocol = protocolCalled(text, table as Table, name);
  for (let value = first; value <= last; value++) {
    if (table === 'tcp.port') tables.tcp.add(value, protocol);
    else if (table === 'udp.port') tables.udp.add(value, protocol);
    else if (table === 'ethertype') (tables.etherTypes as Map<number, Protocol>).set(value, protocol);
    else if (table === 'ip.proto') (tables.ipProtocols as (Protocol | undefined)[])[value] = protocol;
    else (tables.others[table as OtherTable] ??= new Map()).set(value, protocol);
  }
}

function range(text: string, table: Table, selector: string): [number, number] {
  const match = /^(0x[0-9a-f]+|\d+)(?:([-:])(0x[0-9a-f]+|\d+))?$/i.exec(selector);
  if (match === null)
    throw new DecodeAsError(`'${text}': '${selector}' is no number, no range (5004-5010) and no count (5004:4)`);
  const first = Number(match[1]);
  const second = match[3] === undefined ? first : Number(match[3]);
  const last = match[2] === ':' ? first + second - 1 : second;
  if (last < first) throw new DecodeAsError(`'${text}': '${selector}' has nothing in it`);
  if (last > LAST[table]) throw new DecodeAsError(`'${text}': ${table} goes up to ${LAST[table]}`);
  return [first, last];
}

function protocolCalled(text: string, table: Table, given: string): Protocol {
  const choices = namedProtocols(table);
  const name = OLD_NAMES[given.toLowerCase()] ?? given.toLowerCase();
  const protocol = choices.get(name);
  if (protocol !== undefined) return protocol;
  const near = nearestOf(name, choices.keys(), 3);
  const all = [...choices.keys()].sort();
  throw new DecodeAsError(
    `'${text}': no protocol '${given}' over ${table}; ${near.length > 0 ? `near to it: ${near.join(', ')}` : `there are ${all.join(', ')}`}`,
    near,
  );
}
