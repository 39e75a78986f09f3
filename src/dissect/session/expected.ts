import type { Fields } from '../fields.ts';
import type { Protocol } from '../protocol.ts';

/** Addresses and ports of UDP that a packet has announced for a protocol, as SDP does for RTP.
 *
 * Bound: of more than `MAX_PORTS` the oldest are forgotten. */
const MAX_PORTS = 65_536;

export class ExpectedPorts {
  /** By address and port as text, each byte a character. */
  readonly #ports = new Map<string, Protocol>();

  get size(): number {
    return this.#ports.size;
  }

  /** `address` has 4 or 16 bytes. A later word about the same place counts. */
  add(address: Uint8Array, port: number, protocol: Protocol): void {
    const key = keyOf(address, 0, address.length, port);
    this.#ports.delete(key);
    this.#ports.set(key, protocol);
    if (this.#ports.size > MAX_PORTS) this.#ports.delete(this.#ports.keys().next().value!);
  }

  /** The protocol of the datagram whose ports and innermost IP header `f` has: by where it goes, else whence it comes. */
  find(f: Fields): Protocol | undefined {
    const { bytes, ip } = f;
    const isIpv4 = f.ipVersion === 4;
    const length = isIpv4 ? 4 : 16;
    const src = ip + (isIpv4 ? 12 : 8);
    return (
      this.#ports.get(keyOf(bytes, src + length, length, f.dstPort)) ??
      this.#ports.get(keyOf(bytes, src, length, f.srcPort))
    );
  }
}

function keyOf(bytes: Uint8Array, at: number, length: number, port: number): string {
  let key = String.fromCharCode(port);
  for (let i = at; i < at + length; i++) key += String.fromCharCode(bytes[i]!);
  return key;
}
