/** A single number, with its change and what it is compared with; of one bucket as a pair of bars. */

import { html, nothing, svg, type TemplateResult } from "lit";
import { formatComparison, formatRange, type DayRange } from "../format/dates.js";
import { formatDelta, formatHeadline, formatUnit } from "../format/numbers.js";
import { cleanName, ellipseName } from "../format/names.js";
import { round, type Shape } from "./marks.js";
import { comparedRanges, currentStats, type ChartModel, type SeriesModel } from "./model.js";
import { LABEL_SIZE, measureText, measureWidest } from "./text.js";
import type { ChartInput } from "./types.js";

const MAX_FIGURE = 46;
const MIN_FIGURE = 14;

/** The number as large as the box lets it be. */
export function drawNumber(model: ChartModel, input: ChartInput): TemplateResult {
  const { width, height, locale, widget } = input;
  const stats = currentStats(widget.stats);
  const first = model.series[0];
  const unit = model.breakdown || model.series.length < 2 ? first?.unit : undefined;
  const shown = unit ?? { format: model.meta.format, currency: model.meta.currency, multiple: false };
  const figure = formatHeadline(stats.value, shown, locale);
  const change = formatDelta(stats, { unit: shown, better: model.meta.better, kind: model.meta.delta, locale });
  const ranges = comparedRanges(widget);
  const compared = ranges
    ? formatComparison(...ranges, locale)
    : formatRange(model.range.start, model.range.end, locale);
  const size = Math.max(MIN_FIGURE, Math.min(MAX_FIGURE, height * 0.38, (width / measureText(figure, 100, 600)) * 100));
  const lines = height >= size + 22 ? (height >= size + 44 ? 2 : 1) : 0;
  const top = (height - size - lines * 20) / 2 + size * 0.8;
  const words = [figure, ...(change ? [change.spoken] : []), compared].join(", ");
  return html`<svg class="plot" width=${width} height=${height} viewBox=${`0 0 ${width} ${height}`} role="img"
      aria-label=${`${cleanName(model.title)}: ${words}`}>
    <title>${formatUnit(stats.value, shown, { locale })}</title>
    <g font-size=${round(size)}><text class="number" x="0" y=${round(top)}>${figure}</text></g>
    ${lines > 0 && change ? svg`<text class="label change start ${change.tone}" x="0"
      y=${round(top + 22)}>${change.arrow} ${change.text}</text>` : nothing}
    ${lines > 1 ? svg`<text class="label quiet" x="0"
      y=${round(top + 42)}>${fitText(compared, width)}</text>` : nothing}
  </svg>`;
}

const fitText = (text: string, room: number): string =>
  ellipseName(text, room, (each) => measureText(each, LABEL_SIZE));

/** One bucket: bars for it and for what it is compared with, and of several series the number of each. */
export function drawPairs(model: ChartModel, input: ChartInput): TemplateResult {
  const { width, height, locale, widget } = input;
  const ranges = comparedRanges(widget);
  const [range, before] = ranges ?? [model.range, null];
  const each = Math.min(150, height / Math.max(1, model.series.length));
  const label = `${cleanName(model.title)}, ${ranges ? formatComparison(...ranges, locale) : formatRange(range.start, range.end, locale)}`;
  const top = Math.max(0, (height - each * model.series.length) / 2);
  return html`<svg class="plot" width=${width} height=${height} viewBox=${`0 0 ${width} ${height}`} role="list"
    aria-label=${label}>
    ${model.series.map((series, index) => drawPair(series, { model, range, before, top: top + index * each, height: each, width, locale }))}
  </svg>`;
}

interface PairPlace {
  model: ChartModel;
  range: DayRange;
  before: DayRange | null;
  top: number;
  height: number;
  width: number;
  locale: string;
}

const ROW = 24;
const MAX_ROW = 60;
/** Of a row, what its bar takes. */
const THICKNESS = 0.6;
const MIN_NAME = 80;

function drawPair(series: SeriesModel, place: PairPlace): Shape {
  const { model, range, before, top, height, width, locale } = place;
  const stats = currentStats(series.stats);
  const { unit, better } = series;
  const change = formatDelta(stats, { unit, better, kind: series.deltaKind, locale });
  const figure = formatHeadline(stats.value, unit, locale);
  const bars = before ? 2 : 1;
  const size = Math.max(MIN_FIGURE, Math.min(34, height - bars * ROW - 14));
  // The number of a single series stands above the chart already.
  const shown = model.series.length > 1 && height >= bars * ROW + MIN_FIGURE + 6;
  const room = shown ? size + 12 : 0;
  const after = measureText(figure, size, 600) + 10;
  const name = model.series.length > 1 ? fitText(series.name, Math.max(0, width - after - (change ? 76 : 0))) : "";
  const row = Math.min(MAX_ROW, Math.max(ROW, (height - room) / (bars + 1)));
  const begin = top + (height - room - bars * row) / 2;
  const texts = [range, ...(before ? [before] : [])].map(({ start, end }) => formatRange(start, end, locale));
  // Where there is no room for a line of its own, the name stands at its bar.
  if (model.series.length > 1 && !shown) texts[0] = fitText(series.name, Math.max(MIN_NAME, width * 0.3));
  const gutter = width < 260 ? 0 : Math.ceil(measureWidest(texts, LABEL_SIZE)) + 12;
  const figures = [formatUnit(stats.value, unit, { locale }), formatUnit(stats.previous, unit, { locale })];
  const right = Math.ceil(Math.max(...figures.slice(0, bars).map((text) => measureText(text, LABEL_SIZE, 600)))) + 8;
  const most = Math.max(Math.abs(stats.value ?? 0), Math.abs(stats.previous ?? 0)) || 1;
  const reach = Math.max(1, width - gutter - right);
  const spoken = [
    `${cleanName(series.name)} ${figures[0] ?? ""}`,
    ...(before ? [`before ${figures[1] ?? ""}`] : []),
    ...(change ? [change.spoken] : []),
  ].join(", ");
  return svg`<g role="listitem"><g aria-hidden="true">
    ${
      shown
        ? svg`
      <g font-size=${round(size)}><text class="number" x="0" y=${round(begin + size * 0.86)}>${figure}</text></g>
      ${change ? svg`<text class="label change start ${change.tone}" x=${round(after)}
        y=${round(begin + size * 0.86)}>${change.arrow} ${change.text}</text>` : nothing}
      ${name ? svg`<text class="label quiet end" x=${width - 1}
        y=${round(begin + size * 0.86)}>${name}</text>` : nothing}`
        : nothing
    }
    ${[stats.value, ...(before ? [stats.previous] : [])].map((value, index) => {
      const y = begin + room + index * row;
      const middle = round(y + row * THICKNESS / 2 + 4);
      const length = (Math.abs(value ?? 0) / most) * reach;
      return svg`
        ${gutter ? svg`<text class="label quiet" x="0" y=${middle}>${texts[index]}</text>` : nothing}
        ${value ? svg`<rect class=${index === 0 ? `block s${series.colour}` : "ghost"} x=${gutter} y=${round(y)}
          width=${round(Math.max(1, length))} height=${round(row * THICKNESS)} rx="2" />` : nothing}
        <text class="label figure start" x=${round(gutter + length + 8)} y=${middle}>${figures[index]}</text>`;
    })}
  </g><rect class="target" role="img" tabindex="0" aria-label=${spoken} x="0" y=${round(top)} width=${width}
    height=${round(Math.max(0, height - 2))} rx="4" /></g>`;
}
