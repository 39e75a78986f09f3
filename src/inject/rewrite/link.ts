import { be16, putBe16 } from '../../bytes/endian.ts';
import * as ethernet from '../../wire/ethernet.ts';
import { ETHERTYPE_IPV4, ETHERTYPE_IPV6, ETHERTYPE_VLAN } from '../../wire/ethertype.ts';
import { LINKTYPE_ETHERNET, LINKTYPE_LINUX_SLL, LINKTYPE_LINUX_SLL2 } from '../../wire/linktype.ts';
import * as sll from '../../wire/sll.ts';
import * as sll2 from '../../wire/sll2.ts';
import * as vlan from '../../wire/vlan.ts';
import { networkStart } from './find.ts';

/** Changes below the network header: tags put in and taken out, one link header in the place of another. All work in
 * place, and return by how many bytes the frame grew. */

export interface VlanEdit {
  /** 'set' changes the outermost tag, or adds one where there is none. */
  action: 'add' | 'remove' | 'set';
  id?: number;
  priority?: number;
  dei?: number;
  /** The type of an added tag; default 0x8100. */
  tpid?: number;
}

const ADDRESSES = 12;
const isTag = (type: number): boolean =>
  type === ETHERTYPE_VLAN || type === 0x88a8 || type === 0x9100 || type === 0x9200;

/** `length`: bytes of the frame at `at` that are there. */
export function editVlan(bytes: Uint8Array, at: number, length: number, edit: VlanEdit): number {
  if (length < ethernet.HEADER_LENGTH) return 0;
  const tag = at + ADDRESSES;
  const isTagged = isTag(be16(bytes, tag)) && length >= ethernet.HEADER_LENGTH + vlan.HEADER_LENGTH;
  if (edit.action === 'remove') {
    if (!isTagged) return 0;
    bytes.copyWithin(tag, tag + vlan.HEADER_LENGTH, at + length);
    return -vlan.HEADER_LENGTH;
  }
  let grown = 0;
  let tci = 0;
  if (edit.action === 'add' || !isTagged) {
    bytes.copyWithin(tag + vlan.HEADER_LENGTH, tag, at + length);
    putBe16(bytes, tag, edit.tpid ?? ETHERTYPE_VLAN);
    grown = vlan.HEADER_LENGTH;
  } else {
    tci = be16(bytes, tag + 2);
    if (edit.tpid !== undefined) putBe16(bytes, tag, edit.tpid);
  }
  if (edit.id !== undefined) tci = (tci & 0xf000) | edit.id;
  if (edit.dei !== undefined) tci = (tci & 0xefff) | (edit.dei << 12);
  if (edit.priority !== undefined) tci = (tci & 0x1fff) | (edit.priority << 13);
  putBe16(bytes, tag + 2, tci);
  return grown;
}

export interface LinkOptions {
  linkType?: number;
  sourceMac?: Uint8Array;
  destinationMac?: Uint8Array;
}

/** Puts an Ethernet header, or none, in the place of the frame's link header. Null: the frame has no network packet that
 * such a header could name. The source address of a cooked frame is kept; addresses that nobody knows are zero. */
export function toLinkType(
  bytes: Uint8Array,
  at: number,
  length: number,
  linkType: number,
  options: LinkOptions,
): number | null {
  const network = networkStart(bytes, at, at + length, linkType);
  if (network === null) return null;
  const { etherType } = network;
  const header = network.at - at;
  if (options.linkType !== LINKTYPE_ETHERNET) {
    if (etherType !== ETHERTYPE_IPV4 && etherType !== ETHERTYPE_IPV6) return null;
    bytes.copyWithin(at, network.at, at + length);
    return -header;
  }
  // Below 1536 the field is a length, and in a cooked header one of Linux's own numbers.
  if (etherType < 0x600) return null;
  const source = new Uint8Array(ethernet.ADDRESS_LENGTH);
  if (linkType === LINKTYPE_LINUX_SLL && sll.addressLength(bytes, at) === 6)
    source.set(bytes.subarray(sll.addressAt(at), sll.addressAt(at) + 6));
  else if (linkType === LINKTYPE_LINUX_SLL2 && sll2.addressLength(bytes, at) === 6)
    source.set(bytes.subarray(sll2.addressAt(at), sll2.addressAt(at) + 6));
  bytes.copyWithin(at + ethernet.HEADER_LENGTH, network.at, at + length);
  bytes.set(options.destinationMac ?? new Uint8Array(ethernet.ADDRESS_LENGTH), at);
  bytes.set(options.sourceMac ?? source, at + ethernet.ADDRESS_LENGTH);
  putBe16(bytes, at + ADDRESSES, etherType);
  return ethernet.HEADER_LENGTH - header;
}
