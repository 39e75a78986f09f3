/** A case is a program over the contract; it runs on both kernels, and what it returns is compared. */
import { expect, it } from 'vitest';
import { emulatedWorld, linuxWorld, type World, type WorldOptions } from './world.ts';

/** Where two results differ first, as text. */
export function difference(ours: unknown, linux: unknown, path = ''): string {
  if (typeof ours === 'object' && typeof linux === 'object' && ours !== null && linux !== null) {
    const a = ours as Record<string, unknown>;
    const b = linux as Record<string, unknown>;
    const found: string[] = [];
    for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
      const one = difference(a[key], b[key], `${path}/${key}`);
      if (one !== '') found.push(one);
    }
    return found.slice(0, 6).join('\n');
  }
  return Object.is(ours, linux) ? '' : `${path}: ours ${String(ours)}, Linux ${String(linux)}`;
}

/** The host's kernel runs in real time, which other work on the machine stretches: a neighbour that is asked for once more, a
 * timer that runs out between two calls. A case that differs is tried again (NETLAB_RETRY times); one that differs always
 * fails. */
export const IN_TIME = { retry: Number(process.env['NETLAB_RETRY'] ?? 3) };

/** Runs one program on both kernels in stages of their own and compares what it returns. */
export interface Stage {
  twin(name: string, program: (w: World) => unknown): void;
  dispose(): void;
}

/** Both worlds, made when the first case runs, shared by the cases of a file. */
export function stage(options: WorldOptions = {}): Stage {
  let host: World | undefined;
  let ours: World | undefined;
  return {
    twin(name, program) {
      it(name, IN_TIME, () => {
        host ??= linuxWorld(options);
        ours ??= emulatedWorld(1, options);
        host.frames();
        ours.frames();
        const theirs = program(host);
        const mine = program(ours);
        expect(mine, difference(mine, theirs)).toEqual(theirs);
      });
    },
    dispose() {
      host?.dispose();
      ours?.dispose();
    },
  };
}
