import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { decode } from '../../src/dissect/decode.ts';
import { allFields, Fields, fieldNames, findFields } from '../../src/dissect/fields.ts';
import { walkFrame } from '../../src/dissect/frame.ts';
import { JsonPrinter } from '../../src/dissect/json.ts';
import { printFrame } from '../../src/dissect/text-printer.ts';
import { FrameBlock } from '../../src/frames/block.ts';
import { DIRECTION_OUT } from '../../src/frames/flags.ts';
import { processorTime } from '../support/cpu.ts';
import { checkKeys } from './json-keys.ts';
import { mutate, random } from './mutate.ts';
import { readSavefile } from './oracle.ts';

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replace(/\s/g, ''), 'hex'));
const SYN = hex(`020000000001 020000000002 0800
  4500 003c 1234 4000 4006 0000 0a000001 0a000002
  9c40 0050 00000064 00000000 a002 faf0 0000 0000 020405b4 0402 080a 00000001 00000000 01 030307`);

const folder = new URL('../../fixtures/frames/', import.meta.url).pathname;
const captures = readdirSync(folder)
  .filter((name) => name.endsWith('.pcap'))
  .map((name) => ({ name, ...readSavefile(readFileSync(join(folder, name))) }));

describe('decode', () => {
  it('gives layers and fields with their names, values and places', () => {
    const { layers, stop } = decode(SYN, 1);
    expect(stop).toBeNull();
    expect(layers.map((layer) => [layer.protocol, layer.offset, layer.length])).toEqual([
      ['eth', 0, 14],
      ['ip', 14, 20],
      ['tcp', 34, 40],
    ]);
    const field = (name: string): unknown => {
      const found = layers.flatMap((layer) => layer.fields).find((one) => one.name === name)!;
      return [found.value, found.offset, found.length];
    };
    expect(field('eth.src')).toEqual(['02:00:00:00:00:02', 6, 6]);
    expect(field('ip.ttl')).toEqual([64, 22, 1]);
    expect(field('ip.flags.df')).toEqual([true, 20, 1]);
    expect(field('ip.dst')).toEqual(['10.0.0.2', 30, 4]);
    expect(field('tcp.flags.syn')).toEqual([true, 47, 1]);
    expect(field('tcp.options.mss_val')).toEqual([1460, 56, 2]);
    expect(field('tcp.options.wscale.shift')).toEqual([7, 73, 1]);
  });

  it('stops where the frame is cut, and says in which layer, where, and what was missing', () => {
    expect(decode(SYN.subarray(0, 40), 1)).toMatchObject({
      layers: [{ protocol: 'eth' }, { protocol: 'ip' }],
      stop: { stop: 'truncated', layer: 'tcp', offset: 34, needed: 20, available: 6, limit: 'captured length' },
    });
  });

  it('names the length that cuts a layer short', () => {
    const short = Uint8Array.from(SYN);
    short[17] = 30;
    expect(decode(short, 1).stop).toMatchObject({ layer: 'tcp', needed: 20, available: 10, limit: 'ip.len' });
  });

  it('verifies checksums when asked', () => {
    const statusOf = (checksums: boolean): unknown =>
      decode(SYN, 1, { checksums })
        .layers.flatMap((layer) => layer.fields)
        .filter((field) => field.name.endsWith('checksum.status'))
        .map((field) => field.value);
    expect(statusOf(false)).toEqual([2, 2]);
    expect(statusOf(true)).toEqual([0, 0]);
  });

  it('does not follow packets in packets for ever', () => {
    const nested = new Uint8Array(14 + 20 * 100);
    nested.set(hex('020000000001 020000000002 0800'), 0);
    for (let i = 0; i < 100; i++)
      nested.set(
        hex(`4500 ${(20 * (100 - i)).toString(16).padStart(4, '0')} 0000 0000 4004 0000 0a000001 0a000002`),
        14 + i * 20,
      );
    expect(decode(nested, 1).layers.length).toBeLessThan(40);
    expect(printFrame(nested, 1)).toMatch(/^IP 10\.0\.0\.1 > 10\.0\.0\.2: IP /);
  });
});

describe('the registry', () => {
  it('has each name once, and aliases that lead to fields', () => {
    const names = fieldNames();
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) expect(findFields(name).length, name).toBeGreaterThan(0);
    expect(findFields('ip.addr').map((info) => info.name)).toEqual(['ip.src', 'ip.dst']);
    expect(findFields('no.such')).toEqual([]);
  });

  it('is what a record without wishes costs nothing for', () => {
    const f = new Fields();
    f.wanted = new Uint8Array(allFields.length);
    f.wanted[findFields('tcp.dstport')[0]!.id] = 1;
    walkFrame(f, SYN, 0, SYN.length, 1, null);
    expect(f.count).toBe(1);
    expect(f.number[0]).toBe(80);
  });
});

/** One block with these frames, each between bytes that must not matter. */
function blockOf(frames: readonly { bytes: Uint8Array }[], filler: number): FrameBlock {
  const total = frames.reduce((sum, frame) => sum + frame.bytes.length + 64, 64);
  const block = new FrameBlock(new Uint8Array(total).fill(filler), frames.length);
  let at = 64;
  for (const [row, frame] of frames.entries()) {
    block.bytes.set(frame.bytes, at);
    block.offset[row] = at;
    block.capturedLength[row] = frame.bytes.length;
    block.originalLength[row] = frame.bytes.length;
    block.seconds[row] = 1_700_000_000;
    block.nanoseconds[row] = 987_654_321;
    block.flags[row] = DIRECTION_OUT;
    block.keep[row] = 1;
    at += frame.bytes.length + 64;
  }
  block.count = frames.length;
  return block;
}

function jsonOf(frames: readonly { bytes: Uint8Array }[], linkType: number, filler: number): string {
  let text = '';
  const printer = new JsonPrinter({ raw: true, checksums: true }, (chunk) => {
    text += Buffer.from(chunk).toString('utf8');
  });
  printer.print(blockOf(frames, filler), [{ name: 'eth0', linkType, snapLength: 0, timestampDigits: 9 }]);
  printer.flush();
  return text;
}

describe('JSON', () => {
  it('is an object a line, with the frame’s facts and nothing lost of the time', () => {
    const [packet] = jsonOf([{ bytes: SYN }], 1, 0)
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(packet.frame).toMatchObject({
      'frame.number': 1,
      'frame.time_epoch': '1700000000.987654321',
      'frame.len': 74,
      'frame.cap_len': 74,
      'frame.interface_name': 'eth0',
      'frame.packet_flags_direction': 2,
      'frame.protocols': 'eth:ethertype:ip:tcp',
    });
    expect(packet.tcp).toMatchObject({ 'tcp.srcport': 40000, 'tcp.flags.syn': true, 'tcp.options.mss_val': [1460] });
    expect(packet.frame_raw).toBe(Buffer.from(SYN).toString('hex'));
  });

  it('a frame so long that the memory must grow leaves those behind it as they are', () => {
    const long = new Uint8Array(200_000);
    long.set(SYN);
    const print = (frames: Uint8Array[]): string[] => {
      let text = '';
      const printer = new JsonPrinter({ raw: true }, (chunk) => {
        text += Buffer.from(chunk).toString();
      });
      const described = [{ name: '', linkType: 1, snapLength: 0, timestampDigits: 9 }];
      // Not flushed in between: all stand in the same memory.
      printer.print(
        blockOf(
          frames.map((bytes) => ({ bytes })),
          0,
        ),
        described,
      );
      printer.flush();
      return text.trimEnd().split('\n');
    };
    const lines = print([long, SYN, long, SYN]);
    expect(lines).toHaveLength(4);
    const small = JSON.parse(lines[1]!);
    expect(small.tcp['tcp.srcport']).toBe(40000);
    expect(small.frame_raw).toBe(Buffer.from(SYN).toString('hex'));
    expect(JSON.parse(lines[3]!).tcp['tcp.dstport']).toBe(small.tcp['tcp.dstport']);
  });

  it('has no key twice, and a type for each key', () => {
    const types = new Map<string, string>();
    for (const { frames, linkType } of captures)
      for (const line of jsonOf(frames, linkType, 0).trimEnd().split('\n')) {
        checkKeys(line);
        for (const layer of Object.values(JSON.parse(line)))
          if (typeof layer === 'object')
            for (const [key, value] of Object.entries(layer as object)) {
              const type = Array.isArray(value) ? 'list' : typeof value;
              expect(types.get(key) ?? type, key).toBe(type);
              types.set(key, type);
            }
      }
  });
});

describe('no frame can harm', () => {
  const seed = Number(process.env['SEED'] ?? 7);

  it('mutated frames decode to layers and a stop, and only captured bytes matter', () => {
    const next = random(seed);
    for (const { name, frames, linkType } of captures) {
      const mutated = mutate(frames, next, 600);
      // The bytes around the frames differ between the two runs: whoever reads them gives another result.
      expect(jsonOf(mutated, linkType, 0x00) === jsonOf(mutated, linkType, 0xff), `${name}, seed ${seed}`).toBe(true);
      for (const frame of mutated) {
        const options = {
          verbose: 3,
          link: true,
          seconds: 0,
          originalLength: Math.max(frame.originalLength!, frame.bytes.length),
        };
        const text = printFrame(frame.bytes, linkType, options);
        expect(text.endsWith('\n')).toBe(true);
        expect(/[^\n\t\x20-\x7e]/.test(text), `${name}, seed ${seed}: ${JSON.stringify(text)}`).toBe(false);
      }
    }
  });

  it('every link type takes any bytes', () => {
    const next = random(seed + 1);
    for (const linkType of [0, 1, 101, 108, 113, 228, 229, 276, 4711])
      for (let i = 0; i < 300; i++) {
        const bytes = Uint8Array.from({ length: Math.floor(next() * 200) + 1 }, () => Math.floor(next() * 256));
        const { layers, stop } = decode(bytes, linkType);
        expect(layers.length + (stop === null ? 0 : 1)).toBeGreaterThan(0);
        printFrame(bytes, linkType, { verbose: 3 });
      }
  });

  it('Ethernet in Ethernet in Ethernet, for as long as the frame is, exhausts no stack', () => {
    const unit = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x65, 0x58];
    const bytes = Uint8Array.from({ length: 250_000 }, (_, i) => unit[i % unit.length]!);
    expect(printFrame(bytes, 1, { verbose: 3, link: true, seconds: 0, originalLength: bytes.length })).toMatch(/\n$/);
    expect(decode(bytes, 1).layers.length).toBeGreaterThan(10);
  });

  it('a message of pointers to pointers costs no more than its length', () => {
    // 16 KiB of names, each a label and a pointer to the one before, and then as many records as fit that point to the last.
    const message = new Uint8Array(65000);
    message.set(hex('0000 8000 0000 2710 0000 0000'));
    let at = 12;
    message.set(hex('01 61 00'), at);
    let last = at;
    at += 3;
    while (at < 16000) {
      message.set([1, 0x62, 0xc0 | (last >> 8), last & 255], at);
      last = at;
      at += 4;
    }
    for (; at + 12 <= message.length; at += 12)
      message.set([0xc0 | (last >> 8), last & 255, 0, 16, 0, 1, 0, 0, 0, 0, 0, 0], at);
    const udp = new Uint8Array(28 + message.length);
    udp.set(hex('4500 0000 0000 0000 4011 0000 0a000001 0a000002 0035 1000 0000 0000'));
    udp[2] = udp.length >> 8;
    udp[3] = udp.length & 255;
    udp[24] = (udp.length - 20) >> 8;
    udp[25] = (udp.length - 20) & 255;
    udp.set(message, 28);
    const spent = processorTime(() => {
      decode(udp, 101);
      printFrame(udp, 101, { verbose: 3 });
    });
    expect(spent).toBeLessThan(4000);
  });
});
