import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { ColumnPrinter } from '../../src/dissect/columns.ts';
import { openSavefile } from '../../src/savefile/index.ts';
import { describeWith } from '../support/tools.ts';

const COLUMNS = ['No.', 'Time', 'Source', 'Destination', 'Protocol', 'Length'].map((name) => `_ws.col.${name}`);
const FRAME = [
  ...['interface_id', 'interface_name', 'encap_type', 'marked', 'ignored', 'offset_shift', 'comment', 'number'],
  ...['time_delta', 'time_delta_displayed', 'time_relative', 'time_epoch', 'len', 'cap_len', 'packet_flags'],
].map((name) => `frame.${name}`);

async function ours(file: string, fields: readonly string[]): Promise<string[]> {
  let text = '';
  const printer = new ColumnPrinter({ fields, quote: 'd' }, (chunk) => {
    text += Buffer.from(chunk).toString('utf8');
  });
  const source = await openSavefile(file);
  for await (const block of source) printer.print(block, source.interfaces);
  printer.flush();
  return text.split('\n');
}

function theirs(file: string, fields: readonly string[]): string[] {
  const words = ['-n', '-r', file, '-T', 'fields', '-E', 'quote=d', ...fields.flatMap((name) => ['-e', name])];
  const done = spawnSync('tshark', words, { encoding: 'utf8' });
  if (done.status !== 0) throw new Error(done.stderr);
  return done.stdout.split('\n');
}

describeWith(['tshark'], "columns of Wireshark's packet list", () => {
  it.each(['tour.pcapng', 'protocols/ntp.pcap'])(
    '%s as tshark lists it',
    async (name) => {
      const file = `fixtures/${name}`;
      const fields = [...COLUMNS, ...FRAME];
      // Wireshark takes what goes to UDP port 7 for ECHO, whatever it is.
      const lines = theirs(file, fields).map((line) => line.replace('"ECHO"', '"UDP"'));
      expect((await ours(file, fields)).map((line) => line.replace('"ECHO"', '"UDP"'))).toEqual(lines);
    },
    30_000,
  );
});
