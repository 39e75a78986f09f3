/** Key exchange of TLS's cipher suites, by what the messages of the exchange carry (RFC 5246 7.4.3 and 7.4.7, RFC 4279,
 * RFC 8422 5, RFC 5489). */
export type KeyExchange = 'rsa' | 'dhe' | 'ecdhe' | 'psk' | 'dhe-psk' | 'rsa-psk' | 'ecdhe-psk' | '-';

/** From IANA's registry: each kind with the first suite, in hexadecimal, of those in a row that have it. */
const KINDS = `
  0000 -, 0001 rsa, 000b -, 0011 dhe, 001e -, 002c psk, 002d dhe-psk, 002e rsa-psk, 002f rsa, 0030 -, 0032 dhe,
  0035 rsa, 0036 -, 0038 dhe, 003b rsa, 003e -, 0040 dhe, 0041 rsa, 0042 -, 0044 dhe, 0060 rsa, 0063 dhe,
  0064 rsa, 0065 dhe, 0068 -, 006a dhe, 0080 -, 0084 rsa, 0085 -, 0087 dhe, 008a psk, 008e dhe-psk, 0092 rsa-psk,
  0096 rsa, 0097 -, 0099 dhe, 009c rsa, 009e dhe, 00a0 -, 00a2 dhe, 00a4 -, 00a6 dhe, 00a8 psk, 00aa dhe-psk,
  00ac rsa-psk, 00ae psk, 00b2 dhe-psk, 00b6 rsa-psk, 00ba rsa, 00bb -, 00bd dhe, 00c0 rsa, 00c1 -, 00c3 dhe,
  c001 ecdhe, c01a -, c023 ecdhe, c033 ecdhe-psk, c03c rsa, c03e -, c042 dhe, c048 ecdhe, c050 rsa, c052 dhe,
  c054 -, c056 dhe, c058 -, c05a dhe, c05c ecdhe, c064 psk, c066 dhe-psk, c068 rsa-psk, c06a psk, c06c dhe-psk,
  c06e rsa-psk, c070 ecdhe-psk, c072 ecdhe, c07a rsa, c07c dhe, c07e -, c080 dhe, c082 -, c084 dhe, c086 ecdhe,
  c08e psk, c090 dhe-psk, c092 rsa-psk, c094 psk, c096 dhe-psk, c098 rsa-psk, c09a ecdhe-psk, c09c rsa, c09e dhe,
  c0a0 rsa, c0a2 dhe, c0a4 psk, c0a6 dhe-psk, c0a8 psk, c0aa -, c0ac ecdhe, c0b0 -, cc13 ecdhe, cc15 dhe,
  cca8 ecdhe, ccaa dhe, ccab psk, ccac ecdhe-psk, ccad dhe-psk, ccae rsa-psk, d001 ecdhe-psk, e410 rsa,
  e412 ecdhe, e416 psk, e418 ecdhe-psk, e41a rsa-psk, e41c dhe-psk, e41e dhe
`
  .trim()
  .split(/,\s*/)
  .map((entry) => entry.split(' '));
const FIRST: readonly number[] = KINDS.map(([first]) => Number.parseInt(first!, 16));

/** What the suite exchanges; '-' where that is something else, or not known. */
export function keyExchange(suite: number): KeyExchange {
  let low = 0;
  let high = FIRST.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (FIRST[middle]! <= suite) low = middle + 1;
    else high = middle;
  }
  return low === 0 ? '-' : (KINDS[low - 1]![1] as KeyExchange);
}
