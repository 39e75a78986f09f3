import { CAP_NET_ADMIN } from '../../uapi/capability.ts';
import { EACCES, EINVAL, EIO } from '../../uapi/errno.ts';
import { neighParms } from '../neighbour.ts';
import { type ProcDir, type ProcFile, procCreate, procMkdir } from '../procfs.ts';
import type { Inet6Dev, Net } from '../structs.ts';
import type { Ipv6Devconf } from '../structs-plain.ts';
import { deviceDirs, type IntOptions, intFile, type NumberKey, neighDir } from '../sysctl.ts';
import { addrconfDisableIpv6, addrconfFixupForwarding } from './addrconf.ts';
import { type Ipv6Sysctl, ipv6, ndTbl } from './ipv6.ts';

/** net.ipv6.*: sysctls of IPv6 as files of /proc/sys. */

const SYSCTL: Record<string, [NumberKey<Ipv6Sysctl>, IntOptions?]> = {
  bindv6only: ['bindv6only', { min: 0, max: 255 }],
  anycast_src_echo_reply: ['anycastSrcEchoReply', { min: 0, max: 255 }],
  flowlabel_consistency: ['flowlabelConsistency', { min: 0, max: 255 }],
  auto_flowlabels: ['autoFlowlabels', { min: 0, max: 3 }],
  flowlabel_state_ranges: ['flowlabelStateRanges', { min: 0, max: 255 }],
  flowlabel_reflect: ['flowlabelReflect', { min: 0, max: 7 }],
  fwmark_reflect: ['fwmarkReflect', { min: 0, max: 255 }],
  idgen_retries: ['idgenRetries'],
  idgen_delay: ['idgenDelay'],
  ip_nonlocal_bind: ['ipNonlocalBind', { min: 0, max: 255 }],
  max_dst_opts_number: ['maxDstOptsNumber'],
  max_hbh_opts_number: ['maxHbhOptsNumber'],
  max_dst_opts_length: ['maxDstOptsLength'],
  max_hbh_length: ['maxHbhLength'],
  mld_max_msf: ['mldMaxMsf'],
  mld_qrv: ['mldQrv', { min: 1 }],
  ip6frag_high_thresh: ['ip6fragHighThresh', { min: 0 }],
  ip6frag_low_thresh: ['ip6fragLowThresh', { min: 0 }],
  ip6frag_time: ['ip6fragTime'],
  seg6_flowlabel: ['seg6Flowlabel'],
  fib_multipath_hash_policy: ['fibMultipathHashPolicy', { min: 0, max: 3 }],
  fib_multipath_hash_fields: ['fibMultipathHashFields', { min: 1, max: 0xff }],
  fib_notify_on_flag_change: ['fibNotifyOnFlagChange', { min: 0, max: 2 }],
  'icmp/echo_ignore_all': ['icmpEchoIgnoreAll', { min: 0, max: 255 }],
  'icmp/echo_ignore_multicast': ['icmpEchoIgnoreMulticast', { min: 0, max: 255 }],
  'icmp/echo_ignore_anycast': ['icmpEchoIgnoreAnycast', { min: 0, max: 255 }],
  'icmp/error_anycast_as_unicast': ['icmpErrorAnycastAsUnicast', { min: 0, max: 1 }],
  'route/mtu_expires': ['rtMtuExpires'],
  'route/min_adv_mss': ['rtMinAdvmss'],
  'route/gc_timeout': ['rtGcTimeout'],
  'route/gc_interval': ['rtGcInterval'],
  'route/gc_thresh': ['rtGcThresh'],
  'route/gc_elasticity': ['rtGcElasticity'],
  'route/max_size': ['rtMaxSize'],
  'route/gc_min_interval_ms': ['rtGcMinIntervalMs'],
  'route/skip_notify_on_dev_down': ['rtSkipNotifyOnDevDown', { min: 0, max: 1 }],
};

const CONF: Record<string, [keyof Ipv6Devconf, IntOptions?]> = {
  forwarding: ['forwarding'],
  hop_limit: ['hopLimit', { min: 1, max: 255 }],
  mtu: ['mtu6'],
  accept_ra: ['acceptRa'],
  accept_redirects: ['acceptRedirects'],
  autoconf: ['autoconf'],
  dad_transmits: ['dadTransmits'],
  router_solicitations: ['rtrSolicits', { min: -1 }],
  router_solicitation_interval: ['rtrSolicitInterval'],
  router_solicitation_max_interval: ['rtrSolicitMaxInterval'],
  router_solicitation_delay: ['rtrSolicitDelay'],
  force_mld_version: ['forceMldVersion'],
  mldv1_unsolicited_report_interval: ['mldv1UnsolicitedReportInterval'],
  mldv2_unsolicited_report_interval: ['mldv2UnsolicitedReportInterval'],
  use_tempaddr: ['useTempaddr'],
  temp_valid_lft: ['tempValidLft'],
  temp_prefered_lft: ['tempPreferedLft'],
  regen_min_advance: ['regenMinAdvance'],
  regen_max_retry: ['regenMaxRetry'],
  max_desync_factor: ['maxDesyncFactor'],
  max_addresses: ['maxAddresses'],
  accept_ra_defrtr: ['acceptRaDefrtr'],
  ra_defrtr_metric: ['raDefrtrMetric', { min: 1 }],
  accept_ra_min_hop_limit: ['acceptRaMinHopLimit'],
  accept_ra_min_lft: ['acceptRaMinLft'],
  accept_ra_pinfo: ['acceptRaPinfo'],
  ra_honor_pio_life: ['raHonorPioLife', { min: 0, max: 255 }],
  ra_honor_pio_pflag: ['raHonorPioPflag', { min: 0, max: 255 }],
  accept_ra_rtr_pref: ['acceptRaRtrPref'],
  router_probe_interval: ['rtrProbeInterval'],
  accept_ra_rt_info_min_plen: ['acceptRaRtInfoMinPlen'],
  accept_ra_rt_info_max_plen: ['acceptRaRtInfoMaxPlen'],
  proxy_ndp: ['proxyNdp'],
  accept_source_route: ['acceptSourceRoute'],
  optimistic_dad: ['optimisticDad'],
  use_optimistic: ['useOptimistic'],
  mc_forwarding: ['mcForwarding'],
  disable_ipv6: ['disableIpv6'],
  accept_dad: ['acceptDad'],
  force_tllao: ['forceTllao'],
  ndisc_notify: ['ndiscNotify'],
  suppress_frag_ndisc: ['suppressFragNdisc'],
  accept_ra_from_local: ['acceptRaFromLocal'],
  accept_ra_mtu: ['acceptRaMtu'],
  use_oif_addrs_only: ['useOifAddrsOnly'],
  ignore_routes_with_linkdown: ['ignoreRoutesWithLinkdown'],
  drop_unicast_in_l2_multicast: ['dropUnicastInL2Multicast'],
  drop_unsolicited_na: ['dropUnsolicitedNa'],
  keep_addr_on_down: ['keepAddrOnDown'],
  seg6_enabled: ['seg6Enabled'],
  seg6_require_hmac: ['seg6RequireHmac'],
  enhanced_dad: ['enhancedDad'],
  addr_gen_mode: ['addrGenMode', { min: 0, max: 3 }],
  disable_policy: ['disablePolicy'],
  ndisc_tclass: ['ndiscTclass', { min: 0, max: 255 }],
  rpl_seg_enabled: ['rplSegEnabled'],
  ioam6_enabled: ['ioam6Enabled', { min: 0, max: 1 }],
  ioam6_id: ['ioam6Id', { min: 0, max: 0xffff }],
  ioam6_id_wide: ['ioam6IdWide', { min: 0, max: 0xffffffff }],
  ndisc_evict_nocarrier: ['ndiscEvictNocarrier', { min: 0, max: 1 }],
  accept_untracked_na: ['acceptUntrackedNa', { min: 0, max: 2 }],
  force_forwarding: ['forceForwarding', { min: 0, max: 1 }],
};

/** A directory net/ipv6/conf/NAME. `idev` null: all or default, where forwarding and disable_ipv6 of all are everybody's. */
function confDir(net: Net, conf: () => Ipv6Devconf | null, idev: () => Inet6Dev | null, all: boolean): ProcDir {
  const put = (key: keyof Ipv6Devconf, value: number): void => {
    const one = idev();
    if (key === 'forwarding' && (all || one !== null)) {
      addrconfFixupForwarding(net, one, value);
      return;
    }
    if (key === 'disableIpv6' && (all || one !== null)) {
      addrconfDisableIpv6(net, one, value);
      return;
    }
    const where = conf();
    if (where !== null) where[key] = value;
    net.rtGenid6++;
  };
  return {
    list: () => [...Object.keys(CONF), 'stable_secret'],
    get(name) {
      if (name === 'stable_secret') return { file: { read: () => -EIO } };
      const found = CONF[name];
      if (found === undefined) return null;
      const [key, options = {}] = found;
      // The MTU of IPv6 is between 1280 and the device's (addrconf_sysctl_mtu).
      const limits = key === 'mtu6' ? { min: 1280, max: idev()?.dev.mtu ?? 0x7fffffff } : options;
      return {
        file: intFile(
          net,
          () => conf()?.[key] ?? 0,
          (value) => put(key, value),
          limits,
        ),
      };
    },
  };
}

/** proc_do_large_bitmap: numbers and ranges, `0-1,3-127`. */
function bitmapFile(net: Net, bits: Uint8Array): ProcFile {
  return {
    read() {
      const parts: string[] = [];
      for (let i = 0; i < bits.length; i++) {
        if (bits[i] === 0) continue;
        let end = i;
        while (end + 1 < bits.length && bits[end + 1] !== 0) end++;
        parts.push(end > i ? `${i}-${end}` : `${i}`);
        i = end;
      }
      return `${parts.join(',')}\n`;
    },
    write(text) {
      if (!net.cred.capable(CAP_NET_ADMIN)) return -EACCES;
      const wanted = new Uint8Array(bits.length);
      for (const part of text.trim().split(',').filter(Boolean)) {
        const match = /^(\d+)(?:-(\d+))?$/.exec(part);
        if (match === null) return -EINVAL;
        const from = Number(match[1]);
        const to = Number(match[2] ?? match[1]);
        if (from > to || to >= bits.length) return -EINVAL;
        wanted.fill(1, from, to + 1);
      }
      bits.set(wanted);
      return 0;
    },
  };
}

export function sysctl6Init(net: Net): void {
  const state = ipv6(net);
  const { sysctl } = state;
  sysctl.icmpRatemask[2] = 0;
  const put = (path: string, file: ProcFile): void => procCreate(net, `/proc/sys/net/ipv6/${path}`, file);
  for (const [name, [key, options = {}]] of Object.entries(SYSCTL))
    put(
      name,
      intFile(
        net,
        () => sysctl[key],
        (value) => (sysctl[key] = value),
        options,
      ),
    );
  // Kept in ticks of 4 ms, rounded up.
  put(
    'icmp/ratelimit',
    intFile(
      net,
      () => sysctl.icmpRatelimit,
      (value) => {
        sysctl.icmpRatelimit = Math.ceil(value / 4) * 4;
      },
      { min: 0 },
    ),
  );
  put('icmp/ratemask', bitmapFile(net, sysctl.icmpRatemask));
  put(
    'route/gc_min_interval',
    intFile(
      net,
      () => Math.floor(sysctl.rtGcMinIntervalMs / 1000),
      (value) => (sysctl.rtGcMinIntervalMs = value * 1000),
      {},
    ),
  );
  put('route/flush', {
    write() {
      net.rtGenid6++;
      return 0;
    },
  });
  const dir = procMkdir(net, '/proc/sys/net/ipv6').entries;
  const none = (): null => null;
  dir.set('conf', {
    dir: deviceDirs(
      net,
      {
        all: confDir(net, () => state.all, none, true),
        default: confDir(net, () => state.dflt, none, false),
      },
      (dev) =>
        confDir(
          net,
          () => dev.ip6?.cnf ?? null,
          () => dev.ip6,
          false,
        ),
    ),
  });
  const tbl = ndTbl(net);
  dir.set('neigh', {
    dir: deviceDirs(net, { default: neighDir(net, () => tbl.parms) }, (dev) =>
      neighDir(net, () => neighParms(tbl, dev)),
    ),
  });
}
