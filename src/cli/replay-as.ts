import { formatIp } from '../inject/address.ts';
import {
  type AnswerDifference,
  type Conversation,
  type ConversationResult,
  type Endpoint,
  playConversation,
} from '../inject/replay/index.ts';
import { SystemError } from '../syscall/error.ts';
import { EACCES, EPERM, EPROTONOSUPPORT, ESOCKTNOSUPPORT } from '../uapi/errno.ts';
import { type ChosenSystem, chooseSystem } from './backend.ts';
import { conversationOf } from './conversation-of.ts';
import { parsePort, resolveHost } from './endpoint.ts';
import { EXIT_FAILURE, Failure, printable, UsageError } from './exit.ts';
import { noPermission } from './permission.ts';
import type { ReplayCommandOptions } from './replay.ts';
import { handleSignals } from './signals.ts';
import { stdout } from './stdout.ts';

/** `netlab replay --as client|server`. */
export async function runConversation(files: string[], options: ReplayCommandOptions): Promise<void> {
  const as = options.as!;
  if (files.length !== 1) throw new UsageError('--as plays a conversation of one file');
  if (options.via !== undefined && options.via !== 'socket')
    throw new UsageError(`--as goes through a socket, and not --via ${options.via}`);
  for (const name of [
    'interface',
    'multiplier',
    'pps',
    'mbps',
    'topspeed',
    'limit',
    'duration',
    'intf2',
    'merge',
  ] as const)
    if (options[name] !== undefined)
      throw new UsageError(
        `--${name === 'intf2' ? 'dual' : name}: with --as the conversation goes at the pace of the peer`,
      );
  if (as === 'client' && options.listen !== undefined) throw new UsageError('--listen goes with --as server');
  if (as === 'server' && options.peer !== undefined)
    throw new UsageError('--peer goes with --as client: a server takes whoever comes (--listen says where)');
  const mayDiffer = ignored(options.ignore ?? []);
  const conversation = await conversationOf(files[0]!, options.stream);
  const chosen = await chooseSystem(options, { fallBack: false });
  const peer = options.peer === undefined ? undefined : await place(options.peer, conversation.server.port, chosen);
  const listen =
    options.listen === undefined ? undefined : await place(options.listen, conversation.server.port, chosen);
  const controller = new AbortController();
  const giveBack = handleSignals(
    () => controller.abort(),
    () => undefined,
  );
  let result: ConversationResult;
  try {
    result = await playConversation(chosen.system, conversation, {
      as,
      peer,
      listen,
      timeout: options.timeout * 1000,
      mayDiffer,
      signal: controller.signal,
      onListening: (where) => {
        if (!options.quiet) process.stderr.write(`netlab: listening on ${shown(where)} (${conversation.protocol})\n`);
      },
    });
  } catch (error) {
    throw explained(error, chosen, conversation);
  } finally {
    giveBack();
  }
  await stdout().write(
    options.format === 'json'
      ? `${JSON.stringify({ as, protocol: conversation.protocol, ...result })}\n`
      : textOf(result, conversation, as),
  );
  if (result.difference !== null) process.exitCode = EXIT_FAILURE;
}

function explained(error: unknown, chosen: ChosenSystem, conversation: Conversation): unknown {
  if (error instanceof RangeError) return new Failure(`replay: ${error.message}`);
  if (!(error instanceof SystemError)) return error;
  if (error.errno === EPERM || error.errno === EACCES) return noPermission('listening on that port', error.message);
  if (
    chosen.kind === 'emulated' &&
    conversation.protocol === 'tcp' &&
    (error.errno === EPROTONOSUPPORT || error.errno === ESOCKTNOSUPPORT)
  )
    return new Failure("netlab's own kernel has no TCP: conversations of UDP can be played on it");
  return new Failure(error.message);
}

const shown = ({ address, port }: Endpoint): string =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;

/** `192.0.2.1:80`, `[2001:db8::1]:80`, `example.org:80`, or without the port; `:80` is any address. */
async function place(text: string, defaultPort: number, chosen: ChosenSystem): Promise<Endpoint> {
  const match = /^(\[[^\]]*\]|[^:]*):(\d+)$/.exec(text);
  const host = match === null ? text : match[1]!;
  const port = match === null ? defaultPort : parsePort(match[2]!);
  if (host === '') return { address: '0.0.0.0', port };
  const { address, zone } = await resolveHost(host, null, chosen);
  if (zone !== null) throw new UsageError(`${text}: addresses with a zone cannot be used here`);
  return { address: formatIp(address), port };
}

/** `0-3,17` are offsets; `/…/` is a pattern whose places in the recorded data may differ. */
function ignored(rules: readonly string[]): ((data: Uint8Array, offset: number) => boolean) | undefined {
  if (rules.length === 0) return undefined;
  const ranges: [number, number][] = [];
  const patterns: RegExp[] = [];
  for (const rule of rules) {
    const pattern = /^\/(.*)\/$/s.exec(rule);
    if (pattern !== null) {
      try {
        patterns.push(new RegExp(pattern[1]!, 'gm'));
      } catch (error) {
        throw new UsageError(`--ignore ${rule}: ${(error as Error).message}`);
      }
      continue;
    }
    for (const part of rule.split(',')) {
      const match = /^(\d{1,15})(?:-(\d{1,15}))?$/.exec(part);
      const first = Number(match?.[1]);
      const last = Number(match?.[2] ?? match?.[1]);
      if (match === null || last < first)
        throw new UsageError(`--ignore ${rule}: offsets such as 0-3,17, or /PATTERN/, are expected`);
      ranges.push([first, last]);
    }
  }
  const found = new WeakMap<Uint8Array, Uint8Array>();
  return (data, offset) => {
    if (ranges.some(([first, last]) => offset >= first && offset <= last)) return true;
    if (patterns.length === 0) return false;
    let marks = found.get(data);
    if (marks === undefined) {
      marks = new Uint8Array(data.length);
      const text = Buffer.from(data.buffer, data.byteOffset, data.length).toString('latin1');
      for (const pattern of patterns)
        for (const { index, 0: match } of text.matchAll(pattern)) marks.fill(1, index, index + match.length);
      found.set(data, marks);
    }
    return marks[offset] === 1;
  };
}

function textOf(result: ConversationResult, conversation: Conversation, as: 'client' | 'server'): string {
  const other = as === 'client' ? 'server' : 'client';
  const { steps, bytes } = result.sent;
  const unit = conversation.protocol === 'udp' ? 'datagram' : 'turn';
  const said = `${as}: ${bytes.toLocaleString('en-US')} bytes sent in ${steps} ${unit}${steps === 1 ? '' : 's'}; `;
  const { difference } = result;
  if (difference === null)
    return `${said}${result.aborted ? 'stopped; ' : ''}the ${other}'s ${result.matched.toLocaleString('en-US')} bytes are as recorded\n`;
  return `${said}the ${other} ${printable(described(difference))}\n`;
}

const byte = (value: number): string =>
  `0x${value.toString(16).padStart(2, '0')}${value > 0x20 && value < 0x7f ? ` '${String.fromCharCode(value)}'` : ''}`;

function described({ kind, offset, datagram, expected, found, recorded, error }: AnswerDifference): string {
  const where = datagram === null ? `offset ${offset}` : `datagram ${datagram}, offset ${offset}`;
  const whole = datagram === null ? `${recorded} bytes` : `${recorded} bytes of datagram ${datagram}`;
  switch (kind) {
    case 'byte':
      return `differs at ${where}: ${byte(expected!)} was recorded, ${byte(found!)} came`;
    case 'more':
      return `said more than was recorded: ${whole}, then ${byte(found!)} came`;
    case 'ended':
      return `ended early: ${offset} of ${whole} came`;
    case 'timeout':
      return `did not answer in time: ${offset} of ${whole} came`;
    default:
      return `cannot be reached any more (${error}): ${offset} of ${whole} came`;
  }
}
