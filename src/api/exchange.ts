import {
  type SendAndReceiveOptions as ExchangeOptions,
  sendAndReceive as exchange,
  type Sent,
} from '../inject/craft/exchange.ts';
import { Packets } from '../inject/craft/packet.ts';
import { craft } from '../inject/craft/text.ts';
import { linuxSystemCalls } from '../linux/index.ts';
import type { SystemCalls } from '../syscall/contract.ts';

export interface SendAndReceiveOptions extends ExchangeOptions {
  /** The kernel to run on; default: this machine's. */
  system?: SystemCalls;
}

/** Sends crafted packets (or what a text in `craft`'s form stands for) and waits for what answers them: replies to
 * requests, segments and datagrams with the ports turned round, ICMP errors that quote the packet. Gives every packet in
 * the order of sending, with its first reply or null. What the packets leave open is filled in: addresses from the
 * routing and the neighbour table, ports and identifiers at random.
 *
 * Throws SystemError (EPERM without CAP_NET_RAW, ENETUNREACH, EHOSTUNREACH where nobody on the link has the address) and
 * TypeError where a packet does not say where it goes.
 *
 *     const [sent] = await sendAndReceive('ip(dst=192.0.2.2)/icmp');
 *     console.log(sent.reply?.milliseconds);
 */
export async function sendAndReceive(packets: Packets | string, options: SendAndReceiveOptions = {}): Promise<Sent[]> {
  const all = typeof packets === 'string' ? craft(packets) : packets;
  if (!(all instanceof Packets)) throw new TypeError('sendAndReceive: packets, or the text of some, are needed');
  const { system = linuxSystemCalls(), ...rest } = options;
  return exchange(system, all, rest);
}
