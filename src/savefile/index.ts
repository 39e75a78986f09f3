/** Savefiles: pcap and pcapng, plain and compressed; reading, writing, rotation. */
export {
  type CreateSavefileOptions,
  createSavefile,
  formatOfName,
  SavefileWriter,
} from './create.ts';
export { type Compression, canReadZstd } from './decompress.ts';
export { SavefileError, type SavefileErrorCode } from './error.ts';
export { linkTypeName } from './link-type-names.ts';
export type { SavefileOption, SavefileRecord, SavefileSection } from './metadata.ts';
export { type OpenSavefileOptions, openSavefile, type SavefileSource } from './open.ts';
export { canWriteZstd, type OutputCompression } from './output.ts';
export type { SectionText } from './pcapng-write.ts';
export { parseRotateSize, RotatingSink, type RotationOptions } from './rotate.ts';
export { strftime } from './strftime.ts';
export { blockOf, readSavefile, type SavedFrame, type SavedFrames, writeSavefile } from './sync.ts';
