import { existsSync } from 'node:fs';
import type { ColumnOptions } from '../dissect/columns.ts';
import { UsageError } from './exit.ts';

/** In which form frames are shown. */
export const FORMATS = ['text', 'json', 'fields', 'ek', 'tree', 'parquet'] as const;
export type Format = (typeof FORMATS)[number];

/** The format that the options ask for; --format, -T and --tree may not ask for different ones. */
export function formatOf(options: { format?: Format; T?: string; tree?: true }): Format {
  const asked = new Set<Format>();
  if (options.format !== undefined) asked.add(options.format);
  // Its other words are tcpdump's types of packets.
  if ((FORMATS as readonly string[]).includes(options.T ?? '')) asked.add(options.T as Format);
  if (options.tree) asked.add('tree');
  if (asked.size > 1) throw new UsageError(`one format at a time: ${[...asked].join(' or ')}?`);
  return [...asked][0] ?? 'text';
}

/** Letters of options that take a value: what follows them in a word, or the next word. */
const WITH_VALUE = 'wCGWcsFriQBjZYETd';

/** With `fields` and `parquet`, -e takes the name of a column, as tshark's does, where it otherwise is tcpdump's flag for
 * the link-level header: those become --field. With `json` it is either: a field's name has a
 * dot in it, and there is no such file. */
export function fieldWords(args: string[]): string[] {
  const format = formatInWords(args);
  if (format !== 'fields' && format !== 'parquet' && format !== 'json') return args;
  const words: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const word = args[i]!;
    if (word === '--') return [...words, ...args.slice(i)];
    if (!/^-[^-]/.test(word)) {
      words.push(word);
      continue;
    }
    let letter = 1;
    while (letter < word.length && word[letter] !== 'e' && !WITH_VALUE.includes(word[letter]!)) letter++;
    const named = word[letter] !== 'e' ? undefined : word.length > letter + 1 ? word.slice(letter + 1) : args[i + 1];
    const isFlag = format === 'json' && (!FIELD_NAME.test(named ?? '') || existsSync(named!));
    if (word[letter] === 'e' && isFlag) words.push(word);
    else if (word[letter] !== 'e') {
      words.push(word);
      // A value is taken as it stands, even where it looks like an option.
      if (letter === word.length - 1 && i + 1 < args.length) words.push(args[++i]!);
    } else {
      if (letter > 1) words.push(word.slice(0, letter));
      if (word.length === letter + 1) i++;
      if (named === undefined) throw new UsageError('-e needs the name of a field');
      words.push('--field', named);
    }
  }
  return words;
}

/** As `ip.src`, and not as `x.pcap`. */
const FIELD_NAME = /^(?!.*\.(pcap|pcapng|cap|gz|zst|lz4)$)[a-z_][\w-]*(\.[\w-]+)+$/i;

/** The format that the words name, if they do. */
function formatInWords(args: readonly string[]): string | undefined {
  for (const [i, word] of args.entries()) {
    const [, glued] = /^(?:--format=|-T)(.+)$/.exec(word) ?? [];
    const value = word === '--format' || word === '-T' ? args[i + 1] : glued;
    if (value === 'fields' || value === 'parquet' || value === 'json') return value;
  }
  return undefined;
}

type FieldSettings = Pick<ColumnOptions, 'header' | 'separator' | 'occurrence' | 'aggregator' | 'quote' | 'bom'>;

const YES_NO = ['y', 'n'];
const SETTINGS: Readonly<Record<string, readonly string[] | null>> = {
  header: YES_NO,
  bom: YES_NO,
  quote: ['d', 's', 'n'],
  occurrence: ['f', 'l', 'a'],
  separator: null,
  aggregator: null,
};

/** Reads the values of -E: `key=value`, several with commas between; a separator may be a comma itself. */
export function fieldSettings(given: readonly string[]): FieldSettings {
  const settings: FieldSettings = {};
  for (const text of given) {
    for (let at = 0; at < text.length; ) {
      const key = /^[a-z]*/.exec(text.slice(at))![0];
      const choices = Object.hasOwn(SETTINGS, key) ? SETTINGS[key] : undefined;
      if (choices === undefined)
        throw new UsageError(
          `-E ${text}: '${key || text.slice(at)}' is not one of ${Object.keys(SETTINGS).join(', ')}`,
        );
      if (text[at + key.length] !== '=') throw new UsageError(`-E ${text}: ${key} needs a value: ${key}=…`);
      const place = at + key.length + 1;
      // One character, or two where the first is a slash; whatever it is, so that `separator=,` is one.
      const found =
        choices === null ? /^(?:\/[ts]|[\s\S])(?=,|$)/.exec(text.slice(place)) : /^[^,]*/.exec(text.slice(place));
      const value = found?.[0] ?? '';
      if (choices === null) {
        if (value === '' || value.charCodeAt(0) > 0x7f)
          throw new UsageError(`-E ${text}: ${key} is /t, /s or one ASCII character`);
        settings[key as 'separator' | 'aggregator'] = value === '/t' ? '\t' : value === '/s' ? ' ' : value;
      } else {
        if (!choices.includes(value)) throw new UsageError(`-E ${text}: ${key} is one of ${choices.join(', ')}`);
        if (choices === YES_NO) settings[key as 'header' | 'bom'] = value === 'y';
        else if (key === 'quote') settings.quote = value as 'd' | 's' | 'n';
        else settings.occurrence = value as 'f' | 'l' | 'a';
      }
      at = place + value.length + 1;
    }
  }
  return settings;
}
