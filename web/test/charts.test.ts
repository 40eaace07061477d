import assert from "node:assert/strict";
import { test } from "node:test";
import { drawChart, drawSparkline, drawTable } from "../src/charts/chart.js";
import { buildValueAxis, findExtent } from "../src/charts/domain.js";
import { placeEndLabels, placeLegend } from "../src/charts/labels.js";
import { stackSeries, traceHatch } from "../src/charts/marks.js";
import { rankMembers } from "../src/charts/members.js";
import { buildModel, comparedRanges, findBefore } from "../src/charts/model.js";
import { readBucket, speakReading } from "../src/charts/reading.js";
import { nextSort, safeAddress } from "../src/charts/table.js";
import { buildBands, buildTimeTicks } from "../src/charts/time-axis.js";
import type { ChartInput, Widget } from "../src/charts/types.js";
import type { Format, Unit } from "../src/format/numbers.js";
import { buckets, days, makeSeries, makeWidget, writeTemplate } from "./answers.js";

const locale = "en-GB";
const input = (widget: Widget, more: Partial<ChartInput> = {}): ChartInput => ({
  widget,
  kind: "line",
  width: 480,
  height: 220,
  locale,
  ...more,
});
const unit = (format: Format): Unit => ({ format, currency: format === "currency" ? "USD" : null, multiple: false });
const axis = (values: (number | null)[], format: Format, fromZero = false) =>
  buildValueAxis(values, { unit: unit(format), fromZero, top: 0, bottom: 200, locale: "en-US" });

test("amounts are measured from zero, rates may be cut and say so, whatever the data", () => {
  for (const format of ["integer", "decimal", "currency", "duration"] as const) {
    const { ticks, cut } = axis([5600, 6000], format);
    assert.deepEqual([ticks[0], cut], [0, false], format);
  }
  assert.equal(axis([0.0175, 0.03], "percent").cut, true);
  assert.equal(axis([0.0175, 0.03], "percent", true).ticks[0], 0);
  assert.equal(axis([0.001, 0.03], "percent").cut, false);
  assert.equal(
    axis([-5, 10], "currency").ticks.some((tick) => tick === 0),
    true,
  );
});

test("a steady metric is a flat line between labels that differ", () => {
  const noise = Array.from({ length: 28 }, (_, index) => 0.02 + index * 1e-17);
  for (const [values, format] of [
    [noise, "percent"],
    [[3, 3.0000000001], "decimal"],
    [[0, 0], "integer"],
    [[0, 0], "percent"],
    [[1], "integer"],
    [[], "currency"],
  ] as [number[], Format][]) {
    const { labels, ticks, scale } = axis(values, format);
    assert.equal(new Set(labels).size, ticks.length, labels.join(" "));
    const heights = values.map((value) => scale(value));
    assert.ok(Math.max(...heights) - Math.min(...heights) < 1 || values.length === 0);
  }
  assert.deepEqual(axis(noise, "percent").labels, ["1.8%", "1.9%", "2.0%", "2.1%", "2.2%"]);
  assert.deepEqual(axis([3], "integer").ticks, [0, 1, 2, 3]);
  assert.ok(findExtent([0.5, 0.5], true)[1] - findExtent([0.5, 0.5], true)[0] >= 0.1 - 1e-12);
});

const ticksOf = (widget: Widget, width: number) => {
  const model = buildModel(input(widget));
  return buildTimeTicks(model.buckets, model.grain, buildBands(model.buckets.length, 40, width), locale);
};

test("ticks stand on the calendar's boundaries, with the year where several are shown", () => {
  const month = ticksOf(makeWidget([makeSeries(days("2026-11-01", 28, () => 1))]), 480);
  assert.deepEqual(
    month.map(({ text, year }) => [text, year]),
    [
      ["2 Nov", null],
      ["9 Nov", null],
      ["16 Nov", null],
      ["23 Nov", null],
    ],
  );
  const years = ticksOf(makeWidget([makeSeries(days("2023-11-25", 1100, () => 1))]), 480);
  assert.ok(years.length >= 4);
  assert.deepEqual(
    [...new Set(years.map(({ text }) => text))].filter((text) => !["Jan", "Apr", "Jul", "Oct"].includes(text)),
    [],
  );
  assert.deepEqual(
    years.flatMap(({ year }) => year ?? []),
    ["2024", "2025", "2026"],
  );
  const two = ticksOf(makeWidget([makeSeries(days("2026-11-24", 3, () => 1))]), 300);
  assert.deepEqual(
    two.map(({ text }) => text),
    ["24 Nov", "25 Nov", "26 Nov"],
  );
  const quarters = makeWidget([makeSeries(buckets(["2026-01-01", "2026-04-01", "2026-07-01"], [1, 2, 3]))], {
    grain: "quarter",
    end: "2026-09-30",
    data_through: "2026-09-30",
  });
  assert.deepEqual(
    ticksOf(quarters, 400).map(({ text }) => text),
    ["Q1", "Q2", "Q3"],
  );
});

test("no label of an axis runs into the next at any width, in any grain", () => {
  for (const count of [2, 5, 28, 90, 365, 1100]) {
    for (const width of [60, 90, 320, 640, 1200, 10_000]) {
      const ticks = ticksOf(makeWidget([makeSeries(days("2023-11-25", count, () => 1))]), width);
      assert.ok(ticks.length >= 1 && ticks.length <= 30, `${count} days on ${width}: ${ticks.length}`);
      ticks.forEach((tick, index) => {
        const before = ticks[index - 1];
        if (before)
          assert.ok(
            tick.x - before.x >= ((tick.text.length + before.text.length) / 2) * 6,
            `${count} days on ${width}`,
          );
      });
    }
  }
});

const november = (
  points = buckets(
    ["2026-10-26", "2026-11-02", "2026-11-09", "2026-11-16", "2026-11-23", "2026-11-30"],
    [4000, 32_000, 34_000, 40_000, 30_000, null],
    [0, 5],
  ),
): Widget =>
  makeWidget([makeSeries(points)], {
    grain: "week",
    start: "2026-11-01",
    end: "2026-11-30",
    data_through: "2026-11-27",
    provisional_from: "2026-11-25",
  });

test("cut buckets are told and stay out of the line: no surge is invented", () => {
  const model = buildModel(input(november()));
  assert.deepEqual(
    model.buckets.map(({ cut }) => cut),
    [true, false, false, false, true, false],
  );
  assert.deepEqual(model.buckets.map(({ start, end }) => [start, end])[0], ["2026-11-01", "2026-11-01"]);
  const text = writeTemplate(drawChart(input(november())));
  const line = /class="line "\s+d=(M[^ ]*)/.exec(text)?.[1] ?? "";
  assert.equal(line.match(/[ML]/g)?.length, 3);
  assert.equal(text.match(/class="dot cut"/g)?.length, 2);
  assert.match(writeTemplate(drawChart(input(november(), { kind: "bar" }))), /class="block cut"/);
});

test("a bucket in which data begins may be a part of one", () => {
  const points = buckets(["2026-08-01", "2026-09-01", "2026-10-01", "2026-11-01"], [null, 20, 200, 210]);
  const model = buildModel(
    input(makeWidget([makeSeries(points)], { grain: "month", end: "2026-11-30", data_through: "2026-11-30" })),
  );
  assert.deepEqual(
    model.buckets.map(({ cut, gap }) => [cut, gap]),
    [
      [false, true],
      [true, false],
      [false, false],
      [false, false],
    ],
  );
});

test("days without data are hatched and break the line, the answer's list of them too; days to come are left blank", () => {
  const points = days("2026-11-01", 10, (index) => (index === 2 ? null : index > 7 ? null : index === 5 ? 0 : 5));
  const widget = makeWidget([makeSeries(points)], {
    data_through: "2026-11-08",
    gaps: [{ from: "2026-11-06", to: "2026-11-06" }],
  });
  const model = buildModel(input(widget));
  assert.deepEqual(
    model.buckets.flatMap(({ gap, index }) => (gap ? index : [])),
    [2, 5],
  );
  assert.equal(model.series[0]?.values[5], null);
  assert.match(writeTemplate(drawChart(input(widget))), /class="hatching"/);
});

test("provisional days are shaded, but not where they are most of the range", () => {
  const of = (from: string) =>
    buildModel(
      input(makeWidget([makeSeries(days("2026-11-01", 10, () => 1))], { provisional_from: from })),
    ).buckets.filter(({ provisional }) => provisional).length;
  assert.deepEqual([of("2026-11-09"), of("2026-11-06"), of("2026-11-05"), of("2026-11-01")], [2, 5, 0, 0]);
});

test("the unfinished window is compared up to where it is known", () => {
  const widget = makeWidget(
    [makeSeries(days("2026-11-01", 30, () => 1))],
    { compare: "previous_month", data_through: "2026-11-21" },
    {
      comparison: { start: "2026-10-01", end: "2026-10-31", series: [] },
      stats: {
        value: 1,
        previous: 2,
        delta: null,
        to_date: { through: "2026-11-21", value: 1, previous: 1, delta: 0 },
      },
    },
  );
  assert.deepEqual(comparedRanges(widget), [
    { start: "2026-11-01", end: "2026-11-21" },
    { start: "2026-10-01", end: "2026-10-21" },
  ]);
  const leap = makeWidget(
    [],
    { start: "2028-02-01", end: "2028-03-31", compare: "previous_year" },
    {
      ...widget,
      series: [],
      comparison: { start: "2027-02-01", end: "2027-03-31", series: [] },
      stats: { ...widget.stats, to_date: { through: "2028-02-29", value: 1, previous: 1, delta: 0 } },
      meta: { ...widget.meta, start: "2028-02-01", end: "2028-03-31", compare: "previous_year" },
    },
  );
  assert.deepEqual(comparedRanges(leap)?.[1], { start: "2027-02-01", end: "2027-02-28" });
});

test("weeks of another month lie where their days do, other buckets by their place", () => {
  const widget = {
    ...november(),
    comparison: {
      start: "2026-10-01",
      end: "2026-10-31",
      series: [
        {
          name: "Sessions",
          points: buckets(
            ["2026-09-28", "2026-10-05", "2026-10-12", "2026-10-19", "2026-10-26"],
            [1, 2, 3, 4, 5],
            [0, 4],
          ),
        },
      ],
    },
  };
  const shifted = buildModel(input({ ...widget, meta: { ...widget.meta, compare: "previous_month" } })).series[0];
  // 5 to 11 October are the 5th to 11th of their month; the week from 2 November has the 2nd to the 8th.
  const second = shifted?.before?.[1];
  assert.ok(second && second.at > 1 && second.at < 2, String(second?.at));
  const aligned = buildModel(input({ ...widget, meta: { ...widget.meta, compare: "previous_period" } })).series[0];
  assert.deepEqual(
    aligned?.before?.map(({ at }) => at),
    [0, 1, 2, 3, 4],
  );
  assert.deepEqual(aligned && [findBefore(aligned, 1)?.start, findBefore(aligned, 1)?.end], [
    "2026-10-05",
    "2026-10-11",
  ]);
});

const member = (id: string, value: number, more = {}) =>
  makeSeries(
    days("2026-11-01", 3, () => value / 3),
    {
      id,
      name: id,
      stats: { value, previous: value * 2, delta: -0.5, to_date: null },
      ...more,
    },
  );

test("members stand in the order of the numbers shown, the rest last, and none that is absent", () => {
  const widget = makeWidget([member("a", 13_713), member("b", 14_208), member("gone", 0), member("Other", 99_999)]);
  const model = buildModel(input(widget, { kind: "bar" }));
  assert.equal(model.kind, "members");
  assert.deepEqual(
    rankMembers(model.series).map(({ name }) => name),
    ["b", "a", "Other"],
  );
  assert.deepEqual(
    model.series.map(({ colour, member: id }) => [colour, id]),
    [
      [1, "a"],
      [2, "b"],
      [0, null],
    ],
  );
});

test("members are stacked unasked only where they add up to the whole", () => {
  const kindOf = (whole: number) =>
    buildModel(
      input(
        makeWidget(
          [member("a", 30), member("b", 60)],
          {},
          {
            stats: { value: whole, previous: null, delta: null, to_date: null },
          },
        ),
        { kind: null },
      ),
    ).kind;
  assert.deepEqual([kindOf(90), kindOf(45)], ["stacked", "line"]);
});

test("a member keeps the colour that the page gives it", () => {
  const model = buildModel(
    input(makeWidget([member("a", 1), member("b", 2)]), {
      colours: new Map([
        ["a", 7],
        ["b", 12],
      ]),
    }),
  );
  assert.deepEqual(
    model.series.map(({ colour }) => colour),
    [7, 12],
  );
});

test("a part of a correlation is told by its own kind of change", () => {
  const part = makeSeries(
    days("2026-11-01", 3, () => 1),
    { key: "meta.spend", stats: { value: 95, previous: 100, delta: -0.05, to_date: null } },
  );
  const model = buildModel(input(makeWidget([part], { key: "corr.x", delta: "absolute" })));
  assert.deepEqual([model.series[0]?.deltaKind, model.series[0]?.stats.delta], ["relative", -0.05]);
});

test("one bucket is a pair of bars, of several series with the name of each, of members bars", () => {
  const single = makeWidget([makeSeries(days("2026-11-01", 1, () => 5))]);
  assert.equal(buildModel(input(single)).kind, "pair");
  assert.equal(writeTemplate(drawChart(input(single))).match(/block s1/g)?.length, 1);
  const several = makeWidget([
    makeSeries(days("2026-11-01", 1, () => 5)),
    makeSeries(
      days("2026-11-01", 1, () => 7),
      { name: "Users" },
    ),
  ]);
  for (const height of [60, 300]) {
    assert.match(writeTemplate(drawChart({ ...input(several), height })), /Sessions[^]*Users/);
  }
  const members = makeWidget([
    makeSeries(
      days("2026-11-01", 1, () => 5),
      { id: "a" },
    ),
  ]);
  assert.equal(buildModel(input(members, { kind: "stacked" })).kind, "members");
});

test("a reading tells value, previous and change of every series, and what is the matter with the days", () => {
  const widget = {
    ...november(),
    comparison: {
      start: "2026-10-02",
      end: "2026-10-31",
      series: [
        {
          name: "Sessions",
          points: buckets(
            ["2026-10-02", "2026-10-03", "2026-10-10", "2026-10-17", "2026-10-24", "2026-10-31"],
            [1, 16_000, 3, 4, 5, 6],
          ),
        },
      ],
    },
  };
  const reading = { model: buildModel(input(widget)), locale };
  assert.match(speakReading(reading, 1), /^2.*8 Nov 2026: Sessions 32,000, before 16,000, up 100%, better$/);
  assert.match(speakReading(reading, 4), /Part of a week\. May still change$/);
  assert.match(speakReading(reading, 5), /Sessions no data/);
  const stacked = buildModel(input(makeWidget([member("a", 30), member("b", 60)]), { kind: "stacked" }));
  assert.deepEqual(
    readBucket({ model: stacked, locale }, 0).map(({ name, value }) => [name, value]),
    [
      ["a", "10"],
      ["b", "20"],
      ["Total", "30"],
    ],
  );
});

test("a stack puts negative values below zero", () => {
  const model = buildModel(
    input(makeWidget([member("a", 30), member("b", -60), member("c", 30)]), { kind: "stacked" }),
  );
  assert.deepEqual(
    stackSeries(model.series).map(([span]) => span),
    [
      [0, 10],
      [-20, 0],
      [10, 20],
    ],
  );
});

test("labels at the ends of lines keep apart and inside", () => {
  const { series } = buildModel(
    input(makeWidget(Array.from({ length: 6 }, (_, index) => member(`m${index}`, 10 + index)))),
  );
  const labels = placeEndLabels(
    series.map((one) => ({ series: one, y: 100 })),
    80,
    10,
    105,
  );
  labels.forEach(({ y }, index) =>
    assert.ok(y >= 10 && y <= 105 && (index === 0 || y - (labels[index - 1]?.y ?? 0) >= 15)),
  );
  const legend = placeLegend(series, 120, 1);
  assert.equal(legend.entries.length + legend.left, 6);
  assert.ok(legend.left > 0);
});

test("no size breaks a drawing, and nothing in it is not a number", () => {
  const many = Array.from({ length: 13 }, (_, index) =>
    member(index === 12 ? "Other" : `member \u202e ${index}`, 1000 - index),
  );
  const compared = (widget: Widget): Widget => ({
    ...widget,
    comparison: {
      start: "2026-10-29",
      end: "2026-10-31",
      series: widget.series.map(({ name, points }) => ({ name, points })),
    },
    meta: { ...widget.meta, compare: "previous_period" },
  });
  const widgets = [
    compared(makeWidget(many)),
    compared(november()),
    makeWidget([]),
    makeWidget([makeSeries(days("2023-11-25", 1100, (index) => index % 7 || null))]),
    makeWidget([makeSeries(days("2026-11-01", 28, () => null))]),
    makeWidget([makeSeries(days("2026-11-01", 1, () => -3))]),
    compared(
      makeWidget([
        makeSeries(days("2026-11-01", 3, (index) => index - 1)),
        makeSeries(
          days("2026-11-01", 3, () => 1e15),
          { format: "percent" },
        ),
      ]),
    ),
  ];
  for (const widget of widgets) {
    for (const kind of ["line", "area", "bar", "stacked", "number", null, "treemap"]) {
      for (const [width, height] of [
        [90, 60],
        [1, 1],
        [320, 200],
        [10_000, 400],
        [200, 20],
      ] as const) {
        const text = writeTemplate(
          drawChart(input(widget, { kind, width, height, onPick: () => undefined, onRange: () => undefined })),
        );
        assert.doesNotMatch(text, /NaN|Infinity|undefined|="-\d/, `${kind} ${width}x${height}`);
        assert.doesNotMatch(text, /\b(?:width|height)=-/, `${kind} ${width}x${height}`);
      }
    }
  }
  assert.doesNotMatch(writeTemplate(drawSparkline([], 80, 20)), /NaN/);
  assert.equal(traceHatch({ x: 0, y: 0, width: 0, height: 10 }), "");
});

test("a name in a drawing stands isolated, with its whole in a title", () => {
  const long = `Prospecting ${"very ".repeat(40)}long`;
  const text = writeTemplate(
    drawChart(input(makeWidget([member(`\u202e${long}`, 5), member("b", 4)]), { kind: "bar" })),
  );
  assert.doesNotMatch(text, /\u202e/);
  assert.match(text, /\u2068Prospecting[^\u2069]*…\u2069/);
  assert.ok(text.includes(long));
});

test("a table sorts by a press, largest first, and pages", () => {
  assert.deepEqual(
    [nextSort("Spend", null), nextSort("Spend", "-Spend"), nextSort("Spend", "Spend"), nextSort("Spend", "-ROAS")],
    ["-Spend", "Spend", "-Spend", "-Spend"],
  );
  const cell = { value: 5, previous: 4, delta: 0.25, to_date: null };
  const table = {
    columns: [{ name: "Spend", format: "currency", better: "neutral", currency: "mixed" }] as const,
    count: 132,
    rows: [{ id: "1", label: "Easter", currency: "EUR", values: { Spend: cell } }],
    total: { Spend: { ...cell, value: null } },
  };
  const text = writeTemplate(
    drawTable({
      table: { ...table, columns: [...table.columns] },
      meta: { ...makeWidget([]).meta, compare: "previous_period" },
      locale,
      heading: "Campaign",
      sort: "-Spend",
      limit: 50,
      offset: 50,
      onSort: () => undefined,
      onPage: () => undefined,
    }),
  );
  assert.match(text, /aria-sort=descending|aria-sort="?descending/);
  assert.match(text, /€5\.00/);
  assert.match(text, /up 25\.0%/);
  assert.match(text, /51 – 51 of 132/);
  assert.match(text, /Total of 132/);
});

test("only an address of https becomes a link", () => {
  assert.equal(safeAddress("https://example.com/p/1"), "https://example.com/p/1");
  for (const text of ["javascript:alert(1)", "http://example.com", "data:text/html,x", "x", null, 3])
    assert.equal(safeAddress(text), null);
});

test("a cut axis says at its own chart where it begins, and an amount's is not cut", () => {
  const draw = (format: "percent" | "integer"): string => {
    const series = makeSeries(days("2026-11-01", 28, (index) => 0.031 + index / 10_000), { format });
    return writeTemplate(drawChart({ ...input(makeWidget([series], { format })), kind: "line", width: 480, height: 220 }));
  };
  assert.match(draw("percent"), /axis from \d\.\d%/);
  assert.doesNotMatch(draw("integer"), /axis from/);
});
