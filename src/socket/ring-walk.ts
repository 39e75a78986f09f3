/** From a block of a TPACKET_V3 ring to a FrameBlock, in place. */
import type { FrameBlock } from '../frames/block.ts';
import {
  DIRECTION_IN,
  DIRECTION_OUT,
  RECEPTION_BROADCAST,
  RECEPTION_MULTICAST,
  RECEPTION_PROMISCUOUS,
  RECEPTION_UNICAST,
} from '../frames/flags.ts';
import type { Mapping } from '../syscall/contract.ts';
import { ETH_P_8021Q } from '../uapi/if_ether.ts';
import * as packet from '../uapi/if_packet.ts';

// Where things are, from the start of a struct tpacket3_hdr, in bytes; the loop reads 32- and 16-bit words in host order.
const NEXT = packet.tpacket3_hdr.tp_next_offset >> 2;
const SEC = packet.tpacket3_hdr.tp_sec >> 2;
const NSEC = packet.tpacket3_hdr.tp_nsec >> 2;
const SNAPLEN = packet.tpacket3_hdr.tp_snaplen >> 2;
const LEN = packet.tpacket3_hdr.tp_len >> 2;
const STATUS = packet.tpacket3_hdr.tp_status >> 2;
const MAC = packet.tpacket3_hdr.tp_mac >> 1;
const VLAN_TCI = packet.tpacket3_hdr['hv1.tp_vlan_tci'] >> 2;
const VLAN_TPID = packet.tpacket3_hdr['hv1.tp_vlan_tpid'] >> 1;
// struct sockaddr_ll follows at the next multiple of TPACKET_ALIGNMENT.
const ADDRESS = packet.TPACKET_ALIGN(packet.tpacket3_hdr.sizeof);
const IFINDEX = (ADDRESS + packet.sockaddr_ll.sll_ifindex) >> 2;
const PKTTYPE = ADDRESS + packet.sockaddr_ll.sll_pkttype;
const PROTOCOL = ADDRESS + packet.sockaddr_ll.sll_protocol;
const HATYPE = (ADDRESS + packet.sockaddr_ll.sll_hatype) >> 1;
const HALEN = ADDRESS + packet.sockaddr_ll.sll_halen;
const HARDWARE_ADDRESS = ADDRESS + packet.sockaddr_ll.sll_addr;

const NUM_PKTS = packet.tpacket_block_desc['hdr.bh1.num_pkts'] >> 2;
const FIRST = packet.tpacket_block_desc['hdr.bh1.offset_to_first_pkt'] >> 2;

/** IEEE 802.1Q: a tag is 4 bytes, behind the two addresses of 6. */
export const VLAN_TAG_LENGTH = 4;
const MAC_ADDRESSES_LENGTH = 12;

/** Bytes of a Linux cooked header, version 1 and 2. */
export const SLL_HEADER_LENGTH = 16;
export const SLL2_HEADER_LENGTH = 20;

/** sll_pkttype → the flags column. PACKET_LOOPBACK and the like never reach user space: nothing is said of them. */
const FLAGS = new Uint32Array(256);
FLAGS[packet.PACKET_HOST] = DIRECTION_IN | RECEPTION_UNICAST;
FLAGS[packet.PACKET_BROADCAST] = DIRECTION_IN | RECEPTION_BROADCAST;
FLAGS[packet.PACKET_MULTICAST] = DIRECTION_IN | RECEPTION_MULTICAST;
FLAGS[packet.PACKET_OTHERHOST] = DIRECTION_IN | RECEPTION_PROMISCUOUS;
FLAGS[packet.PACKET_OUTGOING] = DIRECTION_OUT;

/** A ring's memory as the loop reads it. */
export interface RingMemory {
  bytes: Uint8Array;
  words: Int32Array;
  halves: Uint16Array;
}

export const ringMemory = ({ bytes, words }: Mapping): RingMemory => ({
  bytes,
  words,
  halves: new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length >>> 1),
});

/** How many frames the block at `start` holds. */
export const blockPackets = (memory: RingMemory, start: number): number => memory.words[(start >> 2) + NUM_PKTS]!;

/** Fills the table for the block at byte `start` of the ring, frames with their own link header (or none). No allocation
 * but where the table must grow. Cost: about 20 reads and 9 writes a frame.
 *
 * VLAN tags that the kernel took out of a frame are put back where the frame is Ethernet (`restoreVlan`): the two
 * addresses move 4 bytes to the front, into room kept by PACKET_RESERVE. The lengths grow by 4, and what goes beyond
 * `snapLength` is cut, so that the result is what a machine would have given that never took the tag out. */
export function walkBlock(
  memory: RingMemory,
  start: number,
  block: FrameBlock,
  snapLength: number,
  restoreVlan: boolean,
): void {
  const { bytes, words, halves } = memory;
  const count = words[(start >> 2) + NUM_PKTS]!;
  if (count > block.capacity) {
    // The rows of the block before are of no use to anybody now: growing need not keep them.
    block.count = 0;
    block.grow(count);
  }
  const { offset, capturedLength, originalLength, seconds, nanoseconds, flags } = block;
  let at = start + words[(start >> 2) + FIRST]!;
  for (let row = 0; row < count; row++) {
    const word = at >>> 2;
    const half = at >>> 1;
    let frame = at + halves[half + MAC]!;
    let captured = words[word + SNAPLEN]!;
    let original = words[word + LEN]!;
    const status = words[word + STATUS]!;
    if (restoreVlan && (status & packet.TP_STATUS_VLAN_VALID) !== 0) {
      original += VLAN_TAG_LENGTH;
      if (captured >= MAC_ADDRESSES_LENGTH) {
        const to = frame - VLAN_TAG_LENGTH;
        for (let byte = 0; byte < MAC_ADDRESSES_LENGTH; byte++) bytes[to + byte] = bytes[frame + byte]!;
        const tag = to + MAC_ADDRESSES_LENGTH;
        // Kernels before 3.14 did not say the TPID, and knew only one.
        const tpid = (status & packet.TP_STATUS_VLAN_TPID_VALID) !== 0 ? halves[half + VLAN_TPID]! : ETH_P_8021Q;
        const tci = words[word + VLAN_TCI]!;
        bytes[tag] = tpid >>> 8;
        bytes[tag + 1] = tpid;
        bytes[tag + 2] = tci >>> 8;
        bytes[tag + 3] = tci;
        frame = to;
        captured += VLAN_TAG_LENGTH;
      }
    }
    offset[row] = frame;
    capturedLength[row] = Math.min(captured, snapLength);
    originalLength[row] = original;
    seconds[row] = words[word + SEC]! >>> 0;
    nanoseconds[row] = words[word + NSEC]!;
    flags[row] = FLAGS[bytes[at + PKTTYPE]!]!;
    at += words[word + NEXT]!;
  }
  // What is the same for all rows is filled at once: together half the cost of the loop when it was in it.
  block.keep.fill(1, 0, count);
  block.interfaceId.fill(0, 0, count);
  block.count = count;
}

/** The same for cooked frames (SOCK_DGRAM): each gets a Linux cooked header, `headerLength` bytes (version 1: 16, version
 * 2: 20), written in front of it into room kept by PACKET_RESERVE. `interfaceOf` gives the interface of a device's index;
 * it is asked once for each run of frames from the same device.
 *
 * A VLAN tag that the kernel took out is put behind the header: the header's protocol is the tag's TPID, and the packet
 * begins with the rest of the tag, as for a frame whose tag was left in. */
export function walkCookedBlock(
  memory: RingMemory,
  start: number,
  block: FrameBlock,
  snapLength: number,
  headerLength: number,
  interfaceOf: (ifindex: number) => number,
): void {
  const { bytes, words, halves } = memory;
  const count = words[(start >> 2) + NUM_PKTS]!;
  if (count > block.capacity) {
    block.count = 0;
    block.grow(count);
  }
  const { offset, capturedLength, originalLength, seconds, nanoseconds, interfaceId, flags, keep } = block;
  let lastIfindex = -1;
  let lastId = 0;
  let at = start + words[(start >> 2) + FIRST]!;
  for (let row = 0; row < count; row++) {
    const word = at >>> 2;
    const half = at >>> 1;
    let data = at + halves[half + MAC]!;
    let captured = words[word + SNAPLEN]!;
    let original = words[word + LEN]!;
    const status = words[word + STATUS]!;
    const ifindex = words[word + IFINDEX]!;
    const pkttype = bytes[at + PKTTYPE]!;
    let protocol = (bytes[at + PROTOCOL]! << 8) | bytes[at + PROTOCOL + 1]!;
    if ((status & packet.TP_STATUS_VLAN_VALID) !== 0) {
      const tci = words[word + VLAN_TCI]!;
      data -= VLAN_TAG_LENGTH;
      bytes[data] = tci >>> 8;
      bytes[data + 1] = tci;
      bytes[data + 2] = protocol >>> 8;
      bytes[data + 3] = protocol;
      protocol = (status & packet.TP_STATUS_VLAN_TPID_VALID) !== 0 ? halves[half + VLAN_TPID]! : ETH_P_8021Q;
      captured += VLAN_TAG_LENGTH;
      original += VLAN_TAG_LENGTH;
    }
    const header = data - headerLength;
    const hatype = halves[half + HATYPE]!;
    // pcap-linktype(7): LINKTYPE_LINUX_SLL and LINKTYPE_LINUX_SLL2. All fields are big-endian.
    let address: number;
    if (headerLength === SLL2_HEADER_LENGTH) {
      bytes[header] = protocol >>> 8;
      bytes[header + 1] = protocol;
      bytes[header + 2] = 0;
      bytes[header + 3] = 0;
      bytes[header + 4] = ifindex >>> 24;
      bytes[header + 5] = ifindex >>> 16;
      bytes[header + 6] = ifindex >>> 8;
      bytes[header + 7] = ifindex;
      bytes[header + 8] = hatype >>> 8;
      bytes[header + 9] = hatype;
      bytes[header + 10] = pkttype;
      bytes[header + 11] = bytes[at + HALEN]!;
      address = header + 12;
    } else {
      bytes[header] = 0;
      bytes[header + 1] = pkttype;
      bytes[header + 2] = hatype >>> 8;
      bytes[header + 3] = hatype;
      bytes[header + 4] = 0;
      bytes[header + 5] = bytes[at + HALEN]!;
      address = header + 6;
      bytes[header + 14] = protocol >>> 8;
      bytes[header + 15] = protocol;
    }
    for (let byte = 0; byte < 8; byte++) bytes[address + byte] = bytes[at + HARDWARE_ADDRESS + byte]!;
    if (ifindex !== lastIfindex) {
      lastIfindex = ifindex;
      lastId = interfaceOf(ifindex);
    }
    captured += headerLength;
    offset[row] = header;
    capturedLength[row] = Math.min(captured, snapLength);
    originalLength[row] = original + headerLength;
    seconds[row] = words[word + SEC]! >>> 0;
    nanoseconds[row] = words[word + NSEC]!;
    interfaceId[row] = lastId;
    flags[row] = FLAGS[pkttype]!;
    keep[row] = 1;
    at += words[word + NEXT]!;
  }
  block.count = count;
}
