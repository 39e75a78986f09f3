/** Packet rings in a seeded sequence (`calls.ts`): one receive ring a socket, of any version. */
import type { Mapping, SystemCalls } from '../../src/syscall/contract.ts';
import { hostU16, hostU32, int, putHostU32 } from '../../src/uapi/host.ts';
import { encodeTpacketReq, encodeTpacketReq3 } from '../../src/uapi/if_packet.ts';
import type { Pick } from './call-arguments.ts';

/** Of one open description: descriptors that were duplicated share it. */
export interface CallRings {
  mapping?: Mapping;
  version?: number;
  /** Next block or frame. */
  at?: number;
}

const [SOL_PACKET, RX_RING, VERSION] = [263, 5, 10];
const [BLOCK, FRAME, BLOCKS] = [4096, 2048, 2];
/** Blocks are handed over when they are full: a timer would do it at a time of its own. */
const NEVER = 100_000;

export function closeRing(calls: SystemCalls, rings: CallRings): void {
  if (rings.mapping !== undefined) calls.munmap(rings.mapping);
  delete rings.mapping;
}

/** Takes away the ring that there is, or makes one. */
export function makeRing(pick: Pick, calls: SystemCalls, fd: number, rings: CallRings): string {
  if (rings.mapping !== undefined && pick([0, 1]) === 1) {
    closeRing(calls, rings);
    const none = rings.version === 2 ? new Uint8Array(28) : new Uint8Array(16);
    return `ring away = ${calls.setsockopt(fd, SOL_PACKET, RX_RING, none)}`;
  }
  const version = pick([0, 1, 2]);
  const frame = pick([FRAME, FRAME, FRAME, 1024, 1000, 100]);
  const request = { blockSize: BLOCK, blockNr: BLOCKS, frameSize: frame, frameNr: (BLOCKS * BLOCK) / FRAME };
  const set = calls.setsockopt(fd, SOL_PACKET, VERSION, int(version));
  const value = version === 2 ? encodeTpacketReq3({ ...request, retireBlkTov: NEVER }) : encodeTpacketReq(request);
  const made = calls.setsockopt(fd, SOL_PACKET, RX_RING, value);
  if (made < 0) return `ring V${version + 1} frames of ${frame} ${set} = ${made}`;
  const mapping = calls.mmap(BLOCK * BLOCKS, 3, 1, fd, 0);
  if (typeof mapping === 'number') return `ring V${version + 1} ${set} ${made} map = ${mapping}`;
  rings.mapping = mapping;
  rings.version = version;
  rings.at = 0;
  return `ring V${version + 1} ${set} = ${made}`;
}

/** TP_STATUS_TS_SOFTWARE is there or not as other sockets of the machine ask. */
const TIMED = 0x20000000;

/** What lies at the next place of the ring, which is then given back. */
export function readRing(rings: CallRings): string {
  const { mapping, version } = rings;
  if (mapping === undefined) return 'no ring = -11';
  const { bytes } = mapping;
  const at = rings.at!;
  const told: string[] = [];
  if (version === 2) {
    const block = at * BLOCK;
    const status = hostU32(bytes, block + 8);
    if (!(status & 1)) return `block ${at} = -11`;
    const count = hostU32(bytes, block + 12);
    let packet = block + hostU32(bytes, block + 16);
    for (let i = 0; i < count; i++) {
      told.push(
        `${hostU32(bytes, packet + 12)}/${hostU32(bytes, packet + 16)} ${((hostU32(bytes, packet + 20) & ~TIMED) >>> 0).toString(16)} ${hostU16(bytes, packet + 24)} ${hostU16(bytes, packet + 26)} next ${hostU32(bytes, packet)}`,
      );
      packet += hostU32(bytes, packet);
    }
    putHostU32(bytes, block + 8, 0);
    rings.at = (at + 1) % BLOCKS;
    return `block ${at} status ${((status & ~TIMED) >>> 0).toString(16)} length ${hostU32(bytes, block + 20)} = ${count} ${told.join(', ')}`;
  }
  for (let i = 0; i < 3; i++) {
    const frame = rings.at! * FRAME;
    // V1's status is an unsigned long.
    const status = (hostU32(bytes, frame) & ~TIMED) >>> 0;
    if (status === 0) break;
    const fields = version === 0 ? [8, 12] : [4, 8];
    const offsets = version === 0 ? [16, 18] : [12, 14];
    told.push(
      `${rings.at} ${status.toString(16)} ${fields.map((f) => hostU32(bytes, frame + f))} ${offsets.map((o) => hostU16(bytes, frame + o))}`,
    );
    putHostU32(bytes, frame, 0);
    rings.at = (rings.at! + 1) % ((BLOCKS * BLOCK) / FRAME);
  }
  return `frames = ${told.length === 0 ? -11 : told.length} ${told.join(', ')}`;
}
