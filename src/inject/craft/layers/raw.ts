import { data } from '../kind.ts';
import { defineLayer, field } from '../layer.ts';

/** Data: text, bytes, or so many bytes of an alphabet. */
export const raw = defineLayer({
  name: 'raw',
  names: ['data', 'payload'],
  title: 'data as it stands',
  numbers: {},
  positional: ['load'],
  fields: { load: field(data, new Uint8Array(0), { names: ['data'] }) },
});

/** Bytes behind the end of the packet, which no length and no checksum counts: the padding of a short frame. */
export const padding = defineLayer({
  name: 'padding',
  names: ['pad'],
  title: 'bytes behind the end of the packet',
  numbers: {},
  isPadding: true,
  positional: ['load'],
  fields: {
    load: field(data, (place) => {
      // IEEE 802.3-2018 3.2.7: a frame has at least 60 bytes in front of its check sequence.
      let before = 0;
      for (let layer = place.below; layer !== null; layer = layer.below) before += layer.headerLength;
      return new Uint8Array(Math.max(0, 60 - before));
    }),
  },
});
