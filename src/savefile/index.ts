export type { SavefileErrorCode } from './error.ts';
export { SavefileError } from './error.ts';
export type { SavefileOption, SavefileRecord, SavefileSection } from './metadata.ts';
export { type OpenSavefileOptions, openSavefile, type SavefileSource } from './open.ts';
