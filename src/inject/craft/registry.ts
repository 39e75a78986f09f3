import type { LayerType } from './layer.ts';
import * as layers from './layers/index.ts';

/** Layers and fields by the names that the text form takes. */

/** All of them, in the order of the help. */
export const layerTypes: readonly LayerType[] = Object.values(layers).map(({ type }) => type as unknown as LayerType);

/** `sctp.data`, `sctp_data` and `sctpdata` are one name. */
const plain = (name: string): string => name.toLowerCase().replace(/[._-]/g, '');

const byName = new Map<string, LayerType>();
for (const type of layerTypes) for (const name of [type.name, ...type.names]) byName.set(plain(name), type);

export const findLayer = (name: string): LayerType | null => byName.get(plain(name)) ?? null;

export const layerNames = (): string[] => layerTypes.flatMap(({ name, names }) => [name, ...names]);

/** The field that is called `name`, also with the layer's name in front as Wireshark has it (`ip.ttl`). */
export function findField(type: LayerType, name: string): string | null {
  const wanted = plain(name);
  const fronts = ['', ...[type.name, ...type.names].map(plain)];
  // Its own names first, so that no further name of one field hides another field.
  for (const own of Object.keys(type.fields)) if (fronts.some((front) => front + plain(own) === wanted)) return own;
  for (const [own, { names }] of Object.entries(type.fields))
    if (names.some((other) => fronts.some((front) => front + plain(other) === wanted))) return own;
  return null;
}

export const fieldNames = (type: LayerType): string[] =>
  Object.entries(type.fields).flatMap(([name, { names }]) => [name, ...names]);
