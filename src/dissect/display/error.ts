/** A display filter that says nothing: where in it, what was wrong, and what would have been right. */
export class DisplayFilterError extends Error {
  readonly code = 'EDISPLAYFILTER';
  /** The filter as it was given. */
  readonly expression: string;
  /** First character concerned, from 0, and how many. */
  readonly column: number;
  readonly length: number;
  /** Names that are near to what was written, nearest first. */
  readonly nearest: readonly string[];

  constructor(expression: string, column: number, length: number, message: string, nearest: readonly string[] = []) {
    super(message);
    this.name = 'DisplayFilterError';
    this.expression = expression;
    this.column = column;
    this.length = Math.max(1, length);
    this.nearest = nearest;
  }

  /** The message, the expression, and a caret under what is wrong. Three lines without an end of line at the last. */
  render(): string {
    const near = this.nearest.length > 0 ? `; near to it: ${this.nearest.join(', ')}` : '';
    const pad = ' '.repeat(this.column);
    return `${this.message}${near}\n  ${this.expression}\n  ${pad}^${'~'.repeat(this.length - 1)}`;
  }
}
