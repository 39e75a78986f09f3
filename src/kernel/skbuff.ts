import { fold, sum } from '../bytes/checksum.ts';
import { IFF_LOOPBACK } from '../uapi/if.ts';
import { NOT_SPECIFIED } from './drop-reason.ts';
import {
  CHECKSUM_NONE,
  CHECKSUM_PARTIAL,
  type Net,
  type NetDevice,
  NO_SKB_HEAD,
  SkBuff,
  type SkBuffHead,
  SkbHead,
  type Sock,
} from './structs.ts';

/** Socket buffers: allocation, reference counts, the four pointers, queues. Memory comes from free lists and goes back
 * to them, so who drops a buffer must free it exactly once (`kfreeSkb` for a loss, `consumeSkb` for an end as meant). */

// Sizes on x86-64 as Linux 6.18 has them; they decide truesize, and so when a socket's buffer is full.
const SMP_CACHE_BYTES = 64;
const SIZEOF_SKB_SHARED_INFO = 320;
const SIZEOF_SK_BUFF_ALIGNED = 256;
/** Object size of skb_small_head_cache (measured: a short datagram over loopback is charged 832). */
const SMALL_HEAD_SIZE = 576;
const PAGE_SIZE = 4096;
const KMALLOC_MAX_CACHE = 8192;

/** SKB_MAX_ALLOC: largest linear buffer that ip_append_data makes where the device takes pages. */
export const SKB_MAX_ALLOC = (PAGE_SIZE << 2) - SIZEOF_SKB_SHARED_INFO;

/** SKB_TRUESIZE of an empty buffer: the least that any buffer is charged (net/core/sock.c's minima rest on it). */
export const SKB_TRUESIZE_OVERHEAD = SIZEOF_SK_BUFF_ALIGNED + SIZEOF_SKB_SHARED_INFO;

// net_device features that matter here.
export const NETIF_F_HW_CSUM = 1;
export const NETIF_F_SG = 2;
export const NETIF_F_FRAGLIST = 4;
export const NETIF_F_HW_VLAN_TX = 8;
export const NETIF_F_LOOPBACK = 16;

/** Bytes that kmalloc really gives for a head of `size` (kmalloc_size_roundup after SKB_HEAD_ALIGN). */
export function headSize(size: number): number {
  const wanted = ((size + SMP_CACHE_BYTES - 1) & ~(SMP_CACHE_BYTES - 1)) + SIZEOF_SKB_SHARED_INFO;
  if (wanted <= SMALL_HEAD_SIZE) return SMALL_HEAD_SIZE;
  let rounded = 1024;
  while (rounded < wanted && rounded < KMALLOC_MAX_CACHE) rounded <<= 1;
  if (rounded >= wanted) return rounded;
  let pages = KMALLOC_MAX_CACHE << 1;
  while (pages < wanted) pages <<= 1;
  return pages;
}

/** truesize of a buffer allocated with `size` bytes of room. */
export const headTruesize = (size: number): number => headSize(size) + SIZEOF_SK_BUFF_ALIGNED;

/** Free heads by size, each a stack. */
const freeHeads = new Map<number, SkbHead[]>();
const freeSmall: SkbHead[] = [];
const freeBuffs: SkBuff[] = [];
const KEEP = 8192;
freeHeads.set(SMALL_HEAD_SIZE, freeSmall);

/** Head memory is cut from pieces of this size, since an ArrayBuffer of its own costs ten times a view. */
const SLAB = 1 << 18;

function refill(size: number, list: SkbHead[]): SkbHead {
  const room = size - SIZEOF_SKB_SHARED_INFO;
  if (size >= 16384) return new SkbHead(new Uint8Array(room));
  const slab = new ArrayBuffer(SLAB);
  for (let at = 0; at + room <= SLAB; at += room) list.push(new SkbHead(new Uint8Array(slab, at, room)));
  return list.pop()!;
}

function takeHead(size: number): SkbHead {
  let list = freeSmall;
  if (size !== SMALL_HEAD_SIZE) {
    const found = freeHeads.get(size);
    if (found === undefined) freeHeads.set(size, (list = []));
    else list = found;
  }
  const head = list.length > 0 ? list.pop()! : refill(size, list);
  head.refs = 1;
  return head;
}

function giveHead(head: SkbHead): void {
  if (--head.refs > 0) return;
  const size = head.bytes.length + SIZEOF_SKB_SHARED_INFO;
  const list = size === SMALL_HEAD_SIZE ? freeSmall : freeHeads.get(size);
  if (list !== undefined && list.length < KEEP) list.push(head);
}

/** A buffer with `size` bytes of room, empty. Contents are whatever was there before. */
export function allocSkb(size: number): SkBuff {
  const ksize = headSize(size);
  const skb = freeBuffs.length > 0 ? freeBuffs.pop()! : new SkBuff();
  const head = takeHead(ksize);
  skb.buf = head;
  skb.head = head.bytes;
  skb.end = head.bytes.length;
  skb.truesize = ksize + SIZEOF_SK_BUFF_ALIGNED;
  skb.users = 1;
  return skb;
}

function releaseData(skb: SkBuff): void {
  if (skb.fragList !== null) {
    let piece: SkBuff | null = skb.fragList;
    skb.fragList = null;
    while (piece !== null) {
      const next: SkBuff | null = piece.next;
      piece.next = null;
      free(piece);
      piece = next;
    }
  }
  giveHead(skb.buf);
}

function free(skb: SkBuff): void {
  if (--skb.users > 0) return;
  if (skb.users < 0) throw new Error('sk_buff freed twice');
  if (skb.destructor !== null) {
    const destructor = skb.destructor;
    skb.destructor = null;
    destructor(skb);
  }
  releaseData(skb);
  reset(skb);
  if (freeBuffs.length < KEEP) freeBuffs.push(skb);
}

function reset(skb: SkBuff): void {
  skb.next = null;
  skb.prev = null;
  skb.list = null;
  skb.buf = NO_SKB_HEAD;
  skb.head = NO_SKB_HEAD.bytes;
  skb.data = 0;
  skb.tail = 0;
  skb.len = 0;
  skb.dataLen = 0;
  skb.macHeader = 0;
  skb.macLen = 0;
  skb.networkHeader = 0;
  skb.transportHeader = 0;
  skb.dev = null;
  skb.sk = null;
  skb.destructorArg = 0;
  skb.dst = null;
  skb.protocol = 0;
  skb.pktType = 0;
  skb.ipSummed = CHECKSUM_NONE;
  skb.csumStart = 0;
  skb.csumOffset = 0;
  skb.csumLevel = 0;
  skb.csum = 0;
  skb.csumValid = false;
  skb.ignoreDf = false;
  skb.priority = 0;
  skb.mark = 0;
  skb.hash = 0;
  skb.l4Hash = false;
  skb.queueMapping = 0;
  skb.skbIif = 0;
  skb.vlanPresent = false;
  skb.vlanTci = 0;
  skb.vlanProto = 0;
  skb.tstampSec = 0;
  skb.tstampNsec = 0;
  skb.cloned = false;
  skb.iif = 0;
  skb.cbFlags = 0;
  skb.fragMaxSize = 0;
  skb.specDst = 0;
  skb.opt = null;
  skb.opt6 = null;
  skb.dropcount = 0;
  skb.origlen = 0;
  skb.sllHatype = 0;
  skb.sllHalen = 0;
  skb.peeked = false;
  skb.csumCoverage = 0;
  skb.partialCov = false;
  skb.gsoSize = 0;
  skb.gsoType = 0;
  skb.id = 0;
  skb.errInfo = null;
  skb.txStamp = null;
  skb.skbMstamp = 0;
  skb.brPort = null;
}

/** Ends a packet that was lost, and says why. */
export function kfreeSkb(net: Net, skb: SkBuff, reason: string = NOT_SPECIFIED, where = ''): void {
  if (net.tracer !== null && skb.users === 1) net.tracer.drop(net, where, skb, reason);
  free(skb);
}

/** Ends a packet that came to its proper end. */
export function consumeSkb(skb: SkBuff): void {
  free(skb);
}

export function skbGet(skb: SkBuff): SkBuff {
  skb.users++;
  return skb;
}

// ---- pointers ----

/** Keeps `length` bytes free in front; only on an empty buffer. */
export function skbReserve(skb: SkBuff, length: number): void {
  skb.data += length;
  skb.tail += length;
}

/** Adds `length` bytes at the end; returns where they begin. */
export function skbPut(skb: SkBuff, length: number): number {
  const at = skb.tail;
  skb.tail += length;
  skb.len += length;
  if (skb.tail > skb.end) throw new Error('skb_over_panic');
  return at;
}

/** Adds `length` bytes in front; returns where they begin. */
export function skbPush(skb: SkBuff, length: number): number {
  skb.data -= length;
  skb.len += length;
  if (skb.data < 0) throw new Error('skb_under_panic');
  return skb.data;
}

/** Takes `length` bytes off the front. */
export function skbPull(skb: SkBuff, length: number): void {
  skb.data += length;
  skb.len -= length;
}

export const skbHeadlen = (skb: SkBuff): number => skb.len - skb.dataLen;
export const skbHeadroom = (skb: SkBuff): number => skb.data;
export const skbTailroom = (skb: SkBuff): number => (skb.dataLen > 0 ? 0 : skb.end - skb.tail);

/** Cuts the packet to `length` bytes. */
export function skbTrim(net: Net, skb: SkBuff, length: number): void {
  if (skb.len <= length) return;
  if (skb.dataLen > 0) skbLinearize(net, skb);
  skb.len = length;
  skb.tail = skb.data + length;
}

/** pskb_trim_rcsum: what a checksum said of the whole no longer holds. */
export function pskbTrimRcsum(net: Net, skb: SkBuff, length: number): void {
  if (skb.len <= length) return;
  skbTrim(net, skb, length);
}

/** At least `length` bytes of the packet lie in the linear part; false where it is shorter. */
export function pskbMayPull(net: Net, skb: SkBuff, length: number): boolean {
  if (length <= skb.len - skb.dataLen) return true;
  if (length > skb.len) return false;
  skbLinearize(net, skb);
  return true;
}

// ---- copies ----

/** Copies bytes. Short pieces by a loop: a view per call costs more than the copy (measured: break-even at 60 bytes). */
export function copyBytes(to: Uint8Array, toAt: number, from: Uint8Array, fromAt: number, length: number): void {
  if (length < 60) for (let i = 0; i < length; i++) to[toAt + i] = from[fromAt + i]!;
  else to.set(from.subarray(fromAt, fromAt + length), toAt);
}

/** Copies `length` bytes from `offset` of the packet, over all its pieces. */
export function skbCopyBits(skb: SkBuff, offset: number, to: Uint8Array, toAt: number, length: number): void {
  const linear = skb.len - skb.dataLen;
  if (offset < linear) {
    const n = Math.min(length, linear - offset);
    copyBytes(to, toAt, skb.head, skb.data + offset, n);
    toAt += n;
    length -= n;
    offset = 0;
  } else offset -= linear;
  for (let piece = skb.fragList; piece !== null && length > 0; piece = piece.next) {
    if (offset >= piece.len) {
      offset -= piece.len;
      continue;
    }
    const n = Math.min(length, piece.len - offset);
    copyBytes(to, toAt, piece.head, piece.data + offset, n);
    toAt += n;
    length -= n;
    offset = 0;
  }
}

/** Sum (not folded) of `length` bytes from `offset`, over all pieces. */
export function skbChecksum(skb: SkBuff, offset: number, length: number, initial = 0): number {
  const linear = skb.len - skb.dataLen;
  if (skb.fragList === null) return sum(skb.head, skb.data + offset, skb.data + offset + length, initial);
  let total = initial;
  let odd = false;
  const add = (bytes: Uint8Array, at: number, n: number): void => {
    let part = fold(sum(bytes, at, at + n));
    // RFC 1071: a piece that starts at an odd byte counts with its bytes swapped.
    if (odd) part = ((part & 0xff) << 8) | (part >>> 8);
    total += part;
    if (n & 1) odd = !odd;
  };
  if (offset < linear) {
    const n = Math.min(length, linear - offset);
    add(skb.head, skb.data + offset, n);
    length -= n;
    offset = 0;
  } else offset -= linear;
  for (let piece: SkBuff | null = skb.fragList; piece !== null && length > 0; piece = piece.next) {
    if (offset >= piece.len) {
      offset -= piece.len;
      continue;
    }
    const n = Math.min(length, piece.len - offset);
    add(piece.head, piece.data + offset, n);
    length -= n;
    offset = 0;
  }
  return total;
}

/** A second buffer over the same memory. Neither may write to the bytes while both live (skbCowHead first). */
export function skbClone(skb: SkBuff): SkBuff {
  const clone = freeBuffs.length > 0 ? freeBuffs.pop()! : new SkBuff();
  copyHeader(clone, skb);
  skb.buf.refs++;
  clone.buf = skb.buf;
  clone.head = skb.head;
  clone.end = skb.end;
  clone.truesize = skb.truesize;
  clone.users = 1;
  clone.cloned = true;
  skb.cloned = true;
  if (skb.fragList !== null) {
    let last: SkBuff | null = null;
    for (let piece: SkBuff | null = skb.fragList; piece !== null; piece = piece.next) {
      const copy = skbClone(piece);
      if (last === null) clone.fragList = copy;
      else last.next = copy;
      last = copy;
    }
  }
  return clone;
}

function copyHeader(to: SkBuff, from: SkBuff): void {
  to.data = from.data;
  to.tail = from.tail;
  to.len = from.len;
  to.dataLen = from.dataLen;
  to.macHeader = from.macHeader;
  to.macLen = from.macLen;
  to.networkHeader = from.networkHeader;
  to.transportHeader = from.transportHeader;
  to.dev = from.dev;
  to.dst = from.dst;
  to.protocol = from.protocol;
  to.pktType = from.pktType;
  to.ipSummed = from.ipSummed;
  to.csumStart = from.csumStart;
  to.csumOffset = from.csumOffset;
  to.csumLevel = from.csumLevel;
  to.csumValid = from.csumValid;
  to.ignoreDf = from.ignoreDf;
  to.priority = from.priority;
  to.mark = from.mark;
  to.hash = from.hash;
  to.l4Hash = from.l4Hash;
  to.queueMapping = from.queueMapping;
  to.skbIif = from.skbIif;
  to.vlanPresent = from.vlanPresent;
  to.vlanTci = from.vlanTci;
  to.vlanProto = from.vlanProto;
  to.tstampSec = from.tstampSec;
  to.tstampNsec = from.tstampNsec;
  to.iif = from.iif;
  to.cbFlags = from.cbFlags;
  to.fragMaxSize = from.fragMaxSize;
  to.opt = from.opt;
  to.opt6 = from.opt6;
  to.origlen = from.origlen;
  to.csumCoverage = from.csumCoverage;
  to.partialCov = from.partialCov;
  to.gsoSize = from.gsoSize;
  to.gsoType = from.gsoType;
  to.id = from.id;
  to.txStamp = from.txStamp;
  to.brPort = from.brPort;
}

/** A copy with memory of its own, linear, with `headroom` bytes in front (skb_copy_expand). */
export function skbCopy(net: Net, skb: SkBuff, headroom = skb.data, tailroom = 0): SkBuff {
  const copy = allocSkb(headroom + skb.len + tailroom);
  const { truesize, end } = copy;
  copyHeader(copy, skb);
  copy.truesize = truesize;
  copy.end = end;
  // Everything before the data comes along too: the link header lies there.
  const before = Math.min(headroom, skb.data);
  copyBytes(copy.head, headroom - before, skb.head, skb.data - before, before);
  skbCopyBits(skb, 0, copy.head, headroom, skb.len);
  net.copies.within++;
  const shift = headroom - skb.data;
  copy.data = headroom;
  copy.tail = headroom + skb.len;
  copy.dataLen = 0;
  shiftHeaders(copy, shift);
  return copy;
}

function shiftHeaders(skb: SkBuff, shift: number): void {
  skb.macHeader += shift;
  skb.networkHeader += shift;
  skb.transportHeader += shift;
  skb.csumStart += shift;
}

/** Moves all pieces into one linear one, in memory of its own. */
export function skbLinearize(net: Net, skb: SkBuff): void {
  if (skb.dataLen === 0) return;
  expand(net, skb, skb.data, 0);
}

/** New memory for the same packet: `headroom` bytes in front, `tailroom` behind; linear. truesize stays, as it does in
 * pskb_expand_head for a buffer that a socket is charged for. */
function expand(net: Net, skb: SkBuff, headroom: number, tailroom: number): void {
  const head = takeHead(headSize(headroom + skb.len + tailroom));
  const before = Math.min(headroom, skb.data);
  copyBytes(head.bytes, headroom - before, skb.head, skb.data - before, before);
  skbCopyBits(skb, 0, head.bytes, headroom, skb.len);
  net.copies.within++;
  const shift = headroom - skb.data;
  releaseData(skb);
  skb.buf = head;
  skb.head = head.bytes;
  skb.end = head.bytes.length;
  skb.data = headroom;
  skb.tail = headroom + skb.len;
  skb.dataLen = 0;
  skb.cloned = false;
  shiftHeaders(skb, shift);
}

export const skbCloned = (skb: SkBuff): boolean => skb.buf.refs > 1;
export const skbShared = (skb: SkBuff): boolean => skb.users > 1;

/** The packet's bytes may be written after this, and `headroom` bytes fit in front. */
export function skbCow(net: Net, skb: SkBuff, headroom: number): void {
  if (skb.buf.refs > 1 || skb.data < headroom) expand(net, skb, Math.max(headroom, skb.data), 0);
}

/** skb_share_check: a buffer that others hold too is replaced by a clone; gives up the caller's hold of `skb`. */
export function skbShareCheck(skb: SkBuff): SkBuff {
  if (skb.users === 1) return skb;
  const clone = skbClone(skb);
  skb.users--;
  return clone;
}

/** skb_unshare: memory of its own. */
export function skbUnshare(net: Net, skb: SkBuff): SkBuff {
  if (skb.buf.refs === 1) return skb;
  const copy = skbCopy(net, skb);
  free(skb);
  return copy;
}

/** Fills the checksum that was left to the device (skb_checksum_help). */
export function skbChecksumHelp(net: Net, skb: SkBuff): void {
  if (skb.ipSummed !== CHECKSUM_PARTIAL) return;
  skbCow(net, skb, skb.data);
  const offset = skb.csumStart - skb.data;
  let value = ~fold(skbChecksum(skb, offset, skb.len - offset)) & 0xffff;
  // CSUM_MANGLED_0: a UDP checksum of 0 would say that there is none.
  if (value === 0) value = 0xffff;
  const at = skb.csumStart + skb.csumOffset;
  skb.head[at] = value >>> 8;
  skb.head[at + 1] = value;
  skb.ipSummed = CHECKSUM_NONE;
}

// ---- charging ----

/** sock_wfree: memory of a sent packet returns to its socket. */
export function sockWfree(skb: SkBuff): void {
  const sk = skb.sk!;
  sk.wmemAlloc -= skb.truesize;
  if (!sk.dead) sk.writeSpace();
  skb.sk = null;
}

/** sock_rfree */
export function sockRfree(skb: SkBuff): void {
  const sk = skb.sk!;
  sk.rmemAlloc -= skb.truesize;
  skb.sk = null;
}

export function skbOrphan(skb: SkBuff): void {
  if (skb.destructor !== null) {
    const destructor = skb.destructor;
    skb.destructor = null;
    destructor(skb);
  }
  skb.sk = null;
}

export function skbSetOwnerW(skb: SkBuff, sk: Sock): void {
  skbOrphan(skb);
  skb.sk = sk;
  skb.destructor = sockWfree;
  sk.wmemAlloc += skb.truesize;
}

export function skbSetOwnerR(skb: SkBuff, sk: Sock): void {
  skbOrphan(skb);
  skb.sk = sk;
  skb.destructor = sockRfree;
  sk.rmemAlloc += skb.truesize;
}

// ---- queues ----

export function skbQueueTail(list: SkBuffHead, skb: SkBuff): void {
  skb.list = list;
  skb.next = null;
  skb.prev = list.last;
  if (list.last === null) list.first = skb;
  else list.last.next = skb;
  list.last = skb;
  list.qlen++;
}

export function skbQueueHead(list: SkBuffHead, skb: SkBuff): void {
  skb.list = list;
  skb.prev = null;
  skb.next = list.first;
  if (list.first === null) list.last = skb;
  else list.first.prev = skb;
  list.first = skb;
  list.qlen++;
}

export function skbDequeue(list: SkBuffHead): SkBuff | null {
  const skb = list.first;
  if (skb === null) return null;
  const next = skb.next;
  list.first = next;
  if (next === null) list.last = null;
  else next.prev = null;
  list.qlen--;
  skb.next = null;
  skb.list = null;
  return skb;
}

export function skbUnlink(skb: SkBuff, list: SkBuffHead): void {
  if (skb.prev === null) list.first = skb.next;
  else skb.prev.next = skb.next;
  if (skb.next === null) list.last = skb.prev;
  else skb.next.prev = skb.prev;
  skb.next = null;
  skb.prev = null;
  skb.list = null;
  list.qlen--;
}

export function skbQueuePurge(list: SkBuffHead): void {
  for (let skb = skbDequeue(list); skb !== null; skb = skbDequeue(list)) free(skb);
}

// ---- headers ----

export const skbResetMacHeader = (skb: SkBuff): void => {
  skb.macHeader = skb.data;
};
export const skbResetNetworkHeader = (skb: SkBuff): void => {
  skb.networkHeader = skb.data;
};
export const skbResetTransportHeader = (skb: SkBuff): void => {
  skb.transportHeader = skb.data;
};

/** LL_RESERVED_SPACE: room in front of a packet for the device's header, in multiples of 16. */
export const llReservedSpace = (dev: NetDevice): number => ((dev.hardHeaderLen + dev.neededHeadroom) & ~15) + 16;

/** SKB_TRUESIZE */
export const skbTruesize = (size: number): number => size + SKB_TRUESIZE_OVERHEAD;

/** Device of the host itself. */
export const isLoopback = (dev: NetDevice): boolean => (dev.flags & IFF_LOOPBACK) !== 0;

/** A buffer filled from `length` bytes that a device received; counts as the copy from the device. */
export function skbFromDevice(net: Net, dev: NetDevice, bytes: Uint8Array, at: number, length: number): SkBuff {
  // NET_SKB_PAD and NET_IP_ALIGN: room for another header in front, and IP on a multiple of 4.
  const skb = allocSkb(64 + 2 + length);
  skbReserve(skb, 66);
  copyBytes(skb.head, skbPut(skb, length), bytes, at, length);
  net.copies.fromDevice++;
  skb.dev = dev;
  return skb;
}
