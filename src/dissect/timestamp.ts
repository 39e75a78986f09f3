import { type Word, wordOf } from '../bytes/digits.ts';
import type { TextWriter } from '../bytes/text.ts';
import type { DateForm } from './fields.ts';

/** Writes the time before each line in tcpdump's five forms. A second that was formatted once is kept, since the frames
 * of one second come together. */
export class TimestampWriter {
  readonly #form: 0 | 1 | 2 | 3 | 4 | 5;
  readonly #nano: boolean;
  #second = Number.NaN;
  /** The second's text and the dot behind it: as a word where it is short enough, which all but dates are. */
  #text = '';
  #word: Word | null = null;
  /** What forms 3 and 5 count from. */
  #baseSeconds = 0;
  #baseNanoseconds = 0;

  /** `form` is the number of -t: 0 time of day, 1 none, 2 seconds since 1970, 3 since the packet before, 4 with date, 5
   * since the first packet. Times of day and dates are the local zone's. */
  constructor(form: 0 | 1 | 2 | 3 | 4 | 5, nano: boolean) {
    this.#form = form;
    this.#nano = nano;
  }

  write(out: TextWriter, seconds: number, nanoseconds: number): void {
    const form = this.#form;
    if (form === 1) return;
    if (form === 3 || form === 5) {
      this.#difference(out, seconds, nanoseconds);
      return;
    }
    if (seconds !== this.#second) this.#format(seconds);
    if (this.#word !== null) out.word(this.#word);
    else out.ascii(this.#text);
    this.#fraction(out, nanoseconds);
  }

  #fraction(out: TextWriter, nanoseconds: number): void {
    // What a caller of the library gives may be no part of a second.
    if (!(nanoseconds < 1e9)) out.padded(nanoseconds, 9, 48);
    else if (this.#nano) out.nine(nanoseconds);
    else out.six((nanoseconds / 1000) | 0);
    out.byte(32);
  }

  #format(seconds: number): void {
    let text: string;
    if (this.#form === 2) text = String(seconds);
    else {
      const [date, years] = cycled(seconds);
      const two = (value: number): string => String(value).padStart(2, '0');
      text = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
      if (this.#form === 4) text = `${dateOf(date.getFullYear() + years, date.getMonth(), date.getDate())} ${text}`;
    }
    this.#text = `${text}.`;
    this.#word = this.#text.length <= 16 ? wordOf(this.#text) : null;
    this.#second = seconds;
  }

  #difference(out: TextWriter, seconds: number, nanoseconds: number): void {
    // What is not shown does not count: differences are those of the times as they would be printed.
    if (!this.#nano) nanoseconds -= nanoseconds % 1000;
    // Zero stands for a base that is not there yet.
    if (this.#baseSeconds === 0 && this.#baseNanoseconds === 0) {
      this.#baseSeconds = seconds;
      this.#baseNanoseconds = nanoseconds;
    }
    let whole = seconds - this.#baseSeconds;
    let part = nanoseconds - this.#baseNanoseconds;
    const isNegative = whole < 0 || (whole === 0 && part < 0);
    if (isNegative) {
      whole = -whole;
      part = -part;
    }
    if (part < 0) {
      whole--;
      part += 1e9;
    }
    if (this.#form === 3) {
      this.#baseSeconds = seconds;
      this.#baseNanoseconds = nanoseconds;
    }
    out.byte(isNegative ? 45 : 32);
    out.padded(Math.floor(whole / 3600) % 24, 2, 48);
    out.byte(58);
    out.padded(Math.floor(whole / 60) % 60, 2, 48);
    out.byte(58);
    out.padded(whole % 60, 2, 48);
    out.byte(46);
    this.#fraction(out, part);
  }
}

/** The day of a time in UTC: `2026-11-20`. */
export function utcDay(seconds: number): string {
  const [date, years] = cycled(seconds);
  return dateOf(date.getUTCFullYear() + years, date.getUTCMonth(), date.getUTCDate());
}

const dateOf = (year: number, month: number, day: number): string =>
  `${String(year).padStart(4, '0')}-${String(month + 1).padStart(2, '0')}-${String(day).padStart(2, '0')}`;

/** Years after which the calendar repeats, and their seconds. */
const CYCLE_YEARS = 400;
const CYCLE = 146_097 * 86_400;
/** Less than a Date can hold. */
const MAX_DATE = 8.6e12;

/** Behind the last year that gmtime(3) of C can say. */
const END_OF_YEARS = 67_768_036_191_676_800;

/** The date, and the years that are to be added to it: fields of 64 bits say more than a Date can. */
function cycled(seconds: number): [date: Date, years: number] {
  const cycles = Math.abs(seconds) < MAX_DATE ? 0 : Math.floor(seconds / CYCLE);
  return [new Date((seconds - cycles * CYCLE) * 1000), cycles * CYCLE_YEARS];
}

function utcDate(seconds: number): string {
  const [date, years] = cycled(seconds);
  const day = `${MONTHS[date.getUTCMonth()]} ${String(date.getUTCDate()).padStart(2)}, ${date.getUTCFullYear() + years}`;
  return `${day} ${date.toISOString().slice(11, 19)}`;
}

/** Made when first asked for: it takes ten milliseconds, a tenth of the start of `netlab read`. */
let zone: Intl.DateTimeFormat | null = null;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** Where NTP's zero is, which says that there is no time: the era that begins in 2036 to who counts it. */
const NTP_ZERO = 2_085_978_496;

/** A time as Wireshark writes it out, in the local zone or in UTC: `Nov 20, 2026 15:19:46.340576974 UTC`. */
export function writtenTime(seconds: number, nanoseconds: number, form: DateForm = 'local'): string {
  if (form === 'ntp' && seconds === NTP_ZERO && nanoseconds === 0) return 'NULL';
  if (Math.abs(seconds) >= END_OF_YEARS) return 'Not representable';
  if (form !== 'local') return `${utcDate(seconds)}.${String(nanoseconds).padStart(9, '0')} UTC`;
  const [date, years] = cycled(seconds);
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${MONTHS[date.getMonth()]} ${String(date.getDate()).padStart(2)}, ${date.getFullYear() + years}`;
  const clock = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  zone ??= new Intl.DateTimeFormat('en-US', { timeZoneName: 'short' });
  const name = zone.formatToParts(date).find(({ type }) => type === 'timeZoneName')?.value ?? 'UTC';
  return `${day} ${clock}.${String(nanoseconds).padStart(9, '0')} ${name}`;
}
