/** The axis of days: bands for buckets, and ticks on the boundaries of the calendar. */

import { utcDay, utcMonday, utcMonth, utcYear, type TimeInterval } from "d3-time";
import { addDays, countDays, dateFormatter, isoDay, parseDay, type Grain } from "../format/dates.js";
import type { Bucket } from "./model.js";
import { measureText, TICK_SIZE } from "./text.js";

/** Buckets side by side. */
export interface Bands {
  left: number;
  right: number;
  /** The width of one. */
  size: number;
  middle(index: number): number;
  edge(index: number): number;
  indexAt(x: number): number;
}

export function buildBands(count: number, left: number, right: number): Bands {
  const size = (right - left) / Math.max(1, count);
  return {
    left,
    right,
    size,
    middle: (index) => left + (index + 0.5) * size,
    edge: (index) => left + index * size,
    indexAt: (x) => Math.max(0, Math.min(count - 1, Math.floor((x - left) / size))),
  };
}

export interface TimeTick {
  /** The middle of the text, and the place that it names. */
  x: number;
  at: number;
  text: string;
  /** The year, at the first tick and wherever another one begins, if the range has several. */
  year: string | null;
}

const GAP = 14;
const MAX_TICKS = 30;

interface Level {
  interval: TimeInterval;
  options: Intl.DateTimeFormatOptions;
  /** The finest grain whose buckets it can stand for. */
  quarter?: true;
}

const DAYS = { day: "numeric", month: "short" } as const;
const MONTHS = { month: "short" } as const;
const YEARS = { year: "numeric" } as const;

/** From fine to coarse; `every` of d3 counts from the calendar's own beginning. */
function listLevels(grain: Grain): Level[] {
  const years = [1, 2, 5, 10].flatMap((count): Level[] => {
    const interval = count === 1 ? utcYear : utcYear.every(count);
    return interval ? [{ interval, options: YEARS }] : [];
  });
  const quarter = utcMonth.every(3);
  const half = utcMonth.every(6);
  const quarters: Level[] = [quarter, half].flatMap((interval): Level[] =>
    interval ? [{ interval, options: MONTHS, ...(grain === "quarter" ? { quarter: true } : {}) }] : [],
  );
  if (grain === "year") return years;
  if (grain === "quarter") return [...quarters, ...years];
  const months: Level[] = [{ interval: utcMonth, options: MONTHS }, ...quarters, ...years];
  if (grain === "month") return months;
  const weeks: Level[] = [{ interval: utcMonday, options: DAYS }];
  return [...(grain === "day" ? [{ interval: utcDay, options: DAYS }] : []), ...weeks, ...months];
}

/** The densest ticks of the calendar that have room, at most those of the grain. */
export function buildTimeTicks(buckets: readonly Bucket[], grain: Grain, bands: Bands, locale: string): TimeTick[] {
  const [first, last] = [buckets[0], buckets.at(-1)];
  if (first === undefined || last === undefined) return [];
  const plans = listLevels(grain).map((level) => planTicks(buckets, level, bands, locale));
  const fitting = plans.filter((ticks) => ticks.length <= MAX_TICKS && hasRoom(ticks));
  const chosen = fitting.find((ticks) => ticks.length > 1) ?? endTicks(first, last, bands, locale);
  return keepInside(chosen, bands);
}

function planTicks(buckets: readonly Bucket[], level: Level, bands: Bands, locale: string): TimeTick[] {
  const [first, last] = [buckets[0], buckets.at(-1)];
  if (first === undefined || last === undefined) return [];
  const days = level.interval
    .range(level.interval.ceil(parseDay(first.start)), parseDay(addDays(last.end, 1)))
    .map(isoDay);
  const several = first.start.slice(0, 4) !== last.end.slice(0, 4) && level.options !== YEARS;
  let year = "";
  return days.map((day): TimeTick => {
    const own = day.slice(0, 4);
    const tells = several && own !== year;
    year = own;
    const x = placeDay(day, buckets, bands);
    return { x, at: x, text: nameTick(day, level, locale), year: tells ? own : null };
  });
}

function nameTick(day: string, level: Level, locale: string): string {
  if (level.quarter) return `Q${Math.floor((Number(day.slice(5, 7)) + 2) / 3)}`;
  return dateFormatter(locale, level.options).format(parseDay(day));
}

/** Where the day lies: the middle of the bucket that begins with it, else its own place inside of one. */
function placeDay(day: string, buckets: readonly Bucket[], bands: Bands): number {
  let [low, high] = [0, buckets.length - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((buckets[middle]?.start ?? "") <= day) low = middle;
    else high = middle - 1;
  }
  const bucket = buckets[low];
  if (bucket === undefined) return bands.left;
  if (bucket.start === day) return bands.middle(low);
  return bands.edge(low) + ((countDays(bucket.start, day) - 1) / countDays(bucket.start, bucket.end)) * bands.size;
}

const widthOf = ({ text, year }: TimeTick): number =>
  Math.max(measureText(text, TICK_SIZE), year === null ? 0 : measureText(year, TICK_SIZE));

function hasRoom(ticks: readonly TimeTick[]): boolean {
  return ticks.every((tick, index) => {
    const next = ticks[index + 1];
    return next === undefined || next.x - tick.x >= (widthOf(tick) + widthOf(next)) / 2 + GAP;
  });
}

/** The first and the last day, where the calendar has no two boundaries with room. */
function endTicks(first: Bucket, last: Bucket, bands: Bands, locale: string): TimeTick[] {
  const years = first.start.slice(0, 4) !== last.end.slice(0, 4);
  const write = (day: string): string => dateFormatter(locale, DAYS).format(parseDay(day));
  const tick = (bucket: Bucket, day: string): TimeTick => ({
    x: bands.middle(bucket.index),
    at: bands.middle(bucket.index),
    text: write(day),
    year: years ? day.slice(0, 4) : null,
  });
  const ends =
    first.index === last.index ? [tick(first, first.start)] : [tick(first, first.start), tick(last, last.end)];
  return hasRoom(keepInside(ends, bands)) ? ends : ends.slice(0, 1);
}

function keepInside(ticks: readonly TimeTick[], bands: Bands): TimeTick[] {
  return ticks.map((tick) => {
    const half = widthOf(tick) / 2;
    return { ...tick, x: Math.max(bands.left + half, Math.min(bands.right - half, tick.x)) };
  });
}
