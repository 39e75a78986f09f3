/** What went wrong with a savefile. The codes are stable; the message is for a person.
 *
 * - `SAVEFILE_READ`, `SAVEFILE_WRITE`: the operating system refused (`systemCode` says why: EISDIR, EIO, ENOSPC, EPIPE).
 * - `SAVEFILE_EMPTY`: not one byte.
 * - `SAVEFILE_UNKNOWN`: no savefile of a kind that netlab reads.
 * - `SAVEFILE_UNSUPPORTED`: a savefile, of a version or compression that cannot be read here.
 * - `SAVEFILE_TRUNCATED`: the file ends inside a record; everything before it has been given.
 * - `SAVEFILE_CORRUPT`: a field contradicts the format or its surroundings; everything before it has been given.
 * - `SAVEFILE_LINK_TYPE`: a pcap file holds one link type, and frames of another were to be written.
 * - `SAVEFILE_RANGE`: a value of a frame does not fit the field of the file's format. */
export type SavefileErrorCode =
  | 'SAVEFILE_READ'
  | 'SAVEFILE_WRITE'
  | 'SAVEFILE_EMPTY'
  | 'SAVEFILE_UNKNOWN'
  | 'SAVEFILE_UNSUPPORTED'
  | 'SAVEFILE_TRUNCATED'
  | 'SAVEFILE_CORRUPT'
  | 'SAVEFILE_LINK_TYPE'
  | 'SAVEFILE_RANGE';

/** A finding of a parser, before the name of the file is known to it. */
export interface SavefileProblem {
  code: SavefileErrorCode;
  /** What was wrong, without file and offset. */
  what: string;
  /** Where the record or field begins: bytes from the start of the (decompressed) content. */
  offset?: number;
  /** How many bytes were asked for, from `offset`. */
  needed?: number;
  /** How many bytes were there, from `offset`. */
  available?: number;
  /** The field that asked for them. */
  lengthFrom?: string;
  /** Node's error behind it. */
  cause?: unknown;
}

export class SavefileError extends Error {
  override readonly name = 'SavefileError';
  readonly code: SavefileErrorCode;
  /** Name of the file as it was given; '-' for standard input or output. */
  readonly file: string;
  /** Bytes from the start of the content; of the decompressed content where `compressed`. */
  readonly offset: number | undefined;
  readonly compressed: boolean;
  readonly needed: number | undefined;
  readonly available: number | undefined;
  readonly lengthFrom: string | undefined;
  /** `EISDIR`, `ENOSPC` and the like, where the operating system refused. */
  readonly systemCode: string | undefined;

  constructor(file: string, problem: SavefileProblem, compressed = false) {
    const where =
      problem.offset === undefined
        ? ''
        : ` at byte ${problem.offset}${compressed ? ' of the decompressed content' : ''}`;
    super(`${file}: ${problem.what}${where}`, problem.cause === undefined ? undefined : { cause: problem.cause });
    this.code = problem.code;
    this.file = file;
    this.offset = problem.offset;
    this.compressed = compressed;
    this.needed = problem.needed;
    this.available = problem.available;
    this.lengthFrom = problem.lengthFrom;
    this.systemCode = (problem.cause as { code?: string } | undefined)?.code;
  }
}

/** An error of the operating system as a SavefileError. */
export function systemError(file: string, code: 'SAVEFILE_READ' | 'SAVEFILE_WRITE', cause: unknown): SavefileError {
  if (cause instanceof SavefileError) return cause;
  const systemCode = (cause as { code?: string }).code;
  const verb = code === 'SAVEFILE_READ' ? 'read' : 'write';
  const reasons: Record<string, string> = {
    EISDIR: 'it is a directory',
    ENOENT: 'there is no such file or directory',
    EACCES: 'permission denied',
    EIO: 'input/output error',
    ENOSPC: 'no space left on the device; what was written before can be read',
    EFBIG: 'the file would be too large; what was written before can be read',
    EDQUOT: 'the disk quota is used up; what was written before can be read',
    EPIPE: 'the reader has closed the pipe',
    EROFS: 'the file system is read-only',
  };
  const reason = reasons[systemCode ?? ''] ?? (cause instanceof Error ? cause.message : String(cause));
  return new SavefileError(file, {
    code,
    what: `cannot ${verb}: ${reason}${systemCode ? ` (${systemCode})` : ''}`,
    cause,
  });
}
