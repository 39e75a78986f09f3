import type { BackendOptions } from './backend.ts';

/** The options of send-udp as commander gives them. */
export interface SendUdpOptions extends BackendOptions {
  ipv4?: true;
  ipv6?: true;
  interface?: string;
  via: 'auto' | 'packet' | 'raw' | 'dgram';
  hex?: string;
  file?: string;
  from?: string;
  ttl?: number;
  tos?: number;
  badChecksum?: true;
  count: number;
  interval: number;
  /** Seconds after the last datagram during which what comes back is shown. */
  replies?: number;
  quiet?: true;
  write?: string;
  linkLevel: boolean;
  dumpHex?: number;
  dumpAscii?: number;
  ascii?: number;
  nano?: true;
  color: 'auto' | 'always' | 'never';
  format: 'text' | 'json';
}
