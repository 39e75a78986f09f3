import { EBUSY, EINVAL, ENOMEM } from '../../uapi/errno.ts';
import { hostI32, hostU32 } from '../../uapi/host.ts';
import { TPACKET_ALIGNMENT, TPACKET_V3, tpacket_req, tpacket_req3 } from '../../uapi/if_packet.ts';
import { skbQueuePurge } from '../skbuff.ts';
import type { Socket } from '../structs.ts';
import type { KernelMapping } from '../structs-plain.ts';
import { registerHook, unregisterHook } from './hook.ts';
import { hdrlenOf, PacketRing, type PacketSock } from './packet-sock.ts';
import { packetRcv, tpacketRcv } from './receive.ts';
import { blkPlusPriv, initPrb, stopPrb } from './ring-v3.ts';

/** Making, mapping and taking away the rings of a packet socket (packet_set_ring, packet_mmap). */

const PAGE_SIZE = 4096;

/** packet_set_ring: null takes the ring away. */
export function setRing(po: PacketSock, value: Uint8Array | null, tx: boolean): number {
  const current = tx ? po.txRing : po.rxRing;
  let ring: PacketRing | null = null;
  let tov = 0;
  let priv = 0;
  let features = 0;
  if (value !== null) {
    if (po.mapped > 0 || po.pending > 0) return -EBUSY;
    const blockSize = hostI32(value, tpacket_req.tp_block_size);
    const blockNr = hostU32(value, tpacket_req.tp_block_nr);
    const frameSize = hostU32(value, tpacket_req.tp_frame_size);
    const frameNr = hostU32(value, tpacket_req.tp_frame_nr);
    if (blockNr > 0) {
      if (current !== null) return -EBUSY;
      const hdrlen = hdrlenOf(po.version);
      if (blockSize <= 0 || blockSize % PAGE_SIZE !== 0) return -EINVAL;
      const least = hdrlen + po.reserve;
      if (po.version === TPACKET_V3) {
        tov = hostU32(value, tpacket_req3.tp_retire_blk_tov);
        priv = hostU32(value, tpacket_req3.tp_sizeof_priv);
        features = hostU32(value, tpacket_req3.tp_feature_req_word);
        if (blockSize < blkPlusPriv(priv) + least) return -EINVAL;
      }
      if (frameSize < least || frameSize & (TPACKET_ALIGNMENT - 1)) return -EINVAL;
      const perBlock = Math.floor(blockSize / frameSize);
      if (perBlock === 0 || perBlock * blockNr !== frameNr) return -EINVAL;
      if (tx && po.version === TPACKET_V3 && (tov !== 0 || priv !== 0 || features !== 0)) return -EINVAL;
      const bytes = blockSize * blockNr;
      if (bytes > 2 ** 32) return -ENOMEM;
      ring = new PacketRing(new ArrayBuffer(bytes), 0, blockSize, blockNr, frameSize);
    } else if (frameNr !== 0) return -EINVAL;
  }
  const was = po.running;
  if (was) unregisterHook(po);
  // Whoever still holds a view of what was mapped reads zeros; a mapping that is there keeps the memory until it ends.
  if (po.mapped === 0) current?.clear();
  if (tx) po.txRing = ring;
  else {
    stopPrb(po);
    po.rxRing = ring;
    po.hook.func = ring !== null ? tpacketRcv : packetRcv;
    skbQueuePurge(po.receiveQueue);
    if (ring !== null && po.version === TPACKET_V3) initPrb(po, tov, priv, features);
  }
  if (was) registerHook(po);
  return 0;
}

interface RingMapping extends KernelMapping {
  bytes: Uint8Array;
  words: Int32Array;
  unmap(): void;
}

/** Both rings are mapped in one piece, the receive ring first. */
export function packetMmap(socket: Socket, length: number, offset: number): KernelMapping | number {
  const po = socket.sk as PacketSock;
  if (offset !== 0) return -EINVAL;
  const rx = po.rxRing;
  const tx = po.txRing;
  const expected = (rx?.bytes.length ?? 0) + (tx?.bytes.length ?? 0);
  if (expected === 0 || length !== expected) return -EINVAL;
  if (rx !== null && tx !== null && rx.bytes.buffer !== tx.bytes.buffer) joinRings(po, rx, tx);
  const rings = [po.rxRing, po.txRing];
  const buffer = (po.rxRing ?? po.txRing)!.bytes.buffer as ArrayBuffer;
  po.txRing?.used.fill(1); // by the program, as it likes
  po.mapped++;
  const mapping: RingMapping = {
    bytes: new Uint8Array(buffer, 0, expected),
    words: new Int32Array(buffer, 0, expected >> 2),
    unmap() {
      mapping.unmap = () => {};
      po.mapped--;
      if (po.mapped === 0) for (const ring of rings) if (ring !== po.rxRing && ring !== po.txRing) ring?.clear();
      mapping.bytes = new Uint8Array(expected);
      mapping.words = new Int32Array(mapping.bytes.buffer);
    },
  };
  return mapping;
}

function joinRings(po: PacketSock, rx: PacketRing, tx: PacketRing): void {
  const memory = new ArrayBuffer(rx.bytes.length + tx.bytes.length);
  const move = (ring: PacketRing, at: number): PacketRing => {
    const made = new PacketRing(memory, at, ring.blockSize, ring.blockNr, ring.frameSize);
    made.bytes.set(ring.bytes);
    made.head = ring.head;
    made.used.set(ring.used);
    return made;
  };
  po.rxRing = move(rx, 0);
  po.txRing = move(tx, rx.bytes.length);
}
