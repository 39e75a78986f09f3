export type { Protocol } from './fields.ts';
