import { nearestOf } from '../../bytes/nearest.ts';
import { formatIpv4, parseIpv4 } from '../../wire/address.ts';
import { Choice, each, network, Random, range } from './choice.ts';
import { CraftError } from './error.ts';
import { ip4, ip6, ValueError } from './kind.ts';
import type { Fields, Layer, LayerType } from './layer.ts';
import { raw } from './layers/raw.ts';
import type { Item, Member, Node } from './node.ts';
import { Packets } from './packet.ts';
import { fieldNames, findField, findLayer, layerNames } from './registry.ts';

/** The text form of packets.
 *
 *     packet  layer { '/' layer }
 *     layer   name [ '(' [ argument { ',' argument } ] ')' ]  |  string
 *     argument  [ field '=' ] value
 *     value   word | string | 'rand' [ '(' number ',' number ')' ]
 *           | '[' value [ '-' value ] { ',' … } ']'       several values, a packet for each
 *           | '(' item { ',' item } ')'                   a list: options, records
 *
 * A string in quotes, " or ', knows \n \r \t \0 \\ and \xHH. Where a field is an address, `10.0.0.0/30` is all addresses
 * of the network. */
export function craft(source: string, { seed = 1 }: { seed?: number } = {}): Packets {
  if (typeof source !== 'string') throw new TypeError('craft: a text is needed');
  return new Packets(new Parser(source).packet(), seed);
}

/** What ends a word. */
const DELIMITER = /[\s,()[\]="']/;
const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '0': '\0' };

class Parser {
  readonly #source: string;
  #at = 0;

  constructor(source: string) {
    this.#source = source;
  }

  packet(): Layer[] {
    const layers = [this.#layer()];
    while (this.#take('/')) layers.push(this.#layer());
    if (this.#at < this.#source.length) throw this.#error(`'/' and a layer, or the end, are expected`);
    return layers;
  }

  #error(message: string, at = this.#at, length = 1, nearest: readonly string[] = []): CraftError {
    return new CraftError(this.#source, at, length, message, nearest);
  }

  #skip(): void {
    while (/\s/.test(this.#source[this.#at] ?? '')) this.#at++;
  }

  #peek(): string {
    this.#skip();
    return this.#source[this.#at] ?? '';
  }

  #take(character: string): boolean {
    if (this.#peek() !== character) return false;
    this.#at++;
    this.#skip();
    return true;
  }

  #expect(character: string, after: string): void {
    if (!this.#take(character)) throw this.#error(`'${character}' is expected ${after}`);
  }

  #layer(): Layer {
    if (/["']/.test(this.#peek())) return raw({ load: Buffer.from(this.#string().text, 'utf8') });
    const at = this.#at;
    const name = /^[A-Za-z0-9][\w.-]*/.exec(this.#source.slice(at))?.[0];
    if (name === undefined) throw this.#error('the name of a layer is expected');
    const type = findLayer(name);
    if (type === null) throw this.#error(`no layer '${name}'`, at, name.length, nearestOf(name, layerNames(), 3));
    this.#at += name.length;
    const given = new Map<string, unknown>();
    if (this.#take('(') && !this.#take(')')) {
      do this.#argument(type, given);
      while (this.#take(','));
      this.#expect(')', `or ',' after a value of ${type.name}`);
    }
    return { type, given };
  }

  #argument(type: LayerType, given: Map<string, unknown>): void {
    this.#skip();
    const at = this.#at;
    const named = /^([A-Za-z_][\w.-]*)\s*=/.exec(this.#source.slice(at));
    const name = named ? this.#field(type, named[1]!) : this.#positional(type, given);
    if (given.has(name)) throw this.#error(`${type.name}.${name} is given twice`, at, name.length);
    if (named) this.#at += named[0].length;
    const node = this.#value();
    given.set(name, this.#meaning(type, name, node));
  }

  #field(type: LayerType, name: string): string {
    const found = findField(type, name);
    if (found !== null) return found;
    const near = nearestOf(name, fieldNames(type), 3);
    const all = near.length === 0 ? `; it has ${Object.keys(type.fields).join(', ')}` : '';
    throw this.#error(`no field '${name}' in ${type.name}${all}`, this.#at, name.length, near);
  }

  #positional(type: LayerType, given: Map<string, unknown>): string {
    const name = type.positional?.find((one) => !given.has(one));
    if (name === undefined) throw this.#error(`a field of ${type.name} and '=' are expected`);
    return name;
  }

  #string(): Node & { type: 'string' } {
    const at = this.#at;
    const quote = this.#source[this.#at++]!;
    let text = '';
    for (;;) {
      const character = this.#source[this.#at++];
      if (character === undefined) throw this.#error(`the string is not closed by ${quote}`, at);
      if (character === quote) break;
      if (character !== '\\') {
        text += character;
        continue;
      }
      const escaped = this.#source[this.#at++] ?? '';
      const digits = /^[0-9a-fA-F]{2}/.exec(this.#source.slice(this.#at))?.[0];
      if (escaped === 'x' && digits) {
        text += String.fromCharCode(Number.parseInt(digits, 16));
        this.#at += 2;
      } else text += ESCAPES[escaped] ?? escaped;
    }
    return { type: 'string', text, at };
  }

  #word(): Node & { type: 'word' } {
    this.#skip();
    const at = this.#at;
    while (this.#at < this.#source.length && !DELIMITER.test(this.#source[this.#at]!)) this.#at++;
    if (this.#at === at) throw this.#error('a value is expected');
    return { type: 'word', text: this.#source.slice(at, this.#at), at };
  }

  #value(): Node {
    const next = this.#peek();
    const at = this.#at;
    if (next === '"' || next === "'") return this.#string();
    if (next === '[') return this.#set();
    if (next === '(') return this.#list();
    const word = this.#word();
    if (word.text !== 'rand') return word;
    const limits: number[] = [];
    if (this.#take('(')) {
      do {
        const limit = this.#word();
        if (!/^\d+$/.test(limit.text)) throw this.#error('a number is expected', limit.at, limit.text.length);
        limits.push(Number(limit.text));
      } while (this.#take(','));
      this.#expect(')', 'after the limits of rand');
      if (limits.length > 2 || (limits.length === 2 && limits[1]! < limits[0]!))
        throw this.#error('rand takes the least and the most value', at, this.#at - at);
    }
    return { type: 'random', limits, at };
  }

  #set(): Node {
    const at = this.#at;
    this.#expect('[', '');
    const members: Member[] = [];
    do {
      const value = this.#value();
      const bounds =
        value.type === 'word'
          ? /^(0x[0-9a-f]+|\d+|\d+(?:\.\d+){3})-(0x[0-9a-f]+|\d+|\d+(?:\.\d+){3})$/i.exec(value.text)
          : null;
      if (bounds)
        members.push({
          first: { type: 'word', text: bounds[1]!, at: value.at },
          last: { type: 'word', text: bounds[2]!, at: value.at + bounds[1]!.length + 1 },
        });
      else members.push({ first: value, last: null });
    } while (this.#take(','));
    this.#expect(']', "or ',' after a value");
    return { type: 'set', members, at };
  }

  #list(): Node {
    const at = this.#at;
    this.#expect('(', '');
    const items: Item[] = [];
    if (this.#take(')')) return { type: 'list', items, at };
    do {
      const first = this.#value();
      if (first.type === 'word')
        items.push({ name: first.text, value: this.#take('=') ? this.#value() : null, at: first.at });
      else items.push({ name: null, value: first, at: first.at });
    } while (this.#take(','));
    this.#expect(')', "or ',' after an item");
    return { type: 'list', items, at };
  }

  /** What the value means to the field: one value, several, or a random one. */
  #meaning(type: LayerType, name: string, node: Node): unknown {
    if (node.type === 'random') return new Random(...node.limits);
    if (node.type === 'set') return each(node.members.map((member) => this.#member(type, name, member)));
    return this.#single(type, name, node);
  }

  #member(type: LayerType, name: string, { first, last }: Member): unknown {
    if (last === null) return this.#meaning(type, name, first);
    const [from, to] = [first, last].map((node) => (node.type === 'word' ? node.text : ''));
    const addresses = [from!, to!].map(parseIpv4);
    if (addresses[0] && addresses[1]) {
      const [low, high] = (addresses as Uint8Array[]).map((bytes) => Buffer.from(bytes).readUInt32BE());
      if (high! < low!) throw this.#error(`${to} is before ${from}`, last.at, to!.length);
      return new Choice(high! - low! + 1, (index) => {
        const bytes = Buffer.alloc(4);
        bytes.writeUInt32BE(low! + index);
        return formatIpv4(bytes);
      });
    }
    if (Number(to) < Number(from)) throw this.#error(`${to} is less than ${from}`, last.at, to!.length);
    this.#single(type, name, first);
    this.#single(type, name, last);
    return range(Number(from), Number(to));
  }

  #single(type: LayerType, name: string, node: Node): unknown {
    const { kind } = type.fields[name] as Fields[string];
    try {
      if ((kind === ip4 || kind === ip6) && node.type === 'word' && node.text.includes('/')) return network(node.text);
      const input = kind.fromText(node);
      kind.take(input);
      return input;
    } catch (error) {
      if (!(error instanceof ValueError || error instanceof RangeError)) throw error;
      const length = Math.max(1, this.#at - node.at);
      throw this.#error(`${type.name}.${name}: ${error.message.replace(/^network: /, '')}`, node.at, length);
    }
  }
}
