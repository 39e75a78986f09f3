import { parseIpv4, parseIpv6 } from '../wire/address.ts';
import { ascii, codeAt, isCode, lineEnd, nextLine, skipBlanks, tokenEnd } from '../wire/text-line.ts';
import { defineFields, type Fields } from './fields.ts';
import type { Protocol } from './protocol.ts';
import { textProtocolOfTcp } from './text-protocol.ts';

/** FTP's control connection, RFC 959, with the extensions of RFC 2428. */
const F = defineFields('ftp', {
  request: ['Request', 'bool'],
  response: ['Response', 'bool'],
  'request.command': ['Request command', 'string'],
  'request.arg': ['Request arg', 'string'],
  'response.code': ['Response code', 'uint32'],
  'response.arg': ['Response arg', 'string'],
  'passive.ip': ['Passive IP address', 'ipv4'],
  'passive.port': ['Passive port', 'uint16'],
  'passive.nat': ['Passive IP NAT', 'bool'],
  'active.cip': ['Active IP address', 'ipv4'],
  'active.port': ['Active port', 'uint16'],
  'active.nat': ['Active IP NAT', 'bool'],
  'eprt.af': ['Extended active address family', 'uint8'],
  'eprt.port': ['Extended active port', 'uint16'],
  'epsv.port': ['Extended passive port', 'uint16'],
});

const PORT = 21;
/** A reply that names a passive port. */
const PASSIVE = 227;
const EXTENDED_PASSIVE = 229;

/** `h1,h2,h3,h4,p1,p2`: fields for the address and the port; the address is written nowhere in the frame as bytes, so it
 * is appended to the record. */
function walkAddress(f: Fields, at: number, text: string, address: number, port: number, nat: number): void {
  const found = /(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3})/.exec(text);
  if (found === null) return;
  const numbers = found.slice(1).map(Number);
  if (numbers.some((number) => number > 255)) return;
  const place = f.append(4);
  f.bytes.set(numbers.slice(0, 4), place);
  f.raw(address, place, 4);
  f.uint(port, at, text.length, numbers[4]! * 256 + numbers[5]!);
  if (f.ipVersion !== 4) return;
  const src = f.ip + 12;
  // Somebody between the two has translated addresses.
  if ([0, 1, 2, 3].some((i) => f.bytes[src + i] !== numbers[i])) f.bool(nat, at, 0, true);
}

function walkRequest(f: Fields, at: number, end: number): void {
  const { bytes } = f;
  const stop = tokenEnd(bytes, at, end);
  const command = ascii(bytes, at, stop);
  f.value(F['request.command'], at, stop - at, command);
  const argument = skipBlanks(bytes, stop, end);
  if (argument >= end) return;
  const text = ascii(bytes, argument, end);
  f.value(F['request.arg'], argument, end - argument, text);
  switch (command.toUpperCase()) {
    case 'PORT':
      walkAddress(f, argument, text, F['active.cip'], F['active.port'], F['active.nat']);
      break;
    case 'EPRT': {
      // RFC 2428 2: a delimiter of the sender's choice around family, address and port.
      const [, family, address, port] = text.split(text[0]!);
      if (family === undefined || address === undefined || port === undefined) break;
      if (!(family === '1' ? parseIpv4(address) : family === '2' && parseIpv6(address)) || !isPort(port)) break;
      f.uint(F['eprt.af'], argument, text.length, Number(family));
      f.uint(F['eprt.port'], argument, text.length, Number(port));
      break;
    }
  }
}

const isPort = (text: string): boolean => /^\d{1,5}$/.test(text) && Number(text) < 65536;

function walkResponse(f: Fields, at: number, end: number): void {
  const { bytes } = f;
  let code = -1;
  let argument = at;
  if (isCode(bytes, at, end)) {
    code = codeAt(bytes, at);
    f.uint(F['response.code'], at, 3, code);
    argument = Math.min(at + 4, end);
  }
  if (argument >= end) return;
  const text = ascii(bytes, argument, end);
  f.value(F['response.arg'], argument, end - argument, text);
  if (code === PASSIVE) walkAddress(f, argument, text, F['passive.ip'], F['passive.port'], F['passive.nat']);
  else if (code === EXTENDED_PASSIVE) {
    const port = /\((.)\1\1(\d{1,5})\1\)/.exec(text);
    if (port && isPort(port[2]!)) f.uint(F['epsv.port'], argument, text.length, Number(port[2]));
  }
}

export const ftp: Protocol = {
  name: 'ftp',
  title: 'File Transfer Protocol (FTP)',
  print: textProtocolOfTcp('ftp', null),
  walk(f, at, end) {
    const isRequest = f.dstPort === PORT;
    f.layer(ftp, at, end - at);
    f.bool(F.request, at, 0, isRequest);
    f.bool(F.response, at, 0, !isRequest);
    const next = nextLine(f.bytes, at, end);
    const stop = lineEnd(f.bytes, at, next);
    if (isRequest) walkRequest(f, at, stop);
    else walkResponse(f, at, stop);
  },
};
