/** Names in an expression: services, protocols, networks, Ethernet addresses, and hosts. Files are read by a function that
 * is handed in; without one, a short list of the common names is used. */
import { parseMac } from '../wire/address.ts';

/** Addresses of a host as text, `192.0.2.1` or `2001:db8::1`; null or none where the name is not known. */
export type Resolver = (name: string) => readonly string[] | null;

/** What the compiler asks about names. Each answers null for a name that it does not know. */
export interface Names {
  /** Port of a service, as getservbyname(3) has it. */
  service(name: string, protocol: 'tcp' | 'udp'): number | null;
  /** Number of a protocol over IP, as getprotobyname(3) has it. */
  protocol(name: string): number | null;
  /** Number of a network in host order, as getnetbyname(3) has it. */
  network(name: string): number | null;
  /** Six octets, as ether_hostton(3) has them. */
  ether(name: string): Uint8Array | null;
}

export type NameFile = '/etc/services' | '/etc/protocols' | '/etc/networks' | '/etc/ethers';

/** Content of a file, null where there is none. Called at most once per file, when a name first needs it. */
export type NameFileReader = (file: NameFile) => string | null;

/** Names of `ether proto`. */
export const LINK_PROTOCOL_NAMES: ReadonlyMap<string, number> = new Map([
  ['aarp', 0x80f3],
  ['arp', 0x0806],
  ['atalk', 0x809b],
  ['decnet', 0x6003],
  ['ip', 0x0800],
  ['ip6', 0x86dd],
  ['lat', 0x6004],
  ['loopback', 0x9000],
  ['mopdl', 0x6001],
  ['moprc', 0x6002],
  ['rarp', 0x8035],
  ['sca', 0x6007],
  ['iso', 0xfe],
  ['stp', 0x42],
  ['ipx', 0xe0],
  ['netbeui', 0xf0],
]);

/** For systems without /etc/services: name, port, aliases; over TCP, UDP or both (IANA's registry and custom). */
const COMMON_SERVICES = `
echo 7/tcp
echo 7/udp
discard 9/tcp
discard 9/udp
ftp-data 20/tcp
ftp 21/tcp
ssh 22/tcp
telnet 23/tcp
smtp 25/tcp mail
time 37/tcp
time 37/udp
domain 53/tcp
domain 53/udp
bootps 67/udp
bootpc 68/udp
tftp 69/udp
gopher 70/tcp
finger 79/tcp
http 80/tcp www
kerberos 88/tcp
kerberos 88/udp
pop3 110/tcp
sunrpc 111/tcp portmapper
sunrpc 111/udp portmapper
nntp 119/tcp
ntp 123/udp
netbios-ns 137/udp
netbios-dgm 138/udp
netbios-ssn 139/tcp
imap2 143/tcp imap
snmp 161/tcp
snmp 161/udp
snmp-trap 162/tcp snmptrap
snmp-trap 162/udp snmptrap
bgp 179/tcp
ldap 389/tcp
ldap 389/udp
https 443/tcp
https 443/udp
microsoft-ds 445/tcp
microsoft-ds 445/udp
isakmp 500/udp
exec 512/tcp
login 513/tcp
shell 514/tcp
syslog 514/udp
printer 515/tcp
dhcpv6-client 546/udp
dhcpv6-server 547/udp
rtsp 554/tcp
rtsp 554/udp
submission 587/tcp
ldaps 636/tcp
ldaps 636/udp
domain-s 853/tcp
domain-s 853/udp
rsync 873/tcp
imaps 993/tcp
pop3s 995/tcp
socks 1080/tcp
openvpn 1194/tcp
openvpn 1194/udp
radius 1812/udp
radius-acct 1813/udp
nfs 2049/tcp
nfs 2049/udp
mysql 3306/tcp
ms-wbt-server 3389/tcp
svn 3690/tcp
postgresql 5432/tcp
sip 5060/tcp
sip 5060/udp
sip-tls 5061/tcp
sip-tls 5061/udp
mdns 5353/udp
x11 6000/tcp
redis 6379/tcp
http-alt 8080/tcp
http-alt 8080/udp
`;

/** For systems without /etc/protocols. */
const COMMON_PROTOCOLS = `
ip 0 IP
hopopt 0 HOPOPT
icmp 1 ICMP
igmp 2 IGMP
ggp 3 GGP
ipencap 4 IP-ENCAP
st 5 ST
tcp 6 TCP
egp 8 EGP
igp 9 IGP
pup 12 PUP
udp 17 UDP
hmp 20 HMP
rdp 27 RDP
dccp 33 DCCP
ipv6 41 IPv6
ipv6-route 43 IPv6-Route
ipv6-frag 44 IPv6-Frag
idrp 45 IDRP
rsvp 46 RSVP
gre 47 GRE
esp 50 IPSEC-ESP
ah 51 IPSEC-AH
skip 57 SKIP
ipv6-icmp 58 IPv6-ICMP
ipv6-nonxt 59 IPv6-NoNxt
ipv6-opts 60 IPv6-Opts
eigrp 88 EIGRP
ospf 89 OSPFIGP
ipip 94 IPIP
etherip 97 ETHERIP
encap 98 ENCAP
pim 103 PIM
ipcomp 108 IPCOMP
vrrp 112 VRRP
l2tp 115 L2TP
isis 124 ISIS
sctp 132 SCTP
fc 133 FC
udplite 136 UDPLite
mpls-in-ip 137 MPLS-in-IP
hip 139 HIP
shim6 140 Shim6
`;

/** Fields of the lines of a file, without comments. */
function* fields(content: string): Generator<string[]> {
  for (const line of content.split('\n')) {
    const words = line.replace(/#.*/, '').trim().split(/\s+/);
    if (words.length >= 2) yield words;
  }
}

/** The first entry of a name counts. */
function add<T>(map: Map<string, T>, names: Iterable<string>, value: T): void {
  for (const name of names) if (!map.has(name)) map.set(name, value);
}

function parseServices(content: string): Map<string, number> {
  const services = new Map<string, number>();
  for (const [name, place, ...aliases] of fields(content)) {
    const match = /^(\d+)\/(\w+)$/.exec(place!);
    if (match === null) continue;
    add(
      services,
      [name!, ...aliases].map((each) => `${each}/${match[2]}`),
      Number(match[1]) & 0xffff,
    );
  }
  return services;
}

function parseProtocols(content: string): Map<string, number> {
  const protocols = new Map<string, number>();
  for (const [name, number, ...aliases] of fields(content))
    if (/^\d+$/.test(number!)) add(protocols, [name!, ...aliases], Number(number));
  return protocols;
}

function parseNetworks(content: string): Map<string, number> {
  const networks = new Map<string, number>();
  for (const [name, number, ...aliases] of fields(content)) {
    const parts = number!.split('.');
    if (parts.length > 4 || !parts.every((part) => /^\d+$/.test(part) && Number(part) <= 255)) continue;
    while (parts.length < 4) parts.push('0');
    add(
      networks,
      [name!, ...aliases],
      parts.reduce((value, part) => ((value << 8) | Number(part)) >>> 0, 0),
    );
  }
  return networks;
}

function parseEthers(content: string): Map<string, Uint8Array> {
  const ethers = new Map<string, Uint8Array>();
  for (const [address, name] of fields(content)) {
    const octets = parseMac(address!);
    if (octets !== null) add(ethers, [name!], octets);
  }
  return ethers;
}

/** Names from the files of the system (services(5), protocols(5), networks(5), ethers(5)). A file that is not there is
 * replaced by a list of the common services and protocols; networks and Ethernet addresses have none. */
export function namesFrom(read: NameFileReader): Names {
  const lazily = <T>(parse: (content: string) => T, file: NameFile, fallback: string): (() => T) => {
    let parsed: T | undefined;
    return () => (parsed ??= parse(read(file) ?? fallback));
  };
  const services = lazily(parseServices, '/etc/services', COMMON_SERVICES);
  const protocols = lazily(parseProtocols, '/etc/protocols', COMMON_PROTOCOLS);
  const networks = lazily(parseNetworks, '/etc/networks', '');
  const ethers = lazily(parseEthers, '/etc/ethers', '');
  return {
    service: (name, protocol) => services().get(`${name}/${protocol}`) ?? null,
    protocol: (name) => protocols().get(name) ?? null,
    network: (name) => networks().get(name) ?? null,
    ether: (name) => ethers().get(name) ?? null,
  };
}

/** The common names, with no file read. */
export const commonNames: Names = namesFrom(() => null);

/** The number that a name is when it is written in digits, as getaddrinfo(3) takes it for a service: an int, of which 16
 * bits count. Null where it is none, or negative. */
export function parseServiceNumber(name: string): number | null {
  const match = /^\s*([-+]?)(\d+)$/.exec(name);
  if (match === null) return null;
  const MAX = 0xffffffffffffffffn;
  const digits = BigInt(match[2]!);
  const value = Number(BigInt.asIntN(32, digits > MAX ? MAX : match[1] === '-' ? -digits : digits));
  return value < 0 ? null : value & 0xffff;
}

/** An int as scanf(3)'s %d reads it from digits with a sign. */
export function parseInt32(digits: string): number {
  const MAX = 0x7fffffffffffffffn;
  const value = BigInt(digits.replace('+', ''));
  return Number(BigInt.asIntN(32, value > MAX ? MAX : value < -MAX ? -MAX - 1n : value));
}
