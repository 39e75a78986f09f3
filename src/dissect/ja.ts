import { createHash } from 'node:crypto';
import { isGrease } from '../wire/tls.ts';

/** Fingerprints of TLS hellos: JA3, JA3S and JA4. */

/** What a hello says, in its order, GREASE values with it. */
export interface Hello {
  version: number;
  ciphers: number[];
  extensions: number[];
  groups: number[];
  pointFormats: number[];
  signatures: number[];
  supportedVersions: number[];
  /** Bytes of the first protocol of ALPN, as latin1; null: no ALPN. */
  alpn: string | null;
}

const plain = (values: readonly number[]): number[] => values.filter((value) => !isGrease(value));
const joined = (values: readonly number[]): string => plain(values).join('-');
const md5 = (text: string): string => createHash('md5').update(text).digest('hex');
/** JA4 keeps twelve digits of a hash; of nothing, zeros. */
const short = (text: string): string =>
  text === '' ? '000000000000' : createHash('sha256').update(text).digest('hex').slice(0, 12);
const digits = (values: readonly number[]): string =>
  values.map((value) => value.toString(16).padStart(4, '0')).join(',');
const twoDigits = (count: number): string => String(Math.min(count, 99)).padStart(2, '0');

/** `version,ciphers,extensions,groups,point formats` in decimal with dashes, and its MD5. */
export function ja3(hello: Hello): { full: string; hash: string } {
  const full = [
    hello.version,
    joined(hello.ciphers),
    joined(hello.extensions),
    joined(hello.groups),
    hello.pointFormats.join('-'),
  ].join(',');
  return { full, hash: md5(full) };
}

/** Of a server's hello: `version,cipher,extensions`. */
export function ja3s(hello: Hello): { full: string; hash: string } {
  const full = [hello.version, hello.ciphers.join('-'), joined(hello.extensions)].join(',');
  return { full, hash: md5(full) };
}

const VERSIONS: Readonly<Record<number, string>> = {
  772: '13',
  771: '12',
  770: '11',
  769: '10',
  768: 's3',
  2: 's2',
  65279: 'd1',
  65277: 'd2',
  65276: 'd3',
};

const SERVER_NAME = 0;
const ALPN = 16;
const isAlphanumeric = (character: string): boolean => /^[0-9A-Za-z]$/.test(character);

/** First and last character of the first protocol of ALPN; of its bytes in hexadecimal where one of them is neither a
 * letter nor a digit. */
function alpnMark(alpn: string | null): string {
  if (alpn === null || alpn === '') return '00';
  const first = alpn[0]!;
  const last = alpn.at(-1)!;
  if (isAlphanumeric(first) && isAlphanumeric(last)) return first + last;
  const hex = Buffer.from(alpn, 'latin1').toString('hex');
  return hex[0]! + hex.at(-1)!;
}

/** JA4 of a client's hello, and the text that it abbreviates; `transport` is `t` over TCP, `q` over QUIC, `d` over datagrams. */
export function ja4(hello: Hello, transport: 't' | 'q' | 'd'): { hash: string; raw: string } {
  const version = Math.max(0, ...plain(hello.supportedVersions)) || hello.version;
  const ciphers = plain(hello.ciphers);
  const extensions = plain(hello.extensions);
  const head =
    transport +
    (VERSIONS[version] ?? '00') +
    (extensions.includes(SERVER_NAME) ? 'd' : 'i') +
    twoDigits(ciphers.length) +
    twoDigits(extensions.length) +
    alpnMark(hello.alpn);
  const sorted = digits(ciphers.toSorted((a, b) => a - b));
  const kinds = digits(extensions.filter((type) => type !== SERVER_NAME && type !== ALPN).toSorted((a, b) => a - b));
  const signatures = digits(plain(hello.signatures));
  const rest = kinds === '' ? '' : signatures === '' ? kinds : `${kinds}_${signatures}`;
  return { hash: `${head}_${short(sorted)}_${short(rest)}`, raw: `${head}_${sorted}_${rest}` };
}
