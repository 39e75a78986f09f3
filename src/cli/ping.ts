import { formatIp } from '../inject/address.ts';
import type { Reply, Sent } from '../inject/craft/exchange.ts';
import { icmp, icmpv6 } from '../inject/craft/layers/index.ts';
import { packet } from '../inject/craft/packet.ts';
import { waitUntil } from '../inject/pace.ts';
import { resolvePath } from '../inject/resolve.ts';
import { SystemError } from '../syscall/error.ts';
import { EHOSTUNREACH } from '../uapi/errno.ts';
import { sequence } from '../wire/icmp.ts';
import { EXIT_FAILURE, UsageError } from './exit.ts';
import type { PingOptions } from './packet-options.ts';
import { errorText, ipTo, probing, type Target, targetOf } from './probe.ts';
import { rttOf, statisticsOf } from './round-trips.ts';
import { StdoutClosed, stdout } from './stdout.ts';

const ICMP_HEADER = 8;

/** `netlab ping`: echo requests to a host, with what iputils' ping says of the replies and at the end. */
export function runPing(host: string, options: PingOptions): Promise<void> {
  return probing(options, `sending to ${host}`, async (chosen, open, signal) => {
    const { clock } = chosen;
    const target = await targetOf(chosen, host, options);
    const json = options.format === 'json';
    // First, so that no route is told before anything is sent.
    const path = await resolvePath(chosen.system, {
      destination: target.address,
      device: target.device,
      source: target.source,
      neighbour: false,
    });
    const header = ICMP_HEADER + (target.version === 4 ? 20 : 40);
    if (options.size + header > path.mtu)
      throw new UsageError(
        `ping: -s ${options.size}: with its headers ${options.size + header} bytes, and the way takes ${path.mtu}; ` +
          'these frames are sent whole',
      );
    const tally = new Tally(host, target, formatIp(path.source), options);
    const over = new AbortController();
    const stop = AbortSignal.any([signal, over.signal]);
    const line = open({
      device: target.device,
      onReply: (sent, reply) => {
        tally.reply(sent, reply);
        if (tally.isClosed) over.abort();
      },
    });
    // 0 would be filled in anew by each packet's completion; one number for the whole run, as ping's.
    const id = 1 + Math.floor(chosen.random() * 0xffff);
    const payload = Uint8Array.from({ length: options.size }, (_, index) => index);
    const started = clock.monotonic();
    const end = options.deadline === undefined ? Number.POSITIVE_INFINITY : started + options.deadline * 1e9;
    tally.begin();
    let due = started;
    const all: Sent[] = [];
    for (let count = 0; count < (options.count ?? Number.POSITIVE_INFINITY); count++) {
      if (count > 0) {
        due = Math.max(due + options.interval * 1e9, clock.monotonic() - options.interval * 1e9);
        await waitUntil(clock, Math.min(due, end), { signal: stop });
        // Without pauses the event loop would have no turn, and Ctrl-C no effect.
        if (options.interval === 0) await line.until(() => all.at(-1)?.reply !== null, options.timeout, stop);
      }
      if (stop.aborted || clock.monotonic() >= end) break;
      const echo = { id, seq: (count + 1) & 0xffff };
      const ip = ipTo(target, options.ttl, options.tos);
      const [draft] = packet(ip, target.version === 4 ? icmp(echo) : icmpv6({ type: 128, ...echo }), payload).drafts();
      try {
        tally.transmitted++;
        const sent = await line.send(draft!);
        all.push(sent);
        if (all.length > 1024) all.shift();
      } catch (error) {
        if (stop.aborted) break;
        if (!(error instanceof SystemError) || error.errno !== EHOSTUNREACH) throw error;
        tally.unreachable(count + 1);
      }
    }
    if (!stop.aborted)
      await line.until(
        () => tally.answered + tally.errors >= tally.transmitted,
        Math.min(options.timeout, Math.max(0, (end - clock.monotonic()) / 1e9)),
        stop,
      );
    await tally.finish((clock.monotonic() - started) / 1e6, json);
    if (tally.answered === 0) process.exitCode = EXIT_FAILURE;
  });
}

class Tally {
  transmitted = 0;
  answered = 0;
  errors = 0;
  isClosed = false;
  #duplicates = 0;
  readonly #times: number[] = [];
  readonly #host: string;
  readonly #address: string;
  readonly #version: 4 | 6;
  /** Our own address. */
  readonly #source: string;
  readonly #options: PingOptions;

  constructor(host: string, target: Target, source: string, options: PingOptions) {
    this.#host = host;
    this.#address = formatIp(target.address);
    this.#version = target.version;
    this.#source = source;
    this.#options = options;
  }

  /** A reader that is gone ends the command, quietly. */
  #print(line: string): void {
    try {
      const done = stdout().write(`${line}\n`);
      done?.catch(() => {
        this.isClosed = true;
      });
    } catch (error) {
      if (!(error instanceof StdoutClosed)) throw error;
      this.isClosed = true;
    }
  }

  begin(): void {
    const { size, format } = this.#options;
    if (format === 'json') return;
    const data = this.#version === 4 ? `${size}(${size + ICMP_HEADER + 20}) bytes of data.` : `${size} data bytes`;
    this.#print(`PING ${this.#host}${this.#version === 4 ? ' ' : ''}(${this.#address}) ${data}`);
  }

  reply(sent: Sent, { kind, from, ttl, milliseconds, isDuplicate, reading }: Reply): void {
    const { quiet, format } = this.#options;
    const seq = sequence(sent.bytes, sent.reading!.at);
    const bytes = reading.end - reading.at;
    if (isDuplicate) this.#duplicates++;
    else if (kind === 'error') this.errors++;
    else {
      this.answered++;
      this.#times.push(milliseconds);
    }
    if (format === 'json') {
      const error = reading.error === null ? {} : { type: reading.error.type, code: reading.error.code };
      this.#print(JSON.stringify({ kind, seq, from, ttl, bytes, milliseconds, duplicate: isDuplicate, ...error }));
    } else if (kind === 'error') {
      const { type, code, mtu } = reading.error!;
      if (!quiet) this.#print(`From ${from} icmp_seq=${seq} ${errorText(this.#version, type, code, mtu)}`);
    } else if (!quiet)
      this.#print(
        `${bytes} bytes from ${from}: icmp_seq=${seq} ttl=${ttl} time=${precise(milliseconds)} ms${isDuplicate ? ' (DUP!)' : ''}`,
      );
  }

  /** Nobody on the link has the address. */
  unreachable(seq: number): void {
    this.errors++;
    if (this.#options.format === 'json') this.#print(JSON.stringify({ kind: 'unreachable', seq }));
    else if (!this.#options.quiet) this.#print(`From ${this.#source} icmp_seq=${seq} Destination Host Unreachable`);
  }

  async finish(milliseconds: number, json: boolean): Promise<void> {
    if (this.isClosed) return;
    const { transmitted, answered, errors } = this;
    const loss = transmitted === 0 ? 0 : ((transmitted - answered) / transmitted) * 100;
    const rtt = statisticsOf(this.#times);
    if (json) {
      this.#print(
        JSON.stringify({
          kind: 'statistics',
          host: this.#host,
          address: this.#address,
          transmitted,
          received: answered,
          duplicates: this.#duplicates,
          errors,
          loss: loss / 100,
          rtt: rtt && { min: rtt.least, avg: rtt.mean, max: rtt.most, mdev: rtt.deviation },
        }),
      );
      return;
    }
    this.#print(`\n--- ${this.#host} ping statistics ---`);
    this.#print(
      `${transmitted} packets transmitted, ${answered} received, ` +
        `${this.#duplicates ? `+${this.#duplicates} duplicates, ` : ''}${errors ? `+${errors} errors, ` : ''}` +
        `${Number(loss.toPrecision(6))}% packet loss, time ${Math.round(milliseconds)}ms`,
    );
    if (rtt !== null) this.#print(`rtt min/avg/max/mdev = ${rttOf(rtt)} ms`);
  }
}

/** As iputils: three significant digits, and microseconds at most. */
const precise = (milliseconds: number): string =>
  milliseconds >= 99.95
    ? milliseconds.toFixed(0)
    : milliseconds >= 9.995
      ? milliseconds.toFixed(1)
      : milliseconds >= 0.9995
        ? milliseconds.toFixed(2)
        : milliseconds.toFixed(3);
