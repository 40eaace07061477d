/** What is shown: read from the address's query and written to it, so that a view can be shared. */

import { addDays, isDay } from "./dates.js";

export const RANGES = [
  { id: "7d", label: "7 days", days: 7 },
  { id: "28d", label: "28 days", days: 28 },
  { id: "90d", label: "90 days", days: 90 },
  { id: "month", label: "This month" },
];
export const GRAINS = [
  { id: "day", label: "Day" },
  { id: "week", label: "Week" },
  { id: "month", label: "Month" },
];
/** All sources, connected or not; empty until the catalog has told them. */
export const SOURCES = [];
const SHORT = { ga4: "GA4", meta: "Meta" };

/** Take the sources `[{name, title}]` of the catalog. */
export function learnSources(told) {
  const found = told.map(({ name, title }) => ({ id: name, label: title, short: SHORT[name] ?? title }));
  SOURCES.splice(0, SOURCES.length, ...found);
}

export const sourceNamed = (id) => SOURCES.find((source) => source.id === id) ?? { id, label: id, short: id };

const COMPARES = ["off", "previous_period", "previous_year"];
const DEFAULT = { range: "28d", compare: "previous_period", grain: "day" };

const ids = (choices) => choices.map((choice) => choice.id);
const among = (text, choices, otherwise) => (choices.includes(text) ? text : otherwise);

/** `{range, start, end, compare, grain, sources}`: range is null for dates of one's own, sources for all. */
export function readView(search) {
  const query = new URLSearchParams(search);
  const [start, end] = [query.get("start") ?? "", query.get("end") ?? ""];
  const own = isDay(start) && isDay(end) && start <= end;
  const sources = query.get("sources");
  return {
    range: own ? null : among(query.get("range"), ids(RANGES), DEFAULT.range),
    start: own ? start : null,
    end: own ? end : null,
    compare: among(query.get("compare"), COMPARES, DEFAULT.compare),
    grain: among(query.get("grain"), ids(GRAINS), DEFAULT.grain),
    sources: sources === null ? null : ids(SOURCES).filter((id) => sources.split(",").includes(id)),
  };
}

/** The query of a view, without what goes without saying. */
export function writeView({ range, start, end, compare, grain, sources }) {
  const query = new URLSearchParams();
  if (range === null) {
    query.set("start", start);
    query.set("end", end);
  } else if (range !== DEFAULT.range) query.set("range", range);
  if (compare !== DEFAULT.compare) query.set("compare", compare);
  if (grain !== DEFAULT.grain) query.set("grain", grain);
  if (sources !== null) query.set("sources", sources.join(","));
  const text = query.toString().replaceAll("%2C", ",");
  return text ? `?${text}` : "";
}

/** The days that a view covers, given the last complete one. */
export function daysOf({ range, start, end }, lastDay) {
  if (range === null) return { start, end };
  if (range === "month") return { start: `${lastDay.slice(0, 8)}01`, end: lastDay };
  const { days } = RANGES.find((choice) => choice.id === range);
  return { start: addDays(lastDay, 1 - days), end: lastDay };
}

/** The view as the API's parameters. */
export function questionOf(view, lastDay) {
  const { compare, grain, sources } = view;
  const question = { ...daysOf(view, lastDay), compare, grain };
  return sources === null ? question : { ...question, sources: sources.join(",") };
}
