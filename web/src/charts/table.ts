/** Tables: of a widget with columns, and of its items. */

import { html, nothing, type TemplateResult } from "lit";
import { formatDay } from "../format/dates.js";
import { fitDecimals, formatDelta, formatUnit, formatValue, unitOf, type Unit } from "../format/numbers.js";
import { cleanName, humanizeName, isolateName } from "../format/names.js";
import { currentStats } from "./model.js";
import type { Item, Meta, Stats, TableColumn, TableRow, WidgetTable } from "./types.js";

export interface TableInput {
  table: WidgetTable;
  meta: Meta;
  locale: string;
  /** What a row is, as the head of its column says it. */
  heading: string;
  /** The column by which rows stand, with a `-` before it for descending, as a request says it. */
  sort?: string | null;
  limit: number;
  offset: number;
  by?: string | null;
  onSort?: (sort: string) => void;
  onPage?: (offset: number) => void;
  onPick?: (dimension: string, member: string) => void;
}

/** A row a member with the change of each figure, the total of all, and the way to further rows. */
export function drawTable(input: TableInput): TemplateResult {
  const { table, meta, heading } = input;
  const title = cleanName(meta.title);
  return html`<div class="chart-table">
    <div class="scroller" tabindex="0" role="region" aria-label=${title}>
      <table .style=${`--lines:${table.rows.length}`}>
        <caption>${title}</caption>
        <thead><tr><th scope="col">${cleanName(heading)}</th>${table.columns.map((column) => drawColumnHead(column, input))}</tr></thead>
        <tbody>${table.rows.map((row) => drawRow(row, input))}</tbody>
        ${
          table.rows.length === 0
            ? nothing
            : html`<tfoot><tr>
          <th scope="row">Total${table.count > table.rows.length ? ` of ${formatValue(table.count, "integer", input)}` : ""}</th>
          ${table.columns.map((column) => drawCell(table.total[column.name], column, columnUnit(column, input.table), input))}
        </tr></tfoot>`
        }
      </table>
      ${table.rows.length === 0 ? html`<p class="chart-nothing">No rows.</p>` : nothing}
    </div>
    ${drawPager(input)}
  </div>`;
}

const parseSort = (sort: string | null | undefined): { column: string; descending: boolean } | null =>
  sort ? { column: sort.replace(/^-/, ""), descending: sort.startsWith("-") } : null;

/** What a press on the head of a column asks for: descending first, then the other way. */
export function nextSort(column: string, sort: string | null | undefined): string {
  const now = parseSort(sort);
  return now?.column === column && now.descending ? column : `-${column}`;
}

function drawColumnHead({ name }: TableColumn, { sort, onSort }: TableInput): TemplateResult {
  const now = parseSort(sort);
  const order = now?.column === name ? (now.descending ? "descending" : "ascending") : null;
  const arrow = order === null ? "" : order === "descending" ? "↓" : "↑";
  const text = html`<span class="text">${isolateName(name)}</span><span class="arrow"
    aria-hidden="true">${arrow}</span>`;
  return html`<th scope="col" class="number" aria-sort=${order ?? nothing}>
    ${onSort ? html`<button type="button" @click=${() => onSort(nextSort(name, sort))}>${text}</button>` : text}
  </th>`;
}

function drawRow(row: TableRow, input: TableInput): TemplateResult {
  const { onPick, by, table } = input;
  const name = html`<span class="clip" title=${cleanName(row.label)}>${isolateName(row.label)}</span>`;
  return html`<tr>
    <th scope="row">${
      onPick
        ? html`<button type="button" aria-label=${`Filter by ${cleanName(row.label)}`}
          @click=${() => onPick(by ?? "", row.id)}>${name}</button>`
        : name
    }</th>
    ${table.columns.map((column) => drawCell(row.values[column.name], column, rowUnit(column, row, table), input))}
  </tr>`;
}

function columnUnit(column: TableColumn, { rows, total }: WidgetTable): Unit {
  const values = [total, ...rows.map((row) => row.values)].map((of) => of[column.name]);
  return fitDecimals(
    unitOf(column),
    values.map((stats) => stats && currentStats(stats).value),
  );
}

// Of a widget in several currencies each row has its own.
function rowUnit(column: TableColumn, row: TableRow, table: WidgetTable): Unit {
  const unit = columnUnit(column, table);
  return unit.currency === null ? unit : { ...unit, currency: row.currency ?? unit.currency };
}

function drawCell(
  stats: Stats | undefined,
  column: TableColumn,
  unit: Unit,
  { meta, locale }: TableInput,
): TemplateResult {
  if (stats === undefined) return html`<td class="number"></td>`;
  const current = currentStats(stats);
  const change = formatDelta(current, { unit, better: column.better, kind: meta.delta, locale });
  const before = stats.previous === null ? nothing : `before ${formatUnit(current.previous, unit, { locale })}`;
  return html`<td class="number" title=${before}>
    <span class="value">${formatUnit(current.value, unit, { locale })}</span>
    ${
      meta.compare === "off"
        ? nothing
        : html`<span class="change ${change?.tone ?? ""} ${unit.format === "percent" ? "points" : ""}">${
            change
              ? html`<span aria-hidden="true">${change.arrow} ${change.text}</span><span class="spoken">${change.spoken}</span>`
              : ""
          }</span>`
    }
  </td>`;
}

function drawPager({ table, limit, offset, locale, onPage }: TableInput): TemplateResult | typeof nothing {
  if (onPage === undefined || (offset === 0 && table.count <= table.rows.length)) return nothing;
  const write = (value: number): string => formatValue(value, "integer", { locale });
  const last = offset + table.rows.length;
  return html`<div class="pager" role="group" aria-label="Pages">
    <button type="button" ?disabled=${offset <= 0} @click=${() => onPage(Math.max(0, offset - limit))}>Previous</button>
    <span aria-live="polite">${write(Math.min(offset + 1, last))} – ${write(last)} of ${write(table.count)}</span>
    <button type="button" ?disabled=${last >= table.count} @click=${() => onPage(offset + limit)}>Next</button>
  </div>`;
}

const OWN_KEYS = new Set(["id", "values", "permalink"]);
const NAMING_KEYS = ["caption", "title", "name"];

/** The items of a widget in their order: what names each, as a link where it has one, then what is shown of it. */
export function drawItems({
  items,
  title,
  locale,
}: {
  items: readonly Item[];
  title: string;
  locale: string;
}): TemplateResult {
  const [first] = items;
  if (first === undefined) return html``;
  const shown = Object.keys(first).filter((key) => !OWN_KEYS.has(key));
  const naming = NAMING_KEYS.find((key) => shown.includes(key)) ?? "id";
  const others = shown.filter((key) => key !== naming);
  const values = Object.keys(first.values);
  return html`<div class="chart-table"><div class="scroller" tabindex="0" role="region" aria-label=${cleanName(title)}>
    <table>
      <caption>${cleanName(title)}</caption>
      <thead><tr>
        <th scope="col">${humanizeName(naming === "id" ? "item" : naming)}</th>
        ${others.map((key) => html`<th scope="col">${humanizeName(key)}</th>`)}
        ${values.map((key) => html`<th scope="col" class="number">${humanizeName(key)}</th>`)}
      </tr></thead>
      <tbody>${items.map(
        (item) => html`<tr>
        <th scope="row">${drawItemName(item, naming, others)}</th>
        ${others.map((key) => html`<td>${writeProperty(item[key], locale)}</td>`)}
        ${values.map((key) => html`<td class="number">${writeNumber(item.values[key] ?? null, locale)}</td>`)}
      </tr>`,
      )}</tbody>
    </table>
  </div></div>`;
}

function drawItemName(item: Item, naming: string, others: readonly string[]): TemplateResult {
  const name = item[naming];
  // An id of seventeen digits names nothing to a reader.
  const kind = others
    .map((key) => item[key])
    .find((value) => typeof value === "string" && /^[A-Z][A-Z_]+$/.test(value));
  const text =
    naming !== "id" && typeof name === "string" && name !== ""
      ? name
      : `Untitled ${typeof kind === "string" ? humanizeName(kind).toLowerCase() : "item"}`;
  const address = safeAddress(item["permalink"]);
  const clipped = html`<span class="clip" title=${cleanName(text)}>${isolateName(text)}</span>`;
  return address ? html`<a href=${address} target="_blank" rel="noopener noreferrer">${clipped}</a>` : clipped;
}

/** The address where it is of https, else null: it came from outside and may be a script. */
export function safeAddress(text: unknown): string | null {
  if (typeof text !== "string" || !URL.canParse(text)) return null;
  const address = new URL(text);
  return address.protocol === "https:" ? address.href : null;
}

const writeNumber = (value: number | null, locale: string): string =>
  formatValue(value, Number.isInteger(value) ? "integer" : "decimal", { locale });

function writeProperty(value: unknown, locale: string): string {
  if (value === null || value === undefined || value === "") return "";
  if (typeof value === "number") return writeNumber(value, locale);
  const text = String(value);
  if (/^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(text))) return formatDay(text, locale);
  return /^[A-Z][A-Z_]+$/.test(text) ? humanizeName(text) : isolateName(text);
}
