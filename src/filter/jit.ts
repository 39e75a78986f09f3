/** A BPF program as one JavaScript function.
 *
 * The program's jumps all go forward, so they become `break`s out of labelled blocks, which V8 compiles to plain jumps;
 * a jump to a return becomes the return. The registers are locals that hold 32 bits as signed integers, the scratch
 * memory is sixteen more. A load's check against the captured length is left out where an earlier one covers it, and the
 * earlier one already asks for all that every way to acceptance needs (`flow.ts`).
 *
 * Where code generation from strings is forbidden (`node --disallow-code-generation-from-strings`), and for the few
 * programs that jump back (libpcap's protochain) or are nested too deeply for V8's parser, the interpreter runs them. */
import type { FrameBlock } from '../frames/block.ts';
import { type Ancillary, NO_ANCILLARY, nestedNetlinkAttribute, netlinkAttribute } from './ancillary.ts';
import { isForwardOnly } from './flow.ts';
import { blockSource, packetSource } from './jit-source.ts';
import type { BpfProgram } from './program.ts';
import { locate, run, type Semantics } from './vm.ts';

export interface JitOptions {
  /** Whose interpreter to be equal to at the edges (see `vm.ts`): the kernel's by default; 'libpcap' for savefiles, so
   * that the answer is that of `tcpdump -r`. */
  semantics?: Semantics;
}

/** The verdict on one packet, as `run` gives it: bytes to keep, 0 to 2^32 - 1; 0 rejects. Allocates nothing. */
export type PacketFunction = (
  bytes: Uint8Array,
  offset: number,
  capturedLength: number,
  originalLength: number,
  ancillary?: Ancillary,
) => number;

/** Clears `keep` of the rows that the program rejects; passes over the rows that are cleared already. Returns how many
 * rows are kept. Allocates nothing. */
export type BlockFunction = (block: FrameBlock) => number;

/** A program that is ready to run. */
export interface PacketFilter {
  readonly program: BpfProgram;
  /** False: the interpreter runs it, or at least one of the two functions, as far as they have been used. */
  readonly generated: boolean;
  readonly run: PacketFunction;
  readonly filterBlock: BlockFunction;
}

/** What generated code may call. Its parameters are named so in the source. */
const HELPERS = { locate, netlinkAttribute, nestedNetlinkAttribute, NO_ANCILLARY };
export type HelperName = keyof typeof HELPERS;

/** Builds a function from the text of a function expression. Throws EvalError where that is forbidden. */
function build<T>(source: string): T {
  // This is the one place that makes code from text. The text comes from numbers alone: see jit-source.ts.
  return new Function(...Object.keys(HELPERS), `'use strict'; return ${source};`)(...Object.values(HELPERS)) as T;
}

let allowed: boolean | undefined;
/** Whether this process may make code from strings. */
export function canGenerateCode(): boolean {
  if (allowed === undefined) {
    try {
      allowed = build<() => boolean>('() => true')();
    } catch (error) {
      if (!(error instanceof EvalError)) throw error;
      allowed = false;
    }
  }
  return allowed;
}

/** The program as an interpreted filter. */
export function interpret(program: BpfProgram, { semantics = 'linux' }: JitOptions = {}): PacketFilter {
  return {
    program,
    generated: false,
    run: (bytes, offset, capturedLength, originalLength, ancillary = NO_ANCILLARY) =>
      run(program, bytes, offset, capturedLength, originalLength, ancillary, semantics),
    filterBlock(block) {
      const { bytes, offset, capturedLength, originalLength, keep } = block;
      let kept = 0;
      for (let row = 0; row < block.count; row++) {
        if (keep[row] === 0) continue;
        const verdict = run(
          program,
          bytes,
          offset[row]!,
          capturedLength[row]!,
          originalLength[row]!,
          NO_ANCILLARY,
          semantics,
        );
        if (verdict === 0) keep[row] = 0;
        else kept++;
      }
      return kept;
    },
  };
}

/** Compiles a program that `validate` accepts (or libpcap's, under its semantics). The two functions are generated when
 * first used. */
export function jit(program: BpfProgram, options: JitOptions = {}): PacketFilter {
  if (!canGenerateCode() || !isForwardOnly(program)) return interpret(program, options);
  const semantics = options.semantics ?? 'linux';
  const fallback = interpret(program, options);
  let generated = true;
  /** V8's parser gives up with a RangeError on nesting that its stack does not hold. */
  const generate = <T>(source: (program: BpfProgram, semantics: Semantics) => string, otherwise: T): T => {
    try {
      return build<T>(source(program, semantics));
    } catch (error) {
      if (error instanceof RangeError) {
        generated = false;
        return otherwise;
      }
      throw error;
    }
  };
  let packet: PacketFunction | undefined;
  let block: BlockFunction | undefined;
  return {
    program,
    get generated() {
      return generated;
    },
    get run() {
      return (packet ??= generate(packetSource, fallback.run));
    },
    get filterBlock() {
      return (block ??= generate(blockSource, fallback.filterBlock));
    },
  };
}
