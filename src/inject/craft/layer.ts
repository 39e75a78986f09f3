import type { Choice, Random } from './choice.ts';
import type { Kind, Value } from './kind.ts';

/** Layers: which fields a protocol's header has, in their order, and what stands in them where nobody says otherwise.
 *
 * A crafted packet may be wrong in every single bit, which the emitters of `wire/` by intent cannot say: they take what
 * is legal, and a few fields that may be wrong. So the fields are listed here once more, as widths in order, without an
 * offset; checksums and the encodings of options come from `wire/`. */

/** Numbers by which the layer below says what comes next. */
export type Space = 'ether' | 'ip' | 'ppp' | 'sap' | 'udp' | 'tcp';

/** A layer at its place in a packet that is being laid out, as its fields' fallbacks see it. */
export interface Place {
  readonly type: LayerType;
  /** The layers below (towards the wire's beginning) and above; null at the ends. */
  readonly below: Place | null;
  readonly above: Place | null;
  /** Bytes of this layer's own fields, of all that is above (padding not counted), and of both. */
  readonly headerLength: number;
  readonly payloadLength: number;
  readonly length: number;
  isGiven(name: string): boolean;
  /** Parts of a list that is given; 0 where it is not given, or given as bytes. */
  parts(name: string): number;
  /** What stands in a field: a number of at most 32 bits; bytes. */
  number(name: string): number;
  bytes(name: string): Uint8Array;
  value(name: string): Value;
  /** Bytes of a field of bytes. */
  width(name: string): number;
  /** The nearest layer below with one of these names, or null. */
  under(...names: string[]): Place | null;
  /** Running sum of the pseudo header for the protocol number, without a length; null where no IP packet is around. */
  pseudo(protocol: number): number | null;
}

/** What stands in a field that is not given. `seal`: it covers bytes (a checksum), so that it is computed when all others
 * are written; the innermost layer's first. */
export type Fallback =
  | Value
  | string
  | ((place: Place) => unknown)
  | { seal: (place: Place, bytes: Uint8Array, at: number, end: number) => Value };

export interface Field<Input = never> {
  readonly kind: Kind<Input>;
  readonly fallback: Fallback;
  /** Further names in the text form. */
  readonly names: readonly string[];
  /** False: this packet has no such field. */
  readonly present: ((place: Place) => boolean) | null;
  /** A length or a checksum: what fuzzing makes wrong by a little. */
  readonly isDerived: boolean;
  /** Not written itself: other fields are made of it. */
  readonly isVirtual: boolean;
}

export interface FieldOptions {
  names?: readonly string[];
  present?: (place: Place) => boolean;
}

export const field = <Input>(kind: Kind<Input>, fallback: Fallback, options: FieldOptions = {}): Field<Input> => ({
  kind,
  fallback,
  names: options.names ?? [],
  present: options.present ?? null,
  isDerived: typeof fallback === 'object' && !(fallback instanceof Uint8Array) && 'seal' in fallback,
  isVirtual: false,
});

/** A field whose value follows from the rest of the packet: a length, a count. */
export const derived = <Input>(
  kind: Kind<Input>,
  fallback: (place: Place) => unknown,
  options: FieldOptions = {},
): Field<Input> => ({ ...field(kind, fallback, options), isDerived: true });

/** A value that is not written itself: other fields are made of it. */
export const virtual = <Input>(kind: Kind<Input>, fallback: Fallback, options: FieldOptions = {}): Field<Input> => ({
  ...field(kind, fallback, options),
  isVirtual: true,
});

/** The number by which the layer above is announced in `space`, or `otherwise`. */
export const next =
  (space: Space, otherwise: number) =>
  (place: Place): number =>
    place.above?.type.numbers[space] ?? otherwise;

// biome-ignore lint/suspicious/noExplicitAny: fields of all inputs stand in one record; each is checked where it is given.
export type Fields = Readonly<Record<string, Field<any>>>;

export interface LayerType<F extends Fields = Fields> {
  /** Wireshark's name where it has one. */
  readonly name: string;
  /** Further names in the text form. */
  readonly names: readonly string[];
  /** One line on what it is. */
  readonly title: string;
  readonly fields: F;
  /** What the layer below writes to announce it. */
  readonly numbers: Partial<Record<Space, number>>;
  /** Source port that goes with the number as destination port. */
  readonly sourcePort?: number;
  /** Time to live, or hop limit, that its packets must have. */
  readonly ttl?: number;
  /** MAC address that its frames go to. */
  readonly groupMac?: string;
  /** LINKTYPE_ of a packet that begins with it; absent: none begins so. */
  readonly linkType?: number;
  /** Whole bytes that the packet carries behind its end; lengths and checksums do not count it. */
  readonly isPadding?: boolean;
  /** Fields that the text form takes without a name, in order. */
  readonly positional?: readonly string[];
}

type InputOf<T> = T extends Field<infer Input> ? Input : never;

/** Values of a layer's fields: one, or several of which each makes a packet, or a random one. Arrays are several values,
 * but for fields that are lists by themselves (options, records); `each([…])` makes several of those. */
export type Values<F extends Fields> = {
  readonly [Name in keyof F]?:
    | InputOf<F[Name]>
    | Choice<InputOf<F[Name]>>
    | Choice<Uint8Array>
    | Random
    | (InputOf<F[Name]> extends readonly unknown[] ? never : readonly InputOf<F[Name]>[]);
};

/** A layer of a packet: what it is, and what is given. */
export interface Layer {
  readonly type: LayerType;
  /** In the order in which they were given. */
  readonly given: ReadonlyMap<string, unknown>;
}

export type LayerFunction<F extends Fields> = {
  (values?: Values<F>): Layer;
  readonly type: LayerType<F>;
};

/** The function that makes layers of a protocol. */
export function defineLayer<const F extends Fields>(type: LayerType<F>): LayerFunction<F> {
  const make = (values: Values<F> = {} as Values<F>): Layer => {
    if (typeof values !== 'object' || values === null)
      throw new TypeError(`${type.name}: an object with values of its fields is needed`);
    const given = new Map<string, unknown>();
    for (const [name, value] of Object.entries(values)) {
      if (!Object.hasOwn(type.fields, name))
        throw new TypeError(`${type.name}: no field '${name}'; there are ${Object.keys(type.fields).join(', ')}`);
      if (value !== undefined) given.set(name, value);
    }
    return { type: type as unknown as LayerType, given };
  };
  return Object.assign(make, { type });
}
