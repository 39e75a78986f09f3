/** What a bench is: a file test/bench/NAME.ts that exports `bench`. `npm run bench NAME` runs it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TrafficOptions, writeTraffic } from '../traffic.ts';
import type { Section } from './contest.ts';

export interface Bench {
  /** One line for --list. */
  about: string;
  /** Sections are printed as they come. */
  run(context: Context): AsyncGenerator<Section>;
}

/** What every bench gets. */
export class Context {
  /** Small sizes and few rounds, to see that a bench works; its figures mean little. */
  readonly quick: boolean;
  /** Rounds that count. */
  readonly rounds: number;
  /** How netlab is run: this Node and the program as it is published. */
  readonly netlab: readonly [string, ...string[]];
  /** How the sender of numbered frames (flood.ts) is run. */
  readonly flood: readonly [string, ...string[]];
  /** A folder for files; removed at the end. */
  readonly folder: string;
  readonly progress: (text: string) => void;
  readonly #traffic = new Map<string, { path: string; packets: number; bytes: number }>();

  constructor(options: {
    quick: boolean;
    rounds: number;
    netlab: readonly [string, ...string[]];
    flood: readonly [string, ...string[]];
    progress: (text: string) => void;
  }) {
    this.quick = options.quick;
    this.rounds = options.rounds;
    this.netlab = options.netlab;
    this.flood = options.flood;
    this.progress = options.progress;
    this.folder = mkdtempSync(join(tmpdir(), 'netlab-bench-'));
  }

  /** A path in the folder. */
  path(name: string): string {
    return join(this.folder, name);
  }

  /** A savefile of generated traffic, made once for all benches of a run that ask for the same. */
  traffic(options: TrafficOptions): { path: string; packets: number; bytes: number } {
    const key = JSON.stringify(options);
    let made = this.#traffic.get(key);
    if (made === undefined) {
      this.progress('writing the traffic');
      const path = this.path(`traffic-${this.#traffic.size}.pcap`);
      const { packets, bytes } = writeTraffic(path, options);
      made = { path, packets, bytes };
      this.#traffic.set(key, made);
    }
    return made;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
