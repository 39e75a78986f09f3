import { formatIpv4, formatIpv6, formatMac } from '../wire/address.ts';
import type { Stop } from '../wire/stop.ts';
import type { DecodeAsTables } from './decode-as-tables.ts';
import { allFields, type FieldInfo, Fields, type Protocol } from './fields.ts';
import { type FrameFacts, walkFrame } from './frame.ts';

/** A field's value: numbers up to 32 bits as number, 64 bits as bigint, addresses as text, bytes as a copy, times as
 * seconds and nanoseconds, labels as null. */
export type FieldValue =
  | number
  | bigint
  | boolean
  | string
  | Uint8Array
  | { seconds: number; nanoseconds: number }
  | null;

export interface DecodedField {
  /** Wireshark's name: `ip.ttl`. */
  readonly name: string;
  readonly info: FieldInfo;
  readonly value: FieldValue;
  /** First byte in the frame, and how many bytes; length 0: made from other fields. */
  readonly offset: number;
  readonly length: number;
}

export interface DecodedLayer {
  /** Wireshark's name: `ip`. */
  readonly protocol: string;
  readonly title: string;
  /** First byte of its header in the frame, and the header's length. */
  readonly offset: number;
  readonly length: number;
  readonly fields: readonly DecodedField[];
}

export interface DecodedPacket {
  readonly layers: readonly DecodedLayer[];
  /** Why decoding ended before the end of the packet: in which layer, at which byte, what was needed, what was there,
   * and which length said so. Null where all was read. */
  readonly stop: Stop | null;
}

export interface DecodeOptions {
  /** Also gives a `frame` layer with these. */
  frame?: Partial<FrameFacts>;
  /** Verifies checksums, for the `checksum.status` fields. */
  checksums?: boolean;
  /** Which protocol stands behind which number, against the tables and the content: `decodeAs` gives it. */
  decodeAs?: DecodeAsTables<Protocol> | null;
}

/** Decodes one frame that begins as its LINKTYPE_ value says. Never throws on account of the bytes: what cannot be
 * decoded ends the layers, and `stop` tells why. For many packets, `Fields` and `walkFrame` cost less. */
export function decode(bytes: Uint8Array, linkType: number, options: DecodeOptions = {}): DecodedPacket {
  const f = new Fields();
  f.verifies = options.checksums ?? false;
  f.decodeAs = options.decodeAs ?? null;
  const facts = options.frame
    ? {
        number: 1,
        seconds: 0,
        nanoseconds: 0,
        originalLength: bytes.length,
        interfaceId: 0,
        interfaceName: '',
        flags: 0,
        ...options.frame,
      }
    : null;
  walkFrame(f, bytes, 0, bytes.length, linkType, facts);
  const layers: DecodedLayer[] = [];
  for (let i = 0; i < f.layers; i++) {
    const fields: DecodedField[] = [];
    for (let row = f.layerField[i]!; row < f.layerField[i + 1]!; row++) {
      const info = allFields[f.id[row]!]!;
      fields.push({ name: info.name, info, value: fieldValue(f, row), offset: f.at[row]!, length: f.length[row]! });
    }
    const protocol = f.layerProtocol[i]!;
    layers.push({
      protocol: protocol.name,
      title: protocol.title,
      offset: f.layerAt[i]!,
      length: f.layerLength[i]!,
      fields,
    });
  }
  return { layers, stop: f.stopped };
}

/** The value in a row of the record, as an object of its own. */
export function fieldValue(f: Fields, row: number): FieldValue {
  const at = f.at[row]!;
  switch (allFields[f.id[row]!]!.type) {
    case 'none':
      return null;
    case 'bool':
      return f.number[row] !== 0;
    case 'uint64':
    case 'string':
      return f.object[row]!;
    case 'ipv4':
      return formatIpv4(f.bytes, at);
    case 'ipv6':
      return formatIpv6(f.bytes, at);
    case 'ether':
      return formatMac(f.bytes, at);
    case 'bytes':
      return f.bytes.slice(at, at + f.length[row]!);
    case 'time':
      return { seconds: f.number[row]!, nanoseconds: f.nanoseconds[row]! };
    default:
      return f.number[row]!;
  }
}
