/** Questions to rtnetlink by plain calls, for programs that run on both kernels. */
import type { SystemCalls } from '../../src/syscall/contract.ts';
import { hostU16, hostU32, putHostU16, putHostU32 } from '../../src/uapi/host.ts';
import { hex } from './program.ts';

const [NLMSG_ERROR, NLMSG_DONE] = [2, 3];
/** NLM_F_REQUEST | NLM_F_DUMP. */
export const DUMP = 0x301;

/** The answers to one request: type and body of each message, or the errno of a refusal. */
export function rtnetlink(
  calls: SystemCalls,
  type: number,
  flags: number,
  body: Uint8Array,
): { type: number; body: Uint8Array }[] {
  const fd = calls.socket(16, 3, 0);
  const request = new Uint8Array(16 + body.length);
  putHostU32(request, 0, request.length);
  putHostU16(request, 4, type);
  putHostU16(request, 6, flags);
  putHostU32(request, 8, 1);
  request.set(body, 16);
  const sent = calls.sendto(fd, request, 0, null);
  if (sent < 0) throw new Error(`netlink: ${sent}`);
  const answers: { type: number; body: Uint8Array }[] = [];
  const buffer = new Uint8Array(65536);
  for (let done = false; !done; ) {
    const n = calls.recvfrom(fd, buffer, 0x40, null, null);
    if (n <= 0) break;
    for (let at = 0; at < n && !done; at += (hostU32(buffer, at) + 3) & ~3) {
      const kind = hostU16(buffer, at + 4);
      done = kind === NLMSG_DONE || kind === NLMSG_ERROR || (flags & 0x300) === 0;
      if (kind !== NLMSG_DONE) answers.push({ type: kind, body: buffer.slice(at + 16, at + hostU32(buffer, at)) });
    }
  }
  calls.close(fd);
  return answers;
}

/** Attributes from `at` on, by type. */
export function attributes(bytes: Uint8Array, at: number): Map<number, Uint8Array> {
  const found = new Map<number, Uint8Array>();
  for (; at + 4 <= bytes.length; at += (hostU16(bytes, at) + 3) & ~3)
    found.set(hostU16(bytes, at + 2), bytes.subarray(at + 4, at + hostU16(bytes, at)));
  return found;
}

const STATES = ['NONE', 'INCOMPLETE', 'REACHABLE', 'STALE', 'DELAY', 'PROBE', 'FAILED', 'NOARP', 'PERMANENT'];

/** The neighbours of IPv4 of one device, sorted: address, state, flags, type, link address. */
export function arpTable(calls: SystemCalls, ifindex: number): string[] {
  const [RTM_GETNEIGH, NDA_DST, NDA_LLADDR] = [30, 1, 2];
  return rtnetlink(calls, RTM_GETNEIGH, DUMP, Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0))
    .filter(({ body }) => hostU32(body, 4) === ifindex)
    .map(({ body }) => {
      const found = attributes(body, 12);
      const state = STATES[32 - Math.clz32(hostU16(body, 8))];
      return `${found.get(NDA_DST)!.join('.')} ${state} ${body[10]} ${body[11]} ${hex(found.get(NDA_LLADDR) ?? new Uint8Array(0))}`;
    })
    .sort();
}
