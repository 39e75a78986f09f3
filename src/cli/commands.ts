import type { Command } from 'commander';

/** A file of `commands/`. `define` adds one command with its arguments, options and action to `program`. It must be
 * cheap: what an action needs (a reader, the FFI) it imports itself when it runs, so that a command loads only what it
 * uses. */
export interface CommandModule {
  define(program: Command): void;
  /** Rewrites what commander cannot express, before it parses. `args` begin with the command's name. */
  prepare?(args: string[]): string[];
}

export interface CommandEntry {
  /** One line for the list of commands. */
  summary: string;
  load(): Promise<CommandModule>;
}

/** Every command by its name, in the order of the help. Only the one that is asked for is loaded. */
export const commands: Readonly<Record<string, CommandEntry>> = {
  // name: { summary: 'one line', load: () => import('./commands/name.ts') },
  capture: {
    summary: 'capture frames of an interface, print or save them',
    load: () => import('./commands/capture.ts'),
  },
  read: { summary: 'print, filter or convert savefiles (pcap, pcapng)', load: () => import('./commands/read.ts') },
  follow: {
    summary: 'show what the two sides of a stream sent (TCP, UDP, HTTP, TLS)',
    load: () => import('./commands/follow.ts'),
  },
  conversations: {
    summary: 'who spoke with whom: frames, bytes, duration',
    load: () => import('./commands/conversations.ts'),
  },
  endpoints: { summary: 'who sent and received how much', load: () => import('./commands/endpoints.ts') },
  protocols: {
    summary: 'the hierarchy of protocols with frames and bytes',
    load: () => import('./commands/protocols.ts'),
  },
  io: { summary: 'frames and bytes per interval, with a plot', load: () => import('./commands/io.ts') },
  expert: { summary: 'what is remarkable in a capture, by severity', load: () => import('./commands/expert.ts') },
  filter: {
    summary: 'compile a filter expression; print, explain, draw or try the program',
    load: () => import('./commands/filter.ts'),
  },
  check: {
    summary: 'check captures against what is expected of them',
    load: () => import('./commands/check.ts'),
  },
  diff: {
    summary: 'compare two captures frame by frame and field by field',
    load: () => import('./commands/diff.ts'),
  },
  rewrite: {
    summary: 'change, merge, split and anonymize savefiles',
    load: () => import('./commands/rewrite.ts'),
  },
  replay: {
    summary: 'play savefiles onto an interface, or one side of a conversation',
    load: () => import('./commands/replay.ts'),
  },
  send: {
    summary: 'craft packets from their text, send them, match what answers',
    load: () => import('./commands/send.ts'),
  },
  ping: { summary: 'ask hosts whether they are there', load: () => import('./commands/ping.ts') },
  traceroute: {
    summary: 'which routers lie on the way to a host (UDP, TCP, ICMP, Paris)',
    load: () => import('./commands/traceroute.ts'),
  },
  'arp-scan': {
    summary: 'who is on the link: ask for addresses by ARP',
    load: () => import('./commands/arp-scan.ts'),
  },
  'send-udp': {
    summary: 'send UDP datagrams, as frames of our own or through the kernel',
    load: () => import('./commands/send-udp.ts'),
  },
  trace: {
    summary: 'run a command on the emulated network and print the path of each packet through the kernel',
    load: () => import('./commands/trace.ts'),
  },
  drops: {
    summary: 'where packets are lost, from the device to the socket, and what to enlarge',
    load: () => import('./commands/drops.ts'),
  },
  interfaces: { summary: 'list network interfaces', load: () => import('./commands/interfaces.ts') },
  doctor: {
    summary: 'say what works on this machine, and what to do about what does not',
    load: () => import('./commands/doctor.ts'),
  },
};
