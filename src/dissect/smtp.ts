import { ascii, codeAt, isCode, lineEnd, nextLine } from '../wire/text-line.ts';
import { defineFields, type Fields } from './fields.ts';
import type { Protocol } from './protocol.ts';
import { textProtocolOfTcp } from './text-protocol.ts';

/** SMTP, RFC 5321: commands of four letters (and STARTTLS), replies of one or more lines that begin with one code. */
const F = defineFields('smtp', {
  req: ['Request', 'bool', { list: true }],
  rsp: ['Response', 'bool'],
  command_line: ['Command Line', 'string', { list: true }],
  'req.command': ['Command', 'string', { list: true }],
  'req.parameter': ['Request parameter', 'string', { list: true }],
  response: ['Response', 'string', { list: true }],
  'response.code': ['Response code', 'uint32', { list: true }],
  'rsp.parameter': ['Response parameter', 'string', { list: true }],
  message: ['Message', 'string', { list: true }],
});

const PORTS = [25, 587];
const COMMAND_LENGTH = 4;
const COMMANDS = new Set(
  'HELO EHLO MAIL RCPT DATA BDAT RSET VRFY EXPN HELP NOOP QUIT AUTH STAR TURN ETRN ATRN SEND SOML SAML'.split(' '),
);

function walkRequest(f: Fields, at: number, end: number): void {
  const { bytes } = f;
  while (at < end) {
    const next = nextLine(bytes, at, end);
    const stop = lineEnd(bytes, at, next);
    const letters = Math.min(at + COMMAND_LENGTH, stop);
    const command = ascii(bytes, at, letters);
    if (!COMMANDS.has(command.toUpperCase())) {
      // A line of a message's text, as far as one can tell without the lines before.
      f.value(F.message, at, next - at, ascii(bytes, at, next));
      at = next;
      continue;
    }
    f.bool(F.req, at, 0, true);
    f.value(F.command_line, at, next - at, ascii(bytes, at, next));
    f.value(F['req.command'], at, letters - at, command);
    // One character between the two is passed over, whatever it is: STARTTLS is STAR and TLS, as in Wireshark.
    const parameter = letters + 1;
    if (parameter < stop) f.value(F['req.parameter'], parameter, stop - parameter, ascii(bytes, parameter, stop));
    at = next;
  }
}

function walkResponse(f: Fields, at: number, end: number): void {
  const { bytes } = f;
  f.bool(F.rsp, at, 0, true);
  let isFirst = true;
  while (at < end) {
    const next = nextLine(bytes, at, end);
    const stop = lineEnd(bytes, at, next);
    if (isCode(bytes, at, stop)) {
      if (isFirst) {
        f.value(F.response, at, next - at, ascii(bytes, at, next));
        f.uint(F['response.code'], at, 3, codeAt(bytes, at));
      }
      const parameter = at + 4;
      if (parameter < stop) f.value(F['rsp.parameter'], parameter, stop - parameter, ascii(bytes, parameter, stop));
      isFirst = false;
    }
    at = next;
  }
}

export const smtp: Protocol = {
  name: 'smtp',
  title: 'Simple Mail Transfer Protocol',
  print: textProtocolOfTcp('smtp', null),
  walk(f, at, end) {
    f.layer(smtp, at, end - at);
    if (PORTS.includes(f.dstPort)) walkRequest(f, at, end);
    else walkResponse(f, at, end);
  },
};

/** RFC 6409: the same at the submission port, whose text tcpdump does not know. */
export const submission: Protocol = { name: smtp.name, title: smtp.title, walk: smtp.walk! };
