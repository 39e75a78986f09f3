import { be16, be32 } from '../bytes/endian.ts';
import * as wire from '../wire/bgp.ts';
import { walkAttributes, walkPrefixes } from './bgp-fields.ts';
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
  'open.opt.param.type': ['Parameter Type', 'uint8', LIST],
  'open.opt.param.len': ['Parameter Length', 'uint8', LIST],
  'open.opt.param.unknown': ['Unknown', 'bytes', LIST],
  'cap.type': ['Type', 'uint8', LIST],
  'cap.length': ['Length', 'uint8', LIST],
  'cap.unknown': ['Unknown', 'bytes', LIST],
  'cap.mp.afi': ['AFI', 'uint16', LIST],
  'cap.mp.safi': ['SAFI', 'uint8', LIST],
  'cap.reserved': ['Reserved', 'bytes', LIST],
  'cap.4as': ['AS Number', 'uint32', LIST],
  'cap.gr.timers': ['Restart Timers', 'uint16', HEX],
  'cap.gr.timers.restart_flag': ['Restart state', 'bool', LIST],
  'cap.gr.timers.notification_flag': ['Graceful notification', 'bool', LIST],
  'cap.gr.timers.restart_time': ['Time', 'uint16', LIST],
  'cap.gr.afi': ['AFI', 'uint16', LIST],
  'cap.gr.safi': ['SAFI', 'uint8', LIST],
  'cap.gr.flag': ['Flag', 'uint8', HEX],
  'cap.gr.flag.pfs': ['Preserve forwarding state', 'bool', LIST],
  'cap.ap.afi': ['AFI', 'uint16', LIST],
  'cap.ap.safi': ['SAFI', 'uint8', LIST],
  'cap.ap.sendreceive': ['Send/Receive', 'uint8', LIST],
  'cap.enh.afi': ['AFI', 'uint16', LIST],
  'cap.enh.safi': ['SAFI', 'uint16', LIST],
  'cap.enh.nhafi': ['Next hop AFI', 'uint16', LIST],
  'cap.orf.fqdn.hostname.len': ['Hostname Length', 'uint8', LIST],
  'cap.orf.fqdn.hostname': ['Hostname', 'string', LIST],
  'cap.orf.fqdn.domain_name.len': ['Domain Name Length', 'uint8', LIST],
  'cap.orf.fqdn.domain_name': ['Domain Name', 'string', LIST],
  'notify.major_error': ['Major error Code', 'uint8', LIST],
  'notify.minor_error': ['Minor error Code (Message Header)', 'uint8', LIST],
  'notify.minor_error_open': ['Minor error Code (Open Message)', 'uint8', LIST],
  'notify.minor_error_update': ['Minor error Code (Update Message)', 'uint8', LIST],
  'notify.minor_error_expired': ['Minor error Code (Hold Timer Expired)', 'uint8', LIST],
  'notify.minor_error_state': ['Minor error Code (State Machine)', 'uint8', LIST],
  'notify.minor_error_cease': ['Minor error Code (Cease)', 'uint8', LIST],
  'notify.minor_error_capability': ['Minor error Code (Capability Message)', 'uint8', LIST],
  'notify.minor_error_unknown': ['Minor error Code (Unknown)', 'uint8', LIST],
  'notify.minor_data': ['Data', 'bytes', LIST],
  'notify.communication_length': ['BGP Shutdown Communication Length', 'uint8', LIST],
  'notify.communication': ['Shutdown Communication', 'string', LIST],
  'route_refresh.afi': ['Address family identifier (AFI)', 'uint16', LIST],
  'route_refresh.subtype': ['Subtype', 'uint8', LIST],
  'route_refresh.safi': ['Subsequent address family identifier (SAFI)', 'uint8', LIST],
  'update.withdrawn_routes.length': ['Withdrawn Routes Length', 'uint16', LIST],
  'update.path_attributes.length': ['Total Path Attribute Length', 'uint16', LIST],
  withdrawn_prefix: ['Withdrawn prefix', 'ipv4', LIST],
  prefix_length: ['Prefix Length', 'uint8', LIST],
  nlri_prefix: ['NLRI prefix', 'ipv4', LIST],
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

/** Fields of the second number of a notification, by the first (RFC 4271 4.5). */
const MINOR: Readonly<Record<number, number>> = {
  1: F['notify.minor_error'],
  2: F['notify.minor_error_open'],
  3: F['notify.minor_error_update'],
  4: F['notify.minor_error_expired'],
  5: F['notify.minor_error_state'],
  6: F['notify.minor_error_cease'],
  7: F['notify.minor_error_capability'],
};
const OPEN_ERROR = 2;
/** RFC 5492 5: the capabilities follow. */
const UNSUPPORTED_CAPABILITY = 7;
const CEASE = 6;
/** Of a cease: administrative shutdown and reset, which a text may follow (RFC 9003 2). */
const SHUTDOWNS = [2, 4];

function walkMessage(f: Fields, type: number, at: number, end: number): void {
  const { bytes } = f;
  switch (type) {
    case wire.TYPE_OPEN:
      walkOpen(f, at, end);
      break;
    case wire.TYPE_NOTIFICATION:
      walkNotification(f, at, end);
      break;
    case wire.TYPE_UPDATE:
      walkUpdate(f, at, end);
      break;
    case wire.TYPE_REFRESH:
      if (!f.fits('bgp', at, 4, end)) return;
      f.uint(F['route_refresh.afi'], at, 2, be16(bytes, at));
      f.uint(F['route_refresh.subtype'], at + 2, 1, bytes[at + 2]!);
      f.uint(F['route_refresh.safi'], at + 3, 1, bytes[at + 3]!);
      break;
  }
}

function walkOpen(f: Fields, at: number, end: number): void {
  if (!f.fits('bgp', at, wire.OPEN_LENGTH, end)) return;
  const { bytes } = f;
  f.uint(F['open.version'], at, 1, bytes[at]!);
  f.uint(F['open.myas'], at + 1, 2, be16(bytes, at + 1));
  f.uint(F['open.holdtime'], at + 3, 2, be16(bytes, at + 3));
  f.raw(F['open.identifier'], at + 5, 4);
  const length = bytes[at + 9]!;
  f.uint(F['open.opt.len'], at + 9, 1, length);
  at += wire.OPEN_LENGTH;
  if (!f.fits('bgp', at, length, end)) return;
  for (const stop = at + length; at < stop; ) {
    if (!f.fits('bgp', at, 2, stop)) return;
    const type = bytes[at]!;
    const size = bytes[at + 1]!;
    f.uint(F['open.opt.param.type'], at, 1, type);
    f.uint(F['open.opt.param.len'], at + 1, 1, size);
    at += 2;
    if (!f.fits('bgp', at, size, stop)) return;
    if (type === wire.PARAMETER_CAPABILITIES) walkCapabilities(f, at, at + size);
    else if (size > 0) f.raw(F['open.opt.param.unknown'], at, size);
    at += size;
  }
}

function walkCapabilities(f: Fields, at: number, end: number): void {
  const { bytes } = f;
  while (at < end) {
    if (!f.fits('bgp', at, 2, end)) return;
    const type = bytes[at]!;
    const size = bytes[at + 1]!;
    f.uint(F['cap.type'], at, 1, type);
    f.uint(F['cap.length'], at + 1, 1, size);
    at += 2;
    if (!f.fits('bgp', at, size, end)) return;
    walkCapability(f, type, at, size);
    at += size;
  }
}

function walkCapability(f: Fields, type: number, at: number, size: number): void {
  const { bytes } = f;
  const end = at + size;
  if (type === wire.CAPABILITY_MULTIPROTOCOL && size === 4) {
    f.uint(F['cap.mp.afi'], at, 2, be16(bytes, at));
    f.raw(F['cap.reserved'], at + 2, 1);
    f.uint(F['cap.mp.safi'], at + 3, 1, bytes[at + 3]!);
  } else if (type === wire.CAPABILITY_AS4 && size === 4) {
    f.uint(F['cap.4as'], at, 4, be32(bytes, at));
  } else if (type === wire.CAPABILITY_GRACEFUL_RESTART && size >= 2 && (size - 2) % 4 === 0) {
    const timers = be16(bytes, at);
    f.uint(F['cap.gr.timers'], at, 2, timers);
    f.bool(F['cap.gr.timers.restart_flag'], at, 2, (timers & 0x8000) !== 0);
    f.bool(F['cap.gr.timers.notification_flag'], at, 2, (timers & 0x4000) !== 0);
    f.uint(F['cap.gr.timers.restart_time'], at, 2, timers & 0x0fff);
    for (at += 2; at < end; at += 4) {
      f.uint(F['cap.gr.afi'], at, 2, be16(bytes, at));
      f.uint(F['cap.gr.safi'], at + 2, 1, bytes[at + 2]!);
      f.uint(F['cap.gr.flag'], at + 3, 1, bytes[at + 3]!);
      f.bool(F['cap.gr.flag.pfs'], at + 3, 1, (bytes[at + 3]! & 0x80) !== 0);
    }
  } else if (type === wire.CAPABILITY_ADD_PATH && size > 0 && size % 4 === 0) {
    for (; at < end; at += 4) {
      f.uint(F['cap.ap.afi'], at, 2, be16(bytes, at));
      f.uint(F['cap.ap.safi'], at + 2, 1, bytes[at + 2]!);
      f.uint(F['cap.ap.sendreceive'], at + 3, 1, bytes[at + 3]!);
    }
  } else if (type === wire.CAPABILITY_EXTENDED_NEXT_HOP && size > 0 && size % 6 === 0) {
    for (; at < end; at += 6) {
      f.uint(F['cap.enh.afi'], at, 2, be16(bytes, at));
      f.uint(F['cap.enh.safi'], at + 2, 2, be16(bytes, at + 2));
      f.uint(F['cap.enh.nhafi'], at + 4, 2, be16(bytes, at + 4));
    }
  } else if (type === wire.CAPABILITY_FQDN && size > 0) {
    const host = bytes[at]!;
    f.uint(F['cap.orf.fqdn.hostname.len'], at, 1, host);
    if (!f.fits('bgp', at + 1, host, end)) return;
    f.value(F['cap.orf.fqdn.hostname'], at + 1, host, text(bytes, at + 1, host));
    at += 1 + host;
    if (at >= end) return;
    const domain = bytes[at]!;
    f.uint(F['cap.orf.fqdn.domain_name.len'], at, 1, domain);
    if (f.fits('bgp', at + 1, domain, end))
      f.value(F['cap.orf.fqdn.domain_name'], at + 1, domain, text(bytes, at + 1, domain));
  } else if (size > 0) f.raw(F['cap.unknown'], at, size);
}

const text = (bytes: Uint8Array, at: number, length: number): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset + at, length).toString('utf8');

function walkNotification(f: Fields, at: number, end: number): void {
  if (!f.fits('bgp', at, 2, end)) return;
  const { bytes } = f;
  const major = bytes[at]!;
  const minor = bytes[at + 1]!;
  f.uint(F['notify.major_error'], at, 1, major);
  f.uint(MINOR[major] ?? F['notify.minor_error_unknown'], at + 1, 1, minor);
  at += 2;
  if (at >= end) return;
  if (major === OPEN_ERROR && minor === UNSUPPORTED_CAPABILITY) walkCapabilities(f, at, end);
  else if (major === CEASE && SHUTDOWNS.includes(minor)) {
    const length = bytes[at]!;
    f.uint(F['notify.communication_length'], at, 1, length);
    if (length > 0 && f.fits('bgp', at + 1, length, end))
      f.value(F['notify.communication'], at + 1, length, text(bytes, at + 1, length));
  } else f.raw(F['notify.minor_data'], at, end - at);
}

function walkUpdate(f: Fields, at: number, end: number): void {
  if (!f.fits('bgp', at, 2, end)) return;
  const withdrawn = be16(f.bytes, at);
  f.uint(F['update.withdrawn_routes.length'], at, 2, withdrawn);
  at += 2;
  if (!f.fits('bgp', at, withdrawn, end)) return;
  if (!walkPrefixes(f, at, at + withdrawn, 4, F.withdrawn_prefix, F.prefix_length)) return;
  at += withdrawn;
  if (!f.fits('bgp', at, 2, end)) return;
  const attributes = be16(f.bytes, at);
  f.uint(F['update.path_attributes.length'], at, 2, attributes);
  at += 2;
  if (!f.fits('bgp', at, attributes, end)) return;
  walkAttributes(f, at, at + attributes, F.prefix_length);
  walkPrefixes(f, at + attributes, end, 4, F.nlri_prefix, F.prefix_length);
}
