/** flood.ts DEVICE FRAMES SIZE RATE [af_xdp]: sends numbered frames by netlab's sender (sendmmsg, or AF_XDP where that is
 * said), as fast as it can where RATE is 0, and prints what it did as JSON. */
import { FrameBlock } from '../../../src/frames/block.ts';
import { Pacer } from '../../../src/inject/pace.ts';
import { linuxSystemCalls } from '../../../src/linux/index.ts';
import { FrameSender } from '../../../src/socket/sender.ts';
import { XdpSender } from '../../../src/socket/xdp-sender.ts';
import { systemClock } from '../../../src/time/clock.ts';
import { numberedFrame, setNumber } from './numbered.ts';

const ROWS = 256;
const [device, framesText, sizeText, rateText, via] = process.argv.slice(2);
const [frames, size, rate] = [Number(framesText), Number(sizeText), Number(rateText)];

const block = new FrameBlock(new Uint8Array(ROWS * size), ROWS);
for (let row = 0; row < ROWS; row++) {
  block.bytes.set(numberedFrame(size), row * size);
  block.offset[row] = row * size;
  block.capturedLength[row] = size;
  block.keep[row] = 1;
}

const calls = linuxSystemCalls();
const options = { interface: device! };
const sender = via === 'af_xdp' ? await XdpSender.open(calls, options) : FrameSender.open(calls, options);
const pacer = rate > 0 ? Pacer.perSecond(systemClock, rate) : null;
const started = systemClock.monotonic();
let sent = 0;
while (sent < frames) {
  let due = Math.min(ROWS, frames - sent);
  if (pacer) {
    due = pacer.take(due);
    // A processor of its own: the rate is what counts here.
    if (due === 0) continue;
  }
  for (let row = 0; row < due; row++) setNumber(block.bytes, row * size, sent + row);
  block.count = due;
  const { failed } = await sender.send(block);
  if (failed.size > 0)
    throw new Error(`not sent: ${[...failed].map(([name, count]) => `${count} ${name}`).join(', ')}`);
  sent += due;
}
const seconds = (systemClock.monotonic() - started) / 1e9;
sender.close();
process.stdout.write(JSON.stringify({ sent, seconds }));
