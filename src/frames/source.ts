import type { FrameBlock } from './block.ts';

/** An interface that frames came from: a network device or an interface description of a savefile. */
export interface FrameInterface {
  /** Name (`eth0`), or '' where the file does not say. */
  name: string;
  /** LINKTYPE_ value of the savefile registry (1 is Ethernet): how the frames begin. */
  linkType: number;
  /** Longest capture of a frame, in bytes; 0: no limit. */
  snapLength: number;
  /** Digits of a second that the source's times really have: 6 or 9 as a rule (if_tsresol). */
  timestampDigits: number;
  /** The file (or its section) is big-endian, and so is what the machine that captured put into the frames in its own
   * order: the family of LINKTYPE_NULL. */
  bigEndian?: boolean;
  /** The savefile's format knows no interfaces: this one stands for all that it holds. */
  unnumbered?: boolean;
  /** Index of the device in the kernel, where known. */
  ifindex?: number;
  description?: string;
  /** The capture filter as it was typed. */
  filter?: string;
  /** MAC address, 6 bytes. */
  macAddress?: Uint8Array;
  /** Bits a second. */
  speed?: bigint;
  /** Operating system of the machine that captured. */
  os?: string;
  hardware?: string;
  /** Bytes of frame check sequence at the end of every frame (if_fcslen). A frame's own flags go before. */
  fcsLength?: number;
  comments?: string[];
  /** Options of an interface description block that have no field here (addresses, time zone and the like), kept on
   * rewriting. Numbers are little-endian. */
  others?: { code: number; value: Uint8Array }[];
  /** Frames counted at the source, as far as they are known when asked (pcapng: interface statistics block). */
  statistics?: FrameInterfaceStatistics;
}

/** Counters as an interface statistics block keeps them. Undefined: not known, which is not zero. */
export interface FrameInterfaceStatistics {
  startTime?: { seconds: number; nanoseconds: number };
  endTime?: { seconds: number; nanoseconds: number };
  /** isb_ifrecv: seen by the interface. */
  received?: bigint;
  /** isb_ifdrop: lost by the interface for want of resources. */
  interfaceDropped?: bigint;
  /** isb_filteraccept: accepted by the filter. */
  filterAccepted?: bigint;
  /** isb_osdrop: lost by the kernel (ring or socket buffer full). */
  osDropped?: bigint;
  /** isb_usrdeliv: handed to the program. */
  delivered?: bigint;
}

/** Where frames come from. Iterating gives blocks; each holds only until the next is asked for. Leaving the loop early
 * (break, throw, an aborted signal) closes the source. */
export interface FrameSource extends AsyncIterable<FrameBlock> {
  /** Grows as interfaces become known; a row of a block refers into it, so the rows never move. */
  readonly interfaces: readonly FrameInterface[];
  close(): Promise<void> | void;
}

/** Where frames go. Rows whose `keep` is 0 are passed over. */
export interface FrameSink {
  /** Takes the block's kept rows before it returns or resolves; the block is the caller's again after that. */
  write(block: FrameBlock, interfaces: readonly FrameInterface[]): void | Promise<void>;
  /** Everything written so far reaches the operating system. */
  flush(): void | Promise<void>;
  close(): void | Promise<void>;
}
