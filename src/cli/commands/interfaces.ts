import type { Command } from 'commander';
import { addBackendOptions, type BackendOptions } from '../backend.ts';
import type { InterfaceInfo } from '../interfaces.ts';

export function define(program: Command): void {
  const command = program
    .command('interfaces')
    .description('Lists network interfaces: state, addresses, link type, counters of the driver.')
    .argument('[name]', 'only this one')
    .option('--json', 'print them as JSON');
  addBackendOptions(command).action(listInterfaces);
}

export async function listInterfaces(
  name: string | undefined,
  options: BackendOptions & { json?: true },
): Promise<void> {
  const { chooseSystem } = await import('../backend.ts');
  const { findInterface, interfaceInfos } = await import('../interfaces.ts');
  const { links } = await import('../../socket/route.ts');
  const { system } = await chooseSystem(options);
  let infos = await interfaceInfos(system);
  if (name !== undefined) {
    const { ifindex } = findInterface(await links(system), name);
    infos = infos.filter(({ index }) => index === ifindex);
  }
  process.stdout.write(options.json ? `${JSON.stringify(infos, null, 2)}\n` : infos.map(text).join(''));
}

function text(info: InterfaceInfo): string {
  const state = [info.state, info.up ? '' : 'not set up', info.loopback ? 'loopback' : '', info.kind]
    .filter(Boolean)
    .join(', ');
  const lines = [
    `${info.index}: ${info.name}  ${state}  mtu ${info.mtu}  ${info.linkTypeName}${info.mac ? `  ${info.mac}` : ''}`,
  ];
  if (info.addresses.length > 0) lines.push(`   ${info.addresses.join('  ')}`);
  const { counters } = info;
  lines.push(
    `   rx ${counters.rx_packets} packets ${counters.rx_bytes} bytes, ${counters.rx_dropped} dropped, ${counters.rx_missed_errors} missed, ${counters.rx_fifo_errors} fifo, ${counters.rx_errors} errors`,
    `   tx ${counters.tx_packets} packets ${counters.tx_bytes} bytes, ${counters.tx_dropped} dropped, ${counters.tx_errors} errors`,
  );
  return `${lines.join('\n')}\n`;
}
