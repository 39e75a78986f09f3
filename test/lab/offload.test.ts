import { describe, expect, it } from 'vitest';
import { checksum } from '../../src/bytes/checksum.ts';
import { be16, be32, putBe16, putBe32 } from '../../src/bytes/endian.ts';
import { finishFrame } from '../../src/lab/offload.ts';
import { seededRandom } from '../../src/time/random.ts';
import { putHostU16 } from '../../src/uapi/host.ts';
import { virtio_net_hdr } from '../../src/uapi/virtio_net.ts';
import * as ipv4 from '../../src/wire/ipv4.ts';
import { ipv4Pseudo, ipv6Pseudo } from '../../src/wire/pseudo.ts';
import * as tcp from '../../src/wire/tcp.ts';
import * as udp from '../../src/wire/udp.ts';

/** struct virtio_net_hdr of a frame whose checksum is undone, and that is to be cut where `gsoType` says. */
function header(start: number, offset: number, gsoType = 0, gsoSize = 0): Uint8Array {
  const bytes = new Uint8Array(virtio_net_hdr.sizeof);
  bytes[virtio_net_hdr.flags] = 1;
  bytes[virtio_net_hdr.gso_type] = gsoType;
  putHostU16(bytes, virtio_net_hdr.gso_size, gsoSize);
  putHostU16(bytes, virtio_net_hdr.csum_start, start);
  putHostU16(bytes, virtio_net_hdr.csum_offset, offset);
  return bytes;
}

const random = seededRandom(3);
const noise = (length: number): Uint8Array => new Uint8Array(length).map(() => random());

/** An Ethernet frame: IPv4 or IPv6, with `tags` VLAN tags, a transport header of `length` bytes, and data. */
function frame(version: 4 | 6, protocol: number, transport: Uint8Array, data: Uint8Array, tags = 0): Uint8Array {
  const link = new Uint8Array(14 + 4 * tags);
  for (let tag = 0; tag < tags; tag++) putBe16(link, 12 + 4 * tag, 0x8100);
  putBe16(link, 12 + 4 * tags, version === 4 ? 0x0800 : 0x86dd);
  const ip = new Uint8Array(version === 4 ? 20 : 40).map((_, at) => at);
  if (version === 4) {
    ip[0] = 0x45;
    putBe16(ip, 2, 20 + transport.length + data.length);
    putBe16(ip, 4, 0xfffe);
    ip[9] = protocol;
    putBe16(ip, 10, 0);
    putBe16(ip, 10, checksum(ip, 0, 20));
  } else {
    ip[0] = 0x60;
    putBe16(ip, 4, transport.length + data.length);
    ip[6] = protocol;
  }
  return Uint8Array.from([...link, ...ip, ...transport, ...data]);
}

function finish(head: Uint8Array, whole: Uint8Array): Uint8Array[] {
  const found: Uint8Array[] = [];
  // Somewhere within a larger buffer.
  const room = new Uint8Array(whole.length + 20).fill(0xa5);
  room.set(whole, 10);
  finishFrame(head, room, 10, 10 + whole.length, (one) => found.push(one.slice()));
  return found;
}

const pseudo = (version: 4 | 6, bytes: Uint8Array, at: number, protocol: number): number =>
  version === 4
    ? ipv4Pseudo(bytes, at + 12, bytes, at + 16, protocol)
    : ipv6Pseudo(bytes, at + 8, bytes, at + 24, protocol);

describe('frames that were left unfinished', () => {
  it('a finished frame passes as it is', () => {
    const whole = noise(100);
    expect(finish(new Uint8Array(10), whole)).toEqual([whole]);
    // Numbers that point out of the frame change nothing in it.
    expect(finish(header(90, 20), whole)).toEqual([whole]);
  });

  it.each([
    [4, 0],
    [6, 0],
    [4, 1],
  ] as const)('a checksum over the pseudo header alone, IPv%i with %i tags', (version, tags) => {
    for (const length of [0, 1, 2, 99, 1000]) {
      const transport = noise(8);
      putBe16(transport, 4, 8 + length);
      const whole = frame(version, 17, transport, noise(length), tags);
      const network = 14 + 4 * tags;
      const at = network + (version === 4 ? 20 : 40);
      // What the kernel leaves there: the folded sum of addresses, protocol and length.
      let sum = pseudo(version, whole, network, 17) + 8 + length;
      while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
      putBe16(whole, at + 6, sum);
      const [one] = finish(header(at, 6), whole);
      expect(udp.verify(one!, at, one!.length, pseudo(version, one!, network, 17))).toBe(0);
      expect(udp.checksum(one!, at)).not.toBe(0);
    }
  });

  it.each([4, 6] as const)('TCP over IPv%i is cut: numbers, flags, lengths and sums', (version) => {
    const transport = noise(32);
    transport[12] = 0x80;
    transport[13] = tcp.FIN | tcp.PSH | tcp.ACK_FLAG | tcp.CWR;
    putBe32(transport, 4, 0xfffffff0);
    const data = noise(2500);
    const whole = frame(version, 6, transport, data);
    const network = 14;
    const at = network + (version === 4 ? 20 : 40);
    const pieces = finish(header(at, 16, (version === 4 ? 1 : 4) | 0x80, 1000), whole);
    expect(pieces.map(({ length }) => length - at - 32)).toEqual([1000, 1000, 500]);
    expect(pieces.map((one) => tcp.seq(one, at))).toEqual([0xfffffff0, 984, 1984].map((n) => n >>> 0));
    expect(pieces.map((one) => tcp.flags(one, at) & 0xff)).toEqual([
      tcp.ACK_FLAG | tcp.CWR,
      tcp.ACK_FLAG,
      tcp.ACK_FLAG | tcp.FIN | tcp.PSH,
    ]);
    expect(Buffer.concat(pieces.map((one) => one.subarray(at + 32)))).toEqual(Buffer.from(data));
    for (const [index, one] of pieces.entries()) {
      expect(tcp.verify(one, at, one.length, pseudo(version, one, network, 6))).toBe(0);
      if (version === 6) expect(be16(one, network + 4)).toBe(one.length - at);
      else {
        expect(checksum(one, network, at)).toBe(0);
        expect(ipv4.totalLength(one, network)).toBe(one.length - network);
        expect(ipv4.id(one, network)).toBe((0xfffe + index) & 0xffff);
      }
      expect(be32(one, at + 8)).toBe(be32(transport, 8));
    }
  });

  it('UDP is cut into datagrams', () => {
    const transport = noise(8);
    const data = noise(950);
    const whole = frame(4, 17, transport, data);
    const pieces = finish(header(34, 6, 5, 400), whole);
    expect(pieces.map((one) => udp.length(one, 34))).toEqual([408, 408, 158]);
    expect(Buffer.concat(pieces.map((one) => one.subarray(42)))).toEqual(Buffer.from(data));
    for (const one of pieces) {
      expect(udp.verify(one, 34, one.length, pseudo(4, one, 14, 17))).toBe(0);
      expect([udp.srcPort(one, 34), udp.dstPort(one, 34)]).toEqual([be16(transport, 0), be16(transport, 2)]);
    }
  });

  it('what is not plainly IP with that header is left whole, with its checksum done', () => {
    const whole = frame(4, 17, noise(8), noise(900));
    whole[12] = 0x12;
    const [one, ...rest] = finish(header(34, 6, 5, 400), whole);
    expect(rest).toEqual([]);
    expect(one!.length).toBe(whole.length);
  });

  it('no header makes it read or write outside of the frame', () => {
    for (let round = 0; round < 5000; round++) {
      const whole =
        random() % 2 === 0 ? noise(random() % 120) : frame(random() % 2 ? 4 : 6, 6, noise(20), noise(random() % 60));
      const head = noise(10);
      head[0] = 1;
      head[1] = [0, 1, 4, 5][random() % 4]!;
      for (const at of [4, 6, 8]) if (random() % 4 > 0) putHostU16(head, at, random() % 150);
      const room = new Uint8Array(whole.length + 20).fill(0xa5);
      room.set(whole, 10);
      let bytes = 0;
      finishFrame(head, room, 10, 10 + whole.length, (one) => {
        bytes += one.length;
      });
      expect(bytes).toBeGreaterThanOrEqual(whole.length);
      expect([...room.subarray(0, 10), ...room.subarray(10 + whole.length)]).toEqual(new Array(20).fill(0xa5));
    }
  });
});
