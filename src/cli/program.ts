import { Command, CommanderError } from 'commander';
import { nearest } from '../bytes/nearest.ts';
import { commands } from './commands.ts';
import { UsageError } from './exit.ts';
import { setRunner } from './nested.ts';
import { version } from './version.ts';

/** Runs the command that `args` begin with. Resolves to its exit code, or undefined where the action has set
 * `process.exitCode` or leaves it at 0. Throws UsageError for a wrong command line. */
export async function runCommand(args: string[]): Promise<number | undefined> {
  setRunner(runCommand);
  const program = new Command('netlab');
  let first = args[0];
  if (first === 'help') {
    args = args.length > 1 ? [args[1]!, '--help'] : ['--help'];
    first = args[0];
  }
  if (first === undefined)
    throw new UsageError(`which command? ${Object.keys(commands).join(', ')}; netlab --help says more`);

  if (first === '--help' || first === '-h') {
    for (const [name, entry] of Object.entries(commands))
      program.command(name).summary(entry.summary).description(entry.summary);
    program
      .description('Captures, reads, sends and explains network frames.')
      .usage('<command> [options]')
      .option('-V, --version', 'print the version')
      .helpCommand('help <command>', 'show the help of a command');
    process.stdout.write(
      program.helpInformation().trimEnd() + '\n\nnetlab <command> --help shows the options of a command.\n',
    );
    return 0;
  }
  if (first === '--version' || first === '-V') {
    process.stdout.write(`netlab ${version()}\n`);
    return 0;
  }

  const entry = Object.hasOwn(commands, first) ? commands[first] : undefined;
  if (entry === undefined) {
    if (first.startsWith('-'))
      throw new UsageError(
        `which command? 'netlab ${first}' begins with an option; try 'netlab capture ${first}', or netlab --help`,
      );
    const near = nearest(first, Object.keys(commands));
    throw new UsageError(`no command '${first}'${near ? `; did you mean '${near}'?` : ''} (netlab --help lists them)`);
  }
  const module = await entry.load();
  module.define(program);
  harden(program);
  try {
    await program.parseAsync(module.prepare?.(args) ?? args, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return 0;
    throw new UsageError(`${first}: ${oneLine(error.message)}`);
  }
  return undefined;
}

/** commander prints its errors itself and exits with 1; ours are thrown, printed on one line, and exit with 2. */
function harden(command: Command): void {
  command.exitOverride();
  command.configureOutput({ writeErr: () => {}, outputError: () => {} });
  for (const child of command.commands) harden(child);
}

const oneLine = (message: string): string =>
  message
    .replace(/^error: /, '')
    .replace(/\s*\n\s*/g, ' ')
    .replace(/\(Did you mean /, '(did you mean ');
