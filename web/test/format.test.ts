import assert from "node:assert/strict";
import { test } from "node:test";
import { formatBucket, formatComparison, formatRange, lastOfBucket } from "../src/format/dates.js";
import { cleanName, ellipseName, isolateName } from "../src/format/names.js";
import { formatDelta, formatHeadline, formatValue, unitOf, type Unit } from "../src/format/numbers.js";

const locale = "en-US";
const plain = (text: string): string => text.replace(/[\u2009\u202f\u00a0]/g, " ").replace(/ ?– ?/g, "–");

test("a value is written by its format", () => {
  assert.equal(formatValue(1234.4, "integer", { locale }), "1,234");
  assert.equal(formatValue(1234.4, "integer", { locale: "de-DE" }), "1.234");
  assert.equal(formatValue(0.0235, "percent", { locale }), "2.35%");
  assert.equal(formatValue(0.561, "percent", { locale }), "56.1%");
  assert.equal(formatValue(1234.5, "currency", { locale, currency: "EUR" }), "€1,234.50");
  assert.equal(formatValue(1234.5, "currency", { locale, currency: "JPY" }), "¥1,235");
  assert.equal(formatValue(1234.5, "currency", { locale, currency: "mixed" }), "1,234.50");
  assert.equal(formatValue(null, "integer", { locale }), "–");
  assert.equal(formatValue(Number.NaN, "decimal", { locale }), "–");
  assert.equal(formatValue(-0.001, "decimal", { locale }), "0.00");
  assert.equal(formatValue(3.1, "decimal", { locale, multiple: true }), "3.10×");
  assert.equal(formatValue(1_234_567, "integer", { locale, compact: true }), "1.23M");
});

test("a duration has its two largest units", () => {
  const write = (seconds: number): string => formatValue(seconds, "duration", { locale });
  assert.deepEqual([0, 4.25, 48, 59.9, 60, 65, 3600, 3661, 7199.9, 90_000, -65].map(write), [
    "0s",
    "4.3s",
    "48s",
    "1m",
    "1m",
    "1m 5s",
    "1h",
    "1h 1m",
    "2h",
    "1d 1h",
    "−1m 5s",
  ]);
});

test("a headline is short, and loses cents before thousands", () => {
  const unit: Unit = { format: "currency", currency: "USD", multiple: false };
  assert.deepEqual(
    [9.524, 12_345.67, 4_321_000].map((value) => formatHeadline(value, unit, locale)),
    ["$9.52", "$12,346", "$4.32M"],
  );
});

test("only a decimal of money that is called so is a multiple", () => {
  const named = (key: string, name: string, format: "decimal" | "currency", currency: string | null): boolean =>
    unitOf({ key, name, format, currency }).multiple;
  assert.equal(named("meta.roas", "Return", "decimal", "USD"), true);
  assert.equal(named("x.y", "Return on ad spend", "decimal", "USD"), true);
  assert.equal(named("x.y", "ROAS", "decimal", "EUR"), true);
  assert.equal(named("x.revenue", "Revenue", "decimal", "USD"), false);
  assert.equal(named("x.roast", "Roast", "decimal", "USD"), false);
  assert.equal(named("meta.roas", "ROAS", "decimal", null), false);
});

const integer: Unit = { format: "integer", currency: null, multiple: false };
const percent: Unit = { format: "percent", currency: null, multiple: false };

test("a change is judged unless it is noise", () => {
  const relative = (value: number, previous: number, better: "up" | "down" | "neutral") =>
    formatDelta(
      { value, previous, delta: (value - previous) / previous },
      { unit: integer, better, kind: "relative", locale },
    );
  assert.deepEqual(relative(112, 100, "up"), {
    text: "12.0%",
    direction: "up",
    arrow: "↑",
    tone: "good",
    spoken: "up 12.0%, better",
  });
  assert.equal(relative(112, 100, "down")?.tone, "bad");
  assert.equal(relative(112, 100, "neutral")?.tone, "neutral");
  assert.equal(relative(99, 100, "up")?.tone, "neutral");
  assert.equal(relative(99, 100, "up")?.direction, "down");
  assert.equal(relative(98, 100, "up")?.tone, "bad");
  assert.equal(relative(100, 100, "up")?.spoken, "unchanged");
  assert.equal(
    formatDelta({ value: 1, previous: 0, delta: null }, { unit: integer, better: "up", kind: "relative", locale }),
    null,
  );
});

test("the change of a rate is in points, that of an absolute delta in its unit", () => {
  const rate = formatDelta(
    { value: 0.0233, previous: 0.0235, delta: -0.0085 },
    { unit: percent, better: "up", kind: "relative", locale },
  );
  assert.deepEqual([rate?.text, rate?.tone, rate?.spoken], ["0.02 pts", "neutral", "down 0.02 points"]);
  const lift = formatDelta(
    { value: 0.3, previous: 0.25, delta: 0.2 },
    { unit: percent, better: "up", kind: "relative", locale },
  );
  assert.deepEqual([lift?.text, lift?.tone], ["5.0 pts", "good"]);
  // 3 after 1 is two more, which no size of the numbers may turn into 200 %.
  const more = formatDelta(
    { value: 3, previous: 1, delta: 2 },
    { unit: integer, better: "up", kind: "absolute", locale },
  );
  assert.equal(more?.text, "2");
});

test("ranges name the year where it is needed", () => {
  assert.equal(plain(formatRange("2026-11-01", "2026-11-21", locale)), "Nov 1–21, 2026");
  assert.equal(plain(formatRange("2026-11-01", "2026-11-21", locale, { year: false })), "Nov 1–21");
  assert.equal(plain(formatRange("2026-11-01", "2026-11-01", locale)), "Sun, Nov 1, 2026");
  const november = { start: "2026-11-01", end: "2026-11-21" };
  assert.equal(
    plain(formatComparison(november, { start: "2026-10-01", end: "2026-10-21" }, "en-GB")),
    "1–21 Nov against 1–21 Oct",
  );
  assert.match(formatComparison(november, { start: "2025-11-01", end: "2025-11-21" }, locale), /2026 against .*2025/);
  assert.equal(formatBucket({ start: "2026-10-01", end: "2026-12-31" }, "quarter", false, locale), "Q4 2026");
  assert.match(formatBucket({ start: "2026-10-01", end: "2026-11-28" }, "quarter", true, locale), /Oct 1.*Nov 28/);
});

test("a bucket ends with its calendar", () => {
  assert.deepEqual(
    (["day", "week", "month", "quarter", "year"] as const).map((grain) =>
      lastOfBucket(
        { day: "2028-02-01", week: "2026-11-23", month: "2028-02-01", quarter: "2026-10-01", year: "2026-01-01" }[
          grain
        ],
        grain,
      ),
    ),
    ["2028-02-01", "2026-11-29", "2028-02-29", "2026-12-31", "2026-12-31"],
  );
});

test("a name from outside cannot turn its surroundings around, and is cut between characters", () => {
  assert.equal(cleanName("\u202emoc.live\u202c/\nx"), "moc.live/ x");
  assert.equal(isolateName("a"), "\u2068a\u2069");
  assert.equal(cleanName(" \u200f "), "(no name)");
  const measure = (text: string): number => Array.from(new Intl.Segmenter().segment(text)).length;
  assert.equal(ellipseName("abcdef", 4, measure), "\u2068abc…\u2069");
  assert.equal(ellipseName("a👩‍👩‍👧‍👦bcd", 3, measure), "\u2068a👩‍👩‍👧‍👦…\u2069");
  assert.equal(ellipseName("abc", 3, measure), "\u2068abc\u2069");
});
