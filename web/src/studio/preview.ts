/** What a draft does to the dashboard: each changed widget before and after, and the difference in numbers. */

import { type TemplateResult, html, nothing } from "lit";
import { guard } from "lit/directives/guard.js";
import { repeat } from "lit/directives/repeat.js";
import type { Widget } from "../api/client";
import { drawTable } from "../charts/chart";
import { cleanName, humanizeName, isolateName } from "../format/names";
import { type Unit, computeDelta, formatDelta, formatHeadline, formatUnit, unitOf } from "../format/numbers";
import { LOCALE, count, unitOfWidget, widgetDelta } from "../parts/text";
import { tick, warning } from "../parts/icons";
import type { Check, Side, TestResult, WidgetChange } from "./server";

const MAX_LINES = 8;
const MAX_ALIKE = 4;
const MAX_ROWS = 5;
const MAX_FAULTS = 3;
/** What floating point alone makes of a value is no change of it. */
const ROUNDING = 1e-9;

const STATUS: Readonly<Record<WidgetChange["status"], string>> = { added: "New", removed: "Gone", renamed: "Renamed", changed: "Changed" };

export function previewList(check: Check, tests: readonly TestResult[]): TemplateResult {
  return html`
    ${hiddenFailures(check, tests)}
    ${repeat(check.changes, ({ key }) => key, (change) => {
      const own = tests.filter(({ metric }) => metric === change.key);
      return html`${guard([JSON.stringify([change, own])], () => changeCard(change, own))}`;
    })}
    ${check.left_out.length === 0
      ? nothing
      : html`<p class="hint">${count(check.left_out.length, "more widget changes", "more widgets change")}: ${check.left_out.join(", ")}</p>`}
  `;
}

function changeCard(change: WidgetChange, tests: readonly TestResult[]): TemplateResult {
  const { key, status, before, after } = change;
  const title = cleanName((after ?? before)?.entry.title ?? key);
  const isSame = status === "changed" && change.changed_values === 0;
  return html`<article class="card change ${status}" data-change=${key} aria-label=${title}>
    <header>
      <h3 class="clip">${title}</h3>
      <code class="muted clip">${key}</code>
      <span class="tag ${status === "added" ? "good" : status === "removed" ? "bad" : ""}">${isSame ? "Same numbers" : STATUS[status]}</span>
    </header>
    ${differences(before?.widget ?? null, after?.widget ?? null)}
    <div class="sides">
      ${before === null ? nothing : side("Before", before, after?.widget ?? null)}
      ${after === null ? nothing : side(before === null ? "As it will be" : "After", after, before?.widget ?? null)}
    </div>
    ${testLines(tests)}
    ${sqlLines(change.sql)}
  </article>`;
}

/** What the metric's own tests say, as `metric-engine test` would. */
function testLines(tests: readonly TestResult[]): TemplateResult | typeof nothing {
  if (tests.length === 0) return nothing;
  const failed = tests.filter(({ faults }) => faults.length > 0);
  if (failed.length === 0) return html`<p class="tests good">${tick}${tests.length === 1 ? "Its test passes" : `Its ${tests.length} tests pass`}</p>`;
  return html`<ul class="tests bad">${failed.map(failure)}</ul>`;
}

const failure = ({ test, faults }: TestResult): TemplateResult =>
  html`<li>${warning}<span><strong>Its test “${test}” fails:</strong> ${faults.slice(0, MAX_FAULTS).join("; ")}${faults.length > MAX_FAULTS ? "; …" : ""}</span></li>`;

/** Failures of metrics that no card stands for, since they are hidden or beyond those that are computed. */
function hiddenFailures({ changes }: Check, tests: readonly TestResult[]): TemplateResult | typeof nothing {
  const failed = tests.filter(({ metric, faults }) => faults.length > 0 && !changes.some(({ key }) => key === metric));
  if (failed.length === 0) return nothing;
  return html`<ul class="card tests bad">${failed.map((each) => html`<li><code>${each.metric}</code></li>${failure(each)}`)}</ul>`;
}

/** One side of a change; its chart has the scale of both, so that what is larger looks so. */
function side(name: string, { entry, widget, problem }: Side, reach: Widget | null): TemplateResult {
  return html`<div class="side" role="group" aria-label=${name}>
    <h4>${name}</h4>
    ${widget === null
      ? html`<p class="empty">${problem}</p>`
      : widget.series.length === 0
        ? html`<p class="empty">Needs ${widget.meta.missing_sources.join(" and ")}, which this account has not connected.</p>`
        : html`<p class="figure"><span class="value">${formatHeadline(widget.stats.value, unitOfWidget(widget), LOCALE)}</span>${widgetDelta(widget)}</p>
            ${widget.table
              ? drawTable({ ...{ table: widget.table, meta: widget.meta, locale: LOCALE, limit: MAX_ROWS, offset: 0 }, heading: humanizeName(entry.rows ?? ""), sort: entry.sort ?? null })
              : html`<chart-box .input=${{ widget, kind: entry.chart, locale: LOCALE, reach }}></chart-box>`}`}
  </div>`;
}

interface Line {
  readonly name: string;
  readonly before: number | null | undefined;
  readonly after: number | null | undefined;
  readonly unit: Unit;
}

/** The numbers that stand for a widget: its own, and those of its series or columns where it has several. */
function listLines(before: Widget | null, after: Widget | null): Line[] {
  const shown = after ?? before;
  if (shown === null) return [];
  if (shown.table) {
    const columns = [...new Map([...(before?.table?.columns ?? []), ...(after?.table?.columns ?? [])].map((column) => [column.name, column])).values()];
    const total = (widget: Widget | null, name: string) => widget?.table?.total[name]?.value;
    const totals = columns.map((column) => ({ name: `Total ${column.name}`, before: total(before, column.name), after: total(after, column.name), unit: unitOf(column) }));
    return [...totals, { name: "Rows", before: before?.table?.count, after: after?.table?.count, unit: COUNT }];
  }
  const whole = { name: "Whole period", before: before?.stats.value, after: after?.stats.value, unit: unitOfWidget(shown) };
  const all = [...(before?.series ?? []), ...(after?.series ?? [])];
  const names = [...new Set(all.map(nameSeries))];
  if (names.length < 2) return [whole];
  const find = (widget: Widget | null, name: string) => widget?.series.find((each) => nameSeries(each) === name);
  const lines = names.map((name) => {
    const series = find(after, name) ?? find(before, name);
    const unit = series === undefined ? whole.unit : unitOf(series);
    return { name: cleanName(series?.name ?? name), before: find(before, name)?.stats.value, after: find(after, name)?.stats.value, unit };
  });
  return [...(shown.series.some(({ stats }) => stats.value === shown.stats.value) ? [] : [whole]), ...lines];
}

const COUNT: Unit = { format: "integer", currency: null, multiple: false };

const nameSeries = ({ id, key, name }: Widget["series"][number]): string => id ?? `${key} ${name}`;

function differences(before: Widget | null, after: Widget | null): TemplateResult | typeof nothing {
  if (before === null || after === null) return nothing;
  const lines = listLines(before, after);
  const others = lines.filter((line) => !isUnchanged(line));
  // Of many numbers those that stay are only counted.
  const shown = (others.length === 0 || lines.length <= MAX_ALIKE ? lines : others).slice(0, MAX_LINES);
  return html`<table class="differences">
    <thead class="unseen"><tr><th scope="col">Number</th><th scope="col">Before</th><th scope="col">After</th><th scope="col">Difference</th></tr></thead>
    <tbody>${shown.map((line) => html`<tr>
      <th scope="row" class="clip">${isolateName(line.name)}</th>
      <td>${formatUnit(line.before, line.unit, { locale: LOCALE })}</td>
      <td class="now">${formatUnit(line.after, line.unit, { locale: LOCALE })}</td>
      <td class="difference">${describeDifference(line)}</td>
    </tr>`)}</tbody>
  </table>
  ${shown.length === lines.length ? nothing : html`<p class="hint">${count(lines.length - others.length, "number")} without change${others.length > shown.length ? `, ${count(others.length - shown.length, "more", "more")} with one` : ""}</p>`}`;
}

const isUnchanged = ({ before, after }: Line): boolean =>
  typeof before === "number" && typeof after === "number" ? Math.abs(after - before) <= ROUNDING * Math.abs(before) : (before ?? null) === (after ?? null);

/** "+12,301 (+8.4%)": what is added, and how much that is of what was there. */
function describeDifference(line: Line): string {
  const { before, after, unit } = line;
  if (isUnchanged(line)) return "no change";
  if (typeof before !== "number") return "new";
  if (typeof after !== "number") return "gone";
  const found = formatDelta(
    { value: after, previous: before, delta: computeDelta(after, before, "relative") },
    { unit, better: "neutral", kind: "relative", locale: LOCALE },
  );
  const sign = after > before ? "+" : "−";
  if (unit.format === "percent") return found === null ? "" : sign + found.text;
  const size = `${sign}${formatUnit(Math.abs(after - before), unit, { locale: LOCALE })}`;
  return found === null ? size : `${size} (${sign}${found.text})`;
}

const sqlLines = (lines: readonly string[]): TemplateResult | typeof nothing =>
  lines.length === 0
    ? nothing
    : html`<details class="sql">
        <summary>What changes in the SQL</summary>
        <pre tabindex="0">${lines.map((line) => html`<span class=${line.startsWith("+") ? "added" : line.startsWith("-") ? "removed" : ""}>${line}\n</span>`)}</pre>
      </details>`;
