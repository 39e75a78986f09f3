/** netlab trace: the path of packets through our kernels, the same in every run. */
import { describe, expect, it } from 'vitest';
import { netlab } from '../support/cli.ts';

interface Step {
  time: number;
  host: string;
  function: string;
  detail?: string;
  queue?: { name: string; length: number; limit: number | null };
  dropped?: string;
}
interface Packet {
  packet: number;
  summary: string;
  length: number;
  nanoseconds: number;
  steps: Step[];
  ends: { end: string; host: string; function: string; reason?: string; time: number }[];
}

const traced = (...words: string[]): Packet[] => {
  const done = netlab(['trace', '--format', 'json', '--', ...words]);
  return done.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Packet);
};
const path = ({ steps }: Packet): string[] => steps.map((step) => `${step.host} ${step.function}`);

describe('trace', () => {
  it('a datagram from call to program, through neighbour, cable, switch and socket', () => {
    const packets = traced('send-udp', 'alice', '7', 'hello', '--via', 'dgram');
    const [datagram, request, reply, echo] = packets as [Packet, Packet, Packet, Packet];
    expect(datagram.summary).toMatch(/^IP 192\.0\.2\.10\.\d+ > 192\.0\.2\.20\.7: UDP, length 5$/);
    expect(datagram.length).toBe(14 + 20 + 8 + 5);
    expect(path(datagram)).toEqual([
      'here udp_sendmsg',
      'here __ip_make_skb',
      'here udp_send_skb',
      'here ip_send_skb',
      'here ip_local_out',
      'here ip_output',
      'here ip_finish_output2',
      'here neigh_resolve_output',
      // The address is known: it goes on.
      'here neigh_resolve_output',
      'here __dev_queue_xmit',
      'here dev_hard_start_xmit',
      'here netlab_impair',
      'here veth_xmit',
      'switch netif_rx',
      'switch __netif_receive_skb_core',
      'switch br_handle_frame',
      'switch br_dev_queue_push_xmit',
      'switch __dev_queue_xmit',
      'switch dev_hard_start_xmit',
      'switch netlab_impair',
      'switch veth_xmit',
      'alice netif_rx',
      'alice __netif_receive_skb_core',
      'alice ip_rcv',
      'alice ip_local_deliver_finish',
      'alice udp_rcv',
      'alice udp_queue_rcv_skb',
      'alice udp_recvmsg',
    ]);
    expect(datagram.steps[0]).toEqual({
      time: 0,
      host: 'here',
      function: 'udp_sendmsg',
      queue: { name: 'wmem', length: 0, limit: 212992 },
    });
    const met = Object.fromEntries(
      datagram.steps.flatMap(({ host, function: name, queue }) => (queue ? [[`${host} ${name}`, queue]] : [])),
    );
    expect(met).toMatchObject({
      'here udp_send_skb': { name: 'wmem', length: 832, limit: 212992 },
      'here neigh_resolve_output': { name: 'arp_queue', length: 0 },
      'alice netif_rx': { name: 'backlog', length: 0, limit: 1000 },
      'alice udp_queue_rcv_skb': { name: 'rmem', length: 0, limit: 212992 },
      'alice udp_recvmsg': { name: 'receive_queue', length: 0 },
    });
    // It waited in arp_queue until the answer was there.
    const [asked, known] = datagram.steps.filter((step) => step.function === 'neigh_resolve_output');
    expect(asked!.time).toBe(0);
    expect(known!.time).toBe(reply.steps.at(-1)!.time);
    expect(datagram.ends).toEqual([
      { end: 'read', host: 'alice', function: 'udp_recvmsg', time: datagram.steps.at(-1)!.time },
    ]);
    expect(datagram.nanoseconds).toBe(datagram.steps.at(-1)!.time);
    expect(request.summary).toBe('ARP, Request who-has 192.0.2.20 tell 192.0.2.10, length 28');
    expect(request.ends.map(({ end, host }) => `${end} ${host}`).sort()).toEqual(
      ['alice', 'bob', 'ns', 'router'].map((host) => `kernel ${host}`),
    );
    expect(echo.steps[0]!.function).toBe('udp_sendmsg');
    // The program has closed its socket: its host says so, and why.
    expect(echo.ends).toMatchObject([
      { end: 'dropped', host: 'here', function: '__udp4_lib_rcv', reason: 'NO_SOCKET' },
    ]);
    expect(echo.steps.at(-1)).toMatchObject({ dropped: 'NO_SOCKET' });
  });

  it('the same command gives the same text in every run; another seed other times', () => {
    const words = ['send-udp', 'server', '37', 'x', '--via', 'dgram', '--replies', '1'];
    const first = netlab(['trace', '--', ...words]);
    expect(first.status).toBe(0);
    expect(netlab(['trace', ...words]).stdout).toBe(first.stdout);
    expect(netlab(['trace', '--seed', '9', ...words]).stdout).not.toBe(first.stdout);
    expect(first.stdout).toMatch(/^packet 1: IP 192\.0\.2\.10\.\d+ > 203\.0\.113\.7\.37: UDP, length 1$/m);
    expect(first.stdout).toMatch(/^ {2}0\.\d{9} {2}router {2}ip_forward$/m);
    expect(first.stdout).toMatch(/^ {2}0\.\d{9} {2}here {4}tpacket_rcv$/m);
    expect(first.stdout).toMatch(/^ {2}read by a program on server in udp_recvmsg, after 0\.\d{9} s$/m);
    // The command's own words are on the other stream.
    expect(first.stdout).not.toMatch(/datagram sent/);
    expect(first.stderr).toMatch(/1 datagram sent via dgram: .*; 1 frame came back/);
  });

  it('says where and why a packet died: no socket, no neighbour, no route back', () => {
    const [refused] = traced('send-udp', 'bob', '4444', 'x', '--via', 'dgram');
    expect(refused!.ends).toMatchObject([
      { end: 'dropped', host: 'bob', function: '__udp4_lib_rcv', reason: 'NO_SOCKET' },
    ]);
    const lonely = traced('send-udp', '192.0.2.99', '7', 'x', '--via', 'dgram');
    expect(lonely[0]!.ends).toEqual([
      { end: 'dropped', host: 'here', function: 'arp_error_report', reason: 'NEIGH_FAILED', time: 3_000_000_000 },
    ]);
    expect(
      lonely.filter(({ summary }) => /who-has 192\.0\.2\.99/.test(summary)).map((one) => one.steps[0]!.time),
    ).toEqual([0, 1_000_000_000, 2_000_000_000]);
  });

  it('IPv6: neighbour discovery, two routers, a program on the other side', () => {
    const packets = traced('send-udp', '2001:db8:3::7', '7', 'hello', '--via', 'dgram');
    expect(packets[0]!.summary).toMatch(/^IP6 2001:db8:1::10\.\d+ > 2001:db8:3::7\.7: UDP, length 5$/);
    expect(packets[0]!.ends).toMatchObject([{ end: 'read', host: 'server', function: 'udp_recvmsg' }]);
    expect(path(packets[0]!).filter((step) => /ip6_forward$/.test(step))).toEqual([
      'router ip6_forward',
      'core ip6_forward',
    ]);
    expect(packets.some(({ summary }) => /neighbor solicitation, who has 2001:db8:3::7/.test(summary))).toBe(true);
    expect(
      packets.some(({ summary }) => /^IP6 2001:db8:3::7\.7 > 2001:db8:1::10\.\d+: UDP, length 5$/.test(summary)),
    ).toBe(true);
  });

  it('frames of our own begin at packet_snd, raw packets at raw_sendmsg', () => {
    const packet = traced('send-udp', 'alice', '9', 'x').find(({ summary }) => /UDP, length 1$/.test(summary))!;
    expect(path(packet).slice(0, 3)).toEqual(['here packet_snd', 'here __dev_queue_xmit', 'here dev_hard_start_xmit']);
    const raw = traced('send-udp', 'alice', '9', 'x', '--via', 'raw').find(({ summary }) =>
      /UDP, length 1$/.test(summary),
    )!;
    expect(path(raw)[0]).toBe('here raw_sendmsg');
  });

  it('a datagram larger than the MTU: fragments, and one packet again', () => {
    const packets = traced('send-udp', 'alice', '7', 'x'.repeat(2000), '--via', 'dgram');
    expect(packets.some((one) => path(one).includes('here ip_do_fragment'))).toBe(true);
    expect(packets.some((one) => path(one).includes('alice ip_frag_reasm'))).toBe(true);
  });

  it('capture: the traffic of the network, with what the ring got', () => {
    const packets = traced('capture', 'eth0', '-n', '-c', '4', 'icmp');
    expect(packets.some((one) => path(one).includes('here tpacket_rcv'))).toBe(true);
    expect(packets.some((one) => one.steps[0]!.function === 'raw_sendmsg' && one.steps[0]!.host === 'alice')).toBe(
      true,
    );
  });

  it('a command that fails is told with its trace, and its exit code', () => {
    const done = netlab(['trace', 'send-udp', '192.0.2.99', '7', 'x']);
    expect(done.status).toBe(1);
    expect(done.stderr).toMatch(/EHOSTUNREACH/);
    expect(done.stdout.match(/who-has 192\.0\.2\.99/g)).toHaveLength(3);
  });

  it('wrong words: exit 2 and one line', () => {
    for (const [words, message] of [
      [['trace'], /missing required argument 'command'/],
      [['trace', 'trace', 'interfaces'], /one is enough/],
      [['trace', '--', 'send-pdu'], /did you mean 'send-udp'/],
      [['trace', 'capture', 'eth0', '--backend', 'af_packet'], /trace runs on netlab's own kernel/],
    ] as [string[], RegExp][]) {
      const done = netlab(words);
      expect(done.status).toBe(2);
      expect(done.stderr).toMatch(message);
    }
  });

  it('--limit keeps the first packets and says how many more there were', () => {
    const done = netlab(['trace', '--limit', '2', 'send-udp', 'alice', '7', 'x', '--via', 'dgram']);
    expect(done.stdout.match(/^packet /gm)).toHaveLength(2);
    expect(done.stderr).toMatch(/\d+ more packets were not traced: --limit 2/);
  });
});
