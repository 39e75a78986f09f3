import { devOpen } from '../kernel/dev.ts';
import { Port } from '../kernel/drivers/port.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { type Attachment, attachInterface, attachTap } from '../lab/attach.ts';
import { linuxSystemCalls, openTun } from '../linux/index.ts';

export interface PlugOptions {
  /** The device that the emulated host gets; default 'eth0'. */
  device?: string;
  /** Its MAC address, six bytes; default: a random one. */
  macAddress?: Uint8Array;
  /** Default 1500. */
  mtu?: number;
}

/** A cable between an emulated host and a device of this machine. It keeps the program running until it is pulled. */
export interface Plug {
  /** Name of this machine's device. */
  readonly name: string;
  /** Frames that passed, and those that this machine refused. */
  readonly counters: Attachment['counters'];
  /** Why it ended by itself: this machine's device is gone. Else null. */
  readonly error: Attachment['error'];
  /** Pulls it. A TAP device that was made for it is deleted. May be called again. */
  unplug(): void;
}

function portOf(kernel: Kernel, { device = 'eth0', macAddress, mtu }: PlugOptions): Port {
  const port = new Port(kernel.net, {
    name: device,
    ...(macAddress === undefined ? {} : { address: macAddress }),
    ...(mtu === undefined ? {} : { mtu }),
  });
  devOpen(port.dev);
  return port;
}

const plugOf = (name: string, attachment: Attachment, close: () => void): Plug => ({
  name,
  counters: attachment.counters,
  get error() {
    return attachment.error;
  },
  unplug() {
    attachment.detach();
    close();
  },
});

/** Joins an emulated host to a TAP device of this machine, made for it: whatever program of this machine talks to the host
 * as to any other on that link. `tap` is the device's name, or a pattern such as 'lab%d'. The kernel must run on the
 * machine's time. Needs CAP_NET_ADMIN; throws SystemError.
 *
 *     const clock = new PacedClock({ pace: 'real' });
 *     const kernel = new Kernel({ clock, random: seededRandom(1) });
 *     clock.begin();
 *     const plug = plugIntoTap(kernel, { tap: 'lab0' });
 *     kernel.address('eth0', '10.5.0.2/24');
 *     // ip address add 10.5.0.1/24 dev lab0; ip link set lab0 up; ping 10.5.0.2
 */
export function plugIntoTap(kernel: Kernel, options: PlugOptions & { tap?: string } = {}): Plug {
  const system = linuxSystemCalls();
  const { fd, name } = openTun(options.tap ?? 'netlab%d', 'tap');
  let open = true;
  const close = (): void => {
    if (open) system.close(fd);
    open = false;
  };
  try {
    return plugOf(name, attachTap(portOf(kernel, options), system, fd), close);
  } catch (error) {
    close();
    throw error;
  }
}

/** Joins an emulated host to an interface of this machine by a packet socket: it is one more station on that network. This
 * machine itself does not hear it, as it does not hear what it sends; take a veth's far end, or another machine. The kernel
 * must run on the machine's time. Needs CAP_NET_RAW; throws SystemError. */
export function plugIntoInterface(kernel: Kernel, options: PlugOptions & { interface: string }): Plug {
  const port = portOf(kernel, options);
  return plugOf(options.interface, attachInterface(port, linuxSystemCalls(), options.interface), () => {});
}
