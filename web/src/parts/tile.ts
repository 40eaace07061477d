/** A widget on the page: its title, its value and change, and what it has to draw. */

import { type TemplateResult, html, nothing } from "lit";
import { guard } from "lit/directives/guard.js";
import type { Entry, Widget } from "../api/client";
import { cleanName } from "../format/names";
import { copyLink, downloadCsv, explain, navigate, pickMember, pickRange, toggleAsTable } from "../state/actions";
import { OVERVIEW } from "../state/layout";
import { type State, type Tile, listMissing, nameDimension, nameSource } from "../state/store";
import { figure } from "./figures";
import { headlineTile } from "./headline";
import { dots } from "./icons";
import { type MenuItem, menu } from "./menu";
import { downloadPng } from "./picture";
import { itemTable, memberTable, pointTable } from "./tables";
import { LOCALE } from "./text";

/** What a tile is drawn of; where it is all as before, nothing is drawn. */
const listCauses = (state: State, entry: Entry, section: string, large: boolean): unknown[] => [
  state.tiles.get(entry.key),
  entry,
  section === OVERVIEW,
  large,
  isWaiting(state),
  state.asTable.has(entry.key),
  state.tables.get(entry.key),
  state.view.filters,
  state.view.trend,
  state.view.open,
  state.meta?.connected_sources,
  section === OVERVIEW ? state.places : null,
];

export const tile = (state: State, entry: Entry, section: string): TemplateResult =>
  html`${guard(listCauses(state, entry, section, false), () => (section === OVERVIEW ? headlineTile(state, entry) : card(state, entry)))}`;

/** A widget that has a card, or the whole screen, to itself. */
export function card(state: State, entry: Entry, { large = false } = {}): TemplateResult {
  const found = state.tiles.get(entry.key);
  const title = cleanName(entry.title);
  return html`<article class="card ${isOld(state, found) ? "old" : ""}" data-key=${entry.key} aria-label=${title}>
    <header>
      <h3 title=${entry.description}>${title}</h3>
      ${tags(state, found)}
      ${menu(dots, `${title}: more`, listItems(state, entry, large), "end iconic")}
    </header>
    ${body(state, entry, found)}
  </article>`;
}

/** Whether the page asks, or will ask again by itself. */
export const isWaiting = ({ isLoading, banner }: State): boolean => isLoading || banner?.retries === true;

/** Whether the numbers are of another question than the one that the page asks now. */
export const isOld = (state: State, found: Tile | undefined): boolean => found !== undefined && found.question === state.shown && isWaiting(state);

export function tags(state: State, found: Tile | undefined): TemplateResult | typeof nothing {
  const ignored = found?.widget?.meta.filters.ignored ?? [];
  const notes = [...new Set((found?.widget?.meta.notes ?? []).map(({ code }) => code.replaceAll("_", " ")))];
  if (ignored.length + notes.length === 0) return nothing;
  const names = ignored.map((dimension) => nameDimension(state, dimension).toLowerCase());
  const unfiltered = names.length === 0 ? [] : [`not by ${names.join(" or ")}`];
  return html`<span class="tags">
    ${[...unfiltered, ...notes].map((text) => html`<span class="tag clip" title=${text}>${text}</span>`)}
  </span>`;
}

export function listItems(state: State, entry: Entry, large: boolean): MenuItem[] {
  const { key } = entry;
  const hasAnswer = (state.tiles.get(key)?.widget?.series.length ?? 0) > 0;
  return [
    large ? { label: "Back to the dashboard", act: () => navigate({ open: null }) } : { label: "Full screen", act: () => navigate({ open: key }) },
    ...(entry.columns === undefined
      ? [{ label: state.asTable.has(key) ? "As a chart" : "As a table", act: () => toggleAsTable(key), disabled: !hasAnswer }]
      : []),
    { label: "Download CSV", act: () => downloadCsv(key), disabled: !hasAnswer },
    ...(entry.columns === undefined ? [{ label: "Download PNG", act: () => downloadPng(entry), disabled: !hasAnswer || state.asTable.has(key) }] : []),
    { label: "Copy link", act: () => copyLink(key) },
    { label: "Explain this number", act: () => explain(key) },
  ];
}

function body(state: State, entry: Entry, found: Tile | undefined): TemplateResult {
  if (found === undefined) return html`<div class="bone" aria-hidden="true"></div>`;
  if (found.widget === null) return html`<p class="empty">${found.problem}</p>`;
  const { widget } = found;
  if (widget.series.length === 0) return missing(state, entry, widget);
  if (entry.columns !== undefined) return html`${memberTable(state, entry, widget)}`;
  return html`
    ${figure(widget)}
    ${state.asTable.has(entry.key) ? pointTable(widget) : chart(state, entry, widget)}
    ${widget.items.length > 0 && !state.asTable.has(entry.key) ? itemTable(widget) : nothing}
  `;
}

export function chart(state: State, entry: Entry, widget: Widget): TemplateResult {
  const isDimension = entry.by !== null && entry.dimensions.some(({ name }) => name === entry.by);
  const by = isDimension ? entry.by : null;
  const input = {
    widget,
    kind: entry.chart,
    locale: LOCALE,
    by,
    ...(by === null ? {} : { onPick: (_: string, member: string) => pickMember(by, member) }),
    onRange: pickRange,
    colours: assignColours(state, by),
  };
  return html`<chart-box .input=${input}></chart-box>`;
}

const MAX_COLOURS = 12;
const assigned = new Map<string, Map<string, number>>();

/** A member has one colour on the whole page, and keeps it whatever the days. */
function assignColours(state: State, by: string | null): ReadonlyMap<string, number> {
  const colours = assigned.get(by ?? "") ?? new Map<string, number>();
  assigned.set(by ?? "", colours);
  if (by === null) return new Map();
  for (const entry of state.catalog?.widgets ?? []) {
    if (entry.by !== by) continue;
    for (const { id } of state.tiles.get(entry.key)?.widget?.series ?? []) {
      if (id !== undefined && !colours.has(id) && colours.size < MAX_COLOURS) colours.set(id, colours.size + 1);
    }
  }
  return colours;
}

export function missing(state: State, entry: Entry, widget: Widget | null): TemplateResult {
  const sources = widget !== null && widget.meta.missing_sources.length > 0 ? widget.meta.missing_sources : listMissing(state, entry);
  const names = sources.map((source) => nameSource(state, source)).join(" and ");
  return html`<p class="empty">Needs ${names}.
    <button type="button" class="link" @click=${() => navigate({ page: "connections" })}>Connect</button></p>`;
}
