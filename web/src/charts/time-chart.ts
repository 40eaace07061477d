/** A chart over time: panels with their value axes over one axis of days. */

import { html, nothing, svg, type TemplateResult } from "lit";
import { ref } from "lit/directives/ref.js";
import { formatRange } from "../format/dates.js";
import { formatHeadline, type Unit } from "../format/numbers.js";
import { cleanName, ellipseName } from "../format/names.js";
import { buildValueAxis, type ValueAxis } from "./domain.js";
import { drawEndLabels, drawLegend, endLabelWidth, placeEndLabels, placeLegend, ROW, type Pick } from "./labels.js";
import {
  drawArea,
  drawBars,
  drawLine,
  drawLineBefore,
  drawStack,
  findRuns,
  round,
  stackSeries,
  sumBefore,
  traceHatch,
  type Place,
  type Shape,
} from "./marks.js";
import { buildModel, type ChartModel, type SeriesModel } from "./model.js";
import { attachReading, readingHandlers, speakReading, type Reading } from "./reading.js";
import { buildBands, buildTimeTicks, type Bands, type TimeTick } from "./time-axis.js";
import { LABEL_SIZE, measureText, measureWidest, TICK_SIZE } from "./text.js";
import type { ChartInput } from "./types.js";

const TOP = 8;
const HEADER = 22;
const AXIS_ROW = 18;
const YEAR_ROW = 14;
const MAX_GHOST_LINES = 1;
/** The height of a plot that has room for a word on its axis. */
const MIN_SAID = 60;

interface Panel {
  series: SeriesModel[];
  /** Whether its name stands above it. */
  named: boolean;
  top: number;
  bottom: number;
  axis: ValueAxis;
}

interface Layout {
  panels: Panel[];
  bands: Bands;
  ticks: TimeTick[];
  bottom: number;
  /** Where names stand beside the plot; null where they do not. */
  names: number | null;
  legend: ReturnType<typeof placeLegend> | null;
  gutter: number;
}

export function drawTimeChart(model: ChartModel, input: ChartInput): TemplateResult {
  const { width, height, locale } = input;
  const layout = layOut(model, input);
  const pick = pickerOf(input);
  const reading = readingOf(model, layout, input, pick);
  const label = `${cleanName(model.title)} by ${model.grain}, ${formatRange(model.range.start, model.range.end, locale)}`;
  const cuts = layout.panels.filter(({ axis }) => axis.cut);
  return html`<svg class="plot" width=${width} height=${height} viewBox=${`0 0 ${width} ${height}`} role="group"
    aria-label=${label}>
    ${layout.legend ? drawLegend(layout.legend, 0, 0, pick) : nothing}
    <g aria-hidden="true">
      ${layout.panels.map((panel) => drawPanel(panel, model, layout, input))}
      ${drawTimeAxis(layout)}
    </g>
    <g class="reading" visibility="hidden" aria-hidden="true">
      <rect class="reading-band" y="0" height=${round(layout.bottom)} />
      <line class="crosshair" x1="0" x2="0" y1="0" y2=${round(layout.bottom)} />
      ${reading.dots.map(({ series }) => svg`<circle class="s${series.colour}" r="4" />`)}
    </g>
    <rect class="selection" visibility="hidden" y="0" height=${round(layout.bottom)} />
    <rect class="surface ${input.onRange ? "ranges" : ""} ${pick && model.breakdown ? "picks" : ""}" tabindex="0"
      role="slider"
      x=${round(layout.bands.left)} y="0" width=${round(Math.max(0, layout.bands.right - layout.bands.left))}
      height=${round(Math.max(0, layout.bottom))}
      aria-label=${[label, ...cuts.map(({ axis }) => `axis from ${axis.labels[0] ?? ""}`)].join(", ")}
      aria-orientation="horizontal" aria-valuemin="1" aria-valuemax=${model.buckets.length}
        aria-valuenow=${model.buckets.length}
      aria-valuetext=${speakReading(reading, model.buckets.length - 1)}
      ${ref((plot) => attachReading(plot, reading))}
      @pointermove=${readingHandlers.move} @pointerdown=${readingHandlers.down} @pointerup=${readingHandlers.up}
      @pointerleave=${readingHandlers.leave} @pointercancel=${readingHandlers.cancel}
      @focus=${readingHandlers.focus} @blur=${readingHandlers.blur} @keydown=${readingHandlers.key} />
    ${layout.names === null ? nothing : drawNames(layout, model, layout.names, width, pick)}
  </svg>`;
}

export function pickerOf({ onPick, by }: ChartInput): Pick {
  return onPick === undefined ? null : (member) => onPick(by ?? "", member);
}

function layOut(model: ChartModel, input: ChartInput): Layout {
  const { width, height, locale, reach } = input;
  const small = width < 130 || height < 64;
  const first = model.panels[0] ?? [];
  const several = first.length > 1;
  const beside = several && !small ? endLabelWidth(first, width, height - 50) : 0;
  const rows = height < 130 || small ? 0 : height < 220 ? 1 : 2;
  const legend = several && beside === 0 && rows > 0 ? placeLegend(first, width, rows) : null;
  const head = legend ? ((legend.entries.at(-1)?.row ?? 0) + 1) * ROW + 4 : 0;
  const right = Math.max(1, width - beside - (small ? 0 : 2));
  const years = new Set(model.buckets.flatMap(({ start, end }) => [start.slice(0, 4), end.slice(0, 4)])).size > 1;
  const foot = height < 48 ? 0 : AXIS_ROW + (years && model.grain !== "year" ? YEAR_ROW : 0);
  const other = reach ? buildModel({ ...input, widget: reach }) : null;
  const panels = stackPanels(model, head, Math.max(head + 1, height - foot - (foot ? 0 : 2)), locale, other);
  const labels = panels.flatMap(({ axis }) => axis.labels);
  const gutter = small ? 0 : Math.min(width / 3, Math.ceil(measureWidest(labels, TICK_SIZE)) + 8);
  const bands = buildBands(model.buckets.length, gutter, right);
  const ticks = foot === 0 ? [] : buildTimeTicks(model.buckets, model.grain, bands, locale);
  const bottom = panels.at(-1)?.bottom ?? height;
  return { panels, bands, ticks, bottom, gutter, legend, names: beside > 0 ? right + 8 : null };
}

/** Each panel with its axis and its place from top to bottom. */
function stackPanels(model: ChartModel, top: number, bottom: number, locale: string, other: ChartModel | null): Panel[] {
  const each = (bottom - top) / Math.max(1, model.panels.length);
  const named = model.named && each >= HEADER + 24;
  return model.panels.map((series, index) => {
    const from = top + index * each + (named ? HEADER : Math.min(TOP, each / 4));
    const to = top + (index + 1) * each - (index + 1 < model.panels.length ? 8 : 0);
    const unit = series[0]?.unit ?? { format: "decimal", currency: null, multiple: false };
    const values = [...valuesOf(series, model), ...reachOf(index, unit, other)];
    const fromZero = model.kind !== "line";
    return {
      series,
      named,
      top: from,
      bottom: to,
      axis: buildValueAxis(values, { unit, fromZero, top: from, bottom: to, locale }),
    };
  });
}

/** What the same panel of another answer shows, where it is of the same unit. */
function reachOf(index: number, unit: Unit, other: ChartModel | null): (number | null)[] {
  const series = other?.panels[index] ?? [];
  const isAlike = series[0]?.unit.format === unit.format && series[0].unit.currency === unit.currency;
  return other !== null && isAlike ? valuesOf(series, other) : [];
}

function valuesOf(series: SeriesModel[], { kind }: ChartModel): (number | null)[] {
  if (kind === "stacked") {
    const spans = stackSeries(series).flatMap((one) => one.flatMap((span) => span ?? []));
    return [...spans, ...(sumBefore(series) ?? []).map(({ value }) => value)];
  }
  const before = series.length <= MAX_GHOST_LINES ? series.flatMap((one) => one.before ?? []) : [];
  return [...series.flatMap(({ values }) => values), ...before.map(({ value }) => value)];
}

function drawPanel(panel: Panel, model: ChartModel, layout: Layout, { locale, width }: ChartInput): Shape {
  const { series, top, bottom, axis } = panel;
  const { bands, gutter } = layout;
  const place: Place = { bands, buckets: model.buckets, y: (value) => axis.scale(value) };
  return svg`
    ${drawShades(model, bands, top, bottom)}
    ${drawValueAxis(panel, bands, gutter)}
    ${panel.named ? drawHeader(series[0], top - HEADER, width, locale) : nothing}
    ${drawMarks(series, model, place, axis.cut)}
    ${axis.cut ? drawBreak(gutter, bottom, bottom - top >= MIN_SAID ? (axis.labels[0] ?? "") : "") : nothing}
  `;
}

/** Days without data hatched, also where a window or the data's end cuts a bucket; a tint where values may change. */
function drawShades({ buckets, kind }: ChartModel, bands: Bands, top: number, bottom: number): Shape {
  const box = ([first, last]: [number, number]): { x: number; y: number; width: number; height: number } => ({
    x: bands.edge(first),
    y: top,
    width: bands.edge(last + 1) - bands.edge(first),
    height: Math.max(0, bottom - top),
  });
  const provisional = findRuns(buckets, (bucket) => bucket.provisional && !bucket.gap).map(box);
  const bars = kind === "bar" || kind === "stacked";
  const hatched = findRuns(buckets, (bucket) => bucket.gap || (bucket.cut && !bars)).map(box);
  return svg`
    ${provisional.map(({ x, y, width, height }) => svg`<rect class="provisional" x=${round(x)} y=${round(y)}
      width=${round(width)} height=${round(height)} />`)}
    ${hatched.map((each) => svg`<path class="hatching" d=${traceHatch(each)} />`)}
  `;
}

function drawValueAxis({ axis, top, bottom }: Panel, bands: Bands, gutter: number): Shape {
  const crowded = (bottom - top) / Math.max(1, axis.ticks.length - 1) < 15;
  return svg`${axis.ticks.map((value, index) => {
    const y = Math.round(axis.scale(value)) + 0.5;
    const ends = index === 0 || index === axis.ticks.length - 1;
    return svg`
      <line class=${value === 0 ? "zero" : "rule"} x1=${round(bands.left)} x2=${round(bands.right)} y1=${y} y2=${y} />
      ${gutter === 0 || (crowded && !ends) ? nothing : svg`<text class="tick end" x=${round(gutter - 8)}
        y=${y + 3.5}>${axis.labels[index]}</text>`}
    `;
  })}`;
}

/** Two strokes through the foot of the axis, and where it begins, since that is not at zero. */
function drawBreak(gutter: number, bottom: number, begins: string): Shape {
  const x = Math.max(4, gutter);
  const y = bottom - 7;
  return svg`<g class="break">
    <title>The axis does not begin at zero</title>
    <line class="axis" x1=${x + 0.5} x2=${x + 0.5} y1=${y - 8} y2=${bottom} />
    <path class="gap" d=${`M${x - 3} ${y + 2}l7 -4`} />
    <path class="strokes" d=${`M${x - 3.5} ${y + 0.5}l8 -4M${x - 3.5} ${y + 4.5}l8 -4`} />
    ${begins === "" ? nothing : svg`<text class="tick haloed" x=${round(x + 9)} y=${round(bottom - 5)}>axis from ${begins}</text>`}
  </g>`;
}

function drawHeader(series: SeriesModel | undefined, top: number, width: number, locale: string): Shape {
  if (series === undefined) return nothing;
  const figure = formatHeadline(series.stats.to_date?.value ?? series.stats.value, series.unit, locale);
  const room = width - measureText(figure, LABEL_SIZE, 600) - 28;
  const name = ellipseName(series.name, room, (text) => measureText(text, LABEL_SIZE, 500));
  return svg`
    <rect class="swatch s${series.colour}" x="0" y=${round(top + 3.5)} width="9" height="9" rx="2.5" />
    <text class="label strong" x="14" y=${round(top + 12)}><title>${cleanName(series.name)}</title>${name}</text>
    <text class="label figure" x=${round(width - 2)} y=${round(top + 12)}>${figure}</text>
  `;
}

function drawMarks(series: SeriesModel[], { kind }: ChartModel, place: Place, axisCut: boolean): Shape {
  if (kind === "stacked") return drawStack(series, place);
  if (kind === "bar" && series.length === 1 && series[0]) return drawBars(series[0], place);
  const quiet = series.length <= MAX_GHOST_LINES;
  return svg`${[...series].reverse().map(
    (one) => svg`
    ${kind === "area" || (quiet && !axisCut) ? drawArea(one, place) : nothing}
    ${quiet ? drawLineBefore(one, place) : nothing}
    ${drawLine(one, place)}
  `,
  )}`;
}

function drawTimeAxis({ ticks, bands, bottom }: Layout): Shape {
  const y = Math.round(bottom) + 0.5;
  return svg`
    ${ticks.map(
      ({ x, text, year, at }) => svg`
      <line class="notch" x1=${round(at)} x2=${round(at)} y1=${y} y2=${y + 4} />
      <text class="tick middle" x=${round(x)} y=${y + 15}>${text}</text>
      ${year === null ? nothing : svg`<text class="tick middle year" x=${round(x)}
        y=${y + 15 + YEAR_ROW - 1}>${year}</text>`}
    `,
    )}
    <line class="base" x1=${round(bands.left)} x2=${round(bands.right)} y1=${y} y2=${y} />
  `;
}

/** The names at the ends of the lines, or beside the blocks of the last column. */
function drawNames({ panels }: Layout, model: ChartModel, x: number, width: number, pick: Pick): Shape {
  const [panel] = panels;
  if (panel === undefined) return nothing;
  const { series, top, bottom, axis } = panel;
  const spans = model.kind === "stacked" ? stackSeries(series) : null;
  const wanted = series.map((one, index) => {
    const last = one.values.findLastIndex((value) => value !== null);
    const span = spans?.[index]?.[last];
    const value = span ? (span[0] + span[1]) / 2 : (one.values[last] ?? 0);
    return { series: one, y: axis.scale(value) };
  });
  return drawEndLabels(placeEndLabels(wanted, width - x, top + 4, bottom - 4), x, pick);
}

const NEAR = 14;

function readingOf(model: ChartModel, { panels, bands }: Layout, input: ChartInput, pick: Pick): Reading {
  const lines = model.kind === "line" || model.kind === "area";
  const [panel] = panels;
  const spans = model.kind === "stacked" && panel ? stackSeries(panel.series) : null;
  return {
    model,
    bands,
    locale: input.locale,
    dots: lines
      ? panels.flatMap(({ series, axis }) =>
          series.map((one) => ({ series: one, y: (value: number) => axis.scale(value) })),
        )
      : [],
    onPick: pick,
    onRange: input.onRange ?? null,
    memberAt: (index, y) => {
      if (!model.breakdown || panel === undefined) return null;
      const distances = panel.series.map((one, place) => {
        const value = one.values[index] ?? null;
        const span = spans?.[place]?.[index];
        if (value === null || (spans && !span)) return Infinity;
        if (!span) return Math.abs(panel.axis.scale(value) - y);
        const [from, to] = span.map((each) => panel.axis.scale(each));
        return y >= Math.min(from ?? 0, to ?? 0) && y <= Math.max(from ?? 0, to ?? 0) ? 0 : Infinity;
      });
      const least = Math.min(...distances);
      return least > NEAR ? null : (panel.series[distances.indexOf(least)]?.member ?? null);
    },
  };
}
