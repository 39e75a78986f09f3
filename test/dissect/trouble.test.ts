import { expect, it } from 'vitest';
import { TROUBLE_RESET, TROUBLE_SEQUENCE } from '../../src/dissect/options.ts';
import { TextPrinter } from '../../src/dissect/text-printer.ts';
import { troubleFinder } from '../../src/dissect/trouble.ts';
import { craft } from '../../src/inject/craft/index.ts';
import { blockOf } from '../../src/savefile/index.ts';
import { LINKTYPE_ETHERNET } from '../../src/wire/linktype.ts';

it('coloured lines know of retransmissions, which the frame alone does not show', () => {
  const up = 'eth/ip(src=10.0.0.1,dst=10.0.0.2)';
  const down = 'eth/ip(src=10.0.0.2,dst=10.0.0.1)';
  const texts = [
    `${up}/tcp(sport=5000,dport=80,seq=100,flags=S)`,
    `${down}/tcp(sport=80,dport=5000,seq=900,ack=101,flags=SA)`,
    `${up}/tcp(sport=5000,dport=80,seq=101,ack=901,flags=PA)/"abc"`,
    `${up}/tcp(sport=5000,dport=80,seq=101,ack=901,flags=PA)/"abc"`,
    `${down}/tcp(sport=80,dport=5000,seq=901,ack=104,flags=RA)`,
  ];
  const block = blockOf(
    texts.map((text, row) => ({ bytes: [...craft(text)][0]!.bytes, seconds: 1 + row, nanoseconds: 0 })),
  );
  const seen: number[] = [];
  const colour = ({ trouble }: { trouble: number }): null => {
    seen.push(trouble);
    return null;
  };
  const printer = new TextPrinter({ colour, trouble: troubleFinder() }, () => {});
  printer.print(block, [{ name: '', linkType: LINKTYPE_ETHERNET, snapLength: 0, timestampDigits: 9 }]);
  expect(seen).toEqual([0, 0, 0, TROUBLE_SEQUENCE, TROUBLE_RESET]);
});
