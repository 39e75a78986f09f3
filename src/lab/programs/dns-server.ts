import type { SystemCalls } from '../../syscall/contract.ts';
import { parseIpv4, parseIpv6 } from '../../wire/address.ts';
import * as dns from '../../wire/dns.ts';
import { emitName, nameLength } from '../../wire/dns-name.ts';
import { isStop } from '../../wire/stop.ts';
import { udpServer } from './udp-server.ts';

/** A DNS server for one zone (RFC 1035): authoritative for the names that it is given and their reverse, NXDOMAIN for
 * others below it, REFUSED elsewhere. */

/** Addresses by name, without a dot at the end. */
export type Zone = ReadonlyMap<string, readonly string[]>;

const TTL = 300;
const NO_ERROR = 0;
const FORMAT_ERROR = 1;
const NAME_ERROR = 3;
const NOT_IMPLEMENTED = 4;
const REFUSED = 5;

/** `192.0.2.1` is `1.2.0.192.in-addr.arpa`; 2001:db8::1 has its 32 digits backwards below ip6.arpa (RFC 3596 2.5). */
export function reverseName(address: string): string {
  const v4 = parseIpv4(address);
  if (v4 !== null) return `${[...v4].reverse().join('.')}.in-addr.arpa`;
  const digits = Buffer.from(parseIpv6(address) ?? new Uint8Array(16)).toString('hex');
  return `${[...digits].reverse().join('.')}.ip6.arpa`;
}

function records(name: string, zone: Zone, reverse: ReadonlyMap<string, string>): dns.DnsRecord[] | null {
  const record = (type: number, data: Uint8Array): dns.DnsRecord => ({
    name,
    type,
    class: dns.CLASS_IN,
    ttl: TTL,
    data,
  });
  const key = name.toLowerCase();
  const host = reverse.get(key);
  if (host !== undefined) {
    const data = new Uint8Array(nameLength(host));
    emitName(data, 0, host);
    return [record(dns.TYPE_PTR, data)];
  }
  const addresses = zone.get(key);
  if (addresses === undefined) return null;
  return addresses.map((address) => {
    const v4 = parseIpv4(address);
    return v4 !== null ? record(dns.TYPE_A, v4) : record(dns.TYPE_AAAA, parseIpv6(address)!);
  });
}

/** The reply to a query: what a server for `zone`, whose names end in `origin`, answers. null for what is no query. */
export function dnsAnswer(query: Uint8Array, origin: string, zone: Zone): Uint8Array | null {
  if (query.length < dns.HEADER_LENGTH || dns.flags(query, 0) & dns.FLAG_RESPONSE) return null;
  const reverse = new Map<string, string>();
  for (const [name, addresses] of zone) for (const address of addresses) reverse.set(reverseName(address), name);
  const parsed = dns.parse(query, 0, query.length);
  const reply: dns.DnsMessage = {
    id: dns.id(query, 0),
    flags: dns.FLAG_RESPONSE | (dns.flags(query, 0) & (0x7800 | dns.FLAG_RECURSION_DESIRED)),
    questions: [],
    answers: [],
    authorities: [],
    additionals: [],
  };
  const finish = (code: number): Uint8Array => {
    reply.flags |= code;
    const bytes = new Uint8Array(dns.emittedLength(reply));
    dns.emit(bytes, 0, reply);
    return bytes;
  };
  if (isStop(parsed) || parsed.questions.length !== 1) return finish(FORMAT_ERROR);
  if (dns.opcode(query, 0) !== 0) return finish(NOT_IMPLEMENTED);
  const question = parsed.questions[0]!;
  reply.questions.push(question);
  const found = records(question.name, zone, reverse);
  const ours = question.name.toLowerCase() === origin || question.name.toLowerCase().endsWith(`.${origin}`);
  if (found === null && !ours) return finish(REFUSED);
  reply.flags |= dns.FLAG_AUTHORITATIVE;
  if (found === null) return finish(NAME_ERROR);
  const ANY = 255;
  if (question.class === dns.CLASS_IN || question.class === ANY)
    reply.answers.push(...found.filter(({ type }) => question.type === type || question.type === ANY));
  return finish(NO_ERROR);
}

/** Runs on UDP port 53 of the host of `calls`. */
export const dnsServer = (calls: SystemCalls, origin: string, zone: Zone): void =>
  udpServer(calls, 53, (query) => dnsAnswer(query, origin, zone));
