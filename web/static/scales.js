/** From values to pixels. */

const STEPS = [1, 2, 2.5, 5, 10];

/** Round values that hold lo and hi, some `count` of them. `whole` keeps the step a whole number. */
export function ticks(lo, hi, count, whole) {
  const rough = (hi - lo || 1) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  let step = STEPS.find((candidate) => candidate * power >= rough * 0.999) * power;
  if (whole) step = Math.max(1, Math.ceil(step));
  const first = Math.floor(lo / step + 1e-9);
  const last = Math.max(first + 1, Math.ceil(hi / step - 1e-9));
  return { step, values: Array.from({ length: last - first + 1 }, (_, index) => (first + index) * step) };
}

/** The least and the greatest value to show; from zero on, unless lines all lie far above it. */
export function extent(values, mayLeaveZero) {
  const known = values.filter((value) => value !== null);
  const [lo, hi] = [Math.min(...known), Math.max(...known)];
  if (!known.length) return [0, 1];
  if (mayLeaveZero && lo > 0 && lo > hi * 0.6) {
    const margin = (hi - lo || hi * 0.1) * 0.2;
    return [lo - margin, hi + margin];
  }
  return [Math.min(0, lo), lo === 0 && hi === 0 ? 1 : Math.max(0, hi)];
}

export const linear = (d0, d1, r0, r1) => (value) => r0 + ((value - d0) / (d1 - d0)) * (r1 - r0);

/** `count` bands side by side: where each begins, its middle, and which one a position lies in. */
export function bands(count, left, width) {
  const size = width / Math.max(1, count);
  return {
    size,
    edge: (index) => left + index * size,
    middle: (index) => left + (index + 0.5) * size,
    at: (position) => Math.min(count - 1, Math.max(0, Math.floor((position - left) / size))),
  };
}

/** Stacked parts: for each value where it begins and ends, negative ones downwards. */
export function stack(series) {
  const totals = [];
  return series.map((values) =>
    values.map((value, index) => {
      totals[index] ??= { above: 0, below: 0 };
      if (value === null) return null;
      const side = value < 0 ? "below" : "above";
      const from = totals[index][side];
      totals[index][side] += value;
      return [from, totals[index][side]];
    }),
  );
}

/** The sums by index; null where no series has a value. */
export function sums(series) {
  return (series[0] ?? []).map((_, index) => {
    const known = series.map((values) => values[index]).filter((value) => value !== null);
    return known.length ? known.reduce((total, value) => total + value, 0) : null;
  });
}
