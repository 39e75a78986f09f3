/** Display filters drawn at random from the grammar that we and tshark 4.0 have in common. */

const INTEGERS = [
  ...['ip.ttl', 'ip.len', 'ip.proto', 'ip.id', 'tcp.srcport', 'tcp.dstport', 'tcp.port', 'tcp.flags', 'tcp.len'],
  ...[
    'udp.port',
    'udp.length',
    'frame.len',
    'frame.number',
    'icmp.type',
    'icmp.code',
    'eth.type',
    'dns.id',
    'ipv6.hlim',
  ],
  ...['ipv6.plen', 'tcp.window_size_value', 'arp.opcode', 'vlan.id', 'mpls.label', 'ospf.msg', 'sctp.srcport'],
];
const BOOLS = [
  'tcp.flags.syn',
  'tcp.flags.ack',
  'tcp.flags.fin',
  'ip.flags.df',
  'ip.flags.mf',
  'http.request',
  'eth.dst.ig',
];
const STRINGS = [
  'http.request.method',
  'http.request.uri',
  'http.host',
  'http.user_agent',
  'dns.qry.name',
  'frame.protocols',
];
const BYTES = ['eth.src', 'eth.dst', 'eth.addr', 'tcp.payload', 'udp.payload', 'data.data'];
const PROTOCOLS = [
  'eth',
  'ip',
  'ipv6',
  'tcp',
  'udp',
  'icmp',
  'icmpv6',
  'http',
  'dns',
  'arp',
  'frame',
  'data',
  'ospf',
  'vlan',
];
const NUMBERS = [
  '0',
  '1',
  '2',
  '6',
  '17',
  '64',
  '80',
  '443',
  '0x800',
  '255',
  '010',
  "'P'",
  '100',
  '1500',
  '53',
  '0b101',
];
const OPERATORS = [
  '==',
  '!=',
  '>',
  '<',
  '>=',
  '<=',
  'eq',
  'ne',
  'gt',
  'lt',
  'ge',
  'le',
  '===',
  '!==',
  '~=',
  'all_eq',
  'any_ne',
];
const ADDRESSES = ['192.0.2.1', '192.0.2.2', '192.0.2.0/24', '10.0.0.0/8', '10.0.0.1', '0.0.0.0/0', '192.0.2.0/31'];
const ADDRESSES6 = ['2001:db8::1', '2001:db8::/32', 'fe80::/10', '::', '::/0', 'ff02::1'];
const WORDS = ['"GET"', '"get"', '"1"', '"curl"', '"/"', '"\\x2e"', '"lab"', '"eth"', 'r"\\."', '"HTTP"'];
const PATTERNS = [
  '"^GET"',
  '"[0-9]+"',
  '"g.t"',
  'r"\\d\\.\\d"',
  '"(ip|tcp)"',
  '"[[:upper:]]{3}"',
  '"(?-i)get"',
  '"lab$"',
  '"\\x00"',
];
const BYTE_VALUES = ['00', '02:00', 'ff:ff', '45', '"G"', '08.00', 'aabb', '0x01', '02-00'];
const SLICES = ['[0]', '[0:2]', '[1-3]', '[-1]', '[-2:]', '[:4]', '[2:]', '[0,2]', '[12:2]', '[40:4]'];

export type Next = (limit: number) => number;

/** The same `count` filters for the same seed. */
export function draw(seed: number, count: number): string[] {
  let state = seed >>> 0;
  const next: Next = (limit) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
  return Array.from({ length: count }, () => condition(next, 0));
}

const one = <T>(next: Next, from: readonly T[]): T => from[next(from.length)]!;

function condition(next: Next, depth: number): string {
  const kind = next(depth > 3 ? 6 : 11);
  if (kind < 6) return test(next);
  const inner = (): string => condition(next, depth + 1);
  switch (kind) {
    case 6:
      return `${one(next, ['not ', '!', 'not'])}(${inner()})`;
    case 7:
      return `(${inner()}) ${one(next, ['and', '&&'])} ${inner()}`;
    case 8:
      return `${inner()} ${one(next, ['or', '||'])} (${inner()})`;
    case 9:
      return `${inner()} and ${inner()} or ${inner()}`;
    default:
      return `not ${test(next)} and ${test(next)}`;
  }
}

function test(next: Next): string {
  const quantifier = one(next, ['', '', '', '', 'any ', 'all ']);
  const operator = one(next, OPERATORS);
  switch (next(16)) {
    case 0:
      return one(next, [...PROTOCOLS, ...INTEGERS, ...BOOLS, ...STRINGS, ...BYTES]);
    case 1:
    case 2:
      return `${quantifier}${number(next, 0)} ${operator} ${one(next, [...NUMBERS, number(next, 1)])}`;
    case 3:
      return `${quantifier}${one(next, INTEGERS)} ${one(next, ['in', 'not in'])} {${set(next)}}`;
    case 4:
      return `${one(next, BOOLS)} ${one(next, ['==', '!=', '>'])} ${one(next, ['1', '0', 'True', 'False', 'TRUE', ...BOOLS])}`;
    case 5:
      return `${quantifier}${one(next, ['ip.addr', 'ip.src', 'ip.dst'])}${one(next, ['', '', '#1', '#2'])} ${operator} ${one(next, ADDRESSES)}`;
    case 6:
      return `${quantifier}${one(next, ['ipv6.addr', 'ipv6.src'])} ${operator} ${one(next, ADDRESSES6)}`;
    case 7:
      return `${quantifier}${one(next, STRINGS)} ${one(next, ['contains', '==', '!=', '>', '<='])} ${one(next, WORDS)}`;
    case 8:
      return `${quantifier}${one(next, [...STRINGS, ...BYTES, 'tcp', 'http', 'frame'])} ${one(next, ['matches', '~'])} ${one(next, PATTERNS)}`;
    case 9:
      return `${one(next, [...BYTES, 'frame', 'eth', 'ip', 'udp', 'tcp'])}${one(next, SLICES)} ${operator} ${one(next, BYTE_VALUES)}`;
    case 10:
      return `${one(next, ['tcp', 'udp', 'frame', 'ip', 'data.data', 'tcp.payload'])} contains ${one(next, BYTE_VALUES)}`;
    case 11:
      return `len(${one(next, [...STRINGS, ...BYTES, 'ip.src', 'frame', 'udp'])}) ${operator} ${one(next, NUMBERS)}`;
    case 12:
      return `${one(next, ['upper', 'lower'])}(${one(next, STRINGS)}) ${one(next, ['==', 'contains'])} ${one(next, WORDS)}`;
    case 13:
      return `count(${one(next, [...INTEGERS, 'ip.addr', 'eth.addr'])}) ${operator} ${one(next, ['1', '2', '3'])}`;
    case 14:
      return `${one(next, ['eth[0:2]', 'ip[0:4]', 'tcp[13]', 'frame[0:6]'])} & ${one(next, ['01', '02:00', 'ff:ff:ff', '02'])}`;
    default:
      // Wrong as often as right: types that do not go together.
      return `${one(next, [...INTEGERS, ...STRINGS, ...BYTES, 'ip.src'])} ${one(next, ['==', 'contains', '>'])} ${one(next, [...INTEGERS, ...BYTES, 'ip.src', '::1', '80', '"a"', 'tcp.prot'])}`;
  }
}

function number(next: Next, depth: number): string {
  if (depth > 1 || next(3) > 0) return one(next, INTEGERS);
  return `${number(next, depth + 1)} ${one(next, ['+', '-', '*', '/', '%', '&'])} ${one(next, ['1', '2', '7', '0x0f'])}`;
}

const set = (next: Next): string =>
  Array.from({ length: 1 + next(3) }, () => {
    const low = next(1000);
    return next(2) ? String(low) : `${low}..${low + next(2000)}`;
  }).join(one(next, [', ', ',', ' , ']));
