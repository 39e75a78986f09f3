import type { Fields } from '../fields.ts';

/** A protocol under those that carry it, with the frames that have it there and their bytes. */
export interface HierarchyNode {
  name: string;
  frames: number;
  bytes: number;
  children: Map<string, HierarchyNode>;
}

const node = (name: string): HierarchyNode => ({ name, frames: 0, bytes: 0, children: new Map() });

/** The hierarchy of protocols of a capture: every frame counts once for each of its layers, with the whole frame's
 * length. */
export class Hierarchy {
  readonly root = node('frame');

  add(f: Fields, originalLength: number): void {
    let at = this.root;
    at.frames++;
    at.bytes += originalLength;
    for (let layer = 1; layer < f.layers; layer++) {
      const { name } = f.layerProtocol[layer]!;
      let child = at.children.get(name);
      if (child === undefined) {
        child = node(name);
        at.children.set(name, child);
      }
      child.frames++;
      child.bytes += originalLength;
      at = child;
    }
  }
}
