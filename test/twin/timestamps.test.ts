/** SO_TIMESTAMPING of what is sent: the error queue tells when a packet came to its queue and to its driver. */
import { afterAll } from 'vitest';
import { messageHeader } from '../../src/syscall/message.ts';
import { int } from '../../src/uapi/host.ts';
import { encodeSockaddrLl } from '../../src/uapi/sockaddr.ts';
import { encodeControl } from '../../src/uapi/socket.ts';
import { describeNetwork } from '../support/network.ts';
import { controlsText, frameText } from './masks.ts';
import { bytes, FAR, meminfo, NEAR, recv, revents, send, set, sin, sin6 } from './program.ts';
import { stage } from './stage.ts';
import { FAR_MAC, FAR6, NEAR6, type World } from './world.ts';

const [TX_SOFTWARE, SOFTWARE, OPT_ID, TX_SCHED, OPT_CMSG, OPT_TSONLY] = [2, 16, 0x80, 0x100, 0x400, 0x800];

/** What the error queue holds: times as such, packets without what is random. */
function told(w: World, fd: number, room = 4000): unknown[] {
  const log: unknown[] = [revents(w.near, fd), meminfo(w.near, fd)[0]];
  for (let i = 0; i < 8; i++) {
    const buffer = new Uint8Array(room);
    const message = messageHeader([buffer], new Uint8Array(128), new Uint8Array(512));
    const result = w.near.recvmsg(fd, message, 0x2000);
    log.push(result);
    if (result < 0) return log;
    log.push(frameText(buffer, Math.min(result, room)), message.nameLength, message.flags);
    log.push(controlsText(message.control!, message.controlLength));
  }
  return log;
}

const KINDS = [
  ['UDP', 2, 2, 17],
  ['raw', 2, 3, 200],
  ['with its own header', 2, 3, 255],
  ['ping', 2, 2, 1],
  ['UDP of IPv6', 10, 2, 17],
  ['raw of IPv6', 10, 3, 200],
  ['ping of IPv6', 10, 2, 58],
  ['packet', 17, 3, 0],
] as const;

describeNetwork('times of what is sent, on both kernels', () => {
  const { twin, dispose } = stage({ ipv6: true });
  afterAll(dispose);

  /** One datagram of `length` bytes over the cable or the loopback. */
  const speak = (w: World, fd: number, domain: number, protocol: number, length: number, local: boolean): number => {
    const data = new Uint8Array(length);
    data[0] = protocol === 1 ? 8 : protocol === 58 ? 128 : protocol === 255 ? 0x45 : 0;
    if (protocol === 255) data.set([64, 200], 8);
    if (domain === 17) {
      data.set([...FAR_MAC, 2, 0, 0, 0, 0, 1, 0x88, 0xb5]);
      return w.near.sendto(fd, data, 0, encodeSockaddrLl({ protocol: 0x88b5, ifindex: local ? 1 : w.ifindex }));
    }
    const to =
      domain === 2
        ? sin(local ? NEAR : FAR, protocol === 17 ? 9 : 0)
        : sin6(local ? NEAR6 : FAR6, protocol === 17 ? 9 : 0);
    return send(w.near, fd, data, 0, to);
  };

  for (const [what, domain, type, protocol] of KINDS)
    for (const flags of [
      TX_SOFTWARE | SOFTWARE,
      TX_SOFTWARE | TX_SCHED | SOFTWARE | OPT_ID,
      TX_SOFTWARE | SOFTWARE | OPT_ID | OPT_TSONLY,
      TX_SOFTWARE | SOFTWARE | OPT_CMSG,
      TX_SOFTWARE,
      SOFTWARE,
    ])
      for (const local of [false, true])
        twin(`${what}, SO_TIMESTAMPING 0x${flags.toString(16)}, ${local ? 'to ourselves' : 'over the cable'}`, (w) => {
          w.near.writeFile('/proc/sys/net/ipv4/ping_group_range', bytes('0 2147483647\n'));
          const s = w.near.socket(domain, type, protocol);
          const log: unknown[] = [set(w.near, s, 1, 37, flags)];
          if (domain === 2) log.push(set(w.near, s, 0, 8, 1));
          if (domain === 10) log.push(set(w.near, s, 41, 49, 1));
          log.push(speak(w, s, domain, protocol, 100, local), speak(w, s, domain, protocol, 60, local));
          if (domain !== 17 && protocol !== 255) log.push(speak(w, s, domain, protocol, 3000, local));
          w.settle(3);
          log.push(told(w, s), told(w, s));
          w.near.close(s);
          w.frames();
          return log;
        });

  for (const asked of [0, TX_SOFTWARE, TX_SCHED, TX_SOFTWARE | TX_SCHED, SOFTWARE, OPT_ID])
    for (const flags of [0, SOFTWARE, SOFTWARE | TX_SOFTWARE | OPT_ID])
      twin(`a control message asks for 0x${asked.toString(16)}, the socket for 0x${flags.toString(16)}`, (w) => {
        const s = w.near.socket(2, 2, 0);
        const log: unknown[] = [set(w.near, s, 1, 37, flags)];
        for (let i = 0; i < 2; i++) {
          const control = encodeControl([{ level: 1, type: 37, data: int(asked) }]);
          log.push(w.near.sendmsg(s, messageHeader([new Uint8Array(10)], sin(FAR, 9), control), 0));
        }
        log.push(send(w.near, s, 'x', 0, sin(FAR, 9)));
        w.settle(3);
        log.push(told(w, s, 20));
        w.near.close(s);
        w.frames();
        return log;
      });

  for (const [name, domain, type, protocol] of KINDS)
    twin(`the numbers of what ${name} could not send: buffer too small, too long, under a cork`, (w) => {
      w.near.writeFile('/proc/sys/net/ipv4/ping_group_range', bytes('0 2147483647\n'));
      const s = w.near.socket(domain, type, protocol);
      const log: unknown[] = [set(w.near, s, 1, 37, TX_SOFTWARE | SOFTWARE | OPT_ID | OPT_TSONLY)];
      log.push(set(w.near, s, 1, 7, 2304));
      for (const [length, flags] of [
        [20, 0],
        [60000, 0x4000],
        [20, 0x4000],
        [65530, 0x4000],
        [20, 0],
        [20, 0xc000],
        [60000, 0x4000],
        [20, 0],
      ] as const) {
        const data = new Uint8Array(length);
        if (protocol === 1) data[0] = 8;
        if (protocol === 58) data[0] = 128;
        if (protocol === 255) data.set([0x45, 0, 0, 0, 0, 0, 0, 0, 64, 200]);
        const port = protocol === 17 ? 9 : 0;
        const to =
          domain === 17
            ? encodeSockaddrLl({ protocol: 0x88b5, ifindex: w.ifindex })
            : domain === 2
              ? sin(FAR, port)
              : sin6(FAR6, port);
        if (domain === 17) data.set([...FAR_MAC, 2, 0, 0, 0, 0, 1, 0x88, 0xb5]);
        log.push(w.near.sendto(s, data, flags, to));
        w.settle(3);
        log.push(told(w, s));
      }
      w.near.close(s);
      w.frames();
      return log;
    });

  twin('under a cork the first part asks; a full receive buffer loses the times', (w) => {
    const s = w.near.socket(2, 2, 0);
    const log: unknown[] = [set(w.near, s, 1, 37, TX_SOFTWARE | SOFTWARE | OPT_ID)];
    log.push(
      send(w.near, s, 'one', 0x8000, sin(FAR, 9)),
      set(w.near, s, 1, 37, 0),
      send(w.near, s, 'two', 0, sin(FAR, 9)),
    );
    w.settle(3);
    log.push(told(w, s), set(w.near, s, 1, 37, TX_SOFTWARE | SOFTWARE), set(w.near, s, 1, 8, 0));
    for (let i = 0; i < 6; i++) log.push(send(w.near, s, new Uint8Array(100), 0, sin(FAR, 9)));
    w.settle(3);
    log.push(told(w, s), recv(w.near, s));
    w.near.close(s);
    w.frames();
    return log;
  });

  for (const flags of [SOFTWARE, SOFTWARE | 8, 8, SOFTWARE | (1 << 17), 8 | SOFTWARE | (1 << 17)])
    twin(
      `received with SO_TIMESTAMPING 0x${flags.toString(16)} while another socket asks; SIOCGSTAMP after it`,
      (w) => {
        const asks = w.near.socket(2, 2, 0);
        const [s, stamp] = [w.near.socket(2, 2, 0), new Uint8Array(16)];
        const log: unknown[] = [
          set(w.near, asks, 1, 37, 0x18),
          w.near.bind(s, sin(NEAR, 9001)),
          set(w.near, s, 1, 37, flags),
        ];
        for (let i = 0; i < 2; i++) {
          log.push(send(w.near, asks, 'x', 0, sin(NEAR, 9001)));
          w.settle(3);
          const [result, , , , control] = recv(w.near, s);
          log.push(
            result,
            (control as string[]).map((one) => one.split(':')[0]),
            w.near.ioctl(s, 0x8906, stamp),
          );
        }
        w.near.close(s);
        w.near.close(asks);
        return log;
      },
    );
});
