export {
  type AnswerDifference,
  type Conversation,
  type ConversationOptions,
  type ConversationResult,
  type ConversationSide,
  type Endpoint,
  playConversation,
  type Step,
} from './conversation.ts';
export type { FeedCounts, OpenFrames, TooLong } from './feed.ts';
export type { ReplayVia } from './outlet.ts';
export { type ReplayOptions, type ReplayProgress, type ReplaySummary, replay } from './replay.ts';
export type { Speed } from './schedule.ts';
export { CachedSides, FirstSender, SideRecorder, type Splitter, SubnetSplitter } from './sides.ts';
export type { TimingError } from './timing.ts';
