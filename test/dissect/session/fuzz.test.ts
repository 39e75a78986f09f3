import { expect, it } from 'vitest';
import { Fields } from '../../../src/dissect/fields.ts';
import { walkFrame } from '../../../src/dissect/frame.ts';
import { expert } from '../../../src/dissect/session/expert.ts';
import { Hierarchy } from '../../../src/dissect/session/hierarchy.ts';
import { Sessions } from '../../../src/dissect/session/sessions.ts';
import { Conversations, Endpoints, TALLY_KINDS } from '../../../src/dissect/session/tally.ts';
import { mutate, random } from '../mutate.ts';
import type { Frame } from '../oracle.ts';
import { conversation, framesOf, randomBytes, udpFrame } from './craft.ts';

const seed = Number(process.env['SEED'] ?? 1);

it(`whatever the frames are: nothing throws, and every frame is counted once (seed ${seed})`, () => {
  const next = random(seed);
  const frames: Frame[] = [];
  for (let i = 0; i < 6; i++) {
    const said = [0, 1].map(() => randomBytes(3000, next)) as [Uint8Array, Uint8Array];
    frames.push(
      ...framesOf(conversation(said, [i, i], { reorder: 0.1, duplicate: 0.1, overlap: 0.1, loss: 0.1 }, next), {
        clientPort: 1000 + i,
        serverPort: 80,
        isIpv6: i % 2 === 1,
      }),
    );
  }
  for (let i = 0; i < 20; i++) {
    // Some are fragments: more to come, or an offset.
    const bytes = udpFrame(0, randomBytes(64, next), { clientPort: 5, serverPort: 6 });
    bytes[20] = i % 2 === 0 ? 0x20 : 0;
    bytes[21] = i % 3;
    frames.push({ bytes });
  }
  const f = new Fields();
  f.verifies = true;
  const sessions = new Sessions(null);
  f.sessions = sessions;
  const conversations = TALLY_KINDS.map((kind) => new Conversations(kind, sessions));
  const endpoints = TALLY_KINDS.map((kind) => new Endpoints(kind));
  const hierarchy = new Hierarchy();
  let number = 0;
  let told = 0;
  for (const frame of mutate(frames, next, 40_000)) {
    const facts = {
      number: ++number,
      seconds: Math.floor(next() * 100),
      nanoseconds: Math.floor(next() * 1e9),
      originalLength: frame.bytes.length,
      interfaceId: 0,
      interfaceName: '',
      flags: 0,
    };
    walkFrame(f, frame.bytes, 0, frame.bytes.length, 1, facts);
    for (const tally of [...conversations, ...endpoints]) tally.add(f, facts);
    hierarchy.add(f, facts.originalLength);
    expert(f, sessions, () => told++);
  }
  expect(hierarchy.root.frames).toBe(number);
  const ethernet = conversations[0]!.top();
  expect(ethernet.reduce((sum, row) => sum + row.framesSent + row.framesReceived, 0)).toBe(
    hierarchy.root.children.get('eth')!.frames,
  );
  expect(told).toBeGreaterThan(1000);
});
