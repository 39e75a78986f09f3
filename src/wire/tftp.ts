import { be16, putBe16 } from '../bytes/endian.ts';
import { copyOf } from './address.ts';
import { invalid, type Stop, truncated } from './stop.ts';

/** TFTP, RFC 1350, with the options of RFC 2347: an operation of 16 bits, then text ended by zeros, or a block's number and
 * its data. */
export const OP_READ = 1;
export const OP_WRITE = 2;
export const OP_DATA = 3;
export const OP_ACK = 4;
export const OP_ERROR = 5;
export const OP_OACK = 6;

/** Bytes before a message's text or data: the operation; for data, acknowledgements and errors a number as well. */
const OPERATION_LENGTH = 2;
const NUMBERED_LENGTH = 4;

export interface TftpOption {
  name: string;
  value: string;
}

/** A message. Text is one byte a character, without zeros. */
export type TftpMessage =
  | { kind: 'read' | 'write'; file: string; mode: string; options: TftpOption[] }
  | { kind: 'data'; block: number; data: Uint8Array }
  | { kind: 'ack'; block: number }
  | { kind: 'error'; code: number; message: string }
  | { kind: 'oack'; options: TftpOption[] };

const OPERATION_OF = {
  read: OP_READ,
  write: OP_WRITE,
  data: OP_DATA,
  ack: OP_ACK,
  error: OP_ERROR,
  oack: OP_OACK,
} as const;

/** The texts that zeros end from `at` up to `end`; null where the last has no zero. */
function textsOf(bytes: Uint8Array, at: number, end: number): string[] | null {
  const texts: string[] = [];
  let text = '';
  for (let i = at; i < end; i++) {
    if (bytes[i] !== 0) {
      text += String.fromCharCode(bytes[i]!);
      continue;
    }
    texts.push(text);
    text = '';
  }
  return text === '' ? texts : null;
}

const optionsOf = (texts: readonly string[], from: number): TftpOption[] => {
  const options: TftpOption[] = [];
  for (let i = from; i + 1 < texts.length; i += 2) options.push({ name: texts[i]!, value: texts[i + 1]! });
  return options;
};

/** The message from `at` up to `end`. */
export function parse(bytes: Uint8Array, at: number, end: number): TftpMessage | Stop {
  if (end - at < OPERATION_LENGTH) return truncated('tftp', at, OPERATION_LENGTH, end - at);
  const operation = be16(bytes, at);
  const isNumbered = operation === OP_DATA || operation === OP_ACK || operation === OP_ERROR;
  const body = at + (isNumbered ? NUMBERED_LENGTH : OPERATION_LENGTH);
  if (body > end) return truncated('tftp', at, NUMBERED_LENGTH, end - at);
  const number = isNumbered ? be16(bytes, at + OPERATION_LENGTH) : 0;
  if (operation === OP_DATA) return { kind: 'data', block: number, data: copyOf(bytes, body, end - body) };
  if (operation === OP_ACK) return { kind: 'ack', block: number };
  if (operation < OP_READ || operation > OP_OACK) return invalid('tftp', at, OP_OACK, operation, 'tftp.opcode');
  const texts = textsOf(bytes, body, end);
  const needed = operation === OP_OACK ? 0 : operation === OP_ERROR ? 1 : 2;
  if (texts === null || texts.length < needed) return truncated('tftp', end, 1, 0);
  if (operation === OP_ERROR) return { kind: 'error', code: number, message: texts[0]! };
  if ((texts.length - needed) % 2 !== 0) return truncated('tftp', end, 1, 0);
  if (operation === OP_OACK) return { kind: 'oack', options: optionsOf(texts, 0) };
  const kind = operation === OP_READ ? 'read' : 'write';
  return { kind, file: texts[0]!, mode: texts[1]!, options: optionsOf(texts, 2) };
}

function textsToWrite(message: TftpMessage): string[] {
  switch (message.kind) {
    case 'read':
    case 'write':
      return [message.file, message.mode, ...message.options.flatMap((option) => [option.name, option.value])];
    case 'oack':
      return message.options.flatMap((option) => [option.name, option.value]);
    case 'error':
      return [message.message];
    default:
      return [];
  }
}

/** Bytes that `emit` writes. */
export function emittedLength(message: TftpMessage): number {
  const texts = textsToWrite(message).reduce((sum, text) => sum + text.length + 1, 0);
  if (message.kind === 'data') return NUMBERED_LENGTH + message.data.length;
  return texts + (message.kind === 'ack' || message.kind === 'error' ? NUMBERED_LENGTH : OPERATION_LENGTH);
}

/** Writes the message at `at`; gives the offset behind it. */
export function emit(bytes: Uint8Array, at: number, message: TftpMessage): number {
  putBe16(bytes, at, OPERATION_OF[message.kind]);
  let to = at + OPERATION_LENGTH;
  if (message.kind === 'data' || message.kind === 'ack' || message.kind === 'error') {
    putBe16(bytes, to, message.kind === 'error' ? message.code : message.block);
    to += 2;
  }
  if (message.kind === 'data') {
    bytes.set(message.data, to);
    return to + message.data.length;
  }
  for (const text of textsToWrite(message)) {
    for (let i = 0; i < text.length; i++) bytes[to++] = text.charCodeAt(i);
    bytes[to++] = 0;
  }
  return to;
}
