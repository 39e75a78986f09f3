import { InvalidArgumentError } from 'commander';

/** Link types as users write them: the DLT_ names of `tcpdump -y`, the LINKTYPE_ names of the savefile registry, numbers.
 * The values are the registry's. */
const LINK_TYPES: Readonly<Record<string, number>> = {
  NULL: 0,
  EN10MB: 1,
  ETHERNET: 1,
  IEEE802: 6,
  IEEE802_5: 6,
  SLIP: 8,
  PPP: 9,
  FDDI: 10,
  PPP_SERIAL: 50,
  PPP_HDLC: 50,
  PPP_ETHER: 51,
  RAW: 101,
  C_HDLC: 104,
  IEEE802_11: 105,
  LOOP: 108,
  LINUX_SLL: 113,
  PRISM_HEADER: 119,
  IEEE802_11_PRISM: 119,
  IEEE802_11_RADIO: 127,
  IEEE802_11_RADIOTAP: 127,
  IEEE802_11_RADIO_AVS: 163,
  IEEE802_11_AVS: 163,
  PPI: 192,
  IPV4: 228,
  IPV6: 229,
  NETLINK: 253,
  LINUX_SLL2: 276,
  // As people say them.
  SLL: 113,
  SLL2: 276,
  WLAN: 105,
  RADIOTAP: 127,
  LOOPBACK: 0,
  IP: 101,
  IP4: 228,
  IP6: 229,
};

/** DLT_RAW on Linux and on OpenBSD: their savefiles hold LINKTYPE_RAW. */
const DLT_RAW = [12, 14];

/** For commander: the LINKTYPE_ value of what the user wrote, `en10mb`, `LINKTYPE_RAW` or `113`. */
export function linkType(text: string): number {
  const number = /^\d{1,5}$/.test(text) ? Number(text) : undefined;
  if (number !== undefined && number <= 0xffff) return DLT_RAW.includes(number) ? LINK_TYPES['RAW']! : number;
  const name = text
    .toUpperCase()
    .replace(/-/g, '_')
    .replace(/^(DLT|LINKTYPE)_/, '');
  if (Object.hasOwn(LINK_TYPES, name)) return LINK_TYPES[name]!;
  throw new InvalidArgumentError('It must be a name such as EN10MB, RAW, LINUX_SLL or IEEE802_11_RADIO, or a number.');
}
