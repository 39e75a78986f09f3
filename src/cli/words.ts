/** Telling interfaces and files from the words of a filter, for `capture [interface] [filter…]` and `read FILE… [filter]`. */

/** Words that a filter expression begins with (pcap-filter(7)): qualifiers, protocols and lone primitives. */
const FILTER_WORDS = new Set(
  (
    'dst src host port portrange net mask gateway less greater proto protochain ether link fddi tr wlan ppp slip ' +
    'arp rarp ip ip6 tcp udp sctp icmp icmp6 igmp igrp pim vrrp carp ah esp atalk aarp decnet iso esis isis es-is is-is ' +
    'clnp stp ipx netbeui lat moprc mopdl vlan mpls pppoed pppoes geneve vxlan lane llc metac bcc sc ilmic oam oamf4 ' +
    'broadcast multicast inbound outbound ifname ifindex on rnr rulenum reason rset ruleset srnr subrulenum action ' +
    'type subtype dir addr1 addr2 addr3 addr4 ra ta not len inb outb and or'
  ).split(' '),
);

/** Can `word` only be the beginning of a filter? Interfaces' names have no blank, slash or bracket, and at most 15
 * characters (IFNAMSIZ). */
export const beginsFilter = (word: string): boolean =>
  FILTER_WORDS.has(word) || /[\s()[\]!&|=<>]/.test(word) || /^\d+\.\d+/.test(word) || word.length > 15;

export interface CaptureWords {
  /** Interfaces by name, in the order given; empty: the default one. */
  interfaces: string[];
  /** '' where there is none. */
  filter: string;
}

/** Splits the words of `capture`. Without -i the first word is the interface, unless no interface has that name and a
 * filter can begin with it: then the capture is on the default interface, as tcpdump's is. `exists` tells whether an
 * interface of a name is there. */
export function captureWords(
  given: readonly string[],
  words: readonly string[],
  exists: (name: string) => boolean,
): CaptureWords {
  const interfaces = given.flatMap((value) => value.split(',')).filter((name) => name !== '');
  let rest = words;
  if (interfaces.length === 0 && words.length > 0) {
    const first = words[0]!;
    if (exists(first) || !beginsFilter(first)) {
      interfaces.push(...first.split(',').filter((name) => name !== ''));
      rest = words.slice(1);
    }
  }
  return { interfaces: [...new Set(interfaces)], filter: rest.join(' ').trim() };
}

export interface ReadWords {
  files: string[];
  filter: string;
}

/** Splits the words of `read`. The first is a file; so are the next ones, as long as files of that name are there or
 * the word looks like the name of a savefile. Files given with -r come first, and then no word need be one. */
export function readWords(
  given: readonly string[],
  words: readonly string[],
  exists: (name: string) => boolean,
): ReadWords {
  const files = [...given];
  let at = 0;
  if (files.length === 0 && words.length > 0) files.push(words[at++]!);
  while (at < words.length && isFile(words[at]!, exists)) files.push(words[at++]!);
  return { files, filter: words.slice(at).join(' ').trim() };
}

const isFile = (word: string, exists: (name: string) => boolean): boolean =>
  word === '-' ||
  (!FILTER_WORDS.has(word) && exists(word)) ||
  /\.(pcap|pcapng|cap|ntar|dmp|trc)(\d*|\.gz|\.zst|\.bz2|\.xz|\.lz4)$/i.test(word);
