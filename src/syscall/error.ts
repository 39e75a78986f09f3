import { errnoName, strerror } from '../uapi/errno.ts';

/** A system call that failed. `message` reads as Node's own: `EPERM: Operation not permitted, socket`. */
export class SystemError extends Error {
  override readonly name = 'SystemError';
  /** Name of the error, 'EPERM'. */
  readonly code: string;
  /** Its number, above 0. */
  readonly errno: number;
  /** Name of the call, 'setsockopt'; an option or request may stand behind it: 'setsockopt PACKET_RX_RING'. */
  readonly syscall: string;
  /** What the call was about, where that says more: a device, an address, a path. */
  readonly dest: string | undefined;
  /** What the user can do about it, where known: one sentence or a command. */
  readonly hint: string | undefined;

  constructor(errno: number, syscall: string, { dest, hint }: { dest?: string; hint?: string } = {}) {
    const code = errnoName(errno);
    super(`${code}: ${strerror(errno)}, ${syscall}${dest === undefined ? '' : ` '${dest}'`}${hint ? `. ${hint}` : ''}`);
    this.code = code;
    this.errno = errno;
    this.syscall = syscall;
    this.dest = dest;
    this.hint = hint;
  }
}

/** Passes a call's result through; throws SystemError where it is -errno. */
export function check(result: number, syscall: string, about?: { dest?: string; hint?: string }): number {
  if (result < 0) throw new SystemError(-result, syscall, about);
  return result;
}
