/** A command that runs another one: `trace`. What runs commands stands above them, and hands itself down here. */

type Run = (args: string[]) => Promise<number | undefined>;

let runner: Run | null = null;

export function setRunner(run: Run): void {
  runner = run;
}

/** Runs the command that `args` begin with, as `runCommand` does. */
export function runNested(args: string[]): Promise<number | undefined> {
  if (runner === null) throw new Error('no command is running');
  return runner(args);
}
