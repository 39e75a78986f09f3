/** Addresses as they are written in an expression. */

/** Two to four decimal octets: the number that they make, and how many bits that is. Null where one is above 255 or not
 * decimal. Leading zeros do not make octal. */
export function parseDotted(text: string): { value: number; bits: number } | null {
  let value = 0;
  const parts = text.split('.');
  if (parts.length > 4) return null;
  for (const part of parts) {
    if (!/^\d+$/.test(part) || Number(part) > 255) return null;
    value = ((value << 8) | Number(part)) >>> 0;
  }
  return { value, bits: 8 * parts.length };
}

/** DECnet phase IV address AREA.NODE: 6 bits of area, 10 of node; higher bits are cut off. */
export function parseDecnet(text: string): number | null {
  const match = /^(\d+)\.(\d+)/.exec(text);
  if (match === null) return null;
  const low = (digits: string): number => Number(BigInt.asUintN(32, BigInt(digits)));
  return ((low(match[1]!) << 10) & 0xfc00) | (low(match[2]!) & 0x3ff);
}

/** Six octets of an Ethernet address in any of the forms that the scanner takes. */
export function macOf(text: string): number[] {
  const groups = /^[0-9A-Fa-f]{1,2}[:.-]/.test(text) ? text.split(/[:.-]/) : text.replaceAll('.', '').match(/../g)!;
  return groups.map((group) => Number.parseInt(group, 16));
}

/** Four words of an IPv6 address, RFC 4291 2.2; null for what is none. */
export function parseIp6(text: string): number[] | null {
  const halves = text.split('::');
  if (halves.length > 2) return null;
  const front = groupsOf(halves[0]!, halves.length === 1);
  const back = halves.length === 1 ? [] : groupsOf(halves[1]!, true);
  if (front === null || back === null) return null;
  const missing = 8 - front.length - back.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return null;
  const groups = [...front, ...new Array<number>(missing).fill(0), ...back];
  return [0, 2, 4, 6].map((at) => ((groups[at]! << 16) | groups[at + 1]!) >>> 0);
}

/** The 16-bit groups of one side of `::`; the last two may be a dotted quad where the address ends. */
function groupsOf(text: string, atEnd: boolean): number[] | null {
  if (text === '') return [];
  const parts = text.split(':');
  const groups: number[] = [];
  for (const [index, part] of parts.entries()) {
    if (atEnd && index === parts.length - 1 && part.includes('.')) {
      const octets = part.split('.');
      if (octets.length !== 4 || !octets.every((octet) => /^(0|[1-9]\d{0,2})$/.test(octet) && Number(octet) <= 255))
        return null;
      const [a, b, c, d] = octets.map(Number) as [number, number, number, number];
      groups.push((a << 8) | b, (c << 8) | d);
    } else if (/^[0-9A-Fa-f]{1,4}$/.test(part)) groups.push(Number.parseInt(part, 16));
    else return null;
  }
  return groups;
}

/** Four words of a mask with `bits` ones. */
export function prefixMask6(bits: number): number[] {
  return [0, 1, 2, 3].map((word) => {
    const ones = Math.max(0, Math.min(32, bits - 32 * word));
    return ones === 0 ? 0 : (0xffffffff << (32 - ones)) >>> 0;
  });
}
