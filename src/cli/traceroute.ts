import { formatIp } from '../inject/address.ts';
import type { Exchange, Sent } from '../inject/craft/exchange.ts';
import type { Layer } from '../inject/craft/layer.ts';
import { icmp, icmpv6, tcp, udp } from '../inject/craft/layers/index.ts';
import { packet } from '../inject/craft/packet.ts';
import { EXIT_FAILURE, UsageError } from './exit.ts';
import type { TracerouteOptions } from './packet-options.ts';
import { ipTo, probing, type Target, targetOf } from './probe.ts';
import { StdoutClosed, stdout } from './stdout.ts';

/** Port that traceroute has sent to since its first version, and 80 for TCP. */
const UDP_PORT = 33434;
const TCP_PORT = 80;

/** `netlab traceroute`: probes with a time to live of 1, 2, … and who says that it ran out. */
export function runTraceroute(host: string, options: TracerouteOptions): Promise<void> {
  if (options.firstTtl > options.maxTtl) throw new UsageError('-f is greater than -m');
  return probing(options, `sending to ${host}`, async (chosen, open, signal) => {
    const target = await targetOf(chosen, host, options);
    const line = open({ device: target.device });
    const json = options.format === 'json';
    const probes = new Probes(target, options, chosen.random);
    const address = formatIp(target.address);
    const print = async (text: string): Promise<void> => void (await stdout().write(`${text}\n`));
    try {
      if (!json)
        await print(`traceroute to ${host} (${address}), ${options.maxTtl} hops max, ${probes.length} byte packets`);
      let reached = false;
      for (let ttl = options.firstTtl; ttl <= options.maxTtl && !reached && !signal.aborted; ttl++) {
        const sent = await hop(line, probes, ttl, options, signal);
        if (signal.aborted && sent.every(({ reply }) => reply === null)) break;
        await print(json ? JSON.stringify(describe(ttl, sent)) : format(ttl, sent));
        reached = sent.some(({ reply }) => reply !== null && isLast(reply.from === address, reply.reading.error));
      }
      if (!reached && !signal.aborted) process.exitCode = EXIT_FAILURE;
    } catch (error) {
      if (!(error instanceof StdoutClosed)) throw error;
    }
  });
}

/** The way ends at the target, and where somebody says that it goes no further. */
const isLast = (isTarget: boolean, error: { type: number; quoted: { src: Uint8Array } } | null): boolean => {
  if (error === null || isTarget) return true;
  // Unreachable, of either version.
  return error.type === (error.quoted.src.length === 4 ? 3 : 1);
};

async function hop(
  line: Exchange,
  probes: Probes,
  ttl: number,
  { queries, timeout }: TracerouteOptions,
  signal: AbortSignal,
): Promise<Sent[]> {
  const sent: Sent[] = [];
  for (let query = 0; query < queries && !signal.aborted; query++) {
    const [draft] = packet(...probes.next(ttl)).drafts();
    sent.push(await line.send(draft!));
  }
  await line.until(() => sent.every(({ reply }) => reply !== null), timeout);
  return sent;
}

/** Makes the probes. Routers that share load between ways choose by addresses, protocol, ports (or, of ICMP, type, code and
 * checksum); with --paris those stay the same, so that all probes take one way. */
class Probes {
  /** Bytes of an IP packet. */
  readonly length: number;
  readonly #target: Target;
  readonly #options: TracerouteOptions;
  readonly #port: number;
  readonly #id: number;
  #count = 0;

  constructor(target: Target, options: TracerouteOptions, random: () => number) {
    this.#target = target;
    this.#options = options;
    // Room for as many ports as there are probes, above those that the kernel gives out.
    this.#port = 61_000 + Math.floor(random() * 2000);
    this.#id = 1 + Math.floor(random() * 0xffff);
    const header = target.version === 4 ? 20 : 40;
    this.length = options.method === 'tcp' ? header + 20 : Math.max(options.size, header + 10);
  }

  next(ttl: number): (Layer | Uint8Array)[] {
    const { method, paris = false, port } = this.#options;
    const { version } = this.#target;
    const number = this.#count++;
    const ip = ipTo(this.#target, ttl);
    const data = new Uint8Array(this.length - (version === 4 ? 28 : 48)).fill(0x40, 2);
    if (method === 'tcp')
      // The sequence number, which is drawn, tells probes of one port apart.
      return [ip, tcp({ sport: this.#port + (paris ? 0 : number & 2047), dport: port ?? TCP_PORT, flags: 'S' })];
    if (method === 'udp') {
      const base = port ?? UDP_PORT;
      // The data make the checksum differ, by which probes of one port are told apart.
      data[0] = (number + 1) >> 8;
      data[1] = number + 1;
      return [ip, udp({ sport: this.#port, dport: paris ? base : (base + number) & 0xffff }), data];
    }
    const seq = (number + 1) & 0xffff;
    if (paris) {
      // Sequence number and these two bytes add up to the same, so that the checksum stays.
      data[0] = (0xffff - seq) >> 8;
      data[1] = 0xffff - seq;
    }
    const echo = { id: this.#id, seq };
    return [ip, version === 4 ? icmp(echo) : icmpv6({ type: 128, ...echo }), data];
  }
}

const MARKS4: Readonly<Record<number, string>> = {
  0: '!N',
  1: '!H',
  2: '!P',
  3: '',
  4: '!F',
  5: '!S',
  9: '!X',
  10: '!X',
  13: '!X',
};
const MARKS6: Readonly<Record<number, string>> = { 0: '!N', 1: '!X', 2: '!S', 3: '!H', 4: '' };

/** What traceroute writes behind a time: that the target, or the way to it, is not there. */
function mark(error: { type: number; code: number; mtu: number; quoted: { src: Uint8Array } } | null): string {
  if (error === null) return '';
  const isV4 = error.quoted.src.length === 4;
  if (error.type !== (isV4 ? 3 : 1)) return '';
  const known = (isV4 ? MARKS4 : MARKS6)[error.code] ?? `!<${error.code}>`;
  return known === '!F' ? ` !F-${error.mtu}` : known === '' ? '' : ` ${known}`;
}

/** One line: an address where it differs from the one before, and the time of each probe. */
function format(ttl: number, sent: readonly Sent[]): string {
  let line = `${String(ttl).padStart(2)} `;
  let from = '';
  for (const { reply } of sent) {
    if (reply === null) {
      line += ' *';
      continue;
    }
    if (reply.from !== from) {
      from = reply.from;
      line += ` ${from} `;
    }
    line += ` ${reply.milliseconds.toFixed(3)} ms${mark(reply.reading.error)} `;
  }
  return line.trimEnd();
}

const describe = (ttl: number, sent: readonly Sent[]): object => ({
  ttl,
  probes: sent.map(({ reply }) =>
    reply === null
      ? null
      : {
          from: reply.from,
          milliseconds: reply.milliseconds,
          ...(reply.reading.error ? { type: reply.reading.error.type, code: reply.reading.error.code } : {}),
        },
  ),
});
