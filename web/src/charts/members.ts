/** A breakdown as bars: a member a row, in the order of the numbers shown, with its change. */

import { html, nothing, svg, type TemplateResult } from "lit";
import { formatRange } from "../format/dates.js";
import { formatDelta, formatHeadline, formatUnit } from "../format/numbers.js";
import { cleanName, ellipseName } from "../format/names.js";
import { onPress, type Pick } from "./labels.js";
import { round, type Shape } from "./marks.js";
import { buildModel, comparedRanges, currentStats, type ChartModel, type SeriesModel } from "./model.js";
import { drawTip, hideTip, showTip } from "./reading.js";
import { LABEL_SIZE, measureText, measureWidest } from "./text.js";
import { pickerOf } from "./time-chart.js";
import type { ChartInput } from "./types.js";

const WIDE_ROW = 26;
const NARROW_ROW = 35;
const MAX_ROW = 40;
const BAR = 9;
const GHOST = 3;
const GAP = 10;

interface Row {
  series: SeriesModel;
  value: number | null;
  previous: number | null;
  figure: string;
  change: ReturnType<typeof formatDelta>;
}

interface Columns {
  wide: boolean;
  name: number;
  figure: number;
  change: number;
  left: number;
  right: number;
}

export function drawMembers(model: ChartModel, input: ChartInput): TemplateResult {
  const { width, height, locale } = input;
  const rows = rankMembers(model.series).map((series) => describeRow(series, locale));
  const wide = width >= 380;
  const least = wide ? WIDE_ROW : NARROW_ROW;
  const fit = Math.max(1, Math.floor(height / least));
  const shown = rows.length <= fit ? rows : rows.slice(0, Math.max(1, fit - 1));
  const rest = rows.length - shown.length;
  const each = Math.min(MAX_ROW, Math.max(least, (height - (rest ? ROW_OF_REST : 0)) / Math.max(1, shown.length)));
  const columns = measureColumns(rows, width, wide);
  const others = input.reach ? buildModel({ ...input, widget: input.reach }).series : [];
  const [low, high] = findReach([...rows, ...others.map((series) => describeRow(series, locale))]);
  const x = (value: number): number => columns.left + ((value - low) / (high - low)) * (columns.right - columns.left);
  const label = `${cleanName(model.title)}, ${formatRange(model.range.start, model.range.end, locale)}`;
  const pick = pickerOf(input);
  return html`<svg class="plot members" width=${width} height=${height} viewBox=${`0 0 ${width} ${height}`} role="list"
    aria-label=${label}>
    ${shown.map((row, index) => drawRow(row, { top: index * each, height: each, columns, x, width, model, input, pick }))}
    ${rest ? svg`<g role="listitem"><text class="label quiet" x="0"
      y=${round(shown.length * each + 14)}>${rest} more</text></g>` : nothing}
  </svg>`;
}

const ROW_OF_REST = 20;

/** The largest first by what is shown; the folded rest stays last. */
export function rankMembers(series: readonly SeriesModel[]): SeriesModel[] {
  const value = ({ stats }: SeriesModel): number => currentStats(stats).value ?? -Infinity;
  const rest = series.filter(({ colour }) => colour === 0);
  return [...series.filter(({ colour }) => colour !== 0).sort((one, other) => value(other) - value(one)), ...rest];
}

function describeRow(series: SeriesModel, locale: string): Row {
  const stats = currentStats(series.stats);
  const { unit, better } = series;
  return {
    series,
    value: stats.value,
    previous: stats.previous,
    figure: formatHeadline(stats.value, unit, locale),
    change: formatDelta(stats, { unit, better, kind: series.deltaKind, locale }),
  };
}

const changeText = ({ change }: Row): string => (change ? `${change.arrow} ${change.text}` : "");

function measureColumns(rows: readonly Row[], width: number, wide: boolean): Columns {
  const figure = Math.ceil(Math.max(0, ...rows.map((row) => measureText(row.figure, LABEL_SIZE, 600))));
  const change = Math.ceil(measureWidest(rows.map(changeText), LABEL_SIZE));
  const widest = Math.ceil(
    measureWidest(
      rows.map(({ series }) => cleanName(series.name)),
      LABEL_SIZE,
    ),
  );
  const beside = figure + (change ? change + GAP : 0);
  if (!wide)
    return { wide, figure, change: width < 220 ? 0 : change, name: width - beside - GAP, left: 0, right: width - 1 };
  const name = Math.min(widest, width * 0.36);
  return { wide, figure, change, name, left: name + GAP, right: Math.max(name + GAP + 1, width - beside - GAP) };
}

function findReach(rows: readonly Row[]): [number, number] {
  const values = rows.flatMap(({ value, previous }) => [value ?? 0, previous ?? 0]);
  const [low, high] = [Math.min(0, ...values), Math.max(0, ...values)];
  return low === high ? [0, 1] : [low, high];
}

interface RowPlace {
  top: number;
  height: number;
  columns: Columns;
  x: (value: number) => number;
  width: number;
  model: ChartModel;
  input: ChartInput;
  pick: Pick;
}

function drawRow(row: Row, place: RowPlace): Shape {
  const { top, height, columns, x, width, pick } = place;
  const { series, value, previous } = row;
  const text = columns.wide ? top + height / 2 + 4 : top + 14;
  const middle = columns.wide ? top + height / 2 : top + 25;
  const figureEnd = width - 1 - (columns.change ? columns.change + GAP : 0);
  const member = series.member;
  const choose = pick && member !== null ? (): void => pick(member) : null;
  const name = ellipseName(series.name, columns.name, (each) => measureText(each, LABEL_SIZE));
  const inner = svg`<g aria-hidden="true">
    <text class="label" x="0" y=${round(text)}>${name}</text>
    ${drawBar(x, 0, previous, middle - GHOST / 2 + BAR / 2 + 1, GHOST, "ghost")}
    ${drawBar(x, 0, value, middle - BAR / 2, BAR, `block s${series.colour === 0 ? 0 : 1}`)}
    <text class="label figure" x=${round(figureEnd)} y=${round(text)}>${row.figure}</text>
    ${columns.change ? svg`<text class="label change ${row.change?.tone ?? ""}" x=${width - 1}
      y=${round(text)}>${changeText(row)}</text>` : nothing}
  </g>`;
  const show = (event: Event): void => showRow(event, row, place);
  // What is read lies over what is seen, which a long name would cut short.
  return svg`<g role="listitem">${inner}<rect class="target ${choose ? "pickable" : ""}" tabindex="0"
    role=${choose ? "button" : "img"}
      x="0" y=${round(top)} width=${width} height=${round(height)} rx="4"
      aria-label=${speakRow(row, place) + (choose ? ". Filter by it" : "")}
      @click=${choose ?? nothing} @keydown=${choose ? onPress(choose) : nothing}
      @pointerenter=${show} @pointerleave=${hideRow} @focus=${show} @blur=${hideRow} /></g>`;
}

function drawBar(
  x: (value: number) => number,
  from: number,
  to: number | null,
  top: number,
  height: number,
  name: string,
): Shape {
  if (to === null || to === 0) return nothing;
  const [left, right] = [Math.min(x(from), x(to)), Math.max(x(from), x(to))];
  return svg`<rect class=${name} x=${round(left)} y=${round(top)} width=${round(Math.max(1, right - left))}
    height=${height} rx=${height > 4 ? 2 : 1} />`;
}

function speakRow(row: Row, { input: { locale } }: RowPlace): string {
  const { series, value, previous, change } = row;
  return [
    `${cleanName(series.name)} ${value === null ? "no data" : formatUnit(value, series.unit, { locale })}`,
    ...(previous === null ? [] : [`before ${formatUnit(previous, series.unit, { locale })}`]),
    ...(change ? [change.spoken] : []),
  ].join(", ");
}

function showRow(event: Event, row: Row, { model, input: { locale, widget }, columns }: RowPlace): void {
  const target = event.currentTarget;
  if (!(target instanceof Element)) return;
  if (event.type === "focus" && !target.matches(":focus-visible")) return;
  const tip = target.closest(".chart")?.querySelector<HTMLElement>(".chart-tip");
  const { series, value, previous, change } = row;
  const [range, before] = comparedRanges(widget) ?? [model.range, null];
  const against = before && `against ${formatRange(before.start, before.end, locale)}`;
  const content = drawTip(
    formatRange(range.start, range.end, locale),
    against,
    [
      {
        name: series.name,
        colour: series.colour === 0 ? 0 : 1,
        value: formatUnit(value, series.unit, { locale }),
        previous: before ? formatUnit(previous, series.unit, { locale }) : null,
        change: change ? `${change.arrow} ${change.text}` : null,
        tone: change?.tone ?? "neutral",
        spoken: "",
      },
    ],
    [],
  );
  if (tip) showTip(tip, content, target, columns.wide ? columns.left : 0, "under");
}

function hideRow(event: Event): void {
  const target = event.currentTarget;
  if (target instanceof Element) hideTip(target.closest(".chart")?.querySelector<HTMLElement>(".chart-tip") ?? null);
}
