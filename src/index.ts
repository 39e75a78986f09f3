/** netlab as a library: capture, read, write, send and decode network frames; a kernel of its own to do it on. */
export { type CaptureOptions, type Capturing, capture } from './api/capture.ts';
export { type PlayConversationOptions, playConversation } from './api/conversation.ts';
export { type SendAndReceiveOptions, sendAndReceive } from './api/exchange.ts';
export type { Packet } from './api/packet.ts';
export { type Plug, type PlugOptions, plugIntoInterface, plugIntoTap } from './api/plug.ts';
export { type Reading, type ReadOptions, read } from './api/read.ts';
export { type Playable, type ReplayOptions, replay } from './api/replay.ts';
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
export { DecodeAsError, decodeAs } from './dissect/decode-as.ts';
export type { TextOptions } from './dissect/options.ts';
export { printFrame } from './dissect/text-printer.ts';
export { type CompileOptions, compile as compileFilter, FilterError, type FilterErrorCode } from './filter/compile.ts';
export type { BpfInstruction, BpfProgram } from './filter/program.ts';
export { FrameBlock, type FrameExtras } from './frames/block.ts';
export type { FrameInterface, FrameInterfaceStatistics, FrameSink, FrameSource } from './frames/source.ts';
export { Choice, each, network, type Random, random, range } from './inject/craft/choice.ts';
export { CraftError } from './inject/craft/error.ts';
export type { Reply, Sent } from './inject/craft/exchange.ts';
export { hex } from './inject/craft/kind.ts';
export type { Layer } from './inject/craft/layer.ts';
export * from './inject/craft/layers/index.ts';
export { type Crafted, Packets, packet } from './inject/craft/packet.ts';
export { craft } from './inject/craft/text.ts';
export { type FixOptions, fixChecksums } from './inject/fix.ts';
export {
  type AnswerDifference,
  CachedSides,
  type Conversation,
  type ConversationResult,
  type ConversationSide,
  type Endpoint,
  FirstSender,
  type OpenFrames,
  type ReplayProgress,
  type ReplaySummary,
  type ReplayVia,
  SideRecorder,
  type Speed,
  type Splitter,
  type Step,
  SubnetSplitter,
  type TimingError,
  type TooLong,
} from './inject/replay/index.ts';
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
export { Bridge } from './kernel/drivers/bridge.ts';
export { type ImpairmentCounters, type Impairments, impair } from './kernel/drivers/impairment.ts';
export { Port, type PortOptions } from './kernel/drivers/port.ts';
export {
  Kernel,
  type KernelOptions,
  type ProcessOptions,
  type QdiscOptions,
  type RouteOptions,
  type RuleOptions,
  veth,
} from './kernel/kernel.ts';
export type { Process } from './kernel/process.ts';
export type { NetDevice, Tracer } from './kernel/structs.ts';
export { attended, attendedClock } from './lab/attended.ts';
export { type Emulated, type EmulatedOptions, openEmulated } from './lab/emulated.ts';
export type { Network } from './lab/network.ts';
export { type Pace, PacedClock } from './lab/pace.ts';
export { PacketTrace, type TracedPacket, type TraceEnd, type TraceQueue, type TraceStep } from './lab/trace.ts';
export { linuxSystemCalls } from './linux/index.ts';
export { SavefileError, type SavefileErrorCode } from './savefile/index.ts';
export type { SocketAddress } from './socket/address.ts';
export { type InetOptions, pingSocket, rawSocket, udpSocket } from './socket/open.ts';
export { PacketSocket } from './socket/packet.ts';
export { type ReceivedMessage, Socket, type Waiting } from './socket/socket.ts';
export type { EpollEvent, Mapping, MessageHeader, MessageVector, PollFd, SystemCalls } from './syscall/contract.ts';
export { SystemError } from './syscall/error.ts';
export { type Clock, systemClock } from './time/clock.ts';
export { seededRandom } from './time/random.ts';
export { VirtualClock } from './time/virtual.ts';
export type { Stop } from './wire/stop.ts';
