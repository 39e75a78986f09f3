import type { InterfaceCounters } from './counters.ts';

/** What one ring (an interface, or one fanout member of it) has seen since it was opened. */
export interface RingStatistics {
  interface: string;
  /** Number of the fanout member, from 0; null without fanout. */
  member: number | null;
  /** Frames that the filter let through, as the kernel counted them: those in the ring and those dropped. null where
   * the backend cannot tell. */
  received: number | null;
  /** Frames that the filter let through and that found no room. null where the backend cannot tell. */
  dropped: number | null;
  /** How often the ring was full and froze (tp_freeze_q_cnt). null where the backend cannot tell. */
  freezes: number | null;
  /** Frames handed over to the program so far, those that it then left out included. */
  delivered: number;
  /** Frames in the ring when it was closed, that it had not handed over; 0 as a rule. */
  undelivered: number;
}

/** Statistics of a capture. At the end `received = captured + dropped + left + unwritten` holds to
 * the frame. */
export interface CaptureStatistics {
  /** Frames printed, written or handed to the caller. */
  captured: number;
  /** Frames that the filter let through, dropped ones included; null where the backend cannot tell. */
  received: number | null;
  /** Frames that the kernel dropped for want of room in the ring; null where the backend cannot tell. */
  dropped: number | null;
  /** How often a ring was full and froze. */
  freezes: number | null;
  /** Frames that were in the ring beyond `count` when the capture ended. */
  left: number;
  /** Frames that were handed over and that the output did not take: it failed, or wanted no more. */
  unwritten: number;
  /** Bytes captured (as cut by the snapshot length). */
  bytes: number;
  /** Seconds since the start, by the monotonic clock. */
  elapsed: number;
  rings: RingStatistics[];
  /** What the interfaces' own counters (/sys/class/net) counted since the start. */
  interfaces: { name: string; counters: InterfaceCounters }[];
}

/** Sum that stays null where nobody knows. */
export const total = (values: (number | null)[]): number | null =>
  values.every((value) => value === null) ? null : values.reduce<number>((sum, value) => sum + (value ?? 0), 0);
