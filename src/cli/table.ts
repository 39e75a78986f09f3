/** Lays out rows of text in columns: those of numbers to the right. */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  right: readonly boolean[],
): string {
  const widths = head.map((title, column) =>
    rows.reduce((width, row) => Math.max(width, row[column]!.length), title.length),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => (right[column] ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)))
      .join('  ')
      .trimEnd();
  return [line(head), ...rows.map(line)].map((text) => `${text}\n`).join('');
}

/** Nanoseconds as seconds with nine digits. */
export const secondsText = (nanoseconds: number): string => {
  const size = Math.abs(nanoseconds);
  const whole = Math.floor(size / 1e9);
  return `${nanoseconds < 0 ? '-' : ''}${whole}.${String(Math.round(size - whole * 1e9)).padStart(9, '0')}`;
};
