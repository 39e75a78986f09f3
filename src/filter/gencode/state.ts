/** What gencode knows at one place of the expression: where the headers are, which registers are taken. */
import { FilterError, type FilterErrorCode, type Span } from '../error.ts';
import type { Names, Resolver } from '../names.ts';
import { BPF_MEMWORDS } from '../opcodes.ts';

/** Offset of a header or field: a constant, plus the content of a register where headers of variable length come
 * before. The register is -1 until something needs it, and then the same for all copies of the offset. */
export interface HeaderOffset {
  variable: boolean;
  constant: number;
  readonly register: { index: number };
}

const offset = (variable: boolean, constant: number): HeaderOffset => ({ variable, constant, register: { index: -1 } });

export const fixed = (constant: number): HeaderOffset => offset(false, constant);
export const variableOffset = (): HeaderOffset => offset(true, 0);

/** The link type has no such field. */
export const NOT_SET = 0xffffffff;

export interface GenerationOptions {
  readonly expression: string;
  readonly linkType: number;
  /** Network mask in host order; null where it is unknown. */
  readonly netmask: number | null;
  readonly strict: boolean;
  readonly savefile: boolean;
  readonly swapped: boolean;
  readonly vlanOffload: boolean;
  readonly names: Names;
  readonly resolver: Resolver | null;
}

/** Where the headers that a primitive looks at are. `vlan`, `mpls`, `pppoes` and `geneve` move them, and libpcap never
 * moves them back; strict mode does (see strict.ts). */
export interface Layers {
  linkType: number;
  linkHeader: HeaderOffset;
  linkTypeField: HeaderOffset;
  linkPayload: HeaderOffset;
  /** Network header, from the link's payload: with a SNAP header before it, and without. */
  network: number;
  networkNoSnap: number;
  mplsDepth: number;
  vlanDepth: number;
  geneve: boolean;
}

export class State {
  readonly options: GenerationOptions;
  readonly outermostLinkType: number;
  readonly outermostLinkHeader: number;
  /** The layers at the start of the expression. */
  readonly outermost: Layers;
  layers: Layers;
  /** True once a test for a VLAN tag in the packet's metadata made offsets variable. */
  vlanOffsets = false;
  /** Set by code with jumps inside blocks, which the optimizer leaves alone. */
  neverOptimize = false;
  /** Part of the expression that is being compiled. */
  span: Span = { at: 0, length: 0 };
  readonly #used = new Uint8Array(BPF_MEMWORDS);
  #current = 0;

  constructor(options: GenerationOptions, layers: Layers) {
    this.options = options;
    this.layers = layers;
    this.outermost = copyLayers(layers);
    this.outermostLinkType = layers.linkType;
    this.outermostLinkHeader = layers.linkHeader.constant;
  }

  error(code: FilterErrorCode, message: string, expected: readonly string[] = [], span: Span = this.span): FilterError {
    return new FilterError(code, message, this.options.expression, span, expected);
  }

  /** A scratch register (M[]) that nothing uses. They are given out in turn, not lowest first. */
  allocateRegister(): number {
    for (let tries = BPF_MEMWORDS; tries > 0; tries--) {
      if (this.#used[this.#current] === 0) {
        this.#used[this.#current] = 1;
        return this.#current;
      }
      this.#current = (this.#current + 1) % BPF_MEMWORDS;
    }
    throw this.error(
      'ARITHMETIC',
      `the expression needs more than the ${BPF_MEMWORDS} intermediate values that a BPF program can hold`,
    );
  }

  freeRegister(register: number): void {
    this.#used[register] = 0;
  }

  /** The register of a variable offset. */
  registerOf(offset: HeaderOffset): number {
    const { register } = offset;
    if (register.index === -1) register.index = this.allocateRegister();
    return register.index;
  }
}

export function copyLayers(layers: Layers): Layers {
  return {
    ...layers,
    linkHeader: { ...layers.linkHeader },
    linkTypeField: { ...layers.linkTypeField },
    linkPayload: { ...layers.linkPayload },
  };
}

/** Two layers with the same key put every header in the same place. */
export function layersKey(layers: Layers): string {
  const offsets = [layers.linkHeader, layers.linkTypeField, layers.linkPayload].map(
    ({ variable, constant, register }) => `${variable ? register.index : 'fixed'}+${constant}`,
  );
  const { linkType, network, networkNoSnap, mplsDepth, vlanDepth, geneve } = layers;
  return [linkType, ...offsets, network, networkNoSnap, mplsDepth, vlanDepth, geneve].join(' ');
}
