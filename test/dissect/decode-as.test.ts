/** What the user says a number stands for; RTP and RTCP, which nothing else tells. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ColumnPrinter } from '../../src/dissect/columns.ts';
import { DecodeAsError, decodeAs } from '../../src/dissect/decode-as.ts';
import { printFrame } from '../../src/dissect/text-printer.ts';
import { openSavefile } from '../../src/savefile/index.ts';
import { ACK_FLAG, PSH } from '../../src/wire/tcp.ts';
import { hasTshark } from './fixture.ts';
import { type Frame, hasTcpdump, savefile } from './oracle.ts';
import { tcpFrame, udpFrame } from './session/craft.ts';

if (!hasTcpdump) process.stderr.write('skipped: comparison with tcpdump: tcpdump 4.99.3 is not installed\n');
if (!hasTshark) process.stderr.write('skipped: comparison with tshark: tshark 4.0.17 is not installed\n');

const directory = mkdtempSync(join(tmpdir(), 'decode-as-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function write(name: string, frames: readonly Frame[]): string {
  const path = join(directory, `${name}.pcap`);
  writeFileSync(path, savefile(frames, 1));
  return path;
}

const udp = (clientPort: number, serverPort: number, payload: Buffer | string, side: 0 | 1 = 0): Frame => ({
  bytes: udpFrame(side, Buffer.from(payload), { clientPort, serverPort }),
});
const tcp = (clientPort: number, serverPort: number, payload: string): Frame => ({
  bytes: tcpFrame(
    { side: 0, seq: 1, ack: 1, flags: ACK_FLAG | PSH, payload: Buffer.from(payload) },
    { clientPort, serverPort },
  ),
});

const hex = (text: string): Buffer => Buffer.from(text.replace(/\s/g, ''), 'hex');
const PAYLOAD = '80'.repeat(20);

/** RTP: version and flags, marker and type, then the rest. */
const RTP: readonly string[] = [
  `8000 0001 000000a0 12345678 ${PAYLOAD}`,
  `8088 0002 00000140 12345678 ${PAYLOAD}`,
  `9000 0003 000001e0 12345678 bede0001 10aa0000 ${PAYLOAD}`,
  `9080 0003 000001e0 12345678 10000001 01020304 ${PAYLOAD}`,
  `8200 0004 00000280 12345678 00000001 00000002 ${PAYLOAD}`,
  `a000 0005 00000320 12345678 ${PAYLOAD} 00000004`,
  `8060 0007 000003c0 12345678 ${PAYLOAD}`,
  '8000 0009 00000001 12345678',
];
/** What only the text of tcpdump is about: wrong versions and lengths. */
const ODD_RTP: readonly string[] = [
  '80',
  '',
  '80000001000000',
  '8000000100000002',
  `4000 0006 000003c0 12345678 ${PAYLOAD}`,
  `4080 0006 000003c0 01040000 01040000`,
  `4080 0006 000003c0 01020000 22010000 83010000 83010000`,
  `409f 0006 000003c0 81010000 81010000 81010000`,
  `c000 0006 000003c0 12345678 ${PAYLOAD}`,
  `801f 0006 000003c0 12345678 ${PAYLOAD}`,
  `801f 0006 000003c0 12345678 6162`,
  `9000 0006 000003c0 12345678 bede0006 ${PAYLOAD}`,
  `9000 0006 000003c0 12345678 bede0005 ${PAYLOAD}`,
  `9000 0006 000003c0 12345678`,
];
const BLOCK = '9abcdef0 03fffffe 00011170 00000021 11112222 00010000';
const SENDER = 'e0000000 80000000 00000640 0000000a 000000c8';
const SR = `81c8000c 12345678 ${SENDER} ${BLOCK}`;
const RR = `81c90007 11223344 ${BLOCK}`;
const SDES = '81ca0006 12345678 01097573657240686f7374 0204 4e616d65 000000';
const BYE = '81cb0003 12345678 076c656176696e67';
const RTCP: readonly string[] = [
  `${SR} ${SDES}`,
  `${RR} ${SDES}`,
  `${SR} ${SDES} ${BYE}`,
  `${RR} 82cc0003 12345678 4e414d45 deadbeef`,
  '81ce0002 12345678 9abcdef0',
  BYE,
];
const ODD_RTCP: readonly string[] = [
  RR.slice(0, 40),
  '81c8',
  '81cb0005',
  '80c90001 00000007',
  `82c80012 12345678 ${SENDER} ${BLOCK} 00000001 03000007 00000008 00000009 0000000a 0000000b`,
  `83c9000d 11223344 ${BLOCK} ${BLOCK}`,
  `81c80006 12345678 ${SENDER}`,
  `80c80006 12345678 ${SENDER}`,
  `81c9ffff 11223344 ${BLOCK}`,
  '80450000 80450000 80450000',
  '81cd0003 12345678 9abcdef0 00640000',
];

const REAL_TIME = [...RTP, ...ODD_RTP, ...RTCP, ...ODD_RTCP];
const TYPED: Readonly<Record<string, readonly string[]>> = {
  rtp: REAL_TIME,
  rtcp: [...RTCP, ...REAL_TIME],
  domain: ['0007 0100 0001 0000 0000 0000 0161 00 0001 0001', '0007 8180 0001 0000 0000 0000 0161 00 0001 0001'],
  snmp: ['3026 020101 0406 7075626c6963 a019 02014d 020100 020100 300e 300c 0608 2b06010201010100 0500'],
  tftp: ['0001 61 00 6f63746574 00', '0003 0001 61', '0004 0001'],
  vxlan: [`08000000 00007b00 020000000002 020000000001 88b5 ${PAYLOAD}`],
};

describe.skipIf(!hasTcpdump)('the text of -T TYPE is tcpdump’s', () => {
  for (const [type, texts] of Object.entries(TYPED))
    it(type, () => {
      const whole = texts.map((text) => udp(6000, 6002, hex(text)));
      // And cut after each byte.
      const cut = texts.slice(2, 4).flatMap((text) => {
        const { bytes } = udp(6000, 6002, hex(text));
        return Array.from({ length: bytes.length - 42 }, (_, i) => ({
          bytes: bytes.subarray(0, 42 + i),
          originalLength: bytes.length,
        }));
      });
      const frames = [...whole, ...cut];
      const path = write(`text-${type}`, frames);
      for (const [flag, options] of [
        ['-nt', {}],
        ['-ntv', { verbose: 1 }],
        ['-ntvv', { verbose: 2 }],
        ['-ntq', { quiet: true }],
      ] as const) {
        const done = spawnSync('tcpdump', ['-r', path, '-T', type, flag], { encoding: 'latin1' });
        const mine = frames
          .map(({ bytes, originalLength = bytes.length }) =>
            printFrame(bytes, 1, { ...options, originalLength, decodeAs: decodeAs([], type) }),
          )
          .join('');
        expect(mine.split('\n'), flag).toEqual(done.stdout.split('\n'));
      }
    });
});

const FIELDS = [
  'frame.protocols',
  ...['version', 'padding', 'ext', 'cc', 'marker', 'p_type', 'seq', 'timestamp', 'ssrc', 'csrc.item'].map(
    (name) => `rtp.${name}`,
  ),
  ...['ext.profile', 'ext.len', 'ext.rfc5285.id', 'ext.rfc5285.len', 'ext.rfc5285.data', 'payload'].map(
    (name) => `rtp.${name}`,
  ),
  'rtp.padding.data',
  'rtp.padding.count',
  ...`version padding rc sc app.subtype rtpfb.fmt psfb.fmt pt length senderssrc mediassrc timestamp.ntp.msw
  timestamp.ntp.lsw timestamp.rtp sender.packetcount sender.octetcount ssrc.identifier ssrc.fraction ssrc.cum_nr
  ssrc.ext_high ssrc.high_cycles ssrc.high_seq ssrc.jitter ssrc.lsr ssrc.dlsr sdes.type sdes.length sdes.text app.name
  app.data rtpfb.nack_pid rtpfb.nack_blp length_check`
    .split(/\s+/)
    .map((name) => `rtcp.${name}`),
  'sdp.version',
  'sdp.owner.address',
  'sdp.session_name',
  'sdp.connection_info.address',
  'sdp.time.start',
  'sdp.media',
  'sdp.media.media',
  'sdp.media.port',
  'sdp.media.proto',
  'sdp.media_attr',
  'http.request.uri',
  'dns.id',
];

async function ours(path: string, texts: readonly string[], fields = FIELDS): Promise<string[][]> {
  const chunks: Buffer[] = [];
  const options = texts.length === 0 ? {} : { decodeAs: decodeAs(texts) };
  const printer = new ColumnPrinter({ fields, ...options }, (chunk) => chunks.push(Buffer.from(chunk)));
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

async function differences(path: string, texts: readonly string[]): Promise<string[]> {
  const mine = await ours(path, texts);
  const done = spawnSync(
    'tshark',
    [...texts.flatMap((text) => ['-d', text]), '-r', path, '-T', 'fields', ...FIELDS.flatMap((name) => ['-e', name])],
    { encoding: 'utf8' },
  );
  expect(done.status, done.stderr).toBe(0);
  const reference = rows(done.stdout);
  expect(mine.length).toBe(reference.length);
  return mine.flatMap((row, i) =>
    row.flatMap((value, column) =>
      value === reference[i]![column] ? [] : [`${i + 1} ${FIELDS[column]}: ${value} | ${reference[i]![column]}`],
    ),
  );
}

const SDP = [
  'v=0',
  'o=- 1 1 IN IP4 10.0.0.1',
  's=-',
  'c=IN IP4 10.0.0.1',
  't=0 0',
  'm=audio 6000 RTP/AVP 0 8 96',
  'a=ptime:20',
  'm=audio 7000 RTP/AVP 0',
  'c=IN IP4 10.0.0.2',
  'a=rtcp:7777',
  '',
].join('\r\n');
const INVITE =
  'INVITE sip:b@10.0.0.2 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1\r\nFrom: <sip:a@10.0.0.1>;tag=1\r\n' +
  'To: <sip:b@10.0.0.2>\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\nContent-Type: application/sdp\r\n' +
  `Content-Length: ${SDP.length}\r\n\r\n${SDP}`;

describe.skipIf(!hasTshark)('fields, against tshark', () => {
  it('RTP and RTCP where the user says so', async () => {
    const rtp = write(
      'rtp',
      RTP.map((text) => udp(6000, 6002, hex(text))),
    );
    expect(await differences(rtp, ['udp.port==6000-6003,rtp'])).toEqual([]);
    const rtcp = write(
      'rtcp',
      RTCP.map((text) => udp(6010, 6012, hex(text))),
    );
    expect(await differences(rtcp, ['udp.port==6010:1,rtcp'])).toEqual([]);
  });

  it('RTCP by its content', async () => {
    const path = write(
      'content',
      RTCP.map((text) => udp(6011, 6013, hex(text))),
    );
    expect(await differences(path, [])).toEqual([]);
  });

  it('RTP and RTCP where SDP has said so', async () => {
    const frames = [
      udp(6000, 6002, hex(RTP[0]!)),
      udp(5060, 5060, INVITE),
      ...RTP.map((text) => udp(6000, 9000, hex(text))),
      ...RTCP.map((text) => udp(6001, 9001, hex(text))),
      udp(9002, 7000, hex(RTP[1]!)),
      udp(9002, 7777, hex(RTCP[0]!)),
    ];
    // The first came before.
    expect((await ours(write('sdp', frames), [], ['rtp.seq'])).map(([seq]) => seq).slice(0, 3)).toEqual(['', '', '1']);
    expect(await differences(write('sdp', frames), [])).toEqual([]);
  });

  it('other protocols, where their content would not tell', async () => {
    const path = write('others', [
      tcp(40_000, 8888, 'GET /a HTTP/1.1\r\nHost: b\r\n\r\n'),
      udp(6002, 6004, hex('0007 0100 0001 0000 0000 0000 0161 00 0001 0001')),
    ]);
    expect(await differences(path, ['tcp.port==8888,http', 'udp.port==6004,dns'])).toEqual([]);
    expect(await ours(path, ['udp.port==6004,dns'], ['dns.id'])).toEqual([[''], ['0x0007']]);
  });
});

describe('decodeAs', () => {
  it('EtherTypes and IP protocols, in fields and text', async () => {
    const { bytes } = udp(1, 53, hex('0007 0100 0001 0000 0000 0000 0161 00 0001 0001'));
    bytes[12] = 0x88;
    bytes[13] = 0xb5;
    bytes[23] = 253;
    const path = write('ethertype', [{ bytes }]);
    const texts = ['ethertype==0x88b5,ip', 'ip.proto==253,udp'];
    expect(await ours(path, texts, ['dns.id'])).toEqual([['0x0007']]);
    expect(printFrame(bytes, 1, { decodeAs: decodeAs(texts) })).toContain('7+ A? a. (19)');
  });

  it('the last word about a number counts', async () => {
    const path = write('last', [udp(6000, 6002, hex(RTP[0]!))]);
    expect(await ours(path, ['udp.port==6002,dns', 'udp.port==6002,rtp'], ['rtp.seq'])).toEqual([['1']]);
  });

  it('says what is wrong, and what was meant', () => {
    const wrong = (text: string): DecodeAsError => {
      try {
        decodeAs([text]);
      } catch (error) {
        if (error instanceof DecodeAsError) return error;
      }
      throw new Error(`${text} is taken`);
    };
    expect(wrong('tcp.prt==1,http').nearest).toEqual(['tcp.port']);
    expect(wrong('tcp.port==1,htp').nearest[0]).toBe('http');
    expect(wrong('tcp.port==1,arp').message).toMatch(/no protocol 'arp' over tcp.port/);
    expect(wrong('tcp.port==70000,http').message).toMatch(/65535/);
    expect(wrong('udp.port==5-4,rtp').message).toMatch(/nothing in it/);
    expect(wrong('http').message).toMatch(/tcp.port==8888,http/);
  });
});
