import type { FrameBlock } from '../frames/block.ts';
import type { FrameInterface } from '../frames/source.ts';
import { compileDisplayFilter } from './display/compile.ts';
import { TROUBLE_SEQUENCE } from './options.ts';
import { PacketWalker } from './packets.ts';
import './protocols.ts';

/** What Wireshark colours as bad TCP: the analysis has something to say that is more than housekeeping. */
const BAD_TCP =
  'tcp.analysis.flags && !tcp.analysis.window_update && !tcp.analysis.keep_alive && !tcp.analysis.keep_alive_ack';

/** Finds what a line of text does not show by itself: retransmissions and other trouble that earlier frames tell of. For
 * `TextOptions.trouble`, where lines are coloured; it costs a walk through each frame's headers. */
export function troubleFinder(): (block: FrameBlock, row: number, interfaces: readonly FrameInterface[]) => number {
  const filter = compileDisplayFilter(BAD_TCP);
  const walker = new PacketWalker({ wanted: filter.wanted, filter, fieldsOnly: true });
  return (block, row, interfaces) => (walker.walk(block, row, interfaces) ? TROUBLE_SEQUENCE : 0);
}
