import { be16, be32 } from '../bytes/endian.ts';
import * as wire from '../wire/ospf.ts';
import { defineFields, type Fields } from './fields.ts';

/** Fields of opaque link state advertisements (RFC 5250) and of the block for link-local signaling (RFC 5613): values of a
 * type, a length and contents. */

const LIST = { list: true } as const;
const HEX = { list: true, base: 'hex' } as const;
const F = defineFields('ospf', {
  tlv_type: ['TLV Type', 'uint16', LIST],
  'tlv_type.opaque': ['TLV Type', 'uint16', LIST],
  tlv_length: ['TLV Length', 'uint16', LIST],
  pad_bytes: ['Pad Bytes', 'bytes', LIST],
  'v2.grace.period': ['Grace Period', 'uint32', LIST],
  'v2.grace.reason': ['Restart Reason', 'uint8', LIST],
  'v2.grace.ip': ['Restart IP', 'ipv4', LIST],
  'mpls.routerid': ['MPLS/TE Router ID', 'ipv4', LIST],
  'mpls.linktype': ['MPLS/TE Link Type', 'uint8', LIST],
  'mpls.linkid': ['MPLS/TE Link ID', 'ipv4', LIST],
  'mpls.local_addr': ['MPLS/TE Local Interface Address', 'ipv4', LIST],
  'mpls.remote_addr': ['MPLS/TE Remote Interface Address', 'ipv4', LIST],
  'mpls.te_metric': ['Traffic Engineering Metric', 'uint32', LIST],
  'mpls.link_max_bw': ['Link Max BW', 'float', LIST],
  'mpls.pri': ['Pri (or TE-Class)', 'float', LIST],
  'mpls.linkcolor': ['MPLS/TE Link Resource Class/Color', 'uint32', HEX],
  'mpls.group': ['Group', 'uint32', HEX],
  'mpls.local_id': ['MPLS/TE Local Interface Index', 'uint32', LIST],
  'mpls.remote_id': ['MPLS/TE Remote Interface Index', 'uint32', LIST],
  'mpls.protection_capability': ['Protection Capability', 'uint8', HEX],
  'mpls.switching_type': ['Switching Type', 'uint8', LIST],
  'mpls.encoding': ['Encoding', 'uint8', LIST],
  'mpls.minimum_lsp_bandwidth': ['Minimum LSP bandwidth', 'float', LIST],
  'mpls.interface_mtu': ['Interface MTU', 'uint16', LIST],
  'mpls.shared_risk_link_group': ['Shared Risk Link Group', 'uint32', LIST],
  'lsa.mpls': ['MPLS Traffic Engineering LSA', 'bool', LIST],
  'ri.options': ['RI Options', 'uint8', HEX],
  'ri.options.grc': ['(GRC) Graceful Restart', 'bool', LIST],
  'ri.options.grh': ['(GRH) Graceful Restart Helper', 'bool', LIST],
  'ri.options.srs': ['Stub Router Support', 'bool', LIST],
  'ri.options.tes': ['(TES) Traffic Engineering', 'bool', LIST],
  'ri.options.p2plan': ['(P2PLAN) Point-to-point over LAN', 'bool', LIST],
  'ri.options.ete': ['(ETE) Experimental TE', 'bool', LIST],
  'ri.options.host': ['Host Router', 'bool', LIST],
  dynhostname: ['Dynamic Hostname', 'string', LIST],
  'lls.checksum': ['Checksum', 'uint16', { base: 'hex' }],
  'lls.data_length': ['LLS Data Length', 'uint32'],
  'lls.ext.options': ['Options', 'uint32', HEX],
  'lls.ext.options.rs': ['(RS) Restart Signal', 'bool', LIST],
  'lls.ext.options.lr': ['(LR) LSDB Resynchronization', 'bool', LIST],
  'v2.lls.sequence_number': ['Sequence number', 'uint32', HEX],
  'v2.lls.auth_data': ['Auth Data', 'bytes', LIST],
});

const TLV_HEADER = 4;

const float = (bytes: Uint8Array, at: number): number => new Float32Array(Uint32Array.of(be32(bytes, at)).buffer)[0]!;

/** Calls `take` with each value between `at` and `end` that is whole; false ends it. Padded to words. */
function eachTlv(
  f: Fields,
  typeField: number,
  at: number,
  end: number,
  take: (type: number, at: number, end: number) => void,
): void {
  const { bytes } = f;
  while (at + TLV_HEADER <= end) {
    const type = be16(bytes, at);
    const size = be16(bytes, at + 2);
    f.uint(typeField, at, 2, type);
    f.uint(F.tlv_length, at + 2, 2, size);
    const body = at + TLV_HEADER;
    if (!f.fits('ospf', body, size, end)) return;
    take(type, body, body + size);
    at = body + ((size + 3) & ~3);
  }
}

/** The body of an opaque LSA, from `at` up to `end`. */
export function walkOpaque(f: Fields, type: number, at: number, end: number): void {
  if (type === wire.OPAQUE_GRACE) walkGrace(f, at, end);
  else if (type === wire.OPAQUE_ROUTER_INFORMATION) walkRouterInformation(f, at, end);
  else if (type === wire.OPAQUE_TRAFFIC_ENGINEERING) {
    eachTlv(f, F.tlv_type, at, end, (tlv, body, stop) => {
      if (tlv === 1 && stop - body === 4) f.raw(F['mpls.routerid'], body, 4);
      else if (tlv === 2) eachTlv(f, F.tlv_type, body, stop, (sub, from, to) => walkLink(f, sub, from, to));
    });
    f.bool(F['lsa.mpls'], at, 0, true);
  }
}

/** RFC 3623 A. */
function walkGrace(f: Fields, at: number, end: number): void {
  const { bytes } = f;
  eachTlv(f, F.tlv_type, at, end, (type, body, stop) => {
    const size = stop - body;
    if (type === 1 && size === 4) f.uint(F['v2.grace.period'], body, 4, be32(bytes, body));
    else if (type === 2 && size === 1) {
      f.uint(F['v2.grace.reason'], body, 1, bytes[body]!);
      if (stop + 3 <= end) f.raw(F.pad_bytes, stop, 3);
    } else if (type === 3 && size === 4) f.raw(F['v2.grace.ip'], body, 4);
  });
}

/** RFC 7770 2. */
export function walkRouterInformation(f: Fields, at: number, end: number): void {
  const { bytes } = f;
  eachTlv(f, F['tlv_type.opaque'], at, end, (type, body, stop) => {
    if (type === 7) f.value(F.dynhostname, body, stop - body, Buffer.from(bytes.subarray(body, stop)).toString());
    if (type !== 1 || stop <= body) return;
    const options = bytes[body]!;
    f.uint(F['ri.options'], body, 1, options);
    f.bool(F['ri.options.grc'], body, 1, (options & 0x80) !== 0);
    f.bool(F['ri.options.grh'], body, 1, (options & 0x40) !== 0);
    f.bool(F['ri.options.srs'], body, 1, (options & 0x20) !== 0);
    f.bool(F['ri.options.tes'], body, 1, (options & 0x10) !== 0);
    f.bool(F['ri.options.p2plan'], body, 1, (options & 0x08) !== 0);
    f.bool(F['ri.options.ete'], body, 1, (options & 0x04) !== 0);
    f.bool(F['ri.options.host'], body, 1, (options & 0x01) !== 0);
  });
}

/** Fields of one address or number. */
const SIMPLE: Readonly<Record<number, number>> = {
  2: F['mpls.linkid'],
  3: F['mpls.local_addr'],
  4: F['mpls.remote_addr'],
};
const PRIORITIES = 8;

/** A value of a link, RFC 3630 2.5 and RFC 4203. */
function walkLink(f: Fields, type: number, at: number, end: number): void {
  const { bytes } = f;
  const size = end - at;
  const floats = (id: number, from: number, most: number): void => {
    for (let i = 0, place = from; i < most && place + 4 <= end; i++, place += 4)
      f.uint(id, place, 4, float(bytes, place));
  };
  switch (type) {
    case 1:
      if (size > 0) f.uint(F['mpls.linktype'], at, 1, bytes[at]!);
      break;
    case 2:
    case 3:
    case 4:
      for (let place = at; place + 4 <= end; place += 4) f.raw(SIMPLE[type]!, place, 4);
      break;
    case 5:
      if (size >= 4) f.uint(F['mpls.te_metric'], at, 4, be32(bytes, at));
      break;
    case 6:
    case 7:
      floats(F['mpls.link_max_bw'], at, 1);
      break;
    case 8:
      floats(F['mpls.pri'], at, PRIORITIES);
      break;
    case 9: {
      if (size < 4) break;
      const color = be32(bytes, at);
      f.uint(F['mpls.linkcolor'], at, 4, color);
      for (let bit = 0; bit < 32; bit++) if (((color >>> bit) & 1) === 1) f.uint(F['mpls.group'], at, 4, 2 ** bit);
      break;
    }
    case 11:
      if (size < 8) break;
      f.uint(F['mpls.local_id'], at, 4, be32(bytes, at));
      f.uint(F['mpls.remote_id'], at + 4, 4, be32(bytes, at + 4));
      break;
    case 14:
      if (size > 0) f.uint(F['mpls.protection_capability'], at, 1, bytes[at]!);
      break;
    case 15:
      if (size < 36) break;
      f.uint(F['mpls.switching_type'], at, 1, bytes[at]!);
      f.uint(F['mpls.encoding'], at + 1, 1, bytes[at + 1]!);
      floats(F['mpls.pri'], at + 4, PRIORITIES);
      // Packet switching: RFC 4203 1.4.
      if (size >= 42 && bytes[at]! >= 1 && bytes[at]! <= 4) {
        floats(F['mpls.minimum_lsp_bandwidth'], at + 36, 1);
        f.uint(F['mpls.interface_mtu'], at + 40, 2, be16(bytes, at + 40));
      }
      break;
    case 16:
      for (let place = at; place + 4 <= end; place += 4)
        f.uint(F['mpls.shared_risk_link_group'], place, 4, be32(bytes, place));
  }
}

/** The block for link-local signaling, from `at` up to `end`. */
export function walkSignaling(f: Fields, at: number, end: number): void {
  if (!f.fits('ospf', at, 4, end)) return;
  const { bytes } = f;
  // In words.
  const length = be16(bytes, at + 2) * 4;
  f.uint(F['lls.checksum'], at, 2, be16(bytes, at));
  f.uint(F['lls.data_length'], at + 2, 2, length);
  eachTlv(f, F.tlv_type, at + 4, Math.min(at + length, end), (type, body, stop) => {
    if (type === 1 && stop - body === 4) {
      const options = be32(bytes, body);
      f.uint(F['lls.ext.options'], body, 4, options);
      f.bool(F['lls.ext.options.rs'], body, 4, (options & 2) !== 0);
      f.bool(F['lls.ext.options.lr'], body, 4, (options & 1) !== 0);
    } else if (type === 2 && stop - body >= 4) {
      f.uint(F['v2.lls.sequence_number'], body, 4, be32(bytes, body));
      f.raw(F['v2.lls.auth_data'], body + 4, stop - body - 4);
    }
  });
}
