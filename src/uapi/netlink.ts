import { hostI32, hostU16, hostU32, putHostU16, putHostU32 } from './host.ts';

/** linux/netlink.h: messages and attributes of netlink(7). */

export const NETLINK_ROUTE = 0;
export const NETLINK_SOCK_DIAG = 4;
export const NETLINK_NETFILTER = 12;
export const NETLINK_KOBJECT_UEVENT = 15;
export const NETLINK_GENERIC = 16;
export const NETLINK_ADD_MEMBERSHIP = 1;
export const NETLINK_DROP_MEMBERSHIP = 2;
export const NETLINK_PKTINFO = 3;
export const NETLINK_BROADCAST_ERROR = 4;
export const NETLINK_NO_ENOBUFS = 5;
export const NETLINK_LISTEN_ALL_NSID = 8;
export const NETLINK_CAP_ACK = 10;
export const NETLINK_EXT_ACK = 11;
export const NETLINK_GET_STRICT_CHK = 12;

export const NLMSG_NOOP = 1;
export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;
export const NLMSG_OVERRUN = 4;
export const NLMSG_MIN_TYPE = 16;
export const NLMSG_ALIGNTO = 4;
export const NLMSG_HDRLEN = 16;
export const NLA_HDRLEN = 4;
export const NLMSGERR_ATTR_MSG = 1;
export const NLMSGERR_ATTR_OFFS = 2;
export const NLM_F_REQUEST = 0x1;
export const NLM_F_MULTI = 0x2;
export const NLM_F_ACK = 0x4;
export const NLM_F_ECHO = 0x8;
export const NLM_F_DUMP_INTR = 0x10;
export const NLM_F_DUMP_FILTERED = 0x20;
export const NLM_F_ROOT = 0x100;
export const NLM_F_MATCH = 0x200;
export const NLM_F_ATOMIC = 0x400;
export const NLM_F_DUMP = 0x300;
export const NLM_F_REPLACE = 0x100;
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;
export const NLM_F_APPEND = 0x800;
export const NLM_F_CAPPED = 0x100;
export const NLM_F_ACK_TLVS = 0x200;
export const NLA_F_NESTED = 0x8000;
export const NLA_F_NET_BYTEORDER = 0x4000;

export const sockaddr_nl = { sizeof: 12, nl_family: 0, nl_pid: 4, nl_groups: 8 } as const;
export const nlmsghdr = {
  sizeof: 16,
  nlmsg_len: 0,
  nlmsg_type: 4,
  nlmsg_flags: 6,
  nlmsg_seq: 8,
  nlmsg_pid: 12,
} as const;
export const nlmsgerr = { sizeof: 20, error: 0, msg: 4 } as const;
export const nlattr = { sizeof: 4, nla_len: 0, nla_type: 2 } as const;

/** NLMSG_ALIGN, NLA_ALIGN and RTA_ALIGN. */
export const NLMSG_ALIGN = (length: number): number => (length + 3) & ~3;

/** One attribute: struct nlattr (or rtattr) and data. `type` keeps NLA_F_NESTED. */
export interface NetlinkAttribute {
  type: number;
  data: Uint8Array;
}

/** One message; `payload` is a view on the buffer it was read from. */
export interface NetlinkMessage {
  type: number;
  flags: number;
  seq: number;
  pid: number;
  payload: Uint8Array;
}

/** A message: struct nlmsghdr, the family's own header, attributes, each padded to 4 bytes. */
export function encodeNetlinkMessage(
  { type, flags, seq, pid = 0 }: { type: number; flags: number; seq: number; pid?: number },
  header: Uint8Array,
  attributes: readonly NetlinkAttribute[] = [],
): Uint8Array {
  const headerEnd = nlmsghdr.sizeof + NLMSG_ALIGN(header.length);
  const length = attributes.reduce((sum, { data }) => sum + NLMSG_ALIGN(nlattr.sizeof + data.length), headerEnd);
  const bytes = new Uint8Array(length);
  putHostU32(bytes, nlmsghdr.nlmsg_len, length);
  putHostU16(bytes, nlmsghdr.nlmsg_type, type);
  putHostU16(bytes, nlmsghdr.nlmsg_flags, flags);
  putHostU32(bytes, nlmsghdr.nlmsg_seq, seq);
  putHostU32(bytes, nlmsghdr.nlmsg_pid, pid);
  bytes.set(header, nlmsghdr.sizeof);
  let at = headerEnd;
  for (const { type, data } of attributes) {
    putHostU16(bytes, at + nlattr.nla_len, nlattr.sizeof + data.length);
    putHostU16(bytes, at + nlattr.nla_type, type);
    bytes.set(data, at + nlattr.sizeof);
    at += NLMSG_ALIGN(nlattr.sizeof + data.length);
  }
  return bytes;
}

/** The messages in the first `length` bytes. Ends at the first whose length does not fit; never throws. */
export function netlinkMessages(bytes: Uint8Array, length = bytes.length): NetlinkMessage[] {
  const found: NetlinkMessage[] = [];
  const end = Math.min(length, bytes.length);
  let at = 0;
  while (at + nlmsghdr.sizeof <= end) {
    const size = hostU32(bytes, at + nlmsghdr.nlmsg_len);
    if (size < nlmsghdr.sizeof || size > end - at) break;
    found.push({
      type: hostU16(bytes, at + nlmsghdr.nlmsg_type),
      flags: hostU16(bytes, at + nlmsghdr.nlmsg_flags),
      seq: hostU32(bytes, at + nlmsghdr.nlmsg_seq),
      pid: hostU32(bytes, at + nlmsghdr.nlmsg_pid),
      payload: bytes.subarray(at + nlmsghdr.sizeof, at + size),
    });
    at += NLMSG_ALIGN(size);
  }
  return found;
}

/** The attributes from `at` on, by type (NLA_F_ bits taken off; the last of a type wins). Never throws. */
export function netlinkAttributes(bytes: Uint8Array, at: number): Map<number, Uint8Array> {
  const found = new Map<number, Uint8Array>();
  while (at + nlattr.sizeof <= bytes.length) {
    const size = hostU16(bytes, at + nlattr.nla_len);
    if (size < nlattr.sizeof || size > bytes.length - at) break;
    const type = hostU16(bytes, at + nlattr.nla_type) & ~(NLA_F_NESTED | NLA_F_NET_BYTEORDER);
    found.set(type, bytes.subarray(at + nlattr.sizeof, at + size));
    at += NLMSG_ALIGN(size);
  }
  return found;
}

/** The error in the payload of NLMSG_ERROR or NLMSG_DONE: 0, or -errno. */
export const netlinkError = (payload: Uint8Array): number =>
  payload.length >= 4 ? hostI32(payload, nlmsgerr.error) : 0;
