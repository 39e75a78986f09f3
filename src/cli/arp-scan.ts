import { formatIp, parseIp } from '../inject/address.ts';
import { type Choice, each, network, range } from '../inject/craft/choice.ts';
import type { Reply } from '../inject/craft/exchange.ts';
import { arp, ethernet, ipv6, neighborSolicitation } from '../inject/craft/layers/index.ts';
import { type Packets, packet } from '../inject/craft/packet.ts';
import { waitUntil } from '../inject/pace.ts';
import { addresses, links } from '../socket/route.ts';
import { formatMac, parseIpv4 } from '../wire/address.ts';
import * as arpWire from '../wire/arp.ts';
import * as ethernetWire from '../wire/ethernet.ts';
import * as ndp from '../wire/ndp.ts';
import { EXIT_FAILURE, UsageError } from './exit.ts';
import type { ArpScanOptions } from './packet-options.ts';
import { probing } from './probe.ts';
import { StdoutClosed, stdout } from './stdout.ts';

/** Most addresses of one run: a /16. */
const MOST_TARGETS = 65_536;

/** `netlab arp-scan`: who on the link has these addresses, by ARP, or by neighbour discovery for IPv6. */
export function runArpScan(words: string[], options: ArpScanOptions): Promise<void> {
  const named = targetsOf(words);
  const from = options.from === undefined ? null : parseIp(options.from);
  if (options.from !== undefined && from === null) throw new UsageError(`--from: '${options.from}' is not an address`);
  return probing(options, 'scanning the link', async (chosen, open, signal) => {
    const { clock, system } = chosen;
    const json = options.format === 'json';
    const found = new Map<string, Set<string>>();
    let closed = false;
    const print = (text: string): void => {
      try {
        stdout()
          .write(`${text}\n`)
          ?.catch(() => {
            closed = true;
          });
      } catch (error) {
        if (!(error instanceof StdoutClosed)) throw error;
        closed = true;
      }
    };
    const device = options.interface;
    // Nobody else has our own addresses, and the way to them is the loopback.
    const ours = new Set((await addresses(system)).map(({ address }) => address));
    const targets = device === undefined ? named.filter((target) => !ours.has(formatIp(target))) : named;
    const own = device === undefined ? undefined : (await links(system)).find(({ name }) => name === device);
    const line = open({
      device,
      onReply: (_, reply) => {
        const address = addressIn(reply);
        const mac = macIn(reply);
        if (address === null || mac === null) return;
        const macs = found.get(address) ?? new Set();
        found.set(address, macs);
        if (macs.has(mac)) return;
        macs.add(mac);
        // A second owner of an address is what a scan is often run for.
        print(
          json
            ? JSON.stringify({ address, mac, milliseconds: reply.milliseconds, duplicate: macs.size > 1 })
            : `${address}\t${mac}${macs.size > 1 ? `\t(DUP: ${macs.size})` : ''}`,
        );
      },
    });
    if (!json && own !== undefined && !options.quiet) {
      const address = (await addresses(system)).find(
        ({ ifindex, address: text }) => ifindex === own.ifindex && !text.includes(':'),
      );
      print(`Interface: ${own.name}, MAC: ${own.macAddress}${address ? `, IPv4: ${address.address}` : ''}`);
    }
    const started = clock.monotonic();
    let sent = 0;
    for (let round = 0; round < options.retry && !signal.aborted && !closed; round++) {
      const left = targets.filter((target) => !found.has(formatIp(target)));
      for (const target of left) {
        if (signal.aborted || closed) break;
        const [draft] = question(target, from).drafts();
        await line.send(draft!);
        sent++;
        await waitUntil(clock, clock.monotonic() + options.interval * 1e9, { signal });
      }
      if (left.length > 0)
        await line.until(() => closed || targets.every((target) => found.has(formatIp(target))), options.timeout);
    }
    const seconds = (clock.monotonic() - started) / 1e9;
    if (json) print(JSON.stringify({ scanned: targets.length, responded: found.size, questions: sent, seconds }));
    else if (!options.quiet)
      process.stderr.write(
        `${targets.length} addresses scanned in ${seconds.toFixed(3)} seconds ` +
          `(${(targets.length / Math.max(seconds, 1e-9)).toFixed(2)} a second). ${found.size} responded\n`,
      );
    if (found.size === 0) process.exitCode = EXIT_FAILURE;
  });
}

const question = (target: Uint8Array, from: Uint8Array | null): Packets =>
  target.length === 4
    ? packet(ethernet(), arp({ pdst: target, ...(from === null ? {} : { psrc: from }) }))
    : packet(ethernet(), ipv6(from === null ? {} : { src: from }), neighborSolicitation({ tgt: target }));

/** The address that a reply is about. */
function addressIn({ bytes, reading }: Reply): string | null {
  if (reading.protocol === 0) return formatIp(reading.src);
  return reading.end - reading.at < ndp.NEIGHBOR_LENGTH
    ? null
    : formatIp(bytes.slice(ndp.targetAt(reading.at), ndp.targetAt(reading.at) + 16));
}

/** The MAC address that it says: ARP's sender, or the frame's source. */
function macIn({ bytes, reading }: Reply): string | null {
  if (reading.error !== null) return null;
  if (reading.protocol !== 0) return formatMac(bytes, ethernetWire.srcAt(0));
  const message = arpWire.parse(bytes, reading.at, reading.end);
  return 'stop' in message ? null : formatMac(message.senderHardware);
}

/** `192.0.2.1`, `192.0.2.0/24`, `192.0.2.1-192.0.2.9`, `192.0.2.1-9`, and the same of IPv6 but for ranges. Throws
 * UsageError. */
export function targetsOf(words: readonly string[]): Uint8Array[] {
  if (words.length === 0) throw new UsageError('whom to ask for? ADDRESS, NETWORK/PREFIX or FIRST-LAST');
  const all: Uint8Array[] = [];
  for (const word of words) {
    const choice = choiceOf(word);
    if (all.length + choice.count > MOST_TARGETS)
      throw new UsageError(`${word}: more than ${MOST_TARGETS.toLocaleString('en-US')} addresses together`);
    all.push(...choice);
  }
  return all;
}

function choiceOf(word: string): Choice<Uint8Array> {
  const single = parseIp(word);
  if (single !== null) return each([single]);
  try {
    if (word.includes('/')) return network(word);
    const [first, last] = word.split('-');
    const low = parseIpv4(first ?? '');
    const high =
      parseIpv4(last ?? '') ??
      (low && /^\d{1,3}$/.test(last ?? '') ? parseIpv4(`${low.slice(0, 3).join('.')}.${last}`) : null);
    if (low && high) {
      const [from, to] = [low, high].map((bytes) => Buffer.from(bytes).readUInt32BE());
      const numbers = [...range(from!, to!)];
      return each(
        numbers.map((number) =>
          Uint8Array.of(number >>> 24, (number >>> 16) & 255, (number >>> 8) & 255, number & 255),
        ),
      );
    }
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(error.message.replace(/^\w+: /, ''));
    throw error;
  }
  throw new UsageError(`'${word}' is neither an address, NETWORK/PREFIX nor FIRST-LAST`);
}
