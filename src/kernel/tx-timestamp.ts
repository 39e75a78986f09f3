import { ENOMSG } from '../uapi/errno.ts';
import { SO_EE_ORIGIN_TXSTATUS } from '../uapi/errqueue.ts';
import {
  SOF_TIMESTAMPING_OPT_ID,
  SOF_TIMESTAMPING_OPT_TSONLY,
  SOF_TIMESTAMPING_TX_ACK,
  SOF_TIMESTAMPING_TX_HARDWARE,
  SOF_TIMESTAMPING_TX_SCHED,
  SOF_TIMESTAMPING_TX_SOFTWARE,
} from '../uapi/net_tstamp.ts';
import { allocSkb, kfreeSkb, skbClone } from './skbuff.ts';
import { sockQueueErrSkb } from './sock.ts';
import type { Net, SkBuff, Sock } from './structs.ts';

/** Times at which a packet was handed to its queue and to its driver, told by the error queue of the socket that sent it
 * (SO_TIMESTAMPING; Documentation/networking/timestamping.rst, net/core/skbuff.c). No device of ours has a clock. */

// include/uapi/linux/errqueue.h: ee_info of such a message.
export const SCM_TSTAMP_SND = 0;
export const SCM_TSTAMP_SCHED = 1;

/** SOF_TIMESTAMPING_TX_RECORD_MASK: what is asked of single packets, and can be by a control message. */
export const SOF_TIMESTAMPING_TX_RECORD_MASK =
  SOF_TIMESTAMPING_TX_HARDWARE | SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_TX_SCHED | SOF_TIMESTAMPING_TX_ACK;

/** skb_setup_tx_timestamp: notes with the packet what its sender asked for, and the packet's number. `tsflags` are the
 * socket's, with what a control message changed. */
export function skbSetupTxTimestamp(sk: Sock, skb: SkBuff, tsflags: number): void {
  const asked = tsflags & SOF_TIMESTAMPING_TX_RECORD_MASK;
  if (asked === 0) return;
  const key = tsflags & SOF_TIMESTAMPING_OPT_ID ? sk.tskey++ >>> 0 : 0;
  skb.txStamp = { asked, key };
}

/** __skb_tstamp_tx: the time is now, and the socket hears of it, with a copy of the packet unless it wants the time alone. */
function skbTstampTx(net: Net, orig: SkBuff, type: number): void {
  const { sk, txStamp } = orig;
  if (sk === null) return;
  const alone = (sk.tsflags & SOF_TIMESTAMPING_OPT_TSONLY) !== 0;
  const skb = alone ? allocSkb(0) : skbClone(orig);
  const now = net.clock.realtime();
  skb.tstampSec = now.seconds;
  skb.tstampNsec = now.nanoseconds;
  skb.iif = alone ? 0 : orig.dev!.ifindex;
  skb.opt6 = null;
  skb.errInfo = {
    errno: ENOMSG,
    origin: SO_EE_ORIGIN_TXSTATUS,
    type: 0,
    code: 0,
    info: type,
    data: sk.tsflags & SOF_TIMESTAMPING_OPT_ID ? txStamp!.key : 0,
    addr: 0,
    addr6: null,
    port: 0,
    offender: 0,
    offender6: null,
    rfc4884Len: 0,
    rfc4884Flags: 0,
  };
  if (sockQueueErrSkb(sk, skb) !== 0) kfreeSkb(net, skb);
}

/** skb_tx_timestamp: a driver takes the packet. Only for packets with `txStamp`. */
export function skbTxTimestamp(net: Net, skb: SkBuff): void {
  if (skb.txStamp!.asked & SOF_TIMESTAMPING_TX_SOFTWARE) skbTstampTx(net, skb, SCM_TSTAMP_SND);
}

/** The packet comes to its device's queue. Only for packets with `txStamp`. */
export function skbSchedTimestamp(net: Net, skb: SkBuff): void {
  if (skb.txStamp!.asked & SOF_TIMESTAMPING_TX_SCHED) skbTstampTx(net, skb, SCM_TSTAMP_SCHED);
}
