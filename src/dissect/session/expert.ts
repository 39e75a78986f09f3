import * as wire from '../../wire/tcp.ts';
import { type Fields, findFields } from '../fields.ts';
// The fields whose values are read here are registered with the protocols.
import '../protocols.ts';
import type { Sessions } from './sessions.ts';
import * as A from './tcp-analysis.ts';

/** How much something asks for attention, as Wireshark ranks it; the worst last. */
export const SEVERITIES = ['Chat', 'Note', 'Warn', 'Error'] as const;
export type Severity = (typeof SEVERITIES)[number];

export interface ExpertItem {
  severity: Severity;
  group: 'Sequence' | 'Malformed' | 'Checksum';
  /** As people write the protocol: `TCP`. */
  protocol: string;
  summary: string;
}

/** What bits of the analysis mean, in Wireshark's words. */
const ANALYSIS: readonly (readonly [bit: number, severity: Severity, summary: string])[] = [
  [A.RETRANSMISSION, 'Note', 'This frame is a (suspected) retransmission'],
  [A.FAST_RETRANSMISSION, 'Note', 'This frame is a (suspected) fast retransmission'],
  [A.FAST_RETRANSMISSION, 'Note', 'This frame is a (suspected) retransmission'],
  [A.SPURIOUS_RETRANSMISSION, 'Note', 'This frame is a (suspected) spurious retransmission'],
  [A.SPURIOUS_RETRANSMISSION, 'Note', 'This frame is a (suspected) retransmission'],
  [A.OUT_OF_ORDER, 'Warn', 'This frame is a (suspected) out-of-order segment'],
  [A.REUSED_PORTS, 'Note', 'A new tcp session is started with the same ports as an earlier session in this trace'],
  [A.LOST_SEGMENT, 'Warn', 'Previous segment(s) not captured (common at capture start)'],
  [A.ACK_LOST_SEGMENT, 'Warn', "ACKed segment that wasn't captured (common at capture start)"],
  [A.WINDOW_UPDATE, 'Chat', 'TCP window update'],
  [A.WINDOW_FULL, 'Warn', 'TCP window specified by the receiver is now completely full'],
  [A.KEEP_ALIVE, 'Note', 'TCP keep-alive segment'],
  [A.KEEP_ALIVE_ACK, 'Note', 'ACK to a TCP keep-alive segment'],
  [A.ZERO_WINDOW_PROBE, 'Note', 'TCP Zero Window Probe'],
  [A.ZERO_WINDOW, 'Warn', 'TCP Zero Window segment'],
  [A.ZERO_WINDOW_PROBE_ACK, 'Note', 'ACK to a TCP Zero Window Probe'],
];

const STATUS: readonly (readonly [name: string, protocol: string])[] = [
  ['ip.checksum.status', 'IPv4'],
  ['tcp.checksum.status', 'TCP'],
  ['udp.checksum.status', 'UDP'],
];
const statusIds = STATUS.map(([name, protocol]) => [findFields(name)[0]?.id ?? -1, protocol] as const);

/** Names of the fields that it reads. */
export const EXPERT_FIELDS: readonly string[] = ['tcp.analysis', 'tcp.stream', ...STATUS.map(([name]) => name)];

/** What is remarkable in a packet, given to `take`. */
export function expert(f: Fields, sessions: Sessions, take: (item: ExpertItem) => void): void {
  for (let layer = 0; layer < f.layers; layer++) {
    if (f.layerProtocol[layer]!.name !== 'tcp') continue;
    // What is known is known of the innermost segment.
    if (sessions.tcpStreams.stream < 0 || sessions.layerStreams[layer] !== sessions.tcpStreams.stream) continue;
    // A segment that an ICMP error brings back was told about when it was sent.
    if (f.layerProtocol.slice(0, layer).some(({ name }) => name.startsWith('icmp'))) continue;
    expertTcp(f, f.layerAt[layer]!, sessions, take);
  }
  for (let row = 0; row < f.count; row++)
    for (const [id, protocol] of statusIds)
      if (f.id[row] === id && f.number[row] === 0)
        take({ severity: 'Error', group: 'Checksum', protocol, summary: 'Bad checksum' });
  if (f.stopped !== null && f.stopped.stop === 'invalid')
    take({
      severity: 'Error',
      group: 'Malformed',
      protocol: f.stopped.layer.toUpperCase(),
      summary: 'Malformed Packet',
    });
}

function expertTcp(f: Fields, at: number, sessions: Sessions, take: (item: ExpertItem) => void): void {
  const tell = (severity: Severity, summary: string): void =>
    take({ severity, group: 'Sequence', protocol: 'TCP', summary });
  const flags = wire.flags(f.bytes, at);
  if (flags & wire.SYN) {
    const isAnswer = (flags & wire.ACK_FLAG) !== 0;
    const port = isAnswer ? wire.srcPort(f.bytes, at) : wire.dstPort(f.bytes, at);
    tell('Chat', `Connection establish ${isAnswer ? 'acknowledge (SYN+ACK)' : 'request (SYN)'}: server port ${port}`);
  }
  if (flags & wire.FIN) {
    tell('Chat', 'Connection finish (FIN)');
    tell(
      'Note',
      `This frame ${sessions.tcpStreams.initiatesClosing ? 'initiates' : 'undergoes'} the connection closing`,
    );
  }
  if (flags & wire.RST) tell('Warn', 'Connection reset (RST)');
  const t = sessions.tcpStreams;
  for (const [bit, severity, summary] of ANALYSIS) if (t.flags & bit) tell(severity, summary);
  if (t.flags & A.DUPLICATE_ACK) tell('Note', `Duplicate ACK (#${t.duplicateNumber})`);
}
