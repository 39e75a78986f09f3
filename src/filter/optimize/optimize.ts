import type { Block } from '../gencode/block.ts';
export const optimize = (root: Block, _error: unknown): Block => root;
