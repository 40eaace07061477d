/** The arrangement of the widgets: which, in what order, how wide. */

import { SOURCES } from "./view.js";

export const SIZES = [
  { id: "small", label: "Small" },
  { id: "medium", label: "Medium" },
  { id: "large", label: "Wide" },
];

const isSize = (text) => SIZES.some((size) => size.id === text);
const usual = (entry) => (entry.chart === "line" ? "small" : "medium");

/** Where a widget stands when nobody has arranged it: small ones first, then by source. */
function rank(entry) {
  const source = entry.sources.length > 1 ? SOURCES.length : SOURCES.findIndex(({ id }) => id === entry.sources[0]);
  return (usual(entry) === "small" ? 0 : 100) + source;
}

/** The places `[{id, size, …}]` of the saved layout's widgets that the catalog has, or of all in the usual order. */
export function placesOf(saved, entries) {
  const known = new Map(entries.map((entry) => [entry.key, entry]));
  const widgets = Array.isArray(saved?.widgets) ? saved.widgets : [];
  const places = new Map();
  for (const widget of widgets) {
    const entry = known.get(widget?.id);
    if (entry && !places.has(entry.key)) {
      places.set(entry.key, { ...widget, size: isSize(widget.size) ? widget.size : usual(entry) });
    }
  }
  if (widgets.length) return [...places.values()];
  // Array.sort is stable, so equal ranks keep the catalog's own order.
  return [...entries].sort((a, b) => rank(a) - rank(b)).map((entry) => placeOf(entry));
}

export const placeOf = (entry) => ({ id: entry.key, size: usual(entry) });

/** The body that saves these places; widgets that the catalog no longer has are kept, at the end. */
export function toSave(places, saved, entries) {
  const known = new Set(entries.map((entry) => entry.key));
  const widgets = Array.isArray(saved?.widgets) ? saved.widgets : [];
  const gone = widgets.filter((widget) => widget?.id !== undefined && !known.has(widget.id));
  const { unknown, ...own } = saved ?? {};
  return { ...own, widgets: [...places, ...gone], version: saved?.version ?? 0 };
}

/** The places with the one at `from` moved to `to`. */
export function moved(places, from, to) {
  const rest = places.filter((_, index) => index !== from);
  return [...rest.slice(0, to), places[from], ...rest.slice(to)];
}
