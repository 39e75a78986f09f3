/** Why reading a header ended: a value, never an exception.
 *
 * `truncated`: the header needs more bytes than there are. `invalid`: the bytes are there and contradict themselves or
 * the specification. */
export interface Stop {
  readonly stop: 'truncated' | 'invalid';
  /** Protocol whose header it is, by its Wireshark name (`ip`, `tcp`). */
  readonly layer: string;
  /** Offset in the buffer of the byte where the reading ended. */
  readonly offset: number;
  /** Bytes needed from there on. */
  readonly needed: number;
  /** Bytes there were. */
  readonly available: number;
  /** Which length said so: `captured length`, `ip.len`, `tcp.hdr_len`, … */
  readonly limit: string;
}

export const truncated = (
  layer: string,
  offset: number,
  needed: number,
  available: number,
  limit = 'captured length',
): Stop => ({ stop: 'truncated', layer, offset, needed, available: Math.max(available, 0), limit });

/** A field at `offset` holds what it must not: it asks for `needed` bytes (or is `needed` where it is no length) and
 * `limit` names it. */
export const invalid = (layer: string, offset: number, needed: number, available: number, limit: string): Stop => ({
  stop: 'invalid',
  layer,
  offset,
  needed,
  available: Math.max(available, 0),
  limit,
});

export const isStop = (value: object): value is Stop => 'stop' in value;
