import { be16, be32 } from '../bytes/endian.ts';
import * as wire from '../wire/bgp.ts';
import { printBgp } from './bgp-text.ts';
import { defineFields, type Fields, WAITS_FOR_MORE } from './fields.ts';
import type { Protocol } from './protocol.ts';

const LIST = { list: true } as const;
const HEX = { list: true, base: 'hex' } as const;
const F = defineFields('bgp', {
  marker: ['Marker', 'bytes', LIST],
  length: ['Length', 'uint16', LIST],
  type: ['Type', 'uint8', LIST],
  'open.version': ['Version', 'uint8', LIST],
  'open.myas': ['My AS', 'uint16', LIST],
  'open.holdtime': ['Hold Time', 'uint16', LIST],
  'open.identifier': ['BGP Identifier', 'ipv4', LIST],
  'open.opt.len': ['Optional Parameters Length', 'uint8', LIST],
  'notify.major_error': ['Major error Code', 'uint8', LIST],
  'update.withdrawn_routes.length': ['Withdrawn Routes Length', 'uint16', LIST],
  'update.path_attributes.length': ['Total Path Attribute Length', 'uint16', LIST],
  'update.path_attribute.flags': ['Flags', 'uint8', HEX],
  'update.path_attribute.type_code': ['Type Code', 'uint8', LIST],
  'update.path_attribute.length': ['Length', 'uint16', LIST],
  'update.path_attribute.origin': ['Origin', 'uint8', LIST],
  'update.path_attribute.next_hop': ['Next hop', 'ipv4', LIST],
  'update.path_attribute.multi_exit_disc': ['Multiple exit discriminator', 'uint32', LIST],
  'update.path_attribute.local_pref': ['Local preference', 'uint32', LIST],
  'update.path_attribute.community_as': ['Community AS', 'uint16', LIST],
  'update.path_attribute.community_value': ['Community value', 'uint16', LIST],
});

export const bgp: Protocol = {
  name: 'bgp',
  title: 'Border Gateway Protocol',
  print: printBgp,
  measure(bytes, at, end) {
    if (at + wire.HEADER_LENGTH > end) return WAITS_FOR_MORE;
    return wire.hasMarker(bytes, at, end) ? Math.max(wire.length(bytes, at), wire.HEADER_LENGTH) : end - at;
  },
  walk(f, at, end) {
    if (!wire.mayBegin(f.bytes, at, end)) {
      f.data(at, end);
      return;
    }
    while (at < end) {
      if (!f.fits('bgp', at, wire.HEADER_LENGTH, end)) return;
      const { bytes } = f;
      const size = wire.length(bytes, at);
      const type = wire.type(bytes, at);
      f.layer(bgp, at, wire.HEADER_LENGTH);
      f.raw(F.marker, at, 16);
      f.uint(F.length, at + 16, 2, size);
      f.uint(F.type, at + 18, 1, type);
      if (size < wire.HEADER_LENGTH) {
        f.invalid('bgp', at + 16, wire.HEADER_LENGTH, size, 'bgp.length');
        return;
      }
      if (!f.fits('bgp', at, size, end)) return;
      f.layerEnds(at + size);
      walkMessage(f, type, at + wire.HEADER_LENGTH, at + size);
      at += size;
    }
  },
};

function walkMessage(f: Fields, type: number, at: number, end: number): void {
  const { bytes } = f;
  if (type === wire.TYPE_OPEN) {
    if (!f.fits('bgp', at, wire.OPEN_LENGTH, end)) return;
    f.uint(F['open.version'], at, 1, bytes[at]!);
    f.uint(F['open.myas'], at + 1, 2, be16(bytes, at + 1));
    f.uint(F['open.holdtime'], at + 3, 2, be16(bytes, at + 3));
    f.raw(F['open.identifier'], at + 5, 4);
    f.uint(F['open.opt.len'], at + 9, 1, bytes[at + 9]!);
  } else if (type === wire.TYPE_NOTIFICATION) {
    if (f.fits('bgp', at, 2, end)) f.uint(F['notify.major_error'], at, 1, bytes[at]!);
  } else if (type === wire.TYPE_UPDATE) {
    if (!f.fits('bgp', at, 2, end)) return;
    const withdrawn = be16(bytes, at);
    f.uint(F['update.withdrawn_routes.length'], at, 2, withdrawn);
    at += 2 + withdrawn;
    if (!f.fits('bgp', at, 2, end)) return;
    const attributes = be16(bytes, at);
    f.uint(F['update.path_attributes.length'], at, 2, attributes);
    at += 2;
    if (f.fits('bgp', at, attributes, end)) walkAttributes(f, at, at + attributes);
  }
}

function walkAttributes(f: Fields, at: number, end: number): void {
  const { bytes } = f;
  while (at < end) {
    const isExtended = (bytes[at]! & wire.ATTRIBUTE_EXTENDED) !== 0;
    const header = isExtended ? 4 : 3;
    if (!f.fits('bgp', at, header, end)) return;
    const type = bytes[at + 1]!;
    const size = isExtended ? be16(bytes, at + 2) : bytes[at + 2]!;
    f.uint(F['update.path_attribute.flags'], at, 1, bytes[at]!);
    f.uint(F['update.path_attribute.type_code'], at + 1, 1, type);
    f.uint(F['update.path_attribute.length'], at + 2, header - 2, size);
    at += header;
    if (!f.fits('bgp', at, size, end)) return;
    if (type === wire.ORIGIN && size === 1) f.uint(F['update.path_attribute.origin'], at, 1, bytes[at]!);
    else if (type === wire.NEXT_HOP && size === 4) f.raw(F['update.path_attribute.next_hop'], at, 4);
    else if (type === wire.MULTI_EXIT_DISC && size === 4)
      f.uint(F['update.path_attribute.multi_exit_disc'], at, 4, be32(bytes, at));
    else if (type === wire.LOCAL_PREF && size === 4)
      f.uint(F['update.path_attribute.local_pref'], at, 4, be32(bytes, at));
    else if (type === wire.COMMUNITIES)
      for (let place = at; place + 4 <= at + size; place += 4) {
        // RFC 1997 2: those of the last AS are well known.
        if (be16(bytes, place) === 0xffff) continue;
        f.uint(F['update.path_attribute.community_as'], place, 2, be16(bytes, place));
        f.uint(F['update.path_attribute.community_value'], place + 2, 2, be16(bytes, place + 2));
      }
    at += size;
  }
}
