/** The terminal's entrance. */
export async function main(args: string[]): Promise<void> {
  process.stderr.write(`netlab: no command ${args[0] ?? ''}\n`);
  process.exitCode = 2;
}
