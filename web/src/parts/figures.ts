/** The figures of a widget: its value, its change, and how far it is to its target. */

import { type TemplateResult, html, nothing } from "lit";
import type { Widget } from "../api/client";
import { drawSparkline } from "../charts/sparkline";
import { MIXED_CURRENCY, formatUnit, formatValue } from "../format/numbers";
import { LOCALE, headline, previous, toDateNote, unitOfWidget, widgetDelta } from "./text";

const SPARK = { width: 200, height: 34 };

/** Value and change in a line, with the days that they compare where these are not the whole window. */
export function figure(widget: Widget): TemplateResult {
  const before = previous(widget);
  const days = toDateNote(widget);
  return html`<p class="figure" part="figure">
    <span class="value" part="value">${headline(widget)}</span>
    ${widgetDelta(widget)}
    ${before === null ? nothing : html`<span class="muted">from ${before}</span>`}
    ${days === null ? nothing : html`<span class="muted">${days}</span>`}
    ${widget.meta.currency === MIXED_CURRENCY ? html`<span class="muted">in several currencies, which are not added</span>` : nothing}
  </p>`;
}

/** The same at a glance, with the line of its days. */
export function glance(widget: Widget, aside: unknown = nothing): TemplateResult {
  const before = previous(widget);
  return html`
    <p class="figure" part="figure"><span class="value" part="value">${headline(widget)}</span></p>
    <p class="change" title=${toDateNote(widget) ?? nothing}>${widgetDelta(widget)}${before === null ? nothing : html`<span class="muted">from ${before}</span>`}</p>
    ${aside}
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
