/** Tunnels, link layers, routing and transport protocols: text and fields of crafted captures against the installed
 * tcpdump and tshark. */
import { describe, expect, it } from 'vitest';
import { compareFields, cuts, fixture, hasTshark } from './fixture.ts';
import { compare, hasTcpdump } from './oracle.ts';

const FLAGS = [['-t'], ['-te'], ['-tq'], ['-tv'], ['-tvv'], ['-tvvv'], ['-tve'], ['-tX']];

/** Name of the capture; prefixes of the fields that are compared; fields that differ, each `#packet field`, for the reason
 * that stands above it. */
const CAPTURES: readonly (readonly [name: string, prefixes: readonly string[], differing?: readonly string[]])[] = [
  // #27: the header's optional fields are not all there; Wireshark shows those that are.
  ['gre', ['gre.', 'erspan.'], ['#27 gre.checksum', '#27 gre.checksum.status']],
  ['mpls', ['mpls.']],
  ['pppoe', ['pppoe.', 'pppoed.']],
  [
    'ppp',
    ['ppp.', 'lcp.', 'ipcp.', 'ipv6cp.', 'pap.', 'chap.'],
    [
      // Header compression with suboptions, which Wireshark reads as further options.
      '#25 ipcp.opt.type',
      '#25 ipcp.opt.length',
      '#25 ipcp.opt.compress_proto',
      '#25 ipcp.opt.tcp_space',
      '#25 ipcp.opt.non_tcp_space',
      '#25 ipcp.opt.f_max_period',
      '#25 ipcp.opt.f_max_time',
      '#25 ipcp.opt.max_header',
      // IPv6CP's compression option has IPCP's fields in Wireshark.
      '#29 ipcp.opt.type',
      '#29 ipcp.opt.length',
      '#29 ipcp.opt.compress_proto',
      // A fragment of a multilink bundle, which Wireshark puts together.
      '#60 ppp.protocol',
      '#82 ppp.protocol',
      // CDPCP, which nothing here reads.
      '#68 ppp.code',
      '#68 ppp.identifier',
      '#68 ppp.length',
    ],
  ],
  ['ppp-hdlc', ['ppp.', 'chdlc.']],
  ['ppp-ether', ['pppoe.']],
  [
    'vxlan',
    ['vxlan.'],
    ['flags', 'flag_g', 'flag_i', 'flag_d', 'flag_a', 'flags_reserved'].map((f) => `#8 vxlan.${f}`),
  ],
  [
    'geneve',
    ['geneve.'],
    [
      // An option without data.
      '#6 geneve.option.unknown.data',
      // A header that is not whole.
      ...['version', 'flags', 'flags.oam', 'flags.critical', 'flags.reserved', 'option.length'].map(
        (field) => `#13 geneve.${field}`,
      ),
    ],
  ],
  // #7: IPv6 announced as IPv4.
  [
    'ipip',
    ['ip.src', 'ip.dst', 'ip.proto', 'ipv6.src', 'ipv6.nxt'],
    ['ip.src', 'ip.dst', 'ip.proto', 'ipv6.src', 'ipv6.nxt'].map((f) => `#7 ${f}`),
  ],
  [
    'ipsec',
    ['ah.', 'esp.'],
    [
      // Headers that are not whole, and an integrity check value of no bytes.
      '#4 esp.spi',
      '#10 ah.icv',
      '#12 ah.next_header',
      '#12 ah.length',
      '#12 ah.reserved',
    ],
  ],
  [
    'udplite',
    ['udp.srcport', 'udp.dstport', 'udp.checksum', 'udp.payload', 'udp.length'],
    [
      // A coverage that makes no sense ends the header.
      '#5 udp.checksum.status',
      '#5 udp.payload',
      '#6 udp.checksum.status',
      '#6 udp.payload',
      // A header that is not whole.
      '#8 udp.srcport',
      '#8 udp.dstport',
    ],
  ],
];

describe.skipIf(!hasTcpdump)("text is tcpdump 4.99.3's", () => {
  for (const [name] of CAPTURES)
    it(name, () => {
      const { frames, linkType } = fixture(name);
      const differing: string[] = [];
      for (const flags of FLAGS) {
        // What a snapshot length leaves of them, too.
        const all = /^-t(X|vv)?$/.test(flags[0]!) ? [...frames, ...cuts(frames, 1)] : frames;
        for (const difference of compare(all, linkType, flags)) {
          differing.push(
            `${name} ${flags.join(' ')} #${difference.index + 1}\n- ${difference.ours}+ ${difference.theirs}`,
          );
        }
      }
      expect(differing.slice(0, 3).join(''), `${differing.length} differ`).toBe('');
    });
});

describe.skipIf(!hasTshark)("fields are tshark 4.0.17's", () => {
  for (const [name, prefixes, differing] of CAPTURES)
    it(name, () => {
      const { frames, linkType } = fixture(name);
      const differences = compareFields(frames, linkType, prefixes);
      const unexpected = differences.filter(
        (line) => !differing?.some((known) => line.startsWith(`${known}:`) || line.startsWith(`${known} `)),
      );
      expect(unexpected).toEqual([]);
    });
});
