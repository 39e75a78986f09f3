import type { MessageHeader, MessageVector } from './contract.ts';

/** A MessageVector of `rows` rows over `memory`, all zero. `nameStride` and `controlStride` are bytes of room a row for
 * addresses and control messages; 0: none. */
export function messageVector(
  memory: Uint8Array,
  rows: number,
  { nameStride = 0, controlStride = 0 }: { nameStride?: number; controlStride?: number } = {},
): MessageVector {
  return {
    memory,
    offset: new Uint32Array(rows),
    length: new Uint32Array(rows),
    transferred: new Uint32Array(rows),
    flags: new Uint32Array(rows),
    names: nameStride > 0 ? new Uint8Array(rows * nameStride) : null,
    nameStride,
    nameLength: new Uint32Array(rows),
    controls: controlStride > 0 ? new Uint8Array(rows * controlStride) : null,
    controlStride,
    controlLength: new Uint32Array(rows),
  };
}

/** A MessageHeader for one call: data pieces, and room for an address and control messages where given. */
export function messageHeader(
  iov: Uint8Array[],
  name: Uint8Array | null = null,
  control: Uint8Array | null = null,
): MessageHeader {
  return { name, nameLength: name?.length ?? 0, iov, control, controlLength: control?.length ?? 0, flags: 0 };
}
