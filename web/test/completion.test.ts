/** What the studio's editor completes: where a position is in a text, and what may stand there. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { CompletionContext } from "@codemirror/autocomplete";
import { EditorState } from "@codemirror/state";
import { completeYaml } from "../src/studio/completion";
import { findPlace } from "../src/studio/place";
import type { FileKind, Language, Schema } from "../src/studio/server";

const metrics = JSON.parse(await readFile("../metrics/schema.json", "utf-8")) as Schema;
const insights = JSON.parse(await readFile("../metrics/insights.schema.json", "utf-8")) as Schema;
const language: Language = {
  schemas: { metrics, insights, language: insights },
  tables: [
    { name: "ga4_daily", columns: [{ name: "sessions", type: "bigint", additive: true }, { name: "date", type: "date", additive: true }], dimensions: ["property"] },
    { name: "ads", columns: [{ name: "spend", type: "numeric", additive: true }], dimensions: [] },
  ],
  keys: ["ga4.sessions", "meta.spend"],
  functions: [{ usage: "sum(x)", documentation: "the sum" }],
};

/** A text in which `|` is the cursor. */
function readCursor(marked: string): EditorState {
  const at = marked.indexOf("|");
  return EditorState.create({ doc: marked.replace("|", ""), selection: { anchor: at } });
}

function complete(marked: string, kind: FileKind = "metrics", explicit = true): string[] {
  const state = readCursor(marked);
  const found = completeYaml(language, kind)(new CompletionContext(state, state.selection.main.head, explicit));
  return found === null ? [] : found.options.map(({ label }) => label);
}

const findPath = (marked: string): string => {
  const state = readCursor(marked);
  const place = findPlace(state.doc, state.selection.main.head);
  return place === null ? "nowhere" : `${place.path.join("/")} ${place.isKey ? "key" : "value"}`;
};

const HEAD = "source: ga4\ntable: ga4_daily\nmetrics:\n";

test("a place is told by the columns of the lines above", () => {
  assert.equal(findPath("sou|"), " key");
  assert.equal(findPath(`${HEAD}  ga4.a:\n    ti|`), "metrics/ga4.a key");
  assert.equal(findPath(`${HEAD}  ga4.a:\n    title: x\n\n    # a comment\n    format: |`), "metrics/ga4.a/format value");
  assert.equal(findPath(`${HEAD}  ga4.a:\n    series:\n      CPC:\n        format: p|`), "metrics/ga4.a/series/CPC/format value");
  assert.equal(findPath(`${HEAD}  ga4.a: sum(|)`), "metrics/ga4.a value");
  assert.equal(findPath(`${HEAD}  ga4.a:\n    tests:\n      - name: x\n        com|`), "metrics/ga4.a/tests/[] key");
  assert.equal(findPath(`${HEAD}  ga4.a:\n    tests:\n    - na|`), "metrics/ga4.a/tests/[] key");
  assert.equal(findPath(`${HEAD}  ga4.a:\n    # form|`), "nowhere");
  assert.equal(findPath("tables:\r\n  a:\r\n    ti|".replaceAll("\r\n", "\n")), "tables/a key");
});

test("a place within braces is told by what stands before it on the line", () => {
  assert.equal(findPath(`${HEAD}  ga4.a: {title: A, fo|}`), "metrics/ga4.a key");
  assert.equal(findPath(`${HEAD}  ga4.a: {title: A, format: |}`), "metrics/ga4.a/format value");
  assert.equal(findPath(`${HEAD}  corr.a: {title: "a, {b", combine: [meta.spend, |]}`), "metrics/corr.a/combine/[] value");
  assert.equal(findPath(`${HEAD}  ga4.a: {target: {day: 5}, be|}`), "metrics/ga4.a key");
});

test("keys are those of the schema that are not there yet", () => {
  const keys = complete(`${HEAD}  ga4.a:\n    title: A\n    |\n    format: integer\n`);
  assert.ok(keys.includes("value") && keys.includes("better") && keys.includes("group"));
  assert.ok(!keys.includes("title") && !keys.includes("format"));
  assert.ok(!complete(`${HEAD}  ga4.a: {title: A, |}`).includes("title"));
  assert.ok(complete("|").includes("metrics"));
  assert.ok(complete("|", "insights").includes("facts"));
  assert.deepEqual(complete("|", "macros"), []);
});

test("values are choices, columns, functions, dimensions and keys", () => {
  assert.deepEqual(complete(`${HEAD}  ga4.a:\n    format: |`), ["integer", "decimal", "percent", "currency", "duration"]);
  assert.deepEqual(complete(`${HEAD}  ga4.a:\n    hidden: |`), ["true", "false"]);
  assert.deepEqual(complete(`${HEAD}  ga4.a:\n    value: sum(|)`), ["sessions", "date", "sum"]);
  assert.deepEqual(complete(`${HEAD}  ga4.a: sum(se|)`), ["sessions", "date", "sum"]);
  assert.deepEqual(complete(`${HEAD}  ga4.a:\n    series:\n      A: su|`), ["sessions", "date", "sum"]);
  assert.deepEqual(complete(`${HEAD}  ga4.a:\n    by: |`), ["property", "sessions", "date"]);
  assert.deepEqual(complete(`${HEAD}  corr.a:\n    derive: meta.|`), ["ga4.sessions", "meta.spend"]);
  assert.deepEqual(complete(`${HEAD}  corr.a: {combine: [|]}`), ["ga4.sessions", "meta.spend"]);
  assert.deepEqual(complete("tables:\n  ads:\n    currency: |"), ["spend"]);
  assert.deepEqual(complete(`${HEAD}  ga4.a:\n    title: |`), []);
});

test("a metric's own table comes before the file's", () => {
  assert.ok(complete(`${HEAD}  ga4.a:\n    table: ads\n    value: |`).includes("spend"));
  assert.ok(complete(`${HEAD}  ga4.a: {table: ads, value: |}`).includes("spend"));
  assert.ok(!complete(`${HEAD}  ga4.b:\n    table: ads\n    value: sum(spend)\n  ga4.a:\n    value: |`).includes("spend"));
});

test("nothing offers itself where nobody has begun to type", () => {
  assert.deepEqual(complete(`${HEAD}  ga4.a:\n    |`, "metrics", false), []);
  assert.notDeepEqual(complete(`${HEAD}  ga4.a:\n    format: |`, "metrics", false), []);
});
