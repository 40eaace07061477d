/** The arrangement of the widgets: which, in what section, where and how large, on twelve columns. */

import type { Entry, Layout, NewLayout } from "../api/client";

export const COLUMNS = 12;
/** The section of the headline figures, which has no heading. */
export const OVERVIEW = "";
export const MAX_HEADLINES = 6;
const OTHER_GROUP = "More";

export interface Place {
  readonly id: string;
  readonly section: string;
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
  /** What others have saved beside it, and gets back. */
  readonly rest: Readonly<Record<string, unknown>>;
}

/** Rows of cells: the height of a headline, and of what has a chart. */
export const HEADLINE_ROWS = 2;
const CHART_ROWS = 4;
const TABLE_ROWS = 5;
/** Of a chart with a list below it. */
const LIST_ROWS = 6;
/** What the former page has saved as a size, in columns. */
const SIZES: Readonly<Record<string, number>> = { small: 4, medium: 6, large: 12 };

/** Whether a widget is one figure over time, which a headline can tell. */
export const isFigure = (entry: Entry): boolean =>
  entry.by === null && entry.columns === undefined && (entry.chart === "line" || entry.chart === null) && entry.delta !== "absolute";

const getPosition = (entry: Entry): number => entry.position ?? Number.MAX_SAFE_INTEGER;
/** By position, then in the order of the catalog. */
const sortEntries = (entries: readonly Entry[]): Entry[] => [...entries].sort((a, b) => getPosition(a) - getPosition(b));

export const getGroup = (entry: Entry, titles: ReadonlyMap<string, string>): string =>
  entry.group ?? (entry.sources.length > 1 ? "Across sources" : (titles.get(entry.sources[0] ?? "") ?? OTHER_GROUP));

export function measureEntry(entry: Entry): { w: number; h: number } {
  // Beyond four columns with their changes only the whole width shows them all.
  if (entry.columns !== undefined && entry.columns.length > 4) return { w: COLUMNS, h: CHART_ROWS };
  if (entry.columns !== undefined) return { w: entry.columns.length > 3 ? 7 : 6, h: TABLE_ROWS };
  if (entry.items !== undefined) return { w: 7, h: LIST_ROWS };
  if (entry.by !== null) return { w: 5, h: TABLE_ROWS };
  return { w: isFigure(entry) ? 4 : 6, h: CHART_ROWS };
}

/** Where a widget goes that nobody has placed: below what its section has. */
export function placeEntry(entry: Entry, section: string, places: readonly Place[]): Place {
  const size = section === OVERVIEW ? { w: 2, h: HEADLINE_ROWS } : measureEntry(entry);
  const below = Math.max(0, ...places.filter((place) => place.section === section).map(({ y, h }) => y + h));
  return { id: entry.key, section, x: 0, y: below, ...size, rest: {} };
}

/** The arrangement of somebody who has made none: headlines first, then a section a group. */
export function arrangeEntries(entries: readonly Entry[], titles: ReadonlyMap<string, string>): Place[] {
  const sorted = sortEntries(entries);
  const headlines = sorted.filter(isFigure).slice(0, MAX_HEADLINES);
  const rest = sorted.filter((entry) => !headlines.includes(entry));
  const width = Math.max(2, Math.floor(COLUMNS / Math.max(1, headlines.length)));
  const places = headlines.map((entry, index) => ({
    id: entry.key,
    section: OVERVIEW,
    x: (index * width) % COLUMNS,
    y: HEADLINE_ROWS * Math.floor((index * width) / COLUMNS),
    w: width,
    h: HEADLINE_ROWS,
    rest: {},
  }));
  return [...places, ...listGroups(rest, titles).flatMap(([group, members]) => flowEntries(members, group))];
}

function listGroups(entries: readonly Entry[], titles: ReadonlyMap<string, string>): [string, Entry[]][] {
  const groups = new Map<string, Entry[]>();
  for (const entry of entries) {
    const group = getGroup(entry, titles);
    groups.set(group, [...(groups.get(group) ?? []), entry]);
  }
  return [...groups];
}

/** Rows of widgets, each row filled to its end. */
function flowEntries(entries: readonly Entry[], section: string): Place[] {
  const places: Place[] = [];
  let row: Place[] = [];
  let y = 0;
  const closeRow = () => {
    places.push(...widenRow(row));
    y += Math.max(0, ...row.map(({ h }) => h));
    row = [];
  };
  for (const entry of entries) {
    const { w, h } = measureEntry(entry);
    const x = row.reduce((sum, place) => sum + place.w, 0);
    if (x + w > COLUMNS) closeRow();
    row.push({ id: entry.key, section, x: row.reduce((sum, place) => sum + place.w, 0), y, w, h, rest: {} });
  }
  closeRow();
  return places;
}

/** The widgets of a row take its whole width and one height. */
function widenRow(row: readonly Place[]): Place[] {
  const total = row.reduce((sum, { w }) => sum + w, 0);
  const h = Math.max(0, ...row.map((place) => place.h));
  let x = 0;
  return row.map((place, index) => {
    const w = index === row.length - 1 ? COLUMNS - x : Math.round((place.w * COLUMNS) / total);
    const widened = { ...place, x, w, h };
    x += w;
    return widened;
  });
}

const asNumber = (value: unknown, least: number, most: number): number | null =>
  typeof value === "number" && Number.isInteger(value) && value >= least && value <= most ? value : null;

/** The saved places of widgets that the catalog has; null where nobody has saved any. */
export function readPlaces(saved: Layout, entries: readonly Entry[], titles: ReadonlyMap<string, string>): Place[] | null {
  if (saved.version === undefined && saved.widgets.length === 0) return null;
  const known = new Map(entries.map((entry) => [entry.key, entry]));
  const places: Place[] = [];
  for (const { id, section, x, y, w, h, ...rest } of saved.widgets) {
    const entry = known.get(id);
    if (entry === undefined || places.some((place) => place.id === id)) continue;
    const where = typeof section === "string" ? section : getGroup(entry, titles);
    const usual = placeEntry(entry, where, places);
    const width = asNumber(w, 1, COLUMNS) ?? SIZES[String(rest["size"])] ?? usual.w;
    const left = asNumber(x, 0, COLUMNS - 1);
    const place = { ...usual, w: width, h: asNumber(h, 1, 24) ?? usual.h, rest };
    const top = asNumber(y, 0, 10_000);
    places.push(left !== null && top !== null && left + width <= COLUMNS ? { ...place, x: left, y: top } : placeBeside(place, places));
  }
  return places;
}

/** What was saved without a place stands beside the one before it, where there is room. */
function placeBeside(place: Place, places: readonly Place[]): Place {
  const before = places.findLast(({ section }) => section === place.section);
  if (before === undefined || before.x + before.w + place.w > COLUMNS) return place;
  return { ...place, x: before.x + before.w, y: before.y };
}

/** The layout to save: what the catalog does not have is kept, and so is what others have written beside. */
export function writePlaces(places: readonly Place[], saved: Layout | null, entries: readonly Entry[]): NewLayout {
  const known = new Set(entries.map(({ key }) => key));
  const unknown = (saved?.widgets ?? []).filter(({ id }) => !known.has(id));
  const { unknown: _, ...rest } = saved ?? { widgets: [] };
  const widgets = sortPlaces(places).map(({ id, section, x, y, w, h, rest: beside }) => ({ ...beside, id, section, x, y, w, h }));
  return { ...rest, widgets: [...widgets, ...unknown] };
}

/** In the order in which one reads them. */
export const sortPlaces = (places: readonly Place[]): Place[] => {
  const sections = listSections(places);
  const rank = (place: Place): number => sections.indexOf(place.section);
  return [...places].sort((a, b) => rank(a) - rank(b) || a.y - b.y || a.x - b.x);
};

/** The places with their sections in the order in which they were; a new one comes last. */
export function keepSections(places: readonly Place[], before: readonly Place[]): Place[] {
  const sections = [...new Set([...listSections(before), ...listSections(places)])];
  return [...places].sort((a, b) => sections.indexOf(a.section) - sections.indexOf(b.section));
}

/** The sections, that of the headlines first. */
export const listSections = (places: readonly Place[]): string[] => {
  const sections = [...new Set(places.map(({ section }) => section))];
  return sections.includes(OVERVIEW) ? [OVERVIEW, ...sections.filter((section) => section !== OVERVIEW)] : sections;
};
