import type { Fields } from '../fields.ts';
import type { Protocol } from '../protocol.ts';
import { Recent } from './recent.ts';

/** Addresses and ports of UDP that a packet has announced for a protocol, as SDP does for RTP.
 *
 * Bound: of more than `MAX_PORTS` the oldest are forgotten. */
const MAX_PORTS = 65_536;

export class ExpectedPorts {
  /** By address and port as text, each byte a character. */
  readonly #ports = new Recent<string, Protocol>(MAX_PORTS);

  get size(): number {
    return this.#ports.size;
  }

  /** `address` has 4 or 16 bytes. A later word about the same place counts. */
  add(address: Uint8Array, port: number, protocol: Protocol): void {
    this.#ports.set(keyOf(address, 0, address.length, port), protocol);
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

/** Pairs of addresses and ports whose datagrams are of a protocol that only some of them show by their content, as QUIC's
 * long headers do for its short ones. Bounded alike. */
export class SpokenProtocols {
  readonly #pairs = new Recent<string, Protocol>(MAX_PORTS);

  get size(): number {
    return this.#pairs.size;
  }

  add(f: Fields, protocol: Protocol): void {
    const key = pairOf(f);
    if (this.#pairs.get(key) !== protocol) this.#pairs.set(key, protocol);
  }

  find(f: Fields): Protocol | undefined {
    return this.#pairs.get(pairOf(f));
  }
}

/** Names the addresses and ports of the innermost UDP header, the same for both directions. */
export function pairOf(f: Fields): string {
  const length = f.ipVersion === 4 ? 4 : 16;
  const src = f.ip + (f.ipVersion === 4 ? 12 : 8);
  const a = keyOf(f.bytes, src, length, f.srcPort);
  const b = keyOf(f.bytes, src + length, length, f.dstPort);
  return a < b ? a + b : b + a;
}
