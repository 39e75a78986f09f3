import { checksum, fold } from '../bytes/checksum.ts';
import { be16, be32, putBe16, putBe32 } from '../bytes/endian.ts';
import { hostU16 } from '../uapi/host.ts';
import * as vnet from '../uapi/virtio_net.ts';
import * as ethernet from '../wire/ethernet.ts';
import { ETHERTYPE_IPV4, ETHERTYPE_IPV6, ETHERTYPE_QINQ, ETHERTYPE_VLAN } from '../wire/ethertype.ts';
import * as ipv4 from '../wire/ipv4.ts';
import * as ipv6 from '../wire/ipv6.ts';
import { ipv4Pseudo, ipv6Pseudo } from '../wire/pseudo.ts';
import * as tcp from '../wire/tcp.ts';
import * as udp from '../wire/udp.ts';
import * as vlan from '../wire/vlan.ts';

/** A frame of a virtual device may come with work undone that a card would do: a checksum that covers only the pseudo
 * header, a segment of 64 KiB that is to be cut. Our side of the cable is a wire, on which whole frames travel. */

const { virtio_net_hdr } = vnet;
const IP_TOTAL_LENGTH = 2;
const IP_ID = 4;
const IP_CHECKSUM = 10;
const IPV6_PAYLOAD_LENGTH = 4;
const TCP_SEQ = 4;
const TCP_FLAGS = 13;
const TCP_CHECKSUM = 16;

/** Does what the header (struct virtio_net_hdr) says is left to do on the frame `bytes` from `at` to `end`, and gives each
 * frame that comes of it to `deliver`, whose only during the call. Frames are changed in place. */
export function finishFrame(
  header: Uint8Array,
  bytes: Uint8Array,
  at: number,
  end: number,
  deliver: (frame: Uint8Array) => void,
): void {
  const whole = bytes.subarray(at, end);
  if (((header[virtio_net_hdr.flags] ?? 0) & vnet.VIRTIO_NET_HDR_F_NEEDS_CSUM) !== 0) {
    const start = at + hostU16(header, virtio_net_hdr.csum_start);
    const field = start + hostU16(header, virtio_net_hdr.csum_offset);
    const type = header[virtio_net_hdr.gso_type]! & ~vnet.VIRTIO_NET_HDR_GSO_ECN;
    const size = hostU16(header, virtio_net_hdr.gso_size);
    if (type !== vnet.VIRTIO_NET_HDR_GSO_NONE && size > 0) {
      const cut = segmentation(bytes, at, end, start, type === vnet.VIRTIO_NET_HDR_GSO_UDP_L4);
      if (cut !== null) {
        segment(whole, cut, size, deliver);
        return;
      }
    }
    // The field holds the sum of the pseudo header, not complemented (skb_checksum_help); all ones stand for zero.
    if (field + 2 <= end) putBe16(bytes, field, checksum(bytes, start, end) || 0xffff);
  }
  deliver(whole);
}

/** Where the headers of a segment that is to be cut are, from the frame's start. */
interface Segmentation {
  network: number;
  transport: number;
  payload: number;
  isIpv4: boolean;
  isUdp: boolean;
}

/** null where the frame is not plainly IP with the transport header at `start` (a tunnel): it is left whole. */
function segmentation(bytes: Uint8Array, at: number, end: number, start: number, isUdp: boolean): Segmentation | null {
  let network = at + ethernet.HEADER_LENGTH;
  if (network + vlan.HEADER_LENGTH > end) return null;
  let type = ethernet.type(bytes, at);
  while ((type === ETHERTYPE_VLAN || type === ETHERTYPE_QINQ) && network + vlan.HEADER_LENGTH < end) {
    type = vlan.type(bytes, network);
    network += vlan.HEADER_LENGTH;
  }
  const isIpv4 = type === ETHERTYPE_IPV4;
  if (!isIpv4 && type !== ETHERTYPE_IPV6) return null;
  const least = isIpv4 ? ipv4.HEADER_LENGTH : ipv6.HEADER_LENGTH;
  if (start < network + least || start + (isUdp ? udp.HEADER_LENGTH : tcp.HEADER_LENGTH) > end) return null;
  if (isIpv4 && start !== network + ipv4.headerLength(bytes, network)) return null;
  const payload = start + (isUdp ? udp.HEADER_LENGTH : tcp.headerLength(bytes, start));
  if (payload >= end) return null;
  return { network: network - at, transport: start - at, payload: payload - at, isIpv4, isUdp };
}

/** tcp_gso_segment, __udp_gso_segment: the headers in front of every `size` bytes, with lengths, numbers and sums of their
 * own. */
function segment(
  frame: Uint8Array,
  { network, transport, payload, isIpv4, isUdp }: Segmentation,
  size: number,
  deliver: (frame: Uint8Array) => void,
): void {
  const total = frame.length - payload;
  for (let from = 0, index = 0; from < total; from += size, index++) {
    const length = Math.min(size, total - from);
    const piece = new Uint8Array(payload + length);
    piece.set(frame.subarray(0, payload));
    piece.set(frame.subarray(payload + from, payload + from + length), payload);
    const end = piece.length;
    if (isIpv4) {
      putBe16(piece, network + IP_TOTAL_LENGTH, end - network);
      putBe16(piece, network + IP_ID, be16(frame, network + IP_ID) + index);
      putBe16(piece, network + IP_CHECKSUM, 0);
      putBe16(piece, network + IP_CHECKSUM, checksum(piece, network, transport));
    } else putBe16(piece, network + IPV6_PAYLOAD_LENGTH, end - network - ipv6.HEADER_LENGTH);
    const addresses = isIpv4
      ? ipv4Pseudo(piece, ipv4.srcAt(network), piece, ipv4.dstAt(network), isUdp ? 17 : 6)
      : ipv6Pseudo(piece, ipv6.srcAt(network), piece, ipv6.dstAt(network), isUdp ? 17 : 6);
    const pseudo = fold(addresses) + (end - transport);
    if (isUdp) {
      udp.emit(
        piece,
        transport,
        end,
        { srcPort: udp.srcPort(frame, transport), dstPort: udp.dstPort(frame, transport) },
        fold(addresses),
      );
    } else {
      putBe32(piece, transport + TCP_SEQ, (be32(frame, transport + TCP_SEQ) + from) >>> 0);
      // FIN and PSH belong to the last piece, CWR to the first.
      if (from + length < total) piece[transport + TCP_FLAGS]! &= ~(tcp.FIN | tcp.PSH);
      if (index > 0) piece[transport + TCP_FLAGS]! &= ~tcp.CWR;
      putBe16(piece, transport + TCP_CHECKSUM, 0);
      putBe16(piece, transport + TCP_CHECKSUM, checksum(piece, transport, end, pseudo));
    }
    deliver(piece);
  }
}
