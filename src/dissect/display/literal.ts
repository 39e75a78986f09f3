import { parseIpv4, parseIpv6 } from '../../wire/address.ts';
import type { FieldInfo } from '../fields.ts';
import { hasValueNames, truthNames, valueNamed } from './value-names.ts';

/** Kinds of values that compare with each other. Integers, booleans and floats are numbers; 64-bit integers are bigints,
 * and so are times (nanoseconds since 1970 or of an interval); everything that orders as bytes does is bytes. */
export type ValueKind = 'number' | 'big' | 'time' | 'bytes' | 'string';

export type Value = number | bigint | string | Uint8Array;

export function kindOfField(info: FieldInfo): ValueKind | 'none' {
  switch (info.type) {
    case 'none':
      return 'none';
    case 'uint64':
      return 'big';
    case 'time':
      return 'time';
    case 'string':
      return 'string';
    case 'ipv4':
    case 'ipv6':
    case 'ether':
    case 'bytes':
      return 'bytes';
    default:
      return 'number';
  }
}

/** A value from a filter, of the kind that it is compared with. `mask`: as long as the bytes, for `10.0.0.0/8`. */
export interface Literal {
  value: Value;
  mask: Uint8Array | null;
}

/** The scanner gives bytes, one a character; strings of the registry are text. */
export const utf8 = (text: string): string => Buffer.from(text, 'latin1').toString('utf8');

const exact = (value: Value): Literal => ({ value, mask: null });

/** Reads a word or a quoted string as a value of the field's type. Gives a message where it is none. */
export function literalFor(text: string, quoted: 'string' | 'char' | null, info: FieldInfo): Literal | string {
  const type = info.type;
  switch (type) {
    case 'string':
      return exact(utf8(text));
    case 'bool': {
      if (!quoted && /^true$/i.test(text)) return exact(1);
      if (!quoted && /^false$/i.test(text)) return exact(0);
      const number = integer(text, quoted);
      if (number !== null && number >= 0n && number < 1n << 32n) return exact(number === 0n ? 0 : 1);
      const truth = quoted === 'char' ? -1 : truthNames(info).findIndex((name) => isSameName(name, text));
      return truth < 0 ? `'${text}' is neither True, False nor a number` : exact(truth);
    }
    case 'uint64': {
      const number = integer(text, quoted);
      if (number === null) return `'${text}' is not a whole number`;
      return number < 1n << 64n && number >= -(1n << 63n) ? exact(number) : `${text} does not fit into 64 bits`;
    }
    case 'float': {
      const number = quoted ? Number.NaN : Number(text);
      return Number.isNaN(number) ? `'${text}' is not a number` : exact(number);
    }
    case 'ipv4':
      return quoted === null ? address(text, 4, parseIpv4) : `an IPv4 address stands without quotes`;
    case 'ipv6':
      return quoted === null ? address(text, 16, parseIpv6) : `an IPv6 address stands without quotes`;
    case 'ether': {
      const mac = quoted
        ? null
        : MAC.test(text)
          ? Uint8Array.from(Buffer.from(text.replace(/[:.-]/g, ''), 'hex'))
          : null;
      return mac === null ? `'${text}' is not a MAC address` : exact(mac);
    }
    case 'bytes':
      return bytesLiteral(text, quoted);
    case 'time':
      return timeLiteral(text, quoted, info.date !== null || info.name === EPOCH);
    case 'none':
      return `${info.name} is a label and has no value: it can only be there or not`;
    default:
      return numberLiteral(text, quoted, info);
  }
}

const MAC =
  /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$|^[0-9a-f]{2}(-[0-9a-f]{2}){5}$|^[0-9a-f]{2}(\.[0-9a-f]{2}){5}$|^[0-9a-f]{12}$|^[0-9a-f]{4}(\.[0-9a-f]{4}){2}$/i;

/** An interval since 1970 to Wireshark 4.0, and a date to later ones: it is compared with either. */
const EPOCH = 'frame.time_epoch';

const isSameName = (name: string, text: string): boolean => name.toLowerCase() === text.toLowerCase();

const BITS = { uint8: 8, uint16: 16, uint24: 24, uint32: 32, int32: 32 } as const;

function numberLiteral(text: string, quoted: 'string' | 'char' | null, info: FieldInfo): Literal | string {
  const number = quoted === 'string' ? null : integer(text, quoted);
  if (number === null) {
    const value = valueNamed(info, text);
    if (value !== null) return exact(value);
    return hasValueNames(info)
      ? `'${text}' is neither a number nor a name of a value of ${info.name}`
      : `'${text}' is not a whole number`;
  }
  const bits = BITS[info.type as keyof typeof BITS];
  // A negative number is a value like others, which an unsigned field never has.
  if (number >= 1n << BigInt(bits) || number < -(1n << 31n))
    return `${text} does not fit into the ${bits} bits of ${info.name}`;
  return exact(Number(number));
}

/** Decimal, 0x, 0b, octal with a leading 0, or a character constant. */
export function integer(text: string, quoted: 'string' | 'char' | null): bigint | null {
  if (quoted === 'char') return BigInt(text.charCodeAt(0));
  if (quoted === 'string') return null;
  const sign = text.startsWith('-') ? -1n : 1n;
  const digits = text.replace(/^[+-]/, '');
  if (/^0\d+$/.test(digits)) return /^[0-7]+$/.test(digits) ? sign * BigInt(`0o${digits.slice(1)}`) : null;
  return /^(\d+|0x[0-9a-f]+|0b[01]+)$/i.test(digits) ? sign * BigInt(digits) : null;
}

function address(text: string, size: number, parse: (text: string) => Uint8Array | null): Literal | string {
  const [plain, prefix, ...more] = text.split('/');
  const bytes = parse(plain!);
  const what = size === 4 ? 'IPv4' : 'IPv6';
  if (bytes === null || more.length > 0) return `'${text}' is not an ${what} address`;
  if (prefix === undefined) return exact(bytes);
  const bits = /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN;
  if (!(bits <= size * 8)) return `/${prefix} is not a prefix length of ${what}: 0 to ${size * 8}`;
  const mask = new Uint8Array(size);
  for (let bit = 0; bit < bits; bit++) mask[bit >> 3]! |= 0x80 >> (bit & 7);
  return { value: bytes.map((byte, i) => byte & mask[i]!), mask };
}

/** Bytes as digits in pairs, `aa:bb`; with or without `.` or `-` between them a pair may also be one digit: `8.0`, `450`
 * for 45 and 00. A number in hexadecimal is one byte. */
export function hexBytes(text: string): Uint8Array | null {
  const value = /^0x(..)$/i.exec(text);
  const digits = value ? value[1]! : text;
  const isBytes = digits.includes(':')
    ? /^[0-9a-f]{2}(:[0-9a-f]{2})*:?$/i.test(digits)
    : /^([0-9a-f]{1,2}\.?)+$|^([0-9a-f]{1,2}-?)+$/i.test(digits);
  if (!isBytes) return null;
  return Uint8Array.from(digits.match(/[0-9a-f]{1,2}/gi)!, (pair) => Number.parseInt(pair, 16));
}

export function bytesLiteral(text: string, quoted: 'string' | 'char' | null): Literal | string {
  if (quoted) return exact(Uint8Array.from(Buffer.from(text, 'latin1')));
  const bytes = hexBytes(text);
  return bytes === null ? `'${text}' is neither bytes (aa:bb:cc) nor a string in quotes` : exact(bytes);
}

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];

/** Nanoseconds of an interval, in seconds with a fraction; or (`isDate`) since 1970: those, or a date in quotes,
 * `2020-01-31 12:00:00.5`, with `Z` or an offset from UTC, else in local time; `Jan 31, 2020 12:00:00` as Wireshark prints
 * it, with ` UTC` behind it for that. */
export function timeLiteral(text: string, quoted: 'string' | 'char' | null, isDate: boolean): Literal | string {
  const seconds = quoted ? null : /^(-?)(\d+)(?:\.(\d{1,9}))?$/.exec(text);
  if (seconds) {
    const value = BigInt(seconds[2]!) * 1_000_000_000n + BigInt((seconds[3] ?? '').padEnd(9, '0'));
    return exact(seconds[1] ? -value : value);
  }
  if (!isDate) return `'${text}' is not a number of seconds`;
  const iso =
    /^(\d{4})-(\d{1,2})-(\d{1,2})(?:[ T](\d{1,2})(?::(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?)?)? ?(Z|UTC|[+-]\d{2}(?::?\d{2})?)?$/i.exec(
      text,
    );
  const written = /^([a-z]{3})[a-z]* +(\d{1,2}), *(\d{4}) +(\d{1,2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?( UTC)?$/i.exec(
    text,
  );
  const month = iso ? Number(iso[2]) - 1 : MONTHS.indexOf(written?.[1]?.toLowerCase() ?? '');
  const [year, day] = iso ? [Number(iso[1]), Number(iso[3])] : [Number(written?.[3]), Number(written?.[2])];
  const clock = (quoted ? (iso ?? written) : iso)?.slice(4);
  if (clock === undefined || month < 0 || month > 11 || !(day >= 1 && day <= 31))
    return `'${text}' is not a time${quoted ? '' : ' (a date stands in quotes)'}: "2020-01-31 12:00:00.5" or seconds`;
  const [hour, minute, second] = clock.slice(0, 3).map((part) => Number(part ?? 0)) as [number, number, number];
  const parts = [year, month, day, hour, minute, second] as const;
  const zone = /^([+-])(\d{2}):?(\d{2})?$/.exec(clock[4] ?? '');
  const offset = zone ? (Number(zone[2]) * 60 + Number(zone[3] ?? 0)) * (zone[1] === '-' ? -60_000 : 60_000) : 0;
  const milliseconds = clock[4] ? Date.UTC(...parts) - offset : new Date(...parts).getTime();
  return exact(BigInt(milliseconds) * 1_000_000n + BigInt((clock[3] ?? '').padEnd(9, '0')));
}
