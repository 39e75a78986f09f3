import { DIRECTION_MASK } from '../frames/flags.ts';
import { defineFields, type Fields, groupOf, ROW_FRAME } from './fields.ts';
import type { Protocol } from './protocol.ts';
import { protocolOfLink } from './protocols.ts';

const F = defineFields('frame', {
  number: ['Frame Number', 'uint32'],
  time: ['Arrival Time', 'time', { date: 'local', named: true }],
  time_epoch: ['Epoch Arrival Time', 'time'],
  time_delta: ['Time delta from previous captured frame', 'time'],
  time_relative: ['Time since reference or first frame', 'time'],
  len: ['Frame length on the wire', 'uint32'],
  cap_len: ['Frame length stored into the capture file', 'uint32'],
  interface_id: ['Interface id', 'uint32'],
  interface_name: ['Interface name', 'string'],
  packet_flags_direction: ['Direction', 'uint8', { values: { 0: 'Unknown', 1: 'Inbound', 2: 'Outbound' } }],
  protocols: ['Protocols in frame', 'string'],
});

const TIMES = groupOf([F.time, F.time_epoch, F.time_delta, F.time_relative]);

export const frame: Protocol = { name: 'frame', title: 'Frame' };

/** What is known of a frame beside its bytes. */
export interface FrameFacts {
  /** From 1. */
  number: number;
  seconds: number;
  nanoseconds: number;
  originalLength: number;
  interfaceId: number;
  /** '' where it is not known. */
  interfaceName: string;
  /** As in `frames/flags.ts`. */
  flags: number;
  /** Times of the first frame and of the one before, where they are known. */
  first?: { seconds: number; nanoseconds: number };
  previous?: { seconds: number; nanoseconds: number };
}

/** Fills `f` with the fields of the frame of `length` bytes at `at`: its own (`frame.…`) where `facts` are given, and
 * those of every layer. Never throws, whatever the bytes are. */
export function walkFrame(
  f: Fields,
  bytes: Uint8Array,
  at: number,
  length: number,
  linkType: number,
  facts: FrameFacts | null,
): void {
  f.begin(bytes, at + length, at);
  let protocolsRow = -1;
  if (facts === null) f.frameSeconds = Number.NaN;
  else {
    f.wireEnd = at + facts.originalLength;
    f.frameSeconds = facts.seconds;
    f.frameNanoseconds = facts.nanoseconds;
    f.sessions?.begin(facts.number, facts.seconds, facts.nanoseconds);
    f.layer(frame, at, length);
    if (f.compact && facts.interfaceName === '' && (facts.flags & DIRECTION_MASK) === 0) {
      protocolsRow = f.header(ROW_FRAME, at) - 1;
    } else {
      protocolsRow = addFacts(f, at, length, facts);
    }
  }
  f.next(protocolOfLink(linkType), at, at + length);
  f.end();
  if (protocolsRow >= 0) f.object[protocolsRow] = protocolNames(f);
}

/** Adds the frame's own fields. Gives the row of `frame.protocols`, whose value is known when all is walked; -1: nobody
 * wants it. */
function addFacts(f: Fields, at: number, length: number, facts: FrameFacts): number {
  f.uint(F.number, at, 0, facts.number);
  if (f.wantsSome(TIMES)) {
    // The same time again: only for who asks for it by name.
    if (f.wanted !== null) f.time(F.time, at, 0, facts.seconds, facts.nanoseconds);
    f.time(F.time_epoch, at, 0, facts.seconds, facts.nanoseconds);
    if (facts.previous) difference(f, F.time_delta, at, facts, facts.previous);
    if (facts.first) difference(f, F.time_relative, at, facts, facts.first);
  }
  f.uint(F.len, at, 0, facts.originalLength);
  f.uint(F.cap_len, at, 0, length);
  f.uint(F.interface_id, at, 0, facts.interfaceId);
  if (facts.interfaceName !== '') f.value(F.interface_name, at, 0, facts.interfaceName);
  const direction = facts.flags & DIRECTION_MASK;
  if (direction !== 0) f.uint(F.packet_flags_direction, at, 0, direction);
  if (!f.wants(F.protocols)) return -1;
  f.value(F.protocols, at, 0, '');
  return f.count - 1;
}

/** Adds the time that passed since `from`: where it is negative, the seconds are rounded down and the nanoseconds count up. */
function difference(
  f: Fields,
  id: number,
  at: number,
  now: FrameFacts,
  from: { seconds: number; nanoseconds: number },
): void {
  let seconds = now.seconds - from.seconds;
  let nanoseconds = now.nanoseconds - from.nanoseconds;
  if (nanoseconds < 0) {
    seconds--;
    nanoseconds += 1e9;
  }
  f.time(id, at, 0, seconds, nanoseconds);
}

/** Layers above the frame as frames have had them, one by one: the names of all are put together once for each stack, not
 * once for each frame. */
interface Stack {
  readonly protocol: Protocol | null;
  /** '' until a frame ended here. */
  names: string;
  readonly inner: Stack[];
}
let stacks: Stack = { protocol: null, names: '', inner: [] };
let stackCount = 0;
/** Bounds what crafted captures can make of the stacks: beyond it they begin anew. */
const MAX_STACKS = 4096;

/** The layers' names joined by colons, as Wireshark writes them: `eth:ethertype:ip:tcp`. */
function protocolNames(f: Fields): string {
  let stack = stacks;
  for (let i = 1; i < f.layers; i++) stack = innerStack(stack, f.layerProtocol[i]!);
  if (stack.names === '' && f.layers > 1)
    stack.names = f.layerProtocol
      .slice(1, f.layers)
      .map(({ name }) => name)
      .join(':')
      .replace(/(^|:)(eth|sll|vlan):(?!llc)/g, '$1$2:ethertype:')
      .replace(/vlan:(?!ethertype|llc|$)/g, 'vlan:ethertype:');
  return stack.names;
}

function innerStack(stack: Stack, protocol: Protocol): Stack {
  const { inner } = stack;
  for (let i = 0; i < inner.length; i++) if (inner[i]!.protocol === protocol) return inner[i]!;
  const made: Stack = { protocol, names: '', inner: [] };
  if (++stackCount > MAX_STACKS) {
    stacks = { protocol: null, names: '', inner: [] };
    stackCount = 0;
  } else inner.push(made);
  return made;
}
