/** HTTP dates (RFC 9110 section 5.6.7), by calendar arithmetic: no clock, no time zone, no locale. */

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'] as const;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;
const MONTH_NAMES = MONTHS.join('|');
const TIME = '(\\d\\d):(\\d\\d):(\\d\\d)';
const IMF_FIXDATE = new RegExp(`^(?:${DAYS.join('|')}), (\\d\\d) (${MONTH_NAMES}) (\\d{4}) ${TIME} GMT$`);
const RFC_850 = new RegExp(
  `^(?:Sun|Mon|Tues|Wednes|Thurs|Fri|Satur)day, (\\d\\d)-(${MONTH_NAMES})-(\\d\\d) ${TIME} GMT$`,
);
const ASCTIME = new RegExp(`^(?:${DAYS.join('|')}) (${MONTH_NAMES}) ((?: |\\d)\\d) ${TIME} (\\d{4})$`);

/** First and last second that the four-digit year of an HTTP date can express. */
const MIN_S = -62_167_219_200; // 0000-01-01
const MAX_S = 253_402_300_799; // 9999-12-31 23:59:59

/**
 * Parses an HTTP date in any of its three formats, case-sensitively and without surplus white space.
 *
 * A day name that does not fit the date is tolerated, an impossible date (31 Feb) is not. A two-digit year counts
 * as 1970 to 2069: the RFC's sliding window would need a clock. Second 60 is the first second of the next minute.
 *
 * @returns seconds since the Unix epoch, negative before it; undefined when it is not an HTTP date.
 */
export function parseHttpDate(s: string | undefined): number | undefined {
  if (s === undefined || s.length < 24 || s.length > 33) return undefined;
  let m = IMF_FIXDATE.exec(s);
  if (m !== null) return toEpochS(Number(m[3]), m[2]!, Number(m[1]), m[4]!, m[5]!, m[6]!);
  m = RFC_850.exec(s);
  if (m !== null) {
    const year = Number(m[3]);
    return toEpochS(year < 70 ? 2000 + year : 1900 + year, m[2]!, Number(m[1]), m[4]!, m[5]!, m[6]!);
  }
  m = ASCTIME.exec(s);
  if (m !== null) return toEpochS(Number(m[6]), m[1]!, Number(m[2]), m[3]!, m[4]!, m[5]!);
  return undefined;
}

/** Writes an IMF-fixdate. `epochS` is rounded down to a second and clamped to the years 0000 to 9999. */
export function formatHttpDate(epochS: number): string {
  const s = Math.min(MAX_S, Math.max(MIN_S, Math.floor(epochS)));
  const days = Math.floor(s / 86_400);
  const inDay = s - days * 86_400;
  const { year, month, day } = civilFromDays(days);
  const weekday = DAYS[(((days + 4) % 7) + 7) % 7]!;
  const time = `${two(Math.floor(inDay / 3600))}:${two(Math.floor(inDay / 60) % 60)}:${two(inDay % 60)}`;
  return `${weekday}, ${two(day)} ${MONTHS[month - 1]!} ${String(year).padStart(4, '0')} ${time} GMT`;
}

function toEpochS(
  year: number,
  monthName: string,
  day: number,
  hourText: string,
  minuteText: string,
  secondText: string,
): number | undefined {
  const month = MONTHS.indexOf(monthName as (typeof MONTHS)[number]) + 1;
  const hour = Number(hourText);
  const minute = Number(minuteText);
  const second = Number(secondText);
  if (day < 1 || day > daysInMonth(year, month) || hour > 23 || minute > 59 || second > 60) return undefined;
  return daysFromCivil(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
}

function daysInMonth(year: number, month: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** Days since 1970-01-01, proleptic Gregorian (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms"). */
function daysFromCivil(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

/** The inverse of {@link daysFromCivil}. */
function civilFromDays(days: number): { year: number; month: number; day: number } {
  const z = days + 719_468;
  const era = Math.floor(z / 146_097);
  const dayOfEra = z - era * 146_097;
  const leaps = Math.floor(dayOfEra / 1460) - Math.floor(dayOfEra / 36_524) + Math.floor(dayOfEra / 146_096);
  const yearOfEra = Math.floor((dayOfEra - leaps) / 365);
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shifted = Math.floor((5 * dayOfYear + 2) / 153);
  const month = shifted < 10 ? shifted + 3 : shifted - 9;
  const day = dayOfYear - Math.floor((153 * shifted + 2) / 5) + 1;
  return { year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day };
}

function two(n: number): string {
  return n < 10 ? `0${n}` : `${n}`;
}
