import { hexdump } from '../bytes/hexdump.ts';
import { ascii, isDigit } from '../wire/text-line.ts';
import { defineFields, type Fields } from './fields.ts';
import type { Protocol } from './protocol.ts';
import type { Text } from './text.ts';

/** Syslog, RFC 3164 and RFC 5424: `<PRI>`, then text; PRI is facility * 8 + severity. */
const F = defineFields('syslog', {
  facility: ['Facility', 'uint8'],
  level: ['Level', 'uint8'],
  msg: ['Message', 'string'],
  version: ['Syslog version', 'string'],
  hostname: ['Syslog hostname', 'string'],
  appname: ['Syslog app name', 'string'],
  procid: ['Syslog process id', 'string'],
  msgid: ['Syslog message id', 'string'],
  timestamp: ['Syslog timestamp', 'time', { date: 'utc' }],
  timestamp_rfc3164: ['Syslog timestamp (RFC3164)', 'string'],
});

const OPEN = 60;
const CLOSE = 62;
const MAX_DIGITS = 3;
const SEVERITIES = ['emergency', 'alert', 'critical', 'error', 'warning', 'notice', 'info', 'debug'];
const FACILITIES = (
  'kernel user mail daemon auth syslog lpr news uucp cron authpriv ftp ntp security console cron ' +
  'local0 local1 local2 local3 local4 local5 local6 local7'
).split(' ');

function printSyslog(t: Text, at: number, length: number): void {
  const { out } = t;
  t.layer = 'syslog';
  const end = at + length;
  if (t.u8(at) !== OPEN) {
    t.invalid();
    return;
  }
  let to = at + 1;
  let priority = 0;
  let value = t.u8(to++);
  for (let digits = 0; value !== CLOSE; digits++) {
    if (!isDigit(value) || digits === MAX_DIGITS) {
      t.invalid();
      return;
    }
    priority = priority * 10 + value - 48;
    value = t.u8(to++);
  }
  const severity = priority & 7;
  const facility = priority >> 3;
  const name = FACILITIES[facility] ?? `unknown (${facility})`;
  if (t.verbose === 0) {
    out.ascii(`SYSLOG ${name}.${SEVERITIES[severity]}, length: ${length}`);
    return;
  }
  out.ascii(`SYSLOG, length: ${length}\n\tFacility ${name} (${facility})`);
  out.ascii(`, Severity ${SEVERITIES[severity]} (${severity})\n\tMsg: `);
  for (; to < end; to++) t.visible(t.u8(to));
  if (t.verbose > 1) hexdump(out, t.bytes, at, Math.min(end, t.end), false);
}

/** RFC 5424 6: `VERSION TIMESTAMP HOSTNAME APP-NAME PROCID MSGID …`. */
function walkHeader(f: Fields, at: number, text: string): void {
  const found = /^(\d{1,2}) (\S+) (\S+) (\S+) (\S+) /.exec(text);
  if (found === null) return;
  const [all, version, time, host, app, process] = found as unknown as string[];
  const parsed = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/.exec(time!);
  const millis = parsed ? Date.parse(`${parsed[1]}${parsed[3]}`) : Number.NaN;
  if (Number.isNaN(millis)) return;
  let to = at;
  const word = (id: number, value: string): void => {
    f.value(id, to, value.length, value);
    to += value.length + 1;
  };
  word(F.version, version!);
  f.time(F.timestamp, to, time!.length, millis / 1000, Math.round(Number(parsed![2] ?? 0) * 1e9));
  to += time!.length + 1;
  word(F.hostname, host!);
  word(F.appname, app!);
  word(F.procid, process!);
  f.value(F.msgid, to, text.length - all!.length, text.slice(all!.length));
}

/** RFC 3164 4.1: `Mmm dd hh:mm:ss HOSTNAME TAG…`. */
function walkOldHeader(f: Fields, at: number, text: string): void {
  const found = /^([A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d) (\S+) ([^\s:[]+)/.exec(text);
  if (found === null) return;
  const [all, time, host, process] = found as unknown as string[];
  f.value(F.timestamp_rfc3164, at, time!.length, time!);
  f.value(F.hostname, at + time!.length + 1, host!.length, host!);
  f.value(F.procid, at + all!.length - process!.length, process!.length, process!);
  f.value(F.msgid, at + all!.length, text.length - all!.length, text.slice(all!.length));
}

export const syslog: Protocol = {
  name: 'syslog',
  title: 'Syslog message',
  print: printSyslog,
  walk(f, at, end) {
    const { bytes } = f;
    if (!f.fits('syslog', at, 1, end)) return;
    f.layer(syslog, at, end - at);
    let to = at;
    if (bytes[to] === OPEN) {
      let priority = 0;
      to++;
      const first = to;
      while (to < end && to < first + MAX_DIGITS && isDigit(bytes[to]!)) priority = priority * 10 + bytes[to++]! - 48;
      if (bytes[to] === CLOSE && to < end) to++;
      f.uint(F.facility, at, to - at, priority >> 3);
      f.uint(F.level, at, to - at, priority & 7);
    }
    if (to >= end) return;
    const text = ascii(bytes, to, end);
    f.value(F.msg, to, end - to, text);
    if (/^\d/.test(text)) walkHeader(f, to, text);
    else walkOldHeader(f, to, text);
  },
};
