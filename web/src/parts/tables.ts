/** Answers as tables: rows of members, ranked things, and the points of a chart. */

import { type TemplateResult, html, nothing } from "lit";
import type { Entry, Widget } from "../api/client";
import { drawItems, drawTable } from "../charts/chart";
import { formatDay } from "../format/dates";
import { cleanName, humanizeName, isolateName } from "../format/names";
import { fitDecimals, formatUnit, unitOf } from "../format/numbers";
import { askTable, pickMember } from "../state/actions";
import { type State, UNSORTED, nameDimension } from "../state/store";
import { LOCALE } from "./text";

/** The rows of a table; the head of a column sorts, a row filters the page where its members are a dimension. */
export function memberTable(state: State, entry: Entry, { table, meta }: Widget): TemplateResult {
  if (!table) return html`<p class="empty">Nothing to show.</p>`;
  const ask = state.tables.get(entry.key) ?? UNSORTED;
  // A page is as long as the first one.
  const limit = ask.limit ?? table.rows.length;
  const rows = entry.rows ?? "";
  const isDimension = entry.dimensions.some(({ name }) => name === rows);
  return drawTable({
    table,
    meta,
    locale: LOCALE,
    heading: isDimension ? nameDimension(state, rows) : humanizeName(rows),
    sort: ask.sort ?? entry.sort ?? null,
    limit,
    offset: ask.offset,
    onSort: (sort) => void askTable(entry.key, { ...UNSORTED, sort }),
    onPage: (offset) => void askTable(entry.key, { ...ask, offset, limit }),
    ...(isDimension ? { by: rows, onPick: pickMember } : {}),
  });
}

export const itemTable = ({ items, meta }: Widget): TemplateResult => drawItems({ items, title: meta.title, locale: LOCALE });

/** The points of a chart, a line a bucket, and beside each series what it is compared with. */
export function pointTable(widget: Widget): TemplateResult {
  const [first] = widget.series;
  const compared = widget.comparison?.series;
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Points of ${cleanName(widget.meta.title)}">
    <table>
      <thead><tr><th scope="col" class="naming">${humanizeName(widget.meta.grain)}</th>
        ${widget.series.map(({ name }) => html`<th scope="col" class="number">${isolateName(name)}</th>${compared ? html`<th scope="col" class="number muted">before</th>` : nothing}`)}</tr></thead>
      <tbody>${first?.points.map(({ t, partial }, index) => html`<tr>
        <th scope="row" class="naming">${formatDay(t, LOCALE)}${partial ? " (part)" : ""}</th>
        ${widget.series.map((series, place) => {
          const unit = fitDecimals(unitOf(series), [...series.points, ...(compared?.[place]?.points ?? [])].map(({ v }) => v));
          return html`<td class="number">${formatUnit(series.points[index]?.v, unit, { locale: LOCALE })}</td>${compared
            ? html`<td class="number muted">${formatUnit(compared[place]?.points[index]?.v, unit, { locale: LOCALE })}</td>`
            : nothing}`;
        })}</tr>`)}</tbody>
    </table>
  </div>`;
}
