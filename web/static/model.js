/** An answer as something to draw: panels of series over the same buckets. */

import { covered, fullDay, lastOfBucket, span } from "./dates.js";

const COLOURS = 8;

/**
 * `{kind, buckets, panels, shadeFrom}`. Kind: lines | columns | stacked | bars, or null when there is nothing to draw.
 * A panel has series that share a scale: `{name, colour, unit, values, before, stats}`; before is null without a
 * comparison. `named` panels show whose they are. `shadeFrom` is the first bucket that may still be restated, or null.
 */
export function modelOf(entry, answer, units) {
  const { meta, comparison } = answer;
  const unit = { format: meta.format, currency: meta.currency };
  const breakdown = entry.by !== null;
  const series = answer.series.map((one, index) => ({
    name: one.name,
    colour: breakdown && one.name === "Other" ? "other" : `c${index % COLOURS}`,
    unit: breakdown ? unit : { ...unit, format: units.get(one.name) ?? unit.format },
    values: one.points.map((point) => point.v),
    before: comparison?.series[index]?.points.map((point) => point.v) ?? null,
    stats: one.stats,
  }));
  const kind = series.some(hasValue) ? kindOf(entry.chart, breakdown, unit) : null;
  const together = breakdown || kind === "stacked";
  return {
    kind,
    grain: meta.grain,
    breakdown,
    series,
    buckets: bucketsOf(answer),
    panels: together ? [series] : series.filter(hasValue).map((one) => [one]),
    named: !together && (series.length > 1 || series[0]?.name !== meta.title),
    shadeFrom: shadeFrom(answer),
  };
}

const hasValue = ({ values, before }) => [...values, ...(before ?? [])].some((value) => value !== null);

function kindOf(chart, breakdown, unit) {
  if (chart === "stacked") return "stacked";
  if (chart === "bar") return breakdown ? "bars" : "columns";
  if (chart === null && breakdown && ["integer", "currency"].includes(unit.format)) return "stacked";
  return "lines";
}

function bucketsOf({ series, comparison, meta }) {
  const before = comparison?.series[0]?.points;
  return (series[0]?.points ?? []).map((point, index) => {
    const days = covered(point.t, meta);
    return {
      t: point.t,
      label: span(days.start, days.end),
      before: before?.[index] ? `${meta.grain === "day" ? "" : "from "}${fullDay(before[index].t)}` : null,
    };
  });
}

function shadeFrom({ series, meta }) {
  if (!meta.provisional_from) return null;
  const index = (series[0]?.points ?? []).findIndex(
    (point) => lastOfBucket(point.t, meta.grain) >= meta.provisional_from,
  );
  return index < 0 ? null : index;
}
