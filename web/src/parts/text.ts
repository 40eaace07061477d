/** Words for what the answers hold, in the reader's own way of writing numbers and dates. */

import { html, nothing, type TemplateResult } from "lit";
import type { Widget } from "../api/client";
import type { State } from "../state/store";
import { comparedRanges, currentStats } from "../charts/model";
import { formatComparison, formatRange } from "../format/dates";
import { type DeltaOptions, formatDelta, formatHeadline, type StatsLike, type Unit, unitOf } from "../format/numbers";

export const LOCALE = navigator.language;

/** The change as an arrow and a size, coloured where it is good or bad, and said in words to one who hears it. */
export function delta(stats: StatsLike, options: Omit<DeltaOptions, "locale">): TemplateResult | typeof nothing {
  const found = formatDelta(stats, { ...options, locale: LOCALE });
  if (found === null) return nothing;
  return html`<span class="delta ${found.tone}" part="change"><span aria-hidden="true">${found.arrow} ${found.text}</span><span class="unseen">${found.spoken}</span></span>`;
}

export const unitOfWidget = (widget: Widget): Unit => {
  const { title, key, format, currency, decimals } = widget.meta;
  return unitOf({ name: title, key, format, currency, decimals });
};

/** The value of a widget at a glance. */
export const headline = (widget: Widget): string => formatHeadline(currentStats(widget.stats).value, unitOfWidget(widget), LOCALE);

export const widgetDelta = (widget: Widget): TemplateResult | typeof nothing =>
  delta(currentStats(widget.stats), { unit: unitOfWidget(widget), better: widget.meta.better, kind: widget.meta.delta });

export const previous = (widget: Widget): string | null => {
  const { previous: value } = currentStats(widget.stats);
  return value === null ? null : formatHeadline(value, unitOfWidget(widget), LOCALE);
};

/** The days that a widget's change compares, where they are not those of the header. */
export function toDateNote(widget: Widget): string | null {
  if (!widget.stats.to_date) return null;
  const ranges = comparedRanges(widget);
  return ranges === null ? null : formatComparison(ranges[0], ranges[1], LOCALE);
}

export const range = (start: string, end: string): string => formatRange(start, end, LOCALE);

export const time = (iso: string): string => {
  const date = new Date(iso);
  const isToday = date.toDateString() === new Date().toDateString();
  return date.toLocaleString(LOCALE, isToday ? { hour: "numeric", minute: "2-digit" } : { day: "numeric", month: "short", hour: "numeric", minute: "2-digit" });
};

export const count = (value: number, one: string, many = `${one}s`): string => `${value.toLocaleString(LOCALE)} ${value === 1 ? one : many}`;

/** The days of the numbers on the screen, and those that they are compared with; null before there are any. */
export function describeWindow({ shown, tiles }: State): { shown: string | null; against: string | null } {
  if (shown === null || !shown.start || !shown.end) return { shown: null, against: null };
  const widgets = [...tiles.values()].map(({ widget }) => widget).filter((widget) => widget !== null);
  const comparison = widgets.find((widget) => widget.comparison)?.comparison;
  return {
    shown: range(shown.start, shown.end),
    against: comparison ? range(comparison.start, comparison.end) : null,
  };
}
