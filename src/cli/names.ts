import { readFileSync } from 'node:fs';
import type { TextOptions } from '../dissect/options.ts';
import { parseIpv4, parseIpv6 } from '../socket/address.ts';

/** Names in place of numbers, from this machine's files alone: /etc/services (services(5)), /etc/hosts (hosts(5)) and
 * /etc/protocols (protocols(5)). The network is never asked, so that printing can neither wait nor make traffic of its
 * own. A file that is missing names nothing. */
export function namesFromFiles(): Required<Pick<TextOptions, 'portName' | 'hostName' | 'protocolName'>> {
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
  return {
    portName: (port, transport) => (transport === 'tcp' ? tcp : udp).get(port),
    hostName: (bytes, at, length) => (hosts.size === 0 ? undefined : hosts.get(key(bytes, at, length))),
    protocolName: (protocol) => protocols.get(protocol),
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
