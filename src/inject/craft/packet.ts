import { seededRandom } from '../../time/random.ts';
import { LINKTYPE_RAW } from '../../wire/linktype.ts';
import { Choice, type Draw, Random } from './choice.ts';
import type { Layer, LayerType } from './layer.ts';
import { raw } from './layers/raw.ts';
import { type LayerDraft, layOut } from './place.ts';

/** Packets out of layers. */

/** A packet: bytes, and what they were made of. */
export interface Crafted {
  bytes: Uint8Array;
  /** LINKTYPE_ of how it begins. */
  linkType: number;
}

/** One packet whose fields that are not given are not yet filled in: the route may still say something about them. */
export class Draft {
  readonly layers: LayerDraft[];

  constructor(layers: LayerDraft[]) {
    this.layers = layers;
  }

  get linkType(): number {
    return this.layers[0]?.type.linkType ?? LINKTYPE_RAW;
  }

  /** The outermost layer with one of these names. */
  layer(...names: string[]): LayerDraft | undefined {
    return this.layers.find(({ type }) => names.includes(type.name));
  }

  /** Throws TypeError for a value that does not fit its field. */
  build(): Crafted {
    return { bytes: layOut(this.layers), linkType: this.linkType };
  }
}

/** A packet, or, where a field has several values, a packet for each combination of them.
 *
 * Iterating gives them as scapy orders them: of the fields of one layer the last one in the header changes slowest,
 * and the layers above change faster than those below. Random values are drawn anew at each packet, by the seed: iterating again
 * gives the same packets. */
export class Packets implements Iterable<Crafted> {
  readonly layers: readonly Layer[];
  readonly seed: number;

  constructor(layers: readonly Layer[], seed = 1) {
    this.layers = layers;
    this.seed = seed;
  }

  /** How many packets there are: the product of the numbers of values. */
  get count(): number {
    let count = 1;
    for (const { type, given } of this.layers)
      for (const [name, value] of given) {
        const choice = choiceOf(type, name, value);
        if (choice) count *= choice.count;
      }
    return count;
  }

  /** The same packets with other random values. */
  seeded(seed: number): Packets {
    return new Packets(this.layers, seed);
  }

  /** Bytes of the first packet. Throws TypeError where a set of values is empty or one does not fit. */
  get bytes(): Uint8Array {
    return this.first.bytes;
  }

  get first(): Crafted {
    for (const draft of this.drafts()) return draft.build();
    throw new TypeError('packet: a field has no value at all');
  }

  get linkType(): number {
    return this.layers[0]?.type.linkType ?? LINKTYPE_RAW;
  }

  *[Symbol.iterator](): Generator<Crafted, void> {
    for (const draft of this.drafts()) yield draft.build();
  }

  /** The packets before what is not given is filled in. */
  *drafts(draw: Draw = seededRandom(this.seed)): Generator<Draft, void> {
    const slots: { layer: number; name: string; choice: Choice<unknown> }[] = [];
    for (const [layer, { type, given }] of this.layers.entries()) {
      for (const name of Object.keys(type.fields).reverse()) {
        const choice = given.has(name) ? choiceOf(type, name, given.get(name)) : null;
        if (choice) slots.push({ layer, name, choice });
      }
    }
    yield* this.#combine(slots, 0, new Map(), draw);
  }

  *#combine(
    slots: readonly { layer: number; name: string; choice: Choice<unknown> }[],
    index: number,
    chosen: Map<string, unknown>,
    draw: Draw,
  ): Generator<Draft, void> {
    const slot = slots[index];
    if (slot === undefined) {
      yield this.#draft(chosen, draw);
      return;
    }
    for (const value of slot.choice) {
      chosen.set(`${slot.layer}.${slot.name}`, value);
      yield* this.#combine(slots, index + 1, chosen, draw);
    }
  }

  #draft(chosen: ReadonlyMap<string, unknown>, draw: Draw): Draft {
    return new Draft(
      this.layers.map(({ type, given }, layer) => {
        const values = new Map<string, unknown>();
        for (const [name, value] of given) {
          const key = `${layer}.${name}`;
          const one = chosen.has(key) ? chosen.get(key) : value;
          values.set(name, one instanceof Random ? type.fields[name]!.kind.draw(draw, one) : one);
        }
        return { type, given: values };
      }),
    );
  }
}

/** The several values of a field, or null where it has one. */
function choiceOf(type: LayerType, name: string, value: unknown): Choice<unknown> | null {
  if (value instanceof Choice) return value;
  if (!Array.isArray(value) || type.fields[name]!.kind.isList) return null;
  return new Choice(value.length, (index) => value[index]);
}

/** A packet of these layers, from the outermost; text (as UTF-8) and bytes stand for data.
 *
 *     packet(ipv4({ dst: '192.0.2.2', ttl: 3 }), udp({ dport: 53 }), dns({ qname: 'example.org' })).bytes
 *     for (const { bytes } of packet(ethernet(), ipv4({ dst: network('10.0.0.0/30') }), icmp())) …
 *
 * What is not given is filled in: lengths, checksums, numbers of what comes next, padding of options. What is given is
 * written as it is, also where it is wrong. Throws TypeError for what is no layer, field or value. */
export function packet(...layers: (Layer | string | Uint8Array)[]): Packets {
  if (layers.length === 0) throw new TypeError('packet: at least one layer is needed');
  return new Packets(
    layers.map((layer) => {
      if (typeof layer === 'string' || layer instanceof Uint8Array) return raw({ load: layer });
      if (typeof layer !== 'object' || layer === null || !('type' in layer))
        throw new TypeError('packet: a layer is what a layer function gives, text or bytes');
      return layer;
    }),
  );
}
