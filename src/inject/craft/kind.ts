import { nearestOf } from '../../bytes/nearest.ts';
import { parseIpv4, parseIpv6, parseMac } from '../../wire/address.ts';
import type { Draw, Random } from './choice.ts';
import type { Item, Node } from './node.ts';

/** Kinds of fields: how a value that somebody gives becomes what goes on the wire, how one is drawn, and how one is
 * written in the text form. */

/** What goes on the wire: up to 32 bits a number, above a bigint, else bytes. */
export type Value = number | bigint | Uint8Array;

/** A value does not fit its field. The message does not name the field: who gives the value does. */
export class ValueError extends Error {}

export interface Kind<Input> {
  /** How an error message calls a value of it. */
  readonly what: string;
  /** Width; null: as many bytes as the value has. */
  readonly bits: number | null;
  /** Least significant byte first. */
  readonly little?: boolean;
  /** True for values that are lists by themselves, so that an array is one value and not a choice of several. */
  readonly isList?: boolean;
  /** The value of `input`. Throws ValueError. */
  take(input: Input): Value;
  /** A random value. */
  draw(draw: Draw, limits?: Random): Value;
  /** Values that programs are known to mistake, for fuzzing. */
  readonly odd: readonly Value[];
  /** Names that stand for values, for the nearest ones to a wrong name. */
  readonly names?: readonly string[];
  /** The input that a value in the text form stands for. Throws ValueError. */
  fromText(node: Node): Input;
}

const decimal = (text: string): number | bigint | null => {
  if (!/^(-?\d+|0[xX][0-9a-fA-F]+)$/.test(text)) return null;
  const number = Number(text);
  return Number.isSafeInteger(number) ? number : BigInt(text);
};

/** What a word of the text form is, or a string in quotes. */
export function wordOf(node: Node, what: string): string {
  if (node.type !== 'word' && node.type !== 'string') throw new ValueError(`${what} is needed`);
  return node.text;
}

/** The items of a list in parentheses; a single word is a list of one. */
export function itemsOf(node: Node): readonly Item[] {
  if (node.type === 'list') return node.items;
  if (node.type === 'word') return [{ name: node.text, value: null, at: node.at }];
  return [{ name: null, value: node, at: node.at }];
}

/** "There is no x; did you mean y?" for one of several names. */
export function unknownName(what: string, name: string, names: readonly string[]): ValueError {
  const near = nearestOf(name, names, 3);
  return new ValueError(`no ${what} '${name}'${near.length ? `; did you mean ${near.join(' or ')}?` : ''}`);
}

export type UintInput = number | bigint | string;

/** An unsigned integer, big-endian; `names` stand for values. */
export function uint(
  bits: number,
  { names = {}, little = false }: { names?: Readonly<Record<string, number>>; little?: boolean } = {},
): Kind<UintInput> {
  const most = 2n ** BigInt(bits) - 1n;
  const known = Object.keys(names);
  const value = (of: bigint): Value => (bits <= 32 ? Number(of) : of);
  const what = `a number from 0 to ${most}`;
  const take = (input: UintInput): Value => {
    let number: number | bigint | null = typeof input === 'string' ? decimal(input) : input;
    if (typeof input === 'string' && number === null) {
      const key = known.find((name) => name.toLowerCase() === input.toLowerCase());
      if (key === undefined && known.length > 0 && /^[a-z]/i.test(input)) throw unknownName('value', input, known);
      number = key === undefined ? null : names[key]!;
    }
    if (number === null || (typeof number !== 'bigint' && !Number.isInteger(number)))
      throw new ValueError(`${JSON.stringify(typeof input === 'bigint' ? String(input) : input)} is not ${what}`);
    if (BigInt(number) < 0n || BigInt(number) > most) throw new ValueError(`${number} is not ${what}`);
    return value(BigInt(number));
  };
  const odd = [0n, 1n, most, most - 1n, most >> 1n, (most >> 1n) + 1n].map(value);
  return {
    what,
    bits,
    little,
    names: known,
    take,
    odd: bits === 1 ? [0, 1] : odd,
    draw(draw, limits) {
      if (limits?.least !== undefined) {
        const least = BigInt(limits.least);
        const span = BigInt(limits.most ?? limits.least) - least + 1n;
        return take(least + (((BigInt(draw()) << 32n) | BigInt(draw())) % span));
      }
      return value(((BigInt(draw()) << 32n) | BigInt(draw())) & most);
    },
    fromText: (node) => wordOf(node, what),
  };
}

/** A signed integer in two's complement. */
export function int(bits: number): Kind<UintInput> {
  const unsigned = uint(bits);
  const half = 2n ** BigInt(bits - 1);
  const what = `a number from ${-half} to ${half - 1n}`;
  return {
    ...unsigned,
    what,
    take(input) {
      const number = typeof input === 'string' ? decimal(input) : input;
      if (number === null || (typeof number === 'number' && !Number.isInteger(number)) || number < -half)
        throw new ValueError(`${input} is not ${what}`);
      return unsigned.take(number < 0 ? BigInt(number) + 2n * half : number);
    },
  };
}

export type FlagsInput = number | string | readonly string[];

/** Single bits with names; `names[i]` is the bit of value `2 ** i`, '' where it has none. Names of one letter may be
 * written together (`SA`), others with + or | between. */
export function flags(bits: number, names: readonly string[]): Kind<FlagsInput> {
  const number = uint(bits);
  const letters = names.every((name) => name.length <= 1);
  const what = `flags of ${names.filter(Boolean).join(', ')}`;
  const bitOf = (name: string): number => {
    const index = names.findIndex((known) => known !== '' && known.toLowerCase() === name.toLowerCase());
    if (index < 0 && letters) throw new ValueError(`no flag '${name}'; there are ${names.filter(Boolean).join(' ')}`);
    if (index < 0) throw unknownName('flag', name, names.filter(Boolean));
    return 2 ** index;
  };
  return {
    ...number,
    what,
    isList: true,
    names: names.filter(Boolean),
    take(input) {
      if (typeof input === 'number') return number.take(input);
      if (typeof input === 'string' && decimal(input) !== null) return number.take(input);
      const parts =
        typeof input === 'string'
          ? input.split(/[+|,]/).flatMap((part) => (letters ? [...part] : part === '' ? [] : [part]))
          : input;
      // By addition, since the highest of 32 bits is no sign here.
      return [...new Set(parts.map((part) => bitOf(part.trim())))].reduce((sum, bit) => sum + bit, 0);
    },
    fromText: (node) => wordOf(node, what),
  };
}

const hexDigits = (text: string): Uint8Array | null => {
  const digits = text.replace(/[\s:.-]/g, '');
  return /^([0-9a-f]{2})*$/i.test(digits) ? Uint8Array.from(Buffer.from(digits, 'hex')) : null;
};

/** The bytes that hexadecimal digits say; blanks, colons, dots and hyphens may stand between. Throws RangeError. */
export function hex(digits: string): Uint8Array {
  const bytes = hexDigits(digits);
  if (bytes === null) throw new RangeError(`hex: '${digits}' is not pairs of hexadecimal digits`);
  return bytes;
}

const drawBytes = (draw: Draw, length: number): Uint8Array => Uint8Array.from({ length }, () => draw() & 255);

/** Bytes of text: what stands behind 0x in hexadecimal digits, else the text as UTF-8. */
export function dataOf(node: Node): Uint8Array {
  if (node.type === 'string') return new TextEncoder().encode(node.text);
  const text = wordOf(node, 'data');
  if (/^0x/i.test(text)) {
    const bytes = hexDigits(text.slice(2));
    if (bytes === null) throw new ValueError(`'${text}' is not pairs of hexadecimal digits`);
    return bytes;
  }
  return new TextEncoder().encode(text);
}

export type BytesInput = string | Uint8Array;
const bytesOf = (input: BytesInput): Uint8Array => {
  if (typeof input === 'string') return new TextEncoder().encode(input);
  if (input instanceof Uint8Array) return input;
  throw new ValueError('bytes or text are needed');
};

/** As many bytes as are given; text as UTF-8. */
export const data: Kind<BytesInput> = {
  what: 'data',
  bits: null,
  take: bytesOf,
  draw: (draw, limits) =>
    drawBytes(
      draw,
      limits?.least === undefined
        ? draw() % 64
        : limits.least + (draw() % ((limits.most ?? limits.least) - limits.least + 1)),
    ),
  odd: [new Uint8Array(0), new Uint8Array(1), new Uint8Array(300).fill(0x41), Uint8Array.of(0xff, 0xfe, 0x00, 0x80)],
  fromText: dataOf,
};

/** A value in text that other fields are made of. */
export const text: Kind<string> = {
  what: 'text',
  bits: null,
  take: bytesOf,
  draw: (draw) => drawBytes(draw, draw() % 32),
  odd: [new Uint8Array(0), new Uint8Array(300).fill(0x41), new TextEncoder().encode('%n%s../../\0')],
  fromText: (node) => wordOf(node, 'text'),
};

/** The text of bytes that are UTF-8. */
export const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** Parts of bytes, one after the other. */
export function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** 16 bits, big-endian. */
export const word = (value: number): Uint8Array => Uint8Array.of(value >> 8, value & 255);

/** Exactly `length` bytes; shorter values are filled with zeros behind. */
export const fixedBytes = (length: number): Kind<BytesInput> => ({
  what: `at most ${length} bytes`,
  bits: length * 8,
  take(input) {
    const bytes = bytesOf(input);
    if (bytes.length > length) throw new ValueError(`${bytes.length} bytes are more than ${length}`);
    const filled = new Uint8Array(length);
    filled.set(bytes);
    return filled;
  },
  draw: (draw) => drawBytes(draw, length),
  odd: [new Uint8Array(length), new Uint8Array(length).fill(0xff), new Uint8Array(length).fill(0x41)],
  fromText: dataOf,
});

function address(
  length: number,
  what: string,
  parse: (text: string) => Uint8Array | null,
  odd: string[],
): Kind<BytesInput> {
  const take = (input: BytesInput): Uint8Array => {
    const bytes = typeof input === 'string' ? parse(input) : input;
    if (!(bytes instanceof Uint8Array) || bytes.length !== length) throw new ValueError(`'${input}' is not ${what}`);
    return bytes;
  };
  return {
    what,
    bits: length * 8,
    take,
    draw: (draw) => drawBytes(draw, length),
    odd: odd.map(take),
    fromText: (node) => wordOf(node, what),
  };
}

export const mac = address(
  6,
  'a MAC address',
  (text) => (text === 'broadcast' ? new Uint8Array(6).fill(255) : parseMac(text)),
  ['00:00:00:00:00:00', 'ff:ff:ff:ff:ff:ff', '01:00:5e:00:00:01', '33:33:00:00:00:01'],
);
export const ip4 = address(4, 'an IPv4 address', parseIpv4, [
  '0.0.0.0',
  '255.255.255.255',
  '127.0.0.1',
  '224.0.0.1',
  '240.0.0.1',
]);
export const ip6 = address(16, 'an IPv6 address', parseIpv6, ['::', '::1', 'ff02::1', 'fe80::1', '::ffff:127.0.0.1']);

/** A list of parts that `encode` lays out one after the other. `part` makes one of its text form. */
export function list<T>(
  what: string,
  encode: (parts: readonly T[]) => Uint8Array,
  part: (item: Item) => T,
): Kind<readonly T[]> {
  return {
    what,
    bits: null,
    isList: true,
    take(input) {
      if (input instanceof Uint8Array) return input;
      if (!Array.isArray(input)) throw new ValueError(`a list of ${what} is needed`);
      return encode(input);
    },
    draw: (draw) => drawBytes(draw, draw() % 40),
    odd: [new Uint8Array(0), Uint8Array.of(0), Uint8Array.of(1, 0), Uint8Array.of(2, 255), new Uint8Array(40).fill(1)],
    fromText: (node) => itemsOf(node).map(part),
  };
}
