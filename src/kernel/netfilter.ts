import { EPERM } from '../uapi/errno.ts';
import { NETFILTER_DROP } from './drop-reason.ts';
import { kfreeSkb } from './skbuff.ts';
import type { Net, NetDevice, SkBuff, Sock } from './structs.ts';

/** The five places at which others may look at a packet of IPv4 or IPv6 (linux/netfilter.h). */

export const NF_INET_PRE_ROUTING = 0;
export const NF_INET_LOCAL_IN = 1;
export const NF_INET_FORWARD = 2;
export const NF_INET_LOCAL_OUT = 3;
export const NF_INET_POST_ROUTING = 4;

export const NF_DROP = 0;
export const NF_ACCEPT = 1;
/** The hook has taken the packet; it is its own now. */
export const NF_STOLEN = 2;

export interface NfHook {
  readonly pf: 2 | 10;
  readonly hooknum: number;
  /** Lower ones see the packet first. */
  readonly priority: number;
  readonly hook: (
    skb: SkBuff,
    state: { net: Net; in: NetDevice | null; out: NetDevice | null; sk: Sock | null },
  ) => number;
}

export const NETFILTER_KEY = 6;
interface NetfilterState {
  readonly hooks: (NfHook[] | null)[];
}

export function nfRegisterHook(net: Net, hook: NfHook): () => void {
  const state = (net.gen[NETFILTER_KEY] ??= { hooks: new Array(10).fill(null) }) as NetfilterState;
  const index = (hook.pf === 2 ? 0 : 5) + hook.hooknum;
  const list = (state.hooks[index] ??= []);
  let at = list.findIndex((other) => other.priority > hook.priority);
  if (at < 0) at = list.length;
  list.splice(at, 0, hook);
  return () => {
    list.splice(list.indexOf(hook), 1);
    if (list.length === 0) state.hooks[index] = null;
  };
}

/** 1: go on; 0: another has it; -errno: dropped and freed. */
export function nfHook(
  net: Net,
  pf: number,
  hooknum: number,
  sk: Sock | null,
  skb: SkBuff,
  indev: NetDevice | null,
  outdev: NetDevice | null,
): number {
  const state = net.gen[NETFILTER_KEY] as NetfilterState | undefined;
  if (state === undefined) return 1;
  const list = state.hooks[(pf === 2 ? 0 : 5) + hooknum];
  if (list === null || list === undefined) return 1;
  for (const { hook } of list) {
    const verdict = hook(skb, { net, in: indev, out: outdev, sk });
    if (verdict === NF_ACCEPT) continue;
    if (verdict === NF_STOLEN) return 0;
    kfreeSkb(net, skb, NETFILTER_DROP, 'nf_hook_slow');
    return -EPERM;
  }
  return 1;
}
