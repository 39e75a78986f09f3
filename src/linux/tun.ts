import { SystemError } from '../syscall/error.ts';
import { O_CLOEXEC, O_NONBLOCK, O_RDWR } from '../uapi/fcntl.ts';
import { encodeIfreq, ifreq, ifreqName, putIfreqFlags } from '../uapi/if.ts';
import { IFF_NO_PI, IFF_TAP, IFF_TUN, TUNSETIFF } from '../uapi/if_tun.ts';
import { native } from './native.ts';

/** A TUN (IP packets) or TAP (Ethernet frames) device, made anew or attached to: what the machine sends to it is read from
 * the descriptor, what is written there the machine receives, one packet a call, nothing in front of it (IFF_NO_PI). The
 * descriptor works with `read`, `write`, `pollWait` and `close` of the contract; a device made here goes away with it.
 * `name` may hold `%d`, which the kernel replaces. Throws SystemError (EPERM: CAP_NET_ADMIN is needed).
 * Source: Documentation/networking/tuntap.rst. */
export function openTun(name: string, mode: 'tun' | 'tap'): { fd: number; name: string } {
  const libc = native();
  const fd = libc.open('/dev/net/tun', O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) throw new SystemError(libc.errno(), 'open', { dest: '/dev/net/tun' });
  const request = encodeIfreq(name);
  putIfreqFlags(request, (mode === 'tun' ? IFF_TUN : IFF_TAP) | IFF_NO_PI);
  if (libc.ioctl(fd, TUNSETIFF, request) < 0) {
    const errno = libc.errno();
    libc.close(fd);
    throw new SystemError(errno, 'ioctl TUNSETIFF', { dest: name });
  }
  return { fd, name: ifreqName(request.subarray(0, ifreq.sizeof)) };
}
