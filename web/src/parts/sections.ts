/** The dashboard: the headlines and the large chart beside the insights, then a section a group. */

import { type TemplateResult, html, nothing } from "lit";
import { guard } from "lit/directives/guard.js";
import { repeat } from "lit/directives/repeat.js";
import type { Entry } from "../api/client";
import { drawPageLegend } from "../charts/legend";
import { cleanName } from "../format/names";
import { navigate } from "../state/actions";
import { addWidget, beginArranging, dismissOffers, openGallery } from "../state/arrangement";
import { OVERVIEW, type Place, listSections, sortPlaces } from "../state/layout";
import { type State, findEntry, findTrend, listMissing, nameSource } from "../state/store";
import { arrangeGrid } from "./arrange";
import { figure, target } from "./figures";
import { plus, dots } from "./icons";
import { insights } from "./insights";
import { menu } from "./menu";
import { pointTable } from "./tables";
import { LOCALE } from "./text";
import { chart, isOld, isWaiting, listItems, missing, tags, tile } from "./tile";

export function dashboard(state: State): TemplateResult {
  if (state.catalog === null) return bones();
  const sections = listSections(state.places).filter((section) => section !== OVERVIEW);
  const connected = state.meta === null || Object.values(state.meta.connected_sources).some(Boolean);
  if (!connected) return welcome();
  return html`
    <div class="overview">
      <div class="main">
        <h2 class="unseen">At a glance</h2>
        ${section(state, OVERVIEW)}
        ${trend(state)}
        ${state.places.length === 0 ? nobody() : nothing}
      </div>
      ${insights(state)}
    </div>
    ${legend(state)}
    ${repeat(sections, (name) => name, (name) => html`<section class="group" aria-label=${cleanName(name)}>
      <h2>${cleanName(name)}</h2>
      ${section(state, name)}
    </section>`)}
    ${offers(state)}
    ${elsewhere(state)}
  `;
}

function section(state: State, name: string): TemplateResult | typeof nothing {
  const places = sortPlaces(state.places).filter((place) => place.section === name);
  if (state.arranging !== null) return arrangeGrid(state, name, places);
  if (places.length === 0) return nothing;
  return html`<div class="tiles ${name === OVERVIEW ? "headlines" : ""}">
    ${repeat(places, ({ id }) => id, (place) => {
      const entry = findEntry(state, place.id);
      return entry === undefined ? nothing : html`<div class="place" .style=${styleOf(place)}>${tile(state, entry, name)}</div>`;
    })}
  </div>`;
}

const styleOf = ({ x, y, w, h }: Place): string => `--x:${x + 1};--y:${y + 1};--w:${w};--h:${h}`;

/** What the marks of all charts stand for, said once. */
const legend = (state: State): TemplateResult => html`<div class="legend">${guard([state.tiles], () => {
  const widgets = [...state.tiles.values()].flatMap(({ widget }) => (widget !== null && widget.series.length > 0 && !widget.table ? [widget] : []));
  return widgets.length === 0 ? nothing : drawPageLegend(widgets, LOCALE);
})}</div>`;

/** One figure as a large chart. */
function trend(state: State): TemplateResult | typeof nothing {
  const key = findTrend(state);
  const entry = key === null ? undefined : findEntry(state, key);
  if (entry === undefined) return nothing;
  const found = state.tiles.get(entry.key);
  const causes = [found, entry, isWaiting(state), state.asTable.has(entry.key), state.shown];
  return html`${guard(causes, () => trendCard(state, entry))}`;
}

function trendCard(state: State, entry: Entry): TemplateResult {
  const found = state.tiles.get(entry.key);
  const title = cleanName(entry.title);
  const widget = found?.widget ?? null;
  return html`<article class="card trend ${isOld(state, found) ? "old" : ""}" data-trend=${entry.key} aria-label="${title}, large">
    <header>
      <h2 title=${entry.description}>${title}</h2>
      ${widget === null || widget.series.length === 0 ? nothing : html`${figure(widget)}${target(widget)}`}
      ${tags(state, found)}
      ${menu(dots, `${title}, large: more`, listItems(state, entry, false), "end iconic")}
    </header>
    ${found === undefined
      ? html`<div class="bone" aria-hidden="true"></div>`
      : widget === null
        ? html`<p class="empty">${found.problem}</p>`
        : widget.series.length === 0
          ? missing(state, entry, widget)
          : state.asTable.has(entry.key)
            ? pointTable(widget)
            : chart(state, entry, widget)}
  </article>`;
}

/** What somebody's own arrangement does not have yet: metrics that are new in the YAML. */
function offers(state: State): TemplateResult | typeof nothing {
  if (!state.isArranged || state.arranging !== null) return nothing;
  const known = state.saved?.["known"];
  if (!Array.isArray(known)) return nothing;
  const placed = new Set(state.places.map(({ id }) => id));
  const fresh = (state.catalog?.widgets ?? []).filter(({ key }) => !placed.has(key) && !known.includes(key));
  if (fresh.length === 0) return nothing;
  return html`<section class="strip" aria-label="New widgets">
    <p>New since you arranged this page:</p>
    ${fresh.map((entry) => html`<button type="button" class="button" @click=${() => addWidget(entry.key)}>${plus}${cleanName(entry.title)}</button>`)}
    <button type="button" class="button quiet" @click=${dismissOffers}>Dismiss</button>
  </section>`;
}

/** What would be shown if more were connected: one line, and no wall of apologies. */
function elsewhere(state: State): TemplateResult | typeof nothing {
  if (state.isArranged || state.arranging !== null) return nothing;
  const counts = new Map<string, number>();
  for (const entry of state.catalog?.widgets ?? []) {
    const lacking = listMissing(state, entry).map((source) => nameSource(state, source)).join(" and ");
    if (lacking !== "") counts.set(lacking, (counts.get(lacking) ?? 0) + 1);
  }
  if (counts.size === 0) return nothing;
  const parts = [...counts].map(([names, count]) => `${count.toLocaleString(LOCALE)} more with ${names}`);
  return html`<section class="strip" aria-label="More widgets">
    <p>${parts.join(" · ")}</p>
    <button type="button" class="button" @click=${() => navigate({ page: "connections" })}>Connect</button>
  </section>`;
}

const nobody = (): TemplateResult => html`<section class="nobody">
  <h2>This dashboard is empty</h2>
  <p>Put on it what you want to see each day.</p>
  <button type="button" class="button primary" @click=${() => {
    beginArranging();
    openGallery();
  }}>${plus}Add a widget</button>
</section>`;

const welcome = (): TemplateResult => html`<section class="nobody">
  <h2>Nothing is connected yet</h2>
  <p>Connect Google Analytics, Instagram or Meta Ads, or bring in an export. The page fills as soon as there is data.</p>
  <button type="button" class="button primary" @click=${() => navigate({ page: "connections" })}>Connect a source</button>
</section>`;

/** The page's own shape while it knows nothing: what comes takes these places. */
const bones = (): TemplateResult => html`<div class="overview" aria-hidden="true">
  <div class="main">
    <div class="tiles headlines">${[1, 3, 5, 7, 9, 11].map((x) => html`<div class="place" .style=${`--x:${x};--y:1;--w:2;--h:2`}><div class="card headline"><div class="bone"></div></div></div>`)}</div>
    <div class="card trend"><div class="bone"></div></div>
  </div>
  <aside class="insights"><div class="bone"></div></aside>
</div>`;

