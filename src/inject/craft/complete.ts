import { links } from '../../socket/route.ts';
import type { SystemCalls } from '../../syscall/contract.ts';
import type { Clock } from '../../time/clock.ts';
import { parseIpv6, parseMac } from '../../wire/address.ts';
import { LINKTYPE_ETHERNET, LINKTYPE_RAW } from '../../wire/linktype.ts';
import { OPTION_SOURCE_LINK } from '../../wire/ndp.ts';
import { formatIp } from '../address.ts';
import { findLink, type Path, resolvePath } from '../resolve.ts';
import type { Layer } from './layer.ts';
import { ethernet } from './layers/link.ts';
import { Draft } from './packet.ts';
import type { LayerDraft } from './place.ts';

/** Fills in what the route and the link say about a packet that is to be sent, and what is best drawn: ports, identifiers
 * and sequence numbers that nobody gave. */

export interface CompleteOptions {
  /** Name of the device to send on; default: the routing table says. */
  device?: string | undefined;
  /** Nobody on the link is asked for an address: the destination on the link stays what it is. */
  offline?: boolean | undefined;
  signal?: AbortSignal | undefined;
  clock?: Clock | undefined;
  /** 0 up to but not including 1. Default Math.random. */
  random?: (() => number) | undefined;
}

/** A packet ready for sending. */
export interface Ready {
  /** With its link header, or, where there is none, the IP packet. */
  bytes: Uint8Array;
  linkType: number;
  device: string;
  ifindex: number;
  /** `frame`: as it is, through a packet socket. `cooked`: the device makes a header, or has none. `ip`: through the kernel's
   * own output, for addresses of this machine, since frames for those are not taken from a link. */
  way: 'frame' | 'cooked' | 'ip';
  /** Of an IP packet; null: the frame is none. */
  path: Path | null;
}

const FIRST_PORT = 32768;
const LAST_PORT = 60999;

export class Completer {
  readonly #calls: SystemCalls;
  readonly #options: CompleteOptions;
  readonly #paths = new Map<string, Promise<Path>>();
  readonly #random: () => number;
  readonly #port: number;
  readonly #ident: number;
  #sequence = 0;
  #id: number;

  constructor(calls: SystemCalls, options: CompleteOptions = {}) {
    const random = options.random ?? Math.random;
    this.#calls = calls;
    this.#options = options;
    this.#random = random;
    this.#port = FIRST_PORT + Math.floor(random() * (LAST_PORT - FIRST_PORT + 1));
    this.#ident = 1 + Math.floor(random() * 0xffff);
    this.#id = 1 + Math.floor(random() * 0xffff);
  }

  /** The packet with everything filled in. Throws SystemError where there is no route or nobody answers, TypeError where
   * the packet does not say where it goes. */
  async complete(draft: Draft): Promise<Ready> {
    this.#draw(draft);
    const ip = draft.layer('ip', 'ipv6');
    return ip === undefined ? this.#frame(draft) : this.#packet(draft, ip);
  }

  async #packet(draft: Draft, ip: LayerDraft): Promise<Ready> {
    if (ip.type.name === 'ipv6') fill(ip, 'dst', groupOf(draft));
    const destination = addressOf(ip, 'dst');
    if (destination === null) throw new TypeError(`${ip.type.name}: no destination; say ${ip.type.name}(dst=…)`);
    const eth = ethernetOf(draft);
    const isAddressed = eth?.given.has('dst') === true;
    const path = await this.#path(destination, addressOf(ip, 'src'), !this.#options.offline && !isAddressed);
    fill(ip, 'src', path.source);
    if (eth !== null) {
      if (path.linkHeader.length > 0) fill(eth, 'dst', path.linkHeader.slice(0, 6));
      fill(eth, 'src', macOf(path));
    }
    const question = draft.layer('icmpv6.ns');
    // RFC 4861 4.3: who asks a group says where it is itself, unless it has no address.
    if (question !== undefined && path.source.some((byte) => byte !== 0))
      fill(question, 'options', [{ type: OPTION_SOURCE_LINK, data: macOf(path) }]);
    const where = { device: path.device.name, ifindex: path.device.ifindex, path };
    const isBare = draft.layers[eth === null ? 0 : 1] === ip;
    if (path.local && isBare && !isAddressed && !this.#options.offline)
      return { ...where, ...new Draft(draft.layers.slice(eth === null ? 0 : 1)).build(), way: 'ip' };
    const built = draft.build();
    if (eth !== null) return { ...where, ...built, way: 'frame' };
    if (!this.#options.offline && draft.linkType !== LINKTYPE_RAW)
      throw new TypeError(`${draft.layers[0]!.type.name}: a header of savefiles; packets to send begin with eth or ip`);
    if (!path.framed || this.#options.offline) return { ...where, ...built, way: 'cooked' };
    const bytes = new Uint8Array(path.linkHeader.length + built.bytes.length);
    bytes.set(path.linkHeader);
    bytes.set(built.bytes, path.linkHeader.length);
    return { ...where, bytes, linkType: path.linkType, way: 'frame' };
  }

  /** What is on the link alone: ARP, STP, LLDP, … */
  async #frame(draft: Draft): Promise<Ready> {
    const message = draft.layer('arp');
    if (message !== undefined && ethernetOf(draft) === null) draft.layers.unshift(layerDraft(ethernet()));
    const asked = message === undefined ? null : addressOf(message, 'pdst');
    let path: Path | null = null;
    if (message !== undefined && asked !== null) {
      path = await this.#path(asked, addressOf(message, 'psrc'), false);
      fill(message, 'psrc', path.source);
    }
    const name = this.#options.device ?? path?.device.name;
    if (name === undefined)
      throw new TypeError(`a frame of ${draft.layers.at(-1)!.type.name} says no address: the interface is needed (-i)`);
    const device = findLink(await links(this.#calls), name);
    const eth = ethernetOf(draft);
    if (eth !== null) fill(eth, 'src', parseMac(device.macAddress) ?? new Uint8Array(6));
    const { bytes } = draft.build();
    // Bytes that begin with no link's header are what the device takes for one.
    const linkType = draft.layers[0]!.type.linkType ?? LINKTYPE_ETHERNET;
    return { bytes, linkType, device: device.name, ifindex: device.ifindex, way: 'frame', path: null };
  }

  #path(destination: Uint8Array, source: Uint8Array | null, neighbour: boolean): Promise<Path> {
    const key = `${formatIp(destination)} ${source === null ? '' : formatIp(source)} ${neighbour}`;
    let path = this.#paths.get(key);
    if (path === undefined) {
      const { device, signal, clock } = this.#options;
      path = resolvePath(this.#calls, {
        destination,
        neighbour,
        ...(device === undefined ? {} : { device }),
        ...(source === null ? {} : { source }),
        signal,
        clock,
      });
      // Where nobody answered, somebody may the next time.
      path.catch(() => this.#paths.delete(key));
      if (this.#paths.size >= MOST_PATHS) this.#paths.clear();
      this.#paths.set(key, path);
    }
    return path;
  }

  /** Ports, identifiers and sequence numbers. Of several layers of a kind the outermost is meant; what errors quote is
   * somebody else's. */
  #draw(draft: Draft): void {
    const transport = draft.layers.findIndex(({ type }) => TRANSPORT.includes(type.name));
    const own = draft.layers[transport];
    const sequence = this.#sequence++ & 0xffff;
    const ip = draft.layer('ip');
    if (ip !== undefined) fill(ip, 'id', this.#id);
    this.#id = this.#id === 0xffff ? 1 : this.#id + 1;
    if (own === undefined) return;
    const above = draft.layers[transport + 1];
    if (own.type.name === 'icmp' || own.type.name === 'icmpv6') {
      if (!own.given.has('type') || isEcho(own)) {
        fill(own, 'id', this.#ident);
        fill(own, 'seq', sequence);
      }
      return;
    }
    if (above?.type.sourcePort === undefined) fill(own, 'sport', this.#port);
    if (own.type.name === 'tcp') fill(own, 'seq', Math.floor(this.#random() * 0x1_0000_0000));
    if (above?.type.name === 'dns') fill(above, 'id', Math.floor(this.#random() * 0x1_0000));
  }
}

/** Paths that are remembered. */
const MOST_PATHS = 4096;
const TRANSPORT = ['icmp', 'icmpv6', 'udp', 'tcp', 'udplite', 'sctp'];

const isEcho = ({ type, given }: LayerDraft): boolean =>
  given.has('type') && [8, 128].includes(type.fields['type']!.kind.take(given.get('type') as never) as number);

function fill({ given }: LayerDraft, name: string, value: unknown): void {
  if (!given.has(name) && value !== null) given.set(name, value);
}

const layerDraft = ({ type, given }: Layer): LayerDraft => ({ type, given: new Map(given) });

const ethernetOf = ({ layers }: Draft): LayerDraft | null => (layers[0]?.type.name === 'eth' ? layers[0] : null);

const macOf = ({ device }: Path): Uint8Array => parseMac(device.macAddress) ?? new Uint8Array(6);

/** An address that is given, as bytes. */
function addressOf({ type, given }: LayerDraft, name: string): Uint8Array | null {
  const input = given.get(name);
  return input === undefined ? null : (type.fields[name]!.kind.take(input as never) as Uint8Array);
}

/** The group that a message of neighbour discovery goes to (RFC 4291 2.7.1, RFC 4861 4.1), or null. */
function groupOf(draft: Draft): Uint8Array | null {
  if (draft.layer('icmpv6.rs')) return parseIpv6('ff02::2');
  const question = draft.layer('icmpv6.ns');
  const target = question && addressOf(question, 'tgt');
  if (!target) return null;
  const group = parseIpv6('ff02::1:ff00:0')!;
  group.set(target.subarray(13), 13);
  return group;
}
