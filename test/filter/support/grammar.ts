/** Filter expressions drawn at random from the language's grammar (pcap-filter(7)). Names and numbers are mostly those of
 * the test packets, so that the filters tell packets apart. */
import type { Dice } from './random-programs.ts';

const HOSTS4 = [
  '10.0.0.1',
  '192.168.1.20',
  '8.8.8.8',
  '224.0.0.251',
  '172.16.5.4',
  '10.0.0.2',
  '255.255.255.255',
  '0.0.0.0',
];
const HOSTS6 = ['2001:db8::1', '2001:db8:0:1::20', 'fe80::1', 'ff02::fb', 'ff02::1', '::'];
const NETS = [
  '10.0.0.0/8',
  '192.168.0.0/16',
  '192.168.1.0/24',
  '172.16.0.0/12',
  '224.0.0.0/4',
  '0.0.0.0/0',
  '10',
  '192.168',
  '192.168.1',
  '2001:db8::/32',
  '2001:db8:0:1::/64',
  'fe80::/10',
  'ff00::/8',
  '2001:db8::/63',
  '::/0',
];
const PORTS = [
  '80',
  '443',
  '53',
  '123',
  '67',
  '68',
  '22',
  '5353',
  '4789',
  '6081',
  '54321',
  '8080',
  '9999',
  'http',
  'domain',
];
const MACS = ['00:11:22:33:44:55', '66:77:88:99:aa:bb', 'ff:ff:ff:ff:ff:ff', '01:00:5e:00:00:fb', 'de:ad:be:ef:00:01'];
const PLAIN_IP = ['ip', 'ip6', 'tcp', 'udp', 'sctp', 'icmp', 'icmp6', 'igmp', 'esp', 'ah', 'pim', 'vrrp'];
const PLAIN_ETHER = [
  'arp',
  'rarp',
  'atalk',
  'aarp',
  'decnet',
  'iso',
  'stp',
  'ipx',
  'netbeui',
  'lat',
  'broadcast',
  'multicast',
  'ip multicast',
  'ip6 multicast',
  'llc',
  'clnp',
  'isis',
  'esis',
  'csnp',
  'iih',
  'lsp',
];
const WLAN = [
  'type mgt',
  'type ctl',
  'type data',
  'type mgt subtype beacon',
  'subtype rts',
  'type data subtype qos-data',
  'dir tods',
  'dir fromds',
  'dir 3',
  'wlan addr1 66:77:88:99:aa:bb',
  'wlan addr2 00:11:22:33:44:55',
  'wlan addr4 02:00:00:00:00:02',
  'wlan host 00:11:22:33:44:55',
];
const COMPARE = ['=', '==', '!=', '>', '<', '>=', '<='];
const OPERATORS = ['+', '-', '*', '&', '|', '^', '/', '%'];
const CONSTANTS = [
  'tcp-syn',
  'tcp-ack',
  'tcp-fin',
  'tcp-rst',
  'tcp-push',
  'icmp-echo',
  'icmp-unreach',
  'icmp6-echo',
  'icmp6-neighborsolicit',
];
const LAYERS = ['ip', 'ip', 'tcp', 'tcp', 'udp', 'icmp', 'ip6', 'icmp6', 'sctp', 'igmp', 'ether', 'link'];

const ETHERNET = 1;
const WIRELESS = [105, 127];

/** Layers that change what stands to their right, which only some link types have. */
function shifting(dice: Dice, linkType: number): string {
  if (linkType !== ETHERNET) return dice.pick(['vlan', 'mpls', 'mpls 100']);
  return dice.pick([
    'vlan',
    'vlan 5',
    'vlan 100',
    'vlan 200',
    'mpls',
    'mpls 100',
    'mpls 5',
    'pppoes',
    'pppoes 0x27',
    'pppoed',
    'geneve',
    'geneve 7',
  ]);
}

function primitive(dice: Dice, linkType: number): string {
  const direction = dice.pick(['', '', '', 'src ', 'dst ', 'src or dst ', 'src and dst ']);
  const kind = dice.below(24);
  switch (kind) {
    case 0:
    case 1:
    case 2:
      return dice.pick(PLAIN_IP);
    case 3:
      return dice.pick(
        linkType === ETHERNET
          ? PLAIN_ETHER
          : WIRELESS.includes(linkType)
            ? WLAN
            : ['arp', 'rarp', 'ip multicast', 'ip6 multicast', 'ipx'],
      );
    case 4:
    case 5:
      return `${dice.pick(['', '', 'ip '])}${direction}host ${dice.pick(HOSTS4)}`;
    case 6:
      return `${dice.pick(['', '', 'ip6 '])}${direction}host ${dice.pick(HOSTS6)}`;
    case 7:
    case 8:
      return `${direction}net ${dice.pick(NETS)}`;
    case 9:
    case 10:
    case 11:
      return `${dice.pick(['', '', 'tcp ', 'udp ', 'sctp '])}${direction}port ${dice.pick(PORTS)}`;
    case 12: {
      const from = dice.below(6000);
      return `${dice.pick(['', 'tcp ', 'udp '])}${direction}portrange ${from}-${from + dice.below(3000)}`;
    }
    case 13:
      return `${dice.pick(['ip', 'ip6', ''])} proto ${dice.pick(['6', '17', '1', '58', '\\tcp', '\\udp', '132', '44'])}`.trim();
    case 14:
      return `ether proto ${dice.pick(['0x800', '0x86dd', '\\ip', '\\ip6', '\\arp', '0x88cc', '0x8137', '0x42'])}`;
    case 15:
      return WIRELESS.includes(linkType) || linkType === ETHERNET
        ? `ether ${dice.pick(['', 'src ', 'dst ', 'src or dst '])}host ${dice.pick(MACS)}`
        : `host ${dice.pick(HOSTS4)}`;
    case 16:
      return `${dice.pick(['less', 'greater'])} ${dice.pick([40, 54, 60, 64, 74, 90, 100, 128])}`;
    case 17:
      return linkType === ETHERNET
        ? dice.pick(['arp host 10.0.0.1', 'arp src host 192.168.1.20', 'rarp dst host 10.0.0.2', 'arp net 10.0.0.0/8'])
        : dice.pick(PLAIN_IP);
    case 18:
      return `${direction}${dice.pick(['10.0.0.1', '192.168.1.20', '2001:db8::1'])}`.replace(/^(.*\S)$/, '$1');
    default:
      return comparison(dice);
  }
}

function comparison(dice: Dice): string {
  switch (dice.below(6)) {
    case 0:
      return `tcp[tcpflags] & ${dice.pick(['tcp-syn', 'tcp-ack', '(tcp-syn|tcp-ack)', '(tcp-fin|tcp-rst)', '0x12'])} ${dice.pick(['!=', '=', '=='])} ${dice.pick(['0', 'tcp-syn', '(tcp-syn|tcp-ack)', '2'])}`;
    case 1:
      return dice.pick([
        'icmp[icmptype] = icmp-echo',
        'icmp6[icmp6type] != icmp6-echo',
        'ip6[6] = 6',
        'ip[9] = 17',
        'ip[6:2] & 0x1fff != 0',
        'ip[2:2] > 60',
        'ip[12:4] = 0x0a000001',
      ]);
    default:
      return `${arithmetic(dice, 2)} ${dice.pick(COMPARE)} ${dice.once(3) ? arithmetic(dice, 1) : number(dice)}`;
  }
}

const number = (dice: Dice): string =>
  dice.once(3)
    ? `${dice.below(256)}`
    : dice.once(6)
      ? `0x${(dice.word() >>> dice.below(28)).toString(16)}`
      : `${dice.pick([0, 1, 2, 4, 6, 17, 20, 40, 60, 64, 69, 80, 255, 443, 0x800, 65535])}`;

function access(dice: Dice, depth: number): string {
  const layer = dice.pick(LAYERS);
  const offset =
    depth > 0 && dice.once(6) ? arithmetic(dice, depth - 1) : `${dice.once(8) ? dice.below(120) : dice.below(24)}`;
  return `${layer}[${offset}${dice.pick(['', '', ':1', ':2', ':2', ':4'])}]`;
}

function arithmetic(dice: Dice, depth: number): string {
  switch (dice.below(depth > 0 ? 9 : 4)) {
    case 0:
      return number(dice);
    case 1:
    case 2:
    case 3:
      return access(dice, depth);
    case 4:
      return dice.pick(['len', ...CONSTANTS]);
    case 5:
      return `(${arithmetic(dice, depth - 1)})`;
    case 6:
      return `${arithmetic(dice, depth - 1)} ${dice.pick(['<<', '>>'])} ${dice.below(16)}`;
    case 7:
      return `-${arithmetic(dice, depth - 1)}`;
    default:
      return `${arithmetic(dice, depth - 1)} ${dice.pick(OPERATORS)} ${arithmetic(dice, depth - 1)}`;
  }
}

/** A filter expression; nesting up to `depth`. */
export function randomExpression(dice: Dice, linkType: number, depth: number): string {
  if (depth <= 0 || dice.once(4)) return primitive(dice, linkType);
  switch (dice.below(10)) {
    case 0:
      return `${dice.pick(['not ', '!', '! '])}${group(dice, linkType, depth - 1)}`;
    case 1:
    case 2:
    case 3:
      return `${group(dice, linkType, depth - 1)} ${dice.pick(['and', '&&'])} ${group(dice, linkType, depth - 1)}`;
    case 4:
    case 5:
    case 6:
      return `${group(dice, linkType, depth - 1)} ${dice.pick(['or', '||'])} ${group(dice, linkType, depth - 1)}`;
    case 7:
      // Implied qualifiers: the second and third take those of the first.
      return dice.pick([
        () => `${dice.pick(['tcp ', 'udp ', ''])}port ${dice.pick(PORTS)} or ${dice.pick(PORTS)}`,
        () =>
          `${dice.pick(['src ', 'dst ', ''])}host ${dice.pick(HOSTS4)} or ${dice.pick(HOSTS4)} or ${dice.pick(HOSTS4)}`,
        () => `host ${dice.pick(HOSTS4)} and not ${dice.pick(HOSTS4)}`,
        () => `${dice.pick(['src ', 'dst '])}port ${dice.pick(PORTS)} or ${dice.pick(PORTS)}`,
      ])();
    case 8:
      return `${shifting(dice, linkType)} ${dice.pick(['and', 'and', 'or'])} ${group(dice, linkType, depth - 1)}`;
    default:
      return `(${randomExpression(dice, linkType, depth - 1)})`;
  }
}

const group = (dice: Dice, linkType: number, depth: number): string =>
  dice.once(2) ? `(${randomExpression(dice, linkType, depth)})` : randomExpression(dice, linkType, depth);

const TOKENS = [
  ...'()![]:=<>+-*/%^&|',
  'and',
  'or',
  'not',
  '&&',
  '||',
  '!=',
  '>=',
  '<=',
  '<<',
  '>>',
  '==',
  'host',
  'net',
  'port',
  'portrange',
  'proto',
  'src',
  'dst',
  'tcp',
  'udp',
  'ip',
  'ip6',
  'ether',
  'arp',
  'vlan',
  'mpls',
  'mask',
  'len',
  'less',
  'greater',
  'gateway',
  'protochain',
  '80',
  '10.0.0.1',
  '5',
  '0x10',
  '10/8',
  '2001:db8::1',
  '00:11:22:33:44:55',
  'tcpflags',
  'tcp-syn',
  'broadcast',
  'llc',
  'inbound',
];

/** An expression with one to three of its words lost, doubled, moved or exchanged: usually wrong, and sometimes not. */
export function damage(dice: Dice, expression: string): string {
  const words = expression.match(/[\w.:/\\-]+|[<>=!&|]{1,2}|\S/g) ?? [];
  for (let changes = 1 + dice.below(3); changes > 0; changes--) {
    const at = dice.below(words.length + 1);
    switch (dice.below(4)) {
      case 0:
        words.splice(at, 1);
        break;
      case 1:
        words.splice(at, 0, dice.pick(TOKENS));
        break;
      case 2:
        words.splice(at, 1, dice.pick(TOKENS));
        break;
      default:
        if (words.length > 0) words.splice(dice.below(words.length + 1), 0, dice.pick(words));
    }
  }
  return words.join(' ');
}
