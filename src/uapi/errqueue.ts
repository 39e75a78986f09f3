import { hostU32 } from './host.ts';

/** linux/errqueue.h: what MSG_ERRQUEUE delivers beside the datagram (ip(7), IP_RECVERR). */

export const SO_EE_ORIGIN_NONE = 0;
export const SO_EE_ORIGIN_LOCAL = 1;
export const SO_EE_ORIGIN_ICMP = 2;
export const SO_EE_ORIGIN_ICMP6 = 3;
export const SO_EE_ORIGIN_TXSTATUS = 4;
export const SO_EE_ORIGIN_ZEROCOPY = 5;
export const SO_EE_ORIGIN_TXTIME = 6;

export const sock_extended_err = {
  sizeof: 16,
  ee_errno: 0,
  ee_origin: 4,
  ee_type: 5,
  ee_code: 6,
  ee_pad: 7,
  ee_info: 8,
  ee_data: 12,
} as const;

/** struct sock_extended_err. The socket address of the offender follows it (SO_EE_OFFENDER). */
export const decodeSockExtendedErr = (
  bytes: Uint8Array,
): { errno: number; origin: number; type: number; code: number; info: number; data: number } => ({
  errno: hostU32(bytes, sock_extended_err.ee_errno),
  origin: bytes[sock_extended_err.ee_origin]!,
  type: bytes[sock_extended_err.ee_type]!,
  code: bytes[sock_extended_err.ee_code]!,
  info: hostU32(bytes, sock_extended_err.ee_info),
  data: hostU32(bytes, sock_extended_err.ee_data),
});
