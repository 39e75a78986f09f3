import { be16 } from '../../bytes/endian.ts';
import type { Fields } from '../fields.ts';

/** Lengths that headers state of the packet they begin: offset of the length, and what it does not count. */
const IP_TOTAL_LENGTH = 2;
const IP6_PAYLOAD_LENGTH = 4;
const IP6_HEADER = 40;
const UDP_LENGTH = 4;

/** Where the bytes of layer `i` end, as a protocol by name stands for them: they go on over the layers above it, to the end
 * of the frame or of the packet that they were put together in, but not beyond what the IP and UDP headers say. */
export function protocolEnd(f: Fields, i: number): number {
  const { bytes, layerAt } = f;
  let end = f.pieceEnd(layerAt[i]!);
  for (let layer = 0; layer <= i; layer++) {
    const at = layerAt[layer]!;
    const { name } = f.layerProtocol[layer]!;
    let length = 0;
    if (name === 'ip' && at + IP_TOTAL_LENGTH + 2 <= f.capturedEnd) length = be16(bytes, at + IP_TOTAL_LENGTH);
    else if (name === 'ipv6' && at + IP6_HEADER <= f.capturedEnd) {
      length = be16(bytes, at + IP6_PAYLOAD_LENGTH);
      if (length > 0) length += IP6_HEADER;
    } else if (name === 'udp' && at + UDP_LENGTH + 2 <= f.capturedEnd) length = be16(bytes, at + UDP_LENGTH);
    // 0: the length is not known, or too large for its field. What was put together stands behind the packet.
    if (length > 0 && layerAt[i]! < at + length && at + length < end) end = at + length;
  }
  return end;
}
