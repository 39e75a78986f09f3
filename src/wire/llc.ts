import { be16, be24, le16, putBe16, putBe24, putLe16 } from '../bytes/endian.ts';
import { type Stop, truncated } from './stop.ts';

/** Logical link control, IEEE 802.2 (ISO/IEC 8802-2), and its subnetwork access protocol (IEEE 802 9.5).
 *
 *     0        1        2                 3 or 4
 *    | DSAP   | SSAP   | control (1 or 2) | OUI (3)   | protocol (2)   the last two: SNAP, where both SAPs are 0xaa
 */
const DSAP = 0;
const SSAP = 1;
const CONTROL = 2;
/** Length with a one-byte control field. */
export const HEADER_LENGTH = 3;
/** OUI and protocol of a SNAP header, behind the three bytes of LLC. */
export const SNAP_LENGTH = 5;
const SNAP_OUI = 0;
const SNAP_PID = 3;

export const SAP_NULL = 0x00;
export const SAP_GLOBAL = 0xff;
export const SAP_IP = 0x06;
export const SAP_STP = 0x42;
export const SAP_SNAP = 0xaa;
export const SAP_IPX = 0xe0;
export const SAP_NETBEUI = 0xf0;
export const SAP_ISO = 0xfe;
/** Unnumbered information. */
export const CONTROL_UI = 0x03;
/** OUI of a SNAP header whose protocol is an EtherType (RFC 1042). */
export const OUI_ETHERNET = 0x000000;
export const OUI_CISCO = 0x00000c;
export const OUI_CISCO_90 = 0x0000f8;
export const OUI_BRIDGED = 0x0080c2;
export const OUI_APPLE = 0x080007;

/** The caller has checked that three bytes are there, as for all below. */
export const dsap = (bytes: Uint8Array, at: number): number => bytes[at + DSAP]!;
export const ssap = (bytes: Uint8Array, at: number): number => bytes[at + SSAP]!;
/** True where the control field is one byte: the unnumbered format. */
export const isUnnumbered = (bytes: Uint8Array, at: number): boolean => (bytes[at + CONTROL]! & 3) === 3;
export const control8 = (bytes: Uint8Array, at: number): number => bytes[at + CONTROL]!;
/** The control field of the other formats, low byte first. A fourth byte is there. */
export const control16 = (bytes: Uint8Array, at: number): number => le16(bytes, at + CONTROL);
/** OUI and protocol of the SNAP header at `at`. The caller has checked that five bytes are there. */
export const oui = (bytes: Uint8Array, at: number): number => be24(bytes, at + SNAP_OUI);
export const pid = (bytes: Uint8Array, at: number): number => be16(bytes, at + SNAP_PID);

export interface LlcHeader {
  dsap: number;
  ssap: number;
  /** One byte in the unnumbered format, else two. */
  control: number;
  snap: { oui: number; pid: number } | null;
}

export function parse(bytes: Uint8Array, at: number, end: number): LlcHeader | Stop {
  if (end - at < HEADER_LENGTH) return truncated('llc', at, HEADER_LENGTH, end - at);
  const unnumbered = isUnnumbered(bytes, at);
  if (!unnumbered && end - at < HEADER_LENGTH + 1) return truncated('llc', at, HEADER_LENGTH + 1, end - at);
  const header: LlcHeader = {
    dsap: dsap(bytes, at),
    ssap: ssap(bytes, at),
    control: unnumbered ? control8(bytes, at) : control16(bytes, at),
    snap: null,
  };
  if (header.dsap === SAP_SNAP && header.ssap === SAP_SNAP && header.control === CONTROL_UI) {
    const snapAt = at + HEADER_LENGTH;
    if (end - snapAt < SNAP_LENGTH) return truncated('llc', snapAt, SNAP_LENGTH, end - snapAt);
    header.snap = { oui: oui(bytes, snapAt), pid: pid(bytes, snapAt) };
  }
  return header;
}

/** Writes the header at `at`; gives the offset behind it. */
export function emit(bytes: Uint8Array, at: number, header: LlcHeader): number {
  bytes[at + DSAP] = header.dsap;
  bytes[at + SSAP] = header.ssap;
  let to = at + HEADER_LENGTH;
  if ((header.control & 3) === 3) bytes[at + CONTROL] = header.control;
  else {
    putLe16(bytes, at + CONTROL, header.control);
    to++;
  }
  if (header.snap === null) return to;
  putBe24(bytes, to + SNAP_OUI, header.snap.oui);
  putBe16(bytes, to + SNAP_PID, header.snap.pid);
  return to + SNAP_LENGTH;
}
