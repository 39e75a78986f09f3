/** 0: the side that began; 1: the other one. */
export type Node = 0 | 1;

const TAB = 9;
const LF = 10;
const CR = 13;
const DOT = 46;

/** Bytes of a stream as a person reads them, laid out as `tshark -z follow` lays them out: what node 1 sent is indented
 * by a tab. Control characters do not come through: all but line ends and tabs are dots. */
export class FollowText {
  readonly rule = `\n${'='.repeat(67)}`;
  readonly #isTerminal: boolean;
  readonly #colours: boolean;
  /** Bytes of each side so far. */
  readonly #offset: [number, number] = [0, 0];

  constructor(isTerminal: boolean, colours: boolean) {
    this.#isTerminal = isTerminal;
    this.#colours = colours;
  }

  #coloured(node: Node, text: string): string {
    if (!this.#colours) return text;
    const begin = node === 0 ? '\x1b[31m' : '\x1b[34m';
    return text.replace(/[^\n]+/g, (line) => `${begin}${line}\x1b[39m`);
  }

  ascii(node: Node, bytes: Uint8Array): string {
    const shown = Buffer.allocUnsafe(bytes.length);
    let length = 0;
    for (const byte of bytes) {
      // A terminal takes a lone return as an order to write over the line.
      if (byte === CR && this.#isTerminal) continue;
      shown[length++] = (byte >= 32 && byte < 127) || byte === LF || byte === CR || byte === TAB ? byte : DOT;
    }
    const text = shown.toString('latin1', 0, length);
    return `${node === 1 ? '\t' : ''}${bytes.length}\n${this.#coloured(node, text)}\n`;
  }

  hex(node: Node, bytes: Uint8Array): string {
    let text = '';
    for (let at = 0; at < bytes.length; at += 16) {
      const row = bytes.subarray(at, at + 16);
      let digits = '';
      let characters = '';
      for (const [place, byte] of row.entries()) {
        digits += `${place === 8 ? ' ' : ''} ${byte.toString(16).padStart(2, '0')}`;
        characters += `${place === 8 ? ' ' : ''}${byte >= 32 && byte < 127 ? String.fromCharCode(byte) : '.'}`;
      }
      const offset = (this.#offset[node] + at).toString(16).toUpperCase().padStart(8, '0');
      text += `${node === 1 ? '\t' : ''}${offset} ${digits.padEnd(50)} ${characters.replace(/ $/, '')}\n`;
    }
    this.#offset[node] += bytes.length;
    return this.#coloured(node, text);
  }

  line(node: Node, text: string): string {
    const safe = text.replace(/[^\x20-\x7e]/g, '.');
    return this.#coloured(node, `${node === 1 ? '\t' : ''}${safe}\n`);
  }
}
