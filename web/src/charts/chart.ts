/** An answer as a chart, by the catalog's kind and the shape of what came. */

import { html, type TemplateResult } from "lit";
import { formatRange } from "../format/dates.js";
import { MIXED_CURRENCY } from "../format/numbers.js";
import { drawNumber, drawPairs } from "./figure.js";
import { drawMembers } from "./members.js";
import { buildModel, type ChartModel } from "./model.js";
import { drawTimeChart } from "./time-chart.js";
import type { ChartInput } from "./types.js";

export type { ChartInput, ChartKind } from "./types.js";
export { drawSparkline } from "./sparkline.js";
export { drawPageLegend } from "./legend.js";
export { comparedRanges, currentStats } from "./model.js";
export { drawItems, drawTable, type TableInput } from "./table.js";

/** The chart of an answer in a box of `width` by `height`. Its styles are those of charts.css. */
export function drawChart(input: ChartInput): TemplateResult {
  const box = { ...input, width: Math.max(1, Math.floor(input.width)), height: Math.max(1, Math.floor(input.height)) };
  const model = buildModel(box);
  return html`<div class="chart">
    ${drawKind(model, box)}
    <div class="chart-tip" popover="manual" aria-hidden="true"></div>
  </div>`;
}

function drawKind(model: ChartModel, input: ChartInput): TemplateResult {
  switch (model.kind) {
    case "nothing":
      return drawNothing(model, input.locale);
    case "number":
      return drawNumber(model, input);
    case "pair":
      return drawPairs(model, input);
    case "members":
      return drawMembers(model, input);
    default:
      return drawTimeChart(model, input);
  }
}

function drawNothing({ meta, range }: ChartModel, locale: string): TemplateResult {
  const text =
    meta.currency === MIXED_CURRENCY
      ? "Several currencies, which are not added up."
      : `No data, ${formatRange(range.start, range.end, locale)}.`;
  return html`<p class="chart-nothing">${text}</p>`;
}
