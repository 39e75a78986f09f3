/** What a pcapng file says beside its frames and interfaces. */

/** An option as it stands in the file. Where its value is a number that the format defines, the bytes are little-endian
 * here whatever the file's order, so that values can go from file to file. */
export interface SavefileOption {
  code: number;
  value: Uint8Array;
}

/** A section header block. */
export interface SavefileSection {
  hardware?: string;
  os?: string;
  /** shb_userappl: the program that wrote the section. */
  application?: string;
  comments?: string[];
  /** Custom and unknown options. */
  others?: SavefileOption[];
  /** Row of the source's table of interfaces where the section's own begin. */
  firstInterface: number;
}

/** A block that is neither frame, interface nor statistics. `row`: it stood before this row of the block of frames that
 * came with it (the block's `count`: after the last). */
export type SavefileRecord = { row: number } & (
  | {
      kind: 'names';
      /** nrb_record_ipv4 (1), nrb_record_ipv6 (2) and others: address, then names, each ended by a zero byte. */
      entries: { type: number; value: Uint8Array }[];
      options: SavefileOption[];
    }
  | {
      kind: 'secrets';
      /** 0x544c534b: TLS key log. */
      secretsType: number;
      data: Uint8Array;
      options: SavefileOption[];
    }
  | {
      kind: 'custom';
      /** Private enterprise number of the IANA. */
      enterprise: number;
      /** Data and options, whose border only the enterprise knows. */
      data: Uint8Array;
      /** False: a program that changes the file must not copy the block. */
      copy: boolean;
    }
);
