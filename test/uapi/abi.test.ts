/** Every constant and every structure of uapi/ against the C compiler and the headers of this machine. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import * as capability from '../../src/uapi/capability.ts';
import * as epoll from '../../src/uapi/epoll.ts';
import * as errno from '../../src/uapi/errno.ts';
import * as errqueue from '../../src/uapi/errqueue.ts';
import * as ethtool from '../../src/uapi/ethtool.ts';
import * as fcntl from '../../src/uapi/fcntl.ts';
import * as filter from '../../src/uapi/filter.ts';
import * as if_ from '../../src/uapi/if.ts';
import * as ifAddr from '../../src/uapi/if_addr.ts';
import * as ifArp from '../../src/uapi/if_arp.ts';
import * as ifEther from '../../src/uapi/if_ether.ts';
import * as ifLink from '../../src/uapi/if_link.ts';
import * as ifPacket from '../../src/uapi/if_packet.ts';
import * as ifTun from '../../src/uapi/if_tun.ts';
import * as ifXdp from '../../src/uapi/if_xdp.ts';
import * as in_ from '../../src/uapi/in.ts';
import * as in6 from '../../src/uapi/in6.ts';
import * as mman from '../../src/uapi/mman.ts';
import * as neighbour from '../../src/uapi/neighbour.ts';
import * as netTstamp from '../../src/uapi/net_tstamp.ts';
import * as netlink from '../../src/uapi/netlink.ts';
import * as poll from '../../src/uapi/poll.ts';
import * as prctl from '../../src/uapi/prctl.ts';
import * as rtnetlink from '../../src/uapi/rtnetlink.ts';
import * as sched from '../../src/uapi/sched.ts';
import * as socket from '../../src/uapi/socket.ts';
import * as sockios from '../../src/uapi/sockios.ts';
import * as tcp from '../../src/uapi/tcp.ts';
import * as udp from '../../src/uapi/udp.ts';
import * as un from '../../src/uapi/un.ts';
import { lacks } from '../support/tools.ts';

/** Each module with the headers that it stands for. Some of glibc's and Linux's headers cannot be included together. */
const MODULES: [name: string, module: object, headers: string[]][] = [
  ['capability', capability, ['linux/capability.h']],
  ['epoll', epoll, ['sys/epoll.h']],
  ['errno', errno, ['errno.h']],
  ['errqueue', errqueue, ['time.h', 'linux/errqueue.h']],
  ['ethtool', ethtool, ['linux/ethtool.h']],
  ['fcntl', fcntl, ['fcntl.h']],
  ['filter', filter, ['linux/filter.h']],
  ['if', if_, ['linux/if.h']],
  ['if_addr', ifAddr, ['linux/if_addr.h']],
  ['if_arp', ifArp, ['linux/if_arp.h']],
  ['if_ether', ifEther, ['linux/if_ether.h']],
  ['if_link', ifLink, ['linux/if_link.h', 'linux/rtnetlink.h']],
  ['if_packet', ifPacket, ['linux/if_packet.h']],
  ['if_tun', ifTun, ['sys/ioctl.h', 'linux/if_tun.h']],
  ['if_xdp', ifXdp, ['linux/if_xdp.h']],
  ['in', in_, ['linux/in.h']],
  ['in6', in6, ['linux/in6.h', 'linux/ipv6.h']],
  ['mman', mman, ['sys/mman.h']],
  ['neighbour', neighbour, ['linux/neighbour.h']],
  ['net_tstamp', netTstamp, ['linux/net_tstamp.h']],
  ['netlink', netlink, ['linux/netlink.h']],
  ['poll', poll, ['poll.h']],
  ['prctl', prctl, ['sys/prctl.h']],
  ['rtnetlink', rtnetlink, ['linux/rtnetlink.h']],
  ['sched', sched, ['sched.h']],
  ['socket', socket, ['netinet/in.h', 'netinet/tcp.h', 'netinet/udp.h', 'sys/socket.h', 'sys/time.h']],
  ['sockios', sockios, ['sys/ioctl.h', 'linux/sockios.h']],
  ['tcp', tcp, ['netinet/tcp.h']],
  ['udp', udp, ['linux/udp.h']],
  ['un', un, ['sys/un.h']],
];

/** What has no expression of the same name in C, and why. */
const NOT_IN_C = new Set([
  // Newer or older than the C library's headers here, or only in one of two headers that exclude each other.
  'SOL_XDP',
  'SO_EE_ORIGIN_TXTIME',
]);

const directory = mkdtempSync(join(tmpdir(), 'netlab-abi-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** Values of C expressions under `headers`, as unsigned 64-bit. */
function evaluate(name: string, headers: string[], expressions: string[]): Map<string, bigint> {
  const source = join(directory, `${name}.c`);
  const program = join(directory, name);
  const lines = expressions.map((x) => `  printf("%s=%llu\\n", ${JSON.stringify(x)}, (unsigned long long)(${x}));`);
  writeFileSync(
    source,
    [...['stddef.h', 'stdio.h', ...headers].map((h) => `#include <${h}>`), `int main(void) {`, ...lines, '}'].join(
      '\n',
    ),
  );
  const compiled = spawnSync('gcc', ['-w', '-D_GNU_SOURCE', '-o', program, source], { encoding: 'utf8' });
  if (compiled.status !== 0) throw new Error(`gcc: ${compiled.error?.message ?? compiled.stderr}`);
  const output = spawnSync(program, { encoding: 'utf8' }).stdout;
  return new Map(
    output.split('\n').flatMap((line) => {
      const at = line.lastIndexOf('=');
      return at < 0 ? [] : [[line.slice(0, at), BigInt(line.slice(at + 1))] as const];
    }),
  );
}

const gcc = spawnSync('gcc', ['--version']).status === 0;
if (!gcc) process.stderr.write('skipped: uapi against the C compiler: no gcc\n');

describe.skipIf(!gcc)('uapi against the C compiler', () => {
  test.each(MODULES)('%s', (name, module, headers) => {
    const expected = new Map<string, bigint>();
    for (const [key, value] of Object.entries(module)) {
      if (NOT_IN_C.has(key)) continue;
      if (typeof value === 'number' && /^_?[A-Z]/.test(key)) {
        expected.set(key, BigInt.asUintN(64, BigInt(value)));
      } else if (typeof value === 'object' && value !== null && 'sizeof' in value) {
        for (const [field, offset] of Object.entries(value as Record<string, number>)) {
          const expression = field === 'sizeof' ? `sizeof(struct ${key})` : `offsetof(struct ${key}, ${field})`;
          expected.set(expression, BigInt(offset));
        }
      }
    }
    expect(expected.size).toBeGreaterThan(0);
    const there = evaluate(name, headers, [...expected.keys()]);
    // A constant may be a negative int or an unsigned one with the sign bit: both are the same 32 bits here.
    const low = (values: Map<string, bigint>) =>
      Object.fromEntries([...values].map(([key, value]) => [key, BigInt.asUintN(32, value)]));
    expect(low(expected)).toEqual(low(there));
  });
});

describe('error numbers', () => {
  const python = spawnSync('/usr/bin/python3', ['-c', 'import os\nfor n in range(1, 140): print(os.strerror(n))'], {
    encoding: 'utf8',
    env: { LC_ALL: 'C' },
  });

  test('names go both ways', () => {
    expect(errno.errnoName(1)).toBe('EPERM');
    expect(errno.errnoName(95)).toBe('EOPNOTSUPP');
    expect(errno.errnoName(105)).toBe('ENOBUFS');
    expect(errno.errnoName(4000)).toBe('E4000');
    expect(errno.errnoNumber('ENOBUFS')).toBe(105);
    expect(errno.errnoNumber('EWOULDBLOCK')).toBe(11);
    expect(errno.errnoNumber('ENOTSUP')).toBe(95);
    expect(errno.errnoNumber('ENOSUCH')).toBeUndefined();
  });

  test('texts', () => {
    expect(errno.strerror(1)).toBe('Operation not permitted');
    expect(errno.strerror(4000)).toBe('Unknown error 4000');
    expect(errno.strerror(0)).toBe('Success');
  });

  test.skipIf(lacks('texts of errors', python.status !== 0 && 'no /usr/bin/python3'))(
    'texts are strerror(3) of the C library',
    () => {
      const texts = python.stdout.trimEnd().split('\n');
      expect(texts.map((_, at) => errno.strerror(at + 1))).toEqual(texts);
    },
  );
});
