/** Eighths of a block, from the left: U+258F to U+2588. */
const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/** A bar as long as `share` (0 to 1) of `width` columns. What is more than nothing shows. */
export function bar(share: number, width: number, ascii: boolean): string {
  if (!(share > 0)) return '';
  if (ascii) return '#'.repeat(Math.max(1, Math.round(share * width)));
  const eighths = Math.max(1, Math.round(share * width * 8));
  return '█'.repeat(eighths >> 3) + EIGHTHS[eighths & 7]!;
}
