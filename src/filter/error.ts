/** What is wrong with a filter expression, and where. */

/** The kinds of mistake, stable for programs to test:
 *
 * - `SYNTAX`: the words do not follow the grammar; `expected` says what could have stood there.
 * - `CHARACTER`: a character that no filter contains.
 * - `NUMBER`: a number that is not one, or is out of the range that its place allows.
 * - `ADDRESS`: an address or a mask that is not one.
 * - `NAME`: a name of a host, service, protocol, type … that nothing knows.
 * - `QUALIFIER`: words that exist, and cannot be combined.
 * - `LINK_TYPE`: the link type of the capture has no such thing.
 * - `UNSUPPORTED`: something that this language names and no filter can test.
 * - `ARITHMETIC`: division by zero, a shift that is too far, too many intermediate values.
 * - `NESTING`: more nested parentheses than the parser takes.
 * - `REJECTS_ALL`: the expression is false for every packet. */
export type FilterErrorCode =
  | 'SYNTAX'
  | 'CHARACTER'
  | 'NUMBER'
  | 'ADDRESS'
  | 'NAME'
  | 'QUALIFIER'
  | 'LINK_TYPE'
  | 'UNSUPPORTED'
  | 'ARITHMETIC'
  | 'NESTING'
  | 'REJECTS_ALL';

/** A part of an expression: offset of its first UTF-16 unit from 0, and its length in units (0 at the end of the text). */
export interface Span {
  readonly at: number;
  readonly length: number;
}

/** The only thing that the compiler throws because of an expression. */
export class FilterError extends Error {
  override readonly name = 'FilterError';
  readonly code: FilterErrorCode;
  /** The whole expression. */
  readonly expression: string;
  /** Column of the first character that is wrong, counted from 1; one past the text where more was expected. */
  readonly column: number;
  /** Characters that are wrong, at least 1. */
  readonly length: number;
  /** What could have stood there, where that is known. */
  readonly expected: readonly string[];

  constructor(
    code: FilterErrorCode,
    message: string,
    expression: string,
    span: Span,
    expected: readonly string[] = [],
  ) {
    super(message);
    this.code = code;
    this.expression = expression;
    this.column = span.at + 1;
    this.length = Math.max(1, span.length);
    this.expected = expected;
  }

  /** The message, the expression and a caret below what is wrong, in lines of at most `width` columns:
   *
   *     expected a port number or the name of a service, found 'and' (column 10)
   *       tcp port and host 10.0.0.1
   *                ^^^
   *
   * Control characters are shown as spaces; of a long expression, the part around the mistake. */
  render(width = 100): string {
    const INDENT = 2;
    const room = Math.max(20, width - INDENT);
    const text = this.expression.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, ' ');
    const at = this.column - 1;
    let from = 0;
    let shown = text;
    let caretAt = at;
    if (text.length > room) {
      from = Math.max(0, Math.min(at - (room >> 1), text.length - room));
      const to = from + room;
      shown =
        (from > 0 ? '…' : text[from]) + text.slice(from + 1, to - 1) + (to < text.length ? '…' : text.slice(to - 1));
      caretAt = at - from;
    }
    const carets = '^'.repeat(Math.max(1, Math.min(this.length, room - caretAt, shown.length - caretAt || 1)));
    const pad = ' '.repeat(INDENT);
    return `${this.message} (column ${this.column})\n${pad}${shown}\n${pad}${' '.repeat(caretAt)}${carets}`;
  }
}
