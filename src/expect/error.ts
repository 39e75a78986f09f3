/** An expectation that says nothing: where it stands, and what was wrong with it. */
export class ExpectationError extends Error {
  override readonly name = 'ExpectationError';
  readonly code = 'EEXPECTATION';
  /** Name of the file; '' for a text. */
  readonly file: string;
  /** Line, from 1. */
  readonly line: number;
  /** Column of the first character concerned, from 1. */
  readonly column: number;
  /** The line itself. */
  readonly source: string;

  constructor(file: string, line: number, column: number, source: string, message: string) {
    super(message);
    this.file = file;
    this.line = line;
    this.column = column;
    this.source = source;
  }

  /** The message with its place, the line, and a caret. Three lines. */
  render(): string {
    const place = `${this.file === '' ? '' : `${this.file}:`}${this.line}:${this.column}`;
    return `${place}: ${this.message}\n  ${this.source}\n  ${' '.repeat(this.column - 1)}^`;
  }
}
