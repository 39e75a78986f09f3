export { type CaptureLike, type PacketLike, type Recorded, recorded } from './capture-of.ts';
export { type Checked, check } from './check.ts';
export {
  type CaptureDifference,
  type Difference,
  type DiffOptions,
  diffCaptures,
  type FieldDifference,
} from './diff.ts';
export { ExpectationError } from './error.ts';
export type { Verdict, Witness } from './evaluate.ts';
export { compareGolden, updateGolden } from './golden.ts';
export { type Ignored, ignoreGroups, ignoring } from './ignore.ts';
export { type Expectation, parseExpectations } from './parse.ts';
export * from './report.ts';
