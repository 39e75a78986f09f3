/** Captures kept under fixtures/protocols/, and the installed tshark as the judge of our fields. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decode } from '../../src/dissect/decode.ts';
import { allFields, type FieldInfo } from '../../src/dissect/fields.ts';
import { type Frame, readSavefile, savefile } from './oracle.ts';

const FOLDER = join(import.meta.dirname, '../../fixtures/protocols');

export const fixture = (name: string): { frames: Frame[]; linkType: number } =>
  readSavefile(readFileSync(join(FOLDER, `${name}.pcap`)));

/** Each frame cut at every length from `from` on: what a snapshot length could leave of it. */
export function cuts(frames: readonly Frame[], from: number, step = 1): Frame[] {
  const made: Frame[] = [];
  for (const frame of frames)
    for (let length = from; length < frame.bytes.length; length += step)
      made.push({ ...frame, bytes: frame.bytes.slice(0, length), originalLength: frame.bytes.length });
  return made;
}

export const hasTshark: boolean = /^TShark \(Wireshark\) 4\.0\.17/m.test(
  spawnSync('tshark', ['--version'], { encoding: 'utf8' }).stdout ?? '',
);

/** How tshark writes these in columns. */
const ESCAPES: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

const isNumber = (info: FieldInfo): boolean => /^(u?int|bool|float)/.test(info.type);

/** One form for both: numbers without base, bytes without colons. */
function normal(info: FieldInfo, text: string): string {
  if (isNumber(info)) {
    if (text === 'True') return '1';
    if (text === 'False') return '0';
    return /^-?(0x[0-9a-f]+|\d+)$/i.test(text) ? String(BigInt(text)) : String(Number(text));
  }
  return info.type === 'bytes' ? text.replaceAll(':', '').toLowerCase() : text;
}

/** What we give for the fields, by name: the values of one frame in order. */
export function ourFields(frame: Frame, linkType: number, names: ReadonlySet<string>): Map<string, string[]> {
  const values = new Map<string, string[]>();
  for (const layer of decode(frame.bytes, linkType).layers)
    for (const { name, info, value } of layer.fields) {
      if (!names.has(name)) continue;
      let text: string;
      if (value === null) text = '';
      else if (value instanceof Uint8Array) text = Buffer.from(value).toString('hex');
      else if (typeof value === 'boolean') text = value ? '1' : '0';
      else if (typeof value === 'object') text = `${value.seconds}.${String(value.nanoseconds).padStart(9, '0')}`;
      else text = String(value).replace(/[\n\r\t]/g, (character) => ESCAPES[character]!);
      if (!values.has(name)) values.set(name, []);
      values.get(name)!.push(normal(info, text));
    }
  return values;
}

/** Fields that are made of earlier frames, which a frame decoded by itself does not have. */
const OF_EARLIER_FRAMES = new RegExp(
  [
    '^dns\\.(response_to|time|retransm\\w+|unsolicited)$',
    '^icmp(v6)?\\.resp(_to|time)$',
    '^http\\.(re(quest|sponse)_(number|in)|time|prev_re\\w+|response_for\\.uri)$',
    '^snmp\\.(response_to|time)$',
    '^radius\\.(reqframe|time|dup|re[qs]\\.dup|rsp\\.dup)$',
  ].join('|'),
);

const SEPARATOR = '\x1f';

/** What tshark gives for the same. */
export function theirFields(
  frames: readonly Frame[],
  linkType: number,
  infos: readonly FieldInfo[],
  options: readonly string[] = [],
): Map<string, string[]>[] {
  const folder = mkdtempSync(join(tmpdir(), 'netlab-fields-'));
  try {
    const file = join(folder, 'frames.pcap');
    writeFileSync(file, savefile(frames, linkType, true));
    const columns = infos.flatMap((info) => ['-e', info.name]);
    const done = spawnSync(
      'tshark',
      ['-n', '-r', file, ...options, '-T', 'fields', '-E', 'separator=/t', '-E', `aggregator=${SEPARATOR}`, ...columns],
      { maxBuffer: 1 << 28, encoding: 'utf8' },
    );
    if (done.status !== 0) throw new Error(`tshark: ${done.error ?? done.stderr}`);
    return done.stdout
      .split('\n')
      .slice(0, frames.length)
      .map((line) => {
        const values = new Map<string, string[]>();
        for (const [index, cell] of line.split('\t').entries()) {
          const info = infos[index]!;
          if (cell !== '')
            values.set(
              info.name,
              cell.split(SEPARATOR).map((text) => normal(info, text)),
            );
        }
        return values;
      });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Our fields whose names begin with one of `prefixes` (`gre.`) against tshark's; each difference a line. */
export function compareFields(
  frames: readonly Frame[],
  linkType: number,
  prefixes: readonly string[],
  without: readonly string[] = [],
  options: readonly string[] = [],
): string[] {
  const infos = allFields.filter(
    (info) =>
      prefixes.some((prefix) => info.name.startsWith(prefix)) &&
      !without.includes(info.name) &&
      !OF_EARLIER_FRAMES.test(info.name) &&
      info.type !== 'none' &&
      // Made only for who names them, which a whole decode does not.
      !info.named,
  );
  if (infos.length === 0) throw new RangeError(`no fields begin with ${prefixes.join(', ')}`);
  const names = new Set(infos.map((info) => info.name));
  const theirs = theirFields(frames, linkType, infos, options);
  const differences: string[] = [];
  for (const [index, frame] of frames.entries()) {
    const ours = ourFields(frame, linkType, names);
    for (const name of names) {
      const mine = (ours.get(name) ?? []).join(' | ');
      const other = (theirs[index]?.get(name) ?? []).join(' | ');
      if (mine !== other) differences.push(`#${index + 1} ${name}: ours ${mine || '-'}, theirs ${other || '-'}`);
    }
  }
  return differences;
}
