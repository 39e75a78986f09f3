import type { Fields } from '../fields.ts';
import { type SessionOptions, Sessions } from './sessions.ts';

/** Who is told of each TCP segment and UDP datagram. Offsets are of the headers (`at`) and their payloads in `f.bytes`. */
export interface SessionWatcher {
  tcp(f: Fields, at: number, body: number, length: number, sessions: Sessions): void;
  udp(f: Fields, at: number, sessions: Sessions): void;
}

/** Sessions that tell `watcher` of what comes, once its stream is known. */
export class WatchedSessions extends Sessions {
  readonly #watcher: SessionWatcher;

  constructor(wanted: Uint8Array | null, options: SessionOptions, watcher: SessionWatcher) {
    super(wanted, options);
    this.#watcher = watcher;
  }

  override tcp(f: Fields, at: number, body: number, length: number): void {
    super.tcp(f, at, body, length);
    this.#watcher.tcp(f, at, body, length, this);
  }

  override udp(f: Fields, at: number): void {
    super.udp(f, at);
    this.#watcher.udp(f, at, this);
  }
}
