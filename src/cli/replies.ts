import { SingleRing } from '../capture/live.ts';
import type { FrameBlock } from '../frames/block.ts';
import type { FrameInterface } from '../frames/source.ts';
import { formatIp, isMulticast } from '../inject/address.ts';
import type { UdpTarget } from '../inject/udp.ts';
import { links, route } from '../socket/route.ts';
import { SystemError } from '../syscall/error.ts';
import { EACCES, EPERM } from '../uapi/errno.ts';
import type { ChosenSystem } from './backend.ts';
import { prepareFilter } from './filter.ts';
import { noPermission } from './permission.ts';

/** What comes back to a sender of datagrams: answers from the port that was sent to, and ICMP errors that quote the
 * sender's port. Captured as any frame is, so that the program needs no socket on the port that it sends from. */

/** The filter for what comes back. An answer to a group or a broadcast has another source than what was sent to. */
function expressionFor({ address, port }: UdpTarget, sourcePort: number): string {
  const text = formatIp(address);
  const one = !isMulticast(address) && text !== '255.255.255.255' && !text.endsWith('.255');
  const answers = `udp src port ${port} and dst port ${sourcePort}${one ? ` and src host ${text}` : ''}`;
  // RFC 792 and RFC 4443 3: an error quotes the packet, its IP header first, then the port that sent it.
  const errors =
    address.length === 4
      ? `icmp and (icmp[0] = 3 or icmp[0] = 11 or icmp[0] = 12) and icmp[17] = 17 and icmp[28:2] = ${sourcePort}`
      : `icmp6 and ip6[40] < 128 and ip6[54] = 17 and ip6[88:2] = ${sourcePort}`;
  return `(${answers}) or (${errors})`;
}

export class Replies {
  /** Frames that came back until now. */
  frames = 0;
  readonly #ring: SingleRing;
  readonly #done: Promise<void>;

  private constructor(ring: SingleRing, take: Take) {
    this.#ring = ring;
    this.#done = this.#run(take);
  }

  /** Listens from here on, until `stop`. `take` gets every block that has something; it holds until that resolves. Throws
   * Failure without the privilege. */
  static async open(chosen: ChosenSystem, target: UdpTarget, device: string | null, sourcePort: number, take: Take) {
    const { system } = chosen;
    const name = device ?? (await deviceTo(chosen, target));
    const filter = await prepareFilter(expressionFor(target, sourcePort), {});
    try {
      const ring = new SingleRing(system, {
        interfaces: [name],
        filter,
        direction: 'in',
        promiscuous: false,
        immediate: true,
        bufferSize: 2 << 20,
        clock: chosen.clock,
        ...(chosen.note === null ? {} : { description: chosen.note, os: chosen.os }),
      });
      return new Replies(ring, take);
    } catch (error) {
      if (error instanceof SystemError && (error.errno === EPERM || error.errno === EACCES))
        throw noPermission(`listening for replies on ${name}`, error.message);
      throw error;
    }
  }

  async #run(take: Take): Promise<void> {
    for await (const block of this.#ring) {
      this.frames += block.count;
      await take(block, this.#ring.interfaces);
    }
  }

  /** What was captured until now is still taken. Throws what `take` threw, and SystemError where the interface went. */
  async stop(): Promise<void> {
    this.#ring.stop();
    await this.#done;
    this.#ring.close();
  }
}

export type Take = (block: FrameBlock, interfaces: readonly FrameInterface[]) => Promise<void>;

/** The device by which the kernel sends to the target. */
async function deviceTo({ system }: ChosenSystem, { address }: UdpTarget): Promise<string> {
  const { ifindex } = await route(system, formatIp(address));
  const found = (await links(system)).find((link) => link.ifindex === ifindex);
  return found?.name ?? 'lo';
}
