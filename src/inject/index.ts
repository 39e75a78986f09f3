/** Frames out. */
export { type FixOptions, fixChecksums } from './fix.ts';
export { fragment, MtuError } from './fragment.ts';
export { Pacer, waitUntil } from './pace.ts';
export { RawSocketUnavailable } from './raw-socket.ts';
export { type Path, type PathRequest, resolvePath } from './resolve.ts';
export { type Sendable, type SendOptions, type SendSummary, send } from './send.ts';
export { openUdp, type SentUdp, type UdpSender, type UdpTarget, type Via } from './udp.ts';
export { type UdpDatagram, udpPacket } from './udp-packet.ts';
