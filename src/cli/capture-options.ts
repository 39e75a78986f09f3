import type { BackendOptions } from './backend.ts';
import type { PrintOptions, SelectOptions, WriteOptions } from './options.ts';

export const FANOUT_MODES = ['hash', 'lb', 'cpu', 'rollover', 'rnd', 'qm'] as const;

export interface Fanout {
  threads: number;
  mode: (typeof FANOUT_MODES)[number];
}

/** What `netlab capture` takes. */
export interface CaptureOptions extends PrintOptions, WriteOptions, SelectOptions, BackendOptions {
  interface?: string[];
  listInterfaces?: true;
  readFile?: string[];
  duration?: number;
  promiscuousMode: boolean;
  direction: 'in' | 'out' | 'inout';
  bufferSize?: number;
  immediate?: true;
  immediateMode?: true;
  blockTimeout?: number;
  timestampType?: string;
  fanout?: Fanout;
  user?: string;
  stats?: number;
  /** Shows the busiest conversations instead of frames. */
  top?: true;
}
