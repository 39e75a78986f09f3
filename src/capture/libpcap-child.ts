/** The process that runs cap: writes what it captures to standard output as pcapng, until standard input ends. Its interfaces,
 * or what went wrong, go to standard error as one line of JSON. */
import { createSavefile } from '../savefile/index.ts';
import { type LibpcapError, type LibpcapOptions, type LibpcapSource, openCap } from './libpcap-source.ts';

// Ctrl-C goes to every process of the terminal; this one ends when its parent says so.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);

let source: LibpcapSource | null = null;
try {
  source = openCap(JSON.parse(process.argv[2]!) as LibpcapOptions);
  process.stdin.on('end', () => source!.stop());
  process.stdin.on('error', () => source!.stop());
  process.stdin.resume();
  const out = createSavefile('-', { format: 'pcapng', interfaces: source.interfaces });
  await out.flush();
  process.stderr.write(`${JSON.stringify({ opened: source.interfaces })}\n`);
  for await (const block of source) {
    await out.write(block, source.interfaces);
    await out.flush();
  }
  await out.close();
} catch (error) {
  const { message, code } = error as LibpcapError;
  // A parent that is gone needs no message.
  if (code !== 'EPIPE') process.stderr.write(`${JSON.stringify({ message, code })}\n`);
  process.exitCode = 1;
} finally {
  source?.close();
  process.stdin.destroy();
}
