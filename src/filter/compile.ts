/** The compiler of the filter language: pcap-filter(7) of libpcap 1.10 to classic BPF. */

import { acceptable } from './acceptable.ts';
import type { Expression } from './ast.ts';
import { emit } from './emit.ts';
import { FilterError } from './error.ts';
import { generate } from './gencode/expression.ts';
import { commonNames, type Names, type Resolver } from './names.ts';
import { optimize } from './optimize/optimize.ts';
import { parse } from './parser.ts';
import type { BpfProgram } from './program.ts';

export { FilterError, type FilterErrorCode } from './error.ts';
export { commonNames, type NameFile, type NameFileReader, type Names, namesFrom, type Resolver } from './names.ts';

/** PCAP_NETMASK_UNKNOWN: also accepted for a mask that is not known. */
const NETMASK_UNKNOWN = 0xffffffff;
/** What tcpdump takes when nothing is said. */
export const DEFAULT_SNAP_LENGTH = 262144;

export interface CompileOptions {
  /** LINKTYPE_ value of the packets (wire/linktype.ts). */
  readonly linkType: number;
  /** What the program returns for a packet that it accepts: bytes to keep, 1 to 2^32 - 1. Default 262144. */
  readonly snapLength?: number;
  /** Mask of the network that is captured on, in host order (255.255.255.0 is 0xffffff00), for `ip broadcast`. Without it
   * that primitive is an error. tcpdump takes 0 for savefiles. */
  readonly netmask?: number;
  /** Default true. */
  readonly optimize?: boolean;
  /** `libpcap` (the default) means what libpcap 1.10.3 means, traps included; `strict` means what the words say. It differs
   * in this:
   *
   * - `vlan`, `mpls`, `pppoes` and `geneve` move the headers for what is joined to them by `and`, not for what stands on
   *   the other side of an `or`, nor behind a `not`: `vlan 5 or ip` also finds IP without a tag, and `(vlan 5 or ip) and
   *   tcp` finds TCP in both.
   * - Fields of tcp, udp, sctp and pim are read over IPv6 too, where the header comes right behind IPv6's; libpcap's
   *   `ip6 and tcp[tcpflags] & tcp-syn != 0` is false for every packet.
   * - `%` binds as `*` does, and `^` between `&` and `|`, as in C; libpcap reads `len % 5 * 2` as `len % (5 * 2)`.
   * - Every field in an arithmetic expression needs its protocol: `ip[0] + tcp[0] = 5` tests for TCP, in libpcap only for
   *   the protocol of the leftmost field.
   * - `byte 0 & 1` and `byte 0 | 1` load the byte; libpcap tests what is left of the test before.
   * - On Linux cooked v2, `iso`, `stp`, `ipx`, `netbeui` and service access points are looked for in the LLC header, as on
   *   v1; libpcap compares them with the protocol field, where they never are.
   * - On SLIP, `ip` and `ip6` look at the packet, not at the direction in front of it.
   * - 802.11's `ra` and `ta` also test control frames. */
  readonly mode?: 'libpcap' | 'strict';
  /** Packets come from a file: `inbound`, `outbound` and `ifindex` are errors unless the link type's header has them, and
   * BSD loopback's IPv6 has the families of the systems that write such files. Default false. */
  readonly savefile?: boolean;
  /** The savefile is of the byte order that this program's machine has not (big endian): for LINKTYPE_NULL. */
  readonly swapped?: boolean;
  /** The program runs in Linux's kernel, on packets whose outermost VLAN tag the kernel has put into metadata: `vlan` then
   * looks there first, and in the packet second. What netlab reads from a socket has its tags put back, so programs that
   * run outside of the kernel are compiled without. */
  readonly vlanOffload?: boolean;
  /** Names of services, protocols, networks and Ethernet addresses. Default: common ones, no file is read. */
  readonly names?: Names;
  /** Addresses of host names. Default: a host name is an error. */
  readonly resolver?: Resolver;
}

/** Compiles `expression`; the empty one accepts everything. Throws FilterError for anything wrong with the expression,
 * RangeError for a snap length that is none. */
export function compile(expression: string, options: CompileOptions): BpfProgram {
  const { linkType, snapLength = DEFAULT_SNAP_LENGTH, netmask = NETMASK_UNKNOWN } = options;
  if (!Number.isInteger(snapLength) || snapLength < 1 || snapLength > 0xffffffff)
    throw new RangeError(`snapLength ${snapLength} is not an integer from 1 to 4294967295`);
  const strict = options.mode === 'strict';
  const tree = parse(expression, strict);
  const { root, neverOptimize } = generate(tree, snapLength, {
    expression,
    linkType,
    netmask: netmask >>> 0 === NETMASK_UNKNOWN ? null : netmask >>> 0,
    strict,
    savefile: options.savefile === true,
    swapped: options.swapped === true,
    vlanOffload: options.vlanOffload === true,
    names: options.names ?? commonNames,
    resolver: options.resolver ?? null,
  });
  if (options.optimize === false || neverOptimize) return acceptable(emit(root));
  const error = (code: 'ARITHMETIC' | 'REJECTS_ALL', message: string): FilterError =>
    new FilterError(code, message, expression, { at: 0, length: expression.length });
  return acceptable(emit(optimize(root, error)));
}

/** The host names in an expression, each once, in the order in which they stand: for a caller that looks them up before
 * it compiles (with a resolver that answers from what was found). Throws FilterError as `compile` does. */
export function hostNames(expression: string): string[] {
  const names = new Set<string>();
  const visit = (node: Expression): void => {
    if (node.kind === 'chain') {
      visit(node.first);
      for (const { operand } of node.rest) visit(operand);
    } else if (node.kind === 'not') visit(node.operand);
    else if (node.kind === 'id' && node.id.kind === 'name') {
      const { type, protocol } = node.qualifiers;
      if ((type === null || type === 'host') && protocol !== 'link' && protocol !== 'decnet') names.add(node.id.name);
    }
  };
  const tree = parse(expression);
  if (tree !== null) visit(tree);
  return [...names];
}
