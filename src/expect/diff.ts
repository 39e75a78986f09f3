import { createHash } from 'node:crypto';
import { allFields, type Fields } from '../dissect/fields.ts';
import { PacketWalker } from '../dissect/packets.ts';
import '../dissect/protocols.ts';
import type { FrameInterface } from '../frames/source.ts';
import { blockOf } from '../savefile/index.ts';
import { type Anchors, align, pairUp } from './align.ts';
import type { Recorded } from './capture-of.ts';
import { lineOf } from './check.ts';
import { rowText } from './field-text.ts';
import type { Ignored } from './ignore.ts';

/** One field of a pair of frames that are not the same; null: the frame has no such field. */
export interface FieldDifference {
  /** Wireshark's name, or `bytes 54-60` where no field has them. */
  field: string;
  a: string | null;
  b: string | null;
}

export type Difference =
  /** The same frame but for these fields. */
  | { kind: 'changed'; a: number; b: number; line: string; lineB: string; fields: FieldDifference[] }
  | { kind: 'removed'; a: number; line: string }
  | { kind: 'added'; b: number; line: string }
  /** There in both, elsewhere in the order. */
  | { kind: 'moved'; a: number; b: number; line: string }
  /** There in both, at another time from the first frame on; nanoseconds. */
  | { kind: 'time'; a: number; b: number; line: string; timeA: number; timeB: number };

export interface CaptureDifference {
  a: { name: string; frames: number };
  b: { name: string; frames: number };
  /** Frames that are the same in both. */
  same: number;
  /** In the order of the captures. */
  differences: Difference[];
}

export interface DiffOptions {
  ignored: Ignored;
  /** Times are compared too: from the first frame on they may differ by so many nanoseconds. Default: they are not. */
  tolerance?: number;
}

interface Frame {
  bytes: Uint8Array;
  originalLength: number;
  seconds: number;
  nanoseconds: number;
  from: FrameInterface | undefined;
  /** What must be equal, as a digest. */
  signature: string;
  /** The protocols, from the outermost on, and the addresses and ports: what makes two frames alike. */
  layers: string;
  ends: string;
}

/** From here on ports are given to programs by the kernel (net.ipv4.ip_local_port_range). */
const FIRST_EPHEMERAL = 32_768;
/** Made from other packets, so that one packet more changes them in all that follow; or a matter of the file. */
const GENERATED =
  /^(frame\.|tcp\.(stream|analysis|time|completeness|reassembled|segment|window_size$|window_size_scalefactor)|udp\.(stream|time)|.*\.(response_in|request_in|response_to|resp_in|resptime|time|next_request_in|prev_request_in|prev_response_in)$|tcp\.pdu|data\.len)/;
/** Relative to the connection's first numbers: the same in both captures even where the raw numbers are not. */
const RELATIVE = new Set(['tcp.seq', 'tcp.ack', 'tcp.nxtseq']);
const PORTS = new Set(['tcp.srcport', 'tcp.dstport', 'udp.srcport', 'udp.dstport', 'sctp.srcport', 'sctp.dstport']);
const ENDS = new Set(['ip.src', 'ip.dst', 'ipv6.src', 'ipv6.dst', ...PORTS]);

/** Compares two captures frame by frame. Frames that were put in, taken out or moved are told as that, and do not make
 * what follows differ. Both captures are held in memory. */
export async function diffCaptures(a: Recorded, b: Recorded, options: DiffOptions): Promise<CaptureDifference> {
  const framesA = await load(a, options.ignored);
  const framesB = await load(b, options.ignored);
  const anchors = align(
    framesA.map(({ signature }) => signature),
    framesB.map(({ signature }) => signature),
  );
  const differences: Difference[] = [];
  const strays: { removed: number[]; added: number[] } = { removed: [], added: [] };
  let [rowA, rowB] = [0, 0];
  for (const [nextA, nextB] of [...anchors, [framesA.length, framesB.length] as const]) {
    unequal(framesA, framesB, rowA, nextA, rowB, nextB, options.ignored, differences, strays);
    [rowA, rowB] = [nextA + 1, nextB + 1];
  }
  moved(framesA, framesB, strays, differences);
  for (const row of strays.removed) differences.push({ kind: 'removed', a: row + 1, line: line(framesA[row]!) });
  for (const row of strays.added) differences.push({ kind: 'added', b: row + 1, line: line(framesB[row]!) });
  if (options.tolerance !== undefined) times(framesA, framesB, anchors, options.tolerance, differences);
  return {
    a: { name: a.name, frames: framesA.length },
    b: { name: b.name, frames: framesB.length },
    same: anchors.length,
    differences: inOrder(differences, anchors),
  };
}

const line = ({ bytes, from, originalLength }: Frame): string => lineOf(bytes, from, originalLength);

async function load(capture: Recorded, ignored: Ignored): Promise<Frame[]> {
  const frames: Frame[] = [];
  const walker = new PacketWalker({ checksums: true });
  await capture.each((block, interfaces) => {
    for (let row = 0; row < block.count; row++) {
      if (block.keep[row] === 0) continue;
      walker.walk(block, row, interfaces);
      const at = block.offset[row]!;
      const bytes = block.bytes.slice(at, at + block.capturedLength[row]!);
      const originalLength = block.originalLength[row]!;
      const from = interfaces[block.interfaceId[row]!];
      frames.push({
        bytes,
        originalLength,
        seconds: block.seconds[row]!,
        nanoseconds: block.nanoseconds[row]!,
        from,
        ...describe(walker.fields, bytes, at, originalLength, from?.linkType ?? -1, ignored),
      });
    }
  });
  return frames;
}

/** What must be equal: the bytes without those of ignored fields, the length, and what the bytes do not show. */
function describe(
  f: Fields,
  bytes: Uint8Array,
  start: number,
  originalLength: number,
  linkType: number,
  ignored: Ignored,
): { signature: string; layers: string; ends: string } {
  const masked = bytes.slice();
  const hash = createHash('sha1');
  let ends = '';
  for (let row = 0; row < f.count; row++) {
    const info = allFields[f.id[row]!]!;
    const { name } = info;
    if (isIgnored(f, row, ignored)) {
      const from = f.at[row]! - start;
      if (from >= 0 && f.length[row]! > 0) masked.fill(0, from, Math.min(from + f.length[row]!, masked.length));
    } else if (ignored.checksums && name.endsWith('.checksum.status')) hash.update(`${name}=${f.number[row]!};`);
    else if (RELATIVE.has(name)) hash.update(`${name}=${f.number[row]!};`);
    if (ENDS.has(name) && !isIgnored(f, row, ignored)) ends += `${rowText(f, row)} `;
  }
  let layers = '';
  for (let layer = 0; layer < f.layers; layer++) layers += `${f.layerProtocol[layer]!.name}:`;
  const signature = hash.update(masked).update(`${originalLength} ${linkType}`).digest('base64');
  return { signature, layers, ends };
}

function isIgnored(f: Fields, row: number, { fields, ephemeralPorts }: Ignored): boolean {
  const id = f.id[row]!;
  if (fields[id] === 1) return true;
  return ephemeralPorts && f.number[row]! >= FIRST_EPHEMERAL && PORTS.has(allFields[id]!.name);
}

/** The frames between two anchors: those that are alike are one frame changed, others are removed or added. */
function unequal(
  a: readonly Frame[],
  b: readonly Frame[],
  fromA: number,
  toA: number,
  fromB: number,
  toB: number,
  ignored: Ignored,
  differences: Difference[],
  strays: { removed: number[]; added: number[] },
): void {
  const pairs = pairUp(toA - fromA, toB - fromB, (i, j) => likeness(a[fromA + i]!, b[fromB + j]!));
  const pairedA = new Set<number>();
  const pairedB = new Set<number>();
  for (const [i, j] of pairs) {
    pairedA.add(fromA + i);
    pairedB.add(fromB + j);
    const [one, other] = [a[fromA + i]!, b[fromB + j]!];
    differences.push({
      kind: 'changed',
      a: fromA + i + 1,
      b: fromB + j + 1,
      line: line(one),
      lineB: line(other),
      fields: fieldDifferences(one, other, ignored),
    });
  }
  for (let row = fromA; row < toA; row++) if (!pairedA.has(row)) strays.removed.push(row);
  for (let row = fromB; row < toB; row++) if (!pairedB.has(row)) strays.added.push(row);
}

/** Below this two frames are not the same one changed. */
const ALIKE = 5;

/** How much two frames have in common: protocols (up to 4), addresses and ports (3), bytes at the same place (up to 4).
 * 0 for frames that have nothing to do with each other. */
function likeness(a: Frame, b: Frame): number {
  const [layersA, layersB] = [a.layers.split(':'), b.layers.split(':')];
  const shared = layersA.filter((layer) => layersB.includes(layer)).length;
  let equal = 0;
  for (let at = Math.min(a.bytes.length, b.bytes.length) - 1; at >= 0; at--) if (a.bytes[at] === b.bytes[at]) equal++;
  const score =
    (4 * shared) / Math.max(layersA.length, layersB.length) +
    (a.ends === b.ends && a.ends !== '' ? 3 : 0) +
    (4 * equal) / Math.max(1, a.bytes.length, b.bytes.length);
  return score >= ALIKE ? score : 0;
}

/** A frame taken out here and put in there has moved. */
function moved(
  a: readonly Frame[],
  b: readonly Frame[],
  strays: { removed: number[]; added: number[] },
  differences: Difference[],
): void {
  const added = new Map<string, number[]>();
  for (const row of strays.added) {
    const list = added.get(b[row]!.signature) ?? [];
    list.push(row);
    added.set(b[row]!.signature, list);
  }
  const gone = new Set<number>();
  strays.removed = strays.removed.filter((row) => {
    const to = added.get(a[row]!.signature)?.shift();
    if (to === undefined) return true;
    gone.add(to);
    differences.push({ kind: 'moved', a: row + 1, b: to + 1, line: line(a[row]!) });
    return false;
  });
  strays.added = strays.added.filter((row) => !gone.has(row));
}

function times(
  a: readonly Frame[],
  b: readonly Frame[],
  anchors: Anchors,
  tolerance: number,
  differences: Difference[],
): void {
  const since = (frame: Frame, first: Frame): number =>
    (frame.seconds - first.seconds) * 1e9 + frame.nanoseconds - first.nanoseconds;
  if (anchors.length === 0) return;
  // From the first frame that both have: one more at the beginning would shift all others.
  const [firstA, firstB] = anchors[0]!;
  for (const [rowA, rowB] of anchors) {
    const timeA = since(a[rowA]!, a[firstA]!);
    const timeB = since(b[rowB]!, b[firstB]!);
    if (Math.abs(timeA - timeB) > tolerance)
      differences.push({ kind: 'time', a: rowA + 1, b: rowB + 1, line: line(a[rowA]!), timeA, timeB });
  }
}

/** The order in which a person reads both: by the place in the first capture; what only the second has stands behind the
 * last frame before it that both have. */
function inOrder(differences: Difference[], anchors: Anchors): Difference[] {
  const place = (difference: Difference): [number, number] => {
    if (difference.kind !== 'added') return [difference.a, 0];
    let low = 0;
    let high = anchors.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (anchors[middle]![1] < difference.b - 1) low = middle + 1;
      else high = middle;
    }
    return [low === 0 ? 0 : anchors[low - 1]![0] + 1.5, difference.b];
  };
  return differences
    .map((difference) => ({ difference, at: place(difference) }))
    .sort((x, y) => x.at[0] - y.at[0] || x.at[1] - y.at[1])
    .map(({ difference }) => difference);
}

/** Every field in which two frames differ, by name and, where there are several of it, by place. */
function fieldDifferences(a: Frame, b: Frame, ignored: Ignored): FieldDifference[] {
  const left = fieldsOf(a, ignored);
  const right = fieldsOf(b, ignored);
  const found: FieldDifference[] = [];
  for (const [field, value] of left.values)
    if (right.values.get(field) !== value) found.push({ field, a: value, b: right.values.get(field) ?? null });
  for (const [field, value] of right.values) if (!left.values.has(field)) found.push({ field, a: null, b: value });
  if (a.originalLength !== b.originalLength)
    found.push({ field: 'frame.len', a: String(a.originalLength), b: String(b.originalLength) });
  if (a.bytes.length !== b.bytes.length)
    found.push({ field: 'frame.cap_len', a: String(a.bytes.length), b: String(b.bytes.length) });
  if (a.from?.linkType !== b.from?.linkType)
    found.push({ field: 'link type', a: String(a.from?.linkType), b: String(b.from?.linkType) });
  found.push(...byteDifferences(a.bytes, b.bytes, left.covered, right.covered));
  return found;
}

function fieldsOf(frame: Frame, ignored: Ignored): { values: Map<string, string>; covered: Uint8Array } {
  const walker = new PacketWalker({ checksums: true });
  const { bytes } = frame;
  const { fields: f } = walker;
  const block = blockOf([{ bytes, originalLength: frame.originalLength }]);
  walker.walk(block, 0, frame.from === undefined ? [] : [frame.from]);
  const values = new Map<string, string>();
  const seen = new Map<string, number>();
  /** 1: a field has this byte, so that a difference in it has been told. */
  const covered = new Uint8Array(bytes.length);
  for (let row = 0; row < f.count; row++) {
    const { name, type } = allFields[f.id[row]!]!;
    if (isIgnored(f, row, ignored)) {
      covered.fill(1, f.at[row]!, Math.min(f.at[row]! + f.length[row]!, covered.length));
      continue;
    }
    if (GENERATED.test(name) || RELATIVE.has(name)) continue;
    const count = (seen.get(name) ?? 0) + 1;
    seen.set(name, count);
    values.set(count === 1 ? name : `${name}[${count}]`, type === 'none' ? '' : rowText(f, row));
    if (type !== 'none') covered.fill(1, f.at[row]!, Math.min(f.at[row]! + f.length[row]!, covered.length));
  }
  return { values, covered };
}

/** Bytes that differ and that no field has. */
function byteDifferences(a: Uint8Array, b: Uint8Array, coveredA: Uint8Array, coveredB: Uint8Array): FieldDifference[] {
  const found: FieldDifference[] = [];
  const hex = (bytes: Uint8Array, from: number, to: number): string => {
    const text = Buffer.from(bytes.subarray(from, Math.min(to, from + 16))).toString('hex');
    return to - from > 16 ? `${text}...` : text;
  };
  const end = Math.min(a.length, b.length);
  for (let at = 0; at < end; at++) {
    if (a[at] === b[at] || (coveredA[at] === 1 && coveredB[at] === 1)) continue;
    let to = at + 1;
    while (to < end && a[to] !== b[to] && !(coveredA[to] === 1 && coveredB[to] === 1)) to++;
    found.push({
      field: to - at === 1 ? `byte ${at}` : `bytes ${at}-${to - 1}`,
      a: hex(a, at, to),
      b: hex(b, at, to),
    });
    at = to;
  }
  return found;
}
