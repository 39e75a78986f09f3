import type { Fields } from '../dissect/fields.ts';
import type { FrameFacts } from '../dissect/frame.ts';
import { type SessionOptions, Sessions } from '../dissect/session/sessions.ts';
import { Conversations, Endpoints, TALLY_KINDS, type TallyKind, type TallyRow } from '../dissect/session/tally.ts';
import { formatIpv4, formatIpv6, formatMac } from '../wire/address.ts';
import { UsageError } from './exit.ts';
import { eachFrame, type FrameVisitor, wantedFields } from './frames.ts';
import type { FramesOptions } from './frames-options.ts';
import { printText } from './print-text.ts';
import { short } from './status.ts';
import { secondsText, table } from './table.ts';

export interface TallyOptions extends FramesOptions {
  type?: string[];
  limit?: number;
}

const TITLES: Readonly<Record<TallyKind, string>> = {
  eth: 'Ethernet',
  ip: 'IPv4',
  ipv6: 'IPv6',
  tcp: 'TCP',
  udp: 'UDP',
};

function kindsOf(types: readonly string[] | undefined, command: string): readonly TallyKind[] {
  if (types === undefined) return TALLY_KINDS;
  const names = types.flatMap((type) => type.split(','));
  for (const name of names)
    if (!(TALLY_KINDS as readonly string[]).includes(name))
      throw new UsageError(`${command}: there is no type '${name}': ${TALLY_KINDS.join(', ')}`);
  return names as TallyKind[];
}

const shownOf = (shown: number, all: number): string => (shown === all ? String(all) : `${shown} of ${all}`);

const formatAddress = (address: Uint8Array): string =>
  address.length === 4 ? formatIpv4(address, 0) : address.length === 6 ? formatMac(address, 0) : formatIpv6(address, 0);

export const formatEnd = (address: Uint8Array, port: number | undefined): string =>
  port === undefined
    ? formatAddress(address)
    : address.length === 16
      ? `[${formatAddress(address)}]:${port}`
      : `${formatAddress(address)}:${port}`;

/** Counts frames by who spoke with whom, or by who spoke. */
class TallyVisitor implements FrameVisitor {
  readonly wanted: Uint8Array;
  tallies: (Conversations | Endpoints)[] = [];
  first: { seconds: number; nanoseconds: number } | null = null;
  readonly onlyTransport = true;
  readonly #kinds: readonly TallyKind[];
  readonly #ofEndpoints: boolean;

  constructor(kinds: readonly TallyKind[], ofEndpoints: boolean) {
    this.#kinds = kinds;
    this.#ofEndpoints = ofEndpoints;
    this.wanted = wantedFields(
      ofEndpoints ? [] : kinds.filter((kind) => kind === 'tcp' || kind === 'udp').map((kind) => `${kind}.stream`),
    );
  }

  sessions(wanted: Uint8Array | null, options: SessionOptions): Sessions {
    const sessions = new Sessions(wanted, options);
    this.tallies = this.#kinds.map((kind) =>
      this.#ofEndpoints ? new Endpoints(kind) : new Conversations(kind, sessions),
    );
    return sessions;
  }

  frame(f: Fields, facts: FrameFacts): void {
    this.first ??= { seconds: facts.seconds, nanoseconds: facts.nanoseconds };
    for (const tally of this.tallies) tally.add(f, facts);
  }
}

/** `netlab conversations`. */
export async function runConversations(words: string[], options: TallyOptions): Promise<void> {
  const visitor = new TallyVisitor(kindsOf(options.type, 'conversations'), false);
  await eachFrame('conversations', words, options, visitor);
  const { first } = visitor;
  await printText(function* () {
    for (const tally of visitor.tallies) {
      const rows = tally.top(options.limit);
      if (options.json) for (const row of rows) yield conversationJson(tally.kind, row);
      else if (rows.length > 0 || options.type !== undefined) {
        yield `${TITLES[tally.kind]} conversations: ${shownOf(rows.length, tally.used)}\n`;
        yield conversationsText(rows, first!);
        yield '\n';
      }
    }
  });
}

/** The table of conversations; times are counted from `first`. */
export function conversationsText(rows: readonly TallyRow[], first: { seconds: number; nanoseconds: number }): string {
  const hasStream = rows.some(({ stream }) => stream !== undefined);
  const head = [
    'A',
    'B',
    'frames →',
    'bytes →',
    'frames ←',
    'bytes ←',
    'frames',
    'bytes',
    'start',
    'duration',
    'bit/s →',
    'bit/s ←',
  ];
  const cells = rows.map((row) => {
    const seconds = row.duration / 1e9;
    const rate = (bytes: number): string => (seconds > 0 ? short((bytes * 8) / seconds).replace(' ', '') : '-');
    const list = [
      formatEnd(row.from, row.fromPort),
      formatEnd(row.to, row.toPort),
      String(row.framesSent),
      String(row.bytesSent),
      String(row.framesReceived),
      String(row.bytesReceived),
      String(row.framesSent + row.framesReceived),
      String(row.bytesSent + row.bytesReceived),
      secondsText((row.seconds - first.seconds) * 1e9 + row.nanoseconds - first.nanoseconds),
      secondsText(row.duration),
      rate(row.bytesSent),
      rate(row.bytesReceived),
    ];
    return hasStream ? [String(row.stream), ...list] : list;
  });
  const right = [false, false, ...head.slice(2).map(() => true)];
  return hasStream ? table(['stream', ...head], cells, [true, ...right]) : table(head, cells, right);
}

function conversationJson(kind: TallyKind, row: TallyRow): string {
  return `${JSON.stringify({
    type: kind,
    ...(row.stream === undefined ? {} : { stream: row.stream }),
    a: formatAddress(row.from),
    ...(row.fromPort === undefined ? {} : { a_port: row.fromPort }),
    b: formatAddress(row.to),
    ...(row.toPort === undefined ? {} : { b_port: row.toPort }),
    frames_a_to_b: row.framesSent,
    bytes_a_to_b: row.bytesSent,
    frames_b_to_a: row.framesReceived,
    bytes_b_to_a: row.bytesReceived,
    frames: row.framesSent + row.framesReceived,
    bytes: row.bytesSent + row.bytesReceived,
    start: `${row.seconds}.${String(row.nanoseconds).padStart(9, '0')}`,
    duration: secondsText(row.duration),
  })}\n`;
}

/** `netlab endpoints`. */
export async function runEndpoints(words: string[], options: TallyOptions): Promise<void> {
  const visitor = new TallyVisitor(kindsOf(options.type, 'endpoints'), true);
  await eachFrame('endpoints', words, options, visitor);
  await printText(function* () {
    for (const tally of visitor.tallies) {
      const rows = tally.top(options.limit);
      if (options.json) for (const row of rows) yield endpointJson(tally.kind, row);
      else if (rows.length > 0 || options.type !== undefined) {
        yield `${TITLES[tally.kind]} endpoints: ${shownOf(rows.length, tally.used)}\n`;
        yield table(
          ['address', 'frames', 'bytes', 'sent frames', 'sent bytes', 'received frames', 'received bytes'],
          rows.map((row) => [
            formatEnd(row.from, row.fromPort),
            String(row.framesSent + row.framesReceived),
            String(row.bytesSent + row.bytesReceived),
            String(row.framesSent),
            String(row.bytesSent),
            String(row.framesReceived),
            String(row.bytesReceived),
          ]),
          [false, true, true, true, true, true, true],
        );
        yield '\n';
      }
    }
  });
}

function endpointJson(kind: TallyKind, row: TallyRow): string {
  return `${JSON.stringify({
    type: kind,
    address: formatAddress(row.from),
    ...(row.fromPort === undefined ? {} : { port: row.fromPort }),
    frames: row.framesSent + row.framesReceived,
    bytes: row.bytesSent + row.bytesReceived,
    frames_sent: row.framesSent,
    bytes_sent: row.bytesSent,
    frames_received: row.framesReceived,
    bytes_received: row.bytesReceived,
  })}\n`;
}
