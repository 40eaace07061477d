/** The reading of a chart: a rule through one bucket, its figures in a tip, and days chosen by a drag. */

import { html, nothing, render, type TemplateResult } from "lit";
import { formatRange } from "../format/dates.js";
import { computeDelta, formatDelta, formatUnit, type Tone } from "../format/numbers.js";
import { cleanName, isolateName } from "../format/names.js";
import { sumBefore } from "./marks.js";
import { findBefore, type ChartModel, type SeriesModel } from "./model.js";
import type { Bands } from "./time-axis.js";

export interface ReadingDot {
  series: SeriesModel;
  y(value: number): number;
}

export interface Reading {
  model: ChartModel;
  bands: Bands;
  dots: ReadingDot[];
  locale: string;
  /** The member under a height of a bucket. */
  memberAt(index: number, y: number): string | null;
  onPick: ((member: string) => void) | null;
  onRange: ((start: string, end: string) => void) | null;
}

interface ReadingState {
  reading: Reading;
  index: number;
  shown: boolean;
  /** Where a drag, or a choice by keys, began. */
  from: { index: number; x: number } | null;
  dragged: boolean;
}

const states = new WeakMap<Element, ReadingState>();
const MIN_DRAG = 6;

/** Give the plot its newest reading. What it shows stays shown, of the new answer. */
export function attachReading(plot: Element | undefined, reading: Reading): void {
  if (plot === undefined) return;
  const last = reading.model.buckets.length - 1;
  const before = states.get(plot);
  const state: ReadingState = before
    ? { ...before, reading, index: Math.min(before.index, last), from: null }
    : { reading, index: last, shown: false, from: null, dragged: false };
  states.set(plot, state);
  drawSelection(plot, state);
  if (state.shown) showReading(plot, state, state.index);
  else hideReading(plot, state);
}

const partOf = (plot: Element, selector: string): HTMLElement | null =>
  plot.closest(".chart")?.querySelector<HTMLElement>(selector) ?? null;

function showReading(plot: Element, state: ReadingState, to: number): void {
  const { reading } = state;
  const { model, bands, dots } = reading;
  state.index = Math.max(0, Math.min(model.buckets.length - 1, to));
  state.shown = true;
  const x = bands.middle(state.index);
  const layer = partOf(plot, ".reading");
  layer?.setAttribute("visibility", "visible");
  const band = layer?.querySelector(".reading-band");
  band?.setAttribute("x", String(bands.edge(state.index)));
  band?.setAttribute("width", String(Math.max(1, bands.size)));
  for (const end of ["x1", "x2"]) layer?.querySelector(".crosshair")?.setAttribute(end, String(x));
  layer?.querySelectorAll("circle").forEach((circle, place) => {
    const dot = dots[place];
    const value = dot?.series.values[state.index] ?? null;
    circle.setAttribute("visibility", dot === undefined || value === null ? "hidden" : "inherit");
    circle.setAttribute("cx", String(x));
    if (dot !== undefined && value !== null) circle.setAttribute("cy", String(dot.y(value)));
  });
  plot.setAttribute("aria-valuenow", String(state.index + 1));
  plot.setAttribute("aria-valuetext", speakReading(reading, state.index));
  const tip = partOf(plot, ".chart-tip");
  if (tip) showTip(tip, drawReading(reading, state.index), plot.closest("svg"), x);
}

function hideReading(plot: Element, state: ReadingState): void {
  state.shown = false;
  partOf(plot, ".reading")?.setAttribute("visibility", "hidden");
  hideTip(partOf(plot, ".chart-tip"));
}

/** A finger that has gone leaves the reading there, to be read, until the page scrolls or something else has the focus. */
function hideOnScroll(plot: Element, state: ReadingState): void {
  addEventListener("scroll", () => hideReading(plot, states.get(plot) ?? state), { once: true, capture: true, passive: true });
}

/** Show a tip beside `x` of the drawing, or under it, above everything and inside the window. */
export function showTip(
  tip: HTMLElement,
  content: TemplateResult,
  drawing: Element | null,
  x: number,
  side: "beside" | "under" = "beside",
): void {
  render(content, tip);
  if (!tip.matches(":popover-open")) tip.showPopover?.();
  const frame = drawing?.getBoundingClientRect();
  if (frame === undefined) return;
  const [width, height] = [tip.offsetWidth, tip.offsetHeight];
  const middle = frame.left + x;
  const right = side === "under" ? middle : middle + 14;
  const left = side === "beside" && right + width > window.innerWidth - 8 ? middle - 14 - width : right;
  // A tip that would hide most of a small chart stands above it.
  const small = frame.width < width * 1.6;
  const [above, below] = [frame.top - height - 6, frame.bottom + 6];
  const top =
    side === "under"
      ? below + height < window.innerHeight
        ? below
        : above
      : !small
        ? frame.top + 4
        : above > 0
          ? above
          : below;
  tip.style.left = `${Math.round(Math.max(8, Math.min(window.innerWidth - width - 8, left)))}px`;
  tip.style.top = `${Math.round(Math.max(8, Math.min(window.innerHeight - height - 8, top)))}px`;
}

export function hideTip(tip: HTMLElement | null): void {
  if (tip?.matches(":popover-open")) tip.hidePopover?.();
}

export interface ReadingRow {
  name: string;
  colour: number | null;
  value: string;
  previous: string | null;
  change: string | null;
  tone: Tone;
  spoken: string;
}

/** What is read at a bucket, a row a series; of a stack the sum too. */
export function readBucket({ model, locale }: Pick<Reading, "model" | "locale">, index: number): ReadingRow[] {
  const rows = model.series.map((series): ReadingRow => {
    const value = series.values[index] ?? null;
    const previous = series.before ? (findBefore(series, index)?.value ?? null) : null;
    return writeRow(series.name, series.colour, value, series.before ? previous : undefined, series, locale);
  });
  const [first] = model.series;
  if (model.kind !== "stacked" || model.series.length < 2 || first === undefined || !hasSum(first)) return rows;
  const known = model.series.flatMap(({ values }) => values[index] ?? []);
  const sum = known.length ? known.reduce((total, value) => total + value, 0) : null;
  const before = sumBefore(model.series)?.find(({ at }) => Math.abs(at - index) <= 0.5)?.value ?? null;
  const shown = rows.filter((_, place) => model.series[place]?.values[index]);
  return [...shown, writeRow("Total", null, sum, first.before ? before : undefined, first, locale)];
}

// The sum of rates says nothing.
const hasSum = ({ unit }: SeriesModel): boolean => unit.format !== "percent" && !unit.multiple;

function writeRow(
  name: string,
  colour: number | null,
  value: number | null,
  previous: number | null | undefined,
  { unit, better, deltaKind }: SeriesModel,
  locale: string,
): ReadingRow {
  const delta = computeDelta(value, previous ?? null, deltaKind);
  const change = formatDelta({ value, previous: previous ?? null, delta }, { unit, better, kind: deltaKind, locale });
  const written = formatUnit(value, unit, { locale });
  const before = previous === undefined ? null : formatUnit(previous, unit, { locale });
  const spoken = [
    `${cleanName(name)} ${value === null ? "no data" : written}`,
    ...(before === null ? [] : [`before ${previous === null ? "no data" : before}`]),
    ...(change ? [change.spoken] : []),
  ].join(", ");
  return {
    name,
    colour,
    value: written,
    previous: before,
    spoken,
    change: change ? `${change.arrow} ${change.text}` : null,
    tone: change?.tone ?? "neutral",
  };
}

/** The bucket in words, for one who hears it. */
export function speakReading(reading: Pick<Reading, "model" | "locale">, index: number): string {
  const bucket = reading.model.buckets[index];
  if (bucket === undefined) return "";
  const notes = noteBucket(reading.model, index);
  return [
    `${bucket.label}: ${readBucket(reading, index)
      .map(({ spoken }) => spoken)
      .join("; ")}`,
    ...notes,
  ].join(". ");
}

function noteBucket({ buckets, grain }: ChartModel, index: number): string[] {
  const bucket = buckets[index];
  if (bucket === undefined) return [];
  return [
    ...(bucket.gap ? ["No data on these days"] : []),
    ...(bucket.cut ? [`Part of a ${grain}`] : []),
    ...(bucket.provisional && !bucket.gap ? ["May still change"] : []),
  ];
}

/** The days of the compared period that lie opposite the bucket, in words. */
function describeBefore({ model, locale }: Pick<Reading, "model" | "locale">, index: number): string | null {
  const before = model.series.flatMap((series) => findBefore(series, index) ?? [])[0];
  return before ? formatRange(before.start, before.end, locale) : null;
}

export function drawReading(reading: Pick<Reading, "model" | "locale">, index: number): TemplateResult {
  const bucket = reading.model.buckets[index];
  const before = describeBefore(reading, index);
  return drawTip(
    bucket?.label ?? "",
    before && `against ${before}`,
    readBucket(reading, index),
    noteBucket(reading.model, index),
  );
}

/** The inside of a tip. */
export function drawTip(
  heading: string,
  against: string | null,
  rows: readonly ReadingRow[],
  notes: readonly string[],
): TemplateResult {
  return html`
    <strong>${heading}</strong>
    ${against ? html`<span class="against">${against}</span>` : nothing}
    <table>
      ${rows.map(
        ({ name, colour, value, previous, change, tone }) => html`<tr>
        <th scope="row">
          <span class="key ${colour === null ? "none" : `s${colour}`}"></span><span class="text">${isolateName(name)}</span>
        </th>
        <td>${value}</td>
        ${previous === null ? nothing : html`<td class="previous">${previous}</td><td class="change ${tone}">${change ?? ""}</td>`}
      </tr>`,
      )}
    </table>
    ${notes.map((note) => html`<em>${note}</em>`)}
  `;
}

function drawSelection(plot: Element, state: ReadingState): void {
  const box = partOf(plot, ".selection");
  const { from, index, reading, dragged } = state;
  box?.setAttribute("visibility", from && dragged ? "visible" : "hidden");
  if (!from || !box) return;
  const [first, last] = [Math.min(from.index, index), Math.max(from.index, index)];
  box.setAttribute("x", String(reading.bands.edge(first)));
  box.setAttribute("width", String((last - first + 1) * reading.bands.size));
}

function chooseRange(plot: Element, state: ReadingState): void {
  const { from, index, reading } = state;
  if (!from) return;
  const { buckets } = reading.model;
  const first = buckets[Math.min(from.index, index)];
  const last = buckets[Math.max(from.index, index)];
  endSelection(plot, state);
  if (first && last) reading.onRange?.(first.start, last.end);
}

function endSelection(plot: Element, state: ReadingState): void {
  state.from = null;
  state.dragged = false;
  drawSelection(plot, state);
}

const placeOf = (event: PointerEvent | MouseEvent, plot: Element): { x: number; y: number } => {
  const frame = plot.closest("svg")?.getBoundingClientRect();
  return { x: event.clientX - (frame?.left ?? 0), y: event.clientY - (frame?.top ?? 0) };
};

/** The handlers of a plot: pointer, keys and focus. */
export const readingHandlers = {
  move(event: PointerEvent): void {
    withState(event, (plot, state) => {
      const { x } = placeOf(event, plot);
      const { from, reading } = state;
      if (from && !state.dragged && event.buttons && Math.abs(x - from.x) >= MIN_DRAG && reading.onRange) {
        state.dragged = true;
        plot.setPointerCapture(event.pointerId);
      }
      showReading(plot, state, reading.bands.indexAt(x));
      if (state.dragged) drawSelection(plot, state);
    });
  },
  down(event: PointerEvent): void {
    withState(event, (plot, state) => {
      if (event.button !== 0) return;
      const { x } = placeOf(event, plot);
      const index = state.reading.bands.indexAt(x);
      showReading(plot, state, index);
      // A finger scrolls; only a mouse or a pen draws a range.
      state.from = { index, x };
      state.dragged = false;
    });
  },
  up(event: PointerEvent): void {
    withState(event, (plot, state) => {
      if (state.dragged) return chooseRange(plot, state);
      const clicked = state.from !== null;
      endSelection(plot, state);
      const { x, y } = placeOf(event, plot);
      const member = clicked ? state.reading.memberAt(state.reading.bands.indexAt(x), y) : null;
      if (member !== null) state.reading.onPick?.(member);
    });
  },
  leave(event: PointerEvent): void {
    withState(event, (plot, state) => {
      if (state.dragged) return;
      if (event.pointerType === "touch") hideOnScroll(plot, state);
      else hideReading(plot, state);
    });
  },
  cancel(event: PointerEvent): void {
    withState(event, (plot, state) => {
      endSelection(plot, state);
      hideReading(plot, state);
    });
  },
  focus(event: FocusEvent): void {
    withState(event, (plot, state) => {
      if (plot.matches(":focus-visible")) showReading(plot, state, state.index);
    });
  },
  blur(event: FocusEvent): void {
    withState(event, (plot, state) => {
      endSelection(plot, state);
      hideReading(plot, state);
    });
  },
  key(event: KeyboardEvent): void {
    withState(event, (plot, state) => pressKey(event, plot, state));
  },
};

function pressKey(event: KeyboardEvent, plot: Element, state: ReadingState): void {
  const last = state.reading.model.buckets.length - 1;
  const steps: Record<string, number> = {
    ArrowLeft: state.index - 1,
    ArrowDown: state.index - 1,
    ArrowRight: state.index + 1,
    ArrowUp: state.index + 1,
    PageDown: state.index - 7,
    PageUp: state.index + 7,
    Home: 0,
    End: last,
  };
  const to = steps[event.key];
  if (event.key === "Escape") {
    if (state.from) endSelection(plot, state);
    else hideReading(plot, state);
    return;
  }
  if (event.key === "Enter" && state.reading.onRange && state.from) {
    event.preventDefault();
    return chooseRange(plot, state);
  }
  if (to === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  if (event.shiftKey && state.reading.onRange) {
    state.from ??= { index: state.index, x: 0 };
    state.dragged = true;
  } else endSelection(plot, state);
  showReading(plot, state, to);
  drawSelection(plot, state);
}

function withState(event: Event, act: (plot: Element, state: ReadingState) => void): void {
  const plot = event.currentTarget;
  if (!(plot instanceof Element)) return;
  const state = states.get(plot);
  if (state) act(plot, state);
}
