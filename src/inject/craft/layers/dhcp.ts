import { parseIpv4 } from '../../../wire/address.ts';
import * as dhcpWire from '../../../wire/dhcp.ts';
import {
  dataOf,
  fixedBytes,
  flags,
  ip4,
  joined,
  type Kind,
  list,
  uint,
  unknownName,
  ValueError,
  wordOf,
} from '../kind.ts';
import { defineLayer, field } from '../layer.ts';
import type { Item } from '../node.ts';

/** BOOTP and DHCP. */

export interface DhcpOption {
  code: number;
  /** Absent for padding and end. */
  data?: Uint8Array;
}

const MESSAGES = ['', 'discover', 'offer', 'request', 'decline', 'ack', 'nak', 'release', 'inform'];
/** RFC 2132. */
const OPTIONS: Readonly<Record<string, { code: number; of: 'address' | 'text' | 'seconds' | 'codes' | 'message' }>> = {
  mask: { code: dhcpWire.OPTION_SUBNET_MASK, of: 'address' },
  router: { code: 3, of: 'address' },
  dns: { code: 6, of: 'address' },
  hostname: { code: 12, of: 'text' },
  domain: { code: 15, of: 'text' },
  requested: { code: 50, of: 'address' },
  lease: { code: 51, of: 'seconds' },
  type: { code: dhcpWire.OPTION_MESSAGE_TYPE, of: 'message' },
  server: { code: 54, of: 'address' },
  params: { code: dhcpWire.OPTION_PARAMETER_REQUEST, of: 'codes' },
  vendor: { code: 60, of: 'text' },
};

/** `type=discover`, `requested=192.0.2.7`, `params=1+3+6`, `61=0x01…`, `end`. */
function option({ name, value }: Item): DhcpOption {
  const key = (name ?? '').toLowerCase();
  if (key === 'end') return { code: dhcpWire.OPTION_END };
  if (key === 'pad') return { code: dhcpWire.OPTION_PAD };
  if (value === null && MESSAGES.indexOf(key) > 0)
    return { code: dhcpWire.OPTION_MESSAGE_TYPE, data: Uint8Array.of(MESSAGES.indexOf(key)) };
  if (/^\d+$/.test(key)) return { code: Number(key), data: value === null ? new Uint8Array(0) : dataOf(value) };
  const known = Object.hasOwn(OPTIONS, key) ? OPTIONS[key] : undefined;
  if (known === undefined) throw unknownName('option', key, [...Object.keys(OPTIONS), ...MESSAGES.slice(1), 'end']);
  if (value === null) throw new ValueError(`option ${key} needs a value`);
  const { code, of } = known;
  const text = wordOf(value, of);
  if (of === 'text') return { code, data: dataOf(value) };
  if (of === 'message') {
    const kind = MESSAGES.includes(text) ? MESSAGES.indexOf(text) : Number(text);
    if (!(kind > 0 && kind < 256)) throw unknownName('message', text, MESSAGES.slice(1));
    return { code, data: Uint8Array.of(kind) };
  }
  if (of === 'seconds') {
    const seconds = Number(text);
    return { code, data: Uint8Array.of(seconds >>> 24, seconds >>> 16, seconds >>> 8, seconds) };
  }
  if (of === 'codes') return { code, data: Uint8Array.from(text.split('+'), Number) };
  const addresses = text.split('+').map((address) => parseIpv4(address));
  if (addresses.includes(null)) throw new ValueError(`'${text}' is not IPv4 addresses with + between`);
  return { code, data: joined(addresses as Uint8Array[]) };
}

const options: Kind<readonly DhcpOption[]> = list(
  'options',
  (all) =>
    joined(
      all.flatMap(({ code, data }) =>
        data === undefined ? [Uint8Array.of(code)] : [Uint8Array.of(code, data.length), data],
      ),
    ),
  option,
);

export const dhcp = defineLayer({
  name: 'dhcp',
  names: ['bootp'],
  title: 'BOOTP and DHCP',
  numbers: { udp: 67 },
  sourcePort: 68,
  fields: {
    op: field(uint(8, { names: { request: dhcpWire.OP_REQUEST, reply: dhcpWire.OP_REPLY } }), dhcpWire.OP_REQUEST, {
      names: ['type'],
    }),
    htype: field(uint(8), dhcpWire.HTYPE_ETHERNET, { names: ['hw.type'] }),
    hlen: field(uint(8), 6, { names: ['hw.len'] }),
    hops: field(uint(8), 0),
    xid: field(uint(32), 0, { names: ['id'] }),
    secs: field(uint(16), 0),
    flags: field(flags(16, [...Array(15).fill(''), 'B']), 0),
    ciaddr: field(ip4, '0.0.0.0', { names: ['ip.client'] }),
    yiaddr: field(ip4, '0.0.0.0', { names: ['ip.your'] }),
    siaddr: field(ip4, '0.0.0.0', { names: ['ip.server'] }),
    giaddr: field(ip4, '0.0.0.0', { names: ['ip.relay'] }),
    chaddr: field(
      fixedBytes(dhcpWire.CHADDR_LENGTH),
      (place) => place.under('eth')?.bytes('src') ?? new Uint8Array(16),
      {
        names: ['hw.mac_addr'],
      },
    ),
    sname: field(fixedBytes(dhcpWire.SNAME_LENGTH), new Uint8Array(dhcpWire.SNAME_LENGTH), { names: ['server'] }),
    file: field(fixedBytes(dhcpWire.FILE_LENGTH), new Uint8Array(dhcpWire.FILE_LENGTH)),
    cookie: field(uint(32), dhcpWire.COOKIE),
    options: field(options, () => [
      { code: dhcpWire.OPTION_MESSAGE_TYPE, data: Uint8Array.of(1) },
      { code: dhcpWire.OPTION_END },
    ]),
  },
});
