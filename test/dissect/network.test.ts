/** Tunnels, link layers, routing and transport protocols: text and fields of crafted captures against the installed
 * tcpdump and tshark. */
import { describe, expect, it } from 'vitest';
import { LINKTYPE_FDDI } from '../../src/wire/linktype.ts';
import { lacks } from '../support/tools.ts';
import { compareFields, cuts, fixture, hasTshark } from './fixture.ts';
import { mutate, random } from './mutate.ts';
import { compare, type Frame, hasTcpdump } from './oracle.ts';

/** Packets that are not tried cut: with cryptographic authentication tcpdump reads the length of OSPF's digest, whether it
 * was captured or not. */
const UNCUT: ReadonlyMap<string, readonly number[]> = new Map([
  ['ospf', [3]],
  ['ospf-opaque', [13, 14, 15]],
  // Routing headers and fragments that end with the capture: tcpdump's dump begins elsewhere, and it does not name UDP.
  ['ip6-extensions', [6, 7, 8, 9, 10, 11]],
]);
/** Captures whose packets are long: they are cut at every so manieth byte. */
const STEP: ReadonlyMap<string, number> = new Map([['radius', 11]]);

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
  // #3: a nested parameter that is not whole ends Wireshark's list; #8: a chunk that is not whole; #35: one whose length is
  // wrong; #41: a cause whose chunk is not whole.
  ['sctp', ['sctp.'], ['#3 ', '#8 ', '#35 ', '#41 ']],
  ['ip6-extensions', ['ipv6.']],
  ['mstp', ['mstp.']],
  ['sctp-extensions', ['sctp.', 'data.']],
  ['vrrp', ['vrrp.']],
  // #12: a header that is not whole.
  ['rip', ['rip.', 'ripng.'], ['#12 ']],
  // #9: instances of MSTP are not taken apart; #12, #15: Wireshark shows nothing of these.
  ['stp', ['stp.', 'mstp.'], ['#9 ', '#12 ', '#15 ']],
  // #5, #10: Wireshark reads the first header of a list whose LSAs have no body; #12: another version; #14, #15: bodies that
  // are not whole.
  ['ospf', ['ospf.'], ['#5 ', '#10 ', '#12 ', '#14 ', '#15 ']],
  ['ospf-opaque', ['ospf.']],
  ['ospf3', ['ospf.']],
  // #6: what follows is of no version that has extensions.
  ['icmp-extensions', ['icmp.'], ['#6 ']],
  // Wireshark shows type and length once the value makes sense, and of values that are cut what is there.
  ['lldp', ['lldp.'], ['#3 ', '#10 ', '#13 ', '#14 ', '#15 ', '#17 ']],
  // #2: a value of a further type that Wireshark knows; #6: a header that is not whole; #8, #11: the length of a value is
  // wrong, and Wireshark's list ends with an unknown type.
  ['cdp', ['cdp.'], ['#2 cdp.platform', '#6 ', '#8 ', '#11 ']],
  // From #57 on: attributes that are not whole, of which Wireshark shows nothing, or what comes before the fault.
  ['radius', ['radius.'], ['#56 ', '#57 ', '#59 ', '#61 ', '#62 ', '#63 ', '#65 ', '#67 ', '#70 ', '#71 ', '#74 ']],
  // #5, #6: values whose type or length is wrong, which Wireshark reads by their place.
  ['lacp', ['lacp.', 'slow.'], ['#5 ', '#6 ']],
  // #22: a header that is not whole.
  ['eapol', ['eapol.', 'eap.'], ['#22 ']],
  // #16, #19: messages that are not whole.
  ['bgp', ['bgp.'], ['#16 ', '#19 ']],
  // #18: a data offset that is too small; #19: a header that is not whole.
  ['dccp', ['dccp.'], ['#18 ', '#19 ']],
];

/** Captures whose options are not taken apart under -vv as far as tcpdump does. */
const BRIEF: ReadonlySet<string> = new Set(['dccp']);

const noTcpdump = lacks(
  'comparison of network protocols with tcpdump',
  !hasTcpdump && 'tcpdump 4.99.3 is not installed',
);
const noTshark = lacks('comparison of network protocols with tshark', !hasTshark && 'tshark 4.0.17 is not installed');

describe.skipIf(noTcpdump)("text is tcpdump 4.99.3's", () => {
  for (const [name] of CAPTURES)
    it(name, () => {
      const { frames, linkType } = fixture(name);
      const differing: string[] = [];
      for (const flags of FLAGS) {
        if (BRIEF.has(name) && flags[0]!.includes('v')) continue;
        // What a snapshot length leaves of them, too.
        const whole = UNCUT.get(name) ?? [];
        const cut = cuts(
          frames.filter((_, index) => !whole.includes(index + 1)),
          1,
          STEP.get(name),
        );
        const all = /^-t(X|vv)?$/.test(flags[0]!) ? [...frames, ...cut] : frames;
        for (const difference of compare(all, linkType, flags)) {
          differing.push(
            `${name} ${flags.join(' ')} #${difference.index + 1}\n- ${difference.ours}+ ${difference.theirs}`,
          );
        }
      }
      expect(differing.slice(0, 3).join(''), `${differing.length} differ`).toBe('');
    });
});

describe.skipIf(noTcpdump)("BGP's attributes, capabilities and notifications are tcpdump's", () => {
  it.each([['-t'], ['-tv'], ['-tvv']])('%s', (flags) => {
    const { frames, linkType } = fixture('bgp-attributes');
    const all = flags === '-tvv' ? [...frames, ...mutate(frames, random(1), 1000).filter(isBgp)] : frames;
    const differing = compare(all, linkType, [flags]).map(
      ({ index, ours, theirs }) => `#${index + 1}\n- ${ours}+ ${theirs}`,
    );
    expect(differing.slice(0, 3).join(''), `${differing.length} differ`).toBe('');
  });
});

describe.skipIf(noTcpdump)("FDDI's text is tcpdump's", () => {
  it.each([['-t'], ['-te'], ['-tqe'], ['-tvx']])('%s', (flags) => {
    const llcFrames = ['aaaa030000000800450000140000000040010000 01010101 02020202', '424203000000000080', '0102', ''];
    const frames: Frame[] = [];
    for (let control = 0; control < 256; control++)
      for (const text of control % 16 === 0 ? llcFrames : llcFrames.slice(0, 1))
        frames.push({
          bytes: Buffer.concat([
            Buffer.from([control]),
            Buffer.from(`020000000001020000000002${text.replace(/\s/g, '')}`, 'hex'),
          ]),
        });
    const all = [...frames, ...cuts([frames[0x50]!], 1)];
    expect(compare(all, LINKTYPE_FDDI, [flags]).map(({ ours, theirs }) => `- ${ours}+ ${theirs}`)).toEqual([]);
  });
});

/** Not of what is read by nothing here: other EtherTypes and protocols, and address families of which tcpdump alone takes
 * the routes apart (VPLS, NSAP, multicast VPN). */
function isBgp({ bytes }: Frame): boolean {
  if (Buffer.from(bytes.subarray(12, 14)).toString('hex') !== '0800' || bytes[14] !== 0x45 || bytes[23] !== 6)
    return bytes.length <= 23;
  const text = Buffer.from(bytes).toString('hex');
  return !/[89]0[ef]..(0019|0003|000105)/.test(text);
}

describe.skipIf(noTshark)("fields are tshark 4.0.17's", () => {
  for (const [name, prefixes, differing] of CAPTURES)
    it(name, () => {
      const { frames, linkType } = fixture(name);
      const differences = compareFields(frames, linkType, prefixes);
      const unexpected = differences.filter(
        (line) =>
          !differing?.some((known) => line.startsWith(`${known}:`) || (known.endsWith(' ') && line.startsWith(known))),
      );
      expect(unexpected).toEqual([]);
    });
});
