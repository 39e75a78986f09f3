import { startMember } from '../api/fanout.ts';
import type { Expression } from '../capture/expression.ts';
import { LIBPCAP_LIMITS, LibpcapError, openLibpcap } from '../capture/libpcap.ts';
import { type LiveOptions, SingleRing } from '../capture/live.ts';
import type { LiveSource } from '../capture/session.ts';
import { formatOfName } from '../savefile/index.ts';
import { deviceLinkType, LINKTYPE_LINUX_SLL2 } from '../socket/linktype.ts';
import { DEFAULT_BUFFER_SIZE } from '../socket/ring.ts';
import { addresses, type Link } from '../socket/route.ts';
import { TIMESTAMP_TYPES } from '../socket/timestamp.ts';
import type { SystemCalls } from '../syscall/contract.ts';
import { SystemError } from '../syscall/error.ts';
import { IFF_UP } from '../uapi/if.ts';
import type { ChosenSystem } from './backend.ts';
import type { CaptureOptions } from './capture-options.ts';
import { Failure, UsageError } from './exit.ts';
import { DEFAULT_SNAPLEN } from './options.ts';
import { noPermission } from './permission.ts';

/** Opens what `netlab capture` captures from. Throws UsageError for a filter that is wrong, and Failure where the kernel
 * refuses: 77 without the privilege, with the commands that would work. */
export async function openSource(
  chosen: ChosenSystem,
  devices: readonly Link[],
  interfaces: string[],
  expression: string,
  options: CaptureOptions,
): Promise<LiveSource> {
  const { system } = chosen;
  if (options.fanout !== undefined && chosen.kind === 'emulated')
    throw new UsageError(
      '--fanout shares the frames of this machine among threads: the emulated network has one thread',
    );
  const linkTypes = interfaces.map((name) =>
    name === 'any'
      ? LINKTYPE_LINUX_SLL2
      : deviceLinkType(devices.find((device) => device.name === name)!.arphrd).linkType,
  );
  const { write } = options;
  if (write !== undefined && new Set(linkTypes).size > 1 && formatOfName(write).format === 'pcap')
    throw new UsageError(
      `a pcap file has frames of one link type, and ${interfaces.join(', ')} have several: write pcapng (-w FILE.pcapng)`,
    );
  // A wrong expression is told before the kernel is asked for anything.
  let filter: Expression | undefined;
  if (expression !== '') {
    const { prepareFilter, shown } = await import('./filter.ts');
    const netmask = await netmaskOf(system, devices, interfaces);
    filter = await prepareFilter(expression, { optimize: options.optimize, mode: options.filterMode, netmask });
    try {
      for (const linkType of new Set(linkTypes)) filter.program(linkType, 'kernel');
    } catch (error) {
      throw shown(error);
    }
  }
  try {
    if (options.backend === 'libpcap') return await libpcapSource(interfaces, expression, options);
    return await afPacketSource(system, devices, interfaces, {
      ...liveOptions(interfaces, options),
      ...(chosen.note === null ? {} : { description: chosen.note, os: chosen.os }),
      clock: chosen.clock,
      filter,
    });
  } catch (error) {
    if (error instanceof SystemError || error instanceof LibpcapError) throw explained(error, interfaces);
    throw error;
  }
}

/** The mask of the first interface's first IPv4 address, for `ip broadcast`; undefined where there is none. */
async function netmaskOf(
  system: SystemCalls,
  devices: readonly Link[],
  interfaces: string[],
): Promise<number | undefined> {
  const device = devices.find(({ name }) => name === interfaces[0]);
  if (device === undefined || interfaces.length > 1) return undefined;
  const own = (await addresses(system)).find(({ ifindex, family }) => ifindex === device.ifindex && family === 'ipv4');
  if (own === undefined) return undefined;
  return own.prefixLength === 0 ? 0 : (-1 << (32 - own.prefixLength)) >>> 0;
}

function liveOptions(interfaces: string[], options: CaptureOptions): LiveOptions {
  const { timestampType } = options;
  if (timestampType !== undefined && !(TIMESTAMP_TYPES as readonly string[]).includes(timestampType))
    throw new UsageError(`-j ${timestampType}: the timestamp types are ${TIMESTAMP_TYPES.join(', ')}`);
  return {
    interfaces,
    promiscuous: options.promiscuousMode,
    direction: options.direction,
    snaplen: options.snaplen || DEFAULT_SNAPLEN,
    bufferSize: options.bufferSize === undefined ? undefined : options.bufferSize * 1024,
    blockTimeout: options.blockTimeout,
    // Without a file somebody watches: a frame is shown soon, not when its block is full.
    immediate: options.immediate || options.immediateMode ? true : undefined,
    timestampType: timestampType as LiveOptions['timestampType'],
    fanout: options.fanout === undefined ? undefined : { ...options.fanout, start: startMember },
  };
}

async function afPacketSource(
  system: SystemCalls,
  devices: readonly Link[],
  interfaces: string[],
  options: LiveOptions,
): Promise<LiveSource> {
  for (const name of interfaces) {
    const device = devices.find((one) => one.name === name);
    if (device !== undefined && (device.flags & IFF_UP) === 0)
      throw new Failure(`${name} is not up: ip link set ${name} up`);
  }
  if (interfaces.length === 1 && options.fanout === undefined) return new SingleRing(system, options);
  const { openMerged } = await import('../capture/merged.ts');
  return openMerged(system, options);
}

function libpcapSource(interfaces: string[], expression: string, options: CaptureOptions): Promise<LiveSource> {
  const cannot = (option: string): never => {
    throw new UsageError(`--backend libpcap cannot do ${option}: leave one of them out`);
  };
  if (!options.promiscuousMode) cannot('-p (it is always promiscuous)');
  if (options.direction !== 'inout') cannot('-Q');
  if (options.fanout !== undefined) cannot('--fanout');
  if (options.timestampType !== undefined) cannot('-j');
  process.stderr.write(`netlab: ${LIBPCAP_LIMITS}\n`);
  return openLibpcap({
    interfaces,
    filter: expression,
    snaplen: options.snaplen || DEFAULT_SNAPLEN,
    bufferSize: options.bufferSize === undefined ? DEFAULT_BUFFER_SIZE : options.bufferSize * 1024,
  });
}

/** What a person should read when the kernel refused. */
function explained(error: SystemError | LibpcapError, interfaces: string[]): Failure {
  const on = interfaces.join(', ');
  if (error.code === 'EPERM' || error.code === 'EACCES') {
    // A private network has no other interface than its loopback.
    const lonely = on === 'lo' || on === 'any' ? undefined : ['capture', 'lo'];
    return noPermission(`capturing on ${on}`, error.message, lonely);
  }
  if (error.code === 'ENETDOWN') return new Failure(`${on} is not up: ip link set ${on} up`);
  if (error.code === 'ENOMEM')
    return new Failure(
      `the kernel has no memory for a ring of this size: choose a smaller one with -B (${error.message})`,
    );
  return new Failure(`cannot capture on ${on}: ${error.message}`);
}
