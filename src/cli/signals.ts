import { EXIT_INTERRUPTED } from './exit.ts';

/** What signals mean to a command that runs until it is stopped.
 *
 * SIGINT, SIGTERM and SIGHUP (the terminal went away) ask for an orderly end: `onStop` is called once. A second SIGINT
 * ends the process at once with 130; a second SIGTERM or SIGHUP with 128 and its number, as a shell reports them.
 * SIGUSR2 calls `onReport` (SIGUSR1 belongs to Node's debugger). Returns a function that gives the signals back. */
export function handleSignals(onStop: (signal: NodeJS.Signals) => void, onReport: () => void): () => void {
  const numbers: Partial<Record<NodeJS.Signals, number>> = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 };
  let stopping = false;
  const stop = (signal: NodeJS.Signals): void => {
    if (stopping) process.exit(signal === 'SIGINT' ? EXIT_INTERRUPTED : 128 + numbers[signal]!);
    stopping = true;
    onStop(signal);
  };
  for (const signal of Object.keys(numbers) as NodeJS.Signals[]) process.on(signal, stop);
  process.on('SIGUSR2', onReport);
  return () => {
    for (const signal of Object.keys(numbers) as NodeJS.Signals[]) process.off(signal, stop);
    process.off('SIGUSR2', onReport);
  };
}
