import { lookup } from 'node:dns/promises';
import { formatIp, needsZone, parseIp } from '../inject/address.ts';
import { Failure, UsageError } from './exit.ts';

/** Hosts, ports and sources as a person writes them. */

/** Who knows names: a `ChosenSystem`. null: the system's resolver is to be asked. */
export interface Names {
  lookUp(name: string, family: 4 | 6 | null): readonly string[] | null | Promise<readonly string[] | null>;
}

export interface HostAddress {
  /** 4 or 16 bytes. */
  address: Uint8Array;
  /** Interface's name or number behind the %, or null. */
  zone: string | null;
}

/** A port as a decimal number. Throws UsageError. */
export function parsePort(text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 0xffff)
    throw new UsageError(`'${text}' is no port: a number from 0 to 65535`);
  return Number(text);
}

/** `192.0.2.1`, `fe80::1%eth0`, `[fe80::1%eth0]`; null where the text is no address. */
export function parseAddress(text: string): HostAddress | null {
  const bare = /^\[(.*)\]$/.exec(text)?.[1] ?? text;
  const percent = bare.indexOf('%');
  const address = parseIp(percent < 0 ? bare : bare.slice(0, percent));
  if (address === null || (percent >= 0 && address.length === 4) || (bare !== text && address.length === 4))
    return null;
  const zone = percent < 0 ? null : bare.slice(percent + 1);
  return zone === '' ? null : { address, zone };
}

/** The first address of a host by the system's resolver (getaddrinfo(3)) or, in the emulated network, its own names; of
 * one family only where `family` says so. Throws UsageError for an address of the other family, Failure for a name that is not known. */
export async function resolveHost(text: string, family: 4 | 6 | null, names?: Names): Promise<HostAddress> {
  const given = parseAddress(text);
  if (given) {
    const version = given.address.length === 4 ? 4 : 6;
    if (family !== null && family !== version)
      throw new UsageError(`${text} is an IPv${version} address, and -${family} was given`);
    return given;
  }
  if (text === '' || /[\s%[\]/]/.test(text)) throw new UsageError(`'${text}' is neither an address nor a host's name`);
  const emulated = await names?.lookUp(text, family);
  if (emulated) return parseAddress(emulated[0]!)!;
  try {
    const found = await lookup(text, { family: family ?? 0, order: 'verbatim' });
    return { ...parseAddress(found.address)! };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const what = family === null ? 'address' : `IPv${family} address`;
    if (code === 'ENOTFOUND' || code === 'ENODATA')
      throw new Failure(`${text}: the system's resolver knows no ${what} of that name`);
    if (code === 'EAI_AGAIN') throw new Failure(`${text}: the system's resolver could not ask its server (EAI_AGAIN)`);
    throw new Failure(`${text}: ${(error as Error).message}`);
  }
}

export interface Source {
  address?: Uint8Array;
  zone: string | null;
  port?: number;
}

/** `ADDRESS`, `ADDRESS:PORT`, `[IPv6]:PORT`, `IPv6` or `:PORT`. Throws UsageError. */
export function parseSource(text: string): Source {
  const whole = parseAddress(text);
  if (whole) return whole;
  const match = /^(.*):(\d+)$/.exec(text);
  if (match) {
    const port = parsePort(match[2]!);
    if (match[1] === '') return { zone: null, port };
    const address = parseAddress(match[1]!);
    // An IPv6 address in front of a port stands in brackets, else one could not tell where it ends.
    if (address && (address.address.length === 4 || match[1]!.startsWith('['))) return { ...address, port };
  }
  throw new UsageError(`--from: '${text}' is no source: ADDRESS, ADDRESS:PORT, [IPv6]:PORT or :PORT`);
}

/** The interface that -i and the zones of the addresses name, all of which must agree. Throws UsageError. */
export function chosenInterface(
  option: string | undefined,
  zones: readonly (string | null | undefined)[],
  destination: Uint8Array,
): string | undefined {
  const named = [option, ...zones].filter((name) => name !== undefined && name !== null);
  const [first, ...rest] = named;
  const other = rest.find((name) => name !== first);
  if (other !== undefined) throw new UsageError(`two interfaces: ${first} and ${other}`);
  if (first === undefined && needsZone(destination)) {
    const address = formatIp(destination);
    throw new UsageError(`${address} is an address of one link: say which by ${address}%INTERFACE or -i INTERFACE`);
  }
  return first;
}
