import { ascii, lineEnd, nextLine } from '../wire/text-line.ts';
import { defineFields } from './fields.ts';
import type { Protocol } from './protocol.ts';
import { textProtocolOfTcp } from './text-protocol.ts';

/** WHOIS, RFC 3912: a line that asks, text that answers. */
const F = defineFields('whois', {
  query: ['Query', 'string'],
  answer: ['Answer', 'string'],
});

const PORT = 43;

export const whois: Protocol = {
  name: 'whois',
  title: 'whois',
  print: textProtocolOfTcp('whois', null),
  walk(f, at, end) {
    f.layer(whois, at, end - at);
    const { bytes } = f;
    if (f.dstPort === PORT)
      f.value(F.query, at, end - at, ascii(bytes, at, lineEnd(bytes, at, nextLine(bytes, at, end))));
    else f.value(F.answer, at, end - at, ascii(bytes, at, end));
  },
};
