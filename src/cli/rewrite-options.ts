import { type Command, InvalidArgumentError, Option } from 'commander';
import type { RewriteOptions } from '../inject/rewrite/index.ts';
import type { VlanEdit } from '../inject/rewrite/link.ts';
import type { MacRule, PortRule } from '../inject/rewrite/maps.ts';
import { parseMac } from '../wire/address.ts';
import { LINKTYPE_ETHERNET, LINKTYPE_RAW } from '../wire/linktype.ts';
import { UsageError } from './exit.ts';
import { collected, integer } from './numbers.ts';

/** How frames are changed on their way: the options that `rewrite` and `replay` share. */
export interface RewriteArguments {
  mapIp?: string[];
  mapSrcIp?: string[];
  mapDstIp?: string[];
  skipGroups?: true;
  mapPort?: string[];
  mapMac?: string[];
  srcMac?: Uint8Array;
  dstMac?: Uint8Array;
  vlan?: VlanEdit;
  ttl?: NonNullable<RewriteOptions['ttl']>;
  tos?: number;
  trafficClass?: number;
  flowLabel?: number;
  shiftSeq?: number;
  link?: 'ethernet' | 'raw';
  stripFcs?: true;
  pad?: true;
  trim?: true;
  mtu?: number;
  fixLengths?: true;
  fixChecksums?: true;
  anonymize?: true;
  key?: string;
  keepPayload?: true;
  shiftTime?: bigint;
}

const mac = (text: string): Uint8Array => {
  const bytes = parseMac(text);
  if (bytes === null) throw new InvalidArgumentError('It must be a MAC address such as 02:00:00:00:00:01.');
  return bytes;
};

const ttl = (text: string): NonNullable<RewriteOptions['ttl']> => {
  const match = /^([+-]?)(\d{1,3})$/.exec(text);
  const value = Number(match?.[2] ?? -1);
  if (match === null || value > 255)
    throw new InvalidArgumentError('It must be a number from 0 to 255, or one to add such as +1 or -1.');
  return { change: match[1] === '' ? 'set' : 'add', value: match[1] === '-' ? -value : value };
};

const vlan = (text: string): VlanEdit => {
  const [action, ...rest] = text.split(':');
  const wrong = new InvalidArgumentError(
    'It must be remove, or add or set with ID[:PRIORITY[:DEI]], such as add:100 or set:100:5.',
  );
  if (action === 'remove' && rest.length === 0) return { action };
  if ((action !== 'add' && action !== 'set') || rest.length < 1 || rest.length > 3) throw wrong;
  const [id, priority, dei] = rest.map((part) => (/^\d+$/.test(part) ? Number(part) : Number.NaN));
  if (!(id! <= 4095) || (priority !== undefined && !(priority <= 7)) || (dei !== undefined && !(dei <= 1))) throw wrong;
  return {
    action,
    id: id!,
    ...(priority === undefined ? {} : { priority }),
    ...(dei === undefined ? {} : { dei }),
  };
};

/** Seconds with a sign and up to nine digits of a fraction, in nanoseconds. */
const shift = (text: string): bigint => {
  const match = /^([+-]?)(\d{1,12})(?:\.(\d{1,9}))?$/.exec(text);
  if (match === null) throw new InvalidArgumentError('It must be a number of seconds such as 3600 or -0.5.');
  const value = BigInt(match[2]!) * 1_000_000_000n + BigInt((match[3] ?? '').padEnd(9, '0'));
  return match[1] === '-' ? -value : value;
};

const sequence = (text: string): number => {
  const value = /^[+-]?\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (!(Math.abs(value) <= 0xffffffff))
    throw new InvalidArgumentError('It must be a whole number of at most 4294967295, with a minus to subtract.');
  return value;
};

export function addRewriteOptions(command: Command): void {
  command
    .option('--map-ip <old=new>', 'addresses or networks, 10.0.0.0/8=192.168.0.0/16; again for more', collected)
    .option('--map-src-ip <old=new>', 'sources alone', collected)
    .option('--map-dst-ip <old=new>', 'destinations alone', collected)
    .option('--skip-groups', 'leave broadcast and multicast addresses of IP as they are')
    .option('--map-port <old=new>', 'ports of TCP, UDP, SCTP: 80=8080, 8000-8010=80; again for more', collected)
    .option('--map-mac <old=new>', 'MAC addresses; again for more', collected)
    .option('--src-mac <mac>', 'source of every Ethernet header', mac)
    .option('--dst-mac <mac>', 'destination of every Ethernet header', mac)
    .option('--vlan <change>', 'add:ID[:PRIORITY[:DEI]], set:…, or remove: the outermost tag', vlan)
    .option('--ttl <number>', "IPv4's time to live, IPv6's hop limit: 64, +1, -1", ttl)
    .option('--tos <number>', "IPv4's type of service", integer(0, 255))
    .option('--traffic-class <number>', "IPv6's traffic class", integer(0, 255))
    .option('--flow-label <number>', "IPv6's flow label", integer(0, 0xfffff))
    .option('--shift-seq <number>', 'add to the sequence and acknowledgement numbers of TCP', sequence)
    .addOption(new Option('--link <type>', 'the link header: Ethernet, or none').choices(['ethernet', 'raw']))
    .option('--strip-fcs', 'take the frame check sequence off')
    .option('--pad', 'what was not captured of a frame comes back as zeros')
    .option('--trim', 'lengths in headers say what was captured')
    .option('--mtu <bytes>', 'cut longer packets, link header not counted', integer(68, 262_144))
    .option('--fix-lengths', 'lengths of IP and UDP fit what is there; checksums too')
    .option('--fix-checksums', 'compute all checksums anew (those that a change touches follow it by themselves)')
    .option('--anonymize', 'replace addresses so that networks stay together, and payloads by zeros')
    .option('--key <text>', 'with --anonymize: the same key gives the same addresses (default: one that nobody knows)')
    .option('--keep-payload', 'with --anonymize: leave payloads as they are')
    .option('--shift-time <seconds>', 'add to every time: 3600, -0.5', shift);
}

/** What the options ask for; null: nothing is to be changed. Throws UsageError. */
export async function rewriteOptions(given: RewriteArguments): Promise<RewriteOptions | null> {
  const rewrite = await import('../inject/rewrite/index.ts');
  const asked = <T>(text: string, option: string, parse: (text: string) => T): T => {
    try {
      return parse(text);
    } catch (error) {
      if (error instanceof RangeError) throw new UsageError(`${option}: ${error.message}`);
      throw error;
    }
  };
  const networks = (rules: string[] | undefined, option: string) =>
    rules && rewrite.networkMap(rules.map((rule) => asked(rule, option, rewrite.parseNetworkRule)));
  if (given.pad && given.trim) throw new UsageError('--pad and --trim: one of them');
  for (const [name, value] of Object.entries({ '--keep-payload': given.keepPayload, '--key': given.key }))
    if (value !== undefined && !given.anonymize) throw new UsageError(`${name} goes with --anonymize`);
  const options: RewriteOptions = {};
  const addresses = networks(given.mapIp, '--map-ip');
  const sources = networks(given.mapSrcIp, '--map-src-ip');
  const destinations = networks(given.mapDstIp, '--map-dst-ip');
  if (addresses) options.addresses = addresses;
  if (sources) options.sources = sources;
  if (destinations) options.destinations = destinations;
  if (given.mapPort)
    options.ports = rewrite.portTable(
      given.mapPort.map((rule): PortRule => asked(rule, '--map-port', rewrite.parsePortRule)),
    );
  if (given.mapMac)
    options.macs = rewrite.macMap(given.mapMac.map((rule): MacRule => asked(rule, '--map-mac', rewrite.parseMacRule)));
  if (given.srcMac) options.sourceMac = given.srcMac;
  if (given.dstMac) options.destinationMac = given.dstMac;
  if (given.vlan) options.vlan = given.vlan;
  if (given.ttl) options.ttl = given.ttl;
  if (given.tos !== undefined) options.tos = given.tos;
  if (given.trafficClass !== undefined) options.trafficClass = given.trafficClass;
  if (given.flowLabel !== undefined) options.flowLabel = given.flowLabel;
  if (given.shiftSeq) options.shiftSequence = given.shiftSeq;
  if (given.link) options.linkType = given.link === 'ethernet' ? LINKTYPE_ETHERNET : LINKTYPE_RAW;
  if (given.stripFcs) options.stripFcs = true;
  if (given.pad) options.cut = 'pad';
  if (given.trim) options.cut = 'trim';
  if (given.mtu !== undefined) options.mtu = given.mtu;
  if (given.fixLengths) options.fixLengths = true;
  if (given.fixChecksums) options.fixChecksums = true;
  if (given.anonymize) options.anonymizer = new rewrite.Anonymizer(given.key);
  if (given.shiftTime) options.shiftTime = given.shiftTime;
  if (Object.keys(options).length === 0) return null;
  if (given.skipGroups) options.skipGroups = true;
  if (given.keepPayload) options.keepPayload = true;
  return options;
}
