/** Days as ISO text, reckoned in UTC so that no clock change moves them, and ranges of them in words. */

import { utcDay, utcMonday, utcMonth, utcYear } from "d3-time";

export type Grain = "day" | "week" | "month" | "quarter" | "year";

/** The days from `start` to `end`, both included. */
export interface DayRange {
  start: string;
  end: string;
}

export const parseDay = (day: string): Date => new Date(`${day}T00:00:00Z`);
export const isoDay = (date: Date): string => date.toISOString().slice(0, 10);
export const addDays = (day: string, count: number): string => isoDay(utcDay.offset(parseDay(day), count));
export const countDays = (start: string, end: string): number => utcDay.count(parseDay(start), parseDay(end)) + 1;

/** The last day of the calendar bucket that begins on `day`. */
export function lastOfBucket(day: string, grain: Grain): string {
  const date = parseDay(day);
  if (grain === "day") return day;
  const next = {
    week: () => utcMonday.offset(utcMonday.floor(date), 1),
    month: () => utcMonth.offset(utcMonth.floor(date), 1),
    quarter: () => utcMonth.offset(utcMonth.floor(date), 3 - (date.getUTCMonth() % 3)),
    year: () => utcYear.offset(utcYear.floor(date), 1),
  }[grain]();
  return isoDay(utcDay.offset(next, -1));
}

const formatters = new Map<string, Intl.DateTimeFormat>();

/** A formatter of days for the locale. */
export function dateFormatter(locale: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const name = `${locale} ${JSON.stringify(options)}`;
  let formatter = formatters.get(name);
  if (formatter === undefined) {
    formatters.set(name, (formatter = new Intl.DateTimeFormat(locale, { timeZone: "UTC", ...options })));
  }
  return formatter;
}

const SHORT = { day: "numeric", month: "short" } as const;
const FULL = { ...SHORT, year: "numeric" } as const;

/** "21 Nov 2026". */
export const formatDay = (day: string, locale: string): string => dateFormatter(locale, FULL).format(parseDay(day));

/** "1 – 21 Nov 2026"; one day with its weekday; without the year where `year` is false and the range has only one. */
export function formatRange(start: string, end: string, locale: string, { year = true } = {}): string {
  const years = year || start.slice(0, 4) !== end.slice(0, 4);
  if (start === end) {
    return dateFormatter(locale, { weekday: "short", ...(years ? FULL : SHORT) }).format(parseDay(start));
  }
  return dateFormatter(locale, years ? FULL : SHORT).formatRange(parseDay(start), parseDay(end));
}

/** A bucket in words: "Nov 2026", "Q4 2026", "2026", and a week or a cut bucket by its days. */
export function formatBucket({ start, end }: DayRange, grain: Grain, cut: boolean, locale: string): string {
  if (cut || grain === "day" || grain === "week") return formatRange(start, end, locale);
  if (grain === "month") return dateFormatter(locale, { month: "long", year: "numeric" }).format(parseDay(start));
  if (grain === "quarter") return `Q${Math.floor((Number(start.slice(5, 7)) + 2) / 3)} ${start.slice(0, 4)}`;
  return start.slice(0, 4);
}

/** "1 – 21 Nov against 1 – 21 Oct", with the years where they differ. */
export function formatComparison(range: DayRange, before: DayRange, locale: string): string {
  const year = new Set([range.start, range.end, before.start, before.end].map((day) => day.slice(0, 4))).size > 1;
  const write = ({ start, end }: DayRange): string => formatRange(start, end, locale, { year });
  return `${write(range)} against ${write(before)}`;
}
