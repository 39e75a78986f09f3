/** Matchers for vitest: what a network did, as an expectation of a test.
 *
 *     import 'netlab/vitest';
 *
 *     await expect('login.pcapng').toMatchPackets('no tcp.analysis.retransmission');
 *     await expect(packets).toMatchPackets(['exactly 1 dns.query', 'dns.query answered within 50ms']);
 *     await expect(packets).toMatchCapture('golden.pcapng', { ignore: ['ids', 'ports'] });
 *
 * A capture is a path, the bytes of a savefile, or packets: an array of what `capture` and `read` give, or anything with
 * `bytes`. Both matchers are asynchronous. */
import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import {
  type CaptureLike,
  check,
  checkText,
  compareGolden,
  ignoring,
  parseExpectations,
  type Recorded,
  recorded,
  updateGolden,
} from './expect/index.ts';

export interface CaptureMatchOptions {
  /** What may differ: fields, or times, ids, ports, macs, addresses, ttl, checksums. Default: times. */
  ignore?: string[];
}

interface Result {
  pass: boolean;
  message(): string;
}

/** For `expect.extend`; importing this file has done that. */
export const matchers = {
  /** `expectations`: texts, or `{ file }` with one a line. */
  async toMatchPackets(
    received: CaptureLike,
    expectations: string | readonly string[] | { file: string },
  ): Promise<Result> {
    const parsed =
      typeof expectations === 'object' && 'file' in expectations
        ? parseExpectations(readFileSync(expectations.file, 'utf8'), expectations.file)
        : [expectations].flat().flatMap((text) => parseExpectations(text));
    if (parsed.length === 0) throw new TypeError('toMatchPackets: no expectation was given');
    const checked = await check(await recorded(received), parsed);
    return { pass: checked.isMet, message: () => checkText([checked]) };
  },

  /** Compares with a golden capture, or text, which is written where it is not there yet and under `vitest -u`. */
  async toMatchCapture(
    this: { snapshotState?: object },
    received: CaptureLike,
    golden: string,
    options: CaptureMatchOptions = {},
  ): Promise<Result> {
    const capture: Recorded = await recorded(received);
    const update = (this.snapshotState as { _updateSnapshot?: string } | undefined)?._updateSnapshot;
    if (update === 'all' || (update === 'new' && !exists(golden))) {
      await updateGolden(capture, golden);
      return { pass: true, message: () => `${golden} was written` };
    }
    if (!exists(golden))
      return { pass: false, message: () => `${golden}: there is no such golden file; vitest -u makes it` };
    const tested = await compareGolden(capture, golden, ignoring(options.ignore ?? ['times']));
    return { pass: tested.isMet, message: () => checkText([tested]) };
  },
};

function exists(path: string): boolean {
  try {
    readFileSync(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

expect.extend(matchers);

declare module 'vitest' {
  // biome-ignore lint/suspicious/noExplicitAny: the interface that is added to has this parameter
  interface Matchers<T = any> {
    toMatchPackets(expectations: string | readonly string[] | { file: string }): Promise<T>;
    toMatchCapture(golden: string, options?: CaptureMatchOptions): Promise<T>;
  }
}
