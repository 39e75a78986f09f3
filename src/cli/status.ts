/** A line at the bottom of the terminal that is redrawn in place, on stderr. Does nothing where stderr is no terminal.
 * Other messages on stderr go through `print`, so that the line is never torn. */
export class StatusLine {
  readonly #stream = process.stderr;
  readonly #active: boolean;
  #timer: NodeJS.Timeout | null = null;
  #shown = false;

  constructor(wanted: boolean) {
    this.#active = wanted && this.#stream.isTTY === true && process.env['TERM'] !== 'dumb';
  }

  /** Redraws the line now and `every` milliseconds from what `text` returns. */
  start(text: () => string, every = 250): void {
    if (!this.#active) return;
    const draw = (): void => {
      // One column is left free: a full line would wrap on some terminals, and then `\r` returns to the wrong row.
      const width = Math.max(1, (this.#stream.columns || 80) - 1);
      const line = text();
      this.#stream.write(`\r${line.length > width ? line.slice(0, width) : line}\x1b[K`);
      this.#shown = true;
    };
    draw();
    // However the process ends, the shell's prompt finds an empty line.
    process.once('exit', () => this.stop());
    this.#timer = setInterval(draw, every);
    this.#timer.unref();
  }

  /** Writes whole lines above the status line. */
  print(lines: string): void {
    this.#stream.write(this.#shown ? `\r\x1b[K${lines}` : lines);
  }

  /** Takes the line away. */
  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    if (this.#shown) this.#stream.write('\r\x1b[K');
    this.#shown = false;
  }
}

/** 1234 as `1.23k`: three digits, for a line that is read at a glance. Below a thousand the number itself. */
export function short(value: number, unit = ''): string {
  if (value < 1000) return `${Math.round(value)}${unit ? ` ${unit}` : ''}`;
  let scale = 0;
  while (value >= 999.5 && scale < 4) {
    value /= 1000;
    scale++;
  }
  const digits = value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${value.toFixed(digits)}${unit ? ' ' : ''}${' kMGT'[scale]}${unit}`;
}
