import { parseIpv4, parseIpv6 } from '../wire/address.ts';
import { latin1, lineEnd, nextLine } from '../wire/text-line.ts';
import { defineFields, type Fields } from './fields.ts';
import type { Protocol } from './protocol.ts';
import { rtcp } from './rtcp.ts';
import { rtp } from './rtp.ts';

/** SDP, RFC 8866: lines of one letter, `=` and a value; those behind an `m=` belong to that stream. It says where RTP and
 * RTCP are going to be, which is remembered. */
const many = { list: true } as const;
const F = defineFields('sdp', {
  version: ['Session Description Protocol Version (v)', 'string'],
  owner: ['Owner/Creator, Session Id (o)', 'string'],
  'owner.username': ['Owner Username', 'string'],
  'owner.sessionid': ['Session ID', 'string'],
  'owner.version': ['Session Version', 'string'],
  'owner.network_type': ['Owner Network Type', 'string'],
  'owner.address_type': ['Owner Address Type', 'string'],
  'owner.address': ['Owner Address', 'string'],
  session_name: ['Session Name (s)', 'string'],
  session_info: ['Session Information (i)', 'string', many],
  connection_info: ['Connection Information (c)', 'string', many],
  'connection_info.network_type': ['Connection Network Type', 'string', many],
  'connection_info.address_type': ['Connection Address Type', 'string', many],
  'connection_info.address': ['Connection Address', 'string', many],
  bandwidth: ['Bandwidth Information (b)', 'string', many],
  time: ['Time Description, active time (t)', 'string', many],
  'time.start': ['Session Start Time', 'string', many],
  'time.stop': ['Session Stop Time', 'string', many],
  session_attr: ['Session Attribute (a)', 'string', many],
  media: ['Media Description, name and address (m)', 'string', many],
  'media.media': ['Media Type', 'string', many],
  'media.port': ['Media Port', 'uint16', many],
  'media.proto': ['Media Protocol', 'string', many],
  media_attr: ['Media Attribute (a)', 'string', many],
});

const OWNER = [
  F['owner.username'],
  F['owner.sessionid'],
  F['owner.version'],
  F['owner.network_type'],
  F['owner.address_type'],
  F['owner.address'],
];
const CONNECTION = [F['connection_info.network_type'], F['connection_info.address_type'], F['connection_info.address']];
const TIME = [F['time.start'], F['time.stop']];

/** A stream of media: where its RTP goes. */
interface Stream {
  address: string;
  port: number;
  /** 0: the port behind that of RTP (RFC 3605). */
  rtcpPort: number;
  isRtp: boolean;
}

/** Words of a value, each one field. */
function words(f: Fields, ids: readonly number[], at: number, text: string): void {
  for (const [i, word] of text.split(' ').entries()) {
    if (i < ids.length) f.value(ids[i]!, at, word.length, word);
    at += word.length + 1;
  }
}

function announce(f: Fields, { address, port, rtcpPort, isRtp }: Stream): void {
  if (f.sessions === null || !isRtp || port === 0) return;
  // An address for many has how far it goes behind it.
  const text = address.split('/')[0]!;
  const bytes = text.includes(':') ? parseIpv6(text) : parseIpv4(text);
  if (bytes === null || bytes.every((byte) => byte === 0)) return;
  f.sessions.expect(bytes, port, rtp);
  f.sessions.expect(bytes, rtcpPort === 0 ? port + 1 : rtcpPort, rtcp);
}

function walk(f: Fields, at: number, end: number): void {
  const { bytes } = f;
  f.layer(sdp, at, end - at);
  let address = '';
  let stream: Stream | null = null;
  for (let next = at; at < end; at = next) {
    next = nextLine(bytes, at, end);
    const value = at + 2;
    const stop = lineEnd(bytes, at, next);
    if (value > stop || bytes[at + 1] !== 0x3d) continue;
    const text = latin1(bytes, value, stop);
    switch (String.fromCharCode(bytes[at]!)) {
      case 'v':
        f.value(F.version, value, stop - value, text);
        break;
      case 'o':
        f.value(F.owner, value, stop - value, text);
        words(f, OWNER, value, text);
        break;
      case 's':
        f.value(F.session_name, value, stop - value, text);
        break;
      case 'i':
        f.value(F.session_info, value, stop - value, text);
        break;
      case 'c': {
        f.value(F.connection_info, value, stop - value, text);
        words(f, CONNECTION, value, text);
        const place = text.split(' ')[2] ?? '';
        if (stream === null) address = place;
        else stream.address = place;
        break;
      }
      case 'b':
        f.value(F.bandwidth, value, stop - value, text);
        break;
      case 't':
        f.value(F.time, value, stop - value, text);
        words(f, TIME, value, text);
        break;
      case 'm':
        if (stream !== null) announce(f, stream);
        f.value(F.media, value, stop - value, text);
        stream = walkMedia(f, value, text, address);
        break;
      case 'a':
        f.value(stream === null ? F.session_attr : F.media_attr, value, stop - value, text);
        if (stream !== null) stream.rtcpPort = portIn(/^rtcp:(\d{1,5})/.exec(text)?.[1]) || stream.rtcpPort;
        break;
    }
  }
  if (stream !== null) announce(f, stream);
}

const portIn = (text: string | undefined): number => {
  const port = Number(text ?? 0);
  return port <= 0xffff ? port : 0;
};

function walkMedia(f: Fields, at: number, text: string, address: string): Stream {
  const [media = '', ports = '', proto = ''] = text.split(' ');
  const port = portIn(/^\d{1,5}/.exec(ports)?.[0]);
  f.value(F['media.media'], at, media.length, media);
  if (ports !== '') f.uint(F['media.port'], at + media.length + 1, ports.length, port);
  if (proto !== '') f.value(F['media.proto'], at + media.length + ports.length + 2, proto.length, proto);
  return { address, port, rtcpPort: 0, isRtp: /^(UDP\/TLS\/)?RTP\/S?AVPF?$/i.test(proto) };
}

/** Carried by SIP and RTSP. */
export const sdp: Protocol = { name: 'sdp', title: 'Session Description Protocol', walk };
