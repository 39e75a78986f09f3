import { IFF_LOOPBACK, IFF_NOARP } from '../../uapi/if.ts';
import {
  IFA_F_DADFAILED,
  IFA_F_NODAD,
  IFA_F_OPTIMISTIC,
  IFA_F_PERMANENT,
  IFA_F_TENTATIVE,
} from '../../uapi/if_addr.ts';
import type { Inet6Dev, Inet6Ifaddr, Net, NetDevice } from '../structs.ts';
import {
  addrconfAddrSolictMult,
  IFA_LINK,
  IN6ADDR_ANY,
  IN6ADDR_LINKLOCAL_ALLNODES,
  IN6ADDR_LINKLOCAL_ALLROUTERS,
  in6Equal,
} from './addr.ts';
import { ipv6GetLladdr } from './inet6-addr.ts';
import {
  delDadWork,
  IF_RA_RCVD,
  IF_READY,
  IF_RS_SENT,
  ipv6AcceptRa,
  ipv6DelAddr,
  joinSolict,
  linkLocalOf,
  MIN_DELAY,
  notifyNew,
  SECOND,
  STATE_DAD,
  STATE_DEAD,
  STATE_ERRDAD,
  STATE_POSTDAD,
  STATE_PREDAD,
} from './inet6-ifaddr.ts';
import { ipv6 } from './ipv6.ts';
import { ipv6McDadComplete } from './mld.ts';
import { ndiscSendNa, ndiscSendNs, ndiscSendRs } from './nd-send.ts';

/** Duplicate address detection, RFC 4862 5.4 with RFC 7527, and solicitations of routers (part of net/ipv6/addrconf.c). */

/** addrconf_ifdown, registered by addrconf.ts: a link-local address that is another's may end IPv6 on its device. */
let ifdown: (dev: NetDevice, unregister: boolean) => void = () => {};
export function dadSetIfdown(made: typeof ifdown): void {
  ifdown = made;
}

// ---- duplicate address detection ----

function modDadWork(ifp: Inet6Ifaddr, delay: number): void {
  delDadWork(ifp);
  ifp.dadCancel = ifp.idev.dev.net.clock.after(delay, () => {
    ifp.dadCancel = null;
    dadWork(ifp);
  });
}

/** addrconf_dad_start */
export function addrconfDadStart(ifp: Inet6Ifaddr): void {
  if (ifp.state === STATE_DEAD) return;
  ifp.state = STATE_PREDAD;
  modDadWork(ifp, 0);
}

function dadWork(ifp: Inet6Ifaddr): void {
  const { idev } = ifp;
  const { dev } = idev;
  if (ifp.state === STATE_PREDAD) {
    ifp.state = STATE_DAD;
    dadBegin(ifp);
    return;
  }
  if (ifp.state === STATE_ERRDAD) {
    ifp.state = STATE_POSTDAD;
    const strict = ipv6(dev.net).all.acceptDad > 1 || idev.cnf.acceptDad > 1;
    const fromMac = ifp.scope === IFA_LINK && in6Equal(ifp.addr, linkLocalOf(dev));
    const disable = strict && idev.cnf.disableIpv6 === 0 && fromMac;
    if (disable) idev.cnf.disableIpv6 = 1;
    dadStop(ifp, true);
    if (disable) ifdown(dev, false);
    return;
  }
  if (idev.dead || !(idev.ifFlags & IF_READY) || ifp.state === STATE_DEAD) return;
  if (ifp.dadProbes === 0) {
    dadDone(ifp, false);
    return;
  }
  ifp.dadProbes--;
  modDadWork(ifp, Math.max(idev.ndParms!.retransTime, MIN_DELAY));
  ndiscSendNs(dev, ifp.addr, addrconfAddrSolictMult(ifp.addr), IN6ADDR_ANY, ifp.dadNonce);
}

function dadDone(ifp: Inet6Ifaddr, sendNa: boolean): void {
  const bump = (ifp.flags & IFA_F_TENTATIVE) !== 0;
  ifp.flags &= ~(IFA_F_TENTATIVE | IFA_F_OPTIMISTIC | IFA_F_DADFAILED);
  dadCompleted(ifp, bump, sendNa);
}

function dadBegin(ifp: Inet6Ifaddr): void {
  const { idev } = ifp;
  const { dev } = idev;
  joinSolict(dev, ifp.addr);
  if (
    dev.flags & (IFF_NOARP | IFF_LOOPBACK) ||
    (ipv6(dev.net).all.acceptDad < 1 && idev.cnf.acceptDad < 1) ||
    !(ifp.flags & IFA_F_TENTATIVE) ||
    ifp.flags & IFA_F_NODAD
  ) {
    dadDone(ifp, (ifp.flags & IFA_F_TENTATIVE) !== 0 && !(ifp.flags & IFA_F_OPTIMISTIC));
    return;
  }
  if (!(idev.ifFlags & IF_READY)) {
    // Kept, tentative, until the device is.
    dadStop(ifp, false);
    return;
  }
  dadKick(ifp);
}

export function dadKick(ifp: Inet6Ifaddr): void {
  const { idev } = ifp;
  const { net } = idev.dev;
  const delay = ifp.flags & IFA_F_OPTIMISTIC ? 0 : (net.random() / 0x100000000) * idev.cnf.rtrSolicitDelay * SECOND;
  ifp.dadNonce = null;
  if (idev.cnf.enhancedDad !== 0 || ipv6(net).all.enhancedDad !== 0) {
    const [a, b] = [net.random(), net.random()];
    ifp.dadNonce = Uint8Array.of(a | 1, a >>> 8, a >>> 16, a >>> 24, b, b >>> 8);
  }
  ifp.dadProbes = idev.cnf.dadTransmits;
  modDadWork(ifp, delay);
}

/** addrconf_dad_stop */
function dadStop(ifp: Inet6Ifaddr, failed: boolean): void {
  if (failed) ifp.flags |= IFA_F_DADFAILED;
  if (!(ifp.flags & IFA_F_PERMANENT) && failed) {
    ipv6DelAddr(ifp);
    return;
  }
  delDadWork(ifp);
  ifp.flags |= IFA_F_TENTATIVE;
  if (failed) ifp.flags &= ~IFA_F_OPTIMISTIC;
}

/** addrconf_dad_failure: somebody else has the address. */
export function addrconfDadFailure(_net: Net, ifp: Inet6Ifaddr): void {
  if (ifp.state !== STATE_DAD) return;
  ifp.state = STATE_ERRDAD;
  modDadWork(ifp, 0);
}

/** ipv6_lonely_lladdr: the device's first link-local address. */
const lonelyLladdr = (ifp: Inet6Ifaddr): boolean =>
  !ifp.idev.addrList.some(
    (other) =>
      other !== ifp &&
      other.scope === IFA_LINK &&
      (other.flags & (IFA_F_PERMANENT | IFA_F_TENTATIVE | IFA_F_OPTIMISTIC | IFA_F_DADFAILED)) === IFA_F_PERMANENT,
  );

function dadCompleted(ifp: Inet6Ifaddr, bump: boolean, sendNa: boolean): void {
  const { idev } = ifp;
  const { dev } = idev;
  const { net } = dev;
  delDadWork(ifp);
  notifyNew(net, ifp);
  const sendMld = ifp.scope === IFA_LINK && lonelyLladdr(ifp);
  const sendRs = sendMld && ipv6AcceptRa(idev) && idev.cnf.rtrSolicits !== 0 && !(dev.flags & IFF_LOOPBACK);
  if (sendMld) ipv6McDadComplete(idev);
  if (sendNa && (idev.cnf.ndiscNotify !== 0 || ipv6(net).all.ndiscNotify !== 0))
    ndiscSendNa(dev, IN6ADDR_LINKLOCAL_ALLNODES, ifp.addr, {
      router: idev.cnf.forwarding !== 0,
      solicited: false,
      override: true,
      withAddress: true,
    });
  if (sendRs) {
    const lladdr = ipv6GetLladdr(dev, IFA_F_TENTATIVE);
    if (lladdr === null) return;
    ndiscSendRs(dev, lladdr, IN6ADDR_LINKLOCAL_ALLROUTERS);
    // RFC 3315 14: the first time within a tenth of the interval.
    idev.rsInterval = idev.cnf.rtrSolicitInterval * SECOND * between(net, 0.9, 1.1);
    idev.rsProbes = 1;
    idev.ifFlags |= IF_RS_SENT;
    modRsTimer(idev, idev.rsInterval);
  }
  if (bump) net.rtGenid6++;
}

const between = (net: Net, low: number, high: number): number => low + (net.random() / 0x100000000) * (high - low);

function modRsTimer(idev: Inet6Dev, delay: number): void {
  idev.rsCancel?.();
  idev.rsCancel = idev.dev.net.clock.after(delay, () => {
    idev.rsCancel = null;
    rsTimer(idev);
  });
}

function rsTimer(idev: Inet6Dev): void {
  const { dev, cnf } = idev;
  if (idev.dead || !(idev.ifFlags & IF_READY) || !ipv6AcceptRa(idev) || idev.ifFlags & IF_RA_RCVD) return;
  const probes = idev.rsProbes++;
  if (probes >= cnf.rtrSolicits && cnf.rtrSolicits >= 0) return;
  const lladdr = ipv6GetLladdr(dev, IFA_F_TENTATIVE);
  if (lladdr === null) return;
  ndiscSendRs(dev, lladdr, IN6ADDR_LINKLOCAL_ALLROUTERS);
  const max = cnf.rtrSolicitMaxInterval * SECOND;
  let interval = idev.rsInterval * between(dev.net, 1.9, 2.1);
  if (interval > max) interval = max * between(dev.net, 0.9, 1.1);
  idev.rsInterval = interval;
  modRsTimer(idev, idev.rsProbes === cnf.rtrSolicits ? cnf.rtrSolicitDelay * SECOND : interval);
}
