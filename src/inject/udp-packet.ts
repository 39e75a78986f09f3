import { IPPROTO_UDP } from '../wire/ipproto.ts';
import * as ipv4 from '../wire/ipv4.ts';
import * as ipv6 from '../wire/ipv6.ts';
import { pseudoOf } from '../wire/pseudo.ts';
import * as udp from '../wire/udp.ts';

/** One UDP datagram, and the IP packet around it. */
export interface UdpDatagram {
  /** Four bytes each, or sixteen each. */
  src: Uint8Array;
  dst: Uint8Array;
  srcPort: number;
  dstPort: number;
  data: Uint8Array;
  /** TTL or hop limit; 64 unless given. */
  ttl?: number;
  /** Type of service or traffic class, 8 bits. */
  tos?: number;
  /** Identification of IPv4. */
  id?: number;
  /** IPv4 only: routers must not cut it. */
  dontFragment?: boolean;
  /** The UDP checksum is written wrong (and not 0, which would say that there is none). */
  badChecksum?: boolean;
}

/** Most bytes of data that a datagram between addresses of `addressLength` bytes carries. */
export const maxUdpData = (addressLength: number): number =>
  // RFC 791 3.1: the total length counts the header. RFC 8200 3: the payload length does not.
  0xffff - udp.HEADER_LENGTH - (addressLength === 4 ? ipv4.HEADER_LENGTH : 0);

/** The IP packet in memory of its own. Throws RangeError where the data is too long or the addresses differ in kind. */
export function udpPacket(datagram: UdpDatagram): Uint8Array {
  const { src, dst, data } = datagram;
  if (src.length !== dst.length || (src.length !== 4 && src.length !== 16))
    throw new RangeError(`src and dst: two addresses of 4 or of 16 bytes, not ${src.length} and ${dst.length}`);
  if (data.length > maxUdpData(src.length))
    throw new RangeError(
      `data: ${data.length} bytes; a UDP datagram over IPv${src.length === 4 ? 4 : 6} carries at most ${maxUdpData(src.length)}`,
    );
  const header = src.length === 4 ? ipv4.HEADER_LENGTH : ipv6.HEADER_LENGTH;
  const packet = new Uint8Array(header + udp.HEADER_LENGTH + data.length);
  packet.set(data, header + udp.HEADER_LENGTH);
  const ports = { srcPort: datagram.srcPort, dstPort: datagram.dstPort };
  const pseudo = pseudoOf(src, dst, IPPROTO_UDP);
  udp.emit(packet, header, packet.length, ports, pseudo);
  if (datagram.badChecksum) {
    const checksum = udp.checksum(packet, header) === 0xffff ? 1 : udp.checksum(packet, header) + 1;
    udp.emit(packet, header, packet.length, { ...ports, checksum }, pseudo);
  }
  if (src.length === 4)
    ipv4.emit(packet, 0, packet.length, {
      src,
      dst,
      protocol: IPPROTO_UDP,
      ttl: datagram.ttl ?? 64,
      tos: datagram.tos ?? 0,
      id: datagram.id ?? 0,
      dontFragment: datagram.dontFragment ?? false,
    });
  else
    ipv6.emit(packet, 0, packet.length, {
      src,
      dst,
      nextHeader: IPPROTO_UDP,
      hopLimit: datagram.ttl ?? 64,
      trafficClass: datagram.tos ?? 0,
    });
  return packet;
}
