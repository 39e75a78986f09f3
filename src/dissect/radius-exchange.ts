import * as wire from '../wire/radius.ts';
import { latin1 } from '../wire/text-line.ts';
import { defineFields, type Fields } from './fields.ts';
import { addElapsed, type Request, requestMemory, requestOf } from './transactions.ts';

/** Which request a response of RADIUS answers, and what is sent again. */

const F = defineFields('radius', {
  req: ['Request', 'bool'],
  rsp: ['Response', 'bool'],
  reqframe: ['Request Frame', 'uint32'],
  time: ['Time from request', 'time'],
  dup: ['Duplicate Message ID', 'uint32'],
  'req.dup': ['Duplicate Request Frame Number', 'uint32'],
  'rsp.dup': ['Duplicate Response Frame Number', 'uint32'],
});

interface RadiusRequest extends Request {
  readonly authenticator: string;
  /** Code of its first response. */
  code: number;
}

const requests = requestMemory<RadiusRequest>(Object.values(F));

/** What the packet at `at` is to earlier ones: the latest request of its kind with its identifier. */
export function walkExchange(f: Fields, at: number): void {
  const { bytes } = f;
  const code = wire.code(bytes, at);
  const isRequest = wire.RESPONSE_KINDS[code] === undefined;
  const kind = isRequest ? code : wire.RESPONSE_KINDS[code]!;
  if (isRequest) {
    if (!wire.REQUESTS.has(code)) return;
    f.bool(F.req, at, 1, true);
  } else f.bool(F.rsp, at, 1, true);
  const memory = requests.of(f);
  if (memory === null) return;
  const id = wire.identifier(bytes, at);
  const key = `${f.sessions!.conversation(f)}${kind}/${id}`;
  const request = memory.get(key);
  if (isRequest) {
    const authenticator = latin1(bytes, at + wire.AUTHENTICATOR, at + wire.AUTHENTICATOR + wire.AUTHENTICATOR_LENGTH);
    if (request?.authenticator === authenticator) {
      f.uint(F.dup, at, 0, id);
      f.uint(F['req.dup'], at, 0, request.frame);
    } else memory.set(key, { ...requestOf(f), authenticator, code: 0 });
    return;
  }
  if (request === undefined) return;
  f.uint(F.reqframe, at, 0, request.frame);
  addElapsed(f, F.time, at, request);
  if (request.response === 0) {
    request.response = f.sessions!.frame;
    request.code = code;
  } else if (request.code === code) {
    f.uint(F.dup, at, 0, id);
    f.uint(F['rsp.dup'], at, 0, request.response);
  }
}
