import { afterAll } from 'vitest';
import type { Mapping } from '../../src/syscall/contract.ts';
import { encodeSockFprog } from '../../src/uapi/filter.ts';
import { hostU16, hostU32, putHostU16, putHostU32 } from '../../src/uapi/host.ts';
import { encodeTpacketReq3 } from '../../src/uapi/if_packet.ts';
import { encodeSockaddrLl } from '../../src/uapi/sockaddr.ts';
import { describeNetwork } from '../support/network.ts';
import { FAR, get, hex, meminfo, NEAR, name, recv, revents, send, set, sin, udp } from './program.ts';
import { stage } from './stage.ts';
import { FAR_MAC, maskFrame, NEAR_MAC, type World } from './world.ts';

const SOL_PACKET = 263;
const ETH = (to: Uint8Array, from: Uint8Array, type: number, data: number[] | Uint8Array): Uint8Array =>
  Uint8Array.from([...to, ...from, type >> 8, type & 255, ...data]);
const BROADCAST = new Uint8Array(6).fill(255);

/** A packet socket on the far device, bound to everything. */
function listener(w: World, type = 3, protocol = 3): number {
  const fd = w.far.socket(17, type, 0);
  const bound = w.far.bind(fd, encodeSockaddrLl({ protocol, ifindex: farIndex(w) }));
  if (bound < 0) throw new Error(`bind: ${bound}`);
  return fd;
}
function farIndex(w: World): number {
  const content = w.far.readFile('/proc/net/route') as Uint8Array;
  void content;
  const fd = w.far.socket(2, 2, 0);
  const request = new Uint8Array(40);
  request.set(new TextEncoder().encode('eth0'));
  w.far.ioctl(fd, 0x8933, request);
  w.far.close(fd);
  return hostU32(request, 16);
}
/** Four frames of different kinds from the near host; the last is cut off by nothing. */
function traffic(w: World): number[] {
  const fd = w.near.socket(17, 3, 0);
  const to = encodeSockaddrLl({ protocol: 0x88b5, ifindex: w.ifindex });
  const frames = [
    ETH(FAR_MAC, NEAR_MAC, 0x88b5, [1, 2, 3]),
    ETH(BROADCAST, NEAR_MAC, 0x88b5, [4, 5, 6, 7]),
    ETH(Uint8Array.of(1, 0, 0x5e, 1, 2, 3), NEAR_MAC, 0x88b6, new Array(60).fill(8)),
    ETH(Uint8Array.of(2, 0, 0, 0, 0, 9), NEAR_MAC, 0x88b5, [9]),
    ETH(FAR_MAC, NEAR_MAC, 0x8100, [0x20, 0x05, 0x88, 0xb5, 1, 2, 3, 4]),
  ];
  const log = frames.map((f) => w.near.sendto(fd, f, 0, to));
  w.near.close(fd);
  const s = udp(w.near, NEAR, 9001);
  log.push(send(w.near, s, 'udp', 0, sin(FAR, 9)));
  w.near.close(s);
  w.settle(3);
  return log;
}
/** A datagram of a raw socket's: frames of IPv4 with random ids are masked. */
const drain = (w: World, fd: number, options: Parameters<typeof recv>[2] = {}): unknown[] => {
  const log: unknown[] = [];
  for (let i = 0; i < 12; i++) {
    const one = recv(w.far, fd, { whole: true, ...options });
    log.push(one);
    if ((one[0] as number) < 0) break;
  }
  return log.map((one) =>
    JSON.stringify(one).replace(/45(00|c0)00([0-9a-f]{2})[0-9a-f]{4}([0-9a-f]{8})[0-9a-f]{4}/g, '45$1$2$3'),
  );
};

describeNetwork('packet sockets on both kernels', () => {
  const { twin, dispose } = stage();
  afterAll(dispose);

  for (const type of [3, 2, 10])
    for (const protocol of [3, 0x88b5, 0x800, 4])
      twin(`what a socket of type ${type} and protocol 0x${protocol.toString(16)} hears`, (w) => {
        const fd = type === 10 ? w.far.socket(17, 10, protocol << 8 || 0x300) : listener(w, type, protocol);
        if (type === 10) {
          w.far.close(fd);
          return fd >= 0;
        }
        const log: unknown[] = [traffic(w), ...drain(w, fd), name(w.far, fd)];
        w.far.close(fd);
        w.frames();
        return log;
      });
  for (const [what, option] of [
    ['PACKET_AUXDATA', 8],
    ['PACKET_ORIGDEV', 9],
    ['PACKET_VNET_HDR', 15],
    ['PACKET_IGNORE_OUTGOING', 23],
  ] as const)
    for (const type of [3, 2])
      twin(`${what} on type ${type}`, (w) => {
        const fd = listener(w, type);
        const log: unknown[] = [set(w.far, fd, SOL_PACKET, option, 1), get(w.far, fd, SOL_PACKET, option), traffic(w)];
        log.push(...drain(w, fd), get(w.far, fd, SOL_PACKET, 6, 12), get(w.far, fd, SOL_PACKET, 6, 12));
        w.far.close(fd);
        w.frames();
        return log;
      });
  for (const room of [0, 5, 14, 17])
    for (const flags of [0, 2, 0x20])
      twin(`a frame into ${room} bytes with flags ${flags}`, (w) => {
        const fd = listener(w, 3, 0x88b5);
        traffic(w);
        const log = [recv(w.far, fd, { room, flags }), recv(w.far, fd, { room, flags }), revents(w.far, fd)];
        w.far.close(fd);
        w.frames();
        return log;
      });
  twin('MSG_OOB and other flags are refused', (w) => {
    const fd = listener(w);
    traffic(w);
    const log = [1, 4, 0x100, 0x2000, 0x4000].map((flags) => recv(w.far, fd, { flags })[0]);
    w.far.close(fd);
    w.frames();
    return log;
  });

  // ---- binding and sending ----
  const addresses: [string, Uint8Array][] = [
    ['no protocol', encodeSockaddrLl({ protocol: 0, ifindex: -1 })],
    ['an unknown device', encodeSockaddrLl({ protocol: 3, ifindex: 99 })],
    ['any device', encodeSockaddrLl({ protocol: 3, ifindex: 0 })],
    ['12 bytes', encodeSockaddrLl({ protocol: 3, ifindex: 1 }).subarray(0, 12)],
    ['another family', sin(NEAR, 1)],
    ['the loopback device', encodeSockaddrLl({ protocol: 3, ifindex: 1 })],
  ];
  for (const [what, address] of addresses)
    for (const type of [2, 3])
      twin(`type ${type}, bind and send to ${what}`, (w) => {
        const fd = w.near.socket(17, type, 0);
        const log = [
          w.near.bind(fd, address),
          name(w.near, fd),
          name(w.near, fd, true),
          w.near.sendto(fd, ETH(FAR_MAC, NEAR_MAC, 0x88b5, [1]), 0, address),
          w.near.sendto(fd, ETH(FAR_MAC, NEAR_MAC, 0x88b5, [1]), 0, null),
          w.near.connect(fd, address),
          w.near.listen(fd, 1),
          w.near.shutdown(fd, 2),
        ];
        w.settle(1);
        w.near.close(fd);
        w.frames();
        return log;
      });
  for (const type of [2, 3])
    for (const length of [0, 1, 13, 14, 15, 60, 1500, 1501, 1514, 1515, 1518, 1519, 5000])
      for (const vlan of [false, true])
        twin(`type ${type}: ${length} bytes${vlan ? ' with a tag' : ''}`, (w) => {
          const fd = w.near.socket(17, type, 0);
          const data = ETH(FAR_MAC, NEAR_MAC, vlan ? 0x8100 : 0x88b5, new Array(5000).fill(1)).subarray(0, length);
          const log: unknown[] = [
            w.near.sendto(fd, data, 0, encodeSockaddrLl({ protocol: 0x88b5, ifindex: w.ifindex, address: FAR_MAC })),
          ];
          w.settle(1);
          log.push(
            w.frames().map((f) => `${f.slice(0, 60)} ${f.length}`),
            meminfo(w.near, fd)[2],
          );
          w.near.close(fd);
          return log;
        });
  for (const [what, vnet] of [
    ['all zero', [0, 0, 0, 0, 0, 0, 0, 0, 0, 0]],
    ['a checksum to fill', [1, 0, 0, 0, 0, 0, 34, 0, 6, 0]],
    ['a checksum beyond the end', [1, 0, 0, 0, 0, 0, 200, 0, 6, 0]],
  ] as [string, number[]][])
    twin(`PACKET_VNET_HDR on sending: ${what}`, (w) => {
      const fd = w.near.socket(17, 3, 0);
      set(w.near, fd, SOL_PACKET, 15, 1);
      const frame = ETH(FAR_MAC, NEAR_MAC, 0x88b5, new Array(50).fill(3));
      const log: unknown[] = [
        w.near.sendto(
          fd,
          Uint8Array.from([...vnet, ...frame]),
          0,
          encodeSockaddrLl({ protocol: 0x88b5, ifindex: w.ifindex }),
        ),
      ];
      log.push(
        w.near.sendto(
          fd,
          Uint8Array.from(vnet.slice(0, 9)),
          0,
          encodeSockaddrLl({ protocol: 0x88b5, ifindex: w.ifindex }),
        ),
      );
      w.settle(1);
      log.push(w.frames());
      w.near.close(fd);
      return log;
    });
  twin('PACKET_QDISC_BYPASS goes past the taps', (w) => {
    const fd = w.near.socket(17, 3, 0);
    const r = listener(w, 3, 0x88b5);
    const log: unknown[] = [set(w.near, fd, SOL_PACKET, 20, 1)];
    log.push(
      w.near.sendto(
        fd,
        ETH(FAR_MAC, NEAR_MAC, 0x88b5, [1]),
        0,
        encodeSockaddrLl({ protocol: 0x88b5, ifindex: w.ifindex }),
      ),
    );
    w.settle(1);
    log.push(w.frames(), ...drain(w, r));
    w.near.close(fd);
    w.far.close(r);
    return log;
  });

  // ---- filters ----
  const filters: [string, { code: number; jt: number; jf: number; k: number }[]][] = [
    ['accept all', [{ code: 6, jt: 0, jf: 0, k: 0xffffffff }]],
    ['accept none', [{ code: 6, jt: 0, jf: 0, k: 0 }]],
    ['cut to 18', [{ code: 6, jt: 0, jf: 0, k: 18 }]],
    [
      'by EtherType',
      [
        { code: 0x28, jt: 0, jf: 0, k: 12 },
        { code: 0x15, jt: 0, jf: 1, k: 0x88b6 },
        { code: 6, jt: 0, jf: 0, k: 0xffff },
        { code: 6, jt: 0, jf: 0, k: 0 },
      ],
    ],
    [
      'by packet type',
      [
        { code: 0x20, jt: 0, jf: 0, k: 0xfffff004 },
        { code: 0x15, jt: 0, jf: 1, k: 1 },
        { code: 6, jt: 0, jf: 0, k: 0xffff },
        { code: 6, jt: 0, jf: 0, k: 0 },
      ],
    ],
    [
      'by protocol',
      [
        { code: 0x20, jt: 0, jf: 0, k: 0xfffff000 },
        { code: 0x15, jt: 0, jf: 1, k: 0x800 },
        { code: 6, jt: 0, jf: 0, k: 0xffff },
        { code: 6, jt: 0, jf: 0, k: 0 },
      ],
    ],
    [
      'by VLAN tag',
      [
        { code: 0x20, jt: 0, jf: 0, k: 0xfffff030 },
        { code: 0x15, jt: 0, jf: 1, k: 1 },
        { code: 6, jt: 0, jf: 0, k: 0xffff },
        { code: 6, jt: 0, jf: 0, k: 0 },
      ],
    ],
    [
      'by length',
      [
        { code: 0x80, jt: 0, jf: 0, k: 0 },
        { code: 0x25, jt: 0, jf: 1, k: 30 },
        { code: 6, jt: 0, jf: 0, k: 0xffff },
        { code: 6, jt: 0, jf: 0, k: 0 },
      ],
    ],
    [
      'a load beyond the end',
      [
        { code: 0x20, jt: 0, jf: 0, k: 70 },
        { code: 6, jt: 0, jf: 0, k: 0xffff },
      ],
    ],
    ['no return', [{ code: 0x20, jt: 0, jf: 0, k: 0 }]],
    [
      'a jump too far',
      [
        { code: 0x15, jt: 5, jf: 0, k: 0 },
        { code: 6, jt: 0, jf: 0, k: 0 },
      ],
    ],
    [
      'an unknown instruction',
      [
        { code: 0xffff, jt: 0, jf: 0, k: 0 },
        { code: 6, jt: 0, jf: 0, k: 0 },
      ],
    ],
    ['nothing', []],
  ];
  for (const [what, program] of filters)
    for (const type of [3, 2])
      twin(`SO_ATTACH_FILTER on type ${type}: ${what}`, (w) => {
        const fd = listener(w, type);
        const log: unknown[] = [set(w.far, fd, 1, 26, encodeSockFprog(program)), traffic(w), ...drain(w, fd)];
        log.push(
          set(w.far, fd, 1, 44, 1),
          set(w.far, fd, 1, 27, 0),
          set(w.far, fd, 1, 26, encodeSockFprog(program)),
          set(w.far, fd, 1, 44, 0),
        );
        log.push(get(w.far, fd, SOL_PACKET, 6, 8));
        w.far.close(fd);
        w.frames();
        return log;
      });
  for (const [what, program] of filters)
    twin(`SO_ATTACH_FILTER on UDP: ${what}`, (w) => {
      const r = udp(w.far, FAR, 9002);
      const s = udp(w.near, NEAR, 9003);
      const log: unknown[] = [set(w.far, r, 1, 26, encodeSockFprog(program))];
      send(w.near, s, new Uint8Array(40).fill(5), 0, sin(FAR, 9002));
      w.settle(1);
      log.push(recv(w.far, r), meminfo(w.far, r));
      log.push(set(w.far, r, 1, 27, 0), set(w.far, r, 1, 27, 0));
      w.near.close(s);
      w.far.close(r);
      w.frames();
      return log;
    });

  // ---- rings ----
  const requests: [string, number, Parameters<typeof encodeTpacketReq3>[0]][] = [];
  for (const version of [0, 1, 2]) {
    requests.push(
      ['as it should be', version, { blockSize: 8192, blockNr: 4, frameSize: 2048, frameNr: 16 }],
      ['a block of no whole pages', version, { blockSize: 5000, blockNr: 4, frameSize: 1024, frameNr: 16 }],
      ['a block of 0', version, { blockSize: 0, blockNr: 4, frameSize: 1024, frameNr: 16 }],
      ['no blocks', version, { blockSize: 4096, blockNr: 0, frameSize: 1024, frameNr: 0 }],
      ['no blocks but frames', version, { blockSize: 4096, blockNr: 0, frameSize: 1024, frameNr: 4 }],
      ['frames that do not add up', version, { blockSize: 4096, blockNr: 4, frameSize: 1024, frameNr: 15 }],
      ['a frame too small', version, { blockSize: 4096, blockNr: 4, frameSize: 32, frameNr: 512 }],
      ['a frame not aligned', version, { blockSize: 4096, blockNr: 4, frameSize: 1000, frameNr: 16 }],
      ['a frame larger than a block', version, { blockSize: 4096, blockNr: 4, frameSize: 8192, frameNr: 4 }],
      [
        'private room larger than a block',
        version,
        { blockSize: 4096, blockNr: 1, frameSize: 2048, frameNr: 2, sizeofPriv: 5000 },
      ],
      ['a timeout', version, { blockSize: 4096, blockNr: 1, frameSize: 2048, frameNr: 2, retireBlkTov: 10 }],
    );
  }
  for (const [what, version, request] of requests)
    for (const option of [5, 13])
      twin(`${option === 5 ? 'RX' : 'TX'} ring of version ${version + 1}: ${what}`, (w) => {
        const fd = w.near.socket(17, 3, 0);
        const value = encodeTpacketReq3(request);
        const size = request.blockSize * request.blockNr;
        const log: unknown[] = [set(w.near, fd, SOL_PACKET, 10, version), set(w.near, fd, SOL_PACKET, option, value)];
        const wrong = w.near.mmap(size + 4096, 3, 1, fd, 0);
        log.push(typeof wrong === 'number' ? wrong : 'mapped');
        const mapping = w.near.mmap(size, 3, 1, fd, 0);
        log.push(typeof mapping === 'number' ? mapping : mapping.bytes.length);
        log.push(
          set(w.near, fd, SOL_PACKET, option, value),
          set(w.near, fd, SOL_PACKET, 10, 0),
          set(w.near, fd, SOL_PACKET, 12, 16),
        );
        if (typeof mapping !== 'number') w.near.munmap(mapping);
        log.push(set(w.near, fd, SOL_PACKET, option, value.subarray(0, 15)), revents(w.near, fd));
        log.push(set(w.near, fd, SOL_PACKET, option, new Uint8Array(28)), revents(w.near, fd));
        w.near.close(fd);
        return log;
      });

  /** Whether frames are stamped as they come in depends on what else runs on the machine (net_enable_timestamp is the
   * whole machine's): that bit of the status is left out. */
  const unstamped = (status: number): string => ((status & ~0x20000000) >>> 0).toString(16);
  /** A packet without its link header gets one, for the mask. */
  const masked = (bytes: Uint8Array): string =>
    bytes[0] === 0x45 ? maskFrame(Uint8Array.from([...new Array(12).fill(0), 8, 0, ...bytes]), 0) : maskFrame(bytes, 0);

  /** A frame's head as numbers, times left out, and its bytes. */
  function frameAt(m: Mapping, at: number, version: number): unknown[] {
    const b = m.bytes;
    if (version === 2) {
      const [len, mac] = [hostU32(b, at + 12), hostU16(b, at + 24)];
      return [
        hostU32(b, at),
        len,
        hostU32(b, at + 16),
        unstamped(hostU32(b, at + 20)),
        mac,
        hostU16(b, at + 26),
        hostU32(b, at + 32),
        hostU16(b, at + 36),
        hex(b.subarray(at + 48, at + 48 + 18)),
        masked(b.slice(at + mac, at + mac + len)),
      ];
    }
    const o = version === 0 ? 8 : 4;
    const [len, snap, mac, netoff] = [
      hostU32(b, at + o),
      hostU32(b, at + o + 4),
      hostU16(b, at + o + 8),
      hostU16(b, at + o + 10),
    ];
    return [
      unstamped(hostU32(b, at)),
      len,
      snap,
      mac,
      netoff,
      version === 1 ? hex(b.subarray(at + 24, at + 32)) : '',
      hex(b.subarray(at + 32, at + 32 + 18)),
      masked(b.slice(at + mac, at + mac + snap)),
    ];
  }
  for (const version of [0, 1])
    for (const type of [3, 2])
      for (const [what, option, value] of [
        ['plain', 0, 0],
        ['PACKET_RESERVE', 12, 32],
        ['PACKET_VNET_HDR', 15, 1],
        ['PACKET_COPY_THRESH', 7, 1],
        ['PACKET_ORIGDEV', 9, 1],
      ] as const)
        twin(`RX ring of version ${version + 1}, type ${type}, ${what}`, (w) => {
          const fd = w.far.socket(17, type, 0);
          const log: unknown[] = [set(w.far, fd, SOL_PACKET, 10, version)];
          if (option) log.push(set(w.far, fd, SOL_PACKET, option, value));
          const frameSize = what === 'PACKET_COPY_THRESH' ? 112 : 256;
          const perBlock = Math.floor(4096 / frameSize);
          log.push(
            set(
              w.far,
              fd,
              SOL_PACKET,
              5,
              encodeTpacketReq3({ blockSize: 4096, blockNr: 1, frameSize, frameNr: perBlock }),
            ),
          );
          const m = w.far.mmap(4096, 3, 1, fd, 0) as Mapping;
          log.push(w.far.bind(fd, encodeSockaddrLl({ protocol: 3, ifindex: farIndex(w) })), revents(w.far, fd));
          traffic(w);
          log.push(revents(w.far, fd));
          for (let i = 0; i < perBlock; i++)
            log.push(hostU32(m.bytes, i * frameSize) === 0 ? 0 : frameAt(m, i * frameSize, version));
          if (what === 'PACKET_COPY_THRESH') log.push(...drain(w, fd));
          // Not given back: the ring fills, what comes then is lost.
          for (let i = 0; i < 6; i++) traffic(w);
          log.push(
            Array.from({ length: perBlock }, (_, i) => hostU32(m.bytes, i * frameSize) & 0xff),
            get(w.far, fd, SOL_PACKET, 6, 12),
          );
          for (let i = 0; i < perBlock; i++) putHostU32(m.bytes, i * frameSize, 0);
          log.push(revents(w.far, fd));
          traffic(w);
          log.push(
            Array.from({ length: perBlock }, (_, i) => hostU32(m.bytes, i * frameSize) & 0xff),
            get(w.far, fd, SOL_PACKET, 6, 8),
          );
          w.far.munmap(m);
          w.far.close(fd);
          w.frames();
          return log;
        });

  const block = (m: Mapping, at: number): unknown[] => {
    const b = m.bytes;
    const count = hostU32(b, at + 12);
    const log: unknown[] = [
      hostU32(b, at),
      hostU32(b, at + 4),
      hostU32(b, at + 8),
      count,
      hostU32(b, at + 16),
      hostU32(b, at + 20),
      hostU32(b, at + 24),
    ];
    let next = at + hostU32(b, at + 16);
    for (let i = 0; i < count; i++) {
      log.push(frameAt(m, next, 2));
      next += hostU32(b, next);
    }
    return log;
  };
  /** Lets time pass until something has happened: the timer of a ring ticks at its own moments. */
  const until = (w: World, happened: () => boolean): boolean => {
    for (let i = 0; i < 400 && !happened(); i++) w.settle(2);
    return happened();
  };
  for (const type of [3, 2])
    for (const [what, extra, option] of [
      ['plain', {}, 0],
      ['private room', { sizeofPriv: 20 }, 0],
      ['PACKET_VNET_HDR', {}, 15],
      ['PACKET_RESERVE', {}, 12],
    ] as const) {
      if (type === 2 && option === 15) continue;
      twin(`RX ring of version 3, type ${type}, ${what}`, (w) => {
        const fd = w.far.socket(17, type, 0);
        const ifindex = farIndex(w);
        const log: unknown[] = [set(w.far, fd, SOL_PACKET, 10, 2)];
        if (option) log.push(set(w.far, fd, SOL_PACKET, option, option === 12 ? 32 : 1));
        log.push(w.far.bind(fd, encodeSockaddrLl({ protocol: 3, ifindex })));
        const request = { blockSize: 4096, blockNr: 2, frameSize: 2048, frameNr: 4, retireBlkTov: 120, ...extra };
        log.push(set(w.far, fd, SOL_PACKET, 5, encodeTpacketReq3(request)));
        const m = w.far.mmap(8192, 3, 1, fd, 0) as Mapping;
        log.push(revents(w.far, fd));
        // Just after the ring's making, and then just after a tick, there is time until the next.
        traffic(w);
        log.push(
          until(w, () => (hostU32(m.bytes, 8) & 1) === 1),
          revents(w.far, fd),
          block(m, 0),
        );
        log.push(hostU32(m.bytes, 4096 + 8), hostU32(m.bytes, 4096 + 12));
        traffic(w);
        log.push(
          until(w, () => (hostU32(m.bytes, 4096 + 8) & 1) === 1),
          block(m, 4096),
        );
        // Both blocks are the program's: the queue freezes, and what comes is lost.
        traffic(w);
        log.push(get(w.far, fd, SOL_PACKET, 6, 12));
        putHostU32(m.bytes, 8, 0);
        log.push(until(w, () => hostU32(m.bytes, 12) === 0));
        traffic(w);
        log.push(
          until(w, () => (hostU32(m.bytes, 8) & 1) === 1),
          revents(w.far, fd),
          block(m, 0).slice(0, 6),
        );
        log.push(get(w.far, fd, SOL_PACKET, 6, 12), get(w.far, fd, SOL_PACKET, 6, 12));
        w.far.munmap(m);
        w.far.close(fd);
        w.frames();
        return log;
      });
    }
  twin('RX ring of version 3: a block that fills goes at once', (w) => {
    const fd = w.far.socket(17, 3, 0);
    set(w.far, fd, SOL_PACKET, 10, 2);
    set(
      w.far,
      fd,
      SOL_PACKET,
      5,
      encodeTpacketReq3({ blockSize: 4096, blockNr: 4, frameSize: 2048, frameNr: 8, retireBlkTov: 10000 }),
    );
    const m = w.far.mmap(16384, 3, 1, fd, 0) as Mapping;
    w.far.bind(fd, encodeSockaddrLl({ protocol: 0x88b5, ifindex: farIndex(w) }));
    const s = w.near.socket(17, 3, 0);
    const to = encodeSockaddrLl({ protocol: 0x88b5, ifindex: w.ifindex });
    const log: unknown[] = [];
    for (let i = 0; i < 30; i++) {
      w.near.sendto(s, ETH(FAR_MAC, NEAR_MAC, 0x88b5, new Array(300 + i).fill(i)), 0, to);
      w.settle(1);
      log.push(
        [0, 1, 2, 3]
          .map(
            (n) =>
              `${hostU32(m.bytes, n * 4096 + 8) & 1}/${hostU32(m.bytes, n * 4096 + 12)}/${hostU32(m.bytes, n * 4096 + 20)}`,
          )
          .join(' '),
      );
    }
    log.push(get(w.far, fd, SOL_PACKET, 6, 12));
    w.far.munmap(m);
    w.far.close(fd);
    w.near.close(s);
    w.frames();
    return log;
  });
  for (const version of [0, 1, 2])
    for (const loss of [0, 1])
      twin(`TX ring of version ${version + 1}${loss ? ' with PACKET_LOSS' : ''}`, (w) => {
        const fd = w.near.socket(17, 3, 0);
        const log: unknown[] = [set(w.near, fd, SOL_PACKET, 10, version), set(w.near, fd, SOL_PACKET, 14, loss)];
        log.push(
          set(
            w.near,
            fd,
            SOL_PACKET,
            13,
            encodeTpacketReq3({ blockSize: 4096, blockNr: 1, frameSize: 1024, frameNr: 4 }),
          ),
        );
        const m = w.near.mmap(4096, 3, 1, fd, 0) as Mapping;
        log.push(
          w.near.bind(fd, encodeSockaddrLl({ protocol: 0x88b5, ifindex: w.ifindex })),
          revents(w.near, fd),
          w.near.sendto(fd, new Uint8Array(0), 0, null),
        );
        const status = version === 2 ? 20 : 0;
        const length = version === 0 ? 8 : version === 1 ? 4 : 16;
        const data = version === 2 ? 48 : 32;
        const put = (i: number, frame: Uint8Array, size = frame.length): void => {
          m.bytes.set(frame, i * 1024 + data);
          putHostU32(m.bytes, i * 1024 + length, size);
          putHostU32(m.bytes, i * 1024 + status, 1);
        };
        put(0, ETH(FAR_MAC, NEAR_MAC, 0x88b5, [1, 2, 3]));
        put(1, ETH(FAR_MAC, NEAR_MAC, 0x88b5, new Array(500).fill(2)));
        log.push(w.near.sendto(fd, new Uint8Array(0), 0, null));
        w.settle(2);
        log.push(
          [0, 1, 2, 3].map((i) => hostU32(m.bytes, i * 1024 + status) & 0xff),
          w.frames(),
          revents(w.near, fd),
        );
        put(2, ETH(FAR_MAC, NEAR_MAC, 0x88b5, [3]), 5000);
        put(3, ETH(FAR_MAC, NEAR_MAC, 0x88b5, [4]));
        log.push(w.near.sendto(fd, new Uint8Array(0), 0, null), w.near.sendto(fd, new Uint8Array(0), 0, null));
        w.settle(2);
        log.push(
          [0, 1, 2, 3].map((i) => hostU32(m.bytes, i * 1024 + status) & 0xff),
          w.frames(),
          get(w.near, fd, 1, 4),
        );
        w.near.munmap(m);
        w.near.close(fd);
        return log;
      });

  // ---- fanout ----
  const fanout = (group: number, kind: number): number => (group & 0xffff) | (kind << 16);
  for (const [what, kind] of [
    ['hash', 0],
    ['lb', 1],
    ['cpu', 2],
    ['rollover', 3],
    ['rnd', 4],
    ['qm', 5],
    ['cbpf', 6],
    ['ebpf', 7],
    ['an unknown kind', 8],
    ['hash with rollover', 0x1000],
    ['rollover with rollover', 0x1003],
    ['a unique id', 0x2000],
  ] as const)
    twin(`PACKET_FANOUT ${what}`, (w) => {
      const group = kind & 0x2000 ? 0 : 700 + kind;
      const a = listener(w, 3, 0x88b5);
      const b = listener(w, 3, 0x88b5);
      const loose = w.far.socket(17, 3, 0);
      const other = listener(w, 3, 0x800);
      const log: unknown[] = [get(w.far, a, SOL_PACKET, 18)];
      for (const fd of [a, b, loose, other, a]) log.push(set(w.far, fd, SOL_PACKET, 18, fanout(group, kind)));
      log.push(set(w.far, loose, SOL_PACKET, 18, fanout(group, kind ^ 1)));
      log.push(
        (get(w.far, a, SOL_PACKET, 18)[1] as number) >>> 16,
        w.far.bind(a, encodeSockaddrLl({ protocol: 3, ifindex: farIndex(w) })),
      );
      for (let i = 0; i < 4; i++) traffic(w);
      const count = (fd: number): number => {
        let n = 0;
        while ((recv(w.far, fd)[0] as number) >= 0) n++;
        return n;
      };
      const shares = [count(a), count(b)];
      log.push(what === 'lb' || what === 'cbpf' || what === 'rollover' ? shares : shares[0]! + shares[1]!);
      log.push(get(w.far, a, SOL_PACKET, 21, 24));
      for (const fd of [a, b, loose, other]) w.far.close(fd);
      w.frames();
      return log;
    });
  twin('PACKET_FANOUT_DATA chooses by a program', (w) => {
    const a = listener(w, 3, 0x88b5);
    const b = listener(w, 3, 0x88b5);
    const log: unknown[] = [set(w.far, a, SOL_PACKET, 22, encodeSockFprog([{ code: 6, jt: 0, jf: 0, k: 1 }]))];
    for (const fd of [a, b]) log.push(set(w.far, fd, SOL_PACKET, 18, fanout(800, 6)));
    log.push(
      set(
        w.far,
        a,
        SOL_PACKET,
        22,
        encodeSockFprog([
          { code: 0x30, jt: 0, jf: 0, k: 0 },
          { code: 0x16, jt: 0, jf: 0, k: 0 },
        ]),
      ),
    );
    traffic(w);
    log.push(drain(w, a), drain(w, b));
    w.far.close(a);
    w.far.close(b);
    w.frames();
    return log;
  });
  twin('a full socket drops and counts', (w) => {
    const fd = listener(w, 3, 0x88b5);
    set(w.far, fd, 1, 8, 0);
    for (let i = 0; i < 5; i++) traffic(w);
    const log: unknown[] = [meminfo(w.far, fd), get(w.far, fd, SOL_PACKET, 6, 8), ...drain(w, fd), meminfo(w.far, fd)];
    w.far.close(fd);
    w.frames();
    return log;
  });
  void putHostU16;
});
