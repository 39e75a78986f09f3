import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { Duplex } from 'node:stream';
import * as nodeTls from 'node:tls';
import { afterAll, describe, expect, it } from 'vitest';
import { ColumnPrinter } from '../../src/dissect/columns.ts';
import { decode } from '../../src/dissect/decode.ts';
import { type Hello, ja4 } from '../../src/dissect/ja.ts';
import { initialKeys } from '../../src/dissect/quic-initial.ts';
import { printFrame } from '../../src/dissect/text-printer.ts';
import { openSavefile } from '../../src/savefile/index.ts';
import { tcpdump } from '../support/cli.ts';
import { describeWith, lacks } from '../support/tools.ts';
import { crypto, initial, kexInit, PING, padding, realHello } from './handshake-craft.ts';
import { type Frame, savefile } from './oracle.ts';

const directory = mkdtempSync(`${tmpdir()}/netlab-handshakes-`);
afterAll(() => rmSync(directory, { recursive: true }));

const CLIENT = [10, 0, 0, 1];
const SERVER = [10, 0, 0, 2];

/** An Ethernet frame with IPv4 and `transport`, from the client or to it. */
function ipFrame(isClient: boolean, protocol: number, transport: Uint8Array): Frame {
  const head = Buffer.alloc(34);
  head.set([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0]);
  head.writeUInt16BE(20 + transport.length, 16);
  head.set([0, 1, 0x40, 0, 64, protocol], 18);
  head.set(isClient ? CLIENT : SERVER, 26);
  head.set(isClient ? SERVER : CLIENT, 30);
  return { bytes: Buffer.concat([head, transport]) };
}

function udp(data: Uint8Array, isClient = true, port = 443): Frame {
  const head = Buffer.alloc(8);
  head.writeUInt16BE(isClient ? 40_000 : port, 0);
  head.writeUInt16BE(isClient ? port : 40_000, 2);
  head.writeUInt16BE(8 + data.length, 4);
  return ipFrame(isClient, 17, Buffer.concat([head, data]));
}

/** The segments of one connection, in order. */
class Connection {
  readonly frames: Frame[] = [];
  readonly #next = { client: 1000, server: 5000 };
  readonly #port: number;
  readonly #clientPort: number;

  constructor(port: number, clientPort: number) {
    this.#port = port;
    this.#clientPort = clientPort;
  }

  send(from: 'client' | 'server', data: Uint8Array): this {
    const isClient = from === 'client';
    const head = Buffer.alloc(20);
    head.writeUInt16BE(isClient ? this.#clientPort : this.#port, 0);
    head.writeUInt16BE(isClient ? this.#port : this.#clientPort, 2);
    head.writeUInt32BE(this.#next[from], 4);
    head.writeUInt32BE(this.#next[isClient ? 'server' : 'client'], 8);
    head.set([0x50, 0x18, 0x20, 0], 12);
    this.#next[from] += data.length;
    this.frames.push(ipFrame(isClient, 6, Buffer.concat([head, data])));
    return this;
  }
}

/** What the two sides of a handshake of Node's own TLS write, in order. Without certificates: with a shared key. */
async function realHandshake(options: nodeTls.ConnectionOptions): Promise<['client' | 'server', Buffer][]> {
  const written: ['client' | 'server', Buffer][] = [];
  const ends: Record<'client' | 'server', Duplex> = {} as Record<'client' | 'server', Duplex>;
  const end = (name: 'client' | 'server', peer: 'client' | 'server'): Duplex =>
    new Duplex({
      read() {},
      write(chunk: Buffer, _encoding, done) {
        written.push([name, Buffer.from(chunk)]);
        ends[peer].push(chunk);
        done();
      },
    });
  ends.client = end('client', 'server');
  ends.server = end('server', 'client');
  const psk = Buffer.alloc(16, 7);
  const shared = {
    ciphers: 'PSK-AES128-GCM-SHA256:DHE-PSK-AES256-GCM-SHA384',
    maxVersion: 'TLSv1.2' as const,
  };
  const server = new nodeTls.TLSSocket(ends.server, {
    isServer: true,
    ...shared,
    pskCallback: () => psk,
    ALPNProtocols: ['http/1.1'],
  } as nodeTls.TLSSocketOptions);
  const client = nodeTls.connect({
    socket: ends.client,
    ...shared,
    pskCallback: () => ({ psk, identity: 'someone' }),
    checkServerIdentity: () => undefined,
    ...options,
  });
  await new Promise<void>((resolve, reject) => {
    client.on('error', reject);
    server.on('error', reject);
    server.on('data', () => resolve());
    client.on('secureConnect', () => client.write('hello'));
  });
  client.destroy();
  server.destroy();
  return written;
}

async function ours(path: string, fields: readonly string[]): Promise<string[][]> {
  const chunks: Buffer[] = [];
  const printer = new ColumnPrinter({ fields }, (chunk) => chunks.push(Buffer.from(chunk)));
  const source = await openSavefile(path);
  for await (const block of source) printer.print(block, source.interfaces);
  printer.flush();
  return rows(Buffer.concat(chunks).toString('utf8'));
}

const rows = (text: string): string[][] =>
  text
    .replace(/\n$/, '')
    .split('\n')
    .map((line) => line.split('\t'));

/** tshark's values. */
function theirs(path: string, fields: readonly string[], options: readonly string[]): string[][] {
  const done = spawnSync(
    'tshark',
    [...options, '-r', path, '-T', 'fields', ...fields.flatMap((name) => ['-e', name])],
    { encoding: 'utf8', maxBuffer: 1 << 26 },
  );
  expect(done.status, done.stderr).toBe(0);
  return rows(done.stdout);
}

/** Cells that differ, as `frame field`. */
async function differences(
  path: string,
  fields: readonly string[],
  options: readonly string[] = [],
): Promise<string[]> {
  const [mine, reference] = [await ours(path, fields), theirs(path, fields, options)];
  expect(mine.length).toBe(reference.length);
  return mine.flatMap((row, i) =>
    row.flatMap((value, column) =>
      value === reference[i]![column] ? [] : [`${i + 1} ${fields[column]}: ${value} | ${reference[i]![column]}`],
    ),
  );
}

function write(name: string, frames: readonly Frame[]): string {
  const path = `${directory}/${name}.pcap`;
  writeFileSync(path, savefile(frames, 1));
  return path;
}

const names = (prefix: string, text: string): string[] =>
  text
    .trim()
    .split(/\s+/)
    .map((name) => `${prefix}${name}`);

const HELLO = names(
  'tls.handshake.',
  `type length version random session_id_length session_id ciphersuite comp_method extensions_length extension.type
  extension.len extensions_server_name_list_len extensions_server_name_type extensions_server_name_len
  extensions_server_name extensions_supported_group extensions_ec_point_format sig_hash_alg extensions_alpn_len
  extensions_alpn_str_len extensions_alpn_str extensions.supported_version extensions_key_share_group
  extensions_key_share_key_exchange extensions_key_share_client_length extensions_reneg_info_len ja3_full ja3 ja3s_full
  ja3s`,
);
const TLS = [
  'frame.protocols',
  ...names('tls.', 'record.content_type record.version record.length app_data alert_message.level alert_message.desc'),
  ...HELLO,
];
const QUIC = [
  'frame.protocols',
  ...names(
    'quic.',
    `packet_length header_form fixed_bit long.packet_type long.packet_type_v2 long.reserved packet_number_length version
    dcid dcil scid scil token_length token length packet_number payload frame_type padding_length crypto.offset
    crypto.length ack.largest_acknowledged ack.ack_delay ack.first_ack_range spin_bit`,
  ),
  ...HELLO,
];
const SSH = names(
  'ssh.',
  `protocol direction packet_length padding_length message_code cookie kex_algorithms kex_algorithms_length
  server_host_key_algorithms encryption_algorithms_client_to_server encryption_algorithms_server_to_client
  mac_algorithms_client_to_server mac_algorithms_server_to_client compression_algorithms_client_to_server
  compression_algorithms_server_to_client languages_client_to_server_length languages_server_to_client_length
  first_kex_packet_follows kex.reserved kex.hassh kex.hassh_algorithms kex.hasshserver kex.hasshserver_algorithms
  padding_string`,
);

describe('keys and fingerprints', () => {
  it('RFC 9001 A.1 and RFC 9369 A.1: keys of Initials', () => {
    const dcid = Buffer.from('8394c8f03e515708', 'hex');
    const hex = (version: number, side: 'client' | 'server'): string[] =>
      Object.values(initialKeys(version, dcid, side)).map((bytes) => Buffer.from(bytes).toString('hex'));
    expect(hex(1, 'client')).toEqual([
      '1f369613dd76d5467730efcbe3b1a22d',
      'fa044b2f42a3fd3b46fb255c',
      '9f50449e04a0e810283a1e9933adedd2',
    ]);
    expect(hex(1, 'server')).toEqual([
      'cf3a5331653c364c88f0f379b6067e37',
      '0ac1493ca1905853b0bba03e',
      'c206b8d9b9f0f37644430b490eeaa314',
    ]);
    expect(hex(0x6b3343cf, 'client')).toEqual([
      '8b1a0bc121284290a29e0971b5cd045d',
      '91f73e2351d8fa91660e909f',
      '45b95e15235d6f45a6b19cbcb0294ba9',
    ]);
  });

  it('JA4 of a browser, as its description has it; of an empty hello', () => {
    const hello: Hello = {
      version: 0x303,
      ciphers: [
        0x2a2a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x9c, 0x9d,
        0x2f, 0x35,
      ],
      extensions: [
        0x1a1a, 0x1b, 0, 0x33, 0x10, 0x4469, 0x17, 0x2d, 0xd, 5, 0x23, 0x12, 0x2b, 0xff01, 0xb, 0xa, 0x15, 0xaaaa,
      ],
      groups: [],
      pointFormats: [],
      signatures: [0x403, 0x804, 0x401, 0x503, 0x805, 0x501, 0x806, 0x601],
      supportedVersions: [0x8a8a, 0x304, 0x303],
      alpn: 'h2',
    };
    expect(ja4(hello, 't').hash).toBe('t13d1516h2_8daaf6152771_e5627efa2ab1');
    expect(ja4({ ...hello, alpn: '\xab\xcd' }, 'q').hash.slice(0, 10)).toBe('q13d1516ad');
    const empty = { version: 0x301, ciphers: [], extensions: [], groups: [], pointFormats: [], signatures: [] };
    expect(ja4({ ...empty, supportedVersions: [], alpn: null }, 't').hash).toBe('t10i000000_000000000000_000000000000');
  });
});

describeWith(['tshark'], 'against tshark', () => {
  it('TLS of Node: hellos of several kinds and ports, a whole handshake, an alert', async () => {
    const port = { n: 50_000 };
    const frames = [
      await realHello({ servername: 'www.example.org', ALPNProtocols: ['h2', 'http/1.1'] }),
      await realHello({ maxVersion: 'TLSv1.2', servername: 'a.example' }),
      await realHello({ minVersion: 'TLSv1.3' }),
    ].flatMap((hello, i) => new Connection([443, 8443, 12_345][i]!, port.n++).send('client', hello).frames);
    const whole = new Connection(443, port.n++);
    for (const [side, bytes] of await realHandshake({ servername: 'psk.example', ALPNProtocols: ['http/1.1'] }))
      whole.send(side, bytes);
    whole.send('server', Buffer.from('15030300020228', 'hex'));
    const path = write('tls', [...frames, ...whole.frames]);
    const found = await differences(path, TLS);
    expect(found).toEqual([]);
    const [hello] = await ours(path, ['tls.handshake.extensions_server_name', 'tls.handshake.ja4']);
    expect(hello![0]).toBe('www.example.org');
    expect(hello![1]).toMatch(/^t13d\d{4}h2_[0-9a-f]{12}_[0-9a-f]{12}$/);
  });

  it('QUIC on any port: short headers, packets in one datagram, Retry and version negotiation', async () => {
    const hello = (
      await realHello({ minVersion: 'TLSv1.3', servername: 'any.example', ALPNProtocols: ['h3'] })
    ).subarray(5);
    const hex = (text: string): Buffer => Buffer.from(text.replace(/\s/g, ''), 'hex');
    const [CLIENT_ID, SERVER_ID, RETRY_ID] = [hex('aabbccdd'), hex('0102030405'), hex('0a0b0c0d0e0f')];
    const first = initial(Buffer.concat([crypto(0, hello), padding(1000 - hello.length)]));
    const again = initial(Buffer.concat([crypto(0, hello), padding(1000 - hello.length)]), {
      dcid: RETRY_ID,
      number: 1,
    });
    const answer = initial(Buffer.concat([hex('02 00 00 00 00'), padding(100)]), {
      side: 'server',
      dcid: CLIENT_ID,
      original: RETRY_ID,
    });
    const long = (type: number, dcid: Buffer, scid: Buffer, rest: Buffer): Buffer =>
      Buffer.concat([
        Buffer.from([type]),
        hex('00000001'),
        Buffer.from([dcid.length]),
        dcid,
        Buffer.from([scid.length]),
        scid,
        rest,
      ]);
    const short = (id: Buffer, fill: number): Buffer => Buffer.concat([hex('4f'), id, Buffer.alloc(30, fill)]);
    const retry = long(0xf0, CLIENT_ID, RETRY_ID, Buffer.concat([Buffer.from('token'), Buffer.alloc(16, 7)]));
    const handshake = long(0xe1, CLIENT_ID, SERVER_ID, Buffer.concat([hex('4020'), Buffer.alloc(32, 0x5a)]));
    const zeroRtt = long(0xd1, RETRY_ID, CLIENT_ID, Buffer.concat([hex('4018'), Buffer.alloc(24, 0x33)]));
    const negotiation = Buffer.concat([hex('9a 00000000 04'), CLIENT_ID, hex('08 8394c8f03e515708 00000001 6b3343cf')]);
    const frames = [
      // Nothing tells what this is yet.
      udp(short(SERVER_ID, 1), true, 7443),
      udp(first, true, 7443),
      udp(retry, false, 7443),
      udp(Buffer.concat([again, zeroRtt]), true, 7443),
      udp(Buffer.concat([answer, handshake, short(CLIENT_ID, 2)]), false, 7443),
      udp(Buffer.concat([answer, handshake, Buffer.alloc(20)]), false, 7443),
      udp(short(SERVER_ID, 3), true, 7443),
      udp(short(CLIENT_ID, 4), false, 7443),
      // An identifier of which no readable packet has told.
      udp(short(hex('ffeeddccbb'), 5), true, 7443),
      // On a connection that is known, and where nothing is.
      udp(negotiation, false, 7443),
      udp(negotiation, false, 7555),
      udp(negotiation, false, 443),
    ];
    const path = write('quic-any', frames);
    const fields = [
      ...QUIC,
      ...names('quic.', 'remaining_payload retry_token retry_integrity_tag supported_version vn.unused'),
    ];
    expect(await differences(path, fields)).toEqual([]);
    const isQuic = (await ours(path, ['frame.protocols'])).map(([names]) => names!.includes(':quic'));
    expect(isQuic).toEqual([false, ...new Array(9).fill(true), false, false]);
    expect((await ours(path, ['quic.dcid'])).slice(6, 9)).toEqual([['0102030405'], ['aabbccdd'], ['']]);
  });

  it('QUIC: Initials of both versions and sides, the hello in pieces within and across datagrams', async () => {
    const hello = (
      await realHello({ minVersion: 'TLSv1.3', servername: 'quic.example', ALPNProtocols: ['h3'] })
    ).subarray(5);
    const answer = Buffer.from(`0200002e0303${'ab'.repeat(32)}00130100000600` + '2b00020304', 'hex');
    answer[3] = answer.length - 4;
    const original = Buffer.from('8394c8f03e515708', 'hex');
    const frames: Frame[] = [
      udp(initial(Buffer.concat([crypto(0, hello), padding(300)]))),
      udp(
        initial(Buffer.concat([Buffer.from([2, 0, 0, 0, 0]), crypto(0, answer), padding(200)]), {
          side: 'server',
          dcid: Buffer.from('aabbccdd', 'hex'),
          original,
        }),
        false,
      ),
      // Version 2, on another port, the pieces in disorder.
      udp(
        initial(
          Buffer.concat([PING, crypto(100, hello.subarray(100)), padding(20), crypto(0, hello.subarray(0, 100)), PING]),
          { version: 0x6b3343cf, dcid: Buffer.from('0011223344556677', 'hex') },
        ),
        true,
        4433,
      ),
      // Two datagrams.
      udp(
        initial(Buffer.concat([crypto(0, hello.subarray(0, 60)), padding(400)]), {
          dcid: Buffer.from('99'.repeat(9), 'hex'),
        }),
        true,
        5000,
      ),
      udp(
        initial(Buffer.concat([crypto(60, hello.subarray(60)), padding(100)]), {
          dcid: Buffer.from('99'.repeat(9), 'hex'),
          number: 1,
        }),
        true,
        5000,
      ),
    ];
    const path = write('quic', frames);
    const found = await differences(path, QUIC);
    // tshark counts TLS as there with the first piece of a hello; here it is with the whole.
    expect(found.filter((text) => !text.startsWith('4 frame.protocols'))).toEqual([]);
    expect(await ours(path, ['tls.handshake.extensions_server_name'])).toEqual([
      ['quic.example'],
      [''],
      ['quic.example'],
      [''],
      ['quic.example'],
    ]);
  });

  it('SSH: versions and key exchange, on its port and on another', async () => {
    const frames = [22, 2222].flatMap(
      (port) =>
        new Connection(port, 40_000 + port)
          .send('server', Buffer.from('SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n'))
          .send('client', Buffer.from('SSH-2.0-client\r\n'))
          .send('client', kexInit())
          .send('server', kexInit(1)).frames,
    );
    // tshark knows SSH by its port alone.
    expect(await differences(write('ssh', frames), SSH, ['-d', 'tcp.port==2222,ssh'])).toEqual([]);
  });

  const SHARED = '../shared/captures';
  const absent = lacks('handshakes in captures of others', !existsSync(SHARED) && `no folder ${SHARED}`);
  it.skipIf(absent)('captures of others', async () => {
    expect(await differences(`${SHARED}/quic/curl-8.1.2-dev-http3-www-google-de.pcap`, QUIC)).toEqual([]);
    for (const name of ['ecdhe', 'dhe', 'imap-starttls', 'telesec']) {
      const found = await differences(`${SHARED}/tls/${name}.pcap`, HELLO);
      // That of a ServerKeyExchange, which is not looked into here.
      expect(
        found.filter((text) => !/sig_hash_alg: {2}\|/.test(text)),
        name,
      ).toEqual([]);
    }
  });
});

describeWith(['tcpdump'], 'against tcpdump', () => {
  it('SSH is printed where the line of the version is whole; TLS and QUIC are not', () => {
    const lines = [
      'SSH-2.0-x\r\n',
      'SSH-1.99-OpenSSH 1\n',
      'SSH-2.0-x',
      'SSH-2.0-a\tb\r\n',
      'SSH-2.0-a\rb\r\n',
      'SSH-2.0-a\r\r\n',
      'hello\r\nSSH-2.0-x\r\n',
      `SSH-${'a'.repeat(300)}\r\n`,
      'SSH-\n',
      'SSH\n',
      '\x16\x03\x01\x00\x05',
    ];
    const frames = lines.map((line, i) => new Connection(22, 30_000 + i).send('server', Buffer.from(line)).frames[0]!);
    const cut = new Connection(22, 30_100).send('server', Buffer.from(lines[0]!)).frames[0]!;
    frames.push({ bytes: cut.bytes.subarray(0, -4), originalLength: cut.bytes.length });
    frames.push(udp(initial(padding(100))));
    for (const options of [['-n'], ['-nvv'], ['-nq']]) {
      const expected = tcpdump('-t', ...options, '-r', write('text', frames));
      const text = frames
        .map(({ bytes, originalLength }) =>
          printFrame(bytes, 1, {
            ...(originalLength === undefined ? {} : { originalLength }),
            verbose: options[0] === '-nvv' ? 2 : 0,
            quiet: options[0] === '-nq',
            checksums: true,
          }),
        )
        .join('');
      expect(text).toBe(expected);
    }
  });
});

describe('damage', () => {
  it('every cut and every changed byte gives layers, and no error', async () => {
    const hello = await realHello({ servername: 'www.example.org', ALPNProtocols: ['h2'] });
    const frames = [
      ...new Connection(443, 1).send('client', hello).frames,
      ...new Connection(22, 2).send('client', kexInit()).frames,
      udp(initial(Buffer.concat([crypto(0, hello.subarray(5)), padding(30)]))),
    ];
    for (const { bytes } of frames) {
      for (let length = 14; length < bytes.length; length++)
        expect(decode(bytes.subarray(0, length), 1).layers.length).toBeGreaterThan(0);
      for (let at = 34; at < bytes.length; at++) {
        const changed = Uint8Array.from(bytes);
        changed[at]! ^= 0xff;
        expect(decode(changed, 1).layers.length).toBeGreaterThan(2);
      }
    }
  });
});
