/** What is looked at: read from the address's query and written to it, so that a view can be shared. */

import type { Question } from "../api/client";
import { addDays, addMonths, countDays, firstOfMonth, firstOfQuarter, firstOfYear, isDay, takeYear } from "./days";

export const MAX_DAYS = 1_100;

export const PRESETS = [
  { id: "yesterday", label: "Yesterday" },
  { id: "7d", label: "Last 7 days" },
  { id: "28d", label: "Last 28 days" },
  { id: "90d", label: "Last 90 days" },
  { id: "month", label: "This month" },
  { id: "last_month", label: "Last month" },
  { id: "quarter", label: "This quarter" },
  { id: "ytd", label: "Year to date" },
  { id: "12m", label: "Last 12 months" },
] as const;
export const COMPARES = [
  { id: "previous_period", label: "Previous period" },
  { id: "previous_month", label: "Previous month" },
  { id: "previous_year", label: "Previous year" },
  { id: "previous_year_weekday", label: "Previous year, match weekdays" },
  { id: "custom", label: "From a date of your own" },
  { id: "off", label: "No comparison" },
] as const;
const PAGES = ["dashboard", "connections", "studio"] as const;
export const GRAINS = ["day", "week", "month", "quarter", "year"] as const;

export type Preset = (typeof PRESETS)[number]["id"];
export type Compare = (typeof COMPARES)[number]["id"];
export type Grain = (typeof GRAINS)[number];
export type Filters = Readonly<Record<string, readonly string[]>>;

/** `preset` is null for dates of one's own, `grain` for one that fits the days, `sources` for all. */
export interface View {
  readonly preset: Preset | null;
  readonly start: string | null;
  readonly end: string | null;
  readonly compare: Compare;
  readonly compareStart: string | null;
  readonly grain: Grain | null;
  readonly filters: Filters;
  readonly sources: readonly string[] | null;
  /** The metric of the large chart. */
  readonly trend: string | null;
  /** The widget that fills the screen. */
  readonly open: string | null;
  readonly page: (typeof PAGES)[number];
}

export interface Window {
  readonly start: string;
  readonly end: string;
}

const DEFAULT: { preset: Preset; compare: Compare } = { preset: "28d", compare: "previous_period" };
const FILTER = "filter.";

const find = <T extends string>(text: string | null, choices: readonly T[]): T | null => choices.find((choice) => choice === text) ?? null;
const listIds = <T>(choices: readonly { id: T }[]): T[] => choices.map(({ id }) => id);

export function readView(search: string): View {
  const query = new URLSearchParams(search);
  const start = query.get("start") ?? "";
  const end = query.get("end") ?? "";
  const isOwn = isDay(start) && isDay(end) && start <= end && countDays(start, end) <= MAX_DAYS;
  const compareStart = query.get("compare_start") ?? "";
  const compare = find(query.get("compare"), listIds(COMPARES)) ?? DEFAULT.compare;
  const isCustom = compare === "custom" && isDay(compareStart);
  return {
    preset: isOwn ? null : (find(query.get("range"), listIds(PRESETS)) ?? DEFAULT.preset),
    start: isOwn ? start : null,
    end: isOwn ? end : null,
    compare: compare === "custom" && !isCustom ? DEFAULT.compare : compare,
    compareStart: isCustom ? compareStart : null,
    grain: find(query.get("grain"), GRAINS),
    filters: readFilters(query),
    sources: query.get("sources")?.split(",").filter(Boolean) ?? null,
    trend: query.get("trend"),
    open: query.get("open"),
    page: find(query.get("page"), PAGES) ?? "dashboard",
  };
}

function readFilters(query: URLSearchParams): Filters {
  const names = [...new Set([...query.keys()].filter((name) => name.startsWith(FILTER)))];
  return Object.fromEntries(names.map((name) => [name.slice(FILTER.length), [...new Set(query.getAll(name))].slice(0, 50)]));
}

/** The query of a view, without what goes without saying. */
export function writeView(view: View): string {
  const query = new URLSearchParams();
  if (view.preset === null) {
    query.set("start", view.start ?? "");
    query.set("end", view.end ?? "");
  } else if (view.preset !== DEFAULT.preset) query.set("range", view.preset);
  if (view.compare !== DEFAULT.compare) query.set("compare", view.compare);
  if (view.compareStart !== null) query.set("compare_start", view.compareStart);
  if (view.grain !== null) query.set("grain", view.grain);
  for (const [dimension, members] of Object.entries(view.filters)) {
    for (const member of members) query.append(FILTER + dimension, member);
  }
  if (view.sources !== null) query.set("sources", view.sources.join(","));
  if (view.trend !== null) query.set("trend", view.trend);
  if (view.open !== null) query.set("open", view.open);
  if (view.page !== "dashboard") query.set("page", view.page);
  const text = query.toString().replaceAll("%2C", ",");
  return text === "" ? "" : `?${text}`;
}

/** The days of a preset, given the last complete one. */
export function resolvePreset(preset: Preset, lastDay: string): Window {
  switch (preset) {
    case "yesterday":
      return { start: lastDay, end: lastDay };
    case "7d":
      return { start: addDays(lastDay, -6), end: lastDay };
    case "28d":
      return { start: addDays(lastDay, -27), end: lastDay };
    case "90d":
      return { start: addDays(lastDay, -89), end: lastDay };
    case "month":
      return { start: firstOfMonth(lastDay), end: lastDay };
    case "last_month":
      return { start: addMonths(lastDay, -1), end: addDays(firstOfMonth(lastDay), -1) };
    case "quarter":
      return { start: firstOfQuarter(lastDay), end: lastDay };
    case "ytd":
      return { start: firstOfYear(lastDay), end: lastDay };
    case "12m":
      return { start: addDays(takeYear(lastDay), 1), end: lastDay };
  }
}

/** The days that a view covers. */
export const resolveWindow = ({ preset, start, end }: View, lastDay: string): Window =>
  preset === null ? { start: start ?? lastDay, end: end ?? lastDay } : resolvePreset(preset, lastDay);

/** The grain that fits a number of days, where nobody has chosen one. */
export function fitGrain({ start, end }: Window): Grain {
  const days = countDays(start, end);
  return days <= 93 ? "day" : days <= 400 ? "week" : "month";
}

/** The view as the API's parameters; two views that ask the same have the same. */
export function buildQuestion(view: View, lastDay: string): Question {
  const window = resolveWindow(view, lastDay);
  const question: Question = { ...window, compare: view.compare, grain: view.grain ?? fitGrain(window) };
  if (view.compareStart !== null) question.compare_start = view.compareStart;
  if (view.sources !== null) question.sources = view.sources.join(",");
  if (Object.keys(view.filters).length > 0) {
    question.filter = Object.fromEntries(Object.entries(view.filters).map(([name, members]) => [name, [...members]]));
  }
  return question;
}

/** The filters with a member put in, or taken out where it was in. */
export function toggleMember(filters: Filters, dimension: string, member: string): Filters {
  const held = filters[dimension] ?? [];
  const members = held.includes(member) ? held.filter((each) => each !== member) : [...held, member];
  const { [dimension]: _, ...others } = filters;
  return members.length === 0 ? others : { ...others, [dimension]: members };
}
