import { eth, printEthernet } from './eth.ts';
import { wrongVersion } from './ip.ts';
import type { Protocol } from './protocol.ts';

/** An Ethernet frame as an IP packet's payload, protocol 143 (RFC 8986 10.1): tcpdump knows it above IPv6 only. */
export const ethernetInIp: Protocol = {
  ...eth,
  print(t, at, length) {
    if (!wrongVersion(t, 6, 'Ethernet')) printEthernet(t, at, length);
  },
};
