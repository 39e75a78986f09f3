import { UsageError } from './exit.ts';
import type { ReplayCommandOptions } from './replay.ts';
export async function runConversation(_files: string[], _options: ReplayCommandOptions): Promise<void> {
  throw new UsageError('--as: not in this version');
}
