/** Two namespaces with real programs in them: clients here, servers there, or the other way round. */
import { createSocket } from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server as HttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { Server as NetServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { be16 } from '../../../src/bytes/endian.ts';
import { joined } from '../../support/network.ts';
import type { Frame } from '../oracle.ts';
import { type Capture, program, Server, until } from './capture.ts';

export class World {
  readonly link: Awaited<ReturnType<typeof joined>>;
  /** Addresses of this side and of the other. */
  readonly near: string;
  readonly far: string;
  readonly near6: string;
  readonly far6: string;
  /** What goes over the link, for those who wait for it. */
  capture: Capture | undefined;
  readonly #folder = mkdtempSync(join(tmpdir(), 'netlab-world-'));
  readonly #net: number;

  private constructor(link: Awaited<ReturnType<typeof joined>>, net: number) {
    this.link = link;
    this.#net = net;
    this.near = `10.99.${net}.1`;
    this.far = `10.99.${net}.2`;
    this.near6 = `fd99:${net}::1`;
    this.far6 = `fd99:${net}::2`;
  }

  static async create(net: number): Promise<World> {
    const link = await joined(net);
    // Of the other side's own ports none is one that Wireshark takes for a protocol's.
    link.far.run('sh', '-c', 'echo 61500 64500 > /proc/sys/net/ipv4/ip_local_port_range');
    return new World(link, net);
  }

  remove(): void {
    this.link.remove();
    rmSync(this.#folder, { recursive: true });
  }

  #file(name: string, content?: string | Uint8Array): string {
    const path = join(this.#folder, name);
    if (content !== undefined) writeFileSync(path, content);
    return path;
  }

  /** A program of the other side. */
  #there(...words: string[]): string[] {
    return [...this.link.far.prefix(), ...words];
  }

  /** ARP, neighbour discovery, echoes whole and in fragments, with options; what a router and a host without a listener
   * answer. */
  async pings(): Promise<void> {
    const { far, far6 } = this;
    await program(['ping', '-c', '2', '-i', '0.05', far]);
    await program(['ping', '-c', '1', '-s', '4000', far]);
    await program(['ping', '-c', '1', '-R', far]);
    await program(['ping', '-c', '1', '-T', 'tsandaddr', far]);
    await program(['ping', '-c', '1', '-Q', '0x2e', '-t', '3', '-M', 'do', '-p', 'fe', far]);
    await program(['ping', '-c', '2', '-i', '0.05', far6]);
    await program(['ping', '-c', '1', '-s', '4000', far6]);
    await program(['ping', '-c', '1', '-Q', '0x2e', '-F', '0x12345', far6]);
  }

  async traceroutes(): Promise<void> {
    const { far, far6 } = this;
    for (const mode of [['--sport=61000'], ['-I'], ['-T', '-O', 'sack,timestamps,window_scaling,ecn']])
      await program(['traceroute', '-n', '-q', '2', '-m', '3', '-w', '1', ...mode, far]);
    for (const mode of [['--sport=61000'], ['-I']])
      await program(['traceroute', '-6', '-n', '-q', '1', '-m', '3', '-w', '1', ...mode, far6]);
  }

  /** Requests and answers of every kind, by curl to Node. */
  async http(): Promise<void> {
    const servers = await Promise.all([this.near, this.near6].map((host) => listening(createServer(answer), host, 80)));
    const at = `http://${this.near}`;
    const curl = (...words: string[]): Promise<string> =>
      program(this.#there('curl', '-sS', '--max-time', '30', '--noproxy', '*', ...words));
    try {
      await curl(`${at}/plain?a=1&b=%20two`, `${at}/chunked`, '-o', '/dev/null', '-o', '/dev/null');
      await curl('--compressed', '-A', 'Agent/1.0 (of a test)', '-e', 'http://example.org/from', `${at}/zipped`);
      await curl('-I', `${at}/plain`);
      await curl('-d', 'name=value&other=thing', '-b', 'session=12345; second=two', `${at}/form`);
      await curl('-X', 'PUT', '-H', 'Content-Type: application/json', '-d', '{"a":[1,2,3]}', `${at}/json`);
      await curl('-u', 'user:secret', '-0', `${at}/missing`);
      await curl('-X', 'OPTIONS', `${at}/moved`);
      await curl('-o', '/dev/null', `${at}/large`);
      await curl(`http://[${this.near6}]/plain`);
    } finally {
      for (const server of servers) shut(server);
    }
  }

  /** TLS 1.2 and 1.3, by curl to Node, with a key of our own. */
  async tls(): Promise<void> {
    const key = this.#file('key.pem');
    const cert = this.#file('cert.pem');
    const request = ['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    await program([...request, '-keyout', key, '-out', cert, '-days', '2', '-subj', '/CN=server.test']);
    const secret = { key: readFileSync(key), cert: readFileSync(cert) };
    const servers = await Promise.all(
      [this.near, this.near6].map((host) => listening(createSecureServer(secret, answer), host, 443)),
    );
    const at = 'https://server.test';
    const curl = (...words: string[]): Promise<string> =>
      program(
        this.#there(
          ...['curl', '-sSk', '--max-time', '30', '--noproxy', '*'],
          ...['--resolve', `server.test:443:${this.near}`, ...words],
        ),
      );
    try {
      await curl('--tls-max', '1.2', `${at}/plain`);
      await curl('--tlsv1.3', `${at}/plain`);
      await curl('--tls-max', '1.2', '--ciphers', 'ECDHE-ECDSA-CHACHA20-POLY1305', `${at}/chunked`);
      await curl('--tlsv1.3', '--tls13-ciphers', 'TLS_CHACHA20_POLY1305_SHA256', `https://[${this.near6}]/plain`);
      // A version that the server refuses.
      await program(
        this.#there('curl', '-sSk', '--tls-max', '1.1', '--ciphers', 'ALL@SECLEVEL=0', `https://${this.near}/`),
        { mayFail: true },
      );
    } finally {
      for (const server of servers) shut(server);
    }
  }

  /** dnsmasq answers for names, addresses (DHCP), routers (RA) and files (TFTP). */
  async dnsmasq(): Promise<void> {
    const { far, far6, link } = this;
    const net = this.#net;
    const file = Buffer.from(Uint8Array.from({ length: 1200 }, (_, i) => i % 251));
    this.#file('boot.bin', file);
    const server = new Server(
      this.#there(
        ...['dnsmasq', '--no-daemon', '--log-facility=-', '--conf-file=/dev/null', '--no-hosts'],
        ...['--no-resolv', '--pid-file=', `--dhcp-leasefile=${this.#file('leases')}`, '--bind-interfaces', '--no-ping'],
        ...[`--interface=${link.there}`, '--local=/test/', '--domain=test', '--auth-ttl=60', '--local-ttl=300'],
        ...[`--host-record=host.test,${far},${far6}`, '--cname=alias.test,host.test'],
        ...['--mx-host=test,mail.test,10', '--mx-host=test,other.test,20', '--txt-record=text.test,v=one,"two, three"'],
        ...['--srv-host=_sip._udp.test,host.test,5060,1,2', '--naptr-record=test,10,20,u,E2U+sip,!^.*$!sip:a@test!'],
        ...['--caa-record=test,0,issue,ca.test', `--ptr-record=2.${net}.99.10.in-addr.arpa,host.test`],
        // SSHFP, TLSA, LOC's bytes, HTTPS, and a type that nobody knows.
        ...['--dns-rr=host.test,44,04:02:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff'],
        ...['--dns-rr=_443._tcp.test,52,03:01:01:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff'],
        ...[
          '--dns-rr=test,65,00:01:00:00:01:00:06:02:68:32:02:68:33:00:03:00:02:01:bb',
          '--dns-rr=test,65280,01:02:03',
        ],
        ...Array.from({ length: 30 }, (_, i) => `--txt-record=large.test,${'x'.repeat(100)}${i}`),
        ...[
          `--dhcp-range=10.99.${net}.100,10.99.${net}.150,12h`,
          `--dhcp-range=fd99:${net}::100,fd99:${net}::1ff,64,12h`,
        ],
        ...[
          '--dhcp-option=option:ntp-server,10.1.1.1,10.1.1.2',
          '--dhcp-option=121,10.7.0.0/16,10.99.0.1,0.0.0.0/0,10.99.0.1',
        ],
        ...[
          '--dhcp-option=option:domain-search,a.test,b.test',
          '--dhcp-option=option:mtu,1400',
          '--dhcp-boot=boot.bin',
        ],
        ...[
          '--enable-ra',
          '--ra-param=*,high,10,1800',
          '--dhcp-option=option6:dns-server,[::]',
          '--dhcp-authoritative',
        ],
        ...['--enable-tftp', `--tftp-root=${this.#folder}`],
      ),
    );
    try {
      await server.says(/started, version/);
      await this.#names();
      await this.#addresses();
      const fetched = this.#file('fetched');
      await program(['busybox', 'tftp', '-g', '-b', '512', '-l', fetched, '-r', 'boot.bin', far]);
      if (!readFileSync(fetched).equals(file)) throw new Error('TFTP brought another file');
      await program(['busybox', 'tftp', '-g', '-b', '1024', '-l', fetched, '-r', 'boot.bin', far]);
      await program(['busybox', 'tftp', '-g', '-l', fetched, '-r', 'missing', far], { mayFail: true });
    } finally {
      await server.stop();
    }
  }

  /** A client that asks a server twice. Neither can set the clock, and they are told not to. */
  async ntp(): Promise<void> {
    const withoutClock = ['setpriv', '--bounding-set=-sys_time', '--inh-caps=-sys_time'];
    const daemon = ['ntpd', '--nofork', '--configfile'];
    const settings = 'disable ntp\nrestrict default\ninterface ignore all\n';
    const ofServer = this.#file('ntp-server', `${settings}interface listen ${this.far}\nrefclock local stratum 5\n`);
    const ofClient = this.#file(
      'ntp-client',
      `${settings}interface listen ${this.near}\nserver ${this.far} iburst minpoll 0 maxpoll 0\n`,
    );
    const server = new Server([...withoutClock, ...this.#there(...daemon, ofServer)]);
    try {
      await server.says(/Listen normally.*10\.99\./);
      const client = new Server([...withoutClock, ...daemon, ofClient]);
      try {
        await this.capture!.holds('NTP', 2, isNtp);
      } finally {
        await client.stop();
      }
    } finally {
      await server.stop();
    }
  }

  async iperf(): Promise<void> {
    for (const mode of [
      ['-n', '60K'],
      ['-R', '-n', '20K', '-6'],
      ['-u', '-n', '10K', '-b', '100M', '-l', '1000'],
    ]) {
      const address = mode.includes('-6') ? this.near6 : this.near;
      const server = new Server(['iperf3', '-s', '-1', '-B', address, '-p', '5301', '--forceflush']);
      try {
        await server.says(/Server listening/);
        await program(this.#there('iperf3', '-c', address, '-p', '5301', '--repeating-payload', ...mode));
      } finally {
        await server.stop();
      }
    }
  }

  /** Datagrams by Python: what its sockets can do and Node's cannot. */
  async sockets(): Promise<void> {
    await program(this.#there('/usr/bin/python3', '-c', SOCKETS, this.far, this.near));
  }

  /** A tunnel over the pair, with an echo in it. */
  async vxlan(): Promise<void> {
    const { link, near, far } = this;
    const add = 'ip link add vx type vxlan id 1234 dstport 4789';
    const up = (address: string): string => `ip address add ${address}/24 dev vx && ip link set vx up`;
    const name = `vx${this.#net}`;
    await program([
      'sh',
      '-c',
      `${add} local ${near} remote ${far} && ${up(`10.98.${this.#net}.1`)}`.replaceAll('vx ', `${name} `),
    ]);
    try {
      link.far.run('sh', '-c', `${add} local ${far} remote ${near} && ${up(`10.98.${this.#net}.2`)}`);
      await program(['ping', '-c', '1', '-W', '20', '-I', name, `10.98.${this.#net}.2`]);
    } finally {
      await program(['ip', 'link', 'del', name]);
    }
  }

  /** Messages to a log server. */
  async syslog(): Promise<void> {
    const logger = ['logger', '--server', this.near, '--udp', '--port', '514', '-t', 'tag', '-p', 'daemon.warning'];
    await program(this.#there(...logger, '--rfc3164', 'a message of the old form'));
    await program(this.#there(...logger, '--rfc5424', 'a message of the new form'));
  }

  /** Over UDP, and over TCP where the answer does not fit. */
  async #names(): Promise<void> {
    const resolver = new Resolver({ timeout: 5000, tries: 4 });
    resolver.setServers([this.far]);
    const asked = async (answer: Promise<unknown>): Promise<void> => {
      await answer.catch((error: NodeJS.ErrnoException) => {
        if (!/^(ENOTFOUND|ENODATA|EREFUSED|ESERVFAIL)$/.test(error.code ?? '')) throw error;
      });
    };
    await asked(resolver.resolve4('host.test'));
    await asked(resolver.resolve6('host.test'));
    await asked(resolver.resolve4('alias.test'));
    await asked(resolver.resolveMx('test'));
    await asked(resolver.resolveTxt('text.test'));
    await asked(resolver.resolveSrv('_sip._udp.test'));
    await asked(resolver.resolveNaptr('test'));
    await asked(resolver.resolveCaa('test'));
    await asked(resolver.resolveNs('test'));
    await asked(resolver.resolveSoa('test'));
    await asked(resolver.reverse(this.far));
    await asked(resolver.reverse(this.far6));
    await asked(resolver.resolve4('nowhere.test'));
    await asked(resolver.resolve4('refused.example'));
    await asked(resolver.resolveAny('host.test'));
    await asked(resolver.resolveTxt('large.test'));
    // Types for which the resolver has no method, and an OPT record, asked as the bytes of a question.
    for (const [name, type] of [
      ['host.test', 44],
      ['_443._tcp.test', 52],
      ['test', 65],
      ['test', 65280],
      ['test', 255],
    ] as const)
      await ask(this.far, question(name, type));
    resolver.setServers([`[${this.far6}]`]);
    await asked(resolver.resolve4('host.test'));
  }

  /** A lease, renewed and given back. */
  async #addresses(): Promise<void> {
    const client = ['busybox', 'udhcpc', '-i', this.link.here, '-s', '/bin/true', '-f', '-t', '20', '-T', '1', '-n'];
    await program([
      ...client,
      '-q',
      '-R',
      '-x',
      'hostname:client',
      '-O',
      'search',
      '-O',
      'ntpsrv',
      '-O',
      'staticroutes',
    ]);
    await program([...client, '-q', '-V', 'vendor 1', '-C', '-r', `10.99.${this.#net}.120`, '-a']);
  }
}

/** Groups joined and left (IGMP), datagrams larger than the MTU and an empty one, UDP-Lite. */
const SOCKETS = `
import socket, struct, sys
here, there = sys.argv[1:]
member = struct.pack('4s4s', socket.inet_aton('239.1.2.3'), socket.inet_aton(here))
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((here, 0))
s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 7)
s.sendto(b'to a group', ('239.1.2.3', 40000))
s.setsockopt(socket.IPPROTO_IP, socket.IP_DROP_MEMBERSHIP, member)
s.sendto(bytes(i % 251 for i in range(5000)), (there, 40001))
s.sendto(b'', (there, 40002))
lite = socket.socket(socket.AF_INET, socket.SOCK_DGRAM, 136)
lite.bind((here, 0))
lite.setsockopt(136, 10, 12)
lite.sendto(b'covered in part', (there, 40003))
`;

/** A message of NTP over UDP and IPv4 without options, between its own ports. */
const isNtp = ({ bytes }: Frame): boolean =>
  bytes.length >= 90 && bytes[12] === 8 && bytes[23] === 17 && be16(bytes, 34) === 123 && be16(bytes, 36) === 123;

/** A question with an OPT record. */
function question(name: string, type: number): Buffer {
  const labels = name.split('.').flatMap((label) => [label.length, ...Buffer.from(label)]);
  return Buffer.from([
    ...[0x12, type & 0xff, 0x01, 0x20, 0, 1, 0, 0, 0, 0, 0, 1],
    ...labels,
    ...[0, type >> 8, type & 0xff, 0, 1],
    ...[0, 0, 41, 0x10, 0, 0, 0, 0x80, 0, 0, 0],
  ]);
}

/** Sends it until there is an answer. */
async function ask(server: string, bytes: Uint8Array): Promise<void> {
  const socket = createSocket('udp4');
  let answered = false;
  socket.on('message', () => (answered = true));
  socket.on('error', () => {});
  let asked = 0;
  try {
    await until(
      () => `no answer of ${server}`,
      () => {
        if (asked++ % 50 === 0) socket.send(bytes, 53, server);
        return answered;
      },
    );
  } finally {
    socket.close();
  }
}

async function listening<T extends NetServer>(server: T, host: string, port: number): Promise<T> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  return server;
}

function shut(server: HttpServer): void {
  server.closeAllConnections();
  server.close();
}

function answer(request: IncomingMessage, response: ServerResponse): void {
  request.resume();
  request.on('end', () => {
    switch (new URL(request.url ?? '/', 'http://a').pathname) {
      case '/plain':
        response.writeHead(200, { 'Content-Type': 'text/plain', 'Set-Cookie': 'id=1; Path=/' }).end('hello\n');
        break;
      case '/chunked':
        response.writeHead(200, { 'Transfer-Encoding': 'chunked', 'Content-Type': 'text/html' });
        response.write('<html>');
        response.end('</html>');
        break;
      case '/zipped':
        response.writeHead(200, { 'Content-Encoding': 'gzip' }).end(gzipSync('zipped '.repeat(100)));
        break;
      case '/json':
        response.writeHead(201, { 'Content-Type': 'application/json' }).end('{"made":true}');
        break;
      case '/form':
        response.writeHead(204, { Server: 'node', Date: 'Thu, 01 Jan 2026 00:00:00 GMT' }).end();
        break;
      case '/moved':
        response.writeHead(301, { Location: '/plain' }).end();
        break;
      case '/large':
        response.writeHead(200, { 'Content-Length': '30000', 'Content-Type': 'application/octet-stream' });
        response.end(Buffer.alloc(30_000, 'large '));
        break;
      default:
        response.writeHead(404).end('no such thing');
    }
  });
}
