import { defineFields, type Fields } from './fields.ts';
import { addElapsed, elapsed, requestMemory, requestOf } from './transactions.ts';

/** Which query a response of DNS answers, and what is sent again. */

const F = defineFields('dns', {
  response_to: ['Request In', 'uint32'],
  time: ['Time', 'time'],
  retransmission: ['Retransmission', 'bool'],
  retransmit_request: ['DNS query retransmission', 'none'],
  retransmit_request_in: ['Retransmitted request. Original request in', 'uint32'],
  retransmit_response: ['DNS response retransmission', 'none'],
  retransmit_response_in: ['Retransmitted response. Original response in', 'uint32'],
  unsolicited: ['Unsolicited', 'bool'],
});

const requests = requestMemory(Object.values(F));
/** A query that is the same as one asked before, and not answered, in this time is that query sent again. */
const RETRANSMISSION_NANOSECONDS = 5e9;

/** Adds to the layer of the message at `at` what earlier ones say of it. */
export function walkTransaction(f: Fields, at: number, id: number, isResponse: boolean): void {
  const memory = requests.of(f);
  if (memory === null) return;
  const key = `${f.sessions!.conversation(f)}${id}`;
  const request = memory.get(key);
  if (!isResponse) {
    if (request === undefined || request.response !== 0 || elapsed(f, request) >= RETRANSMISSION_NANOSECONDS) {
      memory.set(key, requestOf(f));
      return;
    }
    f.raw(F.retransmit_request, at, 0);
    f.uint(F.retransmit_request_in, at, 0, request.frame);
    f.bool(F.retransmission, at, 0, true);
  } else if (request === undefined) f.bool(F.unsolicited, at, 0, true);
  else if (request.response !== 0) {
    f.raw(F.retransmit_response, at, 0);
    f.uint(F.retransmit_response_in, at, 0, request.response);
    f.bool(F.retransmission, at, 0, true);
  } else {
    request.response = f.sessions!.frame;
    f.uint(F.response_to, at, 0, request.frame);
    addElapsed(f, F.time, at, request);
  }
}
