/** Words about the token that was not expected. */
import type { Span } from './error.ts';
import { KEYWORDS, NUMBER_NAMES, PROTOCOLS } from './keywords.ts';
import { shown, type Token } from './scanner.ts';

/** A token or id as it was written, for a message. */
export const describe = (token: Span & { readonly kind: string }, expression: string): string =>
  token.kind === 'end' ? 'the end' : `'${shown(expression.slice(token.at, token.at + token.length))}'`;

/** What the writer perhaps meant, or could write instead of what was `expected`; empty where nothing is known. */
export function hintFor(token: Token, expression: string, expected: readonly string[]): string {
  const text = expression.slice(token.at, token.at + token.length);
  const wantsName = expected.some((each) => each.includes('name'));
  const wantsPrimitive = expected.includes('a primitive');
  const wantsJoin = expected.includes("'and'");
  switch (token.kind) {
    case 'name': {
      if (/^[a-z0-9]+\.[a-z]/i.test(text) && PROTOCOLS.has(text.slice(0, text.indexOf('.')).toLowerCase()))
        return 'this looks like a display filter of Wireshark; here the language is that of pcap-filter(7)';
      const near = text.startsWith('\\') ? null : nearestWord(text);
      if (near !== null) return `did you mean '${near}'?`;
      return wantsPrimitive ? 'a name needs host, net, port … before it' : '';
    }
    case 'dotted':
    case 'ip6':
    case 'number':
    case 'ether':
      if (wantsPrimitive) return token.kind === 'ether' ? 'an address needs ether host, src … before it' : NEEDS_TYPE;
      return wantsJoin ? "write 'and' or 'or' between" : '';
    case 'protocol':
    case 'keyword':
      if (!/^[a-z]/.test(text) || text === 'and' || text === 'or' || text === 'not') return '';
      if (wantsName) return `'${text}' is a keyword: as a name it is written \\${text}`;
      return wantsJoin ? "write 'and' or 'or' between" : '';
    case 'operator':
      return token.operator === '/' ? 'a network before / is written with its dots, such as 10.0.0.0/8' : '';
    default:
      return '';
  }
}

const NEEDS_TYPE = 'an address or number needs host, net, port … before it';

let words: readonly string[] | undefined;

function nearestWord(text: string): string | null {
  if (text.length > 30) return null;
  const lower = text.toLowerCase();
  words ??= [...PROTOCOLS.keys(), ...KEYWORDS.keys(), ...NUMBER_NAMES.keys()];
  let best: string | null = null;
  let bestDistance = text.length > 5 ? 3 : text.length > 2 ? 2 : 1;
  for (const word of words) {
    const distance = lower === word ? 0 : editDistance(lower, word, bestDistance);
    if (distance < bestDistance) {
      best = word;
      bestDistance = distance;
    }
  }
  return best;
}

/** Insertions, deletions, replacements and swaps of neighbours that make `a` of `b`; `limit` where it is that or more. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      let cost = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) cost = Math.min(cost, before[j - 2]! + 1);
      row.push(cost);
    }
    before = last;
    last = row;
  }
  return Math.min(limit, last[b.length]!);
}
