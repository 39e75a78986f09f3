/** Tables that need no number of their own in the common ones: numbers of GRE, PPP and Cisco's HDLC, labels at the bottom of
 * MPLS's stack, destination SAPs of LLC. */
export type OtherTable = 'gre.proto' | 'ppp.protocol' | 'chdlc.protocol' | 'mpls.label' | 'llc.dsap';

/** What the user says which numbers stand for (see `decode-as.ts`), in tables of protocols. It overrules the common tables,
 * and what the content looks like. */
export interface DecodeAsTables<P = unknown> {
  readonly etherTypes: ReadonlyMap<number, P>;
  readonly ipProtocols: readonly (P | undefined)[];
  /** Tables of other numbers, by name; only what the user said is in them. */
  readonly others: Readonly<Partial<Record<OtherTable, ReadonlyMap<number, P>>>>;
  readonly tcp: { find(srcPort: number, dstPort: number): P | undefined };
  readonly udp: { find(srcPort: number, dstPort: number): P | undefined };
  /** What every UDP datagram carries. */
  readonly allUdp: P | undefined;
  /** What every segment does. */
  readonly allTcp: P | undefined;
}
