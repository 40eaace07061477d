/** Answers made for a test, as the API gives them, and what is drawn of them as text. */

import type { Point, Series, Widget } from "../src/charts/types.js";

export const days = (start: string, count: number, value: (index: number) => number | null): Point[] =>
  Array.from({ length: count }, (_, index) => ({
    t: new Date(Date.parse(`${start}T00:00:00Z`) + index * 86_400_000).toISOString().slice(0, 10),
    v: value(index),
  }));

export const buckets = (
  starts: readonly string[],
  values: readonly (number | null)[],
  partial: readonly number[] = [],
): Point[] =>
  starts.map((t, index) => ({
    t,
    v: values[index] ?? null,
    ...(partial.includes(index) ? { partial: true as const } : {}),
  }));

const NO_STATS = { value: null, previous: null, delta: null, to_date: null };

export const makeSeries = (points: Point[], more: Partial<Series> = {}): Series => ({
  name: "Sessions",
  key: "ga4.sessions",
  format: "integer",
  better: "up",
  currency: null,
  points,
  stats: { ...NO_STATS, value: points.reduce((sum, { v }) => sum + (v ?? 0), 0) },
  ...more,
});

export function makeWidget(series: Series[], meta: Partial<Widget["meta"]> = {}, more: Partial<Widget> = {}): Widget {
  const points = series[0]?.points ?? [];
  const [first, last] = [points[0]?.t ?? "2026-11-01", points.at(-1)?.t ?? "2026-11-28"];
  return {
    series,
    stats: series[0]?.stats ?? NO_STATS,
    items: [],
    meta: {
      key: "ga4.sessions",
      title: "Sessions",
      format: series[0]?.format ?? "integer",
      better: "up",
      delta: "relative",
      grain: "day",
      start: first,
      end: last,
      compare: "off",
      total: "period",
      currency: null,
      sources: ["ga4"],
      missing_sources: [],
      data_through: last,
      comparison_through: null,
      provisional_from: null,
      filters: { applied: [], ignored: [] },
      notes: [],
      receipt: "",
      ...meta,
    },
    ...more,
  };
}

/** A template as text: its strings and values, without the functions that listen. */
export function writeTemplate(value: unknown): string {
  if (Array.isArray(value)) return value.map(writeTemplate).join("");
  if (typeof value === "object" && value !== null && "strings" in value) {
    const { strings, values } = value as { strings: readonly string[]; values: readonly unknown[] };
    return strings.map((text, index) => text + (index < values.length ? writeTemplate(values[index]) : "")).join("");
  }
  return ["string", "number", "boolean", "undefined"].includes(typeof value) ? String(value) : "";
}
