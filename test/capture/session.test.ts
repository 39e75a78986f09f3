import { describe, expect, it } from 'vitest';
import { CaptureSession, type LiveSource, OutputClosed } from '../../src/capture/session.ts';
import type { RingStatistics } from '../../src/capture/statistics.ts';
import { FrameBlock } from '../../src/frames/block.ts';
import type { FrameSink } from '../../src/frames/source.ts';

/** A source that has `blocks` blocks of `rows` frames of 10 bytes ready, then waits for `stop`. After `stop` it still
 * gives `tail` blocks: what was in the ring. */
class FakeSource implements LiveSource {
  readonly interfaces = [];
  readonly bufferSize = 1;
  readonly described = [];
  closed = 0;
  failWith: Error | null = null;
  #delivered = 0;
  #stopped = false;
  #wake: () => void = () => {};
  readonly #blocks: number;
  readonly #rows: number;
  readonly #tail: number;

  constructor(blocks: number, rows: number, tail = 0) {
    this.#blocks = blocks;
    this.#rows = rows;
    this.#tail = tail;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<FrameBlock, void> {
    const block = new FrameBlock(new Uint8Array(10), this.#rows);
    const fill = (): FrameBlock => {
      block.count = this.#rows;
      block.capturedLength.fill(10);
      block.keep.fill(1);
      this.#delivered += this.#rows;
      return block;
    };
    for (let given = 0; given < this.#blocks; given++) yield fill();
    if (this.failWith) throw this.failWith;
    if (!this.#stopped) await new Promise<void>((resolve) => (this.#wake = resolve));
    for (let given = 0; given < this.#tail; given++) yield fill();
  }

  stop(): void {
    this.#stopped = true;
    this.#wake();
  }

  rings(): RingStatistics[] {
    return [
      {
        interface: 'x',
        member: null,
        received: this.#delivered + 3,
        dropped: 3,
        freezes: 1,
        delivered: this.#delivered,
        undelivered: 0,
      },
    ];
  }

  counters(): [] {
    return [];
  }

  close(): void {
    this.closed++;
  }
}

class FakeSink implements FrameSink {
  rows = 0;
  calls: string[] = [];
  frames?: number;
  failOn: { call: string; error: Error } | null = null;
  slow = false;

  async #do(call: string): Promise<void> {
    this.calls.push(call);
    if (this.slow) await new Promise((resolve) => setTimeout(resolve, 5));
    if (this.failOn?.call === call) throw this.failOn.error;
  }

  write(block: FrameBlock): void | Promise<void> {
    for (let row = 0; row < block.count; row++) this.rows += block.keep[row]!;
    if (this.slow || this.failOn?.call === 'write') return this.#do('write');
    this.calls.push('write');
  }

  flush(): Promise<void> {
    return this.#do('flush');
  }

  close(): Promise<void> {
    return this.#do('close');
  }
}

describe('CaptureSession', () => {
  it('count: takes exactly as many, counts the rest of the ring as left, and the sums agree', async () => {
    const source = new FakeSource(3, 4, 1);
    const sink = new FakeSink();
    const { reason, error, statistics } = await new CaptureSession({ source, sink, count: 6 }).run();
    expect([reason, error]).toEqual(['count', null]);
    expect(sink.rows).toBe(6);
    expect(statistics).toMatchObject({ captured: 6, left: 10, dropped: 3, received: 19, bytes: 60, freezes: 1 });
    expect(statistics.received).toBe(statistics.captured + statistics.dropped! + statistics.left);
    expect(sink.calls.at(-1)).toBe('close');
    expect(source.closed).toBe(1);
  });

  it('an aborted signal: what is still in the ring is captured', async () => {
    const abort = new AbortController();
    const sink = new FakeSink();
    setTimeout(() => abort.abort(), 10);
    const { reason, statistics } = await new CaptureSession({
      source: new FakeSource(1, 4, 2),
      sink,
      signal: abort.signal,
    }).run();
    expect(reason).toBe('asked');
    expect([sink.rows, statistics.captured, statistics.left]).toEqual([12, 12, 0]);
  });

  it('a signal that was aborted before: ends at once', async () => {
    const { reason } = await new CaptureSession({
      source: new FakeSource(0, 1),
      sink: new FakeSink(),
      signal: AbortSignal.abort(),
    }).run();
    expect(reason).toBe('asked');
  });

  it('duration: stops by itself', async () => {
    const { reason, statistics } = await new CaptureSession({
      source: new FakeSource(1, 2),
      sink: new FakeSink(),
      duration: 20,
    }).run();
    expect(reason).toBe('duration');
    expect(statistics.elapsed).toBeGreaterThan(0.015);
  });

  it('flushes while it waits for frames', async () => {
    const sink = new FakeSink();
    const session = new CaptureSession({ source: new FakeSource(1, 1), sink, flushEvery: 20 });
    const ended = session.run();
    await expect
      .poll(() => sink.calls.filter((call) => call === 'flush').length, { timeout: 60_000 })
      .toBeGreaterThanOrEqual(2);
    session.stop();
    await ended;
  });

  it('never calls a slow sink twice at a time, and a flush that came in between follows', async () => {
    const sink = new FakeSink();
    sink.slow = true;
    let running = 0;
    let most = 0;
    for (const call of ['write', 'flush', 'close'] as const) {
      const original = sink[call].bind(sink) as (block: FrameBlock) => Promise<void>;
      sink[call] = async (block?: FrameBlock) => {
        most = Math.max(most, ++running);
        await original(block!);
        running--;
      };
    }
    await new CaptureSession({ source: new FakeSource(20, 1), sink, duration: 200, flushEvery: 3 }).run();
    expect(most).toBe(1);
    expect(sink.rows).toBe(20);
    expect(sink.calls).toContain('flush');
  });

  it('a source that fails: what came before is written, and the error is told', async () => {
    const source = new FakeSource(2, 3);
    source.failWith = new Error('ENETDOWN');
    const sink = new FakeSink();
    const { reason, error, statistics } = await new CaptureSession({ source, sink }).run();
    expect([reason, error?.message]).toEqual(['source-failed', 'ENETDOWN']);
    expect([sink.rows, statistics.captured, sink.calls.at(-1)]).toEqual([6, 6, 'close']);
  });

  it.each([
    ['write', new Error('ENOSPC'), 'output-failed'],
    ['close', new Error('ENOSPC'), 'output-failed'],
    ['write', new OutputClosed('enough'), 'output-closed'],
    ['write', Object.assign(new Error('gone'), { code: 'EPIPE' }), 'output-closed'],
  ])('a sink that fails on %s with %s: %s, and it is closed all the same', async (call, error, reason) => {
    const sink = new FakeSink();
    sink.failOn = { call, error };
    const result = await new CaptureSession({ source: new FakeSource(2, 3, 1), sink, duration: 10 }).run();
    expect(result.reason).toBe(reason);
    expect(result.error).toBe(error);
    expect(sink.calls.at(-1)).toBe('close');
    const { captured, left, dropped, received } = result.statistics;
    expect(received).toBe(captured + left + dropped!);
  });

  it('a sink that took only a part before it failed: the rest counts as not written', async () => {
    const sink = new FakeSink();
    sink.failOn = { call: 'write', error: new Error('ENOSPC') };
    sink.frames = 1;
    const { statistics } = await new CaptureSession({ source: new FakeSource(2, 3, 1), sink }).run();
    expect(statistics).toMatchObject({ captured: 1, unwritten: 2, left: 6, dropped: 3, received: 12 });
  });
});
