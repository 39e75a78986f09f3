/** The compiler of the filter language: pcap-filter(7) of libpcap 1.10 to classic BPF. */
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
  /** `libpcap` (the default) means what libpcap 1.10.3 means, traps included; `strict` means what the words say. */
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
  const tree = parse(expression);
  const { root, neverOptimize } = generate(tree, snapLength, {
    expression,
    linkType,
    netmask: netmask >>> 0 === NETMASK_UNKNOWN ? null : netmask >>> 0,
    strict: options.mode === 'strict',
    savefile: options.savefile === true,
    swapped: options.swapped === true,
    vlanOffload: options.vlanOffload === true,
    names: options.names ?? commonNames,
    resolver: options.resolver ?? null,
  });
  if (options.optimize === false || neverOptimize) return emit(root);
  const error = (code: 'ARITHMETIC' | 'REJECTS_ALL', message: string): FilterError =>
    new FilterError(code, message, expression, { at: 0, length: expression.length });
  return emit(optimize(root, error));
}
