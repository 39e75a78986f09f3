/** A seeded generator of realistic traffic as a pcap savefile: what the benches and the large tests read.
 *
 *     tsx test/bench/traffic.ts FILE [--bytes 500M | --packets N] [--flows N] [--seed N] [--rate PPS] [--nano]
 *
 * The same options give the same bytes. What is in it: TCP connections with handshake, requests, bulk data with
 * acknowledgements, timestamps options, retransmissions and an orderly or abrupt end; DNS questions with their
 * answers; UDP streams in the IMIX proportion (7 small : 4 middle : 1 large) and encrypted ones to port 443; NTP; ICMP
 * and ICMPv6 echo; ARP and neighbour discovery. About one host in six speaks IPv6 and one in ten is behind a VLAN tag.
 * All checksums are right. Frames are as received: padded to 60 bytes. There are a tenth as many clients, in 10.0.0.0/8,
 * and a quarter as many servers, all over the address space, as conversations at a time; IPv6 hosts are in 2001:db8::/32.
 *
 * `flows` conversations are open at a time; one that ends is followed by a new one in its place. They get unequal
 * shares, as in life: the share of a place falls with the 2/3rd power of its rank, down to a third of the mean. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { checksum, fold, sum } from '../../src/bytes/checksum.ts';
import { be16, putBe16, putBe32, putLe16, putLe32 } from '../../src/bytes/endian.ts';
import { Names, Pool, Random } from './support/traffic-data.ts';

export interface TrafficOptions {
  /** The file ends at the first record that reaches this size. Default 500,000,000. */
  bytes?: number;
  /** The file ends after so many frames, whichever comes first. */
  packets?: number;
  /** Conversations open at a time, 1 to 4 million. Default 20,000. */
  flows?: number;
  /** Default 1. */
  seed?: number;
  /** Mean frames a second of the recorded time. Default 100,000. */
  rate?: number;
  /** Nanoseconds in the file; else microseconds. */
  nano?: boolean;
}

export interface TrafficSummary {
  packets: number;
  bytes: number;
  /** Conversations that were begun. */
  conversations: number;
}

const LINKTYPE_ETHERNET = 1;
const MAGIC_MICROSECONDS = 0xa1b2c3d4;
const MAGIC_NANOSECONDS = 0xa1b23c4d;
const FILE_HEADER = 24;
const RECORD_HEADER = 16;
const SNAP_LENGTH = 262144;
/** The longest frame is 1,514 bytes and two VLAN tags. */
const RECORD_MAX = RECORD_HEADER + 1522;
const CHUNK = 4 << 20;
/** 2024-01-01T00:00:00Z. */
const START_SECONDS = 1704067200;

const KIND_WEB = 0;
const KIND_SHELL = 1;
const KIND_DNS = 2;
const KIND_IMIX = 3;
const KIND_QUIC = 4;
const KIND_NTP = 5;
const KIND_PING = 6;
const KIND_NEIGHBOUR = 7;
/** Share of each kind among new conversations, in percent, in the order of the numbers above. */
const KIND_SHARE = [46, 4, 26, 6, 8, 3, 4, 3];

const TO_SERVER = 0;
const TO_CLIENT = 1;

const FIN = 0x01;
const SYN = 0x02;
const RST = 0x04;
const PSH = 0x08;
const ACK = 0x10;

const ICMP = 1;
const TCP = 6;
const UDP = 17;
const ICMPV6 = 58;

const TRAIT_V6 = 1;
const TRAIT_TAGGED = 2;
const TRAIT_DOUBLE_TAGGED = 4;
const TRAIT_TIMESTAMPS = 8;
const TRAIT_UPLOAD = 16;
const TRAIT_TEXT = 32;

/** Phases of a TCP connection; the other kinds count their frames in `phase`. */
const SYN_DUE = 0;
const SYN_ACK_DUE = 1;
const HANDSHAKE_ACK_DUE = 2;
const REQUEST_DUE = 3;
const REQUEST_ACK_DUE = 4;
const DATA_DUE = 5;
const DATA_ACK_DUE = 6;
const FIN_DUE = 7;
const SECOND_FIN_DUE = 8;
const LAST_ACK_DUE = 9;

const WEB_PORTS = [443, 443, 443, 443, 80, 80, 8080, 25, 993, 5432, 3306, 8443];
const IMIX_PAYLOADS = [18, 18, 18, 18, 18, 18, 18, 534, 534, 534, 534, 1458];

/** First octets of the servers. Real traffic meets addresses of all parts of the address space, and programs that keep
 * tables of addresses (tcpdump's are hashed by the first octet and a half) are as fast as on real traffic only then. */
const SERVER_NETS = [
  13, 17, 18, 20, 23, 31, 34, 35, 44, 45, 47, 52, 54, 63, 64, 66, 69, 72, 74, 77, 80, 81, 85, 89, 91, 93, 95, 99, 103,
  104, 108, 128, 130, 142, 151, 157, 162, 185, 193, 194, 195, 199, 204, 208, 212, 213, 216, 217,
];

/** One of 65,536 hosts, all over 10.0.0.0/8. */
const clientAddress = (host: number): number => {
  const mixed = Math.imul(host + 1, 0x9e3779b1) >>> 0;
  return (0x0a000000 | ((mixed >>> 24) << 16) | (host & 0xffff)) >>> 0;
};

const serverAddress = (host: number): number => {
  const mixed = Math.imul(host + 1, 0x85ebca6b) >>> 0;
  return ((SERVER_NETS[host % SERVER_NETS.length]! << 24) | (mixed >>> 8)) >>> 0;
};

export class Traffic {
  /** Conversations begun so far. */
  conversations = 0;
  /** Time of the record written last. */
  seconds = START_SECONDS;
  nanoseconds = 0;

  readonly #random: Random;
  readonly #binary: Pool;
  readonly #text: Pool;
  readonly #names: Names;
  readonly #flows: number;
  /** Hosts of each kind. */
  readonly #clients: number;
  readonly #servers: number;
  readonly #nano: boolean;
  readonly #meanGap: number;

  readonly #kind: Uint8Array;
  readonly #phase: Uint8Array;
  readonly #traits: Uint8Array;
  readonly #client: Uint32Array;
  readonly #server: Uint32Array;
  readonly #clientPort: Uint16Array;
  readonly #serverPort: Uint16Array;
  /** Next sequence number of the client and the server of each flow. */
  readonly #seq: [Uint32Array, Uint32Array];
  /** The last TSval of the client and the server. */
  readonly #stamp: [Uint32Array, Uint32Array];
  readonly #ipId: Uint16Array;
  /** Bytes of the answer that are still to come; for streams, frames. */
  readonly #left: Uint32Array;
  readonly #requests: Uint8Array;
  readonly #unacked: Uint8Array;

  /** The flow whose burst goes on, and for how many frames. */
  #current = 0;
  #burst = 0;
  /** Unfolded sum of the addresses of the header written last, for the pseudo header. */
  #addressSum = 0;

  constructor(options: TrafficOptions = {}) {
    const flows = options.flows ?? 20_000;
    if (!(Number.isInteger(flows) && flows >= 1 && flows <= 4_000_000))
      throw new RangeError(`flows: 1 to 4,000,000, not ${flows}`);
    this.#flows = flows;
    this.#clients = Math.min(Math.max(Math.floor(flows / 10), 50), 60_000);
    this.#servers = Math.min(Math.max(Math.floor(flows / 4), 100), 200_000);
    this.#nano = options.nano ?? false;
    this.#meanGap = 1e9 / (options.rate ?? 100_000);
    this.#random = new Random(options.seed ?? 1);
    this.#binary = Pool.binary(this.#random);
    this.#text = Pool.text();
    this.#names = new Names();
    this.#kind = new Uint8Array(flows);
    this.#phase = new Uint8Array(flows);
    this.#traits = new Uint8Array(flows);
    this.#client = new Uint32Array(flows);
    this.#server = new Uint32Array(flows);
    this.#clientPort = new Uint16Array(flows);
    this.#serverPort = new Uint16Array(flows);
    this.#seq = [new Uint32Array(flows), new Uint32Array(flows)];
    this.#stamp = [new Uint32Array(flows), new Uint32Array(flows)];
    this.#ipId = new Uint16Array(flows);
    this.#left = new Uint32Array(flows);
    this.#requests = new Uint8Array(flows);
    this.#unacked = new Uint8Array(flows);
    for (let flow = 0; flow < flows; flow++) this.#begin(flow);
  }

  /** Writes the file header at `at`; returns the offset after it. */
  fileHeader(out: Uint8Array, at: number): number {
    putLe32(out, at, this.#nano ? MAGIC_NANOSECONDS : MAGIC_MICROSECONDS);
    putLe16(out, at + 4, 2);
    putLe16(out, at + 6, 4);
    putLe32(out, at + 8, 0);
    putLe32(out, at + 12, 0);
    putLe32(out, at + 16, SNAP_LENGTH);
    putLe32(out, at + 20, LINKTYPE_ETHERNET);
    return at + FILE_HEADER;
  }

  /** Writes the next record at `at`, where RECORD_MAX bytes must be free; returns the offset after it. */
  next(out: Uint8Array, at: number): number {
    const random = this.#random;
    let gap: number;
    if (this.#burst > 0) {
      this.#burst--;
      // Frames of one burst follow each other at about the speed of a gigabit link.
      gap = 700 + random.below(12_000);
    } else {
      const u = random.unit();
      this.#current = Math.floor(this.#flows * u * u * u);
      const kind = this.#kind[this.#current]!;
      this.#burst = kind === KIND_WEB ? random.below(12) : kind === KIND_NEIGHBOUR ? 1 : random.below(3);
      gap = -Math.log(1 - random.unit()) * this.#meanGap * 3;
    }
    this.nanoseconds += Math.floor(gap);
    while (this.nanoseconds >= 1e9) {
      this.nanoseconds -= 1e9;
      this.seconds++;
    }
    const start = at + RECORD_HEADER;
    let end = this.#frame(this.#current, out, start);
    while (end - start < 60) out[end++] = 0;
    putLe32(out, at, this.seconds);
    putLe32(out, at + 4, this.#nano ? this.nanoseconds : Math.floor(this.nanoseconds / 1000));
    putLe32(out, at + 8, end - start);
    putLe32(out, at + 12, end - start);
    return end;
  }

  #begin(flow: number): void {
    const random = this.#random;
    this.conversations++;
    let share = random.below(100);
    let kind = 0;
    while (share >= KIND_SHARE[kind]!) share -= KIND_SHARE[kind++]!;
    this.#kind[flow] = kind;
    this.#phase[flow] = 0;
    const client = clientAddress(random.below(this.#clients));
    this.#client[flow] = client;
    this.#server[flow] = serverAddress(random.below(this.#servers));
    this.#clientPort[flow] = 32768 + random.below(28232);
    this.#ipId[flow] = random.u32();
    // What a host is stays with its address, so that a client is not now behind a tag and now not.
    const host = Math.imul(client, 0x9e3779b1) >>> 0;
    let traits = 0;
    if (host % 6 === 0) traits |= TRAIT_V6;
    if ((host >>> 8) % 10 === 0) traits |= TRAIT_TAGGED;
    if ((host >>> 8) % 200 === 0) traits |= TRAIT_DOUBLE_TAGGED;
    if ((host >>> 16) % 8 !== 0) traits |= TRAIT_TIMESTAMPS;
    if (random.below(10) === 0) traits |= TRAIT_UPLOAD;
    this.#seq[TO_SERVER][flow] = random.u32();
    this.#seq[TO_CLIENT][flow] = random.u32();
    this.#stamp[TO_SERVER][flow] = 0;
    this.#stamp[TO_CLIENT][flow] = 0;
    this.#unacked[flow] = 0;
    this.#requests[flow] = 1;
    this.#left[flow] = 0;
    switch (kind) {
      case KIND_WEB: {
        const port = WEB_PORTS[random.below(WEB_PORTS.length)]!;
        this.#serverPort[flow] = port;
        if (port === 80 || port === 8080) traits |= TRAIT_TEXT;
        this.#requests[flow] = 1 + random.below(4);
        break;
      }
      case KIND_SHELL:
        this.#serverPort[flow] = 22;
        this.#requests[flow] = 200;
        break;
      case KIND_DNS:
        this.#serverPort[flow] = 53;
        break;
      case KIND_IMIX:
        this.#serverPort[flow] = 16384 + random.below(16384);
        this.#left[flow] = random.pareto(40, 20_000);
        break;
      case KIND_QUIC:
        this.#serverPort[flow] = 443;
        this.#left[flow] = random.pareto(12, 20_000);
        break;
      case KIND_NTP:
        this.#serverPort[flow] = 123;
        break;
      case KIND_PING:
        this.#left[flow] = 2 * (1 + random.below(10));
        break;
      default:
    }
    this.#traits[flow] = traits;
  }

  #frame(flow: number, out: Uint8Array, at: number): number {
    switch (this.#kind[flow]!) {
      case KIND_WEB:
      case KIND_SHELL:
        return this.#tcp(flow, out, at);
      case KIND_DNS:
        return this.#dns(flow, out, at);
      case KIND_PING:
        return this.#ping(flow, out, at);
      case KIND_NEIGHBOUR:
        return this.#neighbour(flow, out, at);
      default:
        return this.#stream(flow, out, at);
    }
  }

  /** Ethernet header, with the flow's tags. */
  #link(flow: number, toClient: number, etherType: number, out: Uint8Array, at: number): number {
    const traits = this.#traits[flow]!;
    const client = at + (toClient ? 0 : 6);
    const gateway = at + (toClient ? 6 : 0);
    out[client] = 0x02;
    out[client + 1] = 0x11;
    putBe32(out, client + 2, this.#client[flow]!);
    out[gateway] = 0x02;
    out[gateway + 1] = 0x22;
    putBe32(out, gateway + 2, (this.#client[flow]! >>> 16) & 0xff);
    at += 12;
    if (traits & TRAIT_DOUBLE_TAGGED) {
      putBe16(out, at, 0x88a8);
      putBe16(out, at + 2, 4000);
      at += 4;
    }
    if (traits & TRAIT_TAGGED) {
      putBe16(out, at, 0x8100);
      putBe16(out, at + 2, 1 + ((this.#client[flow]! >>> 16) & 0xff));
      at += 4;
    }
    putBe16(out, at, etherType);
    return at + 2;
  }

  /** Ethernet and IP header for `length` bytes of `protocol`; leaves the sum of the addresses in #addressSum. */
  #network(flow: number, toClient: number, protocol: number, length: number, out: Uint8Array, at: number): number {
    if (this.#traits[flow]! & TRAIT_V6) {
      at = this.#link(flow, toClient, 0x86dd, out, at);
      putBe32(out, at, 0x60000000 | (Math.imul(this.#client[flow]!, 0x9e3779b1) & 0xfffff));
      putBe16(out, at + 4, length);
      out[at + 6] = protocol;
      out[at + 7] = toClient ? 56 : 64;
      this.#address6(flow, toClient, out, at + 8);
      this.#address6(flow, 1 - toClient, out, at + 24);
      this.#addressSum = sum(out, at + 8, at + 40);
      return at + 40;
    }
    at = this.#link(flow, toClient, 0x0800, out, at);
    out[at] = 0x45;
    out[at + 1] = this.#kind[flow] === KIND_SHELL ? 0x10 : this.#kind[flow] === KIND_IMIX ? 0xb8 : 0;
    putBe16(out, at + 2, 20 + length);
    putBe16(out, at + 4, this.#ipId[flow]!++);
    putBe16(out, at + 6, protocol === TCP ? 0x4000 : 0);
    out[at + 8] = toClient ? 56 : 64;
    out[at + 9] = protocol;
    putBe16(out, at + 10, 0);
    putBe32(out, at + 12, toClient ? this.#server[flow]! : this.#client[flow]!);
    putBe32(out, at + 16, toClient ? this.#client[flow]! : this.#server[flow]!);
    this.#addressSum = sum(out, at + 12, at + 20);
    putBe16(out, at + 10, checksum(out, at, at + 12, this.#addressSum));
    return at + 20;
  }

  #address6(flow: number, server: number, out: Uint8Array, at: number): void {
    putBe32(out, at, 0x20010db8);
    putBe32(out, at + 4, server ? 0x000a0000 : 0x00010000);
    putBe32(out, at + 8, 0);
    putBe32(out, at + 12, server ? this.#server[flow]! : this.#client[flow]!);
  }

  #tcp(flow: number, out: Uint8Array, at: number): number {
    const random = this.#random;
    const traits = this.#traits[flow]!;
    const shell = this.#kind[flow] === KIND_SHELL;
    const answerTo = traits & TRAIT_UPLOAD ? TO_SERVER : TO_CLIENT;
    switch (this.#phase[flow]!) {
      case SYN_DUE:
        this.#phase[flow] = SYN_ACK_DUE;
        return this.#segment(flow, TO_SERVER, SYN, 0, out, at);
      case SYN_ACK_DUE:
        this.#phase[flow] = HANDSHAKE_ACK_DUE;
        return this.#segment(flow, TO_CLIENT, SYN | ACK, 0, out, at);
      case HANDSHAKE_ACK_DUE:
        this.#phase[flow] = REQUEST_DUE;
        return this.#segment(flow, TO_SERVER, ACK, 0, out, at);
      case REQUEST_DUE:
        this.#requests[flow]!--;
        this.#left[flow] = shell ? 36 + 8 * random.below(40) : random.pareto(1200, 30_000_000);
        this.#phase[flow] = shell || random.below(2) ? DATA_DUE : REQUEST_ACK_DUE;
        return this.#segment(flow, TO_SERVER, PSH | ACK, shell ? 36 : 78 + random.below(900), out, at);
      case REQUEST_ACK_DUE:
        this.#phase[flow] = DATA_DUE;
        return this.#segment(flow, TO_CLIENT, ACK, 0, out, at);
      case DATA_DUE: {
        const maximum = (traits & TRAIT_V6 ? 1440 : 1460) - (traits & TRAIT_TIMESTAMPS ? 12 : 0);
        const length = Math.min(maximum, this.#left[flow]!);
        // About 3 segments of 1,000 are sent again, with the same bytes.
        const again = length === maximum && this.#unacked[flow]! > 0 && random.below(300) === 0;
        if (again) this.#seq[answerTo][flow] = this.#seq[answerTo][flow]! - length;
        else {
          this.#left[flow] = this.#left[flow]! - length;
          this.#unacked[flow]!++;
        }
        const last = this.#left[flow] === 0;
        if (last || this.#unacked[flow]! >= 2) this.#phase[flow] = DATA_ACK_DUE;
        return this.#segment(flow, answerTo, last ? PSH | ACK : ACK, length, out, at);
      }
      case DATA_ACK_DUE:
        this.#unacked[flow] = 0;
        if (this.#left[flow]! > 0) this.#phase[flow] = DATA_DUE;
        else this.#phase[flow] = this.#requests[flow]! > 0 ? REQUEST_DUE : FIN_DUE;
        return this.#segment(flow, 1 - answerTo, ACK, 0, out, at);
      case FIN_DUE: {
        const abrupt = random.below(12) === 0;
        this.#phase[flow] = SECOND_FIN_DUE;
        const end = this.#segment(flow, TO_SERVER, abrupt ? RST | ACK : FIN | ACK, 0, out, at);
        if (abrupt) this.#begin(flow);
        return end;
      }
      case SECOND_FIN_DUE:
        this.#phase[flow] = LAST_ACK_DUE;
        return this.#segment(flow, TO_CLIENT, FIN | ACK, 0, out, at);
      default: {
        const end = this.#segment(flow, TO_SERVER, ACK, 0, out, at);
        this.#begin(flow);
        return end;
      }
    }
  }

  /** One TCP segment; moves the sender's sequence number on. */
  #segment(flow: number, toClient: number, flags: number, length: number, out: Uint8Array, at: number): number {
    const stamped = this.#traits[flow]! & TRAIT_TIMESTAMPS;
    const options = flags & SYN ? (stamped ? 20 : 8) : stamped ? 12 : 0;
    const seq = this.#seq[toClient]![flow]!;
    const acknowledged = flags & ACK ? this.#seq[1 - toClient]![flow]! : 0;
    at = this.#network(flow, toClient, TCP, 20 + options + length, out, at);
    putBe16(out, at, toClient ? this.#serverPort[flow]! : this.#clientPort[flow]!);
    putBe16(out, at + 2, toClient ? this.#clientPort[flow]! : this.#serverPort[flow]!);
    putBe32(out, at + 4, seq);
    putBe32(out, at + 8, acknowledged);
    out[at + 12] = ((20 + options) / 4) << 4;
    out[at + 13] = flags;
    putBe16(out, at + 14, flags & SYN ? 64240 : 501 + ((acknowledged >>> 12) & 0x3ff));
    putBe32(out, at + 16, 0);
    let option = at + 20;
    if (flags & SYN) {
      putBe32(out, option, 0x02040000 | (this.#traits[flow]! & TRAIT_V6 ? 1440 : 1460));
      putBe16(out, option + 4, 0x0402);
      // MSS, SACK permitted, then either the timestamps and the window scale or only an end.
      if (!stamped) putBe16(out, option + 6, 0x0101);
      option += 6;
    } else if (stamped) {
      putBe16(out, option, 0x0101);
      option += 2;
    }
    if (stamped) {
      const host = toClient ? this.#server[flow]! : this.#client[flow]!;
      const milliseconds = (this.seconds - START_SECONDS) * 1000 + Math.floor(this.nanoseconds / 1e6);
      const stamp = (Math.imul(host, 0x85ebca6b) + milliseconds) >>> 0;
      this.#stamp[toClient]![flow] = stamp;
      putBe16(out, option, 0x080a);
      putBe32(out, option + 2, stamp);
      putBe32(out, option + 6, flags & ACK ? this.#stamp[1 - toClient]![flow]! : 0);
      if (flags & SYN) putBe32(out, option + 10, 0x01030307);
    }
    const header = 20 + options;
    const payload = at + header;
    const pool = this.#traits[flow]! & TRAIT_TEXT ? this.#text : this.#binary;
    // The payload follows from the sequence number, so that what is sent again is the same.
    if (length > 0) pool.copy(seq, length, out, payload);
    const total = this.#addressSum + TCP + header + length + sum(out, at, payload) + pool.sum(seq, length);
    putBe16(out, at + 16, ~fold(total) & 0xffff);
    this.#seq[toClient]![flow] = seq + length + (flags & (SYN | FIN) ? 1 : 0);
    return payload + length;
  }

  /** UDP header over `length` bytes of payload that are in place already. */
  #udp(flow: number, toClient: number, length: number, out: Uint8Array, at: number): number {
    putBe16(out, at, toClient ? this.#serverPort[flow]! : this.#clientPort[flow]!);
    putBe16(out, at + 2, toClient ? this.#clientPort[flow]! : this.#serverPort[flow]!);
    putBe16(out, at + 4, 8 + length);
    putBe16(out, at + 6, 0);
    const value = ~fold(sum(out, at, at + 8 + length, this.#addressSum + UDP + 8 + length)) & 0xffff;
    // RFC 768: a computed zero is sent as all ones, for zero says that there is none.
    putBe16(out, at + 6, value === 0 ? 0xffff : value);
    return at + 8 + length;
  }

  /** One frame of a UDP stream: IMIX, port 443 or NTP. */
  #stream(flow: number, out: Uint8Array, at: number): number {
    const random = this.#random;
    const kind = this.#kind[flow]!;
    const phase = this.#phase[flow]!++;
    let toClient = TO_CLIENT;
    let length: number;
    if (kind === KIND_NTP) {
      toClient = phase & 1;
      length = 48;
      if (phase === 0) this.#left[flow] = 2;
    } else if (kind === KIND_IMIX) {
      length = IMIX_PAYLOADS[random.below(IMIX_PAYLOADS.length)]!;
      if (this.#traits[flow]! & TRAIT_V6) length = Math.min(length, 1438);
    } else {
      toClient = phase < 2 ? phase : random.below(4) === 0 ? TO_SERVER : TO_CLIENT;
      length = phase < 2 ? 1200 : toClient ? 1250 : 33 + random.below(20);
    }
    const datagram = this.#network(flow, toClient, UDP, 8 + length, out, at);
    this.#binary.copy(random.u32(), length, out, datagram + 8);
    if (kind === KIND_NTP) out[datagram + 8] = toClient ? 0x24 : 0x23;
    const end = this.#udp(flow, toClient, length, out, datagram);
    if (phase === 255) this.#phase[flow] = 2;
    this.#left[flow] = this.#left[flow]! - 1;
    if (this.#left[flow] === 0) this.#begin(flow);
    return end;
  }

  /** A question, then its answer. */
  #dns(flow: number, out: Uint8Array, at: number): number {
    const answer = this.#phase[flow]! === 1 ? 1 : 0;
    const seq = this.#seq[TO_SERVER][flow]!;
    const length = this.#names.messageLength(seq, answer);
    const datagram = this.#network(flow, answer, UDP, 8 + length, out, at);
    this.#names.message(seq, answer, this.#client[flow]!, out, datagram + 8);
    const end = this.#udp(flow, answer, length, out, datagram);
    if (answer) this.#begin(flow);
    else this.#phase[flow] = 1;
    return end;
  }

  #ping(flow: number, out: Uint8Array, at: number): number {
    const phase = this.#phase[flow]!++;
    const toClient = phase & 1;
    const v6 = this.#traits[flow]! & TRAIT_V6;
    const length = 8 + 56;
    at = this.#network(flow, toClient, v6 ? ICMPV6 : ICMP, length, out, at);
    out[at] = v6 ? 128 + toClient : toClient ? 0 : 8;
    out[at + 1] = 0;
    putBe16(out, at + 2, 0);
    putBe16(out, at + 4, this.#clientPort[flow]!);
    putBe16(out, at + 6, 1 + (phase >> 1));
    for (let i = 0; i < 56; i++) out[at + 8 + i] = i;
    putBe16(out, at + 2, checksum(out, at, at + length, v6 ? this.#addressSum + ICMPV6 + length : 0));
    this.#left[flow] = this.#left[flow]! - 1;
    if (this.#left[flow] === 0) this.#begin(flow);
    return at + length;
  }

  /** ARP request and reply, or neighbour solicitation and advertisement, between the client and its gateway. */
  #neighbour(flow: number, out: Uint8Array, at: number): number {
    const reply = this.#phase[flow]!++;
    const frame = at;
    const end =
      this.#traits[flow]! & TRAIT_V6 ? this.#discovery(flow, reply, out, at) : this.#arp(flow, reply, out, at);
    if (reply) this.#begin(flow);
    else if (be16(out, frame) !== 0x3333) out.fill(0xff, frame, frame + 6);
    return end;
  }

  #arp(flow: number, reply: number, out: Uint8Array, at: number): number {
    const frame = at;
    at = this.#link(flow, reply, 0x0806, out, at);
    putBe16(out, at, 1);
    putBe16(out, at + 2, 0x0800);
    putBe16(out, at + 4, 0x0604);
    putBe16(out, at + 6, 1 + reply);
    const gateway = ((this.#client[flow]! & 0xffff0000) | 1) >>> 0;
    out.copyWithin(at + 8, frame + 6, frame + 12);
    putBe32(out, at + 14, reply ? gateway : this.#client[flow]!);
    if (reply) out.copyWithin(at + 18, frame, frame + 6);
    else out.fill(0, at + 18, at + 24);
    putBe32(out, at + 24, reply ? this.#client[flow]! : gateway);
    return at + 28;
  }

  #discovery(flow: number, reply: number, out: Uint8Array, at: number): number {
    const frame = at;
    const length = 32;
    at = this.#network(flow, reply, ICMPV6, length, out, at);
    out[at - 40 + 7] = 255;
    if (!reply) {
      // RFC 4291 2.7.1: the solicited-node address ends with the low 24 bits of the target.
      out.fill(0, at - 16, at);
      out[at - 16] = 0xff;
      out[at - 15] = 0x02;
      putBe32(out, at - 8, 1);
      putBe32(out, at - 4, (0xff000000 | (this.#server[flow]! & 0xffffff)) >>> 0);
      putBe16(out, frame, 0x3333);
      out.copyWithin(frame + 2, at - 4, at);
      this.#addressSum = sum(out, at - 32, at);
    }
    out[at] = 135 + reply;
    out[at + 1] = 0;
    putBe16(out, at + 2, 0);
    putBe32(out, at + 4, reply ? 0x60000000 : 0);
    this.#address6(flow, 1, out, at + 8);
    out[at + 24] = 1 + reply;
    out[at + 25] = 1;
    out.copyWithin(at + 26, frame + 6, frame + 12);
    putBe16(out, at + 2, checksum(out, at, at + length, this.#addressSum + ICMPV6 + length));
    return at + length;
  }
}

/** Writes a savefile of generated traffic; returns what is in it. Takes about a second for 500 MB, and the disk's time. */
export function writeTraffic(path: string, options: TrafficOptions = {}): TrafficSummary {
  const limit = options.bytes ?? 500_000_000;
  const most = options.packets ?? Number.POSITIVE_INFINITY;
  const traffic = new Traffic(options);
  const chunk = new Uint8Array(CHUNK);
  const fd = openSync(path, 'w');
  let bytes = 0;
  let packets = 0;
  try {
    let at = traffic.fileHeader(chunk, 0);
    const flush = (): void => {
      for (let from = 0; from < at; ) from += writeSync(fd, chunk, from, at - from);
      bytes += at;
      at = 0;
    };
    while (packets < most && bytes + at < limit) {
      if (at + RECORD_MAX > CHUNK) flush();
      at = traffic.next(chunk, at);
      packets++;
    }
    flush();
  } finally {
    closeSync(fd);
  }
  return { packets, bytes, conversations: traffic.conversations };
}

/** '500M' and the like as a number of bytes (powers of ten). */
export function parseSize(text: string): number {
  const match = /^(\d+(?:\.\d+)?)([kMG]?)$/.exec(text);
  if (!match) throw new RangeError(`not a size: ${text} (a number, and k, M or G)`);
  return Math.round(Number(match[1]) * { '': 1, k: 1e3, M: 1e6, G: 1e9 }[match[2] as '' | 'k' | 'M' | 'G']);
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      bytes: { type: 'string' },
      packets: { type: 'string' },
      flows: { type: 'string' },
      seed: { type: 'string' },
      rate: { type: 'string' },
      nano: { type: 'boolean' },
    },
  });
  const [path] = positionals;
  if (path === undefined) {
    process.stderr.write(
      'usage: traffic.ts FILE [--bytes 500M] [--packets N] [--flows N] [--seed N] [--rate N] [--nano]\n',
    );
    process.exit(2);
  }
  const options: TrafficOptions = { nano: values.nano ?? false };
  if (values.bytes !== undefined) options.bytes = parseSize(values.bytes);
  else if (values.packets !== undefined) options.bytes = Number.POSITIVE_INFINITY;
  if (values.packets !== undefined) options.packets = parseSize(values.packets);
  if (values.flows !== undefined) options.flows = parseSize(values.flows);
  if (values.seed !== undefined) options.seed = Number(values.seed);
  if (values.rate !== undefined) options.rate = parseSize(values.rate);
  const started = process.hrtime.bigint();
  const summary = writeTraffic(path, options);
  const seconds = Number(process.hrtime.bigint() - started) / 1e9;
  process.stdout.write(
    `${path}: ${summary.packets} frames, ${summary.bytes} bytes, ${summary.conversations} conversations, ` +
      `${seconds.toFixed(1)} s\n`,
  );
}
