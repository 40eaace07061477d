/** The shapes of a chart over time. Each takes its scales and gives SVG. */

import { area as areaOf, line as lineOf, stack as stackOf, stackOffsetDiverging } from "d3-shape";
import { nothing, svg, type TemplateResult } from "lit";
import type { Bucket, SeriesModel } from "./model.js";
import type { Bands } from "./time-axis.js";

export type Shape = TemplateResult | typeof nothing;

export interface Place {
  bands: Bands;
  buckets: readonly Bucket[];
  y: (value: number) => number;
}

interface Dot {
  x: number;
  y: number;
}

export const round = (value: number): number => Math.round(value * 100) / 100;

/** A line that breaks at gaps. The value of a cut bucket stands apart from it: it is of fewer days. */
export function drawLine({ values, colour }: SeriesModel, place: Place): Shape {
  const { bands, buckets, y } = place;
  const joined = values.map((value, index) => (buckets[index]?.cut ? null : value));
  const path = traceLine(
    joined.map((value, index) => ({ at: index, value })),
    bands,
    y,
  );
  const alone = joined.flatMap((value, index): Dot[] =>
    value !== null && isAlone(joined, index) ? [{ x: bands.middle(index), y: y(value) }] : [],
  );
  const cut = values.flatMap((value, index): Dot[] =>
    value !== null && buckets[index]?.cut ? [{ x: bands.middle(index), y: y(value) }] : [],
  );
  return svg`<g class="series s${colour}">
    ${path ? svg`<path class="line ${bands.size < DENSE_BAND ? "dense" : ""}" d=${path} />` : nothing}
    ${alone.map((dot) => svg`<circle class="dot" cx=${round(dot.x)} cy=${round(dot.y)} r="2.5" />`)}
    ${cut.map((dot) => svg`<circle class="dot cut" cx=${round(dot.x)} cy=${round(dot.y)} r="3" />`)}
  </g>`;
}

const isAlone = (values: readonly (number | null)[], index: number): boolean =>
  (values[index - 1] ?? null) === null && (values[index + 1] ?? null) === null;

/** The compared period's line, quieter. */
export function drawLineBefore({ before }: SeriesModel, { bands, y }: Place): Shape {
  const points = (before ?? []).map(({ at, value, cut }) => ({ at, value: cut ? null : value }));
  const path = traceLine(
    points.filter(({ at }) => at > -1),
    bands,
    y,
  );
  return path ? svg`<path class="line before" d=${path} />` : nothing;
}

interface LinePoint {
  at: number;
  value: number | null;
}

function traceLine(points: readonly LinePoint[], bands: Bands, y: (value: number) => number): string | null {
  // A point without neighbours makes no line, so a path of such points alone is none.
  if (!points.some(({ value }, index) => value !== null && (points[index + 1]?.value ?? null) !== null)) return null;
  return lineOf<LinePoint>()
    .defined(({ value }) => value !== null)
    .x(({ at }) => bands.middle(at))
    .y(({ value }) => y(value ?? 0))
    .digits(1)([...points]);
}

/** The tint between a line and zero. */
export function drawArea({ values, colour }: SeriesModel, { bands, buckets, y }: Place): Shape {
  const path = areaOf<number | null>()
    .defined((value, index) => value !== null && !buckets[index]?.cut)
    .x((_, index) => bands.middle(index))
    .y0(y(0))
    .y1((value) => y(value ?? 0))
    .digits(1)([...values]);
  return path ? svg`<path class="area s${colour}" d=${path} />` : nothing;
}

/** Days narrower than this are drawn with a thinner line. */
const DENSE_BAND = 2;
const MIN_GHOST_BAND = 10;
const MIN_STEP_BAND = 5;
const MAX_BAR = 44;

const barWidth = (bands: Bands): number => Math.max(0.6, Math.min(MAX_BAR, bands.size * (bands.size < 4 ? 1 : 0.72)));

/** A column for each value; of the compared period a paler, wider one behind it, or a line over them where they are thin. */
export function drawBars(series: SeriesModel, place: Place): Shape {
  const { bands, buckets, y } = place;
  const width = drawnWidth(series.before, bands);
  const spans = series.values.map((value): Span | null => (value === null ? null : [0, value]));
  return svg`
    ${drawBehind(series.before, place)}
    ${drawSpans(spans, { bands, buckets, y }, width, series.colour, width > 7 ? 2 : 0)}
    ${drawOver(series.before, place)}
  `;
}

// Bars of another calendar would lie across the gaps between the bars: a line says it.
const hasGhosts = (points: readonly LinePoint[] | null, bands: Bands): points is LinePoint[] =>
  points !== null && bands.size >= MIN_GHOST_BAND && points.every(({ at }) => Number.isInteger(at));
const drawnWidth = (points: readonly LinePoint[] | null, bands: Bands): number =>
  barWidth(bands) * (hasGhosts(points, bands) ? 0.7 : 1);
const drawBehind = (points: readonly LinePoint[] | null, place: Place): Shape =>
  hasGhosts(points, place.bands) ? drawGhosts(points, place) : nothing;
function drawOver(points: readonly LinePoint[] | null, place: Place): Shape {
  if (points === null || hasGhosts(points, place.bands)) return nothing;
  if (place.bands.size >= MIN_STEP_BAND) return drawSteps(points, place);
  const path = traceLine(points, place.bands, place.y);
  return path ? svg`<path class="line before over" d=${path} />` : nothing;
}

function drawGhosts(points: readonly LinePoint[], { bands, y }: Place): Shape {
  const width = barWidth(bands);
  const path = points.map(({ at, value }) =>
    value === null || at > bands.indexAt(bands.right) + 0.5
      ? ""
      : traceBar(bands.middle(at) - width / 2, width, y(0), y(value), width > 7 ? 2 : 0),
  );
  return svg`<path class="ghost" d=${path.join("")} />`;
}

export type Span = [number, number];

/** Blocks from one value to another: whole buckets as one path, cut ones hatched. */
export function drawSpans(
  spans: readonly (Span | null)[],
  { bands, buckets, y }: Place,
  width: number,
  colour: number,
  corner = 0,
): Shape {
  const whole: string[] = [];
  const hatched: string[] = [];
  const outlines: string[] = [];
  spans.forEach((span, index) => {
    if (span === null || span[0] === span[1]) return;
    const left = bands.middle(index) - width / 2;
    const [from, to] = [y(span[0]), y(span[1])];
    const bar = traceBar(left, width, from, to, corner);
    if (!buckets[index]?.cut) return void whole.push(bar);
    outlines.push(bar);
    hatched.push(traceHatch({ x: left, y: Math.min(from, to), width, height: Math.abs(to - from) }, 5));
  });
  return svg`<g class="series s${colour}">
    ${whole.length ? svg`<path class="block" d=${whole.join("")} />` : nothing}
    ${outlines.length ? svg`<path class="block cut" d=${outlines.join("")} /><path class="hatch"
      d=${hatched.join("")} />` : nothing}
  </g>`;
}

/** A bar from one height to another, its far end rounded. */
export function traceBar(left: number, width: number, from: number, to: number, corner: number): string {
  const radius = Math.min(corner, Math.abs(to - from), width / 2);
  const turn = to < from ? radius : -radius;
  if (radius < 0.5) return `M${round(left)} ${round(from)}V${round(to)}h${round(width)}V${round(from)}Z`;
  const sweep = to < from ? 1 : 0;
  const arc = (x: number, y: number): string => `A${radius} ${radius} 0 0 ${sweep} ${round(x)} ${round(y)}`;
  return (
    `M${round(left)} ${round(from)}V${round(to + turn)}${arc(left + radius, to)}H${round(left + width - radius)}` +
    `${arc(left + width, to + turn)}V${round(from)}Z`
  );
}

/** The blocks of each series on top of each other, negative ones downwards. */
export function stackSeries(series: readonly SeriesModel[]): (Span | null)[][] {
  const rows = (series[0]?.values ?? []).map((_, index) => series.map(({ values }) => values[index] ?? 0));
  const stacked = stackOf<number[], number>()
    .keys(series.map((_, index) => index))
    .value((row, key) => row[key] ?? 0)
    .offset(stackOffsetDiverging)(rows);
  return series.map(({ values }, index) =>
    values.map((value, bucket): Span | null => {
      const span = stacked[index]?.[bucket];
      return value === null || span === undefined ? null : [span[0], span[1]];
    }),
  );
}

/** The members on top of each other, and the whole of the compared period as a line over them. */
export function drawStack(series: readonly SeriesModel[], place: Place): Shape {
  const before = sumBefore(series);
  const width = drawnWidth(before, place.bands);
  return svg`
    ${drawBehind(before, place)}
    ${stackSeries(series).map((spans, index) => drawSpans(spans, place, width, series[index]?.colour ?? 0))}
    ${drawOver(before, place)}
  `;
}

/** The sum of the members of the compared period, or null without one. */
export function sumBefore(series: readonly SeriesModel[]): LinePoint[] | null {
  const first = series[0]?.before;
  if (!first) return null;
  return first.map(({ at }, index) => {
    const known = series.flatMap(({ before }) => before?.[index]?.value ?? []);
    return { at, value: known.length ? known.reduce((sum, value) => sum + value, 0) : null };
  });
}

/** A dashed line across each band. */
function drawSteps(points: readonly LinePoint[], { bands, y }: Place): Shape {
  const inset = bands.size > 12 ? (bands.size - barWidth(bands)) / 2 : 0;
  const path = points.map(({ at, value }, index) => {
    if (value === null || bands.edge(at) >= bands.right) return "";
    const joined = inset === 0 && index > 0 && points[index - 1]?.value != null;
    return `${joined ? "L" : "M"}${round(bands.edge(at) + inset)} ${round(y(value))}H${round(bands.edge(at + 1) - inset)}`;
  });
  const d = path.join("");
  return d ? svg`<path class="line halo" d=${d} /><path class="line before step" d=${d} />` : nothing;
}

export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** Diagonals across a box. A path instead of a pattern: it needs no id, and a picture of the chart keeps it. */
export function traceHatch({ x, y, width, height }: Box, spacing = 6): string {
  const bottom = y + height;
  const parts: string[] = [];
  for (let offset = -height + spacing / 2; offset < width; offset += spacing) {
    const from = Math.max(0, -offset);
    const to = Math.min(height, width - offset);
    if (to <= from) continue;
    parts.push(`M${round(x + offset + from)} ${round(bottom - from)}L${round(x + offset + to)} ${round(bottom - to)}`);
  }
  return parts.join("");
}

/** Runs of neighbours for which `test` holds, as first and last index. */
export function findRuns(buckets: readonly Bucket[], test: (bucket: Bucket) => boolean): Span[] {
  const runs: Span[] = [];
  for (const bucket of buckets) {
    if (!test(bucket)) continue;
    const last = runs.at(-1);
    if (last && last[1] === bucket.index - 1) last[1] = bucket.index;
    else runs.push([bucket.index, bucket.index]);
  }
  return runs;
}
