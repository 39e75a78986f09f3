import { be16, be32 } from '../bytes/endian.ts';
import * as wire from '../wire/icmp.ts';
import { defineFields, type Fields } from './fields.ts';

/** Fields of ICMP's queries beyond echo: address masks (RFC 950), routers (RFC 1256), extended echo (RFC 8335). */

const LIST = { list: true } as const;
const HEX = { base: 'hex' } as const;
const F = defineFields('icmp', {
  address_mask: ['Address Mask', 'ipv4'],
  num_addrs: ['Number of addresses', 'uint8'],
  addr_entry_size: ['Address entry size', 'uint8'],
  lifetime: ['Lifetime', 'uint16'],
  router_address: ['Router address', 'ipv4', LIST],
  pref_level: ['Preference level', 'int32', LIST],
  'ext.echo.seq': ['Sequence Number', 'uint8'],
  'ext.echo.req.res': ['Reserved', 'uint8', HEX],
  'ext.echo.req.local': ['Local bit', 'bool'],
  'ext.echo.rsp.state': ['State', 'uint8'],
  'ext.echo.rsp.res': ['Reserved', 'uint8', HEX],
  'ext.echo.rsp.active': ['Active bit', 'bool'],
  'ext.echo.rsp.ipv4': ['IPv4 bit', 'bool'],
  'ext.echo.rsp.ipv6': ['IPv6 bit', 'bool'],
});

/** Bytes of an address and its preference. */
const ROUTER_LENGTH = 8;

/** Adds the fields of the message of `type` from `at` up to `end`, whose header is there. True where they are all of it. */
export function walkIcmpQuery(f: Fields, at: number, end: number, type: number): boolean {
  const { bytes } = f;
  const body = at + wire.HEADER_LENGTH;
  switch (type) {
    case wire.MASK_REQUEST:
    case wire.MASK_REPLY:
      if (body + 4 > end) return false;
      f.raw(F.address_mask, body, 4);
      return true;
    case wire.ROUTER_ADVERTISEMENT: {
      const count = bytes[at + 4]!;
      const words = bytes[at + 5]!;
      f.uint(F.num_addrs, at + 4, 1, count);
      f.uint(F.addr_entry_size, at + 5, 1, words);
      f.uint(F.lifetime, at + 6, 2, be16(bytes, at + 6));
      if (words !== ROUTER_LENGTH / 4) return true;
      for (let i = 0, place = body; i < count && place + ROUTER_LENGTH <= end; i++, place += ROUTER_LENGTH) {
        f.raw(F.router_address, place, 4);
        f.uint(F.pref_level, place + 4, 4, be32(bytes, place + 4) | 0);
      }
      return true;
    }
    case wire.EXTENDED_ECHO_REQUEST:
      f.uint(F['ext.echo.seq'], at + 6, 1, bytes[at + 6]!);
      f.uint(F['ext.echo.req.res'], at + 7, 1, bytes[at + 7]! >>> 1);
      f.bool(F['ext.echo.req.local'], at + 7, 1, (bytes[at + 7]! & 1) !== 0);
      return false;
    case wire.EXTENDED_ECHO_REPLY: {
      const bits = bytes[at + 7]!;
      f.uint(F['ext.echo.seq'], at + 6, 1, bytes[at + 6]!);
      f.uint(F['ext.echo.rsp.state'], at + 7, 1, bits >>> 5);
      f.uint(F['ext.echo.rsp.res'], at + 7, 1, (bits >>> 3) & 3);
      f.bool(F['ext.echo.rsp.active'], at + 7, 1, (bits & 4) !== 0);
      f.bool(F['ext.echo.rsp.ipv4'], at + 7, 1, (bits & 2) !== 0);
      f.bool(F['ext.echo.rsp.ipv6'], at + 7, 1, (bits & 1) !== 0);
      return false;
    }
    default:
      return false;
  }
}
