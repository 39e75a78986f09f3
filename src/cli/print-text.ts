import { isClosedOutput } from '../capture/session.ts';
import { stdout } from './stdout.ts';

/** Writes pieces of text to standard output, waiting where its reader is slow. A reader that is gone ends it quietly. */
export async function printText(pieces: () => Iterable<string>): Promise<void> {
  await untilClosed(async () => {
    for (const piece of pieces()) {
      const wait = stdout().write(piece);
      if (wait !== undefined) await wait;
    }
  });
}

/** Runs `work` until it is done or nobody reads standard output any more. */
export async function untilClosed(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!isClosedOutput(error)) throw error;
  }
}
