/** Charts over time as inline SVG: axes, marks, shading, and a cursor that mouse, touch and keys can move. */

import { shortDay, span, tickLabel } from "./dates.js";
import { h, svg } from "./dom.js";
import { axis, exact, headline } from "./format.js";
import * as marks from "./marks.js";
import { bands, extent, linear, sums, ticks } from "./scales.js";

const AXIS = 20;
const TOP = 8;
const NAME = 24;
const LETTER = 6.3;
const LEAST_PANEL = 74;

/** A box with the chart, which fills it and is drawn again whenever its size changes. `label` says what it shows. */
export function chart(model, label) {
  const box = h("div", { class: "chart" });
  const tip = h("div", { class: "tip", hidden: true });
  let drawn = "";
  box.style.minHeight = `${AXIS + model.panels.length * LEAST_PANEL}px`;
  new ResizeObserver(([{ contentRect }]) => {
    const [width, height] = [Math.floor(contentRect.width), Math.floor(contentRect.height)];
    if (width < 40 || drawn === `${width} ${height}`) return;
    drawn = `${width} ${height}`;
    box.replaceChildren(draw(model, { width, height, label, tip, box }), tip);
  }).observe(box);
  return box;
}

function draw(model, { width, height, label, tip, box }) {
  const panels = stackPanels(model, height);
  const gutter = Math.max(...panels.flatMap((panel) => panel.labels.map((text) => text.length))) * LETTER + 10;
  const x = bands(model.buckets.length, gutter, width - gutter - 2);
  const root = svg("svg", { class: "plot", width, height, viewBox: `0 0 ${width} ${height}` });
  const bottom = height - AXIS;
  for (const panel of panels) root.append(...drawPanel(panel, { model, x, gutter, width }));
  root.append(...timeAxis(model, { x, bottom, width }));
  cursor(root, { model, panels, x, bottom, tip, box, label });
  return root;
}

/** Each panel with its scale and its place from top to bottom. */
function stackPanels(model, height) {
  const each = (height - AXIS) / model.panels.length;
  return model.panels.map((series, index) => {
    const top = index * each + (model.named ? NAME : TOP);
    const bottom = (index + 1) * each - (index + 1 < model.panels.length ? 10 : 0);
    const { unit } = series[0];
    const values = model.kind === "stacked" ? wholes(series) : series.flatMap((one) => [...one.values, ...(one.before ?? [])]);
    const [lo, hi] = extent(values, model.kind === "lines");
    const marked = ticks(lo, hi, Math.max(2, Math.round((bottom - top) / 42)), unit.format === "integer");
    const y = linear(marked.values[0], marked.values.at(-1), bottom, top);
    const labels = axis(marked.values, unit, marked.step);
    return { series, top, bottom, y, marked, labels };
  });
}

function wholes(series) {
  const parts = series.map((one) => one.values);
  const side = (keep) => sums(parts.map((values) => values.map((value) => (value !== null && keep(value) ? value : 0))));
  return [...side((value) => value > 0), ...side((value) => value < 0), ...(marks.wholeBefore(series) ?? [])];
}

function drawPanel(panel, { model, x, gutter, width }) {
  const { series, top, bottom, y, marked, labels } = panel;
  const crowded = (bottom - top) / (marked.values.length - 1) < 20;
  const nodes = [];
  if (model.shadeFrom !== null) {
    const left = x.edge(model.shadeFrom);
    nodes.push(svg("rect", { class: "shade", x: left, y: top, width: x.edge(model.buckets.length) - left, height: bottom - top }));
  }
  marked.values.forEach((value, index) => {
    const place = Math.round(y(value)) + 0.5;
    nodes.push(svg("line", { class: value === 0 ? "zero" : "rule", x1: gutter, x2: width, y1: place, y2: place }));
    // Where there is no room for every label, the outer ones do.
    if (crowded && index % (marked.values.length - 1)) return;
    nodes.push(svg("text", { class: "tick", x: gutter - 8, y: place + 3.5, "text-anchor": "end" }, labels[index]));
  });
  if (model.named) nodes.push(...panelName(series[0], top - NAME, width));
  return [...nodes, ...drawMarks(panel, { model, x })];
}

function panelName({ name, colour, stats, unit }, top, width) {
  return [
    svg("circle", { class: `dot ${colour}`, cx: 4, cy: top + 7, r: 3.5 }),
    svg("text", { class: "name", x: 13, y: top + 11 }, name),
    svg("text", { class: "figure", x: width, y: top + 11, "text-anchor": "end" }, headline(stats.value, unit)),
  ];
}

function drawMarks({ series, y, marked }, { model, x }) {
  if (model.kind === "stacked") return marks.stacked(series, { x, y });
  const zero = marked.values[0] <= 0;
  return series.flatMap(({ values, before, colour }) => {
    const place = { x, y, className: colour };
    if (model.kind === "columns") {
      return [...marks.columns(values, place), ...(before ? marks.steps(before, { ...place, className: "whole" }) : [])];
    }
    return [
      ...(zero && series.length === 1 ? marks.area(values, place) : []),
      ...(before ? marks.line(before, { ...place, className: `before ${colour}` }) : []),
      ...marks.line(values, place),
    ];
  });
}

function timeAxis({ buckets, grain }, { x, bottom, width }) {
  const years = new Set(buckets.map((bucket) => bucket.t.slice(0, 4))).size > 1;
  const texts = buckets.map((bucket) => tickLabel(bucket.t, grain, years));
  const room = Math.max(...texts.map((text) => text.length)) * LETTER + 14;
  const every = Math.max(1, Math.ceil(room / x.size));
  return texts.flatMap((text, index) => {
    if (index % every) return [];
    const half = (text.length * LETTER) / 2;
    const middle = Math.min(x.middle(index), width - half);
    return [svg("text", { class: "tick", x: middle, y: bottom + 15, "text-anchor": "middle" }, text)];
  });
}

/** The reading of one bucket: a rule through it, dots on its values, and its figures in words. */
function cursor(root, { model, panels, x, bottom, tip, box, label }) {
  const last = model.buckets.length - 1;
  const rule = svg("line", { class: "cursor", y1: 0, y2: bottom });
  const dots = model.kind === "lines" ? panels.flatMap(({ series, y }) => series.map((one) => dotOf(one, y))) : [];
  const layer = svg("g", { class: "reading" }, rule, dots.map((dot) => dot.node));
  layer.setAttribute("visibility", "hidden");
  root.append(layer);
  let index = last;

  const show = (to) => {
    index = Math.min(last, Math.max(0, to));
    const middle = x.middle(index);
    rule.setAttribute("x1", middle);
    rule.setAttribute("x2", middle);
    for (const dot of dots) dot.move(middle, index);
    layer.setAttribute("visibility", "visible");
    root.setAttribute("aria-valuenow", index + 1);
    root.setAttribute("aria-valuetext", spoken(model, index));
    tip.replaceChildren(...tipContent(model, index));
    tip.hidden = false;
    const beside = middle + 12 + tip.offsetWidth > box.clientWidth ? middle - 12 - tip.offsetWidth : middle + 12;
    tip.style.transform = `translate(${Math.round(Math.max(0, Math.min(beside, box.clientWidth - tip.offsetWidth)))}px, 0)`;
  };
  const hide = () => {
    layer.setAttribute("visibility", "hidden");
    tip.hidden = true;
  };
  const point = (event) => show(x.at(event.clientX - root.getBoundingClientRect().left));

  const attributes = { role: "slider", tabindex: 0, "aria-label": label, "aria-valuemin": 1, "aria-valuemax": last + 1 };
  for (const [name, value] of Object.entries(attributes)) root.setAttribute(name, value);
  root.setAttribute("aria-valuenow", index + 1);
  root.setAttribute("aria-valuetext", spoken(model, index));
  root.addEventListener("pointermove", point);
  root.addEventListener("pointerdown", point);
  root.addEventListener("pointerleave", hide);
  root.addEventListener("focus", () => root.matches(":focus-visible") && show(index));
  root.addEventListener("blur", hide);
  root.addEventListener("keydown", (event) => {
    const to = { ArrowLeft: index - 1, ArrowDown: index - 1, ArrowRight: index + 1, ArrowUp: index + 1, Home: 0, End: last }[event.key];
    if (event.key === "Escape") hide();
    if (to === undefined) return;
    event.preventDefault();
    show(to);
  });
}

function dotOf({ values, colour }, y) {
  const node = svg("circle", { class: `dot ${colour}`, r: 3.5 });
  const move = (middle, index) => {
    const value = values[index];
    node.setAttribute("visibility", value === null ? "hidden" : "inherit");
    node.setAttribute("cx", middle);
    node.setAttribute("cy", value === null ? 0 : y(value));
  };
  return { node, move };
}

/** The series as the tip lists them; a stack also has its whole. */
function readings(model, index) {
  const rows = model.series.map((one) => ({ ...one, now: one.values[index], then: one.before?.[index] ?? null }));
  if (model.kind !== "stacked" || rows.length < 2) return rows;
  const whole = { name: "Total", colour: "none", unit: rows[0].unit, before: rows[0].before };
  const [now] = sums(rows.map((row) => [row.now]));
  const [then] = sums(rows.map((row) => [row.then]));
  return [...rows.filter((row) => row.now || row.then), { ...whole, now, then }];
}

function tipContent(model, index) {
  const bucket = model.buckets[index];
  const shaded = model.shadeFrom !== null && index >= model.shadeFrom;
  const rows = readings(model, index).map(({ name, colour, unit, before, now, then }) =>
    h("tr", {},
      h("th", { scope: "row" }, h("span", { class: `swatch ${colour}` }), name),
      h("td", {}, exact(now, unit)),
      before && h("td", { class: "then" }, exact(then, unit)),
    ),
  );
  const compared = bucket.before && h("tr", { class: "heads" }, h("th", {}), h("td", {}, "Now"), h("td", { class: "then" }, "Then"));
  return [
    h("strong", {}, bucket.label),
    bucket.before && h("span", { class: "then" }, `against ${bucket.before}`),
    h("table", {}, compared, rows),
    shaded && h("em", {}, "May still change"),
  ].filter(Boolean);
}

function spoken(model, index) {
  const bucket = model.buckets[index];
  const parts = readings(model, index).map(({ name, unit, before, now, then }) => {
    const value = now === null ? "no value" : exact(now, unit);
    return before ? `${name} ${value}, before ${then === null ? "no value" : exact(then, unit)}` : `${name} ${value}`;
  });
  return `${bucket.label}: ${parts.join("; ")}`;
}

/** What the marks stand for; the names of panels stand at the panels themselves. */
export function legend(model, meta, comparison) {
  const entry = (className, text) => h("li", {}, h("span", { class: className }), text);
  const years = comparison && meta.end.slice(0, 4) !== comparison.end.slice(0, 4);
  const days = ({ start, end }) => (years ? span(start, end) : `${shortDay(start)} – ${shortDay(end)}`);
  const several = model.panels[0].length > 1 && model.kind !== "bars";
  const names = several ? model.panels[0].map(({ name, colour }) => entry(`swatch ${colour}`, name)) : [];
  const solid = model.kind === "lines" ? "swatch solid" : "swatch full";
  const dashed = model.kind === "bars" ? "swatch notch" : "swatch dashed";
  return h("ul", { class: "legend" },
    names,
    comparison && !names.length && entry(solid, days(meta)),
    comparison && entry(dashed, model.kind === "stacked" && several ? `Total ${days(comparison)}` : days(comparison)),
    model.shadeFrom !== null && model.kind !== "bars" && entry("swatch shaded", `May change from ${shortDay(meta.provisional_from)}`),
  );
}
