/** The value axis: where it begins and ends, its ticks, and whether it is cut. */

import { scaleLinear, type ScaleLinear } from "d3-scale";
import { formatUnit, type Unit } from "../format/numbers.js";

export interface ValueAxis {
  scale: ScaleLinear<number, number>;
  ticks: number[];
  labels: string[];
  /** The axis does not reach to zero, and a mark has to say so. */
  cut: boolean;
}

// A rate that moves less than this part of itself is drawn as the flat line that it is.
const MIN_EXTENT = 0.2;
const PIXELS_PER_TICK = 44;

/** Whether the axis of such values may leave zero: that of a rate may, that of an amount never. */
export const mayBeCut = (unit: Unit): boolean => unit.format === "percent";

/** The axis of the values from `bottom` up to `top`. Bars and areas measure from zero whatever they show. */
export function buildValueAxis(
  values: readonly (number | null)[],
  options: { unit: Unit; fromZero: boolean; top: number; bottom: number; locale: string },
): ValueAxis {
  const { unit, top, bottom } = options;
  const [low, high] = findExtent(values, !options.fromZero && mayBeCut(unit));
  const count = Math.max(2, Math.min(6, Math.round((bottom - top) / PIXELS_PER_TICK)));
  const step = chooseStep(low, high, count, unit);
  // Whole multiples of the step, so that no rounding of floating point shows.
  const first = Math.floor(low / step + 1e-9);
  const last = Math.max(first + 1, Math.ceil(high / step - 1e-9));
  const ticks = Array.from({ length: last - first + 1 }, (_, index) =>
    Number(((first + index) * step).toPrecision(12)),
  );
  const scale = scaleLinear([ticks[0] ?? 0, ticks.at(-1) ?? 1], [bottom, top]);
  return { scale, ticks, labels: labelTicks(ticks, step, unit, options.locale), cut: first > 0 || last < 0 };
}

/** The least and the greatest value to show, at least a little apart. */
export function findExtent(values: readonly (number | null)[], cuts: boolean): [number, number] {
  const known = values.filter((value): value is number => value !== null && Number.isFinite(value));
  if (known.length === 0) return [0, 1];
  const [low, high] = known.reduce(
    ([least, most], value) => [Math.min(least, value), Math.max(most, value)],
    [Infinity, -Infinity],
  );
  if (!cuts) return low === 0 && high === 0 ? [0, 1] : [Math.min(0, low), Math.max(0, high)];
  const least = Math.max(Math.abs(low), Math.abs(high)) * MIN_EXTENT;
  if (high - low >= least) return [low, high];
  if (least === 0) return [0, 0.01];
  const middle = (low + high) / 2;
  return [middle - least / 2, middle + least / 2];
}

const STEPS = [1, 2, 2.5, 5, 10];

function chooseStep(low: number, high: number, count: number, unit: Unit): number {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = (STEPS.find((each) => each * power >= rough * (1 - 1e-9)) ?? 10) * power;
  if (unit.format === "duration") return DURATION_STEPS.find((each) => each >= rough) ?? Math.ceil(rough / 3600) * 3600;
  return unit.format === "integer" ? Math.max(1, Math.ceil(step - 1e-9)) : step;
}

const DURATION_STEPS = [1, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400];

/** The ticks, as short as their step allows, no two alike. */
function labelTicks(ticks: number[], step: number, unit: Unit, locale: string): string[] {
  const most = Math.max(...ticks.map(Math.abs));
  const compact = most >= 1e4 && unit.format !== "percent" && unit.format !== "duration";
  const write = (decimals: number): string[] =>
    ticks.map((value) =>
      formatUnit(value, unit, { locale, ...(unit.format === "duration" ? {} : { decimals }), compact }),
    );
  const thousands = compact ? 1000 ** Math.floor(Math.log10(most) / 3 + 1e-9) : 1;
  let decimals = countDecimals((unit.format === "percent" ? step * 100 : step) / thousands);
  if (unit.format === "currency" && !compact && decimals === 1) decimals = 2;
  let labels = write(decimals);
  while (new Set(labels).size < labels.length && decimals < 8) labels = write((decimals += 1));
  return labels;
}

/** How many decimals the step needs: none for 20, two for 0.25. */
function countDecimals(step: number): number {
  let decimals = 0;
  while (
    decimals < 8 &&
    Math.abs(step * 10 ** decimals - Math.round(step * 10 ** decimals)) > 1e-6 * step * 10 ** decimals
  ) {
    decimals += 1;
  }
  return decimals;
}
