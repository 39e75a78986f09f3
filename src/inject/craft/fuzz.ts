import type { Draw } from './choice.ts';
import type { Value } from './kind.ts';
import type { Fields } from './layer.ts';
import type { Draft } from './packet.ts';
import { PlacedLayer } from './place.ts';

/** Fuzzing: fields that are not given get values that programs are known to mistake, by the kind of the field. */

/** One change: `layer.field` and what stands there now. */
export interface Mutation {
  name: string;
  value: Value;
}

/** Part of the fields that change in one packet, out of 16: few, so that the rest gets far enough to matter. */
const CHANCE = 3;
/** Lengths and checksums go wrong less often: what is wrong there is mostly dropped at once. */
const CHANCE_DERIVED = 1;

/** Changes at least one field of the draft, in place; those that are given stay, and so do those that carry the packet to
 * its destination (addresses of the link, and the version and addresses of IP). Numbers become limits, powers of two,
 * neighbours of the right value or random ones; addresses special ones; data and lists empty, long or broken ones. */
export function mutate(draft: Draft, draw: Draw): Mutation[] {
  const candidates: { layer: number; name: string; field: Fields[string]; right: Value }[] = [];
  let below: PlacedLayer | null = null;
  const places = draft.layers.map((layer) => {
    below = new PlacedLayer(layer, below);
    return below;
  });
  for (const [layer, { type, given }] of draft.layers.entries())
    for (const [name, field] of Object.entries(type.fields)) {
      if (given.has(name) || !places[layer]!.has(name) || carries(type.name, name)) continue;
      candidates.push({ layer, name, field, right: places[layer]!.value(name) });
    }
  if (candidates.length === 0) return [];
  let chosen = candidates.filter(({ field }) => (draw() & 15) < (field.isDerived ? CHANCE_DERIVED : CHANCE));
  if (chosen.length === 0) chosen = [candidates[draw() % candidates.length]!];
  return chosen.map(({ layer, name, field, right }) => {
    const value = mutated(field, right, draw);
    draft.layers[layer]!.given.set(name, value);
    return { name: `${draft.layers[layer]!.type.name}.${name}`, value };
  });
}

const CARRIERS: Readonly<Record<string, readonly string[]>> = {
  eth: ['dst', 'src', 'type'],
  ip: ['version', 'src', 'dst'],
  ipv6: ['version', 'src', 'dst'],
};
const carries = (layer: string, field: string): boolean => CARRIERS[layer]?.includes(field) ?? false;

function mutated({ kind }: Fields[string], right: Value, draw: Draw): Value {
  if (kind.bits !== null && !(right instanceof Uint8Array)) {
    const most = 2n ** BigInt(kind.bits) - 1n;
    const way = draw() % 4;
    let value = BigInt(right);
    if (way === 0) value = BigInt(kind.odd[draw() % kind.odd.length] as number | bigint);
    else if (way === 1) value += draw() & 1 ? 1n : -1n;
    else if (way === 2) value ^= 1n << BigInt(draw() % kind.bits);
    else value = BigInt(kind.draw(draw) as number | bigint);
    value &= most;
    return kind.bits <= 32 ? Number(value) : value;
  }
  const bytes = right as Uint8Array;
  const way = draw() % 4;
  if (way === 0 || bytes.length === 0) return kind.odd[draw() % kind.odd.length]!;
  if (way === 1) return kind.draw(draw);
  const changed = bytes.slice();
  if (way === 2 || kind.bits !== null) {
    changed[draw() % changed.length] = draw() & 255;
    return changed;
  }
  return changed.subarray(0, draw() % changed.length);
}
