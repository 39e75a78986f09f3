import type { Net } from '../structs.ts';
import { addrconfInit } from './addrconf.ts';
import { exthdrsInit } from './exthdrs.ts';
import { icmpv6Init } from './icmpv6.ts';
import { ip6FibInit } from './ip6-fib.ts';
import { ip6Forward } from './ip6-forward.ts';
import { ip6fragInit } from './ip6-fragment.ts';
import { ip6Input, ip6InputInit, ip6McInput } from './ip6-input.ts';
import { ip6Output } from './ip6-output.ts';
import { ipv6StateInit } from './ipv6.ts';
import { mldInit } from './mld.ts';
import { ndiscInit, rt6Probe } from './ndisc.ts';
import { proc6Init } from './proc6.ts';
import { raInit } from './ra.ts';
import { route6Init } from './route6.ts';
import { rtnetlink6Init } from './rtnetlink6.ts';
import { sysctl6Init } from './sysctl6.ts';

/** The network layer of IPv6, its rooms in the order in which they need each other (inet6_init of
 * net/ipv6/af_inet6.c). To be called before the first device is registered. */
export function ipv6LayerInit(net: Net): void {
  ipv6StateInit(net);
  ip6FibInit(net);
  route6Init(net, {
    input: ip6Input,
    mcInput: ip6McInput,
    forward: ip6Forward,
    output: ip6Output,
    probe: rt6Probe,
  });
  icmpv6Init(net);
  exthdrsInit(net);
  ip6fragInit(net);
  ndiscInit(net);
  mldInit(net);
  raInit(net);
  ip6InputInit(net);
  addrconfInit(net);
  proc6Init(net);
  sysctl6Init(net);
  rtnetlink6Init(net);
}
