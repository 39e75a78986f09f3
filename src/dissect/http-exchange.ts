import { defineFields, type Fields } from './fields.ts';
import { Recent } from './session/recent.ts';
import { addElapsed, Memory, type Request, requestOf } from './transactions.ts';

/** How requests and responses of a connection belong together. As in Wireshark: a response answers the last request, where
 * that has no answer yet; else it stands alone. */

const F = defineFields('http', {
  request_number: ['Request number', 'uint32'],
  response_number: ['Response number', 'uint32'],
  request_in: ['Request in frame', 'uint32'],
  time: ['Time since request', 'time'],
  prev_request_in: ['Prev request in frame', 'uint32'],
  prev_response_in: ['Prev response in frame', 'uint32'],
  'response_for.uri': ['Request URI', 'string'],
});

/** A request, its response, or both. */
interface Exchange {
  readonly number: number;
  readonly request: Request | null;
  /** Number of the response's frame; 0: none has come. */
  response: number;
}

interface Connection {
  last: Exchange | null;
  before: Exchange | null;
  uri: string;
}

/** Of more connections the oldest are forgotten. */
const MAX_CONNECTIONS = 65_536;

const connections = new Memory(Object.values(F), () => new Recent<string, Connection>(MAX_CONNECTIONS));

function connectionOf(f: Fields): Connection | null {
  const memory = connections.of(f);
  if (memory === null) return null;
  const key = f.sessions!.conversation(f);
  let connection = memory.get(key);
  if (connection === undefined) {
    connection = { last: null, before: null, uri: '' };
    memory.set(key, connection);
  }
  return connection;
}

function push(connection: Connection, request: Request | null): Exchange {
  connection.before = connection.last;
  return (connection.last = { number: (connection.before?.number ?? 0) + 1, request, response: 0 });
}

/** Adds to the layer of the request at `at` its place among others; `uri` is the whole one, where it is known. */
export function walkRequest(f: Fields, at: number, uri: string): void {
  const connection = connectionOf(f);
  if (connection === null) return;
  if (uri !== '') connection.uri = uri;
  const { number } = push(connection, requestOf(f));
  f.uint(F.request_number, at, 0, number);
  const before = connection.before?.request;
  if (before) f.uint(F.prev_request_in, at, 0, before.frame);
}

/** Adds to the layer of the response at `at` what it answers. */
export function walkResponse(f: Fields, at: number): void {
  const connection = connectionOf(f);
  if (connection === null) return;
  const { last } = connection;
  const exchange = last === null || last.response !== 0 ? push(connection, null) : last;
  exchange.response = f.sessions!.frame;
  f.uint(F.response_number, at, 0, exchange.number);
  if (exchange.request !== null) {
    addElapsed(f, F.time, at, exchange.request);
    f.uint(F.request_in, at, 0, exchange.request.frame);
  }
  const { before } = connection;
  if (before?.request) f.uint(F.prev_request_in, at, 0, before.request.frame);
  if (before && before.response !== 0) f.uint(F.prev_response_in, at, 0, before.response);
  if (connection.uri !== '') f.value(F['response_for.uri'], at, 0, connection.uri);
}
