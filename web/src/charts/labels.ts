/** The names of series: at the ends of their lines where there is room, else in rows above the plot. */

import { nothing, svg } from "lit";
import { cleanName, ellipseName } from "../format/names.js";
import { round, type Shape } from "./marks.js";
import type { SeriesModel } from "./model.js";
import { LABEL_SIZE, measureText } from "./text.js";

export const ROW = 18;
const SWATCH = 14;
const GAP = 16;
const LINE = 15;

export type Pick = ((member: string) => void) | null;

const measure = (text: string): number => measureText(text, LABEL_SIZE);

export interface EndLabel {
  series: SeriesModel;
  text: string;
  y: number;
}

/** The width that the names take beside the plot; 0 where there is no room for each of them. */
export function endLabelWidth(series: readonly SeriesModel[], width: number, height: number): number {
  if (width < 440 || series.length < 2 || series.length * LINE > height) return 0;
  const widest = Math.max(...series.map(({ name }) => measure(cleanName(name))));
  return Math.ceil(Math.min(widest, Math.max(110, width * 0.25))) + SWATCH + 8;
}

/** Labels at the heights wanted, moved apart where they would overlap. */
export function placeEndLabels(
  wanted: readonly { series: SeriesModel; y: number }[],
  room: number,
  top: number,
  bottom: number,
): EndLabel[] {
  const sorted = [...wanted].sort((one, other) => one.y - other.y);
  const places = sorted.map(({ y }) => y);
  places.forEach((y, index) => {
    places[index] = Math.max(y, index === 0 ? top : (places[index - 1] ?? top) + LINE);
  });
  for (let index = places.length - 1; index >= 0; index -= 1) {
    const most = index === places.length - 1 ? bottom : (places[index + 1] ?? bottom) - LINE;
    places[index] = Math.min(places[index] ?? most, most);
  }
  return sorted.map(({ series }, index) => ({
    series,
    text: ellipseName(series.name, room - SWATCH, measure),
    y: places[index] ?? bottom,
  }));
}

export const drawEndLabels = (labels: readonly EndLabel[], x: number, pick: Pick): Shape =>
  svg`${labels.map(({ series, text, y }) => drawName(series, text, x, y, pick))}`;

export interface LegendEntry {
  series: SeriesModel;
  text: string;
  x: number;
  row: number;
}

/** Names in rows of `width`, at most `rows` of them; how many are left out. */
export function placeLegend(
  series: readonly SeriesModel[],
  width: number,
  rows: number,
): { entries: LegendEntry[]; left: number } {
  const entries: LegendEntry[] = [];
  const most = Math.max(48, Math.min(180, width * 0.45)) - SWATCH;
  let [x, row] = [0, 0];
  for (const one of series) {
    const text = ellipseName(one.name, most, measure);
    const size = SWATCH + Math.min(most, measure(cleanName(one.name)));
    if (x > 0 && x + size > width) [x, row] = [0, row + 1];
    // The last row keeps room to say how many more there are.
    const rest = series.length - entries.length - 1;
    if (row >= rows || (row === rows - 1 && rest > 0 && x + size > width - 36)) break;
    entries.push({ series: one, text, x, row });
    x += size + GAP;
  }
  return { entries, left: series.length - entries.length };
}

export function drawLegend(
  legend: { entries: LegendEntry[]; left: number },
  x: number,
  top: number,
  pick: Pick,
): Shape {
  const last = legend.entries.at(-1);
  const end = last ? last.x + SWATCH + measure(last.text) + GAP : 0;
  return svg`
    ${legend.entries.map(({ series, text, x: left, row }) => drawName(series, text, x + left, top + row * ROW + 8, pick))}
    ${legend.left > 0 && last ? svg`<text class="label quiet" x=${round(x + end)}
      y=${top + last.row * ROW + 12}>+${legend.left}</text>` : nothing}
  `;
}

/** A name with its colour; a button where it can be picked. */
function drawName(series: SeriesModel, text: string, x: number, y: number, pick: Pick): Shape {
  const { member, name, colour } = series;
  const title = svg`<title>${cleanName(name)}</title>`;
  const inner = svg`<g aria-hidden="true">
    <rect class="swatch s${colour}" x=${round(x)} y=${round(y - 4.5)} width="9" height="9" rx="2.5" />
    <text class="label" x=${round(x + SWATCH)} y=${round(y + 4)}>${text}</text>
  </g>`;
  if (pick === null || member === null) return svg`<g role="img" aria-label=${cleanName(name)}>${title}${inner}</g>`;
  const choose = (): void => pick(member);
  return svg`<g>${inner}<rect class="target pickable" role="button" tabindex="0"
    aria-label=${`${cleanName(name)}, filter by it`}
      x=${round(x - 3)} y=${round(y - 8)} width=${round(measure(text) + SWATCH + 8)} height="16" rx="4"
      @click=${choose} @keydown=${onPress(choose)}>${title}</rect></g>`;
}

/** A handler of Enter and Space, as a button has it. */
export const onPress =
  (choose: () => void) =>
  (event: KeyboardEvent): void => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    choose();
  };
