/** flood.ts DEVICE FRAMES SIZE RATE: sends numbered frames by sendmmsg, as fast as it can where RATE is 0, and prints what
 * it did as JSON. */
import { readFileSync } from 'node:fs';
import { Pacer } from '../../../src/inject/pace.ts';
import { linuxSystemCalls } from '../../../src/linux/index.ts';
import { messageVector } from '../../../src/syscall/message.ts';
import { systemClock } from '../../../src/time/clock.ts';
import { EAGAIN, ENOBUFS } from '../../../src/uapi/errno.ts';
import { encodeSockaddrLl } from '../../../src/uapi/sockaddr.ts';
import { AF_PACKET, SOCK_RAW } from '../../../src/uapi/socket.ts';
import { numberedFrame, setNumber } from './numbered.ts';

const ROWS = 256;
const [device, ...numbers] = process.argv.slice(2);
const [frames, size, rate] = numbers.map(Number) as [number, number, number];

const memory = new Uint8Array(ROWS * size);
const vector = messageVector(memory, ROWS);
for (let row = 0; row < ROWS; row++) {
  memory.set(numberedFrame(size), row * size);
  vector.offset[row] = row * size;
  vector.length[row] = size;
}

const system = linuxSystemCalls();
const fd = system.socket(AF_PACKET, SOCK_RAW, 0);
if (fd < 0) throw new Error(`socket: errno ${-fd}`);
const ifindex = Number(readFileSync(`/sys/class/net/${device}/ifindex`, 'utf8'));
const bound = system.bind(fd, encodeSockaddrLl({ protocol: 0, ifindex }));
if (bound < 0) throw new Error(`bind: errno ${-bound}`);

const pacer = rate > 0 ? Pacer.perSecond(systemClock, rate) : null;
const started = systemClock.monotonic();
let sent = 0;
while (sent < frames) {
  let due = Math.min(ROWS, frames - sent);
  if (pacer) {
    due = pacer.take(due);
    if (due === 0) continue;
  }
  for (let row = 0; row < due; row++) setNumber(memory, row * size, sent + row);
  for (let row = 0; row < due; ) {
    const result = system.sendmmsg(fd, vector, row, due - row, 0);
    if (result > 0) row += result;
    else if (result !== -EAGAIN && result !== -ENOBUFS) throw new Error(`sendmmsg: errno ${-result}`);
  }
  sent += due;
}
const seconds = (systemClock.monotonic() - started) / 1e9;
process.stdout.write(JSON.stringify({ sent, seconds }));
