import * as wire from '../wire/dns.ts';
import { dns } from './dns.ts';
import type { Protocol } from './protocol.ts';

/** Most records of a section that a message on any port may have to be taken for DNS: Wireshark's figures. */
const MAX_ANSWERS = 100;
const MAX_OTHERS = 10;

/** DNS on ports that are not its own, by what usual messages have in common: opcode 0; a query asks one question and has
 * no answers; a reply repeats at most one. As Wireshark's heuristics have it, which are few and so must come last. */
export const dnsByContent: Protocol = {
  ...dns,
  accepts(bytes, at, end) {
    if (at + wire.HEADER_LENGTH >= end) return false;
    const flags = wire.flags(bytes, at);
    if (wire.opcode(bytes, at) !== 0 || wire.additionalCount(bytes, at) > MAX_OTHERS) return false;
    const questions = wire.questionCount(bytes, at);
    const answers = wire.answerCount(bytes, at);
    const authorities = wire.authorityCount(bytes, at);
    return (flags & wire.FLAG_RESPONSE) === 0
      ? questions === 1 && answers === 0 && authorities === 0
      : questions <= 1 && answers <= MAX_ANSWERS && authorities <= MAX_OTHERS;
  },
};
