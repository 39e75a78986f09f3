import { EBUSY, EINVAL, ENOENT, ENOMEM, EPERM } from '../uapi/errno.ts';
import { bpfPrepare, copyBpfFprog } from './filter.ts';
import type { InetSock, SockReuseport } from './inet-sock.ts';
import { kfreeSkb, skbClone } from './skbuff.ts';
import { TCP_ESTABLISHED } from './sock.ts';
import type { SkBuff, Sock } from './structs.ts';

/** Sockets that share a port by SO_REUSEPORT, and which of them gets a packet (net/core/sock_reuseport.c). */

const groupOf = (sk: InetSock): SockReuseport | null => sk.reuseportGroup;

/** reuseport_alloc: a group of one, unless it is in one. */
export function reuseportAlloc(sk: InetSock): void {
  sk.reuseportGroup ??= { socks: [sk], prog: null, hasConns: false };
}

/** reuseport_add_sock: `sk` joins the group of `other`. 0 or -errno. */
export function reuseportAddSock(sk: InetSock, other: InetSock): number {
  reuseportAlloc(other);
  const group = groupOf(other)!;
  const old = groupOf(sk);
  if (old !== null && old.socks.length !== 1) return -EBUSY;
  group.socks.push(sk);
  sk.reuseportGroup = group;
  return 0;
}

/** reuseport_detach_sock */
export function reuseportDetachSock(sk: InetSock): void {
  const group = groupOf(sk);
  if (group === null) return;
  sk.reuseportGroup = null;
  const { socks } = group;
  const at = socks.indexOf(sk);
  if (at < 0) return;
  const last = socks.pop()!;
  if (last !== sk) socks[at] = last;
}

export const reuseportHasConns = (sk: InetSock): boolean => groupOf(sk)?.hasConns ?? false;
export function reuseportHasConnsSet(sk: InetSock): void {
  const group = groupOf(sk);
  if (group !== null) group.hasConns = true;
}

/** The program sees the packet from behind the transport header of `headerLength` bytes (run_bpf_filter). */
function runFilter(group: SockReuseport, skb: SkBuff, headerLength: number): InetSock | null {
  if (skb.len < headerLength) return null;
  const seen = skb.users > 1 ? skbClone(skb) : skb;
  seen.data += headerLength;
  seen.len -= headerLength;
  const index = group.prog!.run(seen) >>> 0;
  seen.data -= headerLength;
  seen.len += headerLength;
  if (seen !== skb) kfreeSkb(group.socks[0]!.net, seen);
  return group.socks[index] ?? null;
}

/** reuseport_select_sock: the socket of the group for a flow with that hash. Null: it is in no group, or all of them are
 * connected. `skb` is null where no packet is at hand (ICMP errors): the program is not asked then. */
export function reuseportSelectSock(
  sk: InetSock,
  hash: number,
  skb: SkBuff | null,
  headerLength: number,
): InetSock | null {
  const group = groupOf(sk);
  if (group === null) return null;
  const { socks } = group;
  if (socks.length === 0) return null;
  if (group.prog !== null && skb !== null) {
    const chosen = runFilter(group, skb, headerLength);
    if (chosen !== null) return chosen;
  }
  // reciprocal_scale
  const first = Math.floor((hash / 0x100000000) * socks.length);
  for (let i = 0; i < socks.length; i++) {
    const one = socks[(first + i) % socks.length]!;
    if (one.state !== TCP_ESTABLISHED) return one;
  }
  return null;
}

/** SO_ATTACH_REUSEPORT_CBPF (sk_reuseport_attach_filter, reuseport_attach_prog). */
export function skReuseportAttachFilter(sk: Sock, value: Uint8Array, unhashed: boolean): number {
  const image = copyBpfFprog(value);
  if (typeof image === 'number') return image;
  if (sk.filterLocked) return -EPERM;
  const prog = bpfPrepare(sk.net.random, image);
  if (typeof prog === 'number') return prog;
  if (prog.length * 8 > sk.net.optmemMax) return -ENOMEM;
  const inet = sk as InetSock;
  if (unhashed) {
    if (sk.reuseport === 0) return -EINVAL;
    reuseportAlloc(inet);
  } else if ((inet.reuseportGroup ?? null) === null) return -EINVAL; // bound without SO_REUSEPORT
  groupOf(inet)!.prog = prog;
  return 0;
}

/** SO_DETACH_REUSEPORT_BPF */
export function reuseportDetachProg(sk: Sock): number {
  const group = (sk as InetSock).reuseportGroup ?? null;
  if (group === null) return sk.reuseport !== 0 ? -ENOENT : -EINVAL;
  if (group.prog === null) return -ENOENT;
  group.prog = null;
  return 0;
}
