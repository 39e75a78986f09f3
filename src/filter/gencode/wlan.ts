/** Primitives of 802.11: where its up to four addresses are, and what its frame control field says. Fields are those of
 * IEEE 802.11-2020 9.2.4.1; the tests, with their gaps, are libpcap's. */
import type { Direction, Expression, NameOrNumber } from '../ast.ts';
import { BPF_B } from '../opcodes.ts';
import { all, and, type Condition, not, or } from './block.ts';
import { hasFrameControl } from './link-types.ts';
import { anyBit, equalBytes, equalMasked } from './load.ts';
import type { State } from './state.ts';

const TYPE_MASK = 0x0c;
const TYPE_MANAGEMENT = 0x00;
const TYPE_CONTROL = 0x04;
const SUBTYPE_MASK = 0xf0;
const SUBTYPE_CTS = 0xc0;
const SUBTYPE_ACK = 0xd0;
const DIRECTION_MASK = 0x03;
const TO_DS = 0x01;
const FROM_DS = 0x02;

const ADDRESS_1 = 4;
const ADDRESS_2 = 10;
const ADDRESS_3 = 16;
const ADDRESS_4 = 24;

/** Bit of the first octet of frame control: set in control frames (and in reserved ones). */
const control = (state: State): Condition => anyBit(state, 'link header', 0, BPF_B, 0x04);
/** Set in data frames; clear in management frames, where the one above is clear too. */
const data = (state: State): Condition => anyBit(state, 'link header', 0, BPF_B, 0x08);
const toDs = (state: State): Condition => anyBit(state, 'link header', 1, BPF_B, TO_DS);
const fromDs = (state: State): Condition => anyBit(state, 'link header', 1, BPF_B, FROM_DS);
const isType = (state: State, type: number): Condition => equalMasked(state, 'link header', 0, BPF_B, type, TYPE_MASK);
const isSubtype = (state: State, subtype: number): Condition =>
  equalMasked(state, 'link header', 0, BPF_B, subtype, SUBTYPE_MASK);

/** `at` tests an address at an offset. */
type AddressTest = (at: number) => Condition;

/** The source address: address 2, 3 or 4, by the bits that say whether the frame comes from and goes to a
 * distribution system; control frames have none. */
const source = (state: State, at: AddressTest): Condition =>
  and(
    not(control(state)),
    or(
      and(not(data(state)), at(ADDRESS_2)),
      and(
        data(state),
        or(
          and(not(fromDs(state)), at(ADDRESS_2)),
          and(fromDs(state), or(and(not(toDs(state)), at(ADDRESS_3)), and(toDs(state), at(ADDRESS_4)))),
        ),
      ),
    ),
  );

/** The destination address: address 1, or 3 for frames to a distribution system. */
const destination = (state: State, at: AddressTest): Condition =>
  and(
    not(control(state)),
    or(
      and(not(data(state)), at(ADDRESS_1)),
      and(data(state), or(and(not(toDs(state)), at(ADDRESS_1)), and(toDs(state), at(ADDRESS_3)))),
    ),
  );

/** CTS and ACK have no second address. */
const hasAddress2 = (state: State): Condition =>
  not(and(isType(state, TYPE_CONTROL), or(isSubtype(state, SUBTYPE_CTS), isSubtype(state, SUBTYPE_ACK))));

/** All frames but management frames have an address of the receiver. libpcap leaves out the control frames too. */
const hasReceiver = (state: State): Condition =>
  state.options.strict ? not(isType(state, TYPE_MANAGEMENT)) : data(state);

export function wlanAddress(state: State, address: ArrayLike<number>, direction: Direction | null): Condition {
  const at: AddressTest = (offset) => equalBytes(state, 'link header', offset, address);
  switch (direction) {
    case 'src':
      return source(state, at);
    case 'dst':
      return destination(state, at);
    case 'src and dst':
      return and(source(state, at), destination(state, at));
    case 'src or dst':
    case null:
      return or(source(state, at), destination(state, at));
    case 'addr1':
      return at(ADDRESS_1);
    case 'addr2':
      return and(hasAddress2(state), at(ADDRESS_2));
    case 'addr3':
      return and(not(isType(state, TYPE_CONTROL)), at(ADDRESS_3));
    case 'addr4':
      return and(equalMasked(state, 'link header', 1, BPF_B, DIRECTION_MASK, DIRECTION_MASK), at(ADDRESS_4));
    case 'ra':
      return and(hasReceiver(state), at(ADDRESS_1));
    case 'ta':
      return all(hasReceiver(state), hasAddress2(state), at(ADDRESS_2));
  }
}

/** The group bit of the destination address is set. */
export const wlanMulticast = (state: State): Condition =>
  destination(state, (offset) => anyBit(state, 'link header', offset, BPF_B, 0x01));

const TYPES: ReadonlyMap<string, number> = new Map([
  ['mgt', 0x00],
  ['management', 0x00],
  ['ctl', 0x04],
  ['control', 0x04],
  ['data', 0x08],
]);

const SUBTYPES: ReadonlyMap<number, ReadonlyMap<string, number>> = new Map([
  [
    0x00,
    new Map([
      ['assocreq', 0x00],
      ['assoc-req', 0x00],
      ['assocresp', 0x10],
      ['assoc-resp', 0x10],
      ['reassocreq', 0x20],
      ['reassoc-req', 0x20],
      ['reassocresp', 0x30],
      ['reassoc-resp', 0x30],
      ['probereq', 0x40],
      ['probe-req', 0x40],
      ['proberesp', 0x50],
      ['probe-resp', 0x50],
      ['beacon', 0x80],
      ['atim', 0x90],
      ['disassoc', 0xa0],
      ['disassociation', 0xa0],
      ['auth', 0xb0],
      ['authentication', 0xb0],
      ['deauth', 0xc0],
      ['deauthentication', 0xc0],
    ]),
  ],
  [
    0x04,
    new Map([
      ['ps-poll', 0xa0],
      ['rts', 0xb0],
      ['cts', 0xc0],
      ['ack', 0xd0],
      ['cf-end', 0xe0],
      ['cf-end-ack', 0xf0],
    ]),
  ],
  [
    0x08,
    new Map([
      ['data', 0x00],
      ['data-cf-ack', 0x10],
      ['data-cf-poll', 0x20],
      ['data-cf-ack-poll', 0x30],
      ['null', 0x40],
      ['cf-ack', 0x50],
      ['cf-poll', 0x60],
      ['cf-ack-poll', 0x70],
      ['qos-data', 0x80],
      ['qos-data-cf-ack', 0x90],
      ['qos-data-cf-poll', 0xa0],
      ['qos-data-cf-ack-poll', 0xb0],
      ['qos', 0xc0],
      ['qos-cf-poll', 0xe0],
      ['qos-cf-ack-poll', 0xf0],
    ]),
  ],
]);

const DIRECTIONS: ReadonlyMap<string, number> = new Map([
  ['nods', 0],
  ['tods', TO_DS],
  ['fromds', FROM_DS],
  ['dstods', TO_DS | FROM_DS],
]);

/** `type`, `type … subtype …` and `subtype`: the name of a subtype says its type too. */
export function wlanType(state: State, { type, subtype }: Expression & { kind: 'wlan' }): Condition {
  const frame = (value: number, mask: number): Condition => {
    if (!hasFrameControl(state.layers.linkType))
      throw state.error('LINK_TYPE', 'types of frames can be tested on 802.11 link types only');
    return equalMasked(state, 'link header', 0, BPF_B, value, mask);
  };
  if (type === null) {
    for (const [typeValue, names] of SUBTYPES) {
      const value = lookUp(names, subtype!.name!);
      if (value !== undefined) return frame(typeValue | value, TYPE_MASK | SUBTYPE_MASK);
    }
    throw unknown(state, subtype!, 'subtype', []);
  }
  const typeValue = type.name === null ? bits(state, type, TYPE_MASK, 'type') : lookUp(TYPES, type.name);
  if (typeValue === undefined) throw unknown(state, type, 'type', [...TYPES.keys()]);
  if (subtype === null) return frame(typeValue, TYPE_MASK);
  if (subtype.name === null)
    return frame(typeValue | bits(state, subtype, SUBTYPE_MASK, 'subtype'), TYPE_MASK | SUBTYPE_MASK);
  const names = SUBTYPES.get(typeValue) ?? new Map<string, number>();
  const value = lookUp(names, subtype.name);
  if (value === undefined) throw unknown(state, subtype, 'subtype', [...names.keys()]);
  return frame(typeValue | value, TYPE_MASK | SUBTYPE_MASK);
}

const lookUp = (names: ReadonlyMap<string, number>, name: string): number | undefined => names.get(name.toLowerCase());

const unknown = (state: State, { name, at, length }: NameOrNumber, what: string, known: string[]) =>
  state.error('NAME', `802.11 has no ${what} '${name}'`, known, { at, length });

function bits(state: State, { value, at, length }: NameOrNumber, mask: number, what: string): number {
  if ((value & ~mask) !== 0)
    throw state.error('NUMBER', `an 802.11 ${what} has bits of 0x${mask.toString(16)} only`, [], { at, length });
  return value;
}

export function wlanDirection(state: State, { direction }: Expression & { kind: 'wlan-direction' }): Condition {
  const value = direction.name === null ? direction.value : lookUp(DIRECTIONS, direction.name);
  if (value === undefined) throw unknown(state, direction, 'direction', [...DIRECTIONS.keys()]);
  if (!hasFrameControl(state.layers.linkType))
    throw state.error('LINK_TYPE', 'the direction of a frame can be tested on 802.11 link types only');
  return equalMasked(state, 'link header', 1, BPF_B, value, DIRECTION_MASK);
}
