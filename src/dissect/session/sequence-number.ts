/** Sequence numbers are unsigned 32-bit numbers that wrap (RFC 9293 3.4): compared by the sign of their difference. */
export const before = (a: number, b: number): boolean => ((a - b) | 0) < 0;
export const after = (a: number, b: number): boolean => ((a - b) | 0) > 0;
