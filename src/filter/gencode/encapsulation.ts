/** The primitives that look into another header: vlan, mpls, pppoed, pppoes, geneve. Each also moves the offsets of
 * everything that comes after it in the expression. */

import { IPPROTO_UDP } from '../../wire/ipproto.ts';
import { LINKTYPE_ETHERNET, LINKTYPE_PPP } from '../../wire/linktype.ts';
import {
  BPF_ABS,
  BPF_ADD,
  BPF_ALU,
  BPF_AND,
  BPF_B,
  BPF_H,
  BPF_IMM,
  BPF_IND,
  BPF_JA,
  BPF_JEQ,
  BPF_JMP,
  BPF_K,
  BPF_LD,
  BPF_LDX,
  BPF_MEM,
  BPF_MISC,
  BPF_MUL,
  BPF_ST,
  BPF_STX,
  BPF_TAX,
  BPF_TXA,
  BPF_W,
  BPF_X,
  SKF_AD_OFF,
  SKF_AD_VLAN_TAG,
  SKF_AD_VLAN_TAG_PRESENT,
} from '../opcodes.ts';
import { and, any, type Condition, or, Statement, test } from './block.ts';
import {
  ETHERTYPE_8021AD,
  ETHERTYPE_8021Q,
  ETHERTYPE_8021QINQ,
  ETHERTYPE_MPLS,
  ETHERTYPE_PPPOED,
  ETHERTYPE_PPPOES,
  linkTypeIs,
  PPP_MPLS_UCAST,
} from './link-type-test.ts';
import { hasFrameControl, LINKTYPE_C_HDLC, linkTypeName } from './link-types.ts';
import { always, equalMasked, IP6_HEADER_LENGTH, loadTransportOffset, loadVariablePart } from './load.ts';
import { port4, port6 } from './port.ts';
import { type HeaderOffset, type State, variableOffset } from './state.ts';

function checkNumber(state: State, number: number | null, what: string, maximum: number): void {
  if (number !== null && number > maximum) throw state.error('NUMBER', `${what} is at most ${maximum}, not ${number}`);
}

// VLAN, IEEE 802.1Q

const VLAN_TAG_LENGTH = 4;
const MAX_VLAN_ID = 0x0fff;

/** The type field says that a tag follows: customer, service provider, and the value that came before the standard. */
const isTagged = (state: State): Condition =>
  any(linkTypeIs(state, ETHERTYPE_8021Q), linkTypeIs(state, ETHERTYPE_8021AD), linkTypeIs(state, ETHERTYPE_8021QINQ));

const hasVlanId = (state: State, id: number): Condition => equalMasked(state, 'network', 0, BPF_H, id, MAX_VLAN_ID);

export function vlan(state: State, id: number | null): Condition {
  const { layers } = state;
  if (layers.mplsDepth > 0) throw state.error('UNSUPPORTED', 'vlan cannot come behind mpls');
  if (layers.linkType !== LINKTYPE_ETHERNET && !hasFrameControl(layers.linkType))
    throw state.error('LINK_TYPE', `${linkTypeName(layers.linkType)} has no VLAN tags`);
  checkNumber(state, id, 'a VLAN id', MAX_VLAN_ID);
  const outermost =
    layers.vlanDepth === 0 && !layers.linkHeader.variable && layers.linkHeader.constant === state.outermostLinkHeader;
  const condition =
    state.options.vlanOffload && layers.linkType === LINKTYPE_ETHERNET && outermost
      ? vlanWithMetadata(state, id)
      : vlanInPacket(state, id);
  layers.vlanDepth++;
  return condition;
}

function vlanInPacket(state: State, id: number | null): Condition {
  let condition = isTagged(state);
  if (id !== null) condition = and(condition, hasVlanId(state, id));
  // Type field and payload both come after the tag.
  state.layers.linkPayload.constant += VLAN_TAG_LENGTH;
  state.layers.linkTypeField.constant += VLAN_TAG_LENGTH;
  return condition;
}

/** Linux takes the outermost tag out of the frame and keeps it as metadata, most often; where the driver did not, it is
 * still in the frame. So offsets behind it depend on the packet: a register each holds 0 or 4. */
function vlanWithMetadata(state: State, id: number | null): Condition {
  const { layers } = state;
  const tagInMetadata = (): Statement => new Statement(BPF_LD | BPF_B | BPF_ABS, SKF_AD_OFF + SKF_AD_VLAN_TAG_PRESENT);
  const present = test(BPF_JEQ, 1, [tagInMetadata()]);
  const inPacket = isTagged(state);
  const idInPacket = id === null ? null : hasVlanId(state, id);
  state.vlanOffsets = true;
  const shift = [layers.linkPayload, layers.linkTypeField].flatMap((offset) => shiftOffset(state, offset));
  inPacket.head.statements = [...shift, ...inPacket.head.statements];
  const condition = or(present, inPacket);
  if (idInPacket === null) return condition;

  const { head } = idInPacket;
  const first = head.statements[0]!;
  const inMetadata = new Statement(BPF_LD | BPF_B | BPF_ABS, SKF_AD_OFF + SKF_AD_VLAN_TAG);
  const where = new Statement(BPF_JMP | BPF_JEQ | BPF_K, 1);
  where.jt = inMetadata;
  where.jf = first;
  const over = new Statement(BPF_JMP | BPF_JA);
  // Behind the load from the packet, before the mask.
  over.jt = head.statements.at(-1)!;
  head.statements = [tagInMetadata(), where, inMetadata, over, ...head.statements];
  return and(condition, idInPacket);
}

function shiftOffset(state: State, offset: HeaderOffset): Statement[] {
  offset.variable = true;
  const register = state.registerOf(offset);
  // In strict mode several tests may come here for the same tag.
  if (state.options.strict) return [new Statement(BPF_LD | BPF_IMM, VLAN_TAG_LENGTH), new Statement(BPF_ST, register)];
  return [
    new Statement(BPF_LD | BPF_MEM, register),
    new Statement(BPF_ALU | BPF_ADD | BPF_K, VLAN_TAG_LENGTH),
    new Statement(BPF_ST, register),
  ];
}

// MPLS, RFC 3032: 20 bits of label, 3 of traffic class, 1 that marks the bottom of the stack, 8 of time to live

const MPLS_ENTRY_LENGTH = 4;
const MAX_LABEL = 0xfffff;
const LABEL_SHIFT = 12;
const LABEL_MASK = 0xfffff000;
/** Octet of an entry that holds the bottom-of-stack bit. */
const BOTTOM_AT = 2;
const BOTTOM_BIT = 0x01;

export function mpls(state: State, label: number | null): Condition {
  const { layers } = state;
  let condition: Condition;
  if (layers.mplsDepth > 0) condition = equalMasked(state, 'previous label', BOTTOM_AT, BPF_B, 0, BOTTOM_BIT);
  else if (layers.linkType === LINKTYPE_ETHERNET || layers.linkType === LINKTYPE_C_HDLC)
    condition = linkTypeIs(state, ETHERTYPE_MPLS);
  else if (layers.linkType === LINKTYPE_PPP) condition = linkTypeIs(state, PPP_MPLS_UCAST);
  else throw state.error('LINK_TYPE', `${linkTypeName(layers.linkType)} has no MPLS labels`);
  checkNumber(state, label, 'an MPLS label', MAX_LABEL);
  if (label !== null)
    condition = and(condition, equalMasked(state, 'network', 0, BPF_W, label << LABEL_SHIFT, LABEL_MASK));
  layers.network += MPLS_ENTRY_LENGTH;
  layers.networkNoSnap += MPLS_ENTRY_LENGTH;
  layers.mplsDepth++;
  return condition;
}

// PPP over Ethernet, RFC 2516: version and type, code, session id, length

const PPPOE_HEADER_LENGTH = 6;
const PPP_PROTOCOL_LENGTH = 2;
const MAX_SESSION = 0xffff;

export const pppoeDiscovery = (state: State): Condition => linkTypeIs(state, ETHERTYPE_PPPOED);

export function pppoeSession(state: State, session: number | null): Condition {
  const { layers } = state;
  let condition = linkTypeIs(state, ETHERTYPE_PPPOES);
  checkNumber(state, session, 'a PPPoE session', MAX_SESSION);
  if (session !== null) condition = and(condition, equalMasked(state, 'network', 0, BPF_W, session, MAX_SESSION));
  const payload = layers.linkPayload;
  const ppp: HeaderOffset = { ...payload, constant: payload.constant + layers.network + PPPOE_HEADER_LENGTH };
  layers.linkType = LINKTYPE_PPP;
  layers.linkHeader = ppp;
  layers.linkTypeField = { ...ppp };
  layers.linkPayload = { ...ppp, constant: ppp.constant + PPP_PROTOCOL_LENGTH };
  layers.network = 0;
  layers.networkNoSnap = 0;
  layers.geneve = false;
  return condition;
}

// Geneve, RFC 8926, over UDP

const GENEVE_PORT = 6081;
const UDP_HEADER_LENGTH = 8;
const GENEVE_VERSION_MASK = 0xc0;
const GENEVE_OPTIONS_MASK = 0x3f;
const GENEVE_PROTOCOL = 2;
const GENEVE_VNI = 4;
const GENEVE_HEADER_LENGTH = 8;
const MAX_VNI = 0xffffff;
const VNI_MASK = 0xffffff00;
/** Protocol of a payload that begins with an Ethernet header. */
const TRANS_ETHER_BRIDGING = 0x6558;
const ETHER_TYPE = 12;
const ETHER_TYPE_LENGTH = 2;

export function geneve(state: State, vni: number | null): Condition {
  checkNumber(state, vni, 'a Geneve VNI', MAX_VNI);
  const tunnel = (version: 4 | 6): Condition => {
    const base = version === 4 ? 'transport of IPv4' : 'transport of IPv6';
    let condition = (version === 4 ? port4 : port6)(state, GENEVE_PORT, IPPROTO_UDP, 'dst');
    condition = and(condition, equalMasked(state, base, UDP_HEADER_LENGTH, BPF_B, 0, GENEVE_VERSION_MASK));
    if (vni !== null)
      condition = and(
        condition,
        equalMasked(state, base, UDP_HEADER_LENGTH + GENEVE_VNI, BPF_W, (vni << 8) >>> 0, VNI_MASK),
      );
    // A := X := length of the IP header (and the variable part before it), in a block that is always true.
    return and(condition, test(BPF_JEQ | BPF_X, 0, ipHeaderLength(state, version)));
  };
  const found = or(tunnel(4), tunnel(6));
  const offsets = geneveOffsets(state);
  const moved = always();
  moved.head.statements = [...offsets, ...moved.head.statements];
  state.layers.geneve = true;
  return and(found, moved);
}

function ipHeaderLength(state: State, version: 4 | 6): Statement[] {
  if (version === 4) return [...loadTransportOffset(state), new Statement(BPF_MISC | BPF_TXA)];
  const statements = loadVariablePart(state, state.layers.linkPayload);
  const variable = statements.length > 0;
  statements.push(new Statement(BPF_LD | BPF_IMM, IP6_HEADER_LENGTH));
  if (variable) statements.push(new Statement(BPF_ALU | BPF_ADD | BPF_X));
  statements.push(new Statement(BPF_MISC | BPF_TAX));
  return statements;
}

/** Computes where the headers inside are, from the length of the outer IP header in A, and moves the offsets there. */
function geneveOffsets(state: State): Statement[] {
  const { layers } = state;
  // There is a jump inside of the block.
  state.neverOptimize = true;
  const udp = layers.linkPayload.constant + layers.network;
  const variable = (): HeaderOffset => {
    const offset = variableOffset();
    state.registerOf(offset);
    return offset;
  };
  const typeField = variable();
  const linkHeader = variable();
  const payload = variable();
  const store = new Statement(BPF_STX, state.registerOf(payload));
  const isEthernet = new Statement(BPF_JMP | BPF_JEQ | BPF_K, TRANS_ETHER_BRIDGING);
  const toInnerType = new Statement(BPF_MISC | BPF_TXA);
  isEthernet.jt = toInnerType;
  isEthernet.jf = store;
  const statements = [
    // X := the Geneve header.
    new Statement(BPF_ALU | BPF_ADD | BPF_K, udp + UDP_HEADER_LENGTH),
    new Statement(BPF_MISC | BPF_TAX),
    new Statement(BPF_ALU | BPF_ADD | BPF_K, GENEVE_PROTOCOL),
    new Statement(BPF_ST, state.registerOf(typeField)),
    // The length of the options counts words of four octets.
    new Statement(BPF_LD | BPF_IND | BPF_B, 0),
    new Statement(BPF_ALU | BPF_AND | BPF_K, GENEVE_OPTIONS_MASK),
    new Statement(BPF_ALU | BPF_MUL | BPF_K, 4),
    new Statement(BPF_ALU | BPF_ADD | BPF_K, GENEVE_HEADER_LENGTH),
    new Statement(BPF_ALU | BPF_ADD | BPF_X),
    new Statement(BPF_ST, state.registerOf(linkHeader)),
    new Statement(BPF_LD | BPF_IND | BPF_H, GENEVE_PROTOCOL),
    new Statement(BPF_LDX | BPF_MEM, state.registerOf(linkHeader)),
    isEthernet,
    toInnerType,
    new Statement(BPF_ALU | BPF_ADD | BPF_K, ETHER_TYPE),
    new Statement(BPF_ST, state.registerOf(typeField)),
    new Statement(BPF_ALU | BPF_ADD | BPF_K, ETHER_TYPE_LENGTH),
    new Statement(BPF_MISC | BPF_TAX),
    store,
  ];
  layers.linkType = LINKTYPE_ETHERNET;
  layers.linkHeader = linkHeader;
  layers.linkTypeField = typeField;
  layers.linkPayload = payload;
  layers.network = 0;
  return statements;
}

export const encapsulations = { vlan, mpls, pppoes: pppoeSession, geneve, pppoed: pppoeDiscovery } as const;
