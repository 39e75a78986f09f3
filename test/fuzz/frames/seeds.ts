import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Fields } from '../../../src/dissect/fields.ts';
import { walkFrame } from '../../../src/dissect/frame.ts';
import { Sessions } from '../../../src/dissect/session/sessions.ts';
import { readSavefile } from '../../../src/savefile/index.ts';
import { announcement, crafted, HANDSHAKES } from './crafted.ts';

/** Where a protocol's header is in a frame. */
export interface Place {
  readonly name: string;
  readonly at: number;
}

/** A frame to be changed, and what the walk finds in it. */
export interface Seed {
  readonly bytes: Uint8Array;
  readonly originalLength: number;
  readonly linkType: number;
  readonly places: readonly Place[];
  /** File that it comes from. */
  readonly file: string;
}

export interface Seeds {
  /** Of each file and link type, in the order of the capture. */
  readonly captures: readonly (readonly Seed[])[];
  /** Frames in which a protocol has a layer, by the protocol's name. */
  readonly byProtocol: ReadonlyMap<string, readonly Seed[]>;
}

/** Frames kept of one capture: enough to have its kinds, few enough to have many captures. */
const KEPT = 400;
/** And of one protocol. */
const KEPT_OF_PROTOCOL = 2000;

/** Layers that belong to the frame's own bytes, not to what was put together or decrypted from it. */
export function placesOf(f: Fields, bytes: Uint8Array, linkType: number): Place[] {
  walkFrame(f, bytes, 0, bytes.length, linkType, null);
  const places: Place[] = [];
  for (let layer = 0; layer < f.layers; layer++) {
    const at = f.layerAt[layer]!;
    if (at < bytes.length) places.push({ name: f.layerProtocol[layer]!.name, at });
  }
  return places;
}

/** The frames of all savefiles under `folders` (what is damaged of a file is left out), and those that are made. */
export async function readSeeds(folders: readonly string[], seed: number): Promise<Seeds> {
  const captures: Seed[][] = [];
  const byProtocol = new Map<string, Seed[]>();
  const f = new Fields();
  const sessions = new Sessions(null, { segments: false });
  for (const isIpv6 of [false, true]) {
    f.sessions = sessions;
    placesOf(f, announcement(isIpv6), 1);
  }
  const add = (capture: Seed[], file: string, bytes: Uint8Array, originalLength: number, linkType: number): void => {
    if (capture.length === KEPT || bytes.length === 0) return;
    f.sessions = file === HANDSHAKES ? sessions : null;
    const made = { bytes, originalLength, linkType, places: placesOf(f, bytes, linkType), file };
    capture.push(made);
    for (const name of new Set(made.places.map((place) => place.name))) {
      const seeds = byProtocol.get(name) ?? [];
      byProtocol.set(name, seeds);
      if (seeds.length < KEPT_OF_PROTOCOL) seeds.push(made);
    }
  };
  for (const { name, linkType, frames } of await crafted(seed)) {
    const capture: Seed[] = [];
    for (const bytes of frames) add(capture, name, bytes, bytes.length, linkType);
    captures.push(capture);
  }
  for (const folder of folders) {
    if (!existsSync(folder)) continue;
    for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()) {
      if (!/\.(pcap|pcapng|cap)(\.gz)?$/.test(file)) continue;
      const byLink = new Map<number, Seed[]>();
      for (const { bytes, originalLength, interfaceId, interfaces } of framesOf(join(folder, file))) {
        const { linkType } = interfaces[interfaceId]!;
        const capture = byLink.get(linkType) ?? [];
        byLink.set(linkType, capture);
        add(capture, file, bytes, originalLength, linkType);
      }
      captures.push(...byLink.values());
    }
  }
  return { captures: captures.filter((capture) => capture.length > 0), byProtocol };
}

function* framesOf(path: string) {
  let saved: ReturnType<typeof readSavefile>;
  try {
    saved = readSavefile(path);
  } catch (error) {
    // Some captures are damaged on purpose, from the header on.
    if ((error as Error).name !== 'SavefileError') throw error;
    return;
  }
  for (const frame of saved.frames) yield { ...frame, interfaces: saved.interfaces };
}
