import assert from "node:assert/strict";
import { test } from "node:test";
import { PRESETS, buildQuestion, fitGrain, readView, resolvePreset, toggleMember, writeView } from "../src/state/view.js";

test("presets are whole calendar days up to the last complete one", () => {
  const days = Object.fromEntries(PRESETS.map(({ id }) => [id, Object.values(resolvePreset(id, "2026-03-31")).join(" ")]));
  assert.deepEqual(days, {
    yesterday: "2026-03-31 2026-03-31",
    "7d": "2026-03-25 2026-03-31",
    "28d": "2026-03-04 2026-03-31",
    "90d": "2026-01-01 2026-03-31",
    month: "2026-03-01 2026-03-31",
    last_month: "2026-02-01 2026-02-28",
    quarter: "2026-01-01 2026-03-31",
    ytd: "2026-01-01 2026-03-31",
    "12m": "2025-04-01 2026-03-31",
  });
  assert.deepEqual(resolvePreset("last_month", "2024-03-05"), { start: "2024-02-01", end: "2024-02-29" });
  assert.deepEqual(resolvePreset("quarter", "2026-11-02"), { start: "2026-10-01", end: "2026-11-02" });
  assert.deepEqual(resolvePreset("12m", "2026-11-28"), { start: "2025-11-29", end: "2026-11-28" });
  assert.deepEqual(resolvePreset("12m", "2028-02-29"), { start: "2027-03-01", end: "2028-02-29" });
});

test("a view comes back from its own address, and what makes no sense there is left out", () => {
  for (const search of [
    "",
    "?range=12m&compare=previous_year_weekday",
    "?start=2026-01-01&end=2026-01-31&compare=custom&compare_start=2025-06-01&grain=week",
    "?filter.channel=Email&filter.channel=a%26b&sources=ga4,meta&trend=meta.roas&open=ga4.users",
  ]) {
    assert.equal(writeView(readView(search)), search);
  }
  for (const search of ["?range=decade", "?start=2026-02-30&end=2026-03-01", "?start=2026-02-02&end=2026-02-01", "?compare=custom", "?start=1990-01-01&end=2026-01-01"]) {
    assert.equal(writeView(readView(search)), "");
  }
});

test("two views that ask the same have the same question", () => {
  const asked = (search: string): unknown => buildQuestion(readView(search), "2026-11-28");
  assert.deepEqual(asked("?start=2026-11-01&end=2026-11-28"), asked("?trend=meta.roas"));
  assert.notDeepEqual(asked("?sources="), asked(""));
  assert.deepEqual(
    [7, 93, 94, 400, 401].map((days) => fitGrain({ start: "2025-01-01", end: new Date(Date.UTC(2025, 0, days)).toISOString().slice(0, 10) })),
    ["day", "day", "week", "week", "month"],
  );
});

test("a member is put into the filters, and taken out again", () => {
  const once = toggleMember({}, "channel", "Email");
  assert.deepEqual(once, { channel: ["Email"] });
  assert.deepEqual(toggleMember(toggleMember(once, "channel", "Direct"), "channel", "Email"), { channel: ["Direct"] });
  assert.deepEqual(toggleMember(once, "channel", "Email"), {});
});
