import { be16 } from '../bytes/endian.ts';
import * as arp from '../wire/arp.ts';
import * as ethernet from '../wire/ethernet.ts';
import { ETHERTYPE_ARP, ETHERTYPE_IPV4, ETHERTYPE_IPV6 } from '../wire/ethertype.ts';
import * as icmp6 from '../wire/icmp6.ts';
import { IPPROTO_ICMPV6 } from '../wire/ipproto.ts';
import * as ipv6 from '../wire/ipv6.ts';
import * as ndp from '../wire/ndp.ts';
import { ipv6Pseudo } from '../wire/pseudo.ts';
import { multicastMac, sameAddress } from './address.ts';

/** Questions for a neighbour's Ethernet address, and their answers: ARP (RFC 826) and neighbour discovery (RFC 4861 7.2).
 * Frames only; `resolve.ts` sends them. */

/** RFC 4861 7.1: what comes with another hop limit has passed a router, and is not from a neighbour. */
const NEIGHBOUR_HOP_LIMIT = 255;

/** Who asks. */
export interface Asker {
  mac: Uint8Array;
  /** Its address on the link, 4 or 16 bytes as the target's; all zero where it has none (RFC 5227 2.1.1). */
  address: Uint8Array;
}

/** RFC 4291 2.7.1. */
const solicitedNode = (target: Uint8Array): Uint8Array => {
  const group = new Uint8Array(16);
  group.set([0xff, 0x02]);
  group.set([0x01, 0xff], 11);
  group.set(target.subarray(13), 13);
  return group;
};

/** The whole frame that asks everybody on the link who `target` is. */
export function question(asker: Asker, target: Uint8Array): Uint8Array {
  if (target.length === 4) {
    const frame = new Uint8Array(ethernet.HEADER_LENGTH + arp.ETHERNET_IPV4_LENGTH);
    ethernet.emit(frame, 0, { dst: ethernet.BROADCAST, src: asker.mac, type: ETHERTYPE_ARP });
    arp.emit(frame, ethernet.HEADER_LENGTH, {
      hardwareType: arp.HARDWARE_ETHERNET,
      protocolType: ETHERTYPE_IPV4,
      operation: arp.OP_REQUEST,
      senderHardware: asker.mac,
      senderProtocol: asker.address,
      targetHardware: new Uint8Array(6),
      targetProtocol: target,
    });
    return frame;
  }
  const group = solicitedNode(target);
  const anonymous = asker.address.every((byte) => byte === 0);
  // RFC 4861 4.3: the source link-layer address must not be there where the source is the unspecified address.
  const options = anonymous ? [] : [{ type: ndp.OPTION_SOURCE_LINK, data: asker.mac }];
  const message: ndp.NdpMessage = { kind: 'neighborSolicitation', target, options };
  const at = ethernet.HEADER_LENGTH + ipv6.HEADER_LENGTH;
  const frame = new Uint8Array(at + ndp.emittedLength(message));
  ethernet.emit(frame, 0, { dst: multicastMac(group), src: asker.mac, type: ETHERTYPE_IPV6 });
  ipv6.emit(frame, ethernet.HEADER_LENGTH, frame.length, {
    src: asker.address,
    dst: group,
    nextHeader: IPPROTO_ICMPV6,
    hopLimit: NEIGHBOUR_HOP_LIMIT,
  });
  ndp.emit(frame, at, message, ipv6Pseudo(asker.address, 0, group, 0, IPPROTO_ICMPV6));
  return frame;
}

/** EtherType that answers for `target` have. */
export const answerType = (target: Uint8Array): number => (target.length === 4 ? ETHERTYPE_ARP : ETHERTYPE_IPV6);

/** The target's Ethernet address, where the frame from 0 up to `end` says it; null for every other frame. */
export function answer(frame: Uint8Array, end: number, target: Uint8Array): Uint8Array | null {
  if (end < ethernet.HEADER_LENGTH || ethernet.type(frame, 0) !== answerType(target)) return null;
  return target.length === 4 ? arpAnswer(frame, end, target) : advertisement(frame, end, target);
}

function arpAnswer(frame: Uint8Array, end: number, target: Uint8Array): Uint8Array | null {
  const message = arp.parse(frame, ethernet.HEADER_LENGTH, end);
  if ('stop' in message) return null;
  const { hardwareType, protocolType, operation, senderHardware, senderProtocol } = message;
  const fits = hardwareType === arp.HARDWARE_ETHERNET && protocolType === ETHERTYPE_IPV4 && operation === arp.OP_REPLY;
  return fits && senderHardware.length === ethernet.ADDRESS_LENGTH && sameAddress(senderProtocol, target)
    ? senderHardware
    : null;
}

function advertisement(frame: Uint8Array, end: number, target: Uint8Array): Uint8Array | null {
  const packet = ethernet.HEADER_LENGTH;
  const at = packet + ipv6.HEADER_LENGTH;
  if (end < at + ndp.NEIGHBOR_LENGTH || ipv6.version(frame, packet) !== 6) return null;
  const close = at + ipv6.payloadLength(frame, packet);
  if (close > end || ipv6.nextHeader(frame, packet) !== IPPROTO_ICMPV6) return null;
  // RFC 4861 7.1.2: what a valid advertisement has.
  if (ipv6.hopLimit(frame, packet) !== NEIGHBOUR_HOP_LIMIT) return null;
  if (be16(frame, at) !== icmp6.NEIGHBOR_ADVERTISEMENT << 8) return null;
  const pseudo = ipv6Pseudo(frame, ipv6.srcAt(packet), frame, ipv6.dstAt(packet), IPPROTO_ICMPV6);
  if (icmp6.verify(frame, at, close, pseudo) !== 0) return null;
  const message = ndp.parse(frame, at, close);
  if ('stop' in message || message.kind !== 'neighborAdvertisement' || !sameAddress(message.target, target))
    return null;
  const link = message.options.find(({ type }) => type === ndp.OPTION_TARGET_LINK);
  // RFC 4861 7.2.4: an answer to a question that went to all has the option; without it there is nothing to learn.
  return link?.data.length === ethernet.ADDRESS_LENGTH ? link.data : null;
}
