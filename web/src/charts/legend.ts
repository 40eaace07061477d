/** What the marks of all charts on a page stand for, said once. */

import { html, svg, type TemplateResult } from "lit";
import { formatComparison, formatDay } from "../format/dates.js";
import { traceHatch, type Shape } from "./marks.js";
import { buildModel, comparedRanges } from "./model.js";
import type { Widget } from "./types.js";

interface Explained {
  compared: string | null;
  provisional: string | null;
  gap: boolean;
  cut: boolean;
}

/** What is to be explained of these answers. */
export function explainMarks(widgets: readonly Widget[], locale: string): Explained {
  const models = widgets.map((widget) => buildModel({ widget, kind: null, width: 1, height: 1, locale }));
  const days = widgets
    .filter((_, index) => models[index]?.buckets.some(({ provisional }) => provisional))
    .flatMap(({ meta }) => meta.provisional_from ?? [])
    .sort();
  const ranges = widgets.map(comparedRanges).filter((pair) => pair !== null);
  const same = new Set(ranges.map((pair) => formatComparison(...pair, locale)));
  const buckets = models.flatMap((model) => model.buckets);
  return {
    compared: same.size === 1 ? ([...same][0] ?? null) : same.size > 1 ? "The compared period" : null,
    provisional: days[0] === undefined ? null : `May still change, from ${formatDay(days[0], locale)}`,
    gap: buckets.some(({ gap }) => gap),
    cut: buckets.some(({ cut }) => cut),
  };
}

/** One legend for the page: the names of series stand at the charts. */
export function drawPageLegend(widgets: readonly Widget[], locale: string): TemplateResult {
  const { compared, provisional, gap, cut } = explainMarks(widgets, locale);
  const hatch = traceHatch({ x: 0.5, y: 0.5, width: 17, height: 11 }, 4);
  const entries: [boolean, Shape, string | null][] = [
    [compared !== null, svg`<path class="line before" d="M0 6H18" />`, compared],
    [provisional !== null, svg`<rect class="provisional sample" width="18" height="12" rx="2" />`, provisional],
    [gap, svg`<path class="hatching" d=${hatch} />`, "No data"],
    [cut, svg`<circle class="dot cut s1" cx="9" cy="6" r="3" />`, "Part of a week, month, quarter or year"],
  ];
  return html`<ul class="chart-legend">${entries
    .filter(([shown]) => shown)
    .map(
      ([, sample, text]) => html`<li>
    <span class="chart"><svg width="18" height="12" aria-hidden="true">${sample}</svg></span>${text}
  </li>`,
    )}</ul>`;
}
