import * as wire from '../wire/ospf.ts';
import { defineFields } from './fields.ts';

/** Fields that both versions of OSPF have, and those of version 2's packets. */

const LIST = { list: true } as const;
const HEX = { base: 'hex' } as const;
export const F = defineFields('ospf', {
  version: ['Version', 'uint8'],
  msg: ['Message Type', 'uint8'],
  packet_length: ['Packet Length', 'uint16'],
  srcrouter: ['Source OSPF Router', 'ipv4'],
  area_id: ['Area ID', 'ipv4'],
  checksum: ['Checksum', 'uint16', HEX],
  'auth.type': ['Auth Type', 'uint16'],
  'auth.none': ['Auth Data (none)', 'bytes'],
  'auth.simple': ['Auth Data (Simple)', 'string'],
  'auth.crypt.key_id': ['Auth Crypt Key id', 'uint8'],
  'auth.crypt.data_length': ['Auth Crypt Data Length', 'uint8'],
  'auth.crypt.data': ['Auth Crypt Data', 'bytes'],
  'auth.unknown': ['Auth Unknown', 'bytes'],
  instance_id: ['Instance ID', 'uint8'],
  reserved: ['Reserved', 'bytes', LIST],
  'hello.interface_id': ['Interface ID', 'uint32'],
  prefix_length: ['PrefixLength', 'uint8', LIST],
  'auth.crypt.seq_nbr': ['Auth Crypt Sequence Number', 'uint32'],
  'hello.network_mask': ['Network Mask', 'ipv4'],
  'hello.hello_interval': ['Hello Interval [sec]', 'uint32'],
  'hello.router_priority': ['Router Priority', 'uint8'],
  'hello.router_dead_interval': ['Router Dead Interval [sec]', 'uint32'],
  'hello.designated_router': ['Designated Router', 'ipv4'],
  'hello.backup_designated_router': ['Backup Designated Router', 'ipv4'],
  'hello.active_neighbor': ['Active Neighbor', 'ipv4', LIST],
  'db.interface_mtu': ['Interface MTU', 'uint16'],
  'db.dd_sequence': ['DD Sequence', 'uint32'],
  'ls.number_of_lsas': ['Number of LSAs', 'uint32'],
  metric: ['Metric', 'uint32', LIST],
  link_state_id: ['Link State ID', 'ipv4', LIST],
  dbd: ['DB Description', 'uint8', HEX],
  'dbd.r': ['(R) OOBResync', 'bool'],
  'dbd.i': ['(I) Init', 'bool'],
  'dbd.m': ['(M) More', 'bool'],
  'dbd.ms': ['(MS) Master', 'bool'],
  'msg.hello': ['Hello', 'bool'],
  'msg.dbdesc': ['Database Description', 'bool'],
  'msg.lsreq': ['Link State Adv Request', 'bool'],
  'msg.lsupdate': ['Link State Adv Update', 'bool'],
  'msg.lsack': ['Link State Adv Acknowledgement', 'bool'],
  'lsa.donotage': ['Do Not Age Flag', 'uint16', LIST],
  'lsa.age': ['LS Age (seconds)', 'uint16', LIST],
  lsa: ['LS Type', 'uint32', LIST],
  advrouter: ['Advertising Router', 'ipv4', LIST],
  'lsa.seqnum': ['Sequence Number', 'uint32', { list: true, base: 'hex' }],
  'lsa.chksum': ['Checksum', 'uint16', { list: true, base: 'hex' }],
  'lsa.length': ['Length', 'uint16', LIST],
});

/** By type of packet: the field that says that it is one. */
export const MESSAGES: Readonly<Record<number, number>> = {
  [wire.TYPE_HELLO]: F['msg.hello'],
  [wire.TYPE_DESCRIPTION]: F['msg.dbdesc'],
  [wire.TYPE_REQUEST]: F['msg.lsreq'],
  [wire.TYPE_UPDATE]: F['msg.lsupdate'],
  [wire.TYPE_ACKNOWLEDGE]: F['msg.lsack'],
};
