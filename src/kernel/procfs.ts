import { EACCES, EINVAL, EISDIR, ENOENT, ENOTDIR } from '../uapi/errno.ts';
import type { Net } from './structs.ts';

/** /proc and /sys: a tree of names whose contents are made when they are read. */

export interface ProcFile {
  read?(): string | number;
  write?(text: string): number;
}

export interface ProcDir {
  /** Fixed and computed entries. */
  list(): string[];
  get(name: string): ProcEntry | null;
}

export type ProcEntry = { file: ProcFile } | { dir: ProcDir } | { link: string };

/** A directory whose entries are put in one by one. */
export class StaticDir implements ProcDir {
  readonly entries = new Map<string, ProcEntry>();
  list(): string[] {
    return [...this.entries.keys()];
  }
  get(name: string): ProcEntry | null {
    return this.entries.get(name) ?? null;
  }
}

export const PROC_KEY = 1;

export function procRoot(net: Net): StaticDir {
  return (net.gen[PROC_KEY] ??= new StaticDir()) as StaticDir;
}

/** Makes the directories on the way. */
export function procMkdir(net: Net, path: string): StaticDir {
  let dir = procRoot(net);
  for (const name of path.split('/').filter(Boolean)) {
    let entry = dir.entries.get(name);
    if (entry === undefined) dir.entries.set(name, (entry = { dir: new StaticDir() }));
    dir = (entry as { dir: StaticDir }).dir;
  }
  return dir;
}

export function procCreate(net: Net, path: string, file: ProcFile): void {
  const at = path.lastIndexOf('/');
  procMkdir(net, path.slice(0, at)).entries.set(path.slice(at + 1), { file });
}

export function procRemove(net: Net, path: string): void {
  const at = path.lastIndexOf('/');
  procMkdir(net, path.slice(0, at)).entries.delete(path.slice(at + 1));
}

/** The entry, following links; -errno where there is none. `last` false: a link at the end is not followed. */
function walk(net: Net, path: string, last = true, depth = 0): ProcEntry | number {
  if (!path.startsWith('/') || depth > 8) return -ENOENT;
  let entry: ProcEntry = { dir: procRoot(net) };
  const names = path.split('/').filter((name) => name !== '' && name !== '.');
  const passed: string[] = [];
  for (let i = 0; i < names.length; i++) {
    const name = names[i]!;
    if (name === '..') {
      passed.pop();
      return walk(net, `/${[...passed, ...names.slice(i + 1)].join('/')}`, last, depth + 1);
    }
    if (!('dir' in entry)) return -ENOTDIR;
    const next: ProcEntry | null = entry.dir.get(name);
    if (next === null) return -ENOENT;
    if ('link' in next && (last || i < names.length - 1)) {
      const target = next.link.startsWith('/') ? next.link : `/${passed.join('/')}/${next.link}`;
      return walk(net, [target, ...names.slice(i + 1)].join('/'), last, depth + 1);
    }
    entry = next;
    passed.push(name);
  }
  return entry;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function procReadFile(net: Net, path: string): Uint8Array | number {
  const entry = walk(net, path);
  if (typeof entry === 'number') return entry;
  if (!('file' in entry)) return -EISDIR;
  if (entry.file.read === undefined) return -EACCES;
  const text = entry.file.read();
  return typeof text === 'number' ? text : encoder.encode(text);
}

export function procWriteFile(net: Net, path: string, content: Uint8Array): number {
  const entry = walk(net, path);
  if (typeof entry === 'number') return entry;
  if (!('file' in entry)) return -EISDIR;
  if (entry.file.write === undefined) return -EACCES;
  const result = entry.file.write(decoder.decode(content));
  return result < 0 ? result : content.length;
}

export function procReaddir(net: Net, path: string): string[] | number {
  const entry = walk(net, path);
  if (typeof entry === 'number') return entry;
  if (!('dir' in entry)) return -ENOTDIR;
  return entry.dir.list().sort();
}

export function procReadlink(net: Net, path: string): string | number {
  const entry = walk(net, path, false);
  if (typeof entry === 'number') return entry;
  return 'link' in entry ? entry.link : -EINVAL;
}
