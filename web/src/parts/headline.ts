/** A figure at a glance: value, change, target and the line of its days; a click makes it the large chart. */

import { type TemplateResult, html, nothing } from "lit";
import type { Entry, Widget } from "../api/client";
import { drawSparkline } from "../charts/sparkline";
import { cleanName } from "../format/names";
import { formatUnit, formatValue } from "../format/numbers";
import { chooseTrend } from "../state/actions";
import { type State, findTrend } from "../state/store";
import { LOCALE, headline, previous, toDateNote, unitOfWidget, widgetDelta } from "./text";
import { isOld, missing, tags } from "./tile";

const SPARK = { width: 200, height: 34 };

export function headlineTile(state: State, entry: Entry): TemplateResult {
  const found = state.tiles.get(entry.key);
  const title = cleanName(entry.title);
  const isTrend = findTrend(state) === entry.key;
  const widget = found?.widget ?? null;
  return html`<article class="card headline ${isOld(state, found) ? "old" : ""} ${isTrend ? "chosen" : ""}" data-key=${entry.key}>
    <button type="button" class="cover" aria-pressed=${isTrend} aria-label="${title}: show it large" title=${entry.description} @click=${() => chooseTrend(entry.key)}></button>
    <header><h3 class="clip">${title}</h3>${tags(state, found)}</header>
    ${found === undefined
      ? html`<div class="bone" aria-hidden="true"></div>`
      : widget === null
        ? html`<p class="empty">${found.problem}</p>`
        : widget.series.length === 0
          ? missing(state, entry, widget)
          : figure(widget)}
  </article>`;
}

function figure(widget: Widget): TemplateResult {
  const days = toDateNote(widget);
  const before = previous(widget);
  return html`
    <p class="figure"><span class="value">${headline(widget)}</span></p>
    <p class="change" title=${days ?? nothing}>${widgetDelta(widget)}${before === null ? nothing : html`<span class="muted">from ${before}</span>`}</p>
    ${target(widget)}
    <div class="sparkline" aria-hidden="true">${drawSparkline(widget.series[0]?.points ?? [], SPARK.width, SPARK.height)}</div>
  `;
}

/** How far it is to what it should come to. */
export function target(widget: Widget): TemplateResult | typeof nothing {
  const { target: goal } = widget;
  if (!goal || goal.value === null || goal.progress === null) return nothing;
  const value = formatUnit(goal.value, unitOfWidget(widget), { locale: LOCALE, compact: true });
  const share = formatValue(goal.progress, "percent", { locale: LOCALE, decimals: 0 });
  return html`<p class="target"><progress max="1" value=${Math.min(1, Math.max(0, goal.progress))} aria-label="Share of the target"></progress>
    <span class="muted">${share} of ${value}</span></p>`;
}
