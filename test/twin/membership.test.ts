import { afterAll } from 'vitest';
import { encodePacketMreq } from '../../src/uapi/if_packet.ts';
import { describeNetwork } from '../support/network.ts';
import { set } from './program.ts';
import { stage } from './stage.ts';

const SOL_PACKET = 263;

describeNetwork('memberships of packet sockets on both kernels', () => {
  const { twin, dispose } = stage();
  afterAll(dispose);

  for (const type of [0, 1, 2, 3, 4])
    for (const alen of [0, 6, 8])
      twin(`PACKET_ADD_MEMBERSHIP of type ${type} with ${alen} bytes`, (w) => {
        const fd = w.near.socket(17, 3, 0);
        const mreq = encodePacketMreq(w.ifindex, type, new Uint8Array(alen).fill(3));
        const nobody = encodePacketMreq(99, type, new Uint8Array(alen).fill(3));
        const log = [
          set(w.near, fd, SOL_PACKET, 2, mreq),
          set(w.near, fd, SOL_PACKET, 1, mreq),
          set(w.near, fd, SOL_PACKET, 1, mreq),
          set(w.near, fd, SOL_PACKET, 2, mreq),
          set(w.near, fd, SOL_PACKET, 1, nobody),
          set(w.near, fd, SOL_PACKET, 1, mreq.subarray(0, 15)),
        ];
        w.near.close(fd);
        return log;
      });
});
