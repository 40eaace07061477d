/** The figures behind a chart, and the list of items: plain tables. */

import { fullDay, isDay } from "./dates.js";
import { h } from "./dom.js";
import { exact, humanized, plain } from "./format.js";

/** A disclosure whose table is made when it is first opened: a long range is thousands of cells. */
export function dataTable(model, { title, description }) {
  const summary = h("summary", {}, "About and data", h("span", { class: "hidden" }, `: ${title}`));
  const details = h("details", { class: "data" }, summary, description && h("p", {}, description));
  details.addEventListener("toggle", () => details.append(scroller(series(model), `Data of ${title}`)), { once: true });
  return details;
}

const scroller = (table, label) => h("div", { class: "scroller", tabindex: 0, role: "region", "aria-label": label }, table);
const head = (text, number) => h("th", { scope: "col", class: number && "number" }, text);
const number = (text) => h("td", { class: "number" }, text);

function series({ series: all, buckets }) {
  const heads = all.flatMap(({ name, before }) => [head(name, true), before && head("Before", true)]);
  const rows = buckets.map((bucket, index) =>
    h("tr", {}, h("th", { scope: "row" }, bucket.label), all.flatMap(({ values, before, unit }) => [
      number(exact(values[index], unit)),
      before && number(exact(before[index] ?? null, unit)),
    ])),
  );
  const foot = h("tr", {}, h("th", { scope: "row" }, "Whole period"), all.flatMap(({ stats, before, unit }) => [
    number(exact(stats.value, unit)),
    before && number(exact(stats.previous, unit)),
  ]));
  return h("table", {}, h("thead", {}, h("tr", {}, head("Days"), heads)), h("tbody", {}, rows), h("tfoot", {}, foot));
}

const OWN = new Set(["id", "values", "permalink"]);
const NAMING = ["caption", "title", "name"];

/** The items in their order: what names each one first (a link where it has one), then what is shown, then values. */
export function itemTable(items, title) {
  const shown = Object.keys(items[0]).filter((name) => !OWN.has(name));
  const naming = NAMING.find((name) => shown.includes(name)) ?? "id";
  const others = shown.filter((name) => name !== naming);
  const values = Object.keys(items[0].values);
  const rows = items.map((item) =>
    h("tr", {},
      h("th", { scope: "row", class: "naming" }, link(item, naming)),
      others.map((name) => h("td", {}, cell(item[name]))),
      values.map((name) => number(plain(item.values[name] ?? null))),
    ),
  );
  const heads = [head(humanized(naming)), others.map((name) => head(humanized(name))), values.map((name) => head(humanized(name), true))];
  return scroller(h("table", { class: "items" }, h("thead", {}, h("tr", {}, heads.flat())), h("tbody", {}, rows)), `Items of ${title}`);
}

function link(item, naming) {
  const text = h("span", { class: "clip" }, String(item[naming] || item.id));
  const address = safeAddress(item.permalink);
  if (!address) return text;
  return h("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, text);
}

/** The address where it is https, else null: it came from outside and may be a script. */
export function safeAddress(text) {
  if (typeof text !== "string" || !URL.canParse(text)) return null;
  const address = new URL(text);
  return address.protocol === "https:" ? address.href : null;
}

function cell(value) {
  if (value === null || value === undefined || value === "") return "";
  const text = String(value);
  if (isDay(text)) return fullDay(text);
  if (typeof value === "number") return plain(value);
  return /^[A-Z][A-Z_]+$/.test(text) ? humanized(text) : text;
}
