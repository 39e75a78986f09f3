import { be16, be32 } from '../bytes/endian.ts';
import { eth } from './eth.ts';
import { defineFields } from './fields.ts';
import type { Protocol } from './protocol.ts';

/** ERSPAN (draft-foschiano-erspan): Ethernet frames that a switch mirrors, behind GRE. Type I has no header, type II
 * eight bytes, type III twelve, or twenty with a platform's subheader. tcpdump does not print it. */
const F = defineFields('erspan', {
  version: ['Version', 'uint16'],
  vlan: ['Vlan', 'uint16'],
  cos: ['COS', 'uint16'],
  encap: ['Encap', 'uint16'],
  bso: ['Bad/Short/Oversized', 'uint16'],
  truncated: ['Truncated', 'uint16'],
  spanid: ['SpanID', 'uint16'],
  reserved: ['Reserved', 'uint32'],
  index: ['Index', 'uint32'],
  timestamp: ['Timestamp', 'uint32'],
  sgt: ['Security Group Tag', 'uint16'],
  p: ['Has Ethernet PDU', 'uint16'],
  ft: ['Frame Type', 'uint16'],
  hw: ['Hardware ID', 'uint16'],
  direction: ['Direction', 'bool'],
  gra: ['Timestamp granularity', 'uint16'],
  o: ['Optional Sub headers', 'uint16'],
  platid: ['Platform ID', 'uint32'],
});
const TYPE_2 = 1;
const TYPE_3 = 2;
const TYPE_2_LENGTH = 8;
const TYPE_3_LENGTH = 12;
const SUBHEADER_LENGTH = 8;
const FRAME_ETHERNET = 0;

export const erspan: Protocol = {
  name: 'erspan',
  title: 'Encapsulated Remote Switch Packet ANalysis',
  walk(f, at, end) {
    if (!f.fits('erspan', at, TYPE_2_LENGTH, end)) return;
    const { bytes } = f;
    const version = bytes[at]! >>> 4;
    f.layer(erspan, at, TYPE_2_LENGTH);
    f.uint(F.version, at, 2, version);
    if (version !== TYPE_2 && version !== TYPE_3) {
      f.data(at, end);
      return;
    }
    f.uint(F.vlan, at, 2, be16(bytes, at) & 0x0fff);
    const second = be16(bytes, at + 2);
    f.uint(F.cos, at + 2, 2, second >>> 13);
    f.uint(version === TYPE_2 ? F.encap : F.bso, at + 2, 2, (second >>> 11) & 3);
    f.uint(F.truncated, at + 2, 2, (second >>> 10) & 1);
    f.uint(F.spanid, at + 2, 2, second & 0x3ff);
    if (version === TYPE_2) {
      f.uint(F.reserved, at + 4, 4, be32(bytes, at + 4) >>> 20);
      f.uint(F.index, at + 4, 4, be32(bytes, at + 4) & 0xfffff);
      f.next(eth, at + TYPE_2_LENGTH, end);
      return;
    }
    if (!f.fits('erspan', at, TYPE_3_LENGTH, end)) return;
    f.layerEnds(at + TYPE_3_LENGTH);
    f.uint(F.timestamp, at + 4, 4, be32(bytes, at + 4));
    f.uint(F.sgt, at + 8, 2, be16(bytes, at + 8));
    const last = be16(bytes, at + 10);
    f.uint(F.p, at + 10, 2, last >>> 15);
    f.uint(F.ft, at + 10, 2, (last >>> 10) & 31);
    f.uint(F.hw, at + 10, 2, (last >>> 4) & 63);
    f.bool(F.direction, at + 10, 2, (last & 8) !== 0);
    f.uint(F.gra, at + 10, 2, (last >>> 1) & 3);
    f.uint(F.o, at + 10, 2, last & 1);
    let body = at + TYPE_3_LENGTH;
    if ((last & 1) !== 0) {
      if (!f.fits('erspan', body, SUBHEADER_LENGTH, end)) return;
      f.uint(F.platid, body, 4, be32(bytes, body) >>> 26);
      body += SUBHEADER_LENGTH;
      f.layerEnds(body);
    }
    f.next(((last >>> 10) & 31) === FRAME_ETHERNET ? eth : undefined, body, end);
  },
};

/** Type I: the frame follows GRE at once, which then has no sequence number. */
export const erspanType1: Protocol = {
  name: 'erspan',
  title: 'Encapsulated Remote Switch Packet ANalysis Type I',
  walk(f, at, end) {
    f.layer(erspanType1, at, 0);
    f.next(eth, at, end);
  },
};
