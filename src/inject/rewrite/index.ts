export { Anonymizer } from './anonymize.ts';
export { Deduplicator } from './deduplicate.ts';
export { Flows } from './flow.ts';
export type { VlanEdit } from './link.ts';
export { macMap, networkMap, parseMacRule, parseNetworkRule, parsePortRule, portTable } from './maps.ts';
export { type RewriteOptions, Rewriter, type RewriteSummary } from './rewriter.ts';
