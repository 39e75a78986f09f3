import type { Fields } from './fields.ts';
import type { Recent } from './session/recent.ts';
import { elapsed, type Memory, type Request, requestOf } from './transactions.ts';

/** What an echo reply answers, in ICMP and ICMPv6. */
export interface EchoFields {
  readonly resp_to: number;
  readonly resptime: number;
}

/** Adds to the layer of the echo message at `at` what the request says of it. That a reply belongs to a request shows in
 * addresses, identifier, sequence number and checksum, for the data are the same: `difference` is what the request's first
 * word has more than the reply's. */
export function walkEcho(
  f: Fields,
  at: number,
  isRequest: boolean,
  difference: number,
  requests: Memory<Recent<string, Request>>,
  ids: EchoFields,
): void {
  const memory = requests.of(f);
  if (memory === null) return;
  const { bytes } = f;
  const length = f.ipVersion === 4 ? 4 : 16;
  const src = f.ip + (f.ipVersion === 4 ? 12 : 8);
  const client = isRequest ? src : src + length;
  const server = isRequest ? src + length : src;
  let checksum = (bytes[at + 2]! << 8) | bytes[at + 3]!;
  if (!isRequest) {
    // RFC 1624: as it would be with the other type.
    const sum = (~checksum & 0xffff) + difference;
    checksum = ~((sum & 0xffff) + (sum >>> 16)) & 0xffff;
  }
  // 0 and 0xffff are the same number in one's complement.
  let key = String.fromCharCode(checksum === 0 ? 0xffff : checksum);
  for (let i = client; i < client + length; i++) key += String.fromCharCode(bytes[i]!);
  for (let i = server; i < server + length; i++) key += String.fromCharCode(bytes[i]!);
  for (let i = at + 4; i < at + 8; i++) key += String.fromCharCode(bytes[i]!);
  if (isRequest) {
    memory.set(key, requestOf(f));
    return;
  }
  const request = memory.get(key);
  if (request === undefined) return;
  memory.delete(key);
  f.uint(ids.resp_to, at, 0, request.frame);
  // In milliseconds.
  f.uint(ids.resptime, at, 0, elapsed(f, request) / 1e6);
}
