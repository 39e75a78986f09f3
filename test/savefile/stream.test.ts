import { spawn, spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { PassThrough, Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import {
  blockOf,
  canReadZstd,
  createSavefile,
  openSavefile,
  readSavefile,
  SavefileError,
  type SavefileSource,
} from '../../src/savefile/index.ts';
import { describeNetwork } from '../support/network.ts';
import { hasTool } from '../support/tools.ts';
import { concat, filled, hex, LE, pcapHeader, pcapRecord, random, scratch } from './bytes.ts';

const file = scratch();
const records = Array.from({ length: 2000 }, (_, i) => pcapRecord(LE, i, i, filled(i % 900, i)));
const plain = concat(pcapHeader(LE), ...records);
const ETHERNET = [{ name: 'eth0', linkType: 1, snapLength: 0, timestampDigits: 9 }];

/** Frames that a source gives, and its error. */
async function drain(source: SavefileSource): Promise<{ frames: number; error: SavefileError | null }> {
  let frames = 0;
  try {
    for await (const { count, seconds, capturedLength } of source) {
      for (let row = 0; row < count; row++, frames++) {
        if (seconds[row] !== frames || capturedLength[row] !== frames % 900) throw new Error(`frame ${frames} differs`);
      }
    }
  } catch (error) {
    if (!(error instanceof SavefileError)) throw error;
    return { frames, error };
  }
  return { frames, error: null };
}

describe('reading streams', () => {
  it('a stream of pieces of any size', async () => {
    for (const size of [1, 3, 1000, 100_000]) {
      const pieces = [];
      const bytes = size === 1 ? plain.subarray(0, 5000) : plain;
      for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.subarray(at, at + size));
      const source = await openSavefile(Readable.from(pieces));
      const { frames, error } = await drain(source);
      if (size === 1) expect(error).toMatchObject({ code: 'SAVEFILE_TRUNCATED', file: '-' });
      else expect({ frames, error }).toEqual({ frames: 2000, error: null });
    }
  });

  it('gives frames as they come, and waits for the rest', async () => {
    const stream = new PassThrough();
    const opening = openSavefile(stream);
    stream.write(plain.subarray(0, 24));
    const source = await opening;
    expect(source.interfaces).toHaveLength(1);
    const first = source.next();
    stream.write(records[0]!);
    expect((await first)!.count).toBe(1);
    const second = source.next();
    stream.write(records[1]!.subarray(0, 5));
    stream.end(concat(records[1]!.subarray(5), records[2]!));
    expect((await second)!.count).toBe(2);
    expect(await source.next()).toBeNull();
  });

  it('a pipe, and standard input that is a file', () => {
    writeFileSync(file('in.pcap'), plain);
    const script = `
      import { openSavefile } from ${JSON.stringify(fileURLToPath(new URL('../../src/savefile/index.ts', import.meta.url)))};
      let frames = 0;
      for await (const { count } of await openSavefile('-')) frames += count;
      console.log(frames);`;
    writeFileSync(file('count.mts'), script);
    const command = `${process.execPath} --import tsx ${file('count.mts')}`;
    const cwd = fileURLToPath(new URL('../..', import.meta.url));
    const sh = (line: string): string => {
      const { stdout, stderr } = spawnSync('sh', ['-c', line], { encoding: 'utf8', cwd });
      return stdout + stderr;
    };
    expect(sh(`cat ${file('in.pcap')} | ${command}`)).toBe('2000\n');
    expect(sh(`${command} < ${file('in.pcap')}`)).toBe('2000\n');
    expect(sh(`gzip -c ${file('in.pcap')} | ${command}`)).toBe('2000\n');
  });

  it('an error of the stream, a stream of text, and an abort', async () => {
    const broken = new Readable({ read() {} });
    broken.push(plain.subarray(0, 3000));
    const source = await openSavefile(broken);
    broken.destroy(Object.assign(new Error('gone'), { code: 'EIO' }));
    expect((await drain(source)).error).toMatchObject({ code: 'SAVEFILE_READ', systemCode: 'EIO' });
    await expect(openSavefile(Readable.from(['text']))).rejects.toThrow(TypeError);
  });

  it('an abort while the pipe is silent ends opening and reading', async () => {
    for (const bytes of ['', plain.subarray(0, 2), plain.subarray(0, 3000)]) {
      const silent = new PassThrough();
      if (bytes !== '') silent.write(bytes);
      const controller = new AbortController();
      const reading = (async () => {
        for await (const _ of await openSavefile(silent, { signal: controller.signal }));
      })();
      const reason = new Error('enough');
      setTimeout(() => controller.abort(reason), 20);
      await expect(reading).rejects.toBe(reason);
      expect(silent.destroyed).toBe(true);
    }
  });

  it('an abort ends the iteration with its reason and closes the file', async () => {
    const controller = new AbortController();
    const source = await openSavefile(plain, { signal: controller.signal, chunkSize: 1000 });
    const reason = new Error('enough');
    await expect(
      (async () => {
        for await (const _ of source) controller.abort(reason);
      })(),
    ).rejects.toBe(reason);
    expect(() => source.next()).toThrow(reason);
  });

  it('leaving the loop closes the source', async () => {
    const source = await openSavefile(plain, { chunkSize: 1000 });
    for await (const _ of source) break;
    expect(await source.next()).toBeNull();
  });
});

describe('files that cannot be read', () => {
  it('missing, a directory, empty', async () => {
    await expect(openSavefile(file('none'))).rejects.toMatchObject({ code: 'SAVEFILE_READ', systemCode: 'ENOENT' });
    mkdirSync(file('folder'));
    await expect(openSavefile(file('folder'))).rejects.toMatchObject({
      code: 'SAVEFILE_READ',
      systemCode: 'EISDIR',
      message: `${file('folder')}: cannot read: it is a directory (EISDIR)`,
    });
    await expect(openSavefile('/dev/null')).rejects.toMatchObject({ code: 'SAVEFILE_EMPTY' });
    expect(() => readSavefile(file('folder'))).toThrowError(expect.objectContaining({ systemCode: 'EISDIR' }));
  });

  it('an input/output error has its own code', async () => {
    // /proc/self/mem is a regular file whose first page cannot be read.
    await expect(openSavefile('/proc/self/mem')).rejects.toMatchObject({ code: 'SAVEFILE_READ', systemCode: 'EIO' });
  });

  it('a descriptor stays open', async () => {
    writeFileSync(file('fd.pcap'), plain);
    const fd = openSync(file('fd.pcap'), 'r');
    expect(await drain(await openSavefile(fd))).toEqual({ frames: 2000, error: null });
    expect(await drain(await openSavefile(fd))).toEqual({ frames: 2000, error: null });
    closeSync(fd);
  });
});

describe('gzip', () => {
  const packed = gzipSync(plain);

  it('one member and several, told by content', async () => {
    writeFileSync(file('named.pcap'), packed);
    const source = await openSavefile(file('named.pcap'));
    expect(source.compression).toBe('gzip');
    expect(await drain(source)).toEqual({ frames: 2000, error: null });
    const members = [];
    for (let at = 0; at < plain.length; at += 9999) members.push(gzipSync(plain.subarray(at, at + 9999)));
    expect(await drain(await openSavefile(concat(...members)))).toEqual({ frames: 2000, error: null });
    expect(await drain(await openSavefile(concat(packed, new Uint8Array(512))))).toEqual({ frames: 2000, error: null });
  });

  it('cut short: everything that is there, then the offset in the content', async () => {
    for (const length of [packed.length - 1, packed.length >> 1, 3000]) {
      const source = await openSavefile(packed.subarray(0, length), { name: 'x.gz' });
      const { frames, error } = await drain(source);
      expect(frames).toBeGreaterThan(length === 3000 ? 0 : 500);
      expect(error).toMatchObject({ code: 'SAVEFILE_TRUNCATED', compressed: true });
      expect(error!.message).toMatch(
        /^x\.gz: cut short: the gzip data ends in the middle, at byte \d+ of the compressed/,
      );
      expect(error!.message).toMatch(/at byte \d+ of the decompressed content$/);
    }
    await expect(openSavefile(packed.subarray(0, 8))).rejects.toMatchObject({ code: 'SAVEFILE_TRUNCATED' });
  });

  it('a damaged byte: frames up to it, from a file and from a pipe', async () => {
    // Incompressible frames, so that the damage is near a known frame.
    const next = random(7);
    const noise = Array.from({ length: 300 }, (_, i) =>
      pcapRecord(
        LE,
        i,
        0,
        Uint8Array.from({ length: i % 900 }, () => next(256)),
      ),
    );
    const bytes = concat(pcapHeader(LE), ...noise);
    const damaged = gzipSync(bytes);
    // The checksum of the end: everything is there.
    damaged[damaged.length - 6]! ^= 1;
    writeFileSync(file('crc.gz'), damaged);
    for (const from of [file('crc.gz'), Readable.from([damaged])]) {
      const { frames, error } = await drain(await openSavefile(from));
      expect(frames).toBe(300);
      expect(error).toMatchObject({ code: 'SAVEFILE_CORRUPT' });
    }
  });

  it('gzip in gzip, lz4, xz and bzip2 are named', async () => {
    await expect(openSavefile(gzipSync(packed))).rejects.toThrow('unpack it twice');
    for (const [magic, name] of [
      ['04224d18', 'lz4'],
      ['fd377a585a00', 'xz'],
      ['425a6839', 'bzip2'],
    ] as const)
      await expect(openSavefile(hex(magic))).rejects.toMatchObject({
        code: 'SAVEFILE_UNSUPPORTED',
        message: expect.stringContaining(`${name} compression`),
      });
  });

  it('a written file is flushed so that its beginning can be read while it grows, and is whole at the end', async () => {
    const path = file('grow.pcapng.gz');
    const writer = createSavefile(path, { interfaces: ETHERNET });
    const one = blockOf([{ bytes: filled(100), seconds: 5 }]);
    for (let i = 1; i <= 3; i++) {
      await writer.write(one, ETHERNET);
      await writer.flush();
      const { frames } = readSavefile(path);
      expect(frames).toHaveLength(i);
    }
    await writer.close();
    expect(readSavefile(Uint8Array.from(gunzipSync(readFileSync(path))))).toMatchObject({ error: null });
    expect(await (await openSavefile(path)).next()).toMatchObject({ count: 3 });
  });
});

describe('zstd', () => {
  const magic = hex('28b52ffd 00000000');
  it.skipIf(canReadZstd)('without it in this Node: says so, and what to do', async () => {
    await expect(openSavefile(magic, { name: 'x.zst' })).rejects.toThrow(
      `x.zst: zstd compression needs Node 22.15 or later (this is ${process.version}); try: zstd -dc x.zst | netlab read -`,
    );
    expect(() => createSavefile(file('x.pcap.zst'))).toThrowError(
      expect.objectContaining({ code: 'SAVEFILE_UNSUPPORTED' }),
    );
  });

  it.skipIf(!canReadZstd || !hasTool('zstd'))('frames one after the other, and a file of our own', async () => {
    const half = plain.length >> 1;
    const zstd = (bytes: Uint8Array): Uint8Array =>
      spawnSync('zstd', ['-c'], { input: bytes, maxBuffer: 1 << 28 }).stdout;
    expect(await drain(await openSavefile(zstd(plain)))).toEqual({ frames: 2000, error: null });
    const parts = concat(zstd(plain.subarray(0, half)), zstd(plain.subarray(half)));
    expect(await drain(await openSavefile(parts))).toEqual({ frames: 2000, error: null });
    // Every cut is told, also one after which the content ends between two frames.
    const packed = zstd(plain);
    for (let length = 20; length < packed.length; length += 1 + (packed.length >> 5)) {
      const outcome = await openSavefile(packed.subarray(0, length)).then(drain, (error) => ({ error }));
      expect(outcome.error, `${length}`).toMatchObject({ code: 'SAVEFILE_TRUNCATED' });
    }
    const last = await drain(await openSavefile(packed.subarray(0, -2)));
    expect(last.frames).toBe(2000);
    expect(last.error!.message).toContain('the zstd data ends in the middle');
    const damaged = Uint8Array.from(packed);
    damaged[damaged.length - 1]! ^= 1;
    expect(await drain(await openSavefile(damaged))).toMatchObject({
      frames: 2000,
      error: { code: 'SAVEFILE_CORRUPT' },
    });
    const source = await openSavefile(plain);
    const writer = createSavefile(file('own.pcap.zst'));
    for await (const rows of source) await writer.write(rows, source.interfaces);
    await writer.flush();
    await writer.close();
    expect(await drain(await openSavefile(file('own.pcap.zst')))).toEqual({ frames: 2000, error: null });
  });
});

const rows = blockOf(Array.from({ length: 1000 }, (_, i) => ({ bytes: filled(i, i), seconds: i })));

describe('writing', () => {
  it('a stream that is slow gets everything in order; one that breaks is an error', async () => {
    const slow = new PassThrough({ highWaterMark: 1000 });
    const got: Uint8Array[] = [];
    const reading = (async () => {
      for await (const piece of slow) {
        got.push(piece);
        if (got.length % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    const writer = createSavefile(slow, { format: 'pcap', interfaces: ETHERNET, bufferSize: 5000 });
    for (let i = 0; i < 3; i++) await writer.write(rows, ETHERNET);
    await writer.close();
    slow.end();
    await reading;
    expect(readSavefile(concat(...got)).frames).toHaveLength(3000);

    const broken = new PassThrough();
    broken.resume();
    const other = createSavefile(broken, { format: 'pcap' });
    await other.write(rows, ETHERNET);
    broken.destroy(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
    await expect(other.flush()).rejects.toMatchObject({ code: 'SAVEFILE_WRITE', systemCode: 'EPIPE' });
    await expect(async () => other.flush()).rejects.toMatchObject({ systemCode: 'EPIPE' });
    await other.close();
  });

  it('a flush, a write and a close asked for at once take their turns', async () => {
    for (const compression of ['none', 'gzip'] as const) {
      const slow = new PassThrough({ highWaterMark: 100 });
      const got: Uint8Array[] = [];
      const writer = createSavefile(slow, { format: 'pcap', compression, interfaces: ETHERNET, bufferSize: 5000 });
      const steps = [writer.write(rows, ETHERNET), writer.flush(), writer.write(rows, ETHERNET), writer.flush()];
      const closing = writer.close();
      slow.on('data', (piece) => got.push(piece));
      await Promise.all([...steps, closing]);
      slow.end();
      const { frames, error } = readSavefile(concat(...got));
      expect([frames.length, error]).toEqual([2000, null]);
    }
  });

  const child = (body: string): string => {
    const index = JSON.stringify(fileURLToPath(new URL('../../src/savefile/index.ts', import.meta.url)));
    const path = file(`child${Math.abs(body.length)}.mts`);
    writeFileSync(
      path,
      `import { blockOf, createSavefile } from ${index};
       const interfaces = [{ name: 'eth0', linkType: 1, snapLength: 0, timestampDigits: 9 }];
       const rows = blockOf(Array.from({ length: 1000 }, (_, i) => ({ bytes: new Uint8Array(i).fill(i), seconds: i })));
       ${body}`,
    );
    return path;
  };
  const cwd = fileURLToPath(new URL('../..', import.meta.url));

  it('standard output that is a pipe: a slow reader gets everything', () => {
    const path = child(`const writer = createSavefile('-', { format: 'pcap' });
       for (let i = 0; i < 20; i++) await writer.write(rows, interfaces);
       await writer.close();`);
    const line = `${process.execPath} --import tsx ${path} | (sleep 0.3; cat) > ${file('piped.pcap')}`;
    expect(spawnSync('sh', ['-c', line], { encoding: 'utf8', cwd })).toMatchObject({ status: 0, stderr: '' });
    expect(readSavefile(file('piped.pcap'))).toMatchObject({ error: null });
    expect(readSavefile(file('piped.pcap')).frames).toHaveLength(20_000);
  });

  it('a descriptor of a pipe does not become nonblocking for those who share it', async () => {
    const fifo = file('fifo');
    expect(spawnSync('mkfifo', [fifo]).status).toBe(0);
    const reader = spawn('cat', [fifo], { stdio: ['ignore', 'pipe', 'inherit'] });
    const got: Uint8Array[] = [];
    reader.stdout.on('data', (piece) => got.push(piece));
    const fd = openSync(fifo, 'w');
    const writer = createSavefile(fd, { format: 'pcap', interfaces: ETHERNET });
    for (let i = 0; i < 5; i++) await writer.write(rows, ETHERNET);
    await writer.flush();
    // O_NONBLOCK is 04000 in the flags of proc(5)'s fdinfo.
    const flags = /flags:\s*(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))![1]!;
    expect(Number.parseInt(flags, 8) & 0o4000).toBe(0);
    await writer.close();
    closeSync(fd);
    await new Promise((resolve) => reader.once('close', resolve));
    expect(readSavefile(concat(...got)).frames).toHaveLength(5000);
  });

  it('a reader that goes away is EPIPE', () => {
    const path = child(`const writer = createSavefile('-', { format: 'pcap' });
       try { for (let i = 0; i < 50; i++) await writer.write(rows, interfaces); await writer.close(); }
       catch (error) { console.error(error.code, error.systemCode); await writer.close(); }`);
    const line = `${process.execPath} --import tsx ${path} | head -c 100000 > /dev/null`;
    expect(spawnSync('sh', ['-c', line], { encoding: 'utf8', cwd }).stderr).toBe('SAVEFILE_WRITE EPIPE\n');
  });

  it('killed with -9: the file is readable up to the last flush', async () => {
    const out = file('killed.pcapng');
    const path = child(`const writer = createSavefile(${JSON.stringify(out)}, { interfaces });
       await writer.write(rows, interfaces);
       await writer.flush();
       await writer.write(rows, interfaces);
       console.log('flushed');
       setInterval(() => {}, 1000);`);
    const running = spawn(process.execPath, ['--import', 'tsx', path], { cwd, stdio: ['ignore', 'pipe', 'inherit'] });
    await new Promise((resolve) => running.stdout.once('data', resolve));
    running.kill('SIGKILL');
    await new Promise((resolve) => running.once('exit', resolve));
    const { frames, error } = readSavefile(out);
    expect(error).toBeNull();
    expect(frames).toHaveLength(1000);
  });

  it('a device without space', () => {
    const writer = createSavefile('/dev/full', { format: 'pcap', interfaces: ETHERNET });
    void writer.write(rows, ETHERNET);
    expect(() => writer.flush()).toThrowError(
      expect.objectContaining({ code: 'SAVEFILE_WRITE', systemCode: 'ENOSPC' }),
    );
    expect(writer.frames).toBe(0);
    expect(() => writer.write(rows, ETHERNET)).toThrowError(SavefileError);
    expect(() => void writer.close()).not.toThrow();
  });
});

// In a mount namespace of its own, so the small disk is nobody else's.
describeNetwork('a full disk', () => {
  it('the file ends with the last whole record', async () => {
    const disk = file('disk');
    mkdirSync(disk);
    expect(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=300k', 'tmpfs', disk]).status).toBe(0);
    try {
      for (const format of ['pcap', 'pcapng'] as const) {
        for (const bufferSize of [3000, 100_000, 1 << 20]) {
          const path = `${disk}/full`;
          const writer = createSavefile(path, { format, bufferSize, interfaces: ETHERNET });
          expect(() => {
            for (let i = 0; i < 10; i++) void writer.write(rows, ETHERNET);
          }).toThrowError(expect.objectContaining({ code: 'SAVEFILE_WRITE', systemCode: 'ENOSPC' }));
          void writer.close();
          const { frames, error } = readSavefile(path);
          expect(error).toBeNull();
          expect(frames.length).toBeGreaterThan(500);
          expect(writer.frames).toBe(frames.length);
          expect(statSync(path).size).toBeLessThanOrEqual(300 * 1024);
          rmSync(path);
        }
      }
      // Behind a descriptor that appends, what was in the file before stays.
      const before = concat(filled(5000, 0x61));
      writeFileSync(`${disk}/appended`, before);
      const fd = openSync(`${disk}/appended`, 'a');
      const appender = createSavefile(fd, { format: 'pcap', interfaces: ETHERNET });
      expect(() => {
        for (let i = 0; i < 10; i++) void appender.write(rows, ETHERNET);
      }).toThrowError(expect.objectContaining({ systemCode: 'ENOSPC' }));
      void appender.close();
      closeSync(fd);
      const appended = Uint8Array.from(readFileSync(`${disk}/appended`));
      expect(appended.subarray(0, 5000)).toEqual(before);
      const tail = readSavefile(appended.subarray(5000));
      expect([tail.error, tail.frames.length]).toEqual([null, appender.frames]);
      rmSync(`${disk}/appended`);
      // A run that goes straight from the source's memory.
      const big = concat(
        pcapHeader(LE),
        ...Array.from({ length: 900 }, (_, i) => pcapRecord(LE, i, 0, filled(1000, i))),
      );
      const source = await openSavefile(big);
      const writer = createSavefile(`${disk}/run.pcap`, { precision: 'micro' });
      await expect(
        (async () => {
          for await (const block of source) await writer.write(block, source.interfaces);
        })(),
      ).rejects.toMatchObject({ systemCode: 'ENOSPC' });
      void writer.close();
      const { frames, error } = readSavefile(`${disk}/run.pcap`);
      expect(error).toBeNull();
      expect(frames.length).toBeGreaterThan(250);
      expect(writer.frames).toBe(frames.length);
    } finally {
      spawnSync('umount', [disk]);
    }
  });
});
