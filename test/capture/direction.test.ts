import { describe, expect, it } from 'vitest';
import { type Direction, ringProgram } from '../../src/capture/direction.ts';
import { NO_ANCILLARY } from '../../src/filter/ancillary.ts';
import type { BpfProgram } from '../../src/filter/program.ts';
import { validate } from '../../src/filter/validate.ts';
import { run } from '../../src/filter/vm.ts';
import { PACKET_HOST, PACKET_OUTGOING } from '../../src/uapi/if_packet.ts';

const LO = 1;
const ETH = 2;
const frame = new Uint8Array(100).fill(0x45);
/** `ether[0] == 0x45`, as libpcap compiles it. */
const filter: BpfProgram = [
  { code: 0x30, jt: 0, jf: 0, k: 0 },
  { code: 0x15, jt: 0, jf: 1, k: 0x45 },
  { code: 0x6, jt: 0, jf: 0, k: 262_144 },
  { code: 0x6, jt: 0, jf: 0, k: 0 },
];

const verdict = (program: BpfProgram, packetType: number, ifindex: number, bytes = frame): number =>
  run(program, bytes, 0, bytes.length, bytes.length, { ...NO_ANCILLARY, pktType: packetType, ifindex }, 'linux');

describe('ringProgram', () => {
  const lo = { ifindex: LO, only: true };
  const any = { ifindex: LO, only: false };
  it.each<[Direction, typeof lo | null, string, number, number, number]>([
    ['inout', null, 'eth in', PACKET_HOST, ETH, 68],
    ['inout', null, 'eth out', PACKET_OUTGOING, ETH, 68],
    ['in', null, 'eth in', PACKET_HOST, ETH, 68],
    ['in', null, 'eth out', PACKET_OUTGOING, ETH, 0],
    ['out', null, 'eth in', PACKET_HOST, ETH, 0],
    ['out', null, 'eth out', PACKET_OUTGOING, ETH, 68],
    ['inout', lo, 'lo in', PACKET_HOST, LO, 68],
    ['inout', lo, 'lo out', PACKET_OUTGOING, LO, 0],
    ['out', lo, 'lo out', PACKET_OUTGOING, LO, 68],
    ['inout', any, 'any: eth out', PACKET_OUTGOING, ETH, 68],
    ['inout', any, 'any: lo out', PACKET_OUTGOING, LO, 0],
    ['inout', any, 'any: lo in', PACKET_HOST, LO, 68],
    ['in', any, 'any: eth out', PACKET_OUTGOING, ETH, 0],
  ])('%s with loopback %j: %s', (direction, loopback, _, packetType, ifindex, kept) => {
    for (const inner of [null, filter]) {
      const program = ringProgram(inner, direction, 68, loopback);
      expect(validate(program)).toBeNull();
      expect(verdict(program, packetType, ifindex)).toBe(kept);
    }
    const other = new Uint8Array(100);
    expect(verdict(ringProgram(filter, direction, 68, loopback), packetType, ifindex, other)).toBe(0);
  });

  it('leaves a shorter length that the filter returns', () => {
    expect(verdict(ringProgram([{ code: 0x6, jt: 0, jf: 0, k: 10 }], 'in', 68, null), PACKET_HOST, ETH)).toBe(10);
  });
});
