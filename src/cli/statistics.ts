import type { CaptureStatistics } from '../capture/statistics.ts';

const packets = (count: number, what: string): string => `${count} packet${count === 1 ? '' : 's'} ${what}`;
const known = (count: number | null, what: string): string =>
  count === null ? `unknown packets ${what}: the backend cannot tell` : packets(count, what);
const froze = (count: number): string => `the ring froze ${count} time${count === 1 ? '' : 's'}`;

/** The counts of a capture as lines of text: tcpdump's three first, then what it does not tell. */
export function statisticsText(statistics: CaptureStatistics): string {
  const { captured, received, dropped, freezes, left, unwritten, rings, interfaces } = statistics;
  const lines = [
    packets(captured, 'captured'),
    known(received, 'received by filter'),
    known(dropped, 'dropped by kernel') + (freezes === null ? '' : ` (${froze(freezes)})`),
  ];
  if (left > 0) lines.push(`${packets(left, 'left in the ring')}, received but not captured`);
  if (unwritten > 0) lines.push(`${packets(unwritten, 'not written')}: the output ended before`);
  if (rings.length > 1) {
    for (const ring of rings) {
      const name = ring.member === null ? ring.interface : `${ring.interface} member ${ring.member}`;
      const counts =
        ring.received === null
          ? `${ring.delivered} delivered`
          : `${ring.received} received, ${ring.dropped} dropped, ${froze(ring.freezes ?? 0)}`;
      lines.push(`${name}: ${counts}`);
    }
  }
  for (const { name, counters } of interfaces)
    lines.push(
      `${name}: interface counted rx_dropped ${counters.rxDropped}, rx_missed ${counters.rxMissed}, rx_fifo ${counters.rxFifo}`,
    );
  return `${lines.join('\n')}\n`;
}

/** Where frames were lost and what to try, one line each; '' where nothing was lost. `ringKib` is the size of a ring. */
export function lossText(statistics: CaptureStatistics, ringKib: number, printing: boolean): string {
  const lines: string[] = [];
  if ((statistics.dropped ?? 0) > 0) {
    const tries = [
      `a larger ring (-B ${ringKib * 4})`,
      'a filter',
      'a shorter snapshot (-s 128)',
      printing ? '-w FILE instead of printing' : '',
      'several threads (--fanout 2 hash)',
    ].filter(Boolean);
    lines.push(
      `Lost in the ring: it was full ${statistics.freezes ?? 0} time${statistics.freezes === 1 ? '' : 's'}, since frames came faster than they were taken. Try ${tries.join(', ')}.`,
    );
  }
  for (const { name, counters } of statistics.interfaces) {
    if (counters.rxMissed > 0 || counters.rxFifo > 0)
      lines.push(
        `Lost in the device ${name}, before the kernel saw them: try a larger receive ring of the driver (ethtool -g ${name} shows its limit, ethtool -G ${name} rx N sets it).`,
      );
    if (counters.rxDropped > 0)
      lines.push(
        `Dropped by the driver or stack of ${name} (rx_dropped): try a larger backlog (sysctl -w net.core.netdev_max_backlog=10000); frames of protocols that nobody here takes count there as well.`,
      );
  }
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}
