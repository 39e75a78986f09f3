import { EXIT_OK, exitCodeOf, messageOf } from './exit.ts';

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
    const { runCommand } = await import('./program.ts');
    process.exitCode = (await runCommand(args)) ?? process.exitCode ?? EXIT_OK;
  } catch (error) {
    process.stderr.write(`netlab: ${messageOf(error)}\n`);
    // For who works on netlab; a user never sees a stack trace.
    if (process.env['NETLAB_TRACE'] && error instanceof Error) process.stderr.write(`${error.stack}\n`);
    process.exitCode = exitCodeOf(error);
  }
}
