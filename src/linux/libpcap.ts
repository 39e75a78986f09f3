/** The installed libpcap, as an oracle: its compiler, its interpreter and its printer of programs. Only tests and
 * comparisons use it; nothing that captures or reads does. The library is loaded at the first call.
 * Source: pcap_open_dead(3PCAP), pcap_compile(3PCAP), pcap_offline_filter(3PCAP), pcap/bpf.h. */
import koffi, { type LibraryHandle } from 'koffi';
import { decodeSockFilters, encodeSockFilters, type SockFilter, sock_filter } from '../uapi/filter.ts';
import { hostU32, hostU64 } from '../uapi/host.ts';

/** libpcap is not there, or not as it should be. */
export class LibpcapUnavailable extends Error {
  readonly code = 'ERR_LIBPCAP_UNAVAILABLE';
}

/** PCAP_NETMASK_UNKNOWN. */
export const NETMASK_UNKNOWN = 0xffffffff;

const LIBRARY = 'libpcap.so.0.8';

type Native = ReturnType<typeof bind>;
let native: Native | undefined;

function bind(file: string) {
  let library: LibraryHandle;
  try {
    library = koffi.load(file);
  } catch (error) {
    throw new LibpcapUnavailable(
      `${file} cannot be loaded (${(error as Error).message}); it is Debian's package libpcap0.8`,
    );
  }
  return {
    openDead: library.func('void *pcap_open_dead(int linktype, int snaplen)'),
    compile: library.func(
      'int pcap_compile(void *p, _Inout_ uint8_t *program, const char *expression, int optimize, uint32_t netmask)',
    ),
    freeCode: library.func('void pcap_freecode(_Inout_ uint8_t *program)'),
    error: library.func('const char *pcap_geterr(void *p)'),
    close: library.func('void pcap_close(void *p)'),
    filter: library.func(
      'uint32_t bpf_filter(const uint8_t *program, const uint8_t *packet, uint32_t wire, uint32_t captured)',
    ),
    image: library.func('const char *bpf_image(const uint8_t *instruction, int index)'),
    validate: library.func('int bpf_validate(const uint8_t *program, int length)'),
    version: library.func('const char *pcap_lib_version(void)'),
  };
}

const library = (): Native => (native ??= bind(LIBRARY));

/** Null where libpcap can be used; else why not. */
export function whyNoLibpcap(): string | null {
  try {
    library();
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

/** pcap_lib_version(): `libpcap version 1.10.3 (with TPACKET_V3)`. */
export const libpcapVersion = (): string => library().version() as string;

export interface LibpcapOptions {
  /** DLT_ value as pcap_open_dead takes it (1 is Ethernet). Default 1. */
  linkType?: number;
  /** Bytes of a packet that an accepting program returns. Default 262144, as tcpdump's. */
  snapLength?: number;
  optimize?: boolean;
  /** Mask of the local network, as an unsigned number in network order read as big-endian. Default: unknown. */
  netmask?: number;
}

/** What pcap_compile made of an expression: the program, or its error message. */
export type LibpcapResult = { program: SockFilter[]; error: null } | { program: null; error: string };

// struct bpf_program: bf_len (32 bits), padding, bf_insns (a pointer).
const BF_INSNS = 8;
const SIZEOF_BPF_PROGRAM = 16;

/** Compiles `expression` with the installed libpcap. It may look up names (in files and by the resolver). */
export function libpcapCompile(expression: string, options: LibpcapOptions = {}): LibpcapResult {
  const { linkType = 1, snapLength = 262144, optimize = true, netmask = NETMASK_UNKNOWN } = options;
  const lib = library();
  const handle = lib.openDead(linkType, snapLength);
  if (handle === null) throw new LibpcapUnavailable(`pcap_open_dead(${linkType}, ${snapLength}) failed`);
  try {
    const program = Buffer.alloc(SIZEOF_BPF_PROGRAM);
    if (lib.compile(handle, program, expression, optimize ? 1 : 0, netmask) !== 0)
      return { program: null, error: lib.error(handle) as string };
    const length = hostU32(program, 0);
    const pointer = hostU64(program, BF_INSNS);
    // The instructions are copied out before they are freed.
    const instructions = new Uint8Array(koffi.view(pointer, length * sock_filter.sizeof)).slice();
    lib.freeCode(program);
    return { program: decodeSockFilters(instructions), error: null };
  } finally {
    lib.close(handle);
  }
}

/** bpf_filter(): the program's verdict on a packet. `encoded` is a program as `encodeSockFilters` lays it out (struct
 * bpf_insn is struct sock_filter); `packet` holds `packet.length` captured bytes of `originalLength`. */
export const libpcapRun = (encoded: Uint8Array, packet: Uint8Array, originalLength = packet.length): number =>
  library().filter(encoded, packet, originalLength, packet.length) as number;

/** bpf_image(): one instruction as text, `(003) ldh      [12]`. */
export const libpcapImage = (instruction: SockFilter, index: number): string =>
  library().image(encodeSockFilters([instruction]), index) as string;

/** bpf_validate(): whether libpcap would run the program. */
export const libpcapValidates = (program: readonly SockFilter[]): boolean =>
  library().validate(encodeSockFilters(program), program.length) !== 0;
