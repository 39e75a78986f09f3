import type { Frame } from './oracle.ts';

/** A generator of numbers from 0 up to 1 that a seed fixes (mulberry32). */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let value = Math.imul(state ^ (state >>> 15), state | 1);
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61);
    return ((value ^ (value >>> 14)) >>> 0) / 4294967296;
  };
}

/** `count` frames made from those given: cut short, with bytes changed, or both. */
export function mutate(frames: readonly Frame[], next: () => number, count: number): Frame[] {
  const made: Frame[] = [];
  if (frames.length === 0) return made;
  const below = (limit: number): number => Math.floor(next() * limit);
  for (let i = 0; i < count; i++) {
    const frame = frames[below(frames.length)]!;
    let bytes = Uint8Array.from(frame.bytes);
    let originalLength = frame.originalLength ?? bytes.length;
    const kind = below(4);
    if (kind !== 0)
      for (let changes = 1 + below(4); changes > 0; changes--) {
        // Headers are where changes tell.
        const at = below(Math.min(bytes.length, next() < 0.8 ? 80 : bytes.length));
        bytes[at] = next() < 0.5 ? bytes[at]! ^ (1 << below(8)) : below(256);
      }
    if (kind !== 1) {
      bytes = bytes.slice(0, 1 + below(Math.min(bytes.length, next() < 0.7 ? 120 : bytes.length)));
      if (next() < 0.2) originalLength = bytes.length;
    }
    made.push({ ...frame, bytes, originalLength });
  }
  return made;
}
