import { spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bar } from '../../src/cli/plot.ts';
import { random } from '../dissect/mutate.ts';
import { type Frame, savefile } from '../dissect/oracle.ts';
import { conversation, framesOf, randomBytes, udpFrame } from '../dissect/session/craft.ts';
import { netlab, start } from '../support/cli.ts';
import { describeWith } from '../support/tools.ts';

let folder = '';
let file = '';
const seed = Number(process.env['SEED'] ?? 1);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'netlab-sessions-'));
  file = join(folder, 'sessions.pcap');
  const next = random(seed);
  const frames: Frame[] = [];
  for (let i = 0; i < 12; i++) {
    const said = [0, 1].map(() => randomBytes(Math.floor(next() * 9000), next)) as [Uint8Array, Uint8Array];
    const trouble = { reorder: 0.1, duplicate: 0.1, overlap: 0, loss: 0.05 };
    // Two connections on the same ports, and some over IPv6.
    const ends = { clientPort: 40_000 + (i === 7 ? 1 : i), serverPort: 4242, isIpv6: i % 4 === 3 };
    frames.push(...framesOf(conversation(said, [i * 1e6, i * 2e6], trouble, next), ends, frames.length * 7));
  }
  for (let i = 0; i < 40; i++)
    frames.push({
      bytes: udpFrame(i % 3 === 0 ? 1 : 0, randomBytes(10 + i, next), {
        clientPort: 50_000 + (i % 5),
        serverPort: 4243,
      }),
      seconds: 1_700_000_000 + i,
      nanoseconds: 5,
    });
  frames.sort((a, b) => a.seconds! - b.seconds! || a.nanoseconds! - b.nanoseconds!);
  writeFileSync(file, savefile(frames, 1, true));
});
afterAll(() => rmSync(folder, { recursive: true }));

const tshark = (...args: string[]): string =>
  spawnSync('tshark', ['-n', '-r', file, '-q', ...args], { encoding: 'utf8' }).stdout;

const ndjson = (args: string[]): Record<string, string & number>[] => {
  const done = netlab([...args, '--json']);
  expect(done).toMatchObject({ status: 0, stderr: '' });
  return done.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, string & number>);
};

describeWith(['tshark'], 'statistics beside tshark', () => {
  const KINDS = ['eth', 'ip', 'ipv6', 'tcp', 'udp'];
  /** Titles of tshark's tables, which come in any order. */
  const TITLES = ['Ethernet', 'IPv4', 'IPv6', 'TCP', 'UDP'];
  const tableOf = (text: string, kind: string, what: string): string[] => {
    const from = text.indexOf(`${TITLES[KINDS.indexOf(kind)]} ${what}`);
    return text.slice(from, text.indexOf('=====', from)).split('\n');
  };
  const key = (a: string, b: string, sent: number, received: number): string =>
    a < b ? `${a} ${b} ${sent} ${received}` : `${b} ${a} ${received} ${sent}`;

  it(`conversations: the same ends and frames (seed ${seed})`, () => {
    const text = tshark(...KINDS.flatMap((kind) => ['-z', `conv,${kind}`]));
    const rows = ndjson(['conversations', file]);
    for (const kind of KINDS) {
      const theirs = tableOf(text, kind, 'Conversations').flatMap((line) => {
        // tshark shortens bytes to kB: frames alone are exact.
        const match = /^(\S+)\s+<->\s+(\S+)\s+(\d+) .*?(?:bytes|kB)\s+(\d+) .*?(?:bytes|kB)\s+(\d+) /.exec(line);
        return match ? [key(match[1]!, match[2]!, Number(match[4]), Number(match[3]))] : [];
      });
      const ours = rows.flatMap((row) => {
        if (row['type'] !== kind) return [];
        const end = (side: 'a' | 'b'): string =>
          row[`${side}_port`] === undefined ? row[side]! : `${row[side]}:${row[`${side}_port`]}`;
        return [key(end('a'), end('b'), row['frames_a_to_b']!, row['frames_b_to_a']!)];
      });
      expect(ours.length, kind).toBeGreaterThan(0);
      expect(ours.sort(), kind).toEqual(theirs.sort());
    }
  });

  it('endpoints: the same frames and bytes', () => {
    const text = tshark(...KINDS.flatMap((kind) => ['-z', `endpoints,${kind}`]));
    const rows = ndjson(['endpoints', file]);
    for (const kind of KINDS) {
      const names = kind === 'tcp' || kind === 'udp' ? 2 : 1;
      const theirs = tableOf(text, kind, 'Endpoints').flatMap((line) => {
        const cells = line.trim().split(/\s+/);
        return cells.length === names + 6 && /^\d+$/.test(cells[names]!) ? [cells.join(' ')] : [];
      });
      const ours = rows.flatMap((row) =>
        row['type'] === kind
          ? [
              [
                row['address'],
                ...(names === 2 ? [row['port']] : []),
                row['frames'],
                row['bytes'],
                row['frames_sent'],
                row['bytes_sent'],
                row['frames_received'],
                row['bytes_received'],
              ].join(' '),
            ]
          : [],
      );
      expect(ours.length, kind).toBeGreaterThan(0);
      expect(ours.sort(), kind).toEqual(theirs.sort());
    }
  });

  it('protocols: the same hierarchy', () => {
    const path: string[] = [];
    const theirs = tshark('-z', 'io,phs')
      .split('\n')
      .flatMap((line) => {
        const match = /^( *)(\S+) +frames:(\d+) bytes:(\d+)/.exec(line);
        if (!match) return [];
        path.length = match[1]!.length / 2;
        path.push(match[2]!);
        return [`${path.join(':')} ${match[3]} ${match[4]}`];
      });
    const ours = ndjson(['protocols', file]).map((row) => `${row['path']} ${row['frames']} ${row['bytes']}`);
    expect(ours.sort()).toEqual(theirs.sort());
  });

  it('io: the same frames and bytes in each interval, and of each column', () => {
    const theirs = tshark('-z', 'io,stat,5,tcp,udp.port==50001')
      .split('\n')
      .flatMap((line) => {
        const match = /^\|\s*(\d+) <> +\S+ *\|\s*(\d+) \|\s*(\d+) \|\s*(\d+) \|\s*(\d+) \|/.exec(line);
        return match ? [match.slice(1).join(' ')] : [];
      })
      .filter((row) => !/ 0 0 0 0$/.test(row));
    const rows = ndjson(['io', file, '-i', '5', '--column', 'tcp', '--column', 'udp.port==50001']) as unknown as {
      start: string;
      columns: { frames: number; bytes: number }[];
    }[];
    const ours = rows.map(({ start, columns }) =>
      [Number(start), ...columns.flatMap(({ frames, bytes }) => [frames, bytes])].join(' '),
    );
    expect(ours.filter((row) => !/ 0 0 0 0$/.test(row))).toEqual(theirs);
  });

  it('expert: the same things as often', () => {
    const theirs = tshark('-z', 'expert')
      .split('\n')
      .flatMap((line) => {
        const match = /^\s*(\d+)\s+Sequence\s+TCP\s+(.*)$/.exec(line);
        return match ? [`${match[1]} ${match[2]}`] : [];
      });
    const counts = new Map<string, number>();
    for (const item of ndjson(['expert', file, '-K']))
      if (item['group'] === 'Sequence') counts.set(item['summary']!, (counts.get(item['summary']!) ?? 0) + 1);
    const ours = [...counts].map(([summary, count]) => `${count} ${summary}`);
    expect(ours.sort()).toEqual(theirs.sort());
    expect(ours.length).toBeGreaterThan(6);
  });
});

describe('statistics for people', () => {
  it('conversations: a table, only of what the filters select', () => {
    const { stdout, status } = netlab(['conversations', file, '-t', 'udp', '-Y', 'udp.srcport == 50001', 'udp']);
    expect(status).toBe(0);
    expect(stdout.split('\n')[0]).toBe('UDP conversations: 1');
    expect(stdout).toMatch(/10\.0\.0\.1:50001 +10\.0\.0\.2:4243/);
  });

  it('io: a bar a line, within the width, in blocks or in ASCII', () => {
    const lines = (args: string[]): string[] =>
      netlab(['io', file, '-i', '5', ...args])
        .stdout.trimEnd()
        .split('\n')
        .slice(2);
    const blocks = lines(['--width', '70']);
    expect(blocks.some((line) => line.includes('█'))).toBe(true);
    for (const line of blocks) expect(line.length).toBeLessThanOrEqual(70);
    const ascii = lines(['--ascii', '--plot', 'frames']);
    expect(ascii.join('')).not.toMatch(/[^\x20-\x7e]/);
    expect(ascii.some((line) => line.endsWith('###'))).toBe(true);
  });

  it('expert: worst first, none below the severity asked for', () => {
    const { stdout } = netlab(['expert', file, '-s', 'note', '-K']);
    expect(stdout.match(/^(Errors|Warns|Notes|Chats)/gm)).toEqual(['Warns', 'Notes']);
  });

  it('says what is wrong, and with which exit code', () => {
    expect(netlab(['conversations', file, '-t', 'ipx'])).toMatchObject({ status: 2, stdout: '' });
    expect(netlab(['io', file, '--column', 'tcp.prot == 1'])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('^'),
    });
    expect(netlab(['protocols', join(folder, 'none.pcap')]).status).toBe(1);
    expect(netlab(['endpoints']).status).toBe(2);
  });

  it('what was read of a damaged file is told, and that it is damaged', () => {
    const cut = join(folder, 'cut.pcap');
    writeFileSync(
      cut,
      savefile([{ bytes: udpFrame(0, new Uint8Array(4), { clientPort: 1, serverPort: 2 }) }], 1).subarray(0, -3),
    );
    const done = netlab(['protocols', cut]);
    expect(done.status).toBe(1);
    expect(done.stderr).toMatch(/^netlab: /);
  });
});

describe('netlab capture --top', () => {
  it('lists the conversations with their counts while it captures', async () => {
    const capture = start(['capture', 'lo', '--top', '--duration', '100', 'udp port 4244']);
    await capture.listening();
    const socket = createSocket('udp4');
    for (let i = 0; i < 5; i++)
      await new Promise((resolve) => socket.send('x'.repeat(100), 4244, '127.0.0.1', resolve));
    const { port } = socket.address();
    socket.close();
    await capture.until('stdout', new RegExp(`udp +127\\.0\\.0\\.1:${port} +127\\.0\\.0\\.1:4244 .* 5 +0 +710 B`));
    capture.kill('SIGINT');
    expect((await capture.ended).status).toBe(0);
  });

  it('is not for writing files', () => {
    expect(netlab(['capture', 'lo', '--top', '-w', 'x.pcap']).status).toBe(2);
  });
});

describe('bar', () => {
  it('is as long as the share, in eighths of a column, and never nothing for something', () => {
    expect(bar(0, 10, false)).toBe('');
    expect(bar(1, 10, false)).toBe('█'.repeat(10));
    expect(bar(0.5, 9, false)).toBe('████▌');
    expect(bar(1e-9, 10, false)).toBe('▏');
    expect(bar(1e-9, 10, true)).toBe('#');
  });
});
