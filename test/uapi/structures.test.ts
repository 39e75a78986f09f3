import { describe, expect, test } from 'vitest';
import * as filter from '../../src/uapi/filter.ts';
import { int } from '../../src/uapi/host.ts';
import { encodeIfreq, ifreqInt, ifreqName, putIfreqInt } from '../../src/uapi/if.ts';
import { encodePacketMreq, encodeTpacketReq3, fanoutArgument, PACKET_MR_PROMISC } from '../../src/uapi/if_packet.ts';
import { decodeInPktinfo, encodeInPktinfo } from '../../src/uapi/in.ts';
import { encodeNetlinkMessage, netlinkAttributes, netlinkMessages } from '../../src/uapi/netlink.ts';
import * as sockaddr from '../../src/uapi/sockaddr.ts';
import { controlMessages, encodeControl } from '../../src/uapi/socket.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const little = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

// The literals below were laid out by hand from the headers, for a little-endian machine.
describe.skipIf(!little)('structures', () => {
  test('sockaddr_in', () => {
    const bytes = sockaddr.encodeSockaddrIn({ address: Uint8Array.of(10, 0, 0, 1), port: 53 });
    expect(hex(bytes)).toBe('020000350a0000010000000000000000');
    expect(sockaddr.decodeSockaddrIn(bytes)).toEqual({ address: Uint8Array.of(10, 0, 0, 1), port: 53 });
  });

  test('sockaddr_in6', () => {
    const address = new Uint8Array(16).fill(0xfe, 0, 1).fill(0x80, 1, 2).fill(1, 15);
    const bytes = sockaddr.encodeSockaddrIn6({ address, port: 8080, flowInfo: 0x0abcdef, scopeId: 3 });
    expect(hex(bytes)).toBe('0a001f9000abcdeffe80000000000000000000000000000103000000');
    expect(sockaddr.decodeSockaddrIn6(bytes)).toEqual({ address, port: 8080, flowInfo: 0xabcdef, scopeId: 3 });
  });

  test('sockaddr_ll', () => {
    const address = Uint8Array.of(2, 0, 0, 0, 0, 9);
    const bytes = sockaddr.encodeSockaddrLl({ protocol: 3, ifindex: 7, hatype: 772, pkttype: 4, address });
    expect(hex(bytes)).toBe('11000003070000000403040602000000' + '00090000');
    expect(sockaddr.decodeSockaddrLl(bytes)).toEqual({ protocol: 3, ifindex: 7, hatype: 772, pkttype: 4, address });
  });

  test('sockaddr_ll: an address longer than 8 bytes is cut, its length kept', () => {
    const bytes = sockaddr.encodeSockaddrLl({ protocol: 0, ifindex: 1, address: new Uint8Array(20).fill(7) });
    expect(bytes[11]).toBe(20);
    expect(sockaddr.decodeSockaddrLl(bytes).address).toEqual(new Uint8Array(8).fill(7));
  });

  test('sockaddr_un: path, abstract, too long', () => {
    expect(hex(sockaddr.encodeSockaddrUn('/a'))).toBe('01002f6100');
    expect(sockaddr.decodeSockaddrUn(sockaddr.encodeSockaddrUn('/a'))).toBe('/a');
    expect(hex(sockaddr.encodeSockaddrUn('\0a'))).toBe('01000061');
    expect(sockaddr.decodeSockaddrUn(Uint8Array.of(1, 0, 0, 97), 4)).toBe('\0a');
    expect(sockaddr.decodeSockaddrUn(new Uint8Array(110).fill(1, 0, 1), 2)).toBe('');
    expect(() => sockaddr.encodeSockaddrUn('x'.repeat(108))).toThrow(RangeError);
  });

  test('control messages: aligned, walked, cut short', () => {
    const bytes = encodeControl([
      { level: 1, type: 29, data: Uint8Array.of(1, 2, 3) },
      { level: 0, type: 8, data: int(5) },
    ]);
    expect(hex(bytes)).toBe(
      '1300000000000000' +
        '01000000' +
        '1d000000' +
        '0102030000000000' + //
        '1400000000000000' +
        '00000000' +
        '08000000' +
        '0500000000000000',
    );
    const found = controlMessages(bytes);
    expect(found.map(({ level, type, data }) => [level, type, [...data]])).toEqual([
      [1, 29, [1, 2, 3]],
      [0, 8, [5, 0, 0, 0]],
    ]);
    // The kernel does not count the last message's padding.
    expect(controlMessages(bytes, 44)).toHaveLength(2);
    expect(controlMessages(bytes, 43)).toHaveLength(1);
    expect(controlMessages(new Uint8Array(64).fill(0xff))).toEqual([]);
    expect(controlMessages(new Uint8Array(64))).toEqual([]);
  });

  test('in_pktinfo', () => {
    const info = { ifindex: 2, specDst: Uint8Array.of(1, 2, 3, 4), addr: Uint8Array.of(5, 6, 7, 8) };
    expect(hex(encodeInPktinfo(info))).toBe('020000000102030405060708');
    expect(decodeInPktinfo(encodeInPktinfo(info))).toEqual(info);
  });

  test('sock_fprog: the instructions follow, the pointer is left open', () => {
    const program = [
      { code: 0x28, jt: 0, jf: 0, k: 12 },
      { code: 0x15, jt: 0, jf: 1, k: 0x800 },
      { code: 6, jt: 0, jf: 0, k: 0xffffffff },
    ];
    const bytes = filter.encodeSockFprog(program);
    expect(hex(bytes)).toBe(
      '03000000000000000000000000000000' + '280000000c000000' + '1500000100080000' + '06000000ffffffff',
    );
    expect(filter.decodeSockFprog(bytes)).toEqual(program);
    expect(filter.decodeSockFprog(bytes.subarray(0, 39))).toBeNull();
    expect(filter.decodeSockFprog(bytes.subarray(0, 15))).toBeNull();
  });

  test('ifreq', () => {
    const bytes = encodeIfreq('eth0');
    expect(bytes).toHaveLength(40);
    putIfreqInt(bytes, -2);
    expect(ifreqName(bytes)).toBe('eth0');
    expect(ifreqInt(bytes)).toBe(-2);
    expect(encodeIfreq('x'.repeat(15))[15]).toBe(0);
    expect(() => encodeIfreq('x'.repeat(16))).toThrow(RangeError);
    expect(() => encodeIfreq('a\0b')).toThrow(RangeError);
  });

  test('packet rings', () => {
    expect(
      hex(encodeTpacketReq3({ blockSize: 1 << 20, blockNr: 64, frameSize: 2048, frameNr: 32768, retireBlkTov: 60 })),
    ).toBe('00001000' + '40000000' + '00080000' + '00800000' + '3c000000' + '00000000' + '00000000');
    expect(hex(encodePacketMreq(3, PACKET_MR_PROMISC))).toBe('03000000010000000000000000000000');
    expect(fanoutArgument(0x12345, 0x8001)).toBe((0x8001 << 16) | 0x2345);
  });

  test('netlink messages and attributes', () => {
    const bytes = encodeNetlinkMessage({ type: 26, flags: 1, seq: 9 }, Uint8Array.of(2, 32, 0, 0, 0), [
      { type: 1, data: Uint8Array.of(8, 8, 8, 8) },
      { type: 4 | 0x8000, data: Uint8Array.of(7) },
    ]);
    expect(hex(bytes)).toBe(
      '28000000' +
        '1a00' +
        '0100' +
        '09000000' +
        '00000000' +
        '0220000000000000' +
        '0800010008080808' +
        '0500048007000000',
    );
    const [message, more] = netlinkMessages(bytes);
    expect(more).toBeUndefined();
    expect(message).toMatchObject({ type: 26, flags: 1, seq: 9, pid: 0 });
    const attributes = netlinkAttributes(message!.payload, 8);
    expect([...attributes].map(([type, data]) => [type, [...data]])).toEqual([
      [1, [8, 8, 8, 8]],
      [4, [7]],
    ]);
    expect(netlinkMessages(bytes, 39)).toEqual([]);
    expect(netlinkAttributes(message!.payload.subarray(0, 18), 8).size).toBe(1);
    expect(netlinkMessages(new Uint8Array(32))).toEqual([]);
    expect(netlinkAttributes(new Uint8Array(32), 0).size).toBe(0);
  });
});
