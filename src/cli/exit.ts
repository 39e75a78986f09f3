/** Exit codes, and the two errors by which a command ends itself. */
export const EXIT_OK = 0;
/** It failed at run time, or an expectation was not met. */
export const EXIT_FAILURE = 1;
/** The command line is wrong. */
export const EXIT_USAGE = 2;
/** The kernel did not permit it (EX_NOPERM of sysexits.h). */
export const EXIT_NO_PERMISSION = 77;
/** A second SIGINT: 128 + 2, as a shell reports it. */
export const EXIT_INTERRUPTED = 130;

/** The command line is wrong: one line on stderr, exit 2. Further lines (the caret under a filter's error) are allowed
 * where they show the place. */
export class UsageError extends Error {
  readonly code = 'ERR_USAGE';
}

/** It failed at run time for a reason that a person can read: the message alone on stderr, and `exitCode`. */
export class Failure extends Error {
  readonly code = 'ERR_FAILURE';
  readonly exitCode: number;

  constructor(message: string, exitCode: number = EXIT_FAILURE) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** The exit code of an error that ended a command. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return EXIT_USAGE;
  if (error instanceof Failure) return error.exitCode;
  return EXIT_FAILURE;
}

/** What a person should read of an error: its message, never a stack trace. Control characters (a file's name, a
 * server's answer) are shown as escapes. */
export function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return printable(message.replace(/\s+$/, ''));
}

/** Text that is safe on a terminal: control characters but the newline and the tab become `\xNN`, and so do the ones
 * that Unicode calls C1 and the marks that turn the direction of writing. */
export function printable(text: string): string {
  return text.replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, (character) =>
    character.charCodeAt(0) < 0x100
      ? `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`
      : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
