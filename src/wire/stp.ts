import { be16, be32, putBe16, putBe32 } from '../bytes/endian.ts';
import { copyOf } from './address.ts';
import { invalid, type Stop, truncated } from './stop.ts';

/** Bridge protocol data units of the spanning tree protocols: STP and RSTP (IEEE 802.1D-2004 9.3), MSTP (IEEE 802.1Q
 * 14.4).
 *
 *     0          2         3      4       5      13     17        25     27    29    31      33       35
 *    | protocol | version | type | flags | root | cost | bridge | port | age | max | hello | forward | version 1 length
 */
export const PROTOCOL = 0;
export const VERSION = 2;
export const TYPE = 3;
export const FLAGS = 4;
export const ROOT = 5;
export const COST = 13;
export const BRIDGE = 17;
export const PORT = 25;
export const MESSAGE_AGE = 27;
export const MAX_AGE = 29;
export const HELLO_TIME = 31;
export const FORWARD_DELAY = 33;
export const VERSION_1_LENGTH = 35;
export const VERSION_3_LENGTH = 36;
/** Behind the version 3 length: the region's configuration and the internal tree. */
export const FORMAT_SELECTOR = 38;
export const CONFIG_NAME = 39;
export const CONFIG_NAME_LENGTH = 32;
export const REVISION = 71;
export const DIGEST = 73;
export const DIGEST_LENGTH = 16;
export const INTERNAL_COST = 89;
export const CIST_BRIDGE = 93;
export const CIST_HOPS = 101;
export const MSTI = 102;
export const MSTI_LENGTH = 16;
/** Bytes of the version 3 part that the instances follow. */
export const VERSION_3_FIXED = 64;

export const CONFIG_LENGTH = 35;
export const RAPID_LENGTH = 36;
export const TOPOLOGY_LENGTH = 4;

export const TYPE_CONFIG = 0x00;
export const TYPE_RAPID = 0x02;
export const TYPE_TOPOLOGY_CHANGE = 0x80;
export const VERSION_STP = 0;
export const VERSION_RSTP = 2;
export const VERSION_MSTP = 3;
export const VERSION_SPB = 4;

export const BRIDGE_ID_LENGTH = 8;

/** A configuration unit of STP or RSTP, or a notice that the topology changed. Times are in units of 1/256 s; bridge ids
 * are eight bytes: priority and extension (2), address (6). */
export type StpUnit =
  | { kind: 'topologyChange' }
  | {
      kind: 'config' | 'rapid';
      flags: number;
      root: Uint8Array;
      cost: number;
      bridge: Uint8Array;
      port: number;
      messageAge: number;
      maxAge: number;
      helloTime: number;
      forwardDelay: number;
    };

/** The unit at `at`; of version 3 and later the part that RSTP has as well. */
export function parse(bytes: Uint8Array, at: number, end: number): StpUnit | Stop {
  if (end - at < TOPOLOGY_LENGTH) return truncated('stp', at, TOPOLOGY_LENGTH, end - at);
  if (be16(bytes, at + PROTOCOL) !== 0) return invalid('stp', at, 0, be16(bytes, at + PROTOCOL), 'stp.protocol');
  const type = bytes[at + TYPE]!;
  if (type === TYPE_TOPOLOGY_CHANGE) return { kind: 'topologyChange' };
  if (type !== TYPE_CONFIG && type !== TYPE_RAPID) return invalid('stp', at + TYPE, TYPE_RAPID, type, 'stp.type');
  const length = type === TYPE_RAPID ? RAPID_LENGTH : CONFIG_LENGTH;
  if (end - at < length) return truncated('stp', at, length, end - at);
  return {
    kind: type === TYPE_RAPID ? 'rapid' : 'config',
    flags: bytes[at + FLAGS]!,
    root: copyOf(bytes, at + ROOT, BRIDGE_ID_LENGTH),
    cost: be32(bytes, at + COST),
    bridge: copyOf(bytes, at + BRIDGE, BRIDGE_ID_LENGTH),
    port: be16(bytes, at + PORT),
    messageAge: be16(bytes, at + MESSAGE_AGE),
    maxAge: be16(bytes, at + MAX_AGE),
    helloTime: be16(bytes, at + HELLO_TIME),
    forwardDelay: be16(bytes, at + FORWARD_DELAY),
  };
}

/** Writes the unit at `at`; gives the offset behind it. */
export function emit(bytes: Uint8Array, at: number, unit: StpUnit): number {
  putBe16(bytes, at + PROTOCOL, 0);
  bytes[at + VERSION] = unit.kind === 'rapid' ? VERSION_RSTP : VERSION_STP;
  if (unit.kind === 'topologyChange') {
    bytes[at + TYPE] = TYPE_TOPOLOGY_CHANGE;
    return at + TOPOLOGY_LENGTH;
  }
  bytes[at + TYPE] = unit.kind === 'rapid' ? TYPE_RAPID : TYPE_CONFIG;
  bytes[at + FLAGS] = unit.flags;
  bytes.set(unit.root, at + ROOT);
  putBe32(bytes, at + COST, unit.cost);
  bytes.set(unit.bridge, at + BRIDGE);
  putBe16(bytes, at + PORT, unit.port);
  putBe16(bytes, at + MESSAGE_AGE, unit.messageAge);
  putBe16(bytes, at + MAX_AGE, unit.maxAge);
  putBe16(bytes, at + HELLO_TIME, unit.helloTime);
  putBe16(bytes, at + FORWARD_DELAY, unit.forwardDelay);
  if (unit.kind === 'config') return at + CONFIG_LENGTH;
  // IEEE 802.1D-2004 9.3.3: there is no version 1 information.
  bytes[at + VERSION_1_LENGTH] = 0;
  return at + RAPID_LENGTH;
}
