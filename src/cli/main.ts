import { EXIT_FAILURE, EXIT_OK, exitCodeOf, messageOf } from './exit.ts';

/** What is printed without `Stdout` (a help text) meets a reader that is gone (`| head`), or a full disk. */
function onOutputError(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') return;
  process.stderr.write(`netlab: cannot write to standard output: ${error.message}\n`);
  process.exitCode = EXIT_FAILURE;
}

/** The terminal's entrance: runs the command that `args` (without node and script) name and sets the exit code. Never
 * throws. */
export async function main(args: string[]): Promise<void> {
  try {
    // Answered before anything else is loaded: start-up time is what a shell completion or a script feels.
    if (args.length === 1 && (args[0] === '--version' || args[0] === '-V')) {
      const { version } = await import('./version.ts');
      process.stdout.write(`netlab ${version()}\n`);
      return;
    }
    process.stdout.on('error', onOutputError);
    const { runCommand } = await import('./program.ts');
    process.exitCode = (await runCommand(args)) ?? process.exitCode ?? EXIT_OK;
  } catch (error) {
    process.stderr.write(`netlab: ${messageOf(error)}\n`);
    // For who works on netlab; a user never sees a stack trace.
    if (process.env['NETLAB_TRACE'] && error instanceof Error) process.stderr.write(`${error.stack}\n`);
    process.exitCode = exitCodeOf(error);
  }
}
