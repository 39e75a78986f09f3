import type { Mapping } from '../syscall/contract.ts';
import { EINVAL } from '../uapi/errno.ts';
import { MAP_ANONYMOUS, MAP_FIXED, MAP_NORESERVE, MAP_PRIVATE, PROT_READ, PROT_WRITE } from '../uapi/mman.ts';
import type { Native } from './native.ts';

/** Where each mapping is, for munmap. */
const places = new WeakMap<Mapping, { address: number; length: number }>();

/** Gives the address space back once nobody can reach the memory any more. */
let collected: FinalizationRegistry<{ address: number; length: number }> | undefined;

export function map(
  native: Native,
  length: number,
  protection: number,
  flags: number,
  fd: number,
  offset: number,
): Mapping | number {
  if (length <= 0) return -EINVAL;
  const address = native.mmap(null, length, protection, flags, fd, offset);
  if (address === -1) return -native.errno();
  const memory = native.koffi.view(address, length);
  const mapping: Mapping = { bytes: new Uint8Array(memory), words: new Int32Array(memory, 0, length >>> 2) };
  places.set(mapping, { address, length });
  // Held by the ArrayBuffer, not by the mapping: a view may outlive the mapping object.
  collected ??= new FinalizationRegistry(({ address, length }) => void native.munmap(address, length));
  collected.register(memory, { address, length });
  return mapping;
}

/** Puts anonymous memory in the mapping's place, in one step (MAP_FIXED). JavaScript may still hold views on it; they read
 * zeros from now on, and writing to them harms nobody. The kernel has its ring back. */
export function unmap(native: Native, mapping: Mapping): number {
  const place = places.get(mapping);
  if (!place) return -EINVAL;
  places.delete(mapping);
  const over = MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  const address = native.mmap(place.address, place.length, PROT_READ | PROT_WRITE, over, -1, 0);
  return address === -1 ? -native.errno() : 0;
}
