import type { DecodeAsTables } from '../dissect/decode-as-tables.ts';
import type { Protocol } from '../dissect/fields.ts';
import { UsageError } from './exit.ts';

/** What --decode-as and tcpdump's -T say, or null where they say nothing. Throws UsageError. */
export async function prepareDecodeAs(
  texts: readonly string[] | undefined,
  packetType?: string,
): Promise<DecodeAsTables<Protocol> | null> {
  if (texts === undefined && packetType === undefined) return null;
  const { DecodeAsError, decodeAs } = await import('../dissect/decode-as.ts');
  try {
    return decodeAs(texts ?? [], packetType);
  } catch (error) {
    if (error instanceof DecodeAsError) throw new UsageError(`--decode-as ${error.message}`);
    throw error;
  }
}
