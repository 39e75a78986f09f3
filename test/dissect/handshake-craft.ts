/** Pieces of handshakes: a hello of Node's own TLS, Initials of QUIC, SSH's key exchange. */
import { createCipheriv } from 'node:crypto';
import { Duplex } from 'node:stream';
import * as nodeTls from 'node:tls';
import { initialKeys } from '../../src/dissect/quic-initial.ts';

/** The hello that Node's client would send, as a record. */
export function realHello(options: nodeTls.ConnectionOptions): Promise<Buffer> {
  return new Promise((resolve) => {
    const socket = new Duplex({
      read() {},
      write(chunk: Buffer) {
        resolve(Buffer.from(chunk));
      },
    });
    nodeTls.connect({ socket, ...options }).on('error', () => undefined);
  });
}

/** Protects an Initial of a client as RFC 9001 5 says. */
export function initial(
  payload: Uint8Array,
  options: {
    version?: number;
    dcid?: Uint8Array;
    number?: number;
    side?: 'client' | 'server';
    original?: Uint8Array;
  } = {},
): Buffer {
  const { version = 1, dcid = Buffer.from('8394c8f03e515708', 'hex'), number = 0, side = 'client' } = options;
  const scid = side === 'client' ? Buffer.from('aabbccdd', 'hex') : Buffer.from('0102030405', 'hex');
  const keys = initialKeys(version, options.original ?? dcid, side);
  const first = 0xc1 | (version === 1 ? 0 : 0x10);
  const length = 2 + payload.length + 16;
  const head = Buffer.concat([
    Buffer.from([first]),
    Buffer.from(version.toString(16).padStart(8, '0'), 'hex'),
    Buffer.from([dcid.length]),
    dcid,
    Buffer.from([scid.length]),
    scid,
    Buffer.from([0, 0x40 | (length >> 8), length & 0xff, number >> 8, number & 0xff]),
  ]);
  const nonce = Buffer.from(keys.iv);
  nonce.writeUInt16BE(nonce.readUInt16BE(10) ^ number, 10);
  const cipher = createCipheriv('aes-128-gcm', keys.key, nonce);
  cipher.setAAD(head);
  const sealed = Buffer.concat([head, cipher.update(payload), cipher.final(), cipher.getAuthTag()]);
  const place = head.length - 2;
  const mask = createCipheriv('aes-128-ecb', keys.hp, null).update(sealed.subarray(place + 4, place + 20));
  sealed[0]! ^= mask[0]! & 0x0f;
  sealed[place]! ^= mask[1]!;
  sealed[place + 1]! ^= mask[2]!;
  return sealed;
}

/** A CRYPTO frame with `data` from `offset` on. */
export const crypto = (offset: number, data: Uint8Array): Buffer =>
  Buffer.concat([
    Buffer.from([6, 0x40 | (offset >> 8), offset & 0xff, 0x40 | (data.length >> 8), data.length & 0xff]),
    data,
  ]);
export const PING = Buffer.from([1]);
export const padding = (count: number): Buffer => Buffer.alloc(count);

export function kexInit(follows = 0): Buffer {
  const lists = [
    'curve25519-sha256,kex-strict-c',
    'ssh-ed25519',
    'aes128-ctr',
    'aes256-ctr',
    'hmac-sha1',
    'hmac-sha2-256',
    'none',
    'zlib',
    '',
    '',
  ];
  const body = Buffer.concat([
    Buffer.from([20]),
    Buffer.alloc(16, 0x5a),
    ...lists.flatMap((list) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(list.length);
      return [length, Buffer.from(list)];
    }),
    Buffer.from([follows, 0, 0, 0, 0]),
  ]);
  const pad = 4 + ((8 - ((body.length + 5 + 4) % 8)) % 8);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(body.length + 1 + pad);
  head[4] = pad;
  return Buffer.concat([head, body, Buffer.alloc(pad)]);
}
