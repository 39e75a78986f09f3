import type { FrameExtras } from '../frames/block.ts';
import { DIRECTION_MASK } from '../frames/flags.ts';
import * as link from '../wire/linktype.ts';
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
  interface_description: ['Interface description', 'string', { named: true }],
  packet_flags_direction: ['Direction', 'uint8', { values: { 0: 'Unknown', 1: 'Inbound', 2: 'Outbound' } }],
  packet_flags: ['Packet flags', 'uint32', { base: 'hex', named: true }],
  packet_flags_reception_type: ['Reception type', 'uint8', { named: true }],
  packet_flags_fcs_length: ['FCS length', 'uint8', { named: true }],
  packet_flags_crc_error: ['CRC error', 'bool', { named: true }],
  packet_id: ['Packet id', 'uint64', { named: true }],
  interface_queue: ['Interface queue', 'uint32', { named: true }],
  drop_count: ['Drop Count', 'uint64', { named: true }],
  protocols: ['Protocols in frame', 'string'],
  comment: ['Comment', 'string', { list: true }],
  // What is the same for every frame, or says again what others say.
  encap_type: ['Encapsulation type', 'int32', { named: true }],
  marked: ['Frame is marked', 'bool', { named: true }],
  ignored: ['Frame is ignored', 'bool', { named: true }],
  offset_shift: ['Time shift for this packet', 'time', { named: true }],
  time_delta_displayed: ['Time delta from previous displayed frame', 'time', { named: true }],
});
const CONSTANTS = groupOf([F.encap_type, F.marked, F.ignored, F.offset_shift]);
const RECEPTION = groupOf([
  F.packet_flags,
  F.packet_flags_reception_type,
  F.packet_flags_fcs_length,
  F.packet_flags_crc_error,
]);

/** Wireshark's own numbers (WTAP_ENCAP_…) of link types. */
const ENCAPSULATIONS: Readonly<Record<number, number>> = {
  [link.LINKTYPE_NULL]: 15,
  [link.LINKTYPE_ETHERNET]: 1,
  [link.LINKTYPE_PPP]: 4,
  [link.LINKTYPE_FDDI]: 6,
  [link.LINKTYPE_PPP_HDLC]: 4,
  [link.LINKTYPE_PPP_ETHER]: 139,
  [link.LINKTYPE_RAW]: 7,
  [link.LINKTYPE_C_HDLC]: 28,
  [link.LINKTYPE_IEEE802_11]: 20,
  [link.LINKTYPE_LOOP]: 174,
  [link.LINKTYPE_LINUX_SLL]: 25,
  [link.LINKTYPE_IEEE802_11_RADIOTAP]: 23,
  [link.LINKTYPE_IPV4]: 129,
  [link.LINKTYPE_IPV6]: 130,
  [link.LINKTYPE_NETLINK]: 158,
  [link.LINKTYPE_LINUX_SLL2]: 210,
};
/** Layout of pcapng's epb_flags. */
const RECEPTION_SHIFT = 2;
const RECEPTION_MASK = 7;
const FCS_SHIFT = 5;
const FCS_MASK = 15;
const CRC_ERROR = 1 << 24;

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
  /** Of the last frame before it that a display filter let through. */
  displayed?: { seconds: number; nanoseconds: number };
  /** What the interface is called in words; '' or left out: not known. */
  interfaceDescription?: string;
  /** False: the savefile's format knows no interfaces, so that there is no `frame.interface_id` for who asks. */
  hasInterface?: boolean;
  /** Comments and the like. */
  extras?: FrameExtras | null;
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
    const isBare = facts.interfaceName === '' && (facts.flags & DIRECTION_MASK) === 0 && !facts.extras;
    if (f.compact && isBare) {
      protocolsRow = f.header(ROW_FRAME, at) - 1;
    } else {
      protocolsRow = addFacts(f, at, length, facts);
      if (f.wanted !== null) addAsked(f, at, linkType, facts);
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
  const isAsked = f.wanted !== null && !f.whole;
  if (facts.hasInterface !== false || !isAsked) f.uint(F.interface_id, at, 0, facts.interfaceId);
  if (facts.interfaceName !== '') f.value(F.interface_name, at, 0, facts.interfaceName);
  else if (isAsked && facts.hasInterface !== false) f.value(F.interface_name, at, 0, 'unknown');
  const direction = facts.flags & DIRECTION_MASK;
  if (direction !== 0) f.uint(F.packet_flags_direction, at, 0, direction);
  for (const comment of facts.extras?.comments ?? []) f.value(F.comment, at, 0, comment);
  if (!f.wants(F.protocols)) return -1;
  f.value(F.protocols, at, 0, '');
  return f.count - 1;
}

/** Adds what is made only for who asks for it by name. */
function addAsked(f: Fields, at: number, linkType: number, facts: FrameFacts): void {
  const { extras, flags } = facts;
  if (f.wantsSome(CONSTANTS)) {
    const encapsulation = ENCAPSULATIONS[linkType];
    if (encapsulation !== undefined) f.uint(F.encap_type, at, 0, encapsulation);
    f.uint(F.marked, at, 0, 0);
    f.uint(F.ignored, at, 0, 0);
    f.time(F.offset_shift, at, 0, 0, 0);
  }
  if (facts.displayed && f.wants(F.time_delta_displayed))
    difference(f, F.time_delta_displayed, at, facts, facts.displayed);
  if (flags !== 0 && f.wantsSome(RECEPTION)) {
    f.uint(F.packet_flags, at, 0, flags >>> 0);
    f.uint(F.packet_flags_reception_type, at, 0, (flags >>> RECEPTION_SHIFT) & RECEPTION_MASK);
    f.uint(F.packet_flags_fcs_length, at, 0, (flags >>> FCS_SHIFT) & FCS_MASK);
    f.uint(F.packet_flags_crc_error, at, 0, flags & CRC_ERROR ? 1 : 0);
  }
  if (facts.interfaceDescription) f.value(F.interface_description, at, 0, facts.interfaceDescription);
  if (!extras) return;
  if (extras.packetId !== undefined) f.value(F.packet_id, at, 0, extras.packetId);
  if (extras.queue !== undefined) f.uint(F.interface_queue, at, 0, extras.queue);
  if (extras.dropCount !== undefined) f.value(F.drop_count, at, 0, extras.dropCount);
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
