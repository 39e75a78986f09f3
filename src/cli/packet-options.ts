import type { BackendOptions } from './backend.ts';

/** Options of the commands that send crafted packets. */

export interface SendPacketOptions extends BackendOptions {
  interface?: string;
  answer?: true;
  timeout: number;
  count?: number;
  interval: number;
  flood?: true;
  duration?: number;
  fuzz?: true;
  randSeed?: number;
  write?: string;
  show?: true;
  quiet?: true;
  color: 'auto' | 'always' | 'never';
  format: 'text' | 'json';
}

export interface PingOptions extends BackendOptions {
  ipv4?: true;
  ipv6?: true;
  interface?: string;
  count?: number;
  interval: number;
  timeout: number;
  deadline?: number;
  size: number;
  ttl?: number;
  tos?: number;
  from?: string;
  quiet?: true;
  numeric?: true;
  format: 'text' | 'json';
}

export interface TracerouteOptions extends BackendOptions {
  ipv4?: true;
  ipv6?: true;
  interface?: string;
  method: 'udp' | 'tcp' | 'icmp';
  paris?: true;
  firstTtl: number;
  maxTtl: number;
  queries: number;
  timeout: number;
  port?: number;
  from?: string;
  size: number;
  format: 'text' | 'json';
}

export interface ArpScanOptions extends BackendOptions {
  interface?: string;
  retry: number;
  timeout: number;
  interval: number;
  from?: string;
  quiet?: true;
  format: 'text' | 'json';
}
