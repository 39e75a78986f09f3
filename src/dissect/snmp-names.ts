/** SNMP's application types (RFC 2578 7.1), PDUs, errors and traps (RFC 3416 3, RFC 1157 4). */
export const IP_ADDRESS = 0x40;
export const COUNTER32 = 0x41;
export const GAUGE32 = 0x42;
export const TIME_TICKS = 0x43;
export const OPAQUE = 0x44;
export const COUNTER64 = 0x46;

export const PDU_GET = 0;
export const PDU_NEXT = 1;
export const PDU_RESPONSE = 2;
export const PDU_TRAP = 4;
export const PDU_BULK = 5;
/** Those that are answered: get, get next, set, get bulk, inform. */
export const PDU_REQUESTS: ReadonlySet<number> = new Set([PDU_GET, PDU_NEXT, 3, PDU_BULK, 6]);

/** By the tag of the PDU, as tcpdump calls them. */
export const PDUS = [
  'GetRequest',
  'GetNextRequest',
  'GetResponse',
  'SetRequest',
  'Trap',
  'GetBulk',
  'Inform',
  'V2Trap',
  'Report',
];

export const EXCEPTIONS = ['noSuchObject', 'noSuchInstance', 'endOfMibView'];

export const ERRORS = [
  'noError',
  'tooBig',
  'noSuchName',
  'badValue',
  'readOnly',
  'genErr',
  'noAccess',
  'wrongType',
  'wrongLength',
  'wrongEncoding',
  'wrongValue',
  'noCreation',
  'inconsistentValue',
  'resourceUnavailable',
  'commitFailed',
  'undoFailed',
  'authorizationError',
  'notWritable',
  'inconsistentName',
];

export const TRAPS = [
  'coldStart',
  'warmStart',
  'linkDown',
  'linkUp',
  'authenticationFailure',
  'egpNeighborLoss',
  'enterpriseSpecific',
];
export const TRAP_ENTERPRISE = 6;
