import { compileDisplayFilter, type DisplayFilter } from '../dissect/display/compile.ts';
import { type Fields, findFields } from '../dissect/fields.ts';
import { fieldText } from './field-text.ts';
import type { Expectation, Rule, Selector } from './parse.ts';
import { expand, inConversation, type Pair, pairs } from './shorthand.ts';

/** One frame as the evaluation sees it. */
export interface Seen {
  /** From 1. */
  number: number;
  seconds: number;
  nanoseconds: number;
  originalLength: number;
}

/** A frame that speaks for a verdict, and why. */
export interface Witness {
  number: number;
  why: string;
}

export interface Verdict {
  expectation: Expectation;
  isMet: boolean;
  /** What was found, in words. */
  found: string;
  /** The first of the frames that it turns on, where it is not met. */
  frames: Witness[];
}

/** Frames named for a verdict, at most. */
const MOST_FRAMES = 5;

interface Judge {
  frame(f: Fields, seen: Seen): void;
  verdict(): { isMet: boolean; found: string; frames: Witness[] };
}

/** Asks every expectation about every frame. */
export class Evaluation {
  readonly #judges: readonly { expectation: Expectation; judge: Judge }[];
  /** By field id: 1 where an expectation reads the field. */
  readonly wanted = new Uint8Array(65_536);

  constructor(expectations: readonly Expectation[]) {
    const need = (filter: DisplayFilter): void => {
      for (let id = 0; id < filter.wanted.length; id++) if (filter.wanted[id] === 1) this.wanted[id] = 1;
    };
    const name = (field: string): void => {
      for (const { id } of findFields(field)) this.wanted[id] = 1;
    };
    this.#judges = expectations.map((expectation) => ({ expectation, judge: judgeOf(expectation.rule, need, name) }));
  }

  frame(f: Fields, seen: Seen): void {
    for (const { judge } of this.#judges) judge.frame(f, seen);
  }

  verdicts(): Verdict[] {
    return this.#judges.map(({ expectation, judge }) => ({ expectation, ...judge.verdict() }));
  }
}

function judgeOf(rule: Rule, need: (filter: DisplayFilter) => void, name: (field: string) => void): Judge {
  switch (rule.kind) {
    case 'count':
      need(rule.what.filter);
      return new Count(rule.what, rule.unit, rule.least, rule.most);
    case 'every':
      need(rule.of.filter);
      need(rule.also.filter);
      return new Every(rule.of, rule.also);
    case 'sequence':
      for (const step of rule.steps) need(step.filter);
      return new Sequence(rule.steps);
    case 'before':
      need(rule.first.filter);
      need(rule.second.filter);
      return new Before(rule.first, rule.second);
    case 'near':
      need(rule.what.filter);
      need(rule.other.filter);
      for (const field of rule.same) name(field);
      return new Near(rule);
    case 'answers':
    case 'answered': {
      need(rule.what.filter);
      const matchers = pairs.map((pair) => new PairMatcher(pair));
      for (const { question, answer, fields } of matchers) {
        need(question);
        need(answer);
        for (const field of fields) name(field);
      }
      return new Answers(rule.what, matchers, rule.limit, rule.kind === 'answered');
    }
    case 'gap':
      need(rule.what.filter);
      return new Gap(rule.what, rule.least, rule.most);
    case 'duration':
      need(rule.what.filter);
      return new Duration(rule.what, rule.least, rule.most);
  }
}

const since = (a: Seen, b: Seen): number => (b.seconds - a.seconds) * 1e9 + (b.nanoseconds - a.nanoseconds);
const copyOf = ({ number, seconds, nanoseconds, originalLength }: Seen): Seen => ({
  number,
  seconds,
  nanoseconds,
  originalLength,
});

/** Nanoseconds as people write them: three digits and more where they count. */
export function timeText(nanoseconds: number): string {
  const sign = nanoseconds < 0 ? '-' : '';
  const value = Math.abs(nanoseconds);
  const [unit, scale] = value < 1e3 ? ['ns', 1] : value < 1e6 ? ['us', 1e3] : value < 1e9 ? ['ms', 1e6] : ['s', 1e9];
  return `${sign}${Number((value / (scale as number)).toFixed(3))}${unit}`;
}

const plural = (count: number, unit: string): string => `${count} ${count === 1 ? unit.replace(/s$/, '') : unit}`;
const name = (selector: Selector): string => (selector.text === '' ? 'frames' : selector.text);

class Witnesses {
  readonly list: Witness[] = [];
  count = 0;

  add(number: number, why: string): void {
    if (this.count++ < MOST_FRAMES) this.list.push({ number, why });
  }
}

class Count implements Judge {
  #count = 0;
  readonly #matching = new Witnesses();
  readonly #over = new Witnesses();
  readonly #what: Selector;
  readonly #unit: 'frames' | 'bytes';
  readonly #least: number;
  readonly #most: number;

  constructor(what: Selector, unit: 'frames' | 'bytes', least: number, most: number) {
    this.#what = what;
    this.#unit = unit;
    this.#least = least;
    this.#most = most;
  }

  frame(f: Fields, seen: Seen): void {
    if (!this.#what.filter.matches(f)) return;
    this.#count += this.#unit === 'bytes' ? seen.originalLength : 1;
    if (this.#count <= this.#most) this.#matching.add(seen.number, 'matches');
    else this.#over.add(seen.number, this.#most === 0 ? 'matches' : 'one too many');
  }

  verdict() {
    const isMet = this.#count >= this.#least && this.#count <= this.#most;
    const frames = this.#count > this.#most ? this.#over : this.#matching;
    // Of all frames, those that are there do not say which are missing.
    const says = !isMet && (this.#count > this.#most || this.#what.text !== '');
    return { isMet, found: plural(this.#count, this.#unit), frames: says ? frames.list : [] };
  }
}

class Every implements Judge {
  #met = 0;
  readonly #frames = new Witnesses();
  readonly #of: Selector;
  readonly #also: Selector;

  constructor(of: Selector, also: Selector) {
    this.#of = of;
    this.#also = also;
  }

  frame(f: Fields, seen: Seen): void {
    if (!this.#of.filter.matches(f)) return;
    if (this.#also.filter.matches(f)) this.#met++;
    else this.#frames.add(seen.number, `not ${this.#also.text}`);
  }

  verdict() {
    const all = this.#met + this.#frames.count;
    // Of nothing everything is true, which is rarely what was meant to be tested: it is said.
    const found = all === 0 ? `no ${name(this.#of)} at all` : `${this.#met} of ${plural(all, 'frames')}`;
    return { isMet: this.#frames.count === 0, found, frames: this.#frames.list };
  }
}

class Sequence implements Judge {
  readonly #steps: readonly Selector[];
  readonly #at: number[] = [];

  constructor(steps: readonly Selector[]) {
    this.#steps = steps;
  }

  frame(f: Fields, seen: Seen): void {
    const step = this.#steps[this.#at.length];
    if (step?.filter.matches(f)) this.#at.push(seen.number);
  }

  verdict() {
    const done = this.#at.length;
    const isMet = done === this.#steps.length;
    const after = done === 0 ? '' : ` after frame ${this.#at.at(-1)}`;
    return {
      isMet,
      found: isMet ? `frames ${this.#at.join(', ')}` : `no ${this.#steps[done]!.text}${after}`,
      frames: isMet ? [] : this.#at.slice(-MOST_FRAMES).map((number) => ({ number, why: 'found in its turn' })),
    };
  }
}

class Before implements Judge {
  readonly #first: Selector;
  readonly #second: Selector;
  #a = 0;
  #b = 0;

  constructor(first: Selector, second: Selector) {
    this.#first = first;
    this.#second = second;
  }

  frame(f: Fields, seen: Seen): void {
    if (this.#a === 0 && this.#first.filter.matches(f)) this.#a = seen.number;
    if (this.#b === 0 && this.#second.filter.matches(f)) this.#b = seen.number;
  }

  verdict() {
    const isMet = this.#a !== 0 && this.#b !== 0 && this.#a < this.#b;
    if (this.#a === 0 || this.#b === 0) {
      const missing = this.#a === 0 ? this.#first : this.#second;
      return { isMet, found: `no ${missing.text}`, frames: [] };
    }
    return {
      isMet,
      found: `frame ${this.#a} and frame ${this.#b}`,
      frames: isMet ? [] : [{ number: this.#b, why: `${this.#second.text} is first` }],
    };
  }
}

/** Every frame of one kind has one of another near it. */
class Near implements Judge {
  readonly #rule: Extract<Rule, { kind: 'near' }>;
  readonly #frames = new Witnesses();
  /** By the values of the fields in common: the last of the others, and the frames that wait for one to come. */
  readonly #last = new Map<string, Seen>();
  readonly #waiting = new Map<string, { seen: Seen; nearest: number }[]>();
  #count = 0;

  constructor(rule: Extract<Rule, { kind: 'near' }>) {
    this.#rule = rule;
  }

  frame(f: Fields, seen: Seen): void {
    const { what, other, side, limit, same } = this.#rule;
    const isOther = other.filter.matches(f);
    const isWhat = what.filter.matches(f);
    if (!isOther && !isWhat) return;
    const key = same.map((field) => fieldText(f, field)).join('\n');
    if (isOther) {
      for (const { seen: waited, nearest } of this.#waiting.get(key) ?? [])
        this.#settle(waited, Math.min(nearest, since(waited, seen)));
      this.#waiting.delete(key);
    }
    if (isWhat) {
      this.#count++;
      const last = this.#last.get(key);
      const back = last === undefined || side === 'after' ? Number.POSITIVE_INFINITY : since(last, seen);
      if (side === 'before' || back <= limit) this.#settle(copyOf(seen), back);
      else {
        const list = this.#waiting.get(key) ?? [];
        list.push({ seen: copyOf(seen), nearest: back });
        this.#waiting.set(key, list);
      }
    }
    if (isOther) this.#last.set(key, copyOf(seen));
  }

  #settle(seen: Seen, distance: number): void {
    if (distance <= this.#rule.limit) return;
    const { other } = this.#rule;
    this.#frames.add(
      seen.number,
      distance === Number.POSITIVE_INFINITY ? `no ${other.text}` : `${timeText(distance)} from ${other.text}`,
    );
  }

  verdict() {
    for (const list of this.#waiting.values()) for (const { seen, nearest } of list) this.#settle(seen, nearest);
    this.#waiting.clear();
    const failed = this.#frames.count;
    const found =
      this.#count === 0
        ? `no ${this.#rule.what.text} at all`
        : `${this.#count - failed} of ${plural(this.#count, 'frames')} within ${timeText(this.#rule.limit)}`;
    return { isMet: failed === 0 && this.#count > 0, found, frames: this.#frames.list };
  }
}

/** Tells questions and answers of one protocol, and what they have in common. */
class PairMatcher {
  readonly pair: Pair;
  readonly question: DisplayFilter;
  readonly answer: DisplayFilter;
  readonly fields: readonly string[];

  constructor(pair: Pair) {
    const compile = (text: string) => compileDisplayFilter(expand(text, (field) => findFields(field).length > 0));
    this.pair = pair;
    this.question = compile(pair.question);
    this.answer = compile(pair.answer);
    this.fields = [...pair.same.flat(), ...(inConversation(pair) ? ['udp.stream', 'tcp.stream'] : [])];
  }

  key(f: Fields, side: 0 | 1): string {
    const parts = this.pair.same.map((names) => fieldText(f, names[side]));
    if (inConversation(this.pair)) parts.push(fieldText(f, 'udp.stream'), fieldText(f, 'tcp.stream'));
    return parts.join('\n');
  }
}

interface Question {
  seen: Seen;
  isAsked: boolean;
}

class Answers implements Judge {
  readonly #what: Selector;
  readonly #matchers: readonly PairMatcher[];
  readonly #limit: number;
  /** The expectation is of questions, that each is answered; else of answers, that each has its question. */
  readonly #ofQuestions: boolean;
  readonly #open: Map<string, Question[]>[];
  readonly #frames = new Witnesses();
  #count = 0;
  #slowest = 0;

  constructor(what: Selector, matchers: readonly PairMatcher[], limit: number, ofQuestions: boolean) {
    this.#what = what;
    this.#matchers = matchers;
    this.#limit = limit;
    this.#ofQuestions = ofQuestions;
    this.#open = matchers.map(() => new Map());
  }

  frame(f: Fields, seen: Seen): void {
    const isAsked = this.#what.filter.matches(f);
    let isPaired = false;
    for (const [index, matcher] of this.#matchers.entries()) {
      const open = this.#open[index]!;
      if (matcher.answer.matches(f)) {
        const key = matcher.key(f, 1);
        const list = open.get(key);
        const question = matcher.pair.inTurn ? list?.shift() : list?.pop();
        // Answers to earlier copies of a question that was repeated.
        if (!matcher.pair.inTurn && list !== undefined)
          for (const earlier of list.splice(0)) this.#answered(earlier, seen);
        if (list?.length === 0) open.delete(key);
        if (this.#ofQuestions) {
          if (question !== undefined) this.#answered(question, seen);
        } else if (isAsked && !isPaired) this.#answer(matcher, question, seen);
        isPaired = true;
      } else if (matcher.question.matches(f)) {
        const key = matcher.key(f, 0);
        const list = open.get(key) ?? [];
        list.push({ seen: copyOf(seen), isAsked });
        open.set(key, list);
        if (this.#ofQuestions && isAsked && !isPaired) this.#count++;
        isPaired = isPaired || this.#ofQuestions;
      }
    }
    if (isAsked && !isPaired) {
      this.#count++;
      this.#frames.add(
        seen.number,
        this.#ofQuestions ? 'is no question that an answer is known for' : 'is no answer that a question is known for',
      );
    }
  }

  #answer({ pair }: PairMatcher, question: Question | undefined, seen: Seen): void {
    this.#count++;
    if (question === undefined) this.#frames.add(seen.number, `no ${pair.name} question before it`);
    else this.#judge(seen.number, question.seen, seen, 'after its question, frame');
  }

  #answered(question: Question, seen: Seen): void {
    if (this.#ofQuestions && question.isAsked)
      this.#judge(question.seen.number, question.seen, seen, 'until its answer, frame', seen.number);
  }

  #judge(frame: number, question: Seen, answer: Seen, words: string, other = question.number): void {
    const took = since(question, answer);
    if (took > this.#slowest) this.#slowest = took;
    if (took > this.#limit) this.#frames.add(frame, `${timeText(took)} ${words} ${other}`);
  }

  verdict() {
    if (this.#ofQuestions)
      for (const open of this.#open)
        for (const list of open.values())
          for (const { seen, isAsked } of list) if (isAsked) this.#frames.add(seen.number, 'never answered');
    for (const open of this.#open) open.clear();
    this.#frames.list.sort((a, b) => a.number - b.number);
    const failed = this.#frames.count;
    const found =
      this.#count === 0
        ? `no ${this.#what.text} at all`
        : `${this.#count - failed} of ${this.#count}, the slowest ${timeText(this.#slowest)}`;
    return { isMet: failed === 0 && this.#count > 0, found, frames: this.#frames.list };
  }
}

class Gap implements Judge {
  readonly #what: Selector;
  readonly #least: number;
  readonly #most: number;
  readonly #frames = new Witnesses();
  #before: Seen | null = null;
  #shortest = Number.POSITIVE_INFINITY;
  #longest = Number.NEGATIVE_INFINITY;

  constructor(what: Selector, least: number, most: number) {
    this.#what = what;
    this.#least = least;
    this.#most = most;
  }

  frame(f: Fields, seen: Seen): void {
    if (!this.#what.filter.matches(f)) return;
    const before = this.#before;
    this.#before = copyOf(seen);
    if (before === null) return;
    const gap = since(before, seen);
    this.#shortest = Math.min(this.#shortest, gap);
    this.#longest = Math.max(this.#longest, gap);
    if (gap < this.#least || gap > this.#most)
      this.#frames.add(seen.number, `${timeText(gap)} after frame ${before.number}`);
  }

  verdict() {
    const found =
      this.#longest === Number.NEGATIVE_INFINITY
        ? `fewer than two ${name(this.#what)}`
        : `gaps from ${timeText(this.#shortest)} to ${timeText(this.#longest)}`;
    const isMet = this.#frames.count === 0 && this.#longest !== Number.NEGATIVE_INFINITY;
    return { isMet, found, frames: this.#frames.list };
  }
}

class Duration implements Judge {
  readonly #what: Selector;
  readonly #least: number;
  readonly #most: number;
  #first: Seen | null = null;
  #last: Seen | null = null;

  constructor(what: Selector, least: number, most: number) {
    this.#what = what;
    this.#least = least;
    this.#most = most;
  }

  frame(f: Fields, seen: Seen): void {
    if (!this.#what.filter.matches(f)) return;
    this.#first ??= copyOf(seen);
    this.#last = copyOf(seen);
  }

  verdict() {
    if (this.#first === null || this.#last === null)
      return { isMet: false, found: `no ${name(this.#what)} at all`, frames: [] };
    const took = since(this.#first, this.#last);
    return {
      isMet: took >= this.#least && took <= this.#most,
      found: timeText(took),
      frames: [],
    };
  }
}
