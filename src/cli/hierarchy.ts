import { Hierarchy, type HierarchyNode } from '../dissect/session/hierarchy.ts';
import { eachFrame, wantedFields } from './frames.ts';
import type { FramesOptions } from './frames-options.ts';
import { printText } from './print-text.ts';
import { table } from './table.ts';

/** `netlab protocols`. */
export async function runProtocols(words: string[], options: FramesOptions): Promise<void> {
  const hierarchy = new Hierarchy();
  await eachFrame('protocols', words, options, {
    // Only the layers matter.
    wanted: wantedFields([]),
    frame: (f, facts) => hierarchy.add(f, facts.originalLength),
  });
  const { root } = hierarchy;
  const rows: string[][] = [];
  const lines: string[] = [];
  const visit = (node: HierarchyNode, path: string): void => {
    for (const child of [...node.children.values()].sort((a, b) => b.frames - a.frames)) {
      const here = path === '' ? child.name : `${path}:${child.name}`;
      const depth = path === '' ? 0 : path.split(':').length;
      if (options.json)
        lines.push(
          `${JSON.stringify({ path: here, protocol: child.name, frames: child.frames, bytes: child.bytes })}\n`,
        );
      else
        rows.push([
          '  '.repeat(depth) + child.name,
          String(child.frames),
          `${((child.frames * 100) / root.frames).toFixed(1)} %`,
          String(child.bytes),
          `${((child.bytes * 100) / Math.max(root.bytes, 1)).toFixed(1)} %`,
        ]);
      visit(child, here);
    }
  };
  visit(root, '');
  if (!options.json) lines.push(table(['protocol', 'frames', '', 'bytes', ''], rows, [false, true, true, true, true]));
  await printText(() => lines);
}
