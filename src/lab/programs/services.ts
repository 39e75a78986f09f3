import { putBe32 } from '../../bytes/endian.ts';
import type { SystemCalls } from '../../syscall/contract.ts';
import type { Clock } from '../../time/clock.ts';
import * as ntp from '../../wire/ntp.ts';
import { udpServer } from './udp-server.ts';

/** Small services of an Internet host, over UDP. */

/** RFC 862: what comes goes back. */
export const echoServer = (calls: SystemCalls): void => udpServer(calls, 7, (data) => data);

/** RFC 863: what comes is thrown away. */
export const discardServer = (calls: SystemCalls): void => udpServer(calls, 9, () => null);

/** RFC 867: the time of day as text. */
export const daytimeServer = (calls: SystemCalls, clock: Clock): void =>
  udpServer(calls, 13, () => {
    const text = new Date(clock.realtime().seconds * 1000).toUTCString();
    return new TextEncoder().encode(`${text}\r\n`);
  });

/** RFC 868: seconds since 1900 in 32 bits. */
export const timeServer = (calls: SystemCalls, clock: Clock): void =>
  udpServer(calls, 37, () => {
    const reply = new Uint8Array(4);
    putBe32(reply, 0, (clock.realtime().seconds + ntp.EPOCH) >>> 0);
    return reply;
  });

function putTimestamp(bytes: Uint8Array, at: number, clock: Clock): void {
  const { seconds, nanoseconds } = clock.realtime();
  putBe32(bytes, at, (seconds + ntp.EPOCH) >>> 0);
  putBe32(bytes, at + 4, Math.floor((nanoseconds / 1e9) * 2 ** 32) >>> 0);
}

const MODE_CLIENT = 3;
const MODE_SERVER = 4;

/** RFC 5905: a primary server, whose clock is the network's own. */
export const ntpServer = (calls: SystemCalls, clock: Clock): void =>
  udpServer(calls, 123, (query) => {
    if (query.length < ntp.HEADER_LENGTH || ntp.mode(query, 0) !== MODE_CLIENT) return null;
    const reply = new Uint8Array(ntp.HEADER_LENGTH);
    reply[0] = (ntp.version(query, 0) << 3) | MODE_SERVER;
    reply[ntp.STRATUM] = 1;
    reply[ntp.POLL] = query[ntp.POLL]!;
    reply[ntp.PRECISION] = -20 & 0xff;
    reply.set(new TextEncoder().encode('LOCL'), ntp.REFERENCE_ID);
    putTimestamp(reply, ntp.REFERENCE_TIME, clock);
    reply.set(query.subarray(ntp.TRANSMIT_TIME, ntp.TRANSMIT_TIME + 8), ntp.ORIGIN_TIME);
    putTimestamp(reply, ntp.RECEIVE_TIME, clock);
    putTimestamp(reply, ntp.TRANSMIT_TIME, clock);
    return reply;
  });
