import { readFileSync } from 'node:fs';
import { be24 } from '../bytes/endian.ts';
import type { TextOptions } from '../dissect/options.ts';
import { ouiName } from '../dissect/oui.ts';
import { parseIpv4, parseIpv6 } from '../socket/address.ts';
import { formatMac } from '../wire/address.ts';

/** Names in place of numbers, from this machine's files alone: /etc/services (services(5)), /etc/hosts (hosts(5)),
 * /etc/protocols (protocols(5)) and /etc/ethers (ethers(5)). The network is never asked, so that printing can neither wait
 * nor make traffic of its own. A file that is missing names nothing. MAC addresses have the organization behind them that
 * their first half belongs to, as far as tcpdump knows it. */
export function namesFromFiles(): Required<Pick<TextOptions, 'portName' | 'hostName' | 'protocolName' | 'macName'>> {
  const tcp = new Map<number, string>();
  const udp = new Map<number, string>();
  for (const [name, portAndTransport] of lines('/etc/services')) {
    const [port, transport] = (portAndTransport ?? '').split('/');
    const table = transport === 'tcp' ? tcp : transport === 'udp' ? udp : null;
    // The first line of a port has its official name.
    if (table !== null && !table.has(Number(port))) table.set(Number(port), name!);
  }
  const hosts = new Map<string, string>();
  for (const [address, name] of lines('/etc/hosts')) {
    const key = addressKey(address!);
    if (key !== null && name !== undefined && !hosts.has(key)) hosts.set(key, name);
  }
  const protocols = new Map<number, string>();
  for (const [name, number] of lines('/etc/protocols'))
    if (!protocols.has(Number(number))) protocols.set(Number(number), name!);
  const ethers = new Map<number, string>();
  for (const [address, name] of lines('/etc/ethers')) {
    const bytes = /^[0-9a-f]{1,2}(:[0-9a-f]{1,2}){5}$/i.test(address!) ? address!.split(':') : null;
    if (bytes !== null) ethers.set(Number.parseInt(bytes.map((byte) => byte.padStart(2, '0')).join(''), 16), name!);
  }
  return {
    macName: macNames(ethers),
    portName: (port, transport) => (transport === 'tcp' ? tcp : udp).get(port),
    hostName: (bytes, at, length) => (hosts.size === 0 ? undefined : hosts.get(key(bytes, at, length))),
    protocolName: (protocol) => protocols.get(protocol),
  };
}

/** Addresses that are kept with their text. */
const MAX_ADDRESSES = 65_536;

function macNames(ethers: ReadonlyMap<number, string>): (bytes: Uint8Array, at: number) => string {
  const known = new Map<number, string>([[0xffffffffffff, 'Broadcast']]);
  return (bytes, at) => {
    const oui = be24(bytes, at);
    const address = oui * 0x1000000 + be24(bytes, at + 3);
    let name = known.get(address);
    if (name === undefined) {
      if (known.size > MAX_ADDRESSES) for (const old of [...known.keys()].slice(1)) known.delete(old);
      name = ethers.get(address) ?? `${formatMac(bytes, at)} (oui ${ouiName(oui)})`;
      known.set(address, name);
    }
    return name;
  };
}

function lines(path: string): string[][] {
  let content: string;
  try {
    content = readFileSync(path, 'utf8');
  } catch {
    return [];
  }
  return content
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim().split(/\s+/))
    .filter((words) => words.length > 1);
}

const key = (bytes: Uint8Array, at: number, length: number): string => {
  let text = '';
  for (let i = at; i < at + length; i++) text += String.fromCharCode(bytes[i]!);
  return text;
};

/** The key of an address as it is written in a file, or null where it is none. */
function addressKey(text: string): string | null {
  const bytes = parseIpv4(text) ?? parseIpv6(text);
  return bytes === null ? null : key(bytes, 0, bytes.length);
}
