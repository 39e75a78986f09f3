/** The installed tshark as the judge of fields that depend on earlier packets. */
import { spawnSync } from 'node:child_process';
import { allFields, Fields, findFields } from '../../../src/dissect/fields.ts';
import { walkFrame } from '../../../src/dissect/frame.ts';
import { Sessions } from '../../../src/dissect/session/sessions.ts';
import type { Frame } from '../oracle.ts';

/** Fields of sessions, without those of fragments. */
export const OURS: readonly string[] = [
  'tcp.stream',
  'tcp.completeness',
  'tcp.seq',
  'tcp.nxtseq',
  'tcp.ack',
  'tcp.len',
  'tcp.window_size',
  'tcp.window_size_scalefactor',
  'tcp.time_relative',
  'tcp.time_delta',
  'tcp.analysis.acks_frame',
  'tcp.analysis.ack_rtt',
  'tcp.analysis.initial_rtt',
  'tcp.analysis.bytes_in_flight',
  'tcp.analysis.push_bytes_sent',
  'tcp.analysis.retransmission',
  'tcp.analysis.fast_retransmission',
  'tcp.analysis.spurious_retransmission',
  'tcp.analysis.rto',
  'tcp.analysis.rto_frame',
  'tcp.analysis.out_of_order',
  'tcp.analysis.reused_ports',
  'tcp.analysis.lost_segment',
  'tcp.analysis.ack_lost_segment',
  'tcp.analysis.window_update',
  'tcp.analysis.window_full',
  'tcp.analysis.keep_alive',
  'tcp.analysis.keep_alive_ack',
  'tcp.analysis.duplicate_ack_num',
  'tcp.analysis.duplicate_ack_frame',
  'tcp.analysis.zero_window_probe',
  'tcp.analysis.zero_window',
  'tcp.analysis.zero_window_probe_ack',
  'udp.stream',
  'udp.time_relative',
  'udp.time_delta',
];

export const FRAGMENTS: readonly string[] = [
  'ip.fragment',
  'ip.fragment.count',
  'ip.fragment.overlap.conflict',
  'ip.reassembled.length',
  'ip.reassembled.data',
  'ipv6.fragment',
  'ipv6.fragment.count',
  'ipv6.reassembled.length',
  'udp.srcport',
  'icmp.type',
];

/** Values of the fields in each frame, as tshark writes them with `-T fields`. */
export function sessionFields(frames: readonly Frame[], linkType: number, names: readonly string[]): string[][] {
  const f = new Fields();
  f.sessions = new Sessions(null);
  const ids = names.map((name) => findFields(name)[0]!.id);
  return frames.map((frame, index) => {
    walkFrame(f, frame.bytes, 0, frame.bytes.length, linkType, {
      number: index + 1,
      seconds: frame.seconds ?? 1_700_000_000 + index,
      nanoseconds: frame.nanoseconds ?? 123_456_789,
      originalLength: frame.originalLength ?? frame.bytes.length,
      interfaceId: 0,
      interfaceName: '',
      flags: 0,
    });
    const values: string[][] = names.map(() => []);
    for (let row = 0; row < f.count; row++) {
      const column = ids.indexOf(f.id[row]!);
      if (column >= 0) values[column]!.push(textOf(f, row));
    }
    return values.map((list) => list.join(','));
  });
}

function textOf(f: Fields, row: number): string {
  const info = allFields[f.id[row]!]!;
  switch (info.type) {
    case 'none':
      return '1';
    case 'time': {
      const nanoseconds = f.number[row]! * 1e9 + f.nanoseconds[row]!;
      const size = Math.abs(nanoseconds);
      return `${nanoseconds < 0 ? '-' : ''}${Math.floor(size / 1e9)}.${String(size % 1e9).padStart(9, '0')}`;
    }
    case 'bytes':
      return Buffer.from(f.bytes.subarray(f.at[row]!, f.at[row]! + f.length[row]!)).toString('hex');
    default:
      return String(f.number[row]!);
  }
}

/** What tshark has: labels, which have no value, as '1'. */
export function tsharkFields(file: string, names: readonly string[]): string[][] {
  const done = spawnSync(
    'tshark',
    [
      '-n',
      '-r',
      file,
      '-o',
      'tcp.desegment_tcp_streams:FALSE',
      '-T',
      'fields',
      '-E',
      'occurrence=a',
      ...names.flatMap((name) => ['-e', name]),
    ],
    { encoding: 'utf8', maxBuffer: 1 << 28 },
  );
  return done.stdout
    .split('\n')
    .slice(0, -1)
    .map((line) => {
      const cells = line.split('\t');
      return names.map((_, column) => cells[column] ?? '');
    });
}

export const hasTshark: boolean = /4\.0\./.test(spawnSync('tshark', ['--version'], { encoding: 'utf8' }).stdout ?? '');
