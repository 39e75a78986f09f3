import { crypto, initial, kexInit, padding, realHello } from '../../dissect/handshake-craft.ts';
import { random } from '../../dissect/mutate.ts';
import { tcpFrame, udpFrame } from '../../dissect/session/craft.ts';
import { changed } from './mutant.ts';

/** Frames of the protocols that no fixture has, so that the run needs none but the project's own files. */
export interface Crafted {
  readonly name: string;
  readonly linkType: number;
  readonly frames: Uint8Array[];
}

/** Name of the frames that `announcement` tells about, among others. */
export const HANDSHAKES = 'handshakes';

/** Where `announcement` says that streams of RTP are. */
const RTP_PORT = 40_004;

/** SIP with SDP: what goes to and from port 40,004 of the two addresses then is RTP, and RTCP one above. */
export const announcement = (isIpv6: boolean): Uint8Array => {
  const address = isIpv6 ? 'IP6 fd00::1' : 'IP4 10.0.0.1';
  const sdp =
    `v=0\r\no=- 1 1 IN ${address}\r\ns=-\r\nc=IN ${address}\r\nt=0 0\r\n` +
    `m=audio ${RTP_PORT} RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n`;
  const text = `INVITE sip:b@x.test SIP/2.0\r\nCall-ID: 1\r\nContent-Type: application/sdp\r\nContent-Length: ${sdp.length}\r\n\r\n${sdp}`;
  return udpFrame(0, Buffer.from(text), { clientPort: 5060, serverPort: 5060, isIpv6 });
};

const hex = (digits: string): Buffer => Buffer.from(digits.replace(/\s+/g, ''), 'hex');

/** RFC 3550 5.1, 6.4.1, 6.4.2, 6.5, 6.6, 6.7; RFC 4585 6.1; RFC 3611 4. */
const RTP = hex(`b2e0 0001 0000 00a0 1122 3344 0000 0001 0000 0002
  bede 0002 1122 3344 5100 0000 d5d5 d5d5 d5d5 d5d5 0000 0004`);
const RTCP = hex(`81c8 000c 1122 3344 e000 0001 8000 0000 0000 00a0 0000 0010 0000 0a00
    5566 7788 1900 0003 0001 0002 0000 0011 0000 0100 0000 0200
  81c9 0007 1122 3344 5566 7788 1900 0003 0001 0002 0000 0011 0000 0100 0000 0200
  81ca 0004 1122 3344 0105 7573 6572 4002 0161 0000
  81cb 0002 1122 3344 0362 7965
  80cc 0003 1122 3344 6162 6364 0102 0304
  81cd 0003 1122 3344 5566 7788 0001 0003
  8fce 0005 1122 3344 0000 0000 5245 4d42 0112 3456 5566 7788
  80cf 0005 1122 3344 0400 0002 e000 0001 8000 0000 0600 0000`);
/** A hello of RFC 9147's older versions, its cookie, an alert, and data. */
const DTLS = hex(`16feff0000000000000000003a 0100002e 0000 000000 00002e feff
    000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f 00 00 0004 c02b 002f 01 00 0000
  16feff0000000000000001000f 03000003 0001 000000 000003 feff 00
  15fefd00000000000000020002 0228
  17fefd00010000000000030008 0001020304050607`);
/** A client's hello of TLS 1.2, key exchange, an alert and data, record by record: RFC 5246. */
const TLS = hex(`160303005d 02000059 0303 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f 20
    000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f c02b 00 0011
    0010 0005 0003 026832 ff01 0001 00 002b 0002 0304
  160303001a 0b000016 000013 000008 3006020101020102 000005 3003020101
  1603030004 0e000000 1403030001 01 1503030002 0228 1803030008 0100050102030405
  1703030004 01020304`);

/** `seed` decides how the hellos inside of protected Initials are changed: behind the protection nothing reaches them. */
export async function crafted(seed: number): Promise<Crafted[]> {
  const next = random(seed);
  const hello = await realHello({ servername: 'www.example.test', ALPNProtocols: ['h2', 'http/1.1'] });
  // What is drawn anew in each hello, so that a run can be repeated: random, session id, share of a key of X25519.
  hello.fill(1, 11, 43);
  hello.fill(2, 44, 44 + hello[43]!);
  const share = hello.indexOf(Buffer.from([0, 0x1d, 0, 32]), 76);
  if (share >= 0) hello.fill(3, share + 4, share + 36);
  const message = hello.subarray(5);
  const made: Uint8Array[] = [];
  const over = (protocol: 'tcp' | 'udp', port: number, data: Uint8Array, clientPort = 50_000 + made.length): void => {
    for (const isIpv6 of [false, true]) {
      const ends = { clientPort, serverPort: port, isIpv6 };
      made.push(
        protocol === 'udp'
          ? udpFrame(0, data, ends)
          : tcpFrame({ side: 0, seq: 1, ack: 1, flags: 0x18, payload: data }, ends),
      );
    }
  };
  over('tcp', 443, hello);
  over('tcp', 4433, TLS);
  over('udp', 4433, DTLS);
  over('tcp', 22, Buffer.from('SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n'));
  over('tcp', 22, Buffer.concat([Buffer.from('SSH-2.0-x y\r\n'), kexInit(1)]));
  over('tcp', 22, kexInit());
  over('udp', RTP_PORT, RTP, RTP_PORT);
  over('udp', RTP_PORT + 1, RTCP, RTP_PORT + 1);
  over('udp', 5355, hex('1234 0000 0001 0000 0000 0000 0568656c6c6f00 00ff 0001'));
  over(
    'udp',
    5355,
    hex('1234 8000 0001 0001 0000 0000 0568656c6c6f00 0001 0001 c00c 0001 0001 0000001e 0004 0a000001'),
  );
  for (let i = 0; i < 60; i++) {
    const client = i === 0 ? message : changed(message, 0, next);
    const frames = Buffer.concat([crypto(0, client.subarray(0, 900)), padding(20)]);
    over(
      'udp',
      443,
      initial(i % 3 === 2 ? changed(frames, 0, next).subarray(0, 1200) : frames, { version: i % 2 ? 0x6b3343cf : 1 }),
    );
  }
  // Version negotiation and Retry (RFC 9000 17.2.1, 17.2.5), a long and a short header of another phase.
  over('udp', 443, hex('c0 00000000 08 8394c8f03e515708 04 aabbccdd 00000001 6b3343cf'));
  over('udp', 443, hex('f0 00000001 04 aabbccdd 08 8394c8f03e515708 01020304 000102030405060708090a0b0c0d0e0f'));
  over('udp', 443, hex('e0 00000001 08 8394c8f03e515708 04 aabbccdd 0010 000102030405060708090a0b0c0d0e0f'));
  const fddi = [
    hex(
      '50 010000000001 010000000002 aaaa03 000000 0800 4500001c 00010000 40110000 0a000001 0a000002 00350035 00080000',
    ),
    hex('51 ffffffffffff 010000000002 424203 0000000000800000000000000000000000800000000000000000140002000f00'),
    hex('c0 ffffffffffff 010000000002 0001020304'),
  ];
  // IPv4, IPv6 and SLARP over Cisco's header.
  const chdlc = [
    hex('0f00 0800 4500001c 00010000 40110000 0a000001 0a000002 0035003500080000'),
    hex('0f00 86dd 60000000 0000 3b40 fd000000000000000000000000000001 fd000000000000000000000000000002'),
    hex('8f00 8035 00000002 00000001 00000002 ffff 0000 0001'),
  ];
  return [
    { name: HANDSHAKES, linkType: 1, frames: made },
    { name: 'fddi', linkType: 10, frames: fddi },
    { name: 'chdlc', linkType: 104, frames: chdlc },
  ];
}
