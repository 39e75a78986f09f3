/** How tcpdump calls DHCP's options and prints their data. */
export type Kind =
  | 'addresses'
  | 'pairs'
  | 'numbers32'
  | 'numbers16'
  | 'booleans'
  | 'octets'
  | 'text'
  | 'guess'
  | 'options'
  | 'enumeration'
  | 'message'
  | 'client'
  | 'classes'
  | 'name'
  | 'agent'
  | 'routes';

export interface OptionInfo {
  readonly name: string;
  readonly kind: Kind;
}

const NAMES: readonly (readonly [kind: Kind, options: string])[] = [
  [
    'addresses',
    `1 Subnet-Mask,3 Default-Gateway,4 Time-Server,5 IEN-Name-Server,6 Domain-Name-Server,7 LOG,8 CS,9 LPR-Server,10 IM,
    11 RL,16 SS,28 BR,32 RSA,41 YS,42 NTP,44 Netbios-Name-Server,45 WDD,48 XFS,49 XDM,50 Requested-IP,54 Server-ID,
    65 N+S,68 MH,69 SMTP,70 POP3,71 NNTP,72 WWW,73 FG,74 IRC,75 STS,76 STDA,92 Associated-IP,112 NI,118 SUBNET,
    150 TFTP-Server-Address`,
  ],
  ['pairs', '21 PF,33 Static-Route'],
  ['numbers32', '2 Time-Zone,24 MTU-Timeout,35 AT,38 KI,51 Lease-Time,58 RN,59 RB,91 Last-Transaction-Time'],
  ['numbers16', '13 BS,22 RSZ,25 MTU-Table,26 MTU,57 MSZ,64 N+D,93 ARCH,117 NSSEARCH'],
  ['booleans', '19 IPF,20 SRT,27 LSN,29 MD,30 MS,31 Router-Discovery,34 UT,36 IE,39 KG,116 NOAUTO'],
  ['octets', '23 TTL,37 TT,43 Vendor-Option,78 SLP-DA,79 SLP-SCOPE,83 ARMT,89 FQDNS,90 AUTH,94 NDI,97 GUID'],
  [
    'text',
    `12 Hostname,14 DP,15 Domain-Name,17 RP,18 EP,40 YD,47 Netbios-Scope,56 MSG,60 Vendor-Class,66 TFTP,67 BF,80 SLP-NA,
    88 TZSTR,95 LDAP,98 UAP,100 POSIX-TZ,101 TZ-Name,113 NITAG,114 URL,161 MUD-URL`,
  ],
  ['enumeration', '46 Netbios-Node,52 OO'],
  ['message', '53 DHCP-Message'],
  ['options', '55 Parameter-Request'],
  ['client', '61 Client-ID'],
  ['classes', '77 User-Class'],
  ['name', '81 FQDN'],
  ['agent', '82 Agent-Information'],
  ['routes', '121 Classless-Static-Route,249 Classless-Static-Route-Microsoft'],
  // Named where a client asks for them.
  ['guess', '0 PAD,255 END'],
];

const UNKNOWN: OptionInfo = { name: 'Unknown', kind: 'guess' };

/** By code. */
export const OPTIONS: readonly OptionInfo[] = (() => {
  const table = new Array<OptionInfo>(256).fill(UNKNOWN);
  for (const [kind, options] of NAMES)
    for (const option of options.split(',')) {
      const [code, name] = option.trim().split(' ');
      table[Number(code)] = { name: name!, kind };
    }
  return table;
})();

export const MESSAGES: readonly (string | undefined)[] = [
  undefined,
  'Discover',
  'Offer',
  'Request',
  'Decline',
  'ACK',
  'NACK',
  'Release',
  'Inform',
  undefined,
  'LeaseQuery',
  'LeaseUnassigned',
  'LeaseUnknown',
  'LeaseActive',
];

/** Values of the options with an enumeration, by code. */
export const ENUMERATIONS: Readonly<Record<number, Readonly<Record<number, string>>>> = {
  46: { 1: 'b-node', 2: 'p-node', 4: 'm-node', 8: 'h-node' },
  52: { 1: 'file', 2: 'sname', 3: 'file+sname' },
};

/** Hardware types of client identifiers. */
export const HARDWARE: Readonly<Record<number, string>> = { 1: 'ether', 6: 'ieee802', 7: 'arcnet', 15: 'frelay' };

/** Sub-options of the relay agent's option that are text. */
export const AGENT: Readonly<Record<number, string>> = { 1: 'Circuit-ID', 2: 'Remote-ID', 6: 'Subscriber-ID' };
