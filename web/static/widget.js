/** One widget as a card: headline, change, chart, items, and in words whatever stands in the way of them. */

import { words } from "./api.js";
import { bars } from "./bars.js";
import { chart, legend } from "./charts.js";
import { clock, fullDay, span } from "./dates.js";
import { h } from "./dom.js";
import { MIXED, change, exact, headline, listed } from "./format.js";
import { modelOf } from "./model.js";
import { dataTable, itemTable } from "./tables.js";
import { sourceNamed } from "./view.js";

const TOTALS = { average: "average of the days", last: "on the last day" };

/** An empty card with its title; `fill` puts an answer into it. */
export function card(entry) {
  const title = `title-${entry.key}`;
  return h("article", { class: "card waiting", "aria-labelledby": title, "data-key": entry.key },
    h("header", {},
      h("h2", { id: title, title: entry.description || null }, entry.title),
      h("p", { class: "origin" }, entry.sources.map((source) => sourceNamed(source).short).join(" + ")),
    ),
    h("div", { class: "body" }, h("div", { class: "skeleton" }), h("p", { class: "hidden" }, "Loading")),
  );
}

/** Show an answer, or the problem that came in its place. `units` is the catalog's formats by title. */
export function fill(node, entry, answer, { units, connected }) {
  const body = node.querySelector(".body");
  node.classList.remove("waiting");
  body.replaceChildren(...(answer.series ? content(entry, answer, { units, connected }) : [trouble(answer)]));
  node.classList.toggle("bare", !body.querySelector(".chart, .bars, .items"));
}

const trouble = (problem) => h("p", { class: "note trouble" }, h("strong", {}, `${problem.title}: `), words(problem));

function content(entry, answer, { units, connected }) {
  const { meta, items } = answer;
  const remarks = notes(answer, connected).map((text) => h("p", { class: "note" }, text));
  if (!answer.series.length && !items.length) return remarks.length ? remarks : [nothing(meta)];
  const model = modelOf(entry, answer, units);
  return [
    figures(answer, model),
    ...drawing(entry, answer, model),
    ...remarks,
    items.length > 0 && itemTable(items, entry.title),
    answer.series.length > 0 && dataTable(model, entry),
  ].filter(Boolean);
}

function drawing(entry, { meta, comparison }, model) {
  if (model.kind === null) return meta.currency === MIXED ? [] : [nothing(meta)];
  const label = `${entry.title} by ${meta.grain}, ${span(meta.start, meta.end)}`;
  const drawn = model.kind === "bars" ? bars(model, meta.better) : chart(model, label);
  return [drawn, legend(model, meta, comparison)];
}

const nothing = (meta) => h("p", { class: "note" }, `No data from ${span(meta.start, meta.end)}.`);

/** The name of the series that the headline is of, where there are several and it is of one. */
function headlineSeries({ value }, { breakdown, series }) {
  return breakdown || series.length < 2 ? undefined : series.find((one) => one.stats.value === value)?.name;
}

function figures({ stats, meta }, model) {
  const unit = { format: meta.format, currency: meta.currency };
  const changed = change(stats, meta.better, unit);
  const beside = [
    stats.value !== null && (headlineSeries(stats, model) ?? TOTALS[meta.total]),
    stats.previous !== null && `was ${headline(stats.previous, unit)}`,
  ];
  return h("div", { class: "figures" },
    h("p", { class: "value", title: exact(stats.value, unit) }, headline(stats.value, unit)),
    changed && h("p", { class: `delta ${changed.tone}` },
      h("span", { "aria-hidden": "true" }, `${changed.arrow} ${changed.text}`),
      h("span", { class: "hidden" }, changed.spoken),
    ),
    stats.value !== null && h("p", { class: "beside" }, beside.filter(Boolean).join(" · ")),
  );
}

function notes({ meta, series }, connected) {
  const said = [];
  const off = meta.missing_sources.filter((source) => connected[source]);
  const missing = meta.missing_sources.filter((source) => !connected[source]);
  const rest = series.length ? "; what is left is shown" : "";
  if (missing.length) said.push(`Needs ${named(missing)}, which ${are(missing)} not connected${rest}.`);
  if (off.length) said.push(`Needs ${named(off)}, which ${are(off)} switched off in this view${rest}.`);
  if (meta.currency === MIXED) {
    said.push("The accounts hold several currencies. Amounts are not added up, so figures of money stay empty.");
  }
  if (meta.data_through && meta.data_through < meta.end) said.push(`Data through ${fullDay(meta.data_through)}.`);
  if (meta.stale) said.push("The warehouse is away: this is the last known answer.");
  return said;
}

const named = (sources) => listed(sources.map((source) => sourceNamed(source).label));
const are = (sources) => (sources.length > 1 ? "are" : "is");

/** When the user's data was last brought in, and when it will be again. */
export function freshness({ last_sync_at: last, next_scheduled_at: next }) {
  const parts = [last && `Synced ${clock(last)}`, next && `next ${clock(next)}`].filter(Boolean);
  return parts.join(" · ");
}
