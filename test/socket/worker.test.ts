/** Rings in worker threads, and workers that end while they wait. */
import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { describeNetwork, vethPair } from '../support/network.ts';

const source = (path: string): string => JSON.stringify(new URL(`../../src/${path}`, import.meta.url));

describeNetwork('workers', () => {
  test('each of a fanout group has its own ring; stopped, terminated and exiting while waiting', {
    timeout: 120_000,
  }, () => {
    const pair = vethPair();
    try {
      const worker = `
        import { parentPort, workerData } from 'node:worker_threads';
        const { linuxSystemCalls } = await import(${source('linux/index.ts')});
        const { PacketRing } = await import(${source('socket/ring.ts')});
        const ring = PacketRing.open(linuxSystemCalls(), {
          interface: workerData, bufferSize: 1 << 20, blockTimeout: 10, fanout: { group: 4711, mode: 'lb' } });
        parentPort.on('message', (what) => what === 'exit' ? process.exit(3) : ring.stop());
        parentPort.postMessage('ready');
        let frames = 0;
        for await (const block of ring) frames += block.count;
        parentPort.postMessage({ frames, ...ring.statistics() });
        parentPort.close();`;
      const script = `
        import { Worker } from 'node:worker_threads';
        const { linuxSystemCalls } = await import(${source('linux/index.ts')});
        const { FrameSender } = await import(${source('socket/sender.ts')});
        const { FrameBlock } = await import(${source('frames/block.ts')});
        const url = new URL('data:text/javascript,' + encodeURIComponent(
          "import { register } from " + JSON.stringify(${JSON.stringify(import.meta.resolve('tsx/esm/api'))}) + "; register();" +
          "await import('data:text/javascript,' + encodeURIComponent(" + JSON.stringify(${JSON.stringify(worker)}) + "));"));
        const message = (worker) => new Promise((resolve, reject) => {
          worker.once('message', resolve); worker.once('error', reject); });
        const exit = (worker) => new Promise((resolve) => worker.once('exit', resolve));
        const workers = [];
        for (let at = 0; at < 4; at++) {
          workers.push(new Worker(url, { workerData: ${JSON.stringify(pair.b)} }));
          await message(workers[at]);
        }
        const sender = FrameSender.open(linuxSystemCalls(), { interface: ${JSON.stringify(pair.a)} });
        const block = new FrameBlock(new Uint8Array(60).fill(255), 400);
        block.capturedLength.fill(60); block.keep.fill(1); block.count = 400;
        const { sent } = await sender.send(block);
        await new Promise((resolve) => setTimeout(resolve, 300));
        const results = await Promise.all(workers.slice(0, 2).map((worker) => {
          const result = message(worker); worker.postMessage('stop'); return result; }));
        const codes = [await workers[2].terminate()];
        workers[3].postMessage('exit');
        codes.push(await exit(workers[3]));
        console.log(JSON.stringify({ sent, results, codes }));`;
      const done = spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
        encoding: 'utf8',
        timeout: 100_000,
      });
      expect(done.status, done.stderr).toBe(0);
      expect(JSON.parse(done.stdout)).toEqual({
        sent: 400,
        results: [
          { frames: 100, received: 100, dropped: 0, freezes: 0 },
          { frames: 100, received: 100, dropped: 0, freezes: 0 },
        ],
        codes: [1, 3],
      });
    } finally {
      pair.remove();
    }
  });
});
