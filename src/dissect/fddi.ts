import { defineFields } from './fields.ts';
import { llc, printLlc } from './llc.ts';
import type { Protocol } from './protocol.ts';
import type { Text } from './text.ts';

/** FDDI, as link type 10 has it: frame control, then destination and source address (ISO 9314-2 7.3), then LLC.
 *
 *     0    1             7        13
 *    | fc | destination | source | LLC …
 */
const FRAME_CONTROL = 0;
const DST = 1;
const SRC = 7;
const HEADER_LENGTH = 13;

/** Class, length and format, in the upper half of frame control. */
const CLASS_MASK = 0xf0;
const CLASS_SMT = 0x40;
const CLASS_ASYNC = 0x50;

const F = defineFields('fddi', {
  fc: ['Frame Control', 'uint8', { base: 'hex' }],
  'fc.clf': ['Class/Length/Format', 'uint8', { base: 'hex' }],
  'fc.prio': ['Priority', 'uint8'],
  dst: ['Destination', 'ether'],
  src: ['Source', 'ether'],
});

/** tcpdump's names of frame control: of some values, and of some classes whose lower half follows. */
const CONTROLS: Readonly<Record<number, string>> = {
  64: 'void',
  65: 'info',
  79: 'nsa',
  128: 'nrt',
  192: 'rt',
  194: 'beacon',
  195: 'claim',
};
const CLASSES: Readonly<Record<number, string>> = {
  64: 'smt',
  80: 'async',
  96: 'imp_async',
  192: 'mac',
  208: 'sync',
  224: 'imp_sync',
};

function controlName(control: number): string {
  const name = CONTROLS[control];
  if (name !== undefined) return name;
  const kind = CLASSES[control & CLASS_MASK];
  return kind === undefined ? control.toString(16).padStart(2, '0') : kind + (control & 15).toString(16);
}

function printHeader(t: Text, at: number, length: number): void {
  const { out } = t;
  if (!t.quiet) {
    out.ascii(controlName(t.bytes[at + FRAME_CONTROL]!));
    out.byte(32);
  }
  t.mac(at + SRC);
  out.ascii(' > ');
  t.mac(at + DST);
  out.ascii(', length ');
  out.decimal(length);
  out.ascii(': ');
}

/** The bits of each byte from `from` on go to `to`, the first one last: FDDI sends them in the other order than Ethernet,
 * and Wireshark shows addresses as Ethernet's. */
function mirror(bytes: Uint8Array, from: number, to: number): void {
  for (let i = 0; i < 6; i++) {
    let value = bytes[from + i]!;
    value = ((value & 0xf0) >> 4) | ((value & 0x0f) << 4);
    value = ((value & 0xcc) >> 2) | ((value & 0x33) << 2);
    bytes[to + i] = ((value & 0xaa) >> 1) | ((value & 0x55) << 1);
  }
}

export const fddi: Protocol = {
  name: 'fddi',
  title: 'Fiber Distributed Data Interface',
  print(t, at, length) {
    t.layer = 'fddi';
    t.linkHeaderLength = t.end - at;
    if (!t.has(at, HEADER_LENGTH)) {
      t.truncated();
      return;
    }
    t.linkHeaderLength = HEADER_LENGTH;
    if (t.link) printHeader(t, at, length);
    const payload = at + HEADER_LENGTH;
    switch (t.bytes[at + FRAME_CONTROL]! & CLASS_MASK) {
      case CLASS_ASYNC:
        t.linkHeaderLength = HEADER_LENGTH + Math.abs(printLlc(t, payload, length - HEADER_LENGTH, at + DST));
        break;
      case CLASS_SMT:
        t.out.ascii('<SMT printer not yet implemented>');
        break;
      default:
        if (!t.link) printHeader(t, at, length);
        t.unknown(payload, length - HEADER_LENGTH);
    }
  },
  walk(f, at, end) {
    if (!f.fits('fddi', at, HEADER_LENGTH, end)) return;
    const control = f.bytes[at + FRAME_CONTROL]!;
    f.layer(fddi, at, HEADER_LENGTH);
    f.uint(F.fc, at, 1, control);
    f.uint(F['fc.clf'], at, 1, control >>> 4);
    const isAsync = (control & CLASS_MASK) === CLASS_ASYNC;
    if (isAsync) f.uint(F['fc.prio'], at, 1, control & 7);
    if (f.wants(F.dst) || f.wants(F.src)) {
      const place = f.append(12);
      mirror(f.bytes, at + DST, place);
      mirror(f.bytes, at + SRC, place + 6);
      f.raw(F.dst, place, 6);
      f.raw(F.src, place + 6, 6);
    }
    if (isAsync) f.next(llc, at + HEADER_LENGTH, end);
    else f.data(at + HEADER_LENGTH, end);
  },
};
