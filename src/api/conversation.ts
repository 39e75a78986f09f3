import {
  type Conversation,
  type ConversationOptions,
  type ConversationResult,
  playConversation as play,
} from '../inject/replay/index.ts';
import { linuxSystemCalls } from '../linux/index.ts';
import type { SystemCalls } from '../syscall/contract.ts';

export interface PlayConversationOptions extends ConversationOptions {
  /** The kernel to run on; default: this machine's. */
  system?: SystemCalls;
}

/** Plays one side of a conversation of TCP or UDP over a socket, and checks that the live peer says what it should, byte for
 * byte. Resolves with the first difference, behind which nothing is played; null: all was as it should be.
 *
 * Throws SystemError where no connection comes about, RangeError where the side cannot be played.
 *
 *     const { difference } = await playConversation(conversation, { as: 'client', peer: { address: '192.0.2.2', port: 80 } });
 */
export async function playConversation(
  conversation: Conversation,
  options: PlayConversationOptions,
): Promise<ConversationResult> {
  if (options?.as !== 'client' && options?.as !== 'server')
    throw new TypeError("playConversation: as must be 'client' or 'server'");
  const { system = linuxSystemCalls(), ...rest } = options;
  return play(system, conversation, rest);
}
