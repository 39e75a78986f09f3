import type { FieldInfo } from '../fields.ts';

/** Names of values that a filter may use in place of numbers, beside those that the registry has. */

/** Names of false and of true, other than False and True. */
export function truthNames(_info: FieldInfo): readonly string[] {
  return [];
}

export const hasValueNames = (info: FieldInfo): boolean => info.values !== null;

/** The value that has this name, in any case of its letters; null: there is none. */
export function valueNamed(info: FieldInfo, text: string): number | null {
  const name = text.toLowerCase();
  for (const [value, own] of Object.entries(info.values ?? {})) if (own.toLowerCase() === name) return Number(value);
  return null;
}
