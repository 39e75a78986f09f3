/** A packet's text form that says nothing: where in it, what was wrong, and what would have been right. */
export class CraftError extends Error {
  readonly code = 'ERR_CRAFT';
  /** The text as it was given. */
  readonly source: string;
  /** First character concerned, from 0, and how many. */
  readonly column: number;
  readonly length: number;
  /** Names that are near to what was written, nearest first. */
  readonly nearest: readonly string[];

  constructor(source: string, column: number, length: number, message: string, nearest: readonly string[] = []) {
    super(message);
    this.name = 'CraftError';
    this.source = source;
    this.column = column;
    this.length = Math.max(1, length);
    this.nearest = nearest;
  }

  /** The message, the text, and a caret under what is wrong. Three lines without an end of line at the last. */
  render(): string {
    const near = this.nearest.length > 0 ? `; did you mean ${this.nearest.join(' or ')}?` : '';
    return `${this.message}${near}\n  ${this.source}\n  ${' '.repeat(this.column)}^${'~'.repeat(this.length - 1)}`;
  }
}
