/** The shapes of a chart: lines with gaps, columns, stacks. Each takes its scales and gives SVG nodes. */

import { svg } from "./dom.js";
import { stack, sums } from "./scales.js";

const at = (number) => number.toFixed(1);

/** The runs of indices that have a value: a gap parts two runs. */
function runs(values) {
  const found = [];
  values.forEach((value, index) => {
    if (value === null) return;
    if (index === 0 || values[index - 1] === null) found.push([]);
    found.at(-1).push(index);
  });
  return found;
}

const trace = (run, values, x, y) =>
  run.map((index, place) => `${place ? "L" : "M"}${at(x.middle(index))} ${at(y(values[index]))}`).join("");

/** A line that breaks where there is no value, and a dot where a value stands alone. */
export function line(values, { x, y, className }) {
  const all = runs(values);
  const path = all.filter((run) => run.length > 1).map((run) => trace(run, values, x, y)).join("");
  const alone = all.filter((run) => run.length === 1).map(([index]) =>
    svg("circle", { class: `alone ${className}`, cx: at(x.middle(index)), cy: at(y(values[index])), r: 2 }),
  );
  return [path && svg("path", { class: `line ${className}`, d: path }), ...alone].filter(Boolean);
}

/** The tint between a line and zero. */
export function area(values, { x, y, className }) {
  const parts = runs(values).filter((run) => run.length > 1);
  const closed = parts.map((run) => {
    const [first, last] = [run[0], run.at(-1)];
    return `${trace(run, values, x, y)}L${at(x.middle(last))} ${at(y(0))}L${at(x.middle(first))} ${at(y(0))}Z`;
  });
  return closed.length ? [svg("path", { class: `area ${className}`, d: closed.join("") })] : [];
}

/** One column per value. */
export function columns(values, { x, y, className }) {
  return blocks(values.map((value) => (value === null ? null : [0, value])), { x, y, className });
}

/** The members on top of each other, and the whole of the compared period as a dashed step. */
export function stacked(series, { x, y }) {
  const parts = stack(series.map((one) => one.values));
  const nodes = parts.flatMap((spans, index) => blocks(spans, { x, y, className: series[index].colour }));
  return [...nodes, ...steps(wholeBefore(series) ?? [], { x, y, className: "whole" })];
}

/** The sums of the members in the compared period, or null without one. */
export const wholeBefore = (series) =>
  series.every((one) => one.before) ? sums(series.map((one) => one.before)) : null;

/** A dashed line across each band, for what is compared with columns. */
export function steps(values, { x, y, className }) {
  const path = values.map((value, index) => {
    if (value === null) return "";
    const joined = index > 0 && values[index - 1] !== null;
    return `${joined ? "L" : "M"}${at(x.edge(index))} ${at(y(value))}H${at(x.edge(index + 1))}`;
  });
  const d = path.join("");
  return d ? [svg("path", { class: `line before ${className}`, d })] : [];
}

// All columns of a series are one path: a long range stays a handful of nodes.
function blocks(spans, { x, y, className }) {
  const width = Math.max(0.6, Math.min(x.size * 0.72, 34));
  const path = spans.map((span, index) => {
    if (span === null || span[0] === span[1]) return "";
    const [top, bottom] = span.map(y).sort((a, b) => a - b);
    const left = x.middle(index) - width / 2;
    return `M${at(left)} ${at(top)}h${at(width)}V${at(bottom)}h${at(-width)}Z`;
  });
  const d = path.join("");
  return d ? [svg("path", { class: `block ${className}`, d })] : [];
}
