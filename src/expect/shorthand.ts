/** Names for what is often meant, beside the fields of the registry. They stand for display filters. */
export const shorthands: Readonly<Record<string, string>> = {
  'dns.query': '(dns.flags.response == 0)',
  'dns.response': '(dns.flags.response == 1)',
  'icmp.request': '(icmp.type == 8)',
  'icmp.reply': '(icmp.type == 0)',
  'icmpv6.request': '(icmpv6.type == 128)',
  'icmpv6.reply': '(icmpv6.type == 129)',
  'arp.request': '(arp.opcode == 1)',
  'arp.reply': '(arp.opcode == 2)',
  'dhcp.request': '(dhcp.type == 1)',
  'dhcp.reply': '(dhcp.type == 2)',
  'ntp.request': '(ntp.flags.mode == 3)',
  'ntp.response': '(ntp.flags.mode == 4)',
  'tcp.syn': '(tcp.flags.syn == 1 && tcp.flags.ack == 0)',
  'tcp.synack': '(tcp.flags.syn == 1 && tcp.flags.ack == 1)',
  'tcp.reset': '(tcp.flags.reset == 1)',
  'tcp.fin': '(tcp.flags.fin == 1)',
};

/** What asks and what answers: how an answer finds its question. */
export interface Pair {
  /** `dns`, for messages. */
  readonly name: string;
  readonly question: string;
  readonly answer: string;
  /** Fields that an answer has in common with its question, as named in each. The same conversation is asked for in any
   * case where the question has one (`udp.stream`, `tcp.stream`). */
  readonly same: readonly (readonly [question: string, answer: string])[];
  /** Several questions with the same key are answered in turn: the first unanswered is the answer's. Otherwise the last
   * one is, which a repetition replaces. */
  readonly inTurn: boolean;
}

const both = (...names: string[]): [string, string][] => names.map((name) => [name, name]);

export const pairs: readonly Pair[] = [
  { name: 'dns', question: 'dns.query', answer: 'dns.response', same: both('dns.id'), inTurn: false },
  { name: 'http', question: 'http.request', answer: 'http.response', same: [], inTurn: true },
  { name: 'icmp', question: 'icmp.request', answer: 'icmp.reply', same: both('icmp.ident', 'icmp.seq'), inTurn: false },
  {
    name: 'icmpv6',
    question: 'icmpv6.request',
    answer: 'icmpv6.reply',
    same: both('icmpv6.echo.identifier', 'icmpv6.echo.sequence_number'),
    inTurn: false,
  },
  {
    name: 'arp',
    question: 'arp.request',
    answer: 'arp.reply',
    same: [['arp.dst.proto_ipv4', 'arp.src.proto_ipv4']],
    inTurn: false,
  },
  {
    name: 'neighbour discovery',
    question: 'icmpv6.type == 135',
    answer: 'icmpv6.type == 136',
    same: [['icmpv6.nd.ns.target_address', 'icmpv6.nd.na.target_address']],
    inTurn: false,
  },
  // The two sides of DHCP use other addresses and ports, so they are no conversation.
  { name: 'dhcp', question: 'dhcp.request', answer: 'dhcp.reply', same: both('dhcp.id'), inTurn: false },
  { name: 'ntp', question: 'ntp.request', answer: 'ntp.response', same: [], inTurn: false },
  {
    name: 'tls',
    question: 'tls.handshake.type == 1',
    answer: 'tls.handshake.type == 2',
    same: [],
    inTurn: false,
  },
  { name: 'tcp', question: 'tcp.syn', answer: 'tcp.synack', same: [], inTurn: false },
];

/** Pairs whose two sides are one conversation. */
export const inConversation = (pair: Pair): boolean => ['dns', 'http', 'ntp', 'tls', 'tcp'].includes(pair.name);

const WORD = /"(?:[^"\\]|\\.)*"|[A-Za-z_][\w-]*(?:\.[\w-]+)*/g;

/** The filter with its shorthands written out. Where a field has the same name, the field is meant. */
export function expand(filter: string, isField: (name: string) => boolean): string {
  return filter.replace(WORD, (word) => (isField(word) ? word : (shorthands[word] ?? word)));
}
