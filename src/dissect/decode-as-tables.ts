/** What the user says which numbers stand for (see `decode-as.ts`), in tables of protocols. It overrules the common tables,
 * and what the content looks like. */
export interface DecodeAsTables<P = unknown> {
  readonly etherTypes: ReadonlyMap<number, P>;
  readonly ipProtocols: readonly (P | undefined)[];
  readonly tcp: { find(srcPort: number, dstPort: number): P | undefined };
  readonly udp: { find(srcPort: number, dstPort: number): P | undefined };
  /** What every UDP datagram carries. */
  readonly allUdp: P | undefined;
}
