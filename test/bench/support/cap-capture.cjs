// Captures with `cap` (libpcap for Node) as its own example does, and prints how many frames it was given. Ends on SIGINT.
const { Cap } = require('cap');

const capture = new Cap();
// cap keeps no reference to this buffer: it must live as long as the capture.
const buffer = Buffer.alloc(65535);
let frames = 0;
capture.open(process.argv[2], '', 10 * 1024 * 1024, buffer);
if (capture.setMinBytes) capture.setMinBytes(0);
capture.on('packet', () => {
  frames++;
});
process.on('SIGINT', () => {
  capture.close();
  process.stdout.write(`${frames}\n`);
  process.exit(buffer.length > 0 ? 0 : 1);
});
