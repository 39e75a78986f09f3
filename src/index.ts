/** netlab as a library: capture, read, write, send and decode network frames. */
export { type CaptureOptions, type Capturing, capture } from './api/capture.ts';
export type { Packet } from './api/packet.ts';
export { type Plug, type PlugOptions, plugIntoInterface, plugIntoTap } from './api/plug.ts';
export { type Reading, type ReadOptions, read } from './api/read.ts';
export { type FrameToSend, type SendOptions, send } from './api/send.ts';
export { type PacketToWrite, type WriteOptions, type Writing, write } from './api/write.ts';
export type { InterfaceCounters } from './capture/counters.ts';
export { LibpcapError } from './capture/libpcap.ts';
export type { CaptureStatistics, RingStatistics } from './capture/statistics.ts';
export {
  type DecodedField,
  type DecodedLayer,
  type DecodedPacket,
  type DecodeOptions,
  decode,
  type FieldValue,
} from './dissect/decode.ts';
export type { TextOptions } from './dissect/options.ts';
export { printFrame } from './dissect/text-printer.ts';
export { type CompileOptions, compile as compileFilter, FilterError, type FilterErrorCode } from './filter/compile.ts';
export type { BpfInstruction, BpfProgram } from './filter/program.ts';
export { FrameBlock, type FrameExtras } from './frames/block.ts';
export type { FrameInterface, FrameInterfaceStatistics, FrameSink, FrameSource } from './frames/source.ts';
export {
  Anonymizer,
  macMap,
  networkMap,
  parseMacRule,
  parseNetworkRule,
  parsePortRule,
  portTable,
  type RewriteOptions,
  Rewriter,
  type RewriteSummary,
} from './inject/rewrite/index.ts';
export type { SendSummary } from './inject/send.ts';
export { Kernel, type KernelOptions, type ProcessOptions, veth } from './kernel/kernel.ts';
export { SavefileError, type SavefileErrorCode } from './savefile/index.ts';
export { SystemError } from './syscall/error.ts';
export { type Clock, systemClock } from './time/clock.ts';
export { seededRandom } from './time/random.ts';
export { VirtualClock } from './time/virtual.ts';
export type { Stop } from './wire/stop.ts';
