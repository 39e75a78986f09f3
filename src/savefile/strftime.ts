/** strftime(3) in the C locale, local time, for the names of rotated files. */

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];

const zeros = (value: number, width: number): string => String(value).padStart(width, '0');
const spaces = (value: number, width: number): string => String(value).padStart(width, ' ');

const dayOfYear = (date: Date): number =>
  Math.round(
    (Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) - Date.UTC(date.getFullYear(), 0, 1)) / 86_400_000,
  );

/** ISO 8601: weeks begin on Monday, and the first of a year is the one with its first Thursday. */
function isoWeek(date: Date): { year: number; week: number } {
  const thursday = new Date(date.getFullYear(), date.getMonth(), date.getDate() + 3 - ((date.getDay() + 6) % 7));
  return { year: thursday.getFullYear(), week: Math.floor(dayOfYear(thursday) / 7) + 1 };
}

function zoneName(date: Date): string {
  // Each of these languages knows short names only for its own part of the world, and says GMT+1 for the rest.
  for (const language of ['en-US', 'en-GB', 'en-AU', 'en-NZ', 'en-IN', 'en-ZA', 'ja-JP', 'ko-KR', 'zh-CN']) {
    const parts = new Intl.DateTimeFormat(language, { timeZoneName: 'short' }).formatToParts(date);
    const name = parts.find(({ type }) => type === 'timeZoneName')?.value ?? '';
    if (name !== '' && !/^(GMT|UTC)[+-]/.test(name)) return name;
  }
  return zoneOffset(date).slice(0, 3);
}

function zoneOffset(date: Date): string {
  const minutes = -date.getTimezoneOffset();
  const size = Math.abs(minutes);
  return `${minutes < 0 ? '-' : '+'}${zeros(Math.floor(size / 60), 2)}${zeros(size % 60, 2)}`;
}

function conversion(letter: string, date: Date, seconds: number): string | null {
  const again = (pattern: string): string => strftime(pattern, seconds);
  const hour12 = date.getHours() % 12 || 12;
  switch (letter) {
    case 'a':
      return DAYS[date.getDay()]!.slice(0, 3);
    case 'A':
      return DAYS[date.getDay()]!;
    case 'b':
    case 'h':
      return MONTHS[date.getMonth()]!.slice(0, 3);
    case 'B':
      return MONTHS[date.getMonth()]!;
    case 'c':
      return again('%a %b %e %H:%M:%S %Y');
    case 'C':
      return zeros(Math.floor(date.getFullYear() / 100), 2);
    case 'd':
      return zeros(date.getDate(), 2);
    case 'D':
    case 'x':
      return again('%m/%d/%y');
    case 'e':
      return spaces(date.getDate(), 2);
    case 'F':
      return again('%Y-%m-%d');
    case 'g':
      return zeros(isoWeek(date).year % 100, 2);
    case 'G':
      return String(isoWeek(date).year);
    case 'H':
      return zeros(date.getHours(), 2);
    case 'I':
      return zeros(hour12, 2);
    case 'j':
      return zeros(dayOfYear(date) + 1, 3);
    case 'k':
      return spaces(date.getHours(), 2);
    case 'l':
      return spaces(hour12, 2);
    case 'm':
      return zeros(date.getMonth() + 1, 2);
    case 'M':
      return zeros(date.getMinutes(), 2);
    case 'n':
      return '\n';
    case 'p':
      return date.getHours() < 12 ? 'AM' : 'PM';
    case 'P':
      return date.getHours() < 12 ? 'am' : 'pm';
    case 'r':
      return again('%I:%M:%S %p');
    case 'R':
      return again('%H:%M');
    case 's':
      return String(seconds);
    case 'S':
      return zeros(date.getSeconds(), 2);
    case 't':
      return '\t';
    case 'T':
    case 'X':
      return again('%H:%M:%S');
    case 'u':
      return String(date.getDay() || 7);
    case 'U':
      return zeros(Math.floor((dayOfYear(date) + 7 - date.getDay()) / 7), 2);
    case 'V':
      return zeros(isoWeek(date).week, 2);
    case 'w':
      return String(date.getDay());
    case 'W':
      return zeros(Math.floor((dayOfYear(date) + 7 - ((date.getDay() + 6) % 7)) / 7), 2);
    case 'y':
      return zeros(date.getFullYear() % 100, 2);
    case 'Y':
      return String(date.getFullYear());
    case 'z':
      return zoneOffset(date);
    case 'Z':
      return zoneName(date);
    case '%':
      return '%';
    default:
      return null;
  }
}

/** Formats a time (whole seconds since 1970) as strftime(3) does, with glibc's flags `_ - 0 ^` before the letter. What is
 * no conversion stays as it is. */
export function strftime(pattern: string, seconds: number): string {
  const date = new Date(seconds * 1000);
  return pattern.replace(/%([_\-0^]?)[EO]?([A-Za-z%])/g, (whole, flag: string, letter: string) => {
    const text = conversion(letter, date, seconds);
    if (text === null) return whole;
    if (flag === '-') return text.replace(/^[0 ]+(?=.)/, '');
    if (flag === '_') return text.replace(/^0+(?=.)/, (lead) => ' '.repeat(lead.length));
    if (flag === '0') return text.replace(/^ +(?=.)/, (lead) => '0'.repeat(lead.length));
    // glibc: %P is small letters whatever the flag.
    return flag === '^' && letter !== 'P' ? text.toUpperCase() : text;
  });
}
