import { be16, be32, putBe16, putBe32 } from '../../bytes/endian.ts';
import { FrameBlock, type FrameExtras } from '../../frames/block.ts';
import type { FrameInterface } from '../../frames/source.ts';
import { LINKTYPE_ETHERNET } from '../../wire/linktype.ts';
import { fixChecksums } from '../fix.ts';
import { rewriteAddresses } from './addresses.ts';
import type { Anonymizer } from './anonymize.ts';
import { findHeaders, knowsLinkType, networkStart } from './find.ts';
import * as kind from './headers.ts';
import { Headers, NONE } from './headers.ts';
import { anonymizedInterface, anonymizedText, hidePayload } from './hide.ts';
import { editVlan, toLinkType, type VlanEdit } from './link.ts';
import type { AddressChange } from './maps.ts';
import { shiftSequence } from './sequence.ts';

export interface RewriteOptions {
  /** IP addresses wherever they stand: in headers, ARP, neighbour discovery, options, quoted packets. */
  addresses?: AddressChange;
  /** Source addresses of IP (and senders of ARP) alone; destinations (targets) alone. */
  sources?: AddressChange;
  destinations?: AddressChange;
  /** `addresses`, `sources` and `destinations` leave broadcast and multicast addresses alone. */
  skipGroups?: boolean;
  /** By port of TCP, UDP, UDP-Lite, DCCP and SCTP: the new one. */
  ports?: Uint16Array;
  /** MAC addresses wherever they stand. */
  macs?: AddressChange;
  /** Source and destination of every Ethernet header of the frame itself, 6 bytes. */
  sourceMac?: Uint8Array;
  destinationMac?: Uint8Array;
  vlan?: VlanEdit;
  /** Of the packet itself, not of what it carries: time to live or hop limit. */
  ttl?: { change: 'set' | 'add'; value: number };
  /** IPv4's type of service, IPv6's traffic class: 8 bits. Flow label: 20 bits. */
  tos?: number;
  trafficClass?: number;
  flowLabel?: number;
  /** Added to all sequence and acknowledgement numbers of TCP, modulo 2^32. */
  shiftSequence?: number;
  /** The link type to convert to: LINKTYPE_ETHERNET or LINKTYPE_RAW. */
  linkType?: number;
  /** Takes the frame check sequence off, where the file says that there is one, or 4 bytes from every frame. */
  stripFcs?: boolean;
  /** Bytes that were not captured come back as zeros; or what was not captured is cut from the lengths in headers. */
  cut?: 'pad' | 'trim';
  /** Packets (from the network header on) longer than this are cut to it, and their lengths put right. */
  mtu?: number;
  /** Lengths of IP and UDP fit what is there; checksums are computed anew. */
  fixLengths?: boolean;
  fixChecksums?: boolean;
  /** Addresses replaced under a key, and what programs sent overwritten with zeros unless `keepPayload`. */
  anonymizer?: Anonymizer;
  keepPayload?: boolean;
  /** Nanoseconds added to every time. */
  shiftTime?: bigint;
}

/** Frames that could not be treated as asked, by reason. */
export interface RewriteSummary {
  /** Of a link type that is not known: passed on as they were (dropped when anonymising). */
  unknownLinkType: number;
  /** Could not be converted to the link type asked for: dropped. */
  notConverted: number;
  /** Longer than the MTU: cut. */
  cut: number;
}

const NANOSECONDS = 1_000_000_000n;
/** What a frame may grow by: a VLAN tag, an Ethernet header. */
const MOST_GROWTH = 32;
const IPV4_TOS = 1;
const IPV4_TTL = 8;
const IPV6_HOP_LIMIT = 7;

/** Changes frames block by block. What it gives is memory of its own, that holds until the next call. */
export class Rewriter {
  readonly summary: RewriteSummary = { unknownLinkType: 0, notConverted: 0, cut: 0 };
  /** The interfaces of the frames that come out, row by row those that went in. */
  readonly interfaces: FrameInterface[] = [];
  readonly #options: RewriteOptions;
  readonly #headers = new Headers();
  readonly #one = new Uint8Array(2);
  #block = new FrameBlock(new Uint8Array(1 << 16), 256);

  constructor(options: RewriteOptions) {
    this.#options = options;
  }

  /** Rewrites the kept rows of `block`. Row by row the result has what `block` has; what was or is rejected has `keep` 0. */
  apply(block: FrameBlock, interfaces: readonly FrameInterface[]): FrameBlock {
    for (let row = this.interfaces.length; row < interfaces.length; row++)
      this.interfaces.push(this.#interface(interfaces[row]!));
    const out = this.#block;
    let room = 0;
    for (let row = 0; row < block.count; row++)
      room += MOST_GROWTH + Math.max(block.capturedLength[row]!, this.#padded(block, row));
    if (out.bytes.length < room) out.bytes = new Uint8Array(room * 2);
    out.grow(block.count);
    out.count = block.count;
    out.extras = null;
    let at = 0;
    for (let row = 0; row < block.count; row++) {
      out.keep[row] = 0;
      out.offset[row] = at;
      out.capturedLength[row] = 0;
      out.originalLength[row] = 0;
      if (block.keep[row] !== 0) at = this.#row(block, row, interfaces[block.interfaceId[row]!]!, at);
    }
    return out;
  }

  #padded(block: FrameBlock, row: number): number {
    // A length that no medium carries is not believed.
    return this.#options.cut === 'pad' ? Math.min(block.originalLength[row]!, 0x40000) : 0;
  }

  #interface(from: FrameInterface): FrameInterface {
    const { linkType, stripFcs, anonymizer } = this.#options;
    let to = { ...from };
    if (linkType !== undefined && knowsLinkType(from.linkType)) to.linkType = linkType;
    if (stripFcs || linkType !== undefined) delete to.fcsLength;
    if (anonymizer !== undefined) to = anonymizedInterface(to, anonymizer);
    return to;
  }

  /** Rewrites one row to `at` in the block that goes out; where the next may begin. */
  #row(block: FrameBlock, row: number, from: FrameInterface, at: number): number {
    const options = this.#options;
    const out = this.#block;
    const start = block.offset[row]!;
    let captured = block.capturedLength[row]!;
    let original = block.originalLength[row]!;
    let { linkType } = from;
    const { bytes } = out;
    bytes.set(block.bytes.subarray(start, start + captured), at);

    if (!knowsLinkType(linkType)) {
      this.summary.unknownLinkType++;
      if (options.anonymizer !== undefined) return at;
    } else {
      if (options.stripFcs) {
        const fcs = from.fcsLength || 4;
        captured = Math.min(captured, Math.max(0, original - fcs));
        original = Math.max(0, original - fcs);
      }
      if (options.linkType !== undefined && options.linkType !== linkType) {
        const grown = toLinkType(bytes, at, captured, linkType, options);
        if (grown === null) {
          this.summary.notConverted++;
          return at;
        }
        captured += grown;
        original += grown;
        linkType = options.linkType;
      }
      if (options.vlan !== undefined && linkType === LINKTYPE_ETHERNET) {
        const grown = editVlan(bytes, at, captured, options.vlan);
        captured += grown;
        original += grown;
      }
      let fixLengths = options.fixLengths ?? false;
      if (options.mtu !== undefined) {
        const network = networkStart(bytes, at, at + captured, linkType);
        const most = network === null ? original : network.at - at + options.mtu;
        if (original > most) {
          captured = Math.min(captured, most);
          original = most;
          this.summary.cut++;
          fixLengths = true;
        }
      }
      if (options.cut === 'pad' && captured < original) {
        const to = Math.max(captured, Math.min(original, 0x40000));
        bytes.fill(0, at + captured, at + to);
        captured = to;
      } else if (options.cut === 'trim' && captured < original) {
        original = captured;
        fixLengths = true;
      }
      this.#frame(at, at + captured, linkType);
      if (fixLengths || options.fixChecksums)
        fixChecksums(bytes, linkType, { at, end: at + captured, lengths: fixLengths });
    }

    out.capturedLength[row] = captured;
    out.originalLength[row] = original;
    out.interfaceId[row] = block.interfaceId[row]!;
    out.flags[row] = block.flags[row]!;
    out.keep[row] = 1;
    this.#time(block, row);
    const extras = block.extras?.get(row);
    if (extras !== undefined) this.#extras(row, extras);
    return at + captured;
  }

  #time(block: FrameBlock, row: number): void {
    const out = this.#block;
    const { shiftTime } = this.#options;
    out.seconds[row] = block.seconds[row]!;
    out.nanoseconds[row] = block.nanoseconds[row]!;
    if (shiftTime === undefined) return;
    const time = BigInt(block.seconds[row]!) * NANOSECONDS + BigInt(block.nanoseconds[row]!) + shiftTime;
    const nanoseconds = ((time % NANOSECONDS) + NANOSECONDS) % NANOSECONDS;
    out.seconds[row] = Number((time - nanoseconds) / NANOSECONDS);
    out.nanoseconds[row] = Number(nanoseconds);
  }

  #extras(row: number, extras: FrameExtras): void {
    const out = this.#block;
    const { anonymizer } = this.#options;
    out.extras ??= new Map();
    let copy = { ...extras };
    if (anonymizer !== undefined) {
      const { comments, others: _, ...rest } = copy;
      copy = rest;
      if (comments !== undefined) copy.comments = comments.map((comment) => anonymizedText(comment, anonymizer));
    }
    out.extras.set(row, copy);
  }

  #frame(at: number, end: number, linkType: number): void {
    const options = this.#options;
    const headers = this.#headers;
    const { bytes } = this.#block;
    findHeaders(headers, bytes, at, end, linkType);
    // Checksums that do not follow a change by themselves (SCTP's CRC, UDP-Lite's over a part) are computed anew, where
    // they were right.
    const again = this.#needsWhole() && fixChecksums(bytes.slice(at, end), linkType) === 0;
    for (let row = 0; row < headers.count; row++) this.#header(row);
    const { addresses, sources, destinations, skipGroups = false, macs, anonymizer, keepPayload } = options;
    if (addresses !== undefined || sources !== undefined || destinations !== undefined || macs !== undefined)
      rewriteAddresses(headers, { addresses, sources, destinations, skipGroups, macs });
    if (anonymizer !== undefined) {
      rewriteAddresses(headers, { addresses: anonymizer.address, skipGroups: false, macs: anonymizer.mac });
      if (keepPayload !== true) hidePayload(headers, end);
    }
    if (again) fixChecksums(bytes, linkType, { at, end });
  }

  #needsWhole(): boolean {
    const { kind: kinds, count } = this.#headers;
    for (let row = 0; row < count; row++) if (kinds[row] === kind.SCTP || kinds[row] === kind.PORTS) return true;
    return false;
  }

  #header(row: number): void {
    const headers = this.#headers;
    const options = this.#options;
    const { bytes } = headers;
    const at = headers.at[row]!;
    switch (headers.kind[row]) {
      case kind.ETHERNET:
        // Those of frames in tunnels are further down.
        if (row !== 0) break;
        if (options.destinationMac !== undefined) bytes.set(options.destinationMac, at);
        if (options.sourceMac !== undefined) bytes.set(options.sourceMac, at + 6);
        break;
      case kind.IPV4:
        if (headers.depth[row] !== 0) break;
        if (options.tos !== undefined) this.#byte(row, at + IPV4_TOS, options.tos);
        if (options.ttl !== undefined) this.#byte(row, at + IPV4_TTL, this.#ttl(bytes[at + IPV4_TTL]!));
        break;
      case kind.IPV6:
        if (headers.depth[row] !== 0) break;
        if (options.ttl !== undefined) bytes[at + IPV6_HOP_LIMIT] = this.#ttl(bytes[at + IPV6_HOP_LIMIT]!);
        if (options.trafficClass !== undefined)
          putBe16(bytes, at, (be16(bytes, at) & 0xf00f) | (options.trafficClass << 4));
        if (options.flowLabel !== undefined)
          putBe32(bytes, at, ((be32(bytes, at) & 0xfff00000) | options.flowLabel) >>> 0);
        break;
      case kind.TCP:
        if (options.ports !== undefined) this.#ports(row, options.ports);
        if (options.shiftSequence !== undefined) shiftSequence(headers, row, options.shiftSequence);
        break;
      case kind.UDP:
      case kind.PORTS:
      case kind.SCTP:
        if (options.ports !== undefined) this.#ports(row, options.ports);
    }
  }

  #ttl(value: number): number {
    const { change, value: by } = this.#options.ttl!;
    return change === 'set' ? by : Math.min(255, Math.max(1, value + by));
  }

  /** Writes one byte of an IPv4 header. */
  #byte(row: number, at: number, value: number): void {
    this.#one[0] = value;
    this.#headers.write(at, this.#one, 0, 1, this.#headers.cover[row]!, this.#headers.own[row]!);
  }

  #ports(row: number, table: Uint16Array): void {
    const headers = this.#headers;
    const at = headers.at[row]!;
    // SCTP's checksum is no sum: it is done with afterwards.
    const cover = headers.kind[row] === kind.SCTP ? NONE : headers.inner(row);
    for (const port of [at, at + 2]) {
      const before = be16(headers.bytes, port);
      if (table[before] !== before) headers.write16(port, table[before]!, cover);
    }
  }
}
