import { lookup } from 'node:dns/promises';
import { readFileSync } from 'node:fs';
import { type CompileOptions, compile, FilterError, namesFrom } from '../filter/compile.ts';
import { jit, type PacketFilter } from '../filter/jit.ts';
import type { BpfProgram } from '../filter/program.ts';
import { LINKTYPE_ETHERNET } from '../wire/linktype.ts';

/** Where a program runs: in the kernel, on a socket, where the outermost VLAN tag is metadata; here, over frames that were
 * captured; here, over frames of a savefile; nowhere, it is to be looked at (as by `tcpdump -d`). */
export type ProgramPlace = 'kernel' | 'frames' | 'savefile' | 'nowhere';

export interface ExpressionOptions {
  /** Default true. */
  optimize?: boolean | undefined;
  /** Mask of the network that is captured on, in host order, for `ip broadcast`. */
  netmask?: number | undefined;
  /** Bytes that the program keeps of a frame that it accepts. Default 262144. */
  snapLength?: number | undefined;
  /** Default 'libpcap'. */
  mode?: 'libpcap' | 'strict' | undefined;
}

/** A filter expression whose names are known, to be compiled for any link type. */
export interface Expression {
  readonly text: string;
  /** Throws FilterError where the expression means nothing for this link type. */
  program(linkType: number, place: ProgramPlace, swapped?: boolean): BpfProgram;
  /** The same, ready to run over blocks. `swapped`: of a savefile of the other byte order (matters for LINKTYPE_NULL). */
  filter(linkType: number, place: 'frames' | 'savefile', swapped?: boolean): PacketFilter;
}

/** Names of this machine's files, services(5) and the rest. */
const names = namesFrom((file) => {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
});

/** Prepares an expression: looks up the host names in it, which may ask the network. Throws FilterError where it is wrong
 * whatever the link type; what depends on that, `program` finds. */
export async function prepareExpression(text: string, options: ExpressionOptions = {}): Promise<Expression> {
  const hosts = new Map<string, readonly string[] | null>();
  let unknown: string | null = null;
  const resolver = (name: string): readonly string[] | null => {
    const known = hosts.get(name);
    if (known === undefined) unknown = name;
    return known ?? null;
  };
  const expression: Expression = {
    text,
    program(type, where, swapped = false) {
      const compileOptions: CompileOptions = {
        linkType: type,
        names,
        resolver,
        optimize: options.optimize !== false,
        savefile: where === 'savefile',
        swapped,
        vlanOffload: where === 'kernel',
        mode: options.mode ?? 'libpcap',
        ...(options.snapLength === undefined ? {} : { snapLength: options.snapLength }),
        // tcpdump takes 0 where there is no network.
        ...(where === 'savefile' || where === 'nowhere'
          ? { netmask: 0 }
          : options.netmask === undefined
            ? {}
            : { netmask: options.netmask }),
      };
      return compile(text, compileOptions);
    },
    filter(type, where, swapped) {
      return jit(expression.program(type, where, swapped), { semantics: where === 'savefile' ? 'libpcap' : 'linux' });
    },
  };
  for (;;) {
    unknown = null;
    try {
      expression.program(LINKTYPE_ETHERNET, 'nowhere');
      return expression;
    } catch (error) {
      // The compiler is synchronous: it says which name it would need, and is asked again when that is known.
      if (unknown !== null) hosts.set(unknown, await addressesOf(unknown));
      else if (error instanceof FilterError && (error.code === 'LINK_TYPE' || error.code === 'REJECTS_ALL'))
        return expression;
      else throw error;
    }
  }
}

async function addressesOf(name: string): Promise<readonly string[] | null> {
  try {
    return (await lookup(name, { all: true })).map(({ address }) => address);
  } catch {
    return null;
  }
}
