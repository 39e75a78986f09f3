/** Packets out of layers, by functions or from text. */
export { type Reading, readFrame } from './answer.ts';
export { Choice, each, network, Random, random, range } from './choice.ts';
export { type CompleteOptions, Completer, type Ready } from './complete.ts';
export { CraftError } from './error.ts';
export {
  Exchange,
  type ExchangeOptions,
  type Reply,
  type SendAndReceiveOptions,
  type Sent,
  sendAndReceive,
} from './exchange.ts';
export { type Mutation, mutate } from './fuzz.ts';
export { hex } from './kind.ts';
export type { Layer } from './layer.ts';
export * from './layers/index.ts';
export { type Crafted, Draft, Packets, packet } from './packet.ts';
export { craft } from './text.ts';
