/** When each frame of a replay is due. */

export type Speed =
  /** As recorded, so many times as fast. */
  | { kind: 'recorded'; multiplier: number }
  /** Frames a second, evenly. */
  | { kind: 'pps'; rate: number }
  /** Million bits of frames a second. */
  | { kind: 'mbps'; rate: number }
  | { kind: 'topspeed' };

/** Throws RangeError for a rate that is none. */
export function checkSpeed(speed: Speed): void {
  if (speed.kind === 'topspeed') return;
  const value = speed.kind === 'recorded' ? speed.multiplier : speed.rate;
  const name = speed.kind === 'recorded' ? 'multiplier' : speed.kind;
  if (!(value > 0 && Number.isFinite(value))) throw new RangeError(`${name}: more than 0, not ${value}`);
}

/** Hands out due times in nanoseconds since the first frame, for frames in their order. Never goes back: a frame that
 * the file says is older than the one before is due with that one. */
export class Schedule {
  readonly #speed: Speed;
  /** File time (ns) that is `#at` in the replay. */
  #origin: number | null = null;
  #at = 0;
  #frames = 0;
  #bytes = 0;

  constructor(speed: Speed) {
    checkSpeed(speed);
    this.#speed = speed;
  }

  /** Another file, or the same once more, follows: its first frame is due with the last one. */
  restart(): void {
    this.#origin = null;
  }

  /** Due time of the next frame: `time` is the file's (nanoseconds from any start), `length` in bytes. */
  next(time: number, length: number): number {
    const speed = this.#speed;
    if (speed.kind === 'recorded') {
      // The origin moves along, so that differences stay exact over any length of replay.
      if (this.#origin === null) this.#origin = time;
      else if (time > this.#origin) {
        this.#at += (time - this.#origin) / speed.multiplier;
        this.#origin = time;
      }
    } else if (speed.kind === 'pps') this.#at = (this.#frames * 1e9) / speed.rate;
    else if (speed.kind === 'mbps') this.#at = (this.#bytes * 8000) / speed.rate;
    this.#frames++;
    this.#bytes += length;
    return this.#at;
  }
}
