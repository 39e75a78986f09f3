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
