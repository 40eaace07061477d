/** An answer as something to draw: buckets of days, and panels of series that share a scale. */

import {
  formatBucket,
  formatRange,
  lastOfBucket,
  countDays,
  addDays,
  type DayRange,
  type Grain,
} from "../format/dates.js";
import { computeDelta, unitOf, type Unit } from "../format/numbers.js";
import type { ChartInput, ChartKind, Meta, Point, Series, Stats, Widget } from "./types.js";

export type TimeKind = "line" | "area" | "bar" | "stacked";
export type DrawnKind = TimeKind | "members" | "number" | "pair" | "nothing";

export interface Bucket extends DayRange {
  /** The days that lie within the window. */
  index: number;
  label: string;
  /** The window, or where the data begins or ends, cuts it: its value is of fewer days than its neighbours'. */
  cut: boolean;
  /** The source may still change it. */
  provisional: boolean;
  /** No series has data here, though the days are over. */
  gap: boolean;
}

export interface ComparedPoint extends DayRange {
  /** Its place among the buckets; whole, unless the two calendars differ. */
  at: number;
  value: number | null;
  cut: boolean;
}

export interface SeriesModel {
  name: string;
  /** What a filter takes; null for a series that is no member, and for the folded rest. */
  member: string | null;
  /** 1 to 12, or 0 for the folded rest. */
  colour: number;
  unit: Unit;
  better: Series["better"];
  values: (number | null)[];
  before: ComparedPoint[] | null;
  stats: Stats;
  deltaKind: Meta["delta"];
}

export interface ChartModel {
  kind: DrawnKind;
  title: string;
  grain: Grain;
  meta: Meta;
  range: DayRange;
  compared: DayRange | null;
  buckets: Bucket[];
  series: SeriesModel[];
  panels: SeriesModel[][];
  /** Whether panels need their names. */
  named: boolean;
  breakdown: boolean;
}

export const MAX_COLOURS = 12;
const OTHER = "Other";

/** What there is to draw of the answer. */
export function buildModel({ widget, kind, locale, colours }: ChartInput): ChartModel {
  const { meta, comparison } = widget;
  const breakdown = widget.series.some((series) => series.id !== undefined);
  const buckets = buildBuckets(widget, locale);
  const series = widget.series.map((one, index): SeriesModel => {
    const rest = breakdown && one.id === OTHER;
    const points = comparison?.series[index]?.points;
    return {
      name: one.name,
      member: rest ? null : (one.id ?? null),
      colour: rest ? 0 : (((colours?.get(one.id ?? one.name) ?? index + 1) - 1) % MAX_COLOURS) + 1,
      unit: unitOf(one),
      better: one.better,
      values: one.points.map((point, place) => (buckets[place]?.gap ? null : point.v)),
      before: comparison && points ? buildCompared(points, comparison, buckets, meta) : null,
      ...statsOf(one, meta),
    };
  });
  const drawn = chooseKind(kind, breakdown, series, widget);
  const shown = breakdown ? series.filter(hasValue) : series;
  const together = breakdown || drawn === "stacked" || (drawn === "area" && hasOneUnit(series));
  return {
    kind: drawn,
    title: meta.title,
    grain: meta.grain,
    meta,
    range: { start: meta.start, end: meta.end },
    compared: comparison ? { start: comparison.start, end: comparison.end } : null,
    buckets,
    series: shown,
    panels: together ? [shown] : shown.map((one) => [one]),
    named: !together && series.length > 1,
    breakdown,
  };
}

// The kind of a change is that of the widget's own metric. A part of another is told in relative terms.
function statsOf({ key, stats }: Series, meta: Meta): Pick<SeriesModel, "stats" | "deltaKind"> {
  if (key === meta.key || meta.delta === "relative") return { stats, deltaKind: meta.delta };
  const change = <S extends Omit<Stats, "to_date">>(of: S): S => ({
    ...of,
    delta: computeDelta(of.value, of.previous, "relative"),
  });
  return { stats: { ...change(stats), to_date: stats.to_date && change(stats.to_date) }, deltaKind: "relative" };
}

const hasValue = ({ values, stats }: SeriesModel): boolean => values.some((value) => value) || Boolean(stats.value);

const hasOneUnit = (series: SeriesModel[]): boolean =>
  new Set(series.map(({ unit }) => `${unit.format} ${unit.currency}`)).size < 2;

function chooseKind(kind: ChartKind, breakdown: boolean, series: SeriesModel[], { stats }: Widget): DrawnKind {
  const buckets = series[0]?.values.length ?? 0;
  const known = series.some(
    ({ values, before, stats: own }) =>
      own.value !== null || values.some((value) => value !== null) || before?.some(({ value }) => value !== null),
  );
  if (!known) return "nothing";
  if (kind === "number") return "number";
  if (breakdown && (kind === "bar" || buckets < 2)) return "members";
  if (buckets < 2) return "pair";
  if (kind === "area" || kind === "bar" || kind === "stacked" || kind === "line") return kind;
  return breakdown && addUp(series, stats) ? "stacked" : "line";
}

// Members are put on top of each other unasked only where they come to the whole, as those of a rate do not.
function addUp(series: readonly SeriesModel[], { value }: Stats): boolean {
  const sum = series.reduce((total, { stats }) => total + (stats.value ?? 0), 0);
  return value !== null && series.length > 1 && Math.abs(sum - value) <= 1e-6 * Math.abs(value);
}

function buildBuckets({ series, meta }: Widget, locale: string): Bucket[] {
  const [first] = series;
  if (first === undefined) return [];
  const gaps = readGaps(meta);
  const known = first.points.findIndex((_, index) => !isMissing(series, index));
  const buckets = first.points.map((point, index): Bucket => {
    const whole = { start: point.t, end: lastOfBucket(point.t, meta.grain) };
    const start = whole.start < meta.start ? meta.start : whole.start;
    const end = whole.end > meta.end ? meta.end : whole.end;
    const over = meta.data_through !== null && start <= meta.data_through;
    const beyond = meta.data_through !== null && over && end > meta.data_through;
    const missing = isMissing(series, index);
    // Where data begins inside a bucket, no point says so: the first after buckets without any may be a part.
    const begins = index > 0 && index === known;
    const cut = meta.grain !== "day" && over && !missing && (point.partial === true || beyond || begins);
    return {
      index,
      start,
      end,
      label: formatBucket({ start, end }, meta.grain, cut, locale),
      cut,
      provisional: meta.provisional_from !== null && end >= meta.provisional_from && over,
      gap: over && (missing || gaps.some((gap) => gap.start <= start && end <= gap.end)),
    };
  });
  return tellProvisional(buckets);
}

const isMissing = (series: readonly Series[], index: number): boolean =>
  series.every(({ points }) => (points[index]?.v ?? null) === null);

// Where most of the range may still change, the mark would tell nothing apart.
function tellProvisional(buckets: Bucket[]): Bucket[] {
  const count = buckets.filter(({ provisional }) => provisional).length;
  return count * 2 > buckets.length ? buckets.map((bucket) => ({ ...bucket, provisional: false })) : buckets;
}

/** The days without rows that the answer lists: days, or ranges of them. */
export function readGaps(meta: Meta): DayRange[] {
  const gaps = (meta as Record<string, unknown>)["gaps"];
  if (!Array.isArray(gaps)) return [];
  return gaps.flatMap((gap: unknown): DayRange[] => {
    if (typeof gap === "string") return [{ start: gap, end: gap }];
    if (typeof gap !== "object" || gap === null) return [];
    const { from, to, start, end } = gap as Record<string, unknown>;
    const [first, last] = [from ?? start, to ?? end];
    return typeof first === "string" && typeof last === "string" ? [{ start: first, end: last }] : [];
  });
}

function buildCompared(points: Point[], compared: DayRange, buckets: Bucket[], meta: Meta): ComparedPoint[] {
  // Months that are compared as calendars have weeks of their own, which lie where their days do.
  const shifted = meta.compare === "previous_month" && meta.grain === "week";
  const known = points.findIndex(({ v }) => v !== null);
  return points.map((point, index) => {
    const next = points[index + 1]?.t;
    const start = point.t < compared.start ? compared.start : point.t;
    const end = next === undefined ? compared.end : addDays(next, -1);
    const begins = meta.grain !== "day" && index > 0 && index === known;
    const at = shifted
      ? placeOf(addDays(meta.start, countDays(compared.start, start) - 1), start, end, buckets)
      : index;
    return { at, start, end: end < start ? start : end, value: point.v, cut: point.partial === true || begins };
  });
}

function placeOf(opposite: string, start: string, end: string, buckets: Bucket[]): number {
  const middle = addDays(opposite, Math.floor((countDays(start, end) - 1) / 2));
  const index = buckets.findIndex((bucket) => bucket.end >= middle);
  const bucket = buckets[index < 0 ? buckets.length - 1 : index];
  if (bucket === undefined) return 0;
  const length = countDays(bucket.start, bucket.end);
  return bucket.index - 0.5 + (countDays(bucket.start, middle) - 0.5) / length;
}

/** The point that lies opposite the bucket. */
export const findBefore = (series: SeriesModel, index: number): ComparedPoint | null =>
  series.before?.find(({ at }) => Math.abs(at - index) <= 0.5) ?? null;

/** The stats to be shown: those up to date where the window is not over. */
export function currentStats(stats: Stats): Omit<Stats, "to_date"> {
  return stats.to_date ?? stats;
}

/** The days that the change compares: of an unfinished window those that are known. */
export function comparedRanges(widget: Pick<Widget, "meta" | "comparison" | "stats">): [DayRange, DayRange] | null {
  const { meta, comparison, stats } = widget;
  if (!comparison) return null;
  const range = { start: meta.start, end: meta.end };
  const before = { start: comparison.start, end: comparison.end };
  if (!stats.to_date) return [range, before];
  const last = addDays(oppositeOf(addDays(stats.to_date.through, 1), meta, comparison.start), -1);
  return [
    { start: meta.start, end: stats.to_date.through },
    { start: comparison.start, end: last < comparison.end ? last : comparison.end },
  ];
}

// The compared day opposite to a day of the window: of the year before the same date, else as far from the start.
function oppositeOf(day: string, meta: Meta, start: string): string {
  if (meta.compare !== "previous_year") return addDays(start, countDays(meta.start, day) - 1);
  const date = `${Number(day.slice(0, 4)) - 1}${day.slice(4)}`;
  return date.endsWith("-02-29") ? `${date.slice(0, 4)}-03-01` : date;
}

/** The window in words. */
export const describeRange = ({ range }: ChartModel, locale: string): string =>
  formatRange(range.start, range.end, locale);
